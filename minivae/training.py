"""The training loop over a model that is passed in: batches, progress, history, held-out ELBO, checkpoints,
exact resume."""

import json
import time
from pathlib import Path

import numpy as np

from .bounds import OBJECTIVES
from .inputs import (
    BINARIZE,
    check_images,
    check_labels,
    check_not_empty,
    check_whole,
    image_shape,
    to_floats,
    white_black,
)
from .ondisk import fingerprint
from .optimizers import make_optimizer
from .progress import progress_bar
from .storage import load_npz, save_npz, to_json


def fit(
    vae, X, y=None, epochs=30, batch_size=64, optimizer=None, binarize=None, n_samples=1, objective="elbo",
    validation=None, rng=None, progress=True, schedule=None, checkpoint=None, resume=False, on_epoch=None,
):  # fmt: skip
    """Train vae on X and return the history: a mapping of columns, one row per epoch, also kept as
    vae.history.

    A second fit goes on from the parameters as they are, with a history of its own. Ctrl-C leaves the
    parameters as the last step left them, and the history of the finished epochs.

    X           (N, D) or (N, H, W) images of uint8, bool or float; stays as it is in memory, floats are made
                per batch
    y           labels or attributes of a conditional model
    epochs      the total: a resumed run goes on up to it
    batch_size  images per step; the last batch of an epoch may be smaller
    optimizer   None for RMSProp(1e-3) of TensorFlow 1, or any of minivae.optimizers; an object keeps its
                state from one fit to the next, so give each model its own
    binarize    None, "threshold" (pixel > 0.5) or "dynamic" (a fresh draw of Bernoulli(pixel) each epoch)
    n_samples   K, draws of z per image and step
    objective   "elbo", or "iwae" for the importance-weighted bound
    validation  held-out images, or (images, labels): their ELBO after each epoch, always with the same noise
    rng         a generator or seed for order, binarisation and noise; by default the model's own generator
    progress    a tqdm bar with elbo, log p(x|z), KL and images per second
    schedule    [(first_epoch, lr), ...] in ascending order: the learning rate from that epoch on, counted
                from 1
    checkpoint  a file written after every epoch (and once before the first); resume=True goes on from it, to
                the same bits as a run that was never interrupted
    on_epoch    called with the row of each finished epoch

    Columns, in nats per image: epoch, elbo, log_px_z, kl (means over the epoch's own batches; with "iwae"
    also bound), with validation also validation_elbo, validation_log_px_z, validation_kl; and seconds spent
    on training. Raises ValueError or TypeError for bad input, FloatingPointError where the loss is no longer
    a number.
    """
    given = X
    # which reads a pixel as a probability
    unit_pixels = vae.likelihood.needs_unit_pixels or binarize == "dynamic"
    X = check_images(X, vae.n_inputs, unit_pixels)
    y = check_labels(y, len(X), vae.n_conditions)
    if len(X) == 0:
        raise ValueError("X holds no images; training needs at least one.")
    for name, value, known in (("binarize", binarize, BINARIZE), ("objective", objective, OBJECTIVES)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(map(repr, known))}.")
    check_not_empty(X, binarize)
    epochs, batch_size = check_whole("epochs", epochs, 0), check_whole("batch_size", batch_size, 1)
    n_samples = check_whole("n_samples", n_samples, 1)
    held_out = _pair(validation, vae.n_conditions)
    if held_out is not None:
        images = check_images(held_out[0], vae.n_inputs, unit_pixels, "validation")
        if len(images) == 0:
            raise ValueError("validation holds no images; leave it out, or hold some images out of training.")
        held_out = (
            images,
            check_labels(
                held_out[1], len(images), vae.n_conditions, "the labels in validation=(images, labels)"
            ),
        )
    optimizer, rng = make_optimizer(optimizer), vae.rng if rng is None else np.random.default_rng(rng)
    schedule = [(check_whole("an epoch in schedule", first, 1), float(lr)) for first, lr in schedule or ()]
    if schedule != sorted(schedule) or not all(0 < lr < np.inf for _, lr in schedule):
        raise ValueError(
            f"schedule is {schedule}; give (first_epoch, lr) in ascending order of epochs, each lr a positive"
            " number."
        )
    # what must be the same for a resumed run to equal an uninterrupted one
    settings = {
        "config": vae.config(), "optimizer": {name: value for name, value in optimizer.config().items()
        if not (schedule and name == "lr")},
        "batch_size": batch_size, "binarize": binarize, "n_samples": n_samples, "objective": objective,
        "schedule": [list(step) for step in schedule],
        "data": {"images": fingerprint(X), "labels": fingerprint(y), "validation": [fingerprint(part)
        for part in held_out or ()]},
    }  # fmt: skip

    if resume:
        resume_from(checkpoint, vae, optimizer, rng, settings)
    else:
        vae.history, vae.binarize, vae.white_black = {}, binarize, white_black(X)
        if np.ndim(given) > 2:
            vae.image_shape = image_shape(np.shape(given))
    done = len(vae.history.get("epoch", ()))
    if checkpoint is not None and not resume:
        save_checkpoint(checkpoint, vae, optimizer, rng, settings)

    with progress_bar(progress, max(epochs - done, 0) * len(X), "training") as bar:
        for epoch in range(done + 1, epochs + 1):
            for first, lr in schedule:
                if epoch >= first:
                    optimizer.lr = lr
            # a run that diverges ends in one sentence
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                row = {
                    "epoch": epoch,
                    **train_epoch(vae, X, y, batch_size, optimizer, rng, n_samples, objective, bar, epoch),
                }
            if held_out is not None:
                row.update(evaluate(vae, *held_out))
            row["seconds"] = row.pop("seconds")  # last
            for name, value in row.items():
                vae.history.setdefault(name, []).append(value)
            if checkpoint is not None:
                save_checkpoint(checkpoint, vae, optimizer, rng, settings)
            if on_epoch is not None:
                on_epoch(row)
    return vae.history


