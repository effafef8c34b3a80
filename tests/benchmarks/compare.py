"""The same training step in minivae, PyTorch and JAX, side by side: python tests/benchmarks/compare.py

    pip install -r tests/benchmarks/requirements.txt

Sizes 784-200-(100)-200-784, float32, batch and noise given, one step = forward, backward and optimiser:
RMSProp as PyTorch
has it, or Adam. All start from the same parameters; their first losses must agree before anything is timed.
With --fit each step also gathers its batch out of 60,000 images of bytes, makes it black and white and draws
the noise, as `fit` does, each library in its own way.
Each library runs in a process of its own with the same number of threads, and they take turns of some tens of
milliseconds, with pauses in which the others' idle threads fall asleep: what disturbs the machine disturbs
all. Printed are the median over the turns, its quartiles, and the median of the ratios to minivae within each
turn.
"""

import argparse
import importlib.util
import multiprocessing
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

CONTENDERS = {  # name -> (module, form); the first is what the others are compared with
    "minivae": ("numpy_vae", "model"),
    "its matrix products alone": ("numpy_vae", "products"),
    "PyTorch eager, foreach": ("torch_vae", "foreach"),
    "PyTorch eager, for loop": ("torch_vae", "for loop"),
    "PyTorch eager, fused": ("torch_vae", "fused"),
    "PyTorch compiled": ("torch_vae", "compiled"),
    "JAX jit, donated": ("jax_vae", "jit"),
}
NEEDS = {"numpy_vae": "minivae", "torch_vae": "torch", "jax_vae": "jax"}
# no fused RMSprop; fused needs no loop
LACKING = {"rmsprop": ("PyTorch eager, fused",), "adam": ("PyTorch eager, for loop",)}
N_BATCHES = 8


def worker(pipe, module, form, optimizer, batch_size, fit):
    """Build one contender, send its first losses, then run as many steps as each message says and send the
    seconds of one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    sys.path.insert(0, str(Path(__file__).parent))
    from minivae import VAE
    from minivae.cli.bench import random_images

    vae, rng = VAE(seed=0), np.random.default_rng(1)
    batches = [
        (
            (rng.random((batch_size, 784)) < 0.13).astype(np.float32),
            rng.standard_normal((batch_size, 100), dtype=np.float32),
        )
        for _ in range(N_BATCHES)
    ]
    parameters = {name: value.copy() for name, value in vae.parameters.items()}
    try:
        build = partial(importlib.import_module(module).build, parameters, batches, optimizer, form)
        step, wait = build()
        pipe.send([step(i) if form == "products" else float(step(i)) for i in range(5)])
        if fit:
            step, wait = build(random_images(60_000))
    except Exception as error:  # noqa: BLE001, such as no C++ compiler for torch.compile
        pipe.send(f"{type(error).__name__}: {error}".splitlines()[0])
        return
    i = 0
    while n_steps := pipe.recv():
        for _ in range(3):
            step(i := i + 1)
        wait()
        started = time.perf_counter()
        for _ in range(n_steps):
            step(i := i + 1)
        wait()
        pipe.send((time.perf_counter() - started) / n_steps)


def measure(contenders, optimizer, batch_size, fit, n_turns, n_steps, pause=0.05):
    """name -> seconds of a step in each turn, (n_turns,)."""
    spawn, pipes, processes = multiprocessing.get_context("spawn"), {}, []
    try:
        for name, (module, form) in contenders.items():
            pipes[name], theirs = spawn.Pipe()
            processes.append(
                spawn.Process(
                    target=worker, args=(theirs, module, form, optimizer, batch_size, fit), daemon=True
                )
            )
            processes[-1].start()
            theirs.close()
        losses = {name: pipe.recv() for name, pipe in pipes.items()}
        for name, (_, form) in contenders.items():
            if isinstance(losses[name], str):
                print(f"{name} does not run here: {losses[name]}")
                del pipes[name]
            elif form != "products" and not np.allclose(losses[name], losses["minivae"], rtol=1e-3):
                raise SystemExit(
                    f"{name} computes something else: losses {losses[name]}, minivae's are"
                    f" {losses['minivae']}"
                )
        seconds = {name: [] for name in pipes}
        for _ in range(n_turns):
            for name, pipe in pipes.items():
                time.sleep(pause)
                pipe.send(n_steps)
                seconds[name].append(pipe.recv())
        return {name: np.array(times) for name, times in seconds.items()}
    finally:
        for pipe in pipes.values():
            pipe.send(0)
        for process in processes:
            process.join(5)
            process.kill()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, nargs="+", default=[64, 128, 256], metavar="N")
    parser.add_argument("--fit", action="store_true", help="gather the batch and draw the noise in each step")
    parser.add_argument("--optimizer", choices=("rmsprop", "adam"), default="rmsprop")
    parser.add_argument(
        "--threads",
        type=int,
        default=os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count()),
        metavar="N",
        help=(
            "for each library [OPENBLAS_NUM_THREADS, or all cores]; on a machine that is busy otherwise 1 is"
            " faster"
        ),
    )
    parser.add_argument("--turns", type=int, default=30, metavar="N")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="per turn")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="contenders beside minivae: " + ", ".join(CONTENDERS)
    )
    args = parser.parse_args()

    threads = str(args.threads)  # inherited by the processes that do the work; NPROC is what JAX goes by
    os.environ.update(
        dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), threads)
    )
    contenders = {
        name: (module, form)
        for name, (module, form) in CONTENDERS.items()
        if importlib.util.find_spec(NEEDS[module])
        and name not in LACKING[args.optimizer]
        and (name == "minivae" or not args.only or name in args.only)
    }
    print(
        f"the same step in other libraries{', batch and noise drawn' * args.fit}: {args.optimizer}, {threads}"
        f" threads each, {args.turns} turns of {args.steps} steps"
    )
    for batch_size in args.batch_size:
        seconds = measure(contenders, args.optimizer, batch_size, args.fit, args.turns, args.steps)
        print(
            f"\nbatch {batch_size:<4}                    median   (quartiles)      images/s   of minivae's"
            " time"
        )
        for name, times in seconds.items():
            low, middle, high = np.quantile(times, (0.25, 0.5, 0.75)) * 1e6
            ratio = np.median(times / seconds["minivae"])
            rate = f"{batch_size / middle * 1e6:9,.0f}" if "alone" not in name else ""
            print(
                f"  {name:26}{middle:7.0f} us  ({low:.0f}-{high:.0f})".ljust(54)
                + f"{rate:>9}   {ratio:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
