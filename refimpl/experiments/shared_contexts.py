"""What word vectors call similar: words that occur together, or words that occur in the same company."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn
from refimpl.language.word2vec import Word2Vec, skip_gram_pairs

__all__ = ["shared_contexts"]

GROUPS, COMPANY, FILL, SENTENCES, LENGTH = 4, 4, 20, 4000, 6
DIMENSIONS, NEGATIVE, BATCH, STEPS, CHECK, RATE = 16, 5, 256, 1200, 100, 0.01
TWINS, PARTNERS = 2 * GROUPS, 2 * GROUPS
"""Words 0 to 7 are twins, two a group, 8 to 15 partners, two a group; then the company of each group, then words without meaning."""
WORDS = TWINS + PARTNERS + GROUPS * COMPANY + FILL


def text(generator: torch.Generator) -> Tensor:
    """Sentences of ``LENGTH`` words, ``(SENTENCES, LENGTH)``, half of them of either kind.

    In the first kind one of two twins stands among words of its group's company; twins never meet. In the second kind both
    partners of a group stand side by side among words without meaning, the same for all groups.
    """
    half, base = SENTENCES // 2, TWINS + PARTNERS
    group = torch.randint(GROUPS, (SENTENCES, 1), generator=generator)
    company = base + COMPANY * group[:half] + torch.randint(COMPANY, (half, LENGTH), generator=generator)
    company[:, LENGTH // 2] = 2 * group[:half, 0] + torch.randint(2, (half,), generator=generator)
    filled = base + GROUPS * COMPANY + torch.randint(FILL, (SENTENCES - half, LENGTH), generator=generator)
    filled[:, LENGTH // 2] = TWINS + 2 * group[half:, 0]
    filled[:, LENGTH // 2 - 1] = TWINS + 2 * group[half:, 0] + 1
    return torch.cat((company, filled))


def similarity(vectors: Tensor, first: int) -> float:
    """Mean cosine of the vectors of both words of each group, the words starting at number ``first``."""
    pairs = vectors[first : first + 2 * GROUPS].view(GROUPS, 2, -1)
    return F.cosine_similarity(pairs[:, 0], pairs[:, 1], 1).mean().item()


def _shared_contexts(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)
    sentences = text(generator)
    pairs = [skip_gram_pairs(sentence, 2) for sentence in sentences]
    centers, contexts = (torch.cat([pair[i] for pair in pairs]) for i in range(2))
    model = Word2Vec(torch.bincount(sentences.flatten(), minlength=WORDS), DIMENSIONS, NEGATIVE)
    found: dict[str, list[float]] = {"twins": [], "partners": []}

    def loss() -> Tensor:
        rows = torch.randint(len(centers), (BATCH,), generator=generator)
        return model(centers[rows], contexts[rows]).mean()

    def check(step: int) -> None:
        if step % CHECK == 0:
            vectors = model.input.weight.detach()
            found["twins"].append(similarity(vectors, 0))
            found["partners"].append(similarity(vectors, TWINS))

    learn(loss, model.parameters(), STEPS, RATE, after=check)
    values = {name: series[-1] for name, series in found.items()}
    values["twins_over_partners"] = values["twins"] - values["partners"]
    return Outcome(values, {name: (list(range(CHECK, STEPS + 1, CHECK)), series) for name, series in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {"twins": ("never together, same company", "从不同现，上下文相同"), "partners": ("always together", "总是同现")}
    return figure(
        "lines",
        title={"en": "Similarity of two words' vectors", "zh": "两个词的向量相似度"},
        x=axis("step", "步数"),
        y=axis("cosine", "余弦"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Cosine of word vectors by training step: that of words which never meet but keep the same company rises above "
            "that of words which "
            "always occur together.",
            "zh": "词向量的余弦随训练步数的变化：从不同现但上下文相同的词高于总是同现的词。",
        },
    )


shared_contexts = Experiment(_shared_contexts, seeds=(0, 1, 2), figure=_draw)
