"""Cases of the Wasserstein GAN: its two losses."""

from __future__ import annotations

import numpy as np

from refimpl.generative.wgan import clip_weights_, critic_loss, generator_loss
from tests.refimpl.generative.scores import score_case
from tests.refimpl.harness.case import Bad, Sample, randn

METHOD = "wgan"

CASES = [
    score_case(
        METHOD,
        "scores",
        lambda real, fake: (critic_loss(real, fake), generator_loss(fake)),
        lambda r, f: ((f / len(f)).sum() - (r / len(r)).sum(), -(f / len(f)).sum()),
        lambda r, f: (np.average(f) - np.average(r), -np.average(f)),
        hard=lambda: [Sample((randn(5, seed=38) * 1e4, randn(5, seed=39) * 1e4 + 1e4), {}, "scores of 1e4")],
        bad=(
            Bad(lambda: clip_weights_([], 0.0), r"^clip_weights_: limit must be positive, got 0.0$"),
            Bad(lambda: clip_weights_([], -0.5), r"^clip_weights_: limit must be positive, got -0.5$"),
        ),
    )
]
