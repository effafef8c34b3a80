"""Training: which images are seen, what is written down,
and that an interrupted run goes on to the same bits."""

import inspect
import itertools
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from minivae import SGD, VAE, Adagrad, Adam, Gaussian, RMSProp, training
from minivae.bounds import OBJECTIVES

D = 9
GOLDEN_ELBO = [-9.90772, -9.75033, -9.17631]
GOLDEN_PIXELS = [0, 1, 1, 1, 1, 0, 0, 1, 0]
SETTINGS = {"epochs": 4, "batch_size": 4, "progress": False}


def model(**options):
    return VAE(**{"n_inputs": D, "hidden": (6,), "n_latent": 2, "seed": 5, **options})


@pytest.fixture
def X():
    """Ten grey images of 3 x 3."""
    return np.random.default_rng(1).integers(0, 256, (10, 3, 3), dtype=np.uint8)


@pytest.fixture
def seen(monkeypatch):
    """Every training batch (x, eps) that goes through the model."""
    batches, elbo = [], OBJECTIVES["elbo"]

    def spy(vae, x, eps, y):
        batches.append((x.copy(), eps.copy()))
        return elbo.run(vae, x, eps, y)

    monkeypatch.setitem(OBJECTIVES, "elbo", replace(elbo, run=spy))
    return batches


def without_seconds(history):
    return {name: column for name, column in history.items() if name != "seconds"}


def rows(x):
    """The images of a batch in bytes as a sorted list, to compare them as a set."""
    return sorted(np.round(x * 255).astype(int).tolist())


# Batches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "batch_size, sizes", [(4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (64, [10]), (1, [1] * 10), (9, [9, 1])]
)
def test_an_epoch_sees_every_image_once_the_last_partial_batch_included(batch_size, sizes, X, seen):
    optimizer = RMSProp()
    model().fit(X, epochs=2, batch_size=batch_size, optimizer=optimizer, progress=False)
    assert [len(x) for x, _ in seen] == sizes * 2 and optimizer.n_steps == 2 * len(sizes)
    for epoch in (seen[: len(sizes)], seen[len(sizes) :]):
        assert rows(np.concatenate([x for x, _ in epoch])) == rows(X.reshape(10, D) / 255)


def test_every_epoch_has_its_own_order_and_noise(X, seen):
    model().fit(X, epochs=2, batch_size=10, progress=False)
    (x1, eps1), (x2, eps2) = seen
    assert not np.array_equal(x1, x2) and not np.isin(eps1, eps2).any()


@pytest.mark.parametrize("n_samples, shape", [(1, (4, 2)), (3, (3, 4, 2))])
def test_samples_per_image(n_samples, shape, X, seen):
    model().fit(X, **SETTINGS, n_samples=n_samples)
    assert seen[0][1].shape == shape and abs(np.concatenate([eps.ravel() for _, eps in seen]).std() - 1) < 0.2


def test_a_step_is_forward_backward_and_the_optimizer(X):
    vae, by_hand = model(), model()
    vae.fit(X, epochs=1, batch_size=10, optimizer=SGD(0.01), rng=3, progress=False)
    rng = np.random.default_rng(3)
    x = X.reshape(10, D)[rng.permutation(10)] / 255
    t = by_hand.forward(x, rng.standard_normal((10, 2), dtype=np.float32))
    by_hand.backward(t)
    assert np.allclose(vae.theta, by_hand.theta - 0.01 * by_hand.grad, rtol=1e-5)
    assert np.isclose(vae.history["elbo"][0], t.elbo.mean(), rtol=1e-6)


def test_training_lowers_the_loss(X):
    history = model(activation="tanh").fit(
        X, epochs=150, optimizer=Adam(1e-2), binarize="threshold", progress=False
    )
    assert np.mean(history["elbo"][-10:]) > history["elbo"][0] + 1


# Binarisation -----------------------------------------------------------------------------------------------


