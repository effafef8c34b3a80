"""A product of named numbers in a frame: its text, its cost, its values (lesson 06)."""

from dataclasses import dataclass

import numpy as np

from .frames import EACH, Frame, NoView
from .texts import monomial

CELLS = 5_000_000  # numbers held at once


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
        value = self.multiplied(case)
        if self.reduce or any(atom.misread for atom in self.atoms):
            value = value - self.right().multiplied(case)
        return value

    def multiplied(self, case):
        """Its values as they stand, without the right reading subtracted."""
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
