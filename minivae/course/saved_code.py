"""What the code of a saved notebook defines, running only what a definition needs.

    lesson = SavedCode.read(path)
    for answer, problem in lesson.answers("5.2", "dense_forward"):     the last one first
        ...

A lesson takes a minute to run, and a learner's copy of it may not run at all. So nothing is run from top
to bottom: of the statements outside of functions those are taken that bind the name, and those that bind
what these use in turn, whatever they are: imports, helpers, constants, lambdas. Lines of %magic and
!shell are left out.
"""

import ast
import builtins
import contextlib
import dis
import io
import json
import linecache
import re
from dataclasses import dataclass

MAGIC = re.compile(r"^(\s*)([%!?].*|.*\?\s*|\w[\w, ]*=\s*[%!].*)$", re.MULTILINE)
PYTHON_CELLS = ("time", "timeit", "capture", "prun", "memit", "mprun")
ANSWER = "the answer"  # no identifier, so that it can't meet a name of the learner's


@dataclass
class Statement:
    """A statement of a cell, outside of functions: its code, and the names that it binds and uses."""

    node: ast.stmt
    source: str  # "05_dense.ipynb, cell 7", as a file name
    code: object
    binds: set
    uses: set
    everything: bool  # from ... import *


class SavedCode:
    """The statements of a notebook's code cells, in order."""

    def __init__(self, cells, name="notebook"):
        """cells: [(number of the cell, source)]."""
        self.statements, self.unreadable = [], []
        for number, text in cells:
            source = f"{name}, cell {number}"
            try:
                tree = ast.parse(without_magic(text))
            except SyntaxError:
                self.unreadable.append((number, text))
                continue
            linecache.cache[source] = (len(text), None, [line + "\n" for line in text.splitlines()], source)
            self.statements += [statement(node, source) for node in tree.body]

    @classmethod
    def read(cls, path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return cls(
            [(n, "".join(cell["source"])) for n, cell in enumerate(cells, 1) if cell["cell_type"] == "code"],
            path.name,
        )

    def answers(self, number, name):
        """(value, problem) of every definition of the answer to an exercise, the last first; problem says
        why there is no value.
        """
        candidates = [(i, name) for i, s in enumerate(self.statements) if name in s.binds]
        for i, s in enumerate(self.statements):
            for given in checked(s.node, number):
                if isinstance(given, ast.Name):
                    candidates += [
                        (k, given.id) for k, other in enumerate(self.statements) if given.id in other.binds
                    ]
                else:
                    candidates.append((i, given))
        for i, what in sorted(dict.fromkeys(candidates), key=lambda pair: -pair[0]):
            yield self.value(i, what)

    def value(self, i, what):
        """(what the name `what` is after statement i, or the expression `what` there; problem)."""
        target = self.statements[i]
        if not isinstance(what, str):
            node = ast.fix_missing_locations(
                ast.copy_location(ast.Assign([ast.Name(ANSWER, ast.Store())], what), what)
            )
            target, what = statement(node, target.source), ANSWER
        namespace = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for s in [*self.needed(i, target), target]:
                try:
                    exec(s.code, namespace)  # noqa: S102 - code of the learner's own
                except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever stands in a learner's notebook
                    return None, f"{type(error).__name__}: {error}, in {s.source}"
        return namespace.get(what), None

    def needed(self, i, target):
        """The statements that bind what the target at position i uses, and what these use, in order."""
        found, ask = set(), [(name, i) for name in target.uses]
        found |= {k for k, s in enumerate(self.statements) if s.everything and s is not target}
        while ask:
            name, before = ask.pop()
            binding = [k for k, s in enumerate(self.statements) if name in s.binds and s is not target]
            k = max(
                (k for k in binding if k < before), default=min(binding, default=None)
            )  # the one before it, else a later one
            if k is not None and k not in found:
                found.add(k)
                ask += [(used, k) for used in self.statements[k].uses]
        return [self.statements[k] for k in sorted(found)]


def statement(node, source):
    code = compile(ast.Module([node], []), source, "exec")
    binds, uses = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            binds.add(step.argval)
    everything = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    inside = [code]
    while inside:
        one = inside.pop()
        inside += [constant for constant in one.co_consts if hasattr(constant, "co_code")]
        uses |= {
            step.argval
            for step in dis.get_instructions(one)
            if step.opname in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")
        }
    return Statement(node, source, code, binds, uses - set(dir(builtins)), everything)


def checked(node, number):
    """The answers in the calls check(number, answer) of a statement."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "check":
            given = call.args[1:2] + [k.value for k in call.keywords if k.arg == "answer"]
            first = (
                call.args[0]
                if call.args
                else next((k.value for k in call.keywords if k.arg == "number"), None)
            )
            if given and isinstance(first, ast.Constant) and str(first.value) == number:
                yield given[0]


def without_magic(text):
    """The Python in a cell: without lines of %magic and !shell; nothing of a cell in another language."""
    first, _, rest = text.lstrip().partition("\n")
    if first.startswith("%%"):
        return without_magic(rest) if first[2:].split(" ")[0] in PYTHON_CELLS else ""
    try:
        ast.parse(text)
        return text  # a line may begin with % and be Python, behind a bracket
    except SyntaxError:
        return MAGIC.sub(r"\1pass", text)
