"""The candidates of a diagnosis: products of named numbers, on the entries of a gradient (lesson 06).

Every entry of a gradient is a sum of products of numbers that have names:

    dsigma[b, m] = sum over k of dz[k, b, m] * eps[k, b, m] + sigma[b, m] - 1/sigma[b, m]
    dW[i, j]     = sum over rows of x[r, i] * da[r, j]
    dx[r, i]     = sum over j of da[r, j] * W[i, j]

So every named array is looked at from the entries' point of view, as numbers (R, N): for each of N entries
the R numbers that are summed. Products are then elementwise, and there are three frames in which they are
summed: over leading axes that the gradient does not have, over rows (x.T @ da), and over a matrix's columns
(da @ W.T).
"""

import re
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .constants import is_gradient, outside, wrap

LARGEST = 500_000  # numbers in one view: a sum over more is not looked into


@dataclass(frozen=True, eq=False)
class Product:
    """factors (texts such as "dz", "1/sigma"), their product on the N entries, and how simple it is (a low
    cost).

    names: of the arrays in it. frame: "" elementwise, "x.T @" or "@ W.T". summed: over how many numbers, 0
    for no sum. misread: how a factor was read wrongly, a key of MISREAD, and which factor that is.
    """

    factors: tuple
    values: np.ndarray
    cost: float
    frame: str = ""
    summed: int = 0
    misread: tuple = ()
    names: tuple = ()

    @property
    def text(self):
        product = " * ".join(self.factors) + (f" [{self.misread[0]}]" if self.misread else "")
        if self.frame.startswith("@"):
            return f"{wrap(product)} {self.frame}"
        return f"{self.frame} {wrap(product)}" if self.frame else product


def expanded(product):
    """[(coefficient, product)] of a product with its brackets multiplied out: dz * (1 - eps)
    is dz minus dz * eps."""
    for k, factor in enumerate(product.factors):
        parts = None
        if match := re.fullmatch(r"\((\S+) ([-+]) (\S+)\)", factor):
            parts = (1, match[1]), (1 if match[2] == "+" else -1, match[3])
        elif match := re.fullmatch(r"(\S+) \* \(1 - \1\)", factor):
            parts = (1, match[1]), (-1, f"{match[1]}^2")
        if parts:
            rest = product.factors[:k], product.factors[k + 1 :]
            return [
                (
                    c,
                    replace(
                        product, factors=tuple(f for f in (*rest[0], part, *rest[1]) if f != "1") or ("1",)
                    ),
                )
                for c, part in parts
            ]
    return [(1, product)]


def functions(name, v):
    """(text, values, cost) of an array and its functions; a gradient from above enters as it is."""
    yield name, v, 1.0
    if is_gradient(name):
        return
    w, name = wrap(name), name[1:-1] if name[0] == "(" and not set(outside(name)) - {")"} else name
    with np.errstate(all="ignore"):
        s, t = 1 / (1 + np.exp(-v)), np.tanh(v)
        table = (
            (f"1/{w}", 1 / v, 1.5), (f"{w}^2", v * v, 1.7), (f"sigmoid({name})", s, 1.8), (f"({name} > 0)",
            (v > 0) * 1.0, 1.5),
            (f"(1 - {w}^2)", 1 - v * v, 1.9), (f"{w} * (1 - {name})", v * (1 - v), 1.9), (f"(1 - {name})",
            1 - v, 1.85),
            (f"sigmoid'({name})", s * (1 - s), 2.0), (f"tanh'({name})", 1 - t * t, 2.0), (f"exp({name})",
            np.exp(v), 3.2),
            (f"log({name})", np.log(v), 2.2), (f"exp(-{w})", np.exp(-v), 3.4), (f"({name} - 1/{w})",
            v - 1 / v, 2.2),
            (f"tanh({name})", t, 2.2), (f"relu({name})", np.maximum(v, 0), 2.2), (f"1/{w}^2", 1 / (v * v),
            2.2),
            (f"({name} <= 0)", (v <= 0) * 1.0, 2.2), (f"exp({name}/2)", np.exp(v / 2), 2.6), (f"({w}^2 - 1)",
            v * v - 1, 2.3),
            (f"sign({name})", np.sign(v), 2.4), (f"|{name}|", np.abs(v), 2.4), (f"(1 - sigmoid({name}))",
            1 - s, 2.4),
            (f"(1 + {name})", 1 + v, 3.4), (f"sqrt({name})", np.sqrt(v), 2.4), (f"softplus({name})",
            np.logaddexp(0, v), 2.4),
            (f"exp(2 {w})", np.exp(2 * v), 2.6), (f"exp(-2 {w})", np.exp(-2 * v), 2.6), (f"exp(-{w}/2)",
            np.exp(-v / 2), 2.6),
            (f"{w}^3", v**3, 2.6), (f"1/(1 - {w}^2)", 1 / (1 - v * v), 2.4), (f"1/sigmoid({name})", 1 / s,
            2.2),
            (f"cos({name})", np.cos(v), 2.6), (f"sin({name})", np.sin(v), 2.6),
            (f"({name} + 1/{w})", v + 1 / v, 3.6), (f"1/(1 + {name})", 1 / (1 + v), 3.6), (f"1/(1 - {name})",
            1 / (1 - v), 3.6),
            (f"log(1 - {name})", np.log(1 - v), 3.0),
        )  # fmt: skip
    for text, values, cost in table:
        if np.isfinite(values).all() and np.ptp(values) > 0:
            yield text, values, cost


