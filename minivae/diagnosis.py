"""What went wrong in a gradient: ratio and difference looked up among the numbers that have names (lesson 06).

Every entry of a gradient is a sum of products of named numbers: dz * eps, mu, the sum over rows of x * da. So there is no
rule per mistake here. `diagnose` builds such products from the names it is given, their functions (1/sigma, sigmoid(raw),
1 - h^2, ...) and a few constants, and asks

    is the wrong gradient the true one, put elsewhere?           transposed, rows moved, zero, -1, 2, 1/B times   (6.6)
    wrong * g = c * true * f for named f and g?                  a factor that is missing, too many, or another   (6.7)
    wrong - true = c * E for a product E?                        a term that is missing or too many               (6.8)
    wrong = true with E1 in the place of E2?                     a factor missing in one of several terms         (6.9)

It answers only where nothing but rounding is left, and where the numbers could not have met by chance.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

ENTRIES = 300  # as many of a gradient's entries are looked at in a search; an explanation has to fit them all
CHANCE_BITS = 8  # a coincidence must be less likely than 2^-8, all candidates together
BITS = 20  # what one entry that agrees to 1e-6 tells


@dataclass(frozen=True)
class Explanation:
    """One way in which the wrong gradient follows from the true one.

    relation  "zero", "sign", "scale", "factor", "term", "formula", "transpose", "layout", "rows", "columns", "heads",
              "image", "axis", "shape", "clip", "part", and from the checks "noise" and "accumulated"
    term      the name or number: "eps", "1/sigma", "B", "2"
    fit       the relative error that is left
    words     the sentence for a learner; "yours" is the gradient under test
    """

    relation: str
    term: str
    fit: float
    words: str

    def __str__(self):
        return self.words


def diagnose(analytic, numeric, named=None, paths=None, tolerance=1e-6):
    """Explanations of a wrong gradient, the simplest first; an empty list where nothing fits, or nothing is wrong.

    analytic  the gradient under test, any shape
    numeric   the true gradient in the same shape; NaN where it was not measured
    named     {name: array or number} of all that may have gone into it. An array takes part where it can be broadcast
              to the gradient, summed over leading axes, or multiplied as a matrix. Names that start with d (dz,
              dlogits) and "upstream" stand for gradients that arrive from above: they enter once, and linearly.
    paths     {words: array}: known summands of the true gradient, such as {"the KL path": mu / B}
    tolerance the relative error (as in gradcheck) up to which numbers are equal
    """
    analytic, numeric = np.asarray(analytic, float), np.asarray(numeric, float)
    named = {name: a for name, a in ((name, _numbers(v)) for name, v in (named or {}).items()) if a is not None}
    if analytic.shape != numeric.shape:
        return _explain_shapes(analytic, numeric, tolerance)
    if not np.isfinite(analytic).all():
        return []
    case = _Case(analytic, numeric, named, {k: np.asarray(v, float) for k, v in (paths or {}).items()}, tolerance)
    if len(case.entries) == 0 or case.error(case.a, case.n) <= tolerance:
        return []
    return [explanation for _, explanation in _ranked(case)]


def _ranked(case, parts=True):
    """(cost, Explanation), simple ones first. A stage is entered only where those before it found nothing."""
    for stage in (_constants_times, _moved), (_factors, _terms), (_two_terms, _formulas), (_parts if parts else _nothing,):
        found = {}
        for probe in stage:
            for cost, explanation in probe(case):
                key = explanation.relation, explanation.term
                if key not in found or cost < found[key][0]:
                    found[key] = cost, explanation
        if found:
            found = sorted(found.values(), key=lambda pair: (pair[0], pair[1].fit > 1e-7))
            return [pair for pair in found if pair[0] <= found[0][0] + 1.5][:5]
    return []


def _nothing(case):
    return ()


def _numbers(value):
    """A real array of what was named, or None for what is no number."""
    array = np.asarray(value)
    if array.dtype.kind == "c":
        array = array.real
    return array.astype(float) if array.dtype.kind in "fiub" and array.size and np.isfinite(array).all() else None


@dataclass
class _Case:
    """The two gradients on the entries that were measured, and what is known beside them."""

    analytic: np.ndarray
    numeric: np.ndarray
    named: dict
    paths: dict
    tolerance: float
    entries: np.ndarray = None  # flat indices

    def __post_init__(self):
        if self.entries is None:
            self.entries = np.flatnonzero(np.isfinite(self.numeric))
        self.shape = self.analytic.shape
        self.a, self.n = self.analytic.ravel()[self.entries], self.numeric.ravel()[self.entries]
        self.scale = np.max(np.abs(self.a) + np.abs(self.n), initial=0)
        self.constants = _Constants(self.named, self.shape)
        self._pool = None

    def error(self, p, q):
        """max |p - q| / max(|p| + |q|), as gradcheck measures a block."""
        scale = np.max(np.abs(p) + np.abs(q), initial=0)
        return float(np.max(np.abs(p - q), initial=0) / scale) if scale else 0.0

    def left(self, p, q):
        """What is left of a difference, against the size of the gradients: small parts may not pass as found."""
        return max(self.error(p, q), float(np.max(np.abs(p - q), initial=0) / self.scale))

    def at(self, array):
        """An array of the gradient's shape on the measured entries."""
        return np.broadcast_to(array, self.shape).ravel()[self.entries]

    @property
    def pool(self):
        """Products of the named numbers on (at most ENTRIES of) the measured entries, each a _Product."""
        if self._pool is None:
            chosen = self.entries
            if len(chosen) > ENTRIES:
                chosen = np.sort(np.random.default_rng(0).choice(chosen, ENTRIES, replace=False))
            self.few = np.searchsorted(self.entries, chosen)
            self._pool = _products(self.named, self.shape, chosen)
        return self._pool


