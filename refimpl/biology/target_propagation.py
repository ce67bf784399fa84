r"""Learning without backpropagation: targets in the place of gradients, random feedback, and the timing of spikes.

Papers
    Lee, Zhang, Fischer and Bengio, "Difference Target Propagation", ECML PKDD 2015, arXiv:1412.7525. Lillicrap, Cownden,
    Tweed and Akerman, "Random Feedback Weights Support Learning in Deep Neural Networks", 2014, arXiv:1411.0247. Bengio,
    Lee, Bornschein, Mesnard and Lin, "Towards Biologically Plausible Deep Learning", 2015, arXiv:1502.04156.

Equations (h_l = f(W_l h_(l-1) + b_l) layer l of M, h_0 the input, t_l its target; g_l a learned inverse; L the loss)
    top         t_(M-1) = h_(M-1) - s dL / dh_(M-1)
    difference  t_(l-1) = h_(l-1) + g_l(t_l) - g_l(h_l),   g_l(h) = f(V_l h + c_l)
    layer       W_l, b_l reduce |f(W_l h_(l-1) + b_l) - t_l|^2,   W_M, b_M reduce L
    inverse     V_l, c_l reduce |g_l(f(W_l (h_(l-1) + e) + b_l)) - (h_(l-1) + e)|^2,   e ~ N(0, noise^2)
    alignment   delta_l = (B_l delta_(l+1)) f'(a_l),   dW_l = -eta delta_l h_(l-1)^T,   B_l fixed and random in the place of W_(l+1)^T
    window      dw = A+ exp(-dt / tau+) for dt > 0,   -A- exp(dt / tau-) for dt < 0,   dt from the presynaptic to the postsynaptic spike
    rate        dW_ij ~ S_i dV_j / dt,   S the presynaptic activity, V the postsynaptic potential

Deviations from the papers
    1. L is the cross-entropy of each example, its slope at the top written out; the batch is averaged in the losses of the layers.
    2. Inverses learn together with the layers; the first paper alternates.
    3. Of the third paper the rule alone; its generative model is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DifferenceTargetPropagation", "FeedbackLinear", "stdp_rate", "stdp_window"]


class DifferenceTargetPropagation(nn.Module):
    """A classifier whose layers learn from targets of their own.

    Args:
        sizes: units of the input, of one hidden layer or more, and of the output.
        step: s, how far the highest hidden layer's target lies down the slope of the loss.
        noise: standard deviation around the points where the inverses learn.
        activation: f.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        step: float = 0.5,
        noise: float = 0.1,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(sizes) < 3 or min(sizes) < 1:
            raise ValueError(f"DifferenceTargetPropagation: sizes must be 3 or more positive numbers, got {tuple(sizes)}")
        if not step > 0 or not noise >= 0:
            raise ValueError(f"DifferenceTargetPropagation: step must be positive and noise non-negative, got {step} and {noise}")
        self.step, self.noise, self.activation = step, noise, activation
        new = {"device": device, "dtype": dtype}
        self.layers = nn.ModuleList([nn.Linear(m, n, **new) for m, n in pairwise(sizes)])
        self.inverses = nn.ModuleList([nn.Linear(n, m, **new) for m, n in pairwise(sizes[1:-1])])

    def forward(self, input: Tensor) -> Tensor:
        """Class scores, ``(N, D)`` to ``(N, K)``."""
        for layer in self.layers[:-1]:
            input = self.activation(layer(input))
        return self.layers[-1](input)

    def losses(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of the output layer, of the hidden layers and of the inverses; the gradient of each stays within a layer.

        Args:
            input: ``(N, D)``.
            target: classes, ``(N,)``.
        """
        states, below = [], input.detach()
        for layer in self.layers[:-1]:
            states.append(self.activation(layer(below)))
            below = states[-1].detach()
        scores = self.layers[-1](below)
        targets = self.targets(states, scores, target)
        layers = sum(_squares(h - t) for h, t in zip(states, targets, strict=True))
        return F.cross_entropy(scores, target), layers, self._inverse_loss([h.detach() for h in states[:-1]])

    @torch.no_grad()
    def targets(self, states: Sequence[Tensor], scores: Tensor, target: Tensor) -> list[Tensor]:
        """Targets of all hidden layers, from their states, the scores and the classes."""
        error = scores.softmax(1) - F.one_hot(target, scores.shape[1])
        found = [states[-1] - self.step * error @ self.layers[-1].weight]
        for inverse, below, above in zip(reversed(self.inverses), states[-2::-1], states[:0:-1], strict=True):
            found.append(below + (self.activation(inverse(found[-1])) - self.activation(inverse(above))))
        return found[::-1]

    def _inverse_loss(self, states: Sequence[Tensor]) -> Tensor:
        total = self.layers[0].weight.new_zeros(())
        for h, layer, inverse in zip(states, self.layers[1:-1], self.inverses, strict=True):
            near = h + self.noise * torch.randn_like(h)
            total = total + _squares(self.activation(inverse(self.activation(layer(near)).detach())) - near)
        return total


def _squares(x: Tensor) -> Tensor:
    """Squared length of the rows, averaged."""
    return x.square().sum(1).mean()


class _Feedback(torch.autograd.Function):
    """``linear`` whose gradient by its input goes through another matrix of the weight's shape."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, feedback: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, feedback)
        ctx.bias = bias is not None
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx, delta: Tensor) -> tuple[Tensor | None, ...]:
        x, feedback = ctx.saved_tensors
        rows = delta.reshape(-1, delta.shape[-1])
        return delta @ feedback, rows.T @ x.reshape(-1, x.shape[-1]), None, rows.sum(0) if ctx.bias else None


