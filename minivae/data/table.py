"""Images as text: one row per image, numbers between commas, semicolons, tabs or spaces, perhaps titles
and a label."""

import io
import itertools
import math
import re

import numpy as np

from ..progress import progress_bar
from .contents import Contents, Part
from .npz import role

ROWS = 2000  # that are parsed at a time
LONGEST = 2**22  # characters of a line
EXPECTED = "expected one row of pixels for each image"
COUNTERS = ("", "index", "id", "unnamed0")  # titles of columns that only count the rows


def read_table(file, path, progress=False):
    """A CSV file -> Contents. A column is the label where its title says so (label, y, class, ...); where
    there are no titles and the rows are one number longer than a square, it is the first column, or else the
    last, if that holds whole numbers. Columns that only count the rows are left aside.

    Raises ValueError, with the line, where a row is not of numbers or not as long as the others.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace")
    try:
        return _read(text, path, progress)
    finally:
        text.detach()  # the file is closed by who opened it


def _read(text, path, progress):
    lines = _lines(text, path)
    first = next(lines, "")
    if not first.strip():
        raise ValueError(f"{path} is text that begins with an empty line (CSV): {EXPECTED}")
    delimiter = next((mark for mark in ",;\t" if mark in first), None)
    cells = _cells(first, delimiter)
    n = len(cells)
    titles = None if all(map(_is_number, cells)) else cells
    if titles:
        label = next((i for i, title in enumerate(titles) if (role(title) or ("", ""))[1] == "labels"), None)
        aside = [i for i, title in enumerate(titles) if re.sub("[^a-z0-9]", "", title.lower()) in COUNTERS]
        apart = sorted({*aside, label} - {None})
        pixels, columns = _parse(lines, delimiter, n, apart, path, 2, progress)
    else:
        pixels, columns = _parse(
            itertools.chain([first], lines), delimiter, n, sorted({0, n - 1}), path, 1, progress
        )
        label, aside = _label_column(columns, n), []
        before, after = (
            [_small(columns[i][:, None])] if i in columns and i != label else [] for i in (0, n - 1 or None)
        )
        pixels = np.concatenate([*before, pixels, *after], axis=1)
    if pixels.shape[1] == 0:
        raise ValueError(f"{path} (CSV) holds no column of pixels: expected a row of numbers for each image")
    note = f"CSV, {len(pixels):,} rows of {pixels.shape[1]} pixels"
    if label is not None:
        note += f"; labels from column {label + 1}" + (f", {titles[label]}" if titles else f" of {n}")
    if aside:
        note += f"; left aside column {', '.join(str(i + 1) for i in aside)}"
    return Contents(Part(f"{path} (CSV)", pixels, None if label is None else columns[label]), notes=[note])


def _lines(text, path):
    for number in itertools.count(1):
        line = text.readline(LONGEST)
        if not line:
            return
        if len(line) == LONGEST and line[-1] != "\n":
            raise ValueError(
                f"{path} (CSV), line {number}: it is longer than {LONGEST:,} characters; {EXPECTED}"
            )
        yield line


def _cells(line, delimiter):
    return [cell.strip().strip('"') for cell in line.strip("\r\n").split(delimiter)]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(columns, n_columns):
    """Of rows that are one number longer than a square: the first column, or else the last, if it looks
    like labels."""
    side = math.isqrt(n_columns - 1)
    if side < 2 or side * side != n_columns - 1:
        return None
    for i in (0, n_columns - 1):
        n_classes = len(np.unique(columns[i]))
        if 2 <= n_classes <= max(2, len(columns[i]) // 2) and np.array_equal(
            columns[i], np.round(columns[i])
        ):
            return i
    return None


def _parse(lines, delimiter, n_columns, apart, path, line, progress):
    """All rows: pixels as bytes where they all are bytes, else as float32, and the columns `apart` as
    {index: float64}."""
    inside = np.setdiff1d(np.arange(n_columns), apart)
    blocks, columns = [np.empty((0, len(inside)), np.uint8)], []
    with progress_bar(progress, path.stat().st_size, f"reading {path.name}", "B", delay=0.5) as bar:
        while block := list(itertools.islice(lines, ROWS)):
            try:
                rows = np.loadtxt(
                    [*filter(str.strip, block)] or ["\n"],
                    comments=None,
                    delimiter=delimiter,
                    quotechar='"',
                    ndmin=2,
                )
            except ValueError:
                rows = np.empty((1, 0))
            if rows.shape[1] != n_columns:
                _complain(block, delimiter, n_columns, path, line)
            line += len(block)
            bar.update(sum(map(len, block)))
            blocks.append(_small(rows[:, inside]))
            columns.append(rows[:, apart])
    if not columns:
        raise ValueError(f"{path} is text, but holds no row of numbers (CSV): {EXPECTED}")
    return np.concatenate(blocks), dict(zip(apart, np.concatenate(columns).T))


def _small(values):
    """Numbers as bytes where they all are bytes, else as float32."""
    if (
        values.size
        and values.min() >= 0
        and values.max() <= 255
        and np.array_equal(values, values.astype(np.uint8))
    ):
        return values.astype(np.uint8)
    return values.astype(np.float32 if values.size else np.uint8)


def _complain(block, delimiter, n_columns, path, line):
    for i, text in enumerate(block):
        cells = _cells(text, delimiter)
        odd = next((cell for cell in cells if not _is_number(cell)), None)
        if text.strip() and (odd is not None or len(cells) != n_columns):
            what = (
                f"{len(cells)} cells instead of {n_columns}"
                if len(cells) != n_columns
                else f"{odd[:20]!r}, which is no number"
            )
            raise ValueError(
                f"{path} (CSV), line {line + i}: {what}; expected a row of numbers for each image"
            )
    raise ValueError(
        f"{path} (CSV), from line {line} on: no rows of {n_columns} numbers; expected one for each image"
    )
