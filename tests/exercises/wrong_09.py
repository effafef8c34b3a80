"""Common wrong answers to the exercises of lesson 09, and what the check must say."""

from types import SimpleNamespace

import numpy as np

from minivae.course.lesson_09 import PAPER, PENCIL_SEED
from minivae.course.saved_answers import SPARES, assemble
from minivae.course.worksheet import Worksheet
from minivae.layers import sigmoid, softplus

PART = SimpleNamespace(**{name: spare for name, (_, spare) in SPARES.items()})


NAMES = ("z", "elbo", "dz", "dmu", "draw")


def with_part(name, wrong):
    """vae_backward assembled from right parts and a wrong one: wrong(right) -> function."""
    return assemble(SimpleNamespace(**{**vars(PART), name: wrong(getattr(PART, name))}))


def forgets(name):
    def vae_backward(p, t):
        d = assemble(PART)(p, t)
        del d[name]
        return d

    return vae_backward


def heads_of_the_decoder(p, t):
    """The gradients in a list instead of a dictionary."""
    return list(assemble(PART)(p, t).values())


def paper(**changed):
    return tuple((PAPER | changed)[name] for name in NAMES)


def surprise(p, test):
    return -(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=1)


def latent(draw):
    """vae_backward with a hand-written latent, in which the line of draw is wrong."""

    def latent_backward(dz, mu, raw, eps, beta):
        return dz + beta * mu, draw(dz, softplus(raw) + 1e-6, eps, sigmoid(raw), beta)

    return with_part("latent_backward", lambda right: latent_backward)


def exchanged(sheet):
    """The pass with mu and raw exchanged."""
    v, p, x = sheet.values, sheet.vae.parameters, sheet.x
    t = sheet.vae.run(x, sheet.eps)
    mu, raw = t.raw, t.mu
    vae = sheet.vae.astype(float)
    for name, columns in (("W", vae.parameters["encoder.1.W"]), ("b", vae.parameters["encoder.1.b"])):
        columns[...] = p[f"encoder.1.{name}"][..., ::-1]
    t = vae.forward(x, sheet.eps)
    d = vae.backward(t)
    assert t.mu == mu and t.raw == raw and v["mu"] == raw
    return tuple(float(np.squeeze(of[name])) for of, name in zip((t, t, d, d, d), NAMES))


WRONG = [
    ("9.1", exchanged(Worksheet(PENCIL_SEED)), "the heads are exchanged"),
    ("9.1", paper(z=PAPER["mu"] + PAPER["raw"] * PAPER["eps"]), "raw is not sigma yet"),
    ("9.1", paper(elbo=PAPER["loss"]), "that is the loss"),
    ("9.1", paper(dmu=PAPER["dz"]), "the decoder's path alone"),
    ("9.1", paper(draw=PAPER["dsigma"]), "slope sigmoid(raw) is missing"),
    ("9.2", with_part("bernoulli_backward", lambda f: lambda x, a: f(x, a) * len(x)), "B times too large"),
    ("9.2", with_part("bernoulli_backward", lambda f: lambda x, a: -f(x, a)), {"relation": "sign"}),
    (
        "9.2",
        with_part("relu_backward", lambda f: lambda dh, a: dh),
        "in ddecoder_a0, yours is the true gradient without the factor decoder_a0 > 0",
    ),
    (
        "9.2",
        with_part(
            "latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, beta)[::-1]
        ),
        "the two halves are exchanged",
    ),
    (
        "9.2",
        with_part("latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, 0.0)),
        "in draw, yours lacks the KL's path",
    ),
    (
        "9.2",
        with_part("latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, 1.0)),
        "in dmu, yours has B times the term mu/B: the KL's path",
    ),
    ("9.2", latent(lambda dz, s, eps, slope, b: dz * eps + b * (s - 1 / s)), "the factor sigmoid(raw)"),
    ("9.2", latent(lambda dz, s, eps, slope, b: dz * eps * slope), "in draw, yours lacks the KL's path"),
    (
        "9.2",
        latent(lambda dz, s, eps, slope, b: (dz * eps - b * (s - 1 / s)) * slope),
        "wrong sign in the KL's",
    ),
    (
        "9.2",
        latent(lambda dz, s, eps, slope, b: (dz * eps + b * (s - 1 / s)) * s / 2),
        "in draw, yours has the",
    ),
    ("9.2", forgets("encoder.0.b"), "no entry 'encoder.0.b'"),
    ("9.2", heads_of_the_decoder, "a dictionary is expected"),
    (
        "9.3",
        lambda train, test: -surprise(train.mean(axis=0).clip(0.001, 0.999), test),
        "this is the log-likelihood",
    ),
    (
        "9.3",
        lambda train, test: surprise(test.mean(axis=0).clip(0.001, 0.999), test),
        "held out means held out",
    ),
    ("9.3", lambda train, test: surprise(train.mean(axis=0), test), "clip p at both ends"),
    (
        "9.3",
        lambda train, test: surprise(train.mean(axis=0).clip(0.001, 0.999), test) / 5,
        "a mean over pixels",
    ),
    ("9.4", ("collapsed", "healthy", "healthy", "autoencoder"), "Run C is not 'healthy'"),
    ("9.4", ("healthy", "collapsed", "impossible", "autoencoder"), "Run A is not 'healthy'"),
]
