"""The exercises of lesson 01: why p(x) is hard."""

import numpy as np

from .judge import Exercise, inputs, positive, same_value, same_values


def bumps(rng, B, v):
    """A likelihood with B humps on the grid, a probability of black and white pixels."""
    z, heights, steepness = v["z"], rng.uniform(0.1, 0.9, B) / B, rng.uniform(1, 3, B)
    return sum(h * np.exp(-s * (z - rng.normal()) ** 2) for h, s in zip(heights, steepness))


grid = inputs(  # of equal steps, never the same step twice
    z=lambda rng, B, v: np.linspace(-rng.uniform(5, 7), rng.uniform(5, 7), 100 + 20 * B),
    px_z=bumps,
    pz=lambda rng, B, v: np.exp(-(v["z"] ** 2) / 2) / np.sqrt(2 * np.pi),
)


def marginal(px_z, pz, z):
    return np.sum(px_z * pz) * (z[1] - z[0])


def standard_error(px_z, ddof=1):
    return px_z.std(ddof=ddof) / np.sqrt(len(px_z))


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
                "the probabilities of independent pixels are multiplied, not added": 0.9 + 0.8 + 0.5,
                "this is the probability of the opposite image, (0, 1, 0)": 0.1 * 0.2 * 0.5,
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
            grid,
            "p(x)",
            mistakes={
                "the width of a grid step, z[1] - z[0], is missing": lambda px_z, pz, z: np.sum(px_z * pz),
                "the prior p(z) is missing: (1.3) is an average over the prior": (
                    lambda px_z, pz, z: np.sum(px_z) * (z[1] - z[0])
                ),
                "that is the mean over the grid points; an integral is their sum times the width of a step": (
                    lambda px_z, pz, z: np.mean(px_z * pz)
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
            lambda px_z, pz, z: px_z * pz / marginal(px_z, pz, z),
            grid,
            "posterior",
            mistakes={
                "this is the joint density (1.2): the division by p(x) is missing": (
                    lambda px_z, pz, z: px_z * pz
                ),
                "the entries sum to 1, but a density has the area 1: mind the width of a step": (
                    lambda px_z, pz, z: px_z * pz / np.sum(px_z * pz)
                ),
                "the prior is missing": lambda px_z, pz, z: px_z / (np.sum(px_z) * (z[1] - z[0])),
                "the prior is missing above the line": lambda px_z, pz, z: px_z / marginal(px_z, pz, z),
                "the highest point is 1, but a density has the area 1": (
                    lambda px_z, pz, z: px_z * pz / np.max(px_z * pz)
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
            inputs(px_z=positive(lambda B: 5 + 3 * B, low=0.001, high=1, tails=(1e-6, 60))),
            "estimate standard_error",
            mistakes={
                "np.std divides by N unless it is told ddof=1": lambda px_z: (
                    px_z.mean(),
                    standard_error(px_z, 0),
                ),
                "this is the spread s of the summands; the error of their mean is smaller by sqrt(N)": (
                    lambda px_z: (px_z.mean(), px_z.std(ddof=1))
                ),
                "this is the spread of the summands, and that with ddof=0": lambda px_z: (
                    px_z.mean(),
                    px_z.std(),
                ),
                "the spread is divided by N; (1.8) divides by the root of N": lambda px_z: (
                    px_z.mean(),
                    px_z.std(ddof=1) / len(px_z),
                ),
                "this is the square of the standard error, a variance": lambda px_z: (
                    px_z.mean(),
                    px_z.var(ddof=1) / len(px_z),
                ),
                "the estimate is a mean, not a sum": lambda px_z: (px_z.sum(), standard_error(px_z)),
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
                "the division by the square of the error, 0.05**2, is missing": 3.0**20 - 1,
                "5 % is 0.05": (3.0**20 - 1) / 25,
            },
        ),
        (
            "(1.10) with M = 20, c = 3 and an error of 0.05.",
            "First c**M - 1, then divide by the square of 0.05.",
        ),
    ),
)
