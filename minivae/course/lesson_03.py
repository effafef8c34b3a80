"""The exercises of lesson 03: the ELBO, its two readings, and the gap of the linear-Gaussian model."""

import numpy as np

from ..exact import LinearGaussian
from ..gaussian import HALF_LOG_2PI, kl
from .judge import Exercise, inputs, positive, real, same_gradient, same_value, same_values


def log_likelihood(rng, B, v):
    z = v["z"]
    return -rng.uniform(0.5, 2) * (z - rng.normal()) ** 2 - rng.uniform(1, 3) * np.cos(z) - rng.uniform(-5, 5)


def log_normal(rng, B, v):
    mu, sigma = rng.normal(), rng.uniform(0.2, 1.5)
    return -(((v["z"] - mu) / sigma) ** 2 / 2 + np.log(sigma) + HALF_LOG_2PI)


GRID = inputs(  # a likelihood, a prior and a q on a grid of equal steps, never the same step twice
    z=lambda rng, B, v: np.linspace(-rng.uniform(8, 9), rng.uniform(8, 9), 100 + 20 * B),
    log_px_z=log_likelihood,
    log_pz=log_normal,
    log_q=log_normal,
    step=lambda rng, B, v: float(v["z"][1] - v["z"][0]),
)


def elbo_on_grid(log_px_z, log_pz, log_q, step):
    return np.sum(np.exp(log_q) * (log_px_z + log_pz - log_q)) * step


def averaged(f, weight=lambda log_pz, log_q: np.exp(log_q)):
    """The average of another f(log_px_z, log_pz, log_q), or with another weight."""
    return lambda log_px_z, log_pz, log_q, step: (
        np.sum(weight(log_pz, log_q) * f(log_px_z, log_pz, log_q)) * step
    )


def summand(log_px_z, log_pz, log_q):
    return log_px_z + log_pz - log_q


def minus_kl(kl):
    return lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma)


def linear_elbo(x, w, s, mu, sigma):
    squares = ((x - w * mu[:, None]) ** 2 + w**2 * sigma[:, None] ** 2).sum(axis=1)
    return -squares / (2 * s**2) - ((sigma**2 + mu**2) / 2 - np.log(sigma) - 0.5)


def linear_paths(values):
    x, w, s, mu, sigma = (values[name] for name in ("x", "w", "s", "mu", "sigma"))
    return {
        "the reconstruction's path": ((x - w * mu[:, None]) @ w / s**2, -sigma * (w @ w) / s**2),
        "the KL's path": (-mu, 1 / sigma - sigma),
    }


def linear_gradient(rec_mu=None, rec_sigma=None, power=2, scale=1):
    """The gradient of linear_elbo with other numbers than it has: the common slips."""

    def elbo_gradient(x, w, s, mu, sigma):
        by_mu = (rec_mu or (lambda x, w, mu: (x - w * mu[:, None]) @ w))(x, w, mu)
        by_sigma = (rec_sigma or (lambda w, sigma: -sigma * (w @ w)))(w, sigma)
        return scale * by_mu / s**power - mu, scale * by_sigma / s**power - sigma + 1 / sigma

    return elbo_gradient


def gap(W, s):
    return LinearGaussian(W, np.zeros(len(W)), s).best_gap()


def gap_from(matrix):
    """(3.12) with another matrix in the place of M."""

    def gap(W, s):
        M = matrix(W, s)
        return (np.log(np.diag(M)).sum() - np.linalg.slogdet(M)[1]) / 2

    return gap


