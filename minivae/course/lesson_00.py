"""The exercises of lesson 00: three to try the pencil and the checks on.

slope                      (0.1)   -> a number, d sin(3 x^2)/dx at x = 0.5
squared_lengths(x)                 -> (B,), of the rows of x (B, M)
bend_backward(dh, a)       (0.1)   -> da, for h = log(1 + a^2)
"""

import numpy as np

from .judge import Exercise, inputs, real, same_gradient, same_value, same_values

EXERCISES = (
    Exercise(
        "0.1",
        "a slope with the pencil",
        same_value(
            3 * np.cos(0.75),
            name="slope",
            mistakes={
                "the slope of the inside, 6x, is missing": np.cos(0.75),
                "the inside is squared, and its slope is 6x, not 3x": 1.5 * np.cos(0.75),
                "the derivative of the sine is the cosine": 3 * np.sin(0.75),
                "the cosine's sign: sin' = +cos": -3 * np.cos(0.75),
                "the cosine is taken at 3 x^2 = 0.75": 3 * np.cos(0.5),
                "an angle in radians, not in degrees": 3 * np.cos(np.radians(0.75)),
            },
        ),
        (
            "Outside in: the slope of the sine at what stands inside, times the slope of the inside.",
            "cos(3 x^2) times 6 x, at x = 0.5. A computer's cosine is at hand: np.cos.",
        ),
    ),
    Exercise(
        "0.2",
        "a function for a whole batch",
        same_values(
            lambda x: (x**2).sum(axis=1),
            inputs(x=real("B", "M", tails=30)),
            "lengths",
            mistakes={
                "that is the length; its square is asked for": lambda x: np.sqrt((x**2).sum(axis=1)),
                "a mean over the columns where a sum is asked for": lambda x: (x**2).mean(axis=1),
                "the square of the sum; each entry is squared first": lambda x: x.sum(axis=1) ** 2,
                "the sum goes along each row, axis=1": lambda x: (x**2).sum(axis=0),
                "one number for the whole batch; each row has its own": lambda x: (x**2).sum(),
            },
        ),
        (
            "Square every entry, then add up along one axis.",
            "Axis 0 counts the rows. The sum runs over the columns, axis=1.",
        ),
    ),
    Exercise(
        "0.3",
        "a gradient, by hand",
        same_gradient(
            lambda a: np.log(1 + a * a),
            inputs(a=real("B", "M", tails=30)),
            wrt="a",
            takes="dh a",
            out="h",
            named=lambda values: {"1 + a^2": 1 + values["a"] ** 2},
            mistakes={
                "the slope of the inside, 2a, is missing": lambda dh, a: dh / (1 + a**2),
                "what arrives, dh, is missing": lambda dh, a: 2 * a / (1 + a**2),
                "the inside is 1 + a^2, whose slope is 2a": lambda dh, a: dh * a / (1 + a**2),
                "the derivative of log u is 1/u": lambda dh, a: dh * 2 * a * np.log(1 + a**2),
            },
        ),
        (
            "(0.1): what arrives, times the slope of what was done. What is the slope of log(1 + a^2)?",
            "The derivative of log u is 1/u, and that of u = 1 + a^2 is 2a.",
            "dh * 2 * a / (1 + a**2)",
        ),
    ),
)
