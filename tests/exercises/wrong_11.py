"""Common wrong answers to the exercises of lesson 11."""

import numpy as np


def autoencoder(scale, error=lambda x, x_hat: x_hat - x):
    def gradient(x, V, W):
        dx_hat = scale(x) * error(x, x @ V @ W)
        return x.T @ dx_hat @ W.T, (x @ V).T @ dx_hat

    return gradient


def free(mask, divisor=len):
    def gradient(mu, sigma, floor):
        told = (mu**2 + sigma**2) / 2 - np.log(sigma) - 0.5
        paid = mask(told, floor)
        return paid * mu / divisor(mu), paid * (sigma - 1 / sigma) / divisor(mu)

    return gradient


def in_the_other_order(x, V, W):
    dV, dW = autoencoder(lambda x: 1 / len(x))(x, V, W)
    return dW, dV


def through_v(x, V, W):
    dx_hat = (x @ V @ W - x) / len(x)
    return x.T @ (dx_hat @ V), (x @ V).T @ dx_hat


WRONG = (
    ("11.1", autoencoder(lambda x: 1), "1/B is missing"),
    ("11.1", autoencoder(lambda x: 2 / len(x)), "a 2 too many"),
    ("11.1", autoencoder(lambda x: 1 / x.size), "a mean over pixels as well"),
    ("11.1", autoencoder(lambda x: 1 / len(x), lambda x, x_hat: x - x_hat), "the sign"),
    ("11.1", autoencoder(lambda x: 1 / len(x), lambda x, x_hat: x_hat), "the target is missing"),
    ("11.1", through_v, "goes through W, and not through V"),
    ("11.1", in_the_other_order, "order"),
    ("11.2", (3, 0.588, 0.604), "beta s^2"),
    ("11.2", (6, 0.588, 0.604), "six are given"),
    ("11.2", (2, 0.3457, 0.604), "sigma squared"),
    ("11.2", (2, 0.588, 1.208), "half the logarithm"),
    ("11.2", (2, 0.588, 0.531), "first latent alone"),
    ("11.2", (2, 0.588, 0.302), "not their mean"),
    ("11.3", free(lambda told, floor: told.mean(axis=0) > floor, lambda mu: 1), "1/B is missing"),
    ("11.3", free(lambda told, floor: told > floor), "each image has a maximum"),
    ("11.3", free(lambda told, floor: told.mean(axis=0) < floor), "turned round"),
    ("11.3", free(lambda told, floor: np.ones_like(told)), "mask is missing"),
    ("11.3", free(lambda told, floor: told.sum(axis=0) > floor), "the batch's sum is compared"),
    ("11.3", free(lambda told, floor: told.sum(axis=0) > floor, lambda mu: 1), "in the place of its mean"),
    (
        "11.3",
        lambda mu, sigma, floor: (mu / len(mu) * (abs(mu) > floor), (sigma - 1 / sigma) / len(mu)),
        "is wrong",
    ),
    ("11.4", ("price", "right", "too early", "price"), "Model A is not 'price'"),
    ("11.4", ("optimisation", "optimisation", "too early", "price"), "Model B is not 'optimisation'"),
    ("11.4", ("optimisation", "right", "too early", "too early"), "Model D is not 'too early'"),
    ("11.5", (1, 5.12, 0.0625), "SSE/2"),
    ("11.5", (0.5, 10.24, 0.0625), "divide by 2 c_1"),
    ("11.5", (0.5, 5.12, 16), "upside down"),
)
