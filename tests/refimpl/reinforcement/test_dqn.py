"""What is special to DQN: memories and their frequencies, the projection's mass and mean, double estimates, noise, the cart."""

from __future__ import annotations

import inspect
import math
import random

import numpy as np
import pytest
import torch

from refimpl.reinforcement.cartpole import CartPole
from refimpl.reinforcement.dqn import (
    DuelingNetwork,
    NoisyLinear,
    PrioritizedMemory,
    ReplayMemory,
    SumTree,
    categorical_projection,
    dueling,
    multi_step,
    td_errors,
    td_loss,
    td_target,
)
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.reinforcement.cases_dqn import MANY, MANY_ENDS, METHOD, Q

MODULE = "refimpl.reinforcement.dqn"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
NEVER = torch.zeros(4, dtype=torch.bool)


def test_double_estimates_are_not_biased_upward(record):
    """All actions are worth 0, the estimates are noise: the maximum expects 0.5642 for two actions, the double estimate 0."""
    n = 40_000
    first, second = randn(n, 2, seed=1), randn(n, 2, seed=2)
    zeros, never = torch.zeros(n).double(), torch.zeros(n, dtype=torch.bool)
    single, double = td_target(zeros, never, first, 1.0), td_target(zeros, never, first, 1.0, second)
    z = max(
        abs((single.mean().item() - np.pi**-0.5) / (single.std().item() / n**0.5)),
        abs(double.mean().item() / (double.std().item() / n**0.5)),
    )
    record(METHOD, MODULE, "mean of single and double targets, z-score", "1 / sqrt(pi) and 0", error=z, tolerance=4.0, dtype=torch.float64)


def test_what_follows_the_end_does_not_count():
    following = torch.tensor([[float("inf"), 0.0], [3.0, 1.0]])
    y = td_target(torch.tensor([2.0, 1.0]), torch.tensor([True, False]), following, 0.5)
    assert y.tolist() == [2.0, 2.5]


def test_gradients_reach_the_chosen_values_alone():
    """Not the targets, nor the other actions; a clipped error's slope is the error, bounded by 1."""
    q, y = Q.clone().requires_grad_(), torch.tensor([5.0, -5.0, 0.2, 0.0, 1.0]).double().requires_grad_()
    actions = torch.tensor([0, 1, 2, 0, 1])
    errors = td_errors(q, actions, y)
    (slope,) = torch.autograd.grad(5 * td_loss(errors, clip=True), q)
    assert error(slope.gather(1, actions[:, None])[:, 0], -errors.clamp(-1, 1)) < 1e-15 and (slope != 0).sum() == 5
    (slope,) = torch.autograd.grad(5 * td_loss(td_errors(q, actions, y)), q)
    assert error(slope.gather(1, actions[:, None])[:, 0], -2 * errors) < 1e-15
    assert torch.autograd.grad(td_loss(td_errors(q, actions, y)), y, allow_unused=True) == (None,)


def test_multi_step_by_hand():
    """1 + 0.9 + 0.81 = 2.71, plus 0.9^3 times a value of 10; an end in between cuts both."""
    total, over = multi_step(torch.ones(2, 3), torch.tensor([[False] * 3, [False, True, False]]), 0.9)
    assert total.tolist() == pytest.approx([2.71, 1.9]) and over.tolist() == [False, True]
    assert td_target(total, over, torch.full((2, 2), 10.0), 0.9**3).tolist() == pytest.approx([2.71 + 7.29, 1.9])
    assert multi_step(MANY, MANY_ENDS)[1].tolist() == [False, True, True, True, True]


def test_dueling_separates_value_and_advantage():
    """The mean over the actions is the value, and a shift of all advantages changes nothing."""
    value = randn(5, 1, seed=3)
    assert error(dueling(value, Q).mean(1, keepdim=True), value) < 1e-14
    assert error(dueling(value, Q + 7), dueling(value, Q)) < 1e-14


