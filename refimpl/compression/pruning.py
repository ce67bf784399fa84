r"""Pruning: remove the weights, filters or channels that matter least, and train what is left.

Papers
    Han, Pool, Tran and Dally, "Learning both Weights and Connections for Efficient Neural Networks", NIPS 2015,
    arXiv:1506.02626 (single weights). Li, Kadav, Durdanovic, Samet and Graf, "Pruning Filters for Efficient ConvNets",
    ICLR 2017, arXiv:1608.08710 (filters). Liu, Li, Shen, Huang, Yan and Zhang, "Learning Efficient Convolutional Networks
    through Network Slimming", ICCV 2017, arXiv:1708.06519, equation 1 (channels). Compared in Liu, Sun, Zhou, Huang and
    Darrell, "Rethinking the Value of Network Pruning", ICLR 2019, arXiv:1810.05270, who retrain the same architectures.

Equations (share a to remove, n candidates, k = round(a n))
    magnitude  w_i = 0 where |w_i| is among the k smallest, of one tensor or of all together
    filter     W_o = 0 where ||W_o||_p is among the k smallest of the n output channels; p = 1 in the paper
    slimming   L = sum of losses + lambda sum_gamma |gamma|,   gamma the scales of all batch normalizations
    channels   remove those whose |gamma| is among the k smallest of all scales of the network

Deviations from the papers
    1. Han et al. take a threshold in standard deviations of the layer; here the share is given.
    2. A layer whose scales are all among the smallest keeps its largest one, since without channels there is no network.
    3. ``slim_`` loses the shift beta of a removed channel; the output stays the same where gamma and beta are zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from refimpl.training.weight_penalty import l1_penalty

__all__ = ["Masked", "channel_masks", "filter_mask", "magnitude_masks", "prune_", "slim_", "slimming_penalty", "smallest"]

Normalizations = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def smallest(scores: Tensor, count: int) -> Tensor:
    """True at the ``count`` smallest numbers along the last dimension."""
    found = scores.topk(count, -1, largest=False, sorted=False).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, found, True)


def magnitude_masks(weights: Sequence[Tensor], amount: float) -> list[Tensor]:
    """True at the weights to keep, the share ``amount`` of smallest magnitude over all tensors being removed.

    Raises:
        ValueError: the share does not lie in [0, 1], or there are no weights.
    """
    weights = list(weights)
    if not weights:
        raise ValueError("magnitude_masks: expected at least one tensor, got none")
    scores = torch.cat([w.abs().flatten() for w in weights])
    kept = ~smallest(scores, _count("magnitude_masks", amount, len(scores)))
    return [piece.view_as(w) for w, piece in zip(weights, kept.split([w.numel() for w in weights]), strict=True)]


def filter_mask(weight: Tensor, amount: float, p: float = 1.0, dim: int = 0) -> Tensor:
    """True at the slices along ``dim``, of a shape that broadcasts to ``weight``, but for the share of smallest p-norm.

    Raises:
        ValueError: the share does not lie in [0, 1], or the weight has fewer than two dimensions.
    """
    if weight.dim() < 2:
        raise ValueError(f"filter_mask: weight must have at least 2 dimensions, got shape {tuple(weight.shape)}")
    others = [d for d in range(weight.dim()) if d != dim % weight.dim()]
    scores = torch.linalg.vector_norm(weight, p, others, keepdim=True)
    return ~smallest(scores.flatten(), _count("filter_mask", amount, scores.numel())).view_as(scores)


def _count(function: str, amount: float, candidates: int) -> int:
    if not 0.0 <= amount <= 1.0:
        raise ValueError(f"{function}: amount must lie in [0, 1], got {amount}")
    return round(amount * candidates)


class Masked(nn.Module):
    """The parametrization by a fixed mask, which training cannot undo."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def prune_(module: nn.Module, mask: Tensor, name: str = "weight") -> nn.Module:
    """Keep a layer's parameter zero where ``mask`` is False; ``parametrize.remove_parametrizations`` makes it final.

    Raises:
        ValueError: there is no such parameter, or the mask does not broadcast to it.
    """
    found = module._parameters.get(name)
    if found is None:
        raise ValueError(f"prune_: expected the name of a parameter of {type(module).__name__}, got {name!r}")
    if mask.dim() != found.dim() or any(m not in (1, n) for m, n in zip(mask.shape, found.shape, strict=True)):
        raise ValueError(f"prune_: mask must broadcast to {name} {tuple(found.shape)}, got shape {tuple(mask.shape)}")
    parametrize.register_parametrization(module, name, Masked(mask))
    return module


