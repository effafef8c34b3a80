"""Common wrong answers to the exercises of lesson 02."""

import numpy as np

from minivae.gaussian import kl, log_prob


def through_the_density(z, mu, sigma):
    density = np.exp(-(((z - mu) / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    return np.log(np.prod(density, axis=-1))


def u(z, mu, sigma):
    return (z - mu) / sigma


WRONG = (
    ("2.1", through_the_density, "look for a logarithm of 0"),
    ("2.1", lambda z, mu, sigma: -(u(z, mu, sigma) ** 2 / 2).sum(axis=-1), "log_density["),
    (
        "2.1",
        lambda z, mu, sigma: -(u(z, mu, sigma) ** 2 / 2 + np.log(2 * np.pi) / 2).sum(axis=-1),
        "the term log sigma is missing",
    ),
    (
        "2.1",
        lambda z, mu, sigma: -(u(z, mu, sigma) ** 2 / 2 + np.log(sigma)).sum(axis=-1),
        "the constant log(2 pi)/2 is missing",
    ),
    ("2.1", lambda z, mu, sigma: log_prob(z, mu, sigma).sum(), "is a single number"),
    ("2.1", lambda z, mu, sigma: log_prob(z, mu, sigma).mean() + 0 * z[:, 0], "log_density["),
    (
        "2.2",
        lambda z, mu, sigma: (
            u(z, mu, sigma) / sigma,
            u(z, mu, sigma) / sigma,
            (u(z, mu, sigma) ** 2 - 1) / sigma,
        ),
        {"relation": "sign"},
    ),
    (
        "2.2",
        lambda z, mu, sigma: (
            -u(z, mu, sigma) / sigma,
            u(z, mu, sigma) / sigma,
            u(z, mu, sigma) ** 2 / sigma,
        ),
        {"relation": "term", "term": "1/sigma"},
    ),
    (
        "2.2",
        lambda z, mu, sigma: (-u(z, mu, sigma), u(z, mu, sigma), (u(z, mu, sigma) ** 2 - 1) / sigma),
        {"relation": "factor"},
    ),
    ("2.3", -np.log(2) / 2 + 3 / 2 - 1 / 2, "standard deviation 2"),
    ("2.3", np.log(2) + 1 / 4 - 1 / 2, "the other direction"),
    ("2.4", lambda mu, sigma: kl(mu, sigma) / mu.shape[1], "averaged"),
    ("2.4", lambda mu, sigma: kl(mu, sigma).sum(), "is a single number"),
    ("2.4", lambda mu, sigma: -kl(mu, sigma), "never negative"),
    ("2.4", lambda mu, sigma: ((sigma**2 + mu**2) / 2 - np.log(sigma)).sum(axis=-1), "-1/2 is missing"),
    ("2.5", lambda mu, sigma: (mu, sigma), {"relation": "term", "term": "1/sigma"}),
    ("2.5", lambda mu, sigma: (mu, 1 / sigma - sigma), {"relation": "sign"}),
    ("2.5", lambda mu, sigma: (mu, sigma**2 - 1), "this is the derivative by log sigma"),
    ("2.5", lambda mu, sigma: (2 * mu, sigma - 1 / sigma), {"relation": "scale", "term": "2"}),
    ("2.5", lambda mu, sigma: (mu / 3, (sigma - 1 / sigma) / 3), {"relation": "scale"}),
)
