"""What several test files share."""

import os

# Before NumPy is there, for these tests and the processes they start: matrices are small, and on a busy
# machine threads that wait for one another take several times as long as one alone.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings


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