def slimming_penalty(model: nn.Module, strength: float) -> Tensor:
    """lambda times the sum of |gamma| over all batch normalizations, to be added to the loss.

    Raises:
        ValueError: a negative strength, or the model has no batch normalization with a scale.
    """
    return l1_penalty(_scales("slimming_penalty", model).values(), strength)


def channel_masks(model: nn.Module, amount: float) -> dict[str, Tensor]:
    """True at the channels to keep, by the name of each batch normalization, ``(C,)``.

    Raises:
        ValueError: the share does not lie in [0, 1], or the model has no batch normalization with a scale.
    """
    scales = _scales("channel_masks", model)
    masks = dict(zip(scales, magnitude_masks(list(scales.values()), amount), strict=True))
    for name, mask in masks.items():
        mask[scales[name].abs().argmax()] = True
    return masks


def _scales(function: str, model: nn.Module) -> dict[str, Tensor]:
    found = {name: m.weight for name, m in model.named_modules() if isinstance(m, Normalizations) and m.affine}
    if not found:
        raise ValueError(f"{function}: expected a model with batch normalization that has a scale, got {type(model).__name__}")
    return found


@torch.no_grad()
def slim_(before: nn.Conv2d, norm: nn.BatchNorm2d, after: Iterable[nn.Conv2d | nn.Linear], keep: Tensor) -> None:
    """Remove channels for good, in place: outputs of ``before``, channels of ``norm``, inputs of the layers in ``after``.

    Args:
        keep: True at the channels to keep, ``(C,)``. A linear layer in ``after`` reads the flattened image.

    Raises:
        ValueError: the mask does not fit the channels, or a convolution has groups.
    """
    channels, after = norm.num_features, list(after)
    if keep.shape != (channels,) or not keep.any():
        raise ValueError(f"slim_: keep must have shape ({channels},) with a True, got {keep.tolist()}")
    for layer in (before, *after):
        if getattr(layer, "groups", 1) != 1:
            raise ValueError(f"slim_: convolutions must have one group, got {layer}")
    for layer in (before, norm):
        for store in (layer._parameters, layer._buffers):
            for name, value in store.items():
                if value is not None and value.dim():
                    store[name] = nn.Parameter(value[keep]) if isinstance(value, nn.Parameter) else value[keep]
    before.out_channels = norm.num_features = int(keep.sum())
    for layer in after:
        weight = layer.weight.view(len(layer.weight), channels, *layer.weight.shape[2:] or (-1,))[:, keep]
        if isinstance(layer, nn.Linear):
            weight = weight.flatten(1)
            layer.in_features = weight.shape[1]
        else:
            layer.in_channels = weight.shape[1]
        layer.weight = nn.Parameter(weight)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(device=arguments(__doc__))

    def train(model: nn.Module, steps: int, penalty: float = 0.0) -> float:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(steps):
            batch = torch.randint(len(data.x), (128,))
            loss = nn.functional.cross_entropy(model.train()(data.x[batch]), data.y[batch])
            optimizer.zero_grad()
            (loss + slimming_penalty(model, penalty)).backward()
            optimizer.step()
        return test(model)

    @torch.no_grad()
    def test(model: nn.Module) -> float:
        return (model.eval()(data.x_test).argmax(1) == data.y_test).double().mean().item()

    first, last = nn.Conv2d(1, 32, 3, bias=False), nn.Linear(32 * 36, 10)
    model = nn.Sequential(first, nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), last)
    print(f"32 channels, trained with a penalty on their scales: {train(model, 80, 0.01):.3f} of the test digits right")
    slim_(first, model[1], [last], channel_masks(model, 0.75)["1"])
    print(f"the {first.out_channels} with the largest scales: {test(model):.3f}, after a little training {train(model, 20):.3f}")
    prune_(last, magnitude_masks([last.weight], 0.8)[0])
    print(f"one in five of the last weights: {test(model):.3f}, after a little training {train(model, 20):.3f}")
