"""The exercises of lesson 10: the average of all ellipses, the parts of the KL, ways through latent space,
and clusters.

log_q_of(z, mu, sigma)             (10.1)   -> log q(z), (n,)
kl_parts(mu, sigma, eps)           (10.2)   -> estimates of I(x; z) and of KL(q(z) || p(z))
slope_of_log_q(z, mu, sigma)       (10.6)   -> d log q(z) / dz, (n, M)
halfway, quarter, of_four          (10.7)   three numbers
along_the_arc(a, b, t)             (10.9)   -> the point at part t of the way, (M,)
centres_backward(x, centres)       (10.11)  -> the gradient of k-means' loss, (k, D)
"""

import numpy as np

from ..gaussian import log_prob
from ..latent import log_aggregate_posterior, log_aggregate_posterior_gradient, slerp
from .judge import (
    Exercise,
    Wrong,
    all_of,
    as_array,
    between,
    call,
    inputs,
    pencil,
    positive,
    real,
    same_gradient,
    same_values,
)

ELLIPSES = inputs(z=real("B", "M"), mu=real("N", "M"), sigma=positive("N", "M"))


def log_q_of(z, mu, sigma):
    return log_aggregate_posterior(z, mu, sigma)


def table(z, mu, sigma):
    """log q(z|x_n), (n, N)."""
    return log_prob(z[:, None], mu, sigma)


def with_one_top(z, mu, sigma):
    each = table(z, mu, sigma)
    return each.max() + np.log(np.exp(each - each.max()).mean(axis=1))


# The two parts of the KL


def parts(mu, sigma, z=None, average=None, prior=True, how=np.mean):
    z = mu if z is None else z
    log_qz_x, log_qz = log_prob(z, mu, sigma), log_aggregate_posterior(z, mu, sigma)
    log_pz = log_prob(z, 0, np.ones(mu.shape[1])) if prior else 0
    return how(log_qz_x - log_qz), how((log_qz if average is None else log_qz_x) - log_pz)


def kl_parts(mu, sigma, eps):
    return parts(mu, sigma, mu + sigma * eps)


def signed_parts(of_information, of_marginal):
    def slip(mu, sigma, eps):
        information, marginal = kl_parts(mu, sigma, eps)
        return of_information * information, of_marginal * marginal

    return slip


# The slope of log q(z)


def pulls(z, mu, sigma):
    """(mu - z)/sigma^2 of every image at every z, (n, N, M)."""
    return (mu - z[:, None]) / sigma**2


def shares(z, mu, sigma):
    each = table(z, mu, sigma)
    r = np.exp(each - each.max(axis=1, keepdims=True))
    return r / r.sum(axis=1, keepdims=True)


def shares_without_top(z, mu, sigma):
    r = np.exp(table(z, mu, sigma))
    return r / r.sum(axis=1, keepdims=True)


def shares_over_z(z, mu, sigma):
    each = table(z, mu, sigma)
    r = np.exp(each - each.max(axis=0))
    return r / r.sum(axis=0)


def only_the_largest(z, mu, sigma):
    each = table(z, mu, sigma)
    return np.take_along_axis(pulls(z, mu, sigma), each.argmax(axis=1)[:, None, None], axis=1)[:, 0]


def pulled(weights, pull=pulls):
    return lambda z, mu, sigma: (weights(z, mu, sigma)[:, :, None] * pull(z, mu, sigma)).sum(axis=1)


# Paths


ARCS = {
    "two directions": inputs(a=real("M"), b=real("M"), t=between(0, 1)),
    "the same direction": inputs(
        a=real("M"), b=lambda rng, B, v: rng.uniform(1.2, 3) * v["a"], t=between(0, 1)
    ),
    "equal vectors": inputs(a=real("M"), b=lambda rng, B, v: v["a"].copy(), t=between(0, 1)),
}


def along_the_arc(a, b, t):
    return slerp(a, b, t)


def angle_of(a, b):
    return np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))


def textbook(length, start=lambda a: a):
    """sin((1-t) angle)/sin(angle) a + sin(t angle)/sin(angle) b, of start(a) and start(b), times a length."""

    def slip(a, b, t):
        angle = angle_of(a, b)
        u, v = start(a), start(b)
        return length(a, b, t) * (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)

    return slip


def unit(a):
    return a / np.linalg.norm(a)


