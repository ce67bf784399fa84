"""What is special to convolution: its size, its matrix, its derived backward, and where the algorithms differ."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import scipy.linalg
import scipy.signal
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from refimpl.convolution.convolution import METHODS, Conv2d, conv2d, convolution_matrix, output_size
from refimpl.convolution.fft import _frequencies_first
from refimpl.convolution.im2col import fold, unfold
from refimpl.convolution.winograd import TRANSFORMS
from tests.refimpl.convolution.cases_convolution import BIAS, IMAGES, METHOD, SQUARE, WIDE
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.convolution"
EXACT = {"dtype": torch.float64, "tolerance": 1e-12}
every_method = pytest.mark.parametrize("method", METHODS)


# Size


def test_output_size_counts_the_positions():
    """The formula equals a count of the starts at which the dilated kernel fits."""
    for length in range(1, 12):
        for kernel, stride, padding, dilation in [(1, 1, 0, 1), (3, 1, 1, 1), (3, 2, 0, 1), (4, 3, 2, 1), (3, 2, 2, 2), (2, 5, 3, 4)]:
            padded, span = length + 2 * padding, dilation * (kernel - 1) + 1
            starts = [i for i in range(0, padded, stride) if i + span <= padded]
            if starts:
                assert output_size(length, kernel, stride, padding, dilation) == len(starts)
    assert output_size(9, 4) == 6


def test_output_size_needs_the_floor():
    """L = 6, f = 3, s = 2: (L - f + 2p) / s + 1 is 2.5; the layer has 2 positions, and L = 5 gives as many."""
    assert Fraction(6 - 3, 2) + 1 == Fraction(5, 2)
    assert output_size(6, 3, stride=2) == output_size(5, 3, stride=2) == 2
    assert F.conv2d(torch.zeros(1, 1, 6, 5), torch.zeros(1, 1, 3, 3), stride=2).shape == (1, 1, 2, 2)


@every_method
def test_random_configurations(method, record):
    """Sizes, padding, stride, dilation and groups drawn at random; 40 draws for each algorithm."""
    draw = random.Random(7)
    worst = 0.0
    for i in range(40):
        three = method.startswith("winograd")
        groups, kernel = draw.choice([1, 2, 3]), (3, 3) if three else (draw.randint(1, 4), draw.randint(1, 4))
        stride, dilation = ((1, 1) if three else (draw.randint(1, most), draw.randint(1, most)) for most in (3, 2))
        size = [draw.randint(d * (f - 1) + 1, 12) for d, f in zip(dilation, kernel, strict=True)]
        x = randn(draw.randint(1, 3), groups * draw.randint(1, 3), *size, seed=i)
        w = randn(groups * draw.randint(1, 3), x.shape[1] // groups, *kernel, seed=100 + i)
        options = (rand(len(w), seed=200 + i), stride, (draw.randint(0, 2), draw.randint(0, 2)), dilation, groups)
        worst = max(worst, error(conv2d(x, w, *options, method=method), F.conv2d(x, w, *options)))
    record(METHOD, MODULE, f"{method}: 40 random configurations", "torch.nn.functional.conv2d", error=worst, **EXACT)


# Matrix


def is_toeplitz(m):
    return torch.equal(m[1:, 1:], m[:-1, :-1])


def is_circulant(m):
    return torch.equal(m, m.roll((1, 1), (0, 1)))


def doubly(kind, t, height, width):
    """Whether every block of the square matrix follows the pattern, and the blocks among themselves too."""
    b = t.view(height, width, height, width).transpose(1, 2)  # (block row, block column, row, column)
    inside = all(kind(b[i, j]) for i in range(height) for j in range(height))
    return inside and all(kind(b[:, :, k, m]) for k in range(width) for m in range(width))


KERNEL = randn(1, 1, 3, 3, seed=31)


def test_circular_convolution_is_doubly_block_circulant(record):
    t = convolution_matrix(KERNEL, (5, 4), padding="same", circular=True)
    assert doubly(is_circulant, t, 5, 4)
    x = randn(1, 1, 5, 4, seed=32)
    expected = F.conv2d(F.pad(x, (1, 1, 1, 1), "circular"), KERNEL).flatten()
    record(METHOD, MODULE, "matrix with circular boundaries", "torch.nn.functional.conv2d", error=error(t @ x.flatten(), expected), **EXACT)


def test_zero_padded_convolution_is_toeplitz_and_not_circulant(record):
    t = convolution_matrix(KERNEL, (5, 4), padding=1)
    assert doubly(is_toeplitz, t, 5, 4)
    assert not doubly(is_circulant, t, 5, 4)
    x = randn(1, 1, 5, 4, seed=33)
    expected = F.conv2d(x, KERNEL, padding=1).flatten()
    record(METHOD, MODULE, "matrix with zero padding", "torch.nn.functional.conv2d", error=error(t @ x.flatten(), expected), **EXACT)


def test_matrix_of_one_row_is_that_of_scipy():
    """A kernel (a, b, c) on four pixels: scipy's Toeplitz and circulant matrices of its first column and row."""
    row = torch.tensor([[[[2.0, 3.0, 5.0]]]])
    expected = scipy.linalg.toeplitz([3, 2, 0, 0], [3, 5, 0, 0])
    assert convolution_matrix(row, (1, 4), padding=(0, 1)).tolist() == expected.tolist()
    assert convolution_matrix(row, (1, 4), padding=(0, 1), circular=True).tolist() == scipy.linalg.circulant([3, 2, 0, 5]).tolist()


