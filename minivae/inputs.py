"""What goes into a model: pixels mean one thing, labels are checked, and both become floats batch by batch.

uint8 is 0..255 and is divided by 255; bool and float are taken as they are, in [0, 1] for a Bernoulli
decoder.
"""

import math
import operator

import numpy as np

from .ondisk import OnDisk, pieces

BINARIZE = (None, "threshold", "dynamic")


def only_zeros_and_ones(X):
    """Whether every entry is 0 or 1; X bool, whole numbers or floats."""
    if X.dtype == bool:
        return True
    if X.size == 0 or X.min() < 0 or X.max() > 1:
        return False
    return X.dtype.kind != "f" or all(((piece == 0) | (piece == 1)).all() for piece in pieces(X))


def check_whole(name, value, least):
    """value as an int. Raises ValueError where it is not a whole number or less than `least`."""
    try:
        whole = operator.index(value)
    except TypeError:
        whole = None
    if whole is None or whole < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}.")
    return whole


def check_images(X, n_inputs, unit_pixels, name="X"):
    """X as it will be trained on: (N, D) without a copy where none is needed, its values checked, never
    changed.

    X (N, D) or (N, H, W) of uint8, bool or float; unit_pixels asks for values in [0, 1].
    Raises TypeError for other dtypes, ValueError for a wrong shape, NaN, and pixels out of range.
    """
    X = _as_array(X, name)
    shape = X.shape
    if X.ndim >= 3:
        X = X.reshape(len(X), math.prod(shape[1:]))
    if X.ndim != 2 or X.shape[1] != n_inputs:
        raise ValueError(
            f"{name} has shape {shape}; expected (N, {n_inputs}) or images (N, height, width) of {n_inputs} "
            "pixels." + (f" For one image give {name}[None]." if math.prod(shape) == n_inputs else "")
        )
    if X.dtype == np.uint8:
        if X.size and X.max() == 1:
            raise ValueError(
                f"{name} is uint8 with a maximum of 1, but uint8 pixels mean 0..255: "
                f"give {name}.astype(bool) for black and white, or {name} * 255 for grey levels."
            )
    elif X.dtype.kind == "f":
        _check_floats(X, unit_pixels, name)
    elif X.dtype.kind not in "bc":  # complex comes from a complex step only
        remedy = f"{name}.astype(np.uint8) if the values are 0..255, {name}.astype(bool) if they are 0 and 1"
        if X.dtype.kind in "ui" and X.size and (X.min() < 0 or X.max() > 255):
            low, high = int(X.min()), int(X.max())
            remedy = f"({name} / {max(high, -low)}).astype(np.float32), as they go from {low} to {high}"
        raise TypeError(
            f"{name} has dtype {X.dtype}; expected uint8 (0..255), bool or float pixels: use {remedy}."
        )
    return X


def _as_array(X, name):
    if isinstance(X, OnDisk):
        return X
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array, {np.ma.count_masked(X)} of its pixels masked, and a model needs them"
            f" all: give {name}.filled(0), or another value in place of 0."
        )
    try:
        return np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"{name} is a list of arrays of different shapes; every image needs the same shape."
        ) from error


def _check_floats(X, unit_pixels, name):
    low, high = (X.min(), X.max()) if X.size else (0, 0)
    if not np.isfinite(low) or not np.isfinite(high):
        raise ValueError(
            f"{name} holds NaN or infinity; every pixel must be a finite number: look at np.isfinite({name})."
        )
    if max(high, -low) > np.finfo(np.float32).max:
        raise ValueError(
            f"{name} has pixels from {low:g} to {high:g}, which float32 can't hold; divide by a large number."
        )
    if unit_pixels and (low < 0 or high > 1):
        raise ValueError(
            f"{name} has pixels from {low:g} to {high:g}; a Bernoulli decoder (and dynamic binarisation)"
            " needs them in [0, 1]: divide by the largest possible value, or take a Gaussian decoder."
        )