def from_b(a, b, t):
    return slerp(b, a, t)


def opposite(answer):
    """Judge along_the_arc where a and b point in opposite directions: any half circle is right."""
    for seed in range(12):
        rng = np.random.default_rng([10, 5, seed])
        a, c, t = rng.normal(size=3 + seed % 4), float(rng.uniform(0.4, 2.5)), float(rng.uniform(0.1, 0.9))
        if seed >= 6:  # along an axis, and many zeros
            a = 1.7 * np.eye(len(a))[seed % len(a)] * (-1) ** seed
        z = as_array(
            call(answer, {"a": a, "b": -c * a, "t": t}),
            "the point on the way",
            a.shape,
            f" (for opposite vectors: a = {a.round(2)}, b = {(-c * a).round(2)})",
        )
        length = (1 - t + t * c) * np.linalg.norm(a)
        if abs(np.linalg.norm(z) - length) > 1e-5 * length:
            raise Wrong(
                f"For opposite vectors the point at t = {t:.2f} of the way has the length "
                f"{np.linalg.norm(z):.4g}; it should be {length:.4g}, between those of a and b."
            )
        if abs(unit(z) @ unit(a) - np.cos(t * np.pi)) > 1e-5:
            raise Wrong(
                f"For opposite vectors the way turns by {np.pi:.4f}, so that at t = {t:.2f} the angle to a is"
                f" {t * np.pi:.3f}; yours is {angle_of(z, a):.3f}."
            )


# k-means


