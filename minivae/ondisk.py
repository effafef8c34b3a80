"""Images that are too many for memory: they stay in their file, and the rows that are asked for are read."""

import io
import math
import zlib

import numpy as np

PIECE = 2**24  # bytes that are looked at in one go, where a whole data set is


class OnDisk:
    """Images that stay in their file: X[rows] reads those rows, and no more than that is in memory.

    Takes the place of an array (N, ...) where images go into a model; np.asarray(X) reads all of them. min,
    max and fingerprint are those of all images in the file, also where X is some of them.
    """

    def __init__(self, path, start, dtype, shape, rows=None, base=None):
        """The array of this dtype and shape that begins at byte `start`; rows: indices of those that are
        meant, or all."""
        self.path, self._start, self._dtype, self._rows = path, start, np.dtype(dtype), rows
        self._n, self._file, self._survey = (shape[0], _File(path), {}) if base is None else base
        self.dtype = self._dtype.newbyteorder("=")
        self.shape = (shape[0] if rows is None else len(rows), *shape[1:])
        self.ndim, self.size = len(shape), math.prod(self.shape)

    def _like(self, rows, shape=None, dtype=None):
        shape = self.shape if shape is None else shape
        return OnDisk(
            self.path, self._start, dtype or self._dtype, shape, rows, (self._n, self._file, self._survey)
        )

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        rows = np.arange(len(self))[key] if self._rows is None else self._rows[key]
        found = np.empty((np.size(rows), *self.shape[1:]), self._dtype)
        memory, n_bytes = memoryview(found.reshape(-1)).cast("B"), found[:1].nbytes
        one_after_another = self._rows is None and isinstance(key, slice) and key.step in (None, 1)
        starts = np.ravel(rows)[:1] if one_after_another else np.ravel(rows)
        at = 0
        for row in starts.tolist():
            self._file.seek(self._start + n_bytes * row)
            part = memory if one_after_another else memory[at : at + n_bytes]
            if self._file.readinto(part) != len(part):
                raise OSError(
                    f"{self.path} has become shorter since it was opened; put it back and start again."
                )
            at += n_bytes
        return found.astype(self.dtype, copy=False).reshape(*np.shape(rows), *self.shape[1:])

    def take(self, rows, axis=0):
        """X[rows], in the form that is fastest for an array."""
        return self[rows]

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def subset(self, rows):
        """Those images alone, still in their file."""
        return self._like(rows if self._rows is None else self._rows[rows])

    def reshape(self, *shape):
        """Each image in another shape; the first axis stays."""
        return self._like(self._rows, (len(self), *np.ravel(shape)[1:].tolist()))

    def view(self, dtype):
        return self._like(self._rows, None, np.dtype(dtype))

    def survey(self):
        """min, max and CRC-32 of all images in the file, in one pass, made once."""
        if not self._survey:
            low, high, crc = [], [], 0
            for piece in pieces(OnDisk(self.path, self._start, self._dtype, (self._n, *self.shape[1:]))):
                low, high, crc = [*low, piece.min()], [*high, piece.max()], zlib.crc32(piece, crc)
            self._survey.update(min=np.min(low), max=np.max(high), crc=crc)
        return self._survey

    def min(self):
        return self.survey()["min"]

    def max(self):
        return self.survey()["max"]

    def fingerprint(self):
        return [*self.shape, self.survey()["crc"], *([] if self._rows is None else [zlib.crc32(self._rows)])]


class _File(io.FileIO):
    """A file that is closed when nobody needs it any more."""

    def __del__(self):
        self.close()


def subset(X, rows):
    """The images of X with these indices; of an OnDisk without reading them."""
    return X.subset(rows) if isinstance(X, OnDisk) else X[rows]


def pieces(X):
    """X some rows at a time: as many as make 16 MB."""
    rows = max(1, PIECE // max(1, X.dtype.itemsize * math.prod(X.shape[1:])))
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def fingerprint(X):
    """Shape and CRC-32 of an array, by which a resumed run knows its data again; None for None."""
    if X is None or isinstance(X, OnDisk):
        return None if X is None else X.fingerprint()
    return [*X.shape, zlib.crc32(np.ascontiguousarray(X))]
