"""Optimisers: the tabled first steps, the recurrences in plain Python, PyTorch's own,
state that survives a checkpoint."""

import math
import re

import numpy as np
import pytest

from minivae import SGD, Adagrad, Adam, RMSProp
from minivae.optimizers import BLOCK, FLUSH, FLUSH_EVERY, OPTIMIZERS, make_optimizer

# Each optimiser twice: as it is made here, and as a plain recurrence over one number, written from the
# papers.


def sgd(g, state, lr, momentum):
    state["m"] = momentum * state.get("m", 0) + g
    return lr * state["m"]


def rmsprop(g, state, lr, start, decay, eps, inside):
    state["v"] = decay * state.get("v", start) + (1 - decay) * g * g
    return lr * g / (math.sqrt(state["v"] + eps) if inside else math.sqrt(state["v"]) + eps)


def adam(g, state, lr, beta1, beta2, eps):
    state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
    m_hat, v_hat = state["m"] / (1 - beta1 ** state["t"]), state["v"] / (1 - beta2 ** state["t"])
    return lr * m_hat / (math.sqrt(v_hat) + eps)


def adagrad(g, state, lr, eps):
    state["v"] = state.get("v", 0) + g * g
    return lr * g / (math.sqrt(state["v"]) + eps)


CASES = {
    "sgd": (lambda: SGD(0.1), lambda g, s: sgd(g, s, 0.1, 0)),
    "momentum": (lambda: SGD(0.1, momentum=0.9), lambda g, s: sgd(g, s, 0.1, 0.9)),
    "tensorflow1": (lambda: RMSProp(0.01), lambda g, s: rmsprop(g, s, 0.01, 1, 0.9, 1e-10, True)),
    "keras": (lambda: RMSProp(0.01, "keras"), lambda g, s: rmsprop(g, s, 0.01, 0, 0.9, 1e-7, True)),
    "pytorch": (lambda: RMSProp(0.01, "pytorch"), lambda g, s: rmsprop(g, s, 0.01, 0, 0.99, 1e-8, False)),
    "own decay and eps": (
        lambda: RMSProp(0.01, decay=0.5, eps=0.1),
        lambda g, s: rmsprop(g, s, 0.01, 1, 0.5, 0.1, True),
    ),
    "adam": (lambda: Adam(0.01), lambda g, s: adam(g, s, 0.01, 0.9, 0.999, 1e-8)),
    "burda's adam": (lambda: Adam(0.01, eps=1e-4), lambda g, s: adam(g, s, 0.01, 0.9, 0.999, 1e-4)),
    "adagrad": (lambda: Adagrad(0.1), lambda g, s: adagrad(g, s, 0.1, 1e-10)),
}
every_optimizer = pytest.mark.parametrize("make", [make for make, _ in CASES.values()], ids=CASES)


def gradients(rng, steps, size, dtype=np.float64):
    """Gradients of many magnitudes, one column of zeros among them."""
    g = rng.standard_normal((steps, size)) * 10.0 ** rng.integers(-4, 3, size)
    g[:, 0] = 0
    return g.astype(dtype)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_a_hundred_steps_equal_the_plain_recurrence(name, dtype, tolerance, rng):
    make, recurrence = CASES[name]
    optimizer, theta, grads = make(), np.zeros(6, dtype), gradients(rng, 100, 6, dtype)
    expected, states = np.zeros(6), [{} for _ in range(6)]
    for g in grads:
        optimizer.step(theta, g)
        expected -= [recurrence(float(gi), state) for gi, state in zip(g, states, strict=True)]
        assert np.allclose(theta, expected, rtol=tolerance, atol=tolerance * abs(expected).max())
    assert theta.dtype == dtype and optimizer.n_steps == 100
    assert all(v.dtype == dtype for key, v in optimizer.state().items() if key != "n_steps")


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@every_optimizer
def test_a_step_is_the_formula_as_the_lesson_writes_it(make, dtype, tolerance, rng):
    """In place, block by block, with a flush now and then, and yet the same as the readable twin."""
    fast, slow, n = make(), make(), BLOCK + 5
    theta, grads = rng.standard_normal(n).astype(dtype), gradients(rng, 7, n, dtype)
    twin = theta.copy()
    for k in range(FLUSH_EVERY + 10):
        fast.step(theta, grads[k % 7])
        slow.step_by_formula(twin, grads[k % 7])
    assert np.allclose(theta, twin, rtol=tolerance, atol=tolerance * abs(twin).max())
    for name in fast.state_names:
        one, other = fast.state()[name], slow.state()[name]
        assert one.dtype == dtype and np.allclose(one, other, rtol=20 * tolerance, atol=1e-25), name


