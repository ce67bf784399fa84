r"""ResNet: blocks that learn a correction to their input, so that depth no longer harms training.

Paper
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv:1512.03385, equations 1
    and 2, table 1.

Equations (block input x)
    block     y = relu(F(x) + x)
    project   y = relu(F(x) + W x)      W a 1 x 1 convolution with the block's stride, where the shapes differ
    basic     F(x) = bn(conv3x3(relu(bn(conv3x3(x)))))
    narrow    F(x) = bn(conv1x1(relu(bn(conv3x3(relu(bn(conv1x1(x))))))))     with a quarter of the channels inside

Deviations from the paper
    1. The stride of a narrow block lies in its 3 x 3 convolution, as in torchvision and later versions of the authors'
       framework ("v1.5"); the paper has it in the first 1 x 1.
    2. Weights are drawn with the variance 2 / fan-out; the paper's reference [13] takes the fan-in.
    3. Shapes that differ are projected, the paper's option B; its option A fills with zeros.

The state dict has the layout of ``torchvision.models.resnet``, so published weights load.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, he_normal_, made_on

__all__ = ["BasicBlock", "Bottleneck", "ResNet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity: ``(N, C, H, W)`` to ``(N, width, H / stride, W / stride)``."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _projection(channels, width, stride)

    def forward(self, input: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(input)), inplace=True)
        x = self.bn2(self.conv2(x))
        x = x + (input if self.downsample is None else self.downsample(input))
        return F.relu(x, inplace=True)


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two of 1 x 1, beside the identity: ``(N, C, H, W)`` to ``(N, 4 width, H / stride, W / stride)``."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, self.expansion * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * width)
        self.downsample = _projection(channels, self.expansion * width, stride)

    def forward(self, input: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(input)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.bn3(self.conv3(x))
        x = x + (input if self.downsample is None else self.downsample(input))
        return F.relu(x, inplace=True)


def _projection(channels: int, out: int, stride: int) -> nn.Sequential | None:
    """W of equation 2 with its normalization; None where the identity fits."""
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


class ResNet(nn.Module):
    """Images to class scores.

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        layers: number of blocks in each stage; from the second on, a stage halves the size and doubles the width.
        num_classes: number of classes K.
        width: channels of the stem and inside the blocks of the first stage.
        replace_stride_with_dilation: for each stage but the first, whether it keeps the size and doubles the distance between its
            3 x 3 kernels' taps instead, its first block keeping the distance of the stage before; by default no stage does.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``; the paper's images have 224 x 224 pixels.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        width: int = 64,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        replace_stride_with_dilation: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        if not layers or min(layers) < 1 or num_classes < 1 or width < 1:
            raise ValueError(f"ResNet: layers, num_classes and width must be positive, got {tuple(layers)}, {num_classes} and {width}")
        replaced = tuple(replace_stride_with_dilation or (False,) * (len(layers) - 1))
        if len(replaced) != len(layers) - 1:
            raise ValueError(f"ResNet: expected replace_stride_with_dilation for {len(layers) - 1} stages, got {replaced}")
        with made_on(device):
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            channels, dilation, self.stages = width, 1, len(layers)
            for stage, count in enumerate(layers):
                inside, blocks = width * 2**stage, nn.Sequential()
                stride, first = 2 if stage else 1, dilation
                if stage and replaced[stage - 1]:
                    stride, dilation = 1, 2 * dilation
                for number in range(count):
                    apart = dilation if number else first
                    more = {"dilation": apart} if apart > 1 else {}  # not all blocks that can be given have it
                    blocks.append(block(channels, inside, 1 if number else stride, **more))
                    channels = block.expansion * inside
                self.add_module(f"layer{stage + 1}", blocks)
            self.fc = nn.Linear(channels, num_classes)
        self.to(dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He's initialization of the convolutions, by fan-out; gamma 1 and beta 0 in every normalization."""
        he_normal_(self, "fan_out")

    def forward(self, input: Tensor) -> Tensor:
        check_images("ResNet", input, 1)
        return self.fc(self.features(input)[1].mean((2, 3)))

    def features(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """What goes into the last stage, and what comes out of it."""
        x = F.relu(self.bn1(self.conv1(input)), inplace=True)
        x = F.max_pool2d(x, 3, 2, 1)  # (N, width, H / 4, W / 4)
        for stage in range(self.stages):
            before, x = x, self.get_submodule(f"layer{stage + 1}")(x)
        return before, x


def resnet18(num_classes: int = 1000, **new: torch.device | str | torch.dtype | None) -> ResNet:
    """18 layers with weights; 11,689,512 parameters."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, **new)


def resnet34(num_classes: int = 1000, **new: torch.device | str | torch.dtype | None) -> ResNet:
    """34 layers with weights; 21,797,672 parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, **new)


def resnet50(num_classes: int = 1000, **new: torch.device | str | torch.dtype | None) -> ResNet:
    """50 layers with weights; 25,557,032 parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, **new)


def resnet101(num_classes: int = 1000, **new: torch.device | str | torch.dtype | None) -> ResNet:
    """101 layers with weights; 44,549,160 parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, **new)


def resnet152(num_classes: int = 1000, **new: torch.device | str | torch.dtype | None) -> ResNet:
    """152 layers with weights; 60,192,808 parameters."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, **new)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    print("resnet50:", sum(p.numel() for p in resnet50(device="meta").parameters()), "parameters")
    data = digits_split(device=device)
    model = ResNet(BasicBlock, (1, 1), 10, width=8)
    images, tests = (F.interpolate(x, scale_factor=2).expand(-1, 3, -1, -1) for x in (data.x, data.x_test))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 5):
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model.train()(images[batch]), data.y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = (model.eval()(tests).argmax(1) == data.y_test).double().mean().item()
        print(f"a small ResNet after epoch {epoch}: {right:.3f} of the test digits are right")
