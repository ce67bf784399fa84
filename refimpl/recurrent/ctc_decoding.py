r"""Decoding of connectionist temporal classification: the best path, and a beam over label strings.

Papers
    Graves, Fernandez, Gomez and Schmidhuber, ICML 2006, doi:10.1145/1143844.1143891, section 3.2: best path decoding.
    Hannun, Maas, Jurafsky and Ng, "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional
    Recurrent DNNs", 2014, arXiv:1408.2873, algorithm 1: prefix beam search, here without its language model.

Equations (y_t(k): probability of symbol k in frame t; l a string; + one more label)
    collapse     B(pi): merge what repeats, then remove blanks
    best         l = B(argmax y_1, ..., argmax y_T)
    blank        b_t(l) = y_t(blank) (b_{t-1}(l) + n_{t-1}(l)):   paths for l that end in a blank
    label        n_t(l) = y_t(last of l) n_{t-1}(l):              paths that end in its last label, which repeats
    extend       n_t(l + k) gets y_t(k) (b_{t-1}(l) + n_{t-1}(l)), or y_t(k) b_{t-1}(l) where k is the last of l
    beam         keep the strings of largest b_t + n_t
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

from torch import Tensor

__all__ = ["best_path", "collapse", "prefix_beam_search"]


def collapse(path: Iterable[int], blank: int = 0) -> tuple[int, ...]:
    """The string of labels of a path: what repeats is merged, then blanks are removed."""
    return tuple(symbol for symbol, _ in groupby(path) if symbol != blank)


def best_path(log_probs: Tensor, input_lengths: Iterable[int] | None = None, blank: int = 0) -> list[tuple[int, ...]]:
    """The string of each example's most probable path, which need not be the most probable string.

    Args:
        log_probs: ln y, ``(T, N, C)``.
        input_lengths: frames of each example; T where None.
        blank: index of the blank.
    """
    if log_probs.dim() != 3:
        raise ValueError(f"best_path: log_probs must have shape (T, N, C), got {tuple(log_probs.shape)}")
    paths = log_probs.argmax(2).t().tolist()
    lengths = [len(log_probs)] * len(paths) if input_lengths is None else [int(n) for n in input_lengths]
    if len(lengths) != len(paths):
        raise ValueError(f"best_path: input_lengths must be {len(paths)} numbers, got {lengths}")
    return [collapse(path[:length], blank) for path, length in zip(paths, lengths, strict=True)]


def prefix_beam_search(log_probs: Tensor, width: int, blank: int = 0) -> list[tuple[tuple[int, ...], float]]:
    """Strings with their log-probabilities, the most probable first, at most ``width`` of them and none that is impossible.

    With a width of at least the number of all strings the probabilities are exact; else each is a sum over the paths
    whose beginnings stayed in the beam.

    Args:
        log_probs: ln y of one example, ``(T, C)``.
        width: number of strings kept after each frame.
        blank: index of the blank.
    """
    if log_probs.dim() != 2 or not 0 <= blank < log_probs.shape[1]:
        raise ValueError(f"prefix_beam_search: log_probs must have shape (T, C) with C > {blank}, got {tuple(log_probs.shape)}")
    if width < 1:
        raise ValueError(f"prefix_beam_search: width must be positive, got {width}")
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}  # ln b, ln n
    for frame in log_probs.tolist():
        found: dict[tuple[int, ...], tuple[float, float]] = {}
        for string, (ended, open_) in beam.items():
            total = _add(ended, open_)
            for symbol, score in enumerate(frame):
                if symbol == blank:
                    _collect(found, string, total + score, -math.inf)
                elif string and symbol == string[-1]:
                    _collect(found, string, -math.inf, open_ + score)
                    _collect(found, (*string, symbol), -math.inf, ended + score)
                else:
                    _collect(found, (*string, symbol), -math.inf, total + score)
        beam = dict(sorted(found.items(), key=lambda item: -_add(*item[1]))[:width])
    return sorted(((string, _add(*scores)) for string, scores in beam.items()), key=lambda item: -item[1])


def _collect(found: dict[tuple[int, ...], tuple[float, float]], string: tuple[int, ...], ended: float, open_: float) -> None:
    if max(ended, open_) == -math.inf:
        return
    before = found.get(string, (-math.inf, -math.inf))
    found[string] = (_add(before[0], ended), _add(before[1], open_))


def _add(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


if __name__ == "__main__":
    import torch

    from refimpl.demo import arguments

    arguments(__doc__)
    scores = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    print("two frames, blank 0.6, label 1 0.4: best path", best_path(scores.unsqueeze(1))[0], "of probability 0.36")
    for string, score in prefix_beam_search(scores, 3):
        print(f"  string {string!s:>7} has probability {math.exp(score):.2f}")
