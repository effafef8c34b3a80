"""Settings of a run, and published configurations by name, each with the figures that it is judged by.

A run's settings are a flat dict under the names of the command line's flags; `resolve` makes a whole one from
the few that somebody gave. `python -m minivae train --recipe NAME` trains a recipe, `python -m minivae
evaluate` judges it. All figures are nats per image on MNIST's 10,000 test images: -ELBO, and NLL = -log p(x);
lower is better.
"""

from dataclasses import dataclass, field

import numpy as np

from ..inputs import image_shape
from ..likelihoods import Gaussian
from ..optimizers import make_optimizer
from ..vae import VAE

# fmt: off
DEFAULTS = {
    "recipe": None, "data": "glyphs", "test": None, "hidden": [200], "latent": 100, "activation": "relu",
    "likelihood": "bernoulli", "decoder_sigma": None, "head": "softplus", "beta": 1.0, "reduction": "sum",
    "init": "reference", "optimizer": "rmsprop", "lr": None, "batch_size": 64, "epochs": 30, "binarize": None,
    "conditional": False, "seed": 0, "shape": None, "threads": 1,
    # set by recipes only
    "optimizer_options": {}, "schedule": None, "samples": 1, "objective": "elbo", "output_bias": False,
}
# fmt: on


@dataclass(frozen=True)
class Figure:
    """A number that a run of the recipe should reach after `epoch` epochs, and who says so.

    quantity is "-ELBO" or "NLL"; value a number or a band (low, high). `within` makes a band of a number: a
    run that lands outside a band fails. An NLL is estimated with K = n_samples on the first n_images held-out
    images (None: all).
    """

    quantity: str
    epoch: int
    value: float | tuple
    source: str
    within: float | None = None
    n_samples: int | None = None
    n_images: int | None = None

    @property
    def band(self):
        if isinstance(self.value, tuple):
            return self.value
        return None if self.within is None else (self.value - self.within, self.value + self.within)

    def __str__(self):
        return "{:g} to {:g}".format(*self.value) if isinstance(self.value, tuple) else f"{self.value:g}"


@dataclass(frozen=True)
class Recipe:
    """A published configuration: what it is, where it comes from, how long it takes on two cores, settings,
    figures."""

    about: str
    source: str
    takes: str
    settings: dict = field(default_factory=dict)
    figures: tuple = ()  # the one to be known by comes last
    n_samples: int = 1000  # K of the estimate of log p(x), and on how many images
    n_images: int | None = 1000
    static: bool = False  # the figures are for images that are black and white once and for all

    def __str__(self):
        known_by = [f"{'published ' * ('published' in f.source)}{f.quantity} {f}" for f in self.figures[-1:]]
        return f"{self.about}: {(known_by or ['published as curves'])[0]}; {self.takes}"


def _recipe(about, source, takes, *figures, n_samples=1000, n_images=1000, static=False, **settings):
    return Recipe(about, source, takes, {"data": "mnist", **settings}, figures, n_samples, n_images, static)


