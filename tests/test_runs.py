"""A run on any machine: two at once, killed, on a full disk, with odd streams, other settings, other "
"threads."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import stopping

from minivae import VAE, training
from minivae.cli import lock, recipes, runs, sample, settings
from minivae.cli.main import main
from minivae.storage import load_npz

TINY = ("train", "--data", "d.npz", "--hidden", "4", "--latent", "2", "--batch-size", "20")
posix = pytest.mark.skipif(os.name == "nt", reason="signals and streams of POSIX")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test in an empty folder with 60 images of 6 x 6, labels 1 to 3; runs are not drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "draw", lambda *args: {})
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 6, 6), dtype=np.uint8)
    np.savez("d.npz", images=images, labels=rng.integers(1, 4, 60))
    return tmp_path


def run(*argv):
    return main([str(a) for a in argv])


def start(*argv, **options):
    command = [sys.executable, "-m", "minivae", *map(str, argv)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{**pipes, **options})


def refused(capsys, *argv):
    """The one sentence that a command line is refused with."""
    capsys.readouterr()
    assert run(*argv) == 2
    err = capsys.readouterr().err
    assert err.startswith("minivae: error: ") and err.count("\n") == 1
    return err


# Two at once ------------------------------------------------------------------------------------------------


def test_of_two_that_start_at_once_one_has_the_folder():
    for _ in range(2):
        shutil.rmtree("same", ignore_errors=True)
        both = [start(*TINY, "--epochs", 2, "--seed", seed, "--out", "same") for seed in (0, 1)]
        errors = [process.communicate(timeout=120)[1] for process in both]
        assert sorted(process.returncode for process in both) == [0, 2], errors
        (complaint,) = filter(None, errors)
        assert "another process is training in same" in complaint or "holds a run already" in complaint
        seeds = [VAE.load(f"same/{name}.npz").seed for name in ("model", "checkpoint")]
        assert seeds == [json.loads(Path("same/config.json").read_text())["seed"]] * 2


def test_a_folder_in_use_is_refused_and_a_lock_ends_with_its_process(capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    code = "import sys, time\nfrom minivae.cli.lock import held\nwith held('a', ''):\n"
    code += "    print('held', flush=True)\n    time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    resume = "train", "--resume", "--out", "a", "--epochs", 2
    assert "another process is training in a: wait for it" in refused(capsys, *resume)
    assert "another process is training in a" in refused(capsys, *TINY, "--out", "a")
    other.kill()
    other.wait()
    other.stdout.close()
    assert run(*resume) == 0
    assert not any(name.startswith(".") for name in os.listdir("a"))


def test_evaluations_that_end_at_once_follow_one_another():
    run(*TINY, "--epochs", 1, "--out", "a")
    row = dict.fromkeys(runs.EVALUATION, 1)
    threads = [threading.Thread(target=runs.keep_evaluation, args=(Path("a"), row)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open("a/evaluations.csv") as file:
        assert list(csv.reader(file)) == [list(runs.EVALUATION), *[["1"] * 6] * 8]


def test_a_lock_is_waited_for(here):
    (here / "f").touch()
    order = []

    def second():
        with lock.waited_for("f"):
            order.append("second")

    with lock.waited_for("f"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


# Killed, stopped, full --------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_bits(number):
    flags = (*TINY, "--epochs", 8, "--binarize", "dynamic")
    n_calls = stopping.stopped(0, 0, *flags, "--out", "whole")
    for part in (0.05, 0.2, 0.35, 0.4, 0.5):
        going_on = os.path.exists("a/config.json")
        argv = ("train", "--resume") if going_on else flags
        status, err = stopping.stopped(number, int(part * n_calls), *argv, "--out", "a")
        assert status == (-number if number == signal.SIGKILL else 130) and err.count("\n") <= 1, err
        for name in ("model.npz", "checkpoint.npz"):
            if os.path.exists(f"a/{name}"):
                VAE.load(f"a/{name}")
    assert 1 < len(VAE.load("a/checkpoint.npz").history["epoch"]) < 8
    assert run("train", "--resume", "--out", "a") == 0
    a, b = (load_npz(f"{folder}/checkpoint.npz", "checkpoint") for folder in ("a", "whole"))
    for header, _ in (a, b):
        del header["history"]["seconds"]
    assert a[0] == b[0] and all(np.array_equal(a[1][name], b[1][name]) for name in a[1])
    assert set(os.listdir("a")) == set(os.listdir("whole"))


def test_a_run_stopped_before_its_first_checkpoint_is_begun_again(monkeypatch, capsys):
    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", stop)
        assert run(*TINY, "--epochs", 1, "--out", "a") == 130
    assert run("train", "--resume", "--out", "a") == 0


def test_what_killed_writes_left_is_cleaned_up_when_the_run_goes_on(here):
    run(*TINY, "--epochs", 1, "--out", "a")
    for name in (".model.npz.0123abcd", ".checkpoint.npz.deadbeef", ".prior_samples.png.00000000", ".mine"):
        (here / "a" / name).touch()
    run("train", "--resume", "--out", "a", "--epochs", 2)
    assert [name for name in os.listdir("a") if name.startswith(".")] == [".mine"]


def test_the_history_grows_by_a_row_and_is_put_right_after_a_kill(here):
    run(*TINY, "--epochs", 3, "--out", "a")
    whole = (here / "a" / "history.csv").read_text()
    with open("a/history.csv", "a") as file:
        file.write("4,-1,")  # a row ahead of the checkpoint, and torn
    run("train", "--resume", "--out", "a", "--epochs", 4)
    after = (here / "a" / "history.csv").read_text()
    assert (
        after.startswith(whole)
        and after.count("\n") == 5
        and b"\r" not in (here / "a/history.csv").read_bytes()
    )
    assert {len(row) for row in csv.reader(after.splitlines())} == {8}


def test_divergence_that_only_held_out_images_show_is_an_error_before_the_checkpoint(monkeypatch, capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    monkeypatch.setattr(training, "evaluate", lambda *args: {"validation_elbo": float("nan")})
    err = refused(capsys, "train", "--resume", "--out", "a", "--epochs", 2)
    assert "the held-out ELBO became nan in epoch 2" in err
    assert VAE.load("a/checkpoint.npz").history["epoch"] == [1] == VAE.load("a/model.npz").history["epoch"]


# Settings and data of another run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("recipe", "burda", "recipe is 'burda'"),
        ("recipe", [], "recipe is"),
        ("data", 5, "data is '5'"),
        ("lr", "0.1", "lr is '0.1'"),
        ("lr", float("nan"), "lr is 'nan'"),
        ("optimizer", 5, "optimizer is '5'"),
        ("optimizer_options", {"more": 1}, "optimizer_options are none"),
        ("binarize", "treshold", "binarize is 'treshold'"),
        ("hidden", 4, "hidden is '4'"),
        ("epochs", True, "epochs is 'True'"),
        ("threads", 0, "threads is '0'"),
        ("shape", [6], "shape is '[6]'"),
        ("more", 1, "missing or unknown settings, more"),
    ],
)
def test_settings_that_are_none_are_named_with_their_file(name, value, words, capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    config = json.loads(Path("a/config.json").read_text())
    Path("a/config.json").write_text(json.dumps({**config, name: value}))
    for argv in (("sample", "a"), ("evaluate", "a"), ("train", "--resume", "--out", "a")):
        err = refused(capsys, *argv)
        assert "a/config.json is not the config.json of a run" in err and words in err


@pytest.mark.parametrize("text", ["[" * 20000 + "]" * 20000, "[]", "null", '{"recipe": ', "\xff"])
def test_a_settings_file_that_is_none(text, capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    Path("a/config.json").write_text(text, "latin1")
    assert "a/config.json is not the config.json of a run" in refused(capsys, "evaluate", "a")
    assert "a holds a run already (nobody knows how far)" in refused(capsys, *TINY, "--out", "a")


def test_every_setting_is_looked_at():
    for given in ({}, *({"recipe": name} for name in recipes.RECIPES), {"likelihood": "gaussian"}):
        settings.check_known(json.loads(json.dumps(recipes.resolve(given))))
    with pytest.raises(KeyError):
        settings.check_known({})
    assert set(recipes.DEFAULTS) == set(recipes.resolve({}))


def test_settings_written_before_there_were_threads_and_shapes_are_read():
    run(*TINY, "--epochs", 1, "--out", "a")
    config = json.loads(Path("a/config.json").read_text())
    for name in ("shape", "threads"):
        del config[name]
    Path("a/config.json").write_text(json.dumps(config))
    assert run("train", "--resume", "--out", "a", "--epochs", 2) == 0


def test_evaluate_and_sample_want_the_model_of_the_settings_and_the_data_of_the_model(capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    run(*TINY, "--epochs", 1, "--seed", 1, "--out", "b")
    shutil.copy("b/checkpoint.npz", "a")
    for command in ("sample", "evaluate"):
        err = refused(capsys, command, "a")
        assert "a/checkpoint.npz is not the model of a/config.json: it has seed 1 (not 0)" in err
    with np.load("d.npz") as file:
        images, labels = file["images"], file["labels"]
    np.savez("d.npz", images=images[::-1], labels=labels)
    err = refused(capsys, "evaluate", "b")
    assert "b/checkpoint.npz was trained with other images and held-out data" in err
    assert run("sample", "b", "--out", "b.npz") == 0


def test_evaluations_that_are_no_table_are_told_before_the_work(monkeypatch, capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    monkeypatch.setattr(training, "evaluate", lambda *args: pytest.fail("the work has begun"))
    head = ",".join(runs.EVALUATION)
    odd = f"{head}\n1,2\n".encode(), f"{head}\n1,2,3".encode()
    for content in (b"epoch,elbo\n1,\xff\n", b"x" * 140_000 + b"\n", b"epoch,elbo\n1,2\n", *odd):
        Path("a/evaluations.csv").write_bytes(content)
        err = refused(capsys, "evaluate", "a", "--samples", 2)
        assert "a/evaluations.csv is not a table of evaluations" in err


def test_what_cannot_be_kept_is_printed_all_the_same(monkeypatch, capsys):
    run(*TINY, "--epochs", 1, "--out", "a")

    def read_only(*args):
        raise OSError(13, "could not write a/evaluations.csv: Permission denied.")

    monkeypatch.setattr(runs, "append", read_only)
    assert run("evaluate", "a", "--samples", 2) == 0
    out = capsys.readouterr().out
    assert "log p(x)" in out and "Not added to a/evaluations.csv: could not write" in out


# Threads and versions ---------------------------------------------------------------------------------------


def test_one_thread_unless_more_are_asked_for(capsys):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    seen = []

    def look(row):
        libraries = threadpoolctl.threadpool_info()
        seen.append({library["num_threads"] for library in libraries if library["user_api"] == "blas"})

    X = np.random.default_rng(0).random((20, 6))
    with threadpoolctl.threadpool_limits(3, "blas"):
        for more in ({}, {"threads": 2}, {"threads": None}):
            VAE(6, (4,), 2).fit(X, epochs=1, progress=False, on_epoch=look, **more)
        look(None)  # as before
    assert seen == [{1}, {2}, {3}, {3}]
    run(*TINY, "--epochs", 1, "--out", "a")
    assert ", 1 BLAS thread\n" in capsys.readouterr().out
    run(*TINY, "--epochs", 1, "--threads", 2, "--out", "b")
    assert ", 2 BLAS threads\n" in capsys.readouterr().out
    assert load_npz("b/checkpoint.npz", "checkpoint")[0]["threads"] == 2
    with pytest.raises(ValueError, match="threads is 0; it must be a whole number of at least 1"):
        VAE(6, (4,), 2).fit(X, epochs=1, progress=False, threads=0)


def test_the_bits_do_not_depend_on_how_many_threads_blas_would_take(here):
    """Products large enough that BLAS would share them out; unless one thread is asked for, it may."""
    pytest.importorskip("threadpoolctl")
    code = """if True:
        import numpy as np
        from minivae import VAE
        X = np.random.default_rng(0).random((600, 784)).astype(np.float32)
        vae = VAE(784, (200,), 100)
        vae.fit(X, epochs=1, batch_size=256, progress=False)
        print(vae.theta.tobytes().hex()[:2000], vae.theta.sum())"""
    found = []
    for n in ("1", "2", "4"):
        env = {**os.environ, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n, "MKL_NUM_THREADS": n}
        found.append(
            subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env).stdout
        )
    assert found[0] == found[1] == found[2] and len(found[0]) > 2000


def test_a_resume_that_changes_threads_or_numpy_says_so(monkeypatch, here):
    X, path = np.random.default_rng(0).random((20, 6)), here / "c.npz"
    VAE(6, (4,), 2).fit(X, epochs=1, progress=False, checkpoint=path)

    def resume(**more):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            VAE(6, (4,), 2).fit(X, epochs=1, progress=False, checkpoint=path, resume=True, **more)
        return [str(warning.message) for warning in caught]

    assert resume() == []
    (told,) = resume(threads=2)
    assert f"{path} goes on with BLAS threads 2 in place of 1: from here on its numbers may differ" in told
    monkeypatch.setattr(np, "__version__", "9.9.9")
    (told,) = resume()
    assert "goes on with NumPy 9.9.9 in place of" in told


def test_the_command_line_tells_it_in_one_line(capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    capsys.readouterr()
    assert run("train", "--resume", "--out", "a", "--epochs", 2, "--threads", 2) == 0
    err = capsys.readouterr().err
    assert err.startswith("minivae: note: a/checkpoint.npz goes on with BLAS threads 2 in place of 1")
    assert err.count("\n") == 1 and json.loads(Path("a/config.json").read_text())["threads"] == 2


# Streams ----------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_nothing(closed):
    command = " ".join([sys.executable, "-m", "minivae", *TINY, "--epochs", "1", "--out", "a"])
    assert (
        subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, check=False).returncode == 0
    )
    assert VAE.load("a/model.npz").history["epoch"] == [1] and load_npz("a/checkpoint.npz", "checkpoint")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_cannot_show_a_path_shows_an_escape(encoding):
    process = start(*TINY, "--epochs", 1, "--out", "中", env={**os.environ, "PYTHONIOENCODING": encoding})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == "" and r"run        \u4e2d" in out
    assert os.path.exists("中/model.npz")


def test_the_command_line_runs_in_a_thread_and_leaves_the_streams_as_they_were():
    before, found = (sys.stdout, sys.stderr, sys.stdout.errors), []
    thread = threading.Thread(target=lambda: found.append(run(*TINY, "--epochs", 1, "--out", "a")))
    thread.start()
    thread.join()
    assert found == [0] and (sys.stdout, sys.stderr, sys.stdout.errors) == before


@posix
def test_ctrl_c_during_the_imports_is_no_traceback(here):
    """A module that is imported late sends the signal."""
    (here / "sitecustomize.py").write_text("")
    (here / "difflib.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    process = start(*TINY, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *sys.path])})
    _, err = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 130) and err == "minivae: stopped.\n"


# Words ------------------------------------------------------------------------------------------------------


def test_a_flag_that_is_nearly_one_is_guessed(capsys):
    assert "unrecognized arguments: --epoch 1. Did you mean --epochs?" in refused(capsys, *TINY, "--epoch", 1)
    assert "Did you mean" not in refused(capsys, *TINY, "--zzzz", 1)


@pytest.mark.parametrize("flag", ["--out", "--data", "--test"])
def test_an_empty_path_is_refused(flag, capsys):
    assert f"argument {flag}: is empty; give a path" in refused(capsys, "train", flag, "")
    assert "the run is empty" in refused(capsys, "sample", "")


def test_what_was_read_is_told_and_a_setting_that_leaves_nothing_is_refused(capsys):
    with np.load("d.npz") as file:
        images, labels = file["images"], file["labels"]
    np.savez("e.npz", x_train=images, y_train=labels, x_test=images[:20], y_test=labels[:20], more=labels)
    run("train", "--data", "e.npz", *TINY[3:], "--epochs", 1, "--conditional", "--out", "a")
    out = capsys.readouterr().out
    assert "data       e: 60 images of 6 x 6 to train on, 20 held out\n" in out
    assert (
        "           read x_train with y_train; held out x_test with y_test; left aside\n           more\n"
        in out
    )
    assert "3 classes as condition" in " ".join(out.split()) and VAE.load("a/model.npz").classes == [1, 2, 3]
    np.save("dark.npy", images // 4)
    err = refused(capsys, "train", "--data", "dark.npy", *TINY[3:], "--out", "b")
    assert (
        "dark.npy: binarize='threshold' makes every pixel of images black (0)" in err
        and "to 63, where white is 255" in err
    )


def test_a_run_that_still_rises_says_so(capsys):
    run(*TINY, "--epochs", 3, "--out", "a")
    rise = np.diff(VAE.load("a/model.npz").history["validation_elbo"])[-1]
    assert rise > 1 and f"It still rose by {rise:.1f} nats in the last epoch" in capsys.readouterr().out
    run(*TINY, "--epochs", 3, "--lr", 1e-9, "--out", "b")
    assert "It still rose" not in capsys.readouterr().out


def test_a_table_of_large_numbers_keeps_its_columns_apart(capsys):
    np.savez("large.npz", images=np.random.default_rng(0).uniform(0, 1e4, (60, 6, 6)))
    flags = "--likelihood", "gaussian", "--decoder-sigma", 0.001, "--epochs", 1
    run("train", "--data", "large.npz", *TINY[3:], *flags)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["1"]]
    assert [len(row) for row in rows] == [6] and float(rows[0][1]) < -1e9


def test_grey_pictures_are_better_than_their_mean_after_the_first_epoch(capsys):
    """A Gaussian decoder starts at the mean image and its sigma: smooth faces, which turn and nod."""
    rng = np.random.default_rng(0)
    (y, x), turn, nod = np.mgrid[0:14, 0:10], *rng.normal(0, [[1.0], [0.7]], (2, 600))
    across, down = x - 4.5 - turn[:, None, None], y - 6.5 - nod[:, None, None]
    faces = 0.3 + 0.4 * np.exp(-(((across / 3.5) ** 2 + (down / 5) ** 2) ** 2))
    faces += rng.normal(0, 0.03, faces.shape)
    np.save("faces.npy", (255 * faces.clip(0, 1)).astype(np.uint8))
    flags = "--likelihood", "gaussian", "--latent", 2, "--epochs", 15
    assert run("train", "--data", "faces.npy", *flags, "--out", "a") == 0
    variance = faces.clip(0, 1).var(axis=0).mean()
    mean_alone = -140 / 2 * (1 + np.log(2 * np.pi * variance))  # log p of N(mean image, variance)
    elbo = VAE.load("a/model.npz").history["validation_elbo"]
    assert elbo[0] > mean_alone and elbo[-1] > mean_alone + 40
    assert "glorot init" in capsys.readouterr().out


# Samples ----------------------------------------------------------------------------------------------------


def test_samples_of_any_number_are_drawn_some_at_a_time(monkeypatch, capsys):
    run(*TINY, "--epochs", 1, "--conditional", "--out", "a")
    monkeypatch.setattr(sample, "CHUNK", 7)
    assert run("sample", "a", "--n", 20, "--label", 3, "--out", "s.npz") == 0
    vae, rng = VAE.load("a/model.npz"), np.random.default_rng(1)
    parts = [vae.prior_predictive_sample_with_probs(n, np.full(n, 2), rng) for n in (7, 7, 6)]
    with np.load("s.npz") as file:
        assert np.array_equal(file["images"], np.concatenate([draw for draw, _ in parts]).reshape(20, 6, 6))
        assert np.array_equal(file["means"], np.concatenate([mean for _, mean in parts]).reshape(20, 6, 6))
        assert file["labels"].tolist() == [3] * 20
    capsys.readouterr()
    assert run("sample", "a", "--n", 20, "--label", 3, "--out", "s.npz") == 0
    assert "The file that was there is replaced." in capsys.readouterr().out
    assert "the label 0 is none of this model's: 1, 2, 3" in refused(capsys, "sample", "a", "--label", 0)
    assert "room for 2,500 images" in refused(capsys, "sample", "a", "--n", 2501, "--label", 1)
    far = refused(capsys, "sample", "a", "--n", 10**13, "--label", 1, "--out", "far.npz")
    assert "far.npz would take" in far and "there is room for" in far


def test_a_picture_of_samples_is_never_written_over(capsys):
    run(*TINY, "--epochs", 1, "--out", "a")
    for _ in range(3):
        assert run("sample", "a", "--n", 4) == 0
    assert {"samples.png", "samples-2.png", "samples-3.png"} <= set(os.listdir("a"))
    assert len({Path(f"a/samples{i}.png").read_bytes() for i in ("", "-2", "-3")}) == 1  # of one seed
