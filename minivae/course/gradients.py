"""The judge of a backward pass: compared with the derivative of the forward pass, and diagnosed if wrong."""

import inspect
import re
import warnings

import numpy as np

from ..gradcheck import diagnose
from ..gradcheck.numeric import STEP, central_difference, complex_step
from ..gradcheck.numeric import relative_error as distance
from .answers import listed, where
from .draws import both_signs, log_uniform
from .functions import WIDE, Cause, OfFunctions, is_real


class same_gradient(OfFunctions):
    """A judge for a backward pass, compared with the derivative of `forward`.

    forward   its parameters name the entries of `inputs` that it is called with; it returns one array, `out`
    inputs    inputs(...), or several of these by words
    wrt       "mu sigma": the inputs whose derivatives the answer returns, in this order. They are called dmu
              and dsigma where they are a loss's (out="loss", or with a gradient from above), else dkl_dmu ...
    takes     the names that the answer is called with: "d" + out, the gradient that arrives from above, then
              inputs and `out`. Without "d" + out, the derivative is that of the sum over `out`
    named     a function of the dict of inputs, `out` and "d" + out among them -> more names for the diagnosis
    paths     a function of this dict -> {words: a summand of the true gradient, an array per name in wrt}
    mistakes  {words: a function with a common mistake, called like the answer}, for what the diagnosis cannot
              see, such as a wrong power of a number
    upstream  which of `takes` arrives from above, where it is one of the inputs
    """

    is_gradient, entrywise = True, False

    def __init__(
        self, forward, inputs, wrt, takes, out="loss", named=None, paths=None, mistakes=None, rtol=1e-6,
        float32=True, upstream=None,
    ):  # fmt: skip
        self.forward, self.inputs, self.out, self.named, self.paths = forward, inputs, out, named, paths
        self.mistakes, self.rtol, self.float32 = mistakes or {}, rtol, float32
        self.wrt, self.takes = wrt.split(), tuple(takes.split())
        self.parameters = tuple(inspect.signature(forward).parameters)
        self.drawn = "d" + out in self.takes  # the gradient from above, by the judge
        self.upstream = "d" + out if self.drawn else upstream
        whose = "d" if self.upstream or out == "loss" else f"d{out}_d"
        self.returns = [whose + name for name in self.wrt]
        rest = tuple(name for name in self.takes if name != self.upstream)
        self.caches = tuple({rest: 1, self.parameters: 1}) if self.drawn else (rest,) * bool(upstream)

    def completed(self, values, rng, wide=False):
        """The inputs in float64, with what forward makes of them and the gradient that arrives there."""
        exact = {name: v.astype(float) if is_real(v) else v for name, v in values.items()}
        exact[self.out] = self.forward(*(exact[name] for name in self.parameters))
        shape = np.shape(exact[self.out])
        sizes = (0.01, 60.0) if wide else (0.3, 3.0)
        exact["d" + self.out] = signed(rng, shape, sizes) if self.drawn else np.ones(shape)
        return exact

    def called_with(self, values, rng, wide=False):
        exact = self.completed(values, rng, wide)
        return {name: exact[name] for name in self.takes}

    def prepare(self, case):
        exact = self.completed(case.values, np.random.default_rng([case.B, case.seed, 9]), case.B == WIDE)
        up = exact["d" + self.out]
        case.expected = [gradient_of(self.forward, self.parameters, exact, name, up) for name in self.wrt]
        dtype = np.float32 if case.single else float
        needed = {name: exact[name] for name in dict.fromkeys(self.takes + sum(self.caches, ()))}
        case.arguments = {name: v.astype(dtype) if is_real(v) else v for name, v in needed.items()}
        case.values = exact

    def line(self, name, given, expected, error):
        place = where(given, expected, name, self.entrywise)
        return f"{name} is wrong: off by {error:.2g} (relative). {place}"

    def causes(self, i, bad):
        slips = super().causes(i, bad)
        if bad[0].case.single:
            return slips
        wrong = [trial for trial in bad if trial.errors[i] > trial.tolerances[i] and not trial.case.single]
        largest = sorted(wrong, key=lambda trial: (trial.case.kind != bad[0].case.kind, -trial.case.B))[:2]
        known = self.from_paths(i, largest) + slips
        cases = [(trial.given[i], trial.case.expected[i], self.names(trial.case)) for trial in largest]
        return known or diagnosed(cases) or self.inside_paths(i, largest)

    def names(self, case):
        numbers = {name: v for name, v in case.values.items() if np.asarray(v).dtype.kind in "fiub"}
        return numbers | (self.named(case.values) if self.named else {})

    def summands(self, i, case):
        """{words: array} of the paths of output i that are not 0."""
        shape, found = case.expected[i].shape, {}
        for words, parts in self.paths(case.values).items():
            part = np.asarray(parts[i] if isinstance(parts, tuple) else parts, float)
            if part.any():
                found[words] = np.broadcast_to(part, shape)
        return found

    def from_paths(self, i, trials):
        """Which of the named paths is missing, doubled, turned round, or without a number, if that is all."""
        if self.paths is None:
            return []
        found = []
        for trial in trials:
            paths = self.summands(i, trial.case)
            matrix = np.array([part.ravel() for part in paths.values()]).T
            if matrix.ndim != 2 or len(matrix) < 2 * matrix.shape[1] or matrix.shape[1] < 2:
                return []
            c, _, rank, _ = np.linalg.lstsq(matrix, trial.given[i].ravel(), rcond=None)
            if rank < len(c) or distance(matrix @ c, trial.given[i].ravel()) > trial.case.rtol:
                return []
            found.append(c)
        c = np.array(found)
        if np.ptp(c, axis=1).max() < 1e-5:
            return []  # all of it by the same number: no matter of paths
        values = [trial.case.values for trial in trials]
        told = {name: enters(c[:, k], values) for k, name in enumerate(paths)}
        wrong = [name for name, words in told.items() if words != RIGHT]
        if None in told.values() or not wrong:
            return []
        return [Cause("path", listed(wrong), "; ".join(f"{name} {told[name]}" for name in wrong))]

    def inside_paths(self, i, trials):
        """A mistake in one of the paths, where the others are right."""
        if self.paths is None:
            return []
        found = []
        for name in self.summands(i, trials[0].case):
            cases = []
            for trial in trials:
                paths = self.summands(i, trial.case)
                others = sum(part for words, part in paths.items() if words != name)
                cases.append((trial.given[i] - others, paths[name], self.names(trial.case)))
            found += [Cause(e.relation, e.term, f"in {name}, {e.words}") for e in diagnosed(cases)[:1]]
        return found if len(found) == 1 else []


