"""Cases of reading several characters; the NumPy oracles go from image to image and place to place."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.captcha import CaptchaReader, coverage, draw, read, sequence_log_prob, transcription_loss
from tests.refimpl.convolution import numpy_layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "captcha"
LENGTHS, CHARACTERS = torch.tensor([0, 2, 3]), torch.tensor([[-1, 7, 7], [1, 3, 9], [0, 2, 1]])
LOGITS = randn(3, 4, seed=1), randn(3, 3, 4, seed=2)
IMAGES, CLASSES = rand(5, 1, 8, 8, seed=3, low=0.0), torch.tensor([4, 0, 9, 2, 2])


def numpy_log_prob(_, length_logits, character_logits, characters, lengths):
    def log_softmax(logits, chosen):
        weights = np.exp(logits - max(logits))
        return logits[chosen] - max(logits) - np.log(sum(weights))

    found = []
    for b, n in enumerate(lengths):
        places = [log_softmax(character_logits[b, i], characters[b, i]) for i in range(n)]
        found.append(log_softmax(length_logits[b], n) + sum(places))
    return np.array(found)


def torch_log_prob(_, length_logits, character_logits, characters, lengths):
    """Cross-entropies with the places behind the end ignored."""
    behind = torch.arange(characters.shape[1]) >= lengths[:, None]
    characters = characters.masked_fill(behind, -100)
    places = F.cross_entropy(character_logits.transpose(1, 2), characters, reduction="none")
    return -F.cross_entropy(length_logits, lengths, reduction="none") - places.sum(1)


def torch_reader(p, x):
    x = F.max_pool2d(F.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=1).clamp(min=0), 2)
    x = F.max_pool2d(F.conv2d(x, p["conv2.weight"], p["conv2.bias"], padding=1).clamp(min=0), 2).flatten(1)
    h = (x @ p["shared.weight"].T + p["shared.bias"]).clamp(min=0)
    places = [h @ w.T + b for w, b in zip(p["characters.weight"].split(3), p["characters.bias"].split(3), strict=True)]
    return h @ p["length.weight"].T + p["length.bias"], torch.stack(places, 1)


def numpy_reader(p, x):
    for name in ("conv1", "conv2"):
        x = np.maximum(numpy_layers.conv(x, p[f"{name}.weight"], p[f"{name}.bias"], 1, 1), 0)
        x = numpy_layers.max_pool(x, 2, 2)
    h = np.maximum(x.reshape(len(x), 30) @ p["shared.weight"].T + p["shared.bias"], 0)
    characters = [
        [p["characters.weight"][i * 3 + c] @ row + p["characters.bias"][i * 3 + c] for i in range(2) for c in range(3)] for row in h
    ]
    return h @ p["length.weight"].T + p["length.bias"], np.array(characters).reshape(len(x), 2, 3)


WRONG = r"must be \(B, N \+ 1\) and \(B, N, C\), got \(3, 3\) and \(3, 3, 4\)$"
CASES = [
    Case(
        METHOD,
        "log-probability",
        function(sequence_log_prob),
        lambda: (Sample((LOGITS[0], LOGITS[1], CHARACTERS.clamp(max=3), LENGTHS)),),
        (
            Oracle("torch.nn.functional.cross_entropy with ignored places", torch_log_prob),
            Oracle("a sum over places in NumPy", numpy_log_prob, "numpy"),
        ),
        hard=lambda: (
            Sample((LOGITS[0] * 100, LOGITS[1] * 100 + 1e4, CHARACTERS.clamp(max=3), LENGTHS), name="extreme logits"),
            Sample((LOGITS[0] * 0, LOGITS[1] * 0, CHARACTERS.clamp(max=3), LENGTHS), name="equal logits"),
        ),
        degenerate=lambda: (Sample((LOGITS[0][:0], LOGITS[1][:0], CHARACTERS[:0], LENGTHS[:0]), name="empty batch"),),
        bad=(
            Bad(lambda: sequence_log_prob(LOGITS[0][:, 1:], LOGITS[1], CHARACTERS, LENGTHS), rf"^sequence_log_prob: .* logits {WRONG}"),
            Bad(lambda: read(LOGITS[0][:, 1:], LOGITS[1]), rf"^read: length and character logits {WRONG}"),
            Bad(lambda: read(LOGITS[0], LOGITS[1][0]), r"^read: .* got \(3, 4\) and \(3, 4\)$"),
            Bad(lambda: read(LOGITS[0], LOGITS[1][..., 0]), r"^read: length and character .* got \(3, 4\) and \(3, 3\)$"),
            Bad(
                lambda: sequence_log_prob(*LOGITS, CHARACTERS[:, 1:], LENGTHS),
                r"^sequence_log_prob: characters and lengths must be \(3, 3\) and \(3,\), got \(3, 2\) and \(3,\)$",
            ),
            Bad(lambda: transcription_loss(*LOGITS, CHARACTERS, LENGTHS[:2]), r"^sequence_log_prob: .* got \(3, 3\) and \(2,\)$"),
            Bad(
                lambda: coverage(torch.ones(2), torch.ones(3) > 0, 0.5), r"^coverage: .* must be \(B,\) with B > 0, got \(2,\) and \(3,\)$"
            ),
            Bad(lambda: coverage(torch.ones(0), torch.ones(0) > 0, 0.5), r"^coverage: .* got \(0,\) and \(0,\)$"),
            Bad(lambda: coverage(torch.ones(2, 2), torch.ones(2, 2) > 0, 0.5), r"^coverage: .* got \(2, 2\) and \(2, 2\)$"),
            Bad(lambda: coverage(torch.ones(2), torch.ones(2) > 0, 1.5), r"^coverage: accuracy must lie in \[0, 1\], got 1.5$"),
            Bad(
                lambda: draw(IMAGES[..., 1:], CLASSES, 1, 1),
                r"^draw: .* must be \(M, 1, 8, 8\) and \(M,\) .*, got \(5, 1, 8, 7\) and \(5,\)$",
            ),
            Bad(lambda: draw(IMAGES[:0], CLASSES[:0], 1, 1), r"^draw: images and classes must be .* with M > 0, got \(0, 1, 8, 8\)"),
            Bad(lambda: draw(IMAGES, CLASSES[1:], 1, 1), r"^draw: images and classes must be .* and \(4,\)$"),
            Bad(lambda: draw(IMAGES, CLASSES, -1, 1), r"^draw: expected count, strokes >= 0 and .*, got -1, 1, 1 and 1$"),
            Bad(lambda: draw(IMAGES, CLASSES, 1, 0, least=0), r"^draw: expected .*, got 1, 1, 0 and 0$"),
            Bad(lambda: draw(IMAGES, CLASSES, 1, 2, least=3), r"^draw: expected .* 0 <= least <= places, got 1, 1, 3 and 2$"),
            Bad(lambda: draw(IMAGES, CLASSES, 1, 2, least=-1), r"^draw: expected .*, got 1, 1, -1 and 2$"),
            Bad(lambda: draw(IMAGES, CLASSES, 1, 2, strokes=-1), r"^draw: expected .*, got 1, -1, 1 and 2$"),
        ),
    ),
    Case(
        METHOD,
        "reader",
        lambda: randomize(CaptchaReader(2, 3, 1), scale=0.4),
        lambda: (Sample((rand(2, 1, 12, 20, seed=4),)),),
        (
            Oracle("the network in torch.nn.functional, a head for each place", torch_reader),
            Oracle("the network in NumPy, one number at a time in the heads", numpy_reader, "numpy"),
        ),
        hard=lambda: (
            Sample((torch.zeros(1, 1, 12, 20),), name="blank"),
            Sample((rand(1, 1, 12, 20, seed=5) * 1e4,), name="values of 1e4"),
        ),
        degenerate=lambda: (Sample((torch.zeros(0, 1, 12, 20),), name="empty batch"),),
        bad=(
            Bad(lambda: CaptchaReader(0), r"^CaptchaReader: places, classes and width must be positive, got 0, 10 and 16$"),
            Bad(lambda: CaptchaReader(1, 0), r"^CaptchaReader: .* got 1, 0 and 16$"),
            Bad(lambda: CaptchaReader(1, 1, 0), r"^CaptchaReader: .* got 1, 1 and 0$"),
            Bad(
                lambda: CaptchaReader(2)(torch.zeros(1, 1, 12, 30)),
                r"^CaptchaReader: input must be \(B, 1, 12, 20\), got shape \(1, 1, 12, 30\)$",
            ),
            Bad(
                lambda: CaptchaReader(2)(torch.zeros(1, 12, 20)),
                r"^CaptchaReader: input must be \(B, 1, 12, 20\), got shape \(1, 12, 20\)$",
            ),
        ),
    ),
]
