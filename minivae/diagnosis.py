"""What went wrong in a gradient: ratio and difference looked up among the numbers that have names (lesson 06).

There is no rule per mistake here. `diagnose` is given the two gradients and whatever has a name, and builds candidates
from the names: products of dz, eps, 1/sigma, sigmoid(raw), 1 - h^2, ... (products.py) and constants such as 2, 1/B, K
(constants.py). Then it asks, in turn:

    wrong = c * true, or true put elsewhere?      zero, a sign, a constant, transposed, rows moved              (6.6)
    wrong * g = c * true * f?                     a factor missing, too many, or another one                    (6.7)
    wrong - true = c * E?                         a term missing, too many, or with the wrong sign              (6.8)
    wrong - true = c * (E1 - E2)?                 a term in the place of another: a factor of one term          (6.9)
    wrong = E1 and true = E2?                     two formulas

An answer leaves nothing but rounding on every entry, and must agree with more different numbers than chance could meet
among so many candidates. Otherwise the list is empty.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from .constants import SAME, Constants, bare, is_gradient, times, wrap
from .products import MISREAD, expanded, products

ENTRIES = 300  # as many entries as a search looks at
DIAGNOSED = 600  # coordinates that a check measures of a wrong block
REPEATS = 12  # draws for the diagnosis of a single number
AGAIN = "yours differs from call to call: noise is drawn again in it, where the eps of the forward pass is meant."
BITS = 20  # what one number that agrees to 1e-6 tells
CHANCE = 8  # a coincidence has to be less likely than 2^-8


@dataclass(frozen=True)
class Explanation:
    """One way in which the wrong gradient follows from the true one.

    relation  "zero", "sign", "scale", "factor", "term", "formula", "transpose", "layout", "rows", "columns", "image",
              "heads", "axis", "shape", "clip"; and from gradcheck, which can call twice, "noise" and "accumulated"
    term      the name or number: "eps", "1/sigma", "B", "2"
    fit       the relative error that is left
    words     the sentence for a learner, in which "yours" is the gradient under test
    """

    relation: str
    term: str
    fit: float
    words: str

    def __str__(self):
        return self.words


def diagnose(analytic, numeric, named=None, paths=None, tolerance=1e-6):
    """Explanations of a wrong gradient, the simplest first; an empty list where nothing fits, or nothing is wrong.

    analytic   the gradient under test, any shape
    numeric    the true gradient in the same shape; NaN where it was not measured
    named      {name: array or number} of what may have gone into it, in the package's layout: (features,), (B, features),
               (K, B, features), weights (n_in, n_out). Names that start with d, and "upstream", are gradients that
               arrive from above: they enter linearly. Sizes that have no name are called K and B.
    paths      {words: array}: known summands of the true gradient, such as {"the KL path": mu}
    tolerance  the relative error of the block, as gradcheck measures it, up to which two gradients are equal
    """
    return [explanation for _, explanation in ranked(analytic, numeric, named, paths, tolerance)]


def ranked(analytic, numeric, named=None, paths=None, tolerance=1e-6):
    """diagnose, with what each explanation costs in simplicity: [(cost, Explanation)]."""
    analytic, numeric = np.asarray(analytic, float), np.asarray(numeric, float)
    if analytic.shape != numeric.shape:
        return [(1.0, explanation) for explanation in _explain_shapes(analytic, numeric, tolerance)]
    named = {name: v for name, v in ((name, _numbers(value)) for name, value in (named or {}).items()) if v is not None}
    case = _Case(analytic, numeric, named, dict(paths or {}), tolerance)
    if not np.isfinite(analytic).all() or case.error(case.a, case.n) <= tolerance:
        return []
    with np.errstate(all="ignore"):  # 1/0 and log(-1) are candidates that fall away
        return _ranked(case)


def stacked(draws):
    """[(analytic, numeric, named)] of gradients of one number each -> one (analytic, numeric, named) for diagnose.

    One number is explained by too many formulas; a dozen of them, for other inputs, by few. They make a new last axis.
    """
    analytic, numeric, named = zip(*draws)
    arrays = {key: [np.asarray(some[key]) for some in named] for key in named[0]}
    kept = {key: some[0] for key, some in arrays.items() if some[0].size == 1 and np.ptp(some) == 0}
    varying = {key: np.stack(some, axis=-1) for key, some in arrays.items() if key not in kept and some[0].dtype.kind in "fiub"}
    return (
        np.ravel(analytic),
        np.ravel(numeric),
        kept | {key: v.reshape(-1) if v.size == len(draws) else v for key, v in varying.items()},
    )


SIMPLE = 2.5  # an explanation of this cost ends the search


def _ranked(case):
    """[(cost, Explanation)], the simplest first. Later questions are asked only where earlier ones found nothing simple."""
    found, order = {}, []
    stages = ((_constant, _moved), 2.0), ((_factor, _term, _formula), SIMPLE), ((_two_terms,), math.inf), ((_in_part,), math.inf)
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


@dataclass
class _Case:
    """The two gradients on the entries that were measured, with all that is known beside them."""

    analytic: np.ndarray
    numeric: np.ndarray
    named: dict
    paths: dict
    tolerance: float
    entries: np.ndarray = None  # flat indices; by default all that were measured

    def __post_init__(self):
        if self.entries is None:
            self.entries = np.flatnonzero(np.isfinite(self.numeric))
        self.shape = self.analytic.shape
        self.a, self.n = self.analytic.ravel()[self.entries], self.numeric.ravel()[self.entries]
        self.scale = np.max(np.abs(self.a) + np.abs(self.n), initial=0)

    @staticmethod
    def error(p, q):
        """max |p - q| / max(|p| + |q|)."""
        scale = np.max(np.abs(p) + np.abs(q), initial=0)
        return float(np.max(np.abs(p - q), initial=0) / scale) if scale else 0.0

    def at(self, array):
        """An array of the gradient's shape, on the entries."""
        return np.broadcast_to(array, self.shape).ravel()[self.entries]

    @cached_property
    def constants(self):
        return Constants(self.named, self.shape)

    @cached_property
    def few(self):
        """Positions among the entries, at most ENTRIES of them."""
        n = len(self.entries)
        return np.arange(n) if n <= ENTRIES else np.sort(np.random.default_rng(0).choice(n, ENTRIES, replace=False))

    @cached_property
    def pool(self):
        """The candidates on the few entries."""
        return products(self.named, self.shape, self.entries[self.few])

    @cached_property
    def values(self):
        return np.array([p.values for p in self.pool])

    @cached_property
    def costs(self):
        return np.array([p.cost for p in self.pool])

    @cached_property
    def units(self):
        """The simpler candidates, normalised to length 1."""
        values = self.values[[p.cost <= 3.2 for p in self.pool]][:800]
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    @cached_property
    def gram(self):
        return self.units @ self.units.T

    @cached_property
    def true_sum(self):
        """[(coefficient, product)] if the true gradient is a sum of one or two candidates, else None."""
        return _as_sum(self, self.n)

    @property
    def true_factors(self):
        """The factors that stand in all terms of the true gradient, as far as known, beside others."""
        products_ = [p.factors for _, p in self.true_sum or ()]
        return set.intersection(*map(set, products_)) if products_ and min(map(len, products_)) > 1 else set()

    @cached_property
    def true_terms(self):
        """{text: coefficient}, brackets multiplied out; None if the true gradient is not known as a sum."""
        return _terms_of(self.true_sum)

    @cached_property
    def your_terms(self):
        return _terms_of(_as_sum(self, self.a))


