"""The models that tests are made with: sizes and numbers that don't coincide, and no parameter is 0.

Here and not in conftest.py, of which tests/browser has another.
"""

import numpy as np
import pytest

from minivae import VAE, Gaussian

LIKELIHOODS = {
    "bernoulli": "bernoulli",
    "shared": "gaussian",
    "fixed": Gaussian(sigma=0.3),
    "pixel": Gaussian(sigma="pixel"),
}
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
every_head = pytest.mark.parametrize("head", ["softplus", "logvar"])


def odd_vae(**settings):
    """A small VAE in float64 with odd numbers in all its parameters; ReLUs are more often alive than dead."""
    sizes = {"n_inputs": 5, "hidden": (4,), "n_latent": 2, "init": "glorot", "dtype": np.float64, "seed": 3}
    vae = VAE(**{**sizes, **settings})
    vae.theta += 0.2 * np.random.default_rng(vae.seed).standard_normal(vae.theta.size)
    for name in vae.parameters:
        if name.endswith(".b"):
            vae.parameters[name] = vae.parameters[name] + 0.2
    return vae


def batch_of(vae, K=None, B=4, seed=5):
    """x (B, D) of grey pixels, eps (B, M) or (K, B, M), and y where the model is conditional."""
    rng = np.random.default_rng(seed)
    eps = rng.standard_normal((B, vae.n_latent) if K is None else (K, B, vae.n_latent))
    x = rng.random((B, vae.n_inputs))
    return x, eps, rng.integers(vae.n_conditions, size=B) if vae.n_conditions else None


def gradient_error(f, a, analytic, h=6e-6):
    """The relative error of one block: max |a - n| / max(|a| + |n|), n the central difference of f() in the
    float64 array a.

    f takes no argument and reads a, which is moved in place and put back.
    """
    numerical = np.empty_like(a)
    for i in np.ndindex(a.shape):
        old = a[i]
        a[i] = old + h
        above = f()
        a[i] = old - h
        numerical[i] = (above - f()) / (2 * h)
        a[i] = old
    assert analytic.shape == a.shape
    return abs(analytic - numerical).max() / (abs(analytic) + abs(numerical)).max()
