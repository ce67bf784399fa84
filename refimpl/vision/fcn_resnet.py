r"""FCN on a ResNet: the last stages dilate instead of halving the size, and a small head gives the scores of each pixel.

Paper
    Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, arXiv:1411.4038.
    Yu, Koltun and Funkhouser, "Dilated Residual Networks", CVPR 2017, arXiv:1705.09914: the dilation.
    Zhao, Shi, Qi, Wang and Jia, "Pyramid Scene Parsing Network", CVPR 2017, arXiv:1612.01105: the auxiliary head.

Equations (z_k the output of stage k of K, U bilinear interpolation to the image's size)
    dilated   y_i = sum_k w_k x_{i + d k}     taps d apart: 2 and 4 in the last two stages, 1 and 2 in their first blocks, and no strides
    head      h(z) = V dropout(relu(bn(W z)))     W of 3 x 3 to a quarter of the channels, V of 1 x 1 to the classes
    scores    out = U(h(z_K)),   aux = U(h'(z_{K-1}))

Deviations from the papers
    1. Scores come from the last stage alone, an eighth of the image's size; the first paper adds those of finer stages.
    2. Interpolation is fixed, with pixel centers at halves and the border's values beyond it; no image is padded.
    3. The third paper's heads without its pooling into a pyramid.

The state dict has the layout of ``torchvision.models.segmentation.fcn_resnet50`` and ``fcn_resnet101``, so published weights load; they
were trained with the auxiliary head, so ``aux_loss=True``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, made_on
from refimpl.convolution.resnet import Bottleneck, ResNet

__all__ = ["FCNResNet", "fcn_resnet50", "fcn_resnet101"]


class FCNResNet(nn.Module):
    """Images to scores of each pixel.

    Args:
        layers: number of narrow blocks in each stage; the last two stages dilate.
        num_classes: number of classes K.
        aux_loss: have a second head, on the last stage but one, for a second loss in training.
        width: channels of the stem and inside the blocks of the first stage.
        dropout: probability of dropping a value in the heads.

    Shape: ``(N, 3, H, W)`` to ``{"out": (N, K, H, W)}``, and ``"aux"`` of the same shape where there is the second head, as torchvision.
    """

    def __init__(
        self,
        layers: Sequence[int],
        num_classes: int = 21,
        aux_loss: bool = False,
        width: int = 64,
        dropout: float = 0.1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(layers) < 3 or num_classes < 1:
            raise ValueError(
                f"FCNResNet: expected layers of at least 3 stages and positive num_classes, got {tuple(layers)} and {num_classes}"
            )
        with made_on(device):
            strides = (False,) * (len(layers) - 3) + (True, True)
            self.backbone = ResNet(Bottleneck, layers, 1, width, replace_stride_with_dilation=strides)
            channels = self.backbone.fc.in_features
            self.backbone.fc = nn.Identity()
            self.classifier = _head(channels, num_classes, dropout)
            self.aux_classifier = _head(channels // 2, num_classes, dropout) if aux_loss else None
        self.to(dtype)

    def forward(self, input: Tensor) -> dict[str, Tensor]:
        check_images("FCNResNet", input, 1)
        finer, last = self.backbone.features(input)
        scores = {"out": self.classifier(last)}  # (N, K, H / 8, W / 8) with four stages
        if self.aux_classifier is not None:
            scores["aux"] = self.aux_classifier(finer)
        return {name: F.interpolate(s, input.shape[2:], mode="bilinear") for name, s in scores.items()}


def _head(channels: int, num_classes: int, dropout: float) -> nn.Sequential:
    inside = channels // 4
    return nn.Sequential(
        nn.Conv2d(channels, inside, 3, padding=1, bias=False),
        nn.BatchNorm2d(inside),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Conv2d(inside, num_classes, 1),
    )


def fcn_resnet50(num_classes: int = 21, aux_loss: bool = False, **new: torch.device | str | torch.dtype | None) -> FCNResNet:
    """On ResNet-50; 35,322,218 parameters with the auxiliary head."""
    return FCNResNet((3, 4, 6, 3), num_classes, aux_loss, **new)


def fcn_resnet101(num_classes: int = 21, aux_loss: bool = False, **new: torch.device | str | torch.dtype | None) -> FCNResNet:
    """On ResNet-101; 54,314,346 parameters with the auxiliary head."""
    return FCNResNet((3, 4, 23, 3), num_classes, aux_loss, **new)


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.segmentation_scores import confusion, segmentation_scores
    from refimpl.vision.shapes import discs

    arguments(__doc__)
    print("fcn_resnet50:", sum(p.numel() for p in fcn_resnet50(aux_loss=True, device="meta").parameters()), "parameters")
    model = FCNResNet((1, 1, 1), 2, True, width=8)
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    for step in range(1, 61):
        images, cells = discs(8, 40)
        scores, target = model.train()(images), (cells > 0).long()
        adam.zero_grad()
        (F.cross_entropy(scores["out"], target) + 0.4 * F.cross_entropy(scores["aux"], target)).backward()
        adam.step()
        if step % 20 == 0:
            images, cells = discs(32, 40)
            with torch.no_grad():
                found = model.eval()(images)["out"].argmax(1)
            print(f"mean IoU after {step} steps: {segmentation_scores(confusion((cells > 0).long(), found, 2))['mean IoU']:.3f}")
