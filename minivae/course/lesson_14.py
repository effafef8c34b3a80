"""The exercises of lesson 14: exhibits, each a function with one line to mend.

guesses = ("heads not added" and seven others: which check sees it)
draw_backward, heads_backward, shared_backward, logvar_backward, output_backward     wrong ways back
draw, kl, loss                                                                       wrong objectives
small_noise, noise_of_a_batch                                                        wrong noise
log_weights, weights, weighted_sum                                                   several samples
log_density, held_out                                                                where no check looks

An exhibit that still computes what the published code computes counts as not tried.
"""

import numpy as np

from ..gaussian import HALF_LOG_2PI
from ..gaussian import kl as kl_to_prior
from ..layers import sigmoid, softplus
from .answers import same
from .judge import (
    Exercise,
    NotTried,
    Wrong,
    as_array,
    between,
    bits,
    call,
    chosen,
    each_of,
    inputs,
    positive,
    real,
    same_values,
)


class mended:
    """A judge for an exhibit: `judge`, except that the code as it was published is not tried yet."""

    def __init__(self, judge, published):
        self.judges, self.published, self.is_gradient = (judge,), published, judge.is_gradient

    def __call__(self, answer):
        try:
            return self.judges[0](answer)
        except Wrong:
            if self.computes_as_published(answer):
                raise NotTried from None
            raise

    def computes_as_published(self, answer):
        judge = self.judges[0]
        for case in judge.cases:
            given, _ = judge.outcome(answer, case)
            wrong, _ = judge.outcome(self.published, case)
            if given is None or not all(same(g, w, case.rtol) for g, w in zip(given, wrong)):
                return False
        return True


# Room one: ways back.


def draw_backward(dz, eps, fresh):
    return dz, dz * eps


def heads_backward(dmu, dsigma, raw):
    return np.concatenate([dmu, dsigma * sigmoid(raw)], axis=1)


def shared_backward(dmu, draw, W):
    return np.concatenate([dmu, draw], axis=1) @ W.T


