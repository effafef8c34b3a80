"""A whole model: every gradient of it against a numerical derivative (lesson 06)."""

import copy
import inspect
import warnings
from dataclasses import replace
from types import MethodType

import numpy as np

from ..bounds import OBJECTIVES
from ..layers import sigmoid
from ..likelihoods import LOG_SIGMA_MIN
from ..trace import Trace
from .compare import Block, compare
from .diagnosis import AGAIN, DIAGNOSED, REPEATS, SIMPLE, Explanation, diagnose, ranked, stacked
from .numeric import METHODS, STEP
from .report import FLOAT32, NAN, UNFROZEN, Report, Stop

SMALL = 5000  # coordinates: a larger model is sampled
SAMPLES = 20  # coordinates per block, there
PARTS = None, "reconstruction", "kl"
ACCUMULATED = (
    "yours adds to the gradient that was there instead of overwriting it: a second call gives the sum of"
    " both."
)
UNUSED = (
    "yours takes no notice of the eps of the forward pass: other noise, or another number, stands in its"
    " place."
)


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
               20 of each block of a large one. The rest of a sampled block is checked by the slope along one
               random direction.
    explain    whether to look for the cause of a wrong gradient

    Checks all parameters, x and every intermediate of the trace, on a copy in float64 (or complex128) that
    shares the model's code: the model itself is neither changed nor trained. Returns a Report. A mistake
    spoils every gradient that a backward pass comes to after it; the Report names the first wrong one, where
    it sits, and looks for the cause. Raises ValueError for unknown settings, and for input that the model
    refuses.

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
    pass_ = _Pass(vae, x, eps, y, objective)
    what = OBJECTIVES[objective].name + (f" ({part} alone)" if part else "")
    draws = f"{len(pass_.eps)} samples of " if pass_.eps.ndim == 3 else ""
    of = f"{draws}{len(pass_.x)} images of {vae.n_inputs} pixels, hidden {vae.hidden}, {vae.n_latent} latents"
    kinds = f"{vae.likelihood.name} decoder, {vae.head} head, {vae.activation}"
    report = Report(f"Gradient check of {what} by {METHODS[method]}\n  {of}; {kinds}", method)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _check(pass_, report, method, part, samples, seed, explain)
    except Stop as stop:
        report.traps.append(stop.trap)
    return report


class _Nudged(Trace):
    """A trace in which delta is added to one intermediate where it is set:
    the next stage begins with the sum."""

    __slots__ = ("_delta", "_name")

    def __init__(self, name, delta):
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_delta", delta)

    def __setattr__(self, name, value):
        super().__setattr__(name, value + self._delta if name == self._name else value)


def _copy(vae, dtype):
    """The model in another dtype, with everything that may have been put in its place: a subclass,
    a likelihood, a method."""
    model = copy.copy(vae)
    model.dtype, model.rng = np.dtype(dtype), copy.deepcopy(vae.rng)
    model.build(np.random.default_rng(0))
    model.theta = vae.theta
    for name, value in vars(vae).items():
        if inspect.ismethod(value) and value.__self__ is vae:
            setattr(model, name, MethodType(value.__func__, model))
    return model


def beside(name):
    """The other branch, where the flow parts: mu and sigma, the pixels' means and sigmas."""
    branches = ({"mu"}, {"raw", "sigma"}), ({"mean"}, {"raw_log_sigma", "log_sigma"})
    return {n for two in branches for one, other in (two, two[::-1]) if name in one for n in other}


class _Pass:
    """One batch through copies of a model: its loss with something added to any array,
    and its gradients by hand."""

    def __init__(self, vae, x, eps, y, objective):
        self.vae, self.run, self.backward = vae, OBJECTIVES[objective].run, OBJECTIVES[objective].backward
        self.model, self.complex_model = _copy(vae, np.float64), None
        self.x, self.eps, self.y = self.model.check_batch(x, eps, y)
        self.split = objective == "elbo" and vae.beta != 0  # into reconstruction and KL

    def trace(self, model, t):
        x, eps, y = (a if a is None else a.astype(model.dtype) for a in (self.x, self.eps, self.y))
        return self.run(model, x, eps, y, t)

    def loss(self, name=None, delta=0.0, part=None):
        """The loss, or a part of it, with delta added to the parameter or intermediate of this name."""
        model = self.model
        if np.iscomplexobj(delta):
            model = self.complex_model = self.complex_model or _copy(self.vae, np.complex128)
        if name in model.parameters:
            saved = model.parameters[name].copy()
            model.parameters[name] = saved + delta
            try:
                t = self.trace(model, Trace())
            finally:
                model.parameters[name] = saved
        else:
            t = self.trace(model, _Nudged(name, delta))
        if part is None:
            return t.loss
        return (-t.log_px_z if part == "reconstruction" else t.log_px_z - t.objective).sum() * model.weight(t)

    def gradients(self, part=None):
        """{name: its gradient by hand}, and the two traces of it."""
        model = self.model
        if part is not None:  # the gradient is linear in beta
            whole, beta, model.beta = self.gradients()[0], model.beta, 0.0
            try:
                found, t, d = self.gradients()
            finally:
                model.beta = beta
            return {name: whole[name] - found[name] for name in whole} if part == "kl" else found, t, d
        t = self.trace(model, Trace())
        d = self.backward(model, t, True)
        found = {name[1:]: np.array(d[name], float) for name in d if name[0] == "d" and name[1:] in t}
        return found | {name: g.copy() for name, g in model.gradients.items()}, t, d

    def flow(self, t, found):
        """The names of all gradients in the order of the flow;
        a layer's parameters stand before its output."""
        order = [name for name in t if name in found]
        for parameter in self.vae.parameters:
            stack, layer = parameter.split(".")[:2]
            outputs = f"{stack}_a{layer}", layer, *(("mu",) if stack == "encoder" else ("logits", "mean"))
            order.insert(order.index(next(name for name in outputs if name in order)), parameter)
        return order

    def after(self, name, order):
        """The gradients that name's is made from: those of all later intermediates,
        but for the branch beside it."""
        return set(order[order.index(name) + 1 :]) - set(self.vae.parameters) - beside(name)


