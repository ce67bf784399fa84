r"""Show, attend and tell: an LSTM writes a caption and looks at the part of the image that each word is about.

Paper
    Xu, Ba, Kiros, Cho, Courville, Salakhutdinov, Zemel and Bengio, "Show, Attend and Tell: Neural Image Caption Generation with
    Visual Attention", ICML 2015, arXiv:1502.03044. Section 3.1.2 (decoder), 4.1 (hard), 4.2 (soft attention).

Equations (a_1 ... a_L in R^D features of the locations, y_t word t, E y its embedding)
    start      h_0 = tanh(W_h mean a + b_h),   c_0 = tanh(W_c mean a + b_c)
    show-attend-tell-weights   e_ti = v . tanh(W h_{t-1} + U a_i),   alpha_t = softmax(e_t)
    show-attend-tell-context   soft: z_t = beta_t sum_i alpha_ti a_i,   beta_t = sigmoid(w . h_{t-1} + b);   hard: z_t = a_s, s ~ alpha_t
    lstm       h_t, c_t = LSTM([E y_{t-1}; z_t], h_{t-1}, c_{t-1})
    output     p(y_t | ...) = softmax(L_o (E y_{t-1} + L_h h_t + L_z z_t))
    show-attend-tell-doubly-stochastic   L_d = -log p(y) + lambda sum_i (1 - sum_t alpha_ti)^2
    show-attend-tell-hard      gradient of -[log p(y | s) + lambda_r (log p(y | s) - b)^. log p(s) + lambda_e H(alpha)],
               (.)^. a constant;   b <- 0.9 b + 0.1 log p(y | s)

Deviations from the paper
    1. The image network is not here: features of the locations are given (the paper's are 14 x 14 x 512 of VGG19).
    2. One draw for each image in hard attention, and no replacement of half of the draws by the expected feature.
    3. beta_t belongs to soft attention alone, as in section 4.2.1.
    4. The start is one layer with a tanh; the paper's are networks of two.
    5. W E y of the LSTM is computed for all words at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.attention import AdditiveAttention, additive_scores
from refimpl.recurrent.seq2seq import sequence_loss

__all__ = ["CaptionDecoder", "doubly_stochastic", "hard_attention_loss", "sequence_loss", "soft_attention_loss"]


def doubly_stochastic(weights: Tensor, lengths: Tensor | None = None) -> Tensor:
    """How far the total attention of each location is from one: ``(B,)``.

    Args:
        weights: alpha, ``(B, T, L)``.
        lengths: number of words that count in each caption, ``(B,)``; T where None.
    """
    if lengths is not None:
        counts = torch.arange(weights.shape[1], device=weights.device) < lengths.unsqueeze(1)
        weights = weights * counts.unsqueeze(2)
    return (1 - weights.sum(1)).square().sum(1)


def soft_attention_loss(logits: Tensor, target: Tensor, weights: Tensor, penalty: float = 1.0, lengths: Tensor | None = None) -> Tensor:
    """-log p(y) plus ``penalty``, the paper's lambda, times :func:`doubly_stochastic`; mean over the captions.

    Args:
        logits: ``(B, T, V)``.
        target: the words, ``(B, T)``.
        weights: ``(B, T, L)``.
    """
    return (sequence_loss(logits, target, lengths) + penalty * doubly_stochastic(weights, lengths)).mean()


def hard_attention_loss(
    log_likelihood: Tensor, log_sampled: Tensor, entropy: Tensor, baseline: float, reward: float = 1.0, spread: float = 0.01
) -> tuple[Tensor, float]:
    """A number whose gradient is the estimate of hard attention, and the next baseline.

    Args:
        log_likelihood: log p(y | s) of each caption, ``(B,)``.
        log_sampled: log p(s), summed over its words, ``(B,)``.
        entropy: of the weights, summed over its words, ``(B,)``.
        baseline: b.
        reward, spread: lambda_r and lambda_e.
    """
    if not log_likelihood.shape == log_sampled.shape == entropy.shape or log_likelihood.dim() != 1:
        got = f"{tuple(log_likelihood.shape)}, {tuple(log_sampled.shape)} and {tuple(entropy.shape)}"
        raise ValueError(f"hard_attention_loss: expected three tensors (B,), got {got}")
    gain = (log_likelihood - baseline).detach()
    loss = -(log_likelihood + reward * gain * log_sampled + spread * entropy).mean()
    return loss, 0.9 * baseline + 0.1 * log_likelihood.mean().item()


class CaptionDecoder(nn.Module):
    """Features of L locations and words so far to the next words.

    Args:
        feature_dim: D.
        vocab_size: number of words V.
        embedding_dim: of a word.
        hidden_size: units of LSTM and attention.
        hard: look at one location drawn by its weight, instead of their mean.

    Shape: features ``(B, L, D)``, tokens ``(B, T)`` from the start symbol on, and for hard attention uniform numbers ``(B, T)``
    that choose the locations (drawn where None), to logits ``(B, T, V)`` of the word after each token and weights ``(B, T, L)``;
    for hard attention also log p(s), ``(B, T)``.
    """

    def __init__(
        self,
        feature_dim: int,
        vocab_size: int,
        embedding_dim: int,
        hidden_size: int,
        hard: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"feature_dim": feature_dim, "vocab_size": vocab_size, "embedding_dim": embedding_dim, "hidden_size": hidden_size}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"CaptionDecoder: {name} must be positive, got {value}")
        new = {"device": device, "dtype": dtype}
        self.hard = hard
        self.embedding = nn.Embedding(vocab_size, embedding_dim, **new)
        self.attention = AdditiveAttention(hidden_size, feature_dim, hidden_size, **new)
        self.start = nn.Linear(feature_dim, 2 * hidden_size, **new)
        self.gate = nn.Linear(hidden_size, 1, **new)
        self.lstm = nn.LSTMCell(embedding_dim + feature_dim, hidden_size, **new)
        self.from_hidden = nn.Linear(hidden_size, embedding_dim, **new)
        self.from_context = nn.Linear(feature_dim, embedding_dim, bias=False, **new)
        self.output = nn.Linear(embedding_dim, vocab_size, **new)

    def forward(self, features: Tensor, tokens: Tensor, uniform: Tensor | None = None) -> tuple[Tensor, ...]:
        if features.dim() != 3 or features.shape[2] != self.start.in_features or not features.shape[1]:
            raise ValueError(f"CaptionDecoder: features must have shape (B, L, {self.start.in_features}), got {tuple(features.shape)}")
        if tokens.dim() != 2 or len(tokens) != len(features) or not tokens.shape[1]:
            raise ValueError(f"CaptionDecoder: tokens must have shape ({len(features)}, T) with T > 0, got {tuple(tokens.shape)}")
        if uniform is not None and (not self.hard or uniform.shape != tokens.shape):
            wanted = f"{tuple(tokens.shape)}, for hard attention" if self.hard else "None for soft attention"
            raise ValueError(f"CaptionDecoder: uniform must be {wanted}, got shape {tuple(uniform.shape)}")
        if self.hard and uniform is None:
            uniform = torch.rand(tokens.shape, device=features.device)
        embedded = self.embedding(tokens)  # (B, T, m)
        from_words, from_context = self.lstm.weight_ih.split((embedded.shape[2], features.shape[2]), 1)
        words = F.linear(embedded, from_words, self.lstm.bias_ih + self.lstm.bias_hh)  # (B, T, 4 H)
        keys = self.attention.key_proj(features)  # (B, L, H)
        h, c = self.start(features.mean(1)).tanh().chunk(2, 1)
        looked, drawn, states, contexts = [], [], [], []
        for t in range(tokens.shape[1]):
            scores = additive_scores(self.attention.query_proj(h).unsqueeze(1), keys, self.attention.v)  # (B, 1, L)
            alpha = scores.softmax(2)
            if self.hard:
                place = (alpha.detach().cumsum(2).squeeze(1) <= uniform[:, t, None]).sum(1).clamp(max=alpha.shape[2] - 1)
                z = features[torch.arange(len(features), device=features.device), place]
                drawn.append(scores.log_softmax(2).squeeze(1).gather(1, place[:, None]).squeeze(1))
            else:
                z = self.gate(h).sigmoid() * (alpha @ features).squeeze(1)  # (B, D)
            sums = words[:, t] + F.linear(z, from_context) + F.linear(h, self.lstm.weight_hh)
            i, f, g, o = sums.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            looked.append(alpha.squeeze(1))
            states.append(h)
            contexts.append(z)
        deep = embedded + self.from_hidden(torch.stack(states, 1)) + self.from_context(torch.stack(contexts, 1))
        found = self.output(deep), torch.stack(looked, 1)
        return (*found, torch.stack(drawn, 1)) if self.hard else found

    @torch.no_grad()
    def caption(self, features: Tensor, start: int, end: int, max_length: int = 20) -> Tensor:
        """The likeliest next word, again and again, until every caption has its end symbol: ``(B, T)``, ends repeated."""
        tokens = torch.full((len(features), 1), start, device=features.device)
        over = torch.zeros(len(features), dtype=torch.bool, device=features.device)
        for _ in range(max_length):
            word = self(features, tokens)[0][:, -1].argmax(1).masked_fill(over, end)
            tokens, over = torch.cat((tokens, word[:, None]), 1), over | (word == end)
            if over.all():
                break
        return tokens[:, 1:]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("images of 4 places with one of 5 things each; the caption names the things from left to right")
    start, end = 5, 6
    model = CaptionDecoder(9, 7, 16, 32)
    adam = torch.optim.Adam(model.parameters(), 1e-2)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        things = torch.randint(0, 5, (count, 4))
        return torch.cat((F.one_hot(things, 5), torch.eye(4).expand(count, -1, -1)), 2).float(), things

    for step in range(201):
        features, things = draw(32)
        tokens = F.pad(things, (1, 0), value=start)
        logits, weights = model(features, tokens)
        loss = soft_attention_loss(logits, F.pad(things, (0, 1), value=end), weights, 0.1)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 50 == 0:
            print(f"step {step:3}: loss {loss.item():.4f}")
    features, things = draw(200)
    right = (model.caption(features, start, end, 5)[:, :4] == things).all(1).double().mean().item()
    print(f"{right:.3f} of 200 new captions are right; where the decoder looks for each word of one:")
    for row in model(features[:1], F.pad(things[:1], (1, 0), value=start))[1][0].tolist():
        print("  ", [round(v, 2) for v in row])
