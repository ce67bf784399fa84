"""Cases of dropout on the non-recurrent connections; the same masks come from the same seed."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.rnn_dropout import DropoutLSTM
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize
from tests.refimpl.recurrent.cases_lstm import built_in, sigmoid

METHOD = "rnn-dropout"
X, STATE = randn(4, 2, 3, seed=1), (randn(2, 2, 5, seed=2), randn(2, 2, 5, seed=3))

QUICK = {"gradcheck": 0}  # compared with the oracle's; numerical ones of the loop stand in the cases of the LSTM


def with_torch(p, options, state, x, hx=None):
    """Dropout, ``torch.lstm`` with dropout of its own between the layers, dropout."""
    y, h, c = built_in(options | {"dropout": p}, state, F.dropout(x, p, p > 0), hx)
    return F.dropout(y, p, p > 0), h, c


def drawn(p, shape):
    return F.dropout(torch.ones(shape, dtype=torch.float64), p).numpy()


def in_numpy(p, state, x, hx):
    """The paper's equations for two layers, one example and step after the other; the masks are those of the seed."""
    (steps, batch, features), hidden = x.shape, hx[0].shape[2]
    torch.manual_seed(20_024)
    masks = [drawn(p, (steps, batch, n)) for n in (features, hidden, hidden)]
    h, c, below = hx[0].copy(), hx[1].copy(), x
    for layer in range(2):
        w, r = state[f"weight_ih_l{layer}"], state[f"weight_hh_l{layer}"]
        b = state[f"bias_ih_l{layer}"] + state[f"bias_hh_l{layer}"]
        above = np.zeros((steps, batch, hidden))
        for t, n in np.ndindex(steps, batch):
            i, f, g, o = np.split(w @ (masks[layer][t, n] * below[t, n]) + r @ h[layer, n] + b, 4)
            c[layer, n] = sigmoid(f) * c[layer, n] + sigmoid(i) * np.tanh(g)
            h[layer, n] = above[t, n] = sigmoid(o) * np.tanh(c[layer, n])
        below = above
    return masks[2] * below, h, c


def case(name, *samples, p=0.3, sizes=(3, 5), oracles=(), training=True, more=None, **options):
    torch_oracle = Oracle("torch.lstm between two torch dropouts, same seed", partial(with_torch, p if training else 0.0, options))
    return Case(
        METHOD,
        name,
        lambda: randomize(DropoutLSTM(*sizes, dropout=p, **options)),
        lambda: samples,
        (torch_oracle, *oracles),
        training=training,
        seeded=training,
        dtypes=(torch.float64, torch.float32, torch.bfloat16),
        tolerance={torch.bfloat16: 4e-2},  # both layers' outputs are rounded twice more, by 1 / (1 - p)
        compiles="the loop over steps is compiled in the cases of the LSTM",
        **(more or {}),
    )


CASES = [
    case(
        "two layers",
        Sample((X, STATE), name="initial states"),
        num_layers=2,
        oracles=[Oracle("the equations in NumPy, masks from the same seed", partial(in_numpy, 0.3), "numpy")],
        more=QUICK
        | {
            "bad": (
                Bad(lambda: DropoutLSTM(3, 5, dropout=1.5), r"^DropoutLSTM: dropout must lie in \[0, 1\], got 1.5$"),
                Bad(lambda: DropoutLSTM(3, 5)(torch.zeros(2, 2, 4)), r"^DropoutLSTM: input must be .* with D = 3, got shape \(2, 2, 4\)$"),
            )
        },
    ),
    case("both directions, batch first, no bias", Sample((X,)), num_layers=2, batch_first=True, bidirectional=True, bias=False, more=QUICK),
    case("evaluation", Sample((X, STATE), name="initial states"), num_layers=2, training=False, more=QUICK),
    case("no batch", Sample((X[:, 0],), name="no batch")),
]
