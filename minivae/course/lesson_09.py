"""The exercises of lesson 09: a VAE from the learner's own parts.

    z, elbo, dz, dmu, draw                (a pencil, minivae.course.worksheet with the seed PENCIL_SEED)
    vae_backward(p, t)                    (9.2 to 9.11)   -> {name: gradient}, names and shapes as in p
    independent_pixels(train, test)       (9.13)          -> -log p(x) per test image, (N,)
    verdicts = ("...", "...", "...", "...")

p maps encoder.0.W, encoder.0.b, encoder.1.W, ..., decoder.1.b to parameters; t is the trace of the forward
pass, as minivae's.
"""

from types import SimpleNamespace

import numpy as np

from ..gradcheck import diagnose
from ..gradcheck.numeric import relative_error as distance
from ..layers import sigmoid, softplus
from ..vae import VAE
from .judge import BATCHES, Exercise, Wrong, as_array, bits, call, chosen, inputs, pencil, same_values
from .worksheet import Worksheet

PENCIL_SEED = 64  # no two of the numbers that may be mistaken for one another are alike
PAPER = Worksheet(PENCIL_SEED).values


def slips_of_the_pencil(sheet):
    """{(name, the value that a slip gives): words} on a worksheet."""
    v, p, x = sheet.values, sheet.vae.parameters, sheet.x[0]
    mu, raw, sigma, eps, dz = (v[name] for name in ("mu", "raw", "sigma", "eps", "dz"))
    slope, kl_path = float(sigmoid(raw)), sigma - 1 / sigma
    da4 = np.array([v["da4[1]"], v["da4[2]"]])
    without_relu = float(da4 @ p["decoder.1.W"].T @ p["decoder.0.W"][0])
    return {
        ("z", mu): "that is mu: the noise is missing",
        ("z", sigma): "that is sigma; z = mu + sigma eps",
        ("z", mu + raw * eps): "raw is not sigma yet: sigma = softplus(raw)",
        ("z", mu + np.exp(raw / 2) * eps): "raw is not a log-variance here: sigma = softplus(raw)",
        ("z", mu + sigma**2 * eps): "sigma, not sigma squared",
        ("z", mu - sigma * eps): "the sign of eps",
        ("z", raw + softplus(mu) * eps): "the heads are exchanged: the left column of W2 is mu's",
        ("elbo", v["loss"]): "that is the loss, minus the ELBO",
        ("elbo", v["log_px_z"]): "that is log p(x|z): the KL is still to be taken off",
        ("elbo", v["log_px_z"] + v["kl"]): "the KL is taken off, not added",
        ("elbo", v["log_px_z"] - 2 * v["kl"]): "the KL is twice too large: a half is missing in it",
        ("elbo", -v["kl"]): "that is minus the KL: log p(x|z) is still to be added",
        ("dz", -dz): "the sign: gradients of the loss, da4 = p - x",
        ("dz", without_relu): "a dead unit passes nothing back: da3 = dh3 (a3 > 0)",
        ("dz", float(x @ da4)): "that is no gradient of z: dz = da3 W3'",
        ("dmu", dz): "that is the decoder's path alone: the KL sends mu as well",
        ("dmu", mu): "that is the KL's path alone: the decoder sends dz as well",
        ("dmu", dz - mu): "the sign of the KL's path: the loss adds the KL",
        ("draw", v["dsigma"]): "that is dsigma; the head's slope sigmoid(raw) is missing",
        (
            "draw",
            v["dsigma"] * sigma / 2,
        ): "that is the log-variance head; the softplus head has sigmoid(raw)",
        ("draw", (dz + kl_path) * slope): "dsigma has the factor eps in the decoder's path: dz eps",
        ("draw", dz * eps * slope): "the KL's path is missing in dsigma: sigma - 1/sigma",
        ("draw", kl_path * slope): "the decoder's path is missing in dsigma: dz eps",
        ("draw", (dz * eps - kl_path) * slope): "the sign of the KL's path in dsigma",
        ("draw", (dz * eps + sigma + 1 / sigma) * slope): "the KL's path is sigma - 1/sigma",
    }


# The backward pass, judged block by block.

SIZES = {"n_inputs": 13, "hidden": (11,), "n_latent": 9}  # more than a batch, for read_off
WAY_BACK = [
    f"{stack}.{layer}.{name}" for stack in ("decoder", "encoder") for layer in (1, 0) for name in "Wb"
]
GOES_IN = {"decoder.1": "decoder_h0", "decoder.0": "z", "encoder.1": "encoder_h0", "encoder.0": "x"}
ARRIVES = {"decoder.1": "dlogits", "decoder.0": "ddecoder_a0", "encoder.0": "dencoder_a0"}
BEFORE = {  # gradients that have a name when they arrive at a layer
    "decoder.1": (),
    "decoder.0": ("dlogits", "ddecoder_h0"),
    "encoder.1": ("dz",),
    "encoder.0": ("dz", "dmu", "draw", "dencoder_h0"),
}