def test_fourier_transform_diagonalizes_the_circulant_matrix(record):
    """Its eigenvalues are the kernel's discrete Fourier transform, which is why the FFT computes the product."""
    t = convolution_matrix(KERNEL, (5, 4), padding="same", circular=True).to(torch.complex128)
    spread = torch.zeros(5, 4, dtype=torch.float64)
    spread[:3, :3] = KERNEL[0, 0]
    spread = spread.roll((-1, -1), (0, 1))  # the middle tap at the origin
    eigenvalues = torch.fft.fft2(spread).conj().flatten()
    fourier = torch.kron(*(torch.fft.fft(torch.eye(n, dtype=torch.complex128)) for n in (5, 4)))
    gap = (fourier @ t - eigenvalues[:, None] * fourier).abs().max().item() / eigenvalues.abs().max().item()
    record(METHOD, MODULE, "Fourier basis diagonalizes the matrix", "closed form", error=gap, **EXACT)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize(
    ("around", "options"),
    [
        ((2, 2, 1, 1), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 3)}),
        ((1, 2, 1, 2), {"padding": "same", "dilation": (1, 3)}),
        ((0, 0, 0, 0), {}),
    ],
    ids=["all arguments", "same", "defaults"],
)
def test_matrix_in_general(around, options, circular, record):
    """Several channels, every option distinct; the transpose gives the gradient."""
    w, x = randn(3, 2, 4, 2, seed=34), randn(1, 2, 6, 7, seed=35).requires_grad_()
    t = convolution_matrix(w, (6, 7), **options, circular=circular)
    y = F.conv2d(F.pad(x, around, "circular" if circular else "constant"), w, None, **{**options, "padding": 0})
    g = randn(*y.shape, seed=36)
    (dx,) = torch.autograd.grad(y, x, g)
    gap = max(error(t @ x.flatten(), y.flatten()), error(t.T @ g.flatten(), dx.flatten()))
    record(METHOD, MODULE, f"matrix and its transpose, circular {circular}", "torch.nn.functional.conv2d", error=gap, **EXACT)


# Correlation


def test_kernel_is_not_flipped(record):
    """The layer is a cross-correlation; the convolution of mathematics is its result for the flipped kernel."""
    x, w = randn(6, 5, seed=37), randn(3, 2, seed=38)
    ours = conv2d(x[None], w[None, None])[0]
    correlated = torch.from_numpy(scipy.signal.correlate2d(x.numpy(), w.numpy(), "valid"))
    convolved = torch.from_numpy(scipy.signal.convolve2d(x.numpy(), w.numpy(), "valid"))
    assert error(ours, convolved) > 0.1
    gap = max(error(ours, correlated), error(conv2d(x[None], w.flip(0, 1)[None, None])[0], convolved))
    record(METHOD, MODULE, "cross-correlation", "scipy.signal.correlate2d, convolve2d", error=gap, **EXACT)
    assert torch.allclose(ours[2, 1], (x[2:5, 1:3] * w).sum())


@every_method
def test_shifting_the_image_shifts_the_result(method):
    layer = Conv2d(4, 6, 3, padding=1, groups=2, padding_mode="circular", dtype=torch.float64, method=method)
    assert error(layer(IMAGES.roll((2, -1), (2, 3))), layer(IMAGES).roll((2, -1), (2, 3))) < 1e-12


def test_dilation_is_a_kernel_filled_with_zeros():
    spread = torch.zeros(6, 2, 3, 7, dtype=torch.float64)
    spread[..., ::2, ::3] = WIDE
    assert error(conv2d(IMAGES, WIDE, dilation=(2, 3), padding=1, groups=2), conv2d(IMAGES, spread, padding=1, groups=2)) < 1e-12


