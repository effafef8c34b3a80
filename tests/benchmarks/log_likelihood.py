"""log p(x) by importance sampling in minivae and in PyTorch, side by side, one thread each:
python tests/benchmarks/log_likelihood.py

The reference model, 784-200-(100)-200-784, float32, random black-and-white images, K = 5000 samples each,
some hundred decoded at a time in both. They take turns, an image each; told are the median of the processor's
time for an image and of the ratios, and the means of the two estimates, which must agree.
"""

import os

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from minivae import VAE, Adam

sys.path.insert(0, str(Path(__file__).parent))
import torch_vae


@torch.inference_mode()
def log_likelihood(model, x, n_samples, rows):
    """log p(x) of one image x (1, D), as one who knows PyTorch writes it."""
    mu, raw = model.encoder(x).chunk(2, dim=-1)
    sigma, parts = F.softplus(raw) + 1e-6, []
    for start in range(0, n_samples, rows):
        eps = torch.randn(min(rows, n_samples - start), mu.shape[-1])
        z = torch.addcmul(mu, sigma, eps)
        logits = model.decoder(z)
        log_px_z = -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
        log_w = log_px_z + (0.5 * (eps.square() - z.square()) + sigma.log()).sum(-1)
        parts.append(torch.logsumexp(log_w, 0))
    return torch.logsumexp(torch.stack(parts), 0) - math.log(n_samples)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=5000, metavar="K")
    parser.add_argument("--images", type=int, default=40, metavar="N")
    parser.add_argument("--rows", type=int, default=250, metavar="N", help="decoded at a time in PyTorch")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.random((args.images + 1, 784)) < np.linspace(0.02, 0.3, 784)
    vae = VAE(seed=0, init="glorot")
    vae.fit(np.repeat(X, 20, axis=0), epochs=5, optimizer=Adam(), progress=False)
    model = torch_vae.model_of(vae.parameters)
    contenders = {
        "minivae": lambda x: vae.log_likelihood(x, n_samples=args.samples)[0],
        "PyTorch": lambda x: float(log_likelihood(model, torch.tensor(x).float(), args.samples, args.rows)),
    }
    seconds, estimates = ({name: [] for name in contenders} for _ in range(2))
    for i in range(len(X)):
        for name, of in contenders.items():
            started = time.process_time()
            estimates[name].append(of(X[i : i + 1]))
            seconds[name].append(time.process_time() - started)
    ours = np.array(seconds["minivae"][1:])
    for name, times in seconds.items():  # the first image is for warming up
        per_image, ratio = 1e3 * np.median(times[1:]), np.median(times[1:] / ours)
        print(
            f"{name:10}{per_image:8.1f} ms an image, {ratio:5.2f} of minivae's; "
            f"log p(x) = {np.mean(estimates[name]):.2f}"
        )


if __name__ == "__main__":
    main()