def test_grey_pixels_are_taken_as_they_are_by_default(X, seen):
    vae = model()
    vae.fit(X, **SETTINGS)
    assert vae.binarize is None and len(np.unique(seen[0][0])) > 2


def test_threshold_gives_the_same_black_and_white_each_epoch(X, seen):
    vae = model()
    vae.fit(X, epochs=2, batch_size=10, binarize="threshold", progress=False)
    assert vae.binarize == "threshold"
    assert rows(seen[0][0]) == rows(seen[1][0]) == rows((X.reshape(10, D) > 127).astype(float))


def test_dynamic_binarisation_is_drawn_anew_each_epoch_with_the_pixel_as_its_probability(X, seen):
    vae = model()
    vae.fit(np.repeat(X[:1], 50, axis=0), epochs=40, batch_size=50, binarize="dynamic", progress=False)
    drawn = np.concatenate([x for x, _ in seen])
    assert set(np.unique(drawn)) == {0, 1} and len(np.unique(drawn, axis=0)) > 10
    assert np.allclose(drawn.mean(axis=0), X[0].ravel() / 255, atol=4 * 0.5 / np.sqrt(2000))


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32, np.float64])
@pytest.mark.parametrize("binarize", [None, "threshold", "dynamic"])
def test_the_callers_array_stays_as_it_is(dtype, binarize, X):
    X = (X if dtype is np.uint8 else X / 255).astype(dtype)
    y, held_out = np.arange(10) % 3, X[:4].copy()
    before = X.copy(), y.copy(), held_out.copy()
    for a in (X, y, held_out):
        a.flags.writeable = False
    model(n_conditions=3).fit(X, y, **SETTINGS, binarize=binarize, validation=(held_out, y[:4]))
    assert all(np.array_equal(*pair) for pair in zip(before, (X, y, held_out), strict=True))


def test_the_same_pixels_in_another_form_train_the_same_model(X):
    thetas = []
    for form in (
        X,
        X.reshape(10, D),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        (X / np.float32(255)).astype(np.float32),
    ):
        vae = model()
        vae.fit(form, **SETTINGS, binarize="dynamic")
        thetas.append(vae.theta)
    assert all(np.array_equal(theta, thetas[0]) for theta in thetas)
    as_list, as_array = model(), model()
    as_list.fit((X / 255).tolist(), **SETTINGS)
    as_array.fit(X / 255, **SETTINGS)
    assert np.array_equal(as_list.theta, as_array.theta)


# History and held-out images --------------------------------------------------------------------------------

COLUMNS = ["epoch", "elbo", "log_px_z", "kl"]
HELD_OUT = ["validation_elbo", "validation_log_px_z", "validation_kl"]


@pytest.mark.parametrize(
    "settings, columns",
    [
        ({}, [*COLUMNS, "seconds"]),
        ({"validation": np.zeros((3, D))}, [*COLUMNS, *HELD_OUT, "seconds"]),
        ({"objective": "iwae", "n_samples": 3}, [*COLUMNS, "bound", "seconds"]),
    ],
)
def test_columns_of_the_history(settings, columns, X):
    vae, written = model(), []
    history = vae.fit(X, **SETTINGS, **settings, on_epoch=lambda row: written.append(dict(row)))
    assert list(history) == columns and vae.history == history
    assert history["epoch"] == [1, 2, 3, 4] and all(len(column) == 4 for column in history.values())
    assert written == [dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True)]
    assert all(type(value) in (int, float) for column in history.values() for value in column)
    assert np.allclose(np.subtract(history["log_px_z"], history["kl"]), history["elbo"], rtol=1e-5)
    assert all(kl >= 0 for kl in history["kl"]) and all(seconds > 0 for seconds in history["seconds"])


