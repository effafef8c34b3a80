"""The benchmark: its parts add up, it times what it says, it writes its picture;
the other libraries compute the same step."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minivae import VAE, RMSProp
from minivae.cli import bench
from minivae.cli.main import main

COMPARE = Path(__file__).parent / "benchmarks" / "compare.py"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One `bench --quick --out`: its exit status, what it printed and where it wrote."""
    out = tmp_path_factory.mktemp("bench") / "new" / "folder"
    run = subprocess.run(
        [sys.executable, "-m", "minivae", "bench", "--quick", "--batch-size", "8", "16", "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )
    return run, out


def test_quick_runs_and_prints_its_tables(quick):
    run, _ = quick
    assert run.returncode == 0 and run.stderr == ""
    for name in (
        *bench.STAGES,
        "together",
        "its matrix products alone",
        "ratio of the two",
        "images per second",
        "the optimiser, all in cache",
        *bench.GROWTH,
    ):
        assert f"{name} " in run.stdout


def test_quick_writes_the_table_and_the_picture(quick):
    run, out = quick
    rows = list(csv.reader((out / "bench.csv").open()))
    assert rows[0] == ["what", "value", "seconds", "bytes"]
    assert [(what, int(value)) for what, value, *_ in rows[1:]] == [
        (w, v) for w, values in bench.GROWTH.items() for v in values[True]
    ]
    assert all(0 < float(seconds) < 10 and int(size) > 1e5 for _, _, seconds, size in rows[1:])
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert str(out / "bench.png") in run.stdout


def test_the_package_needs_no_other_library(quick):
    """Neither the package nor its benchmark imports torch or jax."""
    code = (
        "import sys, minivae, minivae.cli.bench, minivae.cli.main; sys.exit(bool({'torch', 'jax'} &"
        " set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_shares_add_up_to_the_whole(quick):
    rows = [line.split() for line in quick[0].stdout.splitlines() if line.strip().startswith(bench.STAGES)]
    assert len(rows) == len(bench.STAGES)
    for column in (-1, -4):  # of two batch sizes: "1230 us  38%"
        assert abs(sum(int(row[column].rstrip("%")) for row in rows) - 100) <= 3  # whole per cents, rounded


def test_the_parts_of_a_step_add_up(monkeypatch):
    """Of a step's 37 seconds, 30 of them forward and backward, 10 are products;
    without any numbers the passes take 5 - 1."""
    seconds = {32: [1.0, 2.0, 30.0, 4.0, 10.0], 1: [0.5, 0.5, 5.0, 0.5, 1.0]}
    monkeypatch.setattr(bench.Measured, "seconds", lambda self: np.array(seconds[self.batch_size]))
    parts, _, _ = bench.take_apart(32, n_turns=2)
    assert parts == dict(zip(bench.STAGES, (10.0, 16.0, 4.0, 4.0, 2.0, 1.0), strict=True))


def test_a_step_measured():
    parts, whole, limit = bench.take_apart(32, n_turns=6)
    assert tuple(parts) == bench.STAGES and all(seconds > 0 for seconds in parts.values())
    assert whole.shape == limit.shape == (6,)
    # a step that is timed within takes about as long as one that is not; far apart only where something is
    # left out
    assert 0.4 * whole.min() < sum(parts.values()) < 2.5 * whole.max()


def test_the_optimiser_in_the_cache_scales_one_block_to_all_parameters(monkeypatch):
    """A pass over a block of 32,768 that takes 2 ms takes 2 ms times their number / 32,768 for all."""
    ticks = iter(range(100))
    monkeypatch.setattr(bench, "perf_counter", lambda: 2e-3 * next(ticks))
    assert bench.optimizer_in_cache(5) == pytest.approx(2e-3 * VAE().theta.size / bench.BLOCK)


def test_a_timed_matrix_sees_the_products_and_changes_nothing():
    """The same steps with Timed matrices end in the same bits, and the clock has run."""
    plain, watched = VAE(20, (7,), 3, seed=4), VAE(20, (7,), 3, seed=4)
    clock = bench.timed(watched)
    X = bench.random_images(50, 20)
    for vae in (plain, watched):
        optimizer, rng = RMSProp(), np.random.default_rng(0)
        for _ in range(3):
            stages = bench.step(vae, optimizer, X, 10, rng)
        assert stages.shape == (4,) and (stages > 0).all()
    assert np.array_equal(plain.theta, watched.theta)
    assert 0 < clock[0] and type(watched.theta) is np.ndarray


def test_every_product_of_a_step_is_timed(monkeypatch):
    """Four layers, three products each but for the first one's dx: 11, in the step and in its limit alike."""
    vae, n_products = VAE(20, (7,), 3), []
    product = bench.Timed.__array_ufunc__

    def counted(self, ufunc, *args, **settings):
        n_products.append(ufunc)
        return product(self, ufunc, *args, **settings)

    monkeypatch.setattr(bench.Timed, "__array_ufunc__", counted)
    bench.timed(vae)
    bench.step(vae, RMSProp(), bench.random_images(50, 20), 10, np.random.default_rng(0))
    assert n_products == [np.matmul] * 11
    n_products.clear()
    bench.matrix_products(vae, 10)()
    assert n_products == [np.matmul] * 11


def test_memory_grows_with_the_model_and_not_with_the_images():
    small, large = (bench.growth("width", width)[1] for width in (50, 200))
    assert 2 < large / small < 4  # 92,000 and 374,000 parameters, and a batch
    _, few, many = (bench.growth("images", n)[1] for n in (1000, 1000, 1500))  # the first counts imports
    assert abs(many - few) < 2e5 < 500 * 784  # the order of the images, 8 bytes each


@pytest.mark.parametrize("size", ["0", "-3", "many"])
def test_a_batch_size_that_is_none(size, capsys):
    assert main(["bench", "--batch-size", size]) == 2
    err = capsys.readouterr().err
    assert size in err and "Traceback" not in err


def test_help_ends_with_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    assert (
        capsys.readouterr()
        .out.rstrip()
        .splitlines()[-1]
        .startswith("  OPENBLAS_NUM_THREADS=1 python -m minivae bench")
    )


@pytest.fixture(scope="module", params=["torch_vae", "jax_vae"])
def module(request):
    pytest.importorskip(request.param.removesuffix("_vae"))
    return request.param


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_the_other_libraries_take_the_same_steps(module, optimizer, monkeypatch):
    """What is compared is the same computation: five steps, the same losses as minivae's."""
    monkeypatch.syspath_prepend(COMPARE.parent)
    rng, vae = np.random.default_rng(0), VAE(30, (8,), 4, seed=0)
    batches = [
        ((rng.random((6, 30)) < 0.3).astype(np.float32), rng.standard_normal((6, 4), dtype=np.float32))
        for _ in range(2)
    ]
    forms = {"jax_vae": ["jit"], "torch_vae": ["foreach", "for loop" if optimizer == "rmsprop" else "fused"]}[
        module
    ]
    for form in forms:
        losses = []
        for name, its_form in (("numpy_vae", "model"), (module, form)):
            parameters = {name: value.copy() for name, value in vae.parameters.items()}
            step, wait = importlib.import_module(name).build(parameters, batches, optimizer, its_form)
            losses.append([float(step(i)) for i in range(5)])
            wait()
        assert np.allclose(*losses, rtol=1e-4), form


def test_steps_that_draw_their_batch_have_losses_of_the_same_size(module, monkeypatch):
    monkeypatch.syspath_prepend(COMPARE.parent)
    rng, vae = np.random.default_rng(0), VAE(30, (8,), 4, seed=0)
    images = rng.integers(0, 256, (500, 30), dtype=np.uint8)
    batches = [(np.zeros((100, 30), np.float32), np.zeros((100, 4), np.float32))]
    means = []
    for name, form in (("numpy_vae", "model"), (module, {"jax_vae": "jit", "torch_vae": "foreach"}[module])):
        parameters = {name: value.copy() for name, value in vae.parameters.items()}
        step, wait = importlib.import_module(name).build(parameters, batches, "adam", form, images)
        losses = [float(step(i)) for i in range(40)]
        wait()
        assert len(set(losses)) == 40
        means.append(np.mean(losses))
    assert means[0] == pytest.approx(means[1], rel=0.02)
