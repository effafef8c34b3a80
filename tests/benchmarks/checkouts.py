"""A training step through `fit` in this checkout and in another one, in turns, one thread each:

git worktree add ../before 65fe540
python tests/benchmarks/checkouts.py ../before

The reference model and RMSProp, on random grey images thresholded per batch. Told are the median times of a
step, their ratio, and what `fit` adds to run, backward and step on batches that are there already.
"""

import os

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[2]
STEPS = 60  # of each turn


def work(batch_size):
    """For each line on standard input, the seconds of a step through fit and of a bare one."""
    from minivae import VAE
    from minivae.optimizers import RMSProp

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (STEPS * batch_size, 784), dtype=np.uint8)
    images[rng.random(images.shape) < 0.75] = 0
    batches = [
        (
            (images[i::8][:batch_size] > 127).astype(np.float32),
            rng.standard_normal((batch_size, 100), np.float32),
        )
        for i in range(8)
    ]
    vae, optimizer = VAE(reduction="sum"), RMSProp(1e-3)

    def through_fit():
        vae.fit(
            images,
            epochs=1,
            batch_size=batch_size,
            binarize="threshold",
            optimizer=optimizer,
            progress=False,
        )
        return vae.history["seconds"][-1]

    def step(x, eps):
        t = vae.run(x, eps)
        vae.backward(t, need_dx=False)
        optimizer.step(vae.theta, vae.grad)

    def bare():
        started = time.perf_counter()
        for i in range(STEPS):
            step(*batches[i % len(batches)])
        return time.perf_counter() - started

    for _ in sys.stdin:
        print(through_fit() / STEPS, bare() / STEPS, flush=True)


def worker(folder, batch_size):
    return subprocess.Popen(
        [sys.executable, __file__, "--work", str(batch_size), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def turn(process):
    process.stdin.write("go\n")
    process.stdin.flush()
    return [1e6 * float(seconds) for seconds in process.stdout.readline().split()]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="the folder of the other checkout")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work)
    if not (args.other / "minivae").is_dir():
        parser.error(f"{args.other} holds no folder minivae; give that of another checkout.")
    folders = HERE, args.other.resolve()
    for batch_size in args.batch:
        processes = [worker(folder, batch_size) for folder in folders]
        us = np.empty((args.turns + 1, 2, 2))  # turn, checkout, through fit or bare
        for i in range(args.turns + 1):
            for j in (0, 1) if i % 2 else (1, 0):
                us[i, j] = turn(processes[j])
        us = us[1:]  # the first is for warming up
        for p in processes:
            p.stdin.close()
            p.wait()
        here, other = np.median(us, axis=0)
        ratio = np.median(us[:, 0, 0] / us[:, 1, 0])
        print(
            f"batch {batch_size:4}: through fit {here[0]:6.0f} us here, {other[0]:6.0f} us there, "
            f"{ratio:.3f} of it; fit adds {here[0] - here[1]:4.0f} and {other[0] - other[1]:4.0f} us"
        )


if __name__ == "__main__":
    main()