# Constants: numbers that a gradient can be off by.


class _Constants:
    """The numbers that have names: 2, 1/2, the sizes, the named scalars, and products of two of them."""

    def __init__(self, named, shape):
        scalars = {name: float(a.ravel()[0]) for name, a in named.items() if a.size == 1}
        for name, size in _sizes(named, shape).items():
            if name not in scalars and size not in scalars.values():
                scalars[name] = size
        scalars = {name: v for name, v in scalars.items() if v > 0 and v != 1}
        table = [("1", 1.0, 0.0)] + [(_fraction(p, q), v, c) for p, q, v, c in (
            ("2", "", 2, 1), ("1", "2", 0.5, 1), ("4", "", 4, 2.2), ("1", "4", 0.25, 2.2), ("3", "", 3, 2.4), ("1", "3", 1 / 3, 2.4),
            ("2 pi", "", 2 * np.pi, 3), ("sqrt(2)", "", 2**0.5, 3), ("1", "sqrt(2)", 0.5**0.5, 3),
            ("sqrt(2 pi)", "", (2 * np.pi) ** 0.5, 3), ("log(2)", "", np.log(2), 3), ("1", "log(2)", 1 / np.log(2), 3),
        )]  # fmt: skip
        for s, v in scalars.items():
            table += [(s, v, 1.1), (f"1/{_wrap(s)}", 1 / v, 1.1)]
            table += [(f"2 {s}", 2 * v, 2.1), (f"{s}/2", v / 2, 2.1), (f"2/{_wrap(s)}", 2 / v, 2.1), (f"1/(2 {s})", 0.5 / v, 2.1)]
            table += [(f"{s}^2", v * v, 2.1), (f"1/{s}^2", 1 / v / v, 2.1), (f"sqrt({s})", v**0.5, 2.3), (f"1/sqrt({s})", v**-0.5, 2.3)]
            table += [(f"({s} - 1)", v - 1, 3.0), (f"({s} - 1)/{s}", 1 - 1 / v, 3.0)]
        for name, a in named.items():  # one number that is no size: its exponential may be meant (log sigma)
            if a.size == 1 and a.ravel()[0] != int(a.ravel()[0]):
                v = float(a.ravel()[0])
                table += [(f"exp({_sign(k)}{name})", math.exp(k * v), 2.0 + abs(k) / 2) for k in (1, -1, 2, -2) if abs(v) < 50]
        for (s, v), (u, w) in combinations(scalars.items(), 2):
            table += [(f"{s} {u}", v * w, 2.2), (f"1/({s} {u})", 1 / v / w, 2.2), (f"{s}/{u}", v / w, 2.4), (f"{u}/{s}", w / v, 2.4)]
        self.table = [row for row in table if row[1] > 0]
        self.values = np.array([row[1] for row in self.table])

    def name(self, c, tolerance=2e-6):
        """(text of |c|, cost) of the simplest constant that is |c|; None if there is none."""
        hits = [self.table[i] for i in np.flatnonzero(np.abs(self.values - abs(c)) <= tolerance * abs(c))]
        if not hits:
            return None
        hits.sort(key=lambda row: row[2])
        return hits[0][0], hits[0][2]

    def also(self, c, text):
        """Other short names of the same number: " (here the same as K)"."""
        others = [t for t, v, cost in self.table if abs(v - abs(c)) <= 1e-9 * abs(c) and cost <= 1.1 and t != text]
        return f" (here the same as {' and '.join(others)})" if others else ""


def _sizes(named, shape):
    """The sizes of the arrays, by the package's letters: (K, B, features) and (B, features)."""
    sizes = {}
    for a in (np.empty(shape), *named.values()):
        if a.ndim == 3:
            sizes.setdefault("K", a.shape[0])
        if a.ndim >= 2:
            sizes.setdefault("B", a.shape[-2])
    for name, a in named.items():
        if a.ndim >= 1 and a.shape[-1] not in sizes.values():
            sizes[f"{name}.shape[-1]"] = a.shape[-1]
    return sizes


def _fraction(p, q):
    return f"{p}/{_wrap(q)}" if q else p


def _wrap(text):
    return f"({text})" if any(c in text for c in " /*") and not text.startswith("(") else text


def _sign(k):
    return {1: "", -1: "-"}.get(k, f"{k} ")


# First stage: the whole gradient times a constant, or put elsewhere.


def _constants_times(case):
    a, n = case.a, case.n
    if not a.any():
        yield 0, Explanation("zero", "0", 0.0, "yours is zero everywhere: nothing comes back along this path.")
        return
    if not n.any():
        return
    c = float(a @ n / (n @ n))
    fit = case.error(a, c * n)
    if fit > case.tolerance or c == 0:
        return
    known = case.constants.name(c)
    if abs(c + 1) < 2e-6:
        yield 0.5, Explanation("sign", "-1", fit, "yours has the wrong sign: it is -1 times the true gradient.")
    elif known:
        text, cost = known
        sign, also = ("-" if c < 0 else ""), case.constants.also(c, text)
        big, small = (text, abs(c) > 1) if not text.startswith("1/") else (_unwrap(text[2:]), False)
        if c < 0:
            words = f"yours is {sign}{text} times the true gradient{also}."
        elif text == "2":
            words = f"yours is twice the true gradient{also}: counted twice, or a 1/2 is missing."
        elif text == "1/2":
            words = f"yours is half the true gradient{also}: a factor 2 is missing, or a 1/2 is too many."
        elif small:
            words = f"yours is {big} times too large{also}{_mean_or_sum(big, 'summed where the mean was meant')}."
        elif text.startswith("1/"):
            words = f"yours is {big} times too small{also}{_mean_or_sum(big, 'averaged where the sum was meant, or averaged twice')}."
        else:
            words = f"yours is {text} times the true gradient{also}."
        yield cost, Explanation("scale", sign + text, fit, words)
    elif _distinct(n) >= 3:
        words = f"yours is {c:.6g} times the true gradient everywhere: one constant factor, and none that has a name here."
        yield 3.0, Explanation("scale", f"{c:.6g}", fit, words)


