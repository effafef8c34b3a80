"""The command line, end to end: what a run writes, how it goes on, how it is stopped,
and what every mistake is told."""

import csv
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stopping

from minivae import VAE, data, storage, training
from minivae.cli import main as cli
from minivae.cli import recipes, runs
from minivae.cli import train as train_command
from minivae.storage import load_npz

COMMANDS = ("train", "sample", "evaluate", "gradcheck", "worksheet", "bench")
FILES = {
    "model.npz",
    "checkpoint.npz",
    "history.csv",
    "config.json",
    "learning_curves.png",
    "reconstructions.png",
    "prior_samples.png",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Every test starts in an empty folder with a small file of images, 6 x 6, three kinds with labels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    images = np.zeros((60, 6, 6), np.uint8)
    for image, label in zip(images, labels):
        image[1:5, 2 * label : 2 * label + 2] = rng.integers(100, 256, (4, 2))
    np.savez("bars.npz", images=images, labels=labels)
    return tmp_path


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    """Pictures take most of a tiny run's time: they are left out, but where a test asks for them."""
    draw = runs.draw
    monkeypatch.setattr(runs, "draw", lambda *args: {})
    return lambda: monkeypatch.setattr(runs, "draw", draw)


@pytest.fixture
def pictures(without_pictures):
    without_pictures()


TINY = ("--data", "bars.npz", "--hidden", "5", "--latent", "2", "--batch-size", "20")


def run(*argv):
    """The exit status of a command line."""
    return cli.main([str(a) for a in argv])


def train(*argv, status=0):
    assert run("train", *TINY, *argv) == status


def subprocess_run(*argv, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "minivae", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def one_sentence(capsys, *fragments):
    """What went to stderr is one line without a traceback, and says what it should."""
    err = capsys.readouterr().err
    assert err.startswith("minivae: ") and err.count("\n") == 1 and err.endswith("\n"), err
    for fragment in fragments:
        assert fragment in err
    return err


def history(folder):
    with open(f"{folder}/history.csv", newline="") as file:
        return list(csv.DictReader(file))


def same_run(a, b):
    """Two runs are in the same state to the bit: parameters, optimiser, generators, history;
    their clocks may differ."""
    (header_a, arrays_a), (header_b, arrays_b) = (
        load_npz(f"{folder}/checkpoint.npz", "checkpoint") for folder in (a, b)
    )
    for header in (header_a, header_b):
        del header["history"]["seconds"]
    assert header_a == header_b
    assert arrays_a.keys() == arrays_b.keys() and all(
        np.array_equal(arrays_a[name], arrays_b[name]) for name in arrays_a
    )
    models = [VAE.load(f"{folder}/model.npz") for folder in (a, b)]
    assert np.array_equal(models[0].theta, models[1].theta) and np.array_equal(
        models[0].theta, arrays_a["theta"]
    )
    assert [{**row, "seconds": 0} for row in history(a)] == [{**row, "seconds": 0} for row in history(b)]


# What a run writes and says ---------------------------------------------------------------------------------


def test_without_a_word_it_trains_the_default_on_glyphs(pictures, monkeypatch, capsys):
    asked = []

    def few(source, test, seed):
        asked.append((source, test, seed))
        return data.load_data(source, test, seed, n_train=200, n_test=50)

    monkeypatch.setattr(train_command, "load_data", few)
    monkeypatch.setitem(recipes.DEFAULTS, "epochs", 2)
    assert run() == 0
    out, err = capsys.readouterr()
    assert asked == [("glyphs", None, 0)] and err == ""
    assert set(os.listdir("runs/glyphs")) == FILES
    assert (
        "784-200-(100)-200-784, 374,984 parameters" in out
        and "rmsprop, lr 0.001" in out
        and "summed over a batch of 64" in out
    )
    vae = VAE.load("runs/glyphs/model.npz")
    assert vae.config() == VAE(reduction="sum").config() and vae.binarize == "threshold"
    _, checkpoint = load_npz("runs/glyphs/checkpoint.npz", "checkpoint")
    assert checkpoint["optimizer.n_steps"] == 2 * 4
    for name in FILES:  # all are told, and what to run next
        assert name in out
    for command in (
        "sample runs/glyphs",
        "evaluate runs/glyphs",
        "train --resume --out runs/glyphs --epochs 4",
    ):
        assert f"python -m minivae {command}" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_default_run_has_the_reference_sizes_and_length():
    d = recipes.DEFAULTS
    assert (d["hidden"], d["latent"], d["batch_size"], d["epochs"], d["optimizer"], d["reduction"]) == (
        [200],
        100,
        64,
        30,
        "rmsprop",
        "sum",
    )


def test_the_table_agrees_with_the_history_and_the_history_with_the_model(capsys):
    train("--epochs", 3, "--out", "a")
    lines = capsys.readouterr().out.splitlines()
    start = next(
        i
        for i, line in enumerate(lines)
        if line.split() == ["epoch", "elbo", "log", "p(x|z)", "KL", "held-out", "elbo", "seconds"]
    )
    rows = history("a")
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and list(rows[0])[-1] == "seconds"
    names = ("epoch", "elbo", "log_px_z", "kl", "validation_elbo")
    for line, row in zip(lines[start + 1 :], rows):
        assert [float(cell) for cell in line.split()[:5]] == pytest.approx(
            [float(row[name]) for name in names], abs=0.0051
        )
    assert lines[start + 4] == ""
    saved = VAE.load("a/model.npz").history
    assert {name: [float(row[name]) for row in rows] for name in rows[0]} == saved


def test_two_latents_bring_two_more_pictures_and_no_picture_is_blank(pictures):
    from matplotlib.image import imread

    train("--epochs", 1, "--out", "a")
    pictures = {name for name in os.listdir("a") if name.endswith(".png")}
    assert pictures == {name for name in FILES if name.endswith(".png")} | {
        "latent_map.png",
        "latent_grid.png",
    }
    for name in pictures:
        page = imread(f"a/{name}")[..., :3]
        assert page.min() < 0.3 and page.max() == 1 and page.std() > 0.02, name


def test_a_model_that_is_told_labels_brings_a_picture_of_style_transfer(pictures):
    train("--epochs", 1, "--conditional", "--out", "a")
    assert os.path.exists("a/style_transfer.png")


def test_every_flag_reaches_the_model_and_the_training():
    assert (
        run(
            "train",
            "--data",
            "bars.npz",
            "--hidden",
            "7,6",
            "5",
            "--latent",
            3,
            "--activation",
            "tanh",
            "--likelihood",
            "gaussian",
            "--decoder-sigma",
            "0.5",
            "--head",
            "logvar",
            "--beta",
            0.5,
            "--reduction",
            "mean",
            "--init",
            "glorot",
            "--optimizer",
            "adam",
            "--lr",
            0.01,
            "--batch-size",
            7,
            "--epochs",
            1,
            "--binarize",
            "none",
            "--conditional",
            "--seed",
            3,
            "--out",
            "a",
        )
        == 0
    )
    vae = VAE.load("a/model.npz")
    assert (
        list(vae.hidden),
        vae.n_latent,
        vae.activation,
        vae.likelihood.sigma,
        vae.beta,
        vae.n_conditions,
    ) == ([7, 6, 5], 3, "tanh", 0.5, 0.5, 3)
    assert (vae.head, vae.reduction, vae.init, vae.seed, vae.binarize, vae.image_shape) == (
        "logvar",
        "mean",
        "glorot",
        3,
        None,
        (6, 6),
    )
    header, arrays = load_npz("a/checkpoint.npz", "checkpoint")
    assert header["optimizer"]["name"] == "adam" and header["optimizer"]["lr"] == 0.01
    assert header["settings"]["batch_size"] == 7 and arrays["optimizer.n_steps"] == 8  # 54 images to train on
    assert json.loads(Path("a/config.json").read_text())["decoder_sigma"] == 0.5


@pytest.mark.parametrize(
    "flags, expected",
    [
        (("--hidden",), {"hidden": ()}),
        (("--likelihood", "gaussian"), {"binarize": None}),
        (("--likelihood", "gaussian", "--decoder-sigma", "pixel"), {"binarize": None}),
        (("--binarize", "dynamic"), {"binarize": "dynamic"}),
        (("--optimizer", "rmsprop-keras"), {}),
        (("--optimizer", "rmsprop-pytorch", "--binarize", "none"), {"binarize": None}),
        (("--optimizer", "sgd", "--lr", "1e-4"), {}),
    ],
)
def test_further_choices_train_too(flags, expected):
    train("--epochs", 1, "--out", "a", *flags)
    vae = VAE.load("a/model.npz")
    for name, value in expected.items():
        assert getattr(vae, name) == value
    header, _ = load_npz("a/checkpoint.npz", "checkpoint")
    if "--optimizer" in flags:
        name, _, variant = flags[1].partition("-")
        assert header["optimizer"]["name"] == name and header["optimizer"].get("variant", "") == variant


def test_a_second_file_is_held_out():
    with np.load("bars.npz") as file:
        np.savez("held.npz", images=file["images"][:5], labels=file["labels"][:5])
    train("--epochs", 1, "--test", "held.npz", "--out", "a")
    header, _ = load_npz("a/checkpoint.npz", "checkpoint")
    assert header["settings"]["data"]["images"][:2] == [60, 36]
    assert json.loads(Path("a/config.json").read_text())["test"].endswith("held.npz")


# The run folder ---------------------------------------------------------------------------------------------


def test_a_folder_is_named_after_what_is_special(capsys):
    train("--epochs", 1, "--seed", 1)
    train("--epochs", 1, "--likelihood", "gaussian", "--conditional")
    names = os.listdir("runs")
    assert set(names) == {
        "bars-hidden-5-latent-2-batch-size-20-seed-1",
        "bars-hidden-5-latent-2-likelihood-gaussian-batch-size-20-conditional",
    }


def test_a_run_is_never_written_over(capsys):
    train("--epochs", 1)
    (first,) = os.listdir("runs")
    before = {name: Path(f"runs/{first}/{name}").read_bytes() for name in os.listdir(f"runs/{first}")}
    capsys.readouterr()
    train("--epochs", 2)
    assert (
        f"runs/{first} holds a run already (1 of 1 epochs) and stays as it is; this one goes to"
        f" runs/{first}-2." in capsys.readouterr().out
    )
    assert {name: Path(f"runs/{first}/{name}").read_bytes() for name in os.listdir(f"runs/{first}")} == before
    assert len(history(f"runs/{first}-2")) == 2

    train("--epochs", 2, "--out", f"runs/{first}", status=2)
    one_sentence(
        capsys, "holds a run already (1 of 1 epochs)", f"--resume --out runs/{first}", "another --out"
    )
    assert {name: Path(f"runs/{first}/{name}").read_bytes() for name in os.listdir(f"runs/{first}")} == before


def test_a_folder_that_holds_something_else_is_taken(here):
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("keep")
    train("--epochs", 1, "--out", "mine")
    assert (here / "mine" / "notes.txt").read_text() == "keep" and (here / "mine" / "model.npz").exists()


# Going on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--binarize", "dynamic", "--optimizer", "adam", "--conditional"),
        ("--likelihood", "gaussian", "--optimizer", "adagrad"),
        ("--recipe", "burda-iwae-k5"),
    ],
    ids=["default", "dynamic-adam-conditional", "gaussian-adagrad", "iwae-with-schedule"],
)
def test_pieces_equal_one_run_to_the_bit(flags, capsys):
    train("--epochs", 5, "--out", "whole", *flags)
    train("--epochs", 2, "--out", "pieces", *flags)
    assert run("train", "--resume", "--out", "pieces", "--epochs", 5, "--epochs-now", 1) == 0
    assert len(history("pieces")) == 3 and json.loads(Path("pieces/config.json").read_text())["epochs"] == 5
    capsys.readouterr()
    assert run("train", "--out", "pieces", "--resume") == 0
    out = capsys.readouterr().out
    assert "going on after epoch 3 of 5" in out and "\n    4 " in out and "\n    3 " not in out
    same_run("whole", "pieces")


