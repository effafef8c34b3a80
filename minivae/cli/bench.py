"""What a training step costs, where the time goes, and how it grows: `python -m minivae bench`.

The model is the reference model, 784-200-(100)-200-784 in float32, trained by RMSProp on random
black-and-white images. What is compared is measured in turns, a few steps each, because machines are noisy;
times are medians, or means over the middle half of all steps. The matrix products alone are the limit: what a
step would take if all else were free.
"""

import importlib.util
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from time import perf_counter

import numpy as np

from .. import VAE, RMSProp
from ..inputs import to_floats
from ..optimizers import BLOCK
from ..storage import write_csv

STAGES = (
    "matrix products",
    "elementwise work",
    "Python and NumPy calls",
    "optimiser",
    "noise",
    "gathering the batch",
)
TURN = 5  # steps that a contender takes before the next has its turn; the first is not counted
COMPARE = Path(__file__).parents[2] / "tests" / "benchmarks" / "compare.py"

GROWTH = {
    # what grows -> its values, in full and with --quick; all else is as in the reference model at batch 64
    "batch": ((16, 32, 64, 128, 256, 512), (16, 64)),
    "width": ((50, 100, 200, 400, 800), (50, 200)),
    "depth": ((1, 2, 3, 4), (1, 2)),
    "latents": ((2, 10, 50, 100, 200, 400), (2, 100)),
    "images": ((7500, 15000, 30000, 60000), (500, 1000)),
}


def random_images(n, n_inputs=784):
    """Random images of uint8, about as many white pixels as MNIST has: (n, D)."""
    return (np.random.default_rng(0).integers(0, 256, (n, n_inputs), dtype=np.uint8) < 33) * np.uint8(255)


def step(vae, optimizer, X, batch_size, rng):
    """One training step as `fit` takes it; returns the seconds of its four stages.

    Gathering the batch, noise, forward and backward, optimiser.
    """
    rows = rng.integers(0, len(X), batch_size)
    times = [perf_counter()]
    x = to_floats(X.take(rows, axis=0), vae.dtype, "threshold")
    times.append(perf_counter())
    eps = vae.noise(rng, batch_size, vae.n_latent)
    times.append(perf_counter())
    t = vae.run(x, eps)
    vae.backward(t, need_dx=False)
    times.append(perf_counter())
    optimizer.step(vae.theta, vae.grad)
    times.append(perf_counter())
    return np.diff(times)


def layers(vae):
    return vae.encoder.layers + vae.decoder.layers


def matrix_products(vae, batch_size):
    """A function that runs a step's matrix products alone, in the forms in which the layers write them."""
    rng = np.random.default_rng(0)
    work = [
        (
            *(rng.standard_normal((batch_size, n), dtype=np.float32) for n in layer.W.shape),
            layer.W,
            np.empty_like(layer.W),
        )
        for layer in layers(vae)
    ]

    def run():
        for x, _, W, _ in work:
            x @ W
        for i, (x, da, W, dW) in enumerate(work):
            np.matmul(x.T, da, out=dW)
            if i > 0:  # training does without the first layer's dx
                da @ W.T

    return run


class Timed(np.ndarray):
    """A matrix that times the products it takes part in, whatever line they stand in.

    clock is a list of one number, seconds.
    """

    def __array_finalize__(self, parent):
        self.clock = getattr(parent, "clock", None)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        plain = [a.view(np.ndarray) if isinstance(a, Timed) else a for a in inputs]
        if out is not None:
            settings["out"] = tuple(a.view(np.ndarray) for a in out)
        started = perf_counter()
        result = getattr(ufunc, method)(*plain, **settings)
        self.clock[0] += perf_counter() - started
        return result


def timed(vae):
    """Replace the layers' matrices by Timed views; returns their common clock."""
    clock = [0.0]
    for layer in layers(vae):
        vars(layer).update(
            W=layer.W.view(Timed), dW=layer.dW.view(Timed)
        )  # put there, not written into theta
        layer.W.clock = layer.dW.clock = clock
    return clock


class Measured:
    """A model whose steps are taken apart: seconds() is gathering, noise, forward and backward, optimiser,
    and the products."""

    def __init__(self, batch_size, n_images=4096, **sizes):
        self.vae, self.optimizer, self.rng = (
            VAE(reduction="sum", **sizes),
            RMSProp(),
            np.random.default_rng(1),
        )
        self.X, self.batch_size = random_images(n_images, self.vae.n_inputs), batch_size
        self.clock = timed(self.vae)

    def seconds(self):
        self.clock[0] = 0.0
        return np.array([*step(self.vae, self.optimizer, self.X, self.batch_size, self.rng), self.clock[0]])


