"""What is special to AlphaZero: the search against one in dictionaries and against minimax, noise, games against itself."""

from __future__ import annotations

import inspect
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from refimpl.reinforcement.alphazero import Node, PolicyValueNet, alphazero_loss, evaluator, puct, search, self_play, visit_policy
from refimpl.reinforcement.tictactoe import LINES, TicTacToe
from tests.refimpl.harness.case import randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.reinforcement.cases_alphazero import METHOD, evaluate

MODULE = "refimpl.reinforcement.alphazero"


@cache
def minimax(position: TicTacToe) -> float:
    """The exact value for the player to move."""
    if position.result is not None:
        return position.result
    return max(-minimax(position.play(move)) for move in position.moves())


class Branches:
    """A game whose positions are sequences of moves, with random numbers of moves, results, priors and values."""

    most = 3  # moves of a position

    def __init__(self, path=(), seed=0):
        self.path, self.seed = path, seed
        rng = np.random.default_rng([seed, *path, 99])
        self.ends = bool(path) and (len(path) > 4 or rng.random() < 0.15)
        self.result = float(rng.choice([-1.0, 0.0, 1.0])) if self.ends else None
        self.names = [10 * i + 3 for i in range(int(rng.integers(1, self.most + 1)))]
        self.prior, self.value = rng.dirichlet(np.ones(len(self.names))), float(rng.uniform(-1, 1))

    def moves(self):
        return self.names

    def play(self, move):
        return type(self)((*self.path, move), self.seed)


def dictionaries(position, simulations, c):
    """The same search by recursion, with all statistics in dictionaries by path and move."""
    n, w, seen = {}, {}, set()

    def visit(at):
        if at.result is not None:
            return at.result
        if at.path not in seen:
            seen.add(at.path)
            return at.value
        total = sum(n.get((at.path, m), 0) for m in at.names)
        best, chosen = -np.inf, None
        for m, p in zip(at.names, at.prior, strict=True):
            count = n.get((at.path, m), 0)
            score = (w[at.path, m] / count if count else 0.0) + c * p * np.sqrt(total if total else 1) / (1 + count)
            if score > best:
                best, chosen = score, m
        value = -visit(at.play(chosen))
        n[at.path, chosen] = n.get((at.path, chosen), 0) + 1
        w[at.path, chosen] = w.get((at.path, chosen), 0.0) + value
        return value

    seen.add(position.path)
    for _ in range(simulations):
        visit(position)
    return n, w


@pytest.mark.parametrize("seed", range(6))
def test_search_against_recursion_in_dictionaries(seed, record):
    """Visits and sums of values of every move of every position that was reached."""
    start, c = Branches(seed=seed), (0.7, 1.25, 2.5)[seed % 3]
    root = search(start, lambda at: (at.prior, at.value), 120, c)
    n, w = dictionaries(start, 120, c)
    found, worst, stack = 0, 0.0, [root]
    while stack:
        node = stack.pop()
        for i, move in enumerate(node.moves):
            assert node.visits[i] == n.get((node.position.path, move), 0)
            worst = max(worst, abs(node.totals[i] - w.get((node.position.path, move), 0.0)))
            found += int(node.visits[i])
        stack += node.children.values()
    assert found == sum(n.values()) and root.visits.sum() == 120
    record(
        METHOD,
        MODULE,
        f"sums of values in the tree, c = {c:g}",
        "recursion with dictionaries",
        error=worst,
        tolerance=1e-12,
        dtype=torch.float64,
    )


def test_scores_by_hand():
    """Q + c P sqrt(sum N) / (1 + N): 2/4 + 2 0.2 3 / 5 = 0.74 for the first; unvisited moves have Q = 0; none at all: the prior decides."""
    scores = puct(np.array([0.2, 0.5, 0.3]), np.array([4.0, 5.0, 0.0]), np.array([2.0, -1.0, 0.0]), 2.0)
    assert scores.tolist() == pytest.approx([0.5 + 2 * 0.2 * 3 / 5, -0.2 + 2 * 0.5 * 3 / 6, 2 * 0.3 * 3])
    assert puct(np.array([0.2, 0.5, 0.3]), np.zeros(3), np.zeros(3), 2.0).argmax() == 1
    assert puct(np.array([0.2, 0.8]), np.array([1.0, 0.0]), np.array([-1.0, 0.0]), 2.0).tolist() == pytest.approx([-0.8, 1.6])
    assert search(TicTacToe(), lambda p: (np.eye(9)[7][p.moves()], 0.0), 1).visits.argmax() == 7


