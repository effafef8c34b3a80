"""The exercises of lesson 12: a layer that is told y, the cross-entropy, accounts in nats, like with like.

told_backward(da, h, y, W)               (12.5)         -> dh, dW, db
cross_entropy_backward(a, y)             (12.7)         -> da, (B, C)
bound_on_log_px, information, by_classifier   (12.3, 12.8, 12.6)   three numbers
within_groups(codes, has, group)         (12.10)        -> an attribute vector, (M,)
"""

import numpy as np

from ..layers import sigmoid
from .judge import Exercise, inputs, pencil, real, same_gradient, same_values

# A layer that is told y


def told(h, y, W, b):
    return np.concatenate([h, y], axis=1) @ W + b


def one_hot(rng, B, v):
    return np.eye(6)[rng.integers(0, 6, B)]


def weights(rng, B, v):
    return rng.normal(size=(v["h"].shape[1] + v["y"].shape[1], 11))


def told_slip(of_h=None, of_W=None, of_b=None):
    """told_backward with one of its three results replaced: functions of (da, h, y, W)."""

    def slip(da, h, y, W):
        joined = np.concatenate([h, y], axis=1)
        dh = (da @ W.T)[:, : h.shape[1]] if of_h is None else of_h(da, h, y, W)
        dW = joined.T @ da if of_W is None else of_W(da, h, y, W)
        return dh, dW, da.sum(axis=0) if of_b is None else of_b(da, h, y, W)

    return slip


# Cross-entropy


def loss_of_logits(a, y):
    top = a.max(axis=1, keepdims=True)
    log_r = a - top - np.log(np.exp(a - top).sum(axis=1, keepdims=True))
    return -log_r[np.arange(len(a)), y].mean()


def softmax(a, axis=1):
    r = np.exp(a - a.max(axis=axis, keepdims=True))
    return r / r.sum(axis=axis, keepdims=True)


def softmax_with_one_top(a):
    r = np.exp(a - a.max())
    return r / r.sum(axis=1, keepdims=True)


def targets(a, y):
    return np.eye(a.shape[1])[y]


LOGITS = inputs(a=real("B", "D", tails=2000), y=lambda rng, B, v: rng.integers(0, v["a"].shape[1], B))


# Like with like


def difference(codes, has):
    return codes[has == 1].mean(axis=0) - codes[has == 0].mean(axis=0)


def group_slip(share=lambda mine: mine.mean(), of=difference):
    """within_groups with another share of each group, or another vector."""

    def slip(codes, has, group):
        return sum(share(group == g) * of(codes[group == g], has[group == g]) for g in np.unique(group))

    return slip


def within_groups(codes, has, group):
    return group_slip()(codes, has, group)


def attribute(rng, B, v):
    """Zeros and ones, both of them in each of the groups 0, 1 and 2, which are not equally large."""
    n = len(v["codes"])
    return np.concatenate([[0, 1, 0, 1, 0, 1], rng.random(n - 6) < 0.7]).astype(int)


def groups(rng, B, v):
    n = len(v["codes"])
    mostly = np.where(rng.random(n - 6) < 0.8, v["has"][6:], rng.choice([0, 1, 2], n - 6, p=[0.2, 0.3, 0.5]))
    return np.concatenate([[0, 0, 1, 1, 2, 2], mostly]).astype(int)


def of_these(codes, has):
    return codes[has == 1].mean(axis=0) - codes.mean(axis=0)


