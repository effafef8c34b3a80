"""The data: glyphs agree with their factors, files are read exactly or refused with one sentence,
MNIST is verified."""

import gzip
import hashlib
import io
import pickle
import re
import struct
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from minivae.data import FACES, FACTORS, draw_glyphs, load_data, mnist, with_factor
from minivae.data.files import read_idx, read_images
from minivae.data.glyphs import RANGES, draw_factors


def same(a, b):
    """Two data sets are equal bit for bit, factors included."""
    factors = all(np.array_equal(a.factors[name], b.factors[name]) for name in FACTORS)
    return np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels) and factors


# Glyphs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def glyphs():
    return load_data("glyphs", n_train=5000, n_test=500)


def test_glyphs_have_the_format_of_mnist(glyphs):
    for data, n in zip(glyphs, (5000, 500), strict=True):
        assert len(data) == n and data.images.shape == (n, 28, 28) and data.images.dtype == np.uint8
        assert data.labels.shape == (n,) and data.labels.dtype.kind == "i"
        assert set(data.factors) == set(FACTORS) and all(f.shape == (n,) for f in data.factors.values())
    train, _ = glyphs
    assert repr(train) == "<Dataset glyphs: 5000 images of 28 x 28, uint8, labels, factors>"
    assert (train.images.max(axis=(1, 2)) == 255).all()  # white strokes in every image ...
    edges = train.images[:, [0, -1], :], train.images[:, :, [0, -1]]
    assert all(edge.max() == 0 for edge in edges)  # ... on black, nothing cut off
    assert 0.1 < train.images.mean() / 255 < 0.2  # about as much ink as MNIST, 0.13


def test_glyph_factors_are_uniform_over_their_ranges_and_independent(glyphs):
    train, _ = glyphs
    assert np.bincount(train.labels).min() > 400
    assert len(FACES) == 16 and np.bincount(train.factors["face"]).min() > 240
    for name in ("bold", "slant", "serif"):
        assert np.array_equal(
            train.factors[name], [getattr(FACES[face], name) for face in train.factors["face"]]
        )
    for name, (low, high) in RANGES.items():
        f, margin = train.factors[name], 0.01 * (high - low)
        assert low <= f.min() < low + margin and high - margin < f.max() <= high
        assert f.mean() == pytest.approx((low + high) / 2, abs=5 * (high - low) / np.sqrt(12 * len(f)))
    columns = [train.labels] + [train.factors[name] for name in FACTORS if name != "face"]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert abs(correlation).max() < 5 / np.sqrt(len(train))


def test_same_seed_same_bits_and_another_seed_other_images(glyphs):
    again = load_data("glyphs", n_train=5000, n_test=500)
    assert all(same(a, b) for a, b in zip(glyphs, again, strict=True))
    other = load_data("glyphs", seed=1, n_train=5000, n_test=500)
    assert not any(np.array_equal(a.images, b.images) for a, b in zip(glyphs, other, strict=True))


def test_train_and_test_glyphs_do_not_depend_on_each_other_or_on_how_many_there_are(glyphs):
    train, test = load_data("glyphs", n_train=100, n_test=500)
    assert same(test, glyphs[1])
    assert np.array_equal(train.images, glyphs[0].images[:100])
    seen = {image.tobytes() for image in glyphs[0].images}
    assert len(seen) == 5000 and not seen & {image.tobytes() for image in test.images}


def test_zero_glyphs_are_an_empty_set_and_fewer_are_refused():
    train, test = load_data("glyphs", n_train=0, n_test=1)
    assert train.images.shape == (0, 28, 28) and train.images.dtype == np.uint8 and len(test) == 1
    with pytest.raises(ValueError, match="n_test is -1: a number of images is expected"):
        load_data("glyphs", n_train=1, n_test=-1)


def test_an_image_does_not_depend_on_what_is_drawn_beside_it(glyphs):
    test = glyphs[1]
    rows = np.random.default_rng(0).permutation(len(test))[:70]  # one row of the canvas and a bit
    assert np.array_equal(
        draw_glyphs(test.labels[rows], {name: f[rows] for name, f in test.factors.items()}), test.images[rows]
    )


