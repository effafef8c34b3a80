"""minivae: a variational autoencoder in NumPy with every gradient written by hand."""

import signal
import sys

if sys.argv[:1] == ["-m"] and "minivae" in sys.orig_argv:  # Ctrl-C during the imports, which take a moment

    def stop(signum, frame):
        print("minivae: stopped.", file=sys.stderr)
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # an exception might be caught in the middle of an import
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, stop)

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
