"""What several test files share."""

import os
import signal

# Before NumPy is there, for these tests and the processes they start: matrices are small, and on a busy
# machine threads that wait for one another take several times as long as one alone.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell starts what runs in the background deaf to Ctrl-C, and processes started from there would be, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings
from models import gradient_error


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


@pytest.fixture
def assert_gradient():
    """assert_gradient(f, a, analytic): one block within 1e-6 of the central difference (correct code reaches
    about 1e-9)."""

    def check(f, a, analytic):
        assert gradient_error(f, a, analytic) < 1e-6

    return check
