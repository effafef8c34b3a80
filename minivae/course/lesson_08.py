"""The exercises of lesson 08: how the parameters move.

    sgd_step(theta, grad, lr)                                            (8.1)  -> theta
    momentum_step(theta, m, grad, lr, momentum)                          (8.2)  -> theta, m
    rmsprop_step(theta, v, grad, lr, decay, eps)                         (8.4)  -> theta, v; eps inside the
    root
    which_framework = ("...", "...", "...")                              (8.5)
    adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps)               (8.6)  -> theta, m, v; t counts from
    1
    warm_up_steps(g, decay)                                              (8.7)  -> a number, not rounded

theta, grad and the state are arrays of one shape. Every step returns new arrays.
"""

import numpy as np

from .judge import Exercise, Wrong, same_values


def _descent(rng, B):
    return {"theta": rng.normal(size=B), "grad": rng.normal(size=B), "lr": rng.uniform(0.01, 0.5)}


def _momentum(rng, B):
    return {**_descent(rng, B), "m": rng.normal(size=B), "momentum": rng.uniform(0.5, 0.95)}


def _rmsprop(rng, B):
    return {
        **_descent(rng, B),
        "v": rng.uniform(0.1, 2, B),
        "decay": rng.uniform(0.6, 0.95),
        "eps": rng.uniform(0.05, 0.2),
    }


def _adam(rng, B):
    return {
        **_descent(rng, B),
        "m": rng.normal(size=B),
        "v": rng.uniform(0.1, 2, B),
        "t": int(rng.integers(1, 6)),
        "beta1": rng.uniform(0.6, 0.9),
        "beta2": rng.uniform(0.8, 0.99),
        "eps": rng.uniform(0.05, 0.2),
    }


def momentum_step(theta, m, grad, lr, momentum):
    m = momentum * m + grad
    return theta - lr * m, m


def rmsprop_step(theta, v, grad, lr, decay, eps):
    v = decay * v + (1 - decay) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def _rmsprop_old_v(theta, v, grad, lr, decay, eps):
    return theta - lr * grad / np.sqrt(v + eps), decay * v + (1 - decay) * grad**2


def _rmsprop_with(update, divide):
    """A wrong rmsprop_step from its two formulas."""

    def step(theta, v, grad, lr, decay, eps):
        v = update(v, grad, decay)
        return theta - lr * divide(grad, v, eps), v

    return step


def _update(v, grad, decay):
    return decay * v + (1 - decay) * grad**2


def _divide(grad, v, eps):
    return grad / np.sqrt(v + eps)


def adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    return theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def _adam_with(move, correct=True):
    def step(theta, m, v, grad, t, lr, beta1, beta2, eps):
        m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
        m_hat, v_hat = (m / (1 - beta1**t), v / (1 - beta2**t)) if correct else (m, v)
        return theta - lr * move(m_hat, v_hat, eps), m, v

    return step


def _adam_stores_corrected(theta, m, v, grad, t, lr, beta1, beta2, eps):
    new, m, v = adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps)
    return new, m / (1 - beta1**t), v / (1 - beta2**t)


def warm_up_steps(g, decay):
    return np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2)) / np.log(decay)


def frameworks(answer):
    """The three runs of exercise 8.4."""
    known, right = ("tensorflow1", "keras", "pytorch"), ("pytorch", "tensorflow1", "keras")
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 3
        or not all(isinstance(name, str) for name in answer)
    ):
        raise Wrong(
            f"Three names are expected, for the runs A, B and C, each one of {', '.join(map(repr, known))}."
        )
    clues = {
        "A": (
            "Its two steps are equal, whatever the gradient, and 10 learning rates long: 1/sqrt(1 - decay) ="
            " 10 for which decay?"
        ),
        "B": (
            "Its step grows with the gradient: something else than the gradient fills the accumulator at"
            " first. Where does it start?"
        ),
        "C": "Its two steps are almost equal, so v starts at 0, and 3.16 is 1/sqrt(1 - 0.9).",
    }
    for run, given, expected in zip("ABC", answer, right):
        if given not in known:
            raise Wrong(f"Run {run}: {given!r} is none of {', '.join(map(repr, known))}.")
        if given != expected:
            raise Wrong(f"Run {run} is not {given}. {clues[run]}")


