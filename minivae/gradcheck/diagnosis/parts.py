"""Is the wrong gradient right in part: except in some entries, rows, columns, or where a number is positive?
And what is wrong there?"""

import numpy as np

from .case import Explanation
from .costs import COSTS, MARGIN
from .factors import factor
from .formulas import formula
from .places import axis_names
from .scale import scale
from .terms import one_term, two_terms
from .texts import bare, listed

CLEARLY = 2  # bits: by so many has the pattern to tell more than the condition costs
GAP = 0.01  # so much smaller have the errors to be where yours is right
HERE = (scale, factor, one_term, formula, two_terms)  # what is asked of a part
CONDITIONS = (  # where yours is wrong; where it is right
    ("{n} <= 0", lambda v: v > 0),
    ("{n} > 0", lambda v: v <= 0),
    ("|{n}| >= 1", lambda v: np.abs(v) < 1),
    ("|{n}| < 1", lambda v: np.abs(v) >= 1),
)


def in_part(case):
    """Yields Explanations, the simplest first."""
    if case.analytic.size < 4:
        return
    bad = np.abs(case.a - case.n) > case.tolerance * case.scale
    if bad.all() or not _apart(case, bad):
        return
    right = case.tells(np.where(bad, 0, case.n))
    if right < MARGIN:
        return
    yield from _mask(case, bad)
    yield from _triangle(case, bad)
    yield from _along_an_axis(case, bad)
    yield from _where(case, bad)
    yield from _entries(case, bad)


def _apart(case, bad):
    """Whether what is right is far nearer to right than what is wrong."""
    off = np.abs(case.a - case.n)
    return off[~bad].max(initial=0) <= GAP * off[bad].min(initial=np.inf)


def _there(part):
    """The simplest Explanation of a part."""
    for question in HERE:
        found = sorted((e for e in question(part) if e and e.relation != "own"), key=lambda e: e.bits)
        if found:
            return found[0]
    return None


def _told(which, there, claim, bits, relation, term):
    words = f"yours is right except {which}" + (f"; there {there.words}" if there else ".")
    return Explanation(
        relation,
        term,
        there.fit if there else 0.0,
        words,
        bits + (there.bits if there else COSTS["no cause"]),
        claim,
    )


def _mask(case, bad):
    """Zeros in one of the two, where all else is equal."""
    if bad.sum() < 2:
        return
    for zeros, term, words in (
        (
            case.n,
            "mask",
            "is right but where the true gradient is 0: a mask (clip, clamp, relu, max) is forgotten",
        ),
        (
            case.a,
            "0",
            "is right but where it is 0, and the true gradient is not: numbers are lost on the way",
        ),
    ):
        if np.abs(zeros[bad]).max() <= 1e-9 * case.scale:
            yield Explanation(
                "mask",
                term,
                0.0,
                f"yours {words}.",
                COSTS["rare place"] + 6,
                lambda c, term=term: _equal_or_zero(c, term),
            )


def _equal_or_zero(case, term):
    zeros = case.n if term == "mask" else case.a
    seen = np.abs(zeros) > 1e-9 * case.scale
    return np.where(seen, case.a, 0), np.where(seen, case.n, 0)


def _triangle(case, bad):
    """A square matrix of which one triangle, or the diagonal, is another matter than the rest."""
    if len(case.shape) != 2 or case.shape[0] != case.shape[1] or case.shape[0] < 3:
        return
    row, column = np.unravel_index(case.entries, case.shape)
    regions = {
        "above the diagonal": column > row,
        "on the diagonal": column == row,
        "below the diagonal": column < row,
    }
    wrong = {name: inside for name, inside in regions.items() if bad[inside].any()}
    if len(wrong) == 3 or any(
        not bad[inside].all() and (case.n[inside & ~bad] != 0).any() for inside in wrong.values()
    ):
        return
    told = []
    for name, inside in wrong.items():
        there = next((e for e in scale(case.of(case.entries[inside])) if e), None)
        if there is None:
            return
        told.append(f"{name}, {there.words.rstrip('.')}")
    if any("true gradient is zero" in words for words in told):
        told.append("the function reads one triangle only")
    words = f"yours is right except {'; '.join(told)}."
    yield Explanation(
        "entries", " and ".join(wrong), 0.0, words, COSTS["rare place"], lambda c: (c.a[:0], c.n[:0])
    )


def _along_an_axis(case, bad):
    """Some rows, columns or samples."""
    whole = np.zeros(case.analytic.size, bool)
    whole[case.entries] = bad
    whole = whole.reshape(case.shape)
    for axis in range(whole.ndim):
        many, one, relation = axis_names(axis, whole.ndim)
        places = np.flatnonzero(np.moveaxis(whole, axis, 0).reshape(whole.shape[axis], -1).any(axis=1))
        if not 0 < len(places) <= whole.shape[axis] / 2 or whole.ndim == 1:
            continue
        inside = np.isin(np.unravel_index(case.entries, case.shape)[axis], places)
        if bad[inside].sum() <= 2 < inside.sum():
            continue  # told entry by entry
        part = case.within(axis, places) if len(places) > 1 else case.of(case.entries[inside])
        there = next((e for e in scale(case.of(case.entries[inside])) if e), None) or _there(part)
        which = f"{one if len(places) == 1 else many} {listed(places)}"
        claim = lambda c, there=there, inside=inside: (c.a[:0], c.n[:0])
        yield _told(f"in {which}", there, claim, COSTS["rare place"] + len(places), relation, which)


def _where(case, bad):
    """Where a named number is positive, or small."""
    arrays = {name: v for name, v in case.named.items() if v.size > 1 and not case.is_above(name)}
    for name, v in arrays.items():
        try:
            v = case.at(v)
        except ValueError:
            continue
        for wrong, test in CONDITIONS:
            if np.array_equal(~test(v), bad):
                there = _there(case.of(case.entries[bad]))
                share = bad.mean()
                pattern = len(bad) * -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
                bits = COSTS["rare place"] + case.pool.name_bits[name] + 2
                which = wrong.format(n=bare(name))

                def claim(case, name=name, test=test):
                    fine = test(case.at(case.named[name]))
                    return np.where(fine, case.a, 0), np.where(fine, case.n, 0)

                found = _told(f"where {which}", there, claim, bits, "entries", which)
                told = there.bits + MARGIN - CLEARLY if there else 0  # what is wrong there is verified there
                yield case.verified(found, pattern + told)


def _entries(case, bad):
    """One or a few numbers, by their places."""
    places = case.entries[bad]
    if len(places) > min(4, case.analytic.size // 2):
        return
    named = ["[" + ", ".join(str(int(k)) for k in np.unravel_index(i, case.shape)) + "]" for i in places]
    there = next((e for e in scale(case.of(places)) if e), None)
    if not there and case.error(case.a[bad], -case.n[bad]) <= case.tolerance:
        there = Explanation("sign", "-1", 0.0, "yours has the wrong sign.", COSTS["sign"])
    which = f"in entr{'y' if len(named) == 1 else 'ies'} {', '.join(named)}"
    yield _told(
        which,
        there,
        lambda c: (c.a[:0], c.n[:0]),
        COSTS["rare place"] + 2 * len(named),
        "entries",
        ", ".join(named),
    )