# Ways of reading an array wrongly: key -> (relation, term, what yours does with the array {v}).

MISREAD = {
    "batch first": (
        "layout",
        "(K, B)",
        "reads {v} image by image, as (B, K, ...), where samples come first, (K, B, ...)",
    ),
    "axes swapped": ("transpose", "axes 0 and 1", "sums {v} over the wrong one of its first two axes"),
    "transposed": ("transpose", "{v}.T", "has {v} transposed"),
    "first sample": (
        "image",
        "first sample",
        "takes only the first sample of {v}, where all K samples add up",
    ),
    "last sample": (
        "image",
        "last sample",
        "takes only the last sample of {v}, where all K samples add up: overwritten in a loop?",
    ),
    "first image": ("image", "first image", "takes only the first image of {v}, where all images add up"),
    "last image": (
        "image",
        "last image",
        "takes only the last image of {v}, where all images add up: overwritten in a loop?",
    ),
    "first row": (
        "image",
        "first row",
        "takes only the first row of {v}, one sample of one image, where all of them add up",
    ),
    "last row": (
        "image",
        "last row",
        "takes only the last row of {v}, where all of them add up: overwritten in a loop?",
    ),
    "first image for all": ("rows", "first for all", "takes the first image's {v} for every image"),
    "all rows reversed": ("rows", "reversed", "takes the rows of {v} in reverse order, samples and images"),
    "mean over samples": ("image", "mean over K", "averages {v} over the samples before it is multiplied"),
    "mean over images": ("image", "mean over B", "averages {v} over the images before it is multiplied"),
    "samples reversed": ("rows", "reversed", "takes the samples of {v} in reverse order"),
    "rows reversed": ("rows", "reversed", "takes the rows of {v} in reverse order"),
    "rows up": ("rows", "shifted", "takes the rows of {v} one off: row 1 where row 0 is meant, and so on"),
    "rows down": ("rows", "shifted", "takes the rows of {v} one off: row 0 where row 1 is meant, and so on"),
    "columns reversed": ("columns", "reversed", "takes the columns of {v} in reverse order"),
    "columns left": (
        "columns",
        "shifted",
        "takes the columns of {v} one off: column 1 where column 0 is meant, and so on",
    ),
    "columns right": (
        "columns",
        "shifted",
        "takes the columns of {v} one off: column 0 where column 1 is meant, and so on",
    ),
}


def misreadings(v):
    """(key of MISREAD, the array read so), in the shape that v has."""
    if v.ndim < 2:
        return
    if v.ndim == 3 and v.shape[0] > 1:
        if v.shape[1] > 1:
            yield "batch first", v.reshape(v.shape[1], v.shape[0], -1).swapaxes(0, 1)
        if v.shape[0] == v.shape[1]:
            yield "axes swapped", v.swapaxes(0, 1)
        yield "first sample", _only(v, 0, 0)
        yield "last sample", _only(v, 0, -1)
        if v.shape[1] > 1:
            yield "first row", _only(_only(v, 0, 0), 1, 0)
            yield "last row", _only(_only(v, 0, -1), 1, -1)
        yield "mean over samples", np.broadcast_to(v.mean(axis=0), v.shape)
        yield "samples reversed", v[::-1]
    if v.ndim == 2 and v.shape[0] == v.shape[1]:
        yield "transposed", v.T
    if v.ndim == 3 and min(v.shape[:2]) > 1:
        yield "all rows reversed", v[::-1, ::-1]
    if v.shape[-2] > 1:
        yield "first image for all", np.broadcast_to(v[..., :1, :], v.shape)
        yield "first image", _only(v, -2, 0)
        yield "last image", _only(v, -2, -1)
        yield "mean over images", np.broadcast_to(v.mean(axis=-2, keepdims=True), v.shape)
        yield "rows reversed", np.flip(v, -2)
    if v.shape[-2] > 2:
        yield "rows up", np.roll(v, -1, -2)
        yield "rows down", np.roll(v, 1, -2)
    if v.shape[-1] > 1:
        yield "columns reversed", np.flip(v, -1)
    if v.shape[-1] > 2:
        yield "columns left", np.roll(v, -1, -1)
        yield "columns right", np.roll(v, 1, -1)


