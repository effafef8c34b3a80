"""What one does with a trained model: latents, reconstructions, samples, bounds; any number of images."""

import numpy as np

from . import bounds, gaussian
from .inputs import check_images, check_labels, check_whole, to_floats
from .trace import Trace

ROWS = 512  # images that methods over a whole data set take at a time: memory stays bounded


class Trained:
    """The part of a VAE that makes use of its stages, a few hundred images at a time.

    X (N, D) or (N, H, W), y labels or attributes, rng a generator or a seed, by default the model's own.
    """

    def batches(self, X, y=None, rng=None, rows=ROWS):
        """X and y checked, then `rows` images at a time as (x, y), in its dtype, binarised as in training."""
        X = check_images(X, self.n_inputs, self.likelihood.needs_unit_pixels)
        y = check_labels(y, len(X), self.n_conditions)
        rng = self.rng if rng is None else np.random.default_rng(rng)
        for start in range(0, len(X), rows):
            part = slice(start, start + rows)
            x = to_floats(X[part], self.dtype, self.binarize, rng)
            yield x, None if y is None else y[part].astype(self.dtype)

    def noise(self, rng, *shape):
        """eps ~ N(0, I) in the model's dtype."""
        rng = self.rng if rng is None else np.random.default_rng(rng)
        if self.dtype.kind == "f" and self.dtype.itemsize <= 8:
            return rng.standard_normal(shape, dtype=self.dtype)
        return rng.standard_normal(shape).astype(self.dtype)

    def posterior(self, X, y=None, rng=None):
        """mu and sigma of q(z|x) for every image, (N, M) each. Draws only for dynamic binarisation."""
        mu, sigma = np.empty((2, *(np.shape(X) or (0,))[:1], self.n_latent), self.dtype)
        start = 0
        for x, y_part in self.batches(X, y, rng):
            t = self.trace(x, y_part)
            self.encode(t)
            mu[start : start + len(x)], sigma[start : start + len(x)] = t.mu, t.sigma
            start += len(x)
        return mu, sigma

    def transform(self, X, y=None, rng=None):
        """The means of q(z|x), (N, M)."""
        return self.posterior(X, y, rng)[0]

    def elbo(self, X, y=None, n_samples=1, rng=None):
        """The bound on log p(x) per image, a mean over n_samples draws of z: (N,) nats (3.7)."""
        rng, parts = self.rng if rng is None else np.random.default_rng(rng), []
        for x, y_part in self.batches(X, y, rng, max(1, ROWS // check_whole("n_samples", n_samples, 1))):
            eps = self.noise(rng, n_samples, len(x), self.n_latent)
            parts.append(self.run(x, eps, y_part).elbo.mean(axis=0))
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def log_likelihood(self, X, y=None, n_samples=1000, rng=None, progress=False):
        """log p(x) per image, estimated by importance sampling: (N,) nats; see bounds.log_likelihood."""
        return bounds.log_likelihood(self, X, y, n_samples, rng, progress)

    def posterior_predictive_probs(self, X, y=None, rng=None):
        """The pixel means of p(x'|z), z ~ q(z|x): (N, D)."""
        return self._posterior_predictive(X, y, rng, lambda t, rng: self.likelihood.mean(t))

    def posterior_predictive_sample(self, X, y=None, rng=None):
        """A draw x' ~ p(x'|z), z ~ q(z|x): (N, D)."""
        return self._posterior_predictive(X, y, rng, self.likelihood.sample)

    def _posterior_predictive(self, X, y, rng, read):
        rng = self.rng if rng is None else np.random.default_rng(rng)
        parts = []
        for x, y_part in self.batches(X, y, rng):
            t = self.trace(x, y_part)
            self.encode(t)
            t.z = gaussian.reparameterize(t.mu, t.sigma, self.noise(rng, len(x), self.n_latent))
            self.decode(t)
            parts.append(read(t, rng))
        return np.concatenate(parts) if parts else np.empty((0, self.n_inputs), self.dtype)

    def prior_predictive_with_input(self, Z, y=None):
        """The pixel means of p(x|z) for given z, checked: Z (N, M) -> (N, D)."""
        return self.likelihood.mean(self.decoded(Z, y))

    def prior_predictive_sample(self, n=1, y=None, rng=None):
        """n draws x ~ p(x|z), z ~ N(0, I): (n, D)."""
        return self.prior_predictive_sample_with_probs(n, y, rng)[0]

    def prior_predictive_sample_with_probs(self, n=1, y=None, rng=None):
        """n draws x ~ p(x|z), z ~ N(0, I), and the pixel means they were drawn from: (n, D) each."""
        rng = self.rng if rng is None else np.random.default_rng(rng)
        t = self.decoded(self.noise(rng, check_whole("n", n, 0), self.n_latent), y)
        return self.likelihood.sample(t, rng), self.likelihood.mean(t)

    def trace(self, x, y=None):
        """A new trace that holds x, and y where there is one."""
        t = Trace()
        t.x = x
        if y is not None:
            t.y = y
        return t

    def decoded(self, Z, y=None):
        """The trace of z decoded: Z (N, M) checked -> z, the likelihood's outputs."""
        Z = np.asarray(Z)
        if Z.ndim != 2 or Z.shape[1] != self.n_latent:
            raise ValueError(
                f"Z has shape {Z.shape}; expected (N, {self.n_latent}): one row of latents per picture."
            )
        if not np.isfinite(Z).all():
            raise ValueError("Z holds NaN or infinity; every latent must be a finite number.")
        y = check_labels(y, len(Z), self.n_conditions)
        t = Trace()
        t.z = Z.astype(self.dtype)
        if y is not None:
            t.y = y.astype(self.dtype)
        self.decode(t)
        return t

    @property
    def class_labels(self):
        """The labels of a conditional model's classes, [0, 1, ...] unless it was told others.

        Raises ValueError where its condition is a row of attributes, which has no classes.
        """
        if self.classes == []:
            raise ValueError("this model's condition is a row of attributes, not a class: give y.")
        return list(range(self.n_conditions)) if self.classes is None else self.classes
