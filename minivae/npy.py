"""One array in NumPy's own format, out of an open file: its header first, then its bytes. Never a pickle."""

import io
import math

import numpy as np


def npy_header(file, where):
    """Shape, whether in Fortran order, and dtype of the array that comes next.

    `where` begins the sentences about it. Raises ValueError for a damaged header and for pickled objects.
    """
    magic = file.read(8)
    first = magic[6:7] == b"\1"  # version 1 has two bytes for the header's length, later ones four
    length = file.read(2 if first else 4)
    text = file.read(min(int.from_bytes(length, "little"), 2**16))
    try:
        np.lib.format.read_magic(io.BytesIO(magic))
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(io.BytesIO(length + text))
        whole = len(shape) <= 32 and all(type(n) is int and n >= 0 for n in shape)
    except Exception as error:
        raise ValueError(f"{where} has a damaged .npy header ({shortly(error)}): write it again") from error
    if dtype.hasobject:
        raise ValueError(
            f"{where} holds Python objects, which are pickled, and minivae never loads a pickle: "
            "save an array of numbers, np.stack(list_of_images)"
        )
    if not whole or dtype.itemsize == 0:
        raise ValueError(
            f"{where} has a damaged .npy header (shape {shortly(shape)} of {dtype}): write it again"
        )
    return shape, fortran, dtype


def read_npy(file, where):
    """The array that comes next, which is all that is left in the file."""
    shape, fortran, dtype = npy_header(file, where)
    if fortran:
        return read_bytes(file, shape[::-1], dtype, where).T
    return read_bytes(file, shape, dtype, where)


def read_bytes(file, shape, dtype, where):
    """The rest of the file as an array in native byte order; a byte too few or too many is a ValueError."""
    expected = n_bytes(shape, dtype)
    size = " x ".join(map(str, shape)) or "one"
    promise = f"its header promises {shortly(expected)} bytes of data ({shortly(size)} of {dtype.name})"
    try:
        data = np.empty(expected, np.uint8)  # takes up memory only as it is filled
    except (MemoryError, OverflowError, ValueError) as error:
        raise ValueError(f"{where} does not fit into memory: {promise}. Is it corrupt?") from error
    view, found = memoryview(data), 0
    while found < expected and (n := file.readinto(view[found:])):
        found += n
    if found < expected:
        raise ValueError(f"{where} is truncated: {promise}, and {found} are there. Fetch or write it again")
    if file.read(1):
        raise ValueError(f"{where} has extra bytes at its end: {promise}. Fetch or write it again")
    if dtype.kind == "b" and expected and data.max() > 1:
        raise ValueError(
            f"{where} is corrupt: its booleans hold other bytes than 0 and 1. Fetch or write it again"
        )
    return data.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def n_bytes(shape, dtype):
    return math.prod(shape) * dtype.itemsize


def shortly(words, most=80):
    """Anything as one line of a sentence."""
    text = " ".join(str(words).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."
