"""Both gradients are known as formulas: what stands in one and not in the other?"""

import numpy as np

from .atoms import function
from .case import Explanation
from .costs import COSTS
from .sums import Sum, of_one
from .terms import difference
from .texts import bare

MOST = 4  # formulas of each


def formula(case):
    """wrong = c1 E1 and true = c2 E2. Yields Explanations that are verified."""
    few = [
        [s for s in of_one(case, target) if not s.terms[0].product.is_difference][:MOST]
        for target in (case.a, case.n)
    ]
    for yours in few[0]:
        for true in few[1]:
            one, two = yours.terms[0], true.terms[0]
            if one.product.key != two.product.key:
                yield _replaced(case, one, two)
        if not few[1] and len(case.a) > 1 and not yours.terms[0].product.is_one:
            own = yours.terms[0].product.names & set(case.inside)  # yours is made from these, of course
            words = f"yours is {yours.text} and nothing else."
            bits = yours.bits + COSTS["nothing else"] + COSTS["no cause"] * bool(own)
            found = Explanation(
                "own" if own else "alone",
                bare(yours.terms[0].product.text),
                0.0,
                words,
                bits,
                _claim(yours, None),
            )
            yield case.verified(found, case.tells(case.a) + COSTS["nothing else"])


def _claim(yours, true):
    def claim(case):
        left, right = [case.a], [yours.evaluate(case)]
        if true is not None:
            left, right = [*left, case.n], [*right, true.evaluate(case)]
        return np.concatenate(left), np.concatenate(right)

    return claim


def _replaced(case, one, two):
    """The sentence for yours = one, true = two, by the factors that differ."""
    kind, wrong, meant = difference(case, one.c, one.product, two.c, two.product)
    if kind == "in place of":
        kind, wrong, meant = (
            _left_over(case, one, two) or _left_over(case, two, one, -1) or (kind, wrong, meant)
        )
    more = abs(one.bits - two.bits)
    relation, name = "factor", meant or wrong
    if kind == "missing":
        words, bits = f"is the true gradient without the factor {meant}", COSTS["missing"] + more
    elif kind == "too many":
        words, bits = f"is the true gradient with a factor {wrong} too many", COSTS["too many"] + more
    elif kind == "in place of":
        words, bits = f"has the factor {wrong} where {meant} is meant", COSTS["in place of"] + _own(one, two)
        bits += COSTS["another array"] * len(one.product.names ^ two.product.names)
    elif _turned(one, two):
        relation, name = "transpose", one.product.frame.matrix
        words = f"has {one.product.frame.matrix_text} where {two.product.frame.matrix_text} is meant"
        bits = COSTS["place"] + one.product.bits / 2
    else:
        relation, name = "formula", bare(two.product.text)
        words = f"is {Sum((one,)).text}; the true gradient is {Sum((two,)).text}"
        bits = COSTS["formula"] + max(one.bits, two.bits)
    found = Explanation(relation, name, 0.0, f"yours {words}.", bits, _claim(Sum((one,)), Sum((two,))))
    return case.verified(found, min(case.tells(case.a), case.tells(case.n)))


def _left_over(case, few, many, turned=1):
    """The one factor by which they differ, where a factor of few is the product of all others of many: y of
    a * s * (1 - s) where y = a * s. As `difference` has it; None where there is none."""
    few, many = (_apart(one, other) for one, other in ((few, many), (many, few)))
    if len(few) != 1 or not 2 <= len(many) <= 3:
        return None
    v = few[0].evaluate(case.named)
    for k, atom in enumerate(many):
        rest = np.prod([other.evaluate(case.named) for other in many[:k] + many[k + 1 :]], axis=0)
        if v.shape == rest.shape and np.allclose(v, rest, rtol=1e-9, atol=0):
            return ("missing", "", bare(atom.text)) if turned > 0 else ("too many", bare(atom.text), "")
    return None


def _apart(one, other):
    """The Atoms of one that the other lacks, h * (1 - h) as two."""
    split = lambda a: (
        [function(a.names[0], part) for part in ("{w}", "1 - {n}")] if len(a.powers) > 1 else [a]
    )
    held = {a.text for a in other.product.atoms}
    return [part for a in one.product.atoms if a.text not in held for part in split(a)]


def _own(one, two):
    """The bits of the factors in which they differ."""
    own = lambda p, other: sum(a.bits for a in p.atoms if a.text not in {b.text for b in other.atoms})
    return (
        own(one.product, two.product)
        + own(two.product, one.product)
        + max(one.constant.bits, two.constant.bits)
    )


def _turned(one, two):
    a, b = one.product.frame, two.product.frame
    return (
        (a.kind, a.matrix) == (b.kind, b.matrix)
        and one.product.powers == two.product.powers
        and abs(one.c - two.c) < 1e-5 * abs(two.c)
    )
