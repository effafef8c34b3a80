"""minivae: a variational autoencoder in NumPy with every gradient written by hand."""

import sys

if sys.argv[:1] == ["-m"] and "minivae" in sys.orig_argv:  # Ctrl-C from the first import is told in one line
    from .cli import stop_at_once

    stop_at_once()

from .data import load_data
from .likelihoods import Bernoulli, Gaussian
from .optimizers import SGD, Adagrad, Adam, RMSProp
from .trace import Trace
from .vae import VAE

__all__ = ["VAE", "Trace", "Bernoulli", "Gaussian", "SGD", "RMSProp", "Adam", "Adagrad", "load_data"]
__version__ = "0.1.0"

if sys.platform == "emscripten":  # a browser has no threads, and tqdm's monitor is one
    import tqdm

    tqdm.tqdm.monitor_interval = 0