def test_the_means_of_an_epoch_weigh_every_image_alike(X, seen):
    """The last, smaller batch counts for as many images as it has."""
    vae = model()
    history = vae.fit(X, epochs=1, batch_size=9, optimizer=SGD(1e-12), progress=False)
    per_image = np.concatenate([vae.forward(x, eps).elbo for x, eps in seen])
    assert np.isclose(history["elbo"][0], per_image.mean(), rtol=1e-5)


def test_held_out_images_meet_the_same_noise_after_every_epoch(X):
    vae = model()
    history = vae.fit(X, epochs=3, optimizer=SGD(1e-30), binarize="dynamic", validation=X[:5], progress=False)
    assert len(set(history["validation_elbo"])) == 1  # the parameters stand still
    again = model()
    moved = again.fit(X, epochs=3, optimizer=SGD(1e-2), binarize="dynamic", validation=X[:5], progress=False)
    assert len(set(moved["validation_elbo"])) == 3
    assert np.isclose(
        moved["validation_elbo"][2], moved["validation_log_px_z"][2] - moved["validation_kl"][2], rtol=1e-5
    )


def test_looking_at_held_out_images_changes_nothing(X):
    with_it, without = model(), model()
    with_it.fit(X, **SETTINGS, validation=X[:3])
    without.fit(X, **SETTINGS)
    assert np.array_equal(with_it.theta, without.theta) and with_it.rng.random() == without.rng.random()


def test_held_out_elbo_is_an_estimate_of_the_elbo(X):
    vae = model()
    held_out = np.repeat(X, 300, axis=0)
    history = vae.fit(X, epochs=1, validation=held_out, progress=False)
    assert np.isclose(history["validation_elbo"][0], vae.elbo(X, n_samples=2000, rng=0).mean(), rtol=0.02)


def test_image_shape_is_kept_for_pictures():
    vae = VAE(n_inputs=12, hidden=(2,), n_latent=1)
    assert vae.image_shape == (1, 12) and VAE().image_shape == (28, 28)
    vae.fit(np.zeros((2, 3, 4)), epochs=1, progress=False)
    assert vae.image_shape == (3, 4)
    vae.fit(np.zeros((2, 12)), epochs=1, progress=False)
    assert vae.image_shape == (3, 4)


# Schedule, seeds, several fits ------------------------------------------------------------------------------


def test_a_schedule_sets_the_learning_rate_from_its_epoch_on(X):
    optimizer, rates = SGD(7.0), []
    model().fit(
        X,
        epochs=5,
        optimizer=optimizer,
        schedule=[(1, 0.1), (3, 0.01), (5, 0.001)],
        on_epoch=lambda row: rates.append(optimizer.lr),
        progress=False,
    )
    assert rates == [0.1, 0.1, 0.01, 0.01, 0.001]


def test_the_same_seed_gives_the_same_bits(X):
    def trained(rng):
        vae = model()
        history = vae.fit(X, **SETTINGS, binarize="dynamic", rng=rng, validation=X)
        return vae.theta, without_seconds(history)

    for rng in (None, 3, np.random.default_rng(3)):
        again = np.random.default_rng(3) if isinstance(rng, np.random.Generator) else rng
        (theta, history), (theta_again, history_again) = trained(rng), trained(again)
        assert np.array_equal(theta, theta_again) and history == history_again
    assert not np.array_equal(trained(3)[0], trained(4)[0])


def test_a_generator_of_ones_own_leaves_the_models_alone(X):
    vae = model()
    before = vae.rng.bit_generator.state
    vae.fit(X, **SETTINGS, rng=3)
    assert vae.rng.bit_generator.state == before


def test_a_second_fit_goes_on_from_the_parameters_with_a_history_of_its_own(X):
    vae = model()
    first = vae.fit(X, **SETTINGS, binarize="threshold")
    theta = vae.theta.copy()
    second = vae.fit(X, epochs=0, progress=False)
    assert second == vae.history == {} and np.array_equal(vae.theta, theta) and vae.binarize is None
    assert len(first["epoch"]) == 4
    vae.fit(X, epochs=1, progress=False)
    assert vae.history["epoch"] == [1] and not np.array_equal(vae.theta, theta)


