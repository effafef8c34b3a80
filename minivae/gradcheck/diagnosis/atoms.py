"""What can be made of one named array: its functions, what it has along an axis, and how it may be misread
(lesson 06)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .costs import COSTS
from .texts import bare, monomial, wrap

# {text: (its base and power, bits, function)}; {w} is the name, in brackets where need be, {n} without them.


def _sigmoid(v):
    return 1 / (1 + np.exp(-v))


def _table(kind, *rows):
    return {text: (COSTS[kind], power, f) for text, power, f in rows}


FUNCTIONS = {
    **_table("plain", ("{w}", 1, lambda v: v)),
    **_table(
        "usual",
        ("1/{w}", -1, lambda v: 1 / v),
        ("{w}^2", 2, lambda v: v * v),
        ("1/{w}^2", -2, lambda v: 1 / (v * v)),
        ("{n} > 0", 0, lambda v: (v > 0) * 1.0),
        ("1 - {w}^2", 0, lambda v: 1 - v * v),
        ("{w} * (1 - {n})", 0, lambda v: v * (1 - v)),
        ("sigmoid({n})", 0, _sigmoid),
        ("1 - {n}", 0, lambda v: 1 - v),
    ),
    **_table(
        "rare",
        ("{w}^3", 3, lambda v: v**3),
        ("1/{w}^3", -3, lambda v: 1 / v**3),
        ("{w} - 1/{w}", 0, lambda v: v - 1 / v),
        ("sigmoid'({n})", 0, lambda v: _sigmoid(v) * _sigmoid(-v)),
        ("tanh'({n})", 0, lambda v: 1 - np.tanh(v) ** 2),
        ("log({n})", 0, np.log),
        ("tanh({n})", 0, np.tanh),
        ("relu({n})", 0, lambda v: np.maximum(v, 0)),
        ("sign({n})", 0, np.sign),
        ("|{n}|", 0, np.abs),
        ("{n} <= 0", 0, lambda v: (v <= 0) * 1.0),
        ("exp({n})", 0, np.exp),
        ("exp({n}/2)", 0, lambda v: np.exp(v / 2)),
        ("sqrt({n})", 0, np.sqrt),
        ("cos({n})", 0, np.cos),
        ("sin({n})", 0, np.sin),
    ),
    **_table(
        "turned",
        ("exp(-{w})", 0, lambda v: np.exp(-v)),
        ("sigmoid(-{w})", 0, lambda v: _sigmoid(-v)),
    ),
    **_table(
        "odd",
        ("{w}^2 - 1", 0, lambda v: v * v - 1),
        ("1 - 2 {w}", 0, lambda v: 1 - 2 * v),
        ("(1 - {n})^2", 0, lambda v: (1 - v) ** 2),
        ("1 + {w}^2", 0, lambda v: 1 + v * v),
        ("sqrt(1 - {w}^2)", 0, lambda v: np.sqrt(1 - v * v)),
        ("softplus({n})", 0, lambda v: np.logaddexp(0, v)),
        ("exp(2 {w})", 0, lambda v: np.exp(2 * v)),
        ("exp(-2 {w})", 0, lambda v: np.exp(-2 * v)),
        ("exp(-{w}/2)", 0, lambda v: np.exp(-v / 2)),
        ("log(1 - {n})", 0, lambda v: np.log(1 - v)),
        ("1/sqrt({n})", 0, lambda v: 1 / np.sqrt(v)),
        ("1/(1 - {n})", 0, lambda v: 1 / (1 - v)),
        ("1/(1 - {w}^2)", 0, lambda v: 1 / (1 - v * v)),
        ("1/sigmoid({n})", 0, lambda v: 1 + np.exp(-v)),
        ("|{n}| < 1", 0, lambda v: (np.abs(v) < 1) * 1.0),
    ),
    **_table(
        "very odd",
        ("1 + {n}", 0, lambda v: 1 + v),
        ("{w} + 1/{w}", 0, lambda v: v + 1 / v),
        ("1/(1 + {n})", 0, lambda v: 1 / (1 + v)),
    ),
}
BRACKETS = {  # functions that are a sum: [(sign, function)]
    "{w} - 1/{w}": ((1, "{w}"), (-1, "1/{w}")),
    "{w} + 1/{w}": ((1, "{w}"), (1, "1/{w}")),
    "1 - {w}^2": ((1, "1"), (-1, "{w}^2")),
    "1 + {w}^2": ((1, "1"), (1, "{w}^2")),
    "{w}^2 - 1": ((1, "{w}^2"), (-1, "1")),
    "{w} * (1 - {n})": ((1, "{w}"), (-1, "{w}^2")),
    "1 - {n}": ((1, "1"), (-1, "{w}")),
    "1 + {n}": ((1, "1"), (1, "{w}")),
    "1 - 2 {w}": ((1, "1"), (-2, "{w}")),
}


# {text: function of an array and an axis}, which keeps that axis with length 1 or whole.

DIAGONAL = "diag({n})"


def _softmax(v, axis):
    e = np.exp(v - v.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


ALONG = {
    DIAGONAL: lambda v, k: np.diagonal(v, 0, -2, -1),
    "sum({n}, over axis {k})": lambda v, k: v.sum(k, keepdims=True),
    "mean({n}, over axis {k})": lambda v, k: v.mean(k, keepdims=True),
    "softmax({n}, over axis {k})": _softmax,
    "max({n}, over axis {k})": lambda v, k: v.max(k, keepdims=True),
    "[{n} is the largest over axis {k}]": lambda v, k: (v == v.max(k, keepdims=True)) * 1.0,
    "std({n}, over axis {k})": lambda v, k: v.std(k, keepdims=True),
    "norm({n}, over axis {k})": lambda v, k: np.sqrt((v * v).sum(k, keepdims=True)),
    "1/std({n}, over axis {k})": lambda v, k: 1 / v.std(k, keepdims=True),
    "1/norm({n}, over axis {k})": lambda v, k: 1 / np.sqrt((v * v).sum(k, keepdims=True)),
    "1/sum({n}, over axis {k})": lambda v, k: 1 / v.sum(k, keepdims=True),
    "sum(exp({n}), over axis {k})": lambda v, k: np.exp(v).sum(k, keepdims=True),
    "sum(exp({n} - max), over axis {k})": lambda v, k: np.exp(v - v.max(k, keepdims=True)).sum(
        k, keepdims=True
    ),
}


@dataclass(frozen=True, eq=False)
class Atom:
    """A factor: something made of named arrays.

    names     of the arrays
    powers    [(base, power)] of which the text is the product
    bits      beside those of the names
    of        the function of the arrays, in their own shapes
    parts     [(sign, Atom)] of a bracket, else ()
    linear    whether it is a gradient from above
    misread   a key of MISREAD; right: the Atom of the same, read rightly
    """

    names: tuple
    powers: tuple
    bits: float
    of: Callable
    parts: tuple = ()
    linear: bool = False
    misread: str = ""
    right: object = None

    @property
    def text(self):
        if len(self.powers) == 2:
            return monomial(self.powers)
        ((base, power),) = self.powers or (("1", 1),)
        return base if power == 1 else f"{wrap(base)}^{power}" if power > 0 else f"1/{wrap(base)}"

    @property
    def is_sum(self):
        """Whether it is a sum of a gradient along an axis."""
        return self.linear and self.powers[0][0].startswith("sum(")

    def evaluate(self, named):
        with np.errstate(all="ignore"):
            return self.of(*(named[name] for name in self.names))


def plain(name, linear=False):
    """The Atom of an array; of one called "(x - mu)" it is known what it is made of."""
    two = re.fullmatch(r"\((\w+) - (\w+)\)", name)
    parts = ((1, plain(two[1])), (-1, plain(two[2]))) if two else ()
    return Atom((name,), ((name, 1),), 0, lambda v: v, parts, linear)


@lru_cache(10_000)
def function(name, text):
    """The Atom of one of FUNCTIONS; None for "1"."""
    if text == "1":
        return None
    bits, power, f = FUNCTIONS[text]
    base = name if power else text.format(w=wrap(name), n=bare(name))
    powers = ((name, 1), (f"1 - {bare(name)}", 1)) if text == "{w} * (1 - {n})" else ((base, power or 1),)
    parts = tuple((sign, function(name, part)) for sign, part in BRACKETS.get(text, ()))
    return Atom((name,), powers, bits, f, parts)


@lru_cache(10_000)
def along(name, text, axis):
    """The Atom of one of ALONG."""
    bits = COSTS["rare"] if text == DIAGONAL else COSTS["along an axis"]
    bits += COSTS["usual"] if "largest" in text or text.startswith("max") else 0
    f = ALONG[text]
    said = text.format(n=bare(name), k=axis)
    power = -1 if said.startswith("1/") else 1
    return Atom((name,), ((said.removeprefix("1/"), power),), bits, lambda v: f(v, axis))


def reduced(atoms, axis, mean):
    """The sum, or mean, of a product along an axis, which stays."""
    product = " * ".join(atom.text for atom in atoms)
    cuts = np.cumsum([0, *(len(atom.names) for atom in atoms)])
    f = np.mean if mean else np.sum

    def of(*arrays):
        p = 1.0
        for atom, start, stop in zip(atoms, cuts, cuts[1:]):
            p = p * atom.of(*arrays[start:stop])
        return f(p, axis=axis, keepdims=True)

    text = f"{'mean' if mean else 'sum'}({bare(product)}, over axis {axis})"
    names = sum((atom.names for atom in atoms), ())
    bits = COSTS["along an axis"] + sum(atom.bits for atom in atoms)
    return Atom(names, ((text, 1),), bits, of, linear=any(atom.linear for atom in atoms))
