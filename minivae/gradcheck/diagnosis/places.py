"""Is the wrong gradient the true one, times a constant or put elsewhere (6.6)? Each question yields (cost,
Explanation)."""

from dataclasses import replace
from itertools import product

import numpy as np

from .case import Case, Explanation, bits_of, different
from .constants import bare


def constant(case):
    """wrong = c * true."""
    a, n = case.a, case.n
    if not a.any():
        yield (
            0,
            Explanation("zero", "0", 0.0, "yours is zero everywhere: nothing comes back along this path."),
        )
    if not n.any():
        yield (
            4,
            Explanation(
                "zero", "the true gradient", 0.0, "the true gradient is zero everywhere, and yours is not."
            ),
        )
    if not a.any() or not n.any():
        return
    c = float(a @ n / (n @ n))
    fit = case.error(a, c * n)
    if fit > case.tolerance:
        return
    known, also = case.constants.name(c), ""
    if known:
        text, cost = known
        also = case.constants.also(c, text)
    elif different(n) < 3:
        return
    else:
        text, cost = f"{abs(c):.6g}", 3.0
        also = ", and no number that has a name here"
    inverse, size = text.startswith("1/"), bare(text.removeprefix("1/"))
    sizes_only = set(size.split()) <= {"B", "K", "D", "M", "C"} and len(n) > 1
    if c < 0:
        relation, words = (
            ("sign", "has the wrong sign")
            if text == "1"
            else ("scale", f"is -{text} times the true gradient{also}")
        )
    elif text == "2":
        relation, words = "scale", f"is twice the true gradient{also}: counted twice, or without a factor 1/2"
    elif text == "1/2":
        relation, words = (
            "scale",
            f"is half the true gradient{also}: without a factor 2, or with a 1/2 too many",
        )
    elif known and inverse:
        relation, words = (
            "scale",
            f"is {size} times too small{also}"
            + ": averaged where the sum was meant, or averaged twice" * sizes_only,
        )
    elif known and set(size.split()) <= {"B", "K", "D", "M", "C"}:
        relation, words = (
            "scale",
            f"is {size} times too large{also}" + ": summed where the mean was meant" * sizes_only,
        )
    else:
        relation, words = "scale", f"is {text} times the true gradient{also}"
    yield cost, Explanation(relation, ("-" if c < 0 else "") + text, fit, f"yours {words}.")


def moved(case):
    """Asked only of gradients whose numbers differ, so that their places can be told apart."""
    if different(case.n) < 3 or bits_of(case.n) < 24:
        return
    for cost, relation, term, put_back, words in _places(case.analytic):
        fit = case.error(case.at(put_back), case.n)
        if fit <= case.tolerance:
            yield cost, Explanation(relation, term, fit, f"yours {words}.")
    whole = np.isfinite(case.numeric).all()
    for cost, relation, term, array, words in [*_altered(case), *(_repeated(case.numeric) if whole else ())]:
        fit = case.error(case.a, array if array.shape == case.a.shape else case.at(array))
        if fit <= case.tolerance:
            yield cost, Explanation(relation, term, fit, f"yours {words}.")
    for axis in range(case.analytic.ndim):
        yield from _permuted(case, axis)


def _axis(axis, ndim):
    """What an axis counts: (plural, singular, relation)."""
    if ndim >= 2 and axis == ndim - 1:
        return "columns", "column", "columns"
    return ("rows", "row", "rows") if ndim == 1 or axis == ndim - 2 else ("samples", "sample", "rows")


