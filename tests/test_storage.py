"""Files are whole or not there: what save writes load reads to the bit, what is damaged is refused,
nothing is half-written."""

import copy
import errno
import io
import os
import pickle
import re
import tracemalloc
import zipfile

import numpy as np
import pytest

from minivae import VAE, Adam, Bernoulli, Gaussian, storage
from minivae.likelihoods import LIKELIHOODS
from minivae.storage import append, load_npz, remove_leftovers, save_npz, write_beside


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def small(**options):
    return VAE(**{"n_inputs": 4, "hidden": (3,), "n_latent": 2, **options})


# Save and load ----------------------------------------------------------------------------------------------


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


# What is refused --------------------------------------------------------------------------------------------


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


def changed(path, change=lambda header: None, **arrays):
    """A model's file with something in its header or its arrays put otherwise."""
    vae = small()
    vae.fit(np.full((3, 4), 0.5), epochs=1, progress=False)
    header = vae.header()
    change(header)
    save_npz(path, "model", header, **{"theta": vae.theta, **arrays})
    return path


def put(name, value):
    def change(header):
        *to, last = name.split(".")
        for key in to:
            header = header[key]
        header[last] = value

    return change


def without(name):
    return lambda header: header.pop(name)


@pytest.mark.parametrize(
    "change, sentence",
    [
        *((without(name), f"it lacks `{name}`") for name in ("config", "image_shape", "binarize", "rng")),
        (put("config", []), "its settings are no table"),
        (put("config.hidden", [3000, 40000]), "holds 56 parameters, its settings ask for 240350008"),
        (put("config.hidden", [10**9] * 3), "its settings ask for"),
        (put("config.hidden", 5), "hidden is 5"),
        (put("config.n_latent", "2"), "n_latent is '2'"),
        (put("config.dtype", "float16"), "dtype is float16"),
        (put("config.dtype", "float64"), "theta is float32, its settings say float64"),
        (put("config.likelihood", {"name": "poisson"}), "likelihood 'poisson' is not known"),
        (put("config.likelihood", 3), "holds settings that this minivae can't build"),
        (put("config.more", 3), "lack or don't know more"),
        (put("image_shape", [4, 4]), "its images of shape"),
        (put("image_shape", [True, 4]), "its images of shape"),
        (put("binarize", "treshold"), "its binarize is 'treshold'"),
        (put("history", {"epoch": [1, 2], "elbo": [1.0]}), "the columns of its history differ in length"),
        (put("history", {"epoch": ["one"]}), "the columns of its history"),
        (put("rng.state.state", 2**130), "the state of its generator makes no sense"),
        (put("rng.uinteger", 2**40), "the state of its generator makes no sense"),
        (put("rng.bit_generator", "PCG63"), "the state of its generator makes no sense"),
        (put("white_black", [0, 0]), "its white and black"),
        (put("classes", [1, 2]), "its classes"),
        (put("class", "Half"), "was saved by the class Half: load it with Half.load, not with VAE.load"),
    ],
)
def test_a_header_that_makes_no_sense(change, sentence, path):
    assert sentence in refused(changed(path, change))


def test_parameters_that_make_no_sense(path):
    assert "theta holds NaN" in refused(changed(path, theta=np.full(56, np.nan, np.float32)))
    assert "theta is complex128, its settings say float32" in refused(
        changed(path, theta=np.ones(56, complex))
    )
    with pytest.raises(ValueError, match="parameters hold NaN or infinity"):
        vae = small()
        vae.theta = np.nan
        vae.save(path.with_name("other.npz"))
    assert not path.with_name("other.npz").exists()


def test_a_newer_format_is_told(path, monkeypatch):
    monkeypatch.setattr(storage, "FORMAT", 7)
    small().save(path)
    monkeypatch.undo()
    assert "has the format 7, and this minivae knows up to 1" in refused(path)


def test_what_the_header_does_not_list_is_not_read(path):
    """Nor is what the settings don't ask for, however small it is in the file."""
    small().save(path)
    bomb = npy_of_zeros(2**28)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extra.npy", bomb)
    tracemalloc.start()
    VAE.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def npy_of_zeros(n):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (n,)})
    return file.getvalue() + bytes(n)


def test_versions_are_recorded_and_the_history_is_no_text(path):
    vae = small()
    vae.fit(np.full((3, 4), 0.5), epochs=2, progress=False)
    vae.save(path)
    header, _ = load_npz(path, "model")
    assert header["versions"]["numpy"] == np.__version__ and header["versions"]["python"][:2] == "3."
    with np.load(path) as file:
        assert file["history.elbo"].tolist() == vae.history["elbo"] and str(
            vae.history["elbo"][0]
        ) not in str(file["header"])
    again = VAE.load(path)
    assert again.history == vae.history and type(again.history["epoch"][0]) is int


