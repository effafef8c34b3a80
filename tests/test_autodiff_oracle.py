"""PyTorch and JAX as oracles: the model written anew, every gradient the same to 1e-9 in float64.

The oracles read vae.parameters and the settings, nothing else of the package. PyTorch's is built from its own
distributions (log densities and KL included), and also compares every intermediate of the trace.
Both are optional: pip install torch jax.
"""

import numpy as np
import pytest
from models import LIKELIHOODS, batch_of, every_head, every_likelihood, odd_vae

from minivae.bounds import backward_iwae, run_iwae

ACTIVATIONS = ["relu", "tanh", "softplus"]
DEPTHS = [(), (4,), (5, 3), (4, 3, 4)]
# and K; None: eps is (B, M)
OBJECTIVES = [("elbo", None), ("elbo", 1), ("elbo", 5), ("iwae", 1), ("iwae", 5)]
SIGMA_MIN, LOG_SIGMA_MIN = 1e-6, -6.0


def case(objective, K, B, n_conditions, **settings):
    """An odd model, and x, eps and y for it; y are attributes."""
    beta = 0.7 if objective == "elbo" else 1.0
    sizes = {"n_inputs": 6, "n_latent": 3, "n_conditions": n_conditions}
    vae = odd_vae(**{"beta": beta, **sizes, **settings})
    x, eps, y = batch_of(vae, K, B)
    return vae, x, eps, y if y is None else np.random.default_rng(6).random((B, n_conditions))


def by_hand(vae, x, eps, y, objective):
    """The package: the loss, the trace of gradients, and the gradients of the parameters."""
    x, eps, y = vae.check_batch(x, eps, y)
    vae.grad[:] = np.nan  # what backward forgets shows
    t = vae.run(x, eps, y) if objective == "elbo" else run_iwae(vae, x, eps, y)
    d = vae.backward(t) if objective == "elbo" else backward_iwae(vae, t)
    return t, d, {name: g.copy() for name, g in vae.gradients.items()}


def assert_same(ours, oracle, what):
    """The largest difference of a block against its size: max |a - n| / max(|a| + |n|)."""
    ours, oracle = np.asarray(ours), np.asarray(oracle)
    assert ours.shape == oracle.shape, f"{what}: shapes {ours.shape} and {oracle.shape}"
    error = np.abs(ours - oracle).max() / max((np.abs(ours) + np.abs(oracle)).max(), 1e-12)
    assert error < 1e-9, f"{what}: relative error {error:.1e}"
    return error


