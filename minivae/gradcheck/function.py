"""A function and its hand-written gradient, arrays of any shape: is the gradient right, and if not, why
(lesson 06).

Whatever the two functions do, the check reports it by name and never raises: they are a learner's.
"""

import numpy as np

from ..progress import can_be_seen, progress_bar
from .arguments import plain
from .compare import Finding, along, aside, compare
from .diagnosis import AGAIN, Explanation, diagnose
from .learner import not_complex, parameters_of, quietly
from .numeric import METHODS
from .pair import Pair
from .pair_causes import causes
from .report import (
    ACCUMULATED,
    CONSTANT_SUM,
    ELSEWHERE,
    FLOAT32,
    HANDED_BACK,
    SAMPLED,
    SECOND_CALL,
    UNFROZEN,
    Report,
    Row,
    Stop,
    Trap,
)  # fmt: skip

SMALL = 5000  # coordinates: of more, a sample is taken
SAMPLES = 16  # coordinates per array, there
REPEATABLE = 1e-12  # two calls may differ by so much: the last bit of a sum that is taken in another order


def check_gradient(
    function, gradient, *arrays, upstream=None, method="central", wrt=None, named=None, samples=None, seed=0,
    jacobian=False,
):  # fmt: skip
    """Check a hand-written gradient of any function, and say what is wrong with it.

        check_gradient(softplus, sigmoid, a)
        check_gradient(lambda mu, sigma: mu + sigma * eps, lambda dz, mu, sigma: (dz, dz * eps), mu, sigma)

    function   function(*arrays) -> an array, a number, several of them in a tuple or dict, or (output,
               cache). Its arguments are arrays, numbers, or lists, tuples and dicts of them; it is called
               with copies in float64 or complex128
    gradient   the gradient under test: a function of (upstream, *arrays), a function of (*arrays), or the
               arrays. Other orders are understood by the names of its parameters, or tried; the report says
               how it was called. One array per argument, in the argument's shape; a single array for a
               single argument
    upstream   the gradient that arrives from above, in the shape of what function returns (a tuple for a
               tuple). By default random numbers where `gradient` takes it, else ones: the derivative of the
               sum
    method     "central" or "complex"
    wrt        the arguments to differentiate, by name or position; by default all that hold real numbers
    named      {name: array or number} for the diagnosis, beside the arguments, what the function returns, and
               what the two functions have names for inside and take from outside, such as eps above
    samples    at most so many coordinates per array; by default all up to 5000 in sum, else 16 of each, and
               the slope along a random direction for the rest

    jacobian   `gradient` is a function of (*arrays) that returns whole Jacobians: their shape is the output's
               and then the argument's. For several arguments it is a tuple of them, for several outputs one
               of such tuples. By default, where the shapes say so

    The function may itself be a gradient, and `gradient` its Hessian-vector product (v, *arrays) -> H v: H is
    symmetric, so v'H is the same. With jacobian=True, `gradient` is then the Hessian.

    Returns a Report with a row per array. It never raises for what the two functions do: None, a wrong
    shape, an exception, changed input, NaN, float32, fresh noise, and what is kept from call to call are
    each reported by name. Raises ValueError for an unknown method, and for wrt that names no argument.

    >>> import numpy as np
    >>> mu, sigma, eps = np.random.default_rng(0).uniform(0.5, 2, (3, 4, 2))
    >>> report = check_gradient(
    ...     lambda mu, sigma, eps: mu + sigma * eps,
    ...     lambda dz, mu, sigma, eps: (dz, dz),  # the factor eps is forgotten
    ...     mu, sigma, eps, wrt=("mu", "sigma"),
    ... )
    >>> report.passed, report.first
    (False, ['sigma'])
    >>> print(report.explanations[0])
    yours is the true gradient without the factor eps.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is not known; take one of {', '.join(map(repr, METHODS))}.")
    names = parameters_of(function, len(arrays))
    wrt = None if wrt is None else [wrt] if isinstance(wrt, (str, int)) else list(wrt)
    for w in wrt or ():
        if not (w in names or w in range(len(names))):
            raise ValueError(f"wrt holds {w!r}; the arguments are {', '.join(names)}.")
    wrt = None if wrt is None else [names.index(w) if isinstance(w, str) else int(w) for w in wrt]
    name, rng = getattr(function, "__name__", "<lambda>"), np.random.default_rng(seed)
    title = f"Gradient check of {'a function' if name == '<lambda>' else name} by {METHODS[method]}"
    report = Report(title, method)

    def run():
        pair = Pair(function, gradient, [plain(a) for a in arrays], names, wrt, rng, jacobian)
        _check(report, pair, upstream, method, named, samples, rng)

    try:
        quietly(run)
    except Stop as stop:
        report.traps.append(stop.trap)
    return report


def _check(report, pair, upstream, method, named, samples, rng):
    """Fill the report."""
    if not pair.free:
        raise Stop("arguments", "There is nothing to differentiate: give at least one array of real numbers.")
    if not all(map(_repeats, pair.outputs, pair.forward()[0])):
        raise Stop("noise", UNFROZEN.format(what="the function"))
    found = pair.find_way(upstream, lambda found: _at_a_glance(pair, found).verdict != "wrong")
    report.notes, report.assumed = pair.called(), pair.assumed()
    if method == "complex":
        try:
            pair.nudged({i: 0j * pair.arrays[i] for i in pair.free})
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a learner's function
            raise not_complex("The function", error) from None
    _compare_all(report, pair, found, method, samples, rng)
    report.doubt()
    if report.traps:
        return
    again = pair.backward()
    differs = None if all(map(_repeats, found, again)) else _what_differs(pair, found, again)
    if report.wrong and upstream is None and pair.sums_to_a_constant(rng):
        report.traps = [Trap("upstream", CONSTANT_SUM)]
    elif report.wrong and pair.hands_back(found):
        report.traps = [Trap("arguments", HANDED_BACK)]
    elif report.wrong:
        for i, row in zip(pair.free, report.rows):
            if row.verdict == "wrong" and row.explanations is None:
                row.explanations = [differs] if differs else causes(report, pair, i, row, method, named, rng)
    elif differs:
        report.traps = [Trap(differs.relation, SECOND_CALL.format(words=differs.words))]
    elif callable(pair.gradient) or any(row.loose for row in report.rows):
        _second_point(report, pair, found)


def _compare_all(report, pair, found, method, samples, rng):
    """A row per array, with a bar where that may take a while."""
    total = sum(g.size for g in found)
    samples = samples or (SMALL if total <= SMALL else SAMPLES)
    evaluations = (2 if method == "central" else 1) * sum(min(samples, g.size) for g in found)
    show = total > SMALL and can_be_seen()
    with progress_bar(show, evaluations, "gradient check", " calls", delay=1) as bar:
        for i, g in zip(pair.free, found):
            block = pair.block(i, g.astype(float), bar.update)
            compared = compare if g.shape == block.at.shape else _wrong_shape
            row, trap = compared(block, samples, method, rng)
            if g.dtype == np.float32 and not row.right and row.error < 1e-4:
                trap = Trap("float32", FLOAT32.format(what=f"The gradient of {block.name}"))
            report.rows.append(row)
            report.first += [row.name] * (row.verdict == "wrong")
            report.traps = [trap] if trap else report.traps
    if any(row.size > samples for row in report.rows):
        report.notes.append(SAMPLED.format(samples=samples))


def _wrong_shape(block, samples, method, rng):
    """(Row, None) of a gradient in another shape than its argument."""
    given, block.analytic = block.analytic, np.zeros(block.at.shape)
    row = Row(block.name, block.at.shape).told("wrong", np.nan, "wrong shape")
    row.analytic, row.numeric = given, block.numeric(range(min(samples, block.at.size)), method)
    words = f"yours has shape {given.shape}; {block.at.shape} is expected."
    shape = Explanation("shape", str(block.at.shape), np.nan, words)
    row.explanations = diagnose(given, row.numeric) or [shape]
    return row, None


def _repeats(first, second):
    """Whether two calls gave the same, up to the last bits of a sum."""
    if first.shape != second.shape:
        return False
    size = np.max(np.abs(first[np.isfinite(first)]), initial=0)
    return np.allclose(first, second, rtol=0, atol=REPEATABLE * size, equal_nan=True)


def _what_differs(pair, first, second):
    """The Explanation of a gradient that differs from call to call."""
    third = pair.backward()
    if all(_repeats(b - a, c - b) for a, b, c in zip(first, second, third)):
        return Explanation("accumulated", "the old gradient", 0.0, ACCUMULATED)
    return Explanation("noise", "eps", 0.0, AGAIN)


def _at_a_glance(pair, gradients):
    """The Finding about all gradients along one random direction of all arrays at once."""
    block = pair.joint(gradients)
    return _along(block) if np.isfinite(block.analytic).all() else Finding("wrong")


def _along(block):
    """The Finding along a random direction."""
    return along(block, block.directions(np.random.default_rng(1), own_first=True), "central")


def _second_point(report, pair, first):
    """A gradient that is right at one point may be one that was kept: look a per cent away, where no kink is
    in the way, at each array for itself."""
    near = next(_near(pair), None) if callable(pair.gradient) else None
    loose = [row.name for row in report.rows if row.loose]
    if near is None and not loose:
        report.notes.append("No second point near by could be tried: the function fails there.")
        return
    try:
        second = near.backward() if near else first
        fits = all(a.shape == b.shape for a, b in zip(first, second))
        found = _of_each(near, second) if near and fits else {}
    except Stop as stop:
        report.traps = [Trap("second point", ELSEWHERE.format(words=stop.trap.words))]
        return
    loose = [name for name in loose if found.get(name) != "right"]
    wrong = not fits or "wrong" in found.values()
    report.second_point(wrong, all(map(np.array_equal, first, second)), loose)


def _near(pair):
    """The pair a per cent aside, to one side or the other, with zeros or without, where the function takes
    it."""
    rng = np.random.default_rng(2)
    for zeros, sign in (1, 1), (1, -1), (0, 1), (0, -1):
        arrays = [aside(a, rng, sign, zeros) if i in pair.free else a for i, a in enumerate(pair.arrays)]
        try:
            yield pair.elsewhere(arrays)
        except Stop:
            continue


def _of_each(pair, gradients):
    """{name of an array: the verdict on its gradient along a random direction}."""
    found = {}
    for i, g in zip(pair.free, pair.by_upstream(gradients)):
        finite = np.isfinite(g).all()
        found[pair.array_names[i]] = _along(pair.block_of(i, g.astype(float))).verdict if finite else "wrong"
    return found
