"""A gradient of another shape than the true one: its numbers may be right all the same."""

from itertools import product

import numpy as np

from .case import Case, Explanation


def explain_shapes(analytic, numeric, tolerance):
    """The numbers may be right although their shape is not."""
    if not (np.isfinite(numeric).all() and np.isfinite(analytic).all()):
        return []
    shapes, found = f"yours has shape {analytic.shape}, the true gradient {numeric.shape}", []

    def found_if(p, q, relation, term, words):
        if p.shape == q.shape and Case.error(p, q) <= tolerance:
            found.append(Explanation(relation, term, Case.error(p, q), f"{shapes}: {words}."))

    if analytic.ndim == 2:
        found_if(analytic.T, numeric, "transpose", ".T", "it is the true gradient transposed")
    if analytic.size == numeric.size and not found:
        found_if(
            analytic.reshape(numeric.shape),
            numeric,
            "shape",
            str(numeric.shape),
            "the numbers are right, and want reshaping",
        )
    if found:
        return found
    for axis, f, keep in product(range(max(analytic.ndim, numeric.ndim)), (np.sum, np.mean), (False, True)):
        what = "summed" if f is np.sum else "averaged"
        if analytic.ndim > axis:
            found_if(
                f(analytic, axis=axis, keepdims=keep),
                numeric,
                "axis",
                f"axis {axis}",
                f"it is not yet {what} over axis {axis}",
            )
        if numeric.ndim > axis:
            found_if(
                analytic,
                f(numeric, axis=axis, keepdims=keep),
                "axis",
                f"axis {axis}",
                f"it is {what} over axis {axis}, which has to stay",
            )
    return found