def test_search_finds_what_minimax_finds(record):
    """After four marks of random play, 60 positions: without any knowledge, 600 simulations settle on a best move."""
    rng, wrong, decided = np.random.default_rng(1), 0, 0
    for _ in range(60):
        position = TicTacToe()
        for _ in range(4):
            position = position.play(int(rng.choice(position.moves())))
        values = [-minimax(position.play(move)) for move in position.moves()]
        decided += min(values) < max(values)
        root = search(position, evaluate, 600)
        wrong += values[int(root.visits.argmax())] < max(values)
    record(METHOD, MODULE, f"moves that are not best in {decided} positions that matter", "minimax", error=wrong / 60, tolerance=0.0)
    assert decided > 30


def test_values_change_sign_with_the_player():
    """One move from victory the winning move's mean value is 1; the same threat seen by the other side is worth -1 unless blocked."""
    winning = TicTacToe((1, 1, 0, -1, -1, 0, 0, 0, 0))
    root = search(winning, evaluate, 200)
    i = root.moves.index(2)
    assert root.totals[i] == root.visits[i] == root.visits.max() and root.visits[i] > 150
    threatened = TicTacToe((-1, -1, 0, 0, 1, 0, 0, 0, 0))
    root = search(threatened, evaluate, 400)
    means = root.totals / root.visits
    assert root.moves[int(root.visits.argmax())] == 2 and means[root.moves.index(8)] < -0.5 < means[root.moves.index(2)]


def test_perfect_play_is_a_draw():
    """With exact values in place of the network's, 40 simulations for each move never err, whatever the first moves are."""
    assert minimax(TicTacToe()) == 0.0
    for first in range(9):
        position = TicTacToe().play(first)
        while position.result is None:
            root = search(position, lambda p: (evaluate(p)[0], minimax(p)), 40)
            position = position.play(root.moves[int(root.visits.argmax())])
        assert position.result == 0.0


def test_all_positions_of_the_game():
    """5,478 can be reached, of which 958 are final: 626 lines of the beginner, 316 of the other, 16 draws."""
    seen, stack = set(), [TicTacToe()]
    while stack:
        position = stack.pop()
        if position not in seen:
            seen.add(position)
            stack += [] if position.result is not None else [position.play(m) for m in position.moves()]
    final = [p for p in seen if p.result is not None]
    lost_by_second = sum(p.result == -1 and sum(p.cells) == -1 for p in final)
    assert (len(seen), len(final), lost_by_second, sum(p.result == 0 for p in final)) == (5478, 958, 626, 16)
    assert len(set(LINES)) == 8


def test_encoding_and_drawing_of_positions():
    position = TicTacToe().play(4).play(0)
    assert position.cells == (-1, 0, 0, 0, 1, 0, 0, 0, 0)
    assert position.encode().nonzero().flatten().tolist() == [4, 9] and position.encode().dtype == torch.float32
    assert str(position) == "O . .\n. X .\n. . ." and str(TicTacToe().play(4)) == ". . .\n. X .\n. . ."


def test_noise_is_mixed_into_the_root(record):
    """P = (1 - epsilon) p + epsilon eta: the mean of eta is 1/9, its variance (1/9)(8/9) / (9 alpha + 1); children keep their priors."""
    prior = np.arange(1, 10) / 45
    rng, n = np.random.default_rng(2), 3000
    drawn = []
    for _ in range(n):
        node = Node(TicTacToe(), lambda p: (prior, 0.0))
        node.add_noise(rng, 0.3, 0.25)
        drawn.append((node.prior - 0.75 * prior) / 0.25)
    eta = np.array(drawn)
    assert np.allclose(eta.sum(1), 1) and (eta >= 0).all()
    variance = (1 / 9) * (8 / 9) / (9 * 0.3 + 1)
    z = max(np.abs((eta.mean(0) - 1 / 9) / (variance / n) ** 0.5).max(), abs(eta.var() / variance - 1) / (6 / n) ** 0.5)
    record(METHOD, MODULE, "mean and variance of the noise, z-score", "Dirichlet distribution", error=float(z), tolerance=4.0)
    noisy, again = (search(TicTacToe(), evaluate, 30, noise=np.random.default_rng(3)) for _ in range(2))
    expected = 0.75 / 9 + 0.25 * np.random.default_rng(3).dirichlet([0.3] * 9)
    assert np.allclose(noisy.prior, expected) and np.array_equal(noisy.visits, again.visits)
    assert all(np.allclose(child.prior, 1 / 8) for child in noisy.children.values())
    assert np.allclose(search(TicTacToe(), evaluate, 3, noise=np.random.default_rng(3), epsilon=0.0).prior, 1 / 9)
    loud = search(TicTacToe(), evaluate, 3, noise=np.random.default_rng(3), alpha=5.0, epsilon=1.0).prior
    assert np.allclose(loud, np.random.default_rng(3).dirichlet([5.0] * 9))


def test_policy_at_the_ends_of_the_temperature():
    visits = torch.tensor([1.0, 4.0, 4.0, 0.0])
    assert visit_policy(visits, 0.0).tolist() == [0, 0.5, 0.5, 0] and visit_policy(visits).tolist() == pytest.approx(
        [1 / 9, 4 / 9, 4 / 9, 0]
    )
    assert visit_policy(visits, 1e-3).tolist() == pytest.approx([0, 0.5, 0.5, 0]) and visit_policy(visits, 0.5)[0].item() == pytest.approx(
        1 / 33
    )


