"""Two numerical derivatives, and what "equal" means (lesson 06).

Central differences, (f(x + h) - f(x - h)) / 2h, are good to about 1e-9 and work for any function. The complex
step, Im f(x + ih) / h, is exact to rounding and works for functions that are analytic (Squire & Trapp 1998).
A block of numbers is judged as one, by max |a - n| / max(|a| + |n|): one by one, numbers that are almost 0
would raise false alarms.
"""

import numpy as np

STEP = 1e-5  # of a central difference, in float64: (1e-16 |f|)^(1/3) balances rounding and curvature
COMPLEX_STEP = 1e-20  # nothing is subtracted, so it may be as small as one likes
METHODS = {"central": "central differences", "complex": "complex step"}
BANDS = {  # the relative error of a block, and what it says
    "central": ((1e-7, "right"), (1e-6, "right, but noisy"), (1e-4, "suspicious"), (np.inf, "wrong")),
    "complex": ((1e-13, "exact"), (1e-10, "right"), (1e-4, "suspicious"), (np.inf, "wrong")),
}
TOLERANCE = {"central": 1e-6, "complex": 1e-10}  # up to here a gradient is right


def central_difference(f, direction, h=STEP):
    """(f(h v) - f(-h v)) / 2h: the slope of f at 0 along v (6.2),
    off by about h^2 and by 1e-16 |f| / h (6.3)."""
    return (f(h * direction) - f(-h * direction)) / (2 * h)


def complex_step(f, direction, h=COMPLEX_STEP):
    """Im f(i h v) / h: the slope of f at 0 along v, without a subtraction (6.4).

    f has to compute in complex numbers.
    """
    return np.imag(f(1j * h * direction)) / h


def relative_error(analytic, numeric):
    """max |a - n| / max(|a| + |n|) of a block (6.5); 0 where both are zero everywhere,
    which is no 0/0 but agreement."""
    scale = np.max(np.abs(analytic) + np.abs(numeric), initial=0)
    return float(np.max(np.abs(analytic - numeric), initial=0) / scale) if scale else 0.0


def hessian_vector(gradient, x, v, method="central"):
    """H v: the second derivatives of a function times a direction, as the slope of its gradient along it.

    gradient(x) -> an array like x, by a formula or a backward pass; v in the shape of x. "complex" takes a
    gradient that computes in complex numbers, and is then exact. The matrix H never stands anywhere: two
    gradients give its product with any v (Pearlmutter 1994). u'H v = v'H u holds where there is a function
    of which `gradient` is the gradient. Raises ValueError for an unknown method and for another shape.

    >>> x, v = np.array([1.0, 2.0]), np.array([0.0, 1.0])
    >>> hessian_vector(lambda x: np.array([2 * x[0] * x[1], x[0] ** 2]), x, v, "complex")  # of x0^2 x1
    array([2., 0.])
    """
    x, v = np.asarray(x, float), np.asarray(v, float)
    if method not in METHODS:
        raise ValueError(f"method={method!r} is not known; take one of {', '.join(map(repr, METHODS))}.")
    if x.shape != v.shape:
        raise ValueError(f"v has shape {v.shape}, x {x.shape}: one number of v for each of x is expected.")
    along = lambda delta: np.array(gradient(x + delta))
    if method == "complex":
        return complex_step(along, v)
    largest = np.abs(v).max(initial=0)
    return central_difference(along, v, STEP * max(1.0, np.abs(x).max(initial=0)) / (largest or 1.0))