def logvar_backward(dz, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    return dz + mu, (dz * eps * sigma + sigma**2 - 1) / 2


def output_backward(x, p):
    return p - x


def two_heads(rng, B, values):
    """A layer's W (H, 2M)."""
    return rng.normal(size=(7, 2 * values["dmu"].shape[1]))


DRAW_BACKWARD = mended(
    same_values(
        draw_backward,
        inputs(dz=real("B", "M"), eps=real("B", "M"), fresh=real("B", "M")),
        "dmu dsigma",
        mistakes={
            "the noise is in neither of the two: it multiplies sigma, and so dsigma": lambda dz, eps, fresh: (
                dz,
                dz,
            ),
            "mu stands in z alone, without the noise: dmu = dz": lambda dz, eps, fresh: (dz * eps, dz * eps),
            "the two noises are added; only the one of the forward pass counts": lambda dz, eps, fresh: (
                dz,
                dz * (eps + fresh),
            ),
        },
    ),
    lambda dz, eps, fresh: (dz, dz * fresh),
)
HEADS_BACKWARD = mended(
    same_values(
        heads_backward,
        inputs(dmu=real("B", "M"), dsigma=real("B", "M"), raw=real("B", "M")),
        "dhead",
        mistakes={
            "sigma is softplus(raw): its slope, sigmoid(raw), is missing": lambda dmu, dsigma, raw: (
                np.concatenate([dmu, dsigma], axis=1)
            ),
            "the mean head's gradient still, times a slope: the right half begins with dsigma": (
                lambda dmu, dsigma, raw: np.concatenate([dmu, dmu * sigmoid(raw)], axis=1)
            ),
            "the halves are exchanged: mu's is on the left": lambda dmu, dsigma, raw: np.concatenate(
                [dsigma * sigmoid(raw), dmu], axis=1
            ),
            "softplus' slope is sigmoid(raw), not softplus(raw)": lambda dmu, dsigma, raw: np.concatenate(
                [dmu, dsigma * softplus(raw)], axis=1
            ),
        },
    ),
    lambda dmu, dsigma, raw: np.concatenate([dmu, dmu], axis=1),
)
SHARED_BACKWARD = mended(
    same_values(
        shared_backward,
        inputs(dmu=real("B", "M"), draw=real("B", "M"), W=two_heads),
        "dh",
        mistakes={
            "the sigma head's path alone: both heads read h": lambda dmu, draw, W: (
                draw @ W[:, len(dmu[0]) :].T
            ),
            "the halves of W are exchanged": lambda dmu, draw, W: np.concatenate([draw, dmu], axis=1) @ W.T,
            "what comes through the two heads is added, not subtracted": lambda dmu, draw, W: (
                np.concatenate([dmu, -draw], axis=1) @ W.T
            ),
            "a sum, not a mean of the two paths": lambda dmu, draw, W: shared_backward(dmu, draw, W) / 2,
        },
    ),
    lambda dmu, draw, W: dmu @ W[:, : dmu.shape[1]].T,
)
LOGVAR_BACKWARD = mended(
    same_values(
        logvar_backward,
        inputs(dz=real("B", "M"), mu=real("B", "M"), logvar=real("B", "M", tails=8.0), eps=real("B", "M")),
        "dmu dlogvar",
        mistakes={
            "only the KL's path has its half: sigma = exp(logvar/2) stands in z as well": (
                lambda dz, mu, logvar, eps: (
                    dz + mu,
                    dz * eps * np.exp(logvar / 2) + (np.exp(logvar) - 1) / 2,
                )
            ),
            "only the draw's path has its half; the KL's has one, too": lambda dz, mu, logvar, eps: (
                dz + mu,
                dz * eps * np.exp(logvar / 2) / 2 + np.exp(logvar) - 1,
            ),
            "dmu was right: the KL is mu^2/2, and its slope mu": lambda dz, mu, logvar, eps: (
                dz + mu / 2,
                logvar_backward(dz, mu, logvar, eps)[1],
            ),
            "the KL's path to mu is missing, mu itself": lambda dz, mu, logvar, eps: (
                dz,
                logvar_backward(dz, mu, logvar, eps)[1],
            ),
            "twice, where a half is missing": lambda dz, mu, logvar, eps: (
                dz + mu,
                4 * logvar_backward(dz, mu, logvar, eps)[1],
            ),
        },
    ),
    lambda dz, mu, logvar, eps: (dz + mu, 2 * logvar_backward(dz, mu, logvar, eps)[1]),
)
OUTPUT_BACKWARD = mended(
    same_values(
        output_backward,
        inputs(x=bits("B", "D"), p=between(0, 1, "B", "D")),
        "da",
        mistakes={
            "the slope of the sigmoid is missing: da = dp p (1 - p)": lambda x, p: (p - x) / (p * (1 - p)),
            "the slope of the sigmoid twice: that is squared error's": lambda x, p: (p - x) * p * (1 - p),
            "the sign: the loss is minus the log-likelihood": lambda x, p: x - p,
            "the slope of a sigmoid is p (1 - p), not 1 - p": lambda x, p: (p - x) / p,
            "p (1 - p) of the loss and of the sigmoid cancel; a 1 - p is left over": lambda x, p: (
                (p - x) * (1 - p)
            ),
        },
    ),
    lambda x, p: (p - x) / (p * (1 - p)) * (1 - p**2),
)

# Room two: objectives.


def draw(mu, logvar, eps):
    return mu + np.exp(logvar / 2) * eps


def kl(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1)


def loss(x, logits, kl):
    return (softplus(logits) - x * logits).sum(axis=1).mean() + kl.mean()


DRAW = mended(
    same_values(
        draw,
        inputs(mu=real("B", "M"), logvar=real("B", "M", tails=8.0), eps=real("B", "M")),
        "z",
        mistakes={
            "logvar is the logarithm of sigma squared: sigma is exp(logvar / 2)": lambda mu, logvar, eps: (
                mu + np.sqrt(np.exp(logvar / 2)) * eps
            ),
            "the half belongs to the exponent: exp(logvar / 2), not exp(logvar) / 2": (
                lambda mu, logvar, eps: mu + np.exp(logvar) / 2 * eps
            ),
            "logvar itself may be negative; a standard deviation is exp(logvar / 2)": (
                lambda mu, logvar, eps: mu + logvar / 2 * eps
            ),
            "the noise is gone: z = mu + sigma eps": lambda mu, logvar, eps: mu + np.exp(logvar / 2),
            "a half, where you double: exp(logvar / 2)": lambda mu, logvar, eps: (
                mu + np.exp(2 * logvar) * eps
            ),
            "the sign in the exponent": lambda mu, logvar, eps: mu + np.exp(-logvar / 2) * eps,
        },
    ),
    lambda mu, logvar, eps: mu + np.exp(logvar) * eps,
)
KL = mended(
    same_values(
        kl,
        inputs(mu=real("B", "M"), logvar=real("B", "M", tails=8.0)),
        "kl",
        mistakes={
            "a KL is never negative, but abs does not mend its slope and hides the next mistake": (
                lambda mu, logvar: abs(kl(mu, logvar)) + 0 * mu[:, 0] + 1e-3
            ),
            "a mean over latents, where it is a sum": lambda mu, logvar: kl(mu, logvar) / mu.shape[1],
            "the half is missing": lambda mu, logvar: 2 * kl(mu, logvar),
            "a sum over the images as well: one KL for each": lambda mu, logvar: np.broadcast_to(
                kl(mu, logvar).sum(), len(mu)
            ),
        },
    ),
    lambda mu, logvar: 0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1),
)
LOSS = mended(
    same_values(
        loss,
        inputs(x=bits("B", "D"), logits=real("B", "D"), kl=positive("B")),
        "loss",
        mistakes={
            "a sum over the images, too: the loss is their mean": lambda x, logits, kl: (
                (softplus(logits) - x * logits).sum() + kl.mean()
            ),
            "both are sums over the images; the loss is a mean": lambda x, logits, kl: (
                (softplus(logits) - x * logits).sum() + kl.sum()
            ),
            "the sum is over pixels, axis=1; the mean over images, axis 0": lambda x, logits, kl: (
                (softplus(logits) - x * logits).sum(axis=0).mean() + kl.mean()
            ),
            "the KL is a mean over images, too": lambda x, logits, kl: (
                (softplus(logits) - x * logits).sum(axis=1).mean() + kl.sum()
            ),
            "the KL is taken off the ELBO, and so added to the loss": lambda x, logits, kl: (
                (softplus(logits) - x * logits).sum(axis=1).mean() - kl.mean()
            ),
        },
    ),
    lambda x, logits, kl: (softplus(logits) - x * logits).mean() + kl.mean(),
)