# (6.6) The whole gradient times a constant, or put elsewhere.


def _constant(case):
    """wrong = c * true."""
    a, n = case.a, case.n
    if not a.any():
        yield 0, Explanation("zero", "0", 0.0, "yours is zero everywhere: nothing comes back along this path.")
    if not n.any():
        yield 4, Explanation("zero", "the true gradient", 0.0, "the true gradient is zero everywhere, and yours is not.")
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
    elif _different(n) < 3:
        return
    else:
        text, cost = f"{abs(c):.6g}", 3.0
        also = ", and no number that has a name here"
    inverse, size = text.startswith("1/"), bare(text.removeprefix("1/"))
    sizes_only = set(size.split()) <= {"B", "K", "D", "M", "C"} and len(n) > 1
    if c < 0:
        relation, words = (
            ("sign", "has the wrong sign") if text == "1" else ("scale", f"is -{text} times the true gradient{also}")
        )
    elif text == "2":
        relation, words = "scale", f"is twice the true gradient{also}: counted twice, or without a factor 1/2"
    elif text == "1/2":
        relation, words = "scale", f"is half the true gradient{also}: without a factor 2, or with a 1/2 too many"
    elif known and inverse:
        relation, words = (
            "scale",
            f"is {size} times too small{also}" + ": averaged where the sum was meant, or averaged twice" * sizes_only,
        )
    elif known and set(size.split()) <= {"B", "K", "D", "M", "C"}:
        relation, words = "scale", f"is {size} times too large{also}" + ": summed where the mean was meant" * sizes_only
    else:
        relation, words = "scale", f"is {text} times the true gradient{also}"
    yield cost, Explanation(relation, ("-" if c < 0 else "") + text, fit, f"yours {words}.")


