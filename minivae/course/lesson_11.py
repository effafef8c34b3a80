"""The exercises of lesson 11: the linear autoencoder, which latents live, free bits, causes of a collapse,
and the beta that is hidden in a loss."""

import numpy as np

from ..free_bits import free_bits
from ..gaussian import kl_gradient, kl_per_latent
from .judge import Exercise, chosen, inputs, pencil, positive, real, same_gradient

# 11.1


def half_squared_error(x, V, W):
    return 0.5 * ((x - x @ V @ W) ** 2).sum() / len(x)


def backward(scale=lambda B, D: 1 / B, error=lambda x, x_hat: x_hat - x, back=None):
    """The gradient by V and W with another number in front, another error, or another way back."""

    def gradient(x, V, W):
        c = x @ V
        dx_hat = error(x, c @ W) * scale(*x.shape)
        return x.T @ (dx_hat @ (back(V, W) if back else W.T)), c.T @ dx_hat

    return gradient


# 11.3


def between_latents(rng, B, v):
    """A floor with latents on either side of it."""
    told = np.sort(kl_per_latent(v["mu"], v["sigma"]).mean(axis=0))
    i = int(rng.integers(1, len(told)))
    return float((told[i - 1] + told[i]) / 2)


def latents(floor):
    return inputs(mu=real("B", "M"), sigma=positive("B", "M"), floor=floor)


def nearly_silent():
    """Latents whose KL, even summed over the batch, stays below the floor."""
    return inputs(
        mu=lambda rng, B, v: rng.uniform(-0.2, 0.2, (B, 3)),
        sigma=lambda rng, B, v: rng.uniform(0.85, 1.15, (B, 3)),
        floor=lambda rng, B, v: float(0.3 + B * rng.uniform(0.05, 0.1)),
    )


def per_batch(mask, scale=lambda mu: 1 / len(mu)):
    """The gradient of free bits with another mask or another number in front."""

    def gradient(mu, sigma, floor):
        dkl_dmu, dkl_dsigma = kl_gradient(mu, sigma)
        paid = mask(kl_per_latent(mu, sigma), floor)
        return paid * dkl_dmu * scale(mu), paid * dkl_dsigma * scale(mu)

    return gradient


def above(told, floor):
    return told.mean(axis=0) > floor


def summed_above(told, floor):
    return told.sum(axis=0) > floor


def with_floor_in_the_gradient(mu, sigma, floor):
    return np.maximum(mu / len(mu), floor), np.maximum((sigma - 1 / sigma) / len(mu), floor)


# 11.2

THRESHOLD = 2 * 1.1**2
EIGENVALUES = np.array([7, 2.8, 1.9, 0.9])


def told(threshold):
    return float(np.log(np.maximum(EIGENVALUES / threshold, 1)).sum() / 2)


