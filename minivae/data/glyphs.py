"""Glyphs: grey images of the digits, drawn from the fonts that matplotlib ships, with their true factors.

An image of the digit k is the outline of k in one of 16 faces, scaled to 20 pixels tall, moved to the middle
of a 28 x 28 cell and put through an affine map. Its factors are the numbers that the drawing was made from:

    face                      index into FACES
    bold, slant, serif        0 or 1, attributes of that face
    scale, shear, rotation    x' = scale R(rotation) [[1, shear], [0, 1]] x, with x to the right and y upwards
    shift_x, shift_y          pixels, to the right and downwards (as the columns and rows of the image run)

The faces are four families, each in the four combinations of bold and slant, and all factors are drawn
independently of each other and of the digit. So each glyph has a twin that differs in nothing but `bold`, and
the mean of the bold images minus the mean of the others is not confounded with anything else.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Face(NamedTuple):
    """One face: its name, its family, its attributes (0 or 1), and the file that matplotlib ships it in."""

    name: str
    family: str
    bold: int
    slant: int
    serif: int
    file: str


def _family(name, serif, *styles):
    """The four faces of a family: regular, slanted, bold, bold and slanted; `styles` are (style, file)
    pairs."""
    return [
        Face(f"{name} {style}".strip(), name, i // 2, i % 2, serif, f"{file}.ttf")
        for i, (style, file) in enumerate(styles)
    ]


FACES = (
    *_family(
        "DejaVu Sans",
        0,
        ("", "DejaVuSans"),
        ("Oblique", "DejaVuSans-Oblique"),
        ("Bold", "DejaVuSans-Bold"),
        ("Bold Oblique", "DejaVuSans-BoldOblique"),
    ),
    *_family(
        "DejaVu Sans Mono",
        0,
        ("", "DejaVuSansMono"),
        ("Oblique", "DejaVuSansMono-Oblique"),
        ("Bold", "DejaVuSansMono-Bold"),
        ("Bold Oblique", "DejaVuSansMono-BoldOblique"),
    ),
    *_family(
        "DejaVu Serif",
        1,
        ("", "DejaVuSerif"),
        ("Italic", "DejaVuSerif-Italic"),
        ("Bold", "DejaVuSerif-Bold"),
        ("Bold Italic", "DejaVuSerif-BoldItalic"),
    ),
    *_family(
        "STIX",
        1,
        ("", "STIXGeneral"),
        ("Italic", "STIXGeneralItalic"),
        ("Bold", "STIXGeneralBol"),
        ("Bold Italic", "STIXGeneralBolIta"),
    ),
)
ATTRIBUTES = ("bold", "slant", "serif")
RANGES = {
    "scale": (0.87, 1.03),
    "shear": (-0.12, 0.12),
    "rotation": (-0.1, 0.1),
    "shift_x": (-0.8, 0.8),
    "shift_y": (-0.8, 0.8),
}  # of a uniform draw; rotation in radians
FACTORS = ("face", *ATTRIBUTES, *RANGES)

SIZE = 28  # pixels of an image, each way
HEIGHT = 20  # pixels of an untransformed glyph
CELLS = 64  # a canvas has CELLS x CELLS cells: 1792 pixels a side, 13 MB


def load_glyphs(n_train=20000, n_test=5000, seed=0):
    """Training and test glyphs: ((images, labels, factors), (images, labels, factors)).

    images (N, 28, 28) uint8, white strokes on black as in MNIST; labels (N,) digits 0-9; factors a dict
    name -> (N,), see the top of this file. The two sets come from separate generators, and image i does not
    depend on how many are drawn: the first 100 of 20,000 are the 100 of `n_train=100`.

    Raises ValueError for a negative n_train or n_test.
    """
    for name, n in (("n_train", n_train), ("n_test", n_test)):
        if n < 0:
            raise ValueError(f"{name} is {n}: a number of images is expected, 0 or more")
    sets = []
    for n, sequence in zip((n_train, n_test), np.random.SeedSequence(seed).spawn(2)):
        labels, factors = draw_factors(n, np.random.default_rng(sequence))
        sets.append((draw_glyphs(labels, factors), labels, factors))
    return tuple(sets)


def draw_factors(n, rng):
    """n digits and their factors, each uniform over its values: labels (n,), factors a dict name -> (n,).

    rng: numpy.random.Generator. One row of uniform numbers makes one image.
    """
    u = rng.random((n, 2 + len(RANGES)))
    labels = (10 * u[:, 0]).astype(int)
    factors = _of_face((len(FACES) * u[:, 1]).astype(int))
    for (name, (low, high)), column in zip(RANGES.items(), u[:, 2:].T):
        factors[name] = low + (high - low) * column
    return labels, factors


def with_factor(factors, **changes):
    """The same glyphs with some factors changed; `factors` itself is left alone.

    with_factor(factors, bold=1): every glyph in the bold face of its own family, the rest as before.
    Values are numbers or arrays (N,). A change of `bold` or `slant` moves each glyph to its twin, so `face`
    changes too; a change of `face` carries that face's attributes with it. `serif` alone has no twin: change
    `face`.

    Raises ValueError for a factor that does not exist or can't be changed, and for values out of range.
    """
    new = dict(factors)
    n = len(factors["face"])
    for name, value in changes.items():
        if name not in FACTORS:
            raise ValueError(f"no factor is called {name!r}: the factors are {', '.join(FACTORS)}")
        if name == "serif":
            raise ValueError(
                "serif can't be switched: no two faces differ in their serifs alone. "
                "Set face=..., an index into minivae.data.glyphs.FACES"
            )
        if np.shape(value) not in ((), (n,)):
            raise ValueError(f"{name} has shape {np.shape(value)}: one number or ({n},) is expected")
        value = np.broadcast_to(value, n).copy()
        if name in ATTRIBUTES:
            if not np.isin(value, (0, 1)).all():
                raise ValueError(f"{name} must be 0 or 1, got {value[~np.isin(value, (0, 1))][0]}")
            step = {"bold": 2, "slant": 1}[name]  # from a face to its twin in FACES
            value, name = new["face"] + step * (value - new[name]), "face"
        new |= _of_face(value) if name == "face" else {name: value.astype(float)}
    return new


def draw_glyphs(labels, factors):
    """Draw digits: labels (N,) in 0-9 and factors (a dict name -> (N,), all FACTORS) -> images (N, 28, 28)
    uint8.

    A pixel is the share of its area that the strokes cover, times 255. The same labels and factors give the
    same bits on one machine with one version of matplotlib.

    Raises ValueError where a factor is missing, has another length or is not finite, where a label or face is
    out of range, where bold, slant or serif is not that of the face (use `with_factor`), and where a glyph
    would not fit into its 28 x 28 pixels.
    """
    labels, factors = _checked(labels, factors)
    images = np.empty((len(labels), SIZE, SIZE), np.uint8)
    for start in range(0, len(labels), CELLS * CELLS):
        chunk = slice(start, start + CELLS * CELLS)
        images[chunk] = _draw_canvas(labels[chunk], {name: f[chunk] for name, f in factors.items()}, start)
    return images


def _of_face(face):
    """face (N,) -> a dict of face and its attributes, each (N,)."""
    if not np.isin(face, range(len(FACES))).all():
        raise ValueError(
            f"face must be an index into FACES, 0 to {len(FACES) - 1}; got {face.min()} to {face.max()}"
        )
    face = face.astype(int)
    return {"face": face} | {name: np.array([getattr(f, name) for f in FACES])[face] for name in ATTRIBUTES}


def _checked(labels, factors):
    """Labels and factors as arrays, or the ValueError that says what is wrong with them."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.isin(labels, range(10)).all():
        raise ValueError(
            f"labels must be digits 0 to 9, of shape (N,); got shape {labels.shape}"
            + (f", {labels.min()} to {labels.max()}" if labels.size else "")
        )
    if missing := [name for name in FACTORS if name not in factors]:
        raise ValueError(f"factors lack {', '.join(missing)}: draw_factors gives all of {', '.join(FACTORS)}")
    factors = {name: np.asarray(factors[name]) for name in FACTORS}
    for name, f in factors.items():
        if f.shape != labels.shape:
            raise ValueError(
                f"factor {name} has shape {f.shape}, labels have {labels.shape}: one number per image"
            )
        if not np.isfinite(f).all():
            raise ValueError(f"factor {name} of image {np.argmin(np.isfinite(f))} is not a finite number")
    of_face = _of_face(factors["face"])
    for name in ATTRIBUTES:
        if (wrong := factors[name] != of_face[name]).any():
            i = np.argmax(wrong)
            raise ValueError(
                f"factor {name} of image {i} is {factors[name][i]}, but its face is "
                f"{FACES[of_face['face'][i]].name}: change both with with_factor(factors, {name}=...)"
            )
    return labels.astype(int), factors | of_face


