"""What a diagnosis looks at: the two gradients, the candidates, and how to tell agreement from chance."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .constants import SAME, Constants, is_gradient
from .products import expanded, products

ENTRIES = 300  # as many entries as a search looks at
BITS = 20  # what one number that agrees to 1e-6 tells
CHANCE = 8  # a coincidence has to be less likely than 2^-8


@dataclass(frozen=True)
class Explanation:
    """One way in which the wrong gradient follows from the true one.

    relation  "zero", "sign", "scale", "factor", "term", "formula", "transpose", "layout", "rows", "columns",
              "image", "heads", "axis", "shape", "clip"; and from gradcheck, which can call twice, "noise" and
              "accumulated"
    term      the name or number: "eps", "1/sigma", "B", "2"
    fit       the relative error that is left
    words     the sentence for a learner, in which "yours" is the gradient under test
    """

    relation: str
    term: str
    fit: float
    words: str

    def __str__(self):
        return self.words


@dataclass
class Case:
    """The two gradients on the entries that were measured, with all that is known beside them."""

    analytic: np.ndarray
    numeric: np.ndarray
    named: dict
    paths: dict
    tolerance: float
    entries: np.ndarray = None  # flat indices; by default all that were measured

    def __post_init__(self):
        if self.entries is None:
            self.entries = np.flatnonzero(np.isfinite(self.numeric))
        self.shape = self.analytic.shape
        self.a, self.n = self.analytic.ravel()[self.entries], self.numeric.ravel()[self.entries]
        self.scale = np.max(np.abs(self.a) + np.abs(self.n), initial=0)

    @staticmethod
    def error(p, q):
        """max |p - q| / max(|p| + |q|)."""
        scale = np.max(np.abs(p) + np.abs(q), initial=0)
        return float(np.max(np.abs(p - q), initial=0) / scale) if scale else 0.0

    def at(self, array):
        """An array of the gradient's shape, on the entries."""
        return np.broadcast_to(array, self.shape).ravel()[self.entries]

    @cached_property
    def constants(self):
        return Constants(self.named, self.shape)

    @cached_property
    def few(self):
        """Positions among the entries, at most ENTRIES of them."""
        n = len(self.entries)
        return (
            np.arange(n)
            if n <= ENTRIES
            else np.sort(np.random.default_rng(0).choice(n, ENTRIES, replace=False))
        )

    @cached_property
    def pool(self):
        """The candidates on the few entries."""
        return products(self.named, self.shape, self.entries[self.few])

    @cached_property
    def values(self):
        """The candidates' values, (candidates, few entries)."""
        return np.array([p.values for p in self.pool])

    @cached_property
    def costs(self):
        return np.array([p.cost for p in self.pool])

    @cached_property
    def units(self):
        """The simpler candidates, normalised to length 1."""
        values = self.values[[p.cost <= 3.2 for p in self.pool]][:800]
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    @cached_property
    def gram(self):
        """Their inner products: what two of them have in common."""
        return self.units @ self.units.T

    @cached_property
    def true_sum(self):
        """[(coefficient, product)] if the true gradient is a sum of one or two candidates, else None."""
        return self.as_sum(self.n)

    @property
    def true_factors(self):
        """The factors that stand in all terms of the true gradient, as far as known, beside others."""
        products_ = [p.factors for _, p in self.true_sum or ()]
        return set.intersection(*map(set, products_)) if products_ and min(map(len, products_)) > 1 else set()

    @cached_property
    def true_terms(self):
        """{text: coefficient}, brackets multiplied out; None if the true gradient is not known as a sum."""
        return terms_of(self.true_sum)

    @cached_property
    def your_terms(self):
        return terms_of(self.as_sum(self.a))

    def multiples(self, target):
        """(cost, E, c, (name of |c|, its cost), fit) for every candidate E that is the target up to a named
        constant."""
        few = target[self.few]
        if not self.pool or not few.any():
            return
        values = self.values
        c = values @ few / (values * values).sum(axis=1)
        left = np.abs(few - c[:, None] * values).max(axis=1)
        close, bits = np.minimum(self.tolerance * self.scale, 1e-3 * np.abs(few).max()), bits_of(few)
        for k in np.flatnonzero(left <= close):
            p, known = self.pool[k], self.constants.name(c[k], SAME + 2 * left[k] / np.abs(few).max())
            simpler = self.costs.searchsorted(p.cost, "right")  # candidates as simple as this one
            # of a plain name any multiple is told
            if not known and p.cost == 1.0 and not p.frame and not is_gradient(p.text):
                known = (
                    (f"{abs(c[k]):.6g}", 2.5) if enough(min(bits, bits_of(p.values)), simpler, 3) else None
                )
            varies = p.text == "1" and len(few) >= 4 and different(self.n) >= 3  # the same number everywhere
            if known and (varies or enough(min(bits, bits_of(p.values)), simpler, known[1] > 0)):
                yield p.cost + known[1] + 0.2, p, float(c[k]), known, float(left[k] / self.scale)

    def pairs(self, target):
        """(cost, [(c1, E1), (c2, E2)], fit) for every two of the simpler candidates that add up to the
        target."""
        few, pool = target[self.few], [p for p in self.pool if p.cost <= 3.2][:800]
        if not enough(bits_of(few), len(pool) ** 2, 2) or len(few) < 4:
            return
        units, gram = self.units[: len(pool)], self.gram[: len(pool), : len(pool)]
        along = units @ few / np.linalg.norm(few)
        c1 = (along[:, None] - gram * along) / (1 - gram**2)
        left = 1 - c1 * along[:, None] - c1.T * along
        left[(1 - gram**2 < 1e-7) | (np.abs(c1) < 1e-5) | (np.abs(c1.T) < 1e-5)] = 1
        for i, j in np.argwhere(np.triu(left < 1e-8)):
            both = np.array([pool[i].values, pool[j].values])
            c = np.linalg.lstsq(both.T, few, rcond=None)[0]
            off = np.abs(few - c @ both).max()
            tolerance = SAME + 5 * off / np.abs(few).max()
            known = [self.constants.name(k, min(tolerance, 1e-3)) for k in c]
            if off <= self.tolerance * self.scale and all(known):
                cost = (
                    pool[i].cost
                    + pool[j].cost
                    + known[0][1]
                    + known[1][1]
                    + 0.5 * (abs(c[0] + c[1]) > 1e-5 * abs(c[0]))
                )
                yield cost, [(float(c[0]), pool[i]), (float(c[1]), pool[j])], float(off / self.scale)

    def as_sum(self, target):
        """[(coefficient, product)] of the simplest sum of one or two candidates that is the target,
        or None."""
        one = min(self.multiples(target), key=lambda found: found[0], default=None)
        if one is not None:
            return [(one[2], one[1])]
        two = min(self.pairs(target), key=lambda found: found[0], default=None)
        return None if two is None else two[1]


def terms_of(products_):
    """{text: coefficient} of a sum of products, brackets multiplied out; None for None."""
    if products_ is None:
        return None
    return {
        e.text: c * sign * (p.summed if e.text == "1" and p.summed else 1)
        for c, p in products_
        for sign, e in expanded(p)
    }


def different(values):
    """How many different numbers there are, to six digits."""
    top = np.max(np.abs(values), initial=0)
    return len(np.unique(np.round(values / top, 6))) if top else 1


def bits_of(values):
    """What agreement with these values tells: BITS for each different number.

    Round ones (0, 1, -1/2, ...) are often met by chance: they tell one bit per entry, where there are
    several.
    """
    whole = (np.abs(2 * values - np.round(2 * values)) < 1e-9) & (np.abs(values) <= 20)
    others = different(values[~whole]) if (~whole).any() else 0
    return BITS * others + (np.sum(whole) if different(values) > 1 else 0)


def enough(bits, candidates, constants=1):
    """Whether so many bits are beyond chance for one among so many candidates,
    with free constants of CHANCE bits each."""
    return bits >= math.log2(max(candidates, 1)) + CHANCE * (1 + constants)
