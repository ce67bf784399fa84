r"""Chinese word segmentation by a bidirectional LSTM and a CRF: each character begins, continues or ends a word, or is one.

Papers
    Huang, Xu and Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", arXiv:1508.01991, section 2.5.
    Xue, "Chinese Word Segmentation as Character Tagging", 2003 (a tag for each character).

Equations (x_t characters, E x_t their embeddings; A, b, e and the scores in :mod:`refimpl.language.crf`)
    emissions  f_t = W [h_t; g_t] + c,   h = LSTM(E x) from left to right, g = LSTM(E x) from right to left
    tags       B M* E for a word of two characters or more, S for one; B and M are followed by M or E, E and S by B or S
    F1         2 P R / (P + R),   P and R shares of the found and of the true words that are also the other's

Deviations from the papers
    1. Characters alone are read; Huang and others add spelling and context features and trained word vectors.
    2. Impossible tag sequences have probability zero; the paper leaves it to training to make them unlikely.
    3. The first and the last tag have scores of their own.
    4. The LSTM from right to left starts at each sentence's last character, whatever the padding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from refimpl.language.crf import CRF, crf_decode, crf_log_partition, crf_score
from refimpl.recurrent.lstm import LSTM

__all__ = [
    "CRF",
    "TAGS",
    "BiLSTMCRF",
    "allowed_tags",
    "crf_decode",
    "crf_log_partition",
    "crf_score",
    "segmentation_f1",
    "tags_of",
    "words_of",
]

TAGS = "BMES"


def tags_of(words: Iterable[str]) -> str:
    """The tag of each character of a sentence that is given as its words."""
    tags = ""
    for word in words:
        if not word:
            raise ValueError("tags_of: expected words of one character or more, got an empty one")
        tags += "S" if len(word) == 1 else "B" + "M" * (len(word) - 2) + "E"
    return tags


def words_of(text: str, tags: str) -> list[str]:
    """The words of a tagged text: one ends after E and S, and before B and S, so that any tags give words."""
    if len(text) != len(tags) or not set(tags) <= set(TAGS):
        raise ValueError(f"words_of: expected a tag among {TAGS} for each of {len(text)} characters, got {tags!r}")
    words: list[str] = []
    before = "E"
    for character, tag in zip(text, tags, strict=True):
        if before in "ES" or tag in "BS":
            words.append(character)
        else:
            words[-1] += character
        before = tag
    return words


def allowed_tags(device: torch.device | str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Which tag may follow which, ``(4, 4)``, and which may be first and last, ``(4,)`` each."""
    follows = {"B": "ME", "M": "ME", "E": "BS", "S": "BS"}
    step = torch.tensor([[b in follows[a] for b in TAGS] for a in TAGS], device=device)
    return step, *(torch.tensor([t in ends for t in TAGS], device=device) for ends in ("BS", "ES"))


