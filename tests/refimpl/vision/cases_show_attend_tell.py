"""Cases of the captioning decoder, with soft and hard attention, and of its penalty; the oracles go from step to step."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.show_attend_tell import CaptionDecoder, doubly_stochastic, hard_attention_loss, soft_attention_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "show-attend-tell"


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def numpy_decoder(p, features, tokens, uniform=None):
    rows = []
    for n, words in enumerate(tokens):
        a = features[n]
        h, c = np.split(np.tanh(p["start.weight"] @ a.mean(0) + p["start.bias"]), 2)
        logits, looked, drawn = [], [], []
        for t, word in enumerate(words):
            query = p["attention.query_proj.weight"] @ h
            e = np.array([p["attention.v"] @ np.tanh(query + p["attention.key_proj.weight"] @ v) for v in a])
            alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
            if uniform is None:
                z = sigmoid(p["gate.weight"][0] @ h + p["gate.bias"][0]) * sum(w * v for w, v in zip(alpha, a, strict=True))
            else:
                place = next(i for i in range(len(a)) if sum(alpha[: i + 1]) > uniform[n, t] or i == len(a) - 1)
                z = a[place]
                drawn.append(math.log(alpha[place]))
            y = p["embedding.weight"][word]
            s = p["lstm.weight_ih"] @ np.concatenate([y, z]) + p["lstm.bias_ih"] + p["lstm.weight_hh"] @ h + p["lstm.bias_hh"]
            i, f, g, o = np.split(s, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            deep = y + p["from_hidden.weight"] @ h + p["from_hidden.bias"] + p["from_context.weight"] @ z
            logits.append(p["output.weight"] @ deep + p["output.bias"])
            looked.append(alpha)
        rows.append([np.array(logits), np.array(looked), *([np.array(drawn)] if drawn else [])])
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def torch_decoder(p, features, tokens, uniform=None):
    cell = torch.nn.LSTMCell(p["lstm.weight_ih"].shape[1], p["lstm.weight_hh"].shape[1]).double()
    weights = {k.removeprefix("lstm."): v for k, v in p.items() if k.startswith("lstm.")}
    h, c = F.linear(features.mean(1), p["start.weight"], p["start.bias"]).tanh().chunk(2, 1)
    keys = features @ p["attention.key_proj.weight"].T
    logits, looked, drawn = [], [], []
    for t in range(tokens.shape[1]):
        e = torch.einsum("nlh,h->nl", ((h @ p["attention.query_proj.weight"].T)[:, None] + keys).tanh(), p["attention.v"])
        alpha = e.softmax(1)
        if uniform is None:
            z = torch.einsum("nl,nld->nd", alpha, features) * (h @ p["gate.weight"].T + p["gate.bias"]).sigmoid()
        else:
            place = torch.searchsorted(alpha.detach().cumsum(1), uniform[:, t, None], right=True).clamp(max=features.shape[1] - 1)
            z = features.gather(1, place[..., None].expand(-1, -1, features.shape[2])).squeeze(1)
            drawn.append(alpha.gather(1, place).squeeze(1).log())
        y = p["embedding.weight"][tokens[:, t]]
        h, c = torch.func.functional_call(cell, weights, (torch.cat((y, z), 1), (h, c)))
        deep = y + F.linear(h, p["from_hidden.weight"], p["from_hidden.bias"]) + z @ p["from_context.weight"].T
        logits.append(F.linear(deep, p["output.weight"], p["output.bias"]))
        looked.append(alpha)
    found = torch.stack(logits, 1), torch.stack(looked, 1)
    return found if uniform is None else (*found, torch.stack(drawn, 1))


def numpy_penalty(_, weights, lengths=None):
    lengths = [weights.shape[1]] * len(weights) if lengths is None else lengths
    return np.array([sum((1 - w[:n, i].sum()) ** 2 for i in range(w.shape[1])) for w, n in zip(weights, lengths, strict=True)])


def torch_penalty(_, weights, lengths=None):
    lengths = [weights.shape[1]] * len(weights) if lengths is None else lengths.tolist()
    return torch.stack([((1 - w[:n].sum(0)) ** 2).sum() for w, n in zip(weights, lengths, strict=True)])


def torch_loss(_, logits, target, weights, penalty=1.0, lengths=None):
    sizes = [logits.shape[1]] * len(logits) if lengths is None else lengths.tolist()
    likely = torch.stack(
        [-x.log_softmax(1)[torch.arange(n), y[:n]].sum() for x, y, n in zip(logits[:, :], target, sizes, strict=True) for x in [x[:n]]]
    )
    return (likely + penalty * torch_penalty(_, weights, lengths)).mean()


def numpy_loss(_, logits, target, weights, penalty=1.0, lengths=None):
    sizes = [logits.shape[1]] * len(logits) if lengths is None else lengths
    total = 0.0
    for x, y, n in zip(logits, target, sizes, strict=True):
        total -= sum(row[k] - row.max() - math.log(np.exp(row - row.max()).sum()) for row, k in zip(x[:n], y[:n], strict=True))
    return np.array((total + penalty * numpy_penalty(_, weights, lengths).sum()) / len(logits))


FEATURES, TOKENS = randn(3, 4, 3, seed=1), torch.tensor([[5, 0, 2], [5, 1, 1], [5, 4, 3]])
UNIFORM = rand(3, 3, seed=2, low=0.0)
LOGITS, TARGET, WEIGHTS = randn(3, 4, 5, seed=3), torch.arange(12).view(3, 4) % 5, randn(3, 4, 6, seed=4).softmax(2)
LENGTHS = torch.tensor([4, 1, 3])
ONES = torch.ones(3)


def small(hard=False, **more):
    return CaptionDecoder(3, 6, 4, 5, hard, **more)


BAD = (
    Bad(lambda: CaptionDecoder(0, 2, 3, 4), r"CaptionDecoder: feature_dim must be positive, got 0"),
    Bad(lambda: CaptionDecoder(1, 0, 3, 4), r"CaptionDecoder: vocab_size must be positive, got 0"),
    Bad(lambda: CaptionDecoder(1, 2, -3, 4), r"CaptionDecoder: embedding_dim must be positive, got -3"),
    Bad(lambda: CaptionDecoder(1, 2, 3, 0), r"CaptionDecoder: hidden_size must be positive, got 0"),
    Bad(lambda: small()(torch.zeros(3, 4, 2), TOKENS), r"CaptionDecoder: features must have shape \(B, L, 3\), got \(3, 4, 2\)"),
    Bad(lambda: small()(torch.zeros(3, 3), TOKENS), r"CaptionDecoder: features must have shape \(B, L, 3\), got \(3, 3\)"),
    Bad(lambda: small()(torch.zeros(3, 0, 3), TOKENS), r"CaptionDecoder: features must have shape \(B, L, 3\), got \(3, 0, 3\)"),
    Bad(lambda: small()(torch.zeros(3, 4, 3), TOKENS[:2]), r"CaptionDecoder: tokens must have shape \(3, T\) with T > 0, got \(2, 3\)"),
    Bad(lambda: small()(torch.zeros(3, 4, 3), TOKENS[:, :0]), r"CaptionDecoder: tokens must have .*, got \(3, 0\)"),
    Bad(lambda: small()(torch.zeros(3, 4, 3), TOKENS[0]), r"CaptionDecoder: tokens must have .*, got \(3,\)"),
    Bad(
        lambda: small()(torch.zeros(3, 4, 3), TOKENS, UNIFORM),
        r"CaptionDecoder: uniform must be None for soft attention, got shape \(3, 3\)",
    ),
    Bad(
        lambda: small(True)(torch.zeros(3, 4, 3), TOKENS, UNIFORM[1:]),
        r"CaptionDecoder: uniform must be \(3, 3\), for hard attention, got shape \(2, 3\)",
    ),
    Bad(
        lambda: hard_attention_loss(ONES, ONES[1:], ONES, 0.0),
        r"hard_attention_loss: expected three tensors \(B,\), got \(3,\), \(2,\) and \(3,\)",
    ),
    Bad(lambda: hard_attention_loss(ONES, ONES, ONES[1:], 0.0), r"hard_attention_loss: .*, got \(3,\), \(3,\) and \(2,\)"),
    Bad(lambda: hard_attention_loss(*[ONES[None]] * 3, 0.0), r"hard_attention_loss: .*, got \(1, 3\), \(1, 3\) and \(1, 3\)"),
)


def decoder(name, hard, extra, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(small(hard), scale=0.7),
        lambda: [Sample((FEATURES, TOKENS), extra), Sample((FEATURES[:, :2] * 2, TOKENS), extra, "two locations")],
        (Oracle("torch.nn.LSTMCell, step by step", torch_decoder), Oracle("the equations in NumPy, step by step", numpy_decoder, "numpy")),
        hard=lambda: [Sample((FEATURES * 100, TOKENS), extra, "large features")],
        degenerate=lambda: [Sample((FEATURES[:1, :1], TOKENS[:1, :1]), {k: v[:1, :1] for k, v in extra.items()}, "one of each")],
        tolerance={torch.bfloat16: 6e-2},  # errors add up from step to step
        compiles="a loop over a few steps, whose parts are compiled in their own cases",
        **more,
    )


CASES = [
    decoder("soft attention", False, {}, bad=BAD),
    decoder("hard attention", True, {"uniform": UNIFORM}, dtypes=(torch.float64, torch.float32)),  # rounded weights draw other places
    Case(
        METHOD,
        "penalty",
        function(doubly_stochastic),
        lambda: [Sample((WEIGHTS,)), Sample((WEIGHTS,), {"lengths": LENGTHS}, "lengths")],
        (Oracle("caption by caption in torch", torch_penalty), Oracle("location by location in NumPy", numpy_penalty, "numpy")),
        degenerate=lambda: [Sample((WEIGHTS[:1, :1],), name="one word")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "loss of soft attention",
        function(soft_attention_loss),
        lambda: [
            Sample((LOGITS, TARGET, WEIGHTS)),
            Sample((LOGITS, TARGET, WEIGHTS), {"penalty": 0.3, "lengths": LENGTHS}, "all arguments"),
        ],
        (Oracle("torch.log_softmax", torch_loss), Oracle("the equation in NumPy", numpy_loss, "numpy")),
        hard=lambda: [
            Sample((LOGITS + 1e4, TARGET, WEIGHTS), name="mean 1e4"),
            Sample((LOGITS * 500, TARGET, WEIGHTS), name="large logits"),
        ],
        layouts=False,
        compiles="the penalty is compiled, the loss of a sequence in its own case",
    ),
]
