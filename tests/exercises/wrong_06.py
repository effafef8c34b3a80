"""Common wrong answers to the exercises of lesson 06, and what the check must say."""

import numpy as np


def kl_is_zero_at_the_prior(kl):
    return bool(np.allclose(kl(np.zeros((1, 2)), np.ones((1, 2))), 0))


def kl_is_never_negative(kl):
    rng = np.random.default_rng(0)
    return bool((kl(rng.normal(size=(50, 2)), rng.uniform(0.2, 3, (50, 2))) >= 0).all())


def one_latent(kl):
    return bool(np.allclose(kl(np.array([[1.0]]), np.array([[2.0]])), 0.5 + 2 - np.log(2) - 0.5))


WRONG = [
    ("6.1", lambda f, x, h: (f(x + h) - f(x)) / h, "forward difference"),
    ("6.1", lambda f, x, h: (f(x + h) - f(x - h)) / h, "you divided by h"),
    ("6.1", lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h, "brackets"),
    ("6.2", lambda f, x, h: (f(x + h) - f(x)) / h, "swallowed by x"),
    ("6.2", lambda f, x, h: np.imag(f(x + 1j * h)), "division by h"),
    ("6.2", lambda f, x, h: f(x + 1j * h) / h, "expected real numbers"),
    ("6.3", lambda a, n: np.max(np.abs(a - n) / (np.abs(a) + np.abs(n))), "number by number"),
    (
        "6.3",
        lambda a, n: np.max(np.abs(a - n) / np.maximum(np.abs(a) + np.abs(n), 1e-300)),
        "number by number",
    ),
    ("6.3", lambda a, n: np.max(np.abs(a - n)), "absolute error"),
    ("6.3", lambda a, n: np.abs(a - n) / np.max(np.abs(a) + np.abs(n)), "expected a single number"),
    ("6.4", ("sigma", "mu", "sigmoid(raw)"), "Case 1: not 'sigma'"),
    ("6.4", ("eps", "dz", "sigmoid(raw)"), "true_gradient - yours"),
    ("6.4", ("eps", "mu", "noise"), "none of the names"),
    ("6.5", lambda kl: True, "lets pass the KL without its 1/2"),
    ("6.5", lambda kl: False, "rejects the KL that is right"),
    ("6.5", kl_is_zero_at_the_prior, "lets pass the KL without its 1/2"),
    ("6.5", kl_is_never_negative, "lets pass"),
    ("6.5", one_latent, "more than one latent"),
    ("6.5", lambda kl: kl(np.zeros((1, 2)), np.ones((1, 2))), "return True or False"),
]
