"""One slope, and how far off it may be: measured with many steps, of which two must agree.

A fixed step fails near a border, on a kink, and where x is tiny or huge. Here steps of all sizes are tried,
to both sides. The smallest ones are least bent and most noisy; from there on, larger ones are believed as
long as they say the same.
"""

from dataclasses import dataclass

import numpy as np

EPS = np.finfo(float).eps
RATIO = 8  # of one step to the next
LARGEST, SMALLEST = 2.0**4, 2.0**-47  # steps, relative to |x| or to 1


@dataclass
class Side:
    """A slope and what it may be off by: infinity where no two steps agree."""

    value: float = np.nan
    error: float = np.inf


@dataclass
class Slope(Side):
    """The slope of both sides together; that to the left, that to the right; the size of the numbers that
    it is made from."""

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


def measure(change, direction, at, whole):
    """The Slope of a function along a direction.

    change(delta) -> (by how much its value changes where delta is added to `at`, the size of the numbers that
    changed); whole: the size of all numbers, for where none of them did.
    """
    h = steps(at[direction != 0] / np.abs(direction[direction != 0]))
    up, size_up = np.array([change(step * direction) for step in h], float).T
    down, size_down = np.array([change(-step * direction) for step in h], float).T
    size = max(size_up.max(), size_down.max()) or whole
    small = h <= h[-1] / 2**12
    rounding = 2 * EPS * size + stair(up[small], down[small])
    both = settle(h, (up - down) / (2 * h), rounding + EPS * np.abs(up - down))
    left = settle(h, straightened(h, -down / h), rounding + EPS * np.abs(down))
    right = settle(h, straightened(h, up / h), rounding + EPS * np.abs(up))
    if not np.isfinite(both.error):  # at a border there is one side only
        both = min(left, right, both, key=lambda side: side.error)
    elif np.isfinite(left.error + right.error):  # so near to a kink that the steps end there
        both.error += max(0.0, abs(left.value - right.value) - left.error - right.error)
    return Slope(both.value, both.error, left, right, size)


def steps(at):
    """Step sizes for numbers like these, from small to large: powers of 2, so that x + h is exact."""
    sizes = np.abs(at[at != 0])
    largest = 2.0 ** np.floor(np.log2(sizes.max(initial=0) or 1.0))
    least = 2.0 ** np.floor(np.log2(sizes.min(initial=largest)))
    h = [max(1.0, largest) * LARGEST]
    while h[-1] > max(1.0, largest) * SMALLEST:
        h.append(h[-1] / RATIO)
    if least < 1:  # tiny numbers have steps of their own size
        own = least * 2.0 ** -np.arange(5, 27, 3)
        h += [step for step in own if largest * 2.0**-50 <= step < h[-1]]
    return np.array(h[::-1])


def straightened(h, slopes):
    """One-sided slopes, off by a multiple of h, without that: from each step and the next larger one."""
    ratio = h[1:] / h[:-1]
    return np.concatenate([slopes[:-1] + (slopes[:-1] - slopes[1:]) / (ratio - 1), slopes[-1:]])


def stair(up, down):
    """The height of a stair, as float32 makes them: the smallest steps change nothing, and then it goes up
    on one side and down on the other. Else 0."""
    first, other = np.argmax(up != 0), np.argmax(down != 0)
    return max(abs(up[first]), abs(down[other])) if first and other and up[first] * down[other] < 0 else 0.0


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
    apart = np.abs(np.diff(slopes))
    own = 0.0 if drift(np.diff(slopes)[:5]) else np.max((apart * h[:-1])[:3])  # the function's own rounding
    bars = (rounding + own) / h
    low, high, best = slopes[0] - bars[0], slopes[0] + bars[0], Side()
    for j in range(1, len(h)):
        low, high = max(low, slopes[j] - bars[j]), min(high, slopes[j] + bars[j])
        if low > high:
            break
        settles = apart[j - 1] <= 2 * bars[j - 1] or (j < len(apart) and apart[j - 1] <= 0.6 * apart[j])
        error = bars[j] + apart[j - 1]
        if settles and error < best.error:
            best = Side(float(slopes[j]), float(error))
    return best


def drift(moves):
    """Whether slopes move on by about as much with each step, as those of x log x at 0."""
    one_way = (moves > 0).all() or (moves < 0).all()
    return bool(one_way) and len(moves) == 5 and np.ptp(moves) <= np.abs(moves).max() / 2
