"""A whole model: every gradient of it against a numerical derivative (lesson 06)."""

import numpy as np

from ..bounds import OBJECTIVES
from .compare import along, aside, compare
from .diagnosis import AGAIN, Explanation
from .learner import not_complex, quietly
from .model_causes import explained
from .numeric import METHODS
from .passes import Pass
from .report import (
    ACCUMULATED,
    ELSEWHERE,
    FLOAT32,
    NAN,
    SAMPLED,
    SECOND_CALL,
    UNFROZEN,
    Report,
    Stop,
    Trap,
)
from .resting import Resting

SMALL = 5000  # coordinates: a larger model is sampled
SAMPLES = 16  # coordinates per block, there
PARTS = None, "reconstruction", "kl"


def check(
    vae, x, eps, y=None, method="central", objective="elbo", part=None, samples=None, seed=0, explain=True
):
    """Every gradient of a model against a numerical derivative; where and how it goes wrong, if it does.

    x (B, D), eps (B, M) or (K, B, M), y: as for vae.forward. Take B > 1 and K > 1: mistakes of layout vanish
    at 1.
    method     "central", or "complex" for the last digit
    objective  "elbo", or "iwae" for the importance-weighted bound of bounds.py
    part       None for the loss, "reconstruction" for -log p(x|z) alone, "kl" for beta KL alone
    samples    at most so many coordinates of a block, drawn with the seed; by default all of a small model,
               16 of each block of a large one. The rest of a sampled block is checked by the slope along one
               random direction.
    explain    whether to look for the cause of a wrong gradient

    Checks all parameters, x and every intermediate of the trace, on a copy in float64 (or complex128) that
    shares the model's code: the model itself is neither changed nor trained. Returns a Report; it never
    raises for what the model's own code does. A mistake spoils every gradient that a backward pass comes to
    after it; the Report names the first wrong one, where it sits, and looks for the cause. Raises
    ValueError for unknown settings, and for input that the model refuses.

    >>> import numpy as np
    >>> from minivae import VAE
    >>> rng = np.random.default_rng(0)
    >>> x, eps = rng.random((3, 5)), rng.standard_normal((2, 3, 2))  # three images, two draws for each
    >>> check(VAE(n_inputs=5, hidden=(4,), n_latent=2), x, eps).passed
    True
    """
    for name, value, known in (
        ("method", method, METHODS),
        ("objective", objective, OBJECTIVES),
        ("part", part, PARTS),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(map(repr, known))}.")
    if part is not None and objective != "elbo":
        raise ValueError(
            "the importance-weighted bound has no parts: leave part out, or take objective='elbo'."
        )
    pass_ = Pass(vae, x, eps, y, objective)
    what = OBJECTIVES[objective].name + (f" ({part} alone)" if part else "")
    draws = f"{len(pass_.eps)} samples of " if pass_.eps.ndim == 3 else ""
    of = f"{draws}{len(pass_.x)} images of {vae.n_inputs} pixels, hidden {vae.hidden}, {vae.n_latent} latents"
    kinds = f"{vae.likelihood.name} decoder, {vae.head} head, {vae.activation}"
    report = Report(f"Gradient check of {what} by {METHODS[method]}\n  {of}; {kinds}", method)
    try:
        quietly(_check, pass_, report, method, part, samples, np.random.default_rng(seed), explain)
    except Stop as stop:
        report.traps.append(stop.trap)
    return report


