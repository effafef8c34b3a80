"""Mutated files: whatever is wrong with one, the answer is a ValueError of one line with its path; or it is
read.

2,000 files from a fixed seed; MINIVAE_FUZZ=100000 python -m pytest tests/test_fuzz.py makes more of them.
"""

import gzip
import io
import json
import os
import random
import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae import VAE, Adam
from minivae.cli.settings import check_known
from minivae.data import load_data

N = int(os.environ.get("MINIVAE_FUZZ", 2000))
X = np.random.default_rng(0).random((20, 4))
BYTES = (255 * X).astype(np.uint8)
ODD = (
    None, True, -1, 0, 2**31, 2**70, 1e308, float("nan"), float("inf"), "", "x", [], {}, [[]], [True, 4],
    [2, 2, 1], [10**6, 10**6], {"name": "gaussian", "sigma": -1}, "complex128", "float16", "A" * 5000,
)  # fmt: skip


def written(save, *args, **arrays):
    file = io.BytesIO()
    save(file, *args, **arrays)
    return file.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One whole file of each kind, and what reads it."""
    path = tmp_path_factory.mktemp("whole") / "c.npz"
    VAE(4, (3,), 2).fit(X, epochs=2, optimizer=Adam(), checkpoint=path, progress=False)
    rows = [f"{i % 3},{','.join(map(str, row))}\n" for i, row in enumerate(BYTES.tolist())]
    idx = struct.pack(">BBBBII", 0, 0, 8, 2, *BYTES.shape) + BYTES.tobytes()
    arrays = {"x_train": BYTES, "y_train": np.arange(20) % 3, "x_test": BYTES[:5]}
    return {
        "checkpoint": (path.read_bytes(), (VAE.load, resume)),
        "header": (path.read_bytes(), (VAE.load, resume)),
        "npy": (written(np.save, BYTES), (load_data,)),
        "npz": (written(np.savez_compressed, **arrays), (load_data,)),
        "csv": (("label,a,b,c,d\n" + "".join(rows)).encode(), (load_data,)),
        "idx": (idx, (load_data,)),
        "gz": (gzip.compress(idx), (load_data,)),
    }


def resume(path):
    vae = VAE(4, (3,), 2)
    vae.fit(X, epochs=2, optimizer=Adam(), checkpoint=path, resume=True, progress=False)


def mutated(data, r):
    """Some bytes turned, set, cut off, put in, left out, copied or read as a large number."""
    data = bytearray(data)
    for _ in range(r.choice([1, 1, 2, 4])):
        i, kind = r.randrange(len(data) + 1), r.randrange(7)
        if kind == 0:
            data[i : i + 1] = bytes(b ^ 1 << r.randrange(8) for b in data[i : i + 1])
        elif kind == 1:
            data[i : i + 1] = r.choice([b"\0", b"\xff", b"0", b"-", b"[", b"}", b'"'])
        elif kind == 2:
            del data[i:]
        elif kind == 3:
            data[i:i] = r.randbytes(r.choice([1, 4, 20]))
        elif kind == 4:
            del data[i : i + r.choice([1, 8, 100])]
        elif kind == 5:
            data[i : i + 8] = data[: r.randrange(len(data) + 1)][-8:]
        else:
            data[i : i + 4] = struct.pack("<I", r.choice([0, 1, 2**31 - 1, 2**32 - 1]))
    return bytes(data)


def places(value, to=()):
    """Where anything is in nested lists and tables."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*to, key)
        yield from places(inner, (*to, key))


def put_odd(value, r):
    """Put something odd anywhere in nested lists and tables, or leave that out."""
    for _ in range(r.choice([1, 1, 2, 3])):
        *to, last = r.choice(list(places(value)) or [("x",)])
        inner = value
        for key in to:
            inner = inner[key]
        if isinstance(inner, dict) and r.random() < 0.2:
            inner.pop(last, None)
        elif isinstance(inner, dict) or last < len(inner):
            inner[last] = r.choice(ODD)


def with_odd_header(data, r):
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays.pop("header")))
    put_odd(header, r)
    name = r.choice(list(arrays))
    a = arrays[name]
    if r.random() < 0.3:
        forms = [
            a.astype(complex),
            a.astype("f2"),
            a.astype("U5"),
            a[None],
            np.full_like(a, -1),
            a.ravel()[:-1],
        ]
        arrays[name] = r.choice(forms)
    return written(np.savez, header=np.array(json.dumps(header)), **arrays)


def test_mutated_files_are_refused_in_one_line_or_read(whole, tmp_path):
    r, answers = random.Random(0), []
    for number in range(N):
        kind = r.choice(list(whole))
        data, readers = whole[kind]
        data = with_odd_header(data, r) if kind == "header" else mutated(data, r)
        path = tmp_path / f"f{number % 7}"
        path.write_bytes(data)
        for read in readers:
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "(?s).*goes on with", UserWarning)  # other versions
                    read(path)
                answers.append((kind, True))
            except ValueError as error:
                sentence = str(error)
                assert str(path) in sentence and "\n" not in sentence and len(sentence) < 800, (
                    number,
                    sentence,
                )
                answers.append((kind, False))
            except Exception as error:
                raise AssertionError(f"file {number}, {kind}: {type(error).__name__}: {error}") from error
    assert len(set(answers)) == 2 * len(whole)  # of each kind some are refused, and some are harmless


def test_zip_files_within_are_no_surprise(tmp_path):
    """A member that says to be larger than it is, one that is there twice, one that is a folder."""
    path = tmp_path / "z.npz"
    VAE(4, (3,), 2).save(path)
    for name in ("theta.npy", "header.npy", "more/"):
        with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(name, b"\x93NUMPY\1\0v\0")
        try:
            VAE.load(path)
        except ValueError as error:
            assert str(path) in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.data())
def test_any_value_of_any_setting_is_taken_or_refused(data):
    """check_known(settings) of a config.json: a ValueError that names the setting, and nothing else."""
    from minivae.cli.recipes import resolve

    whole = json.loads(json.dumps(resolve({})))
    name = data.draw(st.sampled_from(sorted(whole)))
    try:
        check_known({**whole, name: data.draw(json_values)})
    except ValueError as error:
        assert name in str(error) or "optimizer" in name or name == "lr"