def test_projection_keeps_mass_and_mean(record):
    """The mass is 1 always; the mean is r + gamma E[Z] where nothing is clamped; at the end all mass lies at the reward."""
    p, r = torch.softmax(randn(4, 11, seed=4), 1), rand(4, seed=5) / 4
    z = torch.linspace(-2, 2, 11, dtype=torch.float64)
    m = categorical_projection(p, r, NEVER, -2.0, 2.0, 0.8)
    record(METHOD, MODULE, "mean of the projection", "r + gamma E[Z]", error=error(m @ z, r + 0.8 * (p @ z)), **EXACT)
    wide = categorical_projection(p, r * 40, torch.tensor([False, True, False, True]), -2.0, 2.0, 0.8)
    record(METHOD, MODULE, "mass of the projection", "1", error=max(error(x.sum(1), torch.ones(4).double()) for x in (m, wide)), **EXACT)
    assert (wide >= 0).all() and error(wide[1] @ z, (r[1] * 40).clamp(-2, 2)) < 1e-12 and (wide[1] > 0).sum() <= 2
    assert error(categorical_projection(p, r * 0, NEVER, -2.0, 2.0, 1.0), p) < 1e-12
    assert inspect.signature(categorical_projection).parameters["gamma"].default == 0.99


@pytest.mark.parametrize("capacity", [1, 2, 5, 8])
def test_tree_of_sums_against_a_running_sum(capacity):
    """Find gives the index whose interval of the cumulative sum holds the mark, zeros never; sums follow updates in bulk."""
    tree, values = SumTree(capacity), np.zeros(capacity)
    rng = np.random.default_rng(1)
    for _ in range(6):
        where = rng.choice(capacity, size=min(3, capacity), replace=False)
        values[where] = rng.uniform(0, 2, len(where)) * (rng.random(len(where)) < 0.8)
        tree[where] = values[where]
        assert tree.total == pytest.approx(values.sum(), abs=1e-12) and np.array_equal(tree[np.arange(capacity)], values)
        if values.sum() == 0:
            continue
        marks = np.concatenate([rng.uniform(0, values.sum(), 50), [0.0, tree.total]])
        found = tree.find(marks)
        ends = np.cumsum(values)
        assert (values[found] > 0).all()
        assert ((marks[:-1] <= ends[found[:-1]] + 1e-12) & (marks[:-1] >= ends[found[:-1]] - values[found[:-1]] - 1e-12)).all()
    assert SumTree(capacity).leaves >= capacity and SumTree(5).leaves == 8 and SumTree(8).leaves == 8


def test_memory_keeps_the_newest():
    memory = ReplayMemory(3)
    for i in range(5):
        assert len(memory) == min(i, 3)
        assert memory.add(torch.tensor(float(i)), torch.tensor([i, -i])) == i % 3
    numbers, pairs = memory.get(torch.arange(3))
    assert numbers.tolist() == [3.0, 4.0, 2.0] and pairs.tolist() == [[3, -3], [4, -4], [2, -2]]
    drawn, _ = memory.sample(3000, torch.Generator().manual_seed(1))
    counts = torch.bincount(drawn.long(), minlength=5)
    assert counts[:2].sum() == 0 and (counts[2:] - 1000).abs().max() < 4 * (3000 * 2 / 9) ** 0.5
    torch.manual_seed(1)
    assert torch.equal(memory.sample(3000)[0], drawn)
    last = ReplayMemory(1)
    assert [last.add(torch.tensor(i)) for i in range(3)] == [0, 0, 0] and last.sample(2)[0].tolist() == [2, 2]
    last = ReplayMemory(1)
    last.add(torch.zeros(2, dtype=torch.float16, device="meta"))
    assert {(t.shape, t.dtype, t.device.type) for t in last.get(torch.tensor([0, 0], device="meta"))} == {((2, 2), torch.float16, "meta")}


def filled(**options):
    memory = PrioritizedMemory(6, **options)
    for i in range(5):
        memory.add(torch.tensor(i))
    return memory


def test_frequencies_and_weights_of_prioritized_replay(record):
    """p^alpha over its sum, and (N P)^-beta over the largest of the batch; new transitions get the largest priority so far."""
    errors = torch.tensor([0.5, -2.0, 0.0, 1.0, 3.0])
    memory = filled(alpha=0.7, epsilon=0.1)
    memory.update(torch.arange(5), errors)
    p = (errors.double().abs() + 0.1) ** 0.7
    p = p / p.sum()
    batch = 5000
    indices, weights = memory.draw(batch, 0.5, torch.Generator().manual_seed(2))
    gap = (torch.bincount(indices, minlength=5) - batch * p).abs().max().item()
    record(METHOD, MODULE, "counts of 5000 draws in equal shares", "5000 P(i)", error=gap, tolerance=2.0)  # shares leave at most 2 in doubt
    expected = (5 * p[indices]) ** -0.5
    gap = error(weights, expected / expected.max())
    record(METHOD, MODULE, "weights", "(N P)^-beta over the largest", error=gap, tolerance=1e-6, dtype=torch.float32)
    assert torch.equal(memory.draw(4, 0.0)[1], torch.ones(4)) and memory.draw(4)[0].shape == (4,)
    numbers = torch.rand(8, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    expected = torch.searchsorted(p.cumsum(0), (torch.arange(8) + numbers) / 8, right=True)
    assert torch.equal(memory.draw(8, generator=torch.Generator().manual_seed(4))[0], expected)
    assert memory.add(torch.tensor(5)) == 5 and memory.tree[5] == pytest.approx(3.1**0.7)
    memory.update(torch.tensor([4]), torch.tensor([1.0]))
    assert memory.add(torch.tensor(6)) == 0 and memory.tree[0] == pytest.approx(3.1**0.7)  # the largest is remembered
    for beta in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"^PrioritizedMemory: beta must lie in \[0, 1\], got {beta}$"):
            memory.draw(1, beta)
    assert memory.draw(2, 1.0)[1].max() == 1 and memory.draw(1)[1].tolist() == [1.0]


