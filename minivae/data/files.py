"""Readers of a user's own images: IDX (the format of MNIST), .npy and .npz, each also gzipped.

A file is recognised by how it begins, not by its name, and never unpickled. Whatever is wrong with it becomes
one sentence: a ValueError, or FileNotFoundError where there is no file.
"""

import contextlib
import gzip
import math
import re
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGE_KEYS = ("images", "x", "X", "x_train")
LABEL_KEYS = ("labels", "y", "y_train")
# what gzip and zipfile raise when the bytes in a file make no sense
DAMAGE = (OSError, zlib.error, zipfile.BadZipFile, RuntimeError, UnicodeDecodeError, MemoryError)


def read_images(path):
    """Read a file of images -> (images, labels): images (N, H, W) or (N, D) as found, labels (N,) ints or
    None.

    path: an IDX file (labels come from the `*-labels-idx1-ubyte` file beside a `*-images-idx3-ubyte`), an
    .npy of one array, or an .npz, whose images are under `images`, `x`, `X` or `x_train`, else its first
    array of two or more dimensions, and whose labels, if any, are under `labels`, `y` or `y_train`.

    Raises FileNotFoundError if there is no such file, and ValueError if it is empty, truncated, corrupt,
    longer than it says or of another format; if it holds pickled objects, no images, NaN or infinity; or if
    its labels are not one whole number per image.
    """
    path = Path(path)
    with _opened(path) as (file, kind):
        if kind == "npz":
            images, labels = _read_npz(file, path)
        elif kind == "npy":
            images, labels = _read_npy(file, path), None
        else:
            images, labels = _read_idx(file, path), None
    _check_images(images, path)
    if kind == "idx" and (beside := _labels_beside(path)):
        path, labels = beside, read_idx(beside)
    return images, None if labels is None else _check_labels(labels, len(images), path)


def read_idx(path):
    """Read an IDX file, plain or gzipped -> the array it holds, of any dtype that IDX has, in native byte
    order.

    Raises FileNotFoundError, and ValueError if the file is empty, truncated, corrupt, too long or not IDX.
    """
    path = Path(path)
    with _opened(path) as (file, kind):
        if kind != "idx":
            raise ValueError(f"{path} is not an IDX file but an .{kind}: give the IDX file itself")
        return _read_idx(file, path)


@contextlib.contextmanager
def _opened(path):
    """The file, unzipped as it is read, and its kind: "idx", "npy" or "npz"; what goes wrong inside,
    as a sentence."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a file of images (IDX, .npy or .npz)")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}: check the path")
    with open(path, "rb") as file:
        try:
            if file.peek(2)[:2] == b"\x1f\x8b":
                file = gzip.GzipFile(fileobj=file)
            start = file.read(4)
            file.seek(0)
            yield file, _kind(start, path)
        except EOFError as error:
            raise ValueError(
                f"{path} is truncated, its compressed data end too early: fetch or write it again"
            ) from error
        except DAMAGE as error:
            what = str(error) or type(error).__name__
            raise ValueError(f"{path} is truncated or corrupt ({what}): fetch or write it again") from error


def _kind(start, path):
    """The kind of file that begins with these four bytes."""
    if not start:
        raise ValueError(f"{path} is empty: a file of images is expected (IDX, .npy or .npz)")
    if start[:1] == b"\x80":
        raise ValueError(
            f"{path} looks like a pickle, which minivae never loads, since loading one can run any "
            "program: save the arrays with np.savez(file, images=..., labels=...)"
        )
    if start[:2] == b"\0\0":
        return "idx"
    if start == b"\x93NUM":
        return "npy"
    if start in (b"PK\3\4", b"PK\5\6"):
        return "npz"
    raise ValueError(
        f"{path} begins with the bytes {start.hex(' ')}, which is neither IDX (00 00 08 03 for images of "
        "uint8), .npy nor .npz: save the images with np.save or np.savez"
    )


def _read_idx(file, path):
    """Two zero bytes, a byte for the dtype, one for the number of dimensions, each as a big-endian uint32;
    the data."""
    magic = file.read(4)
    if len(magic) < 4 or magic[2] not in IDX_DTYPES or magic[3] == 0:
        raise ValueError(
            f"{path} begins with the bytes {magic.hex(' ')}, the magic number of no IDX file: expected "
            f"00 00, a dtype out of {bytes(IDX_DTYPES).hex(' ')}, and the number of dimensions"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(
            f"{path} is truncated within its first {4 + 4 * magic[3]} bytes: fetch or write it again"
        )
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    return _read_array(file, shape, np.dtype(IDX_DTYPES[magic[2]]), path)


def _read_npy(file, path, inside=""):
    """One array in NumPy's format; `inside` says where in the file it is."""
    shape, fortran, dtype = _npy_header(file, path, inside)
    if dtype.hasobject:
        raise ValueError(
            f"{path}{inside} holds Python objects, which are pickled, and minivae never loads a pickle: "
            "save an array of numbers, np.stack(list_of_images)"
        )
    if fortran:
        return _read_array(file, shape[::-1], dtype, path, inside).T
    return _read_array(file, shape, dtype, path, inside)


