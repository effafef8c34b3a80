"""One slope, and how far off it may be: measured with many steps, of which two must agree.

A fixed step fails near a border, on a kink, and where x is tiny or huge. Here steps of all sizes are tried,
to both sides. The smallest ones are least bent and most noisy; from there on, larger ones are believed as
long as they say the same.
"""

from dataclasses import dataclass

import numpy as np

EPS = np.finfo(float).eps
CLEAR = 3  # errors of a measurement: beyond them, it contradicts
RATIO = 8  # of one step to the next
STAIR = 1e-6  # a stair is no higher, relative to the value: float32 rounds at 1e-7
LARGEST, SMALL, SMALLEST = 2.0**4, 2.0**-8, 2.0**-47  # steps, relative to |x| or to 1


@dataclass
class Side:
    """A slope and what it may be off by: infinity where no two steps agree."""

    value: float = np.nan
    error: float = np.inf

    def allows(self, slope, slack):
        """Whether it may be this slope."""
        return not abs(slope - self.value) > CLEAR * self.error + slack


@dataclass
class Slope(Side):
    """The slope of both sides together; the same by small steps alone; that to the left and that to the
    right, by small steps; the size of the numbers that it is made from."""

    near: Side = None
    left: Side = None
    right: Side = None
    size: float = 0.0

    @property
    def settled(self):
        """Whether it is known at all, to a tenth."""
        return self.error <= 0.1 * abs(self.value)

    @property
    def kinked(self):
        """Whether the two sides differ by more than their errors."""
        gap = abs(self.right.value - self.left.value)
        return gap > 4 * (self.left.error + self.right.error) and gap > 1e-6 * abs(self.right.value)

    @property
    def may_kink(self):
        """Whether the sides seem to differ."""
        gap = abs(self.right.value - self.left.value)
        return gap > 1e-6 * (abs(self.left.value) + abs(self.right.value)) and np.isfinite(
            self.left.error + self.right.error
        )


def measure(change, direction, at, size, whole):
    """The Slope of a function along a direction.

    change(delta) -> (by how much its value changes where delta is added to `at`, the size of the numbers that
    changed); size: that of the numbers that are known to change; whole: that of all, for where none is.
    """
    nudged = at[direction != 0] / np.abs(direction[direction != 0])
    h, small = steps(nudged)
    up, size_up = np.array([change(step * direction) for step in h], float).T
    down, size_down = np.array([change(-step * direction) for step in h], float).T
    size = max(size_up.max(), size_down.max(), size) or whole
    rounding = 8 * EPS * size + stair(up[small], down[small], whole)
    both = settle(h, (up - down) / (2 * h), rounding + EPS * np.abs(up - down))
    h, up, down = h[small], up[small], down[small]
    near = settle(h, (up - down) / (2 * h), rounding + EPS * np.abs(up - down))
    left = settle(h, straightened(h, -down / h), rounding + EPS * np.abs(down))
    right = settle(h, straightened(h, up / h), rounding + EPS * np.abs(up))
    if (
        np.abs(nudged[nudged != 0]).min(initial=np.inf) < 1e3 * h[0]
    ):  # what happens at that size can't be seen
        both, near, left, right = (Side(side.value) for side in (both, near, left, right))
    if not np.isfinite(near.error):  # at a border there is one side only
        near = min(left, right, near, key=lambda side: side.error)
    else:  # near to a kink, or in noise that is more than rounding, they say three things
        near.error += max(apart(left, right), apart(left, near), apart(right, near))
    best = both if both.error < near.error and np.isfinite(near.error) else near
    return Slope(best.value, best.error, near, left, right, size)


def steps(at):
    """Step sizes for numbers like these, from small to large, and which of them are small.

    They are powers of 2, so that x + h is exact. Beyond the small ones, a function may have become another
    one.
    """
    sizes = np.abs(at[at != 0])
    largest = 2.0 ** np.floor(np.log2(sizes.max(initial=0) or 1.0))
    least = 2.0 ** np.floor(np.log2(sizes.min(initial=largest)))
    h = [max(1.0, largest) * LARGEST]
    while h[-1] > max(1.0, largest) * SMALLEST:
        h.append(h[-1] / RATIO)
    if least < 1:  # tiny numbers have steps of their own size
        own = least * 2.0 ** -np.arange(5, 27, 3)
        h += [step for step in own if largest * 2.0**-50 <= step < h[-1]]
    h = np.array(h[::-1])
    return h, h <= max(1.0, largest) * SMALL


def straightened(h, slopes):
    """One-sided slopes, off by a multiple of h, without that: from each step and the next larger one."""
    ratio = h[1:] / h[:-1]
    return np.concatenate([slopes[:-1] + (slopes[:-1] - slopes[1:]) / (ratio - 1), slopes[-1:]])


def apart(one, other):
    """By how much two Sides differ beyond their errors."""
    gap = abs(one.value - other.value) - one.error - other.error
    return max(0.0, gap) if np.isfinite(gap) else 0.0


def stair(up, down, size):
    """The height of a stair, as rounding makes them: the smallest steps change nothing, and then it goes up
    on one side and down on the other, or the last digits change. Else 0."""
    first, other = np.argmax(up != 0), np.argmax(down != 0)
    highest = (STAIR if up[first] * down[other] < 0 else 64 * EPS) * max(1.0, size)
    height = max(abs(up[first]), abs(down[other]))
    return height if first and other and height <= highest else 0.0


def settle(h, slopes, rounding):
    """The Side on which slopes of steps h, from small to large, agree; rounding: that of the values, at
    each step.

    From the smallest step on, as long as all intervals of rounding error have something in common; of
    these, the slope that is nearest to its neighbour. Slopes that move on by as much with each step don't
    settle.
    """
    known = np.isfinite(slopes)
    h, slopes, rounding = h[known], slopes[known], rounding[known]
    if len(h) < 2:
        return Side()
    moves = np.abs(np.diff(slopes))
    own = 0.0 if drift(np.diff(slopes)[:5]) else np.max((moves * h[:-1])[:3])  # the function's own rounding
    bars = (rounding + own) / h
    low, high, best = slopes[0] - bars[0], slopes[0] + bars[0], Side()
    for j in range(1, len(h)):
        low, high = max(low, slopes[j] - bars[j]), min(high, slopes[j] + bars[j])
        if low > high:
            break
        settles = moves[j - 1] <= 2 * bars[j - 1] or (j < len(moves) and moves[j - 1] <= 0.6 * moves[j])
        error = bars[j] + moves[j - 1]
        if settles and error < best.error:
            best = Side(float(slopes[j]), float(error))
    return best


def drift(moves):
    """Whether slopes move on by about as much with each step, as those of x log x at 0."""
    one_way = (moves > 0).all() or (moves < 0).all()
    return bool(one_way) and len(moves) == 5 and np.ptp(moves) <= np.abs(moves).max() / 2