# Room three: noise.

SHAPE = 40, 50


def small_noise(rng, B, M):
    return 0.01 * rng.standard_normal((B, M))


def noise_of_a_batch(rng, B, M):
    return rng.standard_normal(M) + np.zeros((B, M))


class noise:
    """A judge for a function (rng, B, M) that draws N(0, 1), by what it draws; `published` is not tried."""

    def __init__(self, published):
        self.published = published

    def __call__(self, answer):
        drawn = []
        for seed in (0, 1, 0):
            given = call(answer, {"rng": np.random.default_rng(seed), "B": SHAPE[0], "M": SHAPE[1]})
            drawn.append(as_array(given, "eps", SHAPE, f" (with B = {SHAPE[0]}, M = {SHAPE[1]})"))
        eps = drawn[0]
        if np.array_equal(eps, self.published(np.random.default_rng(0), *SHAPE)):
            raise NotTried
        if np.array_equal(eps, drawn[1]):
            raise Wrong("Two generators give the same noise: draw from rng, and from nothing else.")
        if not np.array_equal(eps, drawn[2]):
            raise Wrong("The same generator gives other noise: draw from rng, and from nothing else.")
        if np.ptp(eps, axis=0).max() == 0:
            raise Wrong("All images of the batch share one draw: each needs its own.")
        if np.ptp(eps, axis=1).max() == 0:
            raise Wrong("All latents of an image share one number: each needs its own.")
        mean, std = eps.mean(), eps.std()
        if abs(std - 1) > 0.1:
            raise Wrong(f"The standard deviation of your noise is {std:.2g}; the KL believes in 1.")
        if abs(mean) > 0.12:
            raise Wrong(f"The mean of your noise is {mean:.2g}; the KL believes in 0.")
        if not 2.4 < ((eps - mean) ** 4).mean() / std**4 < 3.6:
            raise Wrong("Mean and standard deviation are right, but that is no normal distribution.")
        for axis, what in enumerate(("images", "latents")):
            if np.unique(eps, axis=axis).shape[axis] < SHAPE[axis]:
                raise Wrong(f"Some {what} share their draws: each needs its own.")