def test_groups_are_a_block_diagonal_kernel():
    whole = torch.zeros(6, 4, 2, 3, dtype=torch.float64)
    whole[:3, :2], whole[3:, 2:] = WIDE[:3], WIDE[3:]
    assert error(conv2d(IMAGES, WIDE, groups=2), conv2d(IMAGES, whole)) < 1e-12


# im2col and its backward


def test_derived_backward(record):
    """dx and dW against PyTorch's own gradients of a convolution, every option distinct."""
    x, w, b = (v.clone().requires_grad_() for v in (IMAGES, WIDE, BIAS))
    y = conv2d(x, w, b, (1, 2), (2, 1), (2, 1), 2)
    g = randn(*y.shape, seed=39)
    dx, dw, db = torch.autograd.grad(y, (x, w, b), g)
    gaps = (
        error(dx, nn.grad.conv2d_input(x.shape, w, g, (1, 2), (2, 1), (2, 1), 2)),
        error(dw, nn.grad.conv2d_weight(x, w.shape, g, (1, 2), (2, 1), (2, 1), 2)),
        error(db, g.sum((0, 2, 3))),
    )
    record(METHOD, MODULE, "derived backward", "torch.nn.grad", error=max(gaps), **EXACT)


def test_backward_keeps_no_columns():
    """Between forward and backward the image and the kernel themselves are kept, and nothing else."""
    x, w = IMAGES.clone().requires_grad_(), WIDE.clone().requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        conv2d(x, w, groups=2)
    assert sorted(kept) == sorted([x.data_ptr(), w.data_ptr()])


@pytest.mark.parametrize("wanted", [("input",), ("weight",), ("input", "weight")], ids=" and ".join)
def test_only_the_wanted_gradients_are_computed(wanted):
    """Each gradient costs as many multiplications as the forward pass, and none where it is not wanted."""
    x, w = IMAGES.clone().requires_grad_("input" in wanted), WIDE.clone().requires_grad_("weight" in wanted)
    leaves = [v for v in (x, w) if v.requires_grad]
    with FlopCounterMode(display=False) as forward:
        y = conv2d(x, w, groups=2)
    with FlopCounterMode(display=False) as backward:
        ours = torch.autograd.grad(y, leaves, torch.ones_like(y))
    assert backward.get_total_flops() == len(wanted) * forward.get_total_flops() > 0
    theirs = torch.autograd.grad(F.conv2d(x, w, groups=2).sum(), leaves)
    assert max(map(error, ours, theirs)) < 1e-12


def test_unfold_is_that_of_torch(record):
    options = {"kernel": (2, 3), "stride": (2, 1), "dilation": (3, 2)}
    patches = unfold(IMAGES, **options)
    expected = F.unfold(IMAGES, (2, 3), (3, 2), 0, (2, 1))
    columns = patches.reshape(expected.shape)
    back = fold(patches, IMAGES.shape, (2, 1), (3, 2))
    gap = max(error(columns, expected), error(back, F.fold(expected, IMAGES.shape[2:], (2, 3), (3, 2), 0, (2, 1))))
    record(METHOD, MODULE, "unfold and fold", "torch.nn.functional.unfold, fold", error=gap, **EXACT)
    count = fold(torch.ones_like(patches), IMAGES.shape, (2, 1), (3, 2))
    assert torch.allclose(back, count * IMAGES, atol=1e-14)


def test_fold_adds_up_in_float32():
    """Three hundred bfloat16 ones make 300; added in bfloat16 they would stop at 256. float16 stops at 2048."""
    for dtype, count in ((torch.bfloat16, 300), (torch.float16, 2100), (torch.float64, 300)):
        ones = torch.ones(1, 1, 1, count, 1, count, dtype=dtype)
        peak = fold(ones, (1, 1, 1, 2 * count - 1), (1, 1), (1, 1)).max()
        assert peak.dtype == dtype and peak == torch.tensor(float(count)).to(dtype)


def test_gradients_of_single_examples():
    """``torch.func.vmap`` over ``grad`` gives what a loop over the examples gives."""

    def loss(w, x):
        return conv2d(x, w, padding=1, groups=2).square().sum()

    together = torch.func.vmap(torch.func.grad(loss), (None, 0))(WIDE, IMAGES)
    one_by_one = torch.stack([torch.func.grad(loss)(WIDE, x) for x in IMAGES])
    assert error(together, one_by_one) < 1e-12


# FFT


