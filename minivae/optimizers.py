"""Optimisers on one flat vector of parameters, theta, and one of gradients, grad (lesson 08).

`step(theta, grad)` moves theta in place and changes nothing else but the optimiser's own state, which
`state()` returns as named arrays for a checkpoint. The vectors are walked in blocks that stay in the
processor's cache, and every pass over them costs time: a running mean v = decay v + (1 - decay) g is
therefore kept as u = v / (1 - decay), which obeys u = decay u + g, and its factor goes into the learning
rate.
"""

import numpy as np

BLOCK = 32768
FLUSH_EVERY = 100  # steps
FLUSH = 1e-20  # far below what moves a parameter


class Optimizer:
    """The common part: a learning rate, named state vectors as long as theta, and the walk over blocks."""

    state_names = ()

    def __init__(self, lr, eps=None, **decays):
        if not 0 < lr < np.inf:
            raise ValueError(
                f"{type(self).__name__}: lr is {lr!r}; the learning rate must be a positive number."
            )
        if eps is not None:
            if not 0 <= eps < np.inf:
                raise ValueError(
                    f"{type(self).__name__}: eps is {eps!r}; what is added to the denominator must not be"
                    " negative."
                )
            self.eps = eps
        for name, decay in decays.items():
            if not 0 <= decay < 1:
                raise ValueError(
                    f"{type(self).__name__}: {name} is {decay!r}; how much of the past is kept must be from 0"
                    " to below 1."
                )
            setattr(self, name, decay)
        self.lr = float(lr)
        self.n_steps = 0
        self._state = {}
        self._scratch = None

    def initial(self, name):
        """The value that the state vector `name` starts at."""
        return 0.0

    def step(self, theta, grad):
        """Move theta (P,) in place along grad (P,), the gradient of what is minimised."""
        if not self._state:
            self._state = {name: np.full_like(theta, self.initial(name)) for name in self.state_names}
        vectors = (theta, grad, *self._state.values())
        if len({len(v) for v in vectors}) > 1:
            raise ValueError(
                f"{type(self).__name__}: theta, grad and the optimiser's state differ in length: a new model"
                " needs a new optimiser."
            )
        if self._scratch is None or self._scratch.dtype != theta.dtype:
            self._scratch = np.empty(BLOCK, theta.dtype)
        self.n_steps += 1
        for start in range(0, len(theta), BLOCK):
            block = [v[start : start + BLOCK] for v in vectors]
            self.update(*block, self._scratch[: len(block[0])])
        if self.n_steps % FLUSH_EVERY == 0:
            self.flush()

    def update(self, theta, g, *state_and_scratch):
        """Move one block of theta along its gradient g;
        the last argument is scratch memory of the same shape."""
        raise NotImplementedError

    def flush(self):
        """Round to 0 what has decayed to nearly 0: numbers below 1e-38 (denormal)
        cost a processor ten times the others."""
        for u in self._state.values():
            u += FLUSH
            u -= FLUSH

    def state(self):
        """The state as arrays by name, for a checkpoint."""
        return {"n_steps": np.array(self.n_steps), **self._state}

    def load_state(self, arrays):
        """Take over what state() gave."""
        self.n_steps = int(arrays["n_steps"])
        self._state = {name: np.array(arrays[name]) for name in self.state_names if name in arrays}

    def config(self):
        """The settings, by the names of the constructor."""
        return {
            "name": type(self).__name__.lower(),
            **{k: v for k, v in vars(self).items() if not k.startswith("_") and k != "n_steps"},
        }


class SGD(Optimizer):
    """theta -= lr m, with m = momentum m + g (8.2); momentum 0 is plain gradient descent (8.1)."""

    def __init__(self, lr=1e-3, momentum=0.0):
        super().__init__(lr, momentum=momentum)

    @property
    def state_names(self):
        return ("m",) if self.momentum else ()

    def update(self, theta, g, *m_and_scratch):
        *m, step = m_and_scratch
        if m:
            m[0] *= self.momentum
            m[0] += g
            g = m[0]
        np.multiply(g, self.lr, out=step)
        theta -= step


