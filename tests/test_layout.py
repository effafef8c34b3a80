"""The house in order: which file may import which, what is private, and how long things may be."""

import ast
import importlib.util
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import minivae

ROOT = Path(minivae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = (
    "vae",
    "exact free_bits gradcheck minivae",
    "objective",
    "mutants",
    "course",
    "cli __main__",
)  # the rest is ground
CORE = "trace parameters layers gaussian likelihoods optimizers bounds training trained vae".split()
GROUND_OF_CORE = {"inputs", "storage", "progress"}
LINES, WIDTH = 60, 110
# functions that are longer still, to be split by who rewrites them
TOO_LONG = {"products._multiplied"}


def module_of(path):
    parts = ("minivae", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(module, tree):
    """The package's modules that a module imports, anywhere in it, also inside functions."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "minivae")
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names if source.split(".")[0] == "minivae" else ():
                name = f"{source}.{alias.name}"
                yield name if name in MODULES else source


def graph_of(sources):
    """{module: what it imports} of {module: source}."""
    return {module: set(imported(module, ast.parse(text))) - {module} for module, text in sources.items()}


SOURCES = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}
GRAPH = graph_of(SOURCES)


def room(module):
    return module.split(".")[1] if "." in module else module


def floor(module):
    return next((i for i, names in enumerate(FLOORS, 1) if room(module) in names.split()), 0)


def circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]


def arrows_up(graph):
    return [(a, b) for a, targets in graph.items() for b in targets if floor(b) > floor(a)]


def test_no_circle_and_no_arrow_up():
    """ground files -> vae -> exact, gradcheck -> objective -> mutants -> course -> cli; never back."""
    assert circle(GRAPH) is None
    assert arrows_up(GRAPH) == []


def test_a_circle_and_an_arrow_up_are_seen():
    later = "def f():\n    from .gradcheck import check\n"
    graph = graph_of({**SOURCES, "minivae.layers": SOURCES["minivae.layers"] + later})
    assert ("minivae.layers", "minivae.gradcheck") in arrows_up(graph) and circle(graph)
    lazy = graph_of({**SOURCES, "minivae.storage": "import minivae.plots"})
    assert circle(lazy) and not arrows_up(lazy)


def test_the_core_stands_alone():
    """It imports NumPy, itself and what reads, writes and shows: nothing that draws, checks or parses."""
    wanted, seen = [f"minivae.{name}" for name in CORE], set()
    while wanted:
        module = wanted.pop()
        if module not in seen:
            seen.add(module)
            wanted += GRAPH[module]
    assert {floor(module) for module in seen} <= {0, 1}
    assert not {room(module) for module in seen} & {"data", "plots", "mosaic"}
    for name in (*CORE, *GROUND_OF_CORE):
        tree = ast.parse(SOURCES[f"minivae.{name}"])
        outside = {
            (alias.name if isinstance(node, ast.Import) else node.module).split(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
            for alias in node.names
        }
        assert not outside & {"matplotlib", "tqdm", "PIL", "pooch", "scipy", "IPython"}, name


def reached(tree):
    """Underscored names of others: obj._name, where obj is not self, and imports of _name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            mine = ast.unparse(node.value) in ("self", "cls")
            names = [] if mine else [node.attr]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name[0] == "_" and not name.endswith("__"))


@pytest.mark.parametrize("module", MODULES)
def test_nobody_reaches_into_anothers_underscored_names(module):
    allowed = {"_repr_mimebundle_"}  # Jupyter's protocol
    assert set(reached(ast.parse(SOURCES[module]))) <= allowed


def test_reaching_is_seen():
    assert set(reached(ast.parse("from .a import _b\nvae._c()\nself._mine\n"))) == {"_b", "_c"}


def code_lines(function):
    """The lines of a function, its docstring and signature not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def test_functions_fit_on_a_screen():
    long = {
        f"{path.stem}.{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and code_lines(node) > LINES
    }
    assert long <= TOO_LONG


def test_main_is_a_few_lines():
    assert len(SOURCES["minivae.__main__"].splitlines()) <= 6
