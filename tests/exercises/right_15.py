"""Right answers to the exercises of lesson 15 in many styles: all of them count."""

import numpy as np


def softmax_by_jacobian(dQ, Q):
    """Column by column, with the whole Jacobian of (15.2)."""
    dR = np.zeros_like(Q)
    for j in range(Q.shape[1]):
        q = Q[:, j]
        dR[:, j] = (np.diag(q) - np.outer(q, q)) @ dQ[:, j]
    return dR


def project_by_bisection(v):
    low, high = v.min() - 1, v.max()
    for _ in range(200):
        theta = (low + high) / 2
        low, high = (theta, high) if np.maximum(v - theta, 0).sum() > 1 else (low, theta)
    return np.maximum(v - theta, 0)


def project_by_dropping(v):
    kept = np.ones(len(v), bool)
    while True:
        theta = (v[kept].sum() - 1) / kept.sum()
        if (v[kept] > theta).all():
            return np.where(kept, v - theta, 0)
        kept &= v > theta


def word_by_word(logits, u):
    return [max(range(len(a)), key=lambda k: a[k] - np.log(-np.log(n[k]))) for a, n in zip(logits, u)]


def robust_max_by_loop(f, eps):
    K, B, N = f.shape
    p = np.full((B, N), eps / (N - 1))
    for k in range(K):
        for b in range(B):
            p[b, f[k, b].argmax()] += (1 - eps - eps / (N - 1)) / K
    return p


def critic_by_loop(df, x, w, c, v):
    dx, dw, dc, dv = np.zeros_like(x), np.zeros_like(w), np.zeros_like(c), np.zeros_like(v)
    for b in range(len(x)):
        for m in range(len(w)):
            h = np.tanh(x[b] * w[m] + c[m])
            da = df[b] * v[m] / np.cosh(x[b] * w[m] + c[m]) ** 2
            dx[b], dw[m], dc[m], dv[m] = dx[b] + da * w[m], dw[m] + da * x[b], dc[m] + da, dv[m] + df[b] * h
    return {"dx": dx, "dw": dw, "dc": dc, "dv": dv}


def hinge_by_loop(dloss, scores, y):
    dscores = np.zeros_like(scores)
    for b, true in enumerate(y):
        for j in range(scores.shape[1]):
            if j != true and scores[b, j] > scores[b, true] - 1:
                dscores[b, j] += dloss[b]
                dscores[b, true] -= dloss[b]
    return dscores


def hinge_by_one_hot(dloss, scores, y):
    true = np.eye(scores.shape[1])[y]
    over = (scores + 1 > (true * scores).sum(axis=1, keepdims=True)) * (1 - true)
    return dloss[:, None] * (over - true * over.sum(axis=1, keepdims=True))


RIGHT = [
    ("15.1", lambda dQ, Q: Q * (dQ - (dQ * Q).sum(axis=0))),
    ("15.1", lambda dQ, Q: Q * dQ - Q * np.einsum("ij,ij->j", dQ, Q)),
    ("15.1", softmax_by_jacobian),
    ("15.2", project_by_bisection),
    ("15.2", project_by_dropping),
    ("15.3", lambda logits, u: (logits - np.log(-np.log(u))).argmax(axis=1)),
    ("15.3", lambda logits, u: np.argmin(-np.log(u) / np.exp(logits), axis=1)),
    ("15.3", word_by_word),
    ("15.4", robust_max_by_loop),
    (
        "15.4",
        lambda f, eps: np.where(f == f.max(-1, keepdims=True), 1 - eps, eps / (f.shape[-1] - 1)).mean(0),
    ),
    ("15.5", critic_by_loop),
    ("15.6", hinge_by_loop),
    ("15.6", hinge_by_one_hot),
]
