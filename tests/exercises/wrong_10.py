"""Common wrong answers to the exercises of lesson 10, and what the check must say."""

import numpy as np

from minivae.gaussian import log_prob
from minivae.latent import log_aggregate_posterior, log_aggregate_posterior_gradient, slerp


def each(z, mu, sigma):
    return log_prob(z[:, None], mu, sigma)


def plain(z, mu, sigma):
    """It overflows to -inf far out."""
    with np.errstate(divide="ignore"):
        return np.log(np.exp(each(z, mu, sigma)).mean(axis=1))


def one_top(z, mu, sigma):
    """One maximum for the whole table."""
    top = each(z, mu, sigma).max()
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(each(z, mu, sigma) - top).mean(axis=1))


def one_ellipse(z, mu, sigma):
    """The two steps in the wrong order: the average of means and of sigmas first."""
    return log_prob(z, mu.mean(axis=0), sigma.mean(axis=0))


def halves(mu, sigma, eps):
    z = mu + sigma * eps
    log_qz = log_aggregate_posterior(z, mu, sigma)
    return (log_prob(z, mu, sigma) - log_qz).mean(), (log_qz - log_prob(z, 0, np.ones(mu.shape[1]))).mean()


def not_averaged(mu, sigma, eps):
    z = mu + sigma * eps
    log_qz = log_aggregate_posterior(z, mu, sigma)
    return log_prob(z, mu, sigma) - log_qz, log_qz - log_prob(z, 0, np.ones(mu.shape[1]))


def shares_that_overflow(z, mu, sigma):
    with np.errstate(all="ignore"):
        r = np.exp(each(z, mu, sigma))
        r = r / r.sum(axis=1, keepdims=True)
        return (r[:, :, None] * (mu - z[:, None]) / sigma**2).sum(axis=1)


def shares_with_one_top(z, mu, sigma):
    with np.errstate(all="ignore"):
        r = np.exp(each(z, mu, sigma) - each(z, mu, sigma).max())
        r = r / r.sum(axis=1, keepdims=True)
        return (r[:, :, None] * (mu - z[:, None]) / sigma**2).sum(axis=1)


def equal_shares(z, mu, sigma):
    return ((mu - z[:, None]) / sigma**2).mean(axis=1)


def no_case_for_one_line(a, b, t):
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    angle = np.arccos(np.clip(u @ v, -1, 1))
    with np.errstate(all="ignore"):
        direction = (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    return ((1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)) * direction


def no_turn_when_opposite(a, b, t):
    """Right but for opposite vectors, where it goes straight."""
    if np.linalg.norm(a / np.linalg.norm(a) + b / np.linalg.norm(b)) < 1e-6:
        return (1 - t) * a + t * b
    return slerp(a, b, t)


def stays_when_opposite(a, b, t):
    """Of the right length, and not turned."""
    if np.linalg.norm(a / np.linalg.norm(a) + b / np.linalg.norm(b)) < 1e-6:
        return ((1 - t) + t * np.linalg.norm(b) / np.linalg.norm(a)) * a
    return slerp(a, b, t)


def centres_gradient(x, centres, factor=2, of=np.sum):
    nearest = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    return np.stack([factor * of(centre - x[nearest == k], axis=0) for k, centre in enumerate(centres)])


def one_point_of_each_centre(x, centres):
    nearest, dcentres = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1), 0 * centres
    dcentres[nearest] += 2 * (centres[nearest] - x)
    return dcentres


def means_of_clusters(x, centres):
    with np.errstate(all="ignore"):
        one_hot = np.eye(len(centres))[((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)]
        return 2 * (centres - one_hot.T @ x / one_hot.sum(axis=0)[:, None])


WRONG = (
    ("10.1", plain, "inf"),
    ("10.1", lambda *a: plain(*a) + np.log(len(a[1])), "log N is missing"),
    ("10.1", lambda z, mu, sigma: each(z, mu, sigma).mean(axis=1), "average of logarithms"),
    ("10.1", lambda z, mu, sigma: each(z, mu, sigma).max(axis=1), "largest logarithm alone"),
    ("10.1", one_top, "each z has its own largest logarithm"),
    ("10.1", one_ellipse, "log_qz"),
    ("10.1", lambda z, mu, sigma: log_aggregate_posterior(z, mu, sigma).mean(), "an array of shape (4,)"),
    ("10.2", lambda *a: halves(*a)[::-1], "another order"),
    ("10.2", not_averaged, "single number"),
    ("10.2", lambda mu, sigma, eps: halves(mu, sigma, 0 * eps), "the noise is missing"),
    ("10.2", lambda *a: sum(halves(*a)), "information"),
    ("10.3", equal_shares, "every image has its own share"),
    ("10.3", shares_that_overflow, "a share is 0/0"),
    ("10.3", shares_with_one_top, "of each z out first"),
    ("10.3", lambda *a: -log_aggregate_posterior_gradient(*a), "the sign"),
    ("10.3", lambda z, mu, sigma: log_aggregate_posterior_gradient(z, mu, sigma**2), "dlog_qz_dz is wrong"),
    ("10.4", (25, 31.25, 12.5), "take the root"),
    ("10.4", (5, 5.3, 3.54), "(3/4)^2 + (1/4)^2"),
    ("10.4", (5, 5.59, 1.77), "4 times 1/16"),
    ("10.5", lambda a, b, t: (1 - t) * a + t * b, "straight line"),
    ("10.5", no_case_for_one_line, "the same way"),
    ("10.5", no_turn_when_opposite, "opposite vectors"),
    ("10.5", stays_when_opposite, "the way turns by"),
    ("10.5", lambda a, b, t: slerp(b, a, t), "from b to a"),
    ("10.6", lambda x, c: centres_gradient(x, c, factor=1), "the 2 from the square"),
    ("10.6", lambda x, c: -centres_gradient(x, c), "the sign"),
    ("10.6", lambda x, c: centres_gradient(x, c) / len(x), "a sum over the points"),
    ("10.6", one_point_of_each_centre, "np.add.at"),
    ("10.6", means_of_clusters, "a centre without a point"),
    ("10.6", lambda x, c: 2 * (len(x) * c - x.sum(axis=0)), "only the nearest centre"),
)
