"""Right answers to the exercises of lesson 06 in many styles: all of them count."""

import numpy as np

from minivae.gaussian import kl as true_kl


def by_many_places(kl):
    rng = np.random.default_rng(0)
    mu, sigma = rng.normal(size=(6, 3)), rng.uniform(0.3, 2, (6, 3))
    return np.allclose(kl(mu, sigma), ((sigma**2 + mu**2) / 2 - np.log(sigma) - 0.5).sum(axis=1))


def by_assertion(kl):
    mu, sigma = np.array([[1.0, 0.0], [0.5, -2.0]]), np.array([[1.0, 2.0], [0.7, 1.3]])
    assert np.allclose(kl(mu, sigma), true_kl(mu, sigma))
    return True


def worst_by_loop(a, n):
    off = size = 0.0
    for p, q in zip(np.ravel(a), np.ravel(n)):
        off, size = max(off, abs(p - q)), max(size, abs(p) + abs(q))
    return off / size if size else 0.0


def along_by_loop(loss, theta, gradient, v, h=1e-7):
    up, down = theta.copy(), theta.copy()
    promised = squares = 0.0
    for i, g in enumerate(gradient):
        up[i] += h * v[i]
        down[i] -= h * v[i]
        promised, squares = promised + g * v[i], squares + g * g
    return np.abs((loss(up) - loss(down)) / (2 * h) - promised) / squares**0.5


RIGHT = [
    ("6.6", along_by_loop),
    ("6.5", lambda kl: np.isclose(kl(np.array([[1.0, 0.0]]), np.array([[1.0, 2.0]])), 2 - np.log(2))),
    ("6.1", lambda f, x, h=6e-6: (f(x + h) - f(x - h)) / (2 * h)),
    ("6.1", lambda f, x, h: f(x + h) / (2 * h) - f(x - h) / (2 * h)),
    ("6.1", lambda f, x, h: [(f(x + h) - f(x - h)) / h / 2]),
    ("6.2", lambda f, x, h=1e-20: f(x + 1j * h).imag / h),
    ("6.2", lambda f, x, h: np.imag(f(complex(x, h))) / h),
    ("6.3", worst_by_loop),
    ("6.3", lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a) + np.abs(n)), 1e-300)),
    ("6.3", lambda a, n: np.array(worst_by_loop(a, n))),
    ("6.4", ("eps", "mu", "sigmoid(raw)")),
    ("6.4", ["eps", "mu", "sigmoid(raw)"]),
    ("6.5", by_many_places),
    ("6.5", by_assertion),
]
