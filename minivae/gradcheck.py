"""Is the gradient right? Nudge one number, run again, compare; and say where it goes wrong, and why (lesson 06).

    check(vae, x, eps)                       the whole model: every parameter, the input, every intermediate
    check_gradient(f, df, x, y)              a pair of functions of your own, any shapes
    diagnose(analytic, numeric, named)       what is wrong with a gradient that is wrong (diagnosis.py)

Two derivatives to compare with: central differences (f(x + h) - f(x - h)) / 2h (6.2), good to about 1e-9, and the complex step
Im f(x + ih) / h (6.4), exact to rounding, for functions that are analytic (Squire & Trapp 1998). A block of numbers is judged
by max |a - n| / max(|a| + |n|) (6.5). Both prove that backward belongs to forward, not that forward is a VAE: for that, see exact.py.
"""

import inspect
import warnings
from dataclasses import dataclass, field

import numpy as np

from . import bounds, training
from .diagnosis import Explanation, diagnose
from .vae import Trace

__all__ = ["check", "check_gradient", "diagnose", "Explanation", "Report", "Row", "Trap", "central_difference", "complex_step"]

STEP = 6e-6  # of a central difference: where rounding and curvature cost about the same in float64
COMPLEX_STEP = 1e-20  # of a complex step: nothing is subtracted, so it may be as small as one likes
TOLERANCE = {"central": 1e-6, "complex": 1e-10}
NAMES = {"central": "central differences", "complex": "complex step"}
BANDS = {
    "central": ((1e-8, "right"), (1e-6, "right, a little noisy"), (1e-4, "suspicious: a kink, or a small term"), (np.inf, "wrong")),
    "complex": ((1e-13, "exact"), (1e-10, "right"), (1e-4, "suspicious: a small term"), (np.inf, "wrong")),
}
ENOUGH = 5000  # coordinates: a model with more is sampled
SAMPLES = 20  # per block, where it is sampled
DIAGNOSED = 600  # coordinates of the first wrong block that are measured for the diagnosis


# The two derivatives. f(d) is the value of a function at a place moved by the array d.


def central_difference(f, direction, h=STEP):
    """(f(h v) - f(-h v)) / 2h: the slope along v (6.2). The error is about h^2 + 1e-16 |f| / h."""
    return (f(h * direction) - f(-h * direction)) / (2 * h)


def complex_step(f, direction, h=COMPLEX_STEP):
    """Im f(i h v) / h: the slope along v without a subtraction (6.4). f must be analytic, and compute in complex numbers."""
    return np.imag(f(1j * h * direction)) / h


def unit(shape, i):
    """The direction of one coordinate: zeros of this shape, and 1 at the flat index i."""
    direction = np.zeros(shape)
    direction.flat[i] = 1
    return direction


def relative_error(analytic, numeric):
    """max |a - n| / max(|a| + |n|) over a block (6.5); 0 where both are zero everywhere."""
    scale = np.max(np.abs(analytic) + np.abs(numeric), initial=0)
    return float(np.max(np.abs(analytic - numeric), initial=0) / scale) if scale else 0.0


# What a check returns.


@dataclass
class Row:
    """One block of the gradient: an array with a name."""

    name: str
    shape: tuple
    error: float  # relative; NaN where nothing could be compared
    checked: int  # coordinates
    skipped: int = 0  # coordinates on a kink
    right: bool = True
    words: str = ""
    explanations: list = field(default_factory=list)  # of what is wrong, the likeliest first

    @property
    def size(self):
        return int(np.prod(self.shape))


@dataclass
class Trap:
    """Why a check cannot speak, or could not at first: not a fault of the gradient's formula."""

    name: str  # "noise", "NaN", "float32", "imaginary part", "kink", "raised", "None", "list", "shape", "changed", ...
    words: str

    def __str__(self):
        return self.words


