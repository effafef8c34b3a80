"""The exercises of lesson 02: log densities, the KL divergence, and their gradients."""

import numpy as np

from ..gaussian import HALF_LOG_2PI, kl, log_prob
from .judge import Exercise, inputs, positive, real, same_gradient, same_value, same_values

TWO = {"mu": real("B", "M"), "sigma": positive("B", "M")}  # of a Gaussian, per row and latent
GAUSSIANS = inputs(z=real("B", "M"), **TWO)
SOME_AND_MANY = {  # near enough for the density of each latent to be a number
    "a few latents": inputs(
        z=real("B", "M", tails=8), mu=real("B", "M", tails=8), sigma=positive("B", "M", tails=(0.5, 20))
    ),
    "784 latents, whose density underflows": inputs(
        z=real("B", 784, tails=0), mu=real("B", 784, tails=0), sigma=positive("B", 784, tails=0)
    ),
}


def with_terms(square=0.5, log_sigma=1.0, constant=HALF_LOG_2PI, power=1):
    """log_prob with other coefficients than it has: the common slips."""

    def log_normal(z, mu, sigma):
        u = (z - mu) / sigma**power
        return -(square * u**2 + log_sigma * np.log(sigma) + constant).sum(axis=-1)

    return log_normal


def constant_once(z, mu, sigma):
    return with_terms(constant=0)(z, mu, sigma) - HALF_LOG_2PI


def patched(z, mu, sigma):
    """The logarithm of the density, with 1e-20 against the logarithm of 0."""
    return np.log(1e-20 + np.exp(log_prob(z, mu, sigma)))


def with_wish(dsigma):
    """(2.4) with another derivative by sigma, a function of u and sigma."""

    def log_normal_gradient(z, mu, sigma):
        u = (z - mu) / sigma
        return -u / sigma, u / sigma, dsigma(u, sigma)

    return log_normal_gradient


def kl_with(log_sigma=1.0, square_sigma=0.5, square_mu=0.5, constant=0.5):
    """kl with other coefficients than it has."""

    def kl_to_prior(mu, sigma):
        terms = square_sigma * sigma**2 + square_mu * mu**2 - log_sigma * np.log(sigma) - constant
        return terms.sum(axis=-1)

    return kl_to_prior


