r"""Text CNN: filters over windows of word vectors, the largest answer of each over the sentence, and a linear classifier.

Paper
    Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014, arXiv:1408.5882, section 2 (equations 1
    to 5), section 2.1 (dropout, norm of the weights), section 3.3 (variants).

Equations (x_i the vector of word i, D numbers; a filter w of h D weights over h words; f = relu)
    feature      c_i = f(w . [x_i; ...; x_{i+h-1}] + b),   i = 1 ... n - h + 1
    pooling      c^ = max(c_1 ... c_{n-h+1})
    output       y = W (m * z) + b,   z the pooled features of all filters, m a dropout mask, in training alone
    norm         after a step, rows of W longer than s are scaled to length s
    channels     two tables of vectors, one of them fixed; every filter sees both

Deviations from the paper
    1. The rectifier comes after the maximum: the same value, with fewer of them.
    2. Kept features are divided by 1 - p in training; the paper multiplies W by 1 - p in evaluation.
    3. With two channels a filter has weights of its own for each.
    4. Sentences of a batch have one length, at least that of the widest filter; padding is a word like any other, whose
       vector ``padding_idx`` keeps at zero.
    5. Vectors not given start uniform in +-0.25; filters and W as in ``torch.nn.Conv1d`` and ``torch.nn.Linear``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["TextCNN", "clip_rows_", "features"]

MODES = ("static", "non-static", "multichannel")


def features(vectors: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The pooled answers of filters of one width.

    Args:
        vectors: word vectors, ``(B, n, D)``.
        weight: filters, ``(F, D, h)``.
        bias: ``(F,)``.

    Returns:
        ``(B, F)``.

    Raises:
        ValueError: a shape does not fit, or the sentence is shorter than the filters.
    """
    if weight.dim() != 3 or vectors.dim() != 3 or vectors.shape[2] != weight.shape[1] or vectors.shape[1] < weight.shape[2]:
        got = f"{tuple(vectors.shape)} and {tuple(weight.shape)}"
        raise ValueError(f"features: expected vectors (B, n, D) and weight (F, D, h) with h <= n, got {got}")
    return F.conv1d(vectors.transpose(1, 2), weight, bias).amax(2).relu()


@torch.no_grad()
def clip_rows_(weight: Tensor, max_norm: float = 3.0) -> Tensor:
    """Scale rows ``(K, ...)`` longer than ``max_norm`` to that length, in place; to be called after an optimizer's step."""
    if not max_norm > 0:
        raise ValueError(f"clip_rows_: max_norm must be positive, got {max_norm}")
    lengths = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    scale = (max_norm / lengths).clamp(max=1.0)
    return weight.mul_(scale.view(-1, *(1,) * (weight.dim() - 1)))


class TextCNN(nn.Module):
    """The classifier.

    Args:
        num_words: size of the vocabulary.
        classes: number of classes.
        embedding_dim: size of a word vector, D.
        widths: words that the filters see, one group of filters for each.
        maps: number of filters of each width.
        dropout: probability of dropping a pooled feature, in training.
        mode: "static" vectors are not trained, "non-static" are; "multichannel" has one table of each.
        vectors: the vectors to start from, ``(num_words, embedding_dim)``; random where None.
        padding_idx: a word whose vector is zero and stays so.

    Shape: words ``(B, n)`` to logits ``(B, classes)``.

    Raises:
        ValueError: an option does not fit; in a call, the words have a wrong shape or are fewer than the widest filter sees.
    """

    def __init__(
        self,
        num_words: int,
        classes: int,
        embedding_dim: int = 300,
        widths: Sequence[int] = (3, 4, 5),
        maps: int = 100,
        dropout: float = 0.5,
        mode: str = "non-static",
        vectors: Tensor | None = None,
        padding_idx: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise ValueError(f"TextCNN: widths must be positive, at least one, got {tuple(widths)}")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"TextCNN: dropout must lie in [0, 1], got {dropout}")
        if mode not in MODES:
            raise ValueError(f"TextCNN: mode must be one of {', '.join(MODES)}, got {mode!r}")
        if vectors is not None and vectors.shape != (num_words, embedding_dim):
            raise ValueError(f"TextCNN: vectors must have shape {(num_words, embedding_dim)}, got {tuple(vectors.shape)}")
        self.dropout, self.mode = dropout, mode
        new = {"device": device, "dtype": dtype}
        start = nn.init.uniform_(torch.empty(num_words, embedding_dim, **new), -0.25, 0.25) if vectors is None else vectors
        trained = {"static": (False,), "non-static": (True,), "multichannel": (False, True)}[mode]
        self.tables = nn.ModuleList(nn.Embedding(num_words, embedding_dim, padding_idx, **new) for _ in trained)
        for table, grows in zip(self.tables, trained, strict=True):
            with torch.no_grad():
                table.weight.copy_(start)
                if padding_idx is not None:
                    table.weight[padding_idx] = 0.0
            table.weight.requires_grad_(grows)
        self.filters = nn.ModuleList(nn.Conv1d(len(trained) * embedding_dim, maps, width, **new) for width in widths)
        self.output = nn.Linear(maps * len(widths), classes, **new)

    def forward(self, words: Tensor) -> Tensor:
        if words.dim() != 2:
            raise ValueError(f"TextCNN: words must have shape (B, n), got {tuple(words.shape)}")
        vectors = torch.cat([table(words) for table in self.tables], 2)  # (B, n, channels D)
        pooled = torch.cat([features(vectors, f.weight, f.bias) for f in self.filters], 1)  # (B, maps len(widths))
        return self.output(F.dropout(pooled, self.dropout, self.training))

    def extra_repr(self) -> str:
        return f"dropout={self.dropout}, mode={self.mode}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    words, labels = torch.randint(9, 30, (400, 10)), torch.randint(2, (400,))
    for row, label in zip(words, labels.tolist(), strict=True):  # words 0 to 3 praise, 4 to 7 blame, 8 is "not"
        first, second = (2 * torch.randperm(5)[:2]).tolist()
        row[first + 1], row[second + 1] = torch.randint(4, ()), torch.randint(4, 8, ())
        row[second if label else first] = 8
    print('each sentence praises and blames, one of them behind a "not"; does it praise? Share of correct answers on 200 others')
    for widths in ((1,), (2,), (1, 2, 3)):
        torch.manual_seed(0)
        model = TextCNN(30, 2, 16, widths, 24)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(120):
            rows = torch.randint(200, (50,))
            optimizer.zero_grad()
            F.cross_entropy(model(words[rows]), labels[rows]).backward()
            optimizer.step()
            clip_rows_(model.output.weight)
        with torch.no_grad():
            right = (model.eval()(words[200:]).argmax(1) == labels[200:]).float().mean().item()
        print(f"  filters of width {', '.join(map(str, widths)):<7} {right:.2f}")
