"""What the diagnosis of a model's gradient is given: the two gradients, the names of the trace, and the
known paths."""

from dataclasses import replace

import numpy as np

from ..layers import sigmoid
from ..likelihoods import LOG_SIGMA_MIN
from .diagnosis import DIAGNOSED, REPEATS, SIMPLE, Explanation, diagnose, ranked, stacked

UNUSED = "yours takes no notice of the eps of the forward pass: other noise or numbers stand in its place."
BESIDE = {"raw": {"mu"}, "sigma": {"mu"}}  # gradients of the other branch that may have been taken by mistake


def explained(pass_, row, method, part, found, t, d, wrong, rng):
    """diagnose for one gradient; all in units of one image (and sample, where it has one): the mean's 1/(K B)
    taken out."""
    model, name = pass_.model, row.name
    per_sample = t.eps.ndim == 3 and name in t and t[name].ndim == 3 and "log_w" not in t
    units = (len(t.x) if model.reduction == "mean" else 1.0) * (len(t.eps) if per_sample else 1.0)
    units = units if name in t and np.ndim(t[name]) > 1 else 1.0
    named = names(pass_, t, d, wrong, units, name)

    if found[name].size == 1 and pass_.eps.size > 1:
        return diagnose(*repeated(pass_, name, method, part, wrong, units, rng))
    at = t[name] if name in t else model.parameters[name]
    known = np.flatnonzero(np.isfinite(row.numeric))
    more = (
        np.setdiff1d(np.arange(row.size), known) if not row.kinks and not row.left_out else np.array([], int)
    )
    more = np.sort(rng.choice(more, min(len(more), max(0, DIAGNOSED - len(known))), replace=False))
    entries = np.concatenate([known, more])

    def measured(part):
        analytic = pass_.gradients(part)[0][name]
        numeric = pass_.block({name: analytic}, {name: at}, part).numeric(entries, method)
        both = analytic * units, numeric * units
        return tuple(a[..., None] for a in both) if name == "log_w" else both  # (K, B) as (K, B, 1)

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
    causes = ranked(analytic, numeric, named, paths)
    if not causes or causes[0].bits > SIMPLE:
        for words, (a, n) in parts.items():
            causes += [
                replace(e, words=f"on {words}, {e.words}", bits=e.bits + 1) for e in ranked(a, n, named)
            ]
    causes = [_in_units(e, units) for e in sorted(causes, key=lambda e: e.bits) if e.relation != "alone"]
    if not causes and name == "sigma":
        eps, t.eps = t.eps, t.eps + 1
        unchanged = np.array_equal(pass_.backward(model, t, True).dsigma, d.dsigma)
        t.eps = eps
        causes = [Explanation("noise", "eps", np.nan, UNUSED)] if unchanged else []
    return causes


def _in_units(explanation, units):
    """What was said of a number of the gradient, in the gradient's own units."""
    if explanation.relation != "clip":
        return explanation
    digits = f"{float(explanation.term) / units:.6g}"
    return replace(explanation, term=digits, words=explanation.words.replace(explanation.term, digits))


def repeated(pass_, name, method, part, wrong, units, rng):
    """One number is explained by too many formulas: the gradients and names of REPEATS draws of eps,
    along a new last axis."""
    eps, draws, model = pass_.eps, [], pass_.model
    try:
        for _ in range(REPEATS):
            pass_.eps, pass_.bases = rng.standard_normal(eps.shape), {}
            found, t, d = pass_.gradients(part)
            block = pass_.block(found, {name: t[name] if name in t else model.parameters[name]}, part)
            draws.append(
                (
                    found[name] * units,
                    block.numeric([0], method) * units,
                    names(pass_, t, d, wrong, units, name),
                )
            )
    finally:
        pass_.eps, pass_.bases = eps, {}
    return stacked(draws)


def names(pass_, t, d, wrong, units, block):
    """The names for a diagnosis: the trace, the right gradients that the wrong one is made from, weights,
    and sizes."""
    model = pass_.model
    per_image = {"loss", "elbo", "objective", "kl", "log_px_z", "bound", "log_w"}
    named = {name: t[name] for name in t if name not in per_image}
    sources = (pass_.after(block) | BESIDE.get(block, set())) - wrong
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
    if "logits" in t:
        named.setdefault("probs", sigmoid(t.logits))
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