def _moved(case):
    """Asked only of gradients whose numbers differ, so that their places can be told apart."""
    if _different(case.n) < 3 or _bits(case.n) < 24:
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
        yield 2, "layout", "reshape", a.reshape(a.shape[::-1]).T, "is the true gradient reshaped where a transpose was meant"
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
            yield 1.2, relation, "shifted", np.roll(a, 1, axis), f"has its {many} one off: {one} 1 stands in {one} 0, and so on"
            yield 1.2, relation, "shifted", np.roll(a, -1, axis), f"has its {many} one off: {one} 0 stands in {one} 1, and so on"
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
        yield 2, "clip", f"{top:.6g}", np.clip(case.n, -top, top), f"is the true gradient, clipped at {top:.6g}"


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
    a, n = (np.moveaxis(v.reshape(case.shape), axis, 0).reshape(case.shape[axis], -1) for v in (case.analytic, measured))
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
            f"has {many} {moved[0]} and {moved[1]} swapped" if len(moved) == 2 else f"has its {many} in another order: {order}"
        )
        fit = case.error(a[order][np.isfinite(n)], n[np.isfinite(n)])
        yield 1.6, Explanation(relation, "permuted", fit, f"yours {words}.")


# Could it be chance?


def _different(values):
    """How many different numbers there are, to six digits."""
    top = np.max(np.abs(values), initial=0)
    return len(np.unique(np.round(values / top, 6))) if top else 1


def _bits(values):
    """What agreement with these values tells: BITS for each different number.

    Round ones (0, 1, -1/2, ...) are often met by chance: they tell one bit per entry, where there are several.
    """
    whole = (np.abs(2 * values - np.round(2 * values)) < 1e-9) & (np.abs(values) <= 20)
    different = _different(values[~whole]) if (~whole).any() else 0
    return BITS * different + (np.sum(whole) if _different(values) > 1 else 0)


def _enough(bits, candidates, constants=1):
    """Whether so many bits are beyond chance for one among so many candidates, with free constants of CHANCE bits each."""
    return bits >= math.log2(max(candidates, 1)) + CHANCE * (1 + constants)


# (6.7) One factor.


def _factor(case):
    """wrong * g = c * true * f."""
    a, n = case.a[case.few], case.n[case.few]
    factors = [
        p for p in case.pool if not p.frame and not p.summed and p.text != "1" and not any(is_gradient(f) for f in p.factors)
    ]
    if not factors:
        return
    f = np.array([p.values for p in factors])
    for missing, lefts, rights in ((True, a * f, n + 0 * f), (False, a + 0 * f, n * f)):
        c = (lefts * rights).sum(axis=1) / (rights * rights).sum(axis=1)
        fits = np.abs(lefts - c[:, None] * rights).max(axis=1) / (2 * np.abs(lefts).max(axis=1))
        for k in np.flatnonzero(fits <= case.tolerance):
            p, known = factors[k], case.constants.name(c[k])
            if known and _enough(_bits(p.values), sum(q.cost <= p.cost for q in factors), known[1] > 0):
                yield known[1] + p.cost + 0.3 * (not missing) + 0.5 * (c[k] < 0), _one_factor(p, c[k], known[0], missing, fits[k])
    yield from _other_factor(case, [p for p in factors if len(p.factors) == 1 and p.cost <= 2.8], a, n)


