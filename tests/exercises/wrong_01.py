"""Common wrong answers to the exercises of lesson 01."""

import numpy as np

WRONG = (
    ("1.1", 0.9 * 0.2 * 0.5, "a dark pixel contributes 1 - p"),
    ("1.1", 0.9 * 0.5, "left out"),
    ("1.2", lambda px_z, pz, z: np.sum(px_z * pz), "width of a grid step"),
    ("1.2", lambda px_z, pz, z: np.sum(px_z) * (z[1] - z[0]), "the prior p(z) is missing"),
    ("1.2", lambda px_z, pz, z: px_z * pz * (z[1] - z[0]), "expected a single number"),
    ("1.3", lambda px_z, pz, z: px_z * pz, "the division by p(x) is missing"),
    ("1.3", lambda px_z, pz, z: px_z * pz / np.sum(px_z * pz), "sum to 1"),
    ("1.4", lambda px_z: (px_z.mean(), px_z.std() / np.sqrt(len(px_z))), "ddof=1"),
    ("1.4", lambda px_z: (px_z.mean(), px_z.std(ddof=1)), "smaller by sqrt(N)"),
    ("1.4", lambda px_z: px_z.mean(), "2 are expected"),
    ("1.5", (3**20 - 1) / 0.05, "as its square"),
    ("1.5", 3**20 - 1, "the division by the square of the error"),
)