def _npy_header(file, path, inside):
    """Shape, whether in Fortran order, and dtype of the array that comes next."""
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        return read(file)
    except (ValueError, SyntaxError, tokenize.TokenError) as error:
        raise ValueError(f"{path}{inside} has a damaged .npy header ({error}): write it again") from error


def _read_npz(file, path):
    """The images and labels of an .npz, by their keys; other arrays are not read, only their headers."""
    with zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

        def read(name, reader):
            with archive.open(f"{name}.npy") as member:
                return reader(member, path, f" ({name})")

        key = next((name for name in IMAGE_KEYS if name in names), None)
        if key is None:
            key = next((name for name in names if len(read(name, _npy_header)[0]) >= 2), None)
        if key is None:
            raise ValueError(
                f"{path} holds no images: expected an array (N, height, width) or (N, D) under `images`; "
                f"found {', '.join(names) or 'no arrays'}"
            )
        label_key = next((name for name in LABEL_KEYS if name in names and name != key), None)
        return read(key, _read_npy), None if label_key is None else read(label_key, _read_npy)


def _read_array(file, shape, dtype, path, inside=""):
    """The rest of the file as an array in native byte order; a byte too few or too many is an error."""
    expected = math.prod(shape) * dtype.itemsize
    promise = (
        f"its header promises {expected} bytes of data ({' x '.join(map(str, shape)) or 'one'} of"
        f" {dtype.name})"
    )
    try:
        data = np.empty(expected, np.uint8)  # takes up memory only as it is filled
    except (MemoryError, OverflowError, ValueError) as error:
        raise ValueError(f"{path}{inside} does not fit into memory: {promise}. Is it corrupt?") from error
    view, found = memoryview(data), 0
    while found < expected and (n := file.readinto(view[found:])):
        found += n
    if found < expected:
        raise ValueError(
            f"{path}{inside} is truncated: {promise}, and {found} are there. Fetch or write it again"
        )
    if file.read(1):
        raise ValueError(f"{path}{inside} has extra bytes at its end: {promise}. Fetch or write it again")
    return data.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _labels_beside(path):
    """The file of labels that belongs to an IDX file of images, plain or gzipped, or None."""
    name = re.sub(r"images([-.])idx3-ubyte", r"labels\1idx1-ubyte", path.name)
    if name == path.name:
        return None
    names = (name, name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
    return next((path.with_name(name) for name in names if path.with_name(name).exists()), None)


def _check_images(images, path):
    expected = "expected images as (N, height, width) or (N, D)"
    if images.dtype.kind not in "buif":
        raise ValueError(f"{path} holds {images.dtype}: expected pixels as uint8 (0 to 255), bool or float")
    if images.ndim < 2:
        raise ValueError(
            f"{path} holds an array of shape {images.shape}, one number per item (labels?): {expected}; "
            "a single image needs a first axis, image[None]"
        )
    if images.ndim > 3:
        raise ValueError(
            f"{path} holds an array of shape {images.shape}: {expected}; for colour images save"
            " images.reshape(len(images), -1)"
        )
    if images.size == 0:
        raise ValueError(
            f"{path} holds no images, its array has shape {images.shape}: {expected}, N at least 1"
        )
    finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{path} holds NaN or infinity in {(~finite).sum()} of its {len(images)} images, the first at "
            f"index {np.argmin(finite)}: every pixel must be a finite number, so repair those images or "
            "leave them out"
        )


def _check_labels(labels, n, path):
    """Labels as (n,) ints, or the ValueError that says what is wrong with them."""
    if labels.shape != (n,):
        raise ValueError(
            f"{path} holds labels of shape {labels.shape} for {n} images: expected one per image, ({n},)"
        )
    with np.errstate(invalid="ignore"):
        whole = labels.dtype.kind in "buif" and np.array_equal(labels, labels.astype(int))
    if not whole:
        raise ValueError(
            f"{path} holds labels that are not whole numbers ({labels.dtype}, the first is {labels[0]}):"
            " expected ints"
        )
    return labels.astype(int)
