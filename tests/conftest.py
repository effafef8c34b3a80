"""What several test files share."""

import os

# Before NumPy is there, for these tests and the processes they start: matrices are small, and on a busy
# machine threads that wait for one another take several times as long as one alone.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

from minivae import VAE, Gaussian


def pytest_configure(config):
    # a complex step that is assigned into a real array loses its imaginary part with only this warning; named
    # here and not in pyproject.toml, where it would import NumPy too early
    config.addinivalue_line("filterwarnings", "error::numpy.exceptions.ComplexWarning")


settings.register_profile("minivae", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("minivae")


@pytest.fixture(autouse=True)
def global_numpy_state():
    """No test, and nothing that it calls, may touch NumPy's global generator."""
    before = np.random.get_state()
    yield
    for then, now in zip(before, np.random.get_state(), strict=True):
        assert np.array_equal(then, now), "NumPy's global generator was used"


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# The models that tests are made with: sizes and numbers that don't coincide, and no parameter is 0.

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


@pytest.fixture
def assert_gradient():
    """assert_gradient(f, a, analytic): one block within 1e-6 of the central difference (correct code reaches
    about 1e-9)."""

    def check(f, a, analytic):
        assert gradient_error(f, a, analytic) < 1e-6

    return check
