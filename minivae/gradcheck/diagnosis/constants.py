"""Names for numbers: 2, 1/B, K, beta, sqrt(2), 0.9 (lesson 06)."""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .costs import COSTS, DIGITS
from .texts import wrap

WITH_PI = (
    ("2 pi", 2 * math.pi),
    ("pi", math.pi),
    ("sqrt(2)", 2**0.5),
    ("sqrt(2 pi)", (2 * math.pi) ** 0.5),
    ("log(2)", math.log(2)),
    ("sqrt(pi)", math.pi**0.5),
    ("sqrt(2/pi)", (2 / math.pi) ** 0.5),
)
SAME = 2e-6  # relative, of two constants
LETTERS = "KBDMC"  # what the package calls its sizes

NO_GRADIENTS = (
    "data",
    "decay",
    "decoder",
    "delta",
    "den",
    "depth",
    "det",
    "diag",
    "diff",
    "dim",
    "dist",
    "dot",
)


def is_gradient(name):
    """Whether a name stands for a gradient from above, which enters once and linearly: dz, dlogits, dL_dz,
    upstream."""
    return name == "upstream" or (name[:1] == "d" and len(name) > 1 and not name.startswith(NO_GRADIENTS))


@dataclass(frozen=True)
class Constant:
    """A positive number, what it is called, and what that costs."""

    text: str
    bits: float
    value: float

    @property
    def is_size(self):
        """Whether it is made of sizes alone, such as K B or 1/D."""
        return set(self.text.removeprefix("1/").strip("()").split()) <= set(LETTERS)


ZERO, UNNAMED = Constant("0", 0.0, 0.0), Constant("?", DIGITS, 0.0)


