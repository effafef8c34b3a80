"""Would the gradient be right if it were given something else? What no formula tells, a call can."""

import numpy as np

from .diagnosis import Explanation
from .numeric import relative_error
from .report import Stop

MOST = 24  # calls
ENOUGH = 4  # numbers that have to agree
EQUAL = 1e-6


def by_trial(pair, i, row, around, above):
    """[Explanation] of a gradient that is right for an upstream gradient times a named array, or for a square
    matrix transposed."""
    known = np.isfinite(row.numeric)
    true, yours = row.numeric[known], row.analytic[known]
    if not callable(pair.gradient) or len(np.unique(np.round(true, 9))) < ENOUGH:
        return []

    def is_true(of):
        try:
            found = of()[pair.free.index(i)]
        except Stop:
            return False
        found = np.asarray(found, float)
        if found.shape != row.numeric.shape or not np.isfinite(found).all():
            return False
        return relative_error(found[known], true) <= EQUAL < relative_error(found[known], yours)

    return next(([e] for e, of in list(_trials(pair, around, above))[:MOST] if is_true(of)), [])


def _trials(pair, around, above):
    """(Explanation, the call)."""
    for k, up in pair.way.ups.items():
        up = up or "upstream"
        for name, v in around.items():
            if name in above or np.size(v) < 2 or np.ptp(v) == 0 or not _fits(v, pair.ups[k]):
                continue
            words = f"yours is right if {up} is multiplied by {name} first: "
            words += f"the factor {name} is forgotten there."
            ups = [u * v if m == k else u for m, u in enumerate(pair.ups)]
            yield Explanation("factor", name, 0.0, words), lambda ups=ups: pair.backward(ups)
    for j in pair.free:
        A, name = pair.arrays[j], pair.array_names[j]
        if A.ndim == 2 and A.shape[0] == A.shape[1] and not np.array_equal(A, A.T):
            words = f"yours is right if {name} is transposed: "
            words += f"{name}.T is meant, or what is made of it transposed."
            arrays = [a.T.copy() if m == j else a for m, a in enumerate(pair.arrays)]
            call = lambda arrays=arrays: pair.elsewhere(arrays).backward()
            yield Explanation("transpose", f"{name}.T", 0.0, words), call


def _fits(v, up):
    try:
        return np.broadcast_shapes(np.shape(v), up.shape) == up.shape
    except ValueError:
        return False
