"""minivae: a variational autoencoder in NumPy with every gradient written by hand."""

import sys

try:
    from .data import load_data
    from .likelihoods import Bernoulli, Gaussian
    from .optimizers import SGD, Adagrad, Adam, RMSProp
    from .trace import Trace
    from .vae import VAE
except KeyboardInterrupt:
    if sys.argv[:1] != ["-m"]:  # where `python -m minivae` is imported, Ctrl-C is told in one line
        raise
    print("minivae: stopped.", file=sys.stderr)
    sys.exit(130)

__all__ = ["VAE", "Trace", "Bernoulli", "Gaussian", "SGD", "RMSProp", "Adam", "Adagrad", "load_data"]
__version__ = "0.1.0"

if sys.platform == "emscripten":  # a browser has no threads, and tqdm's monitor is one
    import tqdm

    tqdm.tqdm.monitor_interval = 0
