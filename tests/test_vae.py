"""The VAE: what a pass says, every gradient of every option, what one does with a trained model,
what it refuses."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import batch_of, every_likelihood, odd_vae

from minivae import VAE, Gaussian, Trace

D, M, C, B, K = 6, 2, 3, 4, 3
SIZES = {"n_inputs": D, "hidden": (5, 4), "n_latent": M, "init": "reference", "seed": 3}
OPTIONS = {
    "the defaults": {},
    "shared sigma": {"likelihood": "gaussian"},
    "fixed sigma": {"likelihood": Gaussian(sigma=0.3)},
    "sigma per pixel": {"likelihood": Gaussian(sigma="pixel")},
    "log-variance head": {"head": "logvar"},
    "tanh": {"activation": "tanh"},
    "softplus": {"activation": "softplus"},
    "beta 0": {"beta": 0},
    "beta 4": {"beta": 4.0},
    "sum over images": {"reduction": "sum"},
    "conditional": {"n_conditions": C},
    "no hidden layer": {"hidden": ()},
    "one hidden layer": {"hidden": (5,)},
    "one latent": {"n_latent": 1},
    "one pixel": {"n_inputs": 1, "activation": "tanh"},
    "pytorch's init": {"init": "pytorch"},
    "everything": {
        "likelihood": Gaussian(sigma="pixel"),
        "head": "logvar",
        "activation": "tanh",
        "beta": 0.5,
        "reduction": "sum",
        "n_conditions": C,
        "init": "glorot",
    },
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
samples = pytest.mark.parametrize(
    "n_samples", [None, 1, K], ids=["eps (B, M)", "eps (1, B, M)", "eps (K, B, M)"]
)


def model(dtype=np.float64, **options):
    return odd_vae(**{**SIZES, "dtype": dtype, **options})


def batch(vae, n_samples=None, n_images=B):
    return batch_of(vae, n_samples, n_images)


# A pass -----------------------------------------------------------------------------------------------------


@every_option
@samples
def test_shapes_of_a_pass(options, n_samples):
    vae = model(**options)
    t = vae.forward(*batch(vae, n_samples))
    d = vae.backward(t)
    lead = () if n_samples is None else (n_samples,)
    assert (
        t.mu.shape
        == t.raw.shape
        == t.sigma.shape
        == d.dmu.shape
        == d.dsigma.shape
        == d.draw.shape
        == (B, vae.n_latent)
    )
    assert t.z.shape == d.dz.shape == t.eps.shape == (*lead, B, vae.n_latent)
    output = "logits" if vae.likelihood.name == "bernoulli" else "mean"
    assert t[output].shape == d["d" + output].shape == (*lead, B, vae.n_inputs)
    assert t.kl.shape == (B,) and t.log_px_z.shape == t.elbo.shape == t.objective.shape == (*lead, B)
    assert np.shape(t.loss) == () and d.dx.shape == (B, vae.n_inputs)


@every_option
@samples
def test_what_the_numbers_of_a_pass_mean(options, n_samples):
    vae = model(**options)
    t = vae.forward(*batch(vae, n_samples))
    assert (t.kl >= 0).all()
    assert np.array_equal(t.elbo, t.log_px_z - t.kl)  # whatever beta
    assert np.array_equal(t.objective, t.log_px_z - vae.beta * t.kl)
    # a mean over the samples, always
    per_image = t.objective.mean(axis=0) if t.objective.ndim == 2 else t.objective
    assert np.isclose(t.loss, -per_image.mean() if vae.reduction == "mean" else -per_image.sum(), rtol=1e-13)


def test_a_pass_by_hand():
    """The four stages in four lines, one image at a time."""
    vae = model(hidden=(5,))
    x, eps, _ = batch(vae, K)
    t, p = vae.forward(x, eps), vae.parameters
    for n in range(B):
        h = np.maximum(x[n] @ p["encoder.0.W"] + p["encoder.0.b"], 0)
        mu, raw = np.split(h @ p["encoder.1.W"] + p["encoder.1.b"], 2)
        sigma = np.log(1 + np.exp(raw)) + 1e-6
        kl = (-np.log(sigma) + (sigma**2 + mu**2) / 2 - 1 / 2).sum()
        for k in range(K):
            z = mu + sigma * eps[k, n]
            logits = (
                np.maximum(z @ p["decoder.0.W"] + p["decoder.0.b"], 0) @ p["decoder.1.W"] + p["decoder.1.b"]
            )
            probability = 1 / (1 + np.exp(-logits))
            log_px_z = (x[n] * np.log(probability) + (1 - x[n]) * np.log(1 - probability)).sum()
            assert np.allclose(t.z[k, n], z) and np.allclose(t.logits[k, n], logits)
            assert np.isclose(t.log_px_z[k, n], log_px_z) and np.isclose(t.kl[n], kl)


def test_the_noise_is_an_argument_so_a_pass_is_repeatable():
    vae = model()
    x, eps, _ = batch(vae)
    first, again = vae.forward(x, eps), vae.forward(x, eps)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert vae.loss(x, eps) == first.loss
    assert np.array_equal(vae.forward(x, np.zeros((B, M))).z, first.mu)


def test_k_samples_in_one_pass_equal_k_passes():
    vae = model()
    x, eps, _ = batch(vae, K)
    t, parts = vae.forward(x, eps), [vae.forward(x, e) for e in eps]
    assert np.allclose(t.log_px_z, [part.log_px_z for part in parts], rtol=1e-13)
    vae.backward(t)
    together, grads = vae.grad.copy(), []
    for part in parts:
        vae.backward(part)
        grads.append(vae.grad.copy())
    assert np.allclose(together, np.mean(grads, axis=0), rtol=1e-10, atol=1e-14)


@given(
    st.integers(0, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["bernoulli", "gaussian"]),
    st.sampled_from([0, C]),
)
def test_any_sizes_go_through(n_hidden, n_images, n_samples, likelihood, n_conditions):
    vae = VAE(
        n_inputs=4,
        hidden=(3,) * n_hidden,
        n_latent=2,
        likelihood=likelihood,
        n_conditions=n_conditions,
        dtype=np.float64,
    )
    rng = np.random.default_rng(n_hidden)
    y = rng.integers(0, C, n_images) if n_conditions else None
    t = vae.forward(rng.random((n_images, 4)), rng.standard_normal((n_samples, n_images, 2)), y)
    d = vae.backward(t)
    assert (
        t.elbo.shape == (n_samples, n_images)
        and np.array_equal(t.elbo, t.log_px_z - t.kl)
        and (t.kl >= 0).all()
    )
    assert d.dx.shape == (n_images, 4) and np.isfinite(vae.grad).all() and vae.grad.any()


# Gradients --------------------------------------------------------------------------------------------------


@every_option
@samples
def test_every_block_of_parameters_and_dx_against_central_differences(options, n_samples, assert_gradient):
    vae = model(**options)
    x, eps, y = batch(vae, n_samples)
    d = vae.backward(vae.forward(x, eps, y))
    gradients = {name: g.copy() for name, g in vae.gradients.items()}
    for name, a in vae.parameters.items():
        assert_gradient(lambda: vae.loss(x, eps, y), a, gradients[name])
    assert_gradient(lambda: vae.loss(x, eps, y), x, d.dx)


def test_backward_overwrites_grad_and_touches_nothing_else():
    vae = model()
    x, eps, _ = batch(vae, K)
    theta, t = vae.theta.copy(), vae.forward(x, eps)
    before = {name: np.copy(t[name]) for name in t}
    vae.grad[:] = np.nan
    vae.backward(t)
    once = vae.grad.copy()
    vae.backward(t, need_dx=False)
    assert np.isfinite(once).all() and np.array_equal(vae.grad, once)  # overwritten, not added to
    assert np.array_equal(vae.theta, theta)  # computed, not updated
    assert all(np.array_equal(t[name], before[name]) for name in t)


def test_training_does_without_dx():
    vae = model()
    assert "dx" not in vae.backward(vae.forward(*batch(vae)[:2]), need_dx=False)


def test_one_step_down_the_gradient_lowers_the_loss():
    vae = model()
    x, eps, _ = batch(vae)
    before = vae.loss(x, eps)
    vae.backward(vae.forward(x, eps))
    vae.theta -= 1e-3 * vae.grad
    assert vae.loss(x, eps) < before


# Parameters -------------------------------------------------------------------------------------------------


def test_parameters_lie_in_one_vector_in_the_order_of_the_flow():
    vae = VAE(**SIZES, likelihood="gaussian", n_conditions=C)
    shapes = {
        "encoder.0.W": (D + C, 5),
        "encoder.0.b": (5,),
        "encoder.1.W": (5, 4),
        "encoder.1.b": (4,),
        "encoder.2.W": (4, 2 * M),
        "encoder.2.b": (2 * M,),
        "decoder.0.W": (M + C, 4),
        "decoder.0.b": (4,),
        "decoder.1.W": (4, 5),
        "decoder.1.b": (5,),
        "decoder.2.W": (5, D),
        "decoder.2.b": (D,),
        "decoder.raw_log_sigma": (1,),
    }
    for views, vector in ((vae.parameters, vae.theta), (vae.gradients, vae.grad)):
        vector[:] = np.arange(len(vector))
        assert {name: a.shape for name, a in views.items()} == shapes and list(views) == list(shapes)
        assert np.array_equal(np.concatenate([a.ravel() for a in views.values()]), np.arange(len(vector)))
        assert all(np.shares_memory(a, vector) for a in views.values())


def test_assigning_writes_into_the_vector_and_its_views():
    vae = VAE(**SIZES)
    theta, W = vae.theta, vae.parameters["encoder.0.W"]
    vae.parameters["encoder.0.W"] = np.full((D, 5), 7.0)
    vae.parameters["encoder.0.b"] -= 1
    assert (W == 7).all() and (theta[: D * 5] == 7).all() and (theta[D * 5 : D * 5 + 5] == -1).all()
    vae.theta = np.arange(len(theta))
    vae.theta *= 2
    assert vae.theta is theta and vae.theta.dtype == np.float32 and W[0, 1] == 2
    with pytest.raises(KeyError):
        vae.parameters["encoder.9.W"] = 0
    with pytest.raises(ValueError, match="could not broadcast"):
        vae.theta = np.zeros(3)


def test_the_reference_initialisation():
    """W ~ N(0, 1) * 2/sqrt(fan_in) in every layer, heads too; b = 0."""
    vae = VAE(seed=1)
    assert {name: a.shape for name, a in vae.parameters.items() if name.endswith("W")} == {
        "encoder.0.W": (784, 200),
        "encoder.1.W": (200, 200),
        "decoder.0.W": (100, 200),
        "decoder.1.W": (200, 784),
    }
    for name, a in vae.parameters.items():
        if name.endswith(".b"):
            assert (a == 0).all()
        else:
            scaled = a * np.sqrt(a.shape[0]) / 2
            assert abs(scaled.mean()) < 4 / np.sqrt(a.size) and abs(scaled.std() - 1) < 4 / np.sqrt(
                2 * a.size
            )
    mu, raw = np.split(vae.parameters["encoder.1.W"], 2, axis=1)
    assert abs(mu.std() - raw.std()) < 0.01 and abs(np.corrcoef(mu.ravel(), raw.ravel())[0, 1]) < 0.03


def test_glorot_takes_each_head_as_a_layer_of_its_own():
    W = VAE(hidden=(200,), n_latent=50, init="glorot").parameters["encoder.1.W"]
    bound = np.sqrt(6 / (200 + 50))  # and not of 200 + 100
    for head in np.split(W, 2, axis=1):
        assert 0.99 * bound < abs(head).max() <= bound


def test_the_seed_decides_the_parameters_and_the_draws():
    one, same, other = VAE(**SIZES), VAE(**SIZES), VAE(**{**SIZES, "seed": 4})
    assert np.array_equal(one.theta, same.theta) and not np.array_equal(one.theta, other.theta)
    assert np.array_equal(one.prior_predictive_sample(5), same.prior_predictive_sample(5))
    assert np.array_equal(VAE(**SIZES, dtype=np.float64).theta.astype(np.float32), one.theta)


# Dtypes and copies ------------------------------------------------------------------------------------------


@every_option
@samples
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_nothing_is_ever_promoted(options, n_samples, dtype):
    vae = model(dtype, **options)
    t = vae.forward(*batch(vae, n_samples))
    d = vae.backward(t)
    assert {f"{name} {np.asarray(trace[name]).dtype}" for trace in (t, d) for name in trace} == {
        f"{name} {np.dtype(dtype)}" for trace in (t, d) for name in trace
    }
    assert vae.theta.dtype == vae.grad.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_likelihood
def test_results_have_the_models_dtype(dtype, likelihood):
    vae = model(dtype, likelihood=likelihood)
    X, _, _ = batch(vae)
    results = [
        vae.transform(X),
        *vae.posterior(X),
        vae.posterior_predictive_probs(X),
        vae.posterior_predictive_sample(X),
        vae.elbo(X, n_samples=2),
    ]
    results += [
        vae.prior_predictive_sample(3),
        *vae.prior_predictive_sample_with_probs(3),
        vae.prior_predictive_with_input(np.zeros((3, M))),
    ]
    assert {a.dtype for a in results} == {np.dtype(dtype)}


def test_the_same_lines_serve_the_complex_step():
    """Im loss(theta + ih)/h is the gradient to the last digits, where the central difference has nine."""
    vae = model(activation="tanh", likelihood=Gaussian(sigma="pixel"))
    x, eps, _ = batch(vae, K)
    vae.backward(vae.forward(x, eps))
    stepped = vae.astype(np.complex128)
    numerical = np.empty_like(vae.theta)
    for i in range(len(numerical)):
        stepped.theta[i] += 1e-30j
        numerical[i] = stepped.loss(x, eps).imag / 1e-30
        stepped.theta[i] = vae.theta[i]
    assert abs(numerical - vae.grad).max() < 1e-14 * abs(vae.grad).max() * 10


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda vae: vae.astype(vae.dtype)])
def test_a_copy_is_whole_and_stands_alone(copied):
    vae = model(np.float32, likelihood=Gaussian(sigma=0.5), n_conditions=C)
    vae.history, vae.binarize, vae.image_shape = {"elbo": [1.0]}, "threshold", (2, 3)
    vae.backward(vae.forward(*batch(vae)))
    vae.rng.random(5)
    twin = copied(vae)
    assert (
        np.array_equal(twin.theta, vae.theta)
        and np.array_equal(twin.grad, vae.grad)
        and twin.config() == vae.config()
    )
    assert twin.header() == vae.header() and twin.rng.random() == vae.rng.random()
    assert all(np.shares_memory(a, twin.theta) for a in twin.parameters.values())
    twin.theta += 1
    twin.history["elbo"].append(2.0)
    assert (twin.theta != vae.theta).all() and vae.history == {"elbo": [1.0]}


def test_astype_gives_the_copy_to_check():
    vae = VAE(**SIZES)
    check = vae.astype(np.float64)
    x, eps, _ = batch(vae)
    assert check.dtype == np.float64 and np.array_equal(check.theta, vae.theta)
    assert np.isclose(check.loss(x, eps), vae.loss(x, eps), rtol=1e-5)


# What one does with a model ---------------------------------------------------------------------------------


@every_likelihood
@pytest.mark.parametrize("n_conditions", [0, C])
@pytest.mark.parametrize("n", [0, 1, 5, 1030])
def test_shapes_of_every_method_also_for_no_image_one_and_many(likelihood, n_conditions, n):
    vae = model(np.float32, likelihood=likelihood, n_conditions=n_conditions)
    X, _, y = batch(vae, n_images=n)
    for Y in (
        X,
        X.astype(np.float32).tolist() if n else X,
        X > 0.5,
        (X * 255).astype(np.uint8),
        X.reshape(n, 2, 3),
    ):
        assert vae.transform(Y, y).shape == (n, M) and [a.shape for a in vae.posterior(Y, y)] == [(n, M)] * 2
        assert vae.elbo(Y, y).shape == vae.elbo(Y, y, n_samples=3).shape == (n,)
        assert (
            vae.posterior_predictive_probs(Y, y).shape
            == vae.posterior_predictive_sample(Y, y).shape
            == (n, D)
        )
    assert vae.log_likelihood(X[:5], None if y is None else y[:5], n_samples=7).shape == (min(n, 5),)
    assert vae.prior_predictive_sample(n, y).shape == (n, D)
    assert [a.shape for a in vae.prior_predictive_sample_with_probs(n, y)] == [(n, D)] * 2
    assert vae.prior_predictive_with_input(np.zeros((n, M)), y).shape == (n, D)


def test_pixels_mean_one_thing_whatever_their_dtype():
    vae = model()
    X = (batch(vae, n_images=9)[0] * 255).astype(np.uint8)
    expected = vae.transform(X)
    for same in (
        X / 255,
        X.reshape(9, 2, 3),
        X.reshape(9, 3, 2, 1),
        (X / 255).tolist(),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
    ):
        assert np.allclose(vae.transform(same), expected, rtol=1e-12)
    assert np.array_equal(vae.transform(X > 127), vae.transform((X > 127).astype(float)))


def test_transform_gives_the_means_and_posterior_also_the_sigmas():
    vae = model()
    x, eps, _ = batch(vae)
    t, (mu, sigma) = vae.forward(x, eps), vae.posterior(x)
    assert (
        np.allclose(mu, t.mu, rtol=1e-13)
        and np.allclose(sigma, t.sigma, rtol=1e-13)
        and np.array_equal(vae.transform(x), mu)
    )


def test_evaluation_binarises_as_training_did():
    vae = model()
    X, _, _ = batch(vae)
    vae.binarize = "threshold"
    assert np.array_equal(vae.transform(X), vae.transform(X > 0.5))
    vae.binarize = "dynamic"
    assert np.array_equal(vae.transform(X, rng=1), vae.transform(X, rng=1)) and not np.array_equal(
        vae.transform(X, rng=1), vae.transform(X, rng=2)
    )
    # black and white are certain
    assert np.array_equal(vae.transform(X > 0.5, rng=1), vae.transform(X > 0.5, rng=2))


def test_elbo_is_a_mean_over_samples_that_settles():
    vae = model()
    X, _, _ = batch(vae)
    one = np.array([vae.elbo(X, rng=seed) for seed in range(1000)])
    error = one.std(axis=0) / np.sqrt(len(one))
    many = vae.elbo(X, n_samples=20_000, rng=0)
    assert (abs(one.mean(axis=0) - many) < 5 * error).all()
    assert (vae.log_likelihood(X, n_samples=2000, rng=0) > many).all()  # the bound lies below log p(x)


def test_a_gaussian_decoder_takes_pixels_outside_0_to_1_all_the_way():
    vae, rng = model(likelihood="gaussian", init="glorot"), np.random.default_rng(0)
    X = rng.uniform(-3, 7, (6, D))
    report = vae.forward(X, rng.standard_normal((6, M)))
    assert np.isfinite(report.elbo).all() and np.isfinite(vae.log_likelihood(X, n_samples=5, rng=0)).all()
    vae.fit(X, epochs=1, validation=X, progress=False)
    with pytest.raises(ValueError, match=r"pixels from -.* in \[0, 1\]"):
        model().forward(X, rng.standard_normal((6, M)))


def test_posterior_predictive_probs_are_those_of_a_z_drawn_for_each_image():
    vae = model(init="glorot")
    X = np.repeat(batch(vae)[0][:1], 20_000, axis=0)
    probs, drawn = vae.posterior_predictive_probs(X, rng=0), vae.posterior_predictive_sample(X, rng=0)
    mu, sigma = (a[0] for a in vae.posterior(X[:1]))
    expected = vae.prior_predictive_with_input(
        mu + sigma * np.random.default_rng(1).standard_normal((20_000, M))
    )
    assert probs.std(axis=0).max() > 1e-3  # z differs from image to image
    assert np.allclose(probs.mean(axis=0), expected.mean(axis=0), atol=0.02)
    assert set(np.unique(drawn)) == {0, 1} and np.allclose(
        drawn.mean(axis=0), expected.mean(axis=0), atol=0.02
    )


def test_prior_samples_are_drawn_from_their_probabilities():
    vae = model()
    drawn, probs = vae.prior_predictive_sample_with_probs(40_000, rng=0)
    assert set(np.unique(drawn)) == {0, 1} and probs.min() > 0 and probs.max() < 1
    for low in np.arange(0, 1, 0.1):  # where the probability is p, a share of p is white
        within = (probs >= low) & (probs < low + 0.1)
        if within.sum() > 1000:
            assert abs(drawn[within].mean() - probs[within].mean()) < 0.02
    z = np.random.default_rng(2).standard_normal((40_000, M))
    assert np.allclose(vae.prior_predictive_with_input(z).mean(axis=0), probs.mean(axis=0), atol=0.02)


def test_a_condition_reaches_encoder_and_decoder():
    vae = model(n_conditions=C)
    X, eps, _ = batch(vae)
    one_hot = np.eye(C)[[0, 1, 2, 0]]
    t, by_label = vae.forward(X, eps, one_hot), vae.forward(X, eps, [0, 1, 2, 0])
    assert all(np.array_equal(t[name], by_label[name]) for name in t)
    other = vae.forward(X, eps, [1, 1, 2, 0])
    assert (other.mu[0] != t.mu[0]).all() and np.array_equal(other.mu[1:], t.mu[1:])
    Z = np.zeros((2, M))
    assert (vae.prior_predictive_with_input(Z, [0, 0]) != vae.prior_predictive_with_input(Z, [1, 2])).all()


RANDOM_METHODS = {
    "elbo": lambda vae, X, rng: vae.elbo(X, rng=rng),
    "log_likelihood": lambda vae, X, rng: vae.log_likelihood(X, n_samples=5, rng=rng),
    "posterior_predictive_probs": lambda vae, X, rng: vae.posterior_predictive_probs(X, rng=rng),
    "posterior_predictive_sample": lambda vae, X, rng: vae.posterior_predictive_sample(X, rng=rng),
    "prior_predictive_sample": lambda vae, X, rng: vae.prior_predictive_sample(4, rng=rng),
    "prior_predictive_sample_with_probs": lambda vae, X, rng: np.hstack(
        vae.prior_predictive_sample_with_probs(4, rng=rng)
    ),
}


@pytest.mark.parametrize("method", RANDOM_METHODS.values(), ids=RANDOM_METHODS)
def test_draws_come_from_the_generator_that_is_given_or_else_from_the_models(method):
    vae = model(likelihood="gaussian")
    X, _, _ = batch(vae)
    untouched = vae.rng.bit_generator.state
    seeded = method(vae, X, 7)
    assert np.array_equal(seeded, method(vae, X, 7)) and np.array_equal(
        seeded, method(vae, X, np.random.default_rng(7))
    )
    assert not np.array_equal(seeded, method(vae, X, 8))
    shared = np.random.default_rng(7)
    assert np.array_equal(seeded, method(vae, X, shared)) and not np.array_equal(
        seeded, method(vae, X, shared)
    )
    assert vae.rng.bit_generator.state == untouched
    twin, own = copy.deepcopy(vae), method(vae, X, None)
    assert vae.rng.bit_generator.state != untouched
    assert np.array_equal(own, method(twin, X, None)) and not np.array_equal(own, method(vae, X, None))


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32, np.float64])
def test_no_method_changes_the_callers_arrays(dtype):
    vae = model(n_conditions=C, dtype=np.float32)
    vae.binarize = "dynamic"
    X, eps, y = batch(vae)
    X, Z, eps = (
        (X * (255 if dtype is np.uint8 else 1)).astype(dtype),
        np.zeros((B, M), np.float32),
        eps.astype(np.float32),
    )
    before = [a.copy() for a in (X, eps, y, Z)]
    for a in (X, eps, y, Z):
        a.flags.writeable = False  # read-only arrays are welcome
    t = vae.forward(X, eps, y)
    vae.backward(t)
    # a trace outlives its batch
    assert not any(np.shares_memory(a, t[name]) for a in (X, eps, y) for name in t)
    (
        vae.transform(X, y),
        vae.elbo(X, y),
        vae.posterior_predictive_sample(X, y),
        vae.log_likelihood(X, y, n_samples=2),
    )
    vae.prior_predictive_sample(B, y), vae.prior_predictive_with_input(Z, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, (X, eps, y, Z), strict=True))


def test_a_trace_is_read_by_name():
    vae = model()
    t = vae.forward(*batch(vae)[:2])
    assert isinstance(t, Trace) and t["z"] is t.z and "z" in t and "dz" not in t
    assert list(t)[:2] == ["x", "eps"] and list(t)[-5:] == ["log_px_z", "kl", "elbo", "objective", "loss"]
    assert "  logits               (4, 6) float64" in repr(t).splitlines()


# What it refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"head": "std"}, "head='std' is not known; take one of softplus, logvar."),
        ({"activation": "gelu"}, "activation='gelu' is not known; take one of relu, tanh, softplus."),
        ({"reduction": "none"}, "reduction='none' is not known; take one of mean, sum."),
        ({"init": "he"}, "init='he' is not known; take one of reference, glorot, pytorch, normal."),
        (
            {"likelihood": "poisson"},
            "likelihood 'poisson' is not known; take one of bernoulli, gaussian, or Gaussian(sigma=...).",
        ),
        ({"n_inputs": 0}, "n_inputs is 0; it must be a whole number of at least 1."),
        ({"n_latent": -1}, "n_latent is -1; it must be a whole number of at least 1."),
        ({"n_latent": 2.5}, "n_latent is 2.5; it must be a whole number of at least 1."),
        ({"n_conditions": -1}, "n_conditions is -1; it must be a whole number of at least 0."),
        ({"hidden": (5, 0)}, "a width in hidden is 0; it must be a whole number of at least 1."),
        ({"hidden": 200}, "hidden is 200; give the widths of the hidden layers, such as (200,)."),
        ({"seed": None}, "seed is None; it must be a whole number of at least 0."),
        ({"beta": -1}, "beta is -1; the weight of the KL must be a finite number of at least 0."),
        ({"beta": np.nan}, "beta is nan; the weight of the KL must be a finite number of at least 0."),
        ({"beta": "1"}, "beta is '1'; the weight of the KL must be a finite number of at least 0."),
        ({"head": ["logvar"]}, "head=['logvar'] is not known; take one of softplus, logvar."),
        (
            {"dtype": int},
            "dtype is int64; take float32 to train, float64 to check or complex128 for the complex step.",
        ),
        ({"dtype": np.float16}, "dtype is float16; take float32 to train"),
    ],
)
def test_bad_settings_get_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        VAE(**{**SIZES, **options})


def test_numpys_numbers_are_numbers():
    vae = VAE(
        n_inputs=np.int64(D),
        hidden=np.array([5, 4]),
        n_latent=np.uint8(M),
        beta=np.float32(1),
        seed=np.int32(3),
    )
    assert vae.config() == VAE(**SIZES).config()
    assert {type(vae.config()[name]) for name in ("n_inputs", "n_latent", "seed")} == {int}


X_OK, EPS_OK = np.full((B, D), 0.5), np.zeros((B, M))


@pytest.mark.parametrize(
    "x, eps, error, sentence",
    [
        (
            X_OK[:0],
            EPS_OK[:0],
            ValueError,
            "x is an empty batch; the loss is a mean over images, so give at least one.",
        ),
        (X_OK[:, 1:], EPS_OK, ValueError, "x has shape (4, 5); expected (N, 6)"),
        (X_OK * np.nan, EPS_OK, ValueError, "x holds NaN or infinity"),
        (X_OK * 3, EPS_OK, ValueError, "x has pixels from 1.5 to 1.5"),
        (X_OK.astype(int), EPS_OK, TypeError, "x has dtype int64"),
        (np.ones((B, D), np.uint8), EPS_OK, ValueError, "x is uint8 with a maximum of 1"),
        (
            X_OK,
            EPS_OK[:3],
            ValueError,
            "eps has shape (3, 2); expected (4, 2) or (K, 4, 2): one draw of N(0, 1) per image and latent.",
        ),
        (X_OK, EPS_OK[:1], ValueError, "eps has shape (1, 2)"),  # one draw shared by the whole batch
        (X_OK, EPS_OK[0], ValueError, "eps has shape (2,)"),
        (X_OK, EPS_OK[:, None], ValueError, "eps has shape (4, 1, 2)"),  # (B, K, M) instead of (K, B, M)
        (X_OK, EPS_OK[None, None], ValueError, "eps has shape (1, 1, 4, 2)"),
        (X_OK, np.zeros((0, B, M)), ValueError, "eps has shape (0, 4, 2)"),
        (X_OK, EPS_OK + np.inf, ValueError, "eps holds NaN or infinity"),
    ],
)
def test_bad_batches_get_one_sentence(x, eps, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        VAE(**SIZES).forward(x, eps)


def test_labels_are_checked_wherever_they_go():
    vae, plain = model(n_conditions=C), model()
    X, eps, y = batch(vae)
    for call in (
        lambda y: vae.forward(X, eps, y), lambda y: vae.transform(X, y), lambda y: vae.elbo(X, y),
        lambda y: vae.log_likelihood(X, y),
        lambda y: vae.posterior_predictive_sample(X, y), lambda y: vae.prior_predictive_sample(B, y),
        lambda y: vae.prior_predictive_with_input(np.zeros((B, M)), y),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="this model is conditional: give y"):
            call(None)
        with pytest.raises(ValueError, match="y holds the label 3"):
            call([0, 1, 2, 3])
        with pytest.raises(ValueError, match=re.escape("y has shape (3,)")):
            call([0, 1, 2])
    with pytest.raises(ValueError, match="y was given, but this model has n_conditions=0"):
        plain.forward(X, eps, y)


@pytest.mark.parametrize(
    "method",
    [
        "transform",
        "posterior",
        "elbo",
        "log_likelihood",
        "posterior_predictive_probs",
        "posterior_predictive_sample",
    ],
)
def test_images_are_checked_wherever_they_go(method):
    for X, error in (
        (X_OK[0], ValueError),
        (X_OK * np.nan, ValueError),
        (X_OK + 1, ValueError),
        (X_OK.astype(int), TypeError),
    ):
        with pytest.raises(error, match="^X "):
            getattr(VAE(**SIZES), method)(X)


def test_bad_requests_get_one_sentence():
    vae = VAE(**SIZES)
    with pytest.raises(
        ValueError, match=re.escape("Z has shape (2,); expected (N, 2): one row of latents per picture.")
    ):
        vae.prior_predictive_with_input([0.0, 1.0])
    with pytest.raises(ValueError, match=re.escape("Z has shape (4, 3)")):
        vae.prior_predictive_with_input(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Z holds NaN or infinity"):
        vae.prior_predictive_with_input([[0.0, np.nan]])
    for n in (-1, 1.5):
        with pytest.raises(ValueError, match=f"n is {n}; it must be a whole number of at least 0"):
            vae.prior_predictive_sample(n)
    for n_samples in (0, -1, 2.5):
        with pytest.raises(ValueError, match=f"n_samples is {n_samples}"):
            vae.elbo(X_OK, n_samples=n_samples)
        with pytest.raises(ValueError, match=f"n_samples is {n_samples}"):
            vae.log_likelihood(X_OK, n_samples=n_samples)


# Extremes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("bias", ["encoder.2.b", "decoder.2.b"])
def test_extreme_outputs_give_finite_numbers_and_gradients(sign, bias):
    """mu, raw or the logits at +-1e4 in float32: no inf, no NaN, no warning."""
    vae = VAE(**SIZES)
    vae.parameters[bias] = sign * 1e4
    X, eps, _ = batch(vae)
    t = vae.forward(X > 0.5, eps)
    d = vae.backward(t)
    assert all(np.isfinite(trace[name]).all() for trace in (t, d) for name in trace)
    assert np.isfinite(vae.grad).all()
