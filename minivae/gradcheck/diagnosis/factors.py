"""Which factor of the whole gradient is missing, too many, or another one (6.7)?"""

import numpy as np

from .case import Explanation
from .costs import COSTS
from .texts import bare, monomial, signed

TRIED = 12  # of each kind, as many of the simplest are verified


def factor(case):
    """wrong * f = c * true, or wrong = c * true * f. Yields Explanations that are verified."""
    a, n, pool = case.a[case.few], case.n[case.few], case.pool
    usable = pool.factors
    if not len(usable):
        return
    f = pool.values[usable]
    for missing, lefts, rights in ((True, a * f, n + 0 * f), (False, a + 0 * f, n * f)):
        with np.errstate(all="ignore"):
            c = (lefts * rights).sum(axis=1) / (rights * rights).sum(axis=1)
            fits = np.abs(lefts - c[:, None] * rights).max(axis=1) / (
                np.abs(lefts) + np.abs(c[:, None] * rights)
            ).max(axis=1)
        hits = [k for k in np.flatnonzero(fits <= case.tolerance) if np.isfinite(c[k]) and c[k]]
        for k in hits[:TRIED]:
            yield _one(case, pool.product(usable[k]), pool.factor_bits(usable[k]), c[k], missing)
    yield from _other(case, usable)


def _one(case, p, cost, c, missing):
    c = 1 / c if missing else c
    constant, sign = case.constants.known(c), -1 if c < 0 else 1
    if constant is None:
        return None
    bits = cost + constant.bits + COSTS["missing" if missing else "too many"]
    bits += COSTS["sign"] if sign < 0 else 0
    if any(a.bits > COSTS["usual"] and "'(" not in a.text for a in p.atoms):
        bits += COSTS["no derivative"]
    bases = {base for one in case.formulas for base in one.product.powers}
    if bases and not bases & set(p.powers):
        bits += COSTS["not in them"] / (1 if any(a.bits for a in p.atoms) else 2)
    name = signed(sign, monomial(p.powers.items(), constant.text))

    def claim(case):
        g = sign * case.constants.value(constant) * p.evaluate(case)
        return (case.a * g, case.n) if missing else (case.a, case.n * g)

    words = f"without the factor {name}" if missing else f"with a factor {name} too many"
    other = _the_other_way(case, p, constant, sign, missing)
    words = f"yours is the true gradient {words}{f' ({other})' if other else ''}."
    return case.verified(Explanation("factor", name, 0.0, words, bits, claim), _ratio_tells(case, missing))


def _ratio_tells(case, missing=False):
    """The bits of the ratio of the two gradients; where it is 0, 1 or -1, the pattern alone."""
    with np.errstate(all="ignore"):
        ratio = case.n / case.a if missing else case.a / case.n
    ratio = np.where(np.isfinite(ratio), ratio, 0)
    plain = np.minimum(np.abs(ratio), np.abs(np.abs(ratio) - 1)) < 1e-6
    return case.tells(ratio, ~plain)


def _the_other_way(case, p, constant, sign, missing):
    """Where a divisor would do, it is told too: without r is with 1/r too many."""
    if case.formulas and set(p.powers) & set(case.formulas[1].product.powers) and missing:
        return ""  # it stands in the true formula
    positive = len(p.atoms) == 1 and p.atoms[0].bits == 0 and not p.atoms[0].linear
    if not positive or sign < 0 or not (case.named[p.atoms[0].names[0]] > 0).all() or constant.text != "1":
        return ""
    ((base, power),) = p.powers.items()
    inverse = monomial([(base, -power)], constant.text)
    return f"or with {inverse} too many" if missing else f"or without the factor {inverse}"


