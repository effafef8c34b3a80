"""What the file of a model or a checkpoint must hold: one look at its header, before anything is built or
read.

A file remembers the class and the likelihood that it belongs to. Whatever is wrong with it is Refused.
"""

import inspect
import json
import math
from numbers import Real

import numpy as np

from .inputs import BINARIZE
from .likelihoods import LIKELIHOODS, make_likelihood
from .storage import Refused, to_json

GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def own_settings(cls, base):
    """The names of the settings that a subclass's constructors add to those of `base`."""
    names = []
    for above in cls.__mro__[: cls.__mro__.index(base)]:
        if "__init__" in vars(above):
            parameters = list(inspect.signature(above.__init__).parameters.values())[1:]
            names += [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    known = inspect.signature(base.__init__).parameters
    return [name for name in dict.fromkeys(names) if name not in known]


def check_rebuilds(vae, base):
    """Raise a ValueError where load could not rebuild this model from its settings: another likelihood, or
    something of a subclass that config() doesn't know."""
    if not np.isfinite(vae.theta).all():
        raise ValueError(
            "this model's parameters hold NaN or infinity, and a file of them could not be loaded."
        )
    _check_likelihood(vae.likelihood)
    if type(vae) is base:
        return
    kind = type(vae).__name__
    try:
        again = type(vae)(**json.loads(to_json(vae.config())))
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"a file of this {kind} could not be loaded again: {error}") from error
    if again.theta.shape != vae.theta.shape:
        raise ValueError(
            f"the settings ask for {again.theta.size} parameters, this model has {vae.theta.size}."
        )
    for name, value in vars(vae).items():
        if name not in STATE and not _same(value, vars(again).get(name)):
            raise ValueError(
                f"a file would not remember {kind}.{name} = {value!r}: make it an argument of __init__ that "
                "is kept under its own name, and config() takes it along."
            )


def _check_likelihood(likelihood):
    """Raise a ValueError where a file's name and settings would make another likelihood."""
    kind, name = type(likelihood).__name__, likelihood.name
    if LIKELIHOODS.get(name) is not type(likelihood):
        name = kind.lower() if name in LIKELIHOODS else name
        raise ValueError(
            f"a file would not remember the likelihood {kind}: give the class a name of its own, name ="
            f" {name!r}, and register it, LIKELIHOODS[{name!r}] = {kind}."
        )
    try:
        again = make_likelihood(json.loads(to_json(likelihood.config())))
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"a file of this likelihood {kind} could not be loaded again: {error}") from error
    odd = [key for key, value in vars(likelihood).items() if not _same(value, vars(again).get(key))]
    if odd:
        raise ValueError(f"a file would not remember {kind}.{odd[0]}: its config() must return it, too.")


# set by build, by fit, or kept in the header
STATE = {
    "rng", "history", "image_shape", "binarize", "classes", "white_black", "likelihood", "encoder", "decoder",
    "parameters", "gradients", "_theta", "_grad",
}  # fmt: skip


def _same(a, b):
    try:
        return to_json(a) == to_json(b)
    except (TypeError, AttributeError):  # no data: a function, a layer
        return type(a) is type(b)


def check_model(cls, base, header, found):
    """Look at the header of a file that cls.load reads, and at the shape and dtype of its arrays.

    Returns those that belong to the model, {name: (shape, dtype)}; raises Refused.
    """
    name = header.get("class", base.__name__)
    if name != cls.__name__ and "class" in header:
        raise Refused(
            f"was saved by the class {name}: load it with {name}.load, not with {cls.__name__}.load."
        )
    for key in ("config", "image_shape", "binarize", "rng"):
        _need(key in header, f"it lacks `{key}`")
    config = header["config"]
    _need(isinstance(config, dict), "its settings are no table")
    renamed(config)
    names = [name for name in inspect.signature(base.__init__).parameters if name != "self"]
    lacking, odd = set(names) - set(config), set(config) - set(names) - set(own_settings(cls, base))
    _need(not lacking and not odd, f"its settings lack or don't know {', '.join(sorted(lacking | odd))}")

    class Unbuilt(base):
        """The settings checked, and nothing allocated."""

        def rebuild(self):
            pass

    try:
        model = Unbuilt(**{name: config[name] for name in names})
    except (TypeError, ValueError) as error:
        raise Refused(f"holds settings that this minivae can't build: {error}") from error
    n_parameters = sum(math.prod(shape) for shape in model.shapes().values())
    shape, dtype = found.get("theta", ((), None))
    n = math.prod(shape)
    if n != n_parameters and (cls is base or n < n_parameters):  # a subclass may have more
        raise Refused(f"holds {n} parameters, its settings ask for {n_parameters}: it is damaged.")
    _need(dtype == model.dtype and len(shape) == 1, f"theta is {dtype}, its settings say {model.dtype}")
    _check_state(header, model)
    columns = {name: about for name, about in found.items() if name.startswith("history.")}
    lengths = {shape for shape, _ in columns.values()}
    _need(
        len(lengths) <= 1
        and all(len(shape) == 1 and dtype.kind in "if" for shape, dtype in columns.values()),
        "the columns of its history differ in length",
    )
    return {"theta": (shape, dtype), **columns}


