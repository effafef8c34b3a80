"""The comparison of a gradient with a numerical derivative, block by block,
and the second opinion on a disagreement."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .numeric import BANDS, LOOK_AGAIN, STEP, TOLERANCE, central_difference, complex_step, relative_error
from .report import LOST, Row, Trap


@dataclass
class Block:
    """A gradient under test, and the function: f(delta) is its value with delta, real or complex, added to
    the block.

    noise: the rounding error of a central difference; at: the numbers that are nudged, where they may be
    large.
    """

    name: str
    analytic: np.ndarray
    f: Callable
    noise: float
    at: np.ndarray = None

    def step(self, direction):
        """STEP, relative to the numbers that are nudged where they exceed 1."""
        return (
            STEP
            if self.at is None
            else STEP * max(1.0, float(np.max(np.abs(self.at[direction != 0]), initial=0)))
        )

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
    """(Row, trap or None): at most `samples` coordinates of a block,
    and then the slope along a random direction for the rest."""
    analytic, size, tolerance = block.analytic, block.analytic.size, TOLERANCE[method]
    bad = np.flatnonzero(~np.isfinite(analytic))
    if len(bad):
        place = [int(i) for i in np.unravel_index(bad[0], analytic.shape)]
        words = (
            f"NaN or infinite in {len(bad)} of {size} places, first at {place}: a 0/0, a log of 0 or an"
            " overflow in its formula"
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
        row = Row(
            block.name, analytic.shape, np.nan, 0, skipped, False, "NaN or infinite as soon as it is nudged"
        )
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
            trap = trap or (
                Trap("imaginary part", LOST.format(name=block.name)) if verdict == "lost" else None
            )
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

    "near": a kink or much curvature lies between x - h and x + h, and a smaller h agrees. "kink": there is
    one at x itself, the slopes to the left and right differ whatever h is, and none of them is the gradient.
    "lost": the complex step disagrees where central differences agree. Else "wrong".
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
