"""Files are whole or not there: what save writes load reads to the bit, what is damaged is refused,
nothing is half-written."""

import errno
import os
import pickle
import re
import zipfile

import numpy as np
import pytest

from minivae import VAE, Adam, Gaussian, storage
from minivae.storage import load_npz, save_npz, write_beside


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def small(**options):
    return VAE(**{"n_inputs": 4, "hidden": (3,), "n_latent": 2, **options})


# Save and load
# --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": np.float64, "hidden": (), "beta": 0.1, "reduction": "sum"},
        {
            "likelihood": Gaussian(sigma=0.1),
            "head": "logvar",
            "activation": "tanh",
            "init": "glorot",
            "seed": 2**40,
        },
        {"likelihood": "gaussian", "n_conditions": 3, "hidden": (5, 4, 3)},
        {"likelihood": Gaussian(sigma="pixel"), "activation": "softplus", "init": "normal"},
        {"n_inputs": np.int64(4), "n_latent": np.int32(2), "beta": np.float32(0.3)},
    ],
)
def test_a_model_comes_back_to_the_bit(options, path):
    vae = small(**options)
    y = [0, 1] * 4 if vae.n_conditions else None
    vae.fit(
        np.random.default_rng(0).random((8, 2, 2)),
        y,
        epochs=2,
        batch_size=3,
        binarize="threshold",
        progress=False,
    )
    vae.save(path)
    again = VAE.load(path)
    assert again.theta.dtype == vae.theta.dtype and np.array_equal(again.theta, vae.theta)
    assert again.config() == vae.config() and again.header() == vae.header()
    assert again.history == vae.history and again.binarize == "threshold" and again.image_shape == (2, 2)
    label = y and y[:1]
    # the generator too
    assert np.array_equal(again.prior_predictive_sample(1, label), vae.prior_predictive_sample(1, label))


def test_loading_takes_a_string_and_a_path_and_the_name_is_kept_as_it_is(tmp_path):
    vae = small()
    vae.save(str(tmp_path / "without_an_ending"))
    assert os.listdir(tmp_path) == ["without_an_ending"]
    assert np.array_equal(VAE.load(str(tmp_path / "without_an_ending")).theta, vae.theta)


def test_saving_again_replaces_the_file(path):
    vae = small()
    vae.save(path)
    vae.theta += 1
    vae.save(path)
    assert np.array_equal(VAE.load(path).theta, vae.theta)
    assert os.listdir(path.parent) == ["model.npz"]


def test_a_checkpoint_holds_a_model_too(path):
    vae = small()
    vae.fit(np.full((3, 4), 0.5), epochs=1, optimizer=Adam(), checkpoint=path, progress=False)
    assert np.array_equal(VAE.load(path).theta, vae.theta)


def test_a_file_is_plain_arrays_and_json(path):
    small().save(path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["header.npy", "theta.npy"]
    with np.load(path, allow_pickle=False) as file:
        assert file["theta"].dtype == np.float32 and file["header"].dtype.kind == "U"


# What is refused
# ------------------------------------------------------------------------------------------------------


def refused(path, error=ValueError):
    with pytest.raises(error) as caught:
        VAE.load(path)
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence
    return sentence


def test_a_file_that_is_not_there(path):
    assert f"there is no model file {path}; give the path of a file that minivae saved." in refused(
        path, FileNotFoundError
    )


def test_a_folder_is_not_a_file(tmp_path):
    assert "could not read" in refused(tmp_path, OSError)


@pytest.mark.skipif(
    os.name == "nt" or getattr(os, "geteuid", lambda: 1)() == 0,
    reason="the administrator may read every file",
)
def test_a_file_that_may_not_be_read(path):
    small().save(path)
    path.chmod(0)
    assert "Permission denied" in refused(path, PermissionError)


def test_every_truncation_is_refused(path):
    small().save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 17):
        path.write_bytes(whole[:length])
        assert "is not a whole minivae model file" in refused(path)


def test_a_damaged_byte_is_refused_or_harmless(path):
    vae = small()
    vae.save(path)
    whole = path.read_bytes()
    for i in range(0, len(whole), 13):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        try:
            again = VAE.load(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:  # a time stamp, say
            assert np.array_equal(again.theta, vae.theta) and again.header() == vae.header()


def test_other_files_are_refused(path):
    path.write_text("not a model")
    refused(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    refused(path.with_suffix(".npy"))
    np.savez(path, theta=np.zeros(3))
    refused(path)
    np.savez(path, theta=np.zeros(3), header=np.array('{"somebody": "else\'s"}'))
    refused(path)


class Trap:
    """Unpickling one leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_never_loaded(path):
    trap = path.with_name("sprung")
    path.write_bytes(pickle.dumps(Trap(trap)))
    refused(path)
    np.savez(path, theta=np.array([Trap(trap)], dtype=object), header=np.array('{"minivae": "model"}'))
    refused(path)
    assert not trap.exists()


def test_a_file_of_another_kind_is_named(path):
    save_npz(path, "model", {}, theta=np.zeros(2))
    with pytest.raises(
        ValueError,
        match=re.escape(f"{path} holds a model, not a checkpoint; give the checkpoint file of the run."),
    ):
        load_npz(path, "checkpoint")


def test_parameters_that_do_not_fit_the_settings(path):
    save_npz(path, "model", small().header(), theta=np.zeros(7))
    assert f"{path} holds 7 parameters, its settings ask for 56: it is damaged." in refused(path)


# Writing beside
# -------------------------------------------------------------------------------------------------------


def failing(error):
    def write(file):
        file.write(b"half of it")
        raise error

    return write


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError("a bug")]
)
def test_a_failure_midway_leaves_the_old_file_whole_and_no_litter(path, error):
    path.write_bytes(b"the old file")
    with pytest.raises(type(error)):
        write_beside(path, failing(error))
    assert path.read_bytes() == b"the old file" and os.listdir(path.parent) == ["model.npz"]


@pytest.mark.parametrize("name", ["fsync", "replace", "chmod"])
def test_a_failure_of_the_last_steps_leaves_the_old_model_whole_and_no_litter(name, path, monkeypatch):
    vae = small()
    vae.save(path)
    old = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, name, fail)
    vae.theta += 1
    with pytest.raises(
        OSError, match="No space left on device. The file that was there is unchanged. Free some space"
    ) as caught:
        vae.save(path)
    assert caught.value.errno == errno.ENOSPC and f"could not write {path}: " in str(caught.value)
    assert path.read_bytes() == old and os.listdir(path.parent) == ["model.npz"]


def test_a_full_disk_without_an_old_file_leaves_nothing(path):
    with pytest.raises(
        OSError, match="could not write .*: No space left on device. Free some space"
    ) as caught:
        write_beside(path, failing(OSError(errno.ENOSPC, "No space left on device")))
    assert "unchanged" not in str(caught.value) and os.listdir(path.parent) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "no" / "such" / "model.npz"
    with pytest.raises(OSError, match=re.escape(f"could not write {path}: No such file or directory")):
        small().save(path)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_others_may_read_what_is_written(path):
    small().save(path)
    assert path.stat().st_mode & 0o777 == 0o644
