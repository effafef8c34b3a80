"""What went wrong in a gradient: ratio and difference looked up among the numbers that have names (lesson
06).

There is no rule per mistake here. `diagnose` is given the two gradients and whatever has a name, and builds
candidates from the names: products of dz, eps, 1/sigma, sigmoid(raw), 1 - h^2, ... (products.py) and
constants such as 2, 1/B, K (constants.py). Then it asks, in turn:

    wrong = c * true, or true put elsewhere?      zero, a sign, a constant, transposed, rows moved
    (6.6)
    wrong * g = c * true * f?                     a factor missing, too many, or another one
    (6.7)
    wrong - true = c * E?                         a term missing, too many, or with the wrong sign
    (6.8)
    wrong - true = c * (E1 - E2)?                 a term in the place of another: a factor of one term
    (6.9)
    wrong = E1 and true = E2?                     two formulas

An answer leaves nothing but rounding on every entry, and must agree with more different numbers than chance
could meet among so many candidates. Otherwise the list is empty.
"""

import math

import numpy as np

from .case import Case, Explanation
from .places import constant, explain_shapes, in_part, moved
from .terms import factor, formula, term, two_terms

__all__ = ["Explanation", "diagnose", "ranked", "stacked"]

DIAGNOSED = 600  # coordinates that a check measures of a wrong block
REPEATS = 12  # draws for the diagnosis of a single number
AGAIN = (
    "yours differs from call to call: noise is drawn again in it, where the eps of the forward pass is meant."
)


def diagnose(analytic, numeric, named=None, paths=None, tolerance=1e-6):
    """Explanations of a wrong gradient, the simplest first; an empty list where nothing fits, or nothing is
    wrong.

    analytic   the gradient under test, any shape
    numeric    the true gradient in the same shape; NaN where it was not measured
    named      {name: array or number} of what may have gone into it, in the package's layout: (features,),
               (B, features), (K, B, features), weights (n_in, n_out). Names that start with d, and
               "upstream", are gradients that arrive from above: they enter linearly. Sizes that have no name
               are called K and B.
    paths      {words: array}: known summands of the true gradient, such as {"the KL path": mu}
    tolerance  the relative error of the block, as gradcheck measures it, up to which two gradients are equal
    """
    return [explanation for _, explanation in ranked(analytic, numeric, named, paths, tolerance)]


def ranked(analytic, numeric, named=None, paths=None, tolerance=1e-6):
    """diagnose, with what each explanation costs in simplicity: [(cost, Explanation)]."""
    analytic, numeric = np.asarray(analytic, float), np.asarray(numeric, float)
    if analytic.shape != numeric.shape:
        return [(1.0, explanation) for explanation in explain_shapes(analytic, numeric, tolerance)]
    named = {
        name: v
        for name, v in ((name, _numbers(value)) for name, value in (named or {}).items())
        if v is not None
    }
    case = Case(analytic, numeric, named, dict(paths or {}), tolerance)
    if not np.isfinite(analytic).all() or case.error(case.a, case.n) <= tolerance:
        return []
    with np.errstate(all="ignore"):  # 1/0 and log(-1) are candidates that fall away
        return _ranked(case)


def stacked(draws):
    """[(analytic, numeric, named)] of gradients of one number each -> one (analytic, numeric, named) for
    diagnose.

    One number is explained by too many formulas; a dozen of them, for other inputs, by few. They make a new
    last axis.
    """
    analytic, numeric, named = zip(*draws)
    arrays = {key: [np.asarray(some[key]) for some in named] for key in named[0]}
    kept = {key: some[0] for key, some in arrays.items() if some[0].size == 1 and np.ptp(some) == 0}
    varying = {
        key: np.stack(some, axis=-1)
        for key, some in arrays.items()
        if key not in kept and some[0].dtype.kind in "fiub"
    }
    return (
        np.ravel(analytic),
        np.ravel(numeric),
        kept | {key: v.reshape(-1) if v.size == len(draws) else v for key, v in varying.items()},
    )


SIMPLE = 2.5  # an explanation of this cost ends the search


def _ranked(case):
    """[(cost, Explanation)], the simplest first.

    Later questions are asked only where earlier ones found nothing simple.
    """
    found, order = {}, []
    stages = (
        ((constant, moved), 2.0),
        ((factor, term, formula), SIMPLE),
        ((two_terms,), math.inf),
        ((in_part,), math.inf),
    )
    for questions, simple in stages:
        for question in questions:
            for cost, explanation in question(case):
                key = explanation.relation, explanation.term
                if key not in found or cost < found[key][0]:
                    found[key] = cost, explanation
        order = sorted(found.values(), key=lambda pair: pair[0])
        if order and order[0][0] <= simple:
            break
    return [pair for pair in order if pair[0] <= order[0][0] + 1.0][:4]


def _numbers(value):
    """A finite real array of what was named; None for anything else."""
    v = np.asarray(value)
    v = v.real if v.dtype.kind == "c" else v
    return v.astype(float) if v.dtype.kind in "fiub" and v.size and np.isfinite(v).all() else None
