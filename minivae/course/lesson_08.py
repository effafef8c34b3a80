"""The exercises of lesson 08: how the parameters move.

    sgd_step(theta, grad, lr)                                            (8.1)  -> theta
    momentum_step(theta, m, grad, lr, momentum)                          (8.2)  -> theta, m
    rmsprop_step(theta, v, grad, lr, decay, eps)                         (8.4)  -> theta, v; eps in the root
    which_framework = ("...", "...", "...")                              (8.5)
    adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps)               (8.6)  -> theta, m, v; t from 1
    warm_up_steps(g, decay)                                              (8.7)  -> a number, not rounded

theta, grad and the state are arrays of one shape. Every step returns new arrays.
"""

import numpy as np

from .judge import Exercise, between, chosen, inputs, positive, real, same_values, whole

SIZES = {"gradients of ordinary size": 1.0, "gradients of hundreds": 300.0}


def step_inputs(**more):
    """Inputs of a step, by the size of its gradients; more: functions of that size."""
    return {
        words: inputs(
            theta=real("B", scale=3, tails=0),
            grad=real("B", scale=size, tails=0),
            lr=positive(low=0.02, high=0.5, tails=None),
            **{name: kind(size) for name, kind in more.items()},
        )
        for words, size in SIZES.items()
    }


def momentum(size):
    return real("B", scale=size, tails=0)


def accumulator(size):
    return positive("B", low=0.1 * size**2, high=2 * size**2, tails=None)


def decay(size):
    return between(0, 1)


def small_number(size):
    """eps, large enough to be seen wherever it stands."""
    return positive(low=0.05 * size, high=0.3 * size, tails=None)


def momentum_step(theta, m, grad, lr, momentum):
    m = momentum * m + grad
    return theta - lr * m, m


def momentum_with(update, move):
    """A wrong momentum_step from its two formulas."""

    def step(theta, m, grad, lr, momentum):
        new = update(m, grad, momentum, lr)
        return theta - move(new, m, grad, momentum, lr), new

    return step


def fading_sum(m, grad, momentum, lr):
    return momentum * m + grad


def along_m(new, m, grad, momentum, lr):
    return lr * new


def rmsprop_step(theta, v, grad, lr, decay, eps):
    v = decay * v + (1 - decay) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def squares(v, grad, decay):
    return decay * v + (1 - decay) * grad**2


def rmsprop_with(
    update=squares, divide=lambda grad, v, eps: grad / np.sqrt(v + eps), stored=lambda new, old, eps: new
):
    """A wrong rmsprop_step from its formulas."""

    def step(theta, v, grad, lr, decay, eps):
        new = update(v, grad, decay)
        return theta - lr * divide(grad, new, eps), stored(new, v, eps)

    return step


def adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    return theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def both_means(m, v, grad, beta1, beta2):
    return beta1 * m + (1 - beta1) * grad, squares(v, grad, beta2)


def both_corrected(m, v, t, beta1, beta2):
    return m / (1 - beta1**t), v / (1 - beta2**t)


def adam_with(
    move=lambda m, v, eps: m / (np.sqrt(v) + eps),
    correct=both_corrected,
    means=both_means,
    stored=lambda new, old, corrected, eps: new,
):
    """A wrong adam_step from its formulas."""

    def step(theta, m, v, grad, t, lr, beta1, beta2, eps):
        new = means(m, v, grad, beta1, beta2)
        corrected = correct(*new, t, beta1, beta2)
        return theta - lr * move(*corrected, eps), *stored(new, (m, v), corrected, eps)

    return step


def warm_up_steps(g, decay):
    return np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2)) / np.log(decay)


