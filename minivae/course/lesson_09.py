"""The exercises of lesson 09: a VAE from the learner's own parts.

    z, elbo, dz, dmu, draw                (a pencil, minivae.course.worksheet with seed 1)
    vae_backward(p, t)                    (9.1 to 9.12)   -> {name: gradient}, names and shapes as in p
    independent_pixels(train, test)       (9.13)          -> -log p(x) per test image, (N,)
    verdicts = ("...", "...", "...", "...")

p maps encoder.0.W, encoder.0.b, encoder.1.W, ..., decoder.1.b to parameters; t is the trace of the forward
pass, as minivae's.
"""

from types import SimpleNamespace

import numpy as np

from ..gradcheck import diagnose
from ..gradcheck.numeric import relative_error as distance
from ..layers import sigmoid
from ..vae import VAE
from .judge import BATCHES, Exercise, Wrong, as_array, bits, call, inputs, pencil, same_values
from .worksheet import Worksheet

PAPER = Worksheet(seed=1).values
WAY_BACK = [
    f"{stack}.{layer}.{name}" for stack in ("decoder", "encoder") for layer in (1, 0) for name in "Wb"
]
INTERMEDIATES = (
    "dlogits",
    "ddecoder_h0",
    "ddecoder_a0",
    "dz",
    "dmu",
    "dsigma",
    "draw",
    "dencoder_h0",
    "dencoder_a0",
)


def backward(answer):
    """Judge vae_backward on models in float64 against the package's own backward pass,
    block by block on the way back."""
    failures, right = [], []
    for B in BATCHES:
        rng = np.random.default_rng(B)
        vae = VAE(6, (5,), 3, dtype=np.float64, seed=B)
        vae.theta = vae.theta + rng.normal(0, 0.1, vae.theta.shape)
        t = vae.forward(rng.integers(0, 2, (B, 6)).astype(float), rng.standard_normal((B, 3)))
        d, true = vae.backward(t), {name: g.copy() for name, g in vae.gradients.items()}
        p = {name: value.copy() for name, value in vae.parameters.items()}
        trace = SimpleNamespace(**{name: np.copy(t[name]) for name in t})
        given = call(answer, {"p": p, "t": trace})
        for name, value in p.items():
            if not np.array_equal(value, vae.parameters[name]):
                raise Wrong(
                    f"Your function changes the parameter {name}. A backward pass computes; the optimiser"
                    " moves."
                )
        if not isinstance(given, dict):
            raise Wrong(
                f"Your function returns a {type(given).__name__}; a dictionary is expected, with a gradient"
                " for each name in p."
            )
        missing = [name for name in WAY_BACK if name not in given]
        if missing:
            raise Wrong(
                f"The dictionary has no entry {missing[0]!r}"
                + (f", nor {len(missing) - 1} others." if missing[1:] else ".")
            )
        arrays = {name: as_array(given[name], name, p[name].shape, f" (a batch of {B})") for name in WAY_BACK}
        wrong = [name for name in WAY_BACK if distance(arrays[name], true[name]) > 1e-6]
        if wrong:
            failures.append((B, wrong, arrays, true, t, d))
        else:
            right.append(B)
    if not failures:
        return
    B, wrong, arrays, true, t, d = failures[-1]
    named = {name: t[name] for name in t if name not in ("log_px_z", "kl", "elbo", "objective", "loss")}
    named |= {name: d[name] for name in INTERMEDIATES} | {"B": B}
    fine = [name for name in WAY_BACK if name not in wrong]
    lines = [f"Right: {', '.join(fine)}."] if fine else []
    first = "Wrong" if len(wrong) == 1 else "The first wrong one on the way back"
    lines.append(
        f"{first}: {wrong[0]}, off by {distance(arrays[wrong[0]], true[wrong[0]]):.2g} (relative), with a"
        f" batch of {B}."
    )
    found = diagnose(arrays[wrong[0]], true[wrong[0]], named, _paths(wrong[0], t))
    lines += [f"Likeliest cause: {found[0].words}"] if found else []
    if right:
        lines.append(f"With a batch of {right[0]} all is right.")
    raise Wrong("\n".join(lines), found)


def _paths(name, t):
    """The KL's share of the head's gradient, by words."""
    if not name.startswith("encoder.1"):
        return {}
    dhead = np.concatenate([t.mu, (t.sigma - 1 / t.sigma) * sigmoid(t.raw)], axis=1) / len(t.x)
    return {"the KL's path": t.encoder_h0.T @ dhead if name.endswith("W") else dhead.sum(axis=0)}


backward.is_gradient = True


def _training(rng, B, v):
    """Images with a pixel that is always dark and one that is always light."""
    return (rng.random((40, 5)) < [*rng.uniform(0.1, 0.9, 3), 0, 1]).astype(float)


_pixels = inputs(train=_training, test=bits("B", 5))


def _surprise(p, test):
    return -(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=-1)


def independent_pixels(train, test):
    return _surprise(train.mean(axis=0).clip(0.001, 0.999), test)


WORDS = ("healthy", "collapsed", "autoencoder", "impossible")


