r"""Neural style transfer: an image is optimized until its deep features match one image's and their correlations another's.

Paper
    Gatys, Ecker and Bethge, "A Neural Algorithm of Artistic Style", arXiv:1508.06576, section "Methods", equations 1 to 7.

Equations (layer l: F (C, M) features of the image at M positions, P and S those of the content and the style image)
    neural-style-content   L_content = 1/2 sum_ij (F_ij - P_ij)^2
    neural-style-gram      G = F F^T,   A = S S^T,   E_l = 1 / (4 C^2 M^2) sum_ij (G_ij - A_ij)^2
    neural-style-total     L = alpha L_content + beta sum_l w_l E_l

Deviations from the paper
    1. Each Gram matrix is divided by its own M, so that a style image of another size may be given; for equal sizes E_l is the same.
    2. The losses are means over the images of a batch.
    3. The network is given; the paper takes a trained VGG19 with average pooling. Without trained weights nothing artistic results.
    4. L-BFGS starts from the content image and stops by its number of steps alone; the paper starts from white noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["content_loss", "gram_matrix", "style_loss", "total_loss", "transfer"]


def gram_matrix(features: Tensor) -> Tensor:
    """Products of every two channels, mean over the positions: ``(N, C, C)`` from ``(N, C, H, W)``."""
    check_features("gram_matrix", features)
    x = features.flatten(2)  # (N, C, M)
    return x @ x.transpose(1, 2) / x.shape[2]


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Half the squared difference of two ``(N, C, H, W)``, summed, mean over images."""
    check_features("content_loss", features)
    if target.shape != features.shape:
        raise ValueError(f"content_loss: target must have the shape of features, {tuple(features.shape)}, got {tuple(target.shape)}")
    return (features - target).square().sum() / (2 * len(features))


def style_loss(features: Tensor, style: Tensor) -> Tensor:
    """E_l: squared difference of the Gram matrices over 4 C^2, mean over images.

    Args:
        features: ``(N, C, H, W)``.
        style: ``(N, C, H', W')``, or with N = 1 for all.
    """
    check_pair("style_loss", features, style)
    return (gram_matrix(features) - gram_matrix(style)).square().sum() / (4 * features.shape[1] ** 2 * len(features))


def total_loss(
    features: Sequence[Tensor],
    content: Sequence[Tensor | None],
    style: Sequence[Tensor | None],
    alpha: float = 1e-3,
    beta: float = 1.0,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """alpha times the content's losses plus beta times the weighted style's losses.

    Args:
        features: of the image in each layer.
        content, style: of the two other images; None where a layer does not count. Content is compared as it is, style by Gram matrix.
        weights: w of each layer that counts for style; equal and 1 in sum where they are None.
    """
    if not len(features) == len(content) == len(style):
        raise ValueError(f"total_loss: expected content and style for {len(features)} layers, got {len(content)} and {len(style)}")
    counted = sum(s is not None for s in style)
    if weights is not None and len(weights) != counted:
        raise ValueError(f"total_loss: expected a weight for each of {counted} layers of style, got {len(weights)}")
    shares = iter(weights or [1 / max(1, counted)] * counted)
    total = features[0].new_zeros(())
    for f, p, s in zip(features, content, style, strict=True):
        if p is not None:
            total = total + alpha * content_loss(f, p)
        if s is not None:
            total = total + beta * next(shares) * style_loss(f, s)
    return total


def transfer(loss: Callable[[Tensor], Tensor], image: Tensor, steps: int = 100) -> Tensor:
    """The image after ``steps`` iterations of L-BFGS on ``loss``, a function of the image."""
    if steps < 1:
        raise ValueError(f"transfer: steps must be positive, got {steps}")
    image = image.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image], max_iter=steps, max_eval=2 * steps, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        value = loss(image)
        (image.grad,) = torch.autograd.grad(value, image)
        return value

    optimizer.step(closure)
    return image.detach()


def check_features(function: str, features: Tensor, name: str = "features") -> None:
    """Raise a ``ValueError`` unless the features are floating point ``(N, C, H, W)``, not empty."""
    if features.dim() != 4 or not features.numel() or not features.is_floating_point():
        wanted = "floating point (N, C, H, W), not empty"
        raise ValueError(f"{function}: {name} must be {wanted}, got {features.dtype} of shape {tuple(features.shape)}")


def check_pair(function: str, features: Tensor, style: Tensor) -> None:
    """Raise a ``ValueError`` unless both are features with as many channels, and the style's images one or as many."""
    check_features(function, features)
    check_features(function, style, "style")
    if style.shape[1] != features.shape[1] or len(style) not in (1, len(features)):
        wanted = f"{features.shape[1]} channels and 1 or {len(features)} images"
        raise ValueError(f"{function}: style must have {wanted}, got shape {tuple(style.shape)}")


if __name__ == "__main__":
    from refimpl.convolution.vgg import VGG
    from refimpl.demo import arguments

    arguments(__doc__)
    network = VGG((1, 1, 1), 1, channels=(16, 32, 64), hidden=1).features[:8].requires_grad_(False)

    def layers(image: Tensor) -> list[Tensor]:
        found = []
        for layer in network:
            image = layer(image)
            if isinstance(layer, torch.nn.ReLU):
                found.append(image.clone())
        return found

    line = torch.linspace(-1, 1, 40)
    disc = (line[:, None] ** 2 + line**2 < 0.4).float().expand(1, 3, -1, -1)
    stripes = (torch.sin(20 * (line[:, None] + line)) > 0).float().expand(1, 3, -1, -1)
    aims = [None, None, layers(disc)[2]], layers(stripes)
    before = [style_loss(*pair).item() for pair in zip(layers(disc), aims[1], strict=True)]
    image = transfer(lambda x: total_loss(layers(x), *aims, alpha=1e-6), disc, 60)
    after = [style_loss(*pair).item() for pair in zip(layers(image), aims[1], strict=True)]
    for k, (a, b) in enumerate(zip(before, after, strict=True)):
        print(f"layer {k + 1}: distance of the Gram matrices {a:.2e} before, {b:.2e} after 60 steps")
