"""Which arrays of an .npz are images, which are their labels, and which are held out: by the names that
people use."""

import contextlib
import re
import zipfile

from ..npy import npy_header, read_npy
from .contents import Contents, Part

SPLITS = {
    "train": ("", "train", "training", "tr"),
    "valid": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "te"),
}
IMAGES = ("images", "image", "imgs", "x", "data", "pixels", "features", "inputs", "faces", "")
LABELS = ("labels", "label", "y", "targets", "target", "classes", "class", "attributes", "attrs")
# squashed name -> (split, kind): x_train, trainX, train_images, images, and `train` alone are images to train
# on
ROLES = {
    squashed: (split, kind)
    for split, marks in SPLITS.items()
    for kind, words in (("images", IMAGES), ("labels", LABELS))
    for mark in marks
    for word in words
    for squashed in (mark + word, word + mark)
    if squashed
}


def role(name):
    """("train" | "valid" | "test", "images" | "labels") of an array or a column by its name, or None."""
    return ROLES.get(re.sub("[^a-z0-9]", "", name.lower()))


def read_npz(file, path):
    """The images and labels of an .npz, and its test set, by their names -> Contents; of other arrays only
    headers are read.

    Where no name says what it is, the first array of two or more dimensions is taken for the images, and that
    is told.
    """
    with zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

        def read(name, reader=read_npy):
            with archive.open(f"{name}.npy") as member:
                return reader(member, f"{path} ({name})")

        def n_axes(name):
            return len(read(name, npy_header)[0])

        taken = {}
        for name in sorted(names, key=_rank):
            if role(name) and (role(name)[1] == "labels" or n_axes(name) >= 2):
                taken.setdefault(role(name), name)
        if not any(kind == "images" for _, kind in taken):
            taken["train", "images"] = _first_candidate(path, names, n_axes, archive)

        splits = [split for split in ("train", "test", "valid") if (split, "images") in taken][:2]
        parts, words = [], []
        for split in splits:
            name, labels = taken[split, "images"], taken.get((split, "labels"))
            parts.append(Part(f"{path} ({name})", read(name), None if labels is None else read(labels)))
            words.append(name if labels is None else f"{name} with {labels}")
    used = {taken.get((split, kind)) for split in splits for kind in ("images", "labels")}
    left = [name for name in names if name not in used]
    said = [f"read {words[0]}", *(f"held out {word}" for word in words[1:])]
    if left:
        said.append("left aside " + ", ".join(left))
    notes = [] if said in (["read images"], ["read images with labels"]) else ["; ".join(said)]
    return Contents(*parts, notes=notes)


def _rank(name):
    """The usual names first, and a name that says `train` before one that says nothing."""
    squashed = re.sub("[^a-z0-9]", "", name.lower())
    marks = [mark for marks in SPLITS.values() for mark in marks if mark and mark in squashed]
    words = [i for words in (IMAGES, LABELS) for i, word in enumerate(words) if word and word in squashed]
    return not marks, min(words, default=len(IMAGES))


def _first_candidate(path, names, n_axes, archive):
    for name in names:
        with contextlib.suppress(ValueError):  # of an array that can't be read, pickled objects for instance
            if (role(name) or ("", ""))[1] != "labels" and n_axes(name) >= 2:
                return name
    zipped = " but other files: unpack it and give the folder" if archive.namelist() and not names else ""
    raise ValueError(
        f"{path} holds no images: expected an array (N, height, width) or (N, D) under `images`; "
        f"found {', '.join(names) or 'no arrays'}{zipped}"
    )
