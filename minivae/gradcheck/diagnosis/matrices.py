"""Is the wrong gradient the true one, without a matrix beside it, or with one too many?"""

import numpy as np

from .case import Explanation
from .costs import COSTS

LARGEST = 300  # rows of a matrix that is tried


def matrix(case):
    """yours @ M = true, true @ M = yours, or M @. Yields Explanations that are verified."""
    if len(case.shape) not in (1, 2) or len(case.entries) < case.analytic.size:
        return
    for name, M in case.named.items():
        square = M.ndim == 2 and 1 < len(M) == M.shape[1] <= LARGEST and not case.is_above(name)
        if not square or np.array_equal(M, np.diag(np.diag(M))):  # a diagonal one is a factor
            continue
        for turned in (False, True):
            if len(M) == case.shape[-1]:
                yield from _beside(case, name, turned, "right")
            if len(case.shape) == 2 and len(M) == case.shape[0]:
                yield from _beside(case, name, turned, "left")


def _beside(case, name, turned, side):
    text = name + ".T" * turned
    bits = COSTS["framed"] + case.pool.name_bits[name] + turned

    def times(case, gradient):
        M = case.named[name].T if turned else case.named[name]
        whole = gradient.reshape(case.shape)
        return (whole @ M if side == "right" else M @ whole).ravel()

    def explanation(words, kind, claim):
        words = f"yours is the true gradient {words}."
        return Explanation("factor", text, 0.0, words, bits + COSTS[kind], claim)

    said = "{} @ " + text if side == "right" else text + " @ {}"
    words = f"without the factor {text} on the {side}: {said.format('yours')} is the true gradient"
    missing = explanation(words, "missing", lambda c: (times(c, c.a), c.n))
    yield case.verified(missing, case.tells(case.n))
    words = f"with the factor {text} on the {side} too many, or its inverse missing: "
    words += f"yours is {said.format('the true gradient')}"
    too_many = explanation(words, "too many", lambda c: (c.a, times(c, c.n)))
    yield case.verified(too_many, case.tells(case.a))
