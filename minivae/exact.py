"""Models whose log p(x) is known: any decoder with one or two latents by quadrature, linear-Gaussian ones in
closed form.

The rest of the package is held against this file (lessons 01, 03, 04, 06 and 13), above all against the
identity of objective.py. Quantities are in nats per image, nodes z are (n, M).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from .gaussian import HALF_LOG_2PI, SIGMA_MIN
from .likelihoods import Gaussian
from .vae import VAE

POINTS = {1: 16, 2: 8}  # Gauss-Legendre nodes per cell and latent, by the number of latents
FARTHEST = 1000.0  # the cells reach from -FARTHEST to FARTHEST (farther where q does)
NEGLIGIBLE = 45.0  # exp(-45) of the largest is less than one rounding error
# where the refinement gives up: no more than a gigabyte of nodes
MAX_CELLS, MAX_NUMBERS = 60_000, 100_000_000
UNSEEN = 1e-4  # the integral of q may be off by so much, or by 10 tol: beyond that, its peak was missed
CHUNK = 2_000_000  # numbers that one evaluation of the decoder may fill


@dataclass(frozen=True)
class Quadrature:
    """Every density of one pass at nodes z with weights w: an integral over z is a weighted sum.

    z (n, M), w (n,); log_pz (n, 1); log_px_z, log_q, log_joint, log_posterior (n, B); log_px (B,); mu, sigma
    (B, M); error: the estimated relative error of the integrals, no less than that of q's, which is 1.
    So log p(x) = np.log(g.integrate(np.exp(g.log_joint))), and every line of a derivation is a line of code.
    """

    z: np.ndarray
    w: np.ndarray
    mu: np.ndarray
    sigma: np.ndarray
    log_pz: np.ndarray
    log_px_z: np.ndarray
    log_q: np.ndarray
    log_joint: np.ndarray
    log_px: np.ndarray
    log_posterior: np.ndarray
    error: float

    def integrate(self, f):
        """The integral over z of f, given at the nodes: f (n, ...) -> (...)."""
        return np.tensordot(self.w, f, axes=1)

    def expect(self, f):
        """The expectation under q(z|x) of f, given at the nodes: f (n, 1) or (n, B) -> (B,)."""
        return self.integrate(np.exp(self.log_q) * f)


def quadrature(vae, x, y=None, q=None, tol=None):
    """Nodes and weights that settle every integral of the identity for these images, and the densities there.

    vae  a VAE with one or two latents, any decoder, head and condition; it is evaluated in float64
    x    (B, D) images as `forward` takes them: binarise them first where the model was trained so
    q    (mu, sigma), (B, M) each: another posterior in the place of the encoder's
    tol  the relative error asked for; by default 1e-13, or 1e-6 for two latents and ReLU, whose kinks are
         lines

    Cells of Gauss-Legendre nodes are halved along each latent until the halves say what the whole said, so
    that a peaked posterior, a second mode and a ReLU's kink get their nodes where they lie.
    p(x|z) is written out anew here, from the decoder's outputs: a likelihood that does not sum to 1 shows.
    Raises ValueError for more than two latents, for bad input, and where the nodes do not suffice: also where
    they miss a peak that is narrower than they can lie, so that q does not integrate to 1.
    """
    vae, x, y = _prepare(vae, x, y)
    mu, sigma = _encoder_q(vae, x, y) if q is None else _given_q(q, (len(x), vae.n_latent))
    if tol is None:
        tol = 1e-6 if vae.n_latent == 2 and vae.activation == "relu" and vae.hidden else 1e-13

    def densities(z):
        log_pz = _log_normal(z, 0.0, 1.0)[:, None]
        log_px_z = _log_px_z(vae, x, z, y)
        return log_pz, log_px_z, _log_normal(z[:, None], mu, sigma)

    def log_integrands(z):  # positive ones: p(x, z), q, and q times a smooth stand-in for |log p(x, z)|
        log_pz, log_px_z, log_q = densities(z)
        log_joint = log_pz + log_px_z
        return np.concatenate([log_joint, log_q + np.log1p(log_joint * log_joint) / 2], axis=1)

    farthest = FARTHEST + np.abs(mu).max() + NEGLIGIBLE * sigma.max()
    low, high, error = _cells(log_integrands, vae.n_latent, farthest, tol)
    z, w = _nodes(low, high)
    log_pz, log_px_z, log_q = densities(z)
    log_joint = log_pz + log_px_z
    log_px = _log_sum_exp(log_joint + np.log(w)[:, None])
    total = w @ np.exp(log_q)
    b = np.abs(total - 1).argmax()
    if abs(total[b] - 1) > max(UNSEEN, 10 * tol):
        raise ValueError(
            f"q of image {b} integrates to {total[b]:.3g} over the nodes instead of 1: its sigma of"
            f" {sigma[b].min():.1e} is too narrow beside mu = {mu[b]} for nodes in float64."
        )
    error = max(error, float(abs(total[b] - 1)))
    return Quadrature(z, w, mu, sigma, log_pz, log_px_z, log_q, log_joint, log_px, log_joint - log_px, error)


def log_px(vae, x, y=None):
    """log p(x) = log of the integral of p(x|z) p(z) (1.3), by quadrature: (B,) nats."""
    return quadrature(vae, x, y).log_px


def posterior(vae, x, z, y=None):
    """The true posterior's density p(z|x) = p(x|z) p(z) / p(x) (1.4) at any z (n, M): (n, B),
    one column per image."""
    vae, x, y = _prepare(vae, x, y)
    z = np.asarray(z, float)
    if z.ndim != 2 or z.shape[1] != vae.n_latent:
        raise ValueError(
            f"z has shape {z.shape}; expected (n, {vae.n_latent}): one row per point of the grid."
        )
    return np.exp(_log_px_z(vae, x, z, y) + _log_normal(z, 0.0, 1.0)[:, None] - log_px(vae, x, y))


def kl_to_posterior(vae, x, y=None, q=None):
    """KL(q(z|x) || p(z|x)) by quadrature, the gap of (3.8): (B,) nats.

    q: (mu, sigma) for another q than the encoder's.
    """
    g = quadrature(vae, x, y, q)
    return g.expect(g.log_q - g.log_posterior)


def elbo(vae, x, y=None, g=None):
    """The model's own elbo (3.7), in exact expectation over eps instead of a draw: (B,) nats. g: a quadrature
    made before.

    The sum of w N(eps; 0, 1) elbo(eps) over eps = (z - mu)/sigma: a change of variables, whatever the model
    does with eps.
    """
    g = quadrature(vae, x, y) if g is None else g
    vae, x, y = _prepare(vae, x, y)
    total = np.zeros(len(x))
    for z, w, log_q in _where_q_is(vae, g):
        t = vae.run(x, (z[:, None] - g.mu) / g.sigma, y)
        total += (w[:, None] * np.exp(log_q) * t.elbo).sum(axis=0)
    return total


def _where_q_is(vae, g):
    """(z, w, log_q) of the nodes where q is not negligible, as many at a time as one evaluation may take."""
    near = (g.log_q > g.log_q.max(axis=0) - NEGLIGIBLE).any(axis=1)
    z, w, log_q = g.z[near], g.w[near], g.log_q[near]
    rows = max(1, CHUNK // (len(g.mu) * max(vae.n_inputs, *vae.hidden, 1)))
    for start in range(0, len(z), rows):
        part = slice(start, start + rows)
        yield z[part], w[part], log_q[part]


def mean_gradient(vae, x, y=None, g=None):
    """The gradient by vae.backward in exact expectation over eps: {name: array}. g: a quadrature made before.

    The weights of the nodes stand in the place of the 1/K of samples.
    """
    g = quadrature(vae, x, y) if g is None else g
    vae, x, y = _prepare(vae, x, y)
    model, sums = vae.astype(float), np.zeros_like(vae.theta)
    share = 1 / len(x) if vae.reduction == "mean" else 1.0
    for z, w, log_q in _where_q_is(vae, g):
        weights = share * w[:, None] * np.exp(log_q)
        model.weight = lambda t, weights=weights: weights
        model.backward(model.run(x, (z[:, None] - g.mu) / g.sigma, y), need_dx=False)
        sums += model.grad
    model.grad[:] = sums
    return {name: gradient.copy() for name, gradient in model.gradients.items()}


def loss_on_nodes(model, x, y, g):
    """The expected loss as an integral over the fixed nodes of a quadrature g: mu and sigma enter through q's
    density alone. Minus the integral of q (log p(x|z) + beta (log p(z) - log q)).

    The model may be complex, for a slope that is differentiated along no path.
    """
    x, _, y = model.check_batch(x, np.zeros(g.mu.shape), y)
    t = model.trace(x, y)
    model.encode(t)
    total = 0.0
    for z, w, _ in _where_q_is(model, g):
        log_q = _log_normal(z[:, None], t.mu, t.sigma)
        t.z = np.broadcast_to(z[:, None], (len(z), *t.mu.shape)).astype(model.dtype)
        model.decode(t)
        integrand = model.likelihood.log_prob(t) + model.beta * (_log_normal(z, 0.0, 1.0)[:, None] - log_q)
        total -= (w[:, None] * np.exp(log_q) * integrand).sum()
    return total / (len(x) if model.reduction == "mean" else 1)


def all_images(n_inputs):
    """All 2^D black-and-white images of D pixels, (2^D, D): the p(x)
    of a Bernoulli decoder sum to 1 over them."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n_inputs)))


