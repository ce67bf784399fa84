r"""Restricted Boltzmann machine: binary visible and hidden units without connections among their own kind.

Papers
    Smolensky, "Information processing in dynamical systems: foundations of harmony theory", 1986.
    Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation 14, 2002.
    Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", 2010.
    Tieleman, "Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient", ICML 2008: persistent chains.

Equations (v visible (V), h hidden (H), all 0 or 1; W (H, V), a and b the biases of v and h; s the logistic function)
    energy       E(v, h) = -a'v - b'h - h'W v,   p(v, h) = exp(-E(v, h)) / Z
    conditional  p(h_j = 1 | v) = s(b_j + W_j v),   p(v_i = 1 | h) = s(a_i + W_i'h)
    free-energy  F(v) = -a'v - sum_j log(1 + exp(b_j + W_j v)),   p(v) = exp(-F(v)) / Z
    partition    Z = sum over all v of exp(-F(v)) = sum over all h of exp(b'h) prod_i (1 + exp(a_i + W_i'h))
    likelihood   -d log p(v)/dW = dF(v)/dW - E_p[dF/dW],   dF/dW = -p(h = 1 | v) v'
    cd           the expectation replaced by the state after k steps of Gibbs sampling from the data

Deviations from the papers
    1. The learning rule is a loss, mean F(data) - mean F(chain), whose gradient it is; any optimizer can take the step.
    2. Weights are (H, V), as in ``torch.nn.Linear``, the transpose of the papers'.
    3. Where the rule needs h it takes the probabilities, since those are the free energy's gradient; the states between are drawn.
    4. Only binary units.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear, softplus

__all__ = ["RBM", "energy", "free_energy", "log_partition"]

LARGEST = 20
"""Most units of the smaller kind for which the partition function is summed."""


def energy(v: Tensor, h: Tensor, weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Tensor:
    """E(v, h), ``(...)``.

    Args:
        v, h: ``(..., V)`` and ``(..., H)``.
        weight: ``(H, V)``.
        visible_bias, hidden_bias: ``(V,)`` and ``(H,)``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    _check("energy", v, weight, visible_bias, hidden_bias)
    if h.shape != (*v.shape[:-1], len(weight)):
        raise ValueError(f"energy: h must have shape {(*v.shape[:-1], len(weight))}, got {tuple(h.shape)}")
    return -(v @ visible_bias) - (h * linear(v, weight, hidden_bias)).sum(-1)


