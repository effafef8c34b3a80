"""The candidates of a diagnosis: products of named numbers, the simplest first (lesson 06)."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from .atoms import ALONG, DIAGONAL, FUNCTIONS, along, function, plain, reduced
from .choice import BOTH, MAX, SUM, Choice
from .costs import COSTS
from .frames import EACH, LARGEST, Frame, NoView, frames
from .misread import misreadings
from .products import CELLS, Product

USUAL = 8  # functions of an array that are always looked at
POOL = 12_000  # candidates of a frame
NAME_BEFORE_PRODUCT = 2  # bits: so much dearer may it be, for each factor
WORK = 60_000_000  # multiplications, for all frames together


class Pool:
    """Candidates of a case and their values (candidates, few entries), the simplest first."""

    def __init__(self, case):
        self.case, self.made = case, {}
        arrays = {name: v for name, v in case.named.items() if v.size > 1}
        self.above = [name for name in arrays if case.is_above(name)]
        ours = [name for name in arrays if name not in self.above]
        self.name_bits = {}
        for some, cost in ((self.above, "gradient from inside"), (ours, "from inside")):
            first = math.log2(max(1, sum(name not in case.inside for name in some)))
            later = math.log2(max(1, len(some))) + COSTS[cost]
            self.name_bits |= {name: later if name in case.inside else first for name in some}
        self.plain = {name: plain(name, name in self.above) for name in self.name_bits}
        self.readings, self.functions = {}, {name: self.functions_of(name) for name in self.name_bits}
        possible = frames(case)
        with np.errstate(all="ignore"):
            found = [
                self.of_frame(frame, needed, WORK // max(len(possible), 1)) for frame, needed in possible
            ]
        self.parts = [ONE, *(part for part in found if part is not None)]
        one = np.ones((1, len(case.few)))
        self.values = np.concatenate([one, *(part.values for part in self.parts[1:])])
        self.bits = np.concatenate([part.bits for part in self.parts])
        self.which = np.concatenate(
            [[(n, k) for k in range(len(part.bits))] for n, part in enumerate(self.parts)]
        )
        kept = distinct(self.bits, self.values, np.concatenate([part.n_atoms for part in self.parts]))
        self.values, self.bits, self.which = self.values[kept], self.bits[kept], self.which[kept]

    def product(self, k):
        """The k-th candidate."""
        if k not in self.made:
            n, row = self.which[k]
            self.made[k] = self.parts[n].product(row)
        return self.made[k]

    def functions_of(self, name):
        """[Atom] of the functions of an array that are finite and not constant."""
        v, texts = self.case.named[name], ("{n} > 0",) if name in self.above else list(FUNCTIONS)[1:]
        some = v if v.size <= LARGEST else v.ravel()[:LARGEST]
        with np.errstate(all="ignore"):
            pairs = [(atom, atom.of(some)) for atom in (function(name, text) for text in texts)]
        if v.min() < 0 < v.max():  # who divides by what may be 0?
            dear = lambda atom: replace(atom, bits=atom.bits + COSTS["by both signs"])
            pairs = [(dear(atom) if _divides(atom, name) else atom, w) for atom, w in pairs]
        return [atom for atom, w in pairs if np.isfinite(w).all() and np.ptp(w) > 0]

    def of_frame(self, frame, needed, work):
        """The Part of one frame; None if it has none."""
        case = self.case
        entries = case.entries[case.few]
        try:
            view = frame.view(case, entries, [case.named[name] for name in needed[:1]])
        except NoView:
            return None
        cells = view.R * len(entries)
        if cells > LARGEST:
            return None
        seen = self.seen(frame, view, work // cells)
        if not seen:
            return None
        atoms, values = zip(*sorted(seen, key=lambda pair: pair[0].bits)[: max(1, CELLS // cells)])
        bits, chosen, kinds = Choice(self, frame, atoms, set(needed)).simplest(min(POOL, work // cells + 20))
        if not len(bits):
            return None
        values = np.array([*values, np.ones((view.R, len(entries)))])
        step = max(1, CELLS // cells)
        sums = [_sums(view, atoms, values, chosen[k : k + step], kinds[k : k + step])
                for k in range(0, len(chosen), step)]  # fmt: skip
        return Part(frame, atoms, chosen, kinds, bits + self.frame_bits(frame), np.concatenate(sums))

    def frame_bits(self, frame):
        """What a frame costs to say."""
        if not frame.matrix:
            return 0.0
        bits = COSTS["framed"] + self.name_bits[frame.matrix]
        if frame.is_misread:
            bits += COSTS["misread"]
        return bits + COSTS["above in front"] if frame.matrix in self.above else bits

    def seen(self, frame, view, most):
        """[(Atom, its values (R, N))] of the arrays that fit into a frame, about so many."""
        found, most = [], max(USUAL, most // max(len(self.name_bits), 1))
        only_above = frame.reading or frame.kind == (
            "columns" if frame.matrix in self.above else "wrong columns"
        )
        for name in self.above if only_above else self.name_bits:
            try:
                plainly = view.of(self.case.named[name])
            except NoView:
                continue
            found.append((self.plain[name], plainly))
            if frame.is_misread:
                continue
            functions = ((atom, atom.of(plainly)) for atom in self.functions[name][:most])
            found += [(atom, w) for atom, w in functions if np.isfinite(w).all()]
            if most > USUAL:
                found += [(atom, view.of(w) - plainly) for atom, w in self.misread(name)]
        if frame.kind == "each":
            found += self.viewed(view)
        return found

    def misread(self, name):
        """[(Atom, values)] of an array read wrongly."""
        if name not in self.readings:
            atoms = misreadings(name, self.case.named[name], name in self.above)
            self.readings[name] = [(replace(atom, right=self.plain[name]), w) for atom, w in atoms]
        return self.readings[name]

    def viewed(self, view):
        """[(Atom, values (R, N))] of what has to be made of whole arrays."""
        found = []
        for atom in self.whole:
            try:
                w = view.of(atom.evaluate(self.case.named))
            except (NoView, ValueError):  # of another shape
                continue
            if np.isfinite(w).all() and w.any():
                found.append((atom, w))
        return found

    @cached_property
    def whole(self):
        """[Atom] along an axis: functions of arrays, and sums of gradients, alone or times one more array."""
        shapes = {name: self.case.named[name].shape for name in self.name_bits
                  if self.case.named[name].size <= LARGEST}  # fmt: skip
        ours = [name for name in shapes if name not in self.above]
        axes = lambda name: [k for k, length in enumerate(shapes[name]) if length > 1]
        found = [
            along(name, text, axis)
            for name in ours
            for axis in axes(name)
            for text in ALONG
            if text != DIAGONAL
        ]
        found += [
            along(name, DIAGONAL, 0)
            for name in ours
            if len(shapes[name]) > 1 and len(set(shapes[name][-2:])) == 1
        ]
        for up in [name for name in self.above if name in shapes][:6]:
            others = [name for name in ours[:40] if len(shapes[name]) <= len(shapes[up])]
            for axis, mean in product(axes(up), (False, True)):
                found.append(reduced([self.plain[up]], axis, mean))
                found += [reduced([self.plain[up], self.plain[name]], axis, mean) for name in others]
        return found

    def factor_bits(self, k):
        """What a candidate costs as a factor of the whole gradient, where it need not be linear."""
        p = self.product(k)
        alone = self.case.above and not any(a.linear for a in p.atoms)
        return p.bits - (COSTS["without upstream"] if alone else 0)

    @cached_property
    def factors(self):
        """Which candidates may be a factor of the whole gradient: elementwise, a gradient alone or none."""
        fits = [k for k, (n, row) in enumerate(self.which.tolist()) if self.parts[n].is_factor(row)]
        return np.array(fits, int)


def _divides(atom, name):
    return atom.powers[0][1] < 0 or f"1/{name}" in atom.powers[0][0]


def _sums(view, atoms, values, chosen, kinds):
    """The values (products, N) of products of atoms, summed."""
    i, j, k = chosen.T
    p = values[i] * values[j] * values[k] * view.base
    total = p.sum(axis=1)
    for row in np.flatnonzero(kinds == MAX):
        total[row] = p[row].max(axis=0) - total[row]
    for row in np.flatnonzero(kinds == BOTH):  # values are u' - u, where u' a' - u a is wanted
        u, a = (values[atoms.index(atoms[m].right)] for m in (i[row], j[row]))
        du, da = values[i[row]], values[j[row]]
        total[row] = ((du * a + u * da + du * da) * view.base).sum(axis=0)
    return total


@dataclass(frozen=True)
class Part:
    """The candidates of one frame: which atoms are multiplied (-1: none), and how."""

    frame: Frame
    atoms: list
    chosen: np.ndarray
    kinds: np.ndarray
    bits: np.ndarray
    values: np.ndarray = None

    def product(self, row):
        atoms = tuple(self.atoms[i] for i in self.chosen[row] if i >= 0)
        return Product(atoms, float(self.bits[row]), self.frame, "max" if self.kinds[row] == MAX else "")

    @property
    def n_atoms(self):
        return np.sum(self.chosen >= 0, axis=1)

    def is_factor(self, row):
        if self.frame.kind != "each" or self.kinds[row] != SUM:
            return False
        atoms = [self.atoms[i] for i in self.chosen[row] if i >= 0]
        if any(a.misread for a in atoms) or not atoms:
            return False
        return len(atoms) == 1 or not any(a.linear or a.powers[0][1] < 0 for a in atoms)


ONE = Part(EACH, [], np.full((1, 3), -1), np.zeros(1, int), np.zeros(1))


def distinct(bits, values, n_atoms):
    """The rows of the simplest of those that hold the same numbers, a name before a product of names; nothing
    that is zero, or not finite."""
    order = np.argsort(bits + NAME_BEFORE_PRODUCT * np.maximum(n_atoms - 1, 0), kind="stable")
    values = values[order]
    with np.errstate(all="ignore"):
        marks = values @ np.random.default_rng(0).uniform(1, 2, (values.shape[1], 2))
        usable = np.isfinite(values).all(axis=1) & values.any(axis=1) & np.isfinite(marks).all(axis=1)
        size = 10.0 ** np.floor(np.log10(np.abs(marks) + 1e-300))
        marks = np.round(marks / size, 9) * size
    order, marks = order[usable], marks[usable]
    first = np.unique(marks[:, 0] + 1j * marks[:, 1], return_index=True)[1]
    kept = order[np.sort(first)]
    return kept[np.argsort(bits[kept], kind="stable")]