def _prepare(vae, x, y):
    """The model in float64, x and y checked."""
    if vae.n_latent not in POINTS:
        raise ValueError(
            f"the model has {vae.n_latent} latents; quadrature is for one or two. Estimate with"
            " vae.log_likelihood."
        )
    vae = vae if vae.dtype == np.float64 else vae.astype(np.float64)
    x, _, y = vae.check_batch(x, np.zeros((len(x), vae.n_latent)), y)
    return vae, x, y


def _encoder_q(vae, x, y):
    t = vae.trace(x, y)
    vae.encode(t)
    return t.mu, t.sigma


def _given_q(q, shape):
    mu, sigma = (np.asarray(a, float) for a in q)
    if mu.shape != shape or sigma.shape != shape or not (np.isfinite(mu).all() and (sigma > 0).all()):
        raise ValueError(
            f"q holds mu of shape {mu.shape} and sigma of shape {sigma.shape}; expected {shape} twice, sigma"
            " positive and no NaN."
        )
    return mu, sigma


def _log_normal(z, mu, sigma):
    """log N(z; mu, sigma^2), summed over latents."""
    return -(((z - mu) / sigma) ** 2 / 2 + np.log(sigma) + HALF_LOG_2PI).sum(axis=-1)


def _log_px_z(vae, x, z, y):
    """log p(x|z) of image b at node z_n, (n, B), from the decoder's outputs and the definition of the
    distribution."""
    rows = max(1, CHUNK // (len(x) * max(vae.n_inputs, *vae.hidden, 1)))
    parts = []
    for start in range(0, len(z), rows):
        part = z[start : start + rows]
        n = len(part)
        if y is None:
            t = vae.decoded(part, None)
        else:  # the decoder sees z and y: every image at every node
            t = vae.decoded(np.repeat(part, len(x), axis=0), np.tile(y, (n, 1)))
        if "logits" in t:
            logits = t.logits.reshape(n, -1, vae.n_inputs)
            parts.append(np.vecdot(logits, x) - np.logaddexp(0, logits).sum(axis=-1))
        else:
            mean = t.mean.reshape(n, -1, vae.n_inputs)
            # as such: far out, sigma overflows
            log_sigma = np.broadcast_to(t.log_sigma, t.mean.shape).reshape(mean.shape)
            parts.append(
                -(((x - mean) * np.exp(-log_sigma)) ** 2 / 2 + log_sigma + HALF_LOG_2PI).sum(axis=-1)
            )
    return np.concatenate(parts)


def _log_sum_exp(a):
    """log of the sum of exp(a) over the first axis."""
    top = a.max(axis=0)
    return top + np.log(np.exp(a - top).sum(axis=0))


def _nodes(low, high):
    """Gauss-Legendre in cells from low to high, (cells, M) each: nodes z (cells * points^M, M)
    and weights (same,)."""
    n_latent = low.shape[1]
    u, weight = np.polynomial.legendre.leggauss(POINTS[n_latent])
    u = np.array(list(itertools.product((u + 1) / 2, repeat=n_latent)))
    weight = np.prod(list(itertools.product(weight / 2, repeat=n_latent)), axis=1)
    size = high - low
    z = low[:, None] + size[:, None] * u
    return z.reshape(-1, n_latent), (size.prod(axis=1)[:, None] * weight).ravel()


def _cells(log_f, n_latent, farthest, tol):
    """Cells fine enough for exp(log_f), log_f(z) -> (n, C): low, high (cells, M), and the error that is left.

    A cell is split in 2^M as long as it could matter and disagrees with its parent: by more than tol of the
    whole integral (and more than rounding), or by a tenth of itself, as where a peak lies between the nodes.
    """
    edges = np.sinh(np.linspace(-1, 1, 25) * np.arcsinh(farthest))
    low, high = (np.array(list(itertools.product(e, repeat=n_latent))) for e in (edges[:-1], edges[1:]))
    corners = np.array(list(itertools.product([0, 1], repeat=n_latent)))
    log_i, ceiling, log_noise = _measure(log_f, low, high)
    cells = low, high, log_i, ceiling, log_noise, np.full_like(log_i, np.inf), log_i
    while True:
        low, high, log_i, ceiling, log_noise, log_error, log_family = cells
        log_total = _log_sum_exp(log_i)
        matters = ceiling > log_total - NEGLIGIBLE
        allowed = np.minimum(np.maximum(log_total + np.log(tol), log_noise), log_family - np.log(10))
        split = (matters & (log_error > allowed)).any(axis=1)
        if not split.any():
            error = np.exp(np.where(matters, log_error, -np.inf) - log_total).sum(axis=0) / len(corners)
            return low, high, float(error.max())
        enough = min(MAX_CELLS, MAX_NUMBERS // (POINTS[n_latent] ** n_latent * log_i.shape[1]))
        if len(low) > enough:
            raise ValueError(
                f"the quadrature did not settle within {enough} cells; give fewer images at a time, "
                "a smooth activation (tanh or softplus) or a larger tol."
            )
        half = (high[split] - low[split]) / 2
        low_parts = low[split, None] + corners * half[:, None]
        low_parts, high_parts = (a.reshape(-1, n_latent) for a in (low_parts, low_parts + half[:, None]))
        log_parts, *more = _measure(log_f, low_parts, high_parts)
        log_sum = _log_sum_exp(np.moveaxis(log_parts.reshape(len(half), len(corners), -1), 1, 0))
        top = np.maximum(log_sum, log_i[split])
        with np.errstate(divide="ignore"):  # exact agreement
            log_error = top + np.log(np.abs(np.exp(log_sum - top) - np.exp(log_i[split] - top)))
        log_error, log_family = (np.repeat(a, len(corners), axis=0) for a in (log_error, log_sum))
        parts = low_parts, high_parts, log_parts, *more, log_error, log_family
        cells = tuple(np.concatenate([old[~split], new]) for old, new in zip(cells, parts))


def _measure(log_f, low, high):
    """Of each cell, as logarithms (cells, C): its integral, what it might hold if a peak hid in it,
    its rounding error."""
    z, w = _nodes(low, high)
    a = log_f(z)
    a, log_w = a.reshape(len(low), -1, a.shape[-1]), np.log(w).reshape(len(low), -1, 1)
    log_i = _log_sum_exp(np.moveaxis(a + log_w, 1, 0))
    top, spread = a.max(axis=1), np.ptp(a, axis=1)
    steepness = (np.maximum(np.abs(low), np.abs(high)) / (high - low)).max(axis=1)[:, None] * spread
    noise = 8 * np.finfo(float).eps * (1 + np.abs(top) + steepness)
    return log_i, top + spread / 4 + np.log((high - low).prod(axis=1))[:, None], log_i + np.log(noise)


class LinearGaussian:
    """x = W z + b + s noise, z ~ N(0, I): everything in closed form (3.10; Tipping & Bishop 1999).

    W (D, M), b (D,), s > 0: any number of latents. x is (B, D).
    Raises ValueError for other shapes and for s that is not positive.
    """

    def __init__(self, W, b, s):
        W, b, s = np.array(W, float), np.array(b, float), float(s)
        if W.ndim != 2 or b.shape != (len(W),):
            raise ValueError(
                f"W has shape {W.shape} and b {b.shape}; expected (D, M) and (D,): one row of W per pixel."
            )
        if not s > 0:
            raise ValueError(f"s is {s:g}; the standard deviation of the noise must be positive.")
        self.W, self.b, self.s = W, b, s

    @property
    def M(self):
        """M = W'W + s^2 I, (M, M): s^-2 M is the posterior's precision."""
        return self.W.T @ self.W + self.s**2 * np.eye(self.W.shape[1])

    def log_px(self, x):
        """log N(x; b, W W' + s^2 I) (3.11): (B,) nats."""
        U, variances = self._axes()
        r = x - self.b
        along = r @ U
        across = r - along @ U.T
        squares = (along**2 / variances).sum(axis=1) + (across**2).sum(axis=1) / self.s**2
        return -(squares + self._log_det(variances) + 2 * len(self.b) * HALF_LOG_2PI) / 2

    def _axes(self):
        """The principal axes of W W' + s^2 I in the span of W, (D, k), and the variances along them.

        Across it they are s^2, which the sum would lose beside a W that is much larger.
        """
        U, S, _ = np.linalg.svd(self.W, full_matrices=False)
        return U, S**2 + self.s**2

    def _log_det(self, variances):
        """log det(W W' + s^2 I), from the variances along its axes in the span of W."""
        return np.log(variances).sum() + 2 * (len(self.b) - len(variances)) * np.log(self.s)

    def posterior(self, x):
        """p(z|x) = N(M^-1 W'(x - b), s^2 M^-1): the means (B, M), and the covariance (M, M)
        of all x (3.11)."""
        return np.linalg.solve(self.M, self.W.T @ (x - self.b).T).T, self.s**2 * np.linalg.inv(self.M)

    def best_q(self, x):
        """The diagonal q with the largest ELBO: the posterior's means, and sigma_j^2 = s^2 / M_jj
        (3.13).

        mu, sigma (B, M).
        """
        mu = self.posterior(x)[0]
        return mu, np.broadcast_to(self.s / np.sqrt(np.diag(self.M)), mu.shape)

    def best_gap(self):
        """log p(x) - ELBO of the best diagonal q: (sum of log M_jj - log det M)/2,
        the same for every x (3.12). Nats."""
        D, M = self.W.shape
        _, variances = self._axes()
        log_det_M = self._log_det(variances) + 2 * (M - D) * np.log(self.s)
        return float(np.log(np.diag(self.M)).sum() - log_det_M) / 2

    def elbo(self, x, mu, sigma):
        """E_q[log p(x|z)] - KL(q || p(z)) of q = N(mu, sigma^2), mu and sigma (B, M), without a sample: (B,)
        nats."""
        squares = ((x - self.b - mu @ self.W.T) ** 2).sum(axis=1) + sigma**2 @ (self.W**2).sum(axis=0)
        log_px_z = -squares / (2 * self.s**2) - len(self.b) * (np.log(self.s) + HALF_LOG_2PI)
        return log_px_z - ((mu**2 + sigma**2 - 1) / 2 - np.log(sigma)).sum(axis=1)

    def rotate(self):
        """The same p(x) with the latents turned to the principal axes: W R with W = U S R' (SVD).

        best_gap() is then 0.
        """
        U, S, _ = np.linalg.svd(self.W, full_matrices=False)
        W = np.zeros_like(self.W)
        W[:, : len(S)] = U * S
        return LinearGaussian(W, self.b, self.s)

    def sample(self, n, rng=None):
        """n draws of x, (n, D)."""
        rng = np.random.default_rng(rng)
        z = rng.standard_normal((n, self.W.shape[1]))
        return z @ self.W.T + self.b + self.s * rng.standard_normal((n, len(self.b)))

    def as_vae(self, head="softplus"):
        """The same model as a VAE in float64: hidden=(), Gaussian(sigma=s), W' and b in the decoder,
        best_q in the encoder."""
        D, M = self.W.shape
        vae = VAE(D, (), M, likelihood=Gaussian(sigma=self.s), head=head, dtype=np.float64)
        vae.parameters["decoder.0.W"], vae.parameters["decoder.0.b"] = self.W.T, self.b
        mu_W = np.linalg.solve(self.M, self.W.T).T  # mu = (x - b) mu_W
        best_sigma = self.s / np.sqrt(np.diag(self.M))
        if head == "softplus" and best_sigma.min() <= SIGMA_MIN:
            raise ValueError(
                f"best_q has sigma {best_sigma.min():.1e}, below the softplus head's floor: take"
                " head='logvar'."
            )
        raw = 2 * np.log(best_sigma) if head == "logvar" else np.log(np.expm1(best_sigma - SIGMA_MIN))
        vae.parameters["encoder.0.W"] = np.hstack([mu_W, np.zeros((D, M))])
        vae.parameters["encoder.0.b"] = np.concatenate([-self.b @ mu_W, raw])
        return vae