def test_an_interrupted_fit_leaves_a_model_that_works(X, monkeypatch):
    vae, calls, to_floats = model(), itertools.count(1), training.to_floats

    def interrupted(*args):
        if next(calls) == 8:  # in the middle of the third epoch
            raise KeyboardInterrupt
        return to_floats(*args)

    monkeypatch.setattr(training, "to_floats", interrupted)
    with pytest.raises(KeyboardInterrupt):
        vae.fit(X, **SETTINGS)
    assert vae.history["epoch"] == [1, 2] and np.isfinite(vae.elbo(X)).all()


def test_fit_shows_its_settings():
    assert list(inspect.signature(model().fit).parameters)[:3] == ["X", "y", "epochs"]
    assert "batch_size  images per step" in VAE.fit.__doc__
    with pytest.raises(TypeError, match="epoch"):
        model().fit(np.zeros((2, D)), epoch=3)


def test_seconds_are_those_of_training_and_no_more(X):
    started = time.perf_counter()
    history = model().fit(X, epochs=3, progress=False, on_epoch=lambda row: time.sleep(0.02))
    wall = time.perf_counter() - started
    assert min(history["seconds"]) >= 0 and sum(history["seconds"]) <= wall - 0.06


def test_a_golden_seed(X, seen):
    """The random stream is what it was: order, then pixels, then noise, each epoch anew."""
    history = model().fit(X, epochs=3, batch_size=4, binarize="dynamic", progress=False)
    assert np.allclose(history["elbo"], GOLDEN_ELBO, rtol=1e-6, atol=0)
    assert seen[0][0][0].tolist() == GOLDEN_PIXELS


def test_the_bar_shows_images_per_second(X, capsys):
    pytest.importorskip("tqdm")
    model().fit(X, epochs=2, batch_size=4, progress=True)
    shown = capsys.readouterr().err
    assert "training" in shown and "%|" in shown and "images/s" in shown
    model().fit(X, epochs=2, batch_size=4, progress=False)
    assert capsys.readouterr() == ("", "")


# Interrupted and resumed ------------------------------------------------------------------------------------

OPTIMIZERS = {
    "rmsprop": RMSProp,
    "keras": lambda: RMSProp(variant="keras"),
    "pytorch": lambda: RMSProp(variant="pytorch"),
    "sgd": lambda: SGD(0.01),
    "momentum": lambda: SGD(0.01, momentum=0.9),
    "adam": Adam,
    "adagrad": Adagrad,
}


def interrupt(vae, X, y, checkpoint, monkeypatch, batches=8, **settings):
    """A run that is killed in the middle of its third epoch."""
    calls, to_floats = itertools.count(1), training.to_floats

    def kill(*args):
        if next(calls) == batches:
            raise KeyboardInterrupt
        return to_floats(*args)

    with monkeypatch.context() as patched:
        patched.setattr(training, "to_floats", kill)
        with pytest.raises(KeyboardInterrupt):
            vae.fit(X, y, **{**SETTINGS, **settings}, checkpoint=checkpoint)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("binarize", [None, "threshold", "dynamic"])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(
    optimizer, binarize, X, tmp_path, monkeypatch
):
    settings = {**SETTINGS, "binarize": binarize, "validation": X[:4]}
    whole, killed, resumed = model(), model(), model(seed=5)
    whole.fit(X, **settings, optimizer=optimizer())
    interrupt(killed, X, None, tmp_path / "c.npz", monkeypatch, **settings, optimizer=optimizer())
    history = resumed.fit(X, **settings, optimizer=optimizer(), checkpoint=tmp_path / "c.npz", resume=True)
    assert np.array_equal(resumed.theta, whole.theta)
    assert without_seconds(history) == without_seconds(whole.history) and history["epoch"] == [1, 2, 3, 4]
    # and so does what comes after
    assert np.array_equal(resumed.prior_predictive_sample(3), whole.prior_predictive_sample(3))
    assert resumed.header()["rng"] == whole.header()["rng"]