EXERCISES = (
    Exercise(
        "8.1",
        "a step of gradient descent",
        same_values(
            lambda theta, grad, lr: theta - lr * grad,
            step_inputs(),
            "theta",
            entrywise=True,
            mistakes={
                "that goes uphill: the gradient points to where the loss grows": (
                    lambda theta, grad, lr: theta + lr * grad
                ),
                "the learning rate is missing": lambda theta, grad, lr: theta - grad,
                "that is the step alone: take it off theta": lambda theta, grad, lr: -lr * grad,
                "that is the step alone: take it off theta, as (8.1) says": lambda theta, grad, lr: lr * grad,
                "theta moves along the gradient, not in proportion to itself": (
                    lambda theta, grad, lr: theta - lr * theta * grad
                ),
                "the sign of the gradient alone is another method": (
                    lambda theta, grad, lr: theta - lr * np.sign(grad)
                ),
                "the learning rate multiplies the gradient": lambda theta, grad, lr: theta - grad / lr,
            },
        ),
        ("The gradient points uphill.", "theta - lr * grad: a new array, theta itself stays as it is."),
    ),
    Exercise(
        "8.2",
        "a step with momentum",
        same_values(
            momentum_step,
            step_inputs(m=momentum, momentum=decay),
            "theta m",
            entrywise=True,
            mistakes={
                "theta moves by the old m: update m first": (
                    momentum_with(fading_sum, lambda new, m, grad, momentum, lr: lr * m)
                ),
                "theta moves by the gradient; it has to move by m": (
                    momentum_with(fading_sum, lambda new, m, grad, momentum, lr: lr * grad)
                ),
                "(8.2) has no factor 1 - momentum before the gradient: that is a running mean, and slower by "
                "that factor": (
                    momentum_with(lambda m, g, momentum, lr: momentum * m + (1 - momentum) * g, along_m)
                ),
                "(8.2) keeps the learning rate out of m: m = momentum m + grad, and lr multiplies m": (
                    momentum_with(
                        lambda m, g, momentum, lr: momentum * m + lr * g, lambda new, m, g, momentum, lr: new
                    )
                ),
                "(8.2) keeps sign and learning rate out of m: m = momentum m + grad, theta - lr m": (
                    momentum_with(
                        lambda m, g, momentum, lr: momentum * m - lr * g, lambda new, m, g, momentum, lr: -new
                    )
                ),
                "that is Nesterov's momentum, which looks one step ahead; (8.2) moves by m": (
                    momentum_with(fading_sum, lambda new, m, g, momentum, lr: lr * (momentum * new + g))
                ),
                "the old m is not faded: momentum * m": (
                    momentum_with(lambda m, g, momentum, lr: m + g, along_m)
                ),
                "the old m fades by momentum, not by 1 - momentum": (
                    momentum_with(lambda m, g, momentum, lr: (1 - momentum) * m + g, along_m)
                ),
                "m adds up gradients; the minus comes with the step": (
                    momentum_with(lambda m, g, momentum, lr: momentum * m - g, along_m)
                ),
                "momentum fades the old m, not the gradient": (
                    momentum_with(lambda m, g, momentum, lr: m + momentum * g, along_m)
                ),
                "the old m is handed on: return the new one": (
                    lambda theta, m, grad, lr, momentum: (theta - lr * (momentum * m + grad), m)
                ),
                "that goes uphill": momentum_with(fading_sum, lambda new, m, grad, momentum, lr: -lr * new),
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
            step_inputs(v=accumulator, decay=decay, eps=small_number),
            "theta v",
            entrywise=True,
            mistakes={
                "theta is divided by the old accumulator: v is updated before it divides": (
                    lambda theta, v, grad, lr, decay, eps: (
                        theta - lr * grad / np.sqrt(v + eps),
                        squares(v, grad, decay),
                    )
                ),
                "the old v is handed on: return the new one": rmsprop_with(stored=lambda new, old, eps: old),
                "eps belongs to the step; the v that is handed on goes without it": (
                    rmsprop_with(stored=lambda new, old, eps: new + eps)
                ),
                "eps stands inside the root in (8.4); outside it is PyTorch's variant": (
                    rmsprop_with(divide=lambda grad, v, eps: grad / (np.sqrt(v) + eps))
                ),
                "the root is missing: divide by sqrt(v + eps)": (
                    rmsprop_with(divide=lambda grad, v, eps: grad / (v + eps))
                ),
                "eps is missing": rmsprop_with(divide=lambda grad, v, eps: grad / np.sqrt(v)),
                "the gradient above is missing: theta - lr * grad / sqrt(v + eps)": (
                    rmsprop_with(divide=lambda grad, v, eps: 1 / np.sqrt(v + eps))
                ),
                "the accumulator holds squares: grad**2": (
                    rmsprop_with(lambda v, grad, decay: decay * v + (1 - decay) * grad)
                ),
                "the accumulator holds squares, not absolute values": (
                    rmsprop_with(lambda v, grad, decay: decay * v + (1 - decay) * np.abs(grad))
                ),
                "that is Adagrad: nothing of the old v fades": rmsprop_with(
                    lambda v, grad, decay: v + grad**2
                ),
                "the factor 1 - decay is missing: v would be a sum, not a mean": (
                    rmsprop_with(lambda v, grad, decay: decay * v + grad**2)
                ),
                "decay and 1 - decay have changed places: most of the old v is kept": (
                    rmsprop_with(lambda v, grad, decay: (1 - decay) * v + decay * grad**2)
                ),
                "v is handed on rightly, but (1 - decay) multiplies the square only": (
                    rmsprop_with(lambda v, grad, decay: decay * v + ((1 - decay) * grad) ** 2)
                ),
                "that goes uphill": rmsprop_with(divide=lambda grad, v, eps: -grad / np.sqrt(v + eps)),
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
        chosen(
            {"A": "pytorch", "B": "tensorflow1", "C": "keras"},
            ("tensorflow1", "keras", "pytorch"),
            clues={
                "A": (
                    "Its two steps are equal, whatever the gradient, and 10 learning rates long:"
                    " 1/sqrt(1 - decay) = 10 for which decay?"
                ),
                "B": (
                    "Its step grows with the gradient: something else than the gradient fills the"
                    " accumulator at first. Where does it start?"
                ),
                "C": "Its two steps are almost equal, so v starts at 0, and 3.16 is 1/sqrt(1 - 0.9).",
            },
        ),
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
            step_inputs(
                m=momentum,
                v=accumulator,
                t=lambda size: whole(1, 9),
                beta1=decay,
                beta2=decay,
                eps=small_number,
            ),
            "theta m v",
            entrywise=True,
            mistakes={
                "the bias correction is missing: divide m and v by 1 - beta**t": (
                    adam_with(correct=lambda m, v, t, beta1, beta2: (m, v))
                ),
                "v is not corrected: divide it by 1 - beta2**t": (
                    adam_with(correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1**t), v))
                ),
                "m is not corrected: divide it by 1 - beta1**t": (
                    adam_with(correct=lambda m, v, t, beta1, beta2: (m, v / (1 - beta2**t)))
                ),
                "the correction divides by 1 - beta**t, since the means are too small": (
                    adam_with(correct=lambda m, v, t, beta1, beta2: (m * (1 - beta1**t), v * (1 - beta2**t)))
                ),
                "the power is missing: divide by 1 - beta**t": (
                    adam_with(correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1), v / (1 - beta2)))
                ),
                "t counts from 1 and is this step's number: 1 - beta**t, not t + 1": (
                    adam_with(
                        correct=lambda m, v, t, beta1, beta2: (
                            m / (1 - beta1 ** (t + 1)),
                            v / (1 - beta2 ** (t + 1)),
                        )
                    )
                ),
                "t counts from 1 and is this step's number: 1 - beta**t, not t - 1": (
                    adam_with(
                        correct=lambda m, v, t, beta1, beta2: (
                            m / (1 - beta1 ** (t - 1)),
                            v / (1 - beta2 ** (t - 1)),
                        )
                    )
                ),
                "the correction of v belongs under the root": (
                    lambda theta, m, v, grad, t, lr, beta1, beta2, eps: adam_with(
                        move=lambda m, v, eps: m / (np.sqrt(v) / (1 - beta2**t) + eps),
                        correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1**t), v),
                    )(theta, m, v, grad, t, lr, beta1, beta2, eps)
                ),
                "in Adam eps stands outside the root": adam_with(lambda m, v, eps: m / np.sqrt(v + eps)),
                "the root over v is missing": adam_with(lambda m, v, eps: m / (v + eps)),
                "eps is missing": adam_with(lambda m, v, eps: m / np.sqrt(v)),
                "beta1 and beta2 have changed places": (
                    lambda theta, m, v, grad, t, lr, beta1, beta2, eps: adam_step(
                        theta, m, v, grad, t, lr, beta2, beta1, eps
                    )
                ),
                "theta moves by the mean m, not by the gradient": (
                    lambda theta, m, v, grad, t, lr, beta1, beta2, eps: (
                        theta
                        - lr * grad / (np.sqrt((beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)) + eps),
                        *adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps)[1:],
                    )
                ),
                "m and v are means: (1 - beta) before the new gradient": (
                    adam_with(means=lambda m, v, g, beta1, beta2: (beta1 * m + g, beta2 * v + g**2))
                ),
                "v holds squares: grad**2": (
                    adam_with(
                        means=lambda m, v, g, beta1, beta2: (
                            beta1 * m + (1 - beta1) * g,
                            beta2 * v + (1 - beta2) * np.abs(g),
                        )
                    )
                ),
                "the old m and v are handed on: return the new ones": (
                    adam_with(stored=lambda new, old, corrected, eps: old)
                ),
                "the old v is handed on: return the new one": (
                    adam_with(stored=lambda new, old, corrected, eps: (new[0], old[1]))
                ),
                "the old m is handed on: return the new one": (
                    adam_with(stored=lambda new, old, corrected, eps: (old[0], new[1]))
                ),
                "eps belongs to the step; the v that is handed on goes without it": (
                    adam_with(stored=lambda new, old, corrected, eps: (new[0], new[1] + eps))
                ),
                "the corrected m and v are for this step only; hand on the uncorrected ones": (
                    adam_with(stored=lambda new, old, corrected, eps: corrected)
                ),
                "that goes uphill": adam_with(lambda m, v, eps: -m / (np.sqrt(v) + eps)),
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
            {
                "gradients below 1": inputs(g=between(0, 1), decay=between(0, 1)),
                "tiny gradients": inputs(g=between(1e-9, 1e-7), decay=between(0, 1)),
            },
            "steps",
            float32=False,
            mistakes={
                "that is where the step reaches 95 % of full speed, sqrt(0.9): 0.9 has to be squared": (
                    lambda g, decay: np.log(g**2 * (1 / 0.9 - 1) / (1 - g**2)) / np.log(decay)
                ),
                "the starting value 1 counts as 1 - g^2 above the final g^2: divide by 1 - g**2": (
                    lambda g, decay: np.log(g**2 * (1 / 0.81 - 1)) / np.log(decay)
                ),
                "v is g^2 / 0.81, more than g^2: the speed grows while v falls": (
                    lambda g, decay: np.log(g**2 * (1 - 0.81) / (1 - g**2)) / np.log(decay)
                ),
                "a logarithm to the base decay is log(...) / log(decay)": (
                    lambda g, decay: np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2))
                ),
                "upside down: log(...) / log(decay)": lambda g, decay: 1 / warm_up_steps(g, decay),
                "the sign: log(decay) is negative, as is the other logarithm": (
                    lambda g, decay: -warm_up_steps(g, decay)
                ),
                "that is decay**t; its logarithm, divided by log(decay), is t": (
                    lambda g, decay: g**2 * (1 / 0.81 - 1) / (1 - g**2)
                ),
                "v holds squares: g**2 and 1 - g**2": (
                    lambda g, decay: np.log(g * (1 / 0.81 - 1) / (1 - g)) / np.log(decay)
                ),
                "keep the fraction: round only when you need a count of steps": (
                    lambda g, decay: np.ceil(warm_up_steps(g, decay))
                ),
                "keep the fraction: a step that is rounded down has not reached 90 %": (
                    lambda g, decay: np.floor(warm_up_steps(g, decay))
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
