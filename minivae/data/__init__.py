"""Data to train on: the built-in glyphs, MNIST, or a file of your own."""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import read_images
from .glyphs import FACES, FACTORS, draw_glyphs, load_glyphs, with_factor
from .mnist import load_mnist

__all__ = ["FACES", "FACTORS", "Dataset", "draw_glyphs", "load_data", "with_factor"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and what is known about them.

    images: (N, H, W) or (N, D), as found; uint8 (0 to 255) for glyphs and MNIST.
    labels: (N,) ints, or None.   factors: for glyphs a dict name -> (N,), see minivae.data.glyphs; else None.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None = None
    factors: dict | None = None

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        known = [name for name in ("labels", "factors") if getattr(self, name) is not None]
        shape = " x ".join(map(str, self.images.shape[1:]))
        return (
            f"<Dataset {self.name}: {len(self)} images of {shape},"
            f" {self.images.dtype}{''.join(f', {k}' for k in known)}>"
        )


def load_data(source, test=None, seed=0, n_train=20000, n_test=5000):
    """Load a training set and a held-out set -> (train, test), each a Dataset.

    source: "glyphs", drawn on the spot (n_train and n_test of them, with `seed`); "mnist", 60,000 and 10,000
    images, from $MINIVAE_DATA/mnist or, where that is not set, a cache that is downloaded once; or the path
    of a file: IDX (plain or .gz), .npy or .npz, as minivae.data.files.read_images has it (a file that is
    called glyphs or mnist: ./glyphs). Of a file of your own a tenth, drawn with `seed`, is held out, unless
    `test` is a second file.

    Raises ValueError and OSError (FileNotFoundError, ConnectionError) with a sentence that says what was
    wrong, what was expected and what to do.
    """
    if source in ("glyphs", "mnist") and test is not None:
        raise ValueError(f"{source} has a test set of its own: leave out test={str(test)!r}")
    if source == "glyphs":
        return tuple(Dataset("glyphs", *arrays) for arrays in load_glyphs(n_train, n_test, seed))
    if source == "mnist":
        return tuple(Dataset("mnist", *arrays) for arrays in load_mnist())
    return _load_files(source, test, seed)


def _load_files(source, test, seed):
    """A user's file and what is held out: a tenth of it, or the file `test`."""
    path = Path(source).expanduser()
    if not path.exists():
        close = difflib.get_close_matches(os.fspath(source), ("glyphs", "mnist"), n=1)
        raise FileNotFoundError(
            f'no data {os.fspath(source)!r}: expected "glyphs", "mnist" or the path of a file '
            "(IDX, .npy or .npz), and there is no such file"
            + (f". Did you mean {close[0]!r}?" if close else ": check the path")
        )
    images, labels = read_images(path)
    if test is not None:
        test_path = Path(test).expanduser()
        test_images, test_labels = read_images(test_path)
        for what, a, b in (
            ("images of shape", images.shape[1:], test_images.shape[1:]),
            ("pixels of dtype", images.dtype, test_images.dtype),
        ):
            if a != b:
                raise ValueError(
                    f"{test_path} holds {what} {b}, but {path} has {a}: training and test images must agree"
                )
        return Dataset(path.stem, images, labels), Dataset(test_path.stem, test_images, test_labels)
    n = len(images)
    if n < 2:
        raise ValueError(
            f"{path} holds a single image, so none can be held out: give more, or a test file of its own"
        )
    held_out = np.zeros(n, bool)
    held_out[np.random.default_rng(seed).permutation(n)[: max(1, n // 10)]] = True
    return tuple(
        Dataset(path.stem, images[rows], None if labels is None else labels[rows])
        for rows in (~held_out, held_out)
    )
