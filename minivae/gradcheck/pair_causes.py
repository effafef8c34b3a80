"""What is wrong with the gradient of a function: what calls tell, then the diagnosis."""

from dataclasses import replace

import numpy as np

from .definitions import definitions, differences, names_in, with_definitions
from .diagnosis import DIAGNOSED, REPEATS, Explanation, ranked, stacked
from .learner import watched
from .numeric import relative_error
from .report import IGNORED, Stop
from .trials import by_trial

LARGE, FEW = 50_000, 100  # of functions with so many inputs, so many coordinates are measured for a diagnosis


def causes(report, pair, i, row, method, named, rng):
    """Explanations of the wrong gradient of array i, the likeliest first; the verdict stands, whatever
    happens."""
    try:
        found = _causes(report, pair, i, row, method, named, rng)
        own = _own_names(pair, named)
        return [replace(e, words=with_definitions(e.words, own)) for e in found]
    except Exception as error:  # noqa: BLE001 - a diagnosis is worth less than a verdict
        said = f"The diagnosis of {row.name} failed ({type(error).__name__}: {error}); the verdict stands."
        report.notes.append(said)
        return []


def _functions(pair):
    return [f for f in (pair.gradient, pair.function) if callable(f)]


def _own_names(pair, named):
    """{name: text} of the learner's own names, as the two functions define them."""
    known = {*pair.array_names, *pair.names, *(named or {})}
    found = definitions(_functions(pair))
    return {name: text for name, text in found.items() if name not in known}


def _causes(report, pair, i, row, method, named, rng):
    if not np.isfinite(row.analytic).all():
        return []
    ignored = [
        Explanation("ignored", name, np.nan, IGNORED.format(name=name))
        for name in pair.ignored_upstreams(i, rng)
    ]
    if ignored and len(pair.way.ups) > 1:
        return ignored
    other = _swapped_with(row, report.wrong)
    if other:
        other, how = other
        words = f"yours is the gradient of {other}: the gradients are {how}."
        return [Explanation("swapped", other, 0.0, words)]
    if row.size == 1 and callable(pair.gradient):
        return _of_one_number(pair, i, method, named, rng) or ignored
    _measure_more(pair, i, row, method, rng)
    around, above, inside = _around(pair, named)
    found = ranked(row.analytic, row.numeric, around, above=above, inside=inside)
    if all(e.relation in ("alone", "own") for e in found):
        found = by_trial(pair, i, row, around, above) + found
    return found or ignored


def _around(pair, named):
    """pair.around, arguments first (of two names for the same numbers the first is told); with differences
    such as x - mu, which have no name; and with gradients that are called something else than d..."""
    around, above, inside = pair.around(named)
    first = [name for name in [*(named or {}), *pair.array_names] if name in around]
    around = {name: around[name] for name in [*first, *around]}
    if above and inside:
        _, twice = watched([pair.gradient], lambda: pair.backward([2 * u for u in pair.ups]))
        above |= {name for name in inside if name in twice and _is_twice(twice[name], around[name])}
    given = {name: np.asarray(v, float) for name, v in around.items() if name not in {*above, *inside}}
    unnamed = differences(_functions(pair), given)
    made_of = {name: names_in(text) for name, text in definitions(_functions(pair)).items()}
    return around | unnamed, above, {name: made_of.get(name, {}) for name in [*inside, *unnamed]}


def _is_twice(v, w):
    return np.size(w) > 1 and np.any(w) and np.array_equal(v, 2 * w)


def _measure_more(pair, i, row, method, rng):
    """Measure the true gradient where it is not known yet, up to what a diagnosis needs."""
    missing = np.flatnonzero(np.isnan(row.numeric))
    enough = FEW if sum(a.size for a in pair.arrays) > LARGE else DIAGNOSED
    more = min(len(missing), max(0, enough - (row.size - len(missing))))
    if more and not row.kinks and not row.left_out:
        entries = missing if more == len(missing) else np.sort(rng.choice(missing, more, replace=False))
        block = pair.block(i, np.asarray(row.analytic, float))
        row.numeric.flat[entries] = block.numeric(entries, method).flat[entries]


def _swapped_with(row, wrong):
    """(name, how) of the other wrong row whose true gradient this one is, where that one's is a wrong row's,
    too."""

    def is_of(analytic, other):
        if analytic.shape != other.numeric.shape:
            return False
        known = np.isfinite(other.numeric)
        return np.any(other.numeric[known]) and relative_error(analytic[known], other.numeric[known]) <= 1e-6

    for other in wrong:
        returned = [third for third in wrong if third is not other and is_of(other.analytic, third)]
        if other is not row and returned and is_of(row.analytic, other):
            two = any(third is row for third in returned)
            return other.name, "swapped" if two else "returned in another order"
    return None


def _of_one_number(pair, i, method, named, rng):
    """One number fits too many formulas: look at REPEATS points near by, all inputs times random factors."""
    draws, near = [], pair
    move = lambda a: a * np.exp(0.3 * rng.standard_normal(a.shape)) if a.dtype.kind == "f" else a
    try:
        for _ in range(REPEATS):
            ups = [move(u) for u in near.ups] if pair.way.ups else None
            near = near.elsewhere([move(a) for a in pair.arrays], ups)
            analytic = near.backward()[pair.free.index(i)].astype(float)
            around, above, inside = _around(near, named)
            draws.append((analytic, near.block(i, analytic).numeric([0], method), around))
    except Stop:
        return []
    return ranked(*stacked(draws), above=above, inside=inside)
