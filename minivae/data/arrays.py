"""One array out of an open file: in the format of IDX; or of .npy, where a large one stays in its file."""

import numpy as np

from ..npy import n_bytes, npy_header, read_bytes, read_npy
from ..ondisk import OnDisk

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
ON_DISK = 2**27  # bytes from which an .npy file is read row by row, as rows are needed


def read_idx_array(file, path):
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
    if len(shape) > 32:
        raise ValueError(f"{path} is damaged, it says that it has {len(shape)} dimensions: fetch it again")
    return read_bytes(file, shape, np.dtype(IDX_DTYPES[magic[2]]), path)


def open_npy(file, path):
    """The array of an .npy file as it is read; from 128 MB on it stays there, as OnDisk."""
    shape, fortran, dtype = npy_header(file, path)
    start, expected = file.tell(), n_bytes(shape, dtype)
    size = file.seek(0, 2)
    file.seek(0)
    if fortran or expected < ON_DISK or size != start + expected:
        return read_npy(file, path)
    return OnDisk(path, start, dtype, shape)