def _unwrap(text):
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _mean_or_sum(text, words):
    return f": {words}" if set(text.split()) <= {"B", "K", "D", "M", "C"} else ""


def _moved(case):
    """The true numbers in other places. Only where the numbers differ enough for their places to be told apart."""
    if _distinct(case.n) < 3:
        return
    a, shape = case.analytic, case.shape
    for cost, relation, term, array, words in _places(a, shape):
        fit = case.error(case.at(array), case.n)
        if fit <= case.tolerance:
            yield cost, Explanation(relation, term, fit, words)
    fit = case.error(case.a, np.abs(case.n))
    if fit <= case.tolerance:
        yield 1, Explanation("sign", "|.|", fit, "yours is the absolute value of the true gradient: signs are lost.")
    top = np.abs(case.a).max()
    fit = case.error(case.a, np.clip(case.n, -top, top))
    if fit <= case.tolerance and np.sum(np.abs(case.a) < top * (1 - 1e-9)) >= 3:
        yield 2, Explanation("clip", f"{top:.6g}", fit, f"yours is the true gradient, clipped to +-{top:.6g}.")
    if np.isfinite(case.numeric).all():
        for cost, relation, term, array, words in _spread(case.numeric):
            fit = case.error(case.a, case.at(array))
            if fit <= case.tolerance:
                yield cost, Explanation(relation, term, fit, words)
    yield from _permuted(case)


def _axis(axis, ndim):
    """("rows", "row") or ("columns", "column"): what moves along an axis."""
    return ("columns", "column") if ndim >= 2 and axis == ndim - 1 else ("rows", "row") if axis == ndim - 2 or ndim == 1 else ("samples", "sample")