def test_spectra_lie_frequency_by_frequency():
    """Contiguous matrices: strided complex ones are copied one by one, which takes most of the time."""
    spectra = _frequencies_first(torch.fft.rfft2(IMAGES))
    assert spectra.shape == (7 * 4, 3, 4) and spectra.is_contiguous()
    assert torch.equal(spectra[5], torch.fft.rfft2(IMAGES)[:, :, 1, 1])


# Winograd


@pytest.mark.parametrize("tile", TRANSFORMS)
def test_winograd_transforms_are_exact(tile):
    """In fractions: A^T ((G g) . (B^T d)) is the filter's output, with m + 2 multiplications instead of 3 m."""
    b_t, g, a_t = ([[Fraction(v).limit_denominator(24) for v in row] for row in matrix] for matrix in TRANSFORMS[tile])
    assert (len(b_t), len(g), len(a_t)) == (tile + 2, tile + 2, tile)

    def times(matrix, vector):
        return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]

    draw = random.Random(3)
    for _ in range(10):
        d, w = [Fraction(draw.randint(-9, 9)) for _ in range(tile + 2)], [Fraction(draw.randint(-9, 9)) for _ in range(3)]
        products = [u * v for u, v in zip(times(g, w), times(b_t, d), strict=True)]
        assert times(a_t, products) == [sum(w[k] * d[i + k] for k in range(3)) for i in range(tile)]