def torch_oracle(torch, vae, x, eps, y, objective):
    """loss, and every tensor on the way under the trace's names, with gradients."""
    F, dist = torch.nn.functional, torch.distributions
    activation = {"relu": F.relu, "tanh": torch.tanh, "softplus": F.softplus}[vae.activation]
    p = {name: torch.tensor(value, requires_grad=True) for name, value in vae.parameters.items()}
    nodes = {"x": torch.tensor(x, requires_grad=True)}
    eps = torch.tensor(eps)

    def network(name, h):
        if y is not None:
            h = torch.cat([h, torch.tensor(y).expand(*h.shape[:-1], -1)], dim=-1)
        for i in range(len(vae.hidden)):
            nodes[f"{name}_a{i}"] = F.linear(h, p[f"{name}.{i}.W"].T, p[f"{name}.{i}.b"])
            nodes[f"{name}_h{i}"] = h = activation(nodes[f"{name}_a{i}"])
        return F.linear(h, p[f"{name}.{len(vae.hidden)}.W"].T, p[f"{name}.{len(vae.hidden)}.b"])

    nodes["mu"], nodes["raw"] = network("encoder", nodes["x"]).chunk(2, dim=-1)
    nodes["sigma"] = (
        F.softplus(nodes["raw"]) + SIGMA_MIN if vae.head == "softplus" else torch.exp(nodes["raw"] / 2)
    )
    q, prior = dist.Normal(nodes["mu"], nodes["sigma"]), dist.Normal(0.0, 1.0)
    nodes["z"] = nodes["mu"] + nodes["sigma"] * eps
    output = network("decoder", nodes["z"])
    if vae.likelihood.name == "bernoulli":
        nodes["logits"] = output
        log_px_z = dist.Bernoulli(logits=output, validate_args=False).log_prob(nodes["x"])
    else:
        kind = vae.likelihood.sigma
        if kind == "pixel":
            nodes["mean"], nodes["raw_log_sigma"] = output.chunk(2, dim=-1)
        else:
            nodes["mean"] = output
        if kind in ("shared", "pixel"):
            raw = p["decoder.raw_log_sigma"] if kind == "shared" else nodes["raw_log_sigma"]
            nodes["log_sigma"] = LOG_SIGMA_MIN + F.softplus(raw - LOG_SIGMA_MIN)
            sigma = nodes["log_sigma"].exp()
        else:
            sigma = torch.tensor(kind, dtype=torch.float64)
        log_px_z = dist.Normal(nodes["mean"], sigma).log_prob(nodes["x"])
    log_px_z = log_px_z.sum(-1)
    if objective == "elbo":
        per_image = log_px_z - vae.beta * dist.kl_divergence(q, prior).sum(-1)
        per_image = per_image.mean(0) if eps.ndim == 3 else per_image
    else:
        # of z = mu + sigma eps, so that dz leaves this path out (13.4)
        log_q = prior.log_prob(eps) - nodes["sigma"].log()
        nodes["log_w"] = log_px_z + (prior.log_prob(nodes["z"]) - log_q).sum(-1)
        per_image = torch.logsumexp(nodes["log_w"], dim=0) - np.log(eps.shape[0])
    loss = -(per_image.mean() if vae.reduction == "mean" else per_image.sum())
    for node in nodes.values():
        node.retain_grad()
    loss.backward()
    return (
        loss.item(),
        {n: v.grad.numpy() for n, v in p.items()},
        {n: v.grad.numpy() for n, v in nodes.items()},
    )


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip(
        "torch", reason="PyTorch is not installed: pip install torch to use it as an oracle"
    )
    threads = module.get_num_threads()
    module.set_num_threads(1)  # matrices of six pixels
    yield module
    module.set_num_threads(threads)


def compare_with_torch(torch, objective, vae, x, eps, y):
    t, d, gradients = by_hand(vae, x, eps, y, objective)
    loss, expected, nodes = torch_oracle(torch, vae, x, eps, y, objective)
    assert abs(t.loss - loss) < 1e-11 * max(1, abs(loss))
    compared = {name[1:] for name in d} & set(nodes)
    assert compared >= {"x", "raw", "sigma", "mu", "z"} | ({"log_w"} if objective == "iwae" else set())
    missing = set(nodes) - compared
    assert not missing, f"backward leaves no gradient of {missing}"
    for name in gradients:
        assert_same(gradients[name], expected[name], name)
    for name in compared:
        assert_same(d["d" + name], nodes[name], f"d{name}")


every_objective = pytest.mark.parametrize(("objective", "K"), OBJECTIVES)


