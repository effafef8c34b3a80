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
    """One mutant in the table: what caught it ({check: bool, or None where it was not asked}),
    and the diagnosis."""

    mutant: Mutant
    caught: dict
    explanation: object  # the first Explanation, or None
    where: list

    @property
    def named(self):
        """Whether the first explanation of a wrong gradient is the right one, at the right place."""
        place, relation, term = self.mutant.expect
        e = self.explanation
        return e is not None and place in self.where and (e.relation, e.term) == (relation, term)


@dataclass
class Table:
    """All mutants against all checks; print it."""

    lines: list

    @property
    def complete(self):
        """Whether every mistake is caught by a check, and every wrong gradient named rightly."""
        return all(any(line.caught.values()) for line in self.lines) and all(
            line.named for line in self.lines if line.mutant.expect
        )

    def __str__(self):
        width = max(len(line.mutant.name) for line in self.lines)
        head = f"{'':{width}}  " + "  ".join(CHECKS)
        rows = []
        for title, wrong_gradient in (
            ("Wrong gradients", True),
            ("Both passes wrong alike, or something else", False),
        ):
            lines = [line for line in self.lines if bool(line.mutant.expect) == wrong_gradient]
            rows += [title, head, *(text for line in lines for text in self._row(line, width)), ""] * bool(
                lines
            )
        caught = sum(any(line.caught.values()) for line in self.lines)
        gradients = [line for line in self.lines if line.mutant.expect]
        named = sum(line.named for line in gradients)
        return "\n".join(
            [
                *rows,
                f"X caught, . passed by: {caught} of {len(self.lines)} mistakes are caught.",
                (
                    f"-> the diagnosis: {named} of {len(gradients)} wrong gradients are named rightly, and"
                    " where they sit."
                ),
            ]
        )

    def _row(self, line, width):
        marks = {True: "X", False: ".", None: " "}
        yield (
            f"{line.mutant.name:{width}}  "
            + "  ".join(f"{marks[line.caught[check]]:^{len(check)}}" for check in CHECKS).rstrip()
        )
        yield f"    {line.mutant.words}"
        if line.mutant.expect:
            words = (
                f"-> {', '.join(line.where[:2])}:"
                f" {line.explanation.words if line.explanation else 'no explanation'}"
            )
            yield textwrap.fill(words, 110, initial_indent="    ", subsequent_indent="       ")

    __repr__ = __str__


def make_table(mutants=MUTANTS):
    """Plant each mistake in turn and ask every check: a Table."""
    lines = []
    for mutant in mutants:
        caught, report = caught_by(mutant)
        lines.append(
            Line(mutant, caught, report.explanations[0] if report.explanations else None, report.first)
        )
    return Table(lines)
