r"""Translation without parallel texts: rebuild noisy sentences, recover sentences from the model's own translations of them.

Paper
    Lample, Conneau, Denoyer and Ranzato, "Unsupervised Machine Translation Using Monolingual Corpora Only", ICLR 2018,
    arXiv:1711.00043, section 2: the noise model, the three losses, and the discriminator of equation 3.

Equations (e, d encoder and decoder, shared by languages l_1, l_2; C noise; M the model as it is; Delta the token cross-entropy)
    noise              drop each word with probability p; sort the rest by i + u_i, u_i uniform in [0, k + 1): |sigma(i) - i| <= k
    denoising          L_auto(l) = E Delta(x^, x),   x^ ~ d(e(C(x), l), l)
    back-translation   L_cd(l_1, l_2) = E Delta(x^, x),   x^ ~ d(e(C(y), l_2), l_1),   y = M(x), a translation into l_2
    discriminator      L_D = -E log p_D(l_i | e(x_i, l_i))
    adversarial        L_adv = -E log p_D(l_j | e(x_i, l_i)),   j the other language

Deviations from the paper
    1. The model is :class:`refimpl.recurrent.seq2seq.Seq2Seq` over the words of both languages; the start symbol tells the decoder
       which language to write. The paper's is a bidirectional LSTM of three layers with tables of words for each language.
    2. Of a sentence that loses all its words the first is kept.
    3. Delta is summed over a sentence and averaged over the batch; M translates greedily, word by word.
    4. The discriminator's smoothing acts on its own loss alone, as the paper's value 0.1 is usually read.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.seq2seq import Seq2Seq, sequence_loss

__all__ = ["Discriminator", "back_translation_loss", "denoising_loss", "language_loss", "noise", "translate"]


def noise(
    tokens: Tensor, lengths: Tensor, drop: float = 0.1, shuffle: int = 3, *, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Drop words and shuffle the rest a little.

    Args:
        tokens: sentences ``(B, T)``, padded behind their ends.
        lengths: ``(B,)``, from 1 to T.
        drop: probability p of dropping a word.
        shuffle: how far k a word may move among those that are left.
        generator: where the choices come from.

    Returns:
        The changed sentences ``(B, T)``, with 0 behind their ends, and their lengths ``(B,)``.

    Raises:
        ValueError: the shapes do not fit, or a number is out of range.
    """
    if tokens.dim() != 2 or lengths.shape != tokens.shape[:1]:
        raise ValueError(f"noise: tokens and lengths must be (B, T) and (B,), got {tuple(tokens.shape)} and {tuple(lengths.shape)}")
    if not 0.0 <= drop <= 1.0 or shuffle < 0:
        raise ValueError(f"noise: expected drop in [0, 1] and shuffle >= 0, got {drop} and {shuffle}")
    on = {"device": tokens.device, "generator": generator}
    inside = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]  # (B, T)
    kept = inside & (torch.rand(tokens.shape, **on) >= drop)
    kept[:, 0] |= ~kept.any(1)
    place = kept.cumsum(1)  # among the words that are left
    moved = place + (shuffle + 1) * torch.rand(tokens.shape, dtype=torch.float64, **on)
    order = moved.masked_fill(~kept, math.inf).argsort(1)
    left = kept.sum(1)
    behind = torch.arange(tokens.shape[1], device=tokens.device) >= left[:, None]
    return tokens.gather(1, order).masked_fill(behind, 0), left


@torch.no_grad()
def translate(model: Seq2Seq, tokens: Tensor, lengths: Tensor, start: int, end: int, max_length: int) -> tuple[Tensor, Tensor]:
    """Write each sentence greedily in the language of the start symbol.

    Returns:
        Sentences ``(B, max_length)`` without start and end symbol, 0 behind their ends, and lengths ``(B,)``, at least 1.
    """
    states, mask, s = model.encode(tokens, lengths)
    keys, last = model.attention.key_proj(states), torch.full_like(lengths, start)
    written = []
    for step in range(max_length):
        s, context, _ = model.step(model.target_embedding(last), s, states, keys, mask)
        logits = model.output(torch.cat((s, context), 1))
        if step == 0:
            logits[:, end] = -math.inf
        last = logits.argmax(1)
        written.append(last)
    words = torch.stack(written, 1)
    left = (words != end).cumprod(1)
    return words * left, left.sum(1)


