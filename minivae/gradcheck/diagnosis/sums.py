"""A gradient, or a difference of two, as a sum of products with named coefficients (lesson 06).

The search looks at a few entries; what it finds is verified on all.
"""

from dataclasses import dataclass

import numpy as np

from .constants import SAME, Constant
from .costs import MARGIN
from .products import Product
from .texts import monomial, summed

PAIRS, TRIPLES = 800, 120  # of so many of the simplest candidates two, or three, are tried together
PLAIN, ODD = 150, 6000  # and of so many plain ones each with so many
MOST = 200  # sums whose coefficients are looked at
TRIED = 24  # sums that are looked at on all entries


@dataclass(frozen=True)
class Term:
    """A coefficient with a name, times a product."""

    sign: int
    constant: Constant
    product: Product

    @property
    def c(self):
        return self.sign * self.constant.value

    @property
    def bits(self):
        return self.constant.bits + self.product.bits

    @property
    def text(self):
        """Without its sign."""
        return written(self.constant.text, self.product)

    def evaluate(self, case):
        return self.sign * case.constants.value(self.constant) * self.product.evaluate(case)


@dataclass(frozen=True)
class Sum:
    terms: tuple

    @property
    def bits(self):
        return sum(term.bits for term in self.terms) + (len(self.terms) - 1)

    @property
    def text(self):
        return summed([(term.sign, term.text) for term in self.terms])

    def evaluate(self, case):
        return sum(term.evaluate(case) for term in self.terms)

    def share(self, product):
        """How much of a product stands in it: by its key, or that of all parts of its bracket."""
        held = self.shares()
        if product.key in held:
            return held[product.key][0]
        parts = {round(held.get(p.key, (0.0,))[0] / sign, 9) for sign, p in product.expanded()}
        return parts.pop() if len(parts) == 1 else 0.0

    def shares(self, expanded=True):
        """{key of a product: (coefficient, product)}, brackets multiplied out."""
        found = {}
        for term in self.terms:
            for sign, product in term.product.expanded() if expanded else [(1, term.product)]:
                c = found.get(product.key, (0.0,))[0] + term.c * sign
                found[product.key] = c, product
        return found


def written(constant, product):
    """The text of a constant times a product."""
    if not product.frame.matrix:
        return monomial(product.powers.items(), constant)
    if constant == "1":
        return product.text
    if constant.startswith("1/"):
        return f"({product.text})/{constant[2:]}"
    return f"{constant} * ({product.text})"


def term(case, c, product, tolerance=SAME, digits=False):
    """The Term of a coefficient that has a name; None if it has none."""
    constant = (case.constants.any if digits else case.constants.known)(c, min(tolerance, 1e-3))
    return constant and Term(-1 if c < 0 else 1, constant, product)


def of_one(case, target, digits=False):
    """[Sum] of one Term each that are the target, the simplest first, verified; digits: also with a
    coefficient that has no name."""
    few, pool = target[case.few], case.pool
    top = np.abs(few).max(initial=0)
    if not top:
        return []
    values = pool.values
    c = values @ few / (values * values).sum(axis=1)
    left = np.abs(few - c[:, None] * values).max(axis=1)
    found = []
    for k in np.flatnonzero(left <= min(case.tolerance * case.scale, 1e-3 * top)):
        one = term(case, c[k], pool.product(k), SAME + 2 * left[k] / top, digits)
        found += [Sum((one,))] if one else []
    return verified(case, target, found)


def of_two(case, target):
    """[Sum] of two Terms each."""
    few, pool = target[case.few], case.pool
    if len(few) < 4 or not few.any():
        return []
    values = pool.values[: max(PAIRS, ODD)]
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    along, found = units @ few / np.linalg.norm(few), []
    for rows, columns in ((slice(0, PAIRS), slice(0, PAIRS)), (slice(0, PLAIN), slice(PAIRS, ODD))):
        left = left_of_two(1.0, units[rows] @ units[columns].T, along[rows], along[columns])
        if rows == columns:
            left[np.tril_indices(len(left))] = 1
        found += [(i + rows.start, j + columns.start) for i, j in np.argwhere(left < 1e-8)[:MOST]]
    found = [sum_of(case, few, pair) for pair in found]
    return verified(case, target, [s for s in found if s])


def left_of_two(size, gram, along, other):
    """How much of |target|^2 = size is left beside every two units; along, other: the target along them. What
    can't be told apart, or doesn't matter, counts as all."""
    with np.errstate(all="ignore"):
        c, d = along[:, None] - gram * other, other - gram * along[:, None]
        apart = 1 - gram**2
        left = size - (c * along[:, None] + d * other) / apart
    small = 1e-5 * np.sqrt(size)
    left[(apart < 1e-7) | (np.minimum(np.abs(c), np.abs(d)) < small * apart)] = 1
    return np.where(np.isfinite(left), left, 1)


def of_three(case, target):
    """[Sum] of three Terms each, of the simplest candidates."""
    few, pool = target[case.few], case.pool
    if len(few) < 6 or not few.any():
        return []
    values = pool.values[:TRIPLES]
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    gram, along = units @ units.T, units @ few / np.linalg.norm(few)
    found = []
    for i in range(len(units) - 2):
        rest = slice(i + 1, None)
        g, size = gram[i, rest], 1 - along[i] ** 2
        norms = np.sqrt(np.maximum(1 - g * g, 1e-12))
        inner = (gram[rest, rest] - np.outer(g, g)) / np.outer(norms, norms)
        both = (along[rest] - along[i] * g) / norms
        left = left_of_two(size, inner, both, both)
        left[(norms < 3e-4), :] = left[:, norms < 3e-4] = 1
        left[np.tril_indices(len(left))] = 1
        for j, k in np.argwhere(left < 1e-9)[:TRIED]:
            one = sum_of(case, few, (i, i + 1 + j, i + 1 + k))
            found += [one] if one else []
    return verified(case, target, found)


def sum_of(case, few, which):
    """The Sum of these candidates that is the target on the few entries, if its coefficients have names."""
    values = case.pool.values[list(which)]
    c = np.linalg.lstsq(values.T, few, rcond=None)[0]
    off = np.abs(few - c @ values).max()
    if (
        off > case.tolerance * case.scale
        or np.abs(c * np.abs(values).max(axis=1)).min() < 1e-4 * np.abs(few).max()
    ):
        return None
    tolerance = SAME + 10 * off / np.abs(few).max()
    terms = [term(case, k, case.pool.product(i), tolerance) for k, i in zip(c, which)]
    return Sum(tuple(terms)) if all(terms) else None


def verified(case, target, sums):
    """Those that are the target on all entries, and tell more than they cost."""
    told, found = None, []
    for one in sorted(sums, key=lambda s: s.bits)[:TRIED]:
        told = case.tells(target) if told is None else told
        enough = one.bits + MARGIN <= told
        if enough and np.abs(one.evaluate(case) - target).max() <= case.tolerance * case.scale:
            found.append(one)
    return found


def simplest_sum(case, target):
    """The simplest Sum of one to three products, or None."""
    for search in (of_one, of_two, of_three):
        for found in search(case, target):
            if not any(one.product.is_difference for one in found.terms):
                return found
    return None
