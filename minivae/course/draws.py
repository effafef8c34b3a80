"""The inputs that an answer is tried with, as general as the exercise allows.

    inputs(mu=real("B", "M"), sigma=positive("B", "M"), eps=real("K", "B", "M"), beta=positive())

A call with a generator and a batch size gives a dict of arrays by name. What each kind says is what the
exercise allows, and the judge tries all of it: both signs, values near 0, and, in a case of its own
(wide=True), both tails. Sizes are "B" for the batch, one of the letters K, M, D, H, N, which differ from
each other and from batch to batch, numbers, or functions of B. Without a size a kind gives a float. Random
numbers are never round, so that none of them coincides with a 1, a 2 or a half of a wrong formula.
"""

import numpy as np

LETTERS, LENGTHS = "MDHNK", (3, 5, 8, 9, 10)
ROUND = np.arange(-2, 3)  # powers of 2: 1/4, 1/2, 1, 2, 4


class Kind:
    """One input: typical(rng, shape) and, where the exercise allows more than that, wide(rng, shape)."""

    def __init__(self, shape, typical, wide=None):
        self.shape, self.typical, self.wide = shape, typical, wide

    def draw(self, rng, B, wide):
        shape = tuple(length(n, B) for n in self.shape)
        kind = self.wide if wide and self.wide else self.typical
        drawn = kind(rng, shape)
        if shape or isinstance(drawn, int):
            return drawn
        for _ in range(99):
            if np.abs(np.log2(np.abs(drawn)) - ROUND).min() > 0.1:  # far from what might stand in a formula
                break
            drawn = kind(rng, shape)
        return float(drawn)


def length(size, B):
    """The number that a size stands for."""
    if isinstance(size, str):
        return B if size == "B" else LENGTHS[(LETTERS.index(size) + B) % len(LENGTHS)]
    return size(B) if callable(size) else size


def real(*shape, scale=1.0, tails=30.0, gap=0.0):
    """Numbers of both signs, normal with this scale; in the wide case up to +-tails. None within gap of 0,
    where a kink is.
    """

    def typical(rng, shape):
        return off_zero(both_signs(rng, rng.normal(0, scale, shape)))

    def wide(rng, shape):
        sizes = ends(rng, log_uniform(rng, min(0.01, tails / 10), tails, shape), tails, tails)
        return off_zero(both_signs(rng, rng.choice([-1.0, 1.0], shape) * sizes))

    def off_zero(values):
        return values + np.copysign(gap, values)

    return Kind(shape, typical, wide if tails else None)


def positive(*shape, low=0.3, high=3.0, tails=(0.05, 20.0)):
    """Numbers above 0 on both sides of 1, from low to high; in the wide case from tails[0] to tails[1]."""

    def typical(rng, shape):
        return log_uniform(rng, low, high, shape)

    def wide(rng, shape):
        return ends(rng, log_uniform(rng, *tails, shape), *tails)

    return Kind(shape, typical, wide if tails else None)


def between(low, high, *shape, ends=False):
    """Numbers inside an interval, such as probabilities; in the wide case very near its ends, with
    ends=True at them.
    """

    def wide(rng, shape):
        near = log_uniform(rng, 1e-6, 0.5, shape) * (rng.random(shape) < 0.7 if ends else 1)
        return np.where(rng.random(shape) < 0.5, low + (high - low) * near, high - (high - low) * near)

    return Kind(shape, lambda rng, shape: low + (high - low) * rng.uniform(0.03, 0.97, shape), wide)


def bits(*shape):
    """Zeros and ones, as floats: black and white pixels. Both occur."""

    def draw(rng, shape):
        values = rng.integers(0, 2, shape).astype(float)
        if values.size > 1 and np.ptp(values) == 0:
            values.flat[rng.integers(values.size)] = 1 - values.flat[0]
        return values

    return Kind(shape, draw)


def whole(low, high):
    """A whole number, low <= n <= high."""
    return Kind((), lambda rng, shape: int(rng.integers(low, high + 1)))


class inputs:
    """Named inputs, each a Kind or a function (rng, B, values so far) -> value for what depends on others."""

    def __init__(self, **kinds):
        self.kinds = kinds
        self.has_wide = any(isinstance(kind, Kind) and kind.wide for kind in kinds.values())

    def __call__(self, rng, B, wide=False):
        values = {}
        for name, kind in self.kinds.items():
            values[name] = kind.draw(rng, B, wide) if isinstance(kind, Kind) else kind(rng, B, values)
        return values


def log_uniform(rng, low, high, shape):
    return np.exp(rng.uniform(np.log(low), np.log(high), shape))


def ends(rng, values, low, high):
    """The values, with the ends of their interval among them."""
    if np.size(values) > 1:
        values.flat[rng.permutation(values.size)[:2]] = low, high
        return values
    return values if rng.random() < 0.5 else np.full(np.shape(values), rng.choice([low, high]))


def both_signs(rng, values):
    """The values, with one of them turned round where all have the same sign."""
    if values.size > 1 and abs(np.sign(values).sum()) == values.size:
        values.flat[rng.integers(values.size)] *= -1
    return values