# What is one's own ------------------------------------------------------------------------------------------


class FreeBits(VAE):
    def __init__(self, *args, free_bits=0.5, **settings):
        super().__init__(*args, **settings)
        self.free_bits = free_bits


class Forgetful(VAE):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.extra = 1.0


class Poisson(Bernoulli):
    name = "poisson"


def test_a_subclass_and_its_settings_come_back(path):
    vae = FreeBits(4, (3,), 2, free_bits=3.0)
    vae.save(path)
    copies = [
        vae.astype(np.float64),
        copy.deepcopy(vae),
        pickle.loads(pickle.dumps(vae)),
        FreeBits.load(path),
    ]
    assert [(type(twin), twin.free_bits) for twin in copies] == [(FreeBits, 3.0)] * 4
    assert "was saved by the class FreeBits: load it with FreeBits.load" in refused(path)


def test_what_a_file_would_not_remember_is_not_saved(path):
    vae = Forgetful(4, (3,), 2)
    vae.save(path)  # what __init__ sets comes back
    vae.extra = 2.0
    with pytest.raises(
        ValueError,
        match=r"would not remember Forgetful.extra = 2.0: make it an argument of "
        r"__init__",
    ):
        vae.save(path)
    assert copy.deepcopy(vae).extra == 2.0 and vae.astype(np.float64).extra == 2.0
    with pytest.raises(ValueError, match=r"register it, LIKELIHOODS\['poisson'\] = Poisson"):
        small(likelihood=Poisson()).save(path)


class Blurred(Gaussian):
    name = "blurred"

    def __init__(self, sigma="shared", blur=1.0):
        super().__init__(sigma)
        self.blur = blur


def test_a_likelihood_with_a_setting_that_its_config_lacks_is_not_saved(path, monkeypatch):
    monkeypatch.setitem(LIKELIHOODS, "blurred", Blurred)
    small(likelihood=Blurred(0.5)).save(path)
    with pytest.raises(ValueError, match=r"would not remember Blurred.blur: its config\(\) must return it"):
        small(likelihood=Blurred(0.5, blur=2.0)).save(path)
    with pytest.raises(ValueError, match="would not remember Blurred.blur"):
        small(likelihood=Blurred(0.5, blur=2.0)).fit(
            np.ones((3, 4)), epochs=1, checkpoint=path, progress=False
        )


def test_an_own_likelihood_that_is_registered_comes_back(path, monkeypatch):
    monkeypatch.setitem(LIKELIHOODS, "poisson", Poisson)
    small(likelihood=Poisson()).save(path)
    assert type(VAE.load(path).likelihood) is Poisson
    monkeypatch.delitem(LIKELIHOODS, "poisson")
    assert "likelihood 'poisson' is not known" in refused(path)


def test_views_of_a_copy_are_views(path):
    vae = small(likelihood="gaussian")
    vae.save(path)
    for twin in (pickle.loads(pickle.dumps(vae)), copy.deepcopy(vae), vae.astype(np.float32), VAE.load(path)):
        twin.theta = 7
        assert (twin.encoder.layers[0].W == 7).all() and (twin.parameters["decoder.1.b"] == 7).all()
        twin.encoder.layers[0].W = np.arange(12).reshape(4, 3)
        assert twin.theta[:12].tolist() == list(range(12)) and not (vae.theta == 7).any()
    vae.first = vae.encoder.layers[0].W
    with pytest.raises(TypeError, match="first is a view into theta"):
        copy.deepcopy(vae)


# Writing beside ---------------------------------------------------------------------------------------------


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
def test_the_umask_is_respected_and_a_files_own_permissions_stay(path):
    for umask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(umask)
        try:
            small().save(path)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == mode
        path.unlink()
    small().save(path)
    path.chmod(0o640)
    small().save(path)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "model.npz", tmp_path / "elsewhere" / "m.npz"
    link.symlink_to(target)
    for _ in range(2):
        small().save(link)
        assert link.is_symlink() and VAE.load(target).n_inputs == 4 and os.listdir(target.parent) == ["m.npz"]


def test_leftovers_of_killed_writes_are_removed_and_nothing_else(tmp_path):
    for name in (".model.npz.0123abcd", ".model.npz.mine", ".other.npz.0123abcd", "model.npz"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["model.npz"])
    assert sorted(os.listdir(tmp_path)) == [".model.npz.mine", ".other.npz.0123abcd", "model.npz"]


def test_what_is_appended_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    append(path, "a,b\n")
    append(path, "1,2\n")
    assert path.read_text() == "a,b\n1,2\n"

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match=r"could not write .*table.csv: No space left on device.*unchanged"):
        append(path, "3,4\n")
    assert path.read_text() == "a,b\n1,2\n"
