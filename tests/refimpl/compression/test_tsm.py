"""What is special to the temporal shift: streaming equals the clip, the identity path, what a frame can see."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from refimpl.compression.tsm import TemporalShift, add_temporal_shift, temporal_shift, temporal_shift_online
from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet
from tests.refimpl.compression.cases_tsm import METHOD
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.compression.tsm"


def test_by_hand():
    """Three frames of four channels, a quarter each way: channel 0 looks ahead, channel 1 back."""
    x = torch.arange(12.0).view(3, 4)
    assert temporal_shift(x, 3, 4).tolist() == [[4, 0, 2, 3], [8, 1, 6, 7], [0, 5, 10, 11]]
    assert temporal_shift(x, 3, 4, bidirectional=False).tolist() == [[0, 1, 2, 3], [0, 5, 6, 7], [4, 9, 10, 11]]
    assert temporal_shift(x, 3, 2).tolist() == [[4, 5, 0, 0], [8, 9, 2, 3], [0, 0, 6, 7]]
    shifted, kept = temporal_shift_online(x[1:2], x[:1, :1], 4)
    assert shifted.tolist() == [[0, 5, 6, 7]] and kept.tolist() == [[4]]


def test_streaming_is_the_clip_seen_from_the_past(record):
    clip = randn(10, 9, 3, 4, seed=1)
    cache, frames = None, []
    for t in range(5):
        frame, cache = temporal_shift_online(clip[t::5], cache, 4)
        frames.append(frame)
    gap = error(torch.stack(frames, 1).flatten(0, 1), temporal_shift(clip, 5, 4, bidirectional=False))
    record(METHOD, MODULE, "five frames, one at a time", "the clip at once", error=gap, tolerance=0.0, dtype=clip.dtype)


def test_the_block_keeps_the_frame_itself(record):
    """y = relu(x + f(x~)) for both blocks: the shift is inside the branch, and the identity is not shifted."""
    x = randn(6, 16, 5, 4, seed=2)
    for kind in (BasicBlock, Bottleneck):
        block = randomize(kind(16, 16 // kind.expansion)).eval()
        model = ResNet(kind, (1,), 2, width=16 // kind.expansion)
        model.layer1 = nn.Sequential(block)
        branch_of_shifted = []
        last = block.bn2 if kind is BasicBlock else block.bn3
        handle = last.register_forward_hook(lambda _, __, y, found=branch_of_shifted: found.append(y))
        block(temporal_shift(x, 3))
        handle.remove()
        expected = torch.relu(x + branch_of_shifted[0])
        assert add_temporal_shift(model, 3) is model
        gap = error(block(x), expected)
        record(METHOD, MODULE, f"{kind.__name__} with shift", "x + f(shifted x)", error=gap, tolerance=1e-15, dtype=x.dtype)
        assert isinstance(block.conv1, TemporalShift) and "conv1.net.weight" in block.state_dict()
        assert (block.conv1.n_segment, block.conv1.fold_div, block.conv1.bidirectional) == (3, 8, True)
    made = add_temporal_shift(ResNet(BasicBlock, (1, 2), 2, 4), 3, 5, False)
    shifts = [m for m in made.modules() if isinstance(m, TemporalShift)]
    assert [(m.n_segment, m.fold_div, m.bidirectional) for m in shifts] == [(3, 5, False)] * 3
    assert repr(shifts[0]).startswith("TemporalShift(\n  n_segment=3, fold_div=5, bidirectional=False\n")


def test_a_frame_sees_its_neighbors_of_the_same_clip():
    """Slopes of the sum of each frame by each frame: the neighbors both ways, or the one before; never another clip."""
    x = randn(8, 8, seed=3).requires_grad_()
    for both, offsets in ((True, {-1, 0, 1}), (False, {-1, 0})):
        seen = torch.stack([torch.autograd.grad(temporal_shift(x, 4, bidirectional=both)[t].sum(), x)[0].any(1) for t in range(8)])
        expected = torch.tensor([[s - t in offsets and s // 4 == t // 4 for s in range(8)] for t in range(8)])
        assert torch.equal(seen, expected)


def test_few_channels_and_defaults():
    x = randn(4, 7, seed=4)
    assert torch.equal(temporal_shift(x, 2), x) and torch.equal(temporal_shift_online(x)[0], x)
    for f in (temporal_shift, temporal_shift_online, TemporalShift, add_temporal_shift):
        parameters = inspect.signature(f).parameters
        assert parameters["fold_div"].default == 8 and parameters.get("bidirectional", parameters["fold_div"]).default in (True, 8)
    layer = TemporalShift(nn.Identity(), 4, bidirectional=False)
    wide = randn(4, 8, seed=5)
    assert torch.equal(layer(wide), temporal_shift(wide, 4, bidirectional=False))
    frame, cache = temporal_shift_online(wide)
    assert cache.shape == (4, 1) and not frame[:, 0].any()
    wide.zero_()
    assert cache.any(), "the cache is a copy"
