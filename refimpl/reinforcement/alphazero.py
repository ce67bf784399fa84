r"""AlphaZero: a network guides a tree search, and learns from the games that the search plays against itself.

Paper
    Silver et al., "Mastering Chess and Shogi by Self-Play with a General Reinforcement Learning Algorithm", 2017,
    arXiv:1712.01815, equation 1 (the loss); "Mastering the game of Go without human knowledge", Nature 550, 2017.
    The search is in ``refimpl.reinforcement.tree_search``.

Equations (N visits at the root, z the game's result and v the network's value for the player to move, p its probabilities)
    alphazero-policy  pi(a) = N(a)^(1 / tau) / sum_b N(b)^(1 / tau),   the most visited move for tau = 0
    alphazero-loss    l = (z - v)^2 - sum_a pi(a) log p(a) + c |theta|^2

Deviations from the paper
    1. The game is tic-tac-toe and the network a perceptron; the paper's is a residual network on boards.
    2. One game at a time, without a queue of positions to evaluate together, and without reuse of the tree for the next move.
    3. The weight of exploration is constant; in the paper it grows slowly with the visits.
    4. Before any visit of a position the move of largest prior is tried, where the equation leaves all moves equal.
    5. Probabilities are taken over the legal moves alone when searching; the loss is over all moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.reinforcement.tree_search import Evaluate, Node, puct, search

__all__ = ["Node", "PolicyValueNet", "alphazero_loss", "evaluator", "puct", "search", "self_play", "visit_policy"]


def visit_policy(visits: Tensor, temperature: float = 1.0) -> Tensor:
    """The search's policy from visit counts, ``(..., A)``; temperature 0 shares all between the most visited moves.

    Raises:
        ValueError: the temperature is negative, or the counts are no floating numbers.
    """
    if not temperature >= 0.0:
        raise ValueError(f"visit_policy: temperature must be non-negative, got {temperature}")
    if not visits.is_floating_point():
        raise ValueError(f"visit_policy: visits must be floating point, got {visits.dtype}")
    largest = visits.amax(-1, keepdim=True)
    share = (visits == largest).to(visits.dtype) if temperature == 0.0 else (visits / largest) ** (1.0 / temperature)
    return share / share.sum(-1, keepdim=True)


def alphazero_loss(
    logits: Tensor, values: Tensor, policies: Tensor, results: Tensor, parameters: Iterable[Tensor] = (), weight: float = 1e-4
) -> Tensor:
    """Squared error of the value plus cross-entropy of the policy, mean over the batch, plus the penalty.

    Args:
        logits: of the moves, ``(B, A)``.
        values: v, ``(B,)``.
        policies: pi, ``(B, A)``.
        results: z, ``(B,)``.
        parameters: theta, whose squares are penalized.
        weight: c.

    Raises:
        ValueError: a shape does not fit.
    """
    if logits.dim() != 2 or policies.shape != logits.shape or not values.shape == results.shape == logits.shape[:1]:
        shapes = ", ".join(str(tuple(t.shape)) for t in (logits, values, policies, results))
        raise ValueError(f"alphazero_loss: expected logits (B, A), values (B,), policies (B, A) and results (B,), got {shapes}")
    loss = F.mse_loss(values, results) + F.cross_entropy(logits, policies)
    squares = [p.square().sum() for p in parameters]
    return loss + weight * torch.stack(squares).sum() if squares else loss


class PolicyValueNet(nn.Module):
    """A perceptron with two heads: ``(..., inputs)`` to logits ``(..., actions)`` and a value in (-1, 1), ``(...)``."""

    def __init__(
        self,
        inputs: int = 18,
        actions: int = 9,
        hidden: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("inputs", inputs), ("actions", actions), ("hidden", hidden)):
            if size < 1:
                raise ValueError(f"PolicyValueNet: {name} must be positive, got {size}")
        made = {"device": device, "dtype": dtype}
        self.body = nn.Sequential(nn.Linear(inputs, hidden, **made), nn.ReLU(), nn.Linear(hidden, hidden, **made), nn.ReLU())
        self.heads = nn.Linear(hidden, actions + 1, **made)  # both heads in one product

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        both = self.heads(self.body(x))
        return both[..., :-1], torch.tanh(both[..., -1])


def evaluator(net: nn.Module) -> Evaluate:
    """A network as the search wants it: probabilities of the legal moves, and the value."""

    @torch.no_grad()
    def evaluate(position: Any) -> tuple[list[float], float]:
        logits, value = net(position.encode().unsqueeze(0))
        return torch.softmax(logits[0, position.moves()], 0).tolist(), value.item()

    return evaluate


def self_play(
    position: Any,
    evaluate: Evaluate,
    simulations: int,
    rng: np.random.Generator,
    *,
    actions: int = 9,
    opening: int = 4,
) -> list[tuple[Tensor, Tensor, float]]:
    """Play one game: each position's encoding, the search's policy there, and the result for the player to move.

    Args:
        position: where the game begins.
        evaluate, simulations: see :func:`search`.
        rng: source of noise and of the moves drawn.
        actions: length of the policies.
        opening: so many moves are drawn from the policy at temperature 1, the later ones at 0.
    """
    seen, policies = [], []
    while position.result is None:
        root = search(position, evaluate, simulations, noise=rng)
        policy = torch.zeros(actions)
        policy[root.moves] = visit_policy(torch.tensor(root.visits, dtype=policy.dtype))
        seen.append(position.encode())
        policies.append(policy)
        chances = visit_policy(torch.tensor(root.visits), 1.0 if len(seen) <= opening else 0.0).tolist()
        position = position.play(root.moves[int(rng.choice(len(chances), p=chances))])
    value, results = position.result, []
    for _ in seen:  # from the last move back: each mover is the other player
        value = -value
        results.append(value)
    return list(zip(seen, policies, reversed(results), strict=True))


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.reinforcement.tictactoe import TicTacToe

    arguments(__doc__)
    rng = np.random.default_rng(torch.initial_seed())
    net, games = PolicyValueNet(), []
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)

    def losses_against_random(rounds: int = 100) -> str:
        """How often the bare network, without any search, loses to random moves; it begins every other game."""
        results = []
        for i in range(rounds):
            position, to_move = TicTacToe(), i % 2
            while position.result is None:
                move = int(rng.choice(position.moves()))
                if to_move == 0:
                    move = position.moves()[int(np.argmax(evaluator(net)(position)[0]))]
                position, to_move = position.play(move), 1 - to_move
            results.append(position.result if to_move == 0 else -position.result)
        return f"wins {results.count(1):2}, draws {results.count(0):2}, loses {results.count(-1):2}"

    print("the network alone against random moves, 100 games:", losses_against_random())
    for game in range(1, 51):
        games += self_play(TicTacToe(), evaluator(net), 25, rng)
        for _ in range(6):
            x, policies, results = zip(*(games[-1 - int(i)] for i in rng.integers(min(len(games), 800), size=64)), strict=True)
            logits, values = net(torch.stack(x))
            loss = alphazero_loss(logits, values, torch.stack(policies), torch.tensor(results), net.parameters())
            adam.zero_grad()
            loss.backward()
            adam.step()
        if game % 25 == 0:
            print(f"after {game} games against itself, loss {loss.item():.3f}: {losses_against_random()}")