def _one_factor(p, c, text, missing, fit):
    if missing:  # wrong * f = c true: what is missing is f / c
        c, text = 1 / c, text[2:].strip("()") if text.startswith("1/") else "1" if text == "1" else f"1/{wrap(text)}"
    factor = times(c, text, bare(p.text))
    if p.misread:
        return _misread(p, fit)
    words = f"without the factor {factor}" if missing else f"with a factor {factor} too many"
    return Explanation("factor", factor, fit, f"yours is the true gradient {words}.")


def _other_factor(case, factors, a, n):
    """Two factors at once: by their logarithms first, then exactly."""
    seen = (np.abs(a) > 1e-4 * case.scale) & (np.abs(n) > 1e-4 * case.scale)
    if np.sum(seen) < 3:
        return
    ratio = np.log(np.abs(a[seen] / n[seen]))
    logs = np.log(np.abs([p.values[seen] for p in factors]))
    usable = np.isfinite(logs).all(axis=1)
    factors, logs = [p for p, ok in zip(factors, usable) if ok], logs[usable]
    ratio, logs = ratio - ratio.mean(), logs - logs.mean(axis=1, keepdims=True)
    gram, along, size = logs @ logs.T, logs @ ratio, ratio @ ratio
    total = size + gram.diagonal()[:, None] + gram.diagonal()
    left = total - 2 * gram - 2 * along[:, None] + 2 * along  # |ratio - log f + log g|^2
    for i, j in np.argwhere(left < 1e-8 * total):
        f, g = factors[i], factors[j]
        if i == j or not (n * f.values).any():
            continue
        c = float((a * g.values) @ (n * f.values) / ((n * f.values) @ (n * f.values)))
        fit, known = case.error(a * g.values, c * n * f.values), case.constants.name(c)
        bits, same = _bits((f.values / g.values)[seen]), f.names == g.names
        for p in (f, g):  # what takes few values tells little, and the less the less is known of its name
            if _different(p.values) <= 2:
                bits = min(bits, len(p.values) + (20 if same else 8))
        if fit <= case.tolerance and known and _enough(bits, len(factors) ** 2):
            if f.misread and f.misread[1] == g.text:
                yield known[1] + g.cost + 0.5, _misread(f, fit)
            else:
                words = f"yours has the factor {times(c, known[0], bare(f.text))} where {bare(g.text)} is meant."
                cost = known[1] + (f.cost + g.cost) / 2 + 1.1 - 0.3 * same - 0.5 * (g.text in case.true_factors)
                yield cost, Explanation("factor", bare(g.text), fit, words)


def _misread(p, fit, times=""):
    """The sentence for an array that was read wrongly."""
    key, name = p.misread
    relation, term, words = MISREAD[key]
    words = f"yours {words.format(v=name)}{times}"
    return Explanation(relation, term.format(v=name), fit, words if words.endswith("?") else f"{words}.")


# (6.8) One term.


def _term(case):
    """wrong - true = c * E, for a known path, or a candidate."""
    delta, found = case.a - case.n, []
    for cost, p, c, known, fit in _multiples(case, delta):
        found.append((cost, p))
        two = expanded(p)
        if len(two) == 2 and (case.true_terms or case.your_terms or "1" in p.factors[-1].strip("()").split()):
            yield from _both(case, cost + 1.5, [(c * sign, e) for sign, e in two], fit)
        else:
            yield cost, _term_words(case, p, c, known[0], fit)
    for words, path in case.paths.items():
        path = case.at(path)
        if not path.any():
            continue
        c = float(delta @ path / (path @ path))
        share = 0.0 if abs(1 + c) < SAME else 1 + c  # as much of the path is in yours
        fit, known = case.error(delta, c * path), case.constants.name(share) if share else ("0", 0)
        if not (fit <= 10 * case.tolerance and known):
            continue
        simple = [(cost, k) for k, (cost, p) in enumerate(found) if cost <= 4 and not p.frame and not p.misread]
        term = bare(found[min(simple)[1]][1].text) if simple else words
        what = words if term is words else f"the term {term}: {words}"
        relation = "heads" if "head" in words else "term"
        if share == 0:
            sentence = f"yours lacks {what}."
        elif abs(share + 1) < SAME:
            sentence = f"yours has the wrong sign in {what}."
        else:
            sentence = f"yours has {'-' if share < 0 else ''}{known[0]} times {what}."
        yield 0.4 + known[1] / 10, Explanation(relation, term, fit, sentence)


