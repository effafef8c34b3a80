"""The reference model in PyTorch, as one who knows PyTorch writes it for a CPU.

The optimisers' own fast forms: foreach where RMSprop has it, fused for Adam; gradients set to None; the
cross-entropy from logits; no value read back during a step. `compiled` hands forward and backward to
torch.compile (it needs a C++ compiler).
"""

import torch
import torch.nn.functional as F
from torch import nn


class VAE(nn.Module):
    def __init__(self, n_inputs, n_hidden, n_latent):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, n_hidden), nn.ReLU(inplace=True), nn.Linear(n_hidden, 2 * n_latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(n_latent, n_hidden), nn.ReLU(inplace=True), nn.Linear(n_hidden, n_inputs)
        )

    def forward(self, x, eps):
        """Minus the sum of the ELBO over the batch."""
        mu, raw = self.encoder(x).chunk(2, dim=-1)
        sigma = F.softplus(raw) + 1e-6
        logits = self.decoder(torch.addcmul(mu, sigma, eps))
        kl = 0.5 * (mu.square() + sigma.square() - 1).sum() - sigma.log().sum()
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl


def model_of(parameters):
    """The model with these parameters of minivae's, {name: array}."""
    n_inputs, n_hidden = parameters["encoder.0.W"].shape
    model = VAE(n_inputs, n_hidden, len(parameters["decoder.0.W"]))
    layers = {
        "encoder.0": model.encoder[0],
        "encoder.1": model.encoder[2],
        "decoder.0": model.decoder[0],
        "decoder.1": model.decoder[2],
    }
    with torch.no_grad():
        for name, layer in layers.items():
            layer.weight.copy_(torch.from_numpy(parameters[f"{name}.W"].T))
            layer.bias.copy_(torch.from_numpy(parameters[f"{name}.b"]))
    return model


def build(parameters, batches, optimizer, form, images=None):
    """step(i) -> the loss of batch i, or of a batch drawn from images, as a tensor; wait() returns when all
    is done."""
    torch.set_num_threads(torch.get_num_threads())  # as OMP_NUM_THREADS says, also for the compiled form
    model = model_of(parameters)
    batches = [(torch.from_numpy(x), torch.from_numpy(eps)) for x, eps in batches]
    if optimizer == "adam":
        optimizer = torch.optim.Adam(
            model.parameters(), lr=1e-3, fused=form != "foreach", foreach=form == "foreach" or None
        )
    else:
        optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, foreach=form != "for loop")
    loss_of = torch.compile(model) if form == "compiled" else model
    images = images if images is None else torch.from_numpy(images)

    def drawn():
        batch_size, n_latent = batches[0][1].shape
        rows = torch.randint(len(images), (batch_size,))
        return (images[rows] > 127).float(), torch.randn(batch_size, n_latent)

    def step(i):
        loss = loss_of(*(batches[i % len(batches)] if images is None else drawn()))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, lambda: None
