"""SIFT beside OpenCV's, which is compiled C++."""

from __future__ import annotations

import importlib.util

import torch

from refimpl.vision.sift import match, sift
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand
from tests.refimpl.vision.cases_sift import METHOD
from tests.refimpl.vision.test_sift import picture


def opencv():
    if importlib.util.find_spec("cv2") is None:
        return None
    import cv2

    detector = cv2.SIFT_create(enable_precise_upscale=True)
    return lambda image: torch.from_numpy(detector.detectAndCompute((image * 255).byte().cpu().numpy(), None)[1])


def brute(first, second):
    """All distances by broadcasting, sorted."""
    values, places = (first[:, None] - second).square().sum(2).sqrt().sort(1)
    good = values[:, 0] < 0.8 * values[:, 1]
    return torch.stack((good.nonzero().squeeze(1), places[good, 0]), 1)


BENCHES = [
    Bench(
        METHOD,
        "keypoints of 160 x 160 pixels",
        lambda: lambda image: sift(image, contrast=0.04 / 3).descriptors,
        {"cv2.SIFT_create": opencv},
        lambda: (picture(160),),
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "matching 500 with 500",
        lambda: match,
        {"broadcast and sort": lambda: brute},
        lambda: (rand(500, 128, seed=1), rand(500, 128, seed=2)),
        backward=False,
        compiled=False,
    ),
]