def _multiples(case, target):
    """(cost, E, c, (name of |c|, its cost), fit) for every candidate E that is the target up to a named constant."""
    few = target[case.few]
    if not case.pool or not few.any():
        return
    values = case.values
    c = values @ few / (values * values).sum(axis=1)
    left = np.abs(few - c[:, None] * values).max(axis=1)
    close, bits = np.minimum(case.tolerance * case.scale, 1e-3 * np.abs(few).max()), _bits(few)
    for k in np.flatnonzero(left <= close):
        p, known = case.pool[k], case.constants.name(c[k], SAME + 2 * left[k] / np.abs(few).max())
        simpler = case.costs.searchsorted(p.cost, "right")  # candidates as simple as this one
        if (
            not known
            and p.cost == 1.0
            and not p.frame
            and not is_gradient(p.text)
            and _enough(min(bits, _bits(p.values)), simpler, 3)
        ):
            known = f"{abs(c[k]):.6g}", 2.5
        varies = p.text == "1" and len(few) >= 4 and _different(case.n) >= 3  # the same number everywhere
        if known and (varies or _enough(min(bits, _bits(p.values)), simpler, known[1] > 0)):
            yield p.cost + known[1] + 0.2, p, float(c[k]), known, float(left[k] / case.scale)


def _term_words(case, p, c, text, fit):
    """In which of the two gradients the term stands, as far as that can be told."""
    name = bare(p.text)
    yours, true = _shares(case, p, c)
    if p.misread:
        return _misread(p, fit)

    def of(share):
        return times(share, case.constants.text(share), name)

    if true is None:
        words = (
            f"lacks the term {of(-c)}" if c < 0 or name.startswith("1/") else f"has the term {of(c)} too many (or lacks {of(-c)})"
        )
        if text == "2":
            words = f"is off by twice {name}: that term has the wrong sign, or {of(-c)} is missing"
    elif true == 0:
        words = f"has the term {of(yours)} too many"
    elif yours == 0:
        words = f"lacks the term {of(true)}"
    elif abs(yours + true) < 1e-5 * abs(true):
        words = f"has the wrong sign in the term {of(true)}"
    else:
        words = f"has the term {of(yours)} where {of(true)} is meant"
    return Explanation("term", name, fit, f"yours {words}.")


def _shares(case, p, c):
    """How often E stands in yours and in the true gradient, where one of the two is known as a sum; else None, None."""

    def share(terms):
        shares = {round(terms.get(e.text, 0.0) * sign, 6) for sign, e in expanded(p)}
        return shares.pop() if len(shares) == 1 else 0.0

    if case.true_terms is not None:
        true = share(case.true_terms)
        yours = true + c
    elif case.your_terms is not None:
        yours = share(case.your_terms)
        true = yours - c
    else:
        return None, None
    return tuple(0.0 if abs(k) < 1e-5 * abs(c) else k for k in (yours, true))


# (6.9) Two terms, and formulas.


