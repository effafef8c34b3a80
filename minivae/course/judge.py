"""What an exercise is, and the judges that look at an answer.

    # minivae/course/lesson_04.py
    EXERCISES = (
        Exercise("4.2", "the backward pass through z = mu + sigma eps",
                 judge=same_gradient(lambda mu, sigma, eps: mu + sigma * eps, out="z", wrt="mu sigma",
                 takes="dz eps",
                                     inputs=(lambda rng, B: dict(mu=..., sigma=..., eps=...),      # eps (B,
                                     M)
                                             lambda rng, B: dict(mu=..., sigma=..., eps=...))),    # eps (K,
                                             B, M)
                 hints=("Which numbers does z move by when sigma moves by a little?", "...")),
    )

A judge is a function of the answer. It returns None for a right answer, or the sentence that says what is
wrong; it may raise Wrong instead, and NotTried for a stub. Four judges are ready-made:

    same_value(true)         the answer is a number or an array
    pencil(z=..., kl=...)    the answer is several numbers, to three digits
    same_values(reference)   the answer is a function, compared with another on random inputs
    same_gradient(forward)   the answer is a backward pass, compared with the numerical derivative of the
                             forward pass

`call` and `as_array` are for judges of one's own: they run a learner's function and look at what it returns,
and say kindly what is wrong with either. Inputs are drawn by functions (rng, B) -> dict of arrays by name,
called with batch sizes 1 and more; the names are those that messages use.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..gradcheck import diagnose, learner
from ..gradcheck.learner import quietly
from ..gradcheck.numeric import central_difference
from ..gradcheck.numeric import relative_error as distance
from ..gradcheck.report import Stop

BATCHES = 4, 1, 7


@dataclass(frozen=True)
class Exercise:
    """number "4.2", a title in a few words, the judge of an answer,
    and hints from the gentlest to the plainest."""

    number: str
    title: str
    judge: Callable
    hints: tuple


class Wrong(Exception):
    """An answer that is not right, in words for the learner; with the Explanations of minivae.gradcheck,
    if any."""

    def __init__(self, message, explanations=()):
        super().__init__(message)
        self.explanations = explanations


class NotTried(Exception):
    """The answer is still the stub."""


def untouched(answer):
    """Whether the answer is what a stub gives: None, ..., NotImplemented, or a tuple of those."""
    if isinstance(answer, (tuple, list)) and len(answer):
        return all(untouched(part) for part in answer)
    return answer is None or answer is Ellipsis or answer is NotImplemented


def same_value(true, name="your answer", rtol=1e-6, mistakes=None):
    """A judge for a number or an array.

    true: the value, or a function without arguments that computes it when it is needed. mistakes: {words: the
    value (or function) that a common mistake gives}.
    """

    def judge(answer):
        if callable(answer):
            raise Wrong(
                f"{name} is a function; a {'number' if np.ndim(value(true)) == 0 else 'NumPy array'} is"
                " expected: call it."
            )
        expected = np.asarray(value(true))
        given = as_array(answer, name, expected.shape)
        if distance(given, expected) <= rtol:
            return
        for words, mistaken in (mistakes or {}).items():
            mistaken = np.asarray(value(mistaken))
            if mistaken.shape == given.shape and distance(given, mistaken) <= rtol:
                raise Wrong(f"{where(given, expected, name)}\nLikeliest cause: {words}.")
        raise Wrong(where(given, expected, name))

    return judge


def pencil(mistakes=None, **true):
    """A judge for several numbers found with a pencil, by name: right to 1 in 200.

    mistakes: {(name, value): words}.
    """

    def judge(answer):
        if not isinstance(answer, (tuple, list)) or len(answer) != len(true):
            raise Wrong(f"{len(true)} numbers are expected: {', '.join(true)}.")
        for given, (name, expected) in zip(answer, true.items()):
            given = as_array(given, name, ())
            if distance(given, expected) <= 0.005:
                continue
            message = f"{name} is {given:.4g}; that is not it."
            for (of, value), words in (mistakes or {}).items():
                if of == name and distance(given, value) <= 0.005:
                    message += f"\nLikeliest cause: {words}."
            raise Wrong(message)

    return judge


def same_values(reference, inputs, returns="result", rtol=1e-6, mistakes=None, float32=True):
    """A judge for a function: compared with `reference` on random inputs.

    reference: its parameters name the entries of `inputs` that it and the answer are called with, in this
    order. inputs: a function (rng, B) -> dict of arrays, or several. returns: the name or names ("mu sigma")
    of what comes back. mistakes: {words: a function with a common mistake, of the same parameters}; the first
    that gives what the answer gives names the likeliest cause. float32=False leaves out the inputs in
    float32.
    """
    takes, returns = tuple(inspect.signature(reference).parameters), tuple(returns.split())

    def judge(answer):
        failures = []
        for case, values, tolerance in cases(inputs, rtol, float32):
            if failures and tolerance > rtol:
                break  # float32 is tried only where float64 is right
            arguments = {name: values[name] for name in takes}
            expected = as_tuple(reference(*arguments.values()))
            given = returned(call(answer, arguments), returns, [np.shape(e) for e in expected], case)
            errors = [distance(g, e) for g, e in zip(given, expected)]
            if max(errors) > tolerance:
                repeatable(answer, arguments, given)
                failures.append((case, arguments, given, expected, errors, tolerance))
        if not failures:
            return
        case, arguments, given, expected, errors, tolerance = failures[-1]
        message = (
            " ".join(
                where(g, e, n) if error > tolerance else f"{n} is right."
                for g, e, n, error in zip(given, expected, returns, errors)
            )
            + f" (Tried with {case}.)"
        )
        for words, mistaken in (mistakes or {}).items():
            if all(
                all(
                    distance(g, m) <= tolerance
                    for g, m in zip(given, as_tuple(quietly(mistaken, *arguments.values())))
                )
                for case, arguments, given, expected, errors, tolerance in failures
            ):
                raise Wrong(f"{message}\nLikeliest cause: {words}.")
        raise Wrong(message)

    return judge


def same_gradient(
    forward, inputs, wrt, takes, out="loss", named=None, mistakes=None, rtol=1e-6, float32=True
):
    """A judge for a backward pass: compared with central differences of `forward`, and diagnosed where it is
    wrong.

    forward: its parameters name the entries of `inputs` that it is called with; it returns one array (or
    number), `out`. wrt: the names "mu sigma" of the inputs whose derivatives the answer returns, in this
    order, as dmu, dsigma. takes: the names that the answer is called with, in order: inputs, `out`, or "d" +
    out, the gradient that arrives from above. Where that is not among them, the derivative is that of the sum
    over `out`. inputs: a function (rng, B) -> dict of arrays by name, or several. named: a function of that
    dict, with `out` and "d" + out in it, that returns further named arrays for the diagnosis. mistakes:
    {words: a function with a common
    mistake, called like the answer}, for what the diagnosis cannot see, such as a wrong power of a number.
    """
    wrt, takes, dout = tuple(wrt.split()), tuple(takes.split()), "d" + out
    parameters = tuple(inspect.signature(forward).parameters)
    returns = tuple("d" + name for name in wrt)

    def judge(answer):
        failures, right = [], []
        for case, values, tolerance in cases(inputs, rtol, float32):
            if failures and tolerance > rtol:
                break  # float32 is tried only where float64 is right
            exact = {
                name: np.asarray(v, float) if np.asarray(v).dtype.kind == "f" else v
                for name, v in values.items()
            }
            exact[out] = forward(*(exact[name] for name in parameters))
            rng = np.random.default_rng(len(failures) + len(right))
            exact[dout] = (
                rng.uniform(0.5, 2, np.shape(exact[out])) if dout in takes else np.ones(np.shape(exact[out]))
            )
            arguments = {
                name: np.asarray(exact[name]).astype(values[wrt[0]].dtype)
                if np.asarray(exact[name]).dtype.kind == "f"
                else exact[name]
                for name in takes
            }
            given = returned(call(answer, arguments), returns, [np.shape(values[name]) for name in wrt], case)
            numeric = [numeric_gradient(forward, parameters, exact, name, exact[dout]) for name in wrt]
            errors = [distance(g, n) for g, n in zip(given, numeric)]
            if max(errors) > tolerance:
                repeatable(answer, arguments, given)
                failures.append((case, exact, arguments, given, numeric, errors, tolerance))
            else:
                right.append(case)
        if not failures:
            return
        case, exact, arguments, given, numeric, errors, tolerance = failures[-1]
        names = {name: v for name, v in exact.items() if np.asarray(v).dtype.kind in "fiub"} | (
            named(exact) if named else {}
        )
        mistaken = {words: as_tuple(quietly(f, *arguments.values())) for words, f in (mistakes or {}).items()}
        lines, explanations = [], []
        for i, (g, n, name, error) in enumerate(zip(given, numeric, returns, errors)):
            if error <= tolerance:
                lines.append(f"{name} is right.")
                continue
            lines.append(f"{name} is wrong: off by {error:.2g} (relative), with {case}. {where(g, n, name)}")
            found = diagnose(g, n, names)
            causes = [
                f"{words}." for words, parts in mistaken.items() if distance(g, parts[i]) <= tolerance
            ] + [e.words for e in found]
            lines += [f"Likeliest cause: {cause}" for cause in causes[:1]]
            explanations += found
        if right:
            lines.append(f"It is right with {right[0]}.")
        raise Wrong("\n".join(lines), explanations)

    judge.is_gradient = True
    return judge


def numeric_gradient(forward, parameters, values, name, upstream):
    """d/dx of sum(upstream * forward), x = values[name], by central differences, one coordinate at a time."""

    def f(step):
        return np.sum(upstream * forward(*(values[p] + step if p == name else values[p] for p in parameters)))

    shape, size = np.shape(values[name]), np.size(values[name])
    return np.reshape([central_difference(f, direction.reshape(shape)) for direction in np.eye(size)], shape)


def repeatable(answer, arguments, given):
    """Raise Wrong for a function that draws: one that gives other numbers when it is called again."""
    again = as_tuple(call(answer, arguments))
    if any(
        np.shape(a) == np.shape(g) and not np.array_equal(a, g, equal_nan=True) for a, g in zip(again, given)
    ):
        raise Wrong(
            "Your function gives other numbers when it is called again: it draws noise. All that it needs is"
            " in its arguments."
        )


def cases(inputs, rtol, float32):
    """(words, the inputs as a dict, the tolerance) for every kind of input, batch size and dtype."""
    found = []
    for kind, draw in enumerate(inputs if isinstance(inputs, tuple) else (inputs,)):
        for B in BATCHES:
            values = draw(np.random.default_rng([kind, B]), B)
            words = ", ".join(f"{name} of shape {np.shape(v)}" for name, v in values.items() if np.ndim(v))
            words = words or ", ".join(
                f"{name} = {v:.4g}" for name, v in values.items() if isinstance(v, (int, float))
            )
            found.append((words, values, rtol))
    if float32:
        found += [
            (
                f"{words} in float32",
                {
                    name: (
                        v.astype(np.float32)
                        if np.asarray(v).dtype.kind == "f" and isinstance(v, np.ndarray)
                        else v
                    )
                    for name, v in values.items()
                },
                max(rtol, 2e-3),
            )
            for words, values, _ in found
        ]
    return found


def call(function, arguments):
    """What a learner's function returns for arguments {name: value}, which it gets in this order, as copies.

    Raises Wrong for something that is no function, takes other arguments, raises, or changes its inputs;
    NotTried where it returns None or raises NotImplementedError.
    """
    names = ", ".join(arguments)
    if not callable(function):
        raise Wrong(
            f"A function of ({names}) is expected, but this is {kind(function)}. Give the function's name,"
            " without brackets."
        )
    try:
        inspect.signature(function).bind(*arguments.values())
    except TypeError:
        raise Wrong(
            f"Your function takes {inspect.signature(function)}; it is called with ({names})."
        ) from None
    except ValueError:
        pass  # no signature to be had: the call will tell
    try:
        result = learner.call("Your function", function, list(arguments.values()), list(arguments))
    except Stop as stop:
        raise (
            NotTried if isinstance(stop.__cause__, NotImplementedError) else Wrong(stop.trap.words)
        ) from None
    if untouched(result):
        raise NotTried
    return result


def returned(result, names, shapes, case):
    """A function's result as a list of checked arrays, one per name."""
    if len(names) == 1:
        parts = [result]
        if isinstance(result, tuple):
            raise Wrong(f"Your function returns {len(result)} things; one is expected: {names[0]}.")
    else:
        parts = result
        if not isinstance(result, (tuple, list)) or len(result) != len(names):
            got = f"{len(result)} things" if isinstance(result, (tuple, list)) else kind(result)
            raise Wrong(f"Your function returns {got}; {len(names)} are expected: return {', '.join(names)}.")
    return [as_array(part, name, shape, f" (with {case})") for part, name, shape in zip(parts, names, shapes)]