def _places(a, shape):
    """(cost, relation, term, a put back in place, words) for the usual ways of moving numbers."""
    if a.ndim == 2 and shape[0] == shape[1]:
        yield 0.5, "transpose", ".T", a.T, "yours is the true gradient transposed."
    elif a.ndim == 2:
        yield 2, "layout", "reshape", a.reshape(shape[::-1]).T, "yours holds the true numbers, but reshaped where a transpose was meant."
    if a.ndim == 3 and shape[0] == shape[1]:
        yield 1, "transpose", "axes 0 and 1", a.swapaxes(0, 1), "yours has its first two axes swapped: (B, K, ...) where (K, B, ...) is meant."
    if a.ndim == 3:
        K, B, n = shape
        put_back = a.reshape(B, K, n).swapaxes(0, 1)
        yield 1, "layout", "(K, B)", put_back, "yours is laid out image by image, (B, K, ...), where samples come first, (K, B, ...)."
    for axis in range(a.ndim):
        many, one = _axis(axis, a.ndim)
        length = shape[axis]
        if length > 1:
            relation = "columns" if many == "columns" else "rows"
            yield 1, relation, "reversed", np.flip(a, axis), f"yours has its {many} in reverse order."
        if length > 2:
            for shift in (1, -1):
                words = f"yours is one {one} off: every {one} holds what belongs to its {'left' if many == 'columns' else 'upper'} neighbour."
                if shift == 1:
                    words = words.replace("left", "right").replace("upper", "lower")
                yield 1.2, relation, f"shifted by {-shift}", np.roll(a, shift, axis), words
    if a.ndim >= 1 and shape[-1] % 2 == 0 and shape[-1] > 2:
        yield 0.9, "heads", "halves swapped", np.roll(a, shape[-1] // 2, -1), "yours has its left and right halves swapped: mu stands left, raw right."


def _spread(n):
    """(cost, relation, term, array, words): one number standing for many."""
    for axis in range(n.ndim):
        if n.shape[axis] < 2:
            continue
        many, one = _axis(axis, n.ndim)
        for f, cost, words in ((np.sum, 1.5, "the sum over"), (np.mean, 1.5, "the mean over")):
            array = np.broadcast_to(f(n, axis=axis, keepdims=True), n.shape)
            yield cost, "axis", f"axis {axis}", array, f"yours repeats {words} all {many} in each of them: that axis must not be summed."
        array = np.broadcast_to(np.take(n, [0], axis), n.shape)
        yield 1.5, "axis", f"axis {axis}", array, f"yours repeats the first {one} in all {many}."


def _permuted(case):
    """Rows, columns or samples in any other order: each finds exactly one place among the true ones."""
    if case.analytic.ndim == 0:
        return
    for axis in range(case.analytic.ndim):
        many, one = _axis(axis, case.analytic.ndim)
        a = np.moveaxis(case.analytic, axis, 0).reshape(case.shape[axis], -1)
        n = np.moveaxis(case.numeric, axis, 0).reshape(case.shape[axis], -1)
        if not 2 < len(a) <= 500:
            continue
        order = []
        for row in n:
            seen = np.isfinite(row)
            if not seen.any():
                break
            distance = np.abs(a[:, seen] - row[seen]).max(axis=1)
            order.append(int(np.argmin(distance)))
            if distance[order[-1]] > case.tolerance * case.scale or np.sum(distance <= 10 * case.tolerance * case.scale) > 1:
                break
        else:
            if sorted(order) == list(range(len(a))) and order != list(range(len(a))):
                relation = "columns" if many == "columns" else "rows"
                words = f"yours has its {many} in another order: the true {one} 0 stands in {one} {order[0]} of yours."
                if all(i == j or order[j] == i for i, j in enumerate(order)) and sum(i != j for i, j in enumerate(order)) == 2:
                    i, j = (i for i, j in enumerate(order) if i != j)
                    words = f"yours has {many} {i} and {j} swapped."
                yield 1.6, Explanation(relation, "permuted", case.error(a[order], np.where(np.isfinite(n), n, a[order])), words)


# Products of named numbers.


@dataclass(frozen=True, eq=False)
class _Product:
    """A product of named factors on the chosen entries, summed where the gradient sums.

    factors: texts such as "dz", "1/sigma"; frame: "" for elementwise, or the matrix product it stands in;
    single: the values of an elementwise product that needs no sum (a candidate for a factor of the gradient).
    """

    factors: tuple
    values: np.ndarray
    cost: float
    frame: str = ""
    summed: bool = False

    @property
    def text(self):
        if self.frame.startswith("@"):
            inside = " * ".join(f for f in self.factors if f not in self.frame[1:].split())
            return f"{_wrap(inside)} @ {self.frame[1:].strip()}"
        if self.frame.endswith("@"):
            left = [f for f in self.factors if f.endswith(".T")]
            return f"{left[0]} @ {_wrap(' * '.join(f for f in self.factors if f not in left[:1]))}"
        return " * ".join(self.factors)


def _is_gradient(name):
    """Whether a name stands for a gradient from above: dz, dlogits, d_out, upstream."""
    return name == "upstream" or (len(name) > 1 and name[0] == "d" and name not in ("data", "dim", "depth", "decoder", "delta"
                                                                                     ) and not name.startswith(("decoder", "data")))  # fmt: skip


def _functions(name, v):
    """(text, values, cost) of a named array and its functions; a gradient from above enters as it is."""
    yield name, v, 1.0
    if _is_gradient(name):
        return
    w = _wrap(name)
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-v))
        candidates = [
            (f"{w}^2", v * v, 1.6), (f"1/{w}", 1 / v, 1.5), (f"1/{w}^2", 1 / (v * v), 2.2), (f"{w}^3", v**3, 2.6),
            (f"sqrt({name})", np.sqrt(v), 2.4), (f"exp({name})", np.exp(v), 2.0), (f"exp(-{w})", np.exp(-v), 2.2),
            (f"exp({name}/2)", np.exp(v / 2), 2.3), (f"exp(-{w}/2)", np.exp(-v / 2), 2.6), (f"exp(2 {w})", np.exp(2 * v), 2.6),
            (f"exp(-2 {w})", np.exp(-2 * v), 2.6), (f"log({name})", np.log(v), 2.2), (f"sigmoid({name})", s, 1.8),
            (f"sigmoid'({name})", s * (1 - s), 2.0), (f"(1 - sigmoid({name}))", 1 - s, 2.4), (f"softplus({name})", np.logaddexp(0, v), 2.4),
            (f"tanh({name})", np.tanh(v), 2.2), (f"tanh'({name})", 1 - np.tanh(v) ** 2, 2.0), (f"(1 - {name})", 1 - v, 2.0),
            (f"(1 + {name})", 1 + v, 2.4), (f"(1 - {w}^2)", 1 - v * v, 1.9), (f"({name} (1 - {name}))", v * (1 - v), 1.9),
            (f"({w} - 1/{w})", v - 1 / v, 2.2), (f"({w} + 1/{w})", v + 1 / v, 2.8), (f"({name} > 0)", (v > 0) * 1.0, 1.8),
            (f"({name} <= 0)", (v <= 0) * 1.0, 2.2), (f"sign({name})", np.sign(v), 2.4), (f"|{name}|", np.abs(v), 2.4),
            (f"relu({name})", np.maximum(v, 0), 2.2), (f"1/(1 + {name})", 1 / (1 + v), 2.8), (f"1/(1 - {name})", 1 / (1 - v), 2.8),
            (f"cos({name})", np.cos(v), 2.6), (f"sin({name})", np.sin(v), 2.6), (f"log(1 - {name})", np.log(1 - v), 3.0),
        ]  # fmt: skip
    for text, values, cost in candidates:
        if np.isfinite(values).all() and np.ptp(values) > 0 and not np.array_equal(values, v):
            yield text, values, cost


def _variants(name, d):
    """(text, array) of a gradient from above, read wrongly: {text: relation, words} is in _MISREAD."""
    yield name, d
    if not _is_gradient(name) or d.ndim < 2:
        return
    if d.ndim == 3 and min(d.shape[:2]) > 1:
        K, B, n = d.shape
        yield f"{name} read as (B, K, ...)", d.reshape(B, K, n).swapaxes(0, 1)
        yield f"the mean over samples of {name}", np.broadcast_to(d.mean(axis=0), d.shape)
        if K == B:
            yield f"{name} with its first axes swapped", d.swapaxes(0, 1)
    for axis, one in ((0, "sample"), (1, "image")) if d.ndim == 3 else ((0, "image"),):
        if d.shape[axis] > 1:
            for which, i in (("first", 0), ("last", -1)):
                only = np.zeros_like(d)
                np.moveaxis(only, axis, 0)[i] = np.moveaxis(d, axis, 0)[i]
                yield f"only the {which} {one} of {name}", only
            yield f"{name} with its {one}s reversed", np.flip(d, axis)
            if d.shape[axis] > 2:
                yield f"{name} with its {one}s one off", np.roll(d, 1, axis)
                yield f"{name} with its {one}s one off (backwards)", np.roll(d, -1, axis)
    if d.ndim == 2 and d.shape[0] == d.shape[1]:
        yield f"{name}.T", d.T


