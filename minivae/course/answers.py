"""What somebody handed in as an answer, read kindly: which numbers it holds, and what is wrong with them.

Lists, tuples, arrays of arrays, dictionaries by name, [x] for x: whatever holds the right numbers is read.
"""

import dis
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..gradcheck.numeric import relative_error as distance


class Wrong(Exception):
    """An answer that is not right, in words for the learner; with the Explanations of minivae.gradcheck, if
    any.
    """

    def __init__(self, message, explanations=()):
        super().__init__(message)
        self.explanations = explanations


class NotTried(Exception):
    """The answer is still the stub."""


@dataclass(frozen=True)
class Right:
    """A right answer: a line about what was assumed, and, of a function, the answer as it was understood,
    in the exercise's form.
    """

    note: str = ""
    answer: object = None


# Is it still the stub?


def untouched(answer):
    """Whether the answer is what a stub gives: None, ..., NotImplemented, or a tuple of those."""
    if isinstance(answer, (tuple, list)) and len(answer):
        return all(untouched(part) for part in answer)
    return answer is None or answer is Ellipsis or answer is NotImplemented


WORK = (
    "BINARY",
    "CALL",
    "COMPARE",
    "CONTAINS",
    "UNARY",
    "FOR_ITER",
    "GET_ITER",
    "LOAD_ATTR",
    "LOAD_METHOD",
    "POP_JUMP",
)


def computes(function):
    """Whether a function does anything: a stub only returns."""
    code = getattr(function, "__code__", None)
    return code is None or any(step.opname.startswith(WORK) for step in dis.get_instructions(code))


# What numbers did it give?


def parts_of(result, names):
    """A result as a list of what it holds for each name: from a tuple, a list, an array of arrays, a
    dictionary, or attributes.
    """
    result = unrolled(result)
    if isinstance(result, Mapping):
        names = names_in(names, result.__contains__)
        missing = [name for name in names if name not in result]
        if missing:
            raise Wrong(
                f"The dictionary has no entry {missing[0]!r}; it needs {', '.join(map(repr, names))}."
            )
        return [result[name] for name in names]
    if len(names) == 1:
        return [result]
    several = isinstance(result, (tuple, list)) or (isinstance(result, np.ndarray) and result.ndim > 0)
    found = names_in(names, lambda name: hasattr(result, name))
    if not several and all(hasattr(result, name) for name in found):
        return [getattr(result, name) for name in found]
    if not several or len(result) != len(names):
        got = f"{len(result)} things" if isinstance(result, (tuple, list)) else kind(result)
        raise Wrong(f"Your function returns {got}; {len(names)} are expected: return {', '.join(names)}.")
    return [unrolled(part) for part in result]


def unrolled(value):
    """A list of what an iterator gives, which it gives only once; anything else as it is."""
    return list(value) if isinstance(value, Iterator) else value


def names_in(names, holds):
    """The names as they are called there: of the derivative dkl_dmu also dmu, d_mu, grad_mu or mu."""
    of = [name.rpartition("_d")[2] if "_d" in name else name.removeprefix("d") for name in names]
    styles = [names, *([prefix + name for name in of] for prefix in ("d", "d_", "grad_", ""))]
    return next((style for style in styles if all(map(holds, style))), names)


def without_cache(result, shape, arguments):
    """The first of two things, where it has the shape of the one that is expected and the second is a cache
    of the arguments.
    """
    if isinstance(result, (tuple, list)) and len(result) == 2 and shape != (2,):
        first, second = result
        known = isinstance(second, (tuple, list, dict)) or any(
            second is a or np.array_equal(second, a) for a in arguments.values()
        )
        if known and not isinstance(first, (tuple, list, dict)) and np.shape(first) == tuple(shape):
            return first
    return result


