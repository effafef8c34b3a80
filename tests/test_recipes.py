"""Recipes: they say what was published, and settings become the model and the training that they name."""

from itertools import pairwise

import numpy as np
import pytest

from minivae import VAE, Adagrad, Adam, Gaussian, RMSProp
from minivae.cli import recipes
from minivae.cli.recipes import (
    DEFAULTS,
    RECIPES,
    Figure,
    build,
    differences,
    optimizer,
    resolve,
)


@pytest.fixture(scope="module")
def X():
    """Thirty noisy images of one square."""
    images = np.zeros((30, 28, 28), np.uint8)
    images[:, 8:20, 8:20] = np.random.default_rng(0).integers(100, 256, (30, 12, 12))
    return images


# What was published -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, encoder, decoder, activation, batch_size, epochs, reduction, binarize",
    [
        ("reference", [784, 200, 200], [100, 200, 784], "relu", 64, 30, "sum", "threshold"),
        ("reference-dynamic", [784, 200, 200], [100, 200, 784], "relu", 64, 30, "sum", "dynamic"),
        ("reference-2d", [784, 200, 100, 4], [2, 100, 200, 784], "relu", 64, 30, "sum", "threshold"),
        ("pytorch-example", [784, 400, 40], [20, 400, 784], "relu", 128, 10, "sum", "none"),
        ("kingma-welling", [784, 500, 40], [20, 500, 784], "tanh", 100, 100, "mean", "dynamic"),
        ("rezende-mohamed", [784, 400, 80], [40, 400, 784], "relu", 100, 500, "mean", "dynamic"),
        ("burda-k1", [784, 200, 200, 100], [50, 200, 200, 784], "tanh", 20, 3280, "sum", "dynamic"),
        ("burda-k5", [784, 200, 200, 100], [50, 200, 200, 784], "tanh", 20, 3280, "sum", "dynamic"),
        ("burda-iwae-k5", [784, 200, 200, 100], [50, 200, 200, 784], "tanh", 20, 3280, "sum", "dynamic"),
    ],
)
def test_sizes_and_settings(name, encoder, decoder, activation, batch_size, epochs, reduction, binarize, X):
    settings = resolve({"recipe": name})
    vae = build(settings, X)
    shapes = [vae.parameters[key].shape for key in vae.parameters if key.endswith("W")]
    assert shapes == [*pairwise(encoder), *pairwise(decoder)]
    assert (vae.activation, vae.reduction, vae.beta, vae.likelihood.name) == (
        activation,
        reduction,
        1,
        "bernoulli",
    )
    assert (settings["batch_size"], settings["epochs"], settings["binarize"], settings["data"]) == (
        batch_size,
        epochs,
        binarize,
        "mnist",
    )


def test_all_recipes_are_in_the_table_above():
    assert len(RECIPES) == 9
    for recipe in RECIPES.values():
        assert recipe.about and recipe.source and recipe.takes
        assert set(recipe.settings) <= set(DEFAULTS)
        assert all(figure.epoch <= recipe.settings["epochs"] for figure in recipe.figures)
        assert all((figure.n_samples is not None) == (figure.quantity == "NLL") for figure in recipe.figures)


def test_the_reference_recipe_is_the_default_on_mnist():
    reference = resolve({"recipe": "reference"})
    assert reference == {**resolve({}), "recipe": "reference", "data": "mnist"}
    assert build(reference, np.zeros((1, 28, 28), np.uint8)).config() == VAE(reduction="sum").config()


def test_optimisers():
    assert optimizer(resolve({})).config() == RMSProp(1e-3).config()
    assert optimizer(resolve({"recipe": "pytorch-example"})).config() == Adam(1e-3).config()
    assert optimizer(resolve({"recipe": "kingma-welling"})).config() == Adagrad(0.01).config()
    assert optimizer(resolve({"recipe": "burda-k1"})).config() == Adam(1e-3, 0.9, 0.999, 1e-4).config()
    assert optimizer(resolve({"optimizer": "rmsprop-keras"})).config() == RMSProp(1e-3, "keras").config()
    assert (
        optimizer(resolve({"optimizer": "rmsprop-pytorch", "lr": 0.1})).config()
        == RMSProp(0.1, "pytorch").config()
    )


