"""The decoder beside the same with everything computed in the loop by torch's own layers."""

from __future__ import annotations

import torch

from refimpl.vision.show_attend_tell import CaptionDecoder
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_show_attend_tell import METHOD


class Stepwise(CaptionDecoder):
    """Keys, embeddings and words projected anew at each step, output at each step."""

    def forward(self, features, tokens, uniform=None):
        h, c = self.start(features.mean(1)).tanh().chunk(2, 1)
        logits, looked = [], []
        for t in range(tokens.shape[1]):
            y = self.embedding(tokens[:, t])
            z, alpha = self.attention(h.unsqueeze(1), features)
            z = self.gate(h).sigmoid() * z.squeeze(1)
            h, c = self.lstm(torch.cat((y, z), 1), (h, c))
            logits.append(self.output(y + self.from_hidden(h) + self.from_context(z)))
            looked.append(alpha.squeeze(1))
        return torch.stack(logits, 1), torch.stack(looked, 1)


def made(kind):
    torch.manual_seed(0)
    return kind(128, 500, 64, 128)


BENCHES = [
    Bench(
        METHOD,
        "soft attention, 16 images of 49 locations, 12 words",
        lambda: made(CaptionDecoder),
        {"torch's layers, step by step": lambda: made(Stepwise)},
        lambda: (randn(16, 49, 128, seed=1), torch.arange(192).view(16, 12)),
        compiled=False,
    )
]
