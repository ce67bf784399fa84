r"""Dropout for LSTMs: noise on what flows up from layer to layer, none on what flows along time.

Paper
    Zaremba, Sutskever and Vinyals, "Recurrent Neural Network Regularization", 2014, arXiv:1409.2329, section 3.2.

Equations (h_t^l the output of layer l at step t, h_t^0 the input; D sets units to zero with probability p, fresh at each use)
    read     (i, f, o, g) = (sigmoid, sigmoid, sigmoid, tanh)(W D(h_t^(l-1)) + R h_(t-1)^l + b)
    cell     c_t^l = f c_(t-1)^l + i g
    output   h_t^l = o tanh(c_t^l),   and the prediction reads D(h_t^L)
    crossed  what enters at step s reaches the prediction at step t through exactly L + 1 operators D, whatever t - s is

Deviations from the paper
    1. D divides the kept units by 1 - p, so that evaluation needs no change; the paper does not write the factor.
    2. Two bias vectors, as in PyTorch, whose state dict this has.

The states handed on to the next piece of a long text are not dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.recurrent.lstm import LSTM
from refimpl.training.dropout import dropout

__all__ = ["DropoutLSTM"]


class DropoutLSTM(LSTM):
    """An LSTM with dropout before its first layer, between the layers and behind the last.

    ``torch.nn.LSTM``, whose state dict this has, drops between the layers alone.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, bidirectional: as in :class:`refimpl.recurrent.lstm.LSTM`.
        dropout: probability p; the paper takes 0.5 for 650 units a layer and 0.65 for 1,500.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.5,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run all layers. Arguments and results as in :class:`refimpl.recurrent.lstm.LSTM`; the outputs have passed D."""
        output, states = super().forward(dropout(input, self.dropout, self.training), hx)
        return dropout(output, self.dropout, self.training), states


if __name__ == "__main__":
    from torch import nn

    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(1547, device=arguments(__doc__))
    x, x_test = data.x.squeeze(1), data.x_test.squeeze(1)  # 8 steps of 8 pixels
    print(f"an LSTM of two layers learns {len(x)} digits row by row")
    for p in (0.0, 0.4):
        model, read = DropoutLSTM(8, 40, 2, batch_first=True, dropout=p), nn.Linear(40, 10)
        optimizer = torch.optim.Adam([*model.parameters(), *read.parameters()], lr=0.01)
        for _ in range(120):
            loss = nn.functional.cross_entropy(read(model(x)[0][:, -1]), data.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            model.eval()
            losses = (nn.functional.cross_entropy(read(model(a)[0][:, -1]), b).item() for a, b in ((x, data.y), (x_test, data.y_test)))
        print(f"p = {p}: loss on what it learned {next(losses):.4f}, on others {next(losses):.4f}")
