"""The exercises of lesson 02: log densities, the KL divergence, and their gradients."""

import numpy as np

from ..gaussian import HALF_LOG_2PI, kl, log_prob
from .judge import Exercise, inputs, positive, real, same_gradient, same_value, same_values

two = {"mu": real("B", 3), "sigma": positive("B", 3)}  # of a Gaussian, per row and latent
gaussians = inputs(z=real("B", 3), **two)
near = inputs(z=real("B", 3, tails=8), mu=real("B", 3, tails=8), sigma=positive("B", 3, tails=(0.5, 20)))
many_latents = inputs(
    z=real("B", 784, tails=0), mu=real("B", 784, tails=0), sigma=positive("B", 784, tails=0)
)


def with_terms(square=0.5, log_sigma=1.0, constant=HALF_LOG_2PI, power=1):
    """log_prob with other coefficients than it has: the common slips."""

    def log_normal(z, mu, sigma):
        return -(square * ((z - mu) / sigma**power) ** 2 + log_sigma * np.log(sigma) + constant).sum(axis=-1)

    return log_normal


EXERCISES = (
    Exercise(
        "2.1",
        "the log density of a Gaussian",
        same_values(
            log_prob,
            {"three latents": near, "784 latents, where the density underflows": many_latents},
            "log_density",
            mistakes={
                "the term log sigma is missing": with_terms(log_sigma=0),
                "log sigma enters once, not halved (or it is log sigma^2 that is halved)": with_terms(
                    log_sigma=0.5
                ),
                "log sigma enters once: log sigma^2 is twice too much": with_terms(log_sigma=2),
                "the half of u^2/2 is missing": with_terms(square=1),
                "the constant log(2 pi)/2 is missing": with_terms(constant=0),
                "the constant is log(2 pi)/2: its half is missing": with_terms(constant=2 * HALF_LOG_2PI),
                "u is divided by sigma^2; it is (z - mu)/sigma": with_terms(power=2),
                "u is divided by the root of sigma; sigma is the standard deviation already": with_terms(
                    power=0.5
                ),
                "the sign: a log density has a minus in front of all three terms": (
                    lambda z, mu, sigma: -log_prob(z, mu, sigma)
                ),
                "the latents are averaged; they add up": (
                    lambda z, mu, sigma: log_prob(z, mu, sigma) / z.shape[-1]
                ),
            },
        ),
        (
            "First u = (z - mu) / sigma, for the whole array at once.",
            "Three terms per latent: u**2 / 2, np.log(sigma), np.log(2 * np.pi) / 2. Minus in front of all.",
            "The sum over latents is .sum(axis=-1). There is no exp anywhere.",
        ),
    ),
    Exercise(
        "2.2",
        "the gradient of the log density",
        same_gradient(
            log_prob,
            gaussians,
            wrt="z mu sigma",
            takes="z mu sigma",
            out="log_density",
            named=lambda v: {"u": (v["z"] - v["mu"]) / v["sigma"]},
        ),
        (
            "Begin with u = (z - mu) / sigma, and copy (2.4).",
            "dz and dmu differ only by their sign: z and mu enter as z - mu.",
            (
                "sigma stands in two places: in u, which gives u**2 / sigma, and in -log sigma, which gives"
                " -1 / sigma."
            ),
        ),
    ),
    Exercise(
        "2.3",
        "a KL with the pencil",
        same_value(
            2 - np.log(2),
            "KL",
            rtol=1e-4,
            mistakes={
                "this takes 2 as the variance; N(1, 2^2) has the standard deviation 2": (
                    -np.log(2) / 2 + (2 + 1) / 2 - 0.5
                ),
                "this is the KL in the other direction, KL(N(0, 1) || N(1, 2^2))": np.log(2) + 2 / 8 - 0.5,
                "the last term, -1/2, is missing": 2.5 - np.log(2),
                "the sign of the logarithm: log(sigma_2 / sigma_1) = log(1/2) is negative": 2 + np.log(2),
                "the difference of the means, (1 - 0)^2, is missing": 1.5 - np.log(2),
                "this is in bits; a nat is a natural logarithm": (2 - np.log(2)) / np.log(2),
            },
        ),
        (
            "(2.7) with mu_1 = 1, sigma_1 = 2, mu_2 = 0, sigma_2 = 1.",
            "log(1/2) + (4 + 1)/2 - 1/2",
        ),
    ),
    Exercise(
        "2.4",
        "the KL to the prior",
        same_values(
            kl,
            inputs(**two),
            "kl",
            mistakes={
                "the latents are averaged; they add up": lambda mu, sigma: kl(mu, sigma) / mu.shape[-1],
                "the sign: a KL is never negative": lambda mu, sigma: -kl(mu, sigma),
                "the term -1/2 is missing, once per latent": (
                    lambda mu, sigma: kl(mu, sigma) + mu.shape[-1] / 2
                ),
                "the -1/2 belongs to every latent: it stands inside the sum": (
                    lambda mu, sigma: kl(mu, sigma) + (mu.shape[-1] - 1) / 2
                ),
                "the half of (sigma^2 + mu^2)/2 is missing": (
                    lambda mu, sigma: (sigma**2 + mu**2 - np.log(sigma) - 0.5).sum(axis=-1)
                ),
                "it is log sigma, not log sigma^2": (
                    lambda mu, sigma: kl(mu, sigma) - np.log(sigma).sum(axis=-1)
                ),
                "the sign of log sigma": lambda mu, sigma: kl(mu, sigma) + 2 * np.log(sigma).sum(axis=-1),
                "sigma is squared in sigma^2/2": (
                    lambda mu, sigma: ((sigma + mu**2) / 2 - np.log(sigma) - 0.5).sum(axis=-1)
                ),
                "this is the KL in the other direction, from the prior": (
                    lambda mu, sigma: (np.log(sigma) + (1 + mu**2) / (2 * sigma**2) - 0.5).sum(axis=-1)
                ),
            },
        ),
        (
            "Write the bracket of (2.8) for the whole arrays; the result has the shape of mu.",
            "-np.log(sigma) + (sigma**2 + mu**2) / 2 - 1 / 2, and then .sum(axis=-1).",
        ),
    ),
    Exercise(
        "2.5",
        "the gradient of the KL",
        same_gradient(
            kl,
            inputs(**two),
            wrt="mu sigma",
            takes="mu sigma",
            out="kl",
        ),
        (
            "Differentiate (2.8) for one latent. Which terms hold mu, which sigma?",
            (
                "The derivative of mu**2 / 2 is mu. The derivative of -log sigma is -1 / sigma. One term is"
                " left."
            ),
        ),
    ),
)
