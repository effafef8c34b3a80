"""Which check catches which mistake: all mistakes against all checks, made anew."""

import textwrap
from dataclasses import dataclass

import numpy as np

from .. import gradcheck
from ..objective import duplication, identity, moments, spread, weights
from .mistakes import MUTANTS
from .planting import MODEL, Mutant

CHECKS = "central", "complex", "identity", "moments", "spread", "duplication", "weights"


def caught_by(mutant):
    """({check: whether it fails on the mutant}, the report of the gradient check by complex step)."""
    rng, objective = np.random.default_rng(0), mutant.objective
    x, eps = rng.uniform(0.1, 0.9, (4, MODEL["n_inputs"])), rng.standard_normal((3, 4, 2))
    with mutant.planted():
        central, complex_ = (
            gradcheck.check(
                mutant.vae(), x, eps, None, method, objective, samples=6, explain=method == "complex"
            )
            for method in ("central", "complex")
        )
        one = mutant.vae(n_latent=1)
        found = {
            "central": not central.passed,
            "complex": not complex_.passed,
            "identity": bool(np.abs(identity(one, x)).max() > 1e-9),
            "moments": moments(one, x) > 1e-9,
            "spread": spread(mutant.vae(), x) > 6,
            "duplication": duplication(mutant.vae(), x, eps, objective=objective) > 1e-9,
            "weights": bool(np.abs(weights(one, x)).max() > 1e-9) if objective == "iwae" else None,
        }
    return found, complex_


@dataclass
class Line:
    """One mutant in the table: what caught it, {check: bool, or None where it was not asked}; the first
    Explanation, or None; and the names of the gradients where the mistake sits."""

    mutant: Mutant
    caught: dict
    explanation: object
    where: list

    @property
    def named(self):
        """Whether the first explanation of a wrong gradient is the right one, at the right place."""
        place, relation, term = self.mutant.expect
        e = self.explanation
        return e is not None and place in self.where and (e.relation, e.term) == (relation, term)

    def text(self, width):
        """Its marks, what is wrong, and what the diagnosis says."""
        marks = {True: "X", False: ".", None: " "}
        cells = (f"{marks[self.caught[check]]:^{len(check)}}" for check in CHECKS)
        yield f"{self.mutant.name:{width}}  {'  '.join(cells)}".rstrip()
        yield f"    {self.mutant.words}"
        if self.mutant.expect:
            cause = self.explanation.words if self.explanation else "no explanation"
            words = f"-> {', '.join(self.where[:2])}: {cause}"
            yield textwrap.fill(words, 110, initial_indent="    ", subsequent_indent="       ")


@dataclass
class Table:
    """All mutants against all checks; print it."""

    lines: list

    @property
    def gradients(self):
        """The lines of wrong gradients."""
        return [line for line in self.lines if line.mutant.expect]

    @property
    def complete(self):
        """Whether every mistake is caught by a check, and every wrong gradient named rightly."""
        caught = all(any(line.caught.values()) for line in self.lines)
        return caught and all(line.named for line in self.gradients)

    def __str__(self):
        width = max(len(line.mutant.name) for line in self.lines)
        others = [line for line in self.lines if not line.mutant.expect]
        text = []
        for title, lines in (
            ("Wrong gradients", self.gradients),
            ("Both passes wrong alike, or something else", others),
        ):
            if lines:
                text += [title, f"{'':{width}}  {'  '.join(CHECKS)}"]
                text += [row for line in lines for row in line.text(width)]
                text.append("")
        caught = sum(any(line.caught.values()) for line in self.lines)
        text.append(f"X caught, . passed by: {caught} of {len(self.lines)} mistakes are caught.")
        of = f"{sum(line.named for line in self.gradients)} of {len(self.gradients)} wrong gradients"
        text.append(f"-> the diagnosis: {of} are named rightly, and where they sit.")
        return "\n".join(text)

    __repr__ = __str__


def make_table(mutants=MUTANTS):
    """Plant each mistake in turn and ask every check: a Table."""
    lines = []
    for mutant in mutants:
        caught, report = caught_by(mutant)
        lines.append(Line(mutant, caught, next(iter(report.explanations), None), report.first))
    return Table(lines)
