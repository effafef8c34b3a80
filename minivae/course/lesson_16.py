"""The exercises of lesson 16: from NumPy to autodiff.

quotient(a, da, b, db)          (16.2)    -> c, dc
fit(d, shape)                   (16.6)    -> the gradient of what was broadcast from this shape
softmax_backward(dp, p)         (16.8)    -> da
normalise_backward(dh, h, s)    (16.9)    -> da
fates = ("gone" or "stays", for A to H)
from_shards(gradients, sizes)   (16.10)   -> the gradient of the whole batch
"""

import numpy as np

from .judge import Exercise, chosen, inputs, real, same_gradient, same_values

# A quotient.


def quotient(a, da, b, db):
    return a / b, (da - a / b * db) / b


MOVING = inputs(a=real("B", "M"), da=real("B", "M"), b=real("B", "M", gap=0.3), db=real("B", "M"))
SLIPS_OF_A_QUOTIENT = {
    "the speeds are divided like the values: a derivative of a quotient is not a quotient of derivatives": (
        lambda a, da, b, db: (a / b, da / db)
    ),
    "b moves, too: what it does to c is missing": lambda a, da, b, db: (a / b, da / b),
    "a moves, too: what it does to c is missing": lambda a, da, b, db: (a / b, -a * db / b**2),
    "the sign: where b grows, c shrinks": lambda a, da, b, db: (a / b, (da + a / b * db) / b),
    "the sign of all of it": lambda a, da, b, db: (a / b, -(da - a / b * db) / b),
    "what comes off has c = a / b in it, where you have a": lambda a, da, b, db: (a / b, (da - a * db) / b),
    "that is the speed of a product": lambda a, da, b, db: (a / b, da * b + a * db),
    "the last division by b is missing: with da b - a db above, below is b squared": lambda a, da, b, db: (
        a / b,
        da - a / b * db,
    ),
}

# A broadcast.


def fit(d, shape):
    d = d.sum(axis=tuple(range(d.ndim - len(shape))))
    return d.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True)


def from_shape(shape):
    """A gradient (K, B, M) at the output, and the shape of what went in: a function of d's."""
    return inputs(d=real("K", "B", "M"), shape=lambda rng, B, values: shape(*values["d"].shape))


BROADCASTS = {
    "a bias, a number per column": from_shape(lambda K, B, M: (M,)),
    "a number per row, stretched along the columns": from_shape(lambda K, B, M: (K, B, 1)),
    "a table repeated for every sample": from_shape(lambda K, B, M: (B, M)),
    "a column repeated for every sample": from_shape(lambda K, B, M: (B, 1)),
    "a row with an axis of length 1 before it": from_shape(lambda K, B, M: (1, M)),
    "a single number": from_shape(lambda K, B, M: ()),
    "an array that nothing was done to": from_shape(lambda K, B, M: (K, B, M)),
}


def stretched(d, shape, how=np.sum):
    for axis, n in enumerate(shape):
        if n == 1:
            d = how(d, axis=axis, keepdims=True)
    return d


def averaged(d, shape):
    while d.ndim > len(shape):
        d = d.mean(axis=0)
    return stretched(d, shape, np.mean)


def first_entries(d, shape):
    while d.ndim > len(shape):
        d = d[0]
    return stretched(d, shape, lambda a, axis, keepdims: a.take([0], axis))


SLIPS_OF_A_BROADCAST = {
    "a mean: what was repeated collects the sum": averaged,
    "one of the copies alone: all of them send a gradient back": first_entries,
}

# Softmax, and a normalisation.


def softmax(a):
    e = np.exp(a)
    return e / e.sum(axis=-1, keepdims=True)


def normalise(a):
    deviation = a - a.mean(axis=-1, keepdims=True)
    return deviation / spread(a)


def spread(a):
    deviation = a - a.mean(axis=-1, keepdims=True)
    return np.sqrt((deviation * deviation).mean(axis=-1, keepdims=True))


def along_row(a):
    return a.sum(axis=-1, keepdims=True)


SLIPS_OF_SOFTMAX = {
    "the derivative of a sigmoid: each probability depends on all logits of its row": (
        lambda dp, p: dp * p * (1 - p)
    ),
    "the probabilities have to add up to 1 still: the term with the sum is missing": lambda dp, p: dp * p,
    "the sum goes along each row: axis=-1, keepdims=True": lambda dp, p: (
        p * (dp - (dp * p).sum(axis=0, keepdims=True))
    ),
    "the sum goes along each row, not over all of the batch": lambda dp, p: p * (dp - (dp * p).sum()),
    "a sum, where you take the mean": lambda dp, p: p * (dp - (dp * p).mean(axis=-1, keepdims=True)),
    "the factor p before the bracket is missing": lambda dp, p: dp - along_row(dp * p),
    "the sum is of dp p, each by its probability": lambda dp, p: p * (dp - along_row(dp)),
    "the sum comes off": lambda dp, p: p * (dp + along_row(dp * p)),
    "the sign of all of it": lambda dp, p: -p * (dp - along_row(dp * p)),
}


def mean(a):
    return a.mean(axis=-1, keepdims=True)


SLIPS_OF_NORMALISE = {
    "a sum, where (16.9) has a mean": lambda dh, h, s: (dh - along_row(dh) - h * along_row(dh * h)) / s,
    "the means go along each row: axis=-1, keepdims=True": lambda dh, h, s: (
        (dh - dh.mean(axis=0) - h * (dh * h).mean(axis=0)) / s
    ),
    "the division by s is missing": lambda dh, h, s: dh - mean(dh) - h * mean(dh * h),
    "a division by s, where you multiply": lambda dh, h, s: (dh - mean(dh) - h * mean(dh * h)) * s,
    "s squared: the last h is divided by s already": lambda dh, h, s: (
        (dh - mean(dh) - h * mean(dh * h)) / (s * s)
    ),
    "the path through s has the factor h before its mean": lambda dh, h, s: (
        (dh - mean(dh) - mean(dh * h)) / s
    ),
    "in the mean of the path through s stands dh h, not dh": lambda dh, h, s: (
        (dh - mean(dh) - h * mean(dh)) / s
    ),
    "only the direct path is divided by s; all three are": lambda dh, h, s: (
        dh / s - mean(dh) - h * mean(dh * h)
    ),
}