def as_array(answer, name, shape, case=""):
    """A learner's array or number as a float array of the expected shape;
    Wrong says what is the matter with it."""
    if untouched(answer):
        raise Wrong(f"{name} is still {answer!r}.")
    if callable(answer):
        raise Wrong(f"{name} is a function; call it.")
    if isinstance(answer, (list, tuple)):
        raise Wrong(
            f"{name} is a {type(answer).__name__}; a NumPy array is expected, such as np.array(...)"
            f" makes{case}."
        )
    array = np.asarray(answer)
    if array.dtype.kind not in "fiub":
        raise Wrong(f"{name} is {kind(answer)}; expected real numbers{case}.")
    if array.shape != tuple(shape):
        raise Wrong(f"{name} {shape_words(array.shape, tuple(shape))}{case}.")
    bad = ~np.isfinite(array)
    if bad.any():
        place = f", first at {list(map(int, np.argwhere(bad)[0]))}" if array.ndim else ""
        raise Wrong(f"{name} is NaN or infinite in {bad.sum()} of {bad.size} places{place}{case}: "
                    "look for a logarithm of 0, a division by 0, an overflowing exp.")  # fmt: skip
    return array.astype(float)


def shape_words(given, expected):
    if given == ():
        return f"is a single number; an array of shape {expected} is expected"
    words = f"has shape {given}; expected " + (f"{expected}" if expected else "a single number")
    if len(given) > 1 and given == expected[::-1]:
        return words + ": is it transposed?"
    for axis, n in enumerate(expected):
        if given == expected[:axis] + expected[axis + 1 :]:
            return words + f": was axis {axis}, of length {n}, summed away?"
    for axis in range(len(given)):
        if expected == given[:axis] + given[axis + 1 :]:
            return words + f": is a sum over axis {axis} missing?"
    return words


def kind(value):
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, (int, float, np.number)):
        return f"the number {value:.4g}"
    return f"a {type(value).__name__}"


def where(given, expected, name):
    """The entry that is furthest off, in words."""
    given, expected = np.asarray(given), np.asarray(expected)
    if given.ndim == 0:
        return f"{name} is {given:.6g}; {expected:.6g} is right."
    i = np.unravel_index(np.argmax(np.abs(given - expected)), given.shape)
    place = ", ".join(map(str, i))
    return f"{name}[{place}] is {given[i]:.6g}; {expected[i]:.6g} is right."


def value(of):
    return of() if callable(of) else of


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)
