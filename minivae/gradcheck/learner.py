"""Somebody's function, run with care: whatever it does is told in a sentence.

One place for checks and exercises.
"""

import inspect
import linecache
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np

from .arguments import leaves, rebuilt
from .report import DROPPED, NOT_COMPLEX, Stop

HERE = Path(__file__).parent


def quietly(function, *arguments, **keywords):
    """What the function returns, without NumPy's warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # a lost imaginary part
        return function(*arguments, **keywords)


def call(what, function, arguments, names=None):
    """What the function, called `what` in messages, returns for copies of the arguments (a list; names:
    what they are called).

    Raises Stop where it raises or exits (its error is the Stop's __cause__) or changes an argument.
    """
    copies = [copied(a) for a in arguments]
    try:
        result = quietly(function, *copies)
    except (Exception, SystemExit) as error:  # whatever it raises
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Stop("raised", f"{what} raised {said}{line_of(error)}.") from error
    for name, argument, copy in zip(names or parameters_of(function, len(copies)), arguments, copies):
        pairs = zip(leaves(argument, name), leaves(copy, name))
        if not all(
            np.array_equal(a, c, equal_nan=np.asarray(a).dtype.kind in "fc") for (_, a), (_, c) in pairs
        ):
            raise Stop(
                "changed",
                f"{what} changes its input {name}. Its caller still needs it: "
                f"compute a new array, {name} + ... and not {name} += ... .",
            )
    return result


def not_complex(what, error):
    """The Stop for somebody's function that fails as soon as it is given complex numbers."""
    if isinstance(error, np.exceptions.ComplexWarning):
        return Stop("imaginary part", DROPPED.format(line=line_of(error)))
    return Stop("complex", NOT_COMPLEX.format(what=what, error=f"{type(error).__name__}: {error}"))


def copied(value):
    """A copy of an array, and of a list, tuple or dict of arrays; anything else as it is."""
    return rebuilt(value, (np.array(a) if isinstance(a, np.ndarray) else a for _, a in leaves(value, "")))


def line_of(error):
    """Where in somebody's code an error came from: ', in line 3 of its cell: `...`'."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent != HERE]
    own = [
        f for f in frames if HERE.parent not in Path(f.filename).parents and "site-packages" not in f.filename
    ]
    own = [f for f in own or frames if f.filename == (own or frames)[0].filename]  # not deep inside NumPy
    if not own:
        return ""
    text = own[-1].line or linecache.getline(own[-1].filename, own[-1].lineno).strip()
    in_cell = own[-1].filename.startswith("<") or "ipykernel" in own[-1].filename
    where = "its cell" if in_cell else Path(own[-1].filename).name
    return f", in line {own[-1].lineno} of {where}" + (f": `{text}`" if text else "")


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


def watched(functions, run):
    """What run() returns, and {name: array or number} of what the code of these functions' files had names
    for."""
    files = {
        f.__code__.co_filename for f in map(inspect.unwrap, map(_plain, functions)) if hasattr(f, "__code__")
    }
    found, before = {}, sys.getprofile()

    def profile(frame, event, arg):
        if event == "return" and frame.f_code.co_filename in files:
            for name, value in frame.f_locals.items():
                if isinstance(value, (np.ndarray, float, np.floating)) and not name.startswith((".", "_")):
                    found[name] = np.array(value)

    sys.setprofile(profile)
    try:
        return run(), found
    finally:
        sys.setprofile(before)


def _plain(function):
    """The function behind a method, a partial or an object that can be called."""
    function = getattr(function, "func", function)
    function = getattr(function, "__func__", function)
    return function if hasattr(function, "__code__") else type(function).__call__
