"""Optimisers on one flat vector of parameters, theta, and one of gradients, grad (lesson 08).

`step(theta, grad)` moves theta in place and changes nothing else but the optimiser's own state, m and v as
the lesson has them, which `state()` returns as named arrays for a checkpoint. Each optimiser has its formula
twice: `formula` as the lesson writes it, and `update`, the same in place on a block that stays in the
processor's cache, so that no pass waits for memory. `step_by_formula` is the readable twin of `step`.
"""

import numpy as np

BLOCK = 65536  # numbers of each vector
FLUSH_EVERY = 100  # steps
FLUSH = 1e-20  # far below what moves a parameter


class Optimizer:
    """The common part: a learning rate, named state vectors as long as theta, and the walk over blocks."""

    state_names = ()

    def __init__(self, lr, eps=None, **decays):
        name = type(self).__name__
        if not 0 < lr < np.inf:
            raise ValueError(f"{name}: lr is {lr!r}; the learning rate must be a positive number.")
        if eps is not None:
            if not 0 <= eps < np.inf:
                raise ValueError(
                    f"{name}: eps is {eps!r}; what is added to the denominator must not be negative."
                )
            self.eps = eps
        for decay, value in decays.items():
            if not 0 <= value < 1:
                raise ValueError(
                    f"{name}: {decay} is {value!r}; how much of the past is kept must be from 0 to below 1."
                )
            setattr(self, decay, value)
        self.lr = float(lr)
        self.n_steps = 0
        self._state = {}
        self._scratch = None

    def initial(self, name):
        """The value that the state vector `name` starts at."""
        return 0.0

    def formula(self, g, *state):
        """What theta loses, and the new state: one step for the gradient g, as the lesson writes it."""
        raise NotImplementedError

    def step_by_formula(self, theta, grad):
        """`step` without its haste: the formula on whole vectors, in new memory, and nothing rounded to 0."""
        self._begin(theta, grad)
        change, *state = self.formula(grad, *self._state.values())
        for v, new in zip(self._state.values(), state):
            v[:] = new
        theta -= change

    def step(self, theta, grad):
        """Move theta (P,) in place along grad (P,), the gradient of what is minimised."""
        self._begin(theta, grad)
        vectors = (theta, grad, *self._state.values())
        for start in range(0, len(theta), BLOCK):
            block = [v[start : start + BLOCK] for v in vectors]
            self.update(*block, self._scratch[: len(block[0])])
        if self.n_steps % FLUSH_EVERY == 0:
            self.flush()

    def _begin(self, theta, grad):
        """Count the step; make the state where there is none, of theta's length and dtype."""
        if not self._state:
            self._state = {name: np.full_like(theta, self.initial(name)) for name in self.state_names}
        if len({len(v) for v in (theta, grad, *self._state.values())}) > 1:
            raise ValueError(
                f"{type(self).__name__}: theta, grad and the optimiser's state differ in length: "
                "a new model needs a new optimiser."
            )
        if self._scratch is None or self._scratch.dtype != theta.dtype:
            self._scratch = np.empty(BLOCK, theta.dtype)
        self.n_steps += 1

    def update(self, theta, g, *state_and_scratch):
        """The formula in place, on one block; the last argument is scratch memory of the same shape."""
        raise NotImplementedError

    def flush(self):
        """Round to 0 what has decayed to nearly 0: numbers below 1e-38 (denormal) are ten times as slow."""
        for v in self._state.values():
            v += FLUSH
            v -= FLUSH

    def state(self):
        """The state as arrays by name, for a checkpoint."""
        return {"n_steps": np.array(self.n_steps), **self._state}

    def load_state(self, arrays):
        """Take over what state() gave."""
        arrays = self.from_u(arrays) if "u" in arrays else arrays
        self.n_steps = int(arrays["n_steps"])
        self._state = {name: np.array(arrays[name]) for name in self.state_names if name in arrays}

    def from_u(self, arrays):
        """The state of a file of the first days, in which running means were kept divided by 1 - decay."""
        raise NotImplementedError

    def config(self):
        """The settings, by the names of the constructor."""
        settings = {
            name: v for name, v in vars(self).items() if not name.startswith("_") and name != "n_steps"
        }
        return {"name": type(self).__name__.lower(), **settings}


