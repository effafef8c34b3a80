"""Files that are whole or not there: write beside, then rename; npz without pickles, with a JSON header."""

import csv
import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np


def write_beside(path, write):
    """Call write(file) on a new binary file beside path, then rename it to path: a failure leaves the old
    file whole.

    Raises OSError with one sentence that names the file and the cause (no space, no permission, no folder).
    """
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError):
            kept = " The file that was there is unchanged." if path.exists() else ""
            raise OSError(
                error.errno,
                f"could not write {path}: {error.strerror or error}.{kept} Free some space or choose another"
                " folder, and try again.",
            ) from error
        raise


def write_csv(path, rows):
    """Write rows of a table, the titles first, beside and then renamed. Raises OSError where that fails."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_beside(path, lambda file: file.write(text.getvalue().encode()))


def to_json(value):
    """JSON in which NumPy's numbers and arrays are plain numbers and lists."""
    return json.dumps(value, default=lambda a: a.tolist())


def save_npz(path, kind, header, **arrays):
    """Write arrays and a JSON header, marked as `kind` ("model", "checkpoint"), to an npz file."""
    header = np.array(to_json({"minivae": kind, "arrays": list(arrays), **header}))
    write_beside(path, lambda file: np.savez(file, header=header, **arrays))


def load_npz(path, *kinds):
    """Read what save_npz wrote, of one of these kinds -> (header, arrays). Never loads a pickle.

    Raises OSError where there is no such file or it can't be read, and ValueError where it is truncated,
    corrupt or something else; each with one sentence.
    """
    path, kind = Path(path), kinds[0]
    if not path.exists():
        raise FileNotFoundError(
            f"there is no {kind} file {path}; give the path of a file that minivae saved."
        )
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            arrays = {name: npz[name] for name in npz.files}
        header = json.loads(str(arrays.pop("header")))
        found = header.pop("minivae")
        missing = set(header.pop("arrays")) - set(arrays)
        if missing:
            raise KeyError(*missing)
    except (PermissionError, IsADirectoryError) as error:
        raise OSError(
            error.errno, f"could not read {path}: {error.strerror}; give a {kind} file that you may read."
        ) from error
    except Exception as error:  # a damaged zip archive fails in a dozen ways
        raise ValueError(
            f"{path} is not a whole minivae {kind} file ({type(error).__name__}: truncated, corrupt or"
            " written by something else); take another copy or train again."
        ) from error
    if found not in kinds:
        raise ValueError(f"{path} holds a {found}, not a {kind}; give the {kind} file of the run.")
    return header, arrays