def verdicts(answer):
    """The four runs of exercise 9.4."""
    right = ("collapsed", "healthy", "impossible", "autoencoder")
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 4
        or not all(isinstance(word, str) for word in answer)
    ):
        raise Wrong(
            f"Four words are expected, for the runs A to D, each one of {', '.join(map(repr, WORDS))}."
        )
    clues = {
        "A": (
            "Its KL is 0: how much does z tell about the image? And compare its reconstruction with that of"
            " independent pixels."
        ),
        "B": (
            "Reconstruction and KL are both well away from 0, and their sum is far below that of independent"
            " pixels."
        ),
        "C": "Look at the sign of its KL, and remember lesson 2.",
        "D": (
            "Hardly anything is lost in reconstruction, at a price of 1619 nats that nobody seems to have"
            " asked for."
        ),
    }
    for run, given, expected in zip("ABCD", answer, right):
        if given not in WORDS:
            raise Wrong(f"Run {run}: {given!r} is none of {', '.join(map(repr, WORDS))}.")
        if given != expected:
            raise Wrong(f"Run {run} is not {given!r}. {clues[run]}")


EXERCISES = (
    Exercise(
        "9.1",
        "a whole pass with the pencil",
        pencil(
            **{name: PAPER[name] for name in ("z", "elbo", "dz", "dmu", "draw")},
            mistakes={
                ("z", PAPER["mu"]): "that is mu: the noise is missing",
                (
                    "z",
                    PAPER["mu"] + PAPER["raw"] * PAPER["eps"],
                ): "raw is not sigma yet: sigma = softplus(raw)",
                ("z", PAPER["mu"] + PAPER["sigma"] ** 2 * PAPER["eps"]): "sigma, not sigma squared",
                ("elbo", PAPER["loss"]): "that is the loss, minus the ELBO",
                ("elbo", PAPER["log_px_z"]): "that is log p(x|z): the KL is still to be taken off",
                ("elbo", PAPER["log_px_z"] + PAPER["kl"]): "the KL is taken off, not added",
                ("dz", -PAPER["dz"]): "the sign: gradients of the loss, dlogits = p - x",
                ("dmu", PAPER["dz"]): "that is the decoder's path alone: the KL sends mu as well",
                ("dmu", PAPER["mu"]): "that is the KL's path alone: the decoder sends dz as well",
                ("draw", PAPER["dsigma"]): "that is dsigma; the head's slope sigmoid(raw) is missing",
            },
        ),
        (
            "Go line by line through the finished sheet above, with the new numbers. Keep four decimals.",
            "Mind the ReLUs: a unit whose a is negative passes nothing on, neither forward nor backward.",
            "print(Worksheet(seed=1)) shows every line; first find where yours leaves it.",
        ),
    ),
    Exercise(
        "9.2",
        "the whole backward pass",
        backward,
        (
            (
                "Read (9.2) to (9.11) downwards: each line needs only the lines above it and the trace."
                " dense_backward gives three things at once."
            ),
            (
                "dlogits = part.bernoulli_backward(t.x, t.logits) / B is the only place where the decoder's"
                " path gets its 1/B."
            ),
            (
                "The KL's path gets its 1/B as the weight: part.latent_backward(dz, t.mu, t.raw, t.eps,"
                " beta=1 / B)."
            ),
            (
                "dhead = np.concatenate([dmu, draw], axis=1): mu's columns are on the left. Then"
                " dense_backward and relu_backward once more."
            ),
        ),
    ),
    Exercise(
        "9.3",
        "a model without a latent",
        same_values(
            independent_pixels,
            _pixels,
            "nats",
            float32=False,
            mistakes={
                "this is the log-likelihood; asked for is its negative": (
                    lambda train, test: -independent_pixels(train, test)
                ),
                "a mean over pixels: log-likelihoods of independent pixels are added": (
                    lambda train, test: independent_pixels(train, test) / test.shape[1]
                ),
                "the probabilities are the means of the test images; held out means held out": (
                    lambda train, test: _surprise(test.mean(axis=0).clip(0.001, 0.999), test)
                ),
                "one probability for all pixels; each has its own: axis=0": lambda train, test: _surprise(
                    np.clip(train.mean(), 0.001, 0.999), test
                ),
                "the dark pixels are left out: 1 - x with log(1 - p)": (
                    lambda train, test: -(test * np.log(train.mean(axis=0).clip(0.001, 0.999))).sum(axis=-1)
                ),
            },
        ),
        (
            "The probability of each pixel is its mean over the training images; clip it to [0.001, 0.999].",
            "Then (7.2) with a minus, for the test images: one number per image.",
            (
                "p = train.mean(axis=0).clip(0.001, 0.999); -(test * np.log(p) + (1 - test) * np.log(1 -"
                " p)).sum(axis=1)"
            ),
        ),
    ),
    Exercise(
        "9.4",
        "what do these runs say?",
        verdicts,
        (
            "First look for what cannot be: which sign may a KL have?",
            (
                "A KL of 0 means that z says nothing. A KL in the thousands means that nobody asked for its"
                " price."
            ),
        ),
    ),
)
