"""Right answers to the exercises of lesson 14 in many styles: all of them count."""

import numpy as np


def draw_backward(dz, eps, fresh):
    return [dz, eps * dz]


def heads_backward(dmu, dsigma, raw):
    return np.hstack([dmu, dsigma / (1 + np.exp(-raw))])


def shared_backward(dmu, draw, W):
    M = dmu.shape[1]
    return dmu @ W[:, :M].T + draw @ W[:, M:].T


def logvar_backward(dz, mu, logvar, eps):
    sigma = np.exp(0.5 * logvar)
    dsigma = dz * eps + sigma - 1 / sigma
    return {"dmu": dz + mu, "dlogvar": dsigma * sigma / 2}


def output_backward(x, p):
    return (p - x) / (p * (1 - p)) * p * (1 - p)


def kl(mu, logvar):
    sigma = np.exp(logvar / 2)
    return (mu**2 / 2 + sigma**2 / 2 - np.log(sigma) - 0.5).sum(axis=1)


def loss(x, logits, kl):
    log_px_z = (x * logits - np.logaddexp(0, logits)).sum(axis=-1)
    return -np.mean(log_px_z - kl)


def noise(rng, B, M):
    return rng.normal(0, 1, size=(B, M))


def noise_one_by_one(rng, B, M):
    return [[rng.standard_normal() for _ in range(M)] for _ in range(B)]


def log_weights(log_px_z, kl, z, eps, sigma):
    log_pz = -(z**2 / 2).sum(axis=2)
    log_q = -(eps**2 / 2 + np.log(sigma)).sum(axis=2)
    return log_px_z + log_pz - log_q


def weights(log_w):
    return np.exp(log_w - np.logaddexp.reduce(log_w, axis=0))


def weighted_sum(dz, w):
    return np.einsum("bk,kbm->bm", w, dz)


def log_density(x, m, sigma):
    return -np.sum(np.log(sigma * np.sqrt(2 * np.pi)) + 0.5 * ((x - m) / sigma) ** 2, axis=1)


def held_out(log_px_z, mu, sigma, eps):
    divergence = ((sigma**2 + mu**2 - 1) / 2 - np.log(sigma)).sum(axis=1)
    return np.mean(log_px_z(mu + sigma * eps)) - np.mean(divergence)


RIGHT = [
    (
        "14.1",
        ["gradient check", "identity", "identity", "spread", "spread", "twice", "weights", "none"],
    ),
    ("14.2", (draw_backward, heads_backward, shared_backward, logvar_backward, output_backward)),
    ("14.3", (lambda mu, logvar, eps: mu + np.sqrt(np.exp(logvar)) * eps, kl, loss)),
    ("14.4", (noise, noise_one_by_one)),
    ("14.5", (log_weights, weights, weighted_sum)),
    ("14.6", [log_density, held_out]),
]