def test_resume_takes_the_newest_run_and_may_be_told_what_it_knows():
    train("--epochs", 1)
    train("--epochs", 1, "--seed", 1)
    (newest,) = (name for name in os.listdir("runs") if name.endswith("seed-1"))
    assert run("train", "--resume", "--epochs", 2, "--seed", 1, "--latent", 2, "--data", "bars.npz") == 0
    assert len(history(f"runs/{newest}")) == 2


def test_resuming_a_run_that_is_done_changes_nothing_but_draws_again(pictures):
    train("--epochs", 2, "--out", "a")
    shutil.copytree("a", "b")
    os.unlink("b/prior_samples.png")
    assert run("train", "--resume", "--out", "b") == 0
    same_run("a", "b")
    assert os.path.exists("b/prior_samples.png")


def test_resume_works_from_another_folder(here, monkeypatch):
    train("--epochs", 1, "--out", "a")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert run("train", "--resume", "--out", "../a", "--epochs", 2) == 0


def test_resume_begins_a_run_that_was_killed_before_its_first_checkpoint():
    train("--epochs", 1, "--out", "a")
    os.mkdir("b")
    shutil.copy("a/config.json", "b")
    assert run("train", "--resume", "--out", "b") == 0
    same_run("a", "b")


# Stopping ---------------------------------------------------------------------------------------------------


