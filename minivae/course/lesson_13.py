"""The exercises of lesson 13: the importance weights, log-mean-exp, their gradients, and the effective
sample size.

log_weights(log_px_z, z, eps, sigma)        (13.4)   -> log w, (K, B)
log_mean_exp(a)                                      -> (B,)
log_mean_exp_backward(dy, a)                (13.6)   -> da, (K, B)
weights_backward(dlog_w, g, mu, sigma, eps) (13.7)   -> dmu, dsigma, (B, M) each
effective_sample_size(log_w)                (13.9)   -> (B,)
"""

import numpy as np

from ..bounds import log_mean_exp
from .judge import Exercise, inputs, positive, real, same_gradient, same_values

# 13.1


def log_weights(log_px_z, z, eps, sigma):
    return log_px_z + ((eps**2 - z**2) / 2 + np.log(sigma)).sum(axis=-1)


def weights(eps=1, z=1, log_sigma=1, half=0.5, over_latents=np.sum):
    """log_weights with other numbers in front of its terms, or their mean over the latents."""
    return lambda log_px_z, z_, eps_, sigma: (
        log_px_z + over_latents(half * (eps * eps_**2 - z * z_**2) + log_sigma * np.log(sigma), axis=-1)
    )


def with_the_closed_form_kl(log_px_z, z, eps, sigma):
    mu = (z - sigma * eps)[0]
    return log_px_z - ((mu**2 + sigma**2 - 1) / 2 - np.log(sigma)).sum(axis=-1)


# 13.2, 13.3 and 13.5: also where exp overflows or underflows


def log_w_of_any_size(name):
    def far(sign):
        def draw(rng, B, v):
            return sign * rng.uniform(800, 2000, B) + rng.normal(0, 2, (3 + B, B))

        return inputs(**{name: draw})

    def near(rng, B, v):
        return rng.normal(0, 1, B) + rng.normal(0, 0.1, (5 + B, B))

    return {
        "log weights of any size": inputs(**{name: real("K", "B", tails=800)}),
        "log weights that are nearly equal": inputs(**{name: near}),
        "log weights far below 0": far(-1),
        "log weights far above 0": far(1),
    }


def shares(a):
    w = np.exp(a - a.max(axis=0))
    return w / w.sum(axis=0)


# 13.4


def log_w(g, mu, sigma, eps):
    """log w where log p(x|z) has the slope g at z."""
    z = mu + sigma * eps
    return (g * z).sum(axis=-1) + ((eps**2 - z**2) / 2 + np.log(sigma)).sum(axis=-1)


def back(prior=1, q=1, eps=lambda eps: eps, weighted=True):
    """The gradient of log_w with other numbers in front of its terms."""

    def gradient(dlog_w, g, mu, sigma, eps_):
        da = (dlog_w if weighted else np.ones_like(dlog_w))[..., None]
        dz = da * (g - prior * (mu + sigma * eps_))
        return dz.sum(axis=0), (dz * eps(eps_)).sum(axis=0) + q * da.sum(axis=0) / sigma

    return gradient


def with_the_kl(dlog_w, g, mu, sigma, eps):
    dz = dlog_w[..., None] * g
    whole = dlog_w.sum(axis=0)[:, None]
    return dz.sum(axis=0) - whole * mu, (dz * eps).sum(axis=0) - whole * (sigma - 1 / sigma)


def paths(v):
    da, g, sigma, eps = v["dlog_w"][..., None], v["g"], v["sigma"], v["eps"]
    z = v["mu"] + sigma * eps
    return {
        "the decoder's path": ((da * g).sum(axis=0), (da * g * eps).sum(axis=0)),
        "the prior's path": (-(da * z).sum(axis=0), -(da * z * eps).sum(axis=0)),
        "the path through q": (np.zeros_like(sigma), da.sum(axis=0) / sigma),
    }


def effective(w_of):
    def size(log_w):
        w = w_of(log_w)
        return w.sum(axis=0) ** 2 / (w**2).sum(axis=0)

    return size


