"""How many threads NumPy's matrix products use."""

import sys
from contextlib import contextmanager


@contextmanager
def blas_threads(n):
    """Within this, matrix products run on n threads; None leaves them as they are.

    As many threads as cores, which is what BLAS starts of itself, spin while they wait for one another:
    beside other work that takes several times as long as one thread, and the rounding depends on their
    number.
    """
    try:
        if n is None or sys.platform == "emscripten":  # the browser has one thread
            raise ImportError
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(limits=n, user_api="blas"):
        yield