def test_stopped_and_killed_in_mid_epoch_it_goes_on_to_the_same_bits():
    """One run, stopped by SIGINT, by SIGTERM and by SIGKILL, each in the middle of an epoch;
    another never."""
    flags = ("train", *TINY, "--binarize", "dynamic", "--epochs", 8)
    n_calls = stopping.stopped(0, 0, *flags, "--out", "whole")
    status, err = stopping.stopped(signal.SIGINT, 0.4 * n_calls, *flags, "--out", "pieces")
    done = len(history("pieces"))
    assert status == 130, err
    assert (
        err
        == f"minivae: stopped; pieces holds the run as it was after epoch {done} of 8, and this goes on from"
        " there: python -m minivae train --resume --out pieces\n"
    )
    assert np.array_equal(VAE.load("pieces/model.npz").theta, VAE.load("pieces/checkpoint.npz").theta)
    assert len(VAE.load("pieces/model.npz").history["epoch"]) == done < 8

    resume = ("train", "--resume", "--out", "pieces")
    status, err = stopping.stopped(signal.SIGTERM, 0.5 * n_calls, *resume)
    assert status == 143 and "goes on from there" in err and "Traceback" not in err
    assert done < len(history("pieces")) < 8

    status, _ = stopping.stopped(signal.SIGKILL, 0.45 * n_calls, *resume)
    assert status == -signal.SIGKILL and len(history("pieces")) < 8

    assert run(*resume) == 0
    same_run("whole", "pieces")