EXERCISES = (
    Exercise(
        "11.1",
        "the linear autoencoder backward",
        same_gradient(
            half_squared_error,
            inputs(x=real("B", "D"), V=real("D", "M"), W=real("M", "D")),
            wrt="V W",
            takes="x V W",
            named=lambda v: {"c": v["x"] @ v["V"], "x_hat": v["x"] @ v["V"] @ v["W"]},
            mistakes={
                "1/B is missing: the loss is a mean over images": backward(scale=lambda B, D: 1),
                "a 2 too many: it cancels the half in front of the loss": backward(scale=lambda B, D: 2 / B),
                "a mean over pixels as well; (1/2B) divides by images only": backward(
                    scale=lambda B, D: 1 / (B * D)
                ),
                "the sign: by x_hat the derivative is x_hat - x": backward(error=lambda x, x_hat: x - x_hat),
                "the target is missing: by x_hat the derivative is x_hat - x": backward(
                    error=lambda x, x_hat: x_hat
                ),
                "dV is missing the way back through W": backward(back=lambda V, W: np.ones_like(V)),
                "the way back to the codes goes through W, and not through V": backward(back=lambda V, W: V),
            },
        ),
        (
            "Name the gradient at the output first: L = |x_hat - x|^2/(2B), so dx_hat = (x_hat - x)/B.",
            "Two dense layers backward, no biases: (5.5) for the weights, (5.6) for what goes further back.",
            "dW = c.T @ dx_hat; then dc = dx_hat @ W.T, and dV = x.T @ dc.",
        ),
    ),
    Exercise(
        "11.2",
        "which latents live",
        pencil(
            alive=2.0,
            sigma=np.sqrt(THRESHOLD / 7),
            kl=told(THRESHOLD),
            mistakes={
                ("alive", 3.0): "that is the count for beta = 1 (or for 1.1 in the place of 1.21); the"
                " threshold is beta s^2",
                ("alive", 4.0): "the number of eigenvalues is not the number of those above beta s^2",
                ("alive", 6.0): "six are given; alive are those with an eigenvalue above beta s^2",
                ("sigma", THRESHOLD / 7): "that is sigma squared",
                ("sigma", np.sqrt(1.21 / 7)): "that is sigma at beta = 1",
                ("sigma", np.sqrt(2.2 / 7)): "s^2 is 1.21, not 1.1",
                (
                    "sigma",
                    np.sqrt(THRESHOLD / 2.8),
                ): "that is the other latent; the one that tells most has the largest eigenvalue",
                ("kl", 2 * told(THRESHOLD)): "half the logarithm",
                ("kl", told(THRESHOLD) / 2): "all of them together: their sum, and not their mean",
                ("kl", told(1.21)): "that is the KL at beta = 1",
                ("kl", float(np.log(7 / THRESHOLD) / 2)): "that is the first latent alone",
                ("kl", float(np.log(EIGENVALUES / THRESHOLD).sum() / 2)): (
                    "the dead latents tell nothing, and not a negative number of nats"
                ),
            },
        ),
        (
            "(11.8): alive are the latents whose eigenvalue exceeds beta s^2. What is that here?",
            "beta s^2 = 2 * 1.21 = 2.42. sigma^2 = 2.42/7 for the first.",
            "KL = (log(7/2.42) + log(2.8/2.42))/2.",
        ),
    ),
    Exercise(
        "11.3",
        "the gradient of free bits",
        same_gradient(
            free_bits,
            {
                "some latents below the floor": latents(between_latents),
                "no floor": latents(lambda rng, B, v: 0.0),
                "latents far below the floor": nearly_silent(),
                "all latents below the floor": latents(
                    lambda rng, B, v: float(kl_per_latent(v["mu"], v["sigma"]).mean(axis=0).max() * 1.7 + 0.1)
                ),
            },
            wrt="mu sigma",
            takes="mu sigma floor",
            out="F",
            mistakes={
                "1/B is missing: what is compared with the floor is a mean over the batch": per_batch(
                    above, scale=lambda mu: 1
                ),
                "the batch's sum is compared with the floor; it is its mean": per_batch(summed_above),
                "the sum over the batch stands in the place of its mean": per_batch(
                    summed_above, scale=lambda mu: 1
                ),
                "the mask is missing: this is the gradient of the mean KL": per_batch(
                    lambda told, floor: np.ones_like(told)
                ),
                "each image has a maximum of its own here; the mean over the batch comes first": per_batch(
                    lambda told, floor: told > floor
                ),
                "the mask is turned round: below the floor nothing pulls": per_batch(
                    lambda told, floor: told.mean(axis=0) < floor
                ),
                "the sign": per_batch(above, scale=lambda mu: -1 / len(mu)),
                "the maximum is taken of the gradient; it belongs to the KL": with_floor_in_the_gradient,
            },
        ),
        (
            "Which latents pay? Take the KL per image and latent, its mean over the batch, and compare.",
            "For a latent that pays, F holds the mean over the batch of its KL: (2.10), divided by B.",
            "above = told > floor has the shape (M,): it masks the columns of mu and of sigma - 1/sigma.",
        ),
    ),
    Exercise(
        "11.4",
        "why do they tell nothing?",
        chosen(
            {"A": "optimisation", "B": "right", "C": "too early", "D": "price"},
            ("optimisation", "too early", "price", "right"),
            {
                "A": "Does it also fail when nothing has to be paid?",
                "B": "Look at (11.5): which eigenvalues lie above s^2 = 1?",
                "C": "It copies when nothing has to be paid, and warm-up brings the latents to life.",
                "D": "What does a mean over 784 pixels do to the weight of the KL? (11.14)",
            },
            what="model",
        ),
        (
            "First question for each: does it also fail with beta = 0? Only one does.",
            "Second: are all eigenvalues below the noise? Third: what is beta, really?",
            "What warm-up cures, was killed too early; what comes back at the full price, was priced out.",
        ),
    ),
    Exercise(
        "11.5",
        "the hidden beta",
        pencil(
            beta_a=0.5,
            beta_b=5.12,
            beta_c=1 / 16,
            mistakes={
                ("beta_a", 1.0): "a Gaussian decoder with s = 1 has SSE/2, not SSE: divide by 2 c_1",
                ("beta_a", 2.0): "upside down: c_2 is above",
                ("beta_a", 512.0): "the squared error is summed here, c_1 = 1",
                ("beta_b", 10.24): "the half of SSE/2 is missing: divide by 2 c_1",
                ("beta_b", 0.01): "c_1 is 1/1024 there",
                ("beta_b", 512.0): "c_2 = 0.01 is missing",
                ("beta_b", 0.005): "c_1 is 1/1024 there",
                ("beta_c", 16.0): "upside down: the KL is divided by 16",
                ("beta_c", 1 / 32): "the half belongs to squared errors; a cross-entropy has none",
                ("beta_c", 1.0): "a mean over 16 latents is a sixteenth of their sum",
            },
        ),
        (
            "(11.14): read c_1 and c_2 off the loss. Is it a squared error or a cross-entropy?",
            "A mean over D pixels is a sum with c_1 = 1/D; a mean over M latents is c_2 = 1/M.",
            "a: 1/2. b: 0.01 / (2/1024). c: 1/16.",
        ),
    ),
)