@every_objective
@pytest.mark.parametrize("C, B", [(0, 1), (2, 7)])
@pytest.mark.parametrize("hidden", DEPTHS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@every_head
@every_likelihood
def test_every_gradient_is_that_of_torch(torch, likelihood, head, activation, hidden, C, B, objective, K):
    settings = {"likelihood": likelihood, "head": head, "activation": activation, "hidden": hidden}
    compare_with_torch(torch, objective, *case(objective, K, B, C, **settings))


@every_objective
@pytest.mark.parametrize("beta", [1.0, 0.0])
def test_torch_agrees_on_a_sum_over_images_and_on_no_kl(torch, objective, K, beta):
    if objective == "elbo" or beta == 1:
        compare_with_torch(torch, objective, *case(objective, K, 7, 0, reduction="sum", beta=beta))


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
@every_head
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_torch_agrees_where_logits_and_sigmas_are_extreme(torch, likelihood, head, objective):
    vae, x, eps, y = case(objective, 5, 7, 0, likelihood=likelihood, head=head, activation="relu")
    vae.parameters["decoder.1.W"] *= 40  # logits of hundreds
    vae.parameters["encoder.1.W"][:, 3:] *= 4
    t, _, gradients = by_hand(vae, x, eps, y, objective)
    loss, expected, _ = torch_oracle(torch, vae, x, eps, y, objective)
    assert abs(t.loss - loss) < 1e-11 * abs(loss)
    for name in gradients:
        assert_same(gradients[name], expected[name], name)


def jax_loss(jax, vae, objective):
    """The loss as a function of (parameters, x, eps, y)."""
    jnp, nn, norm = jax.numpy, jax.nn, jax.scipy.stats.norm
    activation = {"relu": nn.relu, "tanh": jnp.tanh, "softplus": nn.softplus}[vae.activation]

    def network(p, name, h, y):
        if y is not None:
            h = jnp.concatenate([h, jnp.broadcast_to(y, (*h.shape[:-1], y.shape[-1]))], axis=-1)
        for i in range(len(vae.hidden)):
            h = activation(h @ p[f"{name}.{i}.W"] + p[f"{name}.{i}.b"])
        return h @ p[f"{name}.{len(vae.hidden)}.W"] + p[f"{name}.{len(vae.hidden)}.b"]

    def loss(p, x, eps, y):
        mu, raw = jnp.split(network(p, "encoder", x, y), 2, axis=-1)
        sigma = nn.softplus(raw) + SIGMA_MIN if vae.head == "softplus" else jnp.exp(raw / 2)
        z = mu + sigma * eps
        output = network(p, "decoder", z, y)
        if vae.likelihood.name == "bernoulli":
            log_px_z = x * nn.log_sigmoid(output) + (1 - x) * nn.log_sigmoid(-output)
        else:
            kind = vae.likelihood.sigma
            mean, raw_log_sigma = (
                jnp.split(output, 2, axis=-1) if kind == "pixel" else (output, p.get("decoder.raw_log_sigma"))
            )
            scale = (
                kind
                if raw_log_sigma is None
                else jnp.exp(LOG_SIGMA_MIN + nn.softplus(raw_log_sigma - LOG_SIGMA_MIN))
            )
            log_px_z = norm.logpdf(x, mean, scale)
        log_px_z = log_px_z.sum(-1)
        if objective == "elbo":
            kl = (sigma**2 + mu**2 - 1 - jnp.log(sigma**2)).sum(-1) / 2
            return -(log_px_z - vae.beta * kl).mean()
        log_w = log_px_z + (norm.logpdf(z) - norm.logpdf(z, mu, sigma)).sum(-1)
        return -(nn.logsumexp(log_w, axis=0) - np.log(len(eps))).mean()

    return loss


@pytest.fixture(scope="module")
def jax():
    return pytest.importorskip("jax", reason="JAX is not installed: pip install jax to use it as an oracle")


@pytest.mark.parametrize(
    ("objective", "likelihood", "head", "activation", "n_conditions"),
    [
        ("iwae", "bernoulli", "softplus", "relu", 2),
        ("elbo", "shared", "softplus", "softplus", 0),
        ("elbo", "pixel", "logvar", "tanh", 0),
    ],
)  # a second each, most of it compiling
def test_every_gradient_is_that_of_jax(jax, objective, likelihood, head, activation, n_conditions):
    settings = {"likelihood": LIKELIHOODS[likelihood], "head": head, "activation": activation}
    vae, x, eps, y = case(objective, 5, 7, n_conditions, **settings)
    t, d, gradients = by_hand(vae, x, eps, y, objective)
    with jax.enable_x64(True):
        p = {name: jax.numpy.asarray(value) for name, value in vae.parameters.items()}
        loss, (dp, dx) = jax.jit(jax.value_and_grad(jax_loss(jax, vae, objective), argnums=(0, 1)))(
            p, x, eps, y
        )
        assert loss.dtype == np.float64
    assert abs(t.loss - float(loss)) < 1e-11 * max(1, abs(float(loss)))
    assert_same(d.dx, dx, "dx")
    for name in gradients:
        assert_same(gradients[name], dp[name], name)
