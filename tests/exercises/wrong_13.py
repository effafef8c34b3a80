"""Common wrong answers to the exercises of lesson 13."""

import numpy as np


def shares(a):
    w = np.exp(a - a.max(axis=0))
    return w / w.sum(axis=0)


def back(prior=1, q=1, noise=True):
    def weights_backward(dlog_w, g, mu, sigma, eps):
        dz = dlog_w[..., None] * (g - prior * (mu + sigma * eps))
        through_z = dz * eps if noise else dz
        return dz.sum(axis=0), through_z.sum(axis=0) + q * dlog_w.sum(axis=0)[:, None] / sigma

    return weights_backward


WRONG = (
    (
        "13.1",
        lambda log_px_z, z, eps, sigma: log_px_z + ((eps**2 - z**2) / 2).sum(-1),
        "log sigma is missing",
    ),
    (
        "13.1",
        lambda log_px_z, z, eps, sigma: log_px_z + ((eps**2 - z**2) / 2 - np.log(sigma)).sum(-1),
        "the sign of log sigma",
    ),
    (
        "13.1",
        lambda log_px_z, z, eps, sigma: log_px_z + (eps**2 - z**2 + np.log(sigma)).sum(-1),
        "the halves are missing",
    ),
    ("13.1", lambda log_px_z, z, eps, sigma: log_px_z + (-(z**2) / 2 + np.log(sigma)).sum(-1), "q's term"),
    (
        "13.1",
        lambda log_px_z, z, eps, sigma: log_px_z + ((z**2 - eps**2) / 2 - np.log(sigma)).sum(-1),
        "upside down",
    ),
    (
        "13.1",
        lambda log_px_z, z, eps, sigma: log_px_z + ((eps**2 - z**2) / 2 + np.log(sigma)).mean(-1),
        "a mean over the latents",
    ),
    ("13.2", lambda a: np.log(np.exp(a).mean(axis=0)), "Right for"),
    ("13.2", lambda a: a.mean(axis=0), "the mean of the logarithms"),
    ("13.2", lambda a: a.max(axis=0) + np.log(np.exp(a - a.max(axis=0)).sum(axis=0)), "log-sum-exp"),
    ("13.3", lambda dy, a: shares(a), "from above is missing"),
    ("13.3", lambda dy, a: dy * np.ones_like(a) / len(a), "every draw gets the same"),
    ("13.3", lambda dy, a: dy * np.exp(a - a.max(axis=0)), "not normalised"),
    ("13.3", lambda dy, a: dy * shares(a) * len(a), "divided by the mean over the draws"),
    ("13.4", back(prior=0), "the prior's path is missing"),
    ("13.4", back(prior=-1), "the prior's path has the wrong sign"),
    ("13.4", back(q=0), "the path through q is missing"),
    ("13.4", back(noise=False), "eps is missing in dsigma"),
    ("13.5", lambda log_w: (shares(log_w) ** 2).sum(axis=0), "upside down"),
    ("13.5", lambda log_w: log_w.sum(axis=0) ** 2 / (log_w**2).sum(axis=0), "exp first"),
    ("13.5", lambda log_w: np.exp(log_w).sum(0) ** 2 / (np.exp(log_w) ** 2).sum(0), "Right for"),
)