def test_prioritized_defaults():
    memory = filled()
    assert (memory.alpha, memory.epsilon, memory.largest) == (0.6, 1e-6, 1.0) and memory.tree.total == 5.0
    assert inspect.signature(PrioritizedMemory.draw).parameters["beta"].default == 0.4
    first, _ = memory.draw(3, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(3)
    assert torch.equal(memory.draw(3)[0], first)
    memory.update(torch.tensor([2, 2]), torch.tensor([0.0, 0.0], requires_grad=True))
    assert memory.tree[2] == pytest.approx(1e-6**0.6)
    memory.update(torch.tensor([1]), torch.tensor([-0.5], dtype=torch.bfloat16))
    assert memory.tree[1] == pytest.approx(0.500001**0.6, rel=1e-12) and memory.draw(1)[1].dtype == torch.float32
    assert filled(alpha=0.0).draw(5)[0].tolist() == [0, 1, 2, 3, 4]


def test_noise_of_the_noisy_layer(record):
    """Over many draws the output's mean is that of the means, its variance what E e^2 = E|u| = sqrt(2 / pi) gives; evaluation has none."""
    torch.manual_seed(0)
    layer, x = NoisyLinear(3, 2).double(), torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
    n = 4000
    with torch.no_grad():
        y = torch.cat([layer(x) for _ in range(n)])
        mean = layer.eval()(x)[0]
        factor = 2 / torch.pi  # E e_v^2 e_u^2; the cross terms vanish
        variance = factor * (layer.weight_sigma**2 @ x[0] ** 2) + factor**0.5 * layer.bias_sigma**2
    z = ((y.mean(0) - mean) / (variance / n) ** 0.5).abs().max().item()
    record(METHOD, MODULE, "mean of a noisy layer, z-score", "the layer of means", error=z, tolerance=4.0, dtype=torch.float64)
    fourth = ((y - mean) ** 4).mean(0) - variance**2
    z = (((y - mean).square().mean(0) - variance) / (fourth / n) ** 0.5).abs().max().item()
    record(
        METHOD,
        MODULE,
        "variance of a noisy layer, z-score",
        "sigma^2 x^2 E|u|^2 + sigma_b^2 E|u|",
        error=z,
        tolerance=4.0,
        dtype=torch.float64,
    )
    both = layer.train()(x.expand(2, -1))
    assert torch.equal(both[0], both[1]) and torch.equal(layer.eval()(x), layer(x))


def test_noisy_initialization_and_networks():
    layer = NoisyLinear(100, 40, 0.3)
    assert layer.weight_mu.abs().max() <= 0.1 and abs(layer.weight_mu.var().item() / (0.01 / 3) - 1) < 4 * (0.8 / 4000) ** 0.5
    assert layer.bias_mu.abs().max() <= 0.1 and layer.bias_mu.any()
    for spread in (layer.weight_sigma, layer.bias_sigma):
        assert torch.allclose(spread, torch.tensor(0.03))
    least = NoisyLinear(1, 1, dtype=torch.bfloat16)
    assert least(torch.ones(2, 1, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert repr(NoisyLinear(2, 3)) == "NoisyLinear(2, 3, sigma=0.5)"
    net = DuelingNetwork(4, 3, noisy=True)
    assert (
        isinstance(net.streams, NoisyLinear)
        and net.streams.weight_mu.shape == (4, 64)
        and not isinstance(DuelingNetwork(4, 3).streams, NoisyLinear)
    )
    for p in DuelingNetwork(4, 3, noisy=True, device="meta", dtype=torch.float16).parameters():
        assert (p.dtype, p.device.type) == (torch.float16, "meta")
    x = randn(4, seed=7).float()
    assert DuelingNetwork(4, 3)(x).shape == (3,)


def test_cart_and_pole(record):
    """gymnasium's CartPole-v1 from the same state, until the pole falls; 500 steps at most."""
    world, rng = CartPole(), random.Random(1)
    assert (world.state, world.steps) == ((0.0, 0.0, 0.0, 0.0), 0)
    starts = [v for _ in range(500) for v in world.reset(rng)]
    assert -0.05 <= min(starts) < -0.0495 and 0.0495 < max(starts) <= 0.05
    start = world.reset(rng)
    assert max(abs(v) for v in start) <= 0.05 and len(set(start)) == 4 and world.state == start and world.steps == 0
    assert (world.max_steps, world.observations, world.actions) == (500, 4, 2)
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make("CartPole-v1").unwrapped
    worst = 0.0
    for seed in range(6):
        rng = random.Random(seed)
        theirs.reset(seed=seed)
        theirs.state = np.array(world.reset(rng))
        for t in range(500):
            action = rng.randrange(2) if seed else 1
            ours, (_, reward, fallen, _, _) = world.step(action), theirs.step(action)
            worst = max(worst, float(np.abs(np.array(ours[0]) - theirs.state).max()))
            assert ours[1:3] == (reward, fallen) and not ours[3] and world.steps == t + 1
            if fallen:
                break
        assert fallen
    record(
        METHOD,
        MODULE,
        "states of the cart until the pole falls",
        "gymnasium CartPole-v1",
        error=worst,
        tolerance=1e-12,
        dtype=torch.float64,
    )


def test_the_cart_has_an_end_and_the_time_too():
    world = CartPole(3)
    world.reset(random.Random(0))
    assert [world.step(i % 2)[3] for i in range(3)] == [False, False, True]
    for state, fallen in (
        ((2.41, 0, 0, 0), True),
        ((-2.41, 0, 0, 0), True),
        ((2.39, 0, 0, 0), False),
        ((2.4, 0, 0, 0), False),
        ((0, 0, math.radians(12), 0), False),
        ((0, 0, 0.21, 0), True),
        ((0, 0, -0.2, 0), False),
    ):
        world.state = state
        assert world.step(0)[2] == fallen


def test_new_tensors_are_on_the_device_of_the_input():
    layer, p, x = NoisyLinear(3, 2).double(), torch.softmax(randn(4, 5, seed=8), 1), randn(2, 3, seed=9)
    with torch.device("meta"):
        found = [layer(x), multi_step(MANY, MANY_ENDS)[0], categorical_projection(p, p[:, 0], NEVER, -1.0, 1.0)]
    assert {t.device.type for t in found} == {"cpu"}


def test_learns_a_small_task(record):
    """Two states, two actions, replay and target network: the values become those of value iteration."""
    torch.manual_seed(0)
    net, copy = DuelingNetwork(2, 2, 16), DuelingNetwork(2, 2, 16)
    memory, eye = PrioritizedMemory(64), torch.eye(2)
    rng = random.Random(0)
    for _ in range(64):  # action 1 in state 0 leads to 1 for nothing; action 1 in state 1 ends with reward 1; action 0 pays 0.1 and stays
        s, a = rng.randrange(2), rng.randrange(2)
        memory.add(eye[s], torch.tensor(a), torch.tensor(0.1 if a == 0 else float(s)), eye[1 if a else s], torch.tensor(s == a == 1))
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    for step in range(400):
        if step % 20 == 0:
            copy.load_state_dict(net.state_dict())
        indices, weights = memory.draw(32, 0.5)
        s, a, r, then, over = memory.get(indices)
        with torch.no_grad():
            y = td_target(r, over, copy(then), 0.5, chooser=net(then))
        errors = td_errors(net(s), a, y)
        adam.zero_grad()
        td_loss(errors, weights, clip=True).backward()
        adam.step()
        memory.update(indices, errors)
    expected = torch.tensor([[0.1 + 0.5 * 0.5, 0.5], [0.1 + 0.5 * 1.0, 1.0]])
    record(
        METHOD,
        MODULE,
        "values learned in two states",
        "the Bellman equation",
        error=(net(eye) - expected).abs().max().item(),
        tolerance=0.05,
        dtype=torch.float32,
    )
