r"""Reading several characters at once: one softmax for how many there are, and one for each place, on shared features.

Paper
    Goodfellow, Bulatov, Ibarz, Arnoud and Shet, "Multi-digit Number Recognition from Street View Imagery using Deep
    Convolutional Neural Networks", ICLR 2014, arXiv:1312.6082, section 3 and the appendix on inference.

Equations (X an image, H its features, L the length 0 ... N, S_i the character at place i out of C)
    captcha-sequence   P(S = s | X) = P(L = n | X) prod_{i=1...n} P(S_i = s_i | X)
    captcha-loss       -log P(S | X): places behind the last character add nothing and get no gradient
    captcha-reading    argmax_{l, s} P = (l, s_1 ... s_l):  s_i = argmax_c P(S_i = c), then the l with the largest product
    captcha-coverage   the largest share of images, most certain first, that are read with at least the wanted accuracy

Deviations from the paper
    1. No class of length for more than N characters.
    2. Two convolutions and one layer for images of a few digits; the paper's network has eight convolutions for 54 x 54 pixels.
    3. The images are made of the package's own handwritten digits, jittered, with strokes across them and noise.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CaptchaReader", "coverage", "draw", "read", "sequence_log_prob", "transcription_loss"]

HEIGHT, PITCH = 12, 10


def sequence_log_prob(length_logits: Tensor, character_logits: Tensor, characters: Tensor, lengths: Tensor) -> Tensor:
    """The log-probability of a sequence.

    Args:
        length_logits: ``(B, N + 1)``.
        character_logits: ``(B, N, C)``.
        characters: classes ``(B, N)`` int64; what stands behind a sequence's end is not looked at.
        lengths: ``(B,)`` int64, from 0 to N.

    Returns:
        ``(B,)``.

    Raises:
        ValueError: the shapes do not fit together.
    """
    batch, places, _ = _sizes("sequence_log_prob", length_logits, character_logits)
    if characters.shape != (batch, places) or lengths.shape != (batch,):
        got = f"{tuple(characters.shape)} and {tuple(lengths.shape)}"
        raise ValueError(f"sequence_log_prob: characters and lengths must be ({batch}, {places}) and ({batch},), got {got}")
    counts = torch.arange(places, device=lengths.device) < lengths[:, None]  # (B, N)
    chosen = characters.where(counts, 0)[..., None]
    each = character_logits.log_softmax(-1).gather(-1, chosen)[..., 0].where(counts, 0)
    return length_logits.log_softmax(-1).gather(-1, lengths[:, None])[:, 0] + each.sum(-1)


def transcription_loss(length_logits: Tensor, character_logits: Tensor, characters: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the batch of minus :func:`sequence_log_prob`, a scalar."""
    return -sequence_log_prob(length_logits, character_logits, characters, lengths).mean()