@dataclass
class Report:
    """What a check found; print it.

    rows: a Row per gradient; first: the names of those where the mistake sits; traps: why the check could not speak.
    """

    title: str
    method: str
    rows: list = field(default_factory=list)
    first: list = field(default_factory=list)
    traps: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def passed(self):
        """Every block is right, and nothing stood in the way of saying so."""
        return not self.traps and bool(self.rows) and all(row.right for row in self.rows)

    @property
    def worst(self):
        """The largest relative error of a block; NaN where nothing was compared."""
        errors = [row.error for row in self.rows]
        return max(errors) if errors and not np.isnan(errors).any() else float("nan")

    @property
    def explanations(self):
        """What is wrong, the likeliest first; empty where nothing named fits, or nothing is wrong."""
        lists = [row.explanations for row in self.rows if row.name in self.first]
        return [e for rank in range(max(map(len, lists), default=0)) for found in lists for e in found[rank : rank + 1]]

    @property
    def summary(self):
        """The result in a few sentences."""
        if self.traps:
            return " ".join(trap.words for trap in self.traps)
        if self.passed:
            return f"{len(self.rows)} gradient{'s' * (len(self.rows) > 1)} right, worst relative error {self.worst:.1e}."
        wrong = [row for row in self.rows if row.name in self.first]
        return " ".join(f"The gradient of {row.name} is wrong: {_why(row)}" for row in wrong)

    def __str__(self):
        lines = [self.title]
        if self.rows:
            width = max(len("gradient of"), *(len(row.name) for row in self.rows))
            shapes = max(len("shape"), *(len(str(row.shape)) for row in self.rows))
            lines += ["", f"  {'gradient of':{width}}  {'shape':{shapes}}  {'checked':>14}  error"]
            for row in self.rows:
                checked = f"all {row.size}" if row.checked + row.skipped == row.size else f"{row.checked} of {row.size}"
                words = row.words + (f" ({row.skipped} on a kink, skipped)" if row.skipped else "")
                mark = "   <- here" if row.name in self.first else ""
                lines.append(f"  {row.name:{width}}  {str(row.shape):{shapes}}  {checked:>14}  {row.error:<7.1e}  {words}{mark}")
            bands, low = [], ""
            for top, words in BANDS[self.method]:
                bands.append(f"{words} {'above ' + low if top == np.inf else f'up to {top:.0e}'}")
                low = f"{top:.0e}"
            lines += ["", f"  error = max |a - n| / max(|a| + |n|) of a block; with {NAMES[self.method]}: {'; '.join(bands)}."]
        lines += [f"  {note}" for note in self.notes]
        if self.traps:
            lines += ["", *(f"STOPPED ({trap.name}). {trap.words}" for trap in self.traps)]
        elif self.passed:
            lines += ["", f"PASSED: {self.summary}"]
        else:
            lines += ["", "FAILED."]
            for row in (row for row in self.rows if row.name in self.first):
                lines.append(f"  The gradient of {row.name} is wrong: {_why(row)}")
                lines += [f"    or: {e.words}" for e in row.explanations[1:3]]
        return "\n".join(lines)

    __repr__ = __str__


def _why(row):
    if row.explanations:
        return row.explanations[0].words
    return "no factor or term among the named numbers explains the difference." if np.isfinite(row.error) else row.words + "."


def _band(error, method):
    return "NaN" if np.isnan(error) else next(words for top, words in BANDS[method] if error <= top)


# The comparison of one block.


@dataclass
class _Block:
    """A block under test: the analytic gradient, and f(d), the loss with the array d added to it, in real and complex numbers."""

    name: str
    analytic: np.ndarray
    f: object
    complex_f: object
    noise: float  # rounding error of a central difference, absolute
    at: np.ndarray = None  # the numbers that are nudged, where they are large

    def slope(self, direction, method):
        if method == "complex":
            return complex_step(self.complex_f, direction)
        return central_difference(self.f, direction, self.step(direction))

    def step(self, direction):
        """STEP, relative to the numbers that are nudged where they are larger than 1."""
        return STEP if self.at is None else STEP * max(1.0, float(np.max(np.abs(self.at[direction != 0]), initial=0)))

    def numeric(self, entries, method):
        """The numerical gradient at these flat indices, NaN elsewhere."""
        gradient = np.full(self.analytic.shape, np.nan)
        for i in entries:
            gradient.flat[i] = self.slope(unit(self.analytic.shape, i), method)
        return gradient


def _compare(block, samples, method, rng):
    """(Row, numeric gradient with NaN where it was not measured, trap or None) of one block."""
    analytic, size, tolerance = block.analytic, block.analytic.size, TOLERANCE[method]
    everything = size <= samples
    entries = np.arange(size) if everything else np.sort(rng.choice(size, samples, replace=False))
    if np.isnan(analytic).any() or np.isinf(analytic).any():
        bad = np.unravel_index(np.flatnonzero(~np.isfinite(analytic))[0], analytic.shape)
        place = f"first at {list(map(int, bad))}"
        return Row(block.name, analytic.shape, np.nan, 0, 0, False, f"NaN or infinite, {place}"), None, None
    numeric = block.numeric(entries, method)
    trap, skipped = None, 0
    scale = _scale(analytic, numeric)
    for i in entries[~(np.abs(analytic.flat[entries] - numeric.flat[entries]) <= tolerance * scale)][:200]:
        verdict, value = _second_opinion(block, unit(analytic.shape, i), analytic.flat[i], numeric.flat[i], scale, method)
        numeric.flat[i] = value
        skipped += verdict == "kink"
        trap = trap or (verdict if isinstance(verdict, Trap) else None)
    seen = entries[np.isfinite(numeric.flat[entries])]
    if len(seen) == 0 and skipped < len(entries):
        return Row(block.name, analytic.shape, np.nan, 0, skipped, False, "the function is NaN beside this place"), numeric, trap
    error = relative_error(analytic.flat[seen], numeric.flat[seen])
    off = np.max(np.abs(analytic.flat[seen] - numeric.flat[seen]), initial=0)
    if not everything:  # every other coordinate, all at once
        direction = rng.choice([-1.0, 1.0], analytic.shape)
        expected, norm = float(np.sum(direction * analytic)), float(np.sqrt(np.sum(analytic**2)))
        slope = block.slope(direction, method)
        size_of_both = norm + max(norm, abs(slope))
        if size_of_both and abs(slope - expected) > tolerance * size_of_both:
            verdict, slope = _second_opinion(block, direction, expected, slope, size_of_both, method)
            trap = trap or (verdict if isinstance(verdict, Trap) else None)
        if np.isfinite(slope) and size_of_both:
            error, off = max(error, abs(slope - expected) / size_of_both), max(off, abs(slope - expected))
    right = error <= tolerance
    words = _band(error, method)
    if not right and method == "central" and off <= block.noise:
        right, words = True, "too small for central differences: rounding"
    if skipped == len(entries) and skipped:
        words = "nothing to compare: every coordinate lies on a kink"
    elif error == 0 and not analytic.any():
        words = "0, as it should be"
    return Row(block.name, analytic.shape, error, len(entries) - skipped, skipped, right, words), numeric, trap