EXERCISES = (
    Exercise(
        "12.1",
        "a layer that is told y",
        same_gradient(
            told,
            {
                "a label": inputs(h=real("B", "H"), y=one_hot, W=weights, b=real(11)),
                "attributes": inputs(h=real("B", "H"), y=real("B", 5), W=weights, b=real(11)),
            },
            out="a",
            wrt="h W b",
            takes="da h y W",
            mistakes={
                "dh is taken from the wrong end: h is on the left of [h, y]": told_slip(
                    of_h=lambda da, h, y, W: (da @ W.T)[:, -h.shape[1] :]
                ),
                "W has a row for each entry of [h, y], and dW as well: here y's rows are 0": told_slip(
                    of_W=lambda da, h, y, W: np.concatenate([h, 0 * y], axis=1).T @ da
                ),
                "in dW the two are joined the other way round: [h, y], not [y, h]": told_slip(
                    of_W=lambda da, h, y, W: np.concatenate([y, h], axis=1).T @ da
                ),
                "db is a sum over the batch, and not a mean": told_slip(
                    of_b=lambda da, h, y, W: da.mean(axis=0)
                ),
                "dW is a sum over the batch, and not a mean": told_slip(
                    of_W=lambda da, h, y, W: np.concatenate([h, y], axis=1).T @ da / len(da)
                ),
                "what goes back to y is added to dh; it ends at y": told_slip(
                    of_h=lambda da, h, y, W: (
                        (da @ W.T)[:, : h.shape[1]] + (da @ W[h.shape[1] :].T).sum(axis=1, keepdims=True)
                    )
                ),
            },
        ),
        (
            "With joined = [h, y] it is a dense layer: dW = joined' da, db = sum of da, djoined = da W'.",
            "djoined has a column for each entry of [h, y]. The first H of them belong to h.",
            "joined = np.concatenate([h, y], axis=1); dh = (da @ W.T)[:, :h.shape[1]].",
        ),
    ),
    Exercise(
        "12.2",
        "the gradient of the cross-entropy",
        same_gradient(
            loss_of_logits,
            LOGITS,
            wrt="a",
            takes="a y",
            mistakes={
                "the loss is a mean over the batch: 1/B is missing": lambda a, y: softmax(a) - targets(a, y),
                "the sign: r - y": lambda a, y: (targets(a, y) - softmax(a)) / len(a),
                "y is missing: r - y": lambda a, y: softmax(a) / len(a),
                "r is missing: r - y": lambda a, y: -targets(a, y) / len(a),
                "r is a softmax over the classes of each image, and not a sigmoid of each logit": (
                    lambda a, y: (sigmoid(a) - targets(a, y)) / len(a)
                ),
                "the softmax runs over the classes, axis 1; here it runs over the images": lambda a, y: (
                    (softmax(a, axis=0) - targets(a, y)) / len(a)
                ),
                "divided by the number of all logits; the loss is a mean over images": lambda a, y: (
                    (softmax(a) - targets(a, y)) / a.size
                ),
                "large logits overflow in exp: take each row's largest out first, which changes no softmax": (
                    lambda a, y: (np.exp(a) / np.exp(a).sum(axis=1, keepdims=True) - targets(a, y)) / len(a)
                ),
                "one number is taken out for the whole batch, and far below it r is 0/0: each row has its "
                "own largest logit, axis 1": lambda a, y: (softmax_with_one_top(a) - targets(a, y)) / len(a),
            },
        ),
        (
            "-log r of the right class is log sum_j exp(a_j) - a_y. Differentiate both terms by a_k.",
            "The first gives exp(a_k) / sum_j exp(a_j) = r_k, the second -1 for the right class.",
            "np.eye(C)[y] has a row for each image with a 1 at its class. Then (r - that) / B.",
        ),
    ),
    Exercise(
        "12.3",
        "read the accounts",
        pencil(
            bound_on_log_px=-72.0 - np.log(10),
            information=14.2 - 10.9 - 1.6,
            by_classifier=np.log(10) - 0.9,
            mistakes={
                ("bound_on_log_px", -72.0): "that bounds log p(x|y); the label was given for nothing",
                ("bound_on_log_px", -72.0 + np.log(10)): "log p(y) is negative: the toll comes off",
                ("bound_on_log_px", -72.0 - 1): "log 10 is the natural logarithm, 2.303",
                ("bound_on_log_px", -86.2): "the ELBO has its KL in it already",
                ("information", 14.2 - 10.9): "KL(q(z) || p(z)) has to come off as well",
                ("information", 14.2 - 1.6): "I(x; z|y) has to come off as well",
                ("by_classifier", 0.9): "that is what is left when z is known; I is what z has told",
                ("by_classifier", 0.9 - np.log(10)): "the entropy of the labels minus what is left",
                ("by_classifier", 0.1): "log 10 is the natural logarithm, 2.303",
            },
        ),
        (
            "(12.3) with p(y) = 1/10: the toll is log 10 = 2.303 nats.",
            "(12.8) has three terms on its right; two of them are given.",
            "(12.6): the entropy of ten equally frequent labels, less the cross-entropy.",
        ),
    ),
    Exercise(
        "12.4",
        "like with like",
        same_values(
            within_groups,
            inputs(codes=real(lambda B: 40 + 3 * B, "M"), has=attribute, group=groups),
            "v",
            mistakes={
                "the groups are not used: this is (12.9)": lambda codes, has, group: difference(codes, has),
                "each group counts by its share of the images; here all count alike": group_slip(
                    share=lambda mine: 1 / 3
                ),
                "the shares have to add up to 1: N_g / N": group_slip(share=lambda mine: 1),
                "the shares have to add up to 1: N_g / N, and not N_g": group_slip(
                    share=lambda mine: mine.sum()
                ),
                "the sign: those that have it minus those that have not": group_slip(
                    of=lambda codes, has: -difference(codes, has)
                ),
                "compared with all of the group; (12.9) compares with those that have it not": group_slip(
                    of=of_these
                ),
                "has and group are exchanged": lambda codes, has, group: within_groups(codes, group, has),
                "the difference of sums; (12.9) has means": group_slip(
                    of=lambda codes, has: codes[has == 1].sum(axis=0) - codes[has == 0].sum(axis=0)
                ),
            },
        ),
        (
            "For one group: mine = group == g. Its images with the attribute are codes[mine & (has == 1)].",
            "Its vector is the difference of two means (12.9); its share is mine.mean(), which is N_g / N.",
            "Add up share times vector over g in np.unique(group).",
        ),
    ),
)