def free_energy(v: Tensor, weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Tensor:
    """F(v), ``(...)``: minus the logarithm of the sum of exp(-E(v, h)) over all h. Arguments as for :func:`energy`."""
    _check("free_energy", v, weight, visible_bias, hidden_bias)
    return -(v @ visible_bias) - softplus(linear(v, weight, hidden_bias)).sum(-1)


def log_partition(weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Tensor:
    """log Z, a scalar, by summing over all states of the smaller kind of units.

    Raises:
        ValueError: there are more than 20 of both kinds, or the shapes do not fit.
    """
    _check("log_partition", visible_bias, weight, visible_bias, hidden_bias)
    hidden, visible = weight.shape
    if min(hidden, visible) > LARGEST:
        raise ValueError(f"log_partition: expected at most {LARGEST} visible or hidden units, got {visible} and {hidden}")
    if hidden < visible:
        weight, visible_bias, hidden_bias = weight.T, hidden_bias, visible_bias  # the formula is the same in h
    units = weight.shape[-1]
    bits = torch.arange(2**units, device=weight.device).unsqueeze(-1) >> torch.arange(units, device=weight.device)
    states = (bits & 1).to(weight.dtype)  # (2^units, units)
    return torch.logsumexp(-free_energy(states, weight, visible_bias, hidden_bias), 0)


class RBM(nn.Module):
    """A restricted Boltzmann machine.

    Args:
        visible, hidden: numbers of units.

    Shape: ``(..., V)`` to the probabilities of the hidden units, ``(..., H)``.
    """

    def __init__(self, visible: int, hidden: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        for name, value in (("visible", visible), ("hidden", hidden)):
            if value < 1:
                raise ValueError(f"RBM: {name} must be positive, got {value}")
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(hidden, visible, **new))
        self.visible_bias = nn.Parameter(torch.zeros(visible, **new))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden, **new))
        nn.init.normal_(self.weight, std=0.01)  # section 8 of the guide

    def forward(self, v: Tensor) -> Tensor:
        _check("RBM", v, self.weight, self.visible_bias, self.hidden_bias)
        return torch.sigmoid(linear(v, self.weight, self.hidden_bias))

    def visible(self, h: Tensor) -> Tensor:
        """The probabilities of the visible units, ``(..., V)``."""
        return torch.sigmoid(linear(h, self.weight.T, self.visible_bias))

    def free_energy(self, v: Tensor) -> Tensor:
        return free_energy(v, self.weight, self.visible_bias, self.hidden_bias)

    def log_likelihood(self, v: Tensor) -> Tensor:
        """log p(v), exact, ``(...)``; for small machines, see :func:`log_partition`."""
        return -self.free_energy(v) - log_partition(self.weight, self.visible_bias, self.hidden_bias)

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int = 1, generator: Generator | None = None) -> Tensor:
        """Visible states after a number of steps: hidden units from visible ones, and those from the hidden ones.

        Raises:
            ValueError: a negative number of steps, or ``v`` does not fit.
        """
        if steps < 0:
            raise ValueError(f"RBM: steps must be non-negative, got {steps}")
        for _ in range(steps):
            v = _draw(self.visible(_draw(self(v), generator)), generator)
        return v

    def contrastive_divergence(self, v: Tensor, steps: int = 1, generator: Generator | None = None, start: Tensor | None = None) -> Tensor:
        """A loss whose gradient is the learning rule: mean free energy of the data less that of the chains, a scalar.

        Args:
            v: data, ``(N, V)``.
            steps: k, of Gibbs sampling.
            start: where the chains begin, ``(M, V)``; the data by default. For persistent chains keep what
                :meth:`gibbs` returns, and pass it with ``steps=0``.
        """
        chain = self.gibbs(v if start is None else start, steps, generator)
        return self.free_energy(v).mean() - self.free_energy(chain).mean()

    def extra_repr(self) -> str:
        return f"visible={self.weight.shape[1]}, hidden={self.weight.shape[0]}"


def _draw(p: Tensor, generator: Generator | None) -> Tensor:
    return (torch.rand(p.shape, generator=generator, device=p.device) < p).to(p.dtype)


def _check(function: str, v: Tensor, weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> None:
    if not v.is_floating_point():
        raise ValueError(f"{function}: v must be floating point, got {v.dtype}")
    if weight.dim() != 2 or v.dim() < 1 or v.shape[-1] != weight.shape[1]:
        raise ValueError(f"{function}: weight must be (H, V) for v (..., V), got {tuple(weight.shape)} for {tuple(v.shape)}")
    for name, bias, units in (("visible_bias", visible_bias, weight.shape[1]), ("hidden_bias", hidden_bias, weight.shape[0])):
        if bias.shape != (units,):
            raise ValueError(f"{function}: {name} must have shape ({units},), got {tuple(bias.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    rows = (torch.arange(16)[:, None] >> torch.arange(4) & 1).float()
    bars = torch.cat([rows.repeat_interleave(4, 1), rows.repeat(1, 4)])  # 4 x 4 pixels, whole rows or whole columns
    model = RBM(16, 12)
    print(f"32 pictures of bars, {-model.log_likelihood(bars).mean().item():.3f} nats each at first; the data's entropy is 3.379")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(1501):
        loss = model.contrastive_divergence(bars, steps=3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step:4d}: {-model.log_likelihood(bars).mean().item():.3f} nats")
    for line in model.gibbs(bars[5:10], 100).view(5, 4, 4).transpose(0, 1).int().tolist():
        print("   ".join("".join("#" if v else "." for v in row) for row in line))