def check_checkpoint(vae, optimizer, header, found):
    """The same for the checkpoint of a run of `vae` with `optimizer`, which holds what that has left, too."""
    wanted = vae.check_file(header, found)
    for key in ("optimizer", "fit_rng", "settings"):
        _need(isinstance(header.get(key), dict), f"it lacks `{key}`")
    settings, data = header["settings"], header["settings"].get("data")
    parts = [settings.get("config"), settings.get("optimizer"), data]
    _need(all(isinstance(part, dict) for part in parts), "its settings are no table")
    _need({"images", "labels", "validation"} <= set(data), "it does not know its data")
    renamed(settings["config"])
    if settings["optimizer"].get("name") == optimizer.config()["name"]:  # else the run is another
        try:
            type(optimizer)(**{name: v for name, v in header["optimizer"].items() if name != "name"})
        except (TypeError, ValueError) as error:
            raise Refused(f"is damaged: its optimiser can't be built ({error}).") from error
    generator(header["fit_rng"])
    state = {name: about for name, about in found.items() if name.startswith("optimizer.")}
    shape, dtype = state.get("optimizer.n_steps", (None, None))
    _need(shape == () and dtype.kind in "iu", "it does not know its number of steps")
    wrong = [
        name for name, about in state.items() if about != wanted["theta"] and not name.endswith("n_steps")
    ]
    _need(not wrong, f"{', '.join(wrong)} has not the length and dtype of theta")
    return {**wanted, **state}


def renamed(settings):
    """The settings of a file in place by today's names: what is `head` was written as `sigma` at first."""
    if "sigma" in settings:
        settings["head"] = settings.pop("sigma")
    return settings


def _check_state(header, model):
    """What the header keeps beside the settings."""
    shape, classes = header["image_shape"], header.get("classes")
    whole = isinstance(shape, list) and all(type(n) is int and n > 0 for n in shape)
    _need(
        whole and len(shape) in (2, 3) and math.prod(shape) == model.n_inputs,
        f"its images of shape {shape} have not the {model.n_inputs} pixels of its settings",
    )
    _need(header["binarize"] in BINARIZE, f"its binarize is {header['binarize']!r}")
    _need(
        classes is None
        or (
            (isinstance(classes, list) and len(classes) in (0, model.n_conditions))
            and all(type(c) is int for c in classes)
        ),
        "its classes are not those of its settings",
    )
    pair = header.get("white_black")
    _need(
        pair is None
        or (
            isinstance(pair, list)
            and len(pair) == 2
            and all(_is_number(v) for v in pair)
            and pair[0] != pair[1]
        ),
        f"its white and black are {pair}",
    )
    if header.get("format", 0) == 0:
        history = header.get("history")
        _need(isinstance(history, dict), "it has no history")
        columns = list(history.values())
        _need(
            all(
                isinstance(c, list) and len(c) == len(columns[0]) and all(map(_is_number, c)) for c in columns
            ),
            "the columns of its history differ in length, or hold something else than numbers",
        )
    generator(header["rng"])
    versions, threads = header.get("versions", {}), header.get("threads")
    _need(
        isinstance(versions, dict) and (threads is None or (type(threads) is int and threads > 0)),
        "it does not know what wrote it",
    )


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _need(condition, what):
    if not condition:
        raise Refused(f"is damaged: {what}; take another copy or train again.")


def generator(state):
    """A generator in the state that a header keeps."""
    try:
        name = state["bit_generator"]
        if name not in GENERATORS:
            raise ValueError(f"the kind {name!r} is not known")
        bits = getattr(np.random, name)()
        bits.state = state
        places = {"MT19937": state["state"].get("pos", 0), "Philox": state.get("buffer_pos", 0)}
        if json.loads(to_json(bits.state)) != state or not 0 <= places.get(name, 0) <= 624:
            raise ValueError("a number is out of range")
        return np.random.Generator(bits)
    except Exception as error:
        raise Refused(f"is damaged: the state of its generator makes no sense ({error}).") from error