@pytest.mark.parametrize(
    "options, settings",
    [
        ({"n_conditions": 3, "likelihood": "gaussian", "dtype": np.float64}, {"rng": 9}),
        (
            {"likelihood": Gaussian(sigma="pixel"), "reduction": "sum"},
            {"schedule": [(1, 1e-3), (3, 1e-4)], "n_samples": 2},
        ),
        ({"head": "logvar"}, {"objective": "iwae", "n_samples": 3}),
        ({}, {"rng": np.random.MT19937}),
    ],
)
def test_resuming_with_every_option(options, settings, X, tmp_path, monkeypatch):
    y = np.arange(10) % 3 if "n_conditions" in options else None
    whole, killed, resumed = model(**options), model(**options), model(**options)

    def given():
        own = (
            {"rng": np.random.Generator(settings["rng"](4))} if isinstance(settings.get("rng"), type) else {}
        )
        return {**settings, **own, "optimizer": Adam(0.01)}

    whole.fit(X, y, **SETTINGS, **given())
    interrupt(killed, X, y, tmp_path / "c.npz", monkeypatch, **given())
    resumed.fit(X, y, **SETTINGS, **given(), checkpoint=tmp_path / "c.npz", resume=True)
    assert np.array_equal(resumed.theta, whole.theta) and without_seconds(resumed.history) == without_seconds(
        whole.history
    )
    assert resumed.rng.random() == whole.rng.random()


def test_with_a_schedule_that_starts_later_the_learning_rate_comes_from_the_checkpoint(
    X, tmp_path, monkeypatch
):
    path, settings, whole, killed, resumed = (
        tmp_path / "c.npz",
        {"schedule": [(4, 1e-4)]},
        model(),
        model(),
        model(),
    )
    whole.fit(X, **SETTINGS, **settings, optimizer=Adam(0.01))
    interrupt(killed, X, None, path, monkeypatch, **settings, optimizer=Adam(0.01))
    resumed.fit(X, **SETTINGS, **settings, optimizer=Adam(0.5), checkpoint=path, resume=True)
    assert np.array_equal(resumed.theta, whole.theta)


def test_a_run_killed_in_its_first_epoch_resumes_from_the_start(X, tmp_path, monkeypatch):
    whole, killed, resumed = model(), model(), model()
    whole.fit(X, **SETTINGS)
    interrupt(killed, X, None, tmp_path / "c.npz", monkeypatch, batches=2)
    resumed.fit(X, **SETTINGS, checkpoint=tmp_path / "c.npz", resume=True)
    assert np.array_equal(resumed.theta, whole.theta)


def test_resuming_up_to_a_higher_total_goes_on_and_up_to_the_same_does_nothing(X, tmp_path):
    path, whole, resumed = tmp_path / "c.npz", model(), model()
    whole.fit(X, **SETTINGS)
    model().fit(X, **{**SETTINGS, "epochs": 1}, checkpoint=path)
    resumed.fit(X, **SETTINGS, checkpoint=path, resume=True)
    assert np.array_equal(resumed.theta, whole.theta)
    before = path.read_bytes()
    done = model()
    assert done.fit(X, **SETTINGS, checkpoint=path, resume=True)["epoch"] == [1, 2, 3, 4]
    assert np.array_equal(done.theta, whole.theta) and path.read_bytes() == before


def test_a_checkpoint_changes_nothing(X, tmp_path):
    with_it, without = model(), model()
    with_it.fit(X, **SETTINGS, checkpoint=tmp_path / "c.npz")
    without.fit(X, **SETTINGS)
    assert np.array_equal(with_it.theta, without.theta) and with_it.rng.random() == without.rng.random()
    assert os.listdir(tmp_path) == ["c.npz"]