def test_loss_is_least_at_the_search_policy_and_the_result():
    policies, results = torch.tensor([[0.1, 0.6, 0.3]]).double(), torch.tensor([0.5]).double()
    logits, values = policies.log().requires_grad_(), results.clone().requires_grad_()
    slopes = torch.autograd.grad(alphazero_loss(logits, values, policies, results), (logits, values))
    assert max(s.abs().max().item() for s in slopes) < 1e-15


def test_evaluator_gives_probabilities_of_legal_moves():
    net = randomize(PolicyValueNet(18, 9, 8)).float()
    position = TicTacToe().play(4).play(0)
    prior, value = evaluator(net)(position)
    logits, expected = net(position.encode())
    assert error(torch.tensor(prior), torch.softmax(logits[[1, 2, 3, 5, 6, 7, 8]], 0)) < 1e-6 and value == pytest.approx(expected.item())


def test_a_game_against_itself():
    """Encodings from the mover's side, policies that sum to 1 on legal moves, and results whose sign alternates back from the end."""
    rng = np.random.default_rng(4)
    for _ in range(4):
        game = self_play(TicTacToe(), evaluate, 20, rng)
        results = [z for _, _, z in game]
        assert 5 <= len(game) <= 9 and all(z == -after for z, after in pairwise(results))
        for ply, (x, policy, _) in enumerate(game):
            taken = x[:9] + x[9:]
            assert taken.sum() == ply and policy.sum().item() == pytest.approx(1) and not (policy * taken).any()
        assert results[-1] in (0.0, 1.0)  # who moves last wins or draws
    first, again = (self_play(TicTacToe(), evaluate, 10, np.random.default_rng(5)) for _ in range(2))
    assert [z for *_, z in first] == [z for *_, z in again] and all(torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))


class Told:
    """A source of randomness that tells what it is asked and takes the first of the likeliest moves; its noise is the first move's."""

    def __init__(self):
        self.chances = []

    def dirichlet(self, alpha):
        return np.eye(len(alpha))[0]

    def choice(self, n, p):
        self.chances.append(p)
        return int(np.argmax(p))


@pytest.mark.parametrize("opening", [0, 1, 3])
def test_moves_are_drawn_at_temperature_one_and_then_zero(opening):
    """The first ``opening`` moves by the search's policy, the later ones by the most visited, from a root with noise."""
    told = Told()
    game = self_play(TicTacToe(), evaluate, 30, told, opening=opening)
    for ply, ((x, policy, _), chances) in enumerate(zip(game, told.chances, strict=True)):
        free = [i for i in range(9) if not (x[i] + x[9 + i])]
        expected = policy[free] if ply < opening else visit_policy(policy[free], 0.0)
        assert error(torch.tensor(chances), expected) < 1e-6
    noisy = search(TicTacToe(), evaluate, 30, noise=Told())
    assert error(game[0][1], visit_policy(torch.tensor(noisy.visits))) < 1e-6 and noisy.visits[0] > noisy.visits[1:].max()


def test_defaults_and_factory_arguments():
    def defaults(f):
        return {n: p.default for n, p in inspect.signature(f).parameters.items() if p.default is not p.empty}

    assert defaults(search) == {"c": 1.25, "noise": None, "alpha": 0.3, "epsilon": 0.25}
    assert defaults(self_play) == {"actions": 9, "opening": 4} and defaults(visit_policy) == {"temperature": 1.0}
    assert defaults(alphazero_loss) == {"parameters": (), "weight": 1e-4}
    net = PolicyValueNet(device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in net.parameters()} == {("meta", torch.float16)}
    assert [tuple(p.shape) for p in net.parameters() if p.dim() == 2] == [(64, 18), (64, 64), (10, 64)]


def test_learns_from_its_own_games(record):
    """Eight games by search alone: the network's loss on them falls by more than 0.7, most of it the policy's."""
    rng = np.random.default_rng(7)
    x, policies, results = zip(*(move for _ in range(8) for move in self_play(TicTacToe(), evaluate, 40, rng)), strict=True)
    x, policies, results = torch.stack(x), torch.stack(policies), torch.tensor(results)
    torch.manual_seed(0)
    net = PolicyValueNet()
    adam, losses = torch.optim.Adam(net.parameters(), lr=0.01), []
    for _ in range(60):
        logits, values = net(x)
        loss = alphazero_loss(logits, values, policies, results, net.parameters())
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    record(
        METHOD,
        MODULE,
        "loss after 60 steps minus that before",
        "-0.7 at most",
        error=losses[-1] - losses[0],
        tolerance=-0.7,
        dtype=torch.float32,
    )