def _scale(analytic, numeric):
    seen = np.isfinite(numeric)
    return max(float(np.max(np.abs(analytic[seen]) + np.abs(numeric[seen]), initial=0)), 1e-300)


def _second_opinion(block, direction, analytic, numeric, scale, method):
    """(verdict, slope) where analytic and numeric disagree: is it the gradient, or the derivative that cannot be had so?

    A kink between x - h and x + h goes away with a smaller h. A kink at x itself has two slopes, and the gradient may be
    any number between them. Where the complex step disagrees and central differences agree, the imaginary part was lost.
    """
    h = block.step(direction)
    here = block.f(0 * direction)
    closest, slopes = numeric, []
    for step in (h, h / 10, h / 100):
        up, down = block.f(step * direction), block.f(-step * direction)
        right, left, middle = (up - here) / step, (here - down) / step, (up - down) / (2 * step)
        if abs(middle - analytic) <= 1e-6 * scale:
            if method == "complex":
                return Trap("imaginary part", LOST.format(name=block.name)), numeric
            return "near a kink", middle
        slopes.append((left, right))
    gaps = [abs(right - left) for left, right in slopes]
    low, high = sorted(slopes[-1])
    if gaps[1] > 0.5 * gaps[0] > 5e-4 * scale and gaps[2] > 0.5 * gaps[1] and low - 1e-3 * scale <= analytic <= high + 1e-3 * scale:
        return "kink", np.nan
    return "wrong", closest


LOST = (
    "The complex step lost the imaginary part on its way through {name}, where central differences agree with the gradient: "
    "abs, sign, norm, conjugate, a comparison, .real or a float buffer drops it. The gradient is not to blame; check it with method='central'."
)


# The whole model.


class _Nudged(Trace):
    """A trace in which one intermediate is off by delta from where it is set: the next stage begins with it."""

    __slots__ = ("_name", "_delta")

    def __init__(self, name, delta):
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_delta", delta)

    def __setattr__(self, name, value):
        super().__setattr__(name, value + self._delta if name == self._name else value)


_RUN = {"elbo": lambda vae, x, eps, y, t: vae.run(x, eps, y, t), "iwae": bounds.run_iwae}
PARTS = None, "reconstruction", "kl"


