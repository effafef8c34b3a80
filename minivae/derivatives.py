"""Two numerical derivatives, the comparison of a gradient with them, and the report of what was found (lesson 06).

Central differences, (f(x + h) - f(x - h)) / 2h, are good to about 1e-9 and work for any function. The complex step,
Im f(x + ih) / h, is exact to rounding and works for functions that are analytic (Squire & Trapp 1998). A block of numbers
is judged as one, by max |a - n| / max(|a| + |n|): one by one, numbers that are almost 0 would raise false alarms.
"""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

STEP = 1e-5  # of a central difference, in float64: (1e-16 |f|)^(1/3) balances rounding and curvature
COMPLEX_STEP = 1e-20  # nothing is subtracted, so it may be as small as one likes
METHODS = {"central": "central differences", "complex": "complex step"}
TOLERANCE = {"central": 1e-6, "complex": 1e-10}
LOOK_AGAIN = {"central": 1e-7, "complex": 1e-10}  # a second opinion is asked for
BANDS = {
    "central": ((1e-7, "right"), (1e-6, "right, but noisy"), (1e-4, "suspicious"), (np.inf, "wrong")),
    "complex": ((1e-13, "exact"), (1e-10, "right"), (1e-4, "suspicious"), (np.inf, "wrong")),
}


def central_difference(f, direction, h=STEP):
    """(f(h v) - f(-h v)) / 2h: the slope of f at 0 along v (6.2), off by about h^2 and by 1e-16 |f| / h (6.3)."""
    return (f(h * direction) - f(-h * direction)) / (2 * h)


def complex_step(f, direction, h=COMPLEX_STEP):
    """Im f(i h v) / h: the slope of f at 0 along v, without a subtraction (6.4). f has to compute in complex numbers."""
    return np.imag(f(1j * h * direction)) / h


def relative_error(analytic, numeric):
    """max |a - n| / max(|a| + |n|) of a block (6.5); 0 where both are zero everywhere, which is no 0/0 but agreement."""
    scale = np.max(np.abs(analytic) + np.abs(numeric), initial=0)
    return float(np.max(np.abs(analytic - numeric), initial=0) / scale) if scale else 0.0


@dataclass
class Trap:
    """Why a check can't speak: nothing that the formula of the gradient is to blame for.

    name: "noise", "NaN", "float32", "imaginary part", "raised", "None", "list", "shape", "dtype", "changed", "arguments".
    """

    name: str
    words: str


class Stop(Exception):
    """Raised inside a check that can't go on, for a trap; the check puts it into its report."""

    def __init__(self, name, words):
        super().__init__(words)
        self.trap = Trap(name, words)


UNFROZEN = (
    "The same input gave two different values: {what} draws fresh noise. Draw eps once, outside, and pass it in; "
    "then there is a function, and a derivative."
)
NAN = "{what} gives NaN or infinity before anything is nudged: look for log(0), 0/0 or an overflowing exp."
FLOAT32 = (
    "{what} computes in float32, where a nudge of 1e-5 drowns in rounding. Compute in the dtype of the input: "
    "float64 to check, float32 to train."
)
LOST = (
    "The complex step lost the imaginary part behind {name}, where central differences agree with the gradient. abs, sign, norm, "
    "conjugate, a comparison, .real or a float buffer drop it. The gradient is not to blame: check it with method='central'."
)


