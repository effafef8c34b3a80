"""Does an assert fail when a line of a lesson is wrong? Each lesson's code is broken in one place at a time.

    python tests/mutate_lessons.py lessons/02*.ipynb             one lesson, or several
    python tests/mutate_lessons.py lessons/02*.ipynb --cell 38   only cell [38], all cells counted from 0

Not part of the test suite: a lesson takes a minute, one that trains models up to half an hour. It prints
every mutant that survives as soon as it is known, with its cell and line, and ends with 1 if one of them has
no reason given in tests/mutants_accepted.txt.

What is broken, one at a time: + - * / ** and minus signs; comparisons outside of asserts; the numbers of a
formula; axis and ddof; sum and mean, std and var, min and max, any and all; the sign of a returned value.
What is left alone: cells tagged hide-input; cells with a check(...); lines that plot or print; inputs, which
is what plain numbers are where they are assigned, listed or handed to a function; seeds, grids and shapes;
the tolerance of an assert.

How: the lesson runs in this process, and before each cell the process forks once per mutant of that cell. The
child runs the mutated cell, and of those after it the ones that it reaches (tests/lessons_rerun.py), until
something fails; a mutant for which a reason is given runs in its own cell alone. What has been trained once
is not trained again. JAX counts as not installed: its threads do not survive a fork.

A line of mutants_accepted.txt: lesson | the line of code, or its beginning | old -> new, or * | the reason.
"""

import argparse
import ast
import contextlib
import copy
import os
import select
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # threads do not survive a fork
os.environ.setdefault("MPLBACKEND", "agg")

import lessons_rerun
import lessons_tools as tools

ACCEPTED = Path(__file__).parent / "mutants_accepted.txt"
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
COMPARISONS = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt}
COMPARISONS |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
PAIRS = ("sum", "mean"), ("std", "var"), ("max", "min"), ("argmax", "argmin"), ("any", "all")
FUNCTIONS = dict(PAIRS) | {b: a for a, b in PAIRS}
WEAKER = {"any", "all", "max", "min"}  # in an assert these only say how much of it must hold
OF_A_FORMULA = {"where", "maximum", "minimum", "clip"}  # a number handed to another function is an input
GRIDS_AND_SEEDS = {*"default_rng linspace geomspace logspace arange range reshape round enumerate".split()}
SILENT = {"show", "slider", "print", "progress", "hint", "check"}
PLOTTING = {"ax", "axes", "fig", "plt"} | SILENT
FORMULA = ast.BinOp, ast.UnaryOp, ast.Compare, ast.Return, ast.Subscript, ast.IfExp, ast.Lambda
UNTOUCHED = ast.Import, ast.ImportFrom, ast.JoinedStr, ast.arguments, ast.Slice
KILLED, FAILED, SURVIVED = "assert", "error", "survived"


def mutants(source):
    """Yield (line number, "old -> new", code) for every one-place change of a cell."""
    tree = ast.parse(source)
    for node, field, i, new in list(_sites(tree)):
        old = getattr(node, field) if i is None else getattr(node, field)[i]
        line = getattr(old, "lineno", None) or node.lineno
        _put(node, field, i, new)
        yield line, f"{_words(old)} -> {_words(new)}", compiled(tree)
        _put(node, field, i, old)


def _put(node, field, i, value):
    if i is None:
        setattr(node, field, value)
    else:
        getattr(node, field)[i] = value


def _words(node):
    return type(node).__name__ if isinstance(node, (ast.operator, ast.cmpop)) else ast.unparse(node)


def _sites(node, role=""):
    """Yield (node, field, index or None, replacement): what may be put where.

    role: "assert" within an assert, "side" for one side of its < or >, where a bare number is a tolerance.
    """
    for field, value in ast.iter_fields(node):
        for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            role_here = _role(node, child, role)
            if isinstance(child, ast.AST) and not _is_left_alone(node, child, role_here):
                yield from ((node, field, i, new) for new in _replacements(node, child, role_here))
                yield from _sites(child, role_here)


def _role(node, child, role):
    if isinstance(child, ast.Assert):
        return "assert"
    if role and isinstance(node, ast.Compare):
        return "assert" if any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops) else "side"
    return "side" if role == "side" and isinstance(node, ast.BinOp) else role and "assert"


def _is_left_alone(node, child, role):
    if isinstance(child, UNTOUCHED) or _is_call(child, GRIDS_AND_SEEDS):
        return True
    if _plots(child) and not hasattr(child, "body") and isinstance(node, (ast.Module, ast.stmt)):
        return True  # a simple statement, or what stands in the first line of a for, with or if
    if role == "side" and isinstance(node, ast.BinOp) and (_is_literal(node.left) or _is_literal(node.right)):
        return isinstance(child, ast.operator) or _is_literal(child)
    if isinstance(node, ast.keyword):
        return _is_literal(child) or node.arg in ("rtol", "atol")
    in_formula = (isinstance(node, FORMULA) and role != "side") or _is_call(node, OF_A_FORMULA)
    return _is_literal(child) and not in_formula


def _plots(node):
    return any(isinstance(n, ast.Name) and n.id in PLOTTING for n in ast.walk(node))


def _is_call(node, names):
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in names


