"""minivae: a variational autoencoder in NumPy with every gradient written by hand."""

from .data import load_data
from .likelihoods import Bernoulli, Gaussian
from .optimizers import SGD, Adagrad, Adam, RMSProp
from .trace import Trace
from .vae import VAE

__all__ = ["VAE", "Trace", "Bernoulli", "Gaussian", "SGD", "RMSProp", "Adam", "Adagrad", "load_data"]
__version__ = "0.1.0"
