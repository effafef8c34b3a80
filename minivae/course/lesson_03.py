"""The exercises of lesson 03: the ELBO, its two readings, and the gap of the linear-Gaussian model."""

import numpy as np

from ..exact import LinearGaussian
from ..gaussian import kl
from .judge import Exercise, inputs, positive, real, same_gradient, same_value, same_values


def log_likelihood(rng, B, v):
    z = v["z"]
    return -rng.uniform(0.5, 2) * (z - rng.normal()) ** 2 - rng.uniform(1, 3) * np.cos(z) - rng.uniform(-5, 5)


def log_normal(rng, B, v):
    mu, sigma = rng.normal(), rng.uniform(0.2, 1.5)
    return -(((v["z"] - mu) / sigma) ** 2 / 2 + np.log(sigma) + np.log(2 * np.pi) / 2)


grid = inputs(  # a likelihood, a prior and a q on a grid of equal steps, never the same step twice
    z=lambda rng, B, v: np.linspace(-rng.uniform(8, 9), rng.uniform(8, 9), 100 + 20 * B),
    log_px_z=log_likelihood,
    log_pz=log_normal,
    log_q=log_normal,
    step=lambda rng, B, v: float(v["z"][1] - v["z"][0]),
)


def elbo_on_grid(log_px_z, log_pz, log_q, step):
    return np.sum(np.exp(log_q) * (log_px_z + log_pz - log_q)) * step


draws = inputs(  # K draws of B images with three latents, K never B
    log_px_z=real(lambda B: B + 2, "B", scale=20, tails=300), mu=real("B", 3), sigma=positive("B", 3)
)
linear = inputs(  # a batch of images of five pixels, one latent
    x=real("B", 5), w=real(5), s=positive(), mu=real("B"), sigma=positive("B")
)


def linear_elbo(x, w, s, mu, sigma):
    squares = ((x - w * mu[:, None]) ** 2 + w**2 * sigma[:, None] ** 2).sum(axis=1)
    return -squares / (2 * s**2) - ((sigma**2 + mu**2) / 2 - np.log(sigma) - 0.5)


def linear_backward(power=2, scale=1, sigma_power=1, w_power=2, residual=1):
    """The gradient of linear_elbo with other numbers than it has: the common slips."""

    def elbo_backward(x, w, s, mu, sigma):
        rec_mu = ((x - residual * w * mu[:, None]) * w ** (w_power - 1)).sum(axis=1)
        rec_sigma = -(sigma**sigma_power) * (w**w_power).sum()
        return scale * rec_mu / s**power - mu, scale * rec_sigma / s**power - sigma + 1 / sigma

    return elbo_backward


def weights(latents):
    return inputs(W=real(lambda B: B + 7, latents, scale=0.3), s=positive(low=0.2, high=1.2))


def gap(W, s):
    return LinearGaussian(W, np.zeros(len(W)), s).best_gap()


def gap_from(matrix):
    """(3.12) with another matrix in the place of M."""

    def gap(W, s):
        A = matrix(W, s)
        return (np.log(np.diag(A)).sum() - np.linalg.slogdet(A)[1]) / 2

    return gap


