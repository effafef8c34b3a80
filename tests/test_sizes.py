"""Verdicts at odd sizes: one number, coinciding sizes, very wide arrays, and what a second point tells."""

import functools

import numpy as np
import pytest

from minivae import VAE, Gaussian
from minivae.gradcheck import check, check_gradient

SIZES = {"one": (1, 1, 1), "batch 1": (1, 4, 3), "square": (4, 4, 4), "wide": (2, 3000, 2)}
sizes = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
MOVING = "dense", "kl", "x log x", "shift"  # of the others slopes may be the same a per cent away
methods = pytest.mark.parametrize("method", ["central", "complex"])


def softmax(x):
    e = np.exp(x - x.real.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def softmax_gradient(dy, x):
    p = softmax(x)
    return p * (dy - (p * dy).sum(1, keepdims=True))


def pairs(B, D, H, scale):
    """{name: (function, gradient, arrays)}"""
    rng = np.random.default_rng(0)
    x, W, b, whole = rng.standard_normal((B, D)), rng.standard_normal((D, H)), rng.standard_normal(H), (B, D)
    sigma, steps = rng.uniform(0.5, 2, whole), rng.integers(-2, 3, whole) * 1.0
    return {
        "dense": (
            lambda x, W, b: x @ W + b,
            lambda dy, x, W, b: (dy @ W.T, x.T @ dy, dy.sum(0)),
            (scale * x, W, b),
        ),
        "kl": (
            lambda mu, sigma: ((mu**2 + sigma**2 - 1) / 2 - np.log(sigma)).sum(),
            lambda mu, sigma: (mu, sigma - 1 / sigma),
            (scale * x, scale * sigma),
        ),
        "softmax": (softmax, softmax_gradient, (min(scale, 1) * x,)),
        "relu": (lambda a: np.maximum(a, 0), lambda da, a: da * (a > 0), (scale * steps,)),
        "x log x": (lambda p: p * np.log(p), lambda dy, p: dy * (np.log(p) + 1), (scale * sigma * 1e-6,)),
        "shift": (
            lambda x, a, c: a * x + c,
            lambda dy, x, a, c: (a * dy, (dy * x).sum(), dy.sum()),
            (scale * x, 1.7, -0.3),
        ),
    }


@methods
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@sizes
def test_right_pairs_are_never_wrong(size, scale, method):
    for name, (function, gradient, arrays) in pairs(*size, scale).items():
        report = check_gradient(function, gradient, *arrays, method=method)
        assert report.verdict != "wrong", (name, str(report))
        assert report.passed or scale != 1, (name, str(report))


def one_entry(found):
    """The last number of the largest gradient a hundredth of its size off."""
    found = [np.array(g, float) for g in found]
    largest = max(found, key=lambda g: np.abs(g).max())
    largest.flat[-1] += 0.01 * np.abs(largest).max() or 1.0
    return found


def stale():
    """What the first call gave."""
    kept = []
    return lambda found: kept or kept.extend(np.array(g, float) for g in found) or kept


def spoilt(gradient, by):
    """The gradient, with what it returns changed; its arguments keep their names."""

    @functools.wraps(gradient)
    def wrong(*arguments):
        found = gradient(*arguments)
        several = isinstance(found, tuple)
        found = tuple(by(found if several else (found,)))
        return found if several else found[0]

    return wrong


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@sizes
def test_one_wrong_entry_and_stale_numbers_never_pass(size, scale):
    for name, (function, gradient, arrays) in pairs(*size, scale).items():
        assert not check_gradient(function, spoilt(gradient, one_entry), *arrays).passed, name
        if name in MOVING:
            assert not check_gradient(function, spoilt(gradient, stale()), *arrays).passed, name


def test_a_wide_array_full_of_kinks_hides_nothing():
    x = np.random.default_rng(0).integers(-2, 3, (2, 3000)) * 1.0
    relus, right = lambda x: np.maximum(x, 0).sum(), lambda x: (x > 0) * 1.0
    assert check_gradient(relus, right, x).passed
    wrong = lambda x: (x > 0) + 0.01 * (np.arange(3000) > 2990)
    assert not check_gradient(relus, wrong, x).passed
    fixed = check_gradient(relus, right(x), x)  # of numbers there is no second point
    assert fixed.verdict == "undecided" and "kinks" in fixed.summary


def test_a_lost_imaginary_part_does_not_hide_on_kinks():
    x = np.arange(-2.0, 3.0)
    report = check_gradient(np.abs, lambda dy, x: 0 * x, x, method="complex")
    assert report.traps[0].name == "imaginary part"


@methods
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("likelihood", ["bernoulli", Gaussian("pixel")], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    "size", [(1, (), 1, 1, 1), (1, (1,), 1, 1, 1), (4, (4,), 4, 4, 4), (2000, (2,), 1, 2, 1)], ids=str
)
def test_models_of_odd_sizes_are_right(size, likelihood, dtype, method):
    D, hidden, M, B, K = size
    rng = np.random.default_rng(0)
    vae = VAE(D, hidden, M, likelihood, activation="tanh", dtype=dtype)
    report = check(vae, rng.random((B, D)), rng.standard_normal((K, B, M)), method=method)
    assert report.passed, str(report)
