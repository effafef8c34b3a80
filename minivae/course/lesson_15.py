"""The exercises of lesson 15: the questions next door.

    softmax_backward(dQ, Q)                     (15.2)   -> dR; columns of Q (N, B) are softmax of those of R
    project(v)                                  (15.5)   -> the nearest point of the simplex, (N,)
    gumbel_max(logits, u)                       (15.10)  -> the word drawn in each row, (B,)
    robust_max(f, eps)                          (15.13)  -> class probabilities, averaged over draws, (B, N)
    critic_backward(df, x, w, c, v)             (15.17)  -> dx, dw, dc, dv
    hinge_backward(dloss, scores, y)            (15.19)  -> dscores, (B, N)

f is (K, B, N): K draws of one function per class, for B inputs. x is (B,), w, c and v are (M,).
"""

import numpy as np

from .judge import Exercise, between, inputs, real, same_gradient, same_values


def rows_of(B):
    """Rows of 15.3: so many that wrong noise shows, though only the winners are seen."""
    return 30 * B + 11


def softmax(R, axis=0):
    e = np.exp(R - R.real.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def project(v):
    u = np.sort(v)[::-1]
    theta = (np.cumsum(u) - 1) / np.arange(1, len(v) + 1)
    return np.maximum(v - theta[np.sum(u > theta) - 1], 0)


def project_with(one=1, first=1, place=lambda k: k - 1, from_sorted=False):
    """A wrong project from its lines."""

    def wrong(v):
        u = np.sort(v)[::-1]
        theta = (np.cumsum(u) - one) / np.arange(first, len(v) + first)
        return np.maximum((u if from_sorted else v) - theta[place(np.sum(u > theta))], 0)

    return wrong


def gumbel_max(logits, u):
    return np.argmax(logits - np.log(-np.log(u)), axis=-1)


def winners(f):
    """1 for the largest of the last axis, 0 for the others."""
    return (np.arange(f.shape[-1]) == f.argmax(axis=-1)[..., None]).astype(float)


def robust_max(f, eps):
    win = winners(f)
    return (win * (1 - eps) + (1 - win) * eps / (f.shape[-1] - 1)).mean(axis=0)


def robust_max_in_logs(f, eps):
    win = winners(f)
    return np.exp(np.log(win * (1 - eps) + (1 - win) * eps / (f.shape[-1] - 1)).mean(axis=0))


def critic(x, w, c, v):
    return np.tanh(x[:, None] * w + c) @ v


def critic_with(slope=lambda h: 1 - h**2, back=lambda df, v: df[:, None] * v, to_w=lambda da, x: da.T @ x):
    """A wrong critic_backward from its lines."""

    def backward(df, x, w, c, v):
        h = np.tanh(x[:, None] * w + c)
        da = back(df, v) * slope(h)
        return da @ w, to_w(da, x), da.sum(axis=0), h.T @ df

    return backward


def margins(scores, y, margin=1.0):
    """margin + s_j - s_y, and 0 at the true class."""
    rows = np.arange(len(y))
    m = margin + scores - scores[rows, y][:, None]
    m[rows, y] = 0
    return m


def hinge(scores, y):
    return np.maximum(margins(scores, y), 0).sum(axis=-1)


def hinge_with(margin=1.0, pull=lambda over: -over.sum(axis=1), weight=lambda m: 1.0, own=0.0, turn=1):
    """A wrong hinge_backward from its lines."""

    def backward(dloss, scores, y):
        m = margins(turn * scores, y, margin)
        d = (m > 0) * weight(m)
        rows = np.arange(len(y))
        d[rows, y] = pull(d) + own
        return d * dloss[:, None]

    return backward


def hinge_of_columns(dloss, scores, y):
    """over[:, y] where over[rows, y] is meant."""
    rows = np.arange(len(y))
    over = (1 + scores - scores[rows, y][:, None] > 0).astype(float)
    over[:, y] = 0
    over[rows, y] = -over.sum(axis=1)
    return dloss[:, None] * over


EXERCISES = (
    Exercise(
        "15.1",
        "backward through a softmax of columns",
        same_gradient(
            lambda R: softmax(R),
            inputs(R=real("N", "B", tails=12)),
            wrt="R",
            takes="dQ Q",
            out="Q",
            named=lambda values: {"1 - Q": 1 - values["Q"], "Q * dQ": values["Q"] * values["dQ"]},
            mistakes={
                "each entry of a column moves all others: what they send back, (dQ Q) summed over "
                "the column, is missing": lambda dQ, Q: Q * dQ,
                "that is the diagonal of the Jacobian alone, as if each entry were a sigmoid; a column's "
                "entries share one sum": lambda dQ, Q: dQ * Q * (1 - Q),
                "the sum goes over the column, axis=0": lambda dQ, Q: (
                    Q * (dQ - (dQ * Q).sum(axis=1, keepdims=True))
                ),
                "the sum is that of dQ weighted by Q": lambda dQ, Q: Q * (dQ - dQ.sum(axis=0)),
                "what is taken off is the sum of dQ Q, not its mean": lambda dQ, Q: (
                    Q * (dQ - (dQ * Q).mean(axis=0))
                ),
                "the sum over the whole array: every column has a softmax of its own": lambda dQ, Q: (
                    Q * (dQ - (dQ * Q).sum())
                ),
                "brackets: Q multiplies the difference": lambda dQ, Q: Q * dQ - (dQ * Q).sum(axis=0),
                "the sign of the sum: (15.2) takes it off": lambda dQ, Q: Q * (dQ + (dQ * Q).sum(axis=0)),
            },
        ),
        (
            "Multiply (15.1) by what arrives: dR_kj = sum over i of dQ_ij dQ_ij/dR_kj. Two terms are left.",
            "The first is Q * dQ. The second takes off Q times one number per column.",
            "Q * (dQ - (dQ * Q).sum(axis=0))",
        ),
    ),
    Exercise(
        "15.2",
        "the nearest point of the simplex",
        same_values(
            project,
            {
                "vectors near the simplex": inputs(v=real("N", scale=0.15, tails=0)),
                "vectors far from it": inputs(v=real("N", tails=30)),
                "vectors without a positive entry": inputs(
                    v=lambda rng, B, v: -rng.uniform(0.9, 1.7, 5 + B % 3)
                ),
            },
            "q",
            mistakes={
                "clipped and divided by the sum: on the simplex, but not the nearest point": lambda v: (
                    np.maximum(v, 0) / np.maximum(v, 0).sum()
                ),
                "that is the softmax: on the simplex, but it moves points that are there already": softmax,
                "shifted but not clipped: the sum is 1, but entries may be negative": lambda v: (
                    v - (v.sum() - 1) / len(v)
                ),
                "the shift is that of all entries, as with u sorted upwards; those that are clipped must not "
                "count in it": lambda v: np.maximum(v - (v.sum() - 1) / len(v), 0),
                "theta is that of the largest entry alone: a corner": lambda v: np.maximum(
                    v - (v.max() - 1), 0
                ),
                "k counts from 1, places in an array from 0: theta_k is theta[k - 1]": project_with(
                    place=lambda k: k
                ),
                "theta is that of one entry fewer than those that stay": project_with(
                    place=lambda k: max(k - 2, 0)
                ),
                "the sum of k entries is divided by k, and k counts from 1": project_with(first=0),
                "(15.4) takes 1 off the sum": project_with(one=0),
                "theta is taken off v as it came, not off the sorted u": project_with(from_sorted=True),
            },
        ),
        (
            "The answer is max(v - theta, 0) with one theta, such that the sum is 1. Which entries stay?",
            "Sort v downwards into u. If the k largest stay, theta_k = (u_1 + ... + u_k - 1) / k; np.cumsum "
            "gives all of them at once.",
            "The right k is the number of entries with u > theta. theta = theta_k of that k.",
        ),
    ),
    Exercise(
        "15.3",
        "a word from logits, by Gumbel noise",
        same_values(
            gumbel_max,
            inputs(logits=real(rows_of, "N", scale=2, tails=12), u=between(0, 1, rows_of, "N")),
            "word",
            mistakes={
                "the outer sign: Gumbel noise is -log(-log(u))": lambda logits, u: np.argmax(
                    logits + np.log(-np.log(u)), axis=-1
                ),
                "-log(u) is an exponential draw; one more -log makes it Gumbel": lambda logits, u: np.argmax(
                    logits - np.log(u), axis=-1
                ),
                "that is the likeliest word; without noise it is always the same": lambda logits, u: (
                    np.argmax(logits, axis=-1)
                ),
                "noise alone: the logits are missing": lambda logits, u: np.argmax(u, axis=-1),
                "the noise is added to the logits, not to the probabilities": lambda logits, u: np.argmax(
                    softmax(logits, -1) - np.log(-np.log(u)), axis=-1
                ),
                "a uniform number is not Gumbel noise yet": lambda logits, u: np.argmax(logits + u, axis=-1),
                "that is the inverse distribution function, (15.9): a right draw, but not this one": (
                    lambda logits, u: (np.cumsum(softmax(logits, -1), axis=-1) < u[:, :1]).sum(axis=-1)
                ),
                "words are counted from 0": lambda logits, u: gumbel_max(logits, u) + 1,
            },
        ),
        (
            "Turn every u into Gumbel noise first; u is never 0 or 1.",
            "g = -np.log(-np.log(u)), a number for every word of every row.",
            "np.argmax(logits + g, axis=-1)",
        ),
    ),
    Exercise(
        "15.4",
        "class probabilities from drawn functions",
        same_values(
            robust_max,
            inputs(f=real("K", "B", "N", scale=2, tails=30), eps=between(0.02, 0.3)),
            "p",
            mistakes={
                "the winner of the mean function; each draw has a winner of its own, and the probabilities "
                "are averaged": lambda f, eps: robust_max(f.mean(axis=0, keepdims=True), eps),
                "eps is shared by the losers, N - 1 of them": lambda f, eps: (
                    winners(f) * (1 - eps) + (1 - winners(f)) * eps / f.shape[-1]
                ).mean(axis=0),
                "each loser has all of eps; they share it": lambda f, eps: (
                    winners(f) * (1 - eps) + (1 - winners(f)) * eps
                ).mean(axis=0),
                "the winner has 1 - eps": lambda f, eps: (
                    winners(f) + (1 - winners(f)) * eps / (f.shape[-1] - 1)
                ).mean(axis=0),
                "eps is missing: how often each class wins": lambda f, eps: winners(f).mean(axis=0),
                "that averages logarithms; the probability of a class is the mean of its probabilities": (
                    robust_max_in_logs
                ),
                "that is a softmax of the functions; here it only counts which of them is the largest": (
                    lambda f, eps: softmax(f, -1).mean(axis=0)
                ),
                "winner and losers are exchanged": lambda f, eps: (
                    (1 - winners(f)) * (1 - eps) + winners(f) * eps / (f.shape[-1] - 1)
                ).mean(axis=0),
            },
        ),
        (
            "For one draw and one input: 1 - eps at the largest f, eps / (N - 1) at each other class.",
            "win = np.arange(f.shape[-1]) == f.argmax(axis=-1)[..., None] says who wins, in all draws.",
            "np.where(win, 1 - eps, eps / (f.shape[-1] - 1)).mean(axis=0)",
        ),
    ),
    Exercise(
        "15.5",
        "backward through the critic",
        same_gradient(
            critic,
            inputs(
                x=real("B", tails=6),
                w=real("M", tails=0),
                c=real("M", tails=0),
                v=real("M", scale=2, tails=0),
            ),
            wrt="x w c v",
            takes="df x w c v",
            out="f",
            named=lambda values: {"h": np.tanh(values["x"][:, None] * values["w"] + values["c"])},
            mistakes={
                "the slope of tanh is missing: 1 - h^2": critic_with(slope=np.ones_like),
                "the slope of tanh is 1 - h^2, not 1 - h": critic_with(slope=lambda h: 1 - h),
                "that is the sigmoid's slope, h (1 - h); tanh has 1 - h^2": critic_with(
                    slope=lambda h: h * (1 - h)
                ),
                "v is missing on the way from f to h": critic_with(
                    back=lambda df, v: df[:, None] * np.ones_like(v)
                ),
                "what arrives, df, is missing on the way back": critic_with(
                    back=lambda df, v: np.ones_like(df)[:, None] * v
                ),
                "dw is da weighted by x": critic_with(to_w=lambda da, x: da.sum(axis=0)),
                "dw is a sum over the draws, not their mean": critic_with(
                    to_w=lambda da, x: da.T @ x / len(x)
                ),
            },
        ),
        (
            "Forward in two lines: h = tanh(x[:, None] * w + c), f = h @ v. Back in the mirrored order.",
            "da = df[:, None] * v * (1 - h**2), one row per draw. It reaches x through w, w through x, and c "
            "as it is.",
            "dx = (da * w).sum(axis=1), and dw, dc, dv are sums over the draws, axis=0.",
        ),
    ),
    Exercise(
        "15.6",
        "backward through the hinge loss",
        same_gradient(
            hinge,
            inputs(
                scores=real("B", "N", scale=2, tails=40),
                y=lambda rng, B, v: rng.integers(v["scores"].shape[1], size=B),
            ),
            wrt="scores",
            takes="dloss scores y",
            out="loss",
            mistakes={
                "the true class is pulled up as well, by every class that comes too near": hinge_with(
                    pull=lambda over: 0 * over[:, 0]
                ),
                "the true class is pulled up once for every class that comes too near, not once": hinge_with(
                    pull=lambda over: -np.minimum(over.sum(axis=1), 1)
                ),
                "the true class is pulled up by every class that comes too near, not by 1 in any case": (
                    hinge_with(pull=lambda over: -np.ones(len(over)))
                ),
                "over[:, y] are whole columns; one entry in each row is over[np.arange(len(y)), y]": (
                    hinge_of_columns
                ),
                "the difference is turned round: the true class has to lead, s_y > s_j + 1": hinge_with(
                    turn=-1
                ),
                "only the class that comes nearest is pushed; all that come too near are": hinge_with(
                    weight=lambda m: m == m.max(axis=1, keepdims=True)
                ),
                "no mean over the images: dloss holds a number for each": lambda dloss, scores, y: (
                    hinge_with()(dloss / len(y), scores, y)
                ),
                "the true class counts itself: its own margin of 1 is no offence": hinge_with(own=-1.0),
                "the margin is missing: a class offends from s_y - 1 on": hinge_with(margin=0.0),
                "that is the gradient of half the squared hinge; each offender weighs 1": hinge_with(
                    weight=lambda m: m
                ),
                "uphill: offenders have + and the true class -": hinge_with(weight=lambda m: -1.0),
                "the gradient from above, dloss, is missing": lambda dloss, scores, y: hinge_with()(
                    np.ones_like(dloss), scores, y
                ),
            },
        ),
        (
            "Which classes come within 1 of the true score? Only they have a slope, and it is 1.",
            "over = 1 + scores - scores[rows, y][:, None] > 0, without the true class itself. Each of them "
            "sends +1 to its own score and -1 to that of the true class.",
            "d = over.astype(float); d[rows, y] = -d.sum(axis=1); return d * dloss[:, None]",
        ),
    ),
)
