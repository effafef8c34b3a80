"""The variational autoencoder: four named stages forward, the same four backward (lessons 03 to 05, and 09).

    x -> encoder -> mu, raw, sigma -> z = mu + sigma * eps -> decoder -> logits -> log p(x|z) - KL(q || p(z))

`forward` leaves every intermediate in a Trace; `backward` leaves their gradients in another, under the same
names with a d in front. x (B, D), mu, raw, sigma (B, M), eps, z (B, M) or (K, B, M); nats per image.
"""

import copy
import math
from numbers import Real

import numpy as np

from . import gaussian, model_file, training
from .inputs import check_images, check_labels, check_whole, to_floats
from .layers import ACTIVATIONS, Dense, Stack
from .likelihoods import make_likelihood
from .ondisk import OnDisk, pieces
from .parameters import INITS, draw_layer, lay_out, layer_shapes
from .storage import load_npz, save_npz
from .trace import Trace
from .trained import Trained


class VAE(Trained):
    """A variational autoencoder (Kingma & Welling 2014) with every gradient written by hand.

    n_inputs      D, pixels per image
    hidden        widths of the encoder's hidden layers; the decoder is the mirror image; () for none
    n_latent      M, latents per image
    likelihood    "bernoulli", "gaussian" (one learned sigma), Gaussian(sigma=0.5), Gaussian(sigma="pixel")
    head          what makes sigma of the encoder's raw output: "softplus" or "logvar"
    activation    "relu", "tanh" or "softplus"
    beta          weight of the KL in the objective (Higgins et al. 2017); the elbo stays the bound
    reduction     "mean" of the objective over images, or their "sum" (the reference model's)
    n_conditions  C, length of the one-hot label or attribute vector y given to both networks; 0 for none
    init          "reference", "glorot", "pytorch" or "normal"
    dtype         float32 to train, float64 to check, complex128 for the complex step
    seed          of the parameters, and of the generator `rng` that draws where a method is given none

    `theta` and `grad` are the flat vectors of parameters and gradients; `parameters` and `gradients` map the
    names encoder.0.W, encoder.0.b, ..., decoder.0.W, ... to views into them, in the order of the flow. The
    last encoder layer has 2M columns: mu left, raw right.
    Raises ValueError for an unknown name or a size that is not positive.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).random((3, 5)) < 0.5  # three images of five pixels
    >>> vae = VAE(n_inputs=5, hidden=(4,), n_latent=2)
    >>> t = vae.forward(x, eps=np.zeros((3, 2)))  # t.mu, t.sigma, t.z, t.logits, t.kl, t.elbo, ...
    >>> d = vae.backward(t)  # d.dlogits, d.dz, d.dmu, d.dsigma, ...
    >>> t.logits.shape, d.dz.shape, vae.gradients["encoder.0.W"].shape
    ((3, 5), (3, 2), (5, 4))
    >>> vae.fit(x, epochs=2, progress=False)["epoch"]
    [1, 2]
    """

    def __init__(
        self, n_inputs=784, hidden=(200,), n_latent=100, likelihood="bernoulli", head="softplus",
        activation="relu", beta=1.0, reduction="mean", n_conditions=0, init="reference",
        dtype=np.float32, seed=0,
    ):  # fmt: skip
        for name, value, known in (
            ("head", head, gaussian.HEADS),
            ("activation", activation, ACTIVATIONS),
            ("reduction", reduction, ("mean", "sum")),
            ("init", init, INITS),
        ):
            if not isinstance(value, str) or value not in known:
                raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(known)}.")
        if np.dtype(dtype) not in (np.float32, np.float64, np.complex128):
            raise ValueError(
                f"dtype is {np.dtype(dtype)}; take float32 to train, float64 to check or complex128 for the "
                "complex step."
            )
        if not np.iterable(hidden):
            raise ValueError(f"hidden is {hidden!r}; give the widths of the hidden layers, such as (200,).")
        if not (isinstance(beta, Real) and 0 <= beta < np.inf):
            raise ValueError(f"beta is {beta!r}; the weight of the KL must be a finite number of at least 0.")
        self.n_inputs = check_whole("n_inputs", n_inputs, 1)
        self.hidden = tuple(check_whole("a width in hidden", width, 1) for width in hidden)
        self.n_latent = check_whole("n_latent", n_latent, 1)
        self.n_conditions = check_whole("n_conditions", n_conditions, 0)
        self.likelihood = make_likelihood(likelihood)
        self.head, self.activation, self.beta, self.reduction = head, activation, float(beta), reduction
        self.init, self.dtype, self.seed = init, np.dtype(dtype), check_whole("seed", seed, 0)
        side = math.isqrt(self.n_inputs)
        self.image_shape = (side, side) if side * side == self.n_inputs else (1, self.n_inputs)
        self.binarize = None  # what fit was told, so that evaluation and pictures agree with training
        self.white_black = None  # the pixel values that pictures show white and black, as fit found them
        self.classes = None  # the label of each class where they are not 0..C-1; [] for attributes
        self.history = {}
        self.rng = np.random.default_rng(self.seed)
        self.rebuild()

    def rebuild(self):
        """Build the layers as at first; from now on assigning to one of their arrays writes into theta."""
        self.build(np.random.default_rng(self.seed))
        for layer in (*self.encoder.layers, *self.decoder.layers):
            layer.built = True

    def shapes(self):
        """The shapes of all parameters by name, in the order of the flow. A subclass may add its own."""
        C, n_outputs = self.n_conditions, self.likelihood.n_outputs(self.n_inputs)
        encoder = layer_shapes("encoder", [self.n_inputs + C, *self.hidden, 2 * self.n_latent])
        decoder = layer_shapes("decoder", [self.n_latent + C, *self.hidden[::-1], n_outputs])
        own = self.likelihood.n_parameters
        return {**encoder, **decoder, **({"decoder.raw_log_sigma": (own,)} if own else {})}

    def build(self, rng):
        """Lay the layers out in theta and grad, and draw the initial parameters."""
        shapes = self.shapes()
        self._theta, self.parameters = lay_out(shapes, self.dtype)
        self._grad, self.gradients = lay_out(shapes, self.dtype)
        of, d_of, last = self.parameters, self.gradients, len(self.hidden)

        def stack(name, heads):
            layers = []
            for i in range(last + 1):
                W, b = f"{name}.{i}.W", f"{name}.{i}.b"
                of[W], of[b] = draw_layer(self.init, rng, *shapes[W], heads if i == last else 1)
                layers.append(Dense(of[W], of[b], d_of[W], d_of[b]))
            return Stack(name, layers, ACTIVATIONS[self.activation])

        self.encoder = stack("encoder", heads=2)  # mu and raw are two layers side by side
        self.decoder = stack("decoder", heads=1)

    @property
    def theta(self):
        """All parameters as one vector (P,); assigning writes into it."""
        return self._theta

    @theta.setter
    def theta(self, value):
        self._theta[:] = value

    @property
    def grad(self):
        """The gradient of the loss with respect to theta (P,), as the last backward left it."""
        return self._grad

    # The four stages, forward. Each reads from the trace and writes into it: a check can step in between.

    def forward(self, x, eps, y=None):
        """One deterministic pass: a function of the parameters, the batch and the noise.

        x (B, D), eps (B, M) or (K, B, M), y (B,) labels or (B, C) for a conditional model -> Trace with
        mu, raw, sigma (B, M), z like eps, the likelihood's outputs (logits (..., B, D)), kl (B,),
        log_px_z, elbo, objective (B,) or (K, B), and loss: minus the mean of objective over samples and
        images (reduction="sum": the sum over images). Nats per image.
        Raises ValueError or TypeError for wrong shapes, an empty batch, NaN, and odd pixels or labels.
        """
        return self.run(*self.check_batch(x, eps, y))

    def check_batch(self, x, eps, y=None):
        """x, eps and y checked and in the model's dtype, as `run` takes them."""
        x = check_images(x, self.n_inputs, self.likelihood.needs_unit_pixels, "x")
        if len(x) == 0:
            raise ValueError("x is an empty batch; the loss is a mean over images, so give at least one.")
        eps = np.asarray(eps)
        if eps.ndim not in (2, 3) or eps.shape[-2:] != (len(x), self.n_latent) or eps.shape[0] == 0:
            raise ValueError(
                f"eps has shape {eps.shape}; expected ({len(x)}, {self.n_latent}) or (K, {len(x)},"
                f" {self.n_latent}): one draw of N(0, 1) per image and latent."
            )
        if not np.isfinite(eps).all():
            raise ValueError("eps holds NaN or infinity; every draw must be a finite number.")
        y = check_labels(y, len(x), self.n_conditions)
        return to_floats(x, self.dtype), eps.astype(self.dtype), y if y is None else y.astype(self.dtype)

    def run(self, x, eps, y=None, t=None):
        """The four stages on checked arrays of the model's dtype; forward without its checks."""
        t = Trace() if t is None else t
        t.x, t.eps = x, eps
        if y is not None:
            t.y = y
        self.encode(t)
        t.z = gaussian.reparameterize(t.mu, t.sigma, t.eps)
        self.decode(t)
        self.score(t)
        return t

    def encode(self, t):
        """x (and y) -> mu, raw, sigma."""
        head = self.encoder.forward(t, self.with_condition(t.x, t))
        M = self.n_latent
        t.mu, t.raw = head[:, :M].copy(), head[:, M:].copy()  # columns of a matrix are slow to read
        t.sigma = gaussian.HEADS[self.head].forward(t.raw)

    def decode(self, t):
        """z (and y) -> the likelihood's outputs."""
        output = self.decoder.forward(t, self.with_condition(t.z, t))
        self.likelihood.forward(t, output, self.parameters.get("decoder.raw_log_sigma"))

    def score(self, t):
        """log p(x|z), KL, elbo = log p(x|z) - KL, objective = log p(x|z) - beta KL, and the loss (3.9)."""
        t.log_px_z = self.likelihood.log_prob(t)
        t.kl = gaussian.kl(t.mu, t.sigma)
        t.elbo = t.log_px_z - t.kl
        t.objective = t.log_px_z - self.beta * t.kl
        t.loss = -t.objective.sum() * self.weight(t)

    def with_condition(self, h, t):
        """h (..., features) with the condition y beside it, where the model has one: a bias for each class
        (12.4)."""
        if not self.n_conditions:
            return h
        return np.concatenate([h, np.broadcast_to(t.y, (*h.shape[:-1], self.n_conditions))], axis=-1)

    def weight(self, t):
        """What one sample of one image weighs in the loss: 1/(K B), or 1/K where images are summed."""
        n_samples = t.eps.shape[0] if t.eps.ndim == 3 else 1
        return 1 / (n_samples * (len(t.x) if self.reduction == "mean" else 1))

    # The same stages backward, in mirrored order.

    def backward(self, t, need_dx=True):
        """The gradient of t.loss with respect to every parameter and intermediate, by hand (9.1 to 9.12),
        also for K draws, a beta and the sum over images (9.15, 9.16).

        Overwrites grad (and the views in `gradients`); returns a Trace of dlogits (or dmean, ...), dz, dmu,
        dsigma, draw, the hidden layers' gradients, and dx, unless need_dx is False. Updates nothing.
        """
        d, weight = Trace(), self.weight(t)
        dobjective = np.full(t.objective.shape, -weight, self.dtype)
        dkl = -self.beta * (dobjective if dobjective.ndim == 1 else dobjective.sum(axis=0))
        self.decode_backward(dobjective, t, d)
        dmu_z, dsigma_z = gaussian.reparameterize_backward(d.dz, t.eps)
        dkl_dmu, dkl_dsigma = self.kl_gradient(t)
        d.dmu = dmu_z + dkl[:, None] * dkl_dmu
        d.dsigma = dsigma_z + dkl[:, None] * dkl_dsigma
        self.encode_backward(d, t, need_dx)
        if need_dx:
            d.dx += self.dx_target(dobjective, t)
        return d

    def kl_gradient(self, t):
        """The derivatives of the KL as the objective has it, by mu and by sigma: (B, M) each."""
        return gaussian.kl_gradient(t.mu, t.sigma)

    def decode_backward(self, dlog_px_z, t, d):
        """dlog_px_z, in the shape of log_px_z -> dlogits, ..., dz. What goes back to y ends there (12.5)."""
        doutput = self.likelihood.backward(dlog_px_z, t, d, self.gradients.get("decoder.raw_log_sigma"))
        dz = self.decoder.backward(doutput, t, self.with_condition(t.z, t), d)
        d.dz = dz[..., : self.n_latent]

    def encode_backward(self, d, t, need_dx=True):
        """d.dmu, d.dsigma (B, M) -> draw, ..., dx along the encoder's path."""
        d.draw = gaussian.HEADS[self.head].backward(d.dsigma, t.raw, t.sigma)
        dhead = np.concatenate([d.dmu, d.draw], axis=-1)
        dx = self.encoder.backward(dhead, t, self.with_condition(t.x, t), d, need_dx)
        if need_dx:
            d.dx = dx[:, : self.n_inputs]

    def dx_target(self, dlog_px_z, t):
        """x is the encoder's input and the likelihood's target: this is the second path's share of dx."""
        dx = self.likelihood.dx(dlog_px_z, t)
        return dx if dx.ndim == 2 else dx.sum(axis=0)

    def loss(self, x, eps, y=None):
        """The scalar that training minimises, in nats; forward(x, eps, y).loss."""
        return self.forward(x, eps, y).loss

    # Training, and what one does with a trained model.

    # Training.

    fit = training.fit

    def start_at(self, X):
        """Start the decoder at the best that it can do without z: the last bias at the mean of the images X,
        a learned sigma at its closed form about it. Raises what fit raises for X.

        The other weights stay as they were drawn, so the start is near that point, not at it; "glorot" is
        nearer than "reference". Of more images than are in memory, ten thousand are looked at.
        """
        X = check_images(X, self.n_inputs, self.likelihood.needs_unit_pixels)
        if isinstance(X, OnDisk):
            X = X[np.linspace(0, len(X) - 1, min(len(X), 10_000)).astype(int)]
        scale = 255 if X.dtype == np.uint8 else 1
        mean = X.mean(axis=0, dtype=float) / scale
        squares = sum(np.square(to_floats(piece, float) - mean).sum(axis=0) for piece in pieces(X))
        bias, own = self.likelihood.start(mean, squares / len(X))
        self.decoder.layers[-1].b = bias
        if own is not None:
            self.parameters["decoder.raw_log_sigma"] = own

    # Copies and files.

    def config(self):
        """The constructor's settings, ready for JSON."""
        names = "n_inputs hidden n_latent head activation beta reduction n_conditions init seed".split()
        names += model_file.own_settings(type(self), VAE)
        settings = {name: getattr(self, name) for name in names}
        return {**settings, "likelihood": self.likelihood.config(), "dtype": self.dtype.name}

    def astype(self, dtype):
        """A copy in another dtype: float32 to train, float64 to check, complex128 for a step."""
        twin = object.__new__(type(self))
        twin.__setstate__(copy.deepcopy({**self.__getstate__(), "dtype": np.dtype(dtype)}))
        return twin

    def __getstate__(self):
        """All that a copy needs; the layers are views into theta and grad, and built anew."""
        layers = "encoder", "decoder", "parameters", "gradients"
        state = {name: value for name, value in vars(self).items() if name not in layers}
        for name, value in state.items():
            if name[0] != "_" and isinstance(value, np.ndarray) and np.may_share_memory(value, self.theta):
                raise TypeError(
                    f"{name} is a view into theta, which a copy would part from it: make it a property."
                )
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        self.rebuild()
        self.theta[:], self.grad[:] = state["_theta"], state["_grad"]

    def header(self):
        """What a file keeps beside theta: the class, the settings, the history, the generator, and how images
        were read and are shown."""
        return {
            "class": type(self).__name__, "config": self.config(), "image_shape": self.image_shape,
            "binarize": self.binarize, "white_black": self.white_black, "classes": self.classes,
            "history": self.history, "rng": self.rng.bit_generator.state,
        }  # fmt: skip

    def load_header(self, header):
        """Take over what header() gave, but the class and the settings."""
        self.image_shape, self.binarize = tuple(header["image_shape"]), header["binarize"]
        self.white_black, self.classes = header.get("white_black"), header.get("classes")
        self.history = {name: list(column) for name, column in header["history"].items()}
        rng = model_file.generator(header["rng"])
        if type(rng.bit_generator) is type(self.rng.bit_generator):
            self.rng.bit_generator.state = rng.bit_generator.state  # it may be in use
        else:
            self.rng = rng

    def save(self, path):
        """Write the model to an npz file (no pickle), beside and then renamed.

        Raises OSError where that fails, and what check_savable raises.
        """
        self.check_savable()
        save_npz(path, "model", self.header(), theta=self.theta)

    def check_savable(self):
        """Raise a ValueError for a model that load could not build again: with a likelihood that is not in
        LIKELIHOODS, with something of a subclass that config() doesn't know, or with NaN among theta."""
        model_file.check_rebuilds(self, VAE)

    @classmethod
    def check_file(cls, header, found):
        """What `load_npz(expected=...)` asks of a file of this class."""
        return model_file.check_model(cls, VAE, header, found)

    @classmethod
    def load(cls, path):
        """The model that save wrote, or the one in a checkpoint.

        Raises FileNotFoundError, or ValueError for a file that is not whole, holds something else, or was
        saved by another class.
        """
        header, arrays = load_npz(path, "model", "checkpoint", expected=cls.check_file)
        vae = cls(**header["config"])
        vae.theta = arrays["theta"]
        vae.load_header(header)
        return vae

    def __repr__(self):
        return f"VAE({', '.join(f'{name}={value!r}' for name, value in self.config().items())})"