def test_the_state_after_a_step_is_the_lessons():
    """A first gradient of 2: v = 0.9 * 1 + 0.1 * 2^2 (8.4); Adam's m = 0.1 * 2, v = 0.001 * 2^2 (8.6)."""
    for optimizer, expected in (
        (RMSProp(), {"v": 1.3}),
        (RMSProp(variant="keras"), {"v": 0.4}),
        (RMSProp(variant="pytorch"), {"v": 0.04}),
        (Adam(), {"m": 0.2, "v": 0.004}),
        (Adagrad(), {"v": 4.0}),
        (SGD(momentum=0.9), {"m": 2.0}),
    ):
        optimizer.step(np.zeros(1), np.array([2.0]))
        state = optimizer.state()
        assert state.pop("n_steps") == 1 and set(state) == set(expected)
        assert all(math.isclose(state[name].item(), value, rel_tol=1e-14) for name, value in expected.items())


@every_optimizer
def test_an_optimiser_reused_in_another_dtype_equals_a_fresh_one_with_the_same_state(make, rng):
    used, fresh = make(), make()
    used.step(np.zeros(5), rng.standard_normal(5))
    fresh.load_state({name: v.astype(np.float32) for name, v in used.state().items()})
    used.load_state(fresh.state())
    theta = rng.standard_normal(5).astype(np.float32)
    twin, g = theta.copy(), rng.standard_normal(5).astype(np.float32)
    used.step(theta, g)
    fresh.step(twin, g)
    assert theta.dtype == np.float32 and np.array_equal(theta, twin)


def test_the_flush_takes_nothing_but_what_is_nothing():
    """Far below 1e-20 becomes 0, far above keeps its bits, and the eps of an optimiser outweighs it."""
    optimizer = Adam()
    optimizer.step(np.zeros(4, np.float32), np.zeros(4, np.float32))
    m = optimizer.state()["m"]
    m[:] = [1e-38, -1e-30, 1e-9, 3.0]
    optimizer.flush()
    assert m[0] == m[1] == 0 and np.array_equal(m[2:], np.array([1e-9, 3.0], np.float32))
    assert FLUSH * np.finfo(np.float32).eps < (1e-4 * Adam().eps) ** 2  # v, whose root stands beside eps


# RMSProp in three frameworks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variant, steps",
    [
        ("tensorflow1", ["1.05e-05", "1.00e-03", "3.16e-03"]),
        ("keras", ["3.15e-03", "3.16e-03", "3.16e-03"]),
        ("pytorch", ["1.00e-02"] * 3),
    ],
)
def test_the_first_step_of_rmsprop_in_each_framework(variant, steps):
    """For gradients of 0.01, 1 and 100 at a learning rate of 1e-3."""
    theta = np.zeros(3)
    RMSProp(1e-3, variant).step(theta, np.array([0.01, 1, 100]))
    assert [f"{-step:.2e}" for step in theta] == steps


def test_the_first_steps_to_the_last_digit():
    theta = np.zeros(3)
    RMSProp(1e-3).step(theta, np.array([0.01, 1, 100]))
    assert np.allclose(-theta, [1e-5 / math.sqrt(0.9 + 1e-5), 1e-3, 0.1 / math.sqrt(0.9 + 1000)], rtol=1e-9)


@pytest.mark.parametrize("gradient, steps", [(0.1, 58), (0.01, 102), (0.001, 145)])
def test_a_mean_loss_warms_up_silently(gradient, steps):
    """TensorFlow 1 starts the accumulator at 1: a small constant gradient takes that long to reach 90 % of
    full speed."""
    optimizer, theta, taken, g = RMSProp(1.0), np.zeros(1), 0, np.array([gradient])
    while True:
        before = theta.copy()
        optimizer.step(theta, g)
        taken += 1
        if (before - theta)[0] >= 0.9:
            break
    assert taken == steps


def test_the_default_is_the_reference_models():
    assert make_optimizer(None).config() == {
        "name": "rmsprop",
        "lr": 1e-3,
        "variant": "tensorflow1",
        "decay": 0.9,
        "eps": 1e-10,
    }