class FeedbackLinear(nn.Linear):
    """A linear layer that sends errors back through fixed random weights, the buffer ``feedback`` of the shape of ``weight``."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        bound = in_features**-0.5
        self.register_buffer("feedback", torch.empty_like(self.weight, requires_grad=False).uniform_(-bound, bound))

    def forward(self, input: Tensor) -> Tensor:
        return _Feedback.apply(input, self.weight, self.feedback, self.bias)


def stdp_window(dt: Tensor, a_plus: float = 1.0, a_minus: float = 1.0, tau_plus: float = 20.0, tau_minus: float = 20.0) -> Tensor:
    """Change of a synapse by one pair of spikes.

    Args:
        dt: time of the postsynaptic spike minus that of the presynaptic one, in milliseconds; no change at 0.
        a_plus, a_minus: largest growth and loss.
        tau_plus, tau_minus: time constants in milliseconds.

    Raises:
        ValueError: a time constant is not positive.
    """
    if not tau_plus > 0 or not tau_minus > 0:
        raise ValueError(f"stdp_window: time constants must be positive, got {tau_plus} and {tau_minus}")
    size = torch.where(dt > 0, a_plus * torch.exp(-dt.abs() / tau_plus), -a_minus * torch.exp(-dt.abs() / tau_minus))
    return torch.where(dt == 0, 0.0, size)


def stdp_rate(activity: Tensor, potential: Tensor, dt: float = 1.0) -> Tensor:
    """Mean of S_i dV_j / dt over a course of time.

    Args:
        activity: presynaptic, ``(T, I)``.
        potential: postsynaptic, ``(T, J)``; its change is taken from each step to the next, beside the activity of the former.
        dt: time of a step.

    Returns:
        ``(I, J)``.

    Raises:
        ValueError: the courses differ in length or have fewer than two steps.
    """
    if activity.dim() != 2 or potential.dim() != 2 or len(activity) != len(potential) or len(activity) < 2:
        shapes = f"{tuple(activity.shape)} and {tuple(potential.shape)}"
        raise ValueError(f"stdp_rate: expected activity (T, I) and potential (T, J) with T of at least 2, got {shapes}")
    return activity[:-1].T @ potential.diff(dim=0) / (dt * (len(activity) - 1))


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(device=arguments(__doc__))
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    model = DifferenceTargetPropagation((64, 48, 48, 10))
    aligned = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), FeedbackLinear(48, 48), nn.Tanh(), FeedbackLinear(48, 10))
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.005) for m in (model, aligned)]
    for step in range(121):
        if step % 40 == 0:
            right = [(m(x_test).argmax(1) == data.y_test).double().mean().item() for m in (model, aligned)]
            angle = torch.cosine_similarity(aligned[4].weight.flatten(), aligned[4].feedback.flatten(), 0).acos().rad2deg().item()
            print(f"step {step:3d}   targets {right[0]:.3f}, random feedback {right[1]:.3f} of the test digits right;", end=" ")
            print(f"angle between weights and feedback {angle:.0f} degrees")
        batch = torch.randint(len(x), (128,))
        losses = sum(model.losses(x[batch], data.y[batch])), F.cross_entropy(aligned(x[batch]), data.y[batch])
        for loss, optimizer in zip(losses, optimizers, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for dt, change in zip((-40, -5, 5, 40), stdp_window(torch.tensor([-40.0, -5.0, 5.0, 40.0])).tolist(), strict=True):
        print(f"postsynaptic spike {dt:3d} ms after the presynaptic one: change {change:5.2f}")