_MISREAD = (
    ("read as (B, K, ...)", "layout", "(K, B)", "yours reads {d} image by image, as (B, K, ...), where samples come first, (K, B, ...)"),
    ("the mean over samples of", "image", "mean over K", "yours averages {d} over the samples before it is used"),
    ("first axes swapped", "transpose", "axes 0 and 1", "yours sums {d} over the wrong one of its first two axes"),
    ("only the first sample", "image", "first sample", "yours takes only the first sample of {d}; all K samples add up"),
    ("only the last sample", "image", "last sample", "yours takes only the last sample of {d}; all K samples add up"),
    ("only the first image", "image", "first image", "yours takes only the first image of {d}; all images add up"),
    ("only the last image", "image", "last image", "yours takes only the last image of {d}; all images add up (was it overwritten in a loop?)"),
    ("reversed", "rows", "reversed", "yours takes the rows of {d} in reverse order"),
    ("one off", "rows", "shifted", "yours takes the rows of {d} one off"),
    (".T", "transpose", "{d}.T", "yours has {d} transposed"),
)  # fmt: skip


def _products(named, shape, entries):
    """All products that are candidates for the gradient's entries: a list of _Product."""
    pool = []
    arrays = {text: (array, name) for name, a in named.items() if a.size > 1 for text, array in _variants(name, a)}
    index = np.unravel_index(entries, shape) if shape else ()

    def add(frame, views, sizes_of_sum, must=()):
        """Products of one to three of the views {(text, cost, name): (R, N)}, summed over R."""
        pool.extend(_multiply(frame, views, sizes_of_sum, must))

    # elementwise, and summed over leading axes that the gradient does not have
    core = () if int(np.prod(shape)) == 1 else shape
    leading = max((a.shape[: a.ndim - len(core)] for a, _ in arrays.values() if a.ndim > len(core) and a.shape[a.ndim - len(core) :] == core),
                  key=len, default=())  # fmt: skip
    full = leading + core
    views, plain = [], []
    for text, (a, name) in arrays.items():
        try:
            direct = np.broadcast_to(a, core)
        except ValueError:
            direct = None
        if direct is not None:
            values = direct.ravel()[entries if core else [0]][None]
        elif leading and a.size <= 4_000_000:
            try:
                values = np.broadcast_to(a, full).reshape(int(np.prod(leading)), -1)[:, entries if core else [0]]
            except ValueError:
                continue
        else:
            continue
        (views if text == name else plain).append((text, name, values))
    add("", (views, plain), leading)

    if len(shape) == 2 and min(shape) >= 1:
        i, j = index
        rows = {}  # by the shape of their leading axes
        for text, (a, name) in arrays.items():
            if a.ndim >= 2:
                rows.setdefault(a.shape[-1], []).append((text, name, a))
        lead = max((a.shape[:-1] for size in shape for _, name, a in rows.get(size, []) if _is_gradient(name)), key=len, default=None)
        if lead is None:
            lead = max((a.shape[:-1] for size in shape for _, _, a in rows.get(size, [])), key=len, default=None)
        if lead is not None:
            def view(a, at):
                a = np.broadcast_to(a, lead + a.shape[-1:]).reshape(-1, a.shape[-1])
                return a[:, at]

            sides = []
            for size, at in ((shape[0], i), (shape[1], j)):
                side = []
                for text, name, a in rows.get(size, []):
                    try:
                        side.append((text, name, view(a, at)))
                    except ValueError:
                        continue
                sides.append(side)
            pool.extend(_outer(*sides))
    if len(shape) >= 2:
        for W_name, W in named.items():
            if W.ndim != 2 or _is_gradient(W_name) or shape[-1] not in W.shape or W.shape == shape:
                continue
            for text, matrix in ((f"{W_name}.T", W.T), (W_name, W)):
                if matrix.shape[1] != shape[-1]:
                    continue
                columns = matrix[:, index[-1]]  # (q, N)
                for row_text, (a, name) in arrays.items():
                    if a.shape == (*shape[:-1], len(matrix)) and (_is_gradient(name) or name != W_name):
                        inner = a[index[:-1]].T
                        cost = 1.5 + (row_text != name) + (0 if _is_gradient(name) else 1)
                        pool.append(_Product((row_text, text), (inner * columns).sum(axis=0), cost, f"@{text}", True))
    return [p for p in pool if np.isfinite(p.values).all() and p.values.any()]


def _multiply(frame, views, leading, must):
    """Products of one to three factors, summed over the leading axis of their values."""
    views, misread = views
    atoms = [(text, name, f, cost) for t, name, v in views for text, f, cost in _functions(t, v)]
    simple = [atom for atom in atoms if atom[3] <= 1.6 and not _is_gradient(atom[1])]
    above = [atom for atom in atoms if _is_gradient(atom[1])]
    above_misread = [(text, name, v, 2.0) for text, name, v in misread]
    ours = [atom for atom in atoms if not _is_gradient(atom[1])]

    def product(*factors):
        values = factors[0][2]
        for f in factors[1:]:
            values = values * f[2]
        cost = sum(f[3] for f in factors) - 0.6 * sum(_is_gradient(f[1]) for f in factors)
        return _Product(tuple(f[0] for f in factors), values.sum(axis=0), cost, frame, len(values) > 1)

    for atom in atoms + above_misread:
        yield product(atom)
    for d in above + above_misread:
        for atom in ours:
            yield product(d, atom)
        for p, q in combinations(simple, 2):
            if p[1] != q[1]:
                yield product(d, p, q)
    for p in simple:
        for q in ours:
            if (p[1], p[3]) < (q[1], q[3]) and p[1] != q[1]:
                yield product(p, q)