def _places(a):
    """(cost, relation, term, a put back in its place, words) for the usual ways of misplacing numbers."""
    if a.ndim == 2 and a.shape[0] == a.shape[1]:
        yield 0.5, "transpose", ".T", a.T, "is the true gradient transposed"
    elif a.ndim == 2:
        yield (
            2,
            "layout",
            "reshape",
            a.reshape(a.shape[::-1]).T,
            "is the true gradient reshaped where a transpose was meant",
        )
    if a.ndim == 3:
        K, B, n = a.shape
        if K == B:
            yield (
                1,
                "transpose",
                "axes 0 and 1",
                a.swapaxes(0, 1),
                "has its first two axes swapped: (B, K, ...) where (K, B, ...) is meant",
            )
        yield (
            1.1,
            "layout",
            "(K, B)",
            a.reshape(B, K, n).swapaxes(0, 1),
            "is laid out image by image, (B, K, ...), where samples come first, (K, B, ...)",
        )
    for axis, length in enumerate(a.shape):
        many, one, relation = _axis(axis, a.ndim)
        if length > 1:
            yield 1, relation, "reversed", np.flip(a, axis), f"has its {many} in reverse order"
        if length > 2:
            yield (
                1.2,
                relation,
                "shifted",
                np.roll(a, 1, axis),
                f"has its {many} one off: {one} 1 stands in {one} 0, and so on",
            )
            yield (
                1.2,
                relation,
                "shifted",
                np.roll(a, -1, axis),
                f"has its {many} one off: {one} 0 stands in {one} 1, and so on",
            )
    if a.ndim and a.shape[-1] % 2 == 0 and a.shape[-1] > 2:
        yield (
            0.9,
            "heads",
            "swapped",
            np.roll(a, a.shape[-1] // 2, -1),
            "has its left and right halves swapped: mu stands left, raw right",
        )


def _altered(case):
    """(cost, relation, term, the true gradient altered, words), number by number."""
    yield 1, "sign", "|.|", np.abs(case.n), "is the absolute value of the true gradient: its signs are lost"
    top = np.abs(case.a).max()
    if np.sum(np.abs(case.a) < top * (1 - 1e-9)) >= 3:
        yield (
            2,
            "clip",
            f"{top:.6g}",
            np.clip(case.n, -top, top),
            f"is the true gradient, clipped at {top:.6g}",
        )


def _repeated(n):
    """(cost, relation, term, array, words): one row standing for all."""
    for axis, length in enumerate(n.shape):
        if length > 1:
            many, one, _ = _axis(axis, n.ndim)
            for f, what in ((np.sum, "sum"), (np.mean, "mean")):
                array = np.broadcast_to(f(n, axis=axis, keepdims=True), n.shape)
                yield (
                    2.4,
                    "axis",
                    f"axis {axis}",
                    array,
                    f"repeats the {what} over all {many} in each of them: each has its own gradient",
                )
            yield (
                1.5,
                "axis",
                f"axis {axis}",
                np.broadcast_to(np.take(n, [0], axis), n.shape),
                f"repeats the first {one} in all {many}",
            )


def _permuted(case, axis):
    """Rows, columns or samples in any other order: each true one is found in exactly one place of yours."""
    many, _one, relation = _axis(axis, case.analytic.ndim)
    measured = np.full(case.analytic.size, np.nan)
    measured[case.entries] = case.n
    a, n = (
        np.moveaxis(v.reshape(case.shape), axis, 0).reshape(case.shape[axis], -1)
        for v in (case.analytic, measured)
    )
    if not 2 < len(a) <= 500:
        return
    order, close = [], case.tolerance * case.scale
    for row in n:
        seen = np.isfinite(row)
        distance = np.abs(a[:, seen] - row[seen]).max(axis=1, initial=0)
        if np.sum(distance <= close) != 1:
            return
        order.append(int(np.argmin(distance)))
    moved = [i for i, j in enumerate(order) if i != j]
    if moved and sorted(order) == list(range(len(a))):
        words = (
            f"has {many} {moved[0]} and {moved[1]} swapped"
            if len(moved) == 2
            else f"has its {many} in another order: {order}"
        )
        fit = case.error(a[order][np.isfinite(n)], n[np.isfinite(n)])
        yield 1.6, Explanation(relation, "permuted", fit, f"yours {words}.")


def in_part(case):
    """Right except in some rows or columns: which, and what is wrong there."""
    bad = np.zeros(case.analytic.size, bool)
    bad[case.entries] = np.abs(case.a - case.n) > case.tolerance * case.scale
    bad = bad.reshape(case.shape)
    for axis in range(bad.ndim):
        many, one, relation = _axis(axis, bad.ndim)
        wrong = np.flatnonzero(np.moveaxis(bad, axis, 0).reshape(bad.shape[axis], -1).any(axis=1))
        if not 0 < len(wrong) <= bad.shape[axis] / 2 or bad.size < 4:
            continue
        inside = np.isin(np.unravel_index(case.entries, case.shape)[axis], wrong)
        there = min(
            constant(replace(case, entries=case.entries[inside])), key=lambda pair: pair[0], default=None
        )
        which = f"{one if len(wrong) == 1 else many} {_listed(wrong)}"
        words = f"yours is right except in {which}" + (f"; there {there[1].words}" if there else ".")
        yield 1 + len(wrong), Explanation(relation, which, there[1].fit if there else 0.0, words)


def _listed(numbers):
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    return ", ".join(str(int(i)) for i in numbers[:6]) + ", ..." * (len(numbers) > 6)


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
