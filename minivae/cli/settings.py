"""What the settings of a run may be: config.json is looked at before it is believed."""

import numpy as np

from ..bounds import OBJECTIVES
from ..gaussian import HEADS
from ..layers import ACTIVATIONS
from ..parameters import INITS
from . import recipes
from .flags import BINARIZE

OPTIMIZERS = ("rmsprop", "rmsprop-keras", "rmsprop-pytorch", "adam", "adagrad", "sgd")


def check_known(settings):
    """Raise a ValueError where settings from a file hold something else than resolve gives."""

    def whole(least):
        return lambda value: type(value) is int and value >= least

    def some(value):
        return type(value) in (int, float) and 0 <= value < np.inf

    def one_of(*known):
        return lambda value: value is None or (isinstance(value, str) and value in known)

    def list_of(kind, *lengths):
        return lambda value: (
            isinstance(value, list) and all(map(kind, value)) and len(value) in (lengths or [len(value)])
        )

    def step(value):
        return isinstance(value, list) and len(value) == 2 and whole(1)(value[0]) and some(value[1])

    text, truth = (lambda value, kind=kind: isinstance(value, kind) for kind in (str, bool))
    kinds = {
        "recipe": one_of(*recipes.RECIPES), "data": text, "test": lambda value: value is None or text(value),
        "hidden": list_of(whole(1)), "latent": whole(1), "activation": one_of(*ACTIVATIONS),
        "likelihood": one_of("bernoulli", "gaussian"), "head": one_of(*HEADS), "init": one_of(*INITS),
        "decoder_sigma": lambda value: one_of("shared", "pixel")(value) or some(value), "beta": some,
        "reduction": one_of("sum", "mean"), "optimizer": one_of(*OPTIMIZERS), "lr": some,
        "batch_size": whole(1), "epochs": whole(1), "binarize": one_of(*BINARIZE), "conditional": truth,
        "seed": whole(0),
        "shape": lambda value: value is None or list_of(whole(1), 2, 3)(value), "threads": whole(1),
        "optimizer_options": lambda value: isinstance(value, dict), "samples": whole(1),
        "schedule": lambda value: value is None or list_of(step)(value), "objective": one_of(*OBJECTIVES),
        "output_bias": truth,
    }  # fmt: skip
    for name, is_right in kinds.items():
        may_be_none = name in ("recipe", "test", "decoder_sigma", "shape", "schedule")
        if not is_right(settings[name]) or (settings[name] is None and not may_be_none):
            raise ValueError(f"its {name} is {str(settings[name])[:40]!r}")
    try:
        recipes.optimizer(settings)
    except TypeError as error:
        raise ValueError(f"its optimizer_options are none: {error}") from error