def take_apart(batch_size, n_turns):
    """One training step of the reference model in its parts.

    Returns (parts, whole, limit): seconds by the names in STAGES, which add up to a step; and in each turn
    the median seconds of a step that nothing was timed within, and of its matrix products alone, (n_turns,)
    each. Calls are what the forward and backward pass of a model with one pixel, one hidden unit and one
    latent cost.
    """
    inside, calls = Measured(batch_size), Measured(1, n_inputs=1, hidden=(1,), n_latent=1)
    vae, optimizer, rng = VAE(reduction="sum"), RMSProp(), np.random.default_rng(2)
    alone = matrix_products(vae, batch_size)

    def limit():
        started = perf_counter()
        alone()
        return perf_counter() - started

    contenders = (
        inside.seconds,
        calls.seconds,
        lambda: step(vae, optimizer, inside.X, batch_size, rng).sum(),
        limit,
    )
    taken = [[] for _ in contenders]
    for _ in range(n_turns):
        for times, contender in zip(taken, contenders, strict=True):
            times += [contender() for _ in range(TURN)][1:]
    inside, calls, whole, limit = (np.array(times) for times in taken)

    inside = inside[np.argsort(inside[:, :4].sum(axis=1))]
    gathering, noise, passes, optimizer, products = inside[
        len(inside) // 4 : -(len(inside) // 4) or None
    ].mean(axis=0)
    calls = min(np.median(calls[:, 2] - calls[:, 4]), passes - products)
    parts = zip(
        STAGES, (products, passes - products - calls, calls, optimizer, noise, gathering), strict=True
    )
    whole, limit = (np.median(times.reshape(n_turns, TURN - 1), axis=1) for times in (whole, limit))
    return dict(parts), whole, limit


def optimizer_in_cache(n_turns):
    """The seconds of an optimiser's passes if all its vectors lay in the cache:
    what a step takes beyond that, it waits for memory."""
    vae, optimizer = VAE(), RMSProp()
    theta, g, v, scratch = np.ones((4, BLOCK), vae.dtype)  # one block, again and again
    taken = []
    for _ in range(n_turns):
        started = perf_counter()
        optimizer.update(theta, g, v, scratch)
        taken.append(perf_counter() - started)
    return float(np.median(taken)) * vae.theta.size / BLOCK