def _pairs(case, target):
    """(cost, [(c1, E1), (c2, E2)], fit) for every two of the simpler candidates that add up to the target."""
    few, pool = target[case.few], [p for p in case.pool if p.cost <= 3.2][:800]
    if not _enough(_bits(few), len(pool) ** 2, 2) or len(few) < 4:
        return
    units, gram = case.units[: len(pool)], case.gram[: len(pool), : len(pool)]
    along = units @ few / np.linalg.norm(few)
    c1 = (along[:, None] - gram * along) / (1 - gram**2)
    left = 1 - c1 * along[:, None] - c1.T * along
    left[(1 - gram**2 < 1e-7) | (np.abs(c1) < 1e-5) | (np.abs(c1.T) < 1e-5)] = 1
    for i, j in np.argwhere(np.triu(left < 1e-8)):
        both = np.array([pool[i].values, pool[j].values])
        c = np.linalg.lstsq(both.T, few, rcond=None)[0]
        off = np.abs(few - c @ both).max()
        tolerance = SAME + 5 * off / np.abs(few).max()
        known = [case.constants.name(k, min(tolerance, 1e-3)) for k in c]
        if off <= case.tolerance * case.scale and all(known):
            cost = pool[i].cost + pool[j].cost + known[0][1] + known[1][1] + 0.5 * (abs(c[0] + c[1]) > 1e-5 * abs(c[0]))
            yield cost, [(float(c[0]), pool[i]), (float(c[1]), pool[j])], float(off / case.scale)


def _as_sum(case, target):
    """[(coefficient, product)] of the simplest sum of one or two candidates that is the target, or None."""
    one = min(_multiples(case, target), key=lambda found: found[0], default=None)
    if one is not None:
        return [(one[2], one[1])]
    two = min(_pairs(case, target), key=lambda found: found[0], default=None)
    return None if two is None else two[1]


def _terms_of(products_):
    if products_ is None:
        return None
    return {e.text: c * sign * (p.summed if e.text == "1" and p.summed else 1) for c, p in products_ for sign, e in expanded(p)}


def _two_terms(case):
    """wrong - true = c1 E1 + c2 E2: one of them stands where the other is meant."""
    for cost, pair, fit in sorted(_pairs(case, case.a - case.n), key=lambda found: found[0])[:6]:
        yield from _both(case, cost, pair, fit)


def _both(case, cost, pair, fit):
    """(cost, Explanation) of wrong - true = c1 E1 + c2 E2. The positive one is taken for yours, unless more is known."""
    (c1, e1), (c2, e2) = sorted(pair, key=lambda term: -term[0])
    (yours1, true1), (yours2, true2) = _shares(case, e1, c1), _shares(case, e2, c2)
    names = " and ".join(bare(e.text) for e in (e1, e2))
    if true1 is not None:
        if true1 == true2 == 0:
            words = f"yours has the terms {_sum_text(case, [(c1, e1), (c2, e2)])} too many."
            yield cost, Explanation("term", names, fit, words)
            return
        if true1 and true2:
            yours = _sum_text(case, [(yours1, e1), (yours2, e2)])
            words = f"yours has {yours or 'nothing'} where {_sum_text(case, [(true1, e1), (true2, e2)])} is meant."
            yield cost, Explanation("term", names, fit, words)
            return
        if true1:
            (c1, e1), (c2, e2) = (c2, e2), (c1, e1)
    if c1 * c2 < 0:
        yield cost, _in_place_of(case, c1, e1, -c2, e2, fit, of_a_term=True)
    else:
        words = f"yours and the true gradient differ by the terms {_sum_text(case, [(c1, e1), (c2, e2)])}."
        yield cost, Explanation("term", names, fit, words)


def _formula(case):
    """Both gradients are known as formulas: what stands in one and not in the other?"""
    few = [sorted(_multiples(case, target), key=lambda found: found[0])[:4] for target in (case.a, case.n)]
    for a_cost, e1, c1, _, a_fit in few[0]:
        for n_cost, e2, c2, _, n_fit in few[1]:
            if (e1.frame, e1.factors) == (e2.frame, e2.factors) and e1.misread == e2.misread:
                continue
            shared = set(e1.factors) & set(e2.factors) if e1.frame == e2.frame else ()
            inside = shared and len(shared) in (len(e1.factors), len(e2.factors))
            cost = abs(a_cost - n_cost) + 0.5 if inside else (a_cost + n_cost) / 2 + 0.5 if shared else a_cost + n_cost - 1
            yield cost, _in_place_of(case, c1, e1, c2, e2, max(a_fit, n_fit))
        if not few[1] and e1.text != "1":
            words = f"yours is {_sum_text(case, [(c1, e1)])} and nothing else."
            yield a_cost + 3, Explanation("formula", bare(e1.text), a_fit, words)