def interrupt_in_epoch(monkeypatch, number, error):
    """training.train_epoch as it is, but in epoch `number` it is cut off after it has moved the
    parameters."""
    original = training.train_epoch

    def train_epoch(vae, plan, epoch, bar):
        found = original(vae, plan, epoch, bar)
        if epoch == number:
            raise error
        return found

    monkeypatch.setattr(training, "train_epoch", train_epoch)


@pytest.mark.parametrize("number", [1, 3])
def test_after_ctrl_c_model_history_and_checkpoint_agree(number, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, number, KeyboardInterrupt())
        train("--epochs", 4, "--out", "a", status=130)
    one_sentence(capsys, f"after epoch {number - 1} of 4", "python -m minivae train --resume --out a")
    checkpoint, model = VAE.load("a/checkpoint.npz"), VAE.load("a/model.npz")
    assert np.array_equal(checkpoint.theta, model.theta) and checkpoint.history == model.history
    assert len(history("a")) == number - 1 == len(model.history.get("epoch", ()))
    assert (
        signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        and signal.getsignal(signal.SIGINT) == signal.default_int_handler
    )
    train("--epochs", 4, "--out", "b")
    assert run("train", "--resume", "--out", "a") == 0
    same_run("a", "b")


def test_ctrl_c_before_training_leaves_nothing(monkeypatch, capsys):
    def load(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(train_command, "load_data", load)
    train(status=130)
    assert one_sentence(capsys) == "minivae: stopped.\n" and not os.path.exists("runs")


@pytest.mark.parametrize(
    "flags",
    [("--lr", 1e30), ("--lr", 1, "--head", "logvar", "--likelihood", "gaussian", "--decoder-sigma", "pixel"),
     ("--lr", 10, "--likelihood", "gaussian", "--optimizer", "sgd")],
)  # fmt: skip
def test_a_loss_that_is_no_number_ends_the_run_in_words(flags, capsys):
    train("--epochs", 3, *flags, "--out", "a", status=2)
    one_sentence(capsys, "the loss became", "in epoch", "smaller learning rate (--lr)")
    assert np.isfinite(VAE.load("a/model.npz").theta).all()


def test_a_reader_who_leaves_gets_no_traceback():
    for argv, read in ((("train", "--help"), 1), (("train", *TINY, "--epochs", 10**6, "--out", "a"), 14)):
        process = subprocess_run(*argv)
        for _ in range(read):
            process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) in (0, 141) and "Traceback" not in err and "Exception" not in err
        if argv[1] != "--help":
            assert (
                process.returncode == 141
                and "nobody reads its output" in err
                and "train --resume --out a" in err
            )
            assert 5 < len(history("a")) == len(VAE.load("a/model.npz").history["epoch"])


def test_a_full_standard_output_is_told():
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minivae", "train", *TINY],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (
        done.returncode == 2
        and done.stderr
        == "minivae: error: could not write to the standard output: No space left on device.\n"
    )


