"""What a diagnosis looks at: the two gradients and all that has a name; and the one place where an
explanation is verified (lesson 06)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .constants import Constants, is_gradient
from .costs import MARGIN, folded, information, told
from .pool import Pool
from .sums import of_one, simplest_sum

FEW = 160  # as many entries as a search looks at; what it finds is verified on all
LARGE, FEW_OF_LARGE = 5000, 40  # where they are sums of many numbers, so few: more formulas can be tried


@dataclass(frozen=True)
class Explanation:
    """One way in which the wrong gradient follows from the true one.

    relation  "zero", "sign", "scale", "factor", "term", "formula", "alone" ("own" of names from inside),
              "transpose", "layout", "rows", "columns", "entries", "image", "heads", "axis", "shape", "clip",
              "mask", "rounding"; and from gradcheck, which can call twice, "noise" and "accumulated"
    term      the name or number: "eps", "1/sigma", "B", "2"
    fit       the relative error that is left
    words     the sentence for a learner, in which "yours" is the gradient under test
    bits      what it costs to say (costs.py)
    claim     what the sentence says, as a function of a Case: two arrays that are equal where it is true
    """

    relation: str
    term: str
    fit: float
    words: str
    bits: float = field(default=0.0, compare=False, repr=False)
    claim: Callable = field(default=None, compare=False, repr=False)

    def __str__(self):
        return self.words


class Case:
    """The two gradients on the entries that were measured, with all that is known beside them.

    named: {name: finite real array}; above: which of them are gradients from above; inside: {name: names
    that it is made of} of those that were taken from inside the gradient under test.
    """

    def __init__(
        self, analytic, numeric, named, paths=None, tolerance=1e-6, above=(), inside=None, entries=None
    ):
        self.analytic, self.numeric = analytic, numeric
        self.named, self.paths, self.tolerance = named, paths or {}, tolerance
        self.above, self.inside = above, inside or {}
        self.entries = np.flatnonzero(np.isfinite(numeric)) if entries is None else entries
        self.shape = analytic.shape
        self.a, self.n = analytic.ravel()[self.entries], numeric.ravel()[self.entries]
        self.scale = np.max(np.abs(self.a) + np.abs(self.n), initial=0)

    @staticmethod
    def error(p, q):
        """max |p - q| / max(|p| + |q|)."""
        scale = np.max(np.abs(p) + np.abs(q), initial=0)
        return float(np.max(np.abs(p - q), initial=0) / scale) if scale else 0.0

    def at(self, array):
        """An array of the gradient's shape, on the entries."""
        return np.broadcast_to(array, self.shape).ravel()[self.entries]

    def of(self, entries):
        """The same case, on some of the entries."""
        other = Case(
            self.analytic, self.numeric, self.named, {}, self.tolerance, self.above, self.inside, entries
        )
        other.scale = self.scale
        return other

    def within(self, axis, places):
        """The case of some rows, columns or samples: arrays as long as the gradient are cut alike."""

        def cut(v):
            k = axis - len(self.shape) + v.ndim
            return v.take(places, k) if 0 <= k and v.shape[k] == self.shape[axis] else v

        named = {name: cut(v) for name, v in self.named.items()}
        other = Case(self.analytic.take(places, axis), self.numeric.take(places, axis), named, {},
                     self.tolerance, self.above, self.inside)  # fmt: skip
        other.scale = self.scale
        return other

    def is_above(self, name):
        """Whether the name stands for a gradient from above, which enters linearly."""
        return name in self.above or is_gradient(name)

    @cached_property
    def constants(self):
        return Constants(self.named, self.shape, self.above)

    @cached_property
    def few(self):
        """Positions among the entries, at most FEW of them."""
        n, large = len(self.entries), max((v.size for v in self.named.values()), default=0) > LARGE
        few = FEW_OF_LARGE if large else FEW
        return np.arange(n) if n <= few else np.sort(np.random.default_rng(0).choice(n, few, replace=False))

    @cached_property
    def pool(self):
        """The candidates: products of what has a name."""
        return Pool(self)

    @cached_property
    def true_sum(self):
        """The true gradient as a Sum of one to three products, or None."""
        return simplest_sum(self, self.n)

    @cached_property
    def your_sum(self):
        return simplest_sum(self, self.a)

    def may_hold(self, known, product):
        """Whether a Sum consists of names from inside alone, and one is made of what is in the product."""
        names = set().union(*(one.product.names for one in known.terms)) if known else set()
        return names <= set(self.inside) and any(product.names & set(self.inside[name]) for name in names)

    @cached_property
    def formulas(self):
        """The Terms of both gradients where each is one product; else ()."""
        both = [
            [s.terms[0] for s in of_one(self, target) if not s.terms[0].product.is_difference][:1]
            for target in (self.a, self.n)
        ]
        return [*both[0], *both[1]] if all(both) else ()

    @cached_property
    def grid(self):
        """What each entry can tell, in bits."""
        return np.minimum(information(self.a), information(self.n))

    def tells(self, target, where=True, grid=None):
        """The bits that agreement with these numbers, one for each entry, is worth; where: only there."""
        bits = np.where(where, self.grid if grid is None else grid, 0)
        if len(self.entries) == self.analytic.size and len(self.entries) <= 10_000:
            return told(*folded(target.reshape(self.shape), bits.reshape(self.shape)))
        few = self.few
        return told(target[few], bits[few])

    def verified(self, explanation, bits):
        """The explanation with its fit, if its claim is true on all entries and tells more than it costs;
        else None."""
        if bits < explanation.bits + MARGIN:
            return None
        fit = self.misses(explanation)
        return replace(explanation, fit=fit) if fit <= self.tolerance else None

    def misses(self, explanation):
        """The relative error of what it claims, on all entries."""
        with np.errstate(all="ignore"):
            left, right = explanation.claim(self)
        fit = self.error(left, right)
        return fit if np.isfinite(fit) else np.inf