@pytest.mark.parametrize("tile", TRANSFORMS)
def test_winograd_multiplications(tile):
    """(m + 2)^2 multiplications for each tile, input and output channel; the transforms come on top."""
    n, c, o, tiles = 2, 3, 5, -(-9 // tile) * -(-7 // tile)  # of a 9 x 7 output
    with FlopCounterMode(display=False) as counter:
        conv2d(torch.zeros(n, c, 11, 9), torch.zeros(o, c, 3, 3), method="winograd" if tile == 2 else "winograd4")

    def sandwich(rows, columns, many):  # T x T^T by two products
        return rows * columns * columns * many + rows * rows * columns * many

    size = tile + 2
    transforms = sandwich(size, size, c * n * tiles) + sandwich(size, 3, o * c) + sandwich(tile, size, o * n * tiles)
    assert counter.get_total_flops() == 2 * (transforms + size * size * o * c * n * tiles)


# Differences between the algorithms


@pytest.mark.parametrize(("method", "reached"), [("direct", 9), ("im2col", 9), ("winograd", 16), ("winograd4", 64), ("fft", 144)])
def test_where_a_nan_spreads(method, reached):
    """Direct and im2col confine a NaN to the kernel; Winograd spreads it over the tiles that hold it, the FFT over the image."""
    x = torch.zeros(1, 1, 12, 12)
    x[0, 0, 4, 4] = torch.nan
    y = conv2d(x, torch.ones(1, 1, 3, 3), padding=1, method=method)
    assert int(torch.isnan(y).sum()) == reached


@every_method
def test_low_precision(method):
    """Two-byte inputs give two-byte outputs, off by the final rounding alone; im2col also multiplies in two bytes."""
    x, w = IMAGES.bfloat16(), SQUARE.bfloat16()
    y = conv2d(x, w, padding=1, groups=2, method=method)
    exact = F.conv2d(x.double(), w.double(), padding=1, groups=2)
    assert y.dtype == torch.bfloat16
    assert error(y, exact) < 2**-8
    if method != "im2col":
        assert torch.equal(y, conv2d(x.float(), w.float(), padding=1, groups=2, method=method).bfloat16())


@every_method
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_im2col_alone_computes_in_two_bytes(method, dtype, monkeypatch):
    seen, compute = [], METHODS[method]
    monkeypatch.setitem(METHODS, method, lambda x, w, *rest: seen.extend([x.dtype, w.dtype]) or compute(x, w, *rest))
    assert conv2d(IMAGES.to(dtype), SQUARE.to(dtype), groups=2, method=method).dtype == dtype
    assert seen == [dtype if method == "im2col" else torch.float32] * 2


@every_method
def test_result_is_contiguous_and_may_be_changed_in_place(method):
    x, w = IMAGES.clone().requires_grad_(), SQUARE.clone().requires_grad_()
    for bias in (None, BIAS):
        y = conv2d(x, w, bias, groups=2, method=method)
        assert y.is_contiguous()
        ours = torch.autograd.grad(F.relu_(y).sum(), (x, w))
        theirs = torch.autograd.grad(F.conv2d(x, w, bias, groups=2).relu().sum(), (x, w))
        assert max(map(error, ours, theirs)) < 1e-12


def test_autocast(record):
    """Under autocast the product is taken in bfloat16, gradients keep the parameters' type, layers may follow each other."""
    ours, theirs = (nn.Sequential(cls(4, 6, 3, padding=1), cls(6, 2, 3)) for cls in (Conv2d, nn.Conv2d))
    ours.load_state_dict(theirs.state_dict())
    x = IMAGES.float()
    results = []
    for net in (ours, theirs):
        with torch.autocast("cpu", torch.bfloat16):
            y = net(x)
        y.float().square().mean().backward()
        results.append([y, *(p.grad for p in net.parameters())])
    assert results[0][0].dtype == torch.bfloat16
    assert all(p.grad.dtype == torch.float32 for p in ours.parameters())
    gap = max(map(error, *results))
    record(METHOD, MODULE, "autocast", "torch.nn.Conv2d", error=gap, tolerance=2e-2, dtype=torch.bfloat16)


# The layer


def test_source_parameter_count():
    """4 channels to 2 with 2x2 kernels: 2 * (4 * 2 * 2 + 1) = 34 parameters; groups divide the weights."""
    assert sum(p.numel() for p in Conv2d(4, 2, 2).parameters()) == 2 * (4 * 2 * 2 + 1) == 34
    assert sum(p.numel() for p in Conv2d(4, 2, 2, groups=2, bias=False).parameters()) == 2 * (2 * 2 * 2)


@pytest.mark.parametrize(("groups", "bias"), [(1, True), (2, True), (2, False)])
def test_initialization_is_that_of_torch(groups, bias):
    """The same seed draws the same numbers."""
    made = []
    for cls in (Conv2d, nn.Conv2d):
        torch.manual_seed(11)
        made.append(cls(4, 6, (3, 5), groups=groups, bias=bias).state_dict())
    assert made[0].keys() == made[1].keys()
    assert all(torch.allclose(made[0][k], made[1][k], rtol=1e-6, atol=0) for k in made[0])


def test_defaults_are_those_of_torch():
    ours, theirs = randomize(Conv2d(4, 6, 3)), nn.Conv2d(4, 6, 3).double()
    theirs.load_state_dict(ours.state_dict())
    assert error(ours(IMAGES), theirs(IMAGES)) < 1e-12
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    assert {k: getattr(ours, k) for k in names} == {k: getattr(theirs, k) for k in names}
    assert ours.method == "im2col"
    assert error(conv2d(IMAGES, randn(2, 4, 3, 3, seed=40)), F.conv2d(IMAGES, randn(2, 4, 3, 3, seed=40))) < 1e-12


def test_smallest_layer():
    layer = Conv2d(1, 1, 1)
    x = torch.tensor([[[2.0]]])
    assert layer(x).item() == pytest.approx(2 * layer.weight.item() + layer.bias.item())


def test_pairs_may_be_lists():
    assert torch.equal(conv2d(IMAGES, WIDE, stride=[2, 1], groups=2), conv2d(IMAGES, WIDE, stride=(2, 1), groups=2))


def test_attributes_are_those_of_torch():
    options = {"stride": (2, 1), "padding": (1, 2), "dilation": 2, "groups": 2, "padding_mode": "reflect"}
    ours, theirs = Conv2d(4, 6, (2, 3), **options), nn.Conv2d(4, 6, (2, 3), **options)
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    assert {k: getattr(ours, k) for k in names} == {k: getattr(theirs, k) for k in names}


@every_method
def test_layer_uses_its_method(method, monkeypatch):
    called = []
    monkeypatch.setitem(METHODS, method, lambda x, w, *rest: called.append(method) or F.conv2d(x, w, None, *rest[:1], 0, *rest[1:]))
    for mode in ("zeros", "circular"):
        Conv2d(4, 6, 3, padding=1, padding_mode=mode, method=method)(IMAGES.float())
    assert called == [method, method]


@every_method
def test_runs_on_the_device_of_its_input(method):
    y = conv2d(IMAGES.to("meta"), SQUARE.to("meta"), BIAS.to("meta"), padding=(1, 2), groups=2, method=method)
    assert y.device.type == "meta" and y.shape == (3, 6, 7, 8)
    assert convolution_matrix(SQUARE.to("meta"), (7, 6)).device.type == "meta"


def test_factory_arguments_and_representation():
    layer = Conv2d(4, 6, (3, 5), padding="same", groups=2, bias=False, device="meta", dtype=torch.float16, method="fft")
    assert layer.weight.dtype == torch.float16 and layer.weight.device.type == "meta" and layer.bias is None
    assert repr(layer) == (
        "Conv2d(4, 6, kernel_size=(3, 5), stride=(1, 1), padding='same', dilation=(1, 1), groups=2, bias=False, "
        "padding_mode='zeros', method='fft')"
    )