@pytest.mark.parametrize(
    "options, settings, sentence",
    [
        ({"hidden": (7,)}, {}, "config.hidden=[6] (now [7])"),
        ({"beta": 2.0}, {}, "config.beta=1.0 (now 2.0)"),
        (
            {"likelihood": Gaussian(sigma=0.1)},
            {},
            "config.likelihood.name='bernoulli' (now 'gaussian')",
        ),
        ({"seed": 6}, {}, "config.seed=5 (now 6)"),
        ({"dtype": np.float64}, {}, "config.dtype='float32' (now 'float64')"),
        ({}, {"optimizer": RMSProp(1e-4)}, "optimizer.lr=0.001 (now 0.0001)"),
        ({}, {"optimizer": RMSProp(variant="keras")}, "optimizer.variant='tensorflow1' (now 'keras')"),
        ({}, {"optimizer": Adam()}, "optimizer.name='rmsprop' (now 'adam')"),
        ({}, {"batch_size": 5}, "batch_size=4 (now 5)"),
        ({}, {"binarize": "dynamic"}, "binarize=None (now 'dynamic')"),
        ({}, {"n_samples": 2}, "n_samples=1 (now 2)"),
        ({}, {"objective": "iwae"}, "objective='elbo' (now 'iwae')"),
        ({}, {"schedule": [(1, 1e-3)]}, "schedule=[] (now [[1, 0.001]])"),
        ({"beta": 2.0}, {"batch_size": 5}, "config.beta=1.0 (now 2.0), batch_size=4 (now 5)"),
    ],
)
def test_resuming_with_another_setting_is_refused_and_the_setting_is_named(
    options, settings, sentence, X, tmp_path
):
    path = tmp_path / "c.npz"
    model().fit(X, **SETTINGS, checkpoint=path)
    before, vae = path.read_bytes(), model(**options)
    theta = vae.theta.copy()
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        vae.fit(X, **{**SETTINGS, **settings}, checkpoint=path, resume=True)
    assert str(caught.value).startswith(f"{path} is the checkpoint of another run, with ")
    assert str(caught.value).endswith(
        ": give the same settings to go on with it, or another folder to start anew."
    )
    assert np.array_equal(vae.theta, theta) and path.read_bytes() == before


def test_resuming_with_other_data_is_refused(X, tmp_path):
    path, y = tmp_path / "c.npz", np.arange(10) % 3
    conditional = {"n_conditions": 3}
    model(**conditional).fit(X, y, **SETTINGS, validation=(X[:3], y[:3]), checkpoint=path)
    other = X.copy()
    other[9, 2, 2] ^= 1
    for name, images, labels, validation in (
        ("images", other, y, (X[:3], y[:3])),
        ("images", X[::-1], y, (X[:3], y[:3])),
        ("images and labels", X[:9], y[:9], (X[:3], y[:3])),
        ("labels", X, y[::-1], (X[:3], y[:3])),
        ("held-out data", X, y, (X[1:4], y[:3])),
        ("held-out data", X, y, (X[:3], y[1:4])),
        ("held-out data", X, y, None),
    ):
        with pytest.raises(
            ValueError, match=f"was trained with other {name}; give the same as then, in the same order"
        ):
            model(**conditional).fit(
                images, labels, **SETTINGS, validation=validation, checkpoint=path, resume=True
            )
    with pytest.raises(
        ValueError,
        match="was trained with a generator of the kind PCG64; leave rng out, or give another of that kind",
    ):
        rng = np.random.Generator(np.random.MT19937(0))
        model(**conditional).fit(
            X, y, **SETTINGS, validation=(X[:3], y[:3]), checkpoint=path, resume=True, rng=rng
        )