def _outer(left, right):
    """x.T @ (da * f): for every entry (i, j) the sum over rows of x[:, i] * da[:, j] * f[:, j]."""
    functions = [(text, name, f, cost) for t, name, v in right if not _is_gradient(name) and t == name for text, f, cost in _functions(t, v)]
    for x_text, x_name, x in left:
        if _is_gradient(x_name):
            continue
        for d_text, d_name, d in right:
            cost = 1.5 + (d_text != d_name) + (0 if _is_gradient(d_name) else 1)
            yield _Product((f"{x_text}.T", d_text), (x * d).sum(axis=0), cost, "@", True)
            if _is_gradient(d_name) and d_text == d_name:
                for text, name, f, f_cost in functions:
                    yield _Product((f"{x_text}.T", d_text, text), (x * d * f).sum(axis=0), cost + f_cost, "@", True)


# Evidence: could it be chance?


def _distinct(values):
    """How many different numbers there are, to six digits."""
    top = np.max(np.abs(values), initial=0)
    return len(np.unique(np.round(values / top, 6))) if top else 1


def _bits(values):
    """How much it tells that something agrees with these values on every entry.

    BITS for every different number; a round number (0, 1, -1/2, ...) is met by chance, and tells one bit per entry.
    """
    if _distinct(values) == 1:
        return BITS
    round_ones = np.abs(values * 2 - np.round(values * 2)) < 1e-9
    round_ones &= np.abs(values) <= 4
    others = values[~round_ones]
    return (_distinct(others) if len(others) else 0) * BITS + (np.sum(round_ones) if _distinct(values) > 1 else 0)


def _beyond_chance(values, candidates, free=0):
    """Whether agreement with these values, chosen among so many candidates with so many free constants, is no accident."""
    return _bits(values) - free * BITS >= math.log2(max(candidates, 1)) + CHANCE_BITS


# Second stage: one factor, or one term.


def _factors(case):
    """wrong * g = c * true * f."""
    pool, a, n = case.pool, case.a[case.few], case.n[case.few]
    atoms = [p for p in pool if not p.frame and not p.summed and len(p.factors) <= 2 and not any(map(_is_gradient, p.factors))]
    one = [p for p in atoms if len(p.factors) == 1]
    for p in atoms:
        if _distinct(p.values) == 1:
            continue
        for left, right, missing in ((a * p.values, n, True), (a, n * p.values, False)):
            size = right @ right
            if size == 0:
                continue
            c = float(left @ right / size)
            fit = case.error(left, c * right)
            known = case.constants.name(c) if fit <= case.tolerance else None
            if known and _beyond_chance(p.values, len(atoms) * 10):
                text, cost = known
                cost += p.cost + 0.3 * (not missing) + (c < 0)
                yield cost, _factor(case, p, None, c, text, missing, fit)
    yield from _exchanged(case, [p for p in one if p.cost <= 2.4 and _distinct(p.values) > 1], a, n)


def _exchanged(case, atoms, a, n):
    """wrong * g = c * true * f for two factors at once: by logarithms first, then exactly."""
    seen = (np.abs(a) > 1e-4 * case.scale) & (np.abs(n) > 1e-4 * case.scale)
    if np.sum(seen) < 3:
        return
    with np.errstate(all="ignore"):
        ratio = np.log(np.abs(a[seen] / n[seen]))
        logs = np.array([np.log(np.abs(p.values[seen])) for p in atoms]).reshape(len(atoms), -1)
    usable = np.isfinite(logs).all(axis=1)
    atoms, logs = [p for p, ok in zip(atoms, usable) if ok], logs[usable]
    if not len(atoms):
        return
    ratio, logs = ratio - ratio.mean(), logs - logs.mean(axis=1, keepdims=True)
    gram, with_ratio, size = logs @ logs.T, logs @ ratio, ratio @ ratio
    # |ratio - log f + log g|^2
    left = size + gram.diagonal()[:, None] + gram.diagonal()[None] - 2 * gram - 2 * with_ratio[:, None] + 2 * with_ratio[None]
    np.fill_diagonal(left, np.inf)
    scale = size + gram.diagonal()[:, None] + gram.diagonal()[None]
    for i, j in np.argwhere(left < 1e-9 * scale):
        f, g = atoms[i], atoms[j]
        top = n * f.values
        c = float((a * g.values) @ top / (top @ top))
        fit = case.error(a * g.values, c * top)
        known = case.constants.name(c)
        if fit <= case.tolerance and known and _beyond_chance(f.values / g.values, len(atoms) ** 2 * 10):
            cost = known[1] + f.cost + g.cost + 0.5
            yield cost, _factor(case, g, f, c, known[0], True, fit)


def _factor(case, p, other, c, text, missing, fit):
    """The sentence for a factor that is missing (or too many), with the constant that comes with it."""
    sign = "-" if c < 0 else ""
    name = p.text
    if other is not None:
        times = "" if sign + text == "1" else f", and {sign}{text} times as large"
        return Explanation("factor", name, fit, f"yours has the factor {_bare(other.text)} where {_bare(name)} is meant{times}.")
    if sign + text == "1":
        term = name
    elif missing:  # wrong * f = c true: what is missing is f / c
        term = sign + (f"{name}/{_wrap(text)}" if not text.startswith("1/") else f"{_unwrap(text[2:])} {name}")
    else:
        term = sign + (f"{name}/{_wrap(text[2:])}" if text.startswith("1/") else f"{text} {name}")
    if missing:
        return Explanation("factor", _bare(term), fit, f"yours is the true gradient without the factor {_bare(term)}.")
    return Explanation("factor", _bare(term), fit, f"yours is the true gradient with a factor {_bare(term)} too many.")