def numbers(answer, name, case=""):
    """A learner's array, list or number as an array of real numbers, of whatever shape; Wrong says what is
    the matter with it.
    """
    if untouched(answer):
        raise Wrong(f"{name} is still {answer!r}{case}.")
    if callable(answer):
        raise Wrong(f"{name} is a function; call it.")
    try:
        array = np.asarray(unrolled(answer))
        if array.dtype.kind == "O":
            array = array.astype(float)
    except Exception:  # noqa: BLE001 - ragged lists, huge integers, things that only look like arrays
        what = "a list of unequal or empty parts" if isinstance(answer, (list, tuple)) else kind(answer)
        raise Wrong(f"{name} is {what}; expected real numbers{case}.") from None
    if array.dtype.kind not in "fiub":
        raise Wrong(f"{name} is {kind(answer)}; expected real numbers{case}.")
    return array


def as_array(answer, name, shape, case=""):
    """A learner's array, list or number as a float array of the expected shape; [x] is taken for x. Wrong
    says what is the matter.
    """
    array = numbers(answer, name, case)
    if tuple(shape) == () and array.size == 1:
        array = array.reshape(())
    problem = ""
    if array.shape != tuple(shape):
        problem = f"{name} {shape_words(array.shape, tuple(shape))}{case}."
    elif (bad := ~np.isfinite(array)).any():
        place = f", first at {list(map(int, np.argwhere(bad)[0]))}" if array.ndim else ""
        problem = (
            f"{name} is NaN or infinite in {bad.sum()} of {bad.size} places{place}{case}: "
            "look for a logarithm of 0, a division by 0, an overflowing exp."
        )
    if problem:
        wrong = Wrong(problem)
        wrong.array = array.astype(float)  # a slip may give the same
        raise wrong
    return array.astype(float)


def same(p, q, tolerance):
    """Whether two arrays are equal to a relative tolerance of the block, NaN and infinity in the same
    places.
    """
    if np.shape(p) != np.shape(q):
        return False
    p, q = np.asarray(p, float), np.asarray(q, float)
    finite = np.isfinite(p)
    return bool(np.array_equal(finite, np.isfinite(q)) and distance(p[finite], q[finite]) <= tolerance)


def order_of(parts, expected, tolerance):
    """The permutation in which `parts` are the `expected` arrays, such as (1, 0, 2); None if there is none
    but the given one.
    """
    fits = [[same(part, e, tolerance) for e in expected] for part in parts]
    order = []
    for i, row in enumerate(fits):
        free = [j for j, fit in enumerate(row) if fit and j not in order]
        if not free:
            return None
        order.append(i if i in free else free[0])
    return None if order == list(range(len(parts))) else tuple(order)


def rounded(given, true):
    """Whether `given` is the number `true` honestly rounded, to two digits or more."""
    if not np.isfinite(given) or not true:
        return False
    first = int(np.floor(np.log10(abs(true))))
    for digits in range(2, 9):
        unit = 10.0 ** (first - digits + 1)
        steps = given / unit
        if abs(steps - np.round(steps)) <= 1e-6 * max(1, abs(steps)) and abs(given - true) <= unit / 2 * (
            1 + 1e-6
        ):
            return True
    return False


# In words


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
    if isinstance(value, int) and abs(value) > 1e300:
        return "a number too large for a float"
    if isinstance(value, (int, float, np.number)):
        return f"the number {value:.4g}"
    if isinstance(value, str):
        return f"the text {value[:20]!r}"
    return f"a {type(value).__name__}"


def where(given, expected, name, entrywise=False):
    """The entry that is furthest off, in words; with entrywise=True beside its own size."""
    given, expected = np.asarray(given), np.asarray(expected)
    if given.ndim == 0:
        return f"{name} is {given:.6g}; {expected:.6g} is right."
    size = np.abs(given) + np.abs(expected)
    off = np.abs(given - expected) / np.where(size, size, 1) if entrywise else np.abs(given - expected)
    i = np.unravel_index(np.argmax(off), given.shape)
    return f"{name}[{', '.join(map(str, i))}] is {given[i]:.6g}; {expected[i]:.6g} is right."


def listed(words):
    """a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