class Constants:
    """The numbers with names: 2, 1/2, the sizes, the named scalars, and products of two of them."""

    def __init__(self, named, shape, above=()):
        c = COSTS
        self.sizes, scalars = _sizes(named, shape, above), {}
        for name, v in named.items():
            if v.size == 1:
                scalars[name] = float(v.ravel()[0])
        rows = [("1", c["1"], 1.0), *_both_ways("2", c["2"], 2.0)]
        for p, q in ((4, 1), (3, 1), (3, 2), (4, 3), (5, 1), (6, 1), (8, 1), (5, 2), (10, 1)):
            bits = c["small"] if p < 5 and q == 1 else c["fraction"]
            rows += [(f"{p}/{q}".removesuffix("/1"), bits, p / q), (f"{q}/{p}", bits, q / p)]
        for text, v in WITH_PI:
            rows += _both_ways(text, c["with 1"], v)
        usual = {}
        for name, v in (self.sizes | scalars).items():
            of_size = name in self.sizes or name in LETTERS
            bits = c["size"] if of_size else c["scalar"]
            bits += c["not a size"] if not of_size and v == int(v) else 0
            usual[name] = v, bits + (c["of a shape"] if "shape" in name else 0)
        for name, (v, bits) in usual.items():
            if v != int(v) and abs(v) < 50:  # log sigma: its exponential may be meant
                for k, factor in (("", 1), ("-", -1), ("2 ", 2), ("-2 ", -2)):
                    rows.append((f"exp({k}{name})", bits + 3, math.exp(factor * v)))
            if v <= 0 or v == 1:
                continue
            w = wrap(name)
            rows += _both_ways(name, bits, v)
            twice = bits + (3 if name in self.sizes else 2)
            rows += [(f"2 {name}", twice, 2 * v), (f"{w}/2", bits + 2, v / 2), (f"2/{w}", bits + 2, 2 / v),
                     (f"1/(2 {name})", bits + 2, 0.5 / v)]  # fmt: skip
            rows += _both_ways(f"{w}^2", bits + 2, v * v) + _both_ways(f"sqrt({name})", bits + 2, v**0.5)
            for other, other_text, more in (
                (v - 1, f"{name} - 1", 5), (v + 1, f"{name} + 1", 5), (1 - v, f"1 - {name}", 2)
            ):  # fmt: skip
                if other > 0:
                    rows += _both_ways(f"({other_text})", bits + more, other)
                    rows += [(f"({other_text})/{w}", bits + 6.5, other / v),
                             (f"{w}/({other_text})", bits + 6.5, v / other)]  # fmt: skip
        positive = {name: row for name, row in usual.items() if row[0] > 0 and row[0] != 1}
        for (p, (v, b1)), (q, (w, b2)) in combinations(sorted(positive.items(), key=_letters_first)[:12], 2):
            bits = b1 + b2 + (-2 if {p, q} == {"K", "B"} else 1)  # K B: the mean over samples and images
            rows += _both_ways(f"{p} {q}", bits, v * w)
            rows += [(f"{p}/{wrap(q)}", bits + 1, v / w), (f"{q}/{wrap(p)}", bits + 1, w / v)]
            if {p, q} == {"K", "B"}:
                rows += [("2/(K B)", bits + 2, 2 / (v * w)), ("1/(2 K B)", bits + 2, 0.5 / (v * w))]
        sizes = [(n, positive[n]) for n in "KBDM" if n in positive]
        for three in combinations(sizes, 3):
            text, v = " ".join(n for n, _ in three), math.prod(row[0] for _, row in three)
            rows += _both_ways(text, sum(row[1] for _, row in three), v)
        rows = [row for row in rows if 1e-12 < row[2] < 1e12]
        self.table = [Constant(*row) for row in sorted(rows, key=lambda row: row[1])]
        self.values = np.array([row.value for row in self.table])
        self.by_text = {row.text: row.value for row in reversed(self.table)}

    def known(self, c, tolerance=SAME):
        """The simplest Constant that is |c|, a number of two digits among them; or None."""
        hits = np.flatnonzero(np.abs(self.values - abs(c)) <= tolerance * abs(c))
        named = self.table[hits[0]] if len(hits) else None
        for digits, bits in ((1, COSTS["one digit"]), (2, COSTS["two digits"])):
            short = float(f"{abs(c):.{digits}g}")
            if abs(short - abs(c)) <= tolerance * abs(c) and (not named or named.bits > bits):
                return Constant(f"{short:g}", bits, short)
        return named

    def any(self, c, tolerance=SAME):
        """The same, or one over a number of two digits, or its digits."""
        named, short = self.known(c, tolerance), float(f"{1 / abs(c):.2g}")
        if named is None and abs(short * abs(c) - 1) <= tolerance:
            return Constant(f"1/{short:g}", COSTS["two digits"] + 2, 1 / short)
        return named or Constant(f"{abs(c):.6g}", DIGITS, abs(c))

    def value(self, constant):
        """The number of that name, here; the constant's own if it has none."""
        return self.by_text.get(constant.text, constant.value)

    def also(self, constant):
        """Other plain names of the same number, where they can't be told apart: " (here the same as K)"."""
        most = max(constant.bits, COSTS["size"])
        same = [row for row in self.table if abs(row.value - constant.value) <= SAME * constant.value]
        others = [row.text for row in same if row.bits <= most and row.text != constant.text]
        return f" (here the same as {' or '.join(others)})" if others else ""


def _both_ways(text, bits, v):
    return [(text, bits, v), (f"1/{wrap(text)}", bits, 1 / v)]


def _letters_first(item):
    place = LETTERS.find(item[0])
    return place if place >= 0 else len(LETTERS)


def _sizes(named, shape, above):
    """Sizes that have no name, by the package's letters: from gradients (K, B, features), (B, features);
    or else from several arrays that agree; and all other lengths, as x.shape[1]."""
    sizes, values = {}, {float(v.ravel()[0]) for v in named.values() if v.size == 1}
    arrays = {name: v.shape for name, v in named.items() if v.size > 1}
    first = [s for name, s in arrays.items() if name in above or is_gradient(name)]
    rest = [s for s in [*arrays.values(), shape] if len(s) > 1]
    for some in (first, rest):
        for s in some:
            if len(s) == 3 and s[0] not in values:
                sizes.setdefault("K", s[0])
            if len(s) >= 2 and s[-2] not in values and (some is first or _shared(s[-2], rest)):
                sizes.setdefault("B", s[-2])
    sizes = {name: size for name, size in sizes.items() if name not in named and size > 1}
    for name, s in arrays.items():
        for axis, size in enumerate(s):
            if size > 1 and size not in sizes.values() and size not in values:
                sizes[f"{name}.shape[{axis}]"] = size
    return {name: float(size) for name, size in sizes.items()}


def _shared(size, shapes):
    """Whether most arrays have so many rows."""
    return sum(s[-2] == size for s in shapes) > len(shapes) / 2