def _sum_text(case, terms):
    terms = [(c, p) for c, p in terms if abs(c) > SAME]
    texts = [times(c, case.constants.text(c), bare(p.text)) for c, p in terms]
    return " + ".join(texts).replace("+ -", "- ")


def _in_place_of(case, c1, e1, c2, e2, fit, of_a_term=False):
    """The sentence for c1 E1 where c2 E2 is meant, by the factors that differ. of_a_term: E2 is one of several terms."""
    c, yours, true = c1 / c2, Counter(e1.factors), Counter(e2.factors)
    missing, extra = list((true - yours).elements()), list((yours - true).elements())
    same_frame = e1.frame == e2.frame

    def product(c, factors):
        return times(c, case.constants.text(c), bare(" * ".join(factors)))

    if e1.misread and same_frame and not missing and not extra:
        return _misread(e1, fit, "" if abs(c - 1) < 1e-5 else f", {product(c, ['1'])} times")
    if same_frame and bool(missing) != bool(extra) and "1" not in (e1.text, e2.text):
        whole = f"has the term {e2.text}" if of_a_term else "is the true gradient"
        factor = product(1 / c, missing) if missing else product(c, extra)
        words = (
            f"{whole} without {'its' if of_a_term else 'the'} factor {factor}"
            if missing
            else f"{whole} with a factor {factor} too many"
        )
        return Explanation("factor", factor, fit, f"yours {words}.")
    if same_frame and missing and len(missing) < len(e2.factors):
        meant = bare(" * ".join(missing))
        return Explanation("factor", meant, fit, f"yours has the factor {product(c, extra)} where {meant} is meant.")
    W1, W2 = (e.frame.strip("@ ") for e in (e1, e2))
    if not same_frame and not missing and not extra and abs(c - 1) < 1e-5 and W1.removesuffix(".T") == W2.removesuffix(".T"):
        return Explanation("transpose", W1, fit, f"yours has {W1} where {W2} is meant.")
    wrong, right = _sum_text(case, [(c1, e1)]), _sum_text(case, [(c2, e2)])
    if of_a_term:
        return Explanation("term", bare(e2.text), fit, f"yours has the term {wrong} where {right} is meant.")
    return Explanation("formula", bare(e2.text), fit, f"yours is {wrong}; the true gradient is {right}.")


# Only a part of it is wrong.


def _in_part(case):
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
        there = min(_constant(replace(case, entries=case.entries[inside])), key=lambda pair: pair[0], default=None)
        which = f"{one if len(wrong) == 1 else many} {_listed(wrong)}"
        words = f"yours is right except in {which}" + (f"; there {there[1].words}" if there else ".")
        yield 1 + len(wrong), Explanation(relation, which, there[1].fit if there else 0.0, words)


def _listed(numbers):
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    return ", ".join(str(int(i)) for i in numbers[:6]) + ", ..." * (len(numbers) > 6)


def _explain_shapes(analytic, numeric, tolerance):
    """The numbers may be right although their shape is not."""
    if not (np.isfinite(numeric).all() and np.isfinite(analytic).all()):
        return []
    shapes, found = f"yours has shape {analytic.shape}, the true gradient {numeric.shape}", []

    def found_if(p, q, relation, term, words):
        if p.shape == q.shape and _Case.error(p, q) <= tolerance:
            found.append(Explanation(relation, term, _Case.error(p, q), f"{shapes}: {words}."))

    if analytic.ndim == 2:
        found_if(analytic.T, numeric, "transpose", ".T", "it is the true gradient transposed")
    if analytic.size == numeric.size and not found:
        found_if(
            analytic.reshape(numeric.shape), numeric, "shape", str(numeric.shape), "the numbers are right, and want reshaping"
        )
    if found:
        return found
    for axis, f, keep in product(range(max(analytic.ndim, numeric.ndim)), (np.sum, np.mean), (False, True)):
        what = "summed" if f is np.sum else "averaged"
        if analytic.ndim > axis:
            found_if(
                f(analytic, axis=axis, keepdims=keep), numeric, "axis", f"axis {axis}", f"it is not yet {what} over axis {axis}"
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
