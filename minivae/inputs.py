"""What goes into a model: pixels mean one thing, labels are checked, and both become floats batch by batch.

uint8 is 0..255 and is divided by 255; bool and float are taken as they are, in [0, 1] for a Bernoulli
decoder.
"""

import math
import operator

import numpy as np

BINARIZE = (None, "threshold", "dynamic")


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
    X = np.asarray(X)
    shape = X.shape
    if X.ndim >= 3:
        X = X.reshape(len(X), math.prod(shape[1:]))
    if X.ndim != 2 or X.shape[1] != n_inputs:
        raise ValueError(
            f"{name} has shape {shape}; expected (N, {n_inputs}) or images (N, height, width) of {n_inputs}"
            " pixels." + (f" For one image give {name}[None]." if math.prod(shape) == n_inputs else "")
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
        raise TypeError(
            f"{name} has dtype {X.dtype}; expected uint8 (0..255), bool or float pixels: "
            f"use {name}.astype(np.uint8) if the values are 0..255, {name}.astype(bool) if they are 0 and 1."
        )
    return X


def _check_floats(X, unit_pixels, name):
    low, high = (X.min(), X.max()) if X.size else (0, 0)
    if not np.isfinite(low) or not np.isfinite(high):
        raise ValueError(
            f"{name} holds NaN or infinity; every pixel must be a finite number: look at np.isfinite({name})."
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
