"""Stages of a model that a nudge does not reach: they leave behind what they always do, and need not run.

Half of what is nudged in a VAE lies behind its encoder. That nothing else depends on a stage's running is not
taken for granted: once for each array, a pass is run both ways, and has to be the same to the last bit.
"""

from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np

from .passes import Counted
from .report import Stop

STAGES = "encode", "decode"


class Resting:
    """What the stages of one of a pass's models leave in the trace where nothing is nudged.

    left: {stage: {name: (how often it is set there, its value)}}
    """

    def __init__(self, pass_, model):
        self.pass_, self.model, self.left = pass_, model, {}
        stages = {stage: getattr(model, stage) for stage in STAGES if hasattr(model, stage)}
        with replaced(model, {stage: partial(self._record, stage, run) for stage, run in stages.items()}):
            pass_.trace(model, Counted(Counter()))

    def _record(self, stage, run, t, *more, **named):
        before = t.sets.copy()
        result = run(t, *more, **named)
        if result is None:
            left = {name: (times, unwritable(t[name])) for name, times in (t.sets - before).items()}
            self.left[stage] = left
        return result

    @contextmanager
    def behind(self, name, shape, reached):
        """Inside, stages that leave none of the intermediates `reached` rest while the array `name` is
        nudged."""
        rest = {
            stage: partial(leave, name, left)
            for stage, left in self.left.items()
            if left and not left.keys() & reached
        }
        nudge = {name: 1e-3 * np.random.default_rng(0).standard_normal(shape).astype(self.model.dtype)}
        with ExitStack() as stack:
            try:
                with replaced(
                    self.model, rest
                ):  # first: what a stage leaves beside the trace is then missing
                    rested = self.pass_.nudged(nudge)[1] if rest else None
                if rest and same(rested, self.pass_.nudged(nudge)[1]):
                    stack.enter_context(replaced(self.model, rest))
            except Stop:  # it fails where it is nudged, or writes into what is not its own
                pass
            yield


def leave(nudged, left, t):
    """Put into a trace what a stage leaves there; what is nudged as often as the stage does."""
    vars(t).update((name, value) for name, (_, value) in left.items())
    if nudged in left:
        times, value = left[nudged]
        for _ in range(times):
            t[nudged] = value


@contextmanager
def replaced(model, stages):
    """Inside, the model has these stages, {name: function(t)}, in place of its own."""
    own = {name: vars(model)[name] for name in stages if name in vars(model)}
    vars(model).update(stages)
    try:
        yield
    finally:
        for name in stages:
            del vars(model)[name]
        vars(model).update(own)


def unwritable(value):
    """A view of an array that can't be changed."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def same(one, other):
    """Whether two traces hold the same numbers."""
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)