def segmentation_f1(true: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """F1 over all words of all sentences; a word is right when both its ends are.

    Args:
        true, found: sentences as their words, of the same characters.
    """
    if ["".join(words) for words in true] != ["".join(words) for words in found]:
        raise ValueError(f"segmentation_f1: expected the same sentences, got {len(true)} and {len(found)} that differ")
    places = [{(n, *place) for n, words in enumerate(side) for place in _places(words)} for side in (true, found)]
    total = len(places[0]) + len(places[1])
    return 2 * len(places[0] & places[1]) / total if total else 1.0


class BiLSTMCRF(nn.Module):
    """Characters to tags.

    Args:
        characters: number of different characters.
        embedding_dim: size of a character's embedding.
        hidden_size: units of the LSTM in each direction.
        num_tags: K; with 4 the tags are B, M, E, S and only their possible sequences are allowed.

    Shape: characters ``(B, T)``, tags ``(B, T)`` and lengths ``(B,)`` (T where None) to log p(tags), ``(B,)``.
    """

    def __init__(
        self,
        characters: int,
        embedding_dim: int,
        hidden_size: int,
        num_tags: int = 4,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.embedding = nn.Embedding(characters, embedding_dim, **new)
        self.forward_lstm = LSTM(embedding_dim, hidden_size, batch_first=True, **new)
        self.backward_lstm = LSTM(embedding_dim, hidden_size, batch_first=True, **new)
        self.scores = nn.Linear(2 * hidden_size, num_tags, **new)
        self.crf = CRF(num_tags, allowed_tags() if num_tags == len(TAGS) else None, **new)

    def emissions(self, characters: Tensor, lengths: Tensor | None = None) -> Tensor:
        """f, ``(B, T, K)``."""
        if characters.dim() != 2 or not characters.shape[1] or characters.is_floating_point():
            got = f"{characters.dtype} of shape {tuple(characters.shape)}"
            raise ValueError(f"BiLSTMCRF: characters must be whole numbers (B, T) with T > 0, got {got}")
        x = self.embedding(characters)
        place = torch.arange(x.shape[1], device=x.device)
        turned = (
            place.flip(0).expand(len(x), -1)
            if lengths is None
            else torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)
        )
        from_left, _ = self.forward_lstm(x)
        from_right, _ = self.backward_lstm(_reordered(x, turned))
        return self.scores(torch.cat((from_left, _reordered(from_right, turned)), 2))

    def forward(self, characters: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.crf(self.emissions(characters, lengths), tags, lengths)

    def decode(self, characters: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The likeliest tags, ``(B, T)``, -1 beyond a sentence's length."""
        return self.crf.decode(self.emissions(characters, lengths), lengths)


def _reordered(x: Tensor, place: Tensor) -> Tensor:
    return x.gather(1, place.unsqueeze(2).expand(-1, -1, x.shape[2]))


def _places(words: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Where each word ends, and the word."""
    return zip(accumulate(map(len, words)), words, strict=True)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    words = "我们 他 在 北京 大学 学习 学生 生活 研究 研究生 生命 喜欢 中国 人 的 和 文学 历史 很 大"
    lexicon = words.split()
    letters = {c: i for i, c in enumerate(sorted(set("".join(lexicon))))}

    def sentence() -> list[str]:
        return [lexicon[i] for i in torch.randint(len(lexicon), (6,)).tolist()]

    def batch(sentences: list[list[str]]) -> tuple[Tensor, Tensor, Tensor]:
        texts = ["".join(words) for words in sentences]
        lengths, longest = torch.tensor([len(t) for t in texts]), max(map(len, texts))
        rows = [[letters[c] for c in t] + [0] * (longest - len(t)) for t in texts]
        tags = [[TAGS.index(t) for t in tags_of(words)] + [0] * (longest - len(t)) for words, t in zip(sentences, texts, strict=True)]
        return torch.tensor(rows), torch.tensor(tags), lengths

    model = BiLSTMCRF(len(letters), 16, 16)
    adam = torch.optim.Adam(model.parameters(), 2e-2)
    for step in range(121):
        loss = -model(*batch([sentence() for _ in range(16)])).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 30 == 0:
            print(f"step {step:3}: -log p of a sentence's tags {loss.item():.4f}")
    sentences = [sentence() for _ in range(100)]
    characters, _, lengths = batch(sentences)
    found = [["".join(TAGS[t] for t in row if t >= 0)] for row in model.decode(characters, lengths).tolist()]
    words = [words_of("".join(s), tags) for s, (tags,) in zip(sentences, found, strict=True)]
    print(f"F1 on 100 new sentences: {segmentation_f1(sentences, words):.4f}")
    for text in ("研究生喜欢大学生活", "我们研究生命和历史"):
        row = torch.tensor([[letters[c] for c in text]])
        print(" ".join(words_of(text, "".join(TAGS[t] for t in model.decode(row)[0].tolist()))))
