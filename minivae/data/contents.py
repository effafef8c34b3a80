"""What a file or a folder held, and what its pixels and labels mean: the same rules whatever they were
read from."""

import math
from dataclasses import dataclass, field

import numpy as np

from ..inputs import only_zeros_and_ones
from ..ondisk import OnDisk

EXPECTED = "expected images as (N, height, width), (N, height, width, 3) or (N, D)"
PACKED = 98  # bytes: 28 x 28 pixels as bits, the form in which a fixed binarisation of MNIST is handed round


@dataclass
class Part:
    """Images as found, the labels that belong to them or None, and where they were found."""

    where: str
    images: object
    labels: np.ndarray | None = None


@dataclass
class Contents:
    """The part to train on, the file's own test set where it has one, and sentences about what was taken
    and left."""

    train: Part
    test: Part | None = None
    notes: list = field(default_factory=list)

    @property
    def parts(self):
        return [self.train] if self.test is None else [self.train, self.test]


def settle(contents, shape=None):
    """Give pixels and labels their meaning, in all parts alike: shape, dtype, classes. Notes say what was
    decided.

    Images become (N, H, W), (N, H, W, 3) or (N, D) of uint8, bool or float; whole numbers from 0 to 255 are
    taken as uint8, zeros and ones alone as bool, 98 bytes an image as 784 bits. Labels become (N,) ints, or
    (N, A) floats for attributes; one column, one-hot rows and texts become ints. `shape` is (H, W) or (H, W,
    3), where it is known.
    Raises ValueError, with one sentence that begins with where it was found.
    """
    for part in contents.parts:
        _check_array(part)
    _unpack_bits(contents, shape)
    for part in contents.parts:
        part.images = _in_shape(part, shape)
        _check_finite(part)
    _settle_pixels(contents)
    for part in contents.parts:
        if part.labels is not None:
            part.labels = check_labels(part.labels, len(part.images), part.where)
    if contents.test is not None:
        _check_agreement(contents.train, contents.test)
    _name_classes(contents)


def _check_array(part):
    images = part.images
    if images.dtype.kind not in "buif":
        raise ValueError(
            f"{part.where} holds {images.dtype}: expected pixels as uint8 (0 to 255), bool or float"
        )
    if images.ndim < 2:
        raise ValueError(
            f"{part.where} holds an array of shape {images.shape}, one number per item (labels?): "
            f"{EXPECTED}; "
            "a single image needs a first axis, image[None]"
        )
    if math.prod(images.shape) == 0:
        raise ValueError(
            f"{part.where} holds no images, its array has shape {images.shape}: {EXPECTED}, N at least 1"
        )


def _unpack_bits(contents, shape):
    if shape is None or math.prod(shape) == 8 * PACKED:
        packed = [
            part
            for part in contents.parts
            if part.images.dtype == np.uint8 and part.images.shape[1:] == (PACKED,)
        ]
        for part in packed:
            part.images = np.unpackbits(np.asarray(part.images), axis=1).view(bool)
        if packed:
            contents.notes.append(f"{PACKED} bytes an image taken as {8 * PACKED} bits, black and white")


def _in_shape(part, shape):
    """The images in the shape that was given, or as they are found, without axes of length 1."""
    images, found = part.images, part.images.shape
    if shape is not None:
        if math.prod(shape) != math.prod(found[1:]):
            raise ValueError(
                f"{part.where} holds images of {' x '.join(map(str, found[1:]))}, which are "
                f"{math.prod(found[1:])} numbers: "
                f"they don't fill a shape of {' x '.join(map(str, shape))}, {math.prod(shape)}"
            )
        found = (len(images), *shape)
    if len(found) == 4 and (found[3] == 1 or (found[1] == 1 and found[3] != 3)):
        found = (found[0], *found[1:3]) if found[3] == 1 else (found[0], *found[2:])
    if (len(found) == 4 and found[3] != 3) or len(found) > 4:
        raise ValueError(f"{part.where} holds an array of shape {images.shape}: {_remedy(found)}")
    side = math.isqrt(found[1] - 1) if len(found) == 2 else 0
    if shape is None and side >= 8 and side * side == found[1] - 1:
        raise ValueError(
            f"{part.where} holds {found[1]} numbers an image, which is {side} x {side} + 1: is one column "
            "the label? Save "
            "np.savez(file, images=X[:, 1:], labels=X[:, 0]) if it is the first; if not, give shape=(1, "
            f"{found[1]})"
        )
    return images.reshape(found)