def _is_literal(node):
    """A number or a string, with or without a sign, or a list of such."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(_is_literal, node.elts))
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def _replacements(node, child, role):
    if isinstance(child, ast.operator) and type(child) in OPERATORS:
        yield OPERATORS[type(child)]()
    elif isinstance(child, ast.cmpop) and type(child) in COMPARISONS and not role:
        yield COMPARISONS[type(child)]()
    elif isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.USub):
        yield child.operand
    elif isinstance(child, ast.keyword) and child.arg in ("axis", "ddof") and _is_literal(child.value):
        yield ast.keyword(child.arg, ast.Constant(1 if ast.unparse(child.value) == "0" else 0))
    elif _is_call(child, FUNCTIONS) and isinstance(child.func, ast.Attribute):
        name = child.func.attr
        if not ((role and name in WEAKER) or (role == "side" and isinstance(node, ast.Compare))):
            other = ast.Attribute(child.func.value, FUNCTIONS[name], ast.Load())
            yield ast.Call(other, child.args, child.keywords)
    elif isinstance(child, ast.Constant) and type(child.value) is int:
        yield ast.Constant(child.value + 1)
    elif isinstance(child, ast.Constant) and type(child.value) is float:
        yield ast.Constant(float(f"{1.5 * child.value:.4g}") or 0.5)
    if isinstance(node, ast.Return) and not _is_literal(child) and not isinstance(child, ast.Tuple):
        yield ast.UnaryOp(ast.USub(), child)


class Silent(ast.NodeTransformer):
    """Leaves out what draws, prints or judges: it takes time, and no assert depends on it."""

    def visit_Expr(self, node):
        return ast.Pass() if _is_call(node.value, SILENT) else node


def compiled(tree):
    return compile(ast.fix_missing_locations(Silent().visit(copy.deepcopy(tree))), "<lesson>", "exec")


def is_skipped(cell):
    called = [node.func for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    exercise = any(isinstance(func, ast.Name) and func.id == "check" for func in called)  # no gradcheck.check
    return exercise or tools.HIDDEN in cell.metadata.get("tags", ())


def fate(codes, namespace, seconds):
    """Run a mutated cell and others after it in a child process: KILLED, FAILED, SURVIVED or "time"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = SURVIVED
        try:
            with quiet():
                for code in codes:
                    exec(code, namespace)  # noqa: S102
        except AssertionError:
            outcome = KILLED
        except BaseException:  # noqa: BLE001 - whatever a mutant does
            outcome = FAILED
        os.write(writing, outcome.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        ended = select.select([pipe], [], [], seconds)[0]
        os.kill(child, signal.SIGKILL)  # what it has written can still be read
        outcome = pipe.read() if ended else "time"
    os.waitpid(child, 0)
    return outcome or FAILED


def run(path, only=None, reasons=()):
    """Mutate one lesson: yields (cell, line of code, "old -> new", fate, reason or None) of every mutant."""
    cells = [(i, cell) for i, cell in enumerate(tools.read(path).cells) if cell.cell_type == "code"]
    trees = [ast.parse(cell.source) for _, cell in cells]
    codes, namespace = [compiled(tree) for tree in trees], {"__name__": "__main__"}
    with contextlib.chdir(Path(path).parent), lessons_rerun.trained_once():
        first = dict(namespace)
        seconds = [_run_quietly(code, first) for code in codes]
        for n, (i, cell) in enumerate(cells):
            if only in (None, i) and not is_skipped(cell):
                later = lessons_rerun.reached(trees, n)
                limit = 20 + 5 * (seconds[n] + sum(seconds[k] for k in later))
                if fate([codes[k] for k in (n, *later)], namespace, limit) != SURVIVED:
                    later = range(n + 1, len(codes))  # they need more than can be read from the names
                    limit = 20 + 5 * sum(seconds)
                lines = cell.source.splitlines()
                for number, words, code in mutants(cell.source):
                    line = lines[number - 1].strip()
                    reason = next(
                        (r for r in reasons if line.startswith(r[0]) and r[1] in (words, "*")), None
                    )
                    others = () if reason else (codes[k] for k in later)
                    yield i, line, words, fate([code, *others], namespace, limit), reason
            _run_quietly(codes[n], namespace)


def _run_quietly(code, namespace):
    """Seconds that a cell takes."""
    start = time.perf_counter()
    with quiet():
        exec(code, namespace)  # noqa: S102 - the lesson itself
    return time.perf_counter() - start


@contextlib.contextmanager
def quiet():
    with (
        open(os.devnull, "w") as nowhere,
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def accepted(number, file=ACCEPTED):
    """[(beginning of the line, "old -> new" or "*", reason)] of one lesson."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    rows = [tuple(map(str.strip, line.split(" | "))) for line in lines]
    return [row[1:] for row in rows if int(row[0]) == number]


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("lessons", nargs="+", type=Path)
    parser.add_argument("--cell", type=int, help="mutate only this cell")
    args = parser.parse_args()
    sys.modules["jax"] = None
    unexplained = 0
    for path in args.lessons:
        count, reasons, used, start = Counter(), accepted(tools.number_of(path)), set(), time.perf_counter()
        for cell, line, words, outcome, reason in run(path, args.cell, reasons):
            count[outcome] += 1
            if outcome == SURVIVED and reason:
                used.add(reason)
            elif outcome == SURVIVED:
                unexplained += 1
                print(f"  [{cell}]  {line}\n        {words}", flush=True)
        fates = ", ".join(f"{n} {outcome}" for outcome, n in sorted(count.items()))
        print(f"{path.stem}: {count.total()} mutants, {fates}; {time.perf_counter() - start:.0f} seconds")
        if used:
            print(f"  survivors with a reason given in {ACCEPTED.name}: {len(used)} lines of it")
        for line, words, _ in sorted(set(reasons) - used) if args.cell is None else ():
            print(f"  no longer needed in {ACCEPTED.name}: {line} | {words}")
    return bool(unexplained)


if __name__ == "__main__":
    sys.exit(main())