def check_labels(y, n, n_conditions, name="y"):
    """Labels as (N, C) one-hot or given attributes, or None for a model without condition.

    y (N,) integers in 0..C-1, or (N, C) floats. Raises ValueError for a wrong shape, a label out of range,
    NaN.
    """
    if n_conditions == 0:
        if y is not None:
            raise ValueError(
                f"{name} was given, but this model has n_conditions=0: leave it out, or build"
                " VAE(n_conditions=...)."
            )
        return None
    if y is None:
        raise ValueError(
            f"this model is conditional: give {name}, {n} labels in 0..{n_conditions - 1} or an array of"
            f" shape ({n}, {n_conditions})."
        )
    y = np.asarray(y)
    if y.shape == (n,) and y.dtype.kind in "iu":
        if n and not (0 <= y.min() and y.max() < n_conditions):
            bad = y[(y < 0) | (y >= n_conditions)][0]
            raise ValueError(
                f"{name} holds the label {bad}; with n_conditions={n_conditions} labels are integers in"
                f" 0..{n_conditions - 1}."
            )
        return np.eye(n_conditions, dtype=np.uint8)[y]
    if y.shape != (n, n_conditions) or y.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has shape {y.shape} and dtype {y.dtype}; expected ({n},) integer labels in"
            f" 0..{n_conditions - 1} or numbers of shape ({n}, {n_conditions})."
        )
    if not np.isfinite(y).all():
        raise ValueError(f"{name} holds NaN or infinity; every entry must be a finite number.")
    return y


def image_shape(shape):
    """How pictures show an image of an array of this shape, (N, ...): (H, W), (H, W, 3), or as a curve,
    (1, D)."""
    if len(shape) == 4 and shape[3] == 1:
        return shape[1:3]
    if len(shape) == 3 or (len(shape) == 4 and shape[3] == 3):
        return tuple(shape[1:])
    return 1, math.prod(shape[1:])


def white_black(X):
    """The values of checked pixels X (N, D) to show white and black.

    Drawings, where more than half of the pixels are as dark as can be, are ink on paper: what is high is
    black. Photographs are shown as they are. Pixels in [0, 1] are shown on [0, 1], others between the
    extremes of the first thousand images, a hundredth of them left out.
    """
    some = to_floats(np.real(X[:1000]), np.float32)
    low, high = (0.0, 1.0) if some.min() >= 0 and some.max() <= 1 else np.percentile(some, (1, 99)).tolist()
    if low == high:
        high = low + 1
    is_drawing = np.mean(some < low + 0.05 * (high - low)) > 0.5
    return [low, high] if is_drawing else [high, low]


def check_not_empty(X, binarize, name="X"):
    """Raise a ValueError where binarising leaves nothing to learn: every pixel black, or every pixel
    white."""
    if X.size == 0 or binarize is None or X.dtype == bool:
        return
    white = 255 if X.dtype == np.uint8 else 1
    low, high, half = X.min(), X.max(), 127 if white == 255 else 0.5
    all_black = high <= half if binarize == "threshold" else high == 0
    all_white = low > half if binarize == "threshold" else low == white
    if all_black or all_white:
        raise ValueError(
            f"binarize={binarize!r} makes every pixel of {name} "
            f"{'black (0)' if all_black else 'white (1)'}: its"
            f" values go from {low} to {high}, where white is {white}. Stretch them over 0 to {white} "
            "first, or"
            " take another setting."
        )


def to_floats(X, dtype, binarize=None, rng=None):
    """One batch of checked pixels as a new array of dtype, binarised where asked.

    binarize "threshold": 1 where the pixel is > 0.5; "dynamic": a fresh draw of Bernoulli(pixel) from rng
    (Salakhutdinov & Murray 2008); None: as it is.
    """
    if binarize == "threshold":
        return (X > (127 if X.dtype == np.uint8 else 0.5)).astype(dtype)
    x = np.divide(X, 255, dtype=dtype) if X.dtype == np.uint8 else X.astype(dtype)
    if binarize == "dynamic":
        return (rng.random(x.shape, dtype=np.float32) < x).astype(dtype)
    return x
