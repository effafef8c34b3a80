"""Which products of atoms are looked at in a frame, and what they cost (lesson 06)."""

import numpy as np

from .costs import COSTS

SUM, MAX, BOTH = 0, 1, 2  # how products become values: summed; the largest; both factors misread alike


class Choice:
    """Which products of atoms are looked at in a frame."""

    def __init__(self, pool, frame, atoms, needed):
        self.frame, self.needed = frame, needed
        self.bits = np.array([a.bits + sum(pool.name_bits[name] for name in a.names) for a in atoms])
        number = {name: k for k, name in enumerate(pool.name_bits)}
        self.name = np.array(
            [number[a.names[0]] if len(a.names) == 1 else -1 - k for k, a in enumerate(atoms)]
        )
        self.fits = np.array([not needed or bool(needed & set(a.names)) for a in atoms])
        allowed = np.array([frame.matrix not in a.names for a in atoms])
        one = np.array([len(a.names) == 1 for a in atoms])
        linear = np.array([a.linear for a in atoms])
        misread = np.array([bool(a.misread) for a in atoms])
        above = np.array([a.names[0] in pool.above for a in atoms])
        own = np.array([a.bits for a in atoms])
        some = lambda test: np.flatnonzero(test & allowed)
        self.up = some(linear & one & ~misread)
        self.mask_up = some(~linear & above & one)
        self.ours = some(~linear & ~misread & ~above)
        self.plain = self.ours[own[self.ours] == 0]
        self.usual = self.ours[own[self.ours] <= COSTS["usual"]]
        self.rare = self.ours[own[self.ours] <= COSTS["turned"]]
        self.sums = some(linear & ~one)
        self.odd_up, self.odd_ours = some(linear & misread), some(~linear & misread)
        self.misread = np.array([a.misread for a in atoms])
        self.linear, self.own, self.upstream = linear, own, bool(pool.case.above) and not frame.matrix
        self.matrix_up = frame.matrix in pool.above

    def lists(self):
        """Arrays (products, 3) of atoms, -1 for none."""
        kind = self.frame.kind
        if self.frame.reading:
            yield one(self.up)
        elif kind == "wrong columns":
            yield one(self.plain if self.matrix_up else self.up)
        elif self.matrix_up:
            yield one(np.concatenate([self.usual, self.odd_ours]) if kind == "rows" else self.up)
        elif self.frame.matrix:
            yield one(np.concatenate([self.up, self.odd_up, self.plain]))
            yield two(self.up, np.concatenate([self.ours, self.odd_ours, self.mask_up]))
            yield two(self.odd_up, self.plain)
        else:
            yield one(np.concatenate([self.up, self.ours, self.odd_up, self.odd_ours, self.sums]))
            yield two(self.up, np.concatenate([self.ours, self.odd_ours, self.mask_up]))
            yield two(self.odd_up, self.plain)
            both = two(self.odd_up, self.odd_ours)
            yield both[self.misread[both[:, 0]] == self.misread[both[:, 1]]]
            pairs = two(self.usual, self.rare)
            i, j = pairs[:, 0], pairs[:, 1]
            yield pairs[
                (self.name[i] != self.name[j])
                & ((self.own[i] < self.own[j]) | ((self.own[i] == self.own[j]) & (i < j)))
            ]
            pairs = two(self.usual, self.usual)
            pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (self.name[pairs[:, 0]] != self.name[pairs[:, 1]])]
            for up in np.concatenate([self.up, self.sums]):
                yield np.column_stack([np.full(len(pairs), up), pairs[:, :2]])
            yield two(self.sums, self.rare)

    def simplest(self, most):
        """(bits, atoms, kinds) of so many products."""
        chosen = np.concatenate([np.zeros((0, 3), int), *self.lists()])
        padded = lambda v, none: np.append(v, none)[chosen]
        if self.needed:
            chosen = chosen[padded(self.fits, False).any(axis=1)]
        if not len(chosen):
            return np.zeros(0), chosen, np.zeros(0, int)
        bits = padded(self.bits, 0).sum(axis=1)
        if self.upstream:  # of a gradient that takes one, every term has it as a factor
            bits[~padded(self.linear, False).any(axis=1)] += COSTS["without upstream"]
        if self.frame.kind in ("lead", "trail"):
            bits[~padded(self.linear, False).any(axis=1)] += COSTS["summed alone"]
        misread = padded(self.misread != "", False).sum(axis=1)
        bits -= COSTS["misread"] * (misread == 2)
        kinds = np.where(misread == 2, BOTH, SUM)
        if self.needed:  # where numbers are summed, the largest may be taken instead
            summed = padded(self.linear, False).any(axis=1) & (misread == 0)
            chosen = np.concatenate([chosen, chosen[summed]])
            kinds = np.concatenate([kinds, np.full(summed.sum(), MAX)])
            bits = np.concatenate([bits, bits[summed] + COSTS["misread"]])
        order = np.argsort(bits, kind="stable")[:most]
        return bits[order], chosen[order], kinds[order]


def one(atoms):
    return np.column_stack([atoms, np.full((len(atoms), 2), -1)])


def two(some, others):
    i, j = (v.ravel() for v in np.meshgrid(some, others, indexing="ij"))
    return np.column_stack([i, j, np.full(len(i), -1)])