EXERCISES = (
    Exercise(
        "8.1",
        "a step of gradient descent",
        same_values(
            lambda theta, grad, lr: theta - lr * grad,
            _descent,
            "theta",
            mistakes={
                "that goes uphill: the gradient points to where the loss grows": (
                    lambda theta, grad, lr: theta + lr * grad
                ),
                "the learning rate is missing": lambda theta, grad, lr: theta - grad,
                "that is the step alone: take it off theta": lambda theta, grad, lr: -lr * grad,
                "that is the step alone: take it off theta, as (8.1) says": lambda theta, grad, lr: lr * grad,
            },
        ),
        ("The gradient points uphill.", "theta - lr * grad: a new array, theta itself stays as it is."),
    ),
    Exercise(
        "8.2",
        "a step with momentum",
        same_values(
            momentum_step,
            _momentum,
            "theta m",
            mistakes={
                "theta moves by the old m: update m first": lambda theta, m, grad, lr, momentum: (
                    theta - lr * m,
                    momentum * m + grad,
                ),
                "theta moves by the gradient; it has to move by m": lambda theta, m, grad, lr, momentum: (
                    theta - lr * grad,
                    momentum * m + grad,
                ),
                "(8.2) has no factor 1 - momentum before the gradient: that is a running mean, and slower by "
                "that factor": lambda theta, m, grad, lr, momentum: (
                    theta - lr * (momentum * m + (1 - momentum) * grad),
                    momentum * m + (1 - momentum) * grad,
                ),
                "the old m is not faded: momentum * m": lambda theta, m, grad, lr, momentum: (
                    theta - lr * (m + grad),
                    m + grad,
                ),
                "that goes uphill": lambda theta, m, grad, lr, momentum: (
                    theta + lr * (momentum * m + grad),
                    momentum * m + grad,
                ),
            },
        ),
        (
            "Two lines: first the new m, then theta moves by it.",
            "m = momentum * m + grad; then theta - lr * m, with the new m. Return both.",
        ),
    ),
    Exercise(
        "8.3",
        "a step of RMSProp",
        same_values(
            rmsprop_step,
            _rmsprop,
            "theta v",
            mistakes={
                "theta is divided by the old accumulator: v is updated before it divides": _rmsprop_old_v,
                "eps stands inside the root in (8.4); outside it is PyTorch's variant": _rmsprop_with(
                    _update, lambda grad, v, eps: grad / (np.sqrt(v) + eps)
                ),
                "the root is missing: divide by sqrt(v + eps)": _rmsprop_with(
                    _update, lambda grad, v, eps: grad / (v + eps)
                ),
                "eps is missing": _rmsprop_with(_update, lambda grad, v, eps: grad / np.sqrt(v)),
                "the accumulator holds squares: grad**2": _rmsprop_with(
                    lambda v, grad, decay: decay * v + (1 - decay) * grad, _divide
                ),
                "the factor 1 - decay is missing: v would be a sum, not a mean": _rmsprop_with(
                    lambda v, grad, decay: decay * v + grad**2, _divide
                ),
                "decay and 1 - decay have changed places: most of the old v is kept": _rmsprop_with(
                    lambda v, grad, decay: (1 - decay) * v + decay * grad**2, _divide
                ),
                "that goes uphill": lambda theta, v, grad, lr, decay, eps: (
                    2 * theta - rmsprop_step(theta, v, grad, lr, decay, eps)[0],
                    _update(v, grad, decay),
                ),
            },
        ),
        (
            "First the new v, a running mean of the squared gradients. Then the step.",
            "v = decay * v + (1 - decay) * grad**2",
            "theta - lr * grad / np.sqrt(v + eps), with the new v. Return both.",
        ),
    ),
    Exercise(
        "8.4",
        "which framework was it?",
        frameworks,
        (
            "Divide each step by the learning rate. Which runs don't care about the size of the gradient?",
            "A step of 1/sqrt(1 - decay) learning rates: 3.16 for a decay of 0.9, 10 for 0.99.",
        ),
    ),
    Exercise(
        "8.5",
        "a step of Adam",
        same_values(
            adam_step,
            _adam,
            "theta m v",
            mistakes={
                "the bias correction is missing: divide m by 1 - beta1**t and v by 1 - beta2**t": _adam_with(
                    lambda m, v, eps: m / (np.sqrt(v) + eps), correct=False
                ),
                "in Adam eps stands outside the root": _adam_with(lambda m, v, eps: m / np.sqrt(v + eps)),
                "the root over v is missing": _adam_with(lambda m, v, eps: m / (v + eps)),
                "the corrected m and v are for this step only; hand on the uncorrected ones": (
                    _adam_stores_corrected
                ),
                "the correction of v belongs under the root": (
                    lambda theta, m, v, grad, t, lr, beta1, beta2, eps: _adam_with(
                        lambda m_hat, v_raw, e: (
                            m_hat / (1 - beta1**t) / (np.sqrt(v_raw) / (1 - beta2**t) + e)
                        ),
                        correct=False,
                    )(theta, m, v, grad, t, lr, beta1, beta2, eps)
                ),
            },
        ),
        (
            "Two running means: of the gradient with beta1, of its square with beta2.",
            "m_hat = m / (1 - beta1**t), v_hat = v / (1 - beta2**t), from the new m and v.",
            "theta - lr * m_hat / (np.sqrt(v_hat) + eps); return it with m and v, not with m_hat and v_hat.",
        ),
    ),
    Exercise(
        "8.6",
        "how long is the warm-up?",
        same_values(
            warm_up_steps,
            lambda rng, B: {"g": rng.uniform(0.001, 0.5, B), "decay": rng.uniform(0.5, 0.99)},
            "steps",
            float32=False,
            mistakes={
                "that is where the step reaches 95 % of full speed, sqrt(0.9): 0.9 has to be squared": (
                    lambda g, decay: np.log(g**2 * (1 / 0.9 - 1) / (1 - g**2)) / np.log(decay)
                ),
                "the starting value 1 counts as 1 - g^2 above the final g^2: divide by 1 - g**2": (
                    lambda g, decay: np.log(g**2 * (1 / 0.81 - 1)) / np.log(decay)
                ),
                "a logarithm to the base decay is log(...) / log(decay)": lambda g, decay: np.log(
                    g**2 * (1 / 0.81 - 1) / (1 - g**2)
                ),
                "the sign: log(decay) is negative, as is the other logarithm": (
                    lambda g, decay: -warm_up_steps(g, decay)
                ),
                "keep the fraction: round only when you need a count of steps": lambda g, decay: np.ceil(
                    warm_up_steps(g, decay)
                ),
            },
        ),
        (
            "The step is 90 % of lr where g / sqrt(v) = 0.9, that is, v = g^2 / 0.81.",
            "Put v from (8.7) in and bring decay**t to one side: decay**t = g^2 (1/0.81 - 1) / (1 - g^2).",
            "np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2)) / np.log(decay)",
        ),
    ),
)