def _only(v, axis, i):
    only = np.zeros_like(v)
    np.moveaxis(only, axis, 0)[i] = np.moveaxis(v, axis, 0)[i]
    return only


@dataclass(frozen=True, eq=False)
class _View:
    """A named array as the entries see it: values (R, N), and its misreadings by key."""

    name: str
    values: np.ndarray
    misread: dict


def products(named, shape, entries):
    """Every candidate for a gradient of this shape, on the flat indices `entries`: a list of Product,
    duplicates left out."""
    arrays = {name: v for name, v in named.items() if v.size > 1}
    index = np.unravel_index(entries, shape) if shape else ()
    found = [Product(("1",), np.ones(len(entries)), 1.0)]
    for views in _leading_views(arrays, shape, entries):
        found += _multiplied("", views)
    if len(shape) == 2:
        for name, column, views in _row_views(arrays, shape, index):
            found += _multiplied(f"{name}.T @", views, column, few=True)
    for name, columns, views in _matrix_views(arrays, shape, index):
        found += _multiplied(f"@ {name}", views, columns, few=True)
    return _distinct(found)


def _leading_views(arrays, shape, entries):
    """Elementwise, and summed over leading axes that the gradient does not have:
    the views for each set of such axes."""
    core = () if int(np.prod(shape)) == 1 else shape
    at = entries if core else [0]
    leads = {
        v.shape[: v.ndim - len(core)]
        for v in arrays.values()
        if v.ndim > len(core) and v.shape[v.ndim - len(core) :] == core
    }
    leads = [
        lead for lead in leads if not any(lead != other and lead == other[-len(lead) :] for other in leads)
    ] or [()]

    def view(v, lead):
        if v.ndim <= len(core) or core == ():
            try:
                return np.broadcast_to(v, core).reshape(1, -1)[:, at]
            except ValueError:
                pass
        return np.broadcast_to(v, lead + core).reshape(int(np.prod(lead)), -1)[:, at]

    for lead in sorted(lead for lead in leads if int(np.prod(lead)) * len(at) <= LARGEST):
        yield _views(arrays, lambda v, lead=lead: view(v, lead))


def _row_views(arrays, shape, index):
    """For every named array of rows on the left: (its name, its column at each entry,
    the views that go on the right)."""
    lead = [
        (is_gradient(name), v.ndim, v.shape[:-1])
        for name, v in arrays.items()
        if v.ndim >= 2 and v.shape[-1] == shape[1]
    ]
    if not lead:
        return
    lead = max(lead)[2]
    if int(np.prod(lead)) * len(index[0]) > LARGEST:
        return

    def view(v, size, at):
        if v.ndim < 2 or v.shape[-1] != size:
            raise ValueError
        return np.broadcast_to(v, (*lead, size)).reshape(-1, size)[:, at]

    right = _views(arrays, lambda v: view(v, shape[1], index[1]))
    left = {name: v for name, v in arrays.items() if not is_gradient(name)}
    left = _views(
        left | {f"|{name}|": np.abs(v) for name, v in left.items() if v.min() < 0 < v.max()},
        lambda v: view(v, shape[0], index[0]),
    )
    for x in left:
        yield x.name, x.values, right


def _matrix_views(arrays, shape, index):
    """For every named matrix W: (W or W.T, its numbers at each entry,
    the views of rows that are multiplied by it)."""
    if len(shape) < 2:
        return
    for name, W in arrays.items():
        if W.ndim != 2 or is_gradient(name) or W.shape == shape:
            continue
        for text, matrix in ((f"{name}.T", W.T), (name, W), (f"|{name}|.T", np.abs(W).T)):
            if matrix.shape[1] == shape[-1]:
                rows = {
                    n: v for n, v in arrays.items() if v.shape == (*shape[:-1], len(matrix)) and n != name
                }
                yield text, matrix[:, index[-1]], _views(rows, lambda v: v[index[:-1]].T)