def test_the_schedule_of_burda_runs_3_to_the_i_epochs_at_each_rate():
    settings = resolve({"recipe": "burda-k1"})
    firsts, rates = zip(*settings["schedule"])
    assert list(np.diff([*firsts, 3281])) == [1, 3, 9, 27, 81, 243, 729, 2187]
    assert np.allclose(rates, [1e-3, 7.2e-4, 5.2e-4, 3.7e-4, 2.7e-4, 1.9e-4, 1.4e-4, 1e-4])
    assert [resolve({"recipe": name})["samples"] for name in ("burda-k1", "burda-k5", "burda-iwae-k5")] == [
        1,
        5,
        5,
    ]
    assert [resolve({"recipe": name})["objective"] for name in ("burda-k1", "burda-k5", "burda-iwae-k5")] == [
        "elbo",
        "elbo",
        "iwae",
    ]


def test_the_schedule_of_rezende_and_mohamed_falls_by_a_fifth_of_a_decade():
    settings = resolve({"recipe": "rezende-mohamed"})
    assert [first for first, _ in settings["schedule"]] == [1, 201, 351]
    assert np.allclose(np.log10([rate for _, rate in settings["schedule"]]), [-4, -4.2, -4.4])


@pytest.mark.parametrize(
    "name, quantity, epoch, value",
    [
        ("pytorch-example", "-ELBO", 7, 106.66),
        ("rezende-mohamed", "NLL", 500, 89.9),
        ("burda-k1", "NLL", 3280, 86.76),
        ("burda-k5", "NLL", 3280, 86.47),
        ("burda-iwae-k5", "NLL", 3280, 85.54),
    ],
)
def test_published_figures(name, quantity, epoch, value):
    assert any(
        (f.quantity, f.epoch, f.value) == (quantity, epoch, value) and "published" in f.source
        for f in RECIPES[name].figures
    )


def test_bands():
    bands = {
        (name, f.quantity, f.epoch): f.band
        for name, recipe in RECIPES.items()
        for f in recipe.figures
        if f.band
    }
    assert bands.pop(("burda-k1", "NLL", 3280)) == pytest.approx((86.46, 87.06))
    assert bands.pop(("reference", "NLL", 30)) == pytest.approx((79.3, 81.3))
    assert bands == {
        ("reference", "-ELBO", 1): (138, 144),
        ("reference", "-ELBO", 30): (88.5, 92),
        ("reference-dynamic", "-ELBO", 30): (103, 106),
        ("pytorch-example", "-ELBO", 10): (104.5, 106.5),
    }
    assert Figure("-ELBO", 1, 3.0, "x").band is None


# Settings ---------------------------------------------------------------------------------------------------


def test_what_is_given_goes_before_the_recipe_and_the_recipe_before_the_defaults():
    settings = resolve({"recipe": "pytorch-example", "latent": 2, "data": "glyphs"})
    assert (settings["latent"], settings["data"], settings["hidden"], settings["beta"]) == (
        2,
        "glyphs",
        [400],
        1.0,
    )
    assert differences(settings) == [("data", "mnist", "glyphs"), ("latent", 20, 2)]
    assert differences(resolve({"recipe": "pytorch-example", "seed": 3, "epochs": 1})) == []


def test_another_optimiser_or_rate_leaves_the_recipes_schedule():
    own = resolve({"recipe": "burda-k1"})
    assert own["lr"] == pytest.approx(1e-3) and own["optimizer_options"] == {"eps": 1e-4}
    assert resolve({"recipe": "burda-k1", "lr": 0.1})["schedule"] is None
    sgd = resolve({"recipe": "burda-k1", "optimizer": "sgd"})
    assert (sgd["schedule"], sgd["optimizer_options"], sgd["lr"]) == (None, {}, 1e-3)
    assert resolve({"optimizer": "adagrad"})["lr"] == 1e-2


def test_binarisation_and_sigma_follow_the_decoder():
    assert resolve({})["binarize"] == "threshold" and resolve({})["decoder_sigma"] is None
    gaussian = resolve({"likelihood": "gaussian"})
    assert (gaussian["binarize"], gaussian["decoder_sigma"]) == ("none", "shared")
    assert resolve({"likelihood": "gaussian", "binarize": "dynamic"})["binarize"] == "dynamic"
    assert resolve({"recipe": "reference", "likelihood": "gaussian"})["binarize"] == "none"
    with pytest.raises(ValueError, match="add --likelihood gaussian"):
        resolve({"decoder_sigma": 0.5})


