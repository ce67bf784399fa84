"""Errata on recurrent networks: the printed recurrence fails where the right one holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def test_each_layer_reads_the_layer_below():
    """Layer i reads H_t^{i-1} and its own H_{t-1}^i, as ``torch.nn.RNN`` does; as printed, the lower layers feed nothing."""
    generator = torch.Generator().manual_seed(0)
    layers, steps, size = 3, 6, 4
    w, u = (torch.randn(layers, size, size, generator=generator, dtype=torch.float64) for _ in range(2))
    b = torch.randn(layers, size, generator=generator, dtype=torch.float64)
    inputs = torch.randn(steps, size, generator=generator, dtype=torch.float64)
    w.requires_grad_()

    def run(printed: bool) -> Tensor:
        """States of the top layer, (steps, size)."""
        h = [torch.zeros(size, dtype=torch.float64) for _ in range(layers)]
        top = []
        for x in inputs:
            below = x
            for i in range(layers):
                h[i] = torch.tanh(w[i] @ h[i] + u[i] @ (x if printed else below) + b[i])
                below = h[i]
            top.append(h[-1])
        return torch.stack(top)

    oracle = nn.RNN(size, size, layers, dtype=torch.float64)
    with torch.no_grad():
        for i in range(layers):
            getattr(oracle, f"weight_ih_l{i}").copy_(u[i])
            getattr(oracle, f"weight_hh_l{i}").copy_(w[i])
            getattr(oracle, f"bias_ih_l{i}").copy_(b[i])
            getattr(oracle, f"bias_hh_l{i}").zero_()
        expected = oracle(inputs)[0]

    torch.testing.assert_close(run(printed=False).detach(), expected)
    assert (run(printed=True) - expected).abs().max() > 0.1
    for printed in (False, True):
        by_layer = torch.autograd.grad(run(printed).sum(), w)[0].abs().amax((1, 2))
        assert (by_layer[:-1] == 0).all() == printed