def test_resuming_needs_a_whole_checkpoint(X, tmp_path):
    path = tmp_path / "c.npz"
    with pytest.raises(ValueError, match="resume=True needs checkpoint=, the file to go on from"):
        model().fit(X, **SETTINGS, resume=True)
    with pytest.raises(FileNotFoundError, match=re.escape(f"there is no checkpoint file {path}")):
        model().fit(X, **SETTINGS, checkpoint=path, resume=True)
    model().save(path)
    with pytest.raises(ValueError, match="holds a model, not a checkpoint"):
        model().fit(X, **SETTINGS, checkpoint=path, resume=True)
    model().fit(X, **SETTINGS, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not a whole minivae checkpoint file"):
        model().fit(X, **SETTINGS, checkpoint=path, resume=True)


def test_a_checkpoint_that_cannot_be_written_stops_the_run_and_leaves_the_last_one(X, tmp_path, monkeypatch):
    path, vae, calls, savez = tmp_path / "c.npz", model(), itertools.count(1), np.savez

    def full_disk(file, **arrays):
        if next(calls) == 3:
            file.write(b"PK")
            raise OSError(28, "No space left on device")
        return savez(file, **arrays)

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full_disk)
        with pytest.raises(OSError, match="No space left on device. The file that was there is unchanged"):
            vae.fit(X, **SETTINGS, checkpoint=path)
    assert os.listdir(tmp_path) == ["c.npz"]
    whole, resumed = model(), model()
    whole.fit(X, **SETTINGS)
    resumed.fit(X, **SETTINGS, checkpoint=path, resume=True)
    assert np.array_equal(resumed.theta, whole.theta)


# What it refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"epochs": -1}, "epochs is -1; it must be a whole number of at least 0."),
        ({"epochs": 1.5}, "epochs is 1.5; it must be a whole number of at least 0."),
        ({"batch_size": 0}, "batch_size is 0; it must be a whole number of at least 1."),
        ({"batch_size": 4.0}, "batch_size is 4.0; it must be a whole number of at least 1."),
        ({"n_samples": 0}, "n_samples is 0; it must be a whole number of at least 1."),
        (
            {"binarize": "stochastic"},
            "binarize='stochastic' is not known; take one of None, 'threshold', 'dynamic'.",
        ),
        ({"objective": "bound"}, "objective='bound' is not known; take one of 'elbo', 'iwae'."),
        ({"optimizer": "lbfgs"}, "optimizer 'lbfgs' is not known; take one of sgd, rmsprop, adam, adagrad"),
        ({"schedule": [(0, 0.1)]}, "an epoch in schedule is 0; it must be a whole number of at least 1."),
        (
            {"schedule": [(3, 0.1), (1, 0.2)]},
            "schedule is [(3, 0.1), (1, 0.2)]; give (first_epoch, lr) in ascending order of epochs",
        ),
        (
            {"schedule": [(1, -0.1)]},
            (
                "schedule is [(1, -0.1)]; give (first_epoch, lr) in ascending order of epochs, each lr a"
                " positive number."
            ),
        ),
        (
            {"validation": (np.zeros((2, 25)),)},
            "validation is a tuple of 1; give images, or (images, labels).",
        ),
        (
            {"validation": np.zeros((0, D))},
            "validation holds no images; leave it out, or hold some images out of training.",
        ),
        ({"validation": np.zeros((3, 5))}, "validation has shape (3, 5); expected (N, 9)"),
        ({"validation": np.full((3, D), np.nan)}, "validation holds NaN or infinity"),
        (
            {"validation": (np.zeros((3, D)), [0, 1, 2])},
            "the labels in validation=(images, labels) was given, but this model has n_conditions=0",
        ),
        ({"y": [0] * 10}, "y was given, but this model has n_conditions=0"),
    ],
)
def test_bad_settings_get_one_sentence_before_anything_happens(settings, sentence, X):
    vae = model()
    vae.history, theta, state = {"epoch": [1]}, vae.theta.copy(), vae.rng.bit_generator.state
    with pytest.raises(ValueError, match=re.escape(sentence)):
        vae.fit(X, **{"progress": False, **settings})
    assert (
        vae.history == {"epoch": [1]}
        and np.array_equal(vae.theta, theta)
        and vae.rng.bit_generator.state == state
    )


