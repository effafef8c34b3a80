"""Is the wrong gradient the true one, put elsewhere, or altered number by number?"""

import numpy as np

from .case import Explanation
from .costs import COSTS

MANY = 500  # rows, columns or samples whose order is looked into


def moved(case):
    """The same numbers in other places. Yields Explanations that are verified."""
    for bits, relation, term, put_back, words in _moves(case.analytic):
        claim = lambda c, f=put_back: (c.at(f(c.analytic)), c.n)
        found = Explanation(relation, term, 0.0, f"yours {words}.", COSTS[bits], claim)
        yield case.verified(found, case.tells(case.n))
    for axis in range(case.analytic.ndim):
        yield from _shifted(case, axis)
        yield _permuted(case, axis)
    yield _same_numbers(case)


def altered(case):
    """Each number is what became of the true one. Yields Explanations that are verified."""
    top = np.abs(case.a).max()
    digits = f"{top:.6g}"
    inside = np.sum(np.abs(case.a) < top * (1 - 1e-9))
    if inside >= 3 and inside < len(case.a):
        words = f"is the true gradient, clipped at {digits}"
        yield _altered(case, "clip", digits, words, lambda n: np.clip(n, -top, top), 20)
    top = np.abs(case.n).max()
    inside = np.sum(np.abs(case.n) < top * (1 - 1e-7))
    if inside >= 3 and len(case.n) - inside >= 2 and abs(top - float(f"{top:.4g}")) < 1e-7 * top:
        words = f"is not clipped: the true gradient is yours, clipped at {top:.4g}"
        claim = lambda c: (np.clip(c.a, -top, top), c.n)
        found = Explanation("clip", f"{top:.4g}", 0.0, f"yours {words}.", COSTS["rare place"] + 6, claim)
        yield case.verified(found, case.tells(case.n))
    words = "is the absolute value of the true gradient: its signs are lost"
    yield _altered(case, "sign", "|.|", words, np.abs, 0)
    yield from _rounded(case)
    if len(case.entries) == case.analytic.size:
        for axis, length in enumerate(case.shape):
            if length > 1:
                yield from _repeated(case, axis)


def _rounded(case):
    """Numbers of float16, up to a common factor such as B: none has more than eleven binary digits."""
    with np.errstate(all="ignore"):
        one = np.abs(case.n) * np.finfo(np.float16).eps + 1e-7 * case.scale
        off = np.abs(case.a - case.n)
        units = [1.0, *(case.constants.by_text.get(text, 1.0) for text in ("B", "K", "K B"))]
        exact = any(np.array_equal((case.a / u).astype(np.float16), case.a / u) for u in units)
    if len(off) >= 4 and (off <= one).all() and exact:
        words = "yours is the true gradient rounded to float16: something computes in that precision."
        yield Explanation("rounding", "float16", case.error(case.a, case.n), words, COSTS["rare place"])


def _altered(case, relation, term, words, f, more):
    found = Explanation(
        relation, term, 0.0, f"yours {words}.", COSTS["rare place"] + more, lambda c: (c.a, f(c.n))
    )
    return case.verified(found, case.tells(case.a))


def axis_names(axis, ndim):
    """What an axis counts: (plural, singular, relation)."""
    if ndim >= 2 and axis == ndim - 1:
        return "columns", "column", "columns"
    return ("rows", "row", "rows") if ndim == 1 or axis == ndim - 2 else ("samples", "sample", "rows")