def _remedy(shape):
    if len(shape) == 4 and shape[1] == 3:
        return "colours come last here, (N, height, width, 3): save np.moveaxis(images, 1, -1)"
    if len(shape) == 4 and shape[3] == 4:
        return "a fourth channel (transparency) can't be drawn: save images[..., :3]"
    return f"{EXPECTED}: save images.reshape(len(images), -1)"


def _check_finite(part):
    if part.images.dtype.kind == "f" and not np.isfinite([part.images.min(), part.images.max()]).all():
        bad = [not np.isfinite(part.images[i]).all() for i in range(len(part.images))]
        raise ValueError(
            f"{part.where} holds NaN or infinity in {sum(bad)} of its {len(bad)} images, the first at index "
            f"{bad.index(True)}: every pixel must be a finite number, so repair those images or leave them "
            "out"
        )


def _settle_pixels(contents):
    """Whole numbers as uint8 or bool, told; the same for training and test images."""
    arrays = [part.images for part in contents.parts]
    low, high = min(X.min() for X in arrays), max(X.max() for X in arrays)
    whole = all(X.dtype.kind in "ui" for X in arrays)
    if high == 1 and all(map(only_zeros_and_ones, arrays)):
        dtype, note = bool, "only 0 and 1: taken as black and white"
    elif whole and 0 <= low and high <= 255:
        dtype, note = np.uint8, f"{arrays[0].dtype} from {low} to {high}: taken as bytes, 0 to 255"
    elif whole:
        raise ValueError(
            f"{contents.train.where} holds {arrays[0].dtype} pixels from {low} to {high}: expected uint8 (0 "
            "to 255), bool or "
            f"float; save (images / {max(high, -low)}).astype(np.float32)"
        )
    else:
        return
    if all(X.dtype == dtype for X in arrays):
        return
    for part in contents.parts:
        if not isinstance(part.images, OnDisk):
            part.images = part.images.astype(dtype)
        elif part.images.dtype.itemsize == 1:
            part.images = part.images.view(dtype)
        elif whole:
            raise ValueError(
                f"{part.where} holds {part.images.dtype}: for so many images save "
                f"images.astype(np.{np.dtype(dtype)})"
            )
    contents.notes.append(note)


def check_labels(labels, n, where):
    """Labels as (n,) ints or texts, or attributes as (n, A) floats; or the ValueError that says what is
    wrong with them."""
    if labels.dtype.kind not in "buifU" or labels.ndim not in (1, 2) or len(labels) != n:
        raise ValueError(
            f"{where} holds labels of shape {labels.shape} for {n} images ({labels.dtype}): expected one "
            f"per image, ({n},), or "
            f"a row of attributes, ({n}, A)"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "U" and labels.ndim == 1:
        return labels
    if labels.ndim == 2:
        if labels.dtype.kind == "U" or not np.isfinite(labels).all():
            raise ValueError(
                f"{where} holds attributes that are not finite numbers ({labels.dtype}): expected floats"
            )
        one_hot = labels.shape[1] > 1 and only_zeros_and_ones(labels) and (labels.sum(axis=1) == 1).all()
        return labels.argmax(axis=1) if one_hot else labels.astype(np.float32)
    with np.errstate(invalid="ignore"):
        whole = labels.astype(int)
    if not np.array_equal(labels, whole):
        raise ValueError(
            f"{where} holds labels that are not whole numbers ({labels.dtype}, the first is {labels[0]}): "
            "expected ints"
        )
    return whole


def _name_classes(contents):
    """Texts as labels become their places in the alphabet of all of them."""
    parts = [part for part in contents.parts if part.labels is not None and part.labels.dtype.kind == "U"]
    names = np.unique(np.concatenate([part.labels for part in parts])) if parts else []
    for part in parts:
        part.labels = np.searchsorted(names, part.labels)
    if len(names):
        shown = ", ".join(f"{i} {name}" for i, name in enumerate(names[:10]))
        contents.notes.append(f"labels: {shown}" + (f", ... {len(names) - 1}" if len(names) > 10 else ""))


def _check_agreement(train, test):
    for what, a, b in (
        ("images of shape", train.images.shape[1:], test.images.shape[1:]),
        ("pixels of dtype", train.images.dtype, test.images.dtype),
    ):
        if a != b:
            raise ValueError(
                f"{test.where} holds {what} {b}, but {train.where} has {a}: training and test images must "
                "agree"
            )
    if train.labels is not None and test.labels is not None:
        a, b = (f"{labels.dtype.kind}{labels.shape[1:]}" for labels in (train.labels, test.labels))
        if a != b:
            raise ValueError(
                f"{test.where} has labels of another kind than {train.where}: texts, numbers or rows of "
                "attributes in both"
            )