EXERCISES = (
    Exercise(
        "2.1",
        "the log density of a Gaussian",
        same_values(
            log_prob,
            SOME_AND_MANY,
            "log_density",
            mistakes={
                "the term log sigma is missing": with_terms(log_sigma=0),
                "log sigma enters once, not halved (or it is log sigma^2 that is halved)": with_terms(
                    log_sigma=0.5
                ),
                "log sigma enters once: log sigma^2 is twice too much": with_terms(log_sigma=2),
                "the sign of log sigma: the minus stands in front of all three terms": with_terms(
                    log_sigma=-1
                ),
                "the half of u^2/2 is missing": with_terms(square=1),
                "the sign of u^2/2: the minus stands in front of all three terms": with_terms(square=-0.5),
                "u is not squared": lambda z, mu, sigma: (
                    -((z - mu) / sigma / 2 + np.log(sigma) + HALF_LOG_2PI).sum(axis=-1)
                ),
                "the constant log(2 pi)/2 is missing": with_terms(constant=0),
                "the constant is log(2 pi)/2: its half is missing": with_terms(constant=2 * HALF_LOG_2PI),
                "the constant log(2 pi)/2 has the wrong sign": with_terms(constant=-HALF_LOG_2PI),
                "the constant log(2 pi)/2 belongs to every latent: it stands inside the sum": constant_once,
                "the constant is log(2 pi)/2; here it is log(pi)/2": with_terms(constant=np.log(np.pi) / 2),
                "the constant is a natural logarithm, np.log": with_terms(constant=np.log10(2 * np.pi) / 2),
                "only log(2 pi) is halved; log sigma is not": with_terms(
                    log_sigma=0.5, constant=HALF_LOG_2PI / 2
                ),
                "u is divided by sigma^2; it is (z - mu)/sigma": with_terms(power=2),
                "u is divided by the root of sigma; sigma is the standard deviation already": with_terms(
                    power=0.5
                ),
                "the division of z - mu by sigma is missing": with_terms(power=0),
                "the sign: a log density has a minus in front of all three terms": (
                    lambda z, mu, sigma: -log_prob(z, mu, sigma)
                ),
                "the latents are averaged; they add up": (
                    lambda z, mu, sigma: log_prob(z, mu, sigma) / z.shape[-1]
                ),
                "here 1e-20 is added to a density of 0, and its logarithm taken: work with logarithms from "
                "the start": patched,
                "this is the density; its logarithm is asked for, and without a way through the density": (
                    lambda z, mu, sigma: np.exp(log_prob(z, mu, sigma))
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
            GAUSSIANS,
            wrt="z mu sigma",
            takes="z mu sigma",
            out="log_prob",
            named=lambda v: {"u": (v["z"] - v["mu"]) / v["sigma"]},
            mistakes={
                "u is not squared: (u^2 - 1) / sigma": with_wish(lambda u, sigma: (u - 1) / sigma),
                "the sign of u^2: a point far out wants a larger sigma": with_wish(
                    lambda u, sigma: (-(u**2) - 1) / sigma
                ),
                "the sign of the 1: (2.4) has u^2 - 1": with_wish(lambda u, sigma: (u**2 + 1) / sigma),
                "the u^2 / sigma of -u^2/2 is missing": with_wish(lambda u, sigma: -1 / sigma),
                "brackets: u^2 - 1, all of it over sigma": with_wish(lambda u, sigma: u**2 - 1 / sigma),
                "u^2 is (z - mu)^2/sigma^2 already: one sigma too many below the line": with_wish(
                    lambda u, sigma: u**2 / sigma**2 - 1 / sigma
                ),
                "the 2 of u^2 is eaten by the 1/2 in front of it": with_wish(
                    lambda u, sigma: (2 * u**2 - 1) / sigma
                ),
                "the chain rule: -u times the derivative of u, which is -u / sigma": with_wish(
                    lambda u, sigma: -(u + 1) / sigma
                ),
            },
        ),
        (
            "Begin with u = (z - mu) / sigma, and copy (2.4).",
            "The derivatives by z and by mu differ only by their sign: z and mu enter as z - mu.",
            "sigma stands in two places: in u, which gives u**2 / sigma, and in -log sigma, which gives "
            "-1 / sigma.",
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
                "the sign of the last term: it is -1/2": 3 - np.log(2),
                "the sign of the logarithm: log(sigma_2 / sigma_1) = log(1/2) is negative": 2 + np.log(2),
                "the logarithm is that of sigma, not of sigma^2": 2 - np.log(4),
                "the logarithm enters whole, not halved": 2 - np.log(2) / 2,
                "the logarithm is missing": 2,
                "the difference of the means, (1 - 0)^2, is missing": 1.5 - np.log(2),
                "sigma_1 enters as its square, 4": 1 - np.log(2),
                "the division by 2 sigma_2^2 = 2 is missing": 4.5 - np.log(2),
                "below the line stands 2 sigma_2^2, not 2 sigma_1^2": 5 / 8 - 0.5 - np.log(2),
                "below the line stands 2 sigma_2^2, not 2 sigma_1^2; and the logarithm is negative": (
                    5 / 8 - 0.5 + np.log(2)
                ),
                "the sign: a KL is never negative": np.log(2) - 2,
                "this is in bits; a nat is a natural logarithm": (2 - np.log(2)) / np.log(2),
                "a natural logarithm is asked for, np.log": 2 - np.log10(2),
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
            inputs(**TWO),
            "kl",
            mistakes={
                "the latents are averaged; they add up": lambda mu, sigma: kl(mu, sigma) / mu.shape[-1],
                "the sign: a KL is never negative": lambda mu, sigma: -kl(mu, sigma),
                "the term -1/2 is missing, once per latent": kl_with(constant=0),
                "the last term is -1/2, not -1": kl_with(constant=1),
                "the sign of the last term: it is -1/2": kl_with(constant=-0.5),
                "the -1/2 belongs to every latent: it stands inside the sum": (
                    lambda mu, sigma: kl(mu, sigma) + (mu.shape[-1] - 1) / 2
                ),
                "the half of (sigma^2 + mu^2)/2 is missing": kl_with(square_sigma=1, square_mu=1),
                "the half belongs to mu^2, too": kl_with(square_mu=1),
                "the half belongs to sigma^2, too": kl_with(square_sigma=1),
                "no half at all: (sigma^2 + mu^2)/2 - 1/2 has two": kl_with(
                    square_sigma=1, square_mu=1, constant=1
                ),
                "this is twice the KL: the half in front of the whole is missing": (
                    lambda mu, sigma: 2 * kl(mu, sigma)
                ),
                "it is log sigma, not log sigma^2": kl_with(log_sigma=2),
                "log sigma enters whole; it is log sigma^2 that is halved": kl_with(log_sigma=0.5),
                "the sign of log sigma": kl_with(log_sigma=-1),
                "the term log sigma is missing": kl_with(log_sigma=0),
                "the term mu^2/2 is missing": kl_with(square_mu=0),
                "the term sigma^2/2 is missing": kl_with(square_sigma=0),
                "that is the price of mu alone; the terms of sigma are missing": kl_with(0, 0, 0.5, 0),
                "sigma is squared in sigma^2/2": (
                    lambda mu, sigma: ((sigma + mu**2) / 2 - np.log(sigma) - 0.5).sum(axis=-1)
                ),
                "mu is squared in mu^2/2": (
                    lambda mu, sigma: ((sigma**2 + mu) / 2 - np.log(sigma) - 0.5).sum(axis=-1)
                ),
                "the squares are added, sigma^2 + mu^2; here the sum is squared": (
                    lambda mu, sigma: ((sigma + mu) ** 2 / 2 - np.log(sigma) - 0.5).sum(axis=-1)
                ),
                "sigma is the standard deviation here; this takes it for log sigma^2": (
                    lambda mu, sigma: -0.5 * (1 + sigma - mu**2 - np.exp(sigma)).sum(axis=-1)
                ),
                "sigma is the standard deviation here; this takes it for the variance sigma^2": (
                    lambda mu, sigma: -0.5 * (1 + np.log(sigma) - mu**2 - sigma).sum(axis=-1)
                ),
                "this is the KL in the other direction, from the prior": (
                    lambda mu, sigma: (np.log(sigma) + (1 + mu**2) / (2 * sigma**2) - 0.5).sum(axis=-1)
                ),
                "this is in bits; in nats the logarithm is np.log, and nothing is divided by log 2": (
                    lambda mu, sigma: kl(mu, sigma) / np.log(2)
                ),
                "a natural logarithm is meant, np.log": (
                    lambda mu, sigma: ((sigma**2 + mu**2) / 2 - np.log2(sigma) - 0.5).sum(axis=-1)
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
            inputs(**TWO),
            wrt="mu sigma",
            takes="mu sigma",
            out="kl",
            mistakes={
                "the derivative of -log sigma is -1 / sigma, with its minus": (
                    lambda mu, sigma: (mu, sigma + 1 / sigma)
                ),
                "this is the derivative by sigma^2; by sigma it is sigma - 1 / sigma": (
                    lambda mu, sigma: (mu, (sigma - 1 / sigma) / (2 * sigma))
                ),
                "this is the derivative by log sigma^2; by sigma it is sigma - 1 / sigma": (
                    lambda mu, sigma: (mu, (sigma**2 - 1) / 2)
                ),
                "this is the derivative by log sigma; by sigma it is sigma - 1 / sigma": (
                    lambda mu, sigma: (mu, sigma**2 - 1)
                ),
                "mu^2/2 is not differentiated yet": lambda mu, sigma: (mu**2 / 2, sigma - 1 / sigma),
            },
        ),
        (
            "Differentiate (2.8) for one latent. Which terms hold mu, which sigma?",
            "The derivative of mu**2 / 2 is mu, that of -log sigma is -1 / sigma. One term is left.",
        ),
    ),
)