def matrix(W, s):
    return W.T @ W + s**2 * np.eye(W.shape[1])


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
                "back": -120.2,
                "the gap is missing: the ELBO lies below log p(x) by 4": -66.2,
                "the gap goes the other way: the ELBO lies below log p(x), not above": -62.2,
                "the gap goes the other way, and so does the KL": -91.2 + 4 - 25,
                "this is log p(x) less the KL; the KL is added back, and the gap comes off": -91.2 - 25,
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
            GRID,
            "elbo",
            mistakes={
                "the sign: this is minus the ELBO": averaged(lambda *terms: -summand(*terms)),
                "this is the reconstruction alone; the KL to the prior is missing": averaged(
                    lambda log_px_z, log_pz, log_q: log_px_z
                ),
                "this is minus the KL to the prior; the reconstruction is missing": averaged(
                    lambda log_px_z, log_pz, log_q: log_pz - log_q
                ),
                "this is the KL to the prior; the reconstruction is missing": averaged(
                    lambda log_px_z, log_pz, log_q: log_q - log_pz
                ),
                "-log q is missing: this is the average of log p(x, z)": averaged(
                    lambda log_px_z, log_pz, log_q: log_px_z + log_pz
                ),
                "log p(z) is missing: p(x, z) is p(x|z) times the prior": averaged(
                    lambda log_px_z, log_pz, log_q: log_px_z - log_q
                ),
                "the sign of log q: the ELBO has log p(x, z) minus log q": averaged(
                    lambda log_px_z, log_pz, log_q: log_px_z + log_pz + log_q
                ),
                "the sign of the KL: log p(z) - log q is added to log p(x|z), not subtracted": averaged(
                    lambda log_px_z, log_pz, log_q: log_px_z - log_pz + log_q
                ),
                "the average has to be taken over q: multiply by np.exp(log_q) before you add up": averaged(
                    summand, lambda log_pz, log_q: 1
                ),
                "the average is taken over the prior; it goes over q": averaged(
                    summand, lambda log_pz, log_q: np.exp(log_pz)
                ),
                "the weight is log q; it has to be q itself, np.exp(log_q)": averaged(
                    summand, lambda log_pz, log_q: log_q
                ),
                "the width of a grid step is missing": lambda log_px_z, log_pz, log_q, step: np.sum(
                    np.exp(log_q) * (log_px_z + log_pz - log_q)
                ),
                "a mean over the grid is not an integral: sum, and multiply by the step": (
                    lambda log_px_z, log_pz, log_q, step: np.mean(np.exp(log_q) * (log_px_z + log_pz - log_q))
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
            inputs(log_px_z=real("K", "B", scale=20, tails=300), mu=real("B", "M"), sigma=positive("B", "M")),
            "elbo",
            mistakes={
                "the KL is added; it is subtracted": minus_kl(lambda mu, sigma: -kl(mu, sigma)),
                "the sign: this is minus the ELBO": lambda log_px_z, mu, sigma: kl(mu, sigma) - log_px_z,
                "the KL is averaged over the latents; it is a sum": minus_kl(
                    lambda mu, sigma: kl(mu, sigma) / mu.shape[-1]
                ),
                "the KL is halved once too often": minus_kl(lambda mu, sigma: kl(mu, sigma) / 2),
                "the KL is doubled": minus_kl(lambda mu, sigma: 2 * kl(mu, sigma)),
                "the -1/2 of (2.8), once per latent, is missing": minus_kl(
                    lambda mu, sigma: kl(mu, sigma) + mu.shape[-1] / 2
                ),
                "every image has its own KL; here one sum of all of them is subtracted": minus_kl(
                    lambda mu, sigma: kl(mu, sigma).sum()
                ),
                "every image has its own KL; here their mean is subtracted": minus_kl(
                    lambda mu, sigma: kl(mu, sigma).mean()
                ),
                "the KL is divided by the number of draws; each draw has the whole of it": (
                    lambda log_px_z, mu, sigma: log_px_z - kl(mu, sigma) / len(log_px_z)
                ),
                "the KL is missing": minus_kl(lambda mu, sigma: 0 * kl(mu, sigma)),
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
            inputs(x=real("B", "D"), w=real("D"), s=positive(), mu=real("B"), sigma=positive("B")),
            wrt="mu sigma",
            takes="x w s mu sigma",
            out="elbo",
            named=lambda v: {
                "w'w/s^2": np.full_like(v["mu"], v["w"] @ v["w"] / v["s"] ** 2),
                "w'(x - w mu)": (v["x"] - v["w"] * v["mu"][:, None]) @ v["w"],
            },
            paths=linear_paths,
            mistakes={
                "the sign: these are the derivatives of minus the ELBO": (
                    lambda *values: tuple(-part for part in linear_gradient()(*values))
                ),
                "the reconstruction has 1/s^2 in front, and here that is missing": linear_gradient(power=0),
                "the reconstruction is divided by s; it is s^2": linear_gradient(power=1),
                "the 2 from the square is too many: the 1/2 in front cancels it": linear_gradient(scale=2),
                "w_d^2 sigma^2 differentiated by sigma leaves a sigma": linear_gradient(
                    rec_sigma=lambda w, sigma: -(w @ w)
                ),
                "w_d^2 sigma^2 has the square of each w_d: (w**2).sum()": linear_gradient(
                    rec_sigma=lambda w, sigma: -sigma * w.sum()
                ),
                "the squares are added up, (w**2).sum(); here the sum is squared": linear_gradient(
                    rec_sigma=lambda w, sigma: -sigma * w.sum() ** 2
                ),
                "w_d^2 sigma^2 is not differentiated yet": linear_gradient(
                    rec_sigma=lambda w, sigma: -(sigma**2) * (w @ w)
                ),
                "pixels add up; here they are averaged": linear_gradient(
                    lambda x, w, mu: (x - w * mu[:, None]) @ w / len(w),
                    lambda w, sigma: -sigma * (w @ w) / len(w),
                ),
                "the inner derivative of x_d - w_d mu is missing, a factor w_d before the sum": (
                    linear_gradient(lambda x, w, mu: (x - w * mu[:, None]).sum(axis=1))
                ),
                "the inner derivative of x_d - w_d mu is -w_d: mind the sign": linear_gradient(
                    lambda x, w, mu: -(x - w * mu[:, None]) @ w
                ),
                "the residual is x_d - w_d mu, and not x_d": linear_gradient(lambda x, w, mu: x @ w),
            },
        ),
        (
            "By mu: the chain rule on (x_d - w_d mu)^2 gives -2 w_d (x_d - w_d mu). The -1/(2 s^2) in front "
            "eats the -2.",
            "By sigma: w_d^2 sigma^2 gives 2 w_d^2 sigma. And the KL gives sigma - 1/sigma (2.10), with a "
            "minus in the ELBO.",
            "For a batch, w * mu[:, None] is (B, D). Sum over pixels with .sum(axis=1).",
        ),
    ),
    Exercise(
        "3.5",
        "the smallest gap of a diagonal q",
        same_values(
            gap,
            {
                "three latents": inputs(W=real(lambda B: B + 7, 3), s=positive()),
                "five latents": inputs(W=real(lambda B: B + 7, 5), s=positive()),
                "small weights": inputs(
                    W=real(lambda B: B + 7, 3, scale=0.1, tails=0), s=positive(low=0.2, high=0.9)
                ),
            },
            "gap",
            mistakes={
                "the half in front is missing": lambda W, s: 2 * gap(W, s),
                "the sign: a gap is never negative": lambda W, s: -gap(W, s),
                "the matrix is W'W + s^2 I, of M x M; this is W W' + s^2 I": gap_from(
                    lambda W, s: W @ W.T + s**2 * np.eye(len(W))
                ),
                "s enters as its square": gap_from(lambda W, s: W.T @ W + s * np.eye(W.shape[1])),
                "the + s^2 I is missing": gap_from(lambda W, s: W.T @ W),
                "s^2 belongs on the diagonal alone: s**2 * np.eye": gap_from(lambda W, s: W.T @ W + s**2),
                "log det M comes off: here it is added": lambda W, s: (
                    (np.log(np.diag(matrix(W, s))).sum() + np.linalg.slogdet(matrix(W, s))[1]) / 2
                ),
                "log det M is missing": lambda W, s: np.log(np.diag(matrix(W, s))).sum() / 2,
                "the half belongs to both terms": lambda W, s: (
                    np.log(np.diag(matrix(W, s))).sum() / 2 - np.linalg.slogdet(matrix(W, s))[1]
                ),
                "a sum over the latents, and not their mean": lambda W, s: (
                    (np.log(np.diag(matrix(W, s))).mean() - np.linalg.slogdet(matrix(W, s))[1]) / 2
                ),
                "the sum of the logarithms, and not the logarithm of the sum": lambda W, s: (
                    (np.log(np.trace(matrix(W, s))) - np.linalg.slogdet(matrix(W, s))[1]) / 2
                ),
                "that is the gap for the inverse matrix: q with the posterior's own variances, which is not "
                "the best one": gap_from(lambda W, s: np.linalg.inv(matrix(W, s))),
            },
        ),
        (
            "First the matrix of (3.11): M = W.T @ W + s**2 * np.eye(W.shape[1]).",
            "Two numbers: the sum of np.log(np.diag(M)), and np.linalg.slogdet(M)[1]. Half of their "
            "difference.",
        ),
    ),
)