def _other(case, usable):
    """Two factors at once: by their logarithms first, then exactly."""
    pool, few = case.pool, case.few
    a, n = case.a[few], case.n[few]
    seen = (np.abs(a) > 1e-4 * case.scale) & (np.abs(n) > 1e-4 * case.scale)
    if np.sum(seen) < 3:
        return
    some = [k for k in usable[:4000] if len(pool.product(k).atoms) == 1][:1000]
    with np.errstate(all="ignore"):
        ratio = np.log(np.abs(a[seen] / n[seen]))
        logs = np.log(np.abs(pool.values[some][:, seen]))
    fine = np.isfinite(logs).all(axis=1)
    some, logs = [k for k, ok in zip(some, fine) if ok], logs[fine]
    ratio, logs = ratio - ratio.mean(), logs - logs.mean(axis=1, keepdims=True)
    gram, along, size = logs @ logs.T, logs @ ratio, ratio @ ratio
    total = size + gram.diagonal()[:, None] + gram.diagonal()
    left = total - 2 * gram - 2 * along[:, None] + 2 * along  # |ratio - log f + log g|^2
    np.fill_diagonal(left, np.inf)
    hits = sorted(
        np.argwhere(left < 1e-8 * total).tolist(),
        key=lambda ij: pool.bits[some[ij[0]]] + pool.bits[some[ij[1]]],
    )
    for i, j in hits[:TRIED]:
        f, g = pool.product(some[i]), pool.product(some[j])
        if _may_divide(f) and _may_divide(g) and f.atoms[0].powers[0][1] < 0 and g.atoms[0].powers[0][1] < 0:
            continue  # the same as g where f is meant
        fv, gv = pool.values[some[i]], pool.values[some[j]]
        if not (n * fv).any():
            continue
        c = float((a * gv) @ (n * fv) / ((n * fv) @ (n * fv)))
        yield in_place(case, f, g, c)


def in_place(case, f, g, c):
    """yours * g = c * true * f: yours has f where g is meant, or 1/g where 1/f is."""
    constant, sign = case.constants.known(c), -1 if c < 0 else 1
    if constant is None or (f.names != g.names and constant.text != "1"):
        return None  # another array, and a number too: that is true by luck more often than by mistake
    bits = f.bits + g.bits + constant.bits + COSTS["in place of"] + (COSTS["sign"] if sign < 0 else 0)
    bits += COSTS["another array"] if f.names != g.names else -case.pool.name_bits[next(iter(f.names))]
    text = constant.text

    def claim(case):
        fv, gv, k = f.evaluate(case), g.evaluate(case), sign * case.constants.value(constant)
        zeros = (
            np.where(fv == 0, case.a, 0),
            np.where(gv == 0, case.n, 0),
        )  # where one is 0, so is its gradient
        return np.concatenate([case.a * gv, *zeros]), np.concatenate([k * case.n * fv, 0 * fv, 0 * gv])

    written = lambda p, text="1", turned=1: monomial([(b, turned * k) for b, k in p.powers.items()], text)
    direction = 1
    if _may_divide(f) and _may_divide(g):
        direction = _direction(case, f, g)
    readings = [
        (signed(sign, written(f, text)), bare(written(g))),  # multiplied by the wrong one
        (signed(sign, written(g, text, -1)), written(f, turned=-1)),  # or divided
    ]
    readings = readings[::-1] if direction < 0 or (direction == 0 and _divides(f, g)) else readings
    (wrong, meant), other = readings
    words = f"yours has the factor {wrong} where {meant} is meant"
    words += f", or {other[0]} where {other[1]} is" if direction == 0 else ""
    return case.verified(Explanation("factor", meant, 0.0, f"{words}.", bits, claim), _ratio_tells(case))


def _may_divide(p):
    """Whether 1/p is as simple as p: a name, or a power of one."""
    atom = p.atoms[0]
    return [base for base, _ in atom.powers] == [atom.names[0]] and not atom.names[0].startswith("(")


def _divides(*products):
    """Whether these are rather divisors: squares."""
    return all(p.atoms[0].powers[0][1] == 2 for p in products)


def _direction(case, f, g):
    """1 where yours is known to be multiplied by f, or the true gradient by g; -1 where it is divided by the
    other; 0 where nothing is known."""
    for known, p in ((case.true_sum, g), (case.your_sum, f)):
        ((base, power),) = p.powers.items()
        powers = [term.product.powers.get(base, 0) * power for term in known.terms] if known else [0]
        if min(powers) > 0 or max(powers) < 0:
            return 1 if powers[0] > 0 else -1
    return 0