# PyTorch ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, torch_name, settings",
    [
        ("sgd", "SGD", {"lr": 0.1}),
        ("momentum", "SGD", {"lr": 0.1, "momentum": 0.9}),
        ("pytorch", "RMSprop", {"lr": 0.01}),
        ("adam", "Adam", {"lr": 0.01}),
        ("burda's adam", "Adam", {"lr": 0.01, "eps": 1e-4}),
        ("adagrad", "Adagrad", {"lr": 0.1}),
    ],
)
def test_against_pytorch(name, torch_name, settings, rng):
    torch = pytest.importorskip("torch")
    theirs = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    optimizer, torch_optimizer, theta = (
        CASES[name][0](),
        getattr(torch.optim, torch_name)([theirs], **settings),
        np.zeros(6),
    )
    for g in gradients(rng, 50, 6):
        optimizer.step(theta, g)
        theirs.grad = torch.from_numpy(g)
        torch_optimizer.step()
        assert np.allclose(theta, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


# What a step may and may not touch --------------------------------------------------------------------------


@every_optimizer
def test_a_step_moves_theta_in_place_and_leaves_the_gradient(make, rng):
    theta, grad = rng.standard_normal((2, 5))
    start, before = theta.copy(), grad.copy()
    assert make().step(theta, grad) is None
    assert (theta != start).all() and np.array_equal(np.sign(start - theta), np.sign(grad))  # downhill
    assert np.array_equal(grad, before)


@every_optimizer
def test_long_vectors_are_walked_in_blocks_to_the_same_bits(make, rng):
    n = 2 * BLOCK + 17
    grads = rng.standard_normal((3, n)).astype(np.float32)
    whole, parts = np.zeros(n, np.float32), [np.zeros(n // 3, np.float32), np.zeros(n - n // 3, np.float32)]
    optimizer, *others = make(), make(), make()
    for g in grads:
        optimizer.step(whole, g)
        for other, part, g_part in zip(others, parts, np.split(g, [n // 3]), strict=True):
            other.step(part, g_part)
    assert np.array_equal(whole, np.concatenate(parts))


@every_optimizer
def test_state_goes_through_a_checkpoint_to_the_same_bits(make, rng):
    optimizer, theta, grads = make(), np.zeros(6, np.float32), gradients(rng, 20, 6, np.float32)
    for g in grads[:10]:
        optimizer.step(theta, g)
    copy, theta_copy = make(), theta.copy()
    copy.load_state({name: array.copy() for name, array in optimizer.state().items()})
    for g in grads[10:]:
        optimizer.step(theta, g)
        copy.step(theta_copy, g)
    assert np.array_equal(theta, theta_copy) and copy.n_steps == 20
    assert all(np.array_equal(a, copy.state()[name]) for name, a in optimizer.state().items())


@every_optimizer
def test_state_before_the_first_step_is_a_state_too(make):
    copy, theta = make(), np.zeros(2)
    copy.load_state(make().state())
    copy.step(theta, np.ones(2))
    assert copy.n_steps == 1 and (theta < 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(momentum=0.9),
        RMSProp,
        lambda: RMSProp(variant="keras"),
        lambda: RMSProp(variant="pytorch"),
        lambda: Adam(beta2=0.99),
    ],
)
def test_no_number_becomes_denormal_once_the_gradient_has_vanished(make):
    """Denormal numbers are ten times as slow; the units of a network that die would drag the whole step
    down."""
    optimizer, theta, grad = make(), np.zeros(4, np.float32), np.full(4, 1e-3, np.float32)
    optimizer.step(theta, grad)
    grad[:] = 0
    for _ in range(9000):
        optimizer.step(theta, grad)
    for name in optimizer.state_names:
        state = abs(optimizer.state()[name])
        assert ((state == 0) | (state >= np.finfo(np.float32).tiny)).all(), name
    at_rest = theta.copy()
    optimizer.step(theta, grad)
    assert np.array_equal(theta, at_rest)


# Names and settings -----------------------------------------------------------------------------------------


@every_optimizer
def test_an_optimizer_comes_back_from_its_config(make):
    again = make_optimizer(make().config())
    assert type(again) is type(make()) and again.config() == make().config()


def test_optimizers_by_name():
    assert sorted(OPTIMIZERS) == ["adagrad", "adam", "rmsprop", "sgd"]
    assert all(type(make_optimizer(name)) is cls for name, cls in OPTIMIZERS.items())
    adam = Adam()
    assert make_optimizer(adam) is adam


@pytest.mark.parametrize("wrong", ["momentum", Adam, 1e-3])
def test_what_is_not_an_optimizer(wrong):
    sentence = (
        f"optimizer {wrong!r} is not known; take one of sgd, rmsprop, adam, adagrad, or an object such as"
        " Adam(1e-3)."
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make_optimizer(wrong)


@pytest.mark.parametrize("lr", [0, -1e-3, math.nan, math.inf])
def test_the_learning_rate_must_be_positive(lr):
    for cls in OPTIMIZERS.values():
        with pytest.raises(ValueError, match="the learning rate must be a positive number"):
            cls(lr)


@pytest.mark.parametrize(
    "cls, name", [(SGD, "momentum"), (RMSProp, "decay"), (Adam, "beta1"), (Adam, "beta2")]
)
@pytest.mark.parametrize("decay", [1.0, 1.5, -0.1, math.nan])
def test_what_is_kept_of_the_past_is_less_than_all(cls, name, decay):
    with pytest.raises(
        ValueError,
        match=rf"{cls.__name__}: {name} is {decay}; how much of the past is kept must be from 0 to below 1",
    ):
        cls(**{name: decay})


@pytest.mark.parametrize("cls", [RMSProp, Adam, Adagrad])
def test_eps_is_never_negative(cls):
    with pytest.raises(
        ValueError,
        match=f"{cls.__name__}: eps is -1e-08; what is added to the denominator must not be negative",
    ):
        cls(eps=-1e-8)
    assert cls(eps=0.0).eps == 0


def test_an_unknown_variant_of_rmsprop():
    with pytest.raises(
        ValueError, match="variant 'tf' is not known; take one of tensorflow1, keras, pytorch"
    ):
        RMSProp(variant="tf")


def test_a_new_model_needs_a_new_optimizer():
    optimizer = Adam()
    optimizer.step(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="a new model needs a new optimiser"):
        optimizer.step(np.zeros(4), np.ones(4))
