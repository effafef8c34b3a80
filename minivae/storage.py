"""Files that are whole or not there: write beside, then rename; npz without pickles, with a JSON header."""

import csv
import errno
import io
import json
import os
import shutil
import stat
import sys
import zipfile
from pathlib import Path

import numpy as np

from .npy import n_bytes, npy_header, read_npy, shortly

FORMAT = 1  # of the npz files; 0 had no number, and kept the history in the header
LARGEST_HEADER = 2**25  # bytes
ABOUT = ("minivae", "arrays", "format")  # what a header says of the file and not of what is in it


class Refused(ValueError):
    """What is wrong with a file, as the rest of a sentence that begins with its path."""


def write_beside(path, write):
    """Call write(file) on a new binary file beside path, then rename it to path: a failure leaves the old
    file whole.

    A symbolic link stays one, and what it points to is replaced. A new file has the permissions that the
    umask leaves, an old one keeps its own. Raises OSError with one sentence that names the file and the cause
    (no space, no permission, no folder).
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _could_not_write(path, error) from error
        raise


def _could_not_write(path, error):
    kept = " The file that was there is unchanged." if path.exists() else ""
    return OSError(
        error.errno,
        f"could not write {path}: {error.strerror or error}.{kept} Free some space or choose another folder,"
        " and try again.",
    )


def remove_leftovers(folder, names):
    """Remove what writing these files in the folder has left where it was killed half-way."""
    for name in names:
        for path in Path(folder).glob(f".{name}.????????"):
            path.unlink(missing_ok=True)


def append(path, text):
    """Add text to the end of a file, all of it or nothing. Raises OSError where that fails."""
    try:
        with open(path, "ab", buffering=0) as file:
            size = file.tell()
            data = text.encode()
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, "No space left on device")
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(size)
                raise
    except OSError as error:
        raise _could_not_write(Path(path), error) from error


def csv_text(rows):
    """Rows as the lines of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path, rows):
    """Write rows of a table, the titles first, beside and then renamed. Raises OSError where that fails."""
    write_beside(path, lambda file: file.write(csv_text(rows).encode()))


def to_json(value):
    """JSON in which NumPy's numbers and arrays are plain numbers and lists."""
    return json.dumps(value, default=lambda a: a.tolist())


def versions():
    """Of what a file is written with; the numbers in it may depend on NumPy's."""
    return {
        "minivae": sys.modules[__package__].__version__,
        "numpy": np.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def save_npz(path, kind, header, **arrays):
    """Write arrays and a JSON header, marked as `kind` ("model", "checkpoint"), to an npz file.

    The columns of header["history"] become arrays, too: as text they would take longer with each epoch.
    """
    columns = {f"history.{name}": np.asarray(column) for name, column in header.get("history", {}).items()}
    about = {"minivae": kind, "format": FORMAT, "versions": versions(), "arrays": [*arrays, *columns]}
    text = to_json({**about, **{name: value for name, value in header.items() if name != "history"}})
    write_beside(path, lambda file: np.savez(file, header=np.array(text), **arrays, **columns))


def save_npz_in_pieces(path, kind, header, arrays):
    """save_npz for arrays {name: (shape, dtype, pieces)} that are too large for memory: an iterable of the
    parts of each, in order, along its first axis.

    Raises OSError at once where the disk has no room for them.
    """
    about = {"minivae": kind, "format": FORMAT, "versions": versions(), "arrays": list(arrays)}
    header = np.array(to_json({**about, **header}))
    size = sum(n_bytes(shape, np.dtype(dtype)) for shape, dtype, _ in arrays.values())
    free = shutil.disk_usage(Path(path).absolute().parent).free
    if size > free:
        raise OSError(
            errno.ENOSPC, f"{path} would take {size / 1e9:.1f} GB, and there is room for {free / 1e9:.1f}."
        )

    def write(file):
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            for name, (shape, dtype, pieces) in {"header": ((), header.dtype, [header]), **arrays}.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    about = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
                    np.lib.format.write_array_header_2_0(member, {**about, "shape": shape})
                    for piece in pieces:
                        member.write(np.ascontiguousarray(piece, dtype).tobytes())

    write_beside(path, write)


def load_npz(path, *kinds, expected=None):
    """Read what save_npz wrote, of one of these kinds -> (header, arrays). Never loads a pickle.

    Only arrays that the header lists are read. expected(header, found), where it is given, sees the header
    and the shape and dtype of each array, {name: (shape, dtype)}, before any array is read: it raises Refused
    for what is wrong, or returns those that it wants, in the same form. Raises OSError where there is no such
    file or it can't be read, and ValueError where it is truncated, corrupt or something else; each with one
    sentence.
    """
    path, kind = Path(path), kinds[0]
    if not path.exists():
        raise FileNotFoundError(
            f"there is no {kind} file {path}; give the path of a file that minivae saved."
        )
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            return _read(archive, kinds, expected)
    except Refused as error:
        raise ValueError(f"{path} {shortly(error, 400)}") from error
    except (PermissionError, IsADirectoryError) as error:
        raise OSError(
            error.errno, f"could not read {path}: {error.strerror}; give a {kind} file that you may read."
        ) from error
    except Exception as error:
        raise ValueError(
            f"{path} is not a whole minivae {kind} file ({type(error).__name__}: truncated, corrupt or"
            " written by something else); take another copy or train again."
        ) from error


def _read(archive, kinds, expected):
    def member(name, read):
        with archive.open(f"{name}.npy") as file:
            return read(file, name)

    if archive.getinfo("header.npy").file_size > LARGEST_HEADER:
        raise Refused("has a header that is too large for a minivae file; take another copy.")
    header = json.loads(str(member("header", read_npy)))
    kind, number, names = header["minivae"], header.get("format", 0), header["arrays"]
    if kind not in kinds:
        raise Refused(f"holds a {kind}, not a {kinds[0]}; give the {kinds[0]} file of the run.")
    if type(number) is not int or not 0 <= number <= FORMAT:
        raise Refused(
            f"has the format {number!r}, and this minivae knows up to {FORMAT}: read it with the one that"
            " wrote it, or a newer one."
        )
    found = {name: member(name, lambda *args: npy_header(*args)[::2]) for name in names}
    wanted = expected(header, found) if expected else found
    for name, (shape, dtype) in wanted.items():
        if found.get(name) != (shape, dtype):
            have = "{} of {}".format(*found[name]) if name in found else "none"
            raise Refused(
                f"is damaged: its settings ask for {name} of shape {shape} and dtype {dtype}, and it holds "
                f"{have}."
            )
    arrays = {name: member(name, read_npy) for name in wanted}
    for name, array in arrays.items() if expected else ():
        if array.dtype.kind in "fc" and not name.startswith("history.") and not np.isfinite(array).all():
            raise Refused(f"is damaged: its {name} holds NaN or infinity; take another copy or train again.")
    columns = {name: arrays.pop(name) for name in wanted if name.startswith("history.")}
    if number > 0:
        header["history"] = {name.removeprefix("history."): a.tolist() for name, a in columns.items()}
    return {name: value for name, value in header.items() if name not in ABOUT}, arrays
