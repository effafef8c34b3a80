"""Data to train on: the built-in glyphs, MNIST, or images of your own in a file or a folder."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inputs import check_whole
from ..ondisk import subset
from .contents import Part, settle
from .files import read
from .glyphs import FACES, FACTORS, draw_glyphs, load_glyphs, with_factor
from .mnist import load_mnist

__all__ = ["FACES", "FACTORS", "Dataset", "draw_glyphs", "load_data", "with_factor"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and what is known about them.

    images: (N, H, W), (N, H, W, 3) or (N, D); uint8 (0 to 255), bool or float. Very many in an .npy stay in
    their file: an OnDisk, which gives images[rows] like an array. labels: (N,) ints, or attributes (N, A), or
    None. factors: for glyphs a dict name -> (N,), see minivae.data.glyphs; else None. notes: sentences about
    what was read.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None = None
    factors: dict | None = None
    notes: tuple = ()

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        known = [name for name in ("labels", "factors") if getattr(self, name) is not None]
        shape = " x ".join(map(str, self.images.shape[1:]))
        more = "".join(f", {name}" for name in known)
        return f"<Dataset {self.name}: {len(self)} images of {shape}, {self.images.dtype}{more}>"


def load_data(source, test=None, seed=0, n_train=20000, n_test=5000, shape=None, progress=False):
    """Load a training set and a held-out set -> (train, test), each a Dataset.

    source: "glyphs", drawn on the spot (n_train and n_test of them, with `seed`); "mnist", 60,000 and 10,000
    images, from $MINIVAE_DATA/mnist or, where that is not set, a cache that is downloaded once; or the path
    of a file or a folder of pictures, as minivae.data.files.read_images has it (a file that is called glyphs
    or mnist: ./glyphs). Of your own images, those of `test` are held out, a second file or folder; or else
    the test set that the file has; or else a tenth, drawn with `seed`. shape: (H, W) or (H, W, 3), for images
    that are found as rows of numbers. progress: a bar, where reading takes long.

    Raises ValueError and OSError (FileNotFoundError, ConnectionError) with a sentence that says what was
    wrong, what was expected and what to do; TypeError where source is no name and no path.
    """
    for name, value in (("source", source), ("test", test)):
        if not isinstance(value, (str, os.PathLike)) and not (value is None and name == "test"):
            raise TypeError(
                f"{name} is of type {type(value).__name__}; load_data takes a name or a path. Images that are"
                " arrays already need no loading: give them to fit, and hold some out,"
                " fit(X[1000:], validation=X[:1000])."
            )
        if value is not None and not os.fspath(value):
            raise ValueError(f'{name} is empty: expected "glyphs", "mnist" or the path of a file or folder')
    if source in ("glyphs", "mnist") and test is not None:
        raise ValueError(f"{source} has a test set of its own: leave out test={str(test)!r}")
    if source in ("glyphs", "mnist") and shape is not None:
        raise ValueError(f"{source} has images of 28 x 28: leave out shape={tuple(shape)}")
    if source == "glyphs":
        return tuple(Dataset("glyphs", *arrays) for arrays in load_glyphs(n_train, n_test, seed))
    if source == "mnist":
        return tuple(Dataset("mnist", *arrays) for arrays in load_mnist())
    return _load_own(source, test, seed, shape, progress)


def _load_own(source, test, seed, shape, progress):
    """A user's images, and what is held out of them."""
    path = Path(source).expanduser()
    if not path.exists():
        import difflib  # which costs as long as the rest of the package

        close = difflib.get_close_matches(os.fspath(source).lower(), ("glyphs", "mnist"), n=1)
        raise FileNotFoundError(
            f'no data {os.fspath(source)!r}: expected "glyphs", "mnist" or the path of a file (IDX, .npy, '
            ".npz"
            " or CSV) or of a folder of pictures, and there is no such file"
            + (f". Did you mean {close[0]!r}?" if close else ": check the path")
        )
    if shape is not None:
        shape = tuple(check_whole("a number in shape", n, 1) for n in np.atleast_1d(shape).tolist())
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
            raise ValueError(f"shape is {shape}: expected (height, width) or, in colour, (height, width, 3)")
    contents, name = read(path, progress), path.stem
    test_name = name
    if test is not None:
        test_path = Path(test).expanduser()
        if contents.test is not None:
            contents.notes.append(f"its own test set is left aside, since there is another, {test_path.name}")
        contents.test, test_name = read(test_path, progress).train, test_path.stem
    settle(contents, shape)
    train, held_out = contents.train, contents.test
    if held_out is None:
        train, held_out = _hold_out_a_tenth(train, seed)
    notes = tuple(contents.notes)
    return (
        Dataset(name, train.images, train.labels, None, notes),
        Dataset(test_name, held_out.images, held_out.labels, None, notes),
    )


def _hold_out_a_tenth(part, seed):
    n = len(part.images)
    if n < 2:
        raise ValueError(
            f"{part.where} holds a single image, so none can be held out: give more, or a test file of its "
            "own"
        )
    out = np.zeros(n, bool)
    out[np.random.default_rng(seed).permutation(n)[: max(1, n // 10)]] = True
    parts = []
    for rows in (np.flatnonzero(~out), np.flatnonzero(out)):
        labels = None if part.labels is None else part.labels[rows]
        parts.append(Part(part.where, subset(part.images, rows), labels))
    return parts