class RMSProp(Optimizer):
    """v = decay v + (1 - decay) g^2, then theta -= lr g / sqrt(v + eps) (8.4); the accumulator moves before
    it divides.

    Three frameworks, three first steps (8.5): "tensorflow1" starts v at 1, "keras" at 0, both with eps inside
    the root; "pytorch" starts at 0, decays slower and adds eps outside: g / (sqrt(v) + eps). decay and eps
    override the variant's. Source: Hinton's lecture 6e; the constants are those of tf.train.RMSPropOptimizer,
    keras 3 and torch.optim.
    """

    VARIANTS = {  # v starts at, decay, eps
        "tensorflow1": (1.0, 0.9, 1e-10),
        "keras": (0.0, 0.9, 1e-7),
        "pytorch": (0.0, 0.99, 1e-8),
    }
    state_names = ("u",)  # v / (1 - decay)

    def __init__(self, lr=1e-3, variant="tensorflow1", decay=None, eps=None):
        if variant not in self.VARIANTS:
            raise ValueError(
                f"RMSProp: variant {variant!r} is not known; take one of {', '.join(self.VARIANTS)}."
            )
        start, default_decay, default_eps = self.VARIANTS[variant]
        super().__init__(
            lr, default_eps if eps is None else eps, decay=default_decay if decay is None else decay
        )
        self.variant, self._start = variant, start

    def initial(self, name):
        return (self._start + self._eps_inside) / (1 - self.decay)

    @property
    def _eps_inside(self):
        return 0.0 if self.variant == "pytorch" else self.eps

    def update(self, theta, g, u, step):
        # eps inside the root: u holds (v + eps) / (1 - decay), which obeys u = decay u + g^2 + eps and never
        # sinks to 0
        root = (1 - self.decay) ** 0.5
        u *= self.decay
        np.multiply(g, g, out=step)
        if self._eps_inside:
            step += self._eps_inside
        u += step
        np.sqrt(u, out=step)
        if self.variant == "pytorch":
            step += self.eps / root
        np.divide(g, step, out=step)
        step *= self.lr / root
        theta -= step


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, both divided by 1 - beta^t,
    then theta -= lr m / (sqrt(v) + eps) (8.6; Kingma & Ba 2015, algorithm 1)."""

    state_names = ("m", "u")  # m / (1 - beta1), v / (1 - beta2)

    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(lr, eps, beta1=beta1, beta2=beta2)

    def update(self, theta, g, m, u, step):
        m_scale = (1 - self.beta1) / (1 - self.beta1**self.n_steps)
        root = ((1 - self.beta2) / (1 - self.beta2**self.n_steps)) ** 0.5
        m *= self.beta1
        m += g
        u *= self.beta2
        np.multiply(g, g, out=step)
        u += step
        np.sqrt(u, out=step)
        step += self.eps / root
        np.divide(m, step, out=step)
        step *= self.lr * m_scale / root
        theta -= step


class Adagrad(Optimizer):
    """v = v + g^2, then theta -= lr g / (sqrt(v) + eps) (Duchi, Hazan & Singer 2011)."""

    state_names = ("v",)

    def __init__(self, lr=1e-2, eps=1e-10):
        super().__init__(lr, eps)

    def update(self, theta, g, v, step):
        np.multiply(g, g, out=step)
        v += step
        np.sqrt(v, out=step)
        step += self.eps
        np.divide(g, step, out=step)
        step *= self.lr
        theta -= step


OPTIMIZERS = {cls.__name__.lower(): cls for cls in (SGD, RMSProp, Adam, Adagrad)}


def make_optimizer(spec):
    """An optimiser from None (RMSProp(1e-3), the reference model's), a name, config() or as it is."""
    if isinstance(spec, Optimizer):
        return spec
    settings = (
        {"name": "rmsprop"} if spec is None else dict(spec) if isinstance(spec, dict) else {"name": spec}
    )
    name = settings.pop("name")
    if name not in OPTIMIZERS:
        raise ValueError(
            f"optimizer {name!r} is not known; take one of {', '.join(OPTIMIZERS)}, or an object such as"
            " Adam(1e-3)."
        )
    return OPTIMIZERS[name](**settings)
