"""The stored digits are those of UCI: by checksum, and by scikit-learn where it is installed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from refimpl.data import digits, digits_split

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of the pixels and then the classes, a byte each."""


def test_checksum():
    x, y = digits()
    assert x.shape == (1797, 64) and y.shape == (1797,)
    stored = b"".join(v.numpy().astype(np.uint8).tobytes() for v in (x, y))
    assert hashlib.sha256(stored).hexdigest() == SHA256


def test_equal_to_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    x, y = digits(dtype=torch.float64)
    assert np.array_equal(x.numpy(), theirs.data) and np.array_equal(y.numpy(), theirs.target)


def test_types():
    x, y = digits()
    assert x.dtype == torch.get_default_dtype() and y.dtype == torch.int64
    x, y = digits(device="meta", dtype=torch.bfloat16)
    assert x.dtype == torch.bfloat16 and {x.device.type, y.device.type} == {"meta"}
    split = digits_split(dtype=torch.float64)
    assert split.x.dtype == split.x_test.dtype == torch.float64


def test_callers_do_not_share_memory():
    digits()[0].zero_()
    assert digits()[0].max() == 16


def test_split_holds_every_image_once():
    split = digits_split(test=300, seed=3)
    assert split.x.shape == (1497, 1, 8, 8) and split.x_test.shape == (300, 1, 8, 8)
    assert len(split.y) == 1497 and len(split.y_test) == 300
    together = torch.cat([torch.cat([split.x, split.x_test]).flatten(1) * 16, torch.cat([split.y, split.y_test])[:, None]], 1)
    whole = torch.cat([digits()[0], digits()[1][:, None]], 1)
    assert sorted(together.tolist()) == sorted(whole.tolist())
    assert len(digits_split().x_test) == 360


def test_split_depends_on_the_seed_alone():
    torch.manual_seed(1)
    first = digits_split()
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(first, digits_split(seed=0), strict=True))
    assert not torch.equal(first.y, digits_split(seed=1).y)
    assert first.y[:12].tolist() == digits()[1][np.random.RandomState(0).permutation(1797)[:12]].tolist()


@pytest.mark.parametrize("test", [0, 1797, -5])
def test_both_parts_have_images(test):
    with pytest.raises(ValueError, match=f"test must lie between 0 and 1797, both excluded, got {test}"):
        digits_split(test)
    assert len(digits_split(1).y_test) == len(digits_split(1796).y) == 1
