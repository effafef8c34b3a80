"""Names for numbers, and how names are put together to texts: what a diagnosis is written in (lesson 06)."""

import math
import re
from itertools import combinations

import numpy as np

SAME = 2e-6  # relative, of two constants


def outside(text):
    """What of a text stands outside all brackets."""
    depth, kept = 0, ""
    for c in text:
        depth += (c == "(") - (c == ")")
        kept += c * (depth == 0)
    return kept


def wrap(text):
    """In brackets where it is more than a name, a call or a power."""
    return f"({text})" if set(outside(text)) & set(" /*@") or re.fullmatch(r"\w\(.*", text) else text


def times(c, text, product):
    """The text of c * product, where |c| is called `text`."""
    sign = "-" if c < 0 else ""
    if text == "1":
        return sign + (
            f"({product})" if sign and (" + " in outside(product) or " - " in outside(product)) else product
        )
    if product == "1":
        return sign + text
    if text.startswith("1/"):
        return f"{sign}{wrap(product)}/{wrap(text[2:])}"
    return (
        f"{sign}{text}/{product[2:]}"
        if product.startswith("1/") and "*" not in product
        else f"{sign}{text} * {product}"
    )


def bare(text):
    """(1 - h^2) -> 1 - h^2."""
    return text[1:-1] if text.startswith("(") and wrap(text[1:-1]) == text else text


def is_gradient(name):
    """Whether a name stands for a gradient from above, that enters once and linearly: dz, dlogits, dL_dz,
    upstream."""
    return name == "upstream" or (
        name[:1] == "d"
        and len(name) > 1
        and not name.startswith(("data", "decoder", "delta", "depth", "dim"))
    )


class Constants:
    """Numbers with names: 2, 1/2, the sizes, the named scalars, and products of two of them."""

    def __init__(self, named, shape):
        numbers = (("2", 2.0, 1), ("4", 4.0, 2.2), ("3", 3.0, 2.4), ("2 pi", 2 * math.pi, 3), ("sqrt(2)",
                   2**0.5, 3),
                   ("sqrt(2 pi)", (2 * math.pi) ** 0.5, 3), ("log(2)", math.log(2), 3))  # fmt: skip
        table = [("1", 1.0, 0.0)] + [
            row for text, v, cost in numbers for row in ((text, v, cost), (f"1/{wrap(text)}", 1 / v, cost))
        ]
        scalars = {name: float(v.ravel()[0]) for name, v in named.items() if v.size == 1}
        scalars |= {
            name: float(size)
            for name, size in _sizes(named, shape).items()
            if name not in scalars and size not in scalars.values()
        }
        for name, v in scalars.items():
            # a number that is no size, such as log sigma: its exponential may be meant
            if v != int(v) and abs(v) < 50:
                table += [
                    (f"exp({k}{name})", math.exp(factor * v), 2.2)
                    for k, factor in (("", 1), ("-", -1), ("2 ", 2), ("-2 ", -2))
                ]
        scalars = {name: v for name, v in scalars.items() if v > 0 and v != 1}
        for name, v in scalars.items():
            w, far = wrap(name), 1.0 * ("shape" in name)
            table += [(name, v, 1.1 + far), (f"1/{w}", 1 / v, 1.1 + far), (f"2 {name}", 2 * v, 2.1 + far),
                      (f"{w}/2", v / 2, 2.1 + far),
                      (f"2/{w}", 2 / v, 2.1 + far), (f"1/(2 {name})", 0.5 / v, 2.1 + far), (f"{w}^2", v * v,
                      2.1),
                      (f"1/{w}^2", 1 / v**2, 2.1), (f"sqrt({name})", v**0.5, 2.4), (f"1/sqrt({name})",
                      v**-0.5, 2.4),
                      (f"({name} - 1)", v - 1, 3.2), (f"({name} - 1)/{w}", 1 - 1 / v, 3.2)]  # fmt: skip
        for (p, v), (q, w) in combinations(scalars.items(), 2):
            cost = 2.2 + ("shape" in p + q)
            if {p, q} == {"K", "B"}:  # the mean over samples and images
                p, q, v, w, cost = "K", "B", scalars["K"], scalars["B"], 1.3
                table += [("2/(K B)", 2 / (v * w), 2.3), ("1/(2 K B)", 0.5 / (v * w), 2.3)]
            table += [
                (f"{p} {q}", v * w, cost),
                (f"1/({p} {q})", 1 / (v * w), cost),
                (f"{p}/{q}", v / w, 2.6),
                (f"{q}/{p}", w / v, 2.6),
            ]
        self.table = sorted((row for row in table if row[1] > 0), key=lambda row: row[2])
        self.values = np.array([row[1] for row in self.table])

    def name(self, c, tolerance=SAME):
        """(text, cost) of the simplest constant that is |c|, or None."""
        hits = np.flatnonzero(np.abs(self.values - abs(c)) <= tolerance * abs(c))
        return (self.table[hits[0]][0], self.table[hits[0]][2]) if len(hits) else None

    def text(self, c):
        """What to call |c|: by its name where that is short, else by its digits."""
        known = self.name(c, 3e-5)
        return known[0] if known and known[1] <= 2.4 else f"{abs(c):.6g}"

    def also(self, c, text):
        """Other names of the same number, where they can't be told apart: " (here the same as K)"."""
        others = [
            t for t, v, cost in self.table if abs(v - abs(c)) <= SAME * abs(c) and cost <= 1.1 and t != text
        ]
        return f" (here the same as {' or '.join(others)})" if others else ""


def _sizes(named, shape):
    """Sizes by the package's letters, from arrays (K, B, features) and (B, features);
    gradients from above know best."""
    sizes, order = {}, sorted(named, key=lambda name: not is_gradient(name))
    for v in [named[name] for name in order] + [np.empty(shape)]:
        if v.ndim == 3:
            sizes.setdefault("K", v.shape[0])
        if v.ndim >= 2:
            sizes.setdefault("B", v.shape[-2])
    for name in order:
        for axis, size in enumerate(named[name].shape):
            if size not in sizes.values() and size > 1:
                sizes[f"{name}.shape[{axis}]"] = size
    return sizes
