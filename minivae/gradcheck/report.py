"""What a check found, in words: rows, traps, and the report that is printed."""

import math
import textwrap
from dataclasses import dataclass, field

import numpy as np

from .numeric import BANDS, METHODS


@dataclass
class Trap:
    """What keeps a check from a verdict. The formula of the gradient is not to blame for it.

    name: "undecided", where measurements don't suffice; "noise", "accumulated", "stale", "second point", of
    what differs from call to call; "NaN", "float32", "complex", "imaginary part", "raised", "None", "list",
    "shape", "dtype", "changed", "arguments", "upstream".
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
    "The complex step lost the imaginary part behind {name}: central differences measure another slope. abs,"
    " sign, norm, conjugate, a comparison, .real or a float buffer drop it. That is no fault of the gradient:"
    " check it with method='central'."
)
DROPPED = (
    "The complex step lost the imaginary part{line}: a complex number was put where only a real one fits, as"
    " in a float buffer. Make it with the dtype of what goes in, or check it with method='central'."
)
NOT_COMPLEX = "{what} refuses complex numbers, which the complex step needs: take method='central'. ({error})"
SECOND_CALL = "A second call at the same point gives another gradient: {words}"
ACCUMULATED = "yours adds to the gradient that was there instead of overwriting it; a second call gives both."
IGNORED = "yours takes no notice of {name}, the gradient that arrives from above."
SAMPLED = (
    "{samples} coordinates of each larger block, and the slope along a random direction for the rest of it."
)
STALE = (
    "The gradient is right at the point given, and a per cent away it is still the same numbers: it keeps"
    " something of its first call, or holds at this one point. Compute everything anew from the arguments."
)
ELSEWHERE = "The gradient is right at the point given, but not at a second one, a per cent away. {words}"
LOOSE = (
    "The gradient of {name} is undecided: most of it lies on kinks, between the slopes to both sides, and no"
    " second point near by could tell more. Move the input a little."
)
KEPT = "Is something kept from an earlier call?"
HANDED_BACK = (
    "The gradient returns the arrays that it was given, unchanged, and they are not the gradient: a list or"
    " dict has to be made anew, with a gradient in the place of each array."
)
CONSTANT_SUM = (
    "The outputs sum to a constant, so the true gradient of their sum is 0, whatever the function does: give"
    " the gradient an upstream argument, and it is checked with random numbers there."
)
WHY = {  # some coordinates could not be compared: why, and what to try
    "border": "the function gives NaN or infinity as soon as they are nudged; move away from the border",
    "steep": "no two step sizes agree on their slope: the function is infinitely steep there, or jumps",
    "rounding": "their slopes drown in the rounding of the function's value; leave out what is large and"
    " constant, or take method='complex'",
    "kinks": "they lie on several kinks at once, and not between the slopes to the left and right; move the"
    " input a little",
    "unconfirmed": "central differences are too rough here to confirm the complex step",
    "unseen": "too many disagree at first sight to look at each with many steps",
}


@dataclass
class Row:
    """One gradient: that of the loss with respect to the array `name`.

    verdict: "right", "wrong" or "undecided"; error: the relative error of what was compared, NaN where
    nothing was; words: the error's band. checked: how many coordinates were compared; kinks: how many of
    these lie on a kink, between its slopes; left_out: {why: how many} were not compared. analytic, numeric:
    the two gradients, NaN where it was not measured; wrong_at: flat indices; loose: the rest of it is known
    to lie between the slopes of kinks alone, so that a second point without kinks has to tell. explanations
    of what is wrong, the likeliest first; None: not looked for.
    """

    name: str
    shape: tuple
    verdict: str = "right"
    error: float = np.nan
    words: str = ""
    checked: int = 0
    kinks: int = 0
    left_out: dict = field(default_factory=dict)
    analytic: np.ndarray = None
    numeric: np.ndarray = None
    wrong_at: tuple = ()
    loose: bool = False
    explanations: list | None = None

    def told(self, verdict, error, words):
        """This row with a verdict."""
        self.verdict, self.error, self.words = verdict, error, words
        return self

    @property
    def right(self):
        return self.verdict == "right"

    @property
    def skipped(self):
        """How many lie on a kink, by its former name."""
        return self.kinks

    @property
    def size(self):
        return math.prod(self.shape)

    def place(self, i):
        """The place of a flat index: [1, 2]."""
        return [int(k) for k in np.unravel_index(i, self.shape)]

    @property
    def places(self):
        """Where it is wrong, if that is in one or two places: " at [1, 2] (0.3 where 0.6 is meant)"."""
        if not 0 < len(self.wrong_at) <= min(2, self.size // 2) or self.checked < self.size:
            return ""
        said = []
        for i in self.wrong_at:
            said.append(
                f"{self.place(i)} ({self.analytic.flat[i]:.4g} where {self.numeric.flat[i]:.4g} is meant)"
            )
        return " at " + " and ".join(said)

    @property
    def sentence(self):
        """What is wrong with it, or why that can't be told."""
        if self.verdict == "undecided":
            reasons = [
                f"{count} of {self.size} could not be compared: {why}" for why, count in self.left_out.items()
            ]
            return f"The gradient of {self.name} is undecided. {'; '.join(reasons) or self.words}."
        if np.isnan(self.error) and not self.explanations:
            return f"The gradient of {self.name} is wrong: {self.words}."
        wrong = f"The gradient of {self.name} is wrong{self.places}"
        if self.explanations:
            return f"{wrong}: {self.explanations[0].words}"
        if self.explanations is None or self.places:
            return f"{wrong}."
        return f"{wrong}: no factor or term among the named numbers explains the difference."