def read(length_logits: Tensor, character_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The most probable sequence.

    Returns:
        Characters ``(B, N)`` int64, -1 behind the end, lengths ``(B,)`` int64, and log-probabilities ``(B,)``.

    Raises:
        ValueError: the shapes do not fit together.
    """
    _, places, _ = _sizes("read", length_logits, character_logits)
    each, characters = character_logits.log_softmax(-1).max(-1)  # (B, N)
    prefixes = F.pad(each.cumsum(-1), (1, 0))  # (B, N + 1)
    best, lengths = (length_logits.log_softmax(-1) + prefixes).max(-1)
    behind = torch.arange(places, device=lengths.device) >= lengths[:, None]
    return characters.masked_fill(behind, -1), lengths, best


def coverage(confidence: Tensor, correct: Tensor, accuracy: float) -> float:
    """The largest share of answers, those of at least some confidence, of which at least ``accuracy`` are correct.

    Args:
        confidence: ``(B,)``.
        correct: ``(B,)`` bool.
        accuracy: wanted share of correct ones among the answers, in [0, 1].

    Raises:
        ValueError: shapes differ, there are no answers, or the accuracy lies outside [0, 1].
    """
    if confidence.dim() != 1 or confidence.shape != correct.shape or len(confidence) == 0:
        got = f"{tuple(confidence.shape)} and {tuple(correct.shape)}"
        raise ValueError(f"coverage: confidence and correct must be (B,) with B > 0, got {got}")
    if not 0.0 <= accuracy <= 1.0:
        raise ValueError(f"coverage: accuracy must lie in [0, 1], got {accuracy}")
    falling, order = confidence.sort(descending=True)
    answered = torch.arange(1, len(order) + 1, device=order.device)
    enough = correct[order].cumsum(0) >= accuracy * answered
    last_of_ties = F.pad(falling[1:] < falling[:-1], (0, 1), value=True)
    return answered.where(enough & last_of_ties, 0).max().item() / len(order)


def draw(
    images: Tensor,
    classes: Tensor,
    count: int,
    places: int,
    *,
    least: int = 1,
    noise: float = 0.1,
    strokes: int = 1,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Make CAPTCHAs from pictures of single characters.

    Args:
        images: ``(M, 1, 8, 8)`` with values in [0, 1].
        classes: ``(M,)``.
        count: how many to make.
        places: the most characters N.
        least: the fewest.
        noise: standard deviation of Gaussian noise.
        strokes: straight lines drawn across each image.
        generator: where the choices come from.

    Returns:
        Images ``(count, 1, 12, 10 N)``, characters ``(count, N)`` with 0 behind the end, and lengths ``(count,)``.

    Raises:
        ValueError: the images are of another size, or a number is out of range.
    """
    if images.shape[1:] != (1, 8, 8) or len(images) == 0 or classes.shape != images.shape[:1]:
        got = f"{tuple(images.shape)} and {tuple(classes.shape)}"
        raise ValueError(f"draw: images and classes must be (M, 1, 8, 8) and (M,) with M > 0, got {got}")
    if not 0 <= least <= places or places == 0 or count < 0 or strokes < 0:
        raise ValueError(f"draw: expected count, strokes >= 0 and 0 <= least <= places, got {count}, {strokes}, {least} and {places}")
    on = {"device": images.device, "generator": generator}
    lengths = torch.randint(least, places + 1, (count,), **on)
    chosen = torch.randint(len(images), (count, places), **on)
    top = torch.randint(HEIGHT - 8 + 1, (count, places, 1, 1), **on)
    left = torch.randint(PITCH - 8 + 1, (count, places, 1, 1), **on) + PITCH * torch.arange(places, device=images.device)[:, None, None]
    side = torch.arange(8, device=images.device)
    where = (top + side[:, None]) * (PITCH * places) + left + side  # (count, N, 8, 8): pixels of the canvas
    shown = torch.arange(places, device=images.device) < lengths[:, None]
    ink = images[chosen, 0] * shown[..., None, None]
    canvas = images.new_zeros(count, HEIGHT * PITCH * places).scatter_(1, where.flatten(1), ink.flatten(1))
    canvas = canvas.view(count, 1, HEIGHT, PITCH * places)
    for _ in range(strokes):
        canvas = torch.maximum(canvas, 0.7 * _line(canvas, generator))
    canvas = canvas + noise * torch.randn(canvas.shape, dtype=images.dtype, **on)
    return canvas.clamp(0, 1), classes[chosen].where(shown, 0), lengths


def _line(canvas: Tensor, generator: torch.Generator | None) -> Tensor:
    """A straight line, one pixel high in each column, between a random height on the left and one on the right."""
    height, width = canvas.shape[2:]
    ends = torch.rand(len(canvas), 2, 1, dtype=canvas.dtype, device=canvas.device, generator=generator) * (height - 1)
    at = torch.lerp(ends[:, 0], ends[:, 1], torch.linspace(0, 1, width, dtype=canvas.dtype, device=canvas.device)).round()
    return (torch.arange(height, device=canvas.device)[:, None] == at[:, None, None]).to(canvas.dtype)


class CaptchaReader(nn.Module):
    """Convolutions, a shared layer, and a softmax for the length and for each place.

    Args:
        places: the most characters N.
        classes: kinds of characters C.
        width: channels of the first convolution; the second has twice as many, the shared layer eight times as many units.

    Shape: images ``(B, 1, 12, 10 N)`` to length logits ``(B, N + 1)`` and character logits ``(B, N, C)``.
    """

    def __init__(
        self, places: int, classes: int = 10, width: int = 16, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        if min(places, classes, width) < 1:
            raise ValueError(f"CaptchaReader: places, classes and width must be positive, got {places}, {classes} and {width}")
        super().__init__()
        on = {"device": device, "dtype": dtype}
        self.places, self.classes = places, classes
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, **on)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1, **on)
        self.shared = nn.Linear(2 * width * (HEIGHT // 4) * (PITCH * places // 4), 8 * width, **on)
        self.length = nn.Linear(8 * width, places + 1, **on)
        self.characters = nn.Linear(8 * width, places * classes, **on)

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        wanted = (1, HEIGHT, PITCH * self.places)
        if input.shape[1:] != wanted:
            raise ValueError(f"CaptchaReader: input must be (B, {', '.join(map(str, wanted))}), got shape {tuple(input.shape)}")
        x = F.max_pool2d(F.relu(self.conv1(input)), 2)  # (B, W, 6, 5 N)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 2 W, 3, 5 N // 2)
        x = F.relu(self.shared(x.flatten(1)))
        return self.length(x), self.characters(x).view(-1, self.places, self.classes)


def _sizes(function: str, length_logits: Tensor, character_logits: Tensor) -> tuple[int, ...]:
    shape = tuple(character_logits.shape)
    if len(shape) != 3 or length_logits.shape != (shape[0], shape[1] + 1):
        raise ValueError(
            f"{function}: length and character logits must be (B, N + 1) and (B, N, C), got {tuple(length_logits.shape)} and {shape}"
        )
    return shape


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    x, y, x_test, y_test = digits_split(device=device)
    model = CaptchaReader(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for step in range(401):
        images, characters, lengths = draw(x, y, 64, 3, noise=0.05)
        optimizer.zero_grad()
        loss = transcription_loss(*model(images), characters, lengths)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step:3d}: {loss.item():.2f} nats a CAPTCHA")
    with torch.no_grad():
        images, characters, lengths = draw(x_test, y_test, 500, 3, noise=0.05)
        found, length, confidence = read(*model(images))
    seen = torch.arange(3) < lengths[:, None]
    correct = ((found == characters) | ~seen).all(1) & (length == lengths)
    print(
        f"digits it has not seen: {(length == lengths).float().mean():.0%} of the lengths, {correct.float().mean():.0%} of all read right"
    )
    print(f"read with 95 % accuracy: {coverage(confidence, correct, 0.95):.0%} of the images")
