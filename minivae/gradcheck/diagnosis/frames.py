"""The ways in which the entries of a gradient are sums of products (lesson 06).

    dsigma[b, m] = sum over k of dz[k, b, m] * eps[k, b, m]    over leading axes
    dw[n]        = sum over j of dy[n, j] * x[n, j]            over trailing ones
    dW[i, j]     = sum over rows of x[r, i] * da[r, j]         x.T @ da
    dx[r, i]     = sum over j of da[r, j] * W[i, j]            da @ W.T

From the point of view of N entries every array is a matrix (R, N) of the R numbers that are summed; then all
products are elementwise.
"""

from dataclasses import dataclass

import numpy as np

from .misread import MISREAD, misreadings
from .texts import as_factor

LARGEST = 500_000  # numbers in one view of an array


@dataclass(frozen=True)
class Frame:
    """How products are summed.

    kind      "each" (they are not), "lead", "trail" (over such axes), "rows" (matrix.T @),
              "columns" (@ matrix), "wrong columns" (its last ones, where the first are meant)
    matrix    its name; turned: whether it is transposed
    reading   a key of MISREAD if it is read wrongly; then what is multiplied is the difference
    """

    kind: str = "each"
    matrix: str = ""
    turned: bool = False
    reading: str = ""

    def text(self, product):
        """What a product is called in this frame."""
        if not self.matrix:
            return product
        product = "ones" if product == "1" else product
        product = (
            f"({product})"
            if set("*/ ") & set(product) and as_factor(product) == product
            else as_factor(product)
        )
        return f"{self.matrix_text} @ {product}" if self.kind == "rows" else f"{product} @ {self.matrix_text}"

    @property
    def is_misread(self):
        return bool(self.reading) or self.kind == "wrong columns"

    @property
    def matrix_text(self):
        turned = ".T" if self.turned == (self.kind != "rows") else ""
        return self.matrix + turned

    def of(self, case):
        """Its matrix."""
        matrix = case.named[self.matrix]
        return MISREAD[self.reading][4](matrix) - matrix if self.reading else matrix

    def view(self, case, entries, arrays):
        """How some of a case's entries (flat indices) see such arrays; NoView if they don't fit together."""
        return VIEWS[self.kind](self, case, entries, arrays)


EACH = Frame()


class NoView(Exception):
    """The arrays don't fit together."""


def aligned(v, shape):
    """An array as it stands in a product of this shape: NumPy's way, or along its first axes, x[:, None]."""
    if v.ndim <= len(shape):
        if all(n in (1, m) for n, m in zip(v.shape[::-1], shape[::-1])):
            return np.broadcast_to(v, shape)
        if v.shape == shape[: v.ndim]:
            return np.broadcast_to(v.reshape(v.shape + (1,) * (len(shape) - v.ndim)), shape)
    raise NoView


def core(shape):
    """The shape of a gradient; () for a single number, whatever its shape."""
    return () if int(np.prod(shape)) == 1 else shape


class Elementwise:
    """Products of arrays of the shape L + S or S + T, for a gradient of shape S."""

    def __init__(self, frame, case, entries, arrays):
        shape, self.lead = core(case.shape), frame.kind != "trail"
        most = max((v.ndim for v in arrays), default=0)
        self.whole, self.base = shape, 1.0
        self.at = entries if shape else np.zeros(1, int)
        if most > len(shape) and frame.kind != "each":
            try:
                self.whole = np.broadcast_shapes(*(v.shape for v in arrays if v.ndim == most))
            except ValueError:
                raise NoView from None
        n = len(shape)
        if (self.whole[len(self.whole) - n :] if self.lead else self.whole[:n]) != shape:
            raise NoView
        self.R = int(np.prod(self.whole)) // max(int(np.prod(shape)), 1)

    def of(self, v):
        """An array's numbers (R, N)."""
        v = aligned(v, self.whole)
        if self.R == 1:
            return v.reshape(1, -1)[:, self.at]
        if self.lead:
            return v.reshape(self.R, -1)[:, self.at]
        return v.reshape(-1, self.R)[self.at].T


