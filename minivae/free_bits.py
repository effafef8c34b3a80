"""Free bits: every latent may tell a few nats for nothing, so that none is given up too early (lesson 11).

Source: Kingma et al. 2016, "Improving variational inference with inverse autoregressive flow".
"""

from numbers import Real

import numpy as np

from . import gaussian
from .vae import VAE


def free_bits(mu, sigma, floor):
    """What is paid for: sum over latents of max(the mean over the batch of their KL, floor) (11.10).

    mu, sigma (B, M), floor in nats per latent -> a number, nats per image. At floor = 0 the mean of the KL.
    """
    return np.maximum(gaussian.kl_per_latent(mu, sigma).mean(axis=0), floor).sum()


def free_bits_gradient(mu, sigma, floor):
    """The derivatives of free_bits: those of the mean KL for a latent above the floor, 0 below it (11.11).

    mu, sigma (B, M) -> two arrays (B, M).
    """
    paid = gaussian.kl_per_latent(mu, sigma).mean(axis=0) > floor
    dkl_dmu, dkl_dsigma = gaussian.kl_gradient(mu, sigma)
    return paid * dkl_dmu / len(mu), paid * dkl_dsigma / len(mu)


class FreeBits(VAE):
    """A VAE whose objective is log p(x|z) - beta free_bits; kl and elbo stay what they are.

    floor: nats that each latent may tell on average over the batch before it is paid for; the other settings
    are VAE's. Raises ValueError where floor is negative.
    """

    def __init__(self, *settings, floor=0.25, **named):
        if not (isinstance(floor, Real) and 0 <= floor < np.inf):
            raise ValueError(
                f"floor is {floor!r}; the nats that are free must be a finite number, 0 or more."
            )
        self.floor = float(floor)
        super().__init__(*settings, **named)

    def score(self, t):
        """As VAE.score, with the KL that is paid for in the objective."""
        super().score(t)
        t.kl_paid = free_bits(t.mu, t.sigma, self.floor)
        t.objective = t.log_px_z - self.beta * t.kl_paid
        t.loss = -t.objective.sum() * self.weight(t)

    def kl_gradient(self, t):
        """The gradient of the sum over images of what is paid for."""
        dpaid_dmu, dpaid_dsigma = free_bits_gradient(t.mu, t.sigma, self.floor)
        return len(t.x) * dpaid_dmu, len(t.x) * dpaid_dsigma