# Room four: several samples.


def log_weights(log_px_z, kl, z, eps, sigma):
    return log_px_z + ((eps**2 - z**2) / 2 + np.log(sigma)).sum(axis=-1)


def weights(log_w):
    w = np.exp(log_w - log_w.max(axis=0))
    return w / w.sum(axis=0)


def weighted_sum(dz, w):
    return (w.T[:, :, None] * dz).sum(axis=0)


def an_exp(sign):
    """The weights softmax(sign log_w), and others, without overflow."""

    def wrong(log_w):
        w = np.exp(sign * log_w - (sign * log_w).max(axis=0))
        return w / w.sum(axis=0)

    return wrong


LOG_WEIGHTS = mended(
    same_values(
        log_weights,
        inputs(
            log_px_z=real("K", "B"),
            kl=positive("B"),
            z=real("K", "B", "M"),
            eps=real("K", "B", "M"),
            sigma=positive("B", "M"),
        ),
        "log_w",
        mistakes={
            "log q has log sigma in it: log(1/q) brings + log sigma": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z + ((eps**2 - z**2) / 2).sum(axis=-1)
            ),
            "the sign of log sigma": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z + ((eps**2 - z**2) / 2 - np.log(sigma)).sum(axis=-1)
            ),
            "p(z) above and q below: - z^2/2 and + eps^2/2": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z + ((z**2 - eps**2) / 2 + np.log(sigma)).sum(axis=-1)
            ),
            "p(z) stands above and q below; yours is turned round": lambda log_px_z, kl, z, eps, sigma: (
                2 * log_px_z - log_weights(log_px_z, kl, z, eps, sigma)
            ),
            "the density of q at z is missing": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z - (z**2 / 2).sum(axis=-1)
            ),
            "the KL is still in the weights": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z - kl + ((eps**2 - z**2) / 2 + np.log(sigma)).sum(axis=-1)
            ),
            "the two halves are missing": lambda log_px_z, kl, z, eps, sigma: (
                log_px_z + (eps**2 - z**2 + np.log(sigma)).sum(axis=-1)
            ),
        },
    ),
    lambda log_px_z, kl, z, eps, sigma: log_px_z - kl,
)
WEIGHTS = mended(
    same_values(
        weights,
        {
            "samples of different weights": inputs(log_w=real("K", "B", scale=2.0, tails=900)),
            "samples of similar weights": inputs(log_w=real("K", "B", scale=0.2, tails=None)),
        },
        "w",
        mistakes={
            "1/K for each: a sample counts by its weight": lambda log_w: 0 * log_w + 1 / len(log_w),
            "they add up to 1 over the samples, axis 0, not over the images": lambda log_w: (
                an_exp(1)(log_w.T).T
            ),
            "the division by their sum over the samples is missing": lambda log_w: np.exp(
                log_w - log_w.max(axis=0)
            ),
            "the logarithms are not the weights": lambda log_w: log_w / log_w.sum(axis=0),
        },
    ),
    an_exp(-1),
)
WEIGHTED_SUM = mended(
    same_values(
        weighted_sum,
        inputs(
            dz=real("K", "B", "M", tails=3000.0), w=lambda rng, B, v: rng.dirichlet(np.ones(len(v["dz"])), B)
        ),
        "dmu",
        mistakes={
            "a mean over the samples: the weights add up to 1 already": lambda dz, w: (
                weighted_sum(dz, w) / len(dz)
            ),
            "the weights are gone": lambda dz, w: dz.sum(axis=0),
            "the weights are gone, and a mean stands for the sum": lambda dz, w: dz.mean(axis=0),
        },
    ),
    lambda dz, w: (w.reshape(dz.shape[:2])[:, :, None] * dz).sum(axis=0),
)

