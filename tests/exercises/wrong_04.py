"""Common wrong answers to the exercises of lesson 04, and what the check must say."""

import numpy as np

from minivae.layers import sigmoid, softplus

rng = np.random.default_rng(0)


def backward(dmu, dsigma):
    """reparameterize_backward with the sums over K that it needs."""

    def summed(g):
        return g.sum(axis=0) if g.ndim == 3 else g

    return lambda dz, eps: (summed(dmu(dz, eps)), summed(dsigma(dz, eps)))


def path(name):
    return {"relation": "path", "term": f"the {name}'s path"}


def encoder_end(dmu=lambda dz, mu, beta: dz + beta * mu, dsigma=None, head=None, floor=1e-6):
    """latent_backward with one of its lines exchanged."""
    dsigma = dsigma or (lambda dz, s, eps, beta: dz * eps + beta * (s - 1 / s))
    head = head or (lambda ds, raw, s: ds * sigmoid(raw))

    def latent_backward(dz, mu, raw, eps, beta=1.0):
        s = softplus(raw) + floor
        return dmu(dz, mu, beta), head(dsigma(dz, s, eps, beta), raw, s)

    return latent_backward


def softplus_head(dsigma, raw):
    return dsigma * sigmoid(raw)


def logvar_head(dsigma, sigma):
    return dsigma * sigma / 2


WRONG = [
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: f_z * eps / sigma, "baseline is not taken off"),
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: (f_z - baseline) * eps, "lacks the division by sigma"),
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: (f_z - baseline) * eps / sigma**2, "one sigma cancels"),
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: (baseline - f_z) * eps / sigma, "f comes first"),
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: ((f_z - baseline) * eps / sigma).mean(), "single number"),
    ("4.1", lambda f_z, eps, sigma, baseline=0.0: (f_z - baseline) * abs(eps) / sigma, "is right"),
    ("4.2", (-0.7, -1.4, -1.4, -1.4), "lacks the factor eps"),
    ("4.2", (-0.46, -0.92, -0.92, 1.38), "not by the variance"),
    ("4.2", (-0.7, -1.4, 1.0, 2.1), "the chain rule multiplies it by dz"),
    ("4.2", (-0.7, 1.0, 1.0, -1.5), "it is taken at z"),
    ("4.2", (-0.7, -1.4, -1.4), "4 numbers"),
    ("4.3", lambda mu, sigma, eps: mu + sigma**2 * eps, "not by the variance"),
    ("4.3", lambda mu, sigma, eps: mu + np.zeros_like(eps), "nothing is random"),
    ("4.3", lambda mu, sigma, eps: sigma * eps, "mu is missing"),
    ("4.3", lambda mu, sigma, eps: mu - sigma * eps, "the noise is added"),
    ("4.4", backward(lambda dz, eps: dz, lambda dz, eps: dz), {"relation": "factor", "term": "eps"}),
    ("4.4", backward(lambda dz, eps: dz, lambda dz, eps: dz * rng.standard_normal(eps.shape)), "draws noise"),
    ("4.4", backward(lambda dz, eps: dz, lambda dz, eps: -dz * eps), {"relation": "sign"}),
    ("4.4", backward(lambda dz, eps: abs(dz), lambda dz, eps: dz * eps), "its signs are lost"),
    ("4.4", backward(lambda dz, eps: dz, lambda dz, eps: abs(dz) * eps), "dmu is right.\ndsigma is wrong"),
    ("4.4", backward(lambda dz, eps: dz * eps, lambda dz, eps: dz), "in another order"),
    ("4.4", lambda dz, eps: (dz, dz * eps), "is a sum over axis 0 missing?"),
    ("4.4", lambda dz, eps: (dz.sum(0), (dz * eps).sum(0)), "was axis 0, of length 4, summed away?"),
    (
        "4.4",
        lambda dz, eps: (dz.mean(0), (dz * eps).mean(0)) if dz.ndim == 3 else (dz, dz * eps),
        {"relation": "scale", "term": "1/K"},
    ),
    ("4.5", (lambda dsigma, raw: dsigma * softplus(raw), logvar_head), "not softplus itself"),
    ("4.5", (lambda dsigma, raw: dsigma, logvar_head), {"relation": "factor", "term": "sigmoid(raw)"}),
    ("4.5", (lambda dsigma, raw: dsigma * sigmoid(-raw), logvar_head), "a sign in the exponent"),
    ("4.5", (lambda dsigma, raw: abs(dsigma) * sigmoid(raw), logvar_head), "its signs are lost"),
    ("4.5", (softplus_head, lambda dsigma, sigma: dsigma * sigma), {"relation": "scale", "term": "2"}),
    ("4.5", (softplus_head, lambda dsigma, sigma: dsigma / 2), {"relation": "factor", "term": "sigma"}),
    ("4.5", (softplus_head, lambda dsigma, sigma: dsigma * sigma**2 / 2), "half the variance"),
    ("4.5", softplus_head, "a pair (first, second)"),
    ("4.6", encoder_end(dmu=lambda dz, mu, beta: dz), path("KL")),
    ("4.6", encoder_end(dmu=lambda dz, mu, beta: beta * mu), path("decoder")),
    ("4.6", encoder_end(dmu=lambda dz, mu, beta: dz - beta * mu), "the KL's path has the wrong sign"),
    ("4.6", encoder_end(dmu=lambda dz, mu, beta: dz + mu), "the KL's path lacks the factor beta"),
    ("4.6", encoder_end(dmu=lambda dz, mu, beta: abs(dz) + beta * mu), "|dz| where dz is meant"),
    (
        "4.6",
        encoder_end(dsigma=lambda dz, s, eps, beta: dz + beta * (s - 1 / s)),
        {"relation": "factor", "term": "eps"},
    ),
    (
        "4.6",
        encoder_end(dsigma=lambda dz, s, eps, beta: dz * eps - beta * (s - 1 / s)),
        "the KL's path has the wrong sign",
    ),
    (
        "4.6",
        encoder_end(dsigma=lambda dz, s, eps, beta: dz * eps + (s - 1 / s)),
        "the KL's path lacks the factor beta",
    ),
    ("4.6", encoder_end(dsigma=lambda dz, s, eps, beta: dz * eps), path("KL")),
    ("4.6", encoder_end(dsigma=lambda dz, s, eps, beta: dz * eps + beta * s), "1/sigma"),
    ("4.6", encoder_end(dsigma=lambda dz, s, eps, beta: dz * eps + beta * s - 1 / s), "draw is wrong"),
    ("4.6", encoder_end(head=lambda ds, raw, s: ds), {"relation": "factor", "term": "sigmoid(raw)"}),
    ("4.6", encoder_end(head=lambda ds, raw, s: ds * s / 2), "sigmoid(raw)"),
    ("4.6", encoder_end(floor=0), "the 1e-6 is missing"),
    ("4.6", lambda dz, mu, raw, eps, beta: encoder_end()(dz, mu, raw, eps, beta)[::-1], "in another order"),
]
