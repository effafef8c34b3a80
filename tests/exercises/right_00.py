"""Right answers to the exercises of lesson 00 in many styles: all of them count."""

import math

import numpy as np


def length_by_length(x):
    return [sum(v * v for v in row) for row in x]


RIGHT = [
    ("0.1", 3 * math.cos(0.75)),
    ("0.1", 2.2),
    ("0.1", np.array([2.195])),
    ("0.2", length_by_length),
    ("0.2", lambda x: np.einsum("ij,ij->i", x, x)),
    ("0.2", lambda x: np.linalg.norm(x, axis=1) ** 2),
    ("0.3", lambda dh, a: dh * 2 * a / (1 + a**2)),
    ("0.3", lambda a, dh: 2 * dh / (a + 1 / a)),
]
