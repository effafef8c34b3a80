"""What an explanation costs and what agreement tells, both in bits: the chance test of a diagnosis (lesson
06).

An explanation is a message. To say which of n names is meant takes log2(n) bits; a usual function or constant
takes few, an odd one more: COSTS is -log2 of how likely each is beforehand. A number that agrees to six
digits does so by chance once in 2^20; it counts for NUMBER bits, since it may agree with a sum or a
difference, too. A round one tells as many as it takes to say it.
Only what agrees on MARGIN bits more than it costs is said: of gradients that have nothing to do with each
other, one in 2^MARGIN at most.
"""

import math

import numpy as np

MARGIN = 8
NUMBER = 16
DIGITS = 20  # to say six digits

COSTS = {
    # Functions of a named array, beside the name.
    "plain": 0, "usual": 2, "rare": 3.5, "turned": 4, "odd": 5, "very odd": 7,
    "along an axis": 5, "misread": 3,
    "by both signs": 8,  # divided by an array that takes both
    "from inside": 4, "gradient from inside": 10,  # names of the learner's own, which may be wrong themselves
    "framed": 1.5, "above in front": 0.5,  # a product of matrices around it; its matrix a gradient from above
    "without upstream": 3,  # a term without it, of a gradient that takes one
    "summed alone": 4,  # over axes, without a gradient from above
    # Constants.
    "1": 0, "2": 1.5, "size": 3, "scalar": 3.5, "small": 4.5, "fraction": 6, "with 1": 7.5, "one digit": 6,
    "two digits": 9,
    "not a size": 3,  # more for a whole number that is an argument: 3 is not x because x happens to be 3
    "of a shape": 2,
    # Mistakes: a number, a place, a factor, a term.
    "zero": 0, "sign": 0.5, "scale": 1, "place": 2, "rare place": 4, "repeated": 7.5,
    "no derivative": 3, "missing": 1, "too many": 1.5, "in place of": 3, "another array": 1.5,
    "not in them": 4,
    "path": -4, "term": 1.5, "two terms": 2.5, "both forgotten": 4, "either way": 4, "formula": 3.5,
    "nothing else": 12, "no cause": 12,
}  # fmt: skip


def information(values):
    """Bits that it takes to say each of these numbers: NUMBER, or fewer for 0.7, 3 or 1/4 among others of
    their size."""
    top, bits = np.max(np.abs(values), initial=0), np.full(values.shape, float(NUMBER))
    for steps in (1, 2, 4, 8, 16, 10, 100, 1000):
        on_grid = np.abs(values * steps - np.round(values * steps)) <= 1e-8 * max(top, 1e-3) * steps
        bits[on_grid] = np.minimum(bits[on_grid], math.log2(1 + 2 * top * steps))
    return bits


def told(target, bits):
    """The bits of a target, a flat array: what its different numbers tell, and which stands where.

    bits: of each entry; 0 tells nothing by itself.
    """
    top = np.max(np.abs(target), initial=0)
    if not top:
        return 0.0
    _, first, which, counts = np.unique(
        np.round(target / top, 6), return_index=True, return_inverse=True, return_counts=True
    )
    most = np.zeros(len(counts))
    np.maximum.at(most, which.ravel(), bits)
    most[target[first] == 0] = 0
    share = counts / counts.sum()
    pattern = -(share * np.log2(share)).sum()
    return float(most.sum() + pattern * (counts.sum() - len(counts)))


def folded(target, bits):
    """A target and its bits, without the axes along which it repeats itself."""
    for axis in range(target.ndim):
        if target.shape[axis] > 1 and np.all(target == np.take(target, [0], axis)):
            target, bits = np.take(target, [0], axis), bits.max(axis=axis, keepdims=True)
    return target.ravel(), bits.ravel()