def _burda(about, takes, published, within=None, **settings):
    """Burda, Grosse & Salakhutdinov 2016 with one stochastic layer.

    lr = 1e-4 round(10^(1 - (i-1)/7), 1) for 3^(i-1) epochs, i = 1..8. From their code, not the paper: the
    rounding of lr, the output bias, and that the gradient is summed over the 20 images of a batch; beta1 is
    the paper's 0.9 (their code: 0.99). Different here: their Adam starts v at 1 and adds eps to the
    uncorrected root (a first step of 3e-6 at g = 0.1 and lr 1e-3, where ours is 1e-3); their encoder puts out
    log sigma, ours log sigma^2; they sample the KL that we have in closed form; they keep 400 of the training
    images back.
    """
    schedule = [[1 + (3 ** (i - 1) - 1) // 2, 1e-4 * round(10 ** (1 - (i - 1) / 7), 1)] for i in range(1, 9)]
    figure = Figure("NLL", 3280, published, "published: Burda et al. 2016, table 1", within, 5000)
    model = {"hidden": [200, 200], "latent": 50, "activation": "tanh", "head": "logvar", "init": "glorot"}
    adam = {"optimizer": "adam", "optimizer_options": {"eps": 1e-4}, "schedule": schedule, "batch_size": 20}
    more = {"output_bias": True, "epochs": 3280, "binarize": "dynamic", **settings}
    source = "Burda, Grosse & Salakhutdinov 2016, one stochastic layer"
    return _recipe(about, source, takes, figure, n_samples=5000, n_images=None, **model, **adam, **more)


# fmt: off
RECIPES = {
    # The reference model exactly: its initialisation, RMSProp as in TensorFlow 1, the loss summed over the
    # batch. No published figure; measured for this project over four seeds: -ELBO 89.4 to 90.9, NLL 80.3.
    "reference": _recipe(
        "784-200-(100), pixels > 0.5", "the reference implementation in TensorFlow 1", "2 min",
        Figure("-ELBO", 1, (138, 144), "measured: 139.7 to 141.6 over four seeds"),
        Figure("NLL", 30, 80.3, "measured: one seed", 1.0, 1000, 1000),
        Figure("-ELBO", 30, (88.5, 92), "measured: 89.4 to 90.9 over four seeds"),
        hidden=[200], latent=100, binarize="threshold", epochs=30,
    ),
    # The same on a harder task. Measured: -ELBO 104.7, NLL 95.8, one seed.
    "reference-dynamic": _recipe(
        "the same, pixels drawn anew", "the reference implementation, dynamic binarisation", "2 min",
        Figure("NLL", 30, 95.8, "measured: one seed", None, 1000, 1000),
        Figure("-ELBO", 30, (103, 106), "measured: 104.7, one seed"),
        hidden=[200], latent=100, binarize="dynamic", epochs=30,
    ),
    # The reference implementation's second programme: two latents, for the map and the grid.
    # Measured: -ELBO 164.7, 146.3, 141.9, 140.2 at epochs 1, 5, 10, 30, NLL 135.3, one seed.
    "reference-2d": _recipe(
        "784-200-100-(2), for the map", "the reference implementation, [200, 100, 2]", "2 min",
        Figure("NLL", 30, 135.3, "measured: one seed", None, 1000, 1000),
        Figure("-ELBO", 30, 140.2, "measured: one seed"),
        hidden=[200, 100], latent=2, binarize="threshold", epochs=30,
    ),
    # PyTorch's example, which sums over the batch. Grey pixels under a cross-entropy: not a likelihood, so
    # there is no NLL to compare. Published 106.66 at epoch 7; measured 105.4 at 10.
    "pytorch-example": _recipe(
        "784-400-(20), Adam, grey", "github.com/pytorch/examples, vae/main.py", "1 min",
        Figure("-ELBO", 7, 106.66, "published: the log in pytorch/examples #1416"),
        Figure("-ELBO", 10, (104.5, 106.5), "measured: 105.4, one seed"),
        hidden=[400], latent=20, head="logvar", init="pytorch", optimizer="adam", lr=1e-3, batch_size=128,
        binarize="none", epochs=10,
    ),
    # The first VAE, published as curves of the bound for 3, 5, 10, 20 and 200 latents (--latent): superfluous
    # latents do not overfit. The paper says N(0, 0.01), read here as a standard deviation, and chooses among
    # the step sizes 0.01, 0.02 and 0.1; its prior on the weights (a weight decay) is left out, and it does
    # not say how it binarises.
    "kingma-welling": _recipe(
        "784-500-(20), tanh, Adagrad", "Kingma & Welling 2014, figure 2", "9 min",
        hidden=[500], latent=20, activation="tanh", head="logvar", reduction="mean", init="normal",
        optimizer="adagrad", lr=0.01, batch_size=100, binarize="dynamic", epochs=100,
    ),
    # The plain VAE that Rezende & Mohamed compare their flows with, as pythae runs it again: 89.78 with
    # K = 200; it takes the mean over the batch. Both are on Larochelle's static binarisation: with --data
    # FILE,
    # an .npz with the arrays train, valid and test. Otherwise pixels are drawn anew, and the number is
    # another.
    "rezende-mohamed": _recipe(
        "784-400-(40), Adam", "Rezende & Mohamed 2015, as run again by pythae", "45 min",
        Figure("NLL", 500, 89.78, "published: pythae, on static binarisation", None, 200),
        Figure("NLL", 500, 89.9, "published: Rezende & Mohamed 2015, on static binarisation", None, 200),
        n_samples=200, n_images=None, static=True,
        hidden=[400], latent=40, head="logvar", reduction="mean", init="pytorch", optimizer="adam",
        batch_size=100, schedule=[[1, 1e-4], [201, 1e-4 * 10**-0.2], [351, 1e-4 * 10**-0.4]],
        binarize="dynamic", epochs=500,
    ),
    # Published with K = 5000 samples on all test images; the goal for the first is within 0.3 nats.
    "burda-k1": _burda("784-200-200-(50), VAE, K 1", "8 h", 86.76, within=0.3),
    "burda-k5": _burda("784-200-200-(50), VAE, K 5", "17 h", 86.47, samples=5),
    "burda-iwae-k5": _burda("784-200-200-(50), IWAE, K 5", "17 h", 85.54, samples=5, objective="iwae"),
}
# fmt: on


def resolve(given):
    """All settings of a run: the defaults, over them the recipe's, over them those that were given.

    Raises ValueError for an unknown recipe and for settings that contradict each other.
    """
    name = given.get("recipe")
    if name is not None and name not in RECIPES:
        raise ValueError(f"recipe {name!r} is not known; take one of {', '.join(RECIPES)}.")
    settings = {**DEFAULTS, **(RECIPES[name].settings if name else {}), **given}
    if "optimizer" in given:  # the recipe's learning rate belongs to the recipe's optimiser
        settings.update(optimizer_options={}, lr=given.get("lr"))
    if "optimizer" in given or "lr" in given:
        settings["schedule"] = None
    if "likelihood" in given:
        settings["binarize"] = given.get("binarize")
    if settings["likelihood"] == "bernoulli":
        if settings["decoder_sigma"] is not None:
            raise ValueError(
                "--decoder-sigma is the sigma of a Gaussian decoder: add --likelihood gaussian, or leave it"
                " out."
            )
        settings["binarize"] = settings["binarize"] or "threshold"
    else:
        settings["decoder_sigma"] = settings["decoder_sigma"] or "shared"
        settings["binarize"] = settings["binarize"] or "none"
        settings["output_bias"] = True
        if "init" not in given:
            settings["init"] = "glorot"  # the reference model's is so large that it drowns the mean image
    settings["lr"] = settings["schedule"][0][1] if settings["schedule"] else optimizer(settings).lr
    return settings


def optimizer(settings):
    """The optimiser that the settings name: "rmsprop", "rmsprop-keras", "rmsprop-pytorch", "adam", ..."""
    name, _, variant = settings["optimizer"].partition("-")
    spec = {"name": name, **settings["optimizer_options"]}
    if variant:
        spec["variant"] = variant
    if settings["lr"] is not None:
        spec["lr"] = settings["lr"]
    return make_optimizer(spec)


def build(settings, X, labels=None):
    """The untrained VAE of these settings for images X (N, ...) and, where it is conditional, for the labels
    of all images, held-out ones too: a class for each that occurs, or rows of attributes as they are.

    A Gaussian decoder starts at the mean image (VAE.start_at). Raises ValueError where labels are missing,
    and what VAE raises.
    """
    classes = classes_of(labels) if settings["conditional"] else None
    gaussian = settings["likelihood"] == "gaussian"
    vae = VAE(
        n_inputs=int(np.prod(X.shape[1:])),
        likelihood=Gaussian(sigma=settings["decoder_sigma"]) if gaussian else settings["likelihood"],
        hidden=settings["hidden"],
        n_latent=settings["latent"],
        n_conditions=0 if classes is None else len(classes) or labels.shape[1],
        **{name: settings[name] for name in ("activation", "head", "beta", "reduction", "init", "seed")},
    )
    vae.classes = None if classes == list(range(vae.n_conditions)) else classes
    if X.ndim > 2:
        vae.image_shape = image_shape(X.shape)
    if settings["output_bias"]:
        vae.start_at(X)
    return vae


def classes_of(labels):
    """The different labels in ascending order; [] for rows of attributes."""
    if labels is None:
        raise ValueError(
            "--conditional needs labels, and these images have none: in an .npz file they are `labels`, and "
            "of"
            " pictures they are the names of the folders."
        )
    if labels.ndim == 2:
        return []
    classes = np.unique(labels)
    if len(classes) > max(10, len(labels) // 2):
        raise ValueError(
            f"there are {len(classes):,} different labels for {len(labels):,} images, from {classes[0]} to "
            f"{classes[-1]}: a class needs several images, so these are no classes (but their names?)."
        )
    return classes.tolist()


def condition(vae, labels):
    """The labels of some images as fit takes them: None, places among the classes, or attributes."""
    if not vae.n_conditions:
        return None
    if vae.classes == []:
        return labels
    unknown = np.setdiff1d(labels, vae.class_labels)
    if unknown.size:
        known = f"{vae.class_labels[0]}..{vae.class_labels[-1]}"
        raise ValueError(
            f"images holds the label {unknown[0]}, which no image to train on has; those have {known}."
        )
    return np.searchsorted(vae.class_labels, labels)


def differences(settings, black_and_white=False):
    """In what a run departs from its recipe, as (name, the recipe's, the run's).

    The seed, the epochs so far and the threads don't count; nor, where the recipe's figures are for a fixed
    binarisation and the run's images are black and white, where those come from.
    """
    recipe, left_out = resolve({"recipe": settings["recipe"]}), {"seed", "epochs", "threads"}
    if black_and_white and RECIPES[settings["recipe"]].static:
        left_out |= {"data", "test", "shape", "binarize"}
    names = [name for name in recipe if name not in left_out]
    return [(name, recipe[name], settings[name]) for name in names if recipe[name] != settings[name]]
