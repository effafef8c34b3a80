"""How somebody's function is meant to be called: as the exercise says, or as its own arguments say.

The gradient that arrives from above may come first or last, or with a cache behind it. What was assumed
is said in a line.
"""

import functools
import inspect
from dataclasses import dataclass

import numpy as np

from ..gradcheck import learner
from ..gradcheck.conventions import CACHE, UPSTREAM
from ..gradcheck.report import Stop
from .answers import NotTried, Wrong, computes, kind, untouched


@dataclass
class Reading:
    """One way to call a learner's function: its arguments in this order, or by keyword, or (upstream, cache).

    accepted: an answer may be right so; else it is only told that it would be. note: what was assumed.
    """

    function: object
    names: tuple
    keywords: bool = False
    cache: tuple = ()  # the names inside of a cache, the last argument
    bare: bool = False  # the cache is the array itself, not a tuple of one
    accepted: bool = True
    note: str = ""

    def call_of(self, arguments):
        """(function, values): how to call it."""
        values = [arguments[name] for name in self.names]
        if self.keywords:
            return functools.partial(self.function, **dict(zip(self.names, values))), []
        if self.cache:
            inside = tuple(arguments[name] for name in self.cache)
            values.append(inside[0] if self.bare else inside)
        return self.function, values

    def raw(self, arguments):
        """What the function returns, called as it stands."""
        function, values = self.call_of(arguments)
        return function(*values)

    def __call__(self, arguments):
        """The same on copies. Wrong says what it did amiss; NotTried where it is a stub."""
        arguments = {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in arguments.items()}
        try:
            result = learner.call("Your function", *self.call_of(arguments), self.names)
        except Stop as stop:
            stub = isinstance(stop.__cause__, NotImplementedError)
            raise (NotTried if stub else Wrong(stop.trap.words)) from stop.__cause__
        if untouched(result):
            if not computes(self.function):
                raise NotTried
            raise Wrong(
                "Your function returns None: is its `return` missing, or does it end before it comes to one?"
            )
        return result


def readings(function, takes, upstream=None, caches=()):
    """The ways in which a function may be meant to be called with `takes`, the exercise's own first.

    upstream: which of these is the gradient that arrives from above. caches: tuples of names in a cache.
    """
    takes, listed = tuple(takes), ", ".join(takes)
    if not callable(function):
        raise Wrong(
            f"A function of ({listed}) is expected, but this is {kind(function)}. "
            "Give the function's name, without brackets."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return [Reading(function, takes)]  # the call will tell
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [p.name for p in signature.parameters.values() if p.kind in positional]
    found = []
    if binds(signature, *takes):
        found.append(Reading(function, takes))
        order = by_name(own[: len(takes)], takes, upstream)
        if order != takes:
            accepted = upstream is not None or getattr(function, "__name__", "") != "<lambda>"
            yours, meant = (", ".join(names) for names in (own[: len(takes)], order))
            how = f"as ({meant})" if yours != meant else f"by their names, and not as ({listed})"
            note = f"Your arguments, ({yours}), were taken {how}."
            found.append(Reading(function, order, accepted=accepted, note=note))
    elif binds(signature, **dict.fromkeys(takes)):
        found.append(Reading(function, takes, keywords=True))
    if upstream and len(own) == 2 and CACHE.fullmatch(own[1]):
        for names in caches:
            note = f"Your {own[1]} was taken to hold ({', '.join(names)})."
            found.append(Reading(function, (upstream,), cache=names, note=note))
            if len(names) == 1:
                found.append(Reading(function, (upstream,), cache=names, bare=True, note=note))
    if not found:
        raise Wrong(f"Your function takes {signature}; it is called with ({listed}).")
    return found


def call(function, arguments):
    """What a learner's function returns for copies of the arguments {name: value}, in this order."""
    return readings(function, arguments)[0](arguments)


def binds(signature, *names, **keywords):
    try:
        signature.bind(*names, **keywords)
    except TypeError:
        return False
    return True


def by_name(own, takes, upstream):
    """The order of `takes` that a function's own names suggest; `takes` itself where they suggest none."""
    if len(own) < len(takes):
        return takes
    order = [name if name in takes else None for name in own]
    left = [name for name in takes if name not in order]
    if upstream in left:
        unknown = [i for i, name in enumerate(own) if order[i] is None]
        like = [i for i in unknown if UPSTREAM.fullmatch(own[i])]
        if len(like) == 1:
            order[like[0]] = upstream
            left.remove(upstream)
    if len(left) == len(takes):
        return takes
    rest = iter(left)
    return tuple(name or next(rest) for name in order)