def _check(pass_, report, method, part, samples, rng, explain):
    """Fill the report."""
    model = pass_.model
    loss = pass_.loss(part)
    if not np.isfinite(loss + pass_.loss()):
        raise Stop("NaN", NAN.format(what="The loss"))
    if abs(pass_.loss(part) - loss) > 1e-12 * abs(loss):
        raise Stop("noise", UNFROZEN.format(what="the forward pass"))
    if method == "complex":
        try:
            pass_.nudged({"x": 0j * pass_.x})
        except Stop as stop:
            raise not_complex("The model", stop.__cause__) from None
    model.grad[:] = stale = rng.standard_normal(model.grad.shape)
    theta = model.theta.copy()
    found, t, d = pass_.gradients(part)
    again = pass_.gradients(part)[0]
    _stop_at_what_spoils_it(model, theta, found, t, d)

    order = pass_.flow(t, found)
    if samples is None:
        samples = SAMPLES if sum(found[name].size for name in order) > SMALL else SMALL
    resting = Resting(pass_, model if method == "central" else pass_.complex_model)
    for name in order:
        at = t[name] if name in t else model.parameters[name]
        with resting.behind(name, np.shape(at), pass_.reached(t, name)):
            row, trap = compare(pass_.block(found, {name: at}, part), samples, method, rng)
        report.rows.append(row)
        if trap:
            report.traps = [trap]  # the last one is nearest to where it happened
    if pass_.vae.dtype == np.float32:
        report.notes.append("The model is float32; what was checked is a copy in float64, by the same lines.")
    if any(row.size > samples for row in report.rows):
        report.notes.append(SAMPLED.format(samples=samples))
    wrong = {row.name for row in report.rows if row.verdict == "wrong"}
    report.first = [name for name in order[::-1] if name in wrong and not pass_.after(name) & wrong]
    report.doubt()
    if report.traps:
        return
    differ = [
        name for name in order[::-1] if not np.allclose(found[name], again[name], 1e-9, 0, equal_nan=True)
    ]
    if differ and not wrong:
        words = _unrepeatable(found[differ[0]], again[differ[0]], np.nan).words
        report.traps = [Trap("noise", SECOND_CALL.format(words=words))]
        return
    if not wrong:
        _second_point(pass_, report, found, part, rng)
    starts = dict(zip(model.parameters, np.cumsum([0, *(p.size for p in model.parameters.values())])))
    for row in report.wrong[: 2 * explain]:
        a, b = found[row.name], again[row.name]
        if row.name in differ:
            old = stale[starts[row.name] :][: a.size].reshape(a.shape) if row.name in starts else np.nan
            row.explanations = [_unrepeatable(a, b, old)]
        else:
            row.explanations = _explained(pass_, report, row, method, part, found, t, d, wrong, rng)


def _second_point(pass_, report, first, part, rng):
    """A gradient that is right at one point may be one that was kept: look where all parameters are about a
    per cent larger, and no kink is in the way."""
    model, theta = pass_.model, pass_.model.theta.copy()
    try:
        pass_.move(aside(theta, rng))
        second, t, _ = pass_.gradients(part)

        def verdict(places):
            block = pass_.block(second, places, part)
            return along(block, block.directions(rng, own_first=True), "central").verdict

        wrong = verdict({**model.parameters, "x": pass_.x}) == "wrong"
        between = [row.name for row in report.rows if row.loose]
        places = {name: t[name] if name in t else model.parameters[name] for name in between}
        loose = [name for name, at in places.items() if verdict({name: at}) != "right"]
    except Stop as stop:
        report.traps = [Trap("second point", ELSEWHERE.format(words=stop.trap.words))]
        return
    finally:
        pass_.move(theta)
    stale = all(np.array_equal(first[name], second[name]) for name in model.parameters)
    report.second_point(wrong, stale, loose)


def _stop_at_what_spoils_it(model, theta, found, t, d):
    """Stop where the backward pass did something that no comparison can make up for."""
    if not np.array_equal(theta, model.theta):
        raise Stop(
            "changed",
            "The backward pass changed the parameters; it has to compute the gradient and update nothing.",
        )
    for trace in (t, d):
        for name in trace:
            if getattr(trace[name], "dtype", None) == np.float32:
                raise Stop("float32", FLOAT32.format(what=f"The stage that gives {name}"))
    for name, gradient in found.items():
        shape = np.shape(t[name] if name in t else model.parameters[name])
        if gradient.shape != shape:
            raise Stop(
                "shape",
                f"The gradient of {name} has shape {gradient.shape}; {name} itself has shape {shape}.",
            )


def _unrepeatable(first, second, old):
    """The Explanation of a gradient that differs from call to call; old: what stood there before."""
    if np.allclose(second - first, first - old):
        return Explanation("accumulated", "the old gradient", 0.0, ACCUMULATED)
    return Explanation("noise", "eps", 0.0, AGAIN)


def _explained(pass_, report, row, method, part, found, t, d, wrong, rng):
    """Explanations of a wrong gradient; the verdict stands where the diagnosis itself fails."""
    if not np.isfinite(found[row.name]).all():
        return []
    try:
        return explained(pass_, row, method, part, found, t, d, wrong, rng)
    except Exception as error:  # noqa: BLE001 - a diagnosis is worth less than a verdict
        said = f"The diagnosis of {row.name} failed ({type(error).__name__}: {error}); the verdict stands."
        report.notes.append(said)
        return []