def _moves(a):
    """(cost, relation, term, how to put it back, words) for the usual ways of misplacing numbers."""
    if a.ndim == 2 and a.shape[0] == a.shape[1] > 1:
        yield "place", "transpose", ".T", lambda a: a.T, "is the true gradient transposed"
    elif a.ndim == 2 and min(a.shape) > 1:
        words = "is the true gradient reshaped where a transpose was meant"
        yield "rare place", "layout", "reshape", lambda a: a.reshape(a.shape[::-1]).T, words
    if a.ndim >= 2 and min(a.shape) > 1:
        words = "has the true numbers column by column: order='F', where the usual order is meant"
        yield "rare place", "layout", "order='F'", lambda a: a.ravel(order="F").reshape(a.shape), words
        words = "has the true numbers, laid out row by row where they are meant column by column, order='F'"
        yield "rare place", "layout", "order='F'", lambda a: a.reshape(a.shape, order="F"), words
    if a.ndim == 3:
        if a.shape[0] == a.shape[1]:
            words = "has its first two axes swapped: (B, K, ...) where (K, B, ...) is meant"
            yield "rare place", "transpose", "axes 0 and 1", lambda a: a.swapaxes(0, 1), words
        words = "is laid out image by image, (B, K, ...), where samples come first, (K, B, ...)"
        yield "rare place", "layout", "(K, B)", _samples_first, words
        words = "has its last two axes reshaped where a transpose was meant"
        yield "rare place", "layout", "reshape", _last_two, words
    for axis, length in enumerate(a.shape):
        many, one, relation = axis_names(axis, a.ndim)
        if length > 1:
            back = lambda a, axis=axis: np.flip(a, axis)
            yield "rare place", relation, "reversed", back, f"has its {many} in reverse order"
        if length > 2:
            for step, (here, there) in ((1, (1, 0)), (-1, (0, 1))):
                words = f"has its {many} one off: {one} {here} stands in {one} {there}, and so on"
                back = lambda a, axis=axis, step=step: np.roll(a, step, axis)
                yield "rare place", relation, "shifted", back, words
    if a.ndim and a.shape[-1] % 2 == 0 and a.shape[-1] > 2:
        words = "has its left and right halves swapped"
        yield "rare place", "heads", "swapped", lambda a: np.roll(a, a.shape[-1] // 2, -1), words


def _shifted(case, axis):
    """One off, and something else at the end."""
    length = case.shape[axis]
    if length < 3 or len(case.entries) < case.analytic.size:
        return
    many, one, relation = axis_names(axis, case.analytic.ndim)
    cut = lambda c, flat, places: np.take(flat.reshape(c.shape), places, axis).ravel()
    for here, there in ((1, 0), (0, 1)):
        sources, places = np.arange(here, length - there), np.arange(there, length - here)
        claim = lambda c, p=places, q=sources: (cut(c, c.a, p), cut(c, c.n, q))
        words = f"yours has its {many} one off: {one} {here} stands in {one} {there}, and so on."
        found = Explanation(relation, "shifted", 0.0, words, COSTS["rare place"] + 3, claim)
        yield case.verified(found, case.tells(case.n))


def _samples_first(a):
    K, B, n = a.shape
    return a.reshape(B, K, n).swapaxes(0, 1)


def _last_two(a):
    K, m, n = a.shape
    return a.reshape(K, n, m).swapaxes(1, 2)


def _repeated(case, axis):
    """One row standing for all, or their sum in each of them."""
    if case.shape[axis] < case.analytic.size and np.ptp(case.a) <= case.tolerance * case.scale:
        return  # nothing but a constant
    many, one, _ = axis_names(axis, case.analytic.ndim)
    whole = lambda c: c.n.reshape(c.shape)
    ways = (
        (f"repeats the first {one} in all {many}", lambda n: np.take(n, [0], axis)),
        (f"repeats the last {one} in all {many}", lambda n: np.take(n, [-1], axis)),
        (
            f"repeats the sum over all {many} in each of them: each has its own gradient",
            lambda n: n.sum(axis, keepdims=True),
        ),
        (
            f"repeats the mean over all {many} in each of them: each has its own gradient",
            lambda n: n.mean(axis, keepdims=True),
        ),
    )
    for words, f in ways:
        claim = lambda c, f=f: (c.a, c.at(f(whole(c))))
        found = Explanation("axis", f"axis {axis}", 0.0, f"yours {words}.", COSTS["repeated"], claim)
        yield case.verified(found, case.tells(case.a))


def _permuted(case, axis):
    """Rows, columns or samples in any other order: each true one is found in exactly one place of yours."""
    many, _, relation = axis_names(axis, case.analytic.ndim)
    measured = np.full(case.analytic.size, np.nan)
    measured[case.entries] = case.n
    a, n = (
        np.moveaxis(v.reshape(case.shape), axis, 0).reshape(case.shape[axis], -1)
        for v in (case.analytic, measured)
    )
    if not 2 < len(a) <= MANY:
        return None
    order, close = [], case.tolerance * case.scale
    for row in n:
        seen = np.isfinite(row)
        distance = np.abs(a[:, seen] - row[seen]).max(axis=1, initial=0)
        if np.sum(distance <= close) != 1:
            return None
        order.append(int(np.argmin(distance)))
    moved = [i for i, j in enumerate(order) if i != j]
    if not moved or sorted(order) != list(range(len(a))):
        return None
    words = f"has its {many} in another order: {order}"
    if len(moved) == 2:
        words = f"has {many} {moved[0]} and {moved[1]} swapped"
    claim = lambda c: (c.at(np.take(c.analytic, order, axis)), c.n)
    bits = COSTS["rare place"] + np.log2(len(a)) * min(len(moved), 6)
    return case.verified(
        Explanation(relation, "permuted", 0.0, f"yours {words}.", bits, claim), case.tells(case.n)
    )


def _same_numbers(case):
    """All the true numbers, and each in another place."""
    if len(case.entries) != case.analytic.size or len(np.unique(np.round(case.n / case.scale, 6))) < 4:
        return None
    words = (
        "has the true numbers, but in another order: something is reshaped, transposed or laid out wrongly"
    )
    claim = lambda c: (np.sort(c.a), np.sort(c.n))
    bits = COSTS["rare place"] + 12
    return case.verified(
        Explanation("entries", "permuted", 0.0, f"yours {words}.", bits, claim), case.tells(case.n)
    )