EXERCISES = (
    Exercise(
        "13.1",
        "the log weights",
        same_values(
            log_weights,
            inputs(
                log_px_z=real("K", "B", tails=300),
                z=real("K", "B", "M"),
                eps=real("K", "B", "M"),
                sigma=positive("B", "M"),
            ),
            "log_w",
            mistakes={
                "log sigma is missing: q's density has a 1/sigma": weights(log_sigma=0),
                "the sign of log sigma: -log q holds +log sigma": weights(log_sigma=-1),
                "q's term eps^2/2 is missing": weights(eps=0),
                "the prior's term -z^2/2 is missing": weights(z=0),
                "the halves are missing": weights(half=1),
                "a mean over the latents, where it is their sum": weights(over_latents=np.mean),
                "the signs of z^2 and eps^2 are exchanged: log p(z) is added, log q taken off": (
                    weights(eps=-1, z=-1)
                ),
                "upside down: log p(z) is added, log q taken off": weights(eps=-1, z=-1, log_sigma=-1),
                "this is the closed-form KL; within the weights it must be that of the draw": (
                    with_the_closed_form_kl
                ),
            },
        ),
        (
            "(13.1) with logarithms: log p(x|z) + log p(z) - log q(z|x). Which constants cancel?",
            "log p(z) = -z^2/2 and log q = -eps^2/2 - log sigma, summed over latents, and constants.",
            "log_px_z + ((eps**2 - z**2)/2 + np.log(sigma)).sum(axis=-1)",
        ),
    ),
    Exercise(
        "13.2",
        "log-mean-exp",
        same_values(
            log_mean_exp,
            log_w_of_any_size("a"),
            "y",
            mistakes={
                "this is log-sum-exp: log K is to be taken off": lambda a: log_mean_exp(a) + np.log(len(a)),
                "the mean of the logarithms is the ELBO's; the logarithm comes after the mean": lambda a: (
                    a.mean(axis=0)
                ),
                "that is the largest weight alone": lambda a: a.max(axis=0),
                "the largest has been taken off, and not added again": lambda a: (
                    log_mean_exp(a) - a.max(axis=0)
                ),
            },
        ),
        (
            "exp(-900) is 0 and exp(900) is infinite. What may be taken off every a, and added again?",
            "For every image take off the largest of its K numbers: a.max(axis=0).",
            "top = a.max(axis=0); top + np.log(np.exp(a - top).mean(axis=0))",
        ),
    ),
    Exercise(
        "13.3",
        "log-mean-exp backward",
        same_gradient(
            log_mean_exp,
            log_w_of_any_size("a"),
            wrt="a",
            takes="dy a",
            out="y",
            named=lambda v: {"the normalised weights": shares(v["a"])},
            mistakes={
                "the gradient from above is missing": lambda dy, a: shares(a),
                "every draw gets the same; that is the ELBO's gradient": lambda dy, a: (
                    dy * np.ones_like(a) / len(a)
                ),
                "the weights are not normalised: divide by their sum": lambda dy, a: (
                    dy * np.exp(a - a.max(axis=0))
                ),
                "a 1/K too many: the shares sum to 1": lambda dy, a: dy * shares(a) / len(a),
                "divided by the mean over the draws, where it is their sum": lambda dy, a: (
                    dy * shares(a) * len(a)
                ),
                "the worst draw gets the most: the sign of a": lambda dy, a: dy * shares(-a),
            },
        ),
        (
            "(13.6): the derivative by a_k is draw k's share of the sum of exp(a).",
            "Take off the largest before exp: the shares do not change.",
            "share = np.exp(a - a.max(axis=0)); dy * share / share.sum(axis=0)",
        ),
    ),
    Exercise(
        "13.4",
        "from the log weights to mu and sigma",
        same_gradient(
            log_w,
            inputs(
                g=real("K", "B", "M"), mu=real("B", "M"), sigma=positive("B", "M"), eps=real("K", "B", "M")
            ),
            wrt="mu sigma",
            takes="dlog_w g mu sigma eps",
            out="log_w",
            named=lambda v: {"z": v["mu"] + v["sigma"] * v["eps"]},
            paths=paths,
            mistakes={
                "the closed-form KL's gradient stands in the place of the draws' own terms": with_the_kl,
                "the weights are missing: every draw counts by its dlog_w": back(weighted=False),
                "eps is missing in dsigma: z = mu + sigma eps": back(eps=np.ones_like),
            },
        ),
        (
            "z occurs in log p(x|z), with slope g, and in -z^2/2. Begin with dz, (K, B, M).",
            "dz = dlog_w[..., None] * (g - z). mu and sigma are reached through z, summed over draws (4.13).",
            "sigma has a second way, log sigma in (13.4): add dlog_w.sum(axis=0)[:, None] / sigma.",
        ),
    ),
    Exercise(
        "13.5",
        "the effective sample size",
        same_values(
            effective(shares),
            log_w_of_any_size("log_w"),
            "ESS",
            mistakes={
                "upside down": lambda log_w: 1 / effective(shares)(log_w),
                "that is the share of draws that count; the size is K times that": lambda log_w: (
                    effective(shares)(log_w) / len(log_w)
                ),
                "the mean of the squares is not their sum: that is K times too many": lambda log_w: (
                    effective(shares)(log_w) * len(log_w)
                ),
                "that is one over the largest share": lambda log_w: 1 / shares(log_w).max(axis=0),
                "the logarithms are not the weights: exp first": effective(lambda log_w: log_w),
            },
        ),
        (
            "Both sums are over the draws. A factor common to all w cancels: which one keeps exp finite?",
            "w = np.exp(log_w - log_w.max(axis=0)); the square of the sum, over the sum of the squares.",
        ),
    ),
)