def _draw_canvas(labels, factors, first):
    """Draw up to CELLS**2 glyphs as one path on one canvas, and cut it up -> (N, 28, 28) uint8."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.path import Path as Outline
    from matplotlib.transforms import IdentityTransform

    n = len(labels)
    rows = -(-n // CELLS)
    vertices, codes, start, length = _outlines()
    which = 10 * factors["face"] + labels
    image = np.repeat(np.arange(n), length[which])  # of each vertex of the canvas
    point = start[which][image] + np.arange(len(image)) - np.searchsorted(image, image)

    scale, shear, rotation = (factors[name] for name in ("scale", "shear", "rotation"))
    c, s = scale * np.cos(rotation), scale * np.sin(rotation)
    x, y = vertices[point].T
    x = x + shear[image] * y
    x, y = (
        c[image] * x - s[image] * y + factors["shift_x"][image],
        s[image] * x + c[image] * y - factors["shift_y"][image],
    )
    outside = np.maximum(abs(x), abs(y)) > SIZE / 2
    if outside.any():
        i = image[np.argmax(outside)]
        values = ", ".join(f"{name} {factors[name][i]:.3g}" for name in RANGES)
        raise ValueError(
            f"image {first + i}, a {labels[i]}, would not fit into {SIZE} x {SIZE} pixels with {values}: "
            f"bring these nearer to their usual ranges, {RANGES}"
        )

    row, column = np.divmod(image, CELLS)
    x += SIZE * column + SIZE / 2
    y += SIZE * (rows - row) - SIZE / 2
    renderer = RendererAgg(CELLS * SIZE, rows * SIZE, dpi=72)
    gc = renderer.new_gc()
    gc.set_linewidth(0)
    gc.set_snap(False)
    renderer.draw_path(
        gc, Outline(np.stack([x, y], axis=1), codes[point]), IdentityTransform(), (1.0, 1.0, 1.0)
    )
    coverage = np.asarray(renderer.buffer_rgba())[..., 3]
    return coverage.reshape(rows, SIZE, CELLS, SIZE).swapaxes(1, 2).reshape(-1, SIZE, SIZE)[:n]


@cache
def _outlines():
    """The outlines of all digits in all faces, 20 pixels tall and centred on the origin, end to end.

    vertices (V, 2), codes (V,), and where the outline of digit k in face f starts and how long it is: start
    and length (160,), at 10 f + k.
    """
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    vertices, codes = [], []
    for face in FACES:
        font = FontProperties(fname=fonts / face.file)
        for digit in "0123456789":
            outline = TextPath((0, 0), digit, size=HEIGHT, prop=font)
            box = outline.get_extents()
            vertices.append((outline.vertices - (box.min + box.max) / 2) * (HEIGHT / box.height))
            codes.append(outline.codes)
    length = np.array([len(v) for v in vertices])
    return np.concatenate(vertices), np.concatenate(codes), np.cumsum(length) - length, length