def _views(arrays, view):
    """The arrays that can be looked at so."""
    found = []
    for name, v in arrays.items():
        try:
            found.append(
                _View(
                    name,
                    view(v),
                    {key: view(w) for key, w in misreadings(v) if np.ptp(w) > 1e-9 * np.abs(w).max()},
                )
            )
        except ValueError:  # of another shape
            continue
    return found


def _multiplied(frame, views, base=1.0, few=False):
    """Products of up to three factors, with misread ones among them; times base, and summed over their R
    numbers.

    few: only gradients from above, alone or times one more factor.
    """
    atoms = [
        (text, k, values, cost, None)
        for k, view in enumerate(views)
        for text, values, cost in functions(view.name, view.values)
    ]
    atoms += [
        (view.name, k, values, 1.0, key)
        for k, view in enumerate(views)
        for key, values in view.misread.items()
    ]
    above, misread_above, ours, simple, plain, misread_plain = [], [], [], [], [], []
    for i, (_, k, _, cost, key) in enumerate(atoms):
        gradient = is_gradient(views[k].name)
        (
            (misread_above if gradient else misread_plain).append(i)
            if key
            else above.append(i)
            if gradient
            else ours.append(i)
        )
        if not gradient and not key:
            simple += [i] * (cost <= 1.7)
            plain += [i] * (cost == 1.0)

    simple = simple if len(simple) <= 40 else plain  # of many names fewer powers

    def different(i, j):
        return atoms[i][1] != atoms[j][1]

    chosen = [(i,) for i in above + (plain if few else ours)] + [(d, i) for d in above for i in ours]
    chosen += (
        [(d,) for d in misread_above]
        + [(d, i) for d in misread_above for i in plain]
        + [(d, i) for d in above for i in misread_plain]
    )
    if not few:
        chosen += [(d, i, j) for d in above for i, j in combinations(simple, 2) if different(i, j)]
        chosen += [(d, i) for d in misread_above for i in misread_plain if atoms[d][4] == atoms[i][4]] + [
            (i,) for i in misread_plain
        ]
        chosen += [
            (i, j)
            for i in plain
            for j in ours
            if different(i, j) and atoms[j][3] <= 2.4 and (atoms[j][3] > 1 or i < j)
        ]
    if not chosen:
        return []

    def product(indices, values):
        factors = [atoms[i] for i in indices]
        cost = sum(0.4 if is_gradient(views[k].name) else cost for _, k, _, cost, _ in factors) + 0.8 * bool(
            frame
        )
        read = [(key, text) for text, _, _, _, key in factors if key]
        misread = (read[0][0], " * ".join(text for _, text in read)) if read else ()
        summed, names = (
            R * (bool(frame) or any(len(f[2]) > 1 for f in factors)),
            tuple(views[f[1]].name for f in factors),
        )
        return Product(
            tuple(f[0] for f in factors),
            values if summed else values / R,
            max(cost, 1.0) + 0.9 * bool(read),
            frame,
            summed,
            misread,
            names,
        )

    R, N = max(len(atom[2]) for atom in atoms), atoms[0][2].shape[-1]
    values = np.array([np.broadcast_to(atom[2], (R, N)) for atom in atoms] + [np.ones((R, N))])
    indices = np.array([(*i, *[-1] * (3 - len(i))) for i in chosen])
    found, rows = [], max(1, 2_000_000 // (R * N))
    for start in range(0, len(chosen), rows):
        i, j, k = indices[start : start + rows].T
        sums = (values[i] * values[j] * values[k] * base).sum(axis=1)
        found += [product(indices, numbers) for indices, numbers in zip(chosen[start:], sums)]
    return found


def _distinct(candidates):
    """The simplest of those that hold the same numbers; nothing that is zero, or not finite."""
    candidates = sorted(candidates, key=lambda p: p.cost)
    values = np.array([p.values for p in candidates])
    weights = np.random.default_rng(0).uniform(1, 2, (values.shape[1], 2))
    with np.errstate(all="ignore"):
        marks = values @ weights  # two sums that equal numbers share
        usable = np.isfinite(values).all(axis=1) & values.any(axis=1) & np.isfinite(marks).all(axis=1)
        size = 10.0 ** np.floor(np.log10(np.abs(marks) + 1e-300))
        marks = np.round(marks / size, 9) * size
    kept = {
        (u, v): p for (u, v), p, ok in list(zip(map(tuple, marks.tolist()), candidates, usable))[::-1] if ok
    }
    return sorted(kept.values(), key=lambda p: p.cost)