def _check(pass_, report, method, part, samples, seed, explain):
    """Fill the report."""
    model, rng = pass_.model, np.random.default_rng(seed)
    loss = pass_.loss(part=part)
    if not np.isfinite(loss):
        raise Stop("NaN", NAN.format(what="The loss"))
    if pass_.loss(part=part) != loss:
        raise Stop("noise", UNFROZEN.format(what="the forward pass"))
    model.grad[:] = stale = rng.standard_normal(model.grad.shape)
    theta = model.theta.copy()
    try:
        found, t, d = pass_.gradients(part)
        again = pass_.gradients(part)[0]
    except Exception as error:  # noqa: BLE001 - a backward pass in the making
        raise Stop("raised", f"The backward pass raised {type(error).__name__}: {error}") from None
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

    order = pass_.flow(t, found)
    if samples is None:
        samples = SAMPLES if sum(found[name].size for name in order) > SMALL else SMALL
    noise = 4 * np.finfo(float).eps * max(1.0, abs(float(loss))) / STEP
    for name in order:
        row, trap = compare(
            Block(name, found[name], lambda e, name=name: pass_.loss(name, e, part), noise),
            samples,
            method,
            rng,
        )
        report.rows.append(row)
        if trap:
            report.traps = [trap]  # the last one is nearest to where it happened
    if pass_.vae.dtype == np.float32:
        report.notes.append("The model is float32; what was checked is a copy in float64, by the same lines.")
    if any(row.size > samples for row in report.rows):
        report.notes.append(
            f"{samples} coordinates of each larger block, and the slope along a random direction for the rest"
            " of it."
        )
    if any(row.skipped for row in report.rows):
        report.notes.append(
            "On a kink the slopes to the left and right differ: such coordinates are skipped, and not held"
            " against the gradient."
        )
    wrong = {row.name for row in report.rows if not row.right}
    if report.traps or not wrong:
        return
    report.first = [name for name in order[::-1] if name in wrong and not pass_.after(name, order) & wrong]
    starts = dict(zip(model.parameters, np.cumsum([0, *(p.size for p in model.parameters.values())])))
    for row in report.wrong[: 2 * explain]:
        a, b = found[row.name], again[row.name]
        if np.array_equal(a, b, equal_nan=True):
            row.explanations = (
                _explained(pass_, row.name, method, part, found, t, d, wrong, rng)
                if np.isfinite(a).all()
                else []
            )
            continue
        old = stale[starts[row.name] :][: a.size].reshape(a.shape) if row.name in starts else np.nan
        summed = np.allclose(b - a, a - old)
        row.explanations = [
            (
                Explanation("accumulated", "the old gradient", 0.0, ACCUMULATED)
                if summed
                else Explanation("noise", "eps", 0.0, AGAIN)
            )
        ]