# Room five: where no check looks.


def log_density(x, m, sigma):
    u = (x - m) / sigma
    return -(u**2 / 2 + np.log(sigma) + HALF_LOG_2PI).sum(axis=1)


def densities(x, m, sigma):
    u = (x - m) / sigma
    return np.exp(-(u**2) / 2) / (sigma * np.sqrt(2 * np.pi))


def held_out(log_px_z, mu, sigma, eps):
    return (log_px_z(mu + sigma * eps) - kl_to_prior(mu, sigma)).mean()


def a_decoder(rng, B, values):
    """log p(x|z) as a function of z (B, M), bent in every latent."""
    slope = rng.normal(size=values["mu"].shape[1])
    return lambda z: -((z * slope) ** 2 + np.sin(z + slope)).sum(axis=1)


LOG_DENSITY = mended(
    same_values(
        log_density,
        inputs(x=real("B", "D"), m=real("B", "D"), sigma=positive("B", "D")),
        "log_density",
        mistakes={
            "the logarithm is taken, but of a density that has become 0 already": lambda x, m, sigma: np.log(
                np.prod(densities(x, m, sigma), axis=1)
            ),
            "a smaller number under the logarithm is still a floor": lambda x, m, sigma: np.log(
                1e-300 + np.prod(densities(x, m, sigma), axis=1)
            ),
            "pixel by pixel the density is 0 as well: write the logarithm out, and add": lambda x, m, sigma: (
                np.log(1e-20 + densities(x, m, sigma)).sum(axis=1)
            ),
            "log sigma is missing": lambda x, m, sigma: (
                -(((x - m) / sigma) ** 2 / 2 + HALF_LOG_2PI).sum(axis=1)
            ),
            "the constant is missing once per pixel": lambda x, m, sigma: (
                log_density(x, m, sigma) + HALF_LOG_2PI * x.shape[1]
            ),
            "the constant belongs to each pixel": lambda x, m, sigma: (
                log_density(x, m, sigma) + HALF_LOG_2PI * (x.shape[1] - 1)
            ),
            "the half before u^2 is missing": lambda x, m, sigma: (
                log_density(x, m, sigma) - (((x - m) / sigma) ** 2 / 2).sum(axis=1)
            ),
        },
    ),
    lambda x, m, sigma: np.log(1e-20 + np.prod(densities(x, m, sigma), axis=1)),
)
HELD_OUT = mended(
    same_values(
        held_out,
        inputs(
            mu=real("B", "M"),
            sigma=positive("B", "M"),
            eps=real("B", "M"),
            log_px_z=a_decoder,
        ),
        "elbo",
        float32=False,
        mistakes={
            "what multiplies the noise is sigma, not its square": lambda log_px_z, mu, sigma, eps: (
                log_px_z(mu + sigma**2 * eps) - kl_to_prior(mu, sigma)
            ).mean(),
            "the noise as it is, without sigma": lambda log_px_z, mu, sigma, eps: (
                log_px_z(mu + eps) - kl_to_prior(mu, sigma)
            ).mean(),
            "z from the prior: that is not what q(z|x) says of the image": lambda log_px_z, mu, sigma, eps: (
                log_px_z(eps) - kl_to_prior(mu, sigma)
            ).mean(),
            "the KL has to be paid as before": lambda log_px_z, mu, sigma, eps: log_px_z(
                mu + sigma * eps
            ).mean(),
        },
    ),
    lambda log_px_z, mu, sigma, eps: (log_px_z(mu) - kl_to_prior(mu, sigma)).mean(),
)