class SGD(Optimizer):
    """theta -= lr m, with m = momentum m + g (8.2); momentum 0 is plain gradient descent (8.1)."""

    def __init__(self, lr=1e-3, momentum=0.0):
        super().__init__(lr, momentum=momentum)

    @property
    def state_names(self):
        return ("m",) if self.momentum else ()

    def formula(self, g, m=0.0):
        m = self.momentum * m + g
        return self.lr * m, m

    def update(self, theta, g, *m_and_scratch):
        *m, step = m_and_scratch
        if m:
            m[0] *= self.momentum
            m[0] += g
            g = m[0]
        np.multiply(g, self.lr, out=step)
        theta -= step


class RMSProp(Optimizer):
    """v = decay v + (1 - decay) g^2, then theta -= lr g / sqrt(v + eps) (8.4); v moves before it divides.

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
    state_names = ("v",)

    def __init__(self, lr=1e-3, variant="tensorflow1", decay=None, eps=None):
        if variant not in self.VARIANTS:
            raise ValueError(
                f"RMSProp: variant {variant!r} is not known; take one of {', '.join(self.VARIANTS)}."
            )
        _, default_decay, default_eps = self.VARIANTS[variant]
        decay, eps = default_decay if decay is None else decay, default_eps if eps is None else eps
        super().__init__(lr, eps, decay=decay)
        self.variant = variant

    def initial(self, name):
        return self.VARIANTS[self.variant][0]

    def formula(self, g, v):
        v = self.decay * v + (1 - self.decay) * g**2
        root = np.sqrt(v) + self.eps if self.variant == "pytorch" else np.sqrt(v + self.eps)
        return self.lr * g / root, v

    def update(self, theta, g, v, step):
        v *= self.decay
        np.square(g, out=step)
        step *= 1 - self.decay
        v += step
        if self.variant == "pytorch":
            np.sqrt(v, out=step)
            step += self.eps
        else:
            np.add(v, self.eps, out=step)
            np.sqrt(step, out=step)
        np.divide(g, step, out=step)
        step *= self.lr
        theta -= step

    def from_u(self, arrays):
        inside = 0.0 if self.variant == "pytorch" else self.eps  # it was in u, too
        return {**arrays, "v": np.maximum((1 - self.decay) * arrays["u"] - inside, 0)}


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, both divided by 1 - beta^t,
    then theta -= lr m / (sqrt(v) + eps) (8.6; Kingma & Ba 2015, algorithm 1)."""

    state_names = ("m", "v")

    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(lr, eps, beta1=beta1, beta2=beta2)

    def formula(self, g, m, v):
        t = self.n_steps
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * g**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return self.lr * m_hat / (np.sqrt(v_hat) + self.eps), m, v

    def update(self, theta, g, m, v, step):
        t = self.n_steps
        np.multiply(g, 1 - self.beta1, out=step)
        m *= self.beta1
        m += step
        np.multiply(g, g, out=step)
        step *= 1 - self.beta2
        v *= self.beta2
        v += step
        root = (1 - self.beta2**t) ** 0.5  # out of the square root: one pass less
        np.sqrt(v, out=step)
        step += self.eps * root
        np.divide(m, step, out=step)
        step *= self.lr * root / (1 - self.beta1**t)
        theta -= step

    def from_u(self, arrays):
        return {**arrays, "m": (1 - self.beta1) * arrays["m"], "v": (1 - self.beta2) * arrays["u"]}


class Adagrad(Optimizer):
    """v = v + g^2, then theta -= lr g / (sqrt(v) + eps) (8.11; Duchi, Hazan & Singer 2011)."""

    state_names = ("v",)

    def __init__(self, lr=1e-2, eps=1e-10):
        super().__init__(lr, eps)

    def formula(self, g, v):
        v = v + g**2
        return self.lr * g / (np.sqrt(v) + self.eps), v

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
