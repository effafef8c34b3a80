"""Common wrong answers to the exercises of lesson 00, and what the check must say."""

import numpy as np

WRONG = [
    ("0.1", np.cos(0.75), "is missing"),
    ("0.1", 0.75, "that is not it"),
    ("0.2", lambda x: np.linalg.norm(x, axis=1), "its square"),
    ("0.2", lambda x: (x**2).sum(axis=0), "along each row"),
    ("0.3", lambda dh, a: dh / (1 + a**2), "2a, is missing"),
    ("0.3", lambda dh, a: 2 * a / (1 + a**2), "dh, is missing"),
]
