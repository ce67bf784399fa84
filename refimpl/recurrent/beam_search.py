r"""Beam search: extend the k best prefixes by every symbol, keep the k best of the results, and so on.

Paper
    Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014, arXiv:1409.3215,
    section 3.2 (decoding left to right with a beam).

Equations (V the symbols, B_0 the empty prefix)
    beam     B_t = top-k over y in B_{t-1} x V of sum_{i=1...t} log p(y_i | y_1 ... y_{i-1}, x)
    greedy   k = 1:   y_t = argmax p(. | y_1 ... y_{t-1}, x)

Deviations from the paper
    1. A string that has ended stays in the beam with its score and competes with the prefixes; the paper moves it to a
       separate set and goes on with a smaller beam. With k at least the number of all prefixes both find the best string.
    2. No division of scores by the length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Hypothesis", "beam_search"]


class Hypothesis(NamedTuple):
    """A string of symbols, with the end symbol last if it has ended, and its log-probability."""

    tokens: tuple[int, ...]
    score: float


@torch.no_grad()
def beam_search(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]], state: Any, start: int, end: int, width: int = 5, max_length: int = 50
) -> list[Hypothesis]:
    """The strings found for one example, the best first, at most ``width``.

    Args:
        step: takes the last symbols of n prefixes ``(n,)``, on the state's device, and their state, gives log-probabilities
            ``(n, V)`` and the next state.
        state: a tensor whose first dimension counts prefixes, one at the beginning, or a tuple of such.
        start, end: first symbol given to ``step``, and the symbol that ends a string.
        width: k; 1 is greedy decoding.
        max_length: number of symbols after which strings are cut off.

    Raises:
        ValueError: the width or the length is not positive.
    """
    for name, value in (("width", width), ("max_length", max_length)):
        if value < 1:
            raise ValueError(f"beam_search: {name} must be positive, got {value}")
    ended: list[Hypothesis] = []
    live = [Hypothesis((), 0.0)]
    for _ in range(max_length):
        last = torch.tensor([h.tokens[-1] if h.tokens else start for h in live], device=_device(state))
        log_probs, state = step(last, state)  # (n, V)
        symbols = log_probs.shape[1]
        totals = log_probs.cpu() + torch.tensor([h.score for h in live], dtype=torch.float64, device="cpu").unsqueeze(1)
        values, places = totals.flatten().topk(min(width, totals.numel()))
        parents: dict[Hypothesis, int] = {}
        for value, place in zip(values.tolist(), places.tolist(), strict=True):
            if value > -math.inf:
                parent = place // symbols
                parents[Hypothesis((*live[parent].tokens, place % symbols), value)] = parent
        found = sorted((*ended, *parents), key=lambda h: -h.score)[:width]
        ended = [h for h in found if h.tokens[-1] == end]
        live = [h for h in found if h.tokens[-1] != end]
        if not live:
            break
        state = _select(state, [parents[h] for h in live])
    return found


def _device(state: Any) -> torch.device:
    return state.device if isinstance(state, Tensor) else _device(state[0])


def _select(state: Any, parents: list[int]) -> Any:
    if isinstance(state, Tensor):
        return state[parents]
    return tuple(_select(part, parents) for part in state)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    names = ["start", "a", "b", "end"]
    table = torch.tensor([[0, 0.6, 0.4, 0], [0, 0.4, 0.3, 0.3], [0, 0.05, 0.05, 0.9], [0, 0, 0, 1.0]]).log()
    print("p(a) = .6, p(b) = .4; after a the end has .3, after b .9")
    for width in (1, 2):
        best = beam_search(lambda tokens, state: (table[tokens], state), torch.zeros(1, 0), 0, 3, width, 4)[0]
        print(f"  width {width}: {' '.join(names[t] for t in best.tokens)}, probability {math.exp(best.score):.4f}")