def test_the_progress_bar_goes_to_a_terminal_only():
    """With stderr on a terminal there is a bar with its numbers; otherwise nothing but errors goes there."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    np.save("noise.npy", np.random.default_rng(0).integers(0, 256, (3000, 64), dtype=np.uint8))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "minivae",
            "train",
            "--data",
            "noise.npy",
            "--batch-size",
            "1",
            "--epochs",
            "4",
        ],
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(leader)
    assert process.wait(60) == 0
    assert b"training" in seen and b"images/s" in seen and b"elbo=" in seen


# Mistakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv, fragments",
    [
        (("walk",), ("invalid choice: 'walk'", "train")),
        (("train", "--speed", "3"), ("unrecognized arguments: --speed 3",)),
        (("train", "--latent", "two"), ("--latent", "'two' is not a whole number of at least 1")),
        (("train", "--latent", "0"), ("--latent", "'0' is not a whole number of at least 1")),
        (("train", "--hidden", "5,x"), ("--hidden", "'x' is not a whole number")),
        (("train", "--epochs", "-1"), ("--epochs", "at least 1")),
        (("train", "--seed", "-1"), ("--seed", "at least 0")),
        (("train", "--lr", "fast"), ("--lr", "'fast' is not a number")),
        (("train", "--lr", "0"), ("the learning rate must be a positive number",)),
        (("train", "--lr", "nan"), ("the learning rate must be a positive number",)),
        (("train", "--beta", "-1", "--data", "bars.npz"), ("beta is -1.0", "at least 0")),
        (("train", "--activation", "gelu"), ("invalid choice: 'gelu'", "relu")),
        (("train", "--likelihood", "poisson"), ("invalid choice: 'poisson'", "gaussian")),
        (("train", "--decoder-sigma", "0.5"), ("add --likelihood gaussian",)),
        (
            ("train", "--likelihood", "gaussian", "--decoder-sigma", "-2", "--data", "bars.npz"),
            ("sigma is -2.0", "positive number"),
        ),
        (("train", "--recipe", "soup"), ("invalid choice: 'soup'", "burda-k1")),
        (("train", "--data", "glyhps"), ("no data 'glyhps'", "Did you mean 'glyphs'?")),
        (("train", "--data", "glyphs", "--test", "bars.npz"), ("glyphs has a test set of its own",)),
        (("train", "--data", "missing.npz"), ("missing.npz",)),
        (("train", "--resume"), ("there is no run in runs/ yet",)),
        (("train", "--resume", "--out", "nothing"), ("nothing holds no run",)),
        (("sample",), ("there is no run in runs/ yet",)),
        (("sample", "nothing"), ("there is no model file nothing",)),
        (("evaluate", "nothing"), ("there is no model file nothing",)),
    ],
)
def test_each_mistake_is_one_sentence_and_status_2(argv, fragments, capsys):
    assert run(*argv) == 2
    one_sentence(capsys, "error: ", *fragments)
    assert not os.path.exists("runs")


@pytest.mark.parametrize(
    "arrays, flags, fragments",
    [
        ({"images": np.full((9, 4), 2.0)}, (), ("pixels from 2 to 2", "Bernoulli decoder")),
        ({"images": np.full((9, 4), -0.1)}, (), ("pixels from -0.1",)),
        ({"images": np.full((9, 4), 700)}, (), ("int64 pixels from 700 to 700", "images / 700")),
        ({"images": np.full((9, 4), np.nan)}, (), ("NaN",)),
        ({"images": np.zeros((0, 4))}, (), ("holds no images",)),
        ({"images": np.ones((9, 4), bool)}, ("--conditional",), ("--conditional needs labels",)),
        (
            {"images": np.ones((20, 4), bool), "labels": np.arange(100, 120)},
            ("--conditional",),
            ("20 different labels for 20 images, from 100 to 119",),
        ),
        ({"images": np.ones((9, 4), bool), "labels": np.arange(4)}, (), ("labels of shape (4,)",)),
    ],
)  # fmt: skip
def test_each_bad_file_is_one_sentence_that_names_it(arrays, flags, fragments, capsys):
    np.savez("bad.npz", **arrays)
    assert run("train", "--data", "bad.npz", *flags) == 2
    one_sentence(capsys, "error: ", *fragments)
    assert not os.path.exists("runs")


def test_a_held_out_label_that_training_never_saw_is_told(capsys):
    with np.load("bars.npz") as file:
        np.savez("held.npz", images=file["images"][:3], labels=[0, 1, 7])
    train("--conditional", "--test", "held.npz", status=2)
    one_sentence(capsys, "held.npz", "the label 7", "0..2")


def test_damaged_files_are_told(capsys):
    train("--epochs", 1, "--out", "a")
    whole = Path("a/checkpoint.npz").read_bytes()
    for name, text, argv, fragment in (
        ("bars.npz", whole[:100], ("train", "--data", "bars.npz"), "bars.npz is truncated or corrupt"),
        (
            "a/checkpoint.npz",
            whole[: len(whole) // 2],
            ("evaluate", "a"),
            "a/checkpoint.npz is not a whole minivae",
        ),
        (
            "a/checkpoint.npz",
            whole[: len(whole) // 2],
            ("train", "--resume", "--out", "a"),
            "a/checkpoint.npz is not a whole minivae",
        ),
        (
            "a/config.json",
            b'{"data": "gly',
            ("train", "--resume", "--out", "a"),
            "config.json is not the config.json of a run",
        ),
        ("a/config.json", b'{"data": "glyphs"}', ("evaluate", "a"), "missing or unknown settings"),
    ):
        shutil.copy(name, "kept")
        Path(name).write_bytes(text)
        capsys.readouterr()
        assert run(*argv) == 2
        one_sentence(capsys, fragment)
        shutil.move("kept", name)
    assert run("train", "--resume", "--out", "a", "--epochs", 2) == 0


def test_resume_refuses_what_would_make_it_another_run(capsys):
    train("--epochs", 2, "--out", "a")
    for flags, fragments in (
        (("--latent", 3), ("the run in a has --latent 2 (now 3)", "leave that out")),
        (("--optimizer", "adam", "--lr", 1), ("--optimizer rmsprop (now adam)", "--lr 0.001 (now 1.0)")),
        (("--epochs", 1), ("has 2 epochs already", "--epochs 2 or more")),
    ):
        capsys.readouterr()
        assert run("train", "--resume", "--out", "a", *flags) == 2
        one_sentence(capsys, *fragments)

    train("--epochs", 1, "--out", "b", "--latent", 3)
    shutil.copy("b/checkpoint.npz", "a")  # a checkpoint of another model
    capsys.readouterr()
    assert run("train", "--resume", "--out", "a", "--epochs", 3) == 2
    one_sentence(capsys, "a/checkpoint.npz is the checkpoint of another run", "n_latent=3 (now 2)")

    os.unlink("a/checkpoint.npz")  # its model must not be overwritten by a run that begins again
    assert run("train", "--resume", "--out", "a", "--epochs", 3) == 2
    one_sentence(capsys, "a/checkpoint.npz is gone")

    with np.load("bars.npz") as file:
        images, labels = file["images"], file["labels"]
    np.savez("bars.npz", images=images[::-1], labels=labels)
    assert run("train", "--resume", "--out", "b", "--epochs", 3) == 2
    one_sentence(capsys, "b/checkpoint.npz was trained with other images")


def full_disk_for(monkeypatch, name):
    """Every file can be written but this one."""
    replace = os.replace

    def full(source, target):
        if os.path.basename(target) == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(storage.os, "replace", full)


@pytest.mark.parametrize("name", ["config.json", "checkpoint.npz", "history.csv", "model.npz"])
def test_a_full_disk_is_told_and_leaves_what_was_there_whole(name, monkeypatch, capsys):
    train("--epochs", 1, "--out", "a")
    before = {file: Path(f"a/{file}").read_bytes() for file in os.listdir("a")}
    with monkeypatch.context() as patch:
        full_disk_for(patch, name)
        capsys.readouterr()
        assert run("train", "--resume", "--out", "a", "--epochs", 2) == 2
    one_sentence(capsys, f"could not write a/{name}: No space left on device", "unchanged", "Free some space")
    assert set(os.listdir("a")) == set(before)  # nothing half-written lies about
    assert Path(f"a/{name}").read_bytes() == before[name]
    assert run("train", "--resume", "--out", "a", "--epochs", 2) == 0
    train("--epochs", 2, "--out", "b")
    same_run("a", "b")


def test_a_full_disk_spares_the_model_when_the_pictures_no_longer_fit(pictures, monkeypatch, capsys):
    full_disk_for(monkeypatch, "reconstructions.png")
    train("--epochs", 1, "--out", "a", status=2)
    one_sentence(capsys, "could not write a/reconstructions.png: No space left on device")
    assert len(VAE.load("a/model.npz").history["epoch"]) == 1
    assert set(os.listdir("a")) == {
        "model.npz",
        "checkpoint.npz",
        "history.csv",
        "config.json",
        "learning_curves.png",
    }


def test_a_folder_that_cannot_be_made_is_told_before_training(capsys):
    train("--out", "bars.npz/run", status=2)
    one_sentence(capsys, "could not make the run folder bars.npz/run", "--out")
    Path("runs").touch()
    train(status=2)
    one_sentence(capsys, "could not make the run folder runs/bars")


# sample and evaluate ----------------------------------------------------------------------------------------


def test_sample_draws_what_the_model_draws(capsys):
    train("--epochs", 1)
    (name,) = os.listdir("runs")
    assert run("sample") == 0  # the newest run
    assert (
        os.path.exists(f"runs/{name}/samples.png") and f"runs/{name}/samples.png" in capsys.readouterr().out
    )
    assert run("sample", f"runs/{name}", "--n", 4, "--seed", 7, "--out", "s.npz") == 0
    assert run("sample", f"runs/{name}/model.npz", "--n", 4, "--out", "s.svg") == 0
    draws, means = VAE.load(f"runs/{name}/model.npz").prior_predictive_sample_with_probs(4, rng=7)
    with np.load("s.npz") as file:
        assert np.array_equal(file["images"], draws.reshape(4, 6, 6)) and np.array_equal(
            file["means"], means.reshape(4, 6, 6)
        )
    capsys.readouterr()
    assert run("sample", "--out", "s.jpg") == 2
    one_sentence(capsys, "s.jpg", ".png, .pdf or .svg")
    assert run("sample", "--out", "no/folder/s.png") == 2
    one_sentence(capsys, "could not write no/folder/s.png")
    assert run("sample", "--label", 1) == 2
    one_sentence(capsys, "not conditional")


def test_sample_asks_a_conditional_model_for_a_class(capsys):
    train("--epochs", 1, "--conditional", "--out", "a")
    assert run("sample", "a") == 0
    assert run("sample", "a", "--label", 2, "--n", 3, "--out", "s.npz") == 0
    with np.load("s.npz") as file:
        assert file["images"].shape == (3, 6, 6) and list(file["labels"]) == [2, 2, 2]
    capsys.readouterr()
    assert run("sample", "a", "--label", 3) == 2
    one_sentence(capsys, "the label 3", "0..2")


@pytest.mark.parametrize(
    "flags", [(), ("--conditional", "--binarize", "dynamic"), ("--likelihood", "gaussian")]
)
def test_evaluate_prints_the_models_own_numbers(flags, capsys):
    train("--epochs", 2, "--out", "a", *flags)
    capsys.readouterr()
    assert run("evaluate", "a", "--samples", 50, "--images", 4) == 0
    out = capsys.readouterr().out
    vae = VAE.load("a/model.npz")
    _, test = data.load_data("bars.npz")
    y = test.labels if vae.n_conditions else None
    log_px = vae.log_likelihood(test.images[:4], None if y is None else y[:4], 50, rng=0)
    words = out.split()
    assert f"{vae.history['validation_elbo'][-1]:.2f}" in words and f"{log_px.mean():.2f}" in words
    assert f"{log_px.std(ddof=1) / 2:.2f}," in words and "K = 50, the first 4 images" in out


def test_evaluations_are_kept_row_by_row(capsys):
    """What `evaluate` prints after each piece of a run is its path."""
    train("--epochs", 3, "--epochs-now", 1, "--out", "a")
    assert run("evaluate", "a", "--samples", 50, "--images", 4) == 0
    assert run("train", "--resume", "--out", "a") == 0
    assert run("evaluate", "a", "--samples", 20, "--seed", 3) == 0
    printed = capsys.readouterr().out
    assert printed.count("Added to a/evaluations.csv.") == 2
    with open("a/evaluations.csv") as file:
        first, last = csv.DictReader(file)
    assert (first["epoch"], first["n_samples"], first["n_images"], first["seed"]) == ("1", "50", "4", "0")
    assert (last["epoch"], last["n_samples"], last["seed"]) == ("3", "20", "3")
    elbo = VAE.load("a/model.npz").history["validation_elbo"]
    assert [float(row["elbo"]) for row in (first, last)] == [elbo[0], elbo[-1]]
    assert all(f"{float(row['log_px']):.2f}" in printed.split() for row in (first, last))


def test_grey_pixels_under_a_cross_entropy_are_told(capsys):
    train("--epochs", 1, "--out", "a", "--binarize", "none")
    run("evaluate", "a", "--samples", 2)
    assert "no likelihood" in capsys.readouterr().out
    train("--epochs", 1, "--out", "b")
    run("evaluate", "b", "--samples", 2)
    assert "no likelihood" not in capsys.readouterr().out


def test_evaluate_judges_a_recipe(monkeypatch, capsys, here):
    def recipe(*figures):
        settings = {"data": str(here / "bars.npz"), "hidden": [5], "latent": 2, "batch_size": 20, "epochs": 2}
        return recipes.Recipe("tiny", "this test", "no time", settings, figures, n_samples=20, n_images=4)

    monkeypatch.setitem(recipes.RECIPES, "tiny", recipe())
    assert run("train", "--recipe", "tiny") == 0
    assert os.listdir("runs") == ["tiny"]
    ours = -VAE.load("runs/tiny/model.npz").history["validation_elbo"][-1]
    capsys.readouterr()
    assert run("evaluate", "runs/tiny") == 0
    assert "published as curves" in capsys.readouterr().out

    def judged(figure, *flags):
        monkeypatch.setitem(recipes.RECIPES, "tiny", recipe(figure))
        status = run("evaluate", "runs/tiny", *flags)
        return status, capsys.readouterr().out

    status, out = judged(recipes.Figure("-ELBO", 2, (ours - 1, ours + 1), "published: X"))
    assert max(map(len, out.splitlines()[1:])) <= 80
    assert status == 0 and f"ours {ours:7.2f}" in out and "inside the band" in out and "published: X" in out
    status, out = judged(recipes.Figure("-ELBO", 2, (ours + 1, ours + 2), "published: X"))
    assert status == 1 and "OUTSIDE the band" in out
    status, out = judged(recipes.Figure("-ELBO", 2, ours + 1, "published: X"))
    assert status == 0 and "-1.00" in out
    status, out = judged(recipes.Figure("-ELBO", 2, ours + 1, "published: X", within=0.5))
    assert status == 1 and "OUTSIDE +- 0.5" in out
    status, out = judged(recipes.Figure("-ELBO", 9, ours + 1, "published: X", within=0.5))
    assert status == 0 and "for 9 epochs; this run has 2" in out
    status, out = judged(recipes.Figure("NLL", 2, 0.0, "published: X", 0.5, 20, 4))
    assert status == 1 and "OUTSIDE" in out
    # another K: shown, not judged
    status, out = judged(recipes.Figure("NLL", 2, 0.0, "published: X", 0.5, 5000))
    assert status == 0 and "estimated with K = 5000, all images" in out

    assert run("train", "--recipe", "tiny", "--latent", 1, "--out", "runs/tiny-1") == 0
    capsys.readouterr()
    monkeypatch.setitem(recipes.RECIPES, "tiny", recipe(recipes.Figure("-ELBO", 2, (0, 1), "published: X")))
    assert run("evaluate", "runs/tiny-1") == 0  # a run that departs from the recipe is not judged by it
    assert "--latent 1 instead of 2" in capsys.readouterr().out


def test_tables_have_no_carriage_return(pictures):
    """Lines end as they do everywhere else, so that a diff shows rows and not files."""
    train("--epochs", 1, "--out", "a")
    assert run("evaluate", "a", "--samples", 2, "--images", 3) == 0
    for name in ("history.csv", "evaluations.csv"):
        assert b"\r" not in Path("a", name).read_bytes() and Path("a", name).read_bytes().endswith(b"\n")


# Help -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_help_ends_with_an_example(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        run(*command, "--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    before, _, example = out.rpartition("\nexample")
    assert before and f"python -m minivae {' '.join(command)}".strip() in example
    assert max(map(len, out.splitlines())) <= 80 or (
        command and command[0] in ("gradcheck", "worksheet", "bench")
    )


def test_the_help_of_train_names_every_flag_and_recipe(capsys):
    with pytest.raises(SystemExit):
        run("train", "--help")
    out = capsys.readouterr().out
    names = """data test hidden latent activation likelihood decoder-sigma head beta reduction init optimizer
               lr batch-size epochs
               binarize conditional seed out resume recipe epochs-now"""
    for name in names.split():
        assert f"  --{name}" in out
    for name, recipe in recipes.RECIPES.items():
        assert f"  {name} " in out and str(recipe) in out and recipe.source in out and recipe.takes in out


def test_flags_without_a_command_are_those_of_train(capsys):
    assert run(*TINY, "--epochs", 1, "--out", "a") == 0
    assert os.path.exists("a/model.npz")


def test_version(capsys):
    with pytest.raises(SystemExit):
        run("--version")
    assert capsys.readouterr().out.startswith("minivae ")


def test_training_loads_only_what_it_needs():
    """Neither the other commands' modules nor, before there is something to draw, matplotlib;
    and never pyplot."""
    code = f"""
import sys
from minivae.cli.main import main
try:
    main(["train", "--help"])
except SystemExit:
    pass
assert not any(name in sys.modules for name in ("matplotlib", "tqdm", "pooch"))
assert main({["train", *TINY, "--epochs", "1"]}) == 0
unwanted = "minivae.gradcheck", "minivae.course", "minivae.cli.bench", "matplotlib.pyplot"
print(*(name for name in unwanted if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
