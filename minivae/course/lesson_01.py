"""The exercises of lesson 01: why p(x) is hard."""

import numpy as np

from .judge import Exercise, between, inputs, same_value, same_values


def grid(scale=1.0):
    """A likelihood with B humps and a prior on a grid of equal steps, never the same step twice."""

    def z(rng, B, values):
        return np.linspace(-rng.uniform(6, 7), rng.uniform(6, 7), 100 + 20 * B)

    def px_z(rng, B, values):
        humps = (np.exp(-((values["z"] - rng.normal()) ** 2) * rng.uniform(1, 3)) for _ in range(B))
        return scale / B * sum(rng.uniform(0.1, 0.9) * hump for hump in humps)

    def pz(rng, B, values):
        mean, sd = rng.uniform(-0.3, 0.3), rng.uniform(0.8, 1.1)
        return np.exp(-(((values["z"] - mean) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))

    return inputs(z=z, px_z=px_z, pz=pz)


GRIDS = {"likelihoods of ordinary size": grid(), "tiny likelihoods": grid(1e-20)}


def marginal(px_z, pz, z):
    return np.sum(px_z * pz) * (z[1] - z[0])


def posterior(px_z, pz, z):
    return px_z * pz / marginal(px_z, pz, z)


def standard_error(px_z, ddof=1):
    return px_z.std(ddof=ddof) / np.sqrt(len(px_z))


def with_error(error):
    """The answer to 1.4 with another second number."""
    return lambda px_z: (px_z.mean(), error(px_z))


EXERCISES = (
    Exercise(
        "1.1",
        "the probability of three pixels",
        same_value(
            0.36,
            "p(x|z)",
            mistakes={
                "a dark pixel contributes 1 - p, here 1 - 0.2, and not p": 0.09,
                "the dark pixel was left out; it contributes 1 - 0.2": 0.45,
                "the third pixel was left out; it contributes 0.5": 0.72,
                "the first pixel is light: it contributes 0.9, not 1 - 0.9": 0.04,
                "the probabilities of independent pixels are multiplied, not added": 0.9 + 0.8 + 0.5,
                "the probabilities of independent pixels are multiplied, not added; and a dark pixel "
                "contributes 1 - p": 0.9 + 0.2 + 0.5,
                "this is the probability of the opposite image, (0, 1, 0)": 0.1 * 0.2 * 0.5,
                "this is the probability of any image but x": 1 - 0.36,
                "this is the logarithm of the probability": np.log(0.36),
                "a probability lies between 0 and 1; this is in per cent": 36,
                "a product of three probabilities is asked for, not their mean": 0.36 ** (1 / 3),
            },
        ),
        (
            "Independent pixels: one factor each, multiplied.",
            "A light pixel contributes p, a dark one 1 - p. The second pixel is dark.",
        ),
    ),
    Exercise(
        "1.2",
        "p(x) by quadrature",
        same_values(
            marginal,
            GRIDS,
            "p(x)",
            mistakes={
                "the width of a grid step, z[1] - z[0], is missing": lambda px_z, pz, z: np.sum(px_z * pz),
                "the prior p(z) is missing: (1.3) is an average over the prior": (
                    lambda px_z, pz, z: np.sum(px_z) * (z[1] - z[0])
                ),
                "that is the mean over the grid points; an integral is their sum times the width of a step": (
                    lambda px_z, pz, z: np.mean(px_z * pz)
                ),
                "the sum is multiplied by the width of one step, not by the width of the whole grid": (
                    lambda px_z, pz, z: np.sum(px_z * pz) * (z[-1] - z[0])
                ),
                "n points have n - 1 steps between them: the width of a step is z[1] - z[0]": (
                    lambda px_z, pz, z: np.mean(px_z * pz) * (z[-1] - z[0])
                ),
                "the sum is divided by the width of a step; it has to be multiplied by it": (
                    lambda px_z, pz, z: np.sum(px_z * pz) / (z[1] - z[0])
                ),
                "the sign: the width of a step is z[1] - z[0]": (
                    lambda px_z, pz, z: np.sum(px_z * pz) * (z[0] - z[1])
                ),
                "the two are multiplied point by point, and then added up; here each is added up first": (
                    lambda px_z, pz, z: np.sum(px_z) * np.sum(pz) * (z[1] - z[0])
                ),
                "that is the logarithm of p(x)": lambda px_z, pz, z: np.log(marginal(px_z, pz, z)),
                "that is the area under the prior, which is 1; the likelihood is missing": (
                    lambda px_z, pz, z: np.sum(pz) * (z[1] - z[0])
                ),
                "z itself is no factor here: that would be an average of z": (
                    lambda px_z, pz, z: np.sum(px_z * pz * z) * (z[1] - z[0])
                ),
                "the width of a step is that of this grid, z[1] - z[0], not that of the lesson's": (
                    lambda px_z, pz, z: np.sum(px_z * pz) * 0.025
                ),
            },
        ),
        (
            "An integral over a grid is a sum of heights times the width of a step.",
            "The height at each grid point is the joint density (1.2), px_z * pz.",
            "The width of a step is z[1] - z[0].",
        ),
    ),
    Exercise(
        "1.3",
        "the posterior on a grid",
        same_values(
            posterior,
            GRIDS,
            "posterior",
            mistakes={
                "this is the joint density (1.2): the division by p(x) is missing": (
                    lambda px_z, pz, z: px_z * pz
                ),
                "the entries sum to 1, but a density has the area 1: mind the width of a step": (
                    lambda px_z, pz, z: px_z * pz / np.sum(px_z * pz)
                ),
                "brackets: a / b * step multiplies by the step; the whole of p(x), the sum times the step, "
                "stands below the line": lambda px_z, pz, z: px_z * pz / np.sum(px_z * pz) * (z[1] - z[0]),
                "p(x) is the sum times the width of a step, not the mean": (
                    lambda px_z, pz, z: px_z * pz / np.mean(px_z * pz)
                ),
                "the sum in p(x) is missing: every entry is 1 over the width of a step": (
                    lambda px_z, pz, z: np.ones_like(z) / (z[1] - z[0])
                ),
                "the prior is missing": lambda px_z, pz, z: px_z / (np.sum(px_z) * (z[1] - z[0])),
                "the prior is missing above the line": lambda px_z, pz, z: px_z / marginal(px_z, pz, z),
                "the prior is missing below the line": (
                    lambda px_z, pz, z: px_z * pz / (np.sum(px_z) * (z[1] - z[0]))
                ),
                "the likelihood is missing above the line": lambda px_z, pz, z: pz / marginal(px_z, pz, z),
                "the highest point is 1, but a density has the area 1": (
                    lambda px_z, pz, z: px_z * pz / np.max(px_z * pz)
                ),
                "multiplied by p(x) where Bayes' rule (1.4) divides": (
                    lambda px_z, pz, z: px_z * pz * marginal(px_z, pz, z)
                ),
                "that is the logarithm of the posterior": (
                    lambda px_z, pz, z: np.log(posterior(px_z, pz, z))
                ),
            },
        ),
        (
            "Bayes' rule (1.4): the joint density over p(x).",
            "p(x) is the area under the joint density, the number of exercise 1.2.",
            "joint = px_z * pz; divide it by np.sum(joint) times the width of a step.",
        ),
    ),
    Exercise(
        "1.4",
        "an estimate and its standard error",
        same_values(
            lambda px_z: (px_z.mean(), standard_error(px_z)),
            inputs(px_z=between(0, 1, "N")),
            "estimate standard_error",
            mistakes={
                "np.std divides by N unless it is told ddof=1": with_error(
                    lambda px_z: standard_error(px_z, 0)
                ),
                "ddof=1 divides by N - 1 already; the spread is then divided by the root of N": with_error(
                    lambda px_z: px_z.std(ddof=1) / np.sqrt(len(px_z) - 1)
                ),
                "this is the spread s of the summands; the error of their mean is smaller by sqrt(N)": (
                    with_error(lambda px_z: px_z.std(ddof=1))
                ),
                "this is the spread of the summands, and that with ddof=0": with_error(
                    lambda px_z: px_z.std()
                ),
                "the spread is divided by N; (1.8) divides by the root of N": with_error(
                    lambda px_z: px_z.std(ddof=1) / len(px_z)
                ),
                "the spread is divided by N, and it is the one with ddof=0; (1.8) has the root of N, and "
                "ddof=1": with_error(lambda px_z: px_z.std() / len(px_z)),
                "the spread is divided by the root of N, not multiplied": with_error(
                    lambda px_z: px_z.std(ddof=1) * np.sqrt(len(px_z))
                ),
                "this is the square of the standard error, a variance": with_error(
                    lambda px_z: px_z.var(ddof=1) / len(px_z)
                ),
                "var is the square of the spread; (1.8) has the spread itself, std": with_error(
                    lambda px_z: px_z.var(ddof=1) / np.sqrt(len(px_z))
                ),
                "this is two standard errors; asked for is one": with_error(
                    lambda px_z: 2 * standard_error(px_z)
                ),
                "the estimate is a mean, not a sum": lambda px_z: (px_z.sum(), standard_error(px_z)),
                "the estimate is a mean, not a median": lambda px_z: (
                    np.median(px_z),
                    standard_error(px_z),
                ),
            },
        ),
        (
            "The estimate is a mean. NumPy has one, and a standard deviation too.",
            "Which one of the two standard deviations? (1.8) divides by N - 1: std(ddof=1).",
            "return px_z.mean(), and s over np.sqrt(len(px_z))",
        ),
    ),
    Exercise(
        "1.5",
        "how many samples?",
        same_value(
            (3.0**20 - 1) / 0.05**2,
            "N",
            rtol=1e-3,
            mistakes={
                "the error enters as its square: 0.05**2": (3.0**20 - 1) / 0.05,
                "latents multiply: c**M, not c * M": (3.0 * 20 - 1) / 0.05**2,
                "c**M is 3**20, not 20**3": (20.0**3 - 1) / 0.05**2,
                "c**M - 1, and not (c - 1)**M": 2.0**20 / 0.05**2,
                "c**M - 1, and not M * (c - 1)": 20 * 2 / 0.05**2,
                "this is for one latent; c**M is 3**20": (3.0 - 1) / 0.05**2,
                "the division by the square of the error, 0.05**2, is missing": 3.0**20 - 1,
                "the division by the square of the error is a multiplication here": (3.0**20 - 1) * 0.05**2,
                "only the error is squared": ((3.0**20 - 1) / 0.05) ** 2,
                "this is the root; N itself is asked for": np.sqrt(3.0**20 - 1) / 0.05,
                "5 % is 0.05, not 5": (3.0**20 - 1) / 25,
                "5 % is 0.05, not 0.5": (3.0**20 - 1) / 0.5**2,
            },
        ),
        (
            "(1.10) with M = 20, c = 3 and an error of 0.05.",
            "First c**M - 1, then divide by the square of 0.05.",
        ),
    ),
)
