"""Somebody's function, run with care: whatever it does is told in a sentence.

One place for checks and exercises.
"""

import inspect
import linecache
import traceback
import warnings
from pathlib import Path

import numpy as np

from .report import Stop


def quietly(function, *arguments):
    """What the function returns, without NumPy's warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*arguments)


def call(what, function, arguments, names=None):
    """What the function, called `what` in messages, returns for copies of the arguments (a list; names: what
    they are called).

    Raises Stop where it raises (its error is the Stop's __cause__) or changes an argument.
    """
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        result = quietly(function, *copies)
    except (Exception, SystemExit) as error:  # whatever it raises
        raise Stop("raised", f"{what} raised {type(error).__name__}: {error}{line_of(error)}.") from error
    for name, a, c in zip(names or parameters_of(function, len(copies)), arguments, copies):
        if isinstance(a, np.ndarray) and not (
            a.shape == c.shape and np.array_equal(a, c, equal_nan=a.dtype.kind in "fc")
        ):
            raise Stop(
                "changed",
                f"{what} changes its input {name}. Its caller still needs it: "
                f"compute a new array, {name} + ... and not {name} += ... .",
            )
    return result


def line_of(error):
    """Where in somebody's code an error came from: ', in line 3 of its cell: `...`'."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    if not frames:
        return ""
    own = [f for f in frames if f.filename == frames[0].filename][-1]  # not deep inside NumPy
    text = own.line or linecache.getline(own.filename, own.lineno).strip()
    where = (
        "its cell" if own.filename.startswith("<") or "ipykernel" in own.filename else Path(own.filename).name
    )
    return f", in line {own.lineno} of {where}" + (f": `{text}`" if text else "")


def takes(function, n):
    """Whether it can be called with n arguments; yes where that can't be told."""
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def parameters_of(function, n):
    """The names of its first n arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:n]
    except (TypeError, ValueError):
        names = []
    return names + [f"argument {k}" for k in range(len(names) + 1, n + 1)]