def paths_of_normalise(v):
    dh, h, s = v["dh"], v["h"], v["s"]
    return {
        "the direct path": dh / s,
        "the path through the mean": -mean(dh) / s + 0 * h,
        "the path through the standard deviation": -h * mean(dh * h) / s,
    }


# Shards.


def counts(rng, B, values):
    """Images per shard: no two alike, and not one."""
    return rng.permutation(np.arange(3, 40))[: len(values["gradients"])].astype(float)


SLIPS_OF_SHARDS = {
    "a plain mean over the shards: a shard with more images weighs more": (
        lambda gradients, sizes: gradients.mean(axis=0)
    ),
    "a plain sum: these are gradients of means, each weighs its share of the images": (
        lambda gradients, sizes: gradients.sum(axis=0)
    ),
    "the division by the number of all images is missing": lambda gradients, sizes: sizes @ gradients,
    "the division is by all images, not by the number of shards": (
        lambda gradients, sizes: sizes @ gradients / len(sizes)
    ),
    "the larger a shard, the more it weighs, not the less": (
        lambda gradients, sizes: (gradients / sizes[:, None]).sum(axis=0)
    ),
    "each is a mean over its images: it is multiplied by their number before all are divided by it": (
        lambda gradients, sizes: gradients.sum(axis=0) / sizes.sum()
    ),
    "a shard's share is B_s / B, and not B / B_s": lambda gradients, sizes: (
        (gradients / sizes[:, None]).sum(axis=0) * sizes.sum()
    ),
    "the weights are sizes / sizes.sum(), once": lambda gradients, sizes: (
        (sizes @ gradients) / sizes.sum() / len(sizes)
    ),
}

FATES = dict(zip("ABCDEFGH", ("gone", "stays", "stays", "gone", "stays", "gone", "stays", "stays")))
OF_THE_WAY_BACK = "Is there still a line of the program in which it can stand?"
OF_FORWARD = "It stands in the forward pass. Who writes that?"

EXERCISES = (
    Exercise(
        "16.1",
        "a quotient of two moving numbers",
        same_values(quotient, MOVING, "c dc", mistakes=SLIPS_OF_A_QUOTIENT),
        (
            "c b = a. Both sides move equally fast: what does (16.2) say about the left one?",
            "dc b + c db = da. Solve it for dc.",
            "dc = (da - c * db) / b",
        ),
    ),
    Exercise(
        "16.2",
        "undo a broadcast",
        same_values(fit, BROADCASTS, "gradient", mistakes=SLIPS_OF_A_BROADCAST),
        (
            "NumPy adds axes in front, d.ndim - len(shape) of them: sum over these first.",
            "Then go through the axes of shape: where it says 1, sum over that axis with keepdims=True.",
            "for axis, n in enumerate(shape): if n == 1: d = d.sum(axis=axis, keepdims=True)",
        ),
    ),
    Exercise(
        "16.3",
        "backward through softmax",
        same_gradient(
            softmax,
            inputs(a=real("B", "M", tails=None)),
            out="p",
            wrt="a",
            takes="dp p",
            mistakes=SLIPS_OF_SOFTMAX,
        ),
        (
            "Write the chain rule with the Jacobian that the text gives; the [i = j] picks one term.",
            "The sum over i goes along the row: (dp * p).sum(axis=-1, keepdims=True).",
            "p * (dp - (dp * p).sum(axis=-1, keepdims=True))",
        ),
    ),
    Exercise(
        "16.4",
        "backward through a normalisation",
        same_gradient(
            normalise,
            inputs(a=real("B", "M"), s=lambda rng, B, v: spread(v["a"])),
            out="h",
            wrt="a",
            takes="dh h s",
            paths=paths_of_normalise,
            mistakes=SLIPS_OF_NORMALISE,
        ),
        (
            "Three paths: directly, through the mean, through the standard deviation. Write each alone.",
            "dh.mean(axis=-1, keepdims=True) is the one of the mean; the other has (dh * h) in its place.",
            "(dh - the first mean - h * the second mean) / s",
        ),
    ),
    Exercise(
        "16.5",
        "gone, or still there?",
        chosen(
            FATES,
            ("gone", "stays"),
            clues={name: OF_THE_WAY_BACK if fate == "gone" else OF_FORWARD for name, fate in FATES.items()}
            | {
                "E": "The library differentiates for whatever noise it is given.",
                "G": "Nothing is differentiated here at all.",
                "H": "Section 5: what does a tape make of log(sigmoid(a)) there?",
            },
            what="mistake",
        ),
        (
            "Ask of each: is it in the forward pass, or in the way back?",
            "Noise and evaluation belong to neither; no library looks at them.",
            "Three of the eight are gone.",
        ),
    ),
    Exercise(
        "16.6",
        "put the shards together",
        same_values(
            lambda gradients, sizes: sizes @ gradients / sizes.sum(),
            inputs(gradients=real("K", "N"), sizes=counts),
            "gradient",
            mistakes=SLIPS_OF_SHARDS,
        ),
        (
            "How much of the whole mean comes from a shard with a quarter of the images?",
            "A weighted sum over axis 0, with the weights sizes / sizes.sum().",
            "sizes @ gradients / sizes.sum()",
        ),
    ),
)
