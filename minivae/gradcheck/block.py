"""A gradient under test and the two ways to measure it: central differences and the complex step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .numeric import COMPLEX_STEP, STEP, central_difference, complex_step
from .slope import EPS, measure

AGREES = {"central": 1e-7, "complex": 1e-10}  # beside the block's largest number: no second look is needed
ROUNDING = 64 * EPS  # of the numbers that a formula sums up
PROBES = 8  # coordinates on which the step is tried


@dataclass
class Block:
    """A gradient under test, and its function.

    change(delta) -> (by how much the function's value changes where delta, real or complex, is added to the
    block; the size of the numbers whose difference that is). at: the numbers that are nudged; size: that of
    the function's value; blur: what rounding alone may have changed in the gradient under test.
    """

    name: str
    analytic: np.ndarray
    change: Callable
    size: float
    at: np.ndarray
    blur: float = 0.0

    def __post_init__(self):
        # a value of exactly 0 has no size: what it is the difference of is as large as what goes in, or more
        self.size = self.size or float(np.abs(self.at).max(initial=0))

    def unit(self, i):
        """The direction of the coordinate with flat index i."""
        direction = np.zeros(self.analytic.shape)
        direction.flat[i] = 1
        return direction

    def directions(self, rng, own_first=False):
        """Two random directions of all coordinates: by about as much each, and each by about its own size, so
        that no two mistakes cancel. They have few digits: added to a number, they are not rounded."""
        signs = rng.choice([-1.0, 1.0], self.at.shape) * rng.integers(32, 97, self.at.shape) / 64
        for own in (own_first, not own_first):
            sizes = np.abs(self.at) if own else 1.0
            yield signs * np.where(sizes, sizes, np.mean(sizes) or 1.0) if own else signs

    @cached_property
    def least(self):
        """The smallest of the numbers that are nudged, but for those that are 0."""
        return np.abs(self.at[self.at != 0]).min(initial=np.inf)

    def dust(self, size=None, i=None):
        """A slope that rounding alone may give to a function whose numbers are of this size; i: one
        coordinate."""
        largest = float(np.abs(self.at).max(initial=0)) if i is None else abs(float(self.at.flat[i]))
        return 32 * EPS * (self.size if size is None else size) / max(1.0, largest)

    def central(self, direction, h=STEP, aside=None):
        """(slope by one central difference, its rounding error), at x + aside."""
        f, sizes = self._recorded(aside)
        slope = central_difference(f, direction, h)
        return float(slope), 2 * EPS * (max(sizes) or self.size) / h

    def complex(self, direction, aside=None, h=COMPLEX_STEP):
        """(slope by complex step, the size of the numbers that it moves), at x + aside; NaN where the
        function refuses. The step is far smaller than any number that is nudged."""
        f, sizes = self._recorded(aside)
        if self.least < 1e-5:
            nudged = np.abs(self.at[direction != 0] / direction[direction != 0])
            h *= max(1e-200, min(1.0, nudged[nudged > 0].min(initial=1.0)))
        return float(complex_step(f, direction, h)), max(sizes)

    def _recorded(self, aside):
        """The change as a function of delta, and a list that collects the sizes of what changed."""
        sizes = []

        def f(delta):
            value, size = self.change(delta if aside is None else aside + delta)
            sizes.append(size)
            return value

        return f, sizes

    def unsure(self, direction, c):
        """By how much the complex step's slope c changes with its step, and with x by a few roundings."""
        beside, smaller = 4 * EPS * direction * np.abs(self.at), 1e-3 * COMPLEX_STEP
        others = self.complex(direction, beside)[0], self.complex(direction, h=smaller)[0]
        return 4 * max(abs(other - c) for other in others)

    def measure(self, direction, size=0.0):
        """The slope with many steps, which knows its error and its sides; size: of what is known to move."""
        return measure(self.change, direction, self.at, size, self.size)

    def slopes(self, entries, method):
        """The slopes along these coordinates at first sight, and their rounding errors.

        The step for a number x is STEP, times |x| where that exceeds 1; if most of the first slopes disagree
        so, it is STEP times |x| also below 1, or STEP alone.
        """
        if method == "complex":
            found = [(c, self.dust(size, i)) for i in entries for c, size in [self.complex(self.unit(i))]]
            return np.array(found, float).reshape(-1, 2).T
        entries = np.asarray(entries, int)
        some = np.unique(np.linspace(0, len(entries) - 1, min(PROBES, len(entries))).astype(int))
        rest = np.setdiff1d(np.arange(len(entries)), some)
        scale = np.max(np.abs(self.analytic[np.isfinite(self.analytic)]), initial=0)
        rules = (
            lambda x: power_of_2(STEP * np.maximum(1.0, x)),
            lambda x: power_of_2(STEP * np.where(x, x, 1.0)),
            lambda x: power_of_2(STEP * np.ones_like(x)),
        )

        def measured(places, rule):
            each = zip(entries[places], rule(np.abs(self.at.flat[entries[places]])))
            return np.array([self.central(self.unit(i), h) for i, h in each], float).reshape(-1, 2).T

        def disagree(n):
            return np.sum(~(np.abs(self.analytic.flat[entries[some]] - n) <= AGREES["central"] * 2 * scale))

        found, best = np.empty((2, len(entries))), None
        for rule in rules:
            first = measured(some, rule)
            off = disagree(first[0])
            if best is None or off < best[0]:
                best = off, rule, first
            if 2 * best[0] < len(some):
                break
        found[:, some], found[:, rest] = best[2], measured(rest, best[1])
        return found

    def numeric(self, entries, method):
        """The numerical gradient at these flat indices, NaN elsewhere."""
        gradient = np.full(self.analytic.shape, np.nan)
        gradient.flat[list(entries)] = self.slopes(entries, method)[0]
        return gradient

    @cached_property
    def confirmed(self):
        """Whether central differences bear out the complex step, along a random direction; None where they
        can't tell."""
        for direction in self.directions(np.random.default_rng(0)):
            c, size = self.complex(direction)
            if not np.isfinite(c):
                return None
            scale = abs(c) + float(np.linalg.norm(self.analytic * direction))
            scale += 100 * self.dust() * float(np.linalg.norm(direction))
            n, noise = self.central(direction)
            if abs(c - n) <= 1e-6 * scale and noise <= 1e-2 * scale:
                return True
            slope = self.measure(direction, size)
            told = bears_out(slope, c, 1e-6 * scale)
            if told and slope.kinked:  # between its sides is much room
                return self.confirmed_elsewhere is not False
            if told is not None:
                return told
        return None

    @cached_property
    def confirmed_elsewhere(self):
        """The same far away, where a lost imaginary part shows that is too small to be seen here."""
        rng = np.random.default_rng(0)
        signs = next(self.directions(rng))
        for far in (1.0, 0.3, 0.1, 0.03):
            aside = far * rng.standard_normal(self.at.shape) * np.maximum(1.0, np.abs(self.at))
            c, (n, noise) = self.complex(signs, aside)[0], self.central(signs, aside=aside)
            if np.isfinite(n + c) and noise <= 1e-2 * (abs(c) + abs(n)):
                return bool(abs(c - n) <= 1e-5 * (abs(c) + abs(n)) + 4 * noise)
        return None


def bears_out(slope, c, slack):
    """Whether the complex step's c is what central differences measured; None where that can't be told."""
    if slope.kinked:
        low, high = sorted((slope.left.value, slope.right.value))
        slack += 4 * (slope.left.error + slope.right.error) + 1e-9 * max(abs(low), abs(high))
        return bool(low - slack <= c <= high + slack)
    if not slope.near.allows(c, slack):
        return False
    sharp = slope.error <= 1e-2 * (abs(c) + abs(slope.value)) + slack
    return True if sharp and slope.allows(c, slack) else None


def power_of_2(x):
    """The power of 2 below x: added to a number, it is not rounded."""
    return 2.0 ** np.floor(np.log2(x))
