"""Right answers to the exercises of lesson 02 in many styles: all of them count."""

import math
from types import SimpleNamespace

import numpy as np


def log_normal_by_loop(z, mu, sigma):
    out = []
    for zs, ms, ss in zip(z, mu, sigma):
        out.append(
            sum(
                -((a - m) ** 2) / (2 * s * s) - math.log(s) - math.log(2 * math.pi) / 2
                for a, m, s in zip(zs, ms, ss)
            )
        )
    return out


def gradient_by_loop(z, mu, sigma):
    dz, dmu, dsigma = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for i in np.ndindex(z.shape):
        u = (z[i] - mu[i]) / sigma[i]
        dz[i], dmu[i], dsigma[i] = -u / sigma[i], u / sigma[i], u * u / sigma[i] - 1 / sigma[i]
    return dz, dmu, dsigma


def kl_by_loop(mu, sigma):
    return np.array(
        [sum(0.5 * (m * m + s * s - 1) - math.log(s) for m, s in zip(ms, ss)) for ms, ss in zip(mu, sigma)]
    )


RIGHT = [
    ("2.1", log_normal_by_loop),
    ("2.1", lambda *a: np.array(log_normal_by_loop(*a))),
    ("2.1", lambda *a: tuple(log_normal_by_loop(*a))),
    (
        "2.1",
        lambda z, mu, sigma: -0.5 * np.sum(np.log(2 * np.pi * sigma**2) + (z - mu) ** 2 / sigma**2, axis=1),
    ),
    (
        "2.1",
        lambda z, mu, sigma: (
            -0.5 * np.einsum("bm,bm->b", (z - mu) / sigma, (z - mu) / sigma)
            - np.log(sigma).sum(1)
            - z.shape[1] * 0.5 * math.log(2 * math.pi)
        ),
    ),
    ("2.2", gradient_by_loop),
    ("2.2", lambda *a: list(gradient_by_loop(*a))),
    ("2.2", lambda *a: np.stack(gradient_by_loop(*a))),
    ("2.2", lambda *a: np.array(gradient_by_loop(*a))),
    (
        "2.2",
        lambda *a: dict(
            zip(("dlog_prob_dsigma", "dlog_prob_dmu", "dlog_prob_dz"), gradient_by_loop(*a)[::-1])
        ),
    ),
    ("2.2", lambda *a: SimpleNamespace(**dict(zip(("dz", "dmu", "dsigma"), gradient_by_loop(*a))))),
    ("2.2", lambda *a: [part.tolist() for part in gradient_by_loop(*a)]),
    (
        "2.2",
        lambda z, mu, sigma: (
            (mu - z) / sigma**2,
            (z - mu) / sigma**2,
            ((z - mu) ** 2 - sigma**2) / sigma**3,
        ),
    ),
    ("2.3", 2 - math.log(2)),
    ("2.3", 1.31),
    ("2.3", 1.3),
    ("2.3", 1.307),
    ("2.3", 1.3069),
    ("2.3", np.array([1.306853])),
    ("2.3", np.float32(1.30685)),
    ("2.4", kl_by_loop),
    ("2.4", lambda mu, sigma: -0.5 * np.sum(1 + np.log(sigma**2) - mu**2 - sigma**2, axis=1)),
    ("2.4", lambda mu, sigma: list(kl_by_loop(mu, sigma))),
    ("2.4", lambda m, s: np.einsum("bm->b", (m * m + s * s) / 2 - np.log(s) - 0.5)),
    ("2.4", lambda mu, sigma: kl_by_loop(mu, sigma).astype(np.float32)),
    ("2.5", lambda mu, sigma: (mu, (sigma**2 - 1) / sigma)),
    ("2.5", lambda mu, sigma: [mu.tolist(), (sigma - 1 / sigma).tolist()]),
    ("2.5", lambda mu, sigma: np.stack([mu, sigma - 1 / sigma])),
    ("2.5", lambda mu, sigma: {"dkl_dmu": 1 * mu, "dkl_dsigma": sigma - sigma**-1.0}),
    ("2.5", lambda mu, sigma: {"dmu": 1 * mu, "dsigma": sigma - sigma**-1.0}),
    ("2.5", lambda mu, sigma: (mu, (sigma - 1 / sigma).astype(np.float32))),
]