def test_resolving_changes_neither_the_recipes_nor_the_defaults():
    before = repr((DEFAULTS, RECIPES))
    resolve({"recipe": "burda-k1", "optimizer": "sgd", "likelihood": "gaussian"})
    assert repr((DEFAULTS, RECIPES)) == before


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match="recipe 'soup' is not known; take one of reference, "):
        resolve({"recipe": "soup"})


@pytest.mark.parametrize("decoder_sigma", ["shared", "pixel", 0.3])
def test_build_makes_the_decoder_that_is_named(decoder_sigma, X):
    vae = build(resolve({"likelihood": "gaussian", "decoder_sigma": decoder_sigma}), X)
    assert vae.likelihood.config() == {"name": "gaussian", "sigma": decoder_sigma}


def test_build_counts_the_classes(X):
    assert build(resolve({"conditional": True}), X, np.arange(30) % 7).n_conditions == 7
    assert build(resolve({}), X, np.arange(30) % 7).n_conditions == 0
    with pytest.raises(ValueError, match="--conditional needs labels"):
        build(resolve({"conditional": True}), X)


# The output bias --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_dtype", [np.uint8, float, bool])
def test_with_the_output_bias_and_no_weights_the_model_is_the_training_mean(as_dtype, rng):
    X = rng.integers(0, 256, (50, 3, 3), dtype=np.uint8)
    X[:, 0, 0], X[:, 0, 1] = 0, 255
    images = X if as_dtype is np.uint8 else X / 255 if as_dtype is float else X > 127
    vae = VAE(9, (4,), 2)
    before = vae.theta.copy()
    vae.start_at(images)
    assert (before != vae.theta).sum() <= 9  # the bias of the last layer, nothing else
    vae.parameters["decoder.1.W"][:] = 0
    expected = np.clip((images / 255 if as_dtype is np.uint8 else images).mean(axis=0).ravel(), 0.001, 0.999)
    assert np.allclose(vae.prior_predictive_with_input([[1.0, -2.0]])[0], expected, atol=1e-6)


@pytest.mark.parametrize("sigma", ["shared", "pixel", 0.5])
def test_a_gaussian_decoder_starts_at_the_mean_image_and_its_sigma(sigma, rng):
    """sigma^2 is the mean squared distance from the mean image (7.11): no gradient asks for another."""
    X = rng.normal(0.4, [[0.1], [0.3]], (2, 200)).reshape(50, 8).astype(np.float32)
    vae = VAE(8, (4,), 2, likelihood=Gaussian(sigma=sigma))
    vae.start_at(X)
    vae.decoder.layers[-1].W = 0
    t = vae.forward(X, np.zeros((50, 2)))
    assert np.allclose(t.mean, X.mean(axis=0), atol=1e-6)
    if sigma != 0.5:
        assert np.allclose(np.exp(2 * t.log_sigma), X.var(axis=0).mean(), rtol=1e-4)
        assert abs(vae.backward(t).dlog_sigma.sum()) < 1e-4
    constant = VAE(8, (4,), 2, likelihood=Gaussian(sigma=sigma))
    constant.start_at(np.full((5, 8), 0.5))
    assert np.isfinite(constant.theta).all()


def test_burda_starts_with_the_output_bias_and_the_others_do_not(X):
    assert np.ptp(build(resolve({"recipe": "burda-k5"}), X).parameters["decoder.2.b"]) > 0
    assert not build(resolve({"recipe": "reference"}), X).parameters["decoder.1.b"].any()


# They train -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name, X):
    settings = resolve({"recipe": name})
    vae = build(settings, X)
    binarize = None if settings["binarize"] == "none" else settings["binarize"]
    history = vae.fit(
        X,
        epochs=3,
        batch_size=settings["batch_size"],
        optimizer=optimizer(settings),
        binarize=binarize,
        n_samples=settings["samples"],
        objective=settings["objective"],
        schedule=settings["schedule"],
        progress=False,
    )
    assert np.isfinite(history["elbo"]).all()
    # Adagrad's first steps are as long as its rate, far too long for weights of 0.01
    if name != "kingma-welling":
        assert history["elbo"][-1] > history["elbo"][0]
    assert ("bound" in history) == (name == "burda-iwae-k5")
    assert recipes.differences(settings) == []