SEEN_BY = {
    "A": "gradient check",
    "B": "identity",
    "C": "identity",
    "D": "spread",
    "E": "spread",
    "F": "twice",
    "G": "weights",
    "H": "none",
}

EXERCISES = (
    Exercise(
        "14.1",
        "guess first",
        chosen(
            SEEN_BY,
            ("gradient check", "identity", "spread", "twice", "weights", "none"),
            clues={
                "A": "The forward pass is right. Which check compares it with the way back?",
                "B": "Both passes agree, for every image alike, and with any noise. Is the ELBO one?",
                "C": "Both passes agree, for every image alike, and with any noise. Is the ELBO one?",
                "D": "For noise that is given, everything is right. Who looks at noise that is drawn?",
                "E": "For noise that is given, everything is right. Who looks at noise that is drawn?",
                "F": "Each image alone is right. Who looks at what the batch makes of them?",
                "G": "It is another objective than the ELBO, with a test of its own.",
                "H": "Loss and gradient are right. Does any of the checks look at what is printed later?",
            },
            what="exhibit",
        ),
        (
            "Three questions: is the way back wrong, or the objective, or the noise and the batch?",
            "Lesson 6's table says what each leg does not see.",
            "One of them is seen by a test of the importance weights, and one by none at all.",
        ),
    ),
    Exercise(
        "14.2",
        "room one: five ways back",
        each_of(DRAW_BACKWARD, HEADS_BACKWARD, SHARED_BACKWARD, LOGVAR_BACKWARD, OUTPUT_BACKWARD),
        (
            "Write down each forward line, and differentiate it: (4.7), (4.10), (5.6), (4.12), (7.6).",
            "Which argument of the function does not occur in its lines, although it should?",
            "dz * eps; dsigma * sigmoid(raw); both halves of W; a half for both paths; p (1 - p).",
        ),
    ),
    Exercise(
        "14.3",
        "room two: three objectives",
        each_of(DRAW, KL, LOSS),
        (
            "logvar is log sigma^2. Which sign has a KL? Over what is a log-likelihood summed?",
            "Try each with one number: logvar = 2 log 3, say, where sigma must be 3.",
            "exp(logvar / 2); -0.5 * (...); .sum(axis=1).mean() for the reconstruction.",
        ),
    ),
    Exercise(
        "14.4",
        "room three: two noises",
        each_of(noise(small_noise), noise(noise_of_a_batch)),
        (
            "The KL holds for z ~ N(mu, sigma^2), for each image and each latent on its own.",
            "What standard deviation has eps? And how many numbers does a batch need?",
            "rng.standard_normal((B, M))",
        ),
    ),
    Exercise(
        "14.5",
        "room four: three lines with several samples",
        each_of(LOG_WEIGHTS, WEIGHTS, WEIGHTED_SUM),
        (
            "A weight is p(x|z) p(z) / q(z|x) of that very z: (13.4). The larger, the more it counts.",
            "At K = 1, or K = B, the third one runs whatever the layout. w is (B, K), dz is (K, B, M).",
            "((eps**2 - z**2) / 2 + np.log(sigma)).sum(axis=-1); log_w without the minus; w.T for w.reshape.",
        ),
    ),
    Exercise(
        "14.6",
        "room five: where no check looks",
        each_of(LOG_DENSITY, HELD_OUT),
        (
            "The logarithm of a product is a sum of logarithms: lesson 2. The ELBO is an average over q.",
            "-(u**2 / 2 + np.log(sigma) + np.log(2 * np.pi) / 2), summed over pixels; z = mu + sigma * eps.",
            "Both are one line: the return.",
        ),
    ),
)