def _explained(pass_, name, method, part, found, t, d, wrong, rng):
    """diagnose for one gradient; all in units of one image (and sample, where it has one):
    the mean's 1/(K B) taken out."""
    model = pass_.model
    per_sample = t.eps.ndim == 3 and name in t and t[name].ndim == 3 and "log_w" not in t
    units = (len(t.x) if model.reduction == "mean" else 1.0) * (len(t.eps) if per_sample else 1.0)
    units = units if name in t and np.ndim(t[name]) > 1 else 1.0
    named = _named(pass_, t, d, wrong, units, name)

    if found[name].size == 1 and pass_.eps.size > 1:
        return diagnose(*_repeated(pass_, name, method, part, wrong, units, rng))
    n = found[name].size
    entries = np.arange(n) if n <= DIAGNOSED else np.sort(rng.choice(n, DIAGNOSED, replace=False))

    def measured(part):
        analytic = pass_.gradients(part)[0][name]
        analytic = analytic[..., None] if name == "log_w" else analytic  # (K, B) as (K, B, 1)
        block = Block(name, analytic, lambda e: pass_.loss(name, e.reshape(found[name].shape), part), 0.0)
        return analytic * units, block.numeric(entries, method) * units

    analytic, numeric = measured(part)
    parts, paths = {}, {}
    if part is None and pass_.split and (name in ("x", "mu", "raw", "sigma") or name.startswith("encoder")):
        parts = {"the reconstruction's path": measured("reconstruction"), "the KL path": measured("kl")}
        paths = {words: n for words, (_, n) in parts.items()}
    if name == f"encoder_h{len(model.hidden) - 1}":
        W, M = model.encoder.layers[-1].W, model.n_latent
        paths |= {
            "the path of the mean head": units * d.dmu @ W[:, :M].T,
            "the path of the sigma head": units * d.draw @ W[:, M:].T,
        }
    if name == "x":
        head = np.concatenate([d.dmu, d.draw], axis=-1)
        through = (
            units
            * ((d.dencoder_a0 if model.hidden else head) @ model.encoder.layers[0].W.T)[:, : model.n_inputs]
        )
        paths |= {
            "the path through the encoder": through,
            "the path of x as the decoder's target": numeric - through,
        }
    explained = ranked(analytic, numeric, named, paths)
    if not explained or explained[0][0] > SIMPLE:
        for words, (a, n) in parts.items():
            explained += [
                (cost + 0.5, replace(e, words=f"on {words}, {e.words}")) for cost, e in ranked(a, n, named)
            ]
    explained = [e for _, e in sorted(explained, key=lambda pair: pair[0])]
    if not explained and name == "sigma":
        eps, t.eps = t.eps, t.eps + 1
        unchanged = np.array_equal(pass_.backward(model, t, True).dsigma, d.dsigma)
        t.eps = eps
        explained = [Explanation("noise", "eps", np.nan, UNUSED)] if unchanged else []
    return explained


def _repeated(pass_, name, method, part, wrong, units, rng):
    """One number is explained by too many formulas: the gradients and names of REPEATS draws of eps,
    along a new last axis."""
    eps, draws = pass_.eps, []
    try:
        for _ in range(REPEATS):
            pass_.eps = rng.standard_normal(eps.shape)
            found, t, d = pass_.gradients(part)
            block = Block(name, found[name], lambda e: pass_.loss(name, e, part), 0.0)
            draws.append(
                (
                    found[name] * units,
                    block.numeric([0], method) * units,
                    _named(pass_, t, d, wrong, units, name),
                )
            )
    finally:
        pass_.eps = eps
    return stacked(draws)


def _named(pass_, t, d, wrong, units, block):
    """The names for a diagnosis: the trace, the right gradients that the wrong one is made from, weights,
    and sizes."""
    model = pass_.model
    per_image = {"loss", "elbo", "objective", "kl", "log_px_z", "bound", "log_w"}
    named = {name: t[name] for name in t if name not in per_image}
    order = pass_.flow(t, {*(name[1:] for name in d), *model.parameters})
    sources = (pass_.after(block, order) | ({"mu"} & beside(block))) - wrong
    named |= {name: units * d[name] for name in d if name[1:] in sources}
    if "log_w" in t:
        w = np.exp(t.log_w - t.bound) / len(t.log_w)
        weights = {
            "log_w": t.log_w,
            "w": w,
            "softmax(-log_w)": (1 / w) / (1 / w).sum(axis=0),
            "(log_w - sum(w * log_w))": t.log_w - (w * t.log_w).sum(axis=0),
        }
        named |= {name: v[..., None] for name, v in weights.items()}
        if "dlog_w" in named:
            named["dlog_w"] = named["dlog_w"][..., None]
    if "mean" in t:
        named |= {
            "sigma_x": np.exp(t.log_sigma),
            "(x - mean)": t.x - t.mean,
            "u": (t.x - t.mean) * np.exp(-t.log_sigma),
        }
        if "raw_log_sigma" in t:
            named[f"sigmoid(raw_log_sigma + {-LOG_SIGMA_MIN:g})"] = sigmoid(t.raw_log_sigma - LOG_SIGMA_MIN)
    for name, left, right in (("dhead", "dmu", "draw"), ("doutput", "dmean", "draw_log_sigma")):
        if left in named and right in named and np.ndim(named[left]) == np.ndim(named[right]):
            named[name] = np.concatenate([named[left], named[right]], axis=-1)
    if model.n_conditions:
        named |= {
            "(x, y)": model.with_condition(t.x, t),
            "(z, y)": model.with_condition(t.z, t),
            "C": model.n_conditions,
        }
    sizes = {"K": len(t.eps)} if t.eps.ndim == 3 else {}
    return named | {
        **model.parameters,
        "beta": model.beta,
        "B": len(t.x),
        **sizes,
        "D": model.n_inputs,
        "M": model.n_latent,
    }
