"""What went wrong in a gradient: ratio and difference looked up among the numbers that have names (lesson
06).

There is no rule per mistake here. `diagnose` is given the two gradients and whatever has a name, and builds
candidates from the names: products of dz, eps, 1/sigma, sigmoid(raw), 1 - h^2, ... (products.py) and
constants such as 2, 1/B, K (constants.py). Then it asks, in turn:

    wrong - true = c * path?               a known summand missing, turned round, ...          terms.py
    wrong = c * true? (6.6)                zero, a sign, a constant                            scale.py
    wrong = true, put elsewhere?           transposed, rows moved, clipped, ...                places.py
    wrong * g = c * true * f? (6.7)        a factor missing, too many, or another one          factors.py
    wrong @ M = true?                     a matrix beside it is missing, or too many          matrices.py
    wrong - true = c * E? (6.8)            a term missing, too many, or with the wrong sign    terms.py
    wrong - true = c1 E1 + c2 E2? (6.9)    a term in the place of another                      terms.py
    wrong = E1 and true = E2?              two formulas                                        formulas.py
    wrong = true, in part?                 and what is wrong in the other part                 parts.py

Before a sentence is said, the wrong gradient is rebuilt from what it claims, and compared on all entries; and
it must agree on more bits than it costs to say (costs.py). Where two readings fit, both are told. Otherwise
the list is empty.
"""

import numpy as np

from .case import Case, Explanation
from .costs import DIGITS
from .factors import factor
from .formulas import formula
from .matrices import matrix
from .parts import in_part
from .places import altered, moved
from .scale import scale
from .shapes import explain_shapes
from .terms import one_term, path, two_sums, two_terms

__all__ = ["Explanation", "diagnose", "ranked", "stacked"]

DIAGNOSED = 600  # coordinates that a check measures of a wrong block
REPEATS = 12  # draws for the diagnosis of a single number
AGAIN = (
    "yours differs from call to call: noise is drawn again in it, where the eps of the forward pass is meant."
)
SIMPLE = 14  # bits: an explanation of this cost ends the search
BESIDE = 4  # bits: so much more may another explanation cost that is told, too
STAGES = (  # (questions, the cost at which later ones are not asked)
    ((path, scale), 8),  # and what is a number with a name times the true gradient is that
    ((moved, altered, factor, matrix, one_term, formula, two_terms, two_sums, in_part), np.inf),
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
    return ranked(analytic, numeric, named, paths, tolerance)


def ranked(analytic, numeric, named=None, paths=None, tolerance=1e-6, above=(), inside=None):
    """diagnose; above: names of gradients from above beside those that start with d; inside: {name: names
    that it is made of} of those that come from inside the gradient under test."""
    analytic, numeric = np.asarray(analytic, float), np.asarray(numeric, float)
    if analytic.shape != numeric.shape:
        return explain_shapes(analytic, numeric, tolerance)
    named = {
        name: v
        for name, v in ((name, _numbers(value)) for name, value in (named or {}).items())
        if v is not None
    }
    case = Case(analytic, numeric, named, dict(paths or {}), tolerance, above, inside)
    if not np.isfinite(analytic).all() or case.error(case.a, case.n) <= tolerance:
        return []
    with np.errstate(all="ignore"):  # 1/0 and log(-1) are candidates that fall away
        return _ranked(case)


def _ranked(case):
    """Later questions are asked only where earlier ones found nothing simple."""
    found = {}
    for questions, simple in STAGES:
        for question in questions:
            for e in question(case):
                if e is not None:
                    key = e.relation, e.term
                    if key not in found or e.bits < found[key].bits:
                        found[key] = e
        known = any(e.relation == "scale" and e.bits < DIGITS for e in found.values())
        if known or (found and min(e.bits for e in found.values()) <= simple):
            break
    order = sorted(found.values(), key=lambda e: e.bits)
    return [e for e in order if e.bits <= order[0].bits + BESIDE][:4]


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


def _numbers(value):
    """A finite real array of what was named; None for anything else."""
    v = np.asarray(value)
    v = v.real if v.dtype.kind == "c" else v
    return v.astype(float) if v.dtype.kind in "fiub" and v.size and np.isfinite(v).all() else None