def growth(what, value):
    """A function that runs six steps (what = "images": an epoch) and returns the seconds of one; and the peak
    of their memory.

    The peak is in bytes, and counts all that Python and NumPy take beside the images: model, optimiser and
    one step.
    """
    sizes = {
        "width": {"hidden": (value,)},
        "depth": {"hidden": (200,) * value},
        "latents": {"n_latent": value},
    }.get(what, {})
    batch_size, X = value if what == "batch" else 64, random_images(value if what == "images" else 1024)

    def make():
        vae, optimizer, rng = VAE(reduction="sum", **sizes), RMSProp(), np.random.default_rng(0)

        def run(n):
            if what != "images":
                return np.median([step(vae, optimizer, X, batch_size, rng).sum() for _ in range(n)])
            return vae.fit(X, epochs=1, optimizer=optimizer, binarize="threshold", progress=False)["seconds"][
                0
            ]

        return run

    tracemalloc.start()
    make()(2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    run = make()
    return lambda: run(6), peak


def measure_growth(quick=False):
    """Rows of (what, value, seconds, bytes) for all that is in GROWTH: the quickest of nine turns,
    as others only ever slow down."""
    from tqdm.auto import tqdm

    sizes = [(what, value) for what, values in GROWTH.items() for value in values[quick]]
    # an epoch is long: three turns do
    turns = [(what != "images" or turn % 3 == 0) for turn in range(9) for what, _ in sizes]
    with tqdm(
        total=len(sizes) + sum(turns), desc="how cost grows", disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        runs, peaks, best = [], [], [np.inf] * len(sizes)
        for size in sizes:
            run, peak = growth(*size)
            runs.append(run)
            peaks.append(peak)
            bar.update()
        for i, its_turn in enumerate(turns):
            if its_turn:
                i %= len(sizes)
                best[i] = min(best[i], runs[i]())
                bar.update()
    return [(*size, seconds, peak) for size, seconds, peak in zip(sizes, best, peaks, strict=True)]


def growth_figure(table):
    """Time and memory against each of the things that grow. The dashed line is straight: where the dots lie
    on it, cost is linear.

    table: rows of (what, value, seconds, bytes).
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row[0] for row in table))
    figure = Figure(figsize=(2.4 * len(names), 4.6), layout="constrained")
    axes = figure.subplots(2, len(names), squeeze=False)
    for (above, below), what in zip(axes.T, names, strict=True):
        values, seconds, peaks = np.array([row[1:] for row in table if row[0] == what], float).T
        unit, scale = ("seconds an epoch", 1) if what == "images" else ("milliseconds a step", 1e3)
        for ax, y, label in ((above, seconds * scale, unit), (below, peaks / 1e6, "peak memory in MB")):
            ax.plot(values[[0, -1]], y[[0, -1]], "--", color="0.5", lw=1)
            ax.plot(values, y, "o", color="C0", ms=4)
            ax.set_xlim(0, 1.05 * values[-1])
            ax.set_ylim(0, 1.15 * y.max())
            ax.set_xlabel(what)
            ax.set_ylabel(label)
            ax.grid(alpha=0.3)
    return figure


# The command ------------------------------------------------------------------------------------------------


def add_arguments(parser):
    """The flags of `python -m minivae bench`."""
    parser.add_argument(
        "--batch-size",
        type=int,
        nargs="+",
        default=[64, 128, 256],
        metavar="N",
        help="images per step [64 128 256]",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="write the picture (bench.png) and the table (bench.csv) of how cost grows",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few steps and sizes only, no other libraries: seconds instead of minutes",
    )
    parser.epilog = (
        "NumPy's matrix products run on OPENBLAS_NUM_THREADS threads, by default as many as there are cores."
        " On a machine that\nis busy otherwise one thread is faster: two that wait for each other can take"
        " several times as long. The kernels that\nOpenBLAS has picked are printed with OPENBLAS_VERBOSE=2,"
        " and chosen with OPENBLAS_CORETYPE.\n\nexample:\n  OPENBLAS_NUM_THREADS=1 python -m minivae bench"
        " --batch-size 64 --out bench"
    )


def command(args):
    """Measure, print the tables and write the picture; returns the exit status."""
    if min(args.batch_size) < 1:
        raise ValueError(f"--batch-size is {min(args.batch_size)}; a step needs at least one image.")
    if args.out:
        Path(args.out).mkdir(parents=True, exist_ok=True)
    print(f"784-200-(100)-200-784 in float32, RMSProp; {machine()}\n")
    print_steps({B: take_apart(B, 4 if args.quick else 60) for B in args.batch_size})
    cached = optimizer_in_cache(20 if args.quick else 1000)
    print(
        f"{'the optimiser, all in cache':<28}{cached * 1e6:9.0f} us      (what it takes beyond that, it waits"
        " for memory)\n"
    )
    table = measure_growth(args.quick)
    print_growth(table)
    if args.out:
        print(f"\nwritten    {write(args.out, table)}")
    return 0 if args.quick else beside_other_libraries(args.batch_size)


def machine():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    threads = os.environ.get("OPENBLAS_NUM_THREADS")
    return f"NumPy {np.__version__} with {blas['name']} {blas['version']}, {os.cpu_count()} cores, " + (
        f"OPENBLAS_NUM_THREADS={threads}" if threads else "one thread on each"
    )


def print_steps(measured):
    """One column per batch size: a step in its parts, then whole, its limit,
    their ratio and the throughput."""
    print(f"{'one training step at batch':<28}" + "".join(f"{B:>18}" for B in measured))
    sums = {B: sum(parts.values()) for B, (parts, _, _) in measured.items()}
    for name in STAGES:
        cells = (
            f"{parts[name] * 1e6:9.0f} us  {parts[name] / sums[B]:4.0%}"
            for B, (parts, _, _) in measured.items()
        )
        print(f"  {name:<26}" + "".join(f"{cell:>18}" for cell in cells))
    rows = {
        "together": lambda B: f"{sums[B] * 1e6:9.0f} us  100%",
        "a step, nothing timed within": lambda B: f"{np.median(measured[B][1]) * 1e6:9.0f} us      ",
        "its matrix products alone": lambda B: f"{np.median(measured[B][2]) * 1e6:9.0f} us      ",
        "ratio of the two": lambda B: f"{np.median(measured[B][1] / measured[B][2]):9.2f}         ",
        "images per second": lambda B: f"{B / np.median(measured[B][1]):9,.0f}         ",
    }
    for name, cell in rows.items():
        print(f"{name:<28}" + "".join(f"{cell(B):>18}" for B in measured))


def print_growth(table):
    print("how cost grows       time         per image      peak memory beside the images")
    for what, value, seconds, peak in table:
        images = value if what in ("batch", "images") else 64
        time = f"{seconds:8.2f} s " if what == "images" else f"{seconds * 1e6:8.0f} us"
        print(f"  {what:8} {value:6}  {time}   {seconds / images * 1e6:8.1f} us     {peak / 1e6:8.1f} MB")


def write(folder, table):
    """Write bench.csv and bench.png into folder; returns what was written."""
    from ..plots import save

    write_csv(Path(folder) / "bench.csv", [("what", "value", "seconds", "bytes"), *table])
    save(growth_figure(table), Path(folder) / "bench.png")
    return f"{Path(folder) / 'bench.csv'} and {Path(folder) / 'bench.png'}"


def beside_other_libraries(batch_sizes):
    """Run the same step in PyTorch and JAX where they are installed, from a checkout;
    returns the exit status."""
    found = [name for name in ("torch", "jax") if importlib.util.find_spec(name)]
    if not COMPARE.exists():
        print("\nThe comparison with PyTorch and JAX is in the source's tests/benchmarks/.")
    elif not found:
        print(
            "\nTo compare with PyTorch and JAX: pip install -r tests/benchmarks/requirements.txt, then this"
            " command again."
        )
    else:
        print(flush=True)
        return subprocess.run(
            [sys.executable, str(COMPARE), "--batch-size", *map(str, batch_sizes)], check=False
        ).returncode
    return 0