class Rows:
    """Products under the sum over rows of matrix.T @ ...: a gradient of shape (n_in, n_out)."""

    def __init__(self, frame, case, entries, arrays):
        if len(case.shape) != 2:
            raise NoView
        left = frame.of(case)
        left = left.T if frame.turned else left
        left = left.reshape(1, -1) if left.ndim == 1 else left
        if left.shape[-1] != case.shape[0]:
            raise NoView
        i, self.j = np.unravel_index(entries, case.shape)
        self.whole = (*left.shape[:-1], case.shape[1])
        self.base = left.reshape(-1, left.shape[-1])[:, i]
        self.R = len(self.base)

    def of(self, v):
        if v.ndim == 0 or (v.shape[-1] != self.whole[-1] and v.shape != self.whole[: v.ndim]):
            raise NoView
        return aligned(v, self.whole).reshape(-1, self.whole[-1])[:, self.j]


class Columns:
    """Products under the sum over columns of ... @ matrix: a gradient of shape (..., n_in)."""

    def __init__(self, frame, case, entries, arrays):
        if not case.shape:
            raise NoView
        matrix = frame.of(case)
        matrix = matrix.T if frame.turned else matrix
        n = case.shape[-1]
        if matrix.ndim != 2 or matrix.shape[1] < n:
            raise NoView
        index = np.unravel_index(entries, case.shape)
        first = matrix[:, :n][:, index[-1]]
        self.base = matrix[:, -n:][:, index[-1]] - first if frame.kind == "wrong columns" else first
        self.rows, self.whole, self.R = index[:-1], (*case.shape[:-1], len(matrix)), len(matrix)
        self.N = len(entries)

    def of(self, v):
        if v.ndim == 0 or (v.shape[-1] != self.whole[-1] and v.shape != self.whole[: v.ndim]):
            raise NoView
        return np.broadcast_to(aligned(v, self.whole)[self.rows], (self.N, self.R)).T


VIEWS = {
    "each": Elementwise,
    "lead": Elementwise,
    "trail": Elementwise,
    "rows": Rows,
    "columns": Columns,
    "wrong columns": Columns,
}


def frames(case):
    """[(Frame, [names])] in which named arrays can make up this gradient; at least one of the names has to
    stand in it, or anything where there is none."""
    shape, arrays = core(case.shape), {name: v for name, v in case.named.items() if v.size > 1}
    found, n = [], len(shape)
    for kind in ("lead", "trail"):
        larger = {}
        for name, v in arrays.items():
            inside = v.shape[v.ndim - n :] if kind == "lead" else v.shape[:n]
            if v.ndim > n and inside == shape and (shape or kind == "lead"):
                larger.setdefault(v.shape, []).append(name)
        found += [(Frame(kind), names) for names in larger.values()]
    found += [(Frame("each"), [])] if shape else []  # after sums: of equals, the first is taken
    if len(case.shape) == 2:
        for name, v in arrays.items():
            if v.shape[-1] == case.shape[0]:
                found.append((Frame("rows", name), []))
            if v.ndim == 2 and v.shape[0] == case.shape[0] and v.shape[1] > 1:
                found.append((Frame("rows", name, True), []))
    if n:
        for name, v in arrays.items():
            if v.ndim == 2:
                for turned in (True, False):
                    columns = v.shape[0] if turned else v.shape[1]
                    if columns >= case.shape[-1]:
                        found.append((Frame("columns", name, turned), []))
                    if columns > case.shape[-1]:
                        found.append((Frame("wrong columns", name, turned), []))
    for frame in [f for f, _ in found if f.kind in ("rows", "columns") and not case.is_above(f.matrix)]:
        for atom, _ in misreadings(frame.matrix, arrays[frame.matrix], False):
            found.append((Frame(frame.kind, frame.matrix, frame.turned, atom.misread), []))
    return found