def test_drawing_leaves_the_callers_state_alone(glyphs):
    """Neither NumPy's global generator nor matplotlib's settings and figures change,
    and nor do the settings matter."""
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.use("agg")
    state = np.random.get_state()[1].copy()
    with plt.rc_context(
        {
            "path.sketch": (5, 5, 5),
            "font.size": 40,
            "figure.facecolor": "red",
            "text.hinting": "force_autohint",
        }
    ):
        before = matplotlib.rcParams.copy()
        from minivae.data import glyphs as module

        module._outlines.cache_clear()
        train, _ = load_data("glyphs", n_train=100, n_test=0)
        assert matplotlib.rcParams == before
    assert np.array_equal(train.images, glyphs[0].images[:100])
    assert plt.get_fignums() == []
    assert np.array_equal(np.random.get_state()[1], state)


def as_text(digit, face):
    """A digit as matplotlib itself writes it in that family, weight and style,
    about 20 pixels tall and centred."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    family, slanted = ("STIXGeneral", "italic") if face.family == "STIX" else (face.family, "oblique")
    figure = Figure(figsize=(1, 1), dpi=72)
    figure.text(0.2, 0.2, str(digit), size=27.4 if slanted == "oblique" else 29.2, family=family,
                weight="bold" if face.bold else "normal",
                 style=slanted if face.slant else "normal")  # fmt: skip
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page = 255 - np.asarray(canvas.buffer_rgba())[..., 0]
    rows, columns = np.flatnonzero(page.max(axis=1)), np.flatnonzero(page.max(axis=0))
    top, left = (round((x[0] + x[-1] + 1) / 2) - 14 for x in (rows, columns))
    return page[top : top + 28, left : left + 28]


@pytest.mark.parametrize("index, face", list(enumerate(FACES)), ids=[face.name for face in FACES])
def test_each_label_is_the_digit_that_is_drawn_and_each_face_the_one_that_its_name_says(index, face):
    nothing = np.zeros(10)
    factors = dict.fromkeys(FACTORS, nothing) | {"scale": nothing + 1, "face": np.full(10, index)}
    factors |= {name: nothing + getattr(face, name) for name in ("bold", "slant", "serif")}
    drawn = draw_glyphs(np.arange(10), factors)
    text = np.array([as_text(digit, face) for digit in range(10)])
    likeness = np.corrcoef(drawn.reshape(10, -1), text.reshape(10, -1))[:10, 10:]
    assert np.array_equal(likeness.argmax(axis=1), np.arange(10))  # each digit is most like its own
    assert np.allclose(ink(drawn) / ink(text), 1, atol=0.2) and np.allclose(
        lean(drawn), lean(text), atol=0.08
    )


def ink(images):
    return images.sum(axis=(1, 2)) / 255


def centre(images):
    """Centre of mass of each image: column, row."""
    total, pixels = ink(images) * 255, np.arange(28)
    return (images.sum(axis=1) @ pixels) / total, (images.sum(axis=2) @ pixels) / total


def redrawn(data, **changes):
    return draw_glyphs(data.labels, with_factor(data.factors, **changes))


def test_bold_glyphs_have_more_ink(glyphs):
    regular, bold = redrawn(glyphs[1], bold=0), redrawn(glyphs[1], bold=1)
    assert (ink(bold) > 1.15 * ink(regular)).all()


def test_scale_multiplies_the_ink_by_its_square(glyphs):
    small, large = redrawn(glyphs[1], scale=0.8), redrawn(glyphs[1], scale=1.0)
    assert np.allclose(ink(large) / ink(small), (1.0 / 0.8) ** 2, rtol=0.02)


def test_shift_moves_the_centre_of_mass_right_and_down_by_that_many_pixels(glyphs):
    x, y = centre(redrawn(glyphs[1], shift_x=0, shift_y=0))
    new_x, new_y = centre(redrawn(glyphs[1], shift_x=1.5, shift_y=-0.5))
    for moved, by in ((new_x - x, 1.5), (new_y - y, -0.5)):
        assert np.allclose(moved, by, atol=0.06) and moved.mean() == pytest.approx(by, abs=0.002)


def lean(images):
    """How far right the strokes lean on their way up: -(covariance of column and row) / variance of row."""
    columns, rows = np.meshgrid(np.arange(28), np.arange(28))
    weights = images / images.sum(axis=(1, 2), keepdims=True)
    x, y = centre(images)
    dx, dy = columns - x[:, None, None], rows - y[:, None, None]
    return -(weights * dx * dy).sum(axis=(1, 2)) / (weights * dy * dy).sum(axis=(1, 2))


def test_shear_leans_to_the_right_by_its_amount(glyphs):
    upright, leaning = (redrawn(glyphs[1], rotation=0, shear=shear) for shear in (0, 0.2))
    assert np.allclose(lean(leaning) - lean(upright), 0.2, atol=0.01)


def test_slanted_faces_lean_to_the_right(glyphs):
    assert (lean(redrawn(glyphs[1], slant=1)) > lean(redrawn(glyphs[1], slant=0))).mean() > 0.95


def test_rotation_turns_counterclockwise(glyphs):
    data = glyphs[1]
    plain = redrawn(data, rotation=0, shear=0, shift_x=0, shift_y=0)
    turned = redrawn(data, rotation=np.pi / 2, shear=0, shift_x=0, shift_y=0)
    assert np.abs(np.rot90(plain, axes=(1, 2)).astype(int) - turned).max() <= 2


def test_with_factor_changes_only_what_it_is_told(glyphs):
    factors = glyphs[1].factors
    before = {name: f.copy() for name, f in factors.items()}
    bold = with_factor(factors, bold=1)
    # the caller's own is left alone
    assert all(np.array_equal(factors[name], before[name]) for name in FACTORS)
    assert (bold["bold"] == 1).all()
    for old, new in zip(factors["face"], bold["face"], strict=True):
        assert FACES[new] == FACES[old] or (
            (FACES[new].family, FACES[new].slant) == (FACES[old].family, FACES[old].slant) and FACES[new].bold
        )
    assert all(np.array_equal(bold[name], factors[name]) for name in FACTORS if name not in ("face", "bold"))
    back = with_factor(bold, bold=factors["bold"])
    assert all(np.array_equal(back[name], factors[name]) for name in FACTORS)
    stix = with_factor(factors, face=12)
    assert (stix["serif"] == 1).all() and not stix["bold"].any() and not stix["slant"].any()
    both = with_factor(factors, bold=1, slant=1)
    assert {FACES[face].name for face in both["face"]} == {
        "DejaVu Sans Bold Oblique",
        "DejaVu Sans Mono Bold Oblique",
        "DejaVu Serif Bold Italic",
        "STIX Bold Italic",
    }


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"weight": 1}, "no factor is called 'weight': the factors are face, bold"),
        ({"serif": 1}, "serif can't be switched"),
        ({"bold": 2}, "bold must be 0 or 1, got 2"),
        ({"bold": 0.5}, "bold must be 0 or 1, got 0.5"),
        ({"face": 16}, "face must be an index into FACES, 0 to 15; got 16"),
        ({"face": 1.5}, "face must be an index into FACES"),
        ({"scale": [1.0, 1.1]}, r"scale has shape \(2,\): one number or \(3,\)"),
    ],
)
def test_with_factor_refuses(changes, message):
    _, factors = draw_factors(3, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        with_factor(factors, **changes)


def _without(factors, name):
    return {key: f for key, f in factors.items() if key != name}


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda y, f: ([1, 2, 10], f),
            r"labels must be digits 0 to 9, of shape \(N,\); got shape \(3,\), 1 to 10",
        ),
        (lambda y, f: (y[:, None], f), r"labels must be digits 0 to 9, of shape \(N,\); got shape \(3, 1\)"),
        (lambda y, f: (y, _without(f, "shear")), "factors lack shear"),
        (lambda y, f: (y, f | {"shear": np.zeros(2)}), r"factor shear has shape \(2,\), labels have \(3,\)"),
        (
            lambda y, f: (y, f | {"shear": np.array([0, np.nan, 0])}),
            "factor shear of image 1 is not a finite number",
        ),
        (lambda y, f: (y, f | {"face": np.array([0, 0, 99])}), "face must be an index into FACES"),
        (
            lambda y, f: (y, f | {"bold": 1 - f["bold"]}),
            "factor bold of image 0 is .* change both with with_factor",
        ),
        (
            lambda y, f: (y, with_factor(f, scale=[1, 1, 2])),
            "image 2, a ., would not fit into 28 x 28 pixels with scale 2",
        ),
        (lambda y, f: (y, with_factor(f, shift_y=[1, 9, 1])), "image 1, a ., would not fit into 28 x 28"),
    ],
)
def test_draw_glyphs_refuses(change, message):
    labels, factors = draw_factors(3, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        draw_glyphs(*change(labels, factors))


def test_importing_the_data_imports_nothing_heavy():
    code = "import sys, minivae.data; print({'matplotlib', 'pooch', 'tqdm', 'requests'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# A user's own file ------------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(1).integers(0, 256, (20, 5, 4), dtype=np.uint8)
LABELS = np.arange(20) % 10


def idx(array, code=None):
    """An array as the bytes of an IDX file, written here from its definition."""
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    code = codes[array.dtype.str[1:]] if code is None else code
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def write(folder, content, name="data"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_idx_of_every_dtype_is_read_as_it_was_written(tmp_path, dtype, pack):
    array = (np.arange(24).reshape(2, 3, 4) - (0 if dtype == "u1" else 7)).astype(dtype)
    found = read_idx(write(tmp_path, pack(idx(array))))
    assert (
        np.array_equal(found, array)
        and found.dtype == np.dtype(dtype)
        and found.dtype.isnative
        and found.flags.writeable
    )


@pytest.mark.parametrize(
    "array",
    [
        IMAGES,
        IMAGES.reshape(20, 20),
        IMAGES / 255,
        IMAGES > 99,
        (IMAGES / 255).astype(">f4"),
        np.asfortranarray(IMAGES),
    ],
    ids=["uint8", "flat", "float64", "bool", "big-endian", "fortran"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize("kind", [npy, lambda array: npz(images=array)], ids=["npy", "npz"])
def test_npy_and_npz_are_read_as_they_were_written(tmp_path, kind, array, pack):
    images, labels = read_images(write(tmp_path, pack(kind(array))))
    assert np.array_equal(images, array) and images.dtype == array.dtype.newbyteorder("=") and labels is None
    assert images.flags.writeable


def test_compressed_npz_is_read(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", images=IMAGES, labels=LABELS)
    images, labels = read_images(tmp_path / "data.npz")
    assert np.array_equal(images, IMAGES) and np.array_equal(labels, LABELS)


@pytest.mark.parametrize(
    "key, label_key",
    [("images", "labels"), ("x", "y"), ("X", "y"), ("x_train", "y_train"), ("pictures", "y")],
)
def test_npz_keys(tmp_path, key, label_key):
    decoy = np.ones(7) if key == "pictures" else np.ones((7, 7))
    arrays = {"weights": decoy, label_key: LABELS, key: IMAGES, "later": IMAGES[:, :2]}
    images, labels = read_images(write(tmp_path, npz(**arrays)))
    assert np.array_equal(images, IMAGES) and np.array_equal(labels, LABELS) and labels.dtype == int


def test_whole_float_labels_become_ints(tmp_path):
    _, labels = read_images(write(tmp_path, npz(images=IMAGES, labels=LABELS.astype(np.float32))))
    assert np.array_equal(labels, LABELS) and labels.dtype == int


@pytest.mark.parametrize(
    "images_name", ["my-images-idx3-ubyte", "my-images-idx3-ubyte.gz", "my-images.idx3-ubyte"]
)
@pytest.mark.parametrize("pack_labels", [bytes, gzip.compress], ids=["plain", "gz"])
def test_idx_labels_are_found_beside_the_images(tmp_path, images_name, pack_labels):
    pack = gzip.compress if images_name.endswith(".gz") else bytes
    path = write(tmp_path, pack(idx(IMAGES)), images_name)
    assert read_images(path)[1] is None
    ending = ".gz" if pack_labels is gzip.compress else ""
    labels_name = images_name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1") + ending
    write(tmp_path, pack_labels(idx(LABELS.astype(np.uint8))), labels_name)
    images, labels = read_images(path)
    assert np.array_equal(images, IMAGES) and np.array_equal(labels, LABELS) and labels.dtype == int


NAN = IMAGES / 255
NAN[[3, 5], 0, 0] = np.nan, np.inf
COMPRESSED = gzip.compress(idx(IMAGES))
ZIP = npz(images=IMAGES)
HUGE = struct.pack(">BBBB3I", 0, 0, 14, 3, *[2**32 - 1] * 3)

BAD_FILES = {
    "empty": (b"", "is empty"),
    "empty gz": (gzip.compress(b""), "is empty"),
    "a text": (b"hello, world", r"is text, but holds no row of numbers \(CSV\): expected one row of pixels"),
    "bytes of no known format": (
        b"\x01\x02\x03\x04",
        "begins with the bytes 01 02 03 04, which is neither IDX .* np.save",
    ),
    "a single picture": (b"\x89PNG\r\n\x1a\n", "is a single picture: give the folder"),
    "a MATLAB file": (b"MATLAB 5.0 MAT-file" + bytes(200), "is a MATLAB file: read it with scipy.io.loadmat"),
    "text in UTF-16": ("1,2\n3,4\n".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
    "a pickle": (pickle.dumps(IMAGES), "looks like a pickle, which minivae never loads.* np.savez"),
    "a gzipped pickle": (gzip.compress(pickle.dumps(IMAGES)), "looks like a pickle"),
    "a list of arrays in npy": (
        npy(np.array([{}, 1], object), allow_pickle=True),
        "holds Python objects.* np.stack",
    ),
    "objects in npz": (npz(images=np.array([[{}, 1]], object)), r"data \(images\) holds Python objects"),
    "wrong IDX dtype": (
        idx(IMAGES, code=7),
        "begins with the bytes 00 00 07 03, the magic number of no IDX file: expected 00 00",
    ),
    "IDX without dimensions": (b"\0\0\x08\0", "the magic number of no IDX file"),
    "IDX cut in its magic": (b"\0\0\x08", "the magic number of no IDX file"),
    "IDX cut in its header": (idx(IMAGES)[:11], "is truncated within its first 16 bytes"),
    "IDX truncated": (
        idx(IMAGES)[:-1],
        r"is truncated: .* 400 bytes of data \(20 x 5 x 4 of uint8\), and 399 are there",
    ),
    "IDX with extra bytes": (
        idx(IMAGES) + b"\0",
        "has extra bytes at its end: its header promises 400 bytes",
    ),
    "IDX that claims to be huge": (HUGE, "does not fit into memory"),
    "IDX that claims a GiB": (
        HUGE[:4] + struct.pack(">3I", 1 << 15, 1 << 6, 1 << 6),
        "is truncated: .* and 0 are there",
    ),
    "gz truncated": (
        COMPRESSED[:-20],
        "is truncated, its compressed data end too early: fetch or write it again",
    ),
    "gz cut in its header": (COMPRESSED[:5], "is truncated, its compressed data end too early"),
    "gz corrupt": (
        COMPRESSED[:10] + b"\xff" + COMPRESSED[11:],
        "is truncated or corrupt .*invalid block type",
    ),
    "gz with a wrong sum": (COMPRESSED[:-8] + b"\1\2\3\4" + COMPRESSED[-4:], "is truncated or corrupt .*CRC"),
    "gz of truncated IDX": (gzip.compress(idx(IMAGES)[:-7]), "is truncated: .* 393 are there"),
    "npy truncated": (npy(IMAGES)[:-3], "is truncated: .* 397 are there"),
    "npy cut in its header": (npy(IMAGES)[:30], "has a damaged .npy header"),
    "npy with a damaged header": (
        npy(IMAGES).replace(b"(20, 5, 4)", b"(20, 5, 4 "),
        "has a damaged .npy header",
    ),
    "npy with extra bytes": (npy(IMAGES) + b"x", "has extra bytes at its end"),
    "npz truncated": (ZIP[: len(ZIP) // 2], "is truncated or corrupt"),
    "npz corrupt": (ZIP[:300] + b"??" + ZIP[302:], r"is truncated or corrupt \(Bad CRC"),
    "npz with a damaged list of contents": (
        ZIP[:-6] + b"\xff\xff\xff\x00" + ZIP[-2:],
        "is truncated or corrupt",
    ),
    "npz without arrays": (npz(), "holds no images: .* found no arrays"),
    "npz without images": (
        npz(a=np.ones(3), b=np.ones(4)),
        r"holds no images: expected an array .* `images`; found a, b",
    ),
    "labels for images": (
        idx(LABELS.astype(np.uint8)),
        r"shape \(20,\), one number per item .* expected images as",
    ),
    "one number": (npy(np.array(3.0)), r"holds an array of shape \(\)"),
    "colours first": (
        npy(np.zeros((4, 3, 5, 5), np.uint8)),
        r"\(4, 3, 5, 5\): colours come last here.*np.moveaxis\(images, 1, -1\)",
    ),
    "transparency": (
        npy(np.zeros((4, 5, 5, 4), np.uint8)),
        r"\(4, 5, 5, 4\): a fourth channel .*images\[..., :3\]",
    ),
    "two channels": (
        npy(np.zeros((4, 5, 5, 2), np.uint8)),
        r"\(4, 5, 5, 2\).*images.reshape\(len\(images\), -1\)",
    ),
    "a label in the first column": (
        npy(np.zeros((4, 785), np.uint8)),
        r"785 numbers an image, which is 28 x 28 \+ 1.*shape=\(1, 785\)",
    ),
    "pixels up to 4095": (
        npy(IMAGES * np.uint16(16)),
        r"holds uint16 pixels from \d+ to 4080: .*images / 4080",
    ),
    "pixels below 0": (npy(IMAGES.astype(int) - 1), "holds int64 pixels from -1 to .*: expected uint8"),
    "booleans of 2": (
        npy(IMAGES > 99)[:-1] + b"\2",
        "is corrupt: its booleans hold other bytes than 0 and 1",
    ),
    "a shape of bools": (npy(IMAGES).replace(b"(20, 5, 4)", b"(True, 400"), "has a damaged .npy header"),
    "a header of dicts": (npy(IMAGES).replace(b"{'descr'", b"{{}:1,'d"), "has a damaged .npy header"),
    "65 axes": (
        npy(np.zeros((1,) * 32, np.uint8)).replace(b"(1, 1, 1, ", b"(1,1,1,1,1"),
        "has a damaged .npy header|holds an array of shape",
    ),
    "a zip of other files": (
        zipped(a=b"x"),
        "found no arrays but other files: unpack it and give the folder",
    ),
    "no images": (idx(IMAGES[:0]), r"holds no images, its array has shape \(0, 5, 4\)"),
    "images without pixels": (npy(np.zeros((3, 0))), "holds no images"),
    "complex pixels": (npy(IMAGES * 1j), "holds complex128: expected pixels as uint8"),
    "text pixels": (npy(np.array([["a", "b"]])), "holds <U1: expected pixels as uint8"),
    "NaN": (npy(NAN), "holds NaN or infinity in 2 of its 20 images, the first at index 3"),
    "too few labels": (
        npz(images=IMAGES, labels=LABELS[:-1]),
        r"holds labels of shape \(19,\) for 20 images",
    ),
    "labels of three axes": (
        npz(images=IMAGES, y=np.zeros((20, 2, 2))),
        r"holds labels of shape \(20, 2, 2\) for 20 images",
    ),
    "attributes with NaN": (
        npz(images=IMAGES, y=np.full((20, 2), np.nan)),
        "holds attributes that are not finite numbers",
    ),
    "labels of mixed objects": (
        npz(images=IMAGES, labels=LABELS.astype(complex)),
        r"holds labels .*\(complex128\)",
    ),
    "labels in between": (npz(images=IMAGES, labels=LABELS + 0.5), "holds labels that are not whole numbers"),
    "labels with NaN": (
        npz(images=IMAGES, labels=LABELS * np.nan),
        "holds labels that are not whole numbers",
    ),
}


@pytest.mark.parametrize("content, message", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_in_one_sentence_that_names_it(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        load_data(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bad_labels_beside_idx_images_are_refused_by_their_own_name(tmp_path):
    path = write(tmp_path, idx(IMAGES), "images-idx3-ubyte")
    write(tmp_path, idx(LABELS[:7].astype(np.uint8)), "labels-idx1-ubyte")
    with pytest.raises(ValueError, match=r"labels-idx1-ubyte holds labels of shape \(7,\) for 20 images"):
        read_images(path)


def test_a_file_that_is_not_idx_is_refused_where_idx_is_asked_for(tmp_path):
    with pytest.raises(ValueError, match="is not an IDX file but an .npy"):
        read_idx(write(tmp_path, npy(IMAGES)))


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no data 'mnits': .* no such file. Did you mean 'mnist'?"):
        load_data("mnits")
    with pytest.raises(
        FileNotFoundError, match='expected "glyphs", "mnist" or the path of a file .* check the path'
    ):
        load_data(tmp_path / "nothing.npy")
    with pytest.raises(FileNotFoundError, match="there is no file .*nothing.npy: check the path"):
        load_data(write(tmp_path, npy(IMAGES)), test=tmp_path / "nothing.npy")
    with pytest.raises(FileNotFoundError, match="Did you mean 'mnist'"):
        load_data("MNIST")
    with pytest.raises(ValueError, match="source is empty: expected"):
        load_data("")
    with pytest.raises(
        TypeError, match="source is of type ndarray; load_data takes a name or a path.*give them to fit"
    ):
        load_data(IMAGES)


def test_a_tenth_of_a_users_file_is_held_out_by_the_seed(tmp_path):
    X = np.arange(50)[:, None] * np.ones(3)
    path = write(tmp_path, npz(images=X, labels=np.arange(50)), "mine.npz")
    train, test = load_data(str(path))
    assert (len(train), len(test), train.name, train.factors) == (45, 5, "mine", None)
    for data in (train, test):
        assert np.array_equal(data.images, X[data.labels])  # labels stay with their images
        assert (np.diff(data.labels) > 0).all()  # in the order of the file
    assert sorted([*train.labels, *test.labels]) == list(range(50))
    again, other = load_data(path)[1], load_data(path, seed=1)[1]
    assert np.array_equal(again.labels, test.labels) and not np.array_equal(other.labels, test.labels)


def test_of_a_few_images_one_is_held_out_and_of_one_none_can_be(tmp_path):
    train, test = load_data(write(tmp_path, npy(IMAGES[:2])))
    assert (len(train), len(test), train.labels) == (1, 1, None)
    with pytest.raises(ValueError, match="holds a single image, so none can be held out"):
        load_data(write(tmp_path, npy(IMAGES[:1])))


def test_a_test_file_is_held_out_whole_and_must_agree(tmp_path):
    path, other = (
        write(tmp_path, npy(IMAGES), "a.npy"),
        write(tmp_path, npz(x=IMAGES[:3], y=LABELS[:3]), "b.npz"),
    )
    train, test = load_data(path, test=other)
    assert np.array_equal(train.images, IMAGES) and np.array_equal(test.images, IMAGES[:3])
    assert train.labels is None and np.array_equal(test.labels, LABELS[:3]) and test.name == "b"
    with pytest.raises(ValueError, match=r"c.npy holds images of shape \(4, 5\), but .*a.npy has \(5, 4\)"):
        load_data(path, test=write(tmp_path, npy(IMAGES.swapaxes(1, 2)), "c.npy"))
    with pytest.raises(ValueError, match="d.npy holds pixels of dtype float64, but .*a.npy has uint8"):
        load_data(path, test=write(tmp_path, npy(IMAGES / 255), "d.npy"))
    for name in ("glyphs", "mnist"):
        with pytest.raises(ValueError, match=f"{name} has a test set of its own: leave out test="):
            load_data(name, test=path)


# MNIST ------------------------------------------------------------------------------------------------------

NAMES = list(mnist.SHA256)
TINY = {
    "train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES)),
    "train-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS.astype(np.uint8))),
    "t10k-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES[:6])),
    "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS[:6].astype(np.uint8))),
}


class Mirror(BaseHTTPRequestHandler):
    """Serves `files` (name -> bytes); of the names in `cut`, only the first half, though the length of all
    is announced; below `silent`, nothing until another one is asked."""

    files, cut, asked, silent = {}, (), [], None
    given_up = threading.Event()

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.asked.append(self.path)
        if self.silent and self.path.startswith(self.silent):
            return self.given_up.wait(60)
        self.given_up.set()
        if name not in self.files:
            return self.send_error(404)
        content = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.cut else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A loopback server with tiny stand-ins for MNIST, their sums expected, an empty cache,
    and no $MINIVAE_DATA."""
    monkeypatch.setattr(Mirror, "files", dict(TINY))
    monkeypatch.setattr(Mirror, "cut", ())
    monkeypatch.setattr(Mirror, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Mirror.url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(mnist, "MIRRORS", (f"{Mirror.url}a/", f"{Mirror.url}b/"))
    monkeypatch.setattr(mnist, "SHA256", {name: hashlib.sha256(TINY[name]).hexdigest() for name in NAMES})
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MINIVAE_DATA", raising=False)
    yield Mirror
    server.shutdown()
    thread.join()
    server.server_close()


def in_cache(tmp_path):
    """What lies in the cache, half-written files included."""
    return sorted(path.name for path in (tmp_path / "minivae" / "mnist").iterdir())


def check_tiny(train, test):
    assert (
        np.array_equal(train.images, IMAGES)
        and np.array_equal(train.labels, LABELS)
        and train.labels.dtype == int
    )
    assert np.array_equal(test.images, IMAGES[:6]) and np.array_equal(test.labels, LABELS[:6])
    assert (train.name, train.factors) == ("mnist", None)


def test_mnist_is_downloaded_once(mirror, tmp_path):
    check_tiny(*load_data("mnist"))
    assert in_cache(tmp_path) == sorted(NAMES)
    assert mirror.asked == [f"/a/{name}" for name in NAMES]
    check_tiny(*load_data("mnist"))
    assert len(mirror.asked) == 4


def test_a_damaged_file_in_the_cache_is_downloaded_again(mirror, tmp_path):
    load_data("mnist")
    (tmp_path / "minivae" / "mnist" / NAMES[1]).write_bytes(b"damaged")
    check_tiny(*load_data("mnist"))
    assert mirror.asked[4:] == [f"/a/{NAMES[1]}"]


def test_a_dead_first_mirror_gives_way_to_the_second(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", f"{mirror.url}b/"))
    check_tiny(*load_data("mnist"))
    assert in_cache(tmp_path) == sorted(NAMES)


def test_a_silent_mirror_is_waited_for_once(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "SILENCE", 2)
    monkeypatch.setattr(Mirror, "silent", "/a/")
    mirror.given_up.clear()
    check_tiny(*load_data("mnist"))
    assert mirror.asked == [f"/a/{NAMES[0]}", *(f"/b/{name}" for name in NAMES)]


def test_a_mirror_that_sends_without_end_is_cut_off(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "LARGEST", 10**5)
    mirror.files[NAMES[0]] = bytes(10**6)
    with pytest.raises(OSError, match=r"can't download .* \(it sends more than 0 MB\)"):
        load_data("mnist")
    assert in_cache(tmp_path) == []


def test_a_corrupt_download_names_both_sums_and_leaves_nothing_behind(mirror, tmp_path):
    damaged = TINY[NAMES[0]][:-1] + b"?"
    mirror.files[NAMES[0]] = damaged
    with pytest.raises(OSError, match=f"can't download {NAMES[0]} of MNIST; tried .* and .*") as caught:
        load_data("mnist")
    sums = f"its SHA-256 is {hashlib.sha256(damaged).hexdigest()}, expected {mnist.SHA256[NAMES[0]]}"
    assert str(caught.value).count(sums) == 2 and "\n" not in str(caught.value)
    assert in_cache(tmp_path) == []
    assert mirror.asked == [f"/a/{NAMES[0]}", f"/b/{NAMES[0]}"]


def test_a_download_cut_short_leaves_nothing_behind_and_goes_on_where_it_stopped(mirror, tmp_path):
    mirror.cut = (NAMES[2],)
    with pytest.raises(OSError, match=f"can't download {NAMES[2]} of MNIST"):
        load_data("mnist")
    assert in_cache(tmp_path) == sorted(NAMES[:2])  # whole ones are kept
    mirror.cut = ()
    check_tiny(*load_data("mnist"))
    assert mirror.asked[-2:] == [f"/a/{name}" for name in NAMES[2:]]


def test_offline_says_what_to_do(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/a/", f"{mirror.url}b/"))
    mirror.files.clear()
    with pytest.raises(OSError, match=re.escape("tried http://127.0.0.1:9/a/ (ConnectionError)")) as caught:
        load_data("mnist")
    for words in (f"{mirror.url}b/ (HTTP status 404)", "MINIVAE_DATA", "`glyphs`, which need no download"):
        assert words in str(caught.value)
    assert in_cache(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_named(mirror, tmp_path):
    (tmp_path / "minivae").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="can't write .*train-images-idx3-ubyte.gz .* set MINIVAE_DATA"):
        load_data("mnist")


def test_a_full_disk_is_named_and_leaves_nothing_behind(mirror, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.move", full)
    with pytest.raises(OSError, match=r"can't write .*train-images.* \(No space left on device\): make room"):
        load_data("mnist")
    assert in_cache(tmp_path) == []


def test_mnist_from_a_folder_of_ones_own_is_verified_and_never_downloaded(mirror, monkeypatch, tmp_path):
    folder = tmp_path / "mine" / "mnist"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MINIVAE_DATA", str(tmp_path / "mine"))
    for name in NAMES[:3]:
        write(folder, TINY[name], name)
    with pytest.raises(
        FileNotFoundError,
        match=rf"folder {folder} lacks {NAMES[3]}: put the files there .* unset MINIVAE_DATA",
    ):
        load_data("mnist")
    write(folder, TINY[NAMES[3]], NAMES[3])
    check_tiny(*load_data("mnist"))
    path = write(folder, TINY[NAMES[3]] + b"\0", NAMES[3])
    with pytest.raises(
        ValueError, match=f"{path} is not the original: its SHA-256 is .* expected {mnist.SHA256[NAMES[3]]}"
    ):
        load_data("mnist")
    assert mirror.asked == []


def test_real_mnist(real_mnist):
    train, test = real_mnist
    assert train.images.shape == (60000, 28, 28) and test.images.shape == (10000, 28, 28)
    assert train.images.dtype == test.images.dtype == np.uint8
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # the figure that every tutorial normalises by
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


@pytest.fixture
def real_mnist(monkeypatch):
    import os
    from pathlib import Path

    data = os.environ.get("MINIVAE_DATA")
    if not data or not (Path(data) / "mnist").is_dir():
        pytest.skip("real MNIST is not there: set MINIVAE_DATA to the folder that holds mnist/")
    return load_data("mnist")
