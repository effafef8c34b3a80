"""The candidates of a diagnosis: products of named numbers, the simplest first (lesson 06)."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from .atoms import ALONG, DIAGONAL, FUNCTIONS, along, function, misreadings, plain, reduced
from .costs import COSTS
from .frames import EACH, LARGEST, Frame, NoView, frames
from .texts import monomial

CELLS = 5_000_000  # numbers held at once
POOL = 12_000  # candidates of a frame
WORK = 60_000_000  # multiplications, for all frames together


@dataclass(frozen=True, eq=False)
class Product:
    """Factors in a frame, summed; reduce="max": the largest is taken instead of the sum. bits: its cost."""

    atoms: tuple = ()
    bits: float = 0.0
    frame: Frame = EACH
    reduce: str = ""

    @property
    def powers(self):
        """{base: power}, in the order of the factors."""
        found = {}
        for atom in self.atoms:
            for base, power in atom.powers:
                found[base] = found.get(base, 0) + power
        return {base: power for base, power in found.items() if power}

    @property
    def text(self):
        return self.frame.text(monomial(self.powers.items()))

    @property
    def names(self):
        return {name for atom in self.atoms for name in atom.names} | {self.frame.matrix} - {""}

    @property
    def misread(self):
        """The key of MISREAD of a factor, or of the frame's matrix, that is read wrongly, if there is one."""
        of_frame = self.frame.reading or ("wrong columns" if self.frame.is_misread else "")
        return next((atom.misread for atom in self.atoms if atom.misread), of_frame)

    @property
    def is_difference(self):
        """Whether it stands for the difference between a wrong reading and the right one."""
        return bool(self.misread or self.reduce)

    @property
    def is_one(self):
        return not self.atoms and not self.frame.matrix

    @property
    def key(self):
        return self.frame, tuple(sorted(self.powers.items())), self.misread, self.reduce

    def right(self):
        """The same, read rightly."""
        atoms = tuple(a.right or a for a in self.atoms)
        kind = "columns" if self.frame.kind == "wrong columns" else self.frame.kind
        return Product(atoms, self.bits, Frame(kind, self.frame.matrix, self.frame.turned))

    def expanded(self):
        """[(sign, Product)] with a bracket multiplied out: dz * (1 - eps) is dz minus dz * eps."""
        for k, atom in enumerate(self.atoms):
            if atom.parts:
                before, after = self.atoms[:k], self.atoms[k + 1 :]
                return [(sign, Product((*before, *([part] if part else []), *after), self.bits, self.frame))
                        for sign, part in atom.parts]  # fmt: skip
        return [(1, self)]

    def evaluate(self, case):
        """Its values on all entries of a case; NaN where its arrays don't fit together there."""
        value = self._evaluate(case)
        if self.reduce or any(atom.misread for atom in self.atoms):
            value = value - self.right()._evaluate(case)
        return value

    def _evaluate(self, case):
        if any(name not in case.named for name in self.names):
            return np.full(len(case.entries), np.nan)
        arrays, found, start = [atom.evaluate(case.named) for atom in self.atoms], [], 0
        try:
            while start < len(case.entries) or not found:
                step = max(1, CELLS // found_rows(self.frame, case, arrays))
                view = self.frame.view(case, case.entries[start : start + step], arrays)
                p = np.broadcast_to(view.base, (view.R, len(case.entries[start : start + step])))
                for v in arrays:
                    p = p * view.of(v)
                found.append(p.max(axis=0) if self.reduce == "max" else p.sum(axis=0))
                start += step
        except NoView:
            return np.full(len(case.entries), np.nan)
        return np.concatenate(found)


def found_rows(frame, case, arrays):
    return frame.view(case, case.entries[:1], arrays).R


class Pool:
    """Candidates of a case and their values (candidates, few entries), the simplest first."""

    def __init__(self, case):
        self.case, self.made = case, {}
        arrays = {name: v for name, v in case.named.items() if v.size > 1}
        self.above = [name for name in arrays if case.is_above(name)]
        ours = [name for name in arrays if name not in self.above]
        which, whose = math.log2(max(len(ours), 1)), math.log2(max(len(self.above), 1))
        inside = lambda name, cost: COSTS[cost] if name in case.inside else 0.0
        self.name_bits = {name: whose + inside(name, "gradient from inside") for name in self.above}
        self.name_bits |= {name: which + inside(name, "from inside") for name in ours}
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
        kept = distinct(self.bits, self.values)
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
        seen = self.seen(frame, view)
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

    def seen(self, frame, view):
        """[(Atom, its values (R, N))] of the arrays that fit into a frame."""
        found = []
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
            found += [
                (atom, w) for atom, w in _functions(self.functions[name], plainly) if np.isfinite(w).all()
            ]
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

    @cached_property
    def factors(self):
        """Which candidates may be a factor of the whole gradient: elementwise, a gradient alone or none."""
        fits = [k for k, (n, row) in enumerate(self.which.tolist()) if self.parts[n].is_factor(row)]
        return np.array(fits, int)


SUM, MAX, BOTH = 0, 1, 2


def _functions(atoms, values):
    return ((atom, atom.of(values)) for atom in atoms)


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

    def is_factor(self, row):
        if self.frame.kind != "each" or self.kinds[row] != SUM:
            return False
        atoms = [self.atoms[i] for i in self.chosen[row] if i >= 0]
        if any(a.misread for a in atoms) or not atoms:
            return False
        return len(atoms) == 1 or not any(a.linear or a.powers[0][1] < 0 for a in atoms)


ONE = Part(EACH, [], np.full((1, 3), -1), np.zeros(1, int), np.zeros(1))


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
        self.rare = self.ours[own[self.ours] <= COSTS["rare"]]
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


def distinct(bits, values):
    """The rows of the simplest of those that hold the same numbers; nothing that is zero, or not finite."""
    order = np.argsort(bits, kind="stable")
    values = values[order]
    with np.errstate(all="ignore"):
        marks = values @ np.random.default_rng(0).uniform(1, 2, (values.shape[1], 2))
        usable = np.isfinite(values).all(axis=1) & values.any(axis=1) & np.isfinite(marks).all(axis=1)
        size = 10.0 ** np.floor(np.log10(np.abs(marks) + 1e-300))
        marks = np.round(marks / size, 9) * size
    order, marks = order[usable], marks[usable]
    first = np.unique(marks[:, 0] + 1j * marks[:, 1], return_index=True)[1]
    first.sort()
    return order[first]
