"""The exercises of lesson 06: checking gradients.

central_difference(f, x, h=6e-6)     (6.2)   -> f'(x), nearly
complex_step(f, x, h=1e-20)          (6.4)   -> f'(x)
relative_error(a, n)                 (6.5)   -> one number for a block
mystery(k)                                   -> yours, true, names: a wrong gradient, the right one, and
what is known
is_kl(kl)                                    -> True for the KL divergence, False for functions that look
like it
"""

import inspect

import numpy as np

from ..gaussian import kl
from ..gradcheck.learner import quietly
from ..gradcheck.numeric import relative_error
from ..layers import sigmoid
from .judge import Exercise, NotTried, Wrong, inputs, kind, positive, real, same_values, untouched


def cubic(x):
    return x**3 - 2 * x


def wave(x):
    return np.sin(2 * x)


def growth(x):
    return x * np.exp(x)


FUNCTIONS = cubic, wave, growth


def places(**step):
    return inputs(f=lambda rng, B, v: FUNCTIONS[B % 3], x=real(tails=5), **step)


def spread(rng, B, v):
    """Numbers of very different size, of both signs."""
    return rng.normal(size=(B, 5)) * 10.0 ** np.arange(-5, 0)


blocks = {  # a gradient and its measurement
    "nearly equal blocks": inputs(n=spread, a=lambda rng, B, v: v["n"] + 1e-8 * rng.normal(size=(B, 5))),
    "very different blocks": inputs(n=spread, a=lambda rng, B, v: -3 * v["n"] + rng.normal(size=(B, 5))),
    "numbers below 0": inputs(
        n=lambda rng, B, v: -np.abs(spread(rng, B, v)), a=lambda rng, B, v: 0.9 * v["n"]
    ),
    "zeros": inputs(n=lambda rng, B, v: np.zeros((B, 5)), a=lambda rng, B, v: np.zeros((B, 5))),
}


MISSING = {1: "eps", 2: "mu", 3: "sigmoid(raw)"}


def mystery(k):
    """Case k of exercise 6.4: (yours, true, names); yours lacks one of the named arrays,
    as a factor or as a term."""
    rng = np.random.default_rng(100 + k)
    mu, raw, eps, dz = rng.standard_normal((4, 4, 3))
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


