"""Generation with caches beside the network anew at each step, and the forward pass beside convolutions that are not joined."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.generative.wavenet import WaveNet
from tests.refimpl.generative.cases_wavenet import METHOD, one_hot
from tests.refimpl.harness.bench import Bench

HEARD = torch.zeros(1, 1, dtype=torch.int64)


def seeded(make=WaveNet) -> WaveNet:
    torch.manual_seed(0)
    return make(32, 16, 32, layers=6)


class Generate(WaveNet):
    """The logits of a sequence drawn with caches."""

    def forward(self, x: Tensor) -> Tensor:
        return self.generate(HEARD.to(x.device), x.shape[2], generator=torch.Generator(x.device).manual_seed(0))[1]


class Anew(WaveNet):
    """The same by running the network on what its last output sees, at each step."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        codes, generator, logits = HEARD.to(x.device), torch.Generator(x.device).manual_seed(0), []
        for _ in range(x.shape[2]):
            logits.append(WaveNet.forward(self, F.one_hot(codes[:, -self.receptive_field :], 32).transpose(1, 2).to(x.dtype))[:, :, -1])
            codes = torch.cat([codes, torch.multinomial(logits[-1].float().softmax(1), 1, generator=generator)], 1)
        return torch.stack(logits, 2)


class Apart(WaveNet):
    """Filter, gate, residual and skip as convolutions of their own, with padding on both sides cut off."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv1d(x, self.causal.weight, self.causal.bias, padding=1)[:, :, :-1]
        total = 0.0
        for layer in self.layers:
            d, c = layer.dilation, x.shape[1]
            w, b = layer.dilated.weight, layer.dilated.bias
            f, g = (F.conv1d(x, w[s], b[s], dilation=d, padding=d)[:, :, :-d] for s in (slice(0, c), slice(c, None)))
            z = torch.tanh(f) * torch.sigmoid(g)
            k, w, b = layer.kept, layer.out.weight, layer.out.bias
            if k:
                x = x + F.conv1d(z, w[:k], b[:k])
            total = total + F.conv1d(z, w[k:], b[k:])
        return self.head(total)


BENCHES = [
    Bench(
        METHOD,
        "draw 100 samples, 6 layers",
        lambda: seeded(Generate),
        {"the network on its receptive field at each step": lambda: seeded(Anew)},
        lambda: (torch.zeros(1, 32, 100),),
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "forward, 4 sequences of 2,000 samples, 6 layers",
        seeded,
        {"convolutions that are not joined": lambda: seeded(Apart)},
        lambda: (one_hot(4, 2000, levels=32, seed=0),),
        compiled=False,
    ),
]