def backward(answer):
    """Judge vae_backward on models in float64 against the package's own backward pass, block by block on
    the way back.
    """
    failures, right = [], []
    for B in BATCHES:
        rng = np.random.default_rng(B)
        vae = VAE(**SIZES, dtype=np.float64, seed=B)
        vae.theta = vae.theta + rng.normal(0, 0.1, vae.theta.shape)
        x = rng.integers(0, 2, (B, SIZES["n_inputs"])).astype(float)
        t = vae.forward(x, rng.standard_normal((B, SIZES["n_latent"])))
        d, true = vae.backward(t), {name: g.copy() for name, g in vae.gradients.items()}
        arrays = gradients_of(answer, vae, t)
        wrong = [name for name in WAY_BACK if distance(arrays[name], true[name]) > 1e-6]
        if wrong:
            failures.append((B, wrong, arrays, true, t, d))
        else:
            right.append(B)
    if not failures:
        return
    B, wrong, arrays, true, t, d = max(failures, key=lambda failure: failure[0])
    fine = [name for name in WAY_BACK if name not in wrong]
    lines = [f"Right: {', '.join(fine)}."] if fine else []
    first = "Wrong" if len(wrong) == 1 else "The first wrong one on the way back"
    off = distance(arrays[wrong[0]], true[wrong[0]])
    lines.append(f"{first}: {wrong[0]}, off by {off:.2g} (relative), with a batch of {B}.")
    words, found = cause(wrong[0], arrays, true, t, d)
    lines += words + [f"With a batch of {B} all is right." for B in right[:1]]
    raise Wrong("\n".join(lines), found)


backward.is_gradient = True


def gradients_of(answer, vae, t):
    """What the learner's function returns for a trace, as {name: array}."""
    p = {name: value.copy() for name, value in vae.parameters.items()}
    given = call(answer, {"p": p, "t": SimpleNamespace(**{name: np.copy(t[name]) for name in t})})
    for name, value in p.items():
        if not np.array_equal(value, vae.parameters[name]):
            raise Wrong(
                f"Your function changes the parameter {name}. A backward pass computes; the optimiser moves."
            )
    if not isinstance(given, dict):
        raise Wrong(
            f"Your function returns a {type(given).__name__}; a dictionary is expected, with a gradient for"
            " each name in p."
        )
    missing = [name for name in WAY_BACK if name not in given]
    if missing:
        others = f", nor {len(missing) - 1} others." if missing[1:] else "."
        raise Wrong(f"The dictionary has no entry {missing[0]!r}{others}")
    words = f" (a batch of {len(t.x)})"
    return {name: as_array(given[name], name, p[name].shape, words) for name in WAY_BACK}


def cause(block, arrays, true, t, d):
    """(lines, Explanations) for the first wrong block: what the gradient that arrived there lacks."""
    layer, B = block[:-2], len(t.x)
    names = {name: t[name] for name in t if name not in ("log_px_z", "kl", "elbo", "objective", "loss")}
    names |= {name: d[name] for name in BEFORE[layer]} | {"B": B}
    names |= {"sigmoid(raw)": sigmoid(t.raw), "sigmoid(logits)": sigmoid(t.logits)}
    arrived = read_off(arrays[f"{layer}.W"], arrays[f"{layer}.b"], t[GOES_IN[layer]])
    if arrived is None:  # the layer's own formulas
        names |= {ARRIVES[layer]: d[ARRIVES[layer]]} if layer in ARRIVES else {"dhead": head(d)}
        found = diagnose(arrays[block], true[block], names)
        return [f"Likeliest cause: {found[0].words}"] if found else [], found
    if layer in ARRIVES:
        found = diagnose(arrived, d[ARRIVES[layer]], names)
        return [f"Likeliest cause: in {ARRIVES[layer]}, {found[0].words}"] if found else [], found
    return cause_in_head(arrived, names, t, d)


def read_off(dW, db, h):
    """What arrived at a layer, (B, n_out), from its dW = h' da and db; None where nothing gives both."""
    arrived = np.linalg.lstsq(h.T, dW)[0]
    gives_both = distance(h.T @ arrived, dW) < 1e-9 and distance(arrived.sum(axis=0), db) < 1e-9
    return arrived if gives_both and np.linalg.matrix_rank(h) == len(h) else None


def head(d):
    return np.concatenate([d.dmu, d.draw], axis=1)


