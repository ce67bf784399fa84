r"""Linear-chain conditional random field: tag sequences scored by each tag at its place and each tag after another.

Paper
    Lafferty, McCallum and Pereira, "Conditional Random Fields: Probabilistic Models for Segmenting and Labeling Sequence Data",
    ICML 2001.

Equations (f_tk score of tag k at place t, A_ij of tag j after tag i, b_k and e_k of k first and last)
    bilstm-crf-score        s(y) = b_{y_1} + sum_t f_{t, y_t} + sum_{t>1} A_{y_{t-1}, y_t} + e_{y_T}
    bilstm-crf-likelihood   log p(y) = s(y) - log sum_{y'} exp s(y')
    forward                 a_1(j) = b_j + f_1j,   a_t(j) = log sum_i exp(a_{t-1}(i) + A_ij) + f_tj,
                            log sum_{y'} exp s(y') = log sum_j exp(a_T(j) + e_j)
    bilstm-crf-viterbi      the same with max in place of log sum exp, and which i it was
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from refimpl.convolution.windows import raised

__all__ = ["CRF", "crf_decode", "crf_log_partition", "crf_score"]


def crf_score(emissions: Tensor, tags: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor | None = None) -> Tensor:
    """s(y) of each sequence, ``(B,)``.

    Args:
        emissions: f, ``(B, T, K)``.
        tags: y, ``(B, T)``; what stands beyond a sequence's length does not count.
        start, end: b and e, ``(K,)``.
        transitions: A, ``(K, K)``.
        lengths: number of places of each sequence, 1 to T, ``(B,)``; T where None.
    """
    lengths = _check("crf_score", emissions, start, transitions, end, lengths)
    if tags.shape != emissions.shape[:2] or tags.is_floating_point():
        raise ValueError(
            f"crf_score: tags must be whole numbers {tuple(emissions.shape[:2])}, got {tags.dtype} of shape {tuple(tags.shape)}"
        )
    there = torch.arange(tags.shape[1], device=tags.device) < lengths[:, None]
    tags = tags.where(there, 0)
    last = tags.gather(1, lengths[:, None] - 1).squeeze(1)
    local = raised(emissions).gather(2, tags.unsqueeze(2)).squeeze(2)
    steps = raised(transitions)[tags[:, :-1], tags[:, 1:]]
    total = local.where(there, 0.0).sum(1) + steps.where(there[:, 1:], 0.0).sum(1)
    return (total + raised(start)[tags[:, 0]] + raised(end)[last]).to(emissions.dtype)


def crf_log_partition(emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor | None = None) -> Tensor:
    """log of the sum of exp s(y) over all tag sequences, ``(B,)``; arguments as in :func:`crf_score`."""
    lengths = _check("crf_log_partition", emissions, start, transitions, end, lengths)
    f, steps = raised(emissions), raised(transitions)
    a = start + f[:, 0]  # (B, K)
    for t in range(1, f.shape[1]):
        a = torch.where((t < lengths)[:, None], (a.unsqueeze(2) + steps).logsumexp(1) + f[:, t], a)
    return (a + end).logsumexp(1).to(emissions.dtype)


@torch.no_grad()
def crf_decode(emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The tag sequence of highest score, ``(B, T)`` with -1 beyond a sequence's length, and that score, ``(B,)``."""
    lengths = _check("crf_decode", emissions, start, transitions, end, lengths)
    f, steps = raised(emissions), raised(transitions)
    best, came_from = start + f[:, 0], []  # (B, K)
    stay = torch.arange(f.shape[2], device=f.device).expand(len(f), -1)
    for t in range(1, f.shape[1]):
        over = (t >= lengths)[:, None]
        score, previous = (best.unsqueeze(2) + steps).max(1)
        best = torch.where(over, best, score + f[:, t])
        came_from.append(torch.where(over, stay, previous))
    score, tag = (best + end).max(1)
    path = [tag]
    for previous in reversed(came_from):
        path.append(previous.gather(1, path[-1][:, None]).squeeze(1))
    tags = torch.stack(path[::-1], 1)
    there = torch.arange(f.shape[1], device=f.device) < lengths[:, None]
    return tags.where(there, -1), score.to(emissions.dtype)


class CRF(nn.Module):
    """The three score tables; their names, and without ``allowed`` the whole state dict, are those of the package ``pytorch-crf``.

    Args:
        num_tags: K.
        allowed: which tag may follow which, bool ``(K, K)``, and which may be first and last, bool ``(K,)`` each; all where None.
            Sequences with another step have score minus infinity. Some sequence of each length must be allowed.

    Shape: emissions ``(B, T, K)``, tags ``(B, T)`` and lengths ``(B,)`` to log p(y), ``(B,)``.
    """

    def __init__(
        self,
        num_tags: int,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_tags < 1:
            raise ValueError(f"CRF: num_tags must be positive, got {num_tags}")
        sizes = (num_tags, num_tags), (num_tags,), (num_tags,)
        if allowed is not None and tuple(a.shape for a in allowed) != sizes:
            raise ValueError(f"CRF: allowed must have shapes {sizes}, got {tuple(tuple(a.shape) for a in allowed)}")
        for name, size in zip(("transitions", "start_transitions", "end_transitions"), sizes, strict=True):
            self.register_parameter(name, nn.Parameter(torch.empty(size, device=device, dtype=dtype)))
        for i, name in enumerate(("step", "first", "last")):
            blocked = None if allowed is None else ~allowed[i].to(device)
            self.register_buffer(f"blocked_{name}", blocked)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-0.1."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """b, A and e, with minus infinity for what is not allowed."""
        found = self.start_transitions, self.transitions, self.end_transitions
        if self.blocked_step is None:
            return found
        blocked = self.blocked_first, self.blocked_step, self.blocked_last
        return tuple(table.masked_fill(b, -math.inf) for table, b in zip(found, blocked, strict=True))

    def forward(self, emissions: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        tables = self.tables()
        return crf_score(emissions, tags, *tables, lengths) - crf_log_partition(emissions, *tables, lengths)

    def decode(self, emissions: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The likeliest tags, ``(B, T)``, -1 beyond a sequence's length."""
        return crf_decode(emissions, *self.tables(), lengths)[0]

    def extra_repr(self) -> str:
        return f"num_tags={len(self.transitions)}"


def _check(function: str, emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor | None) -> Tensor:
    if emissions.dim() != 3 or not emissions.shape[1] or not emissions.is_floating_point():
        wanted = "floating point (B, T, K) with T > 0"
        raise ValueError(f"{function}: emissions must be {wanted}, got {emissions.dtype} of shape {tuple(emissions.shape)}")
    k = emissions.shape[2]
    if start.shape != (k,) or transitions.shape != (k, k) or end.shape != (k,):
        got = f"{tuple(start.shape)}, {tuple(transitions.shape)} and {tuple(end.shape)}"
        raise ValueError(f"{function}: start, transitions and end must have shapes ({k},), ({k}, {k}) and ({k},), got {got}")
    if lengths is None:
        return torch.full((len(emissions),), emissions.shape[1], device=emissions.device)
    if lengths.shape != emissions.shape[:1]:
        raise ValueError(f"{function}: lengths must have shape ({len(emissions)},), got {tuple(lengths.shape)}")
    return lengths