def _pair(validation, n_conditions):
    """validation as (images, labels or None): a conditional model's is a tuple or a list of the two."""
    if validation is None:
        return None
    if isinstance(validation, tuple) and len(validation) != 2:
        raise ValueError(f"validation is a tuple of {len(validation)}; give images, or (images, labels).")
    pair = isinstance(validation, list) and n_conditions and len(validation) == 2
    return validation if pair or isinstance(validation, tuple) else (validation, None)


def train_epoch(vae, X, y, batch_size, optimizer, rng, n_samples, objective, bar, epoch):
    """One pass over X in a random order; returns the epoch's means and its seconds."""
    run, backward = OBJECTIVES[objective].run, OBJECTIVES[objective].backward
    started, totals, n_done = time.perf_counter(), {}, 0
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        x = to_floats(X[rows], vae.dtype, vae.binarize, rng)
        shape = (
            (len(rows), vae.n_latent)
            if n_samples == 1 and objective == "elbo"
            else (n_samples, len(rows), vae.n_latent)
        )
        t = run(vae, x, vae.noise(rng, *shape), None if y is None else y[rows].astype(vae.dtype), None)
        _check_finite("loss", t.loss, epoch, start // batch_size + 1)
        backward(vae, t, False)
        optimizer.step(vae.theta, vae.grad)
        for name in ("elbo", "log_px_z", "kl", "bound"):
            if name in t:
                totals[name] = totals.get(name, 0.0) + float(t[name].mean()) * len(rows)
        n_done += len(rows)
        if bar.update(len(rows)):
            bar.set_postfix({name: f"{total / n_done:.1f}" for name, total in totals.items()}, refresh=False)
        del x, t  # so that the next pass finds their memory free, still in the processor's cache
    _check_finite("sum of the parameters", vae.theta.sum(), epoch, start // batch_size + 1)
    return {
        **{name: total / n_done for name, total in totals.items()},
        "seconds": time.perf_counter() - started,
    }


def _check_finite(what, value, epoch, batch):
    if not np.isfinite(value):
        raise FloatingPointError(
            f"the {what} became {value} in epoch {epoch}, batch {batch}: the parameters ran away. Start again"
            " with a smaller learning rate, or look for outliers in the data; a checkpoint, if there is one,"
            " holds the epoch before."
        )


def evaluate(vae, X, y=None):
    """The held-out ELBO and its two parts, one draw of z per image,
    with noise that is the same every time."""
    rng, parts = np.random.default_rng(vae.seed), []
    for x, y_part in vae.batches(X, y, rng):
        t = vae.run(x, vae.noise(rng, len(x), vae.n_latent), y_part)
        parts.append((t.elbo, t.log_px_z, t.kl))
    names = "validation_elbo", "validation_log_px_z", "validation_kl"
    return {name: float(np.concatenate(column).mean(dtype=float)) for name, column in zip(names, zip(*parts))}


def save_checkpoint(path, vae, optimizer, rng, settings):
    """Everything that a run needs to go on: parameters, optimiser, generators, history, settings."""
    header = {
        **vae.header(),
        "optimizer": optimizer.config(),
        "fit_rng": rng.bit_generator.state,
        "settings": settings,
    }
    state = {f"optimizer.{name}": array for name, array in optimizer.state().items()}
    save_npz(path, "checkpoint", header, theta=vae.theta, **state)


def resume_from(path, vae, optimizer, rng, settings):
    """Take the state of a run back from its checkpoint. Raises ValueError where it belongs to another run."""
    if path is None:
        raise ValueError("resume=True needs checkpoint=, the file to go on from.")
    header, arrays = load_npz(path, "checkpoint")
    then, now = header["settings"], json.loads(to_json(settings))
    if "sigma" in then["config"]:  # as `head` was written at first
        then["config"]["head"] = then["config"].pop("sigma")
    names = {"images": "images", "labels": "labels", "validation": "held-out data"}
    other_data = [
        names[name] for name, fingerprint in now.pop("data").items() if fingerprint != then["data"][name]
    ]
    differing = []
    for name, value in now.items():
        if isinstance(value, dict):
            differing += [
                f"{name}.{k}={then[name].get(k)!r} (now {v!r})"
                for k, v in value.items()
                if v != then[name].get(k)
            ]
        elif value != then[name]:
            differing.append(f"{name}={then[name]!r} (now {value!r})")
    if differing:
        raise ValueError(
            f"{Path(path)} is the checkpoint of another run, with {', '.join(differing)}: "
            "give the same settings to go on with it, or another folder to start anew."
        )
    if other_data:
        raise ValueError(
            f"{Path(path)} was trained with other {' and '.join(other_data)}; give the same as then, in the"
            " same order."
        )
    kind = header["fit_rng"]["bit_generator"]
    if rng.bit_generator.state["bit_generator"] != kind:
        raise ValueError(
            f"{Path(path)} was trained with a generator of the kind {kind}; leave rng out, or give another of"
            " that kind."
        )
    vae.theta[:] = arrays["theta"]
    vae.load_header(header)
    optimizer.lr = header["optimizer"]["lr"]
    optimizer.load_state({name.removeprefix("optimizer."): array for name, array in arrays.items()})
    rng.bit_generator.state = header["fit_rng"]
