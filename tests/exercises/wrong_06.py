"""Common wrong answers to the exercises of lesson 06, and what the check must say."""

import numpy as np


def kl_is_zero_at_the_prior(kl):
    return bool(np.allclose(kl(np.zeros((1, 2)), np.ones((1, 2))), 0))


def kl_is_never_negative(kl):
    rng = np.random.default_rng(0)
    return bool((kl(rng.normal(size=(50, 2)), rng.uniform(0.2, 3, (50, 2))) >= 0).all())


def one_latent(kl):
    return bool(np.allclose(kl(np.array([[1.0]]), np.array([[2.0]])), 0.5 + 2 - np.log(2) - 0.5))


def without_else(kl):
    if np.allclose(kl(np.array([[1.0, 0.0]]), np.array([[1.0, 2.0]])), 2.5 - np.log(2) - 0.5):
        return True


def size(a, n):
    return max(np.max(np.abs(a) + np.abs(n)), 1e-300)


def direction(unit=lambda g, v: np.linalg.norm(g), sign=-1, way=2):
    """direction_error with one of its parts exchanged."""

    def direction_error(loss, theta, gradient, v, h=1e-7):
        slope = (loss(theta + h * v) - loss(theta - h * v)) / (way * h)
        return abs(slope + sign * gradient @ v) / unit(gradient, v)

    return direction_error


WRONG = [
    ("6.1", lambda f, x, h: (f(x + h) - f(x)) / h, "forward difference"),
    ("6.1", lambda f, x, h: (f(x + h) - f(x - h)) / h, "you divided by h"),
    ("6.1", lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h, "brackets"),
    ("6.1", lambda f, x, h: abs(f(x + h) - f(x - h)) / (2 * h), "no abs"),
    ("6.1", lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h), "right minus left"),
    ("6.2", lambda f, x, h: (f(x + h) - f(x)) / h, "swallowed by x"),
    ("6.2", lambda f, x, h: np.imag(f(x + 1j * h)), "division by h"),
    ("6.2", lambda f, x, h: f(x + 1j * h) / h, "expected real numbers"),
    ("6.2", lambda f, x, h: abs(np.imag(f(x + 1j * h))) / h, "no abs"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / np.max(np.abs(a) + np.abs(n)), "NaN or infinite"),
    (
        "6.3",
        lambda a, n: np.max(np.abs(a - n) / np.maximum(np.abs(a) + np.abs(n), 1e-300)),
        "number by number",
    ),
    ("6.3", lambda a, n: np.max(a - n) / size(a, n), "np.abs is missing above"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a + n)), 1e-300), "not |a + n|"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / (np.max(np.abs(a)) + np.max(np.abs(n)) or 1), "two maxima"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / (max(np.max(abs(a)), np.max(abs(n))) or 1), "the larger"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / (np.max(np.abs(n)) or 1), "not |n| alone"),
    ("6.3", lambda a, n: np.max(np.abs(a - n)), "absolute error"),
    ("6.3", lambda a, n: np.abs(a - n) / size(a, n), "expected a single number"),
    ("6.4", ("sigma", "mu", "sigmoid(raw)"), "Case 1 is not 'sigma'"),
    ("6.4", ("eps", "dz", "sigmoid(raw)"), "true_gradient - yours"),
    ("6.4", ("eps", "mu", "noise"), "none of the words"),
    ("6.5", lambda kl: True, "lets pass the KL without its 1/2"),
    ("6.5", lambda kl: False, "rejects the KL that is right"),
    ("6.5", kl_is_zero_at_the_prior, "lets pass the KL without its 1/2"),
    ("6.5", kl_is_never_negative, "lets pass"),
    ("6.5", one_latent, "more than one latent"),
    ("6.5", without_else, "is a `return False` missing"),
    ("6.5", lambda kl: kl(np.zeros((1, 2)), np.ones((1, 2))) + 3.0, "return True or False"),
    ("6.6", direction(unit=lambda g, v: 1), "the division by the size of the gradient is missing"),
    ("6.6", direction(unit=lambda g, v: abs(g @ v)), "not that of g'v"),
    ("6.6", direction(sign=+1), "comes off the slope"),
    ("6.6", direction(way=1), "you divided by h"),
    (
        "6.6",
        lambda loss, theta, gradient, v, h: (
            abs((loss(theta + h * v) - loss(theta)) / h - gradient @ v) / np.linalg.norm(gradient)
        ),
        "one step forward and one back",
    ),
]