def check(vae, x, eps, y=None, method="central", objective="elbo", part=None, samples=None, seed=0):
    """Every gradient of the model against a numerical derivative, and where and how it goes wrong if it does.

    x (B, D), eps (B, M) or (K, B, M), y: as for vae.forward. Take B > 1 and K > 1: mistakes of layout vanish at 1.
    method     "central" (any model) or "complex" (to the last digit; kinks are no matter unless a number sits on one)
    objective  "elbo", or "iwae" for the importance-weighted bound of bounds.py
    part       None for the loss, "reconstruction" for -log p(x|z) alone, "kl" for beta KL alone
    samples    at most so many coordinates per block, drawn with seed; by default all of a small model, 20 of a large
               one. Where a block is sampled, the slope along one random direction checks the rest of it.

    Checks all parameters, x and every intermediate of the trace, in the order of the flow, on a copy in float64 (or
    complex128): the model itself is neither changed nor trained. Returns a Report. A mistake shows in every gradient
    before it in the flow; the Report names the last ones, where it sits, and looks for its cause.
    Raises ValueError for unknown settings and input that the model refuses.
    """
    for name, value, known in (("method", method, TOLERANCE), ("objective", objective, _RUN), ("part", part, PARTS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(map(repr, known))}.")
    if part is not None and objective != "elbo":
        raise ValueError("the importance-weighted bound has no parts: leave part out, or take objective='elbo'.")
    pass_ = _Pass(vae, x, eps, y, objective)
    K = f"{pass_.eps.shape[0]} samples x " if pass_.eps.ndim == 3 else ""
    what = {None: "", "reconstruction": ", the reconstruction alone", "kl": ", the KL alone"}[part]
    report = Report(
        f"Gradient check of {objective}{what} by {NAMES[method]}: {K}{len(pass_.x)} images, {vae.n_inputs} pixels, hidden {vae.hidden}, "
        f"{vae.n_latent} latents, {vae.likelihood.name}, {vae.sigma} head, {vae.activation}.",
        method,
    )
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            _check(pass_, report, method, part, samples, seed)
    except np.exceptions.ComplexWarning:
        report.traps.append(Trap("imaginary part", LOST.format(name="the model")))
    return report


class _Pass:
    """One pass through copies of the model: the loss with something added to any array, and the gradients by hand."""

    def __init__(self, vae, x, eps, y, objective):
        self.objective = objective
        self.models = {"f": vae.astype(np.float64)}
        self.x, self.eps, self.y = self.models["f"].check_batch(x, eps, y)
        self.vae = vae

    def model(self, kind):
        if kind not in self.models:
            self.models[kind] = self.vae.astype(np.complex128)
        return self.models[kind]

    def loss(self, name=None, delta=0.0, part=None):
        """The loss (or a part of it) after delta is added to the parameter or intermediate of this name."""
        kind = "c" if np.iscomplexobj(delta) else "f"
        model = self.model(kind)
        x, eps, y = (a if a is None else a.astype(model.dtype) for a in (self.x, self.eps, self.y))
        run = _RUN[self.objective]
        if name in model.parameters:
            parameter = model.parameters[name]
            saved = parameter.copy()
            parameter += delta
            try:
                t = run(model, x, eps, y, Trace())
            finally:
                parameter[:] = saved
        else:
            t = run(model, x, eps, y, _Nudged(name, delta))
        if part is None:
            return t.loss
        summed = -t.log_px_z if part == "reconstruction" else t.log_px_z - t.objective
        return summed.sum() * model._weight(t)

    def gradients(self, part=None):
        """{name: gradient by hand} in the order in which backward finds them, and the two traces."""
        model = self.model("f")
        beta = model.beta
        if part is not None:
            whole, t, d = self.gradients()
            model.beta = 0.0
            try:
                reconstruction, t, d = self.gradients()
            finally:
                model.beta = beta
            if part == "reconstruction":
                return reconstruction, t, d
            return {name: whole[name] - reconstruction[name] for name in whole}, t, d
        t = _RUN[self.objective](model, self.x, self.eps, self.y, Trace())
        d = training.STEPS[self.objective][1](model, t, True)
        found = {name[1:]: np.array(d[name], float) for name in d if name.startswith("d") and name[1:] in t}
        found |= {name: g.copy() for name, g in model.gradients.items()}
        return found, t, d

    def flow(self, t, names):
        """The names in the order of the flow: a layer's parameters stand before its output."""
        order = [name for name in t if name in names]
        first_output = order[order.index("z") + 1] if order.index("z") + 1 < len(order) else "z"
        for parameter in self.vae.parameters:
            if parameter not in names:
                continue
            stack, layer = parameter.split(".")[:2]
            place = f"{stack}_a{layer}"
            if place not in order:
                place = "mu" if stack == "encoder" else "raw_log_sigma" if layer == "raw_log_sigma" else None
            if place is None:
                place = next((n for n in ("logits", "mean") if n in order), first_output)
            order.insert(order.index(place), parameter)
        return order

    def after(self, name, names):
        """The blocks that name's gradient is made from: those of the next stage."""
        depth = len(self.vae.hidden)
        outputs = [n for n in ("logits", "mean", "raw_log_sigma") if n in names]
        head = ["mu", "raw"]

        def stage(stack, i):
            return [f"{stack}_a{i}"] if i < depth else (head if stack == "encoder" else outputs)

        if name == "x":
            nexts = stage("encoder", 0)
        elif name == "mu":
            nexts = ["z"]
        elif name == "sigma":
            nexts = ["z"]
        elif name == "raw":
            nexts = ["sigma"]
        elif name == "z":
            nexts = stage("decoder", 0)
        elif name == "raw_log_sigma":
            nexts = ["log_sigma"]
        elif name == "decoder.raw_log_sigma":
            nexts = ["raw_log_sigma"]
        elif "." in name:
            stack, i = name.split(".")[:2]
            nexts = stage(stack, int(i))
        elif "_a" in name:
            nexts = [name.replace("_a", "_h")]
        elif "_h" in name:
            stack, i = name.split("_h")
            nexts = stage(stack, int(i) + 1)
        else:
            nexts = ["log_w"]
        return [n for n in nexts if n in names]

    def first_wrong(self, wrong, names):
        """The wrong blocks after which, on the way forward, everything is right: where the mistake sits."""

        def all_after(name):
            found = set()
            for n in self.after(name, names):
                found |= {n} | all_after(n)
            return found

        return [name for name in wrong if not all_after(name) & set(wrong)]


def _check(pass_, report, method, part, samples, seed):
    """Fill the report."""
    loss = pass_.loss(part=part)
    if not np.isfinite(loss):
        report.traps.append(Trap("NaN", f"The loss is {loss} before anything is nudged: look for log(0), 0/0 or an overflowing exp in the forward pass."))
        return
    if pass_.loss(part=part) != loss:
        report.traps.append(Trap("noise", UNFROZEN.format(what="the forward pass")))
        return
    try:
        stale = np.random.default_rng(seed).standard_normal(len(pass_.model("f").grad))
        theta = pass_.model("f").theta.copy()
        pass_.model("f").grad[:] = stale
        found, t, d = pass_.gradients(part)
        again = pass_.gradients(part)[0]
    except np.exceptions.ComplexWarning:
        raise
    except Exception as error:  # noqa: BLE001 - a backward pass in the making
        report.traps.append(Trap("raised", f"The backward pass raised {type(error).__name__}: {error}"))
        return
    if not np.array_equal(theta, pass_.model("f").theta):
        report.traps.append(Trap("changed", "The backward pass changed the parameters; it must compute gradients and update nothing."))
        return
    rng = np.random.default_rng(seed)
    names = pass_.flow(t, found)
    total = sum(found[name].size for name in names)
    if samples is None:
        samples = total if total <= ENOUGH else SAMPLES
    noise = 4 * np.finfo(float).eps * max(1.0, abs(float(loss))) / STEP
    wrong, numerics, blocks = [], {}, {}
    for name in names:
        blocks[name] = block = _Block(
            name, found[name],
            lambda delta, name=name: float(pass_.loss(name, delta, part)),
            lambda delta, name=name: pass_.loss(name, delta, part),
            noise,
        )  # fmt: skip
        row, numerics[name], trap = _compare(block, samples, method, rng)
        report.rows.append(row)
        if trap:
            report.traps.append(trap)
        if not row.right:
            wrong.append(name)
    if any(row.checked < row.size - row.skipped for row in report.rows):
        report.notes.append(f"Sampled: {samples} coordinates of a larger block, and the slope along a random direction for all of it.")
    n_skipped = sum(row.skipped for row in report.rows)
    if n_skipped:
        report.notes.append(f"{n_skipped} coordinates lie on a kink, where the slopes to the left and right differ: skipped, not wrong.")
    if wrong and not report.traps:
        report.first = pass_.first_wrong(wrong, names)
        _explain(pass_, report, method, part, blocks, numerics, found, again, stale, t, d, rng, wrong)


UNFROZEN = (
    "The same input gave two different values: {what} draws fresh noise inside. Draw eps once, outside, and pass it in; "
    "then the function is deterministic and has a derivative."
)


def _explain(pass_, report, method, part, blocks, numerics, found, again, stale, t, d, rng, wrong):
    """Look for the cause at the first wrong gradient."""
    starts = dict(zip(pass_.vae.parameters, np.cumsum([0] + [p.size for p in pass_.vae.parameters.values()])))
    for row in (row for row in report.rows if row.name in report.first):
        name = row.name
        a, b = found[name], again[name]
        if not np.array_equal(a, b, equal_nan=True):
            if name in starts and np.allclose(b - a, a - stale[starts[name] :][: a.size].reshape(a.shape)):
                words = "yours adds to the old gradient instead of overwriting it: a second call gives the sum of both."
                row.explanations.append(Explanation("accumulated", "the old gradient", 0.0, words))
            else:
                words = "yours differs from call to call: noise is drawn again in the backward pass, where the eps of the forward pass is meant."
                row.explanations.append(Explanation("noise", "eps", 0.0, words))
            continue
        if numerics[name] is None:
            continue
        row.explanations += _diagnosed(pass_, method, part, blocks[name], t, d, rng, wrong)


def _diagnosed(pass_, method, part, block, t, d, rng, wrong):
    """diagnose one block, in units of one image: the weight 1/B of the mean is taken out."""
    model, name, size = pass_.model("f"), block.name, block.analytic.size
    unit_of = len(t.x) if model.reduction == "mean" else 1.0
    entries = np.arange(size) if size <= DIAGNOSED else np.sort(rng.choice(size, DIAGNOSED, replace=False))
    numeric = block.numeric(entries, method) * unit_of
    named, paths = _names(pass_, t, d, wrong, unit_of), {}
    if part is None and pass_.objective == "elbo" and model.beta:
        pieces = {}
        for p in ("reconstruction", "kl"):
            piece = _Block(name, pass_.gradients(p)[0][name], lambda e, p=p: float(pass_.loss(name, e, p)), lambda e, p=p: pass_.loss(name, e, p), 0)
            pieces[p] = piece.analytic * unit_of, piece.numeric(entries, method) * unit_of
        if all(np.nanmax(np.abs(n)) > 1e-9 for a, n in pieces.values()):
            paths = {"the decoder's path" if name in ("mu", "sigma", "raw") else "the reconstruction's path": pieces["reconstruction"][1], "the KL path": pieces["kl"][1]}
    if name == f"encoder_h{len(pass_.vae.hidden) - 1}":
        W = model.parameters[f"encoder.{len(pass_.vae.hidden)}.W"]
        M = pass_.vae.n_latent
        paths |= {"the path of the mean head": d.dmu @ W[:, :M].T * unit_of, "the path of the sigma head": d.draw @ W[:, M:].T * unit_of}
    if name == "x" and part is None:
        target = numeric - _through_encoder(pass_, t, d) * unit_of
        paths = {"the path through the encoder": _through_encoder(pass_, t, d) * unit_of, "the path of x as the decoder's target": target}
    paths = {words: np.where(np.isfinite(numeric), p, np.nan) for words, p in paths.items()}
    explanations = diagnose(block.analytic * unit_of, numeric, named, paths)
    if paths and part is None and pass_.objective == "elbo" and name not in ("x",) and model.beta and "the KL path" in paths:
        for p, (a, n) in pieces.items():
            if np.nanmax(np.abs(a - n)) > 1e-6 * np.nanmax(np.abs(a) + np.abs(n)):
                for e in diagnose(a, n, named)[:2]:
                    label = "the reconstruction" if p == "reconstruction" else "the KL"
                    explanations.append(Explanation(e.relation, e.term, e.fit, f"in {label}'s part, {e.words}"))
    return explanations


def _through_encoder(pass_, t, d):
    model = pass_.model("f")
    W = model.parameters["encoder.0.W"]
    out = d.dencoder_a0 if pass_.vae.hidden else np.concatenate([d.dmu, d.draw], axis=-1)
    return (out @ W.T)[:, : pass_.vae.n_inputs]


def _names(pass_, t, d, wrong, unit_of):
    """What the diagnosis may use: the trace, the right gradients after the mistake, the weights, the sizes."""
    model = pass_.model("f")
    leave = {"loss", "elbo", "objective", "kl", "log_px_z", "softplus_logits", "bound"}
    named = {name: t[name] for name in t if name not in leave}
    if "log_w" in t:
        w = np.exp(t.log_w - t.log_w.max(axis=0))
        w = w / w.sum(axis=0)
        named |= {"log_w": t.log_w[..., None], "w": w[..., None]}
    if "logits" in t:
        named["p"] = model.likelihood.mean(t)
    for name in d:
        if name[1:] in t and name[1:] not in wrong:
            array = np.asarray(d[name], float) * unit_of
            named[name] = array[..., None] if name == "dlog_w" else array
    if {"dmu", "draw"} <= set(named):
        named["dhead"] = np.concatenate([named["dmu"], named["draw"]], axis=-1)
    if {"dmean", "draw_log_sigma"} <= set(named) and np.ndim(t.mean) == np.ndim(t.raw_log_sigma):
        named["doutput"] = np.concatenate([named["dmean"], named["draw_log_sigma"]], axis=-1)
    if model.n_conditions:
        for name, h in (("x with y", t.x), ("z with y", t.z)):
            named[name] = model._with_condition(h, t)
    named |= {name: p for name, p in model.parameters.items() if p.ndim == 2}
    named |= {"B": len(t.x), "D": model.n_inputs, "M": model.n_latent}
    if t.eps.ndim == 3:
        named["K"] = len(t.eps)
    if model.beta != 1:
        named["beta"] = model.beta
    if model.n_conditions:
        named["C"] = model.n_conditions
    return {name: v for name, v in named.items() if np.size(v)}


# A pair of functions.


def check_gradient(function, gradient, *arrays, upstream=None, method="central", wrt=None, named=None, samples=None, seed=0):
    """Check a hand-written gradient of any function, and say what is wrong with it.

        check_gradient(softplus, sigmoid, a)                                            # dsoftplus/da
        check_gradient(lambda mu, sigma: mu + sigma * eps, lambda mu, sigma, dz: (dz, dz * eps), mu, sigma)

    function   function(*arrays) -> array, number, or a tuple of arrays; called with copies in float64 or complex128
    gradient   the gradient under test: a function of (*arrays) or of (*arrays, upstream), or the arrays themselves.
               One array per argument, in its shape (None for an argument that has no gradient); one array for one argument
    upstream   the gradient that arrives from above, in the shape of function's result (one after the other for a
               tuple). By default random numbers where `gradient` asks for them, else ones: the derivative of the sum
    method     "central" or "complex"
    wrt        the names or positions of the arguments to differentiate; by default all that hold real numbers
    named      {name: array or number} for the diagnosis, beside the arguments, the result, and what the function
               takes from outside (such as eps above)
    samples    at most so many coordinates per argument; by default all, up to 5000

    Returns a Report with a row per argument and never raises for what the two functions do: a wrong shape, None, a list,
    an exception, changed input, NaN, float32 and fresh noise are each reported by name.
    """
    label = getattr(function, "__name__", "function")
    report = Report(f"Gradient check of {'the function' if label == '<lambda>' else label} by {NAMES[method]}.", method)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _check_gradient(report, function, gradient, arrays, upstream, method, wrt, named, samples, seed)
    except _Stop as stop:
        report.traps.append(stop.trap)
    return report


class _Stop(Exception):
    def __init__(self, name, words):
        super().__init__(words)
        self.trap = Trap(name, words)


def _call(what, function, arguments):
    """What a learner's function returns for copies of the arguments, as it is."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        result = function(*copies)
    except Exception as error:  # noqa: BLE001 - whatever a learner's function raises
        raise _Stop("raised", f"{what} raised {type(error).__name__}: {error}") from None
    for k, (a, copy) in enumerate(zip(arguments, copies)):
        if isinstance(a, np.ndarray) and not (a.shape == copy.shape and np.array_equal(a, copy, equal_nan=a.dtype.kind in "fc")):
            raise _Stop("changed", f"{what} changes its argument number {k + 1}; its caller still needs it. "
                                   "Compute a new array: a = a + b and not a += b.")  # fmt: skip
    return result


def _check_gradient(report, function, gradient, arrays, upstream, method, wrt, named, samples, seed):
    arrays = [np.array(a) for a in arrays]
    if all(a.dtype.kind in "iub" for a in arrays):
        arrays = [a.astype(float) for a in arrays]
    arrays = [a.astype(float) if a.dtype.kind == "f" else a for a in arrays]
    names = _argument_names(function, len(arrays))
    wrt = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"] if wrt is None else _positions(wrt, names)

    value, outputs = _value_of(function, arrays, upstream, gradient, seed)
    given = _given_gradient(gradient, arrays, outputs, names, wrt)
    rng = np.random.default_rng(seed)
    noise = 4 * np.finfo(float).eps * max(1.0, abs(float(value(arrays).real))) / STEP
    others = _names_around(function, gradient, arrays, names, outputs, named)
    for k, (analytic, again) in zip(wrt, given):
        def moved(delta, k=k):
            return value([a + delta if j == k else a for j, a in enumerate(arrays)])

        block = _Block(names[k], analytic, lambda e: float(np.real(moved(e))), moved, noise, arrays[k])
        if analytic.shape != arrays[k].shape:
            block.analytic = np.zeros(arrays[k].shape)
            numeric = block.numeric(range(min(arrays[k].size, DIAGNOSED)), method)
            words = f"shape {analytic.shape}, expected {arrays[k].shape}"
            row = Row(names[k], arrays[k].shape, np.nan, 0, 0, False, words, diagnose(analytic, numeric))
            row.explanations = row.explanations or [Explanation("shape", str(arrays[k].shape), np.nan, f"yours has {words}, the shape of {names[k]}.")]
        else:
            row, numeric, trap = _compare(block, min(ENOUGH, samples or ENOUGH), method, rng)
            if trap:
                report.traps.append(trap)
            if not row.right and not np.array_equal(analytic, again, equal_nan=True):
                words = "yours differs from call to call: noise is drawn again in it, where that of the function is meant."
                row.explanations = [Explanation("noise", "eps", 0.0, words)]
            elif not row.right and numeric is not None and not trap:
                row.explanations = diagnose(analytic, numeric, others)
        report.rows.append(row)
        if not row.right:
            report.first.append(row.name)


def _argument_names(function, n):
    try:
        parameters = list(inspect.signature(function).parameters.values())
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:n]
    except (TypeError, ValueError):
        names = []
    return names + [f"argument {k + 1}" for k in range(len(names), n)]


def _positions(wrt, names):
    wrt = [wrt] if isinstance(wrt, (str, int)) else list(wrt)
    unknown = [w for w in wrt if not (w in names if isinstance(w, str) else 0 <= w < len(names))]
    if unknown:
        raise ValueError(f"wrt names {unknown[0]!r}; the function's arguments are {', '.join(names)}.")
    return [names.index(w) if isinstance(w, str) else w for w in wrt]


def _value_of(function, arrays, upstream, gradient, seed):
    """The scalar that is differentiated, sum(upstream * function), as a function of the arrays; and [(output, upstream)]."""

    def outputs_of(arrays):
        result = _call("The function", function, arrays)
        return [np.asarray(r) for r in (result if isinstance(result, (tuple, list)) else [result])]

    outputs = outputs_of(arrays)
    for output in outputs:
        if output.dtype.kind not in "fiub":
            raise _Stop("None" if output.dtype == object else "dtype", "The function returns no array of real numbers: is its `return` missing?")
        if output.dtype in (np.float32, np.float16):
            raise _Stop("float32", f"The function computes in {output.dtype} although its input is float64: differences of "
                                   "1e-6 drown in its rounding. Compute in float64 to check, in float32 to train.")  # fmt: skip
        if not np.isfinite(output).all():
            raise _Stop("NaN", "The function returns NaN or infinity before anything is nudged: look for log(0), 0/0 or an overflowing exp.")
    if not all(np.array_equal(p, q) for p, q in zip(outputs, outputs_of(arrays))):
        raise _Stop("noise", UNFROZEN.format(what="the function"))

    if upstream is not None:
        ups = [np.asarray(u, float) for u in (upstream if isinstance(upstream, (tuple, list)) else [upstream])]
        if len(ups) != len(outputs) or any(u.shape != o.shape for u, o in zip(ups, outputs)):
            raise _Stop("shape", f"upstream has shape {', '.join(str(u.shape) for u in ups)}; the function returns "
                                 f"{', '.join(str(o.shape) for o in outputs)}: they must be the same.")  # fmt: skip
    elif callable(gradient) and not _takes(gradient, len(arrays)) and _takes(gradient, len(arrays) + len(outputs)):
        rng = np.random.default_rng([seed, 1])
        ups = [rng.uniform(0.5, 2, o.shape) * rng.choice([-1.0, 1.0], o.shape) for o in outputs]
    else:
        ups = [np.ones(o.shape) for o in outputs]

    def value(arrays):
        return sum(np.sum(u * o) for u, o in zip(ups, outputs_of(arrays)))

    return value, list(zip(outputs, ups))


def _takes(function, n):
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    except ValueError:  # no signature to be had
        return True
    return True


def _given_gradient(gradient, arrays, outputs, names, wrt):
    """[(array, the same from a second call)] per argument, whatever the learner's gradient is; _Stop says what is the matter."""
    if callable(gradient):
        arguments = list(arrays)
        if not _takes(gradient, len(arrays)) or (_takes(gradient, len(arrays) + len(outputs)) and any((u != 1).any() for _, u in outputs)):
            arguments += [u for _, u in outputs]
        if not _takes(gradient, len(arguments)):
            raise _Stop("arguments", f"The gradient takes {inspect.signature(gradient)}; it is called with ({', '.join(names)}), "
                                     "and with the upstream gradient where it has one argument more.")  # fmt: skip
        results = [_call("The gradient", gradient, arguments) for _ in range(2)]
    else:
        results = [gradient, gradient]
    return list(zip(*(_as_gradients(result, names, wrt) for result in results)))


def _as_gradients(result, names, wrt):
    if result is None:
        raise _Stop("None", "The gradient is None: is its `return` missing?")
    if len(wrt) == 1 and not (isinstance(result, tuple) and len(result) in (1, len(names))):
        parts = [result]
    elif not isinstance(result, (tuple, list)):
        raise _Stop("shape", f"The gradient is one {type(result).__name__}; {len(wrt)} arrays are expected: "
                             f"those of {', '.join(names[k] for k in wrt)}.")  # fmt: skip
    elif len(result) == len(wrt):
        parts = list(result)
    elif len(result) == len(names):
        parts = [result[k] for k in wrt]
    else:
        raise _Stop("shape", f"The gradient holds {len(result)} things; {len(wrt)} are expected: "
                             f"those of {', '.join(names[k] for k in wrt)}.")  # fmt: skip
    arrays = []
    for part, k in zip(parts, wrt):
        if part is None:
            raise _Stop("None", f"The gradient of {names[k]} is None.")
        if isinstance(part, (list, tuple)):
            raise _Stop("list", f"The gradient of {names[k]} is a {type(part).__name__}; make it an array, np.array(...).")
        array = np.asarray(part)
        if array.dtype.kind not in "fiub":
            raise _Stop("dtype", f"The gradient of {names[k]} is {type(part).__name__} of dtype {array.dtype}; real numbers are expected.")
        arrays.append(array.astype(float))
    return arrays


def _names_around(function, gradient, arrays, names, outputs, named):
    """What the diagnosis may use: the arguments, the result, the upstream gradient, and what the function takes from outside."""
    found = {}
    try:
        outside = inspect.getclosurevars(function)
        found |= {**outside.globals, **outside.nonlocals}
    except (TypeError, ValueError):
        pass
    found = {name: v for name, v in found.items() if isinstance(v, (np.ndarray, float, int, np.number)) and not isinstance(v, bool)}
    found |= dict(zip(names, arrays))
    extra = _argument_names(gradient, 99)[len(arrays) :] if callable(gradient) else []
    for k, (output, up) in enumerate(outputs):
        name = extra[k] if k < len(extra) and extra[k].startswith("d") else "upstream" if len(outputs) == 1 else f"d_out{k}"
        if (up != 1).any():
            found[name] = up
        found[name[1:] if name[0] == "d" and name[1:] not in found else "output"] = output
    return found | (named or {})
