"""The exercises of lesson 06: checking gradients.

central_difference(f, x, h=6e-6)                    (6.2)    -> f'(x), nearly
complex_step(f, x, h=1e-20)                         (6.4)    -> f'(x)
relative_error(a, n)                                (6.5)    -> one number for a block
mystery(k)                                                   -> yours, true, names
is_kl(kl)                                                    -> True for the KL, False for its lookalikes
direction_error(loss, theta, gradient, v, h=1e-7)   (6.13)   -> one number for a whole model
"""

import numpy as np

from ..gaussian import kl
from ..gradcheck.numeric import relative_error
from ..layers import sigmoid
from .judge import Exercise, NotTried, Wrong, call, chosen, inputs, positive, real, same_values

FUNCTIONS = (  # neither even nor odd
    lambda x: np.sin(2 * x) + np.cos(x),
    lambda x: np.exp(-x * x / 2) - 0.7 * x - 0.5,
    lambda x: 0.8 * np.log1p(np.exp(x)) - 1.2,
)


def places(**h):
    """Functions that rise and fall, at places on both sides of 0, with steps h."""
    return inputs(
        f=lambda rng, B, values: FUNCTIONS[B // 3 % 3], x=real(tails=3), h=positive(**h, tails=None)
    )


def near(rng, B, values):
    """A measurement of a: numbers of very different size, all off by about 1e-8, in both directions."""
    return values["a"] + 1e-8 * rng.choice([-1, 1], values["a"].shape) * rng.uniform(
        0.5, 1, values["a"].shape
    )


def far(rng, B, values):
    """Nothing like a; larger in some batches and smaller in others."""
    return rng.normal(size=values["a"].shape) * np.abs(values["a"]).max() * (0.4 if B % 3 else 2.5)


BLOCKS = {
    "a block that is grossly wrong": inputs(a=real("B", "M", tails=1000), n=far),
    "a block that is nearly right": inputs(
        a=lambda rng, B, values: rng.normal(size=(B, 5)) * 10.0 ** np.arange(-4, 1), n=near
    ),
    "a block of small numbers": inputs(
        a=real("B", "M", scale=1e-6, tails=None), n=real("B", "M", scale=1e-6, tails=None)
    ),
    "a gradient with the wrong sign": inputs(a=real("B", "M"), n=lambda rng, B, values: -1.1 * values["a"]),
    "zeros where something is": inputs(n=real("B", "M"), a=lambda rng, B, values: 0 * values["n"]),
    "zeros": inputs(a=lambda rng, B, values: np.zeros((B, 3)), n=lambda rng, B, values: np.zeros((B, 3))),
}


def a_loss(rng, B, values):
    """A smooth loss of the flat vector theta."""
    frequency = rng.uniform(0.5, 1.5, values["theta"].shape)
    return lambda theta: 3 * np.sum(np.sin(frequency * theta)) + np.sum(theta) ** 2


def directions(tilt):
    """A gradient that promises more than there is (tilt > 0), or less."""

    def gradient(rng, B, values):
        return tilt * values["v"] + 0.5 * rng.normal(size=values["v"].shape)

    return inputs(
        theta=real("N", tails=None),
        v=real("N", scale=0.8, tails=None),
        gradient=gradient,
        loss=a_loss,
        h=positive(low=0.03, high=0.1, tails=None),
    )


DIRECTIONS = {
    "a gradient that promises too much": directions(4.3),
    "a gradient that promises too little": directions(-3.7),
}

MISSING = {"1": "eps", "2": "mu", "3": "sigmoid(raw)"}


def mystery(k):
    """Case k of exercise 6.4: (yours, true, names); yours lacks one of the named, as a factor or a term."""
    rng = np.random.default_rng(100 + k)
    mu, raw, eps, dz = rng.standard_normal((4, 5, 3))
    sigma = np.log1p(np.exp(raw))
    names = {
        "mu": mu,
        "sigma": sigma,
        "1/sigma": 1 / sigma,
        "sigmoid(raw)": sigmoid(raw),
        "eps": eps,
        "dz": dz,
    }
    true = {1: dz * eps, 2: dz + mu, 3: dz * eps * sigmoid(raw)}[k]
    return {1: dz, 2: dz, 3: dz * eps}[k], true, names


RATIO = "Print true_gradient / yours beside names[...] of your choice: they are not the same numbers."
DIFFERENCE = "Print true_gradient - yours beside names[...] of your choice: they are not the same numbers."

LOOKALIKES = {
    "the KL without its 1/2": lambda mu, s: s * s + mu * mu - 2 * np.log(s) - 1,
    "the KL with the wrong sign": lambda mu, s: np.log(s) + 0.5 - (s * s + mu * mu) / 2,
    "the KL without its constant 1/2": lambda mu, s: (s * s + mu * mu) / 2 - np.log(s),
    "the KL with 1 for its constant 1/2": lambda mu, s: (s * s + mu * mu) / 2 - np.log(s) - 1,
    "the reverse KL, KL(p || q)": lambda mu, s: np.log(s) + (1 + mu * mu) / (2 * s * s) - 0.5,
    "the KL with log sigma^2 for log sigma": lambda mu, s: (s * s + mu * mu) / 2 - 2 * np.log(s) - 0.5,
    "the KL with plus for minus before log sigma": lambda mu, s: (s * s + mu * mu) / 2 + np.log(s) - 0.5,
    "the KL without log sigma": lambda mu, s: (s * s + mu * mu) / 2 - 0.5,
    "the KL with sigma for sigma^2": lambda mu, s: (s + mu * mu) / 2 - np.log(s) - 0.5,
    "the KL without the term in mu": lambda mu, s: s * s / 2 - np.log(s) - 0.5,
    "the KL in bits": lambda mu, s: ((s * s + mu * mu) / 2 - np.log(s) - 0.5) / np.log(2),
}
WHOLE = {
    "a mean over latents where the sum was meant. Ask with more than one latent": (
        lambda mu, sigma: kl(mu, sigma) / mu.shape[-1]
    ),
    "the first latent alone. Ask with more than one latent that counts": lambda mu, sigma: kl(
        mu[:, :1], sigma[:, :1]
    ),
    "the last latent alone. Ask with more than one latent that counts": lambda mu, sigma: kl(
        mu[:, -1:], sigma[:, -1:]
    ),
}


NONE = "Your function returns None for {}: is a `return False` missing where the test fails?"


def judge_test_of_kl(answer):
    def verdict(candidate, words):
        def safely(mu, sigma):
            return candidate(*np.broadcast_arrays(*np.atleast_2d(mu, sigma)))

        try:
            result = call(answer, {"kl": safely})
        except Wrong as wrong:
            if isinstance(wrong.__cause__, AssertionError):
                return False
            if "returns None" in str(wrong):
                raise Wrong(NONE.format(words)) from None
            if wrong.__cause__ is None:
                raise
            raise Wrong(
                f"{wrong} It may call kl(mu, sigma) with arrays of shape (B, M), and gets an array (B,)."
            ) from None
        except NotTried:
            if candidate is kl:
                raise
            raise Wrong(NONE.format(words)) from None
        if isinstance(result, np.ndarray) and result.size == 1:
            result = result.item()
        if not isinstance(result, (bool, np.bool_)):
            raise Wrong(f"Your function returned {result!r}; return True or False (np.allclose gives one).")
        return bool(result)

    if not verdict(kl, "the KL that is right"):
        raise Wrong("Your function rejects the KL that is right. Work out the value once more: (2.8).")
    for words, lookalike in LOOKALIKES.items():
        if verdict(lambda mu, sigma, f=lookalike: f(mu, sigma).sum(axis=-1), words):
            raise Wrong(
                f"Your function lets pass {words}. Find a mu and a sigma for which that gives another number."
            )
    for words, impostor in WHOLE.items():
        if verdict(impostor, words.split(".")[0]):
            raise Wrong(f"Your function lets pass {words}.")


EXERCISES = (
    Exercise(
        "6.1",
        "a central difference",
        same_values(
            lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
            places(low=0.05, high=0.2),
            "slope",
            float32=False,
            mistakes={
                "a slope has a sign: no abs": lambda f, x, h: np.abs(f(x + h) - f(x - h)) / (2 * h),
                "that is a forward difference: take one step to the right and one to the left": (
                    lambda f, x, h: (f(x + h) - f(x)) / h
                ),
                "that is a backward difference: take one step to the right and one to the left": (
                    lambda f, x, h: (f(x) - f(x - h)) / h
                ),
                "that is half a forward difference: take one step to the right and one to the left": (
                    lambda f, x, h: (f(x + h) - f(x)) / (2 * h)
                ),
                "from x - h to x + h it is 2h, and you divided by h": lambda f, x, h: (
                    (f(x + h) - f(x - h)) / h
                ),
                "the division by 2h is missing": lambda f, x, h: f(x + h) - f(x - h),
                "brackets: / 2 * h divides by 2 and multiplies by h; write / (2 * h)": (
                    lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h
                ),
                "brackets: only the second value is divided; the whole difference is": (
                    lambda f, x, h: f(x + h) - f(x - h) / (2 * h)
                ),
                "the sign: right minus left": lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h),
                "the difference of the two values, not their sum": lambda f, x, h: (
                    (f(x + h) + f(x - h)) / (2 * h)
                ),
            },
        ),
        (
            "Two calls of f, one on either side of x.",
            "The rise, divided by the way: how far is it from x - h to x + h?",
            "(f(x + h) - f(x - h)) / (2 * h)",
        ),
    ),
    Exercise(
        "6.2",
        "a complex step",
        same_values(
            lambda f, x, h: np.imag(f(x + 1j * h)) / h,
            places(low=1e-22, high=1e-18),
            "slope",
            float32=False,
            mistakes={
                "a slope has a sign: no abs": lambda f, x, h: np.abs(np.imag(f(x + 1j * h))) / h,
                "a real step of 1e-20 is swallowed by x: step in the imaginary direction, 1j * h": (
                    lambda f, x, h: (f(x + h) - f(x)) / h
                ),
                "the division by h is missing": lambda f, x, h: np.imag(f(x + 1j * h)),
                "that is the real part, f(x): the slope is in the imaginary part": (
                    lambda f, x, h: np.real(f(x + 1j * h))
                ),
                "that is the real part, divided by h: the slope is in the imaginary part": (
                    lambda f, x, h: np.real(f(x + 1j * h)) / h
                ),
                "there is no subtraction here, and so no 2": lambda f, x, h: np.imag(f(x + 1j * h)) / (2 * h),
                "a sign: step by + 1j * h": lambda f, x, h: np.imag(f(x - 1j * h)) / h,
            },
        ),
        (
            "One call of f is enough.",
            "1j is the imaginary unit of Python: evaluate f at x + 1j * h. np.imag takes the imaginary part.",
            "np.imag(f(x + 1j * h)) / h",
        ),
    ),
    Exercise(
        "6.3",
        "the relative error of a block",
        same_values(
            lambda a, n: relative_error(a, n),
            BLOCKS,
            "error",
            float32=False,
            mistakes={
                "number by number, the smallest decide; take both maxima, then divide": (
                    lambda a, n: np.max(np.abs(a - n) / np.maximum(np.abs(a) + np.abs(n), 1e-300))
                ),
                "you take the mean; one wrong number among thousands would get lost, take the largest": (
                    lambda a, n: np.mean(np.abs(a - n)) / max(np.max(np.abs(a) + np.abs(n)), 1e-300)
                ),
                "that is the absolute error: divide by the size of the block": lambda a, n: np.max(
                    np.abs(a - n)
                ),
                "np.abs is missing above: a - n may be negative": (
                    lambda a, n: np.max(a - n) / max(np.max(np.abs(a) + np.abs(n)), 1e-300)
                ),
                "np.abs is missing: a - n and a + n may be negative": (
                    lambda a, n: np.max(a - n) / (np.max(a + n) or 1)
                ),
                "below the line stands |a| + |n|, not |a + n|, which can be 0 where both are large": (
                    lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a + n)), 1e-300)
                ),
                "below the line stands the largest |a| + |n|, not the sum of two maxima": (
                    lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a)) + np.max(np.abs(n)), 1e-300)
                ),
                "below the line stands |a| + |n|, not the larger of the two": (
                    lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a)), np.max(np.abs(n)), 1e-300)
                ),
                "a number added below the line spoils small blocks; ask whether it is 0": (
                    lambda a, n: np.max(np.abs(a - n)) / (np.max(np.abs(a) + np.abs(n)) + 1e-8)
                ),
                "below the line stands |a| + |n|, not |n| alone": (
                    lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(n)), 1e-300)
                ),
                "below the line stands |a| + |n|, not |a| alone": (
                    lambda a, n: np.max(np.abs(a - n)) / max(np.max(np.abs(a)), 1e-300)
                ),
            },
        ),
        (
            "Two numbers: the largest deviation in the block, and the largest size in the block.",
            "np.max(np.abs(a - n)) above, np.max(np.abs(a) + np.abs(n)) below.",
            "If the number below is 0, everything is 0 and agrees: return 0.0 before dividing.",
        ),
    ),
    Exercise(
        "6.4",
        "three mysteries",
        chosen(
            MISSING,
            known=tuple(mystery(1)[2]),
            clues={"1": RATIO, "2": DIFFERENCE, "3": RATIO},
            what="case",
        ),
        (
            "Try true_gradient / yours first. Does it look like one of the names? If not, the difference.",
            "[name for name, array in names.items() if np.allclose(true_gradient / yours, array)]; then with "
            "true_gradient - yours.",
            "Case 1 and case 3 lack a factor, case 2 lacks a term.",
        ),
    ),
    Exercise(
        "6.5",
        "a test that can fail",
        judge_test_of_kl,
        (
            "Work out with the pencil what the KL should be at one place, and compare. Which place would "
            "show a missing 1/2?",
            "At mu = 0, sigma = 1 it is 0: that finds a wrong constant, and nothing else. Take a mu that is "
            "not 0 and a sigma that is not 1.",
            "For two latents, mu = (1, 0) and sigma = (1, 2): 1/2 + (4/2 - log 2 - 1/2). One such place "
            "finds them all.",
        ),
    ),
    Exercise(
        "6.6",
        "a random direction",
        same_values(
            lambda loss, theta, gradient, v, h: (
                np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                / np.linalg.norm(gradient)
            ),
            DIRECTIONS,
            "error",
            float32=False,
            mistakes={
                "a difference has a sign, an error has none: take its size": (
                    lambda loss, theta, gradient, v, h: (
                        ((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                        / np.linalg.norm(gradient)
                    )
                ),
                "the division by the size of the gradient is missing": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                ),
                "the unit is the size of the gradient, not that of g'v": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                    / np.abs(gradient @ v)
                ),
                "the unit is the size of the gradient, not its square": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                    / (gradient @ gradient)
                ),
                "the unit is the size of the gradient, not that of v": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                    / np.linalg.norm(v)
                ),
                "that is a forward difference: take one step forward and one back": (
                    lambda loss, theta, gradient, v, h: (
                        np.abs((loss(theta + h * v) - loss(theta)) / h - gradient @ v)
                        / np.linalg.norm(gradient)
                    )
                ),
                "from theta - h v to theta + h v it is 2h, and you divided by h": (
                    lambda loss, theta, gradient, v, h: (
                        np.abs((loss(theta + h * v) - loss(theta - h * v)) / h - gradient @ v)
                        / np.linalg.norm(gradient)
                    )
                ),
                "the direction is forgotten: the step is h v": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h) - loss(theta - h)) / (2 * h) - gradient @ v)
                    / np.linalg.norm(gradient)
                ),
                "what the gradient promises comes off the slope": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) + gradient @ v)
                    / np.linalg.norm(gradient)
                ),
                "the unit is the size of the gradient alone, not times that of v": (
                    lambda loss, theta, gradient, v, h: (
                        np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - gradient @ v)
                        / (np.linalg.norm(gradient) * np.linalg.norm(v))
                    )
                ),
                "g'v is the sum of all products, gradient @ v": lambda loss, theta, gradient, v, h: (
                    np.abs((loss(theta + h * v) - loss(theta - h * v)) / (2 * h) - np.mean(gradient * v))
                    / np.linalg.norm(gradient)
                ),
            },
        ),
        (
            "A central difference once more, only that the step is a whole vector, h * v.",
            "The slope that the gradient promises along v is gradient @ v.",
            "slope = (loss(theta + h * v) - loss(theta - h * v)) / (2 * h); then "
            "abs(slope - gradient @ v) / np.linalg.norm(gradient).",
        ),
    ),
)