EXERCISES = (
    Exercise(
        "3.1",
        "from log p(x) to the reconstruction",
        same_value(
            -70.2,
            "the reconstruction",
            mistakes={
                "this is the ELBO; the reconstruction is what (3.7) subtracts the KL from": -95.2,
                "the KL is subtracted from the reconstruction to give the ELBO; here it has to be added "
                "back": (-120.2),
                "the gap is missing: the ELBO lies below log p(x) by 4": -66.2,
                "the gap goes the other way: the ELBO lies below log p(x), not above": -62.2,
                "a log-likelihood of an image is negative here: mind the sign": 70.2,
            },
        ),
        (
            "First the ELBO, from log p(x) and the gap: (3.8).",
            "Then (3.7): ELBO = reconstruction - KL. Solve for the reconstruction.",
        ),
    ),
    Exercise(
        "3.2",
        "the ELBO on a grid",
        same_values(
            elbo_on_grid,
            grid,
            "elbo",
            mistakes={
                "this is the reconstruction alone; the KL to the prior is missing": (
                    lambda log_px_z, log_pz, log_q, step: np.sum(np.exp(log_q) * log_px_z) * step
                ),
                "-log q is missing: this is the average of log p(x, z)": (
                    lambda log_px_z, log_pz, log_q, step: np.sum(np.exp(log_q) * (log_px_z + log_pz)) * step
                ),
                "the sign of the KL: log p(z) - log q is added to log p(x|z), not subtracted": (
                    lambda log_px_z, log_pz, log_q, step: (
                        np.sum(np.exp(log_q) * (log_px_z - log_pz + log_q)) * step
                    )
                ),
                "the average has to be taken over q: multiply by np.exp(log_q) before you add up": (
                    lambda log_px_z, log_pz, log_q, step: np.sum(log_px_z + log_pz - log_q) * step
                ),
                "the average is taken over the prior; it goes over q": (
                    lambda log_px_z, log_pz, log_q, step: (
                        np.sum(np.exp(log_pz) * (log_px_z + log_pz - log_q)) * step
                    )
                ),
                "the weight is log q; it has to be q itself, np.exp(log_q)": (
                    lambda log_px_z, log_pz, log_q, step: np.sum(log_q * (log_px_z + log_pz - log_q)) * step
                ),
                "the width of a grid step is missing": lambda log_px_z, log_pz, log_q, step: np.sum(
                    np.exp(log_q) * (log_px_z + log_pz - log_q)
                ),
                "this is log p(x) itself: the logarithm of an average. The ELBO is the average of a "
                "logarithm": lambda log_px_z, log_pz, log_q, step: np.log(
                    np.sum(np.exp(log_px_z + log_pz)) * step
                ),
            },
        ),
        (
            "E_q[f] on a grid is the sum of q f, times the step. And q is np.exp(log_q).",
            "f is log p(x, z) - log q, and log p(x, z) = log_px_z + log_pz.",
        ),
    ),
    Exercise(
        "3.3",
        "the ELBO of every draw",
        same_values(
            lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma),
            draws,
            "elbo",
            mistakes={
                "the KL is added; it is subtracted": lambda log_px_z, mu, sigma: log_px_z + kl(mu, sigma),
                "the KL is averaged over the latents; it is a sum": (
                    lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma) / mu.shape[-1]
                ),
                "every image has its own KL; here one sum of all of them is subtracted": (
                    lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma).sum()
                ),
                "every image has its own KL; here their mean is subtracted": (
                    lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma).mean()
                ),
                "the KL is missing": lambda log_px_z, mu, sigma: log_px_z + 0 * kl(mu, sigma),
            },
        ),
        (
            "(3.7) for each draw: its log_px_z minus the KL of its image.",
            "gaussian.kl(mu, sigma) has the shape (B,). NumPy subtracts it from every row of a (K, B) array.",
        ),
    ),
    Exercise(
        "3.4",
        "the gradient of an ELBO, by pencil",
        same_gradient(
            linear_elbo,
            linear,
            wrt="mu sigma",
            takes="x w s mu sigma",
            out="elbo",
            named=lambda v: {
                "w'w": (v["w"] ** 2).sum(),
                "w'(x - w mu)": (v["x"] - v["w"] * v["mu"][:, None]) @ v["w"],
            },
            mistakes={
                "the reconstruction has 1/s^2 in front, and here that is missing": linear_backward(power=0),
                "the reconstruction is divided by s; it is s^2": linear_backward(power=1),
                "the 2 from the square is too many: the 1/2 in front cancels it": linear_backward(scale=2),
                "w_d^2 sigma^2 differentiated by sigma leaves a sigma": linear_backward(sigma_power=0),
                "the inner derivative of x_d - w_d mu is missing, a factor w_d before the sum": (
                    linear_backward(w_power=1)
                ),
                "the residual is x_d - w_d mu, and not x_d": linear_backward(residual=0),
            },
        ),
        (
            (
                "By mu: the chain rule on (x_d - w_d mu)^2 gives -2 w_d (x_d - w_d mu). The -1/(2 s^2) in"
                " front eats the -2."
            ),
            (
                "By sigma: w_d^2 sigma^2 gives 2 w_d^2 sigma. And the KL gives sigma - 1/sigma (2.10), with a"
                " minus in the ELBO."
            ),
            "For a batch, w * mu[:, None] is (B, D). Sum over pixels with .sum(axis=1).",
        ),
    ),
    Exercise(
        "3.5",
        "the smallest gap of a diagonal q",
        same_values(
            gap,
            {"three latents": weights(3), "five latents": weights(5)},
            "gap",
            mistakes={
                "the half in front is missing": lambda W, s: 2 * gap(W, s),
                "the sign: a gap is never negative": lambda W, s: -gap(W, s),
                "the matrix is W'W + s^2 I, of M x M; this is W W' + s^2 I": gap_from(
                    lambda W, s: W @ W.T + s**2 * np.eye(len(W))
                ),
                "s enters as its square": gap_from(lambda W, s: W.T @ W + s * np.eye(W.shape[1])),
                "the + s^2 I is missing": gap_from(lambda W, s: W.T @ W),
                "that is the gap for the inverse matrix: q with the posterior's own variances, which is not "
                "the best one": gap_from(lambda W, s: np.linalg.inv(W.T @ W + s**2 * np.eye(W.shape[1]))),
            },
        ),
        (
            "First the matrix: A = W.T @ W + s**2 * np.eye(M), where M is the number of columns of W.",
            (
                "Two numbers: the sum of np.log(np.diag(A)), and np.linalg.slogdet(A)[1]. Half of their"
                " difference."
            ),
        ),
    ),
)