def judge_mysteries(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != len(MISSING):
        raise Wrong(f"{len(MISSING)} names are expected, in quotes: one for each case.")
    for given, (k, right) in zip(answer, MISSING.items()):
        names = mystery(k)[2]
        if untouched(given):
            raise Wrong(f"Case {k} is still {given!r}.")
        if not isinstance(given, str) or given not in names:
            raise Wrong(f"Case {k}: {given!r} is none of the names; they are {', '.join(map(repr, names))}.")
        if given != right:
            how = "the difference true_gradient - yours" if k == 2 else "the ratio true_gradient / yours"
            raise Wrong(
                f"Case {k}: not {given!r}. Print {how} beside names[{given!r}]: they are not the same"
                " numbers."
            )


LOOKALIKES = {
    "the KL without its 1/2": lambda mu, s: s * s + mu * mu - 2 * np.log(s) - 1,
    "the KL with the wrong sign": lambda mu, s: np.log(s) + 0.5 - (s * s + mu * mu) / 2,
    "the KL without its constant 1/2": lambda mu, s: (s * s + mu * mu) / 2 - np.log(s),
    "the reverse KL, KL(p || q)": lambda mu, s: np.log(s) + (1 + mu * mu) / (2 * s * s) - 0.5,
    "the KL with log sigma^2 for log sigma": lambda mu, s: (s * s + mu * mu) / 2 - 2 * np.log(s) - 0.5,
    "the KL with sigma for sigma^2": lambda mu, s: (s + mu * mu) / 2 - np.log(s) - 0.5,
    "the KL without the term in mu": lambda mu, s: s * s / 2 - np.log(s) - 0.5,
}


def judge_test_of_kl(answer):
    if not callable(answer):
        raise Wrong(f"A function of one argument, kl, is expected, but this is {kind(answer)}.")
    try:
        inspect.signature(answer).bind(kl)
    except (TypeError, ValueError):
        raise Wrong(
            "Your function is called with one argument: a function kl(mu, sigma) that it has to judge."
        ) from None

    def verdict(candidate):
        try:
            result = quietly(
                answer, lambda mu, sigma: candidate(*np.broadcast_arrays(*np.atleast_2d(mu, sigma)))
            )
        except AssertionError:
            return False
        except NotImplementedError:
            raise NotTried from None
        except Exception as error:  # noqa: BLE001 - whatever a learner's function raises
            raise Wrong(
                f"Your function raised {type(error).__name__}: {error}. It may call kl(mu, sigma) "
                "with arrays of shape (B, M), and gets an array (B,)."
            ) from None
        if untouched(result):
            raise NotTried
        if not isinstance(result, (bool, np.bool_)):
            raise Wrong(
                f"Your function returned {kind(result)}; return True or False (np.allclose gives one)."
            )
        return bool(result)

    if not verdict(kl):
        raise Wrong(
            "Your function rejects the KL that is right. Work out the value that you ask for once more:"
            " (2.8)."
        )
    for words, lookalike in LOOKALIKES.items():
        if verdict(lambda mu, sigma, f=lookalike: f(mu, sigma).sum(axis=-1)):
            raise Wrong(
                f"Your function lets pass {words}. Find a mu and a sigma for which that gives another number."
            )
    if verdict(lambda mu, sigma: kl(mu, sigma) / mu.shape[-1]):
        raise Wrong(
            "Your function lets pass a mean over latents where the sum was meant. Ask with more than one"
            " latent."
        )


EXERCISES = (
    Exercise(
        "6.1",
        "a central difference",
        same_values(
            lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
            places(h=positive(low=0.05, high=0.2, tails=None)),
            "slope",
            float32=False,
            mistakes={
                "that is a forward difference: take one step to the right and one to the left": (
                    lambda f, x, h: (f(x + h) - f(x)) / h
                ),
                "that is a backward difference: take one step to the right and one to the left": (
                    lambda f, x, h: (f(x) - f(x - h)) / h
                ),
                "from x - h to x + h it is 2h, and you divided by h": (
                    lambda f, x, h: (f(x + h) - f(x - h)) / h
                ),
                "the division by 2h is missing": lambda f, x, h: f(x + h) - f(x - h),
                "brackets: / 2 * h divides by 2 and multiplies by h; write / (2 * h)": (
                    lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h
                ),
                "the sign: right minus left": lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h),
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
            places(h=lambda rng, B, v: 10.0 ** rng.uniform(-22, -18)),
            "slope",
            float32=False,
            mistakes={
                "a real step of 1e-20 is swallowed by x: step in the imaginary direction, 1j * h": (
                    lambda f, x, h: (f(x + h) - f(x)) / h
                ),
                "the division by h is missing": lambda f, x, h: np.imag(f(x + 1j * h)),
                "that is the real part, f(x): the slope is in the imaginary part": lambda f, x, h: np.real(
                    f(x + 1j * h)
                ),
                "that is the real part, divided by h: the slope is in the imaginary part": (
                    lambda f, x, h: np.real(f(x + 1j * h)) / h
                ),
                "there is no subtraction here, and so no 2": lambda f, x, h: np.imag(f(x + 1j * h)) / (2 * h),
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
            blocks,
            "error",
            float32=False,
            mistakes={
                "you judge number by number, and the smallest ones decide; take both maxima over the whole "
                "block, then divide": lambda a, n: np.max(np.abs(a - n) / (np.abs(a) + np.abs(n))),
                "you take the mean; one wrong number among thousands would get lost, take the largest": (
                    lambda a, n: np.mean(np.abs(a - n)) / np.max(np.abs(a) + np.abs(n))
                ),
                "that is the absolute error: divide by the size of the block": lambda a, n: np.max(
                    np.abs(a - n)
                ),
                "np.abs is missing: a - n and a + n may be negative": (
                    lambda a, n: np.max(a - n) / np.max(a + n)
                ),
                "in the denominator stands |a| + |n|": lambda a, n: np.max(np.abs(a - n)) / np.max(np.abs(n)),
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
        judge_mysteries,
        (
            (
                "Try true_gradient / yours first. Does it look like one of the names? If not, try"
                " true_gradient - yours."
            ),
            (
                "[name for name, array in names.items() if np.allclose(true_gradient / yours, array)]; then"
                " with true_gradient - yours."
            ),
            "Case 1 and case 3 lack a factor, case 2 lacks a term.",
        ),
    ),
    Exercise(
        "6.5",
        "a test that can fail",
        judge_test_of_kl,
        (
            (
                "Work out with the pencil what the KL should be at one place, and compare. Which place would"
                " show a missing 1/2?"
            ),
            (
                "At mu = 0, sigma = 1 it is 0: that finds a wrong constant, and nothing else. Take a mu that"
                " is not 0 and a sigma that is not 1."
            ),
            (
                "For two latents, mu = (1, 0) and sigma = (1, 2): 1/2 + (4/2 - log 2 - 1/2). One such place"
                " finds them all."
            ),
        ),
    ),
)