def denoising_loss(
    model: Seq2Seq,
    tokens: Tensor,
    lengths: Tensor,
    start: int,
    end: int,
    drop: float = 0.1,
    shuffle: int = 3,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of rebuilding sentences from their noisy versions, a scalar.

    Args:
        tokens, lengths, drop, shuffle, generator: as in :func:`noise`.
        start: symbol that tells the decoder to write the sentences' own language.
        end: symbol behind a sentence.
    """
    return _rebuilding(model, *noise(tokens, lengths, drop, shuffle, generator=generator), tokens, lengths, start, end)


def back_translation_loss(
    model: Seq2Seq,
    tokens: Tensor,
    lengths: Tensor,
    start: int,
    end: int,
    translated: tuple[Tensor, Tensor],
    drop: float = 0.1,
    shuffle: int = 3,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of recovering sentences from noisy versions of their translations, a scalar.

    Args:
        tokens, lengths, start, end: as in :func:`denoising_loss`.
        translated: the sentences in the other language with their lengths, by the model as it is (:func:`translate`), or at the
            beginning by a dictionary.
        drop, shuffle, generator: as in :func:`noise`.
    """
    return _rebuilding(model, *noise(*translated, drop, shuffle, generator=generator), tokens, lengths, start, end)


def _rebuilding(model: Seq2Seq, seen: Tensor, seen_lengths: Tensor, tokens: Tensor, lengths: Tensor, start: int, end: int) -> Tensor:
    """Mean over sentences of the cross-entropy of a sentence and its end, given what is seen of it."""
    target = F.pad(tokens, (0, 1)).scatter(1, lengths[:, None], end)  # (B, T + 1)
    given = F.pad(tokens, (1, 0), value=start)
    logits, _ = model(seen, given, seen_lengths)
    return sequence_loss(logits, target, lengths + 1).mean()


class Discriminator(nn.Module):
    """Tells the language of a sentence from each state of the encoder: ``(B, S, H)`` to logits of the second language ``(B, S)``."""

    def __init__(
        self, hidden_size: int, width: int = 1024, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        if min(hidden_size, width) < 1:
            raise ValueError(f"Discriminator: hidden_size and width must be positive, got {hidden_size} and {width}")
        super().__init__()
        new = {"device": device, "dtype": dtype}
        layers = [nn.Linear(hidden_size, width, **new), nn.LeakyReLU(0.2), nn.Linear(width, width, **new), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1, **new))

    def forward(self, input: Tensor) -> Tensor:
        return self.layers(input).squeeze(-1)


def language_loss(logits: Tensor, lengths: Tensor, language: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the discriminator, averaged over all states.

    With the sentences' own languages and smoothing it is L_D, by the discriminator's weights; with ``1 - language`` it is L_adv, by
    the encoder's.

    Args:
        logits: ``(B, S)``, as from :class:`Discriminator`.
        lengths: ``(B,)``; states behind a sentence's end do not count.
        language: 0 or 1 for each sentence, ``(B,)``.
        smoothing: a language counts as 1 - smoothing of itself and smoothing of the other.

    Raises:
        ValueError: the shapes do not fit, or the smoothing lies outside [0, 0.5].
    """
    if logits.dim() != 2 or lengths.shape != logits.shape[:1] or language.shape != lengths.shape:
        got = f"{tuple(logits.shape)}, {tuple(lengths.shape)} and {tuple(language.shape)}"
        raise ValueError(f"language_loss: logits, lengths and language must be (B, S), (B,) and (B,), got {got}")
    if not 0.0 <= smoothing <= 0.5:
        raise ValueError(f"language_loss: smoothing must lie in [0, 0.5], got {smoothing}")
    target = (smoothing + (1 - 2 * smoothing) * language.to(logits.dtype))[:, None].expand_as(logits)
    inside = torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]
    return F.binary_cross_entropy_with_logits(logits[inside], target[inside])


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.language.word_alignment import csls, procrustes, refine

    arguments(__doc__)
    KIND, WORDS = 4, 12  # nouns, adjectives and verbs; the first language has words 0 to 11, the second 12 to 23
    start, end = (24, 25), 26

    def sentences(count: int, language: int) -> Tensor:
        noun, adjective, verb = torch.randint(KIND, (3, count)) + torch.tensor([[0], [KIND], [2 * KIND]])
        return torch.stack((noun, adjective, verb) if language == 0 else (adjective + WORDS, noun + WORDS, verb + WORDS), 1)

    vectors = torch.randn(WORDS, 16)
    others = vectors @ torch.linalg.qr(torch.randn(16, 16))[0] + 0.1 * torch.randn(WORDS, 16)
    mapping = refine(vectors, others, procrustes(vectors[:6], others[:6]), k=2)
    scores = csls(vectors @ mapping.t(), others, k=2)
    dictionary = torch.cat((scores.argmax(1) + WORDS, scores.argmax(0)))
    print(f"dictionary from 6 pairs: {(dictionary[:WORDS] - WORDS == torch.arange(WORDS)).float().mean():.0%} of the words right")

    model = Seq2Seq(27, 27, 16, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    lengths, test = torch.full((32,), 3), sentences(200, 0)
    right = torch.stack((test[:, 1], test[:, 0], test[:, 2]), 1) + WORDS
    print(f"word by word, sentences right: {(dictionary[test] == right).all(1).float().mean():.0%}")
    for i in range(101):
        loss = torch.zeros(())
        for language in (0, 1):
            x = sentences(32, language)
            by_model = translate(model, x, lengths, start[1 - language], end, 3) if i > 50 else (dictionary[x], lengths)
            loss = loss + denoising_loss(model, x, lengths, start[language], end)
            loss = loss + back_translation_loss(model, x, lengths, start[language], end, by_model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 25 == 0:
            found, _ = translate(model, test, torch.full((200,), 3), start[1], end, 3)
            print(f"step {i:3d}: loss {loss.item():5.2f}, sentences right {(found == right).all(1).float().mean():.0%}")
