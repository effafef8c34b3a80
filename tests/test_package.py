"""The package as a whole: what it exports, what it needs, how fast it is there."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import minivae
from minivae import bounds, gradcheck
from minivae.gradcheck import numeric

FILES = sorted(Path(minivae.__file__).parent.rglob("*.py"))


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def imports(path):
    """The names of the packages that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def test_the_public_names_are_there_and_explained():
    assert {"VAE", "RMSProp", "SGD", "Adam", "load_data"} <= set(minivae.__all__)
    for name in minivae.__all__:
        assert inspect.getdoc(getattr(minivae, name)), name
    for name, method in inspect.getmembers(minivae.VAE):
        assert name.startswith("_") or inspect.getdoc(method), name


@pytest.mark.parametrize(
    "of", [minivae.VAE, gradcheck.check, gradcheck.check_gradient], ids=lambda of: of.__name__
)
def test_the_example_in_the_docstring_runs(of):
    names = vars(sys.modules[of.__module__]).copy()
    (example, *_) = doctest.DocTestFinder(recurse=False).find(of, of.__name__, globs=names)
    assert len(example.examples) >= 4
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_citation_names_this_version():
    citation = (FILES[0].parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {minivae.__version__}\n" in citation


DEFAULTS = {  # as README, docstrings and lessons say
    minivae.VAE: "784, (200,), 100, 'bernoulli', 'softplus', 'relu', 1.0, 'mean', 0, 'reference', float32, 0",
    minivae.VAE.fit: (
        "None, 30, 64, None, None, 1, 'elbo', None, None, True, None, None, None, False, None, 1"
    ),
    minivae.VAE.log_likelihood: "None, 1000, None, False",
    minivae.VAE.elbo: "None, 1, None",
    minivae.SGD: "0.001, 0.0",
    minivae.RMSProp: "0.001, 'tensorflow1', None, None",
    minivae.Adam: "0.001, 0.9, 0.999, 1e-08",
    minivae.Adagrad: "0.01, 1e-10",
    bounds.active_units: "None, 0.01, None",
    numeric.central_difference: "1e-05",
    numeric.complex_step: "1e-20",
}


@pytest.mark.parametrize("of", DEFAULTS, ids=lambda of: of.__qualname__)
def test_defaults_are_the_documented_ones(of):
    defaults = [p.default for p in inspect.signature(of).parameters.values() if p.default is not p.empty]
    found = ", ".join(d.__name__ if isinstance(d, type) else repr(d) for d in defaults)
    assert found == DEFAULTS[of]


def test_importing_is_fast_and_leaves_drawing_and_downloading_for_later():
    """Under 0.3 s of a processor, of which NumPy takes most; on a slow one at most as long again as NumPy."""

    def seconds(package):
        code = (
            f"import time; start = time.process_time(); import {package}; print(time.process_time() - start)"
        )
        return min(float(run(code)) for _ in range(3))

    taken = seconds("minivae")
    assert taken < 0.3 or taken < 2 * seconds("numpy")
    loaded = set(run("import sys, minivae; print(*sys.modules)").split())
    assert not loaded & {"matplotlib", "tqdm", "pooch", "torch", "jax", "IPython", "ipywidgets"}


@pytest.mark.parametrize("platform, seconds", [("emscripten", "0"), ("linux", "10")])
def test_progress_bars_start_no_thread_in_a_browser(platform, seconds):
    code = f"""
import numpy, sys
from tqdm.auto import tqdm
sys.platform = {platform!r}
import minivae
print(tqdm.monitor_interval)
"""
    assert run(code).strip() == seconds


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_imports_an_autodiff_library(path):
    assert not set(imports(path)) & {"torch", "jax", "tensorflow", "autograd"}


def test_numpys_global_generator_is_never_named():
    """Every draw comes from a generator that was passed in."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                assert node.attr in {
                    "default_rng",
                    "Generator",
                    "SeedSequence",
                    "PCG64",
                }, f"{path.name}: {ast.unparse(node)}"


def test_importing_touches_no_global_state():
    code = """
import numpy as np
before = np.random.get_state(), np.geterr(), np.get_printoptions()
import minivae
after = np.random.get_state(), np.geterr(), np.get_printoptions()
print(str(before) == str(after))
"""
    assert run(code).strip() == "True"