@dataclass
class Row:
    """One gradient: that of the loss with respect to the array `name`.

    error: the relative error, NaN where nothing could be compared; checked, skipped (on a kink): numbers of
    coordinates; right; words: the error's band; explanations of what is wrong, the likeliest first; None: not looked for.
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

    rows: a Row per gradient, in the order of the flow; first: the names of those where the mistake sits, the first ones
    that a backward pass comes to; traps: why the check can't speak, if so.
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
        return [e for rank in range(max(map(len, found), default=0)) for some in found for e in some[rank : rank + 1]]

    @property
    def summary(self):
        """The result in a sentence or two."""
        if self.traps:
            return " ".join(trap.words for trap in self.traps)
        if self.passed:
            return f"{len(self.rows)} gradient{'s' * (len(self.rows) > 1)} right, worst relative error {self.worst:.1e}."
        return " ".join(row.verdict for row in self.wrong)

    def __str__(self):
        lines = [self.title]
        if self.rows:
            name = max(len("gradient of"), *(len(row.name) for row in self.rows))
            shape = max(len("shape"), *(len(str(row.shape)) for row in self.rows))
            lines += ["", f"  {'gradient of':{name}}  {'shape':{shape}}  {'checked':>12}  error"]
            for row in self.rows:
                checked = f"all {row.size}" if row.checked + row.skipped == row.size else f"{row.checked} of {row.size}"
                words = (
                    row.words
                    + f"; {row.skipped} on a kink, skipped" * (row.skipped > 0)
                    + "   <-- here" * (row.name in self.first)
                )
                lines.append(f"  {row.name:{name}}  {row.shape!s:{shape}}  {checked:>12}  {row.error:<7.1e}  {words}")
            tops = [f"{words} up to {top:.0e}" for top, words in BANDS[self.method][:-1]]
            lines += [
                "",
                *_filled(f"error: max |a - n| / max(|a| + |n|); by {METHODS[self.method]}, {', '.join(tops)}, wrong above."),
            ]
        lines += [line for note in self.notes for line in _filled(note)]
        if self.traps:
            lines += ["", *(line for trap in self.traps for line in _filled(f"STOPPED ({trap.name}): {trap.words}", indent=""))]
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


@dataclass
class Block:
    """A gradient under test, and the function: f(delta) is its value with delta, real or complex, added to the block.

    noise: the rounding error of a central difference; at: the numbers that are nudged, where they may be large.
    """

    name: str
    analytic: np.ndarray
    f: Callable
    noise: float
    at: np.ndarray = None

    def step(self, direction):
        """STEP, relative to the numbers that are nudged where they exceed 1."""
        return STEP if self.at is None else STEP * max(1.0, float(np.max(np.abs(self.at[direction != 0]), initial=0)))

    def slope(self, direction, method):
        """The derivative of f along a direction."""
        if method == "complex":
            return float(complex_step(self.f, direction))
        return float(central_difference(self.f, direction, self.step(direction)))

    def unit(self, i):
        """The direction of the coordinate with flat index i."""
        direction = np.zeros(self.analytic.shape)
        direction.flat[i] = 1
        return direction

    def numeric(self, entries, method):
        """The numerical gradient at these flat indices, NaN elsewhere."""
        gradient = np.full(self.analytic.shape, np.nan)
        for i in entries:
            gradient.flat[i] = self.slope(self.unit(i), method)
        return gradient


def compare(block, samples, method, rng):
    """(Row, trap or None): at most `samples` coordinates of a block, and then the slope along a random direction for the rest."""
    analytic, size, tolerance = block.analytic, block.analytic.size, TOLERANCE[method]
    bad = np.flatnonzero(~np.isfinite(analytic))
    if len(bad):
        place = [int(i) for i in np.unravel_index(bad[0], analytic.shape)]
        words = (
            f"NaN or infinite in {len(bad)} of {size} places, first at {place}: a 0/0, a log of 0 or an overflow in its formula"
        )
        return Row(block.name, analytic.shape, np.nan, 0, 0, False, words), None
    whole = size <= samples
    entries = np.arange(size) if whole else np.sort(rng.choice(size, samples, replace=False))
    a, n = analytic.flat[entries], block.numeric(entries, method).flat[entries]
    scale = np.nanmax(np.abs(a) + np.abs(n), initial=0)
    scale = scale if whole else max(scale, 2 * np.abs(analytic).max())  # that of the block, not of the sample
    trap, skipped, wrong = None, 0, 0
    for k in np.flatnonzero(~(np.abs(a - n) <= LOOK_AGAIN[method] * scale)):
        verdict, n[k] = second_opinion(block, block.unit(entries[k]), a[k], n[k], scale, method)
        skipped, wrong = skipped + (verdict == "kink"), wrong + (verdict == "wrong")
        trap = trap or (Trap("imaginary part", LOST.format(name=block.name)) if verdict == "lost" else None)
        if wrong > 2 and not skipped:
            break  # no need to ask again for each of many
    a, n = a[~np.isnan(n)], n[~np.isnan(n)]
    if len(n) == 0 and len(entries):
        row = Row(block.name, analytic.shape, np.nan, 0, skipped, False, "NaN or infinite as soon as it is nudged")
        if skipped:
            row.error, row.right, row.words = 0.0, True, "nothing to compare: all of it lies on kinks"
        return row, trap
    off = np.max(np.abs(a - n), initial=0)
    error = relative_error(a, n) if whole else float(off / scale) if scale else 0.0
    if not whole:
        direction = rng.choice([-1.0, 1.0], analytic.shape)
        expected, slope, norm = (
            float(np.sum(direction * analytic)),
            block.slope(direction, method),
            float(np.linalg.norm(analytic)),
        )
        both = norm + max(norm, abs(slope))
        if not abs(slope - expected) <= LOOK_AGAIN[method] * both:
            verdict, slope = second_opinion(block, direction, expected, slope, both, method)
            trap = trap or (Trap("imaginary part", LOST.format(name=block.name)) if verdict == "lost" else None)
        if np.isfinite(slope) and both:
            error, off = max(error, abs(slope - expected) / both), max(off, abs(slope - expected))
    row = Row(block.name, analytic.shape, error, len(n), skipped, error <= tolerance)
    row.words = next(words for top, words in BANDS[method] if error <= top)
    nothing = max(np.abs(analytic).max(), off) <= (block.noise if method == "central" else 0)
    if nothing:
        row.error, row.right, row.words = 0.0, True, "0, as it should be"
    elif not row.right and method == "central" and off <= block.noise:
        row.right, row.words = True, "too small for central differences: rounding"
    return row, trap


def second_opinion(block, direction, analytic, numeric, scale, method):
    """(verdict, slope) where the two disagree: is the gradient wrong, or can the derivative not be had so?

    "near": a kink or much curvature lies between x - h and x + h, and a smaller h agrees. "kink": there is one at x itself,
    the slopes to the left and right differ whatever h is, and none of them is the gradient. "lost": the complex step
    disagrees where central differences agree. Else "wrong".
    """
    h = block.step(direction)
    here, gaps, slopes = float(np.real(block.f(0 * direction))), [], []
    for step in (h, h / 10, h / 100):
        up, down = (float(np.real(block.f(k * step * direction))) for k in (1, -1))
        left, right = (here - down) / step, (up - here) / step
        gaps.append(abs(right - left))
        slopes.append((left + right) / 2)
    closest = min(slopes, key=lambda slope: abs(slope - analytic))
    if abs(closest - analytic) <= TOLERANCE["central"] * scale:
        if method == "central":
            return "near", closest
        return "lost" if abs(numeric - closest) > 10 * TOLERANCE["central"] * scale else "wrong", numeric
    if gaps[0] > 1e-3 * scale + 10 * block.noise and gaps[1] > gaps[0] / 2 and gaps[2] > gaps[1] / 2:
        return "kink", np.nan
    return "wrong", numeric
