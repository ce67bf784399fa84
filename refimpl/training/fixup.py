r"""Fixup: residual branches that start small enough for a deep network to train without normalization.

Paper
    Zhang, Dauphin and Ma, "Fixup Initialization: Residual Learning Without Normalization", ICLR 2019,
    arXiv:1901.09321, section 3 (the three rules).

Equations (L residual blocks whose branch F has m weight layers, learned scalars a and b)
    block      y = relu(x' + a F(x) + b),   x' = x or W x,   at first a = 1 and every b = 0
    branch     F(x) = W_m (relu(W_(m-1) (... relu(W_1 (x + b_1) + b_2) + ...)) + b_(2m-1))
    scale      W_i ~ N(0, L^(-2 / (2m - 2)) 2 / n)   for i < m,   n the fan-out
    zero       W_m = 0, and 0 in the classifier, so that every block starts as relu(x') and every score as 0
    update     one step of gradient descent at rate eta moves each branch by O(eta / L), hence the output by O(eta) at any depth

Deviations from the paper
    1. He's variance is taken over the fan-out, as in the authors' code; the paper says only "a standard method".
    2. The first convolution has no scalar bias before it, as in the authors' code, since images are centered already.
    3. Where shapes differ, a 1 x 1 convolution projects x + b_1, as in the authors' network for ImageNet; their network
       for CIFAR-10 averages and fills up with zeros.
    4. a multiplies the last weights, and biases that follow a convolution are its biases, which is equal and spares four
       passes over the activations of a block.

Blocks name their parameters as the authors' code does; the network's layout is that of ``torchvision.models.resnet``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images
from refimpl.convolution.resnet import ResNet
from refimpl.training.kaiming import kaiming_normal_

__all__ = ["FixupBasicBlock", "FixupBottleneck", "FixupResNet", "fixup_scale"]


def fixup_scale(blocks: int, layers: int) -> float:
    """L^(-1 / (2m - 2)), the factor on the standard deviation of a branch's weights.

    Args:
        blocks: number of residual blocks L.
        layers: weight layers m of a branch, at least 2.
    """
    if blocks < 1 or layers < 2:
        raise ValueError(f"fixup_scale: expected at least 1 block of at least 2 layers, got {blocks} of {layers}")
    return blocks ** (-1 / (2 * layers - 2))


class _FixupBlock(nn.Module):
    """A branch of convolutions ``conv1`` to ``convm`` beside the identity; the scalars are ``scale`` and ``bias1a`` to ``biasmb``."""

    def __init__(self, channels: int, convolutions: Sequence[nn.Conv2d], stride: int) -> None:
        super().__init__()
        self.layers, width = len(convolutions), convolutions[-1].out_channels
        for i, convolution in enumerate(convolutions, 1):
            self.register_parameter(f"bias{i}a", nn.Parameter(torch.zeros(1)))
            self.add_module(f"conv{i}", convolution)
            self.register_parameter(f"bias{i}b", nn.Parameter(torch.zeros(1)))
        self.scale = nn.Parameter(torch.ones(1))
        self.downsample = None if stride == 1 and channels == width else nn.Conv2d(channels, width, 1, stride, bias=False)

    def reset_parameters(self, blocks: int) -> None:
        """The three rules, for a network of ``blocks`` residual blocks."""
        for i in range(1, self.layers):
            weight = kaiming_normal_(self.get_submodule(f"conv{i}").weight, mode="fan_out")
            weight.data.mul_(fixup_scale(blocks, self.layers))
        nn.init.zeros_(self.get_submodule(f"conv{self.layers}").weight)
        if self.downsample is not None:
            kaiming_normal_(self.downsample.weight, mode="fan_out")
        for name, parameter in self.named_parameters(recurse=False):
            nn.init.constant_(parameter, name == "scale")

    def forward(self, input: Tensor) -> Tensor:
        x = shifted = input + self.bias1a
        for i in range(1, self.layers + 1):
            if i > 1:
                x = F.relu(x) + getattr(self, f"bias{i}a")
            convolution = self.get_submodule(f"conv{i}")
            weight = convolution.weight * self.scale if i == self.layers else convolution.weight
            bias = getattr(self, f"bias{i}b").expand(convolution.out_channels)
            x = F.conv2d(x, weight, bias, convolution.stride, convolution.padding)
        return F.relu(x + (input if self.downsample is None else self.downsample(shifted)), inplace=True)


class FixupBasicBlock(_FixupBlock):
    """Two 3 x 3 convolutions: ``(N, C, H, W)`` to ``(N, width, H / stride, W / stride)``."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        first, second = (channels, width, 3, stride, 1), (width, width, 3, 1, 1)
        super().__init__(channels, [nn.Conv2d(*sizes, bias=False) for sizes in (first, second)], stride)


class FixupBottleneck(_FixupBlock):
    """A 3 x 3 convolution between two of 1 x 1: ``(N, C, H, W)`` to ``(N, 4 width, H / stride, W / stride)``."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        sizes = (channels, width, 1), (width, width, 3, stride, 1), (width, self.expansion * width, 1)
        super().__init__(channels, [nn.Conv2d(*s, bias=False) for s in sizes], stride)


class FixupResNet(ResNet):
    """A ResNet without normalization. Arguments as for :class:`refimpl.convolution.resnet.ResNet`, with a block of this module.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``.
    """

    def __init__(
        self,
        block: type[FixupBasicBlock] | type[FixupBottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        width: int = 64,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(block, layers, num_classes, width, device, dtype)
        del self.bn1
        like = self.fc.weight
        self.bias1, self.bias2 = nn.Parameter(like.new_zeros(1)), nn.Parameter(like.new_zeros(1))

    def reset_parameters(self) -> None:
        """He's initialization of the first convolution, the three rules in every block, zero in the classifier and scalars."""
        kaiming_normal_(self.conv1.weight, mode="fan_out")
        blocks = [module for module in self.modules() if isinstance(module, _FixupBlock)]
        for block in blocks:
            block.reset_parameters(len(blocks))
        for parameter in (*self.fc.parameters(), *self.parameters(recurse=False)):
            nn.init.zeros_(parameter)

    def forward(self, input: Tensor) -> Tensor:
        check_images("FixupResNet", input, 1)
        first = self.conv1
        x = F.conv2d(input, first.weight, self.bias1.expand(first.out_channels), first.stride, first.padding)
        x = F.max_pool2d(F.relu(x, inplace=True), 3, 2, 1)  # (N, width, H / 4, W / 4)
        for stage in range(self.stages):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)) + self.bias2)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    data = digits_split(device=arguments(__doc__))
    images, tests = (F.interpolate(x, scale_factor=2).expand(-1, 3, -1, -1) for x in (data.x, data.x_test))
    for depth in (2, 8):
        model = FixupResNet(FixupBasicBlock, (depth, depth), 10, width=8)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
        first = model(tests).abs().max().item()
        for _ in range(4):
            for batch in torch.randperm(len(images)).split(64):
                optimizer.zero_grad()
                F.cross_entropy(model(images[batch]), data.y[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            right = (model(tests).argmax(1) == data.y_test).double().mean().item()
        about = f"{2 * depth} blocks without normalization, factor {fixup_scale(2 * depth, 2):.2f}: largest score at first {first:.0f}"
        print(f"{about}, {right:.3f} of the test digits right after 4 epochs")