def kmeans_loss(x, centres):
    return ((x[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()


def belongs(x, centres):
    """(N, k): 1 where a centre is the nearest one of a point."""
    distance = ((x[:, None] - centres) ** 2).sum(axis=2)
    return (distance == distance.min(axis=1, keepdims=True)).astype(float)


def centre_slip(factor=2.0, weight=belongs, scale=None):
    def slip(x, centres):
        w = weight(x, centres)
        total = factor * (w.sum(axis=0)[:, None] * centres - w.T @ x)
        return total if scale is None else total / scale(x, centres)

    return slip


def counts(x, centres):
    return np.maximum(belongs(x, centres).sum(axis=0), 1)[:, None]


def one_point_each(x, centres):
    nearest, dcentres = belongs(x, centres).argmax(axis=1), np.zeros_like(centres)
    dcentres[nearest] += 2 * (centres[nearest] - x)
    return dcentres


def mean_of_none(x, centres):
    return centre_slip(scale=lambda x, centres: belongs(x, centres).sum(axis=0)[:, None])(x, centres)


EXERCISES = (
    Exercise(
        "10.1",
        "the average of many ellipses",
        same_values(
            log_q_of,
            ELLIPSES,
            "log_qz",
            mistakes={
                "a sum over the images, and not their average: log N is missing": lambda z, mu, sigma: (
                    log_q_of(z, mu, sigma) + np.log(len(mu))
                ),
                "an average of logarithms is not the logarithm of an average": lambda z, mu, sigma: table(
                    z, mu, sigma
                ).mean(axis=1),
                "that is the largest logarithm alone; the average of the exponentials is missing": (
                    lambda z, mu, sigma: table(z, mu, sigma).max(axis=1)
                ),
                "the largest logarithm was taken out, and has to be put back": lambda z, mu, sigma: (
                    log_q_of(z, mu, sigma) - table(z, mu, sigma).max(axis=1)
                ),
                "log_prob takes sigma, a standard deviation, and not its square": lambda z, mu, sigma: (
                    log_q_of(z, mu, sigma**2)
                ),
                "1/N comes off twice": lambda z, mu, sigma: log_q_of(z, mu, sigma) - np.log(len(mu)),
                "the sign: this is -log q(z)": lambda z, mu, sigma: -log_q_of(z, mu, sigma),
                "far away every exponential is 0: take the largest logarithm out first": (
                    lambda z, mu, sigma: np.log(np.exp(table(z, mu, sigma)).mean(axis=1))
                ),
                "one number is taken out for all z, and far below it every exponential is 0: each z has its "
                "own largest logarithm, axis 1": with_one_top,
            },
        ),
        (
            "each = log_prob(z[:, None], mu, sigma) has a row for every z and a column for every image.",
            "log of the mean of exp(each) = top + log of the mean of exp(each - top), for every number top.",
            "top = each.max(axis=1, keepdims=True): then the largest exponential is 1. It has shape (n, 1); "
            "add top[:, 0] at the end.",
        ),
    ),
    Exercise(
        "10.2",
        "the two parts of the KL",
        same_values(
            kl_parts,
            inputs(mu=real("N", "M"), sigma=positive("N", "M"), eps=real("N", "M", tails=6)),
            "information marginal",
            mistakes={
                "the second part compares the average, log q(z), with the prior; this compares each image's "
                "own q(z|x), which is the whole KL": lambda mu, sigma, eps: parts(
                    mu, sigma, mu + sigma * eps, average="own"
                ),
                "log p(z) is missing in the second part": lambda mu, sigma, eps: parts(
                    mu, sigma, mu + sigma * eps, prior=False
                ),
                "the noise is missing: z = mu + sigma eps": lambda mu, sigma, eps: parts(mu, sigma),
                "the draw is mu + sigma eps, and not mu + sigma^2 eps": lambda mu, sigma, eps: parts(
                    mu, sigma, mu + sigma**2 * eps
                ),
                "z is drawn from the prior; it has to come from each image's own q(z|x)": (
                    lambda mu, sigma, eps: parts(mu, sigma, eps)
                ),
                "sums over the images, where (10.2) has means": lambda mu, sigma, eps: parts(
                    mu, sigma, mu + sigma * eps, how=np.sum
                ),
                "the sign of the first part: log q(z|x) minus log q(z)": signed_parts(-1, 1),
                "the sign of the second part: log q(z) minus log p(z)": signed_parts(1, -1),
                "both signs": signed_parts(-1, -1),
            },
        ),
        (
            "Three logarithms at every z: log q(z|x) of the image it came from, log q(z), log p(z).",
            "log_prob(z, mu, sigma) pairs row n of z with row n of mu: that is log q(z_n|x_n).",
            "The first part is the mean of log q(z|x) - log q(z), the second that of log q(z) - log p(z).",
        ),
    ),
    Exercise(
        "10.3",
        "the slope of log q(z)",
        same_gradient(
            log_q_of,
            ELLIPSES,
            out="log_qz",
            wrt="z",
            takes="z mu sigma",
            mistakes={
                "every image has its own share r_n; here all have 1/N": lambda z, mu, sigma: pulls(
                    z, mu, sigma
                ).mean(axis=1),
                "the shares are missing: the pulls are just added": lambda z, mu, sigma: pulls(
                    z, mu, sigma
                ).sum(axis=1),
                "only the image with the largest share pulls; all do": only_the_largest,
                "the pull is divided by sigma^2": pulled(
                    shares, lambda z, mu, sigma: (mu - z[:, None]) / sigma
                ),
                "the division by sigma^2 is missing": pulled(
                    shares, lambda z, mu, sigma: mu - z[:, None] + 0 * sigma
                ),
                "the sign: an image pulls z towards its mean, mu - z": lambda z, mu, sigma: (
                    -log_aggregate_posterior_gradient(z, mu, sigma)
                ),
                "the shares have to add up to 1 for each z; here they add up to q(z) N": pulled(
                    lambda z, mu, sigma: np.exp(table(z, mu, sigma))
                ),
                "the shares have to add up to 1 over the images, for each z; here they do over the z": pulled(
                    shares_over_z
                ),
                "divided by N once too often": lambda z, mu, sigma: (
                    log_aggregate_posterior_gradient(z, mu, sigma) / len(mu)
                ),
                "that is the slope of log q(z) - log p(z); the prior is not asked for": (
                    lambda z, mu, sigma: log_aggregate_posterior_gradient(z, mu, sigma) + z
                ),
                "far away a share is 0/0: take the largest logarithm of each z out first, axis 1": pulled(
                    shares_without_top
                ),
            },
        ),
        (
            "The derivative of log f is f'/f, and f is an average of densities, each with the derivative "
            "density times (mu - z)/sigma^2.",
            "The 1/N stands above and below, and goes. What is left in front of (mu - z)/sigma^2 is r_n.",
            "r is a softmax over the images: r = np.exp(each - each.max(axis=1, keepdims=True)), divided by "
            "its sum over axis 1. Then r[:, :, None] * (mu - z[:, None]) / sigma**2, summed over axis 1.",
        ),
    ),
    Exercise(
        "10.4",
        "how long?",
        pencil(
            halfway=5.0,
            quarter=np.sqrt(31.25),
            of_four=np.sqrt(12.5),
            mistakes={
                ("halfway", 25.0): "that is the mean of the squared length; take the root",
                ("halfway", np.sqrt(50)): "that is the length of one draw",
                ("halfway", np.sqrt(50) / 2): "the mean halves each draw, but the two of them add up: by "
                "squares, as they are independent",
                ("quarter", 31.25): "that is the mean of the squared length; take the root",
                ("quarter", np.sqrt(50)): "the parts enter by their squares, (3/4)^2 + (1/4)^2",
                ("quarter", np.sqrt(50) * 0.75): "the second draw adds to it: (3/4)^2 + (1/4)^2",
                ("quarter", 5.0): "a quarter of the way, not half of it: (3/4)^2 + (1/4)^2",
                ("of_four", 12.5): "that is the mean of the squared length; take the root",
                (
                    "of_four",
                    np.sqrt(50) / 4,
                ): "four draws, a quarter of each: the squares add up, 4 times 1/16",
                ("of_four", 5.0): "four draws, each a quarter; this is half-way between two",
            },
        ),
        (
            "(10.7) with M = 50; only t changes. The root comes last.",
            "Four draws: each enters with 1/4, so with 1/16 of its squared length; and there are four.",
        ),
    ),
    Exercise(
        "10.5",
        "spherical interpolation",
        all_of(
            same_values(
                along_the_arc,
                ARCS,
                "z",
                mistakes={
                    "where both point the same way there is nothing to turn, and here 0 is divided by 0": (
                        textbook(lambda a, b, t: np.linalg.norm(slerp(a, b, t)), unit)
                    ),
                    "this is the straight line": lambda a, b, t: (1 - t) * a + t * b,
                    "this is the textbook's formula, which holds for unit vectors: interpolate the "
                    "direction, and the length on its own": textbook(lambda a, b, t: 1),
                    "the direction is right, but it has length 1: multiply by (1 - t)|a| + t |b|": (
                        lambda a, b, t: unit(slerp(a, b, t))
                    ),
                    "the length stays |a|; it goes from |a| to |b|": lambda a, b, t: (
                        np.linalg.norm(a) * unit(slerp(a, b, t))
                    ),
                    "the way is taken from b to a": from_b,
                    "the length goes from |b| to |a|": lambda a, b, t: (
                        np.linalg.norm(slerp(b, a, t)) * unit(slerp(a, b, t))
                    ),
                    "the straight line brought to the right length: it does not turn evenly": (
                        lambda a, b, t: np.linalg.norm(slerp(a, b, t)) * unit((1 - t) * a + t * b)
                    ),
                },
            ),
            opposite,
        ),
        (
            "u = a/|a|, v = b/|b|. The part of v across u is v - (u @ v) u; its length is the sine of the "
            "angle, u @ v the cosine.",
            "angle = np.arctan2(sine, cosine). If the sine is almost 0, take for w any unit vector across u.",
            "One across u: an axis such as np.eye(len(a))[k], less its part along u. Take the k where |u| is "
            "smallest, so that something is left.",
        ),
    ),
    Exercise(
        "10.6",
        "the gradient of k-means",
        same_gradient(
            kmeans_loss,
            inputs(x=real("N", "D"), centres=real("B", "D")),
            wrt="centres",
            takes="x centres",
            mistakes={
                "the 2 from the square is missing": centre_slip(1.0),
                "the sign: the loss falls when a centre moves towards its points": centre_slip(-2.0),
                "the sum over a centre's points, and not their mean": centre_slip(2.0, scale=counts),
                "only the nearest centre feels a point; here all do": centre_slip(
                    2.0, lambda x, centres: np.ones((len(x), len(centres)))
                ),
                "the loss is a sum over the points, and not their mean": centre_slip(
                    2.0, scale=lambda x, centres: len(x)
                ),
                "dcentres[nearest] += ... keeps one point of each centre; np.add.at adds all of them": (
                    one_point_each
                ),
                "a centre without a point has no mean; its gradient is 0": mean_of_none,
            },
        ),
        (
            "Which centre is nearest to which point: the argmin over j of the squared distances, (N,).",
            "Centre j feels only the points that are nearest to it, x[nearest == j]. Each gives 2 (c_j - x).",
            "No points, no gradient: a sum over an empty array is 0, a mean is not a number.",
        ),
    ),
)