def cause_in_head(arrived, names, t, d):
    """The two halves of the head by name: which is wrong, and what of its two paths is missing."""
    B, (dmu, draw) = len(t.x), np.split(arrived, 2, axis=1)
    if distance(dmu, d.draw) < 1e-9 and distance(draw, d.dmu) < 1e-9:
        return ["Likeliest cause: the two halves are exchanged: the columns of mu are on the left."], []
    slope = sigmoid(t.raw)
    halves = {
        "dmu": (dmu, d.dmu, {"the decoder's path": d.dz, "the KL's path": t.mu / B}),
        "draw": (
            draw,
            d.draw,
            {
                "the decoder's path": d.dz * t.eps * slope,
                "the KL's path": (t.sigma - 1 / t.sigma) * slope / B,
            },
        ),
    }
    lines, explanations = [], []
    for name, (given, expected, paths) in halves.items():
        if distance(given, expected) < 1e-6:
            lines.append(f"{name}, its {'left' if name == 'dmu' else 'right'} half, is right.")
            continue
        known = names | ({"dsigma": d.dsigma} if name == "draw" else {})
        found = diagnose(given, expected, known, paths)
        lines.append(f"Likeliest cause: in {name}, {found[0].words}" if found else f"{name} is wrong.")
        explanations += found
    return lines, explanations


# The model without a latent.


def images_to_train_on(rng, B, v):
    """Black and white, with a pixel that is always dark and one that is always light."""
    return (rng.random((40, 5)) < [*rng.uniform(0.1, 0.9, 3), 0, 1]).astype(float)


def surprise(p, test):
    return -(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=-1)


def independent_pixels(train, test):
    return surprise(train.mean(axis=0).clip(0.001, 0.999), test)


EXERCISES = (
    Exercise(
        "9.1",
        "a whole pass with the pencil",
        pencil(
            **{name: PAPER[name] for name in ("z", "elbo", "dz", "dmu", "draw")},
            mistakes=slips_of_the_pencil(Worksheet(PENCIL_SEED)),
        ),
        (
            "Go line by line through the finished sheet above, with the new numbers. Keep four decimals.",
            "Mind the ReLUs: a unit whose a is negative passes nothing on, neither forward nor backward.",
            f"print(Worksheet(seed={PENCIL_SEED})) shows every line; first find where yours leaves it.",
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
            inputs(train=images_to_train_on, test=bits("B", 5)),
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
                    lambda train, test: surprise(test.mean(axis=0).clip(0.001, 0.999), test)
                ),
                "one probability for all pixels; each has its own: axis=0": (
                    lambda train, test: surprise(np.clip(train.mean(), 0.001, 0.999), test)
                ),
                "the dark pixels are left out: 1 - x with log(1 - p)": (
                    lambda train, test: -(test * np.log(train.mean(axis=0).clip(0.001, 0.999))).sum(axis=-1)
                ),
                "light and dark are exchanged: x with log p": (
                    lambda train, test: surprise(train.mean(axis=0).clip(0.001, 0.999), 1 - test)
                ),
                "the entropy of the pixels is the same for all images; (9.13) has the test image in it": (
                    lambda train, test: np.full(
                        len(test),
                        surprise(
                            train.mean(axis=0).clip(0.001, 0.999), train.mean(axis=0).clip(0.001, 0.999)
                        ),
                    )
                ),
                "log 0, for a pixel that was never light in training, or always: clip p at both ends": (
                    lambda train, test: surprise(train.mean(axis=0), test)
                ),
                "the clip is at 0.001 and 0.999": (
                    lambda train, test: surprise(train.mean(axis=0).clip(0.01, 0.99), test)
                ),
            },
        ),
        (
            "The probability of each pixel is its mean over the training images; clip it to [0.001, 0.999].",
            "Then (7.2) with a minus, for the test images: one number per image.",
            "p = train.mean(axis=0).clip(0.001, 0.999); then x with log p, 1 - x with log(1 - p), axis=1",
        ),
    ),
    Exercise(
        "9.4",
        "what do these runs say?",
        chosen(
            {"A": "collapsed", "B": "healthy", "C": "impossible", "D": "autoencoder"},
            ("healthy", "collapsed", "autoencoder", "impossible"),
            clues={
                "A": (
                    "Its KL is 0: how much does z tell about the image? And compare its reconstruction with"
                    " that of independent pixels."
                ),
                "B": (
                    "Reconstruction and KL are both well away from 0, and their sum is far below that of"
                    " independent pixels."
                ),
                "C": "Look at the sign of its KL, and remember lesson 2.",
                "D": (
                    "Hardly anything is lost in reconstruction, at a price of 1619 nats that nobody seems to"
                    " have asked for."
                ),
            },
        ),
        (
            "First look for what cannot be: which sign may a KL have?",
            "A KL of 0 means that z says nothing; one in the thousands, that nobody asked for its price.",
        ),
    ),
)
