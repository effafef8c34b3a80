"""A user's own images: IDX (the format of MNIST), .npy, .npz and CSV, each also gzipped, and folders of
pictures.

A file is recognised by how it begins, not by its name, and never unpickled. Whatever is wrong with it becomes
one sentence: a ValueError, or FileNotFoundError where there is no file.
"""

import contextlib
import gzip
import re
from pathlib import Path

from ..npy import read_npy, shortly
from .arrays import open_npy, read_idx_array
from .contents import Contents, Part, check_labels, settle
from .folder import read_folder
from .npz import read_npz
from .table import read_table

EXPECTED = "a file of images (IDX, .npy, .npz or CSV), or a folder of PNG or JPEG files"
FOREIGN = {  # how files begin that are something else, and what to do with them
    b"\x80": "looks like a pickle, which minivae never loads, since loading one can run any program: save "
    "the arrays with "
    "np.savez(file, images=..., labels=...)",
    b"\x89PNG": "is a single picture: give the folder that holds all of them",
    b"\xff\xd8\xff": "is a single picture: give the folder that holds all of them",
    b"MATLAB": "is a MATLAB file: read it with scipy.io.loadmat and save its images, one a row, with np.save",
    b"\x89HDF": "is an HDF5 file: read it with h5py and save its images with np.save",
    b"\xff\xfe": "is text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "is text in UTF-16: save it as UTF-8",
}


def read_images(path, shape=None):
    """Read a file or a folder of images -> (images, labels); where it has a test set of its own, those to
    train on.

    images (N, H, W), (N, H, W, 3) or (N, D) of uint8, bool or float; labels (N,) ints, attributes (N, A) or
    None. path: an IDX file (labels come from the `*-labels-idx1-ubyte` file beside a `*-images-idx3-ubyte`),
    an .npy of one array, an .npz whose arrays have usual names (minivae.data.npz), numbers as text
    (minivae.data.table), or a folder of pictures (minivae.data.folder). shape: (H, W) or (H, W, 3), for
    images that are found as rows of numbers.

    Raises FileNotFoundError if there is no such file, and ValueError if it is empty, truncated, corrupt,
    longer than it says or of another format; if it holds pickled objects, no images, NaN or infinity; or if
    its labels are neither one whole number or text per image nor attributes.
    """
    contents = read(path)
    settle(contents, shape)
    return contents.train.images, contents.train.labels


def read(path, progress=False):
    """What is in a file or a folder, as it is found there -> Contents; progress=True shows a bar where it
    takes long."""
    path = Path(path)
    if path.is_dir():
        return read_folder(path, progress)
    with _opened(path) as (file, kind):
        if kind == "npz":
            return read_npz(file, path)
        if kind == "text":
            return read_table(file, path, progress)
        if kind == "npy":
            plain = not isinstance(file, gzip.GzipFile)
            return Contents(Part(str(path), open_npy(file, path) if plain else read_npy(file, path)))
        images = read_idx_array(file, path)
    beside = _labels_beside(path)
    labels = None if beside is None else check_labels(read_idx(beside), len(images), beside)
    return Contents(Part(str(path), images, labels))


def read_idx(path):
    """Read an IDX file, plain or gzipped -> the array it holds, of any dtype that IDX has, in native byte
    order.

    Raises FileNotFoundError, and ValueError if the file is empty, truncated, corrupt, too long or not IDX.
    """
    path = Path(path)
    with _opened(path) as (file, kind):
        if kind != "idx":
            raise ValueError(f"{path} is not an IDX file but an .{kind}: give the IDX file itself")
        return read_idx_array(file, path)


@contextlib.contextmanager
def _opened(path):
    """The file, unzipped as it is read, and its kind: "idx", "npy", "npz", "text"; what goes wrong inside,
    as a sentence."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}: check the path")
    if not path.is_file():
        raise ValueError(f"{path} is neither a file nor a folder: give {EXPECTED}")
    with open(path, "rb") as file:
        try:
            if file.peek(2)[:2] == b"\x1f\x8b":
                file = gzip.GzipFile(fileobj=file)
            start = file.read(256)
            file.seek(0)
            yield file, _kind(start, path)
        except EOFError as error:
            raise ValueError(
                f"{path} is truncated, its compressed data end too early: fetch or write it again"
            ) from error
        except Exception as error:  # gzip and zipfile fail in many ways where the bytes make no sense
            if isinstance(error, ValueError) and str(path) in str(error):
                raise  # a sentence of ours
            what = shortly(error) or type(error).__name__
            raise ValueError(f"{path} is truncated or corrupt ({what}): fetch or write it again") from error


def _kind(start, path):
    """The kind of file that begins with these bytes."""
    if not start:
        raise ValueError(f"{path} is empty: {EXPECTED} is expected")
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            raise ValueError(f"{path} {what}")
    if start[:2] == b"\0\0":
        return "idx"
    if start[:4] == b"\x93NUM":
        return "npy"
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return "npz"
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in start):
        return "text"
    raise ValueError(
        f"{path} begins with the bytes {start[:4].hex(' ')}, which is neither IDX (00 00 08 03 for images of "
        "uint8), .npy, .npz nor text (CSV): save the images with np.save or np.savez"
    )


def _labels_beside(path):
    """The file of labels that belongs to an IDX file of images, plain or gzipped, or None."""
    name = re.sub(r"images([-.])idx3-ubyte", r"labels\1idx1-ubyte", path.name)
    if name == path.name:
        return None
    names = (name, name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
    return next((path.with_name(name) for name in names if path.with_name(name).exists()), None)
