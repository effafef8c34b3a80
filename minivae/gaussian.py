"""The diagonal Gaussian: q(z|x) = N(mu, diag(sigma^2)) and the prior p(z) = N(0, I) (lessons 02, 04).

mu and sigma are (B, M): one pair per image and latent. eps and z are (B, M) or (K, B, M). Units: nats.
"""

import math

import numpy as np

from .layers import Elementwise, sigmoid, softplus

HALF_LOG_2PI = math.log(2 * math.pi) / 2
SIGMA_MIN = 1e-6  # of the softplus head: keeps log sigma finite

HEADS = {  # sigma = forward(raw), a standard deviation; draw = backward(dsigma, raw, sigma)
    head.name: head
    for head in (
        # sigma = softplus(raw) + 1e-6, draw = dsigma sigmoid(raw) (4.10)
        Elementwise(
            "softplus",
            lambda raw: softplus(raw) + SIGMA_MIN,
            lambda dsigma, raw, sigma: dsigma * sigmoid(raw),
        ),
        # raw = logvar = log sigma^2, sigma = exp(logvar/2), draw = dsigma sigma/2 (4.11)
        Elementwise(
            "logvar",
            lambda raw: np.exp(raw / 2),
            lambda dsigma, raw, sigma: dsigma * sigma / 2,
        ),
    )
}


def reparameterize(mu, sigma, eps):
    """z = mu + sigma * eps with eps ~ N(0, I), a draw from N(mu, sigma^2) (4.6).

    mu, sigma (B, M), eps (B, M) or (K, B, M) -> z like eps. Source: Kingma & Welling 2014, section 2.4.
    """
    return mu + sigma * eps


def reparameterize_backward(dz, eps):
    """dmu = dz, dsigma = dz * eps (4.7), summed over the K samples where there are several (4.13).

    dz, eps (B, M) or (K, B, M) -> dmu, dsigma (B, M).
    """
    dmu, dsigma = dz, dz * eps
    if dz.ndim == 3:
        dmu, dsigma = dmu.sum(axis=0), dsigma.sum(axis=0)
    return dmu, dsigma


def kl(mu, sigma):
    """KL(N(mu, sigma^2) || N(0, I)) = sum over latents of -log sigma + (sigma^2 + mu^2)/2 - 1/2 (2.8).

    mu, sigma (B, M) -> (B,) nats, never negative (Kingma & Welling 2014, appendix B).
    """
    return kl_per_latent(mu, sigma).sum(axis=-1)


def kl_per_latent(mu, sigma):
    """The summands of kl, one per latent: mu, sigma (B, M) -> (B, M) nats (2.8)."""
    return (sigma * sigma + mu * mu) / 2 - np.log(sigma) - 0.5


def kl_gradient(mu, sigma):
    """The derivatives of kl: dkl_dmu = mu, dkl_dsigma = sigma - 1/sigma (2.10).

    mu, sigma (B, M) -> two arrays (B, M).
    """
    return mu, sigma - 1 / sigma


def log_prob(z, mu, sigma):
    """log N(z; mu, sigma^2) = -sum of ((z - mu)/sigma)^2/2 + log sigma + log(2 pi)/2 (2.3), in nats.

    Sums the last axis.
    """
    u = (z - mu) / sigma
    return -(u * u / 2 + np.log(sigma) + HALF_LOG_2PI).sum(axis=-1)


def log_prob_gradient(z, mu, sigma):
    """The derivatives of log_prob with respect to z, mu and sigma: -u/sigma, u/sigma, (u^2 - 1)/sigma,
    u = (z - mu)/sigma (2.4)."""
    u = (z - mu) / sigma
    return -u / sigma, u / sigma, (u * u - 1) / sigma