@dataclass
class Report:
    """What a check found; print it, or look at it with show().

    rows: a Row per gradient, in the order of the flow; first: the names of those where the mistake sits,
    the first ones that a backward pass comes to; traps: what keeps the check from a verdict; assumed: what
    the verdict takes for granted; notes: how it was reached.
    """

    title: str
    method: str
    rows: list = field(default_factory=list)
    first: list = field(default_factory=list)
    traps: list = field(default_factory=list)
    assumed: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def verdict(self):
        """ "right", "wrong" or "undecided"; undecided is also what a trap stopped."""
        if self.passed:
            return "right"
        return "wrong" if self.first and not self.traps else "undecided"

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
    def undecided(self):
        """The rows that can't be judged."""
        return [row for row in self.rows if row.verdict == "undecided"]

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
            several = "s" * (len(self.rows) > 1)
            said = f"{len(self.rows)} gradient{several} right, worst relative error {self.worst:.1e}."
            return " ".join([said, *self.assumed])
        return " ".join(row.sentence for row in self.wrong)

    def doubt(self):
        """Put rows that can't be judged among the traps, where nothing worse is known."""
        if self.undecided and not self.traps and not self.first:
            self.traps.append(Trap("undecided", " ".join(row.sentence for row in self.undecided)))

    def second_point(self, wrong, stale, loose):
        """Put among the traps what a second point showed of gradients that are right at the first: that they
        are wrong there, stale where they are the numbers of the first; or the names of those that stay
        loose."""
        if wrong:
            kept = Trap("second point", ELSEWHERE.format(words=KEPT))
            self.traps.append(Trap("stale", STALE) if stale else kept)
        elif loose:
            self.traps.append(Trap("undecided", LOOSE.format(name=", ".join(loose))))

    def show(self, path=None):
        """Draw yours, the true gradient and the difference: of the rows where the mistake sits, else of all.

        In a notebook the figure is shown; path: a file to write it to. Returns the figure.
        """
        from .pictures import draw

        return draw(self.wrong or self.rows, path)

    def __str__(self):
        lines = [self.title]
        if self.rows:
            lines += ["", *self._table()]
            tops = [f"{words} up to {top:.0e}" for top, words in BANDS[self.method][:-1]]
            error = f"error: max |a - n| / max(|a| + |n|); by {METHODS[self.method]}"
            lines += ["", *_filled(f"{error}, {', '.join(tops)}, wrong above.")]
        lines += [line for note in self.notes + self.assumed * (not self.passed) for line in _filled(note)]
        if self.traps:
            for trap in self.traps:
                known = "UNDECIDED" if trap.name == "undecided" else f"STOPPED ({trap.name})"
                lines += ["", *_filled(f"{known}: {trap.words}", indent="")]
        elif self.passed:
            lines += ["", *_filled(f"PASSED: {self.summary}", indent="")]
        else:
            lines += ["", "FAILED"]
            for row in self.wrong + self.undecided:
                lines += _filled(row.sentence)
                lines += [line for e in (row.explanations or [])[1:3] for line in _filled(f"  or: {e.words}")]
        return "\n".join(lines)

    __repr__ = __str__

    def _table(self):
        """Lines: a head, and one per row."""
        name = max(len("gradient of"), *(len(row.name) for row in self.rows))
        shape = max(len("shape"), *(len(str(row.shape)) for row in self.rows))
        lines = [f"  {'gradient of':{name}}  {'shape':{shape}}  {'checked':>12}  error"]
        for row in self.rows:
            checked = f"all {row.size}" if row.checked == row.size else f"{row.checked} of {row.size}"
            kinks = f"; {row.kinks} on a kink, between its slopes" * (row.kinks > 0)
            words = f"{row.words}{kinks}{'   <-- here' * (row.name in self.first)}"
            lines.append(
                f"  {row.name:{name}}  {row.shape!s:{shape}}  {checked:>12}  {row.error:<7.1e}  {words}"
            )
        return lines


def _filled(text, indent="  "):
    return textwrap.wrap(text, 110, initial_indent=indent, subsequent_indent=indent + "  ")