@pytest.mark.parametrize(
    "X, error, sentence",
    [
        (np.zeros((0, D)), ValueError, "X holds no images; training needs at least one."),
        (np.zeros(D), ValueError, "X has shape (9,); expected (N, 9)"),
        (np.full((2, D), np.nan), ValueError, "X holds NaN or infinity"),
        (np.full((2, D), 2.0), ValueError, "X has pixels from 2 to 2; a Bernoulli decoder"),
        (np.ones((2, D), np.uint8), ValueError, "X is uint8 with a maximum of 1"),
        (np.ones((2, D), np.int64), TypeError, "X has dtype int64"),
    ],
)
def test_bad_images_get_one_sentence(X, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        model().fit(X, progress=False)


def test_a_conditional_model_needs_labels_for_both_sets(X):
    vae = model(n_conditions=3)
    with pytest.raises(ValueError, match="this model is conditional: give y"):
        vae.fit(X, progress=False)
    with pytest.raises(
        ValueError, match=re.escape("give the labels in validation=(images, labels), 4 labels in 0..2")
    ):
        vae.fit(X, [0] * 10, validation=X[:4], progress=False)
    with pytest.raises(ValueError, match="y holds the label 3"):
        vae.fit(X, [3] * 10, progress=False)


def test_the_importance_weighted_bound_knows_no_beta(X):
    with pytest.raises(
        ValueError, match="the importance-weighted bound needs beta=1, but this model has beta=2"
    ):
        model(beta=2).fit(X, objective="iwae", progress=False)


def test_dynamic_binarisation_needs_pixels_that_are_probabilities(X):
    with pytest.raises(ValueError, match=re.escape("dynamic binarisation) needs them in [0, 1]")):
        model(likelihood="gaussian").fit(X * 2.0, binarize="dynamic", progress=False)


@pytest.mark.parametrize("epochs, where", [(50, "the loss became"), (1, "the sum of the parameters became")])
def test_a_run_that_diverges_stops_with_one_sentence_and_keeps_its_last_good_checkpoint(
    epochs, where, X, tmp_path
):
    """Also where it is the very last step that ruins the parameters; and without a flurry of warnings."""
    path, huge = tmp_path / "c.npz", 1e3 if epochs == 50 else 1e39
    vae = model(likelihood=Gaussian(sigma=0.01), activation="softplus")
    with pytest.raises(FloatingPointError, match=where) as caught:
        vae.fit(X, epochs=epochs, batch_size=10, optimizer=SGD(huge), checkpoint=path, progress=False)
    sentence = str(caught.value)
    assert re.search(
        r"in epoch \d+, batch \d+: the parameters ran away. Start again with a smaller learning rate",
        sentence,
    )
    last_good = VAE.load(path)
    assert np.isfinite(last_good.theta).all()
    assert len(last_good.history.get("epoch", ())) == len(vae.history.get("epoch", ()))


# Memory -----------------------------------------------------------------------------------------------------

TRAIN_ON_60000 = """
import numpy as np
from minivae import VAE
X = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
vae = VAE(hidden=(10,), n_latent=5)
vae.fit(X, epochs=1, batch_size=2000, binarize="threshold", validation=X[:10_000], progress=False)
vae.elbo(X[:10_000], n_samples=2)
# VmHWM is this process's own peak, in kB; ru_maxrss would also count the process that started it
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is measured as Linux counts it")
def test_training_on_60000_images_stays_under_600_mb():
    done = subprocess.run([sys.executable, "-c", TRAIN_ON_60000], capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < 600


def test_a_redirected_log_is_not_filled_by_the_bar(X, capsys):
    pytest.importorskip("tqdm")
    model().fit(np.tile(X, (200, 1, 1)), epochs=2, batch_size=4, progress=True)
    assert capsys.readouterr().err.count("training") <= 3  # the first and the last state
