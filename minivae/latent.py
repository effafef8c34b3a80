"""What a trained model has put where in its latent space, and ways through it (lessons 10 and 12).

mu and sigma (N, M) are the posteriors of N images, as vae.posterior gives them; z (n, M) any latents. Nats.
"""

import numpy as np

from . import gaussian
from .bounds import log_mean_exp, log_mean_exp_backward
from .inputs import check_whole

NUMBERS = 2_000_000  # that one piece of an n x N x M table may have: memory stays bounded
ON_ONE_LINE = 1e-10  # the sine of an angle below which two vectors lie on one line


def log_aggregate_posterior(z, mu, sigma):
    """log q(z) of the aggregate posterior q(z) = (1/N) sum_n N(z; mu_n, sigma_n^2) (10.1), the average of
    the q(z|x) of N images.

    z (n, M), mu, sigma (N, M) -> (n,) nats, finite however far out z is. Source: Hoffman & Johnson 2016.
    Raises ValueError for shapes that don't fit, and for a sigma that is not positive.
    """
    z, mu, sigma = _checked(z, mu, sigma)
    parts = [log_mean_exp(_log_each(z[rows], mu, sigma)) for rows in _pieces(z, mu)]
    return np.concatenate(parts) if parts else np.empty(0)


def log_aggregate_posterior_gradient(z, mu, sigma):
    """The derivative of log q(z) by z, sum_n r_n (mu_n - z)/sigma_n^2 (10.6), where r_n is the share that
    image n has in q(z): a softmax.

    z (n, M), mu, sigma (N, M) -> (n, M). Raises as log_aggregate_posterior does.
    """
    z, mu, sigma = _checked(z, mu, sigma)
    precision = 1 / sigma**2
    parts = []
    for rows in _pieces(z, mu):
        r = log_mean_exp_backward(1.0, _log_each(z[rows], mu, sigma)).T
        parts.append(r @ (mu * precision) - z[rows] * (r @ precision))
    return np.concatenate(parts) if parts else np.empty(z.shape)


def kl_split(mu, sigma, n_draws, rng):
    """The two parts of the mean KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || p(z)) (10.2), by sampling.

    mu, sigma (N, M), rng a generator or seed -> log q(z|x) - log q(z) and log q(z) - log p(z) of n_draws
    draws, (n_draws,) nats each. Their means estimate I and the KL, their standard deviations over
    sqrt(n_draws) are the errors. Images are taken in a random order, and again where n_draws is above N. Both
    parts are those of these N images: I is at most log N (10.3).
    Raises ValueError as log_aggregate_posterior does.
    """
    mu, sigma = _checked(mu, mu, sigma)[1:]
    rng = np.random.default_rng(rng)
    n = np.resize(rng.permutation(len(mu)), check_whole("n_draws", n_draws, 1))
    z = gaussian.reparameterize(mu[n], sigma[n], rng.standard_normal((len(n), mu.shape[1])))
    log_qz_x, log_qz = gaussian.log_prob(z, mu[n], sigma[n]), log_aggregate_posterior(z, mu, sigma)
    return log_qz_x - log_qz, log_qz - gaussian.log_prob(z, 0.0, np.ones(mu.shape[1]))


def slerp(a, b, t):
    """Spherical interpolation: the direction of a turned towards that of b by the part t of the angle
    between them, the length interpolated apart (10.9).

    a, b (M,) or (n, M), M at least 2, t a number or an array such as (T, 1) that broadcasts -> like a. From a
    vector to its opposite many ways are equally short: it goes by the axis that lies most across a.
    Raises ValueError for a vector of length 0, which has no direction. Source: Shoemake 1985 (unit vectors).
    """
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    if a.ndim == 0 or a.shape[-1] < 2:
        raise ValueError(f"a and b have shape {a.shape}; to turn a direction takes at least two latents.")
    length_a, length_b = _length(a), _length(b)
    if not ((length_a > 0).all() and (length_b > 0).all()):
        raise ValueError("a vector of length 0 has no direction that could be turned: move it a little.")
    u, v = a / length_a, b / length_b
    cosine = (u * v).sum(axis=-1, keepdims=True)
    aside = v - cosine * u
    angle = np.arctan2(_length(aside), cosine)
    axis = np.eye(u.shape[-1])[np.abs(u).argmin(axis=-1)]
    axis = axis - (axis * u).sum(axis=-1, keepdims=True) * u
    across = np.where(_length(aside) > ON_ONE_LINE, aside, axis)
    across = across / _length(across)
    direction = np.cos(t * angle) * u + np.sin(t * angle) * across
    return ((1 - t) * length_a + t * length_b) * direction


def attribute_vector(mu, has, group=None):
    """The mean code of the images that have an attribute, less the mean of those that have it not (12.9): the
    way from one to the other.

    mu (N, M), has (N,) bool or zeros and ones -> (M,). With group (N,), whole numbers: like with like, the
    same within each group of images, averaged by their sizes (12.10), so that what the groups differ in is
    not mixed in. Raises ValueError where images with or without it are missing, in any group.
    Source: Larsen et al. 2016 for (12.9); White 2016, who balances correlated attributes.
    """
    mu, has = np.asarray(mu), np.asarray(has)
    group = np.zeros(len(mu), int) if group is None else np.asarray(group)
    if (
        mu.ndim != 2
        or has.shape != mu.shape[:1]
        or group.shape != has.shape
        or not np.isin(has, (0, 1)).all()
    ):
        raise ValueError(
            f"mu, has and group have shapes {mu.shape}, {has.shape} and {group.shape}; expected (N, M) codes "
            "and, for each of them, whether it has the attribute (0 or 1) and the number of its group."
        )
    v = np.zeros(mu.shape[1])
    for g in np.unique(group):
        mine, with_it = group == g, has.astype(bool)
        if not (mine & with_it).any() or (mine & ~with_it).sum() == 0:
            where = "" if len(np.unique(group)) == 1 else f" in group {g}"
            raise ValueError(f"the attribute needs images that have it and images that have it not{where}.")
        v += mine.mean() * (mu[mine & with_it].mean(axis=0) - mu[mine & ~with_it].mean(axis=0))
    return v


def _length(v):
    return np.linalg.norm(v, axis=-1, keepdims=True)


def _log_each(z, mu, sigma):
    """log q(z|x_n) of every z under every image: (N, n)."""
    return gaussian.log_prob(z, mu[:, None], sigma[:, None])


def _pieces(z, mu):
    """Slices of z that keep the table of all z under all images small."""
    step = max(1, NUMBERS // max(1, mu.size))
    return [slice(start, start + step) for start in range(0, len(z), step)]


def _checked(z, mu, sigma):
    """z, mu and sigma in double precision."""
    z, mu, sigma = (np.asarray(v, np.result_type(v, float)) for v in (z, mu, sigma))
    if mu.ndim != 2 or mu.shape != sigma.shape or len(mu) == 0 or z.shape[1:] != mu.shape[1:]:
        raise ValueError(
            f"z, mu and sigma have shapes {z.shape}, {mu.shape} and {sigma.shape}; expected (n, M) latents, "
            "and (N, M) twice: one row for each of N images, at least one."
        )
    if not (np.real(sigma) > 0).all():
        raise ValueError("sigma must be positive: it holds standard deviations.")
    return z, mu, sigma