DIGITS = re.compile(r"\d\.\d{3}")
RIGHT = "enters once"
TIMES = {1: RIGHT, 0: "is missing", -1: "has the wrong sign", 2: "enters twice", 0.5: "enters with a half"}


def enters(c, values):
    """How a path enters with these coefficients, one for each of several inputs, in words; or None."""
    for number, words in TIMES.items():
        if np.allclose(c, number, atol=1e-5):
            return words
    if len(c) == 1:
        return None
    constants = {name: np.array([some[name] for some in values]) for name, v in values[0].items()
                 if isinstance(v, (int, float))}  # fmt: skip
    if np.ptp(c) < 1e-5 * abs(c[0]) and all(np.ptp(v) for v in constants.values()):
        return f"enters {c[0]:.4g} times"
    for name, v in constants.items():
        if np.allclose(c * v, 1, rtol=1e-5):
            return f"lacks the factor {name}"
        if np.allclose(c, v, rtol=1e-5):
            return f"has a factor {name} too many"
    return None


def diagnosed(cases):
    """Explanations of [(given, true, names)] that hold for all of them."""
    found = None
    for given, true, names in cases:
        now = diagnose(given, true, names)
        words = {e.words for e in now}
        found = now if found is None else [e for e in found if e.words in words]
    return [e for e in found if len(cases) > 1 or not DIGITS.search(e.words)]  # digits of one case are chance


def gradient_of(forward, parameters, values, name, upstream):
    """d/dx of sum(upstream * forward), x = values[name].

    By complex step, exact to rounding, where a central difference in a random direction confirms it; else by
    central differences.
    """

    def f(step):
        return np.sum(upstream * forward(*(values[p] + step if p == name else values[p] for p in parameters)))

    x = np.asarray(values[name], float)
    units = [direction.reshape(x.shape) for direction in np.eye(x.size)]
    direction = signed(np.random.default_rng(x.size), x.shape, (0.5, 1.0)) * np.maximum(1, np.abs(x))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            exact = np.reshape([float(complex_step(f, unit)) for unit in units], x.shape)
            slopes = np.array(
                [central_difference(f, direction, STEP / k) for k in (1, 1e2, 1e4)]
            )  # near borders
        off, size = np.abs(slopes - np.sum(direction * exact)), np.sum(np.abs(direction * exact))
        if np.isfinite(exact).all() and (off <= 1e-5 * size).any():
            return exact
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        pass
    steps = STEP * np.maximum(1, np.abs(x)).ravel()
    return np.reshape([central_difference(f, unit, h) for unit, h in zip(units, steps)], x.shape)


def signed(rng, shape, magnitudes):
    """Numbers of both signs."""
    return both_signs(rng, rng.choice([-1.0, 1.0], shape) * log_uniform(rng, *magnitudes, shape))
