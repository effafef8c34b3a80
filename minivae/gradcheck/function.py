"""A function and its hand-written gradient, arrays of any shape: is the gradient right, and if not, why
(lesson 06).

Whatever the two functions do, the check reports it by name and never raises: they are a learner's.
"""

import inspect
import warnings

import numpy as np

from .compare import Block, compare
from .diagnosis import AGAIN, DIAGNOSED, REPEATS, Explanation, diagnose, stacked
from .learner import call, parameters_of, takes
from .numeric import METHODS, STEP
from .report import FLOAT32, NAN, UNFROZEN, Report, Row, Stop, Trap

SAMPLES = 5000  # coordinates per argument


def check_gradient(
    function, gradient, *arrays, upstream=None, method="central", wrt=None, named=None, samples=None, seed=0
):
    """Check a hand-written gradient of any function, and say what is wrong with it.

        check_gradient(softplus, sigmoid, a)
        check_gradient(lambda mu, sigma: mu + sigma * eps, lambda mu, sigma, dz: (dz, dz * eps), mu, sigma)

    function   function(*arrays) -> an array, a number, or a tuple of arrays; called with copies in float64 or
               complex128
    gradient   the gradient under test: a function of (*arrays), a function of (*arrays, upstream), or the
               arrays. One array per argument, in the argument's shape; a single array for a single argument
    upstream   the gradient that arrives from above, in the shape of what function returns (a tuple for a
               tuple). By default random numbers where `gradient` takes one argument more, else ones: the
               derivative of the sum
    method     "central" or "complex"
    wrt        the arguments to differentiate, by name or position; by default all that hold real numbers
    named      {name: array or number} for the diagnosis, beside the arguments, what the function returns, and
               what the two functions take from outside, such as eps above
    samples    at most so many coordinates per argument; by default 5000

    Returns a Report with a row per argument. It never raises for what the two functions do: None, a list, a
    wrong shape, an exception, changed input, NaN, float32 and fresh noise are each reported by name.
    Raises ValueError for an unknown method, and for wrt that names no argument.

    >>> import numpy as np
    >>> mu, sigma, eps = np.random.default_rng(0).uniform(0.5, 2, (3, 4, 2))
    >>> report = check_gradient(
    ...     lambda mu, sigma, eps: mu + sigma * eps,
    ...     lambda mu, sigma, eps, dz: (dz, dz),  # the factor eps is forgotten
    ...     mu, sigma, eps, wrt=("mu", "sigma"),
    ... )
    >>> report.passed, report.first
    (False, ['sigma'])
    >>> print(report.explanations[0])
    yours is the true gradient without the factor eps.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is not known; take one of {', '.join(map(repr, METHODS))}.")
    name = getattr(function, "__name__", "a function")
    report = Report(
        f"Gradient check of {'a function' if name == '<lambda>' else name} by {METHODS[method]}", method
    )
    arrays = [np.array(a) for a in arrays]
    whole = all(a.dtype.kind in "iub" for a in arrays)
    arrays = [a.astype(float) if whole or a.dtype.kind == "f" else a for a in arrays]
    names = parameters_of(function, len(arrays))
    if wrt is None:
        wrt = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    else:
        wrt = [wrt] if isinstance(wrt, (str, int)) else list(wrt)
        for w in wrt:
            if not (w in names or w in range(len(names))):
                raise ValueError(f"wrt holds {w!r}; the arguments are {', '.join(names)}.")
        wrt = [names.index(w) if isinstance(w, str) else w for w in wrt]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _check_pair(
                report,
                function,
                gradient,
                arrays,
                names,
                wrt,
                upstream,
                method,
                named,
                samples or SAMPLES,
                seed,
            )
    except Stop as stop:
        report.traps.append(stop.trap)
    return report


def _check_pair(report, function, gradient, arrays, names, wrt, upstream, method, named, samples, seed):
    """Fill the report."""
    rng = np.random.default_rng(seed)
    if not wrt:
        raise Stop("arguments", "There is nothing to differentiate: give at least one array of real numbers.")
    outputs = _outputs(function, arrays)
    if not all(map(np.array_equal, outputs, _outputs(function, arrays))):
        raise Stop("noise", UNFROZEN.format(what="the function"))
    one_more = (
        callable(gradient)
        and not takes(gradient, len(arrays))
        and takes(gradient, len(arrays) + len(outputs))
    )
    if upstream is not None:
        ups = [
            np.asarray(u, float) for u in (upstream if isinstance(upstream, (tuple, list)) else [upstream])
        ]
        if [u.shape for u in ups] != [o.shape for o in outputs]:
            shapes = (", ".join(str(v.shape) for v in some) for some in (ups, outputs))
            raise Stop(
                "shape",
                "upstream has shape {}, what the function returns {}: they have to be the same.".format(
                    *shapes
                ),
            )
        one_more = callable(gradient) and takes(gradient, len(arrays) + len(ups))
    elif one_more:
        ups = [rng.uniform(0.5, 2, o.shape) * rng.choice([-1.0, 1.0], o.shape) for o in outputs]
    else:
        ups = [np.ones(o.shape) for o in outputs]

    given = gradient
    if callable(gradient):
        arguments = arrays + ups * one_more
        if not takes(gradient, len(arguments)):
            raise Stop("arguments",
                                    f"The gradient takes {inspect.signature(gradient)}; it is called with "
                                    f"({', '.join(names)}), "
                                    "or with the upstream gradient behind them.")  # fmt: skip
        given, again = (call("The gradient", gradient, arguments) for _ in range(2))
    given = _as_gradients(given, names, wrt)
    again = _as_gradients(again, names, wrt) if callable(gradient) else given

    def value(arrays):
        return sum(np.sum(u * o) for u, o in zip(ups, _outputs(function, arrays, nudged=True)))

    noise = 4 * np.finfo(float).eps * max(1.0, abs(float(value(arrays)))) / STEP
    known = _around(
        function, gradient, arrays, names, outputs, ups if one_more or upstream is not None else [], named
    )
    for k, analytic, second in zip(wrt, given, again):
        block = Block(
            names[k],
            analytic.astype(float),
            lambda e, k=k: value([a + e if j == k else a for j, a in enumerate(arrays)]),
            noise,
            arrays[k],
        )
        if analytic.shape != arrays[k].shape:
            words = (
                f"yours has shape {analytic.shape}; the shape of {names[k]}, {arrays[k].shape}, is expected"
            )
            block.analytic = np.zeros(arrays[k].shape)
            found = diagnose(analytic, block.numeric(range(min(samples, arrays[k].size)), method))
            row = Row(
                names[k],
                arrays[k].shape,
                np.nan,
                0,
                0,
                False,
                "wrong shape",
                found or [Explanation("shape", str(arrays[k].shape), np.nan, f"{words}.")],
            )
        else:
            row, trap = compare(block, samples, method, rng)
            if analytic.dtype == np.float32 and not (row.right and not trap) and row.error < 1e-4:
                trap = Trap("float32", FLOAT32.format(what=f"The gradient of {names[k]}"))
            if trap:
                report.traps = [trap]
            elif not row.right and not np.array_equal(analytic, second, equal_nan=True):
                row.explanations = [Explanation("noise", "eps", 0.0, AGAIN)]
            elif not row.right and np.isfinite(analytic).all():
                entries = (
                    range(analytic.size)
                    if analytic.size <= DIAGNOSED
                    else np.sort(rng.choice(analytic.size, DIAGNOSED, replace=False))
                )
                row.explanations = diagnose(analytic, block.numeric(entries, method), known)
                if analytic.size == 1 and callable(gradient) and not row.explanations:
                    row.explanations = _explain_number(
                        function, gradient, arrays, names, k, wrt, ups, one_more, method, named, rng
                    )
        report.rows.append(row)
        report.first += [row.name] * (not row.right)


def _explain_number(function, gradient, arrays, names, k, wrt, ups, one_more, method, named, rng):
    """A gradient of one number fits too many formulas: look at REPEATS inputs near by,
    all arguments times random factors."""
    draws = []
    for _ in range(REPEATS):
        moved = [a * np.exp(0.3 * rng.standard_normal(a.shape)) if a.dtype.kind == "f" else a for a in arrays]
        ups = [u * np.exp(0.3 * rng.standard_normal(u.shape)) if one_more else u for u in ups]
        try:
            outputs = _outputs(function, moved)
            analytic = _as_gradients(call("The gradient", gradient, moved + ups * one_more), names, wrt)[
                wrt.index(k)
            ].astype(float)
        except Stop:
            return []

        def f(e, moved=moved, ups=ups):
            nudged = [a + e if j == k else a for j, a in enumerate(moved)]
            return sum(np.sum(u * o) for u, o in zip(ups, _outputs(function, nudged, nudged=True)))

        numeric = Block(names[k], analytic, f, 0.0, moved[k]).numeric([0], method)
        draws.append(
            (
                analytic,
                numeric,
                _around(function, gradient, moved, names, outputs, ups if one_more else [], named),
            )
        )
    return diagnose(*stacked(draws))


def _outputs(function, arrays, nudged=False):
    """What the function returns, as a list of arrays of real numbers."""
    result = call("The function", function, arrays)
    outputs = [np.asarray(o) for o in (result if isinstance(result, (tuple, list)) else [result])]
    for o in outputs:
        if o.dtype.kind not in "fiubc":
            raise Stop(
                "None" if result is None else "dtype",
                "The function returns no array of numbers: is its `return` missing?",
            )
        if o.dtype in (np.float16, np.float32, np.complex64):
            raise Stop("float32", FLOAT32.format(what="The function"))
        if not nudged and not np.isfinite(o).all():
            raise Stop("NaN", NAN.format(what="The function"))
    return outputs


def _as_gradients(result, names, wrt):
    """The gradients as a list of arrays, one per argument in wrt; Stop says what is the matter."""
    wanted = ", ".join(names[k] for k in wrt)
    if result is None:
        raise Stop("None", "The gradient is None: is its `return` missing?")
    if len(wrt) == 1 and not isinstance(result, tuple):
        parts = [result]
    elif not isinstance(result, (tuple, list)):
        raise Stop(
            "shape",
            f"The gradient is one {type(result).__name__}; {len(wrt)} arrays are expected, for {wanted}.",
        )
    elif len(result) not in (len(wrt), len(names)):
        raise Stop(
            "shape", f"The gradient holds {len(result)} things; {len(wrt)} arrays are expected, for {wanted}."
        )
    else:
        parts = list(result) if len(result) == len(wrt) else [result[k] for k in wrt]
    for part, k in zip(parts, wrt):
        if part is None:
            raise Stop("None", f"The gradient of {names[k]} is None.")
        if isinstance(part, (list, tuple)):
            raise Stop(
                "list",
                f"The gradient of {names[k]} is a {type(part).__name__}; make it an array with np.array.",
            )
        if np.asarray(part).dtype.kind not in "fiub":
            raise Stop(
                "dtype",
                f"The gradient of {names[k]} is {type(part).__name__} of dtype {np.asarray(part).dtype};"
                " expected real numbers.",
            )
    return [np.asarray(part) for part in parts]


def _around(function, gradient, arrays, names, outputs, ups, named):
    """The names for a diagnosis: arguments, results, upstream gradients,
    and what the functions take from outside."""
    found = {}
    for f in (gradient, function):
        try:
            outside = inspect.getclosurevars(f)
            found |= outside.globals | outside.nonlocals
        except (TypeError, ValueError):
            continue
    found = {
        name: v
        for name, v in found.items()
        if isinstance(v, (np.ndarray, np.number, float, int)) and not isinstance(v, bool)
    }
    found |= dict(zip(names, arrays))
    more = parameters_of(gradient, 99)[len(arrays) :] if callable(gradient) else []
    for k, output in enumerate(outputs):
        up = (
            more[k]
            if more[k : k + 1] and more[k][0] == "d" and not more[k].startswith("argument")
            else "upstream"
            if k == 0
            else f"d_out{k}"
        )
        if ups:
            found[up] = ups[k]
        result = up[1:].lstrip("_")
        found[result if up[0] == "d" and result not in found else "output" if k == 0 else f"out{k}"] = output
    return found | (named or {})
