"""What a check found, in words: rows, traps, and the report that is printed."""

import textwrap
from dataclasses import dataclass, field

import numpy as np

from .numeric import BANDS, METHODS


@dataclass
class Trap:
    """Why a check can't speak: nothing that the formula of the gradient is to blame for.

    name: "noise", "NaN", "float32", "imaginary part", "raised", "None", "list", "shape", "dtype", "changed",
    "arguments".
    """

    name: str
    words: str


class Stop(Exception):
    """Raised inside a check that can't go on, for a trap; the check puts it into its report."""

    def __init__(self, name, words):
        super().__init__(words)
        self.trap = Trap(name, words)


UNFROZEN = (
    "The same input gave two different values: {what} draws fresh noise. Draw eps once, outside, and pass it"
    " in; then there is a function, and a derivative."
)
NAN = "{what} gives NaN or infinity before anything is nudged: look for log(0), 0/0 or an overflowing exp."
FLOAT32 = (
    "{what} computes in float32, where a nudge of 1e-5 drowns in rounding. Compute in the dtype of the input:"
    " float64 to check, float32 to train."
)
LOST = (
    "The complex step lost the imaginary part behind {name}, where central differences agree with the"
    " gradient. abs, sign, norm, conjugate, a comparison, .real or a float buffer drop it. The gradient is"
    " not to blame: check it with method='central'."
)


@dataclass
class Row:
    """One gradient: that of the loss with respect to the array `name`.

    error: the relative error, NaN where nothing could be compared; checked, skipped (on a kink): numbers of
    coordinates; right; words: the error's band; explanations of what is wrong, the likeliest first; None: not
    looked for.
    """

    name: str
    shape: tuple
    error: float
    checked: int
    skipped: int = 0
    right: bool = True
    words: str = ""
    explanations: list | None = None

    @property
    def size(self):
        return int(np.prod(self.shape))

    @property
    def verdict(self):
        """What is wrong with it, in a sentence."""
        if np.isnan(self.error) and not self.explanations:
            return f"The gradient of {self.name} is wrong: {self.words}."
        if self.explanations is None:
            return f"The gradient of {self.name} is wrong."
        cause = (
            self.explanations[0].words
            if self.explanations
            else "no factor or term among the named numbers explains the difference."
        )
        return f"The gradient of {self.name} is wrong: {cause}"


@dataclass
class Report:
    """What a check found; print it.

    rows: a Row per gradient, in the order of the flow; first: the names of those where the mistake sits, the
    first ones that a backward pass comes to; traps: why the check can't speak, if so.
    """

    title: str
    method: str
    rows: list = field(default_factory=list)
    first: list = field(default_factory=list)
    traps: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def passed(self):
        """Everything is right, and nothing stood in the way of saying so."""
        return not self.traps and bool(self.rows) and all(row.right for row in self.rows)

    @property
    def worst(self):
        """The largest relative error; NaN where a gradient could not be compared."""
        errors = [row.error for row in self.rows]
        return max(errors) if errors and not np.isnan(errors).any() else float("nan")

    @property
    def wrong(self):
        """The rows where the mistake sits."""
        return [row for name in self.first for row in self.rows if row.name == name]

    @property
    def explanations(self):
        """What is wrong there, the likeliest first; empty where no named number fits, or nothing is wrong."""
        found = [row.explanations or [] for row in self.wrong]
        return [
            e
            for rank in range(max(map(len, found), default=0))
            for some in found
            for e in some[rank : rank + 1]
        ]

    @property
    def summary(self):
        """The result in a sentence or two."""
        if self.traps:
            return " ".join(trap.words for trap in self.traps)
        if self.passed:
            return (
                f"{len(self.rows)} gradient{'s' * (len(self.rows) > 1)} right, worst relative error"
                f" {self.worst:.1e}."
            )
        return " ".join(row.verdict for row in self.wrong)

    def __str__(self):
        lines = [self.title]
        if self.rows:
            name = max(len("gradient of"), *(len(row.name) for row in self.rows))
            shape = max(len("shape"), *(len(str(row.shape)) for row in self.rows))
            lines += ["", f"  {'gradient of':{name}}  {'shape':{shape}}  {'checked':>12}  error"]
            for row in self.rows:
                checked = (
                    f"all {row.size}"
                    if row.checked + row.skipped == row.size
                    else f"{row.checked} of {row.size}"
                )
                words = (
                    row.words
                    + f"; {row.skipped} on a kink, skipped" * (row.skipped > 0)
                    + "   <-- here" * (row.name in self.first)
                )
                lines.append(
                    f"  {row.name:{name}}  {row.shape!s:{shape}}  {checked:>12}  {row.error:<7.1e}  {words}"
                )
            tops = [f"{words} up to {top:.0e}" for top, words in BANDS[self.method][:-1]]
            lines += [
                "",
                *_filled(
                    f"error: max |a - n| / max(|a| + |n|); by {METHODS[self.method]}, {', '.join(tops)},"
                    " wrong above."
                ),
            ]
        lines += [line for note in self.notes for line in _filled(note)]
        if self.traps:
            lines += [
                "",
                *(
                    line
                    for trap in self.traps
                    for line in _filled(f"STOPPED ({trap.name}): {trap.words}", indent="")
                ),
            ]
        elif self.passed:
            lines += ["", f"PASSED: {self.summary}"]
        else:
            lines += ["", "FAILED"]
            for row in self.wrong:
                lines += _filled(row.verdict)
                lines += [line for e in (row.explanations or [])[1:3] for line in _filled(f"  or: {e.words}")]
        return "\n".join(lines)

    __repr__ = __str__


def _filled(text, indent="  "):
    return textwrap.wrap(text, 110, initial_indent=indent, subsequent_indent=indent + "  ")
