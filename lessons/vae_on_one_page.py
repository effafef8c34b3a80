"""The VAE on one page: plain NumPy, every gradient by hand, and in the margin the equation behind each line.

    python vae_on_one_page.py           ten epochs of the built-in glyphs, and new digits as a .png
    python vae_on_one_page.py mnist     the same on MNIST

784 pixels -> 200 -> z of 100 -> 200 -> 784. A row is an image, x (B, 784), mu, raw, sigma, eps, z (B, 100).
The loss is -ELBO, summed over the batch; d + name is its derivative by that name.
"""

# fmt: off
import sys

import numpy as np

from minivae import load_data  # the images, and nothing else


def softplus(a):
    return np.maximum(a, 0) + np.log1p(np.exp(np.minimum(a, -a)))                                     # (5.9)


def sigmoid(a):
    return np.exp(np.minimum(a, 0)) / (1 + np.exp(np.minimum(a, -a)))                                 # (5.10)


def initialise(rng, D=784, H=200, M=100):
    def W(n_in, n_out):
        return rng.standard_normal((n_in, n_out)) * 2 / np.sqrt(n_in)                                 # (5.16)

    W1, W2, W3, W4 = W(D, H), np.hstack([W(H, M), W(H, M)]), W(M, H), W(H, D)
    return [W1, np.zeros(H), W2, np.zeros(2 * M), W3, np.zeros(H), W4, np.zeros(D)]


def forward(p, x, eps):
    W1, b1, W2, b2, W3, b3, W4, b4 = p
    a1 = x @ W1 + b1                                                    # encode                        (5.3)
    h1 = np.maximum(a1, 0)                                                                            # (5.8)
    mu, raw = np.split(h1 @ W2 + b2, 2, axis=1)                                                       # (5.3)
    sigma = softplus(raw) + 1e-6                                                                      # (4.10)
    z = mu + sigma * eps                                                # draw                          (4.6)
    a3 = z @ W3 + b3                                                    # decode                        (5.3)
    h3 = np.maximum(a3, 0)                                                                            # (5.8)
    logits = h3 @ W4 + b4                                                                             # (5.3)
    log_px_z = (x * logits - softplus(logits)).sum(axis=1)              # score, in nats                (7.5)
    kl = ((mu**2 + sigma**2) / 2 - np.log(sigma) - 1 / 2).sum(axis=1)                                 # (2.8)
    return log_px_z - kl, (x, eps, a1, h1, mu, raw, sigma, z, a3, h3, logits)                         # (3.7)


def backward(p, trace):
    _, W2, W3, W4 = p[::2]
    x, eps, a1, h1, mu, raw, sigma, z, a3, h3, logits = trace
    dlogits = sigmoid(logits) - x                                                                     # (9.2)
    dW4, db4 = h3.T @ dlogits, dlogits.sum(axis=0)                                                    # (9.3)
    dh3 = dlogits @ W4.T                                                                              # (9.4)
    da3 = dh3 * (a3 > 0)                                                                              # (9.5)
    dW3, db3, dz = z.T @ da3, da3.sum(axis=0), da3 @ W3.T                                             # (9.6)
    dmu = dz + mu                                                                                     # (9.7)
    dsigma = dz * eps + sigma - 1 / sigma                                                             # (9.8)
    draw = dsigma * sigmoid(raw)                                                                      # (9.9)
    dhead = np.hstack([dmu, draw])                                                                    # (9.10)
    dW2, db2, dh1 = h1.T @ dhead, dhead.sum(axis=0), dhead @ W2.T                                     # (9.10)
    da1 = dh1 * (a1 > 0)                                                                              # (9.11)
    dW1, db1 = x.T @ da1, da1.sum(axis=0)                                                             # (9.11)
    return [dW1, db1, dW2, db2, dW3, db3, dW4, db4]


def rmsprop(p, v, gradients, lr=1e-3, decay=0.9, eps=1e-10):
    for theta, v_theta, g in zip(p, v, gradients):
        v_theta[:] = decay * v_theta + (1 - decay) * g**2                                             # (8.4)
        theta -= lr * g / np.sqrt(v_theta + eps)                                                      # (8.4)


def train(p, v, X, rng, batch_size=64):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        x = X[order[start : start + batch_size]]
        eps = rng.standard_normal((len(x), len(p[4])), dtype=X.dtype)
        _, trace = forward(p, x, eps)
        rmsprop(p, v, backward(p, trace))


def sample(p, z):
    W3, b3, W4, b4 = p[4:]
    h3 = np.maximum(z @ W3 + b3, 0)                                     # decode                        (5.8)
    return sigmoid(h3 @ W4 + b4)                                        # each pixel's probability      (5.10)


if __name__ == "__main__":
    data = load_data(*(sys.argv[1:] or ["glyphs"]))                     # for training, and held out
    X, X_test = ((part.images.reshape(-1, 784) > 127).astype(np.float32) for part in data)
    rng = np.random.default_rng(0)
    p = [theta.astype(np.float32) for theta in initialise(rng)]
    v = [np.ones_like(theta) for theta in p]                            # as TensorFlow 1 starts it     (8.5)
    eps_test = rng.standard_normal((len(X_test), 100), dtype=np.float32)
    for epoch in range(1, 11):
        train(p, v, X, rng)
        print(f"epoch {epoch:2}: held-out ELBO {forward(p, X_test, eps_test)[0].mean():.1f} nats")
    import matplotlib.pyplot as plt
    digits = sample(p, rng.standard_normal((60, 100), dtype=np.float32)).reshape(5, 12, 28, 28)
    plt.imsave("vae_on_one_page.png", digits.swapaxes(1, 2).reshape(140, 336), cmap="gray_r")
