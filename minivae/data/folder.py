"""Folders of PNG and JPEG files: the pictures of a folder, or of its subfolders, whose names are then the
labels.

images/*.png                       pictures without labels
images/cat/*.png, images/dog/*.png labels cat and dog
images/train/..., images/test/...  either of these, with a test set of its own
"""

import contextlib
from collections import Counter

import numpy as np

from ..npy import shortly
from ..progress import progress_bar
from .contents import Contents, Part
from .npz import SPLITS

ENDINGS = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA")  # pillow's names for pictures without colour


def read_folder(path, progress=False):
    """A folder of pictures -> Contents: grey (N, H, W) or colour (N, H, W, 3), uint8, in the order of their
    names.

    Pictures that are grey though stored in colour become grey, and transparent ones are laid on white. Raises
    ValueError where there are none, where one can't be read, and where they differ in size.
    """
    named = {mark: split for split, marks in SPLITS.items() for mark in marks if mark}
    splits = {}
    for folder in _subfolders(path):
        split = named.get(folder.name.lower())
        if split and _group(folder)[0]:
            splits.setdefault(split, folder)
    if "train" in splits:
        roots = [splits["train"], *[splits[name] for name in ("test", "valid") if name in splits][:1]]
        left = [folder for folder in _subfolders(path) if folder not in roots]
    else:
        roots, left = [path], []
    groups = [_group(root) for root in roots]
    if not groups[0][0]:
        raise ValueError(
            f"{path} holds no pictures: expected PNG or JPEG files, or a subfolder of them for each class"
        )
    if len({str(label) for _, labels, _ in groups if labels is not None for label in labels}) == 1:
        groups = [(files, None, others) for files, _, others in groups]  # a folder in a folder, and no class
    files = [file for names, _, _ in groups for file in names]
    images, notes = _decode(files, progress)
    first = images[: len(groups[0][0])]
    parts = [
        Part(str(root), pages, labels)
        for root, pages, (_, labels, _) in zip(roots, (first, images[len(first) :]), groups)
    ]
    others = sum(n for _, _, n in groups)
    words = [
        f"{len(first):,} pictures" + (" with their folders as labels" if parts[0].labels is not None else "")
    ]
    words += [f"held out those of {root.name}" for root in roots[1:]]
    words += [f"left aside {', '.join(folder.name for folder in left)}"] if left else []
    words += [f"left aside {others} other {'file' if others == 1 else 'files'}"] if others else []
    return Contents(*parts, notes=["; ".join(words), *notes])


def _subfolders(path):
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _group(root):
    """The pictures below root, their labels or None, and how many other files there are."""
    classes = [(folder, _pictures(folder)) for folder in _subfolders(root)]
    classes = [(folder, files, others) for folder, (files, others) in classes if files]
    direct, others = _pictures(root)
    if not classes:
        return direct, None, others
    names = [folder.name for folder, files, _ in classes for _ in files]
    labels = np.array(names)
    if all(name.isdecimal() for name in names):
        labels = labels.astype(int)
    return (
        [file for _, files, _ in classes for file in files],
        labels,
        len(direct) + others + sum(n for *_, n in classes),
    )


def _pictures(folder):
    """The pictures that lie directly in a folder, and how many other files do; hidden ones don't count."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    pictures = [p for p in files if p.suffix.lower() in ENDINGS]
    return pictures, len(files) - len(pictures)


@contextlib.contextmanager
def _picture(file):
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            yield image
    except Exception as error:  # a damaged picture fails in a dozen ways
        what = shortly(str(error).replace(str(file), "it")) or type(error).__name__
        raise ValueError(
            f"{file} is no picture that can be read ({what}): repair it or take it away"
        ) from error


def _decode(files, progress):
    """All pictures as one array, and notes."""
    from PIL import Image

    headers = []
    with progress_bar(progress, 2 * len(files), "reading pictures", " files", delay=0.5) as bar:
        for file in files:
            with _picture(file) as image:
                headers.append((image.size, image.mode))
            bar.update()
        sizes = Counter(size for size, _ in headers)
        (width, height), _ = sizes.most_common(1)[0]
        for file, (size, mode) in zip(files, headers):
            if size != (width, height):
                raise ValueError(
                    f"{file} is {size[0]} x {size[1]} pixels, most are {width} x {height} (width x height): "
                    "all need one size, so "
                    f"resize them, with pillow for instance: Image.open(file).resize(({width}, "
                    f"{height})).save(file)"
                )
            if mode[0] in "IF":
                raise ValueError(f"{file} has more than 8 bits a pixel ({mode}): save it with 8")
        colour = any(mode not in GREY for _, mode in headers)
        images = np.empty((len(files), height, width, *[3] * colour), np.uint8)
        transparent = 0
        for page, file in zip(images, files):
            with _picture(file) as image:
                if "A" in image.mode or "transparency" in image.info:
                    image = image.convert("RGBA")
                    transparent += image.getchannel("A").getextrema()[0] < 255
                    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
                page[...] = image.convert("RGB" if colour else "L")
            bar.update()
    if colour and all((page == page[..., :1]).all() for page in images):
        images = np.ascontiguousarray(images[..., 0])
    return images, [f"transparent pixels (of {transparent} files) laid on white"] if transparent else []
