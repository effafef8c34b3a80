"""Common wrong answers to the exercises of lesson 03."""

import numpy as np

from minivae.gaussian import kl


def gradient(dmu, dsigma):
    """A wrong elbo_gradient from its parts: the reconstruction's two derivatives, rec_mu and rec_sigma,
    are right."""

    def elbo_gradient(x, w, s, mu, sigma):
        rec_mu = ((x - w * mu[:, None]) * w).sum(axis=1) / s**2
        rec_sigma = -sigma * (w**2).sum() / s**2
        return dmu(rec_mu, mu, s), dsigma(rec_sigma, sigma, s)

    return elbo_gradient


def right_mu(rec, mu, s):
    return rec - mu


def right_sigma(rec, sigma, s):
    return rec - sigma + 1 / sigma


WRONG = (
    ("3.1", -95.2, "this is the ELBO"),
    ("3.1", -120.2, "added back"),
    ("3.1", -66.2, "the gap is missing"),
    (
        "3.2",
        lambda log_px_z, log_pz, log_q, step: np.sum(np.exp(log_q) * log_px_z) * step,
        "reconstruction alone",
    ),
    ("3.2", lambda log_px_z, log_pz, log_q, step: np.sum(log_px_z + log_pz - log_q) * step, "taken over q"),
    (
        "3.2",
        lambda log_px_z, log_pz, log_q, step: np.log(np.sum(np.exp(log_px_z + log_pz)) * step),
        "log p(x) itself",
    ),
    (
        "3.2",
        lambda log_px_z, log_pz, log_q, step: np.exp(log_q) * (log_px_z + log_pz - log_q),
        "expected a single number",
    ),
    ("3.3", lambda log_px_z, mu, sigma: log_px_z + kl(mu, sigma), "it is subtracted"),
    ("3.3", lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma).sum(), "every image has its own KL"),
    ("3.3", lambda log_px_z, mu, sigma: (log_px_z - kl(mu, sigma)).mean(axis=0), "was axis 0"),
    ("3.4", gradient(lambda rec, mu, s: rec, right_sigma), "the KL's path is missing"),
    ("3.4", gradient(right_mu, lambda rec, sigma, s: rec - sigma), {"relation": "term", "term": "1/sigma"}),
    (
        "3.4",
        gradient(lambda rec, mu, s: -rec + mu, lambda rec, sigma, s: -rec + sigma - 1 / sigma),
        "minus the ELBO",
    ),
    ("3.4", gradient(lambda rec, mu, s: rec + mu, right_sigma), "the KL's path has the wrong sign"),
    ("3.4", gradient(lambda rec, mu, s: rec * s**2 - mu, right_sigma), "1/s^2 in front"),
    (
        "3.4",
        gradient(lambda rec, mu, s: 2 * rec - mu, lambda rec, sigma, s: 2 * rec - sigma + 1 / sigma),
        "the 2 from the square is too many",
    ),
    (
        "3.4",
        gradient(lambda rec, mu, s: 2 * rec - mu, right_sigma),
        "the reconstruction's path enters twice",
    ),
    ("3.4", gradient(right_mu, lambda rec, sigma, s: rec / sigma - sigma + 1 / sigma), "leaves a sigma"),
    (
        "3.5",
        lambda W, s: np.log(np.diag(W.T @ W)).sum() / 2 - np.linalg.slogdet(W.T @ W)[1] / 2,
        "s^2 I is missing",
    ),
    ("3.5", lambda W, s: 1 / s, "gap is"),
)
