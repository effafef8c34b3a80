"""Common wrong answers to the exercises of lesson 09, and what the check must say."""

from types import SimpleNamespace

import numpy as np

from minivae.course.lesson_09 import PAPER
from minivae.course.saved_answers import SPARES, assemble

PART = SimpleNamespace(**{name: spare for name, (_, spare) in SPARES.items()})


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
    return tuple((PAPER | changed)[name] for name in ("z", "elbo", "dz", "dmu", "draw"))


def surprise(p, test):
    return -(test * np.log(p) + (1 - test) * np.log(1 - p)).sum(axis=1)


WRONG = [
    ("9.1", paper(z=PAPER["mu"] + PAPER["raw"] * PAPER["eps"]), "raw is not sigma yet"),
    ("9.1", paper(elbo=PAPER["loss"]), "that is the loss"),
    ("9.1", paper(dmu=PAPER["dz"]), "the decoder's path alone"),
    ("9.1", paper(draw=PAPER["dsigma"]), "slope sigmoid(raw) is missing"),
    ("9.2", with_part("bernoulli_backward", lambda f: lambda x, a: f(x, a) * len(x)), "B times too large"),
    ("9.2", with_part("bernoulli_backward", lambda f: lambda x, a: -f(x, a)), {"relation": "sign"}),
    ("9.2", with_part("relu_backward", lambda f: lambda dh, a: dh), "the true gradient is z.T @ ddecoder_a0"),
    (
        "9.2",
        with_part(
            "latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, beta)[::-1]
        ),
        "halves swapped",
    ),
    (
        "9.2",
        with_part("latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, 0.0)),
        "lacks the KL's path",
    ),
    (
        "9.2",
        with_part("latent_backward", lambda f: lambda dz, mu, raw, eps, beta: f(dz, mu, raw, eps, 1.0)),
        "the KL's path",
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
    ("9.3", lambda train, test: surprise(train.mean(axis=0), test), "NaN or infinite"),
    (
        "9.3",
        lambda train, test: surprise(train.mean(axis=0).clip(0.001, 0.999), test) / 5,
        "a mean over pixels",
    ),
    ("9.4", ("collapsed", "healthy", "healthy", "autoencoder"), "Run C is not 'healthy'"),
    ("9.4", ("healthy", "collapsed", "impossible", "autoencoder"), "Run A is not 'healthy'"),
]