def _bare(text):
    """(1 - h^2) -> 1 - h^2."""
    if text.startswith("(") and text.endswith(")"):
        depth = 0
        for k, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if depth == 0 and k < len(text) - 1:
                return text
        return text[1:-1]
    return text


def _terms(case):
    """wrong - true = c * E, for a path, for a number, for a product."""
    delta = case.a - case.n
    paths = {words: case.at(array) for words, array in case.paths.items() if array.any()}
    on_path = None
    for words, path in paths.items():
        c = float(delta @ path / (path @ path)) if path.any() else 0.0
        fit = case.left(delta, c * path)
        share = 0.0 if abs(1 + c) < 2e-6 else 1 + c  # yours holds this much of the path
        known = case.constants.name(share) if share else ("0", 0)
        if fit <= case.tolerance and known:
            on_path = words, share, known[0], fit
    top = np.max(np.abs(delta))
    if _distinct(case.n) >= 3 and np.ptp(delta) <= case.tolerance * top and len(delta) >= 4:
        c = float(delta.mean())
        known = case.constants.name(c)
        if known:
            sign = "-" if c > 0 else "+"
            words = f"yours differs from the true gradient by the same number everywhere: it lacks {sign}{known[0]}."
            yield 1.5 + known[1], Explanation("term", known[0], case.left(delta, np.full_like(delta, c)), words)
    found = sorted(_one_term(case, delta, len(case.pool)), key=lambda f: f[0])[:6]
    if on_path:
        words, share, text, fit = on_path
        simplest = next((p for cost, p, c, known, f in found if known and known[0] == "1" and cost <= 4), None)
        term = _bare(simplest.text) if simplest else words
        where = f"the term {term}: {words}" if simplest else words
        if words.startswith("the path of"):
            relation = "heads"
        else:
            relation = "term"
        if share == 0:
            sentence = f"yours lacks {where}."
        elif text == "1" and share < 0:
            sentence = f"yours has {where}, with the wrong sign."
        else:
            sentence = f"yours has {where}, {'-' if share < 0 else ''}{text} times."
        yield 0.5, Explanation(relation, term, fit, sentence)
    for cost, p, c, known, fit in found:
        yield cost, _term(case, p, c, known[0], fit)


def _one_term(case, target, candidates, constants=True):
    """(cost, product, c, (text, cost) of c, fit) of the products that are the target, up to a constant with a name."""
    pool = case.pool
    few = target[case.few]
    size = few @ few
    if not pool or size == 0:
        return
    values = np.array([p.values for p in pool])
    norms = (values * values).sum(axis=1)
    c = values @ few / norms
    left = np.abs(few - c[:, None] * values).max(axis=1)
    for k in np.flatnonzero(left <= case.tolerance * max(np.abs(few).max(), case.scale)):
        p = pool[k]
        if p.factors[0] in ("1",) or left[k] > case.tolerance * 10 * np.abs(few).max():
            continue
        known = case.constants.name(c[k], 1e-5 * max(1, case.scale / np.abs(few).max()))
        if known and _beyond_chance(p.values, candidates * 50):
            yield p.cost + known[1] + 0.2, p, float(c[k]), known, float(left[k] / (2 * np.abs(few).max()))


def _term(case, p, c, text, fit):
    """The sentence for wrong - true = c E."""
    for f in p.factors:
        if f.startswith("(1 - ") and len(p.factors) > 1:  # c P (1 - f): P stands where P f is meant, or the other way about
            rest, f = _Product(tuple(q for q in p.factors if q != f), p.values, 0).text, f[5:-1]
            words = f"without its factor {f}" if c > 0 else f"with a factor {f} too many"
            rest = f"{rest} * {f}" if c > 0 else rest
            return Explanation("factor", f, fit, f"yours has the term {rest if text == '1' else f'{text} {rest}'} {words}.")
    name = _bare(p.text)
    full = name if text == "1" else f"{name}/{_wrap(text[2:])}" if text.startswith("1/") else f"{text} {name}"
    sign = "-" if c > 0 else ""  # of what is missing
    if text == "2":
        words = (f"yours and the true gradient differ by twice {name}: the term {name} has the wrong sign, "
                 f"or {sign}{full} is missing.")  # fmt: skip
    elif c > 0:
        words = f"yours has the term {full} too many (or lacks -{_wrap(full)})."
        if any(text_is_inverse(f) for f in p.factors):
            words = f"yours lacks the term -{_wrap(full) if ' ' in full else full}."
    else:
        words = f"yours lacks the term {full}."
    return Explanation("term", name, fit, words)


def text_is_inverse(factor):
    return factor.startswith("1/")


# Third stage: one product where another is meant, and whole formulas.


def _two_terms(case):
    """wrong - true = c (E1 - E2): a factor that is missing in one of several terms."""
    return ()


def _formulas(case):
    """Both gradients are products themselves: what is in one and not in the other?"""
    n_found = sorted(_one_term(case, case.n, len(case.pool)), key=lambda f: f[0])[:4]
    a_found = sorted(_one_term(case, case.a, len(case.pool)), key=lambda f: f[0])[:4]
    for n_cost, true, c_true, known_true, n_fit in n_found:
        for a_cost, wrong, c_wrong, known_wrong, a_fit in a_found:
            yield n_cost + a_cost + abs(len(true.factors) - len(wrong.factors)), _formula(case, wrong, c_wrong, true, c_true, max(n_fit, a_fit))
    if not n_found:
        for a_cost, wrong, c_wrong, known, fit in a_found:
            if len(wrong.factors) == 1:
                yield a_cost + 2, Explanation("formula", wrong.text, fit, f"yours is {_signed(c_wrong, known[0], wrong.text)}, and nothing else.")


