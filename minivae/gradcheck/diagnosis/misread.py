"""How an array may be misread: transposed, reshaped, one row for all, one row off (lesson 06)."""

import numpy as np

from .atoms import Atom
from .costs import COSTS


def _only(axis, i):
    def f(v):
        only = np.zeros_like(v)
        np.moveaxis(only, axis, 0)[i] = np.moveaxis(v, axis, 0)[i]
        return only

    return f


def _like(f):
    return lambda v: np.broadcast_to(f(v), v.shape)


def _heads(v):
    """[left, right] stacked and then reshaped, where it is concatenated along the last axis."""
    left, right = np.split(v.reshape(-1, v.shape[-1]), 2, axis=1)
    return np.concatenate([left, right]).reshape(v.shape)


def _several(v):
    return v.ndim == 3 and v.shape[0] > 1


def _rows(v):
    return v.ndim >= 2 and v.shape[-2] > 1


IN_A_LOOP = ", where all {k} add up: overwritten in a loop?"

# {key: (relation, term, words, whether an array can be read so, how it is read)}
# fmt: off
MISREAD = {
    "batch first": ("layout", "(K, B)",
        "reads {v} image by image, as (B, K, ...), where samples come first, (K, B, ...)",
        lambda v: _several(v) and v.shape[1] > 1,
        lambda v: v.reshape(v.shape[1], v.shape[0], -1).swapaxes(0, 1)),
    "axes swapped": ("transpose", "axes 0 and 1", "sums {v} over the wrong one of its first two axes",
        lambda v: _several(v) and v.shape[0] == v.shape[1], lambda v: v.swapaxes(0, 1)),
    "transposed": ("transpose", "{v}.T", "has {v} transposed",
        lambda v: v.ndim == 2 and v.shape[0] == v.shape[1] > 1, lambda v: v.T),
    "reshaped": ("layout", "{v}.reshape", "has {v} reshaped where a transpose is meant",
        lambda v: v.ndim == 2 and min(v.shape) > 1, lambda v: v.T.reshape(v.shape)),
    "reshaped back": ("layout", "{v}.reshape", "has {v} reshaped where a transpose is meant",
        lambda v: v.ndim == 2 and min(v.shape) > 1, lambda v: v.reshape(v.shape[::-1]).T),
    "heads reshaped": ("layout", "{v}.reshape",
        "has the halves of {v} one below the other and then reshaped, where they stand side by side",
        lambda v: v.ndim >= 2 and v.shape[-1] % 2 == 0 and v.shape[-1] > 2, _heads),
    "heads interleaved": ("layout", "{v}.reshape",
        "has the halves of {v} in another order: column by column in turns, where one stands left, one right",
        lambda v: v.ndim >= 2 and v.shape[-1] % 2 == 0 and v.shape[-1] > 2,
        lambda v: np.stack(np.split(v, 2, axis=-1), axis=-1).reshape(v.shape)),
    "first sample": ("image", "first sample",
        "takes only the first sample of {v}, where all K samples add up",
        _several, _only(0, 0)),
    "last sample": ("image", "last sample",
        "takes only the last sample of {v}" + IN_A_LOOP.format(k="K samples"),
        _several, _only(0, -1)),
    "first sample for all": ("image", "first for all", "takes the first sample of {v} for every sample",
        _several, _like(lambda v: v[:1])),
    "last sample for all": ("image", "last for all", "takes the last sample of {v} for every sample",
        _several, _like(lambda v: v[-1:])),
    "first row": ("image", "first row",
        "takes only the first row of {v}, one sample of one image, where all of them add up",
        lambda v: _several(v) and _rows(v), lambda v: _only(0, 0)(_only(1, 0)(v))),
    "last row": ("image", "last row", "takes only the last row of {v}" + IN_A_LOOP.format(k="of them"),
        lambda v: _several(v) and _rows(v), lambda v: _only(0, -1)(_only(1, -1)(v))),
    "first image": ("image", "first image", "takes only the first image of {v}, where all images add up",
        _rows, _only(-2, 0)),
    "last image": ("image", "last image", "takes only the last image of {v}" + IN_A_LOOP.format(k="images"),
        _rows, _only(-2, -1)),
    "without the first": ("image", "without the first image",
        "leaves out the first image of {v}, where all images add up",
        _rows, lambda v: v - _only(-2, 0)(v)),
    "without the last": ("image", "without the last image",
        "leaves out the last image of {v}, where all images add up",
        _rows, lambda v: v - _only(-2, -1)(v)),
    "first image for all": ("rows", "first for all", "takes the first image's {v} for every image",
        _rows, _like(lambda v: v[..., :1, :])),
    "last image for all": ("rows", "last for all", "takes the last image's {v} for every image",
        _rows, _like(lambda v: v[..., -1:, :])),
    "all rows reversed": ("rows", "reversed", "takes the rows of {v} in reverse order, samples and images",
        lambda v: _several(v) and _rows(v), lambda v: v[::-1, ::-1]),
    "mean over samples": ("image", "mean over K", "averages {v} over the samples before it is multiplied",
        _several, _like(lambda v: v.mean(axis=0))),
    "sum over samples": ("image", "sum over K", "sums {v} over the samples before it is multiplied",
        _several, _like(lambda v: v.sum(axis=0))),
    "sum over images": ("image", "sum over B", "sums {v} over the images before it is multiplied",
        _rows, _like(lambda v: v.sum(axis=-2, keepdims=True))),
    "mean over images": ("image", "mean over B", "averages {v} over the images before it is multiplied",
        _rows, _like(lambda v: v.mean(axis=-2, keepdims=True))),
    "samples reversed": ("rows", "reversed", "takes the samples of {v} in reverse order",
        _several, lambda v: v[::-1]),
    "rows reversed": ("rows", "reversed", "takes the rows of {v} in reverse order",
        _rows, lambda v: np.flip(v, -2)),
    "rows up": ("rows", "shifted", "takes the rows of {v} one off: row 1 where row 0 is meant, and so on",
        lambda v: _rows(v) and v.shape[-2] > 2, lambda v: np.roll(v, -1, -2)),
    "rows down": ("rows", "shifted", "takes the rows of {v} one off: row 0 where row 1 is meant, and so on",
        lambda v: _rows(v) and v.shape[-2] > 2, lambda v: np.roll(v, 1, -2)),
    "columns reversed": ("columns", "reversed", "takes the columns of {v} in reverse order",
        lambda v: v.ndim >= 1 and v.shape[-1] > 1, lambda v: np.flip(v, -1)),
    "columns left": ("columns", "shifted",
        "takes the columns of {v} one off: column 1 where column 0 is meant, and so on",
        lambda v: v.ndim >= 1 and v.shape[-1] > 2, lambda v: np.roll(v, -1, -1)),
    "columns right": ("columns", "shifted",
        "takes the columns of {v} one off: column 0 where column 1 is meant, and so on",
        lambda v: v.ndim >= 1 and v.shape[-1] > 2, lambda v: np.roll(v, 1, -1)),
    "absolute": ("sign", "|{v}|", "takes |{v}| where {v} is meant", lambda v: v.min() < 0 < v.max(), np.abs),
}
# fmt: on


def misreadings(name, v, linear):
    """(Atom, values) of this array read wrongly."""
    for key, (_, _, _, fits, f) in MISREAD.items():
        if v.ndim and fits(v):
            w = f(v)
            if not np.array_equal(w, v) and w.any():
                yield Atom((name,), ((name, 1),), COSTS["misread"], f, linear=linear, misread=key), w