def _signed(c, text, name):
    return ("-" if c < 0 else "") + (_bare(name) if text == "1" else f"{text} * {name}")


def _formula(case, wrong, c_wrong, true, c_true, fit):
    """The sentence for wrong = c1 E1 where true = c2 E2."""
    missing = list((Counter(true.factors) - Counter(wrong.factors)).elements())
    extra = list((Counter(wrong.factors) - Counter(true.factors)).elements())
    c = c_wrong / c_true
    known = case.constants.name(c)
    times = "" if abs(c - 1) < 1e-5 else f", {'-' if c < 0 else ''}{known[0] if known else f'{abs(c):.6g}'} times"
    if len(extra) == 1:
        for mark, relation, term, words in _MISREAD:
            if mark in extra[0] and len(missing) == 1 and not missing[0].endswith(".T"):
                return Explanation(relation, term.format(d=missing[0]), fit, words.format(d=missing[0]) + times + ".")
    if wrong.frame == true.frame or "@" in (wrong.frame[:1], true.frame[:1]):
        if len(missing) == 1 and len(extra) == 1 and {missing[0], extra[0]} == {missing[0].removesuffix(".T"), missing[0].removesuffix(".T") + ".T"}:
            return Explanation("transpose", extra[0], fit, f"yours has {extra[0]} where {missing[0]} is meant{times}.")
    if wrong.frame == true.frame:
        if missing and not extra:
            text = _bare(" * ".join(missing))
            return Explanation("factor", text, fit, f"yours is the true gradient without the factor {text}{times}.")
        if extra and not missing:
            text = _bare(" * ".join(extra))
            return Explanation("factor", text, fit, f"yours is the true gradient with a factor {text} too many{times}.")
        if len(missing) <= 2 and len(extra) <= 2 and len(missing) < len(true.factors):
            text = _bare(" * ".join(missing))
            return Explanation("factor", text, fit, f"yours has {_bare(' * '.join(extra))} where {text} is meant{times}.")
    return Explanation("formula", true.text, fit, f"yours is {wrong.text}; the true gradient is {true.text}{times}.")


# Last stage: only a part of it is wrong.


def _parts(case):
    """Right but for some rows or columns: which, and what is wrong there."""
    bad = np.zeros(case.analytic.size, bool)
    bad[case.entries] = np.abs(case.a - case.n) > case.tolerance * case.scale
    bad = bad.reshape(case.shape)
    for axis in range(bad.ndim):
        many, one = _axis(axis, bad.ndim)
        wrong = np.flatnonzero(bad.any(axis=tuple(k for k in range(bad.ndim) if k != axis)))
        if 0 < len(wrong) <= case.shape[axis] / 2:
            entries = np.array([e for e in case.entries if np.unravel_index(e, case.shape)[axis] in wrong])
            inside = _ranked(replace(case, entries=entries), parts=False)
            which = f"{one if len(wrong) == 1 else many} {_listed(wrong)}"
            words = f"yours is right except in {which}"
            if inside:
                words += "; there " + inside[0][1].words
            relation = "columns" if many == "columns" else "rows"
            yield 1 + len(wrong), Explanation(relation, which, inside[0][1].fit if inside else 0.0, words if inside else words + ".")


def _listed(numbers):
    numbers = [int(i) for i in numbers]
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers[:6])) + (", ..." if len(numbers) > 6 else "")


def _explain_shapes(analytic, numeric, tolerance):
    """The numbers may be right although their shape is not."""

    def error(p, q):
        scale = np.max(np.abs(p) + np.abs(q), initial=0)
        return float(np.max(np.abs(p - q), initial=0) / scale) if scale else 0.0

    found, shapes = [], f"yours has shape {analytic.shape}, the true gradient {numeric.shape}"
    if not np.isfinite(numeric).all() or not np.isfinite(analytic).all():
        return []
    if analytic.ndim == 2 and analytic.T.shape == numeric.shape and (fit := error(analytic.T, numeric)) <= tolerance:
        found.append(Explanation("transpose", ".T", fit, f"{shapes}: yours is the true gradient transposed."))
    if analytic.ndim > numeric.ndim:
        for axis in range(analytic.ndim):
            for f, what in ((np.sum, "summed"), (np.mean, "averaged")):
                reduced = f(analytic, axis=axis)
                if reduced.shape == numeric.shape and (fit := error(reduced, numeric)) <= tolerance:
                    found.append(Explanation("axis", f"axis {axis}", fit, f"{shapes}: yours is not yet {what} over axis {axis}."))
    if analytic.ndim < numeric.ndim:
        for axis in range(numeric.ndim):
            for f, what in ((np.sum, "summed"), (np.mean, "averaged")):
                reduced = f(numeric, axis=axis)
                if reduced.shape == analytic.shape and (fit := error(analytic, reduced)) <= tolerance:
                    found.append(Explanation("axis", f"axis {axis}", fit, f"{shapes}: yours is {what} over axis {axis}, which must stay."))
    if not found and analytic.size == numeric.size and (fit := error(analytic.reshape(numeric.shape), numeric)) <= tolerance:
        found.append(Explanation("shape", str(numeric.shape), fit, f"{shapes}: the numbers are right, reshape them."))
    return found
