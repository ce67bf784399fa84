"""What is special to deep compression: optimal clusters and code words, the gradient of shared weights, storage without loss."""

from __future__ import annotations

import heapq
import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from refimpl.compression.deep_compression import (
    Shared,
    compress,
    compression_rate,
    decompress,
    huffman_decode,
    huffman_encode,
    initial_values,
    kmeans,
    nearest,
    share_,
    stored_bits,
)
from tests.refimpl.compression.cases_deep_compression import CODES, METHOD, TIES, WEIGHTS
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.compression.deep_compression"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def cost(weights, values):
    return (weights - values[nearest(weights, values)]).square().sum().item()


def layer(inputs=6):
    made = nn.Linear(inputs, 4, dtype=torch.float64)
    with torch.no_grad():
        made.weight.copy_(randn(4, inputs, seed=4))
        made.weight.view(-1)[::4] = 0
        made.bias.copy_(randn(4, seed=5))
    return made


@pytest.mark.parametrize("size", [1, 2, 8])
def test_rate_by_hand(size):
    """The example of the paper's figure: 16 weights of 32 bits and 4 values become 16 codes of 2 bits and 4 x 32 bits, 3.2 times less."""
    assert compression_rate(16, 4) == pytest.approx(16 * 32 / (16 * 2 + 4 * 32), rel=1e-15) == pytest.approx(3.2, rel=1e-15)
    bits = (1000 * round(math.log2(size)) + size * 16) / 1000
    assert compression_rate(1000, size, 16) == pytest.approx(16 / bits, rel=1e-15)
    assert compression_rate(1, 1, 1) == 1


def test_rate_is_what_is_stored():
    """Codes that are as frequent as each other need log2 k bits; with every weight left the gaps need none."""
    codes = torch.arange(8).repeat(50)
    stored = stored_bits(compress(codes, 8, 5))
    assert stored == 400 * 3 + 8 * 32
    assert 400 * 32 / stored == compression_rate(400, 8)
    assert stored_bits(compress(codes, 8, 5), 16) == 400 * 3 + 8 * 16


@pytest.mark.parametrize("how", ["linear", "density"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_kmeans_against_scikit_learn(how, size, record):
    cluster = pytest.importorskip("sklearn.cluster")
    weights = torch.cat([WEIGHTS, rand(60, seed=5, low=-2, high=2)])
    start = initial_values(weights, size, how)
    theirs = cluster.KMeans(size, init=start[:, None].numpy(), n_init=1, max_iter=300, tol=0).fit(weights[:, None].numpy())
    ours = kmeans(weights, start, 300)
    expected = torch.from_numpy(theirs.cluster_centers_[:, 0]).sort().values
    gap = max(error(ours, expected), abs(cost(weights, ours) - theirs.inertia_))
    record(METHOD, MODULE, f"{size} values, {how}", "sklearn.cluster.KMeans", error=gap, shapes="(100,)", **EXACT)


def test_kmeans_against_scipy(record):
    vq = pytest.importorskip("scipy.cluster.vq")
    start = initial_values(WEIGHTS, 6, "density")
    expected, codes = vq.kmeans2(WEIGHTS[:, None].numpy(), start[:, None].numpy(), iter=7, minit="matrix")
    gap = error(kmeans(WEIGHTS, start, 7), torch.from_numpy(expected[:, 0]))
    record(METHOD, MODULE, "6 values after 7 steps", "scipy.cluster.vq.kmeans2", error=gap, shapes="(40,)", **EXACT)
    assert nearest(WEIGHTS, kmeans(WEIGHTS, start, 6)).tolist() == codes.tolist()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_smallest_cost(size, record):
    """Of all ways to cut ten sorted weights into intervals none costs less, and from some start the best is found."""
    weights = WEIGHTS[:10].sort().values
    cuts = itertools.combinations(range(1, 10), size - 1)
    parts = ([weights[a:b] for a, b in itertools.pairwise((0, *cut, 10))] for cut in cuts)
    best = min(sum((part - part.mean()).square().sum().item() for part in some) for some in parts)
    starts = [torch.stack(some) for some in itertools.combinations(weights, size)]
    found = [cost(weights, kmeans(weights, start)) for start in starts]
    record(METHOD, MODULE, f"cost of {size} values", "all partitions", error=abs(min(found) - best) / best, shapes="(10,)", **EXACT)
    assert min(found) >= best - 1e-12


def test_each_step_costs_no_more():
    values = [kmeans(WEIGHTS, initial_values(WEIGHTS, 6), steps) for steps in range(12)]
    costs = [cost(WEIGHTS, v) for v in values]
    assert all(b <= a for a, b in itertools.pairwise(costs)) and costs[-1] < costs[0] / 1.2
    assert torch.equal(values[-1], values[-2])
    assert all((v.diff() > 0).all() for v in values)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_nearest_by_all_distances(dtype):
    """Of two values as near the lower one; of any shape."""
    weights, values = WEIGHTS.view(5, 8).to(dtype), WEIGHTS[:7].sort().values.to(dtype)
    expected = (weights.double()[..., None] - values.double()).abs().argmin(-1)
    assert torch.equal(nearest(weights, values), expected)
    assert nearest(TIES, TIES[[1, 3, 5]]).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert nearest(TIES, TIES[:1]).tolist() == [0] * 7


def test_middles_that_the_narrow_type_lacks():
    """In bfloat16 the middle of two neighbors would be rounded to one of them."""
    values = torch.tensor([1.0, 1 + 2**-7], dtype=torch.bfloat16)
    assert nearest(torch.tensor([1.0, 1 + 2**-7]), values).tolist() == [0, 1]
    assert nearest(torch.tensor([1 + 2**-9, 1 + 3 * 2**-9]), values).tolist() == [0, 1]
    values = torch.tensor([1 + 2**-7, 1 + 2**-6], dtype=torch.bfloat16)
    assert torch.equal(kmeans(values, values, 1), values)


def test_sums_in_float64():
    """In bfloat16 a running sum of ones stops at 256, in float16 one of hundreds ends beyond its largest number."""
    for dtype, weight in ((torch.bfloat16, 1.0), (torch.float16, 500.0), (torch.float32, 1.7)):
        weights = torch.full((3000,), weight, dtype=dtype)
        assert torch.equal(kmeans(weights, weights[:1] / 2), weights[:1])
    weights = 1 + rand(20_000, seed=6).float() * 1e-3
    assert error(kmeans(weights, weights[:1]), weights.double().mean()[None]) < 1e-7


def test_linear_start_is_uniform_quantization(record):
    """Without a step, and from 0 on, the values are those of PyTorch's fake quantization with as many levels."""
    weights = torch.cat([torch.zeros(1), rand(999, seed=7, low=0.0).float()])
    values = initial_values(weights, 256)
    scale = (weights.max() / 255).item()
    expected = torch.fake_quantize_per_tensor_affine(weights, scale, 0, 0, 255)
    gap = error(values[nearest(weights, values)], expected)
    record(METHOD, MODULE, "256 linear values", "torch.fake_quantize_per_tensor_affine", error=gap, tolerance=1e-6, dtype=torch.float32)


def test_random_start():
    """Some of the weights, each as often: among 40, each of 2000 draws of 10 has a given one with probability 1/4, within 4 sigma."""
    drawn = initial_values(WEIGHTS, 10, "random", seeded())
    assert (drawn.diff() > 0).all() and set(drawn.tolist()) <= set(WEIGHTS.tolist())
    assert torch.equal(drawn, initial_values(WEIGHTS, 10, "random", seeded()))
    torch.manual_seed(3)
    assert torch.equal(drawn, initial_values(WEIGHTS, 10, how="random"))
    generator = seeded()
    counts = sum(torch.isin(WEIGHTS, initial_values(WEIGHTS, 10, "random", generator)).double() for _ in range(2000))
    assert ((counts - 500).abs() < 4 * math.sqrt(2000 * 3 / 16)).all()


def test_starts_are_on_the_device_of_the_weights():
    for how in ("linear", "density", "random"):
        expected = initial_values(WEIGHTS, 3, how, seeded())
        with torch.device("meta"):
            assert torch.equal(initial_values(WEIGHTS, 3, how, seeded()), expected)


def test_defaults():
    """The paper's choice is the linear start."""
    assert torch.equal(initial_values(WEIGHTS, 5), initial_values(WEIGHTS, 5, "linear"))
    for function, names in ((kmeans, {"steps": 50}), (share_, {"name": "weight", "how": "linear", "steps": 50})):
        found = inspect.signature(function).parameters
        assert {name: found[name].default for name in names} == names
    assert inspect.signature(compression_rate).parameters["bits"].default == 32
    assert inspect.signature(stored_bits).parameters["bits"].default == 32


def test_gradient_of_a_shared_value_is_the_sum_over_its_weights(record):
    """A layer with shared weights and the same layer without: equation 3, summed weight by weight."""
    plain = layer()
    shared = share_(layer(), 4)
    with torch.no_grad():
        plain.weight.copy_(shared.weight)
    x, target = randn(7, 6, seed=8), randn(7, 4, seed=9)
    for made in (plain, shared):
        (made(x) - target).square().sum().backward()
    codes = shared.parametrizations.weight[0].codes
    expected = np.zeros(4)
    for at in np.ndindex(4, 6):
        if codes[at] < 4:
            expected[codes[at]] += plain.weight.grad[at].item()
    gap = error(shared.parametrizations.weight.original.grad, torch.from_numpy(expected))
    record(METHOD, MODULE, "gradient of shared values", "sums of the weights' gradients", error=gap, shapes="(4,6)", **EXACT)
    assert list(dict(shared.named_parameters())) == ["bias", "parametrizations.weight.original"]


@pytest.mark.parametrize("how", ["linear", "density"])
def test_sharing_replaces_each_weight_by_the_mean_of_its_cluster(how):
    weight = layer(30).weight.detach()
    shared = share_(layer(30), 6, how=how, steps=1)
    left = weight[weight != 0]
    values = kmeans(left, initial_values(left, 6, how), 1)
    codes = nearest(left, values)
    expected = torch.zeros_like(weight)
    expected[weight != 0] = torch.stack([left[codes == j].mean() for j in range(6)])[codes]
    assert error(shared.weight, expected) < 1e-14
    assert torch.equal(shared.weight == 0, weight == 0)
    assert not torch.equal(shared.weight, share_(layer(30), 6, how=how, steps=50).weight)


def test_sharing_a_bias_and_making_it_final():
    made = layer()
    with torch.no_grad():
        made.bias.copy_(torch.tensor([1.0, 0.0, 2.0, 8.0]))
    assert share_(made, 2, "bias") is made
    assert made.bias.tolist() == [1.5, 0.0, 1.5, 8.0]
    parametrize.remove_parametrizations(made, "bias")
    assert made.bias.tolist() == [1.5, 0.0, 1.5, 8.0] and isinstance(made.bias, nn.Parameter)


def test_training_keeps_zeros_and_equal_weights():
    made = share_(layer(), 4)
    codes = made.parametrizations.weight[0].codes
    before = made.weight.detach().clone()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        made(randn(7, 6, seed=8)).square().sum().backward()
        optimizer.step()
    assert not torch.equal(made.weight, before)
    for code in range(5):
        assert made.weight[codes == code].unique().numel() == 1
    assert not made.weight[codes == 4].any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_assigned_weight_becomes_means(dtype):
    """The best approximation by weights with these codes; a code of no weight is 0."""
    shared, weight = Shared(CODES.clone().where(CODES != 2, 1), 4), randn(3, 4, seed=10).to(dtype)
    values = shared.right_inverse(weight)
    expected = [weight[shared.codes == j].double().mean() if (shared.codes == j).any() else 0.0 for j in range(4)]
    assert values.dtype == dtype and torch.equal(values, torch.tensor(expected).to(dtype))
    assert not Shared(CODES, 4).right_inverse(weight.requires_grad_()).requires_grad
    assert repr(shared) == "Shared(size=4)"


def test_codes_of_no_weight():
    with torch.device("meta"):
        assert Shared(CODES[0, :3], 6).right_inverse(TIES[1:4]).tolist() == [1, 3, 0, 2, 0, 0]


def test_means_are_summed_in_float64():
    codes = torch.zeros(3000, dtype=torch.int64)
    assert Shared(codes, 1).right_inverse(torch.ones(3000, dtype=torch.bfloat16)).item() == 1
    assert Shared(codes, 1).right_inverse(torch.full((3000,), 500.0, dtype=torch.float16)).item() == 500


def huffman_cost(counts):
    """Bits of the best code: each merge of the two rarest costs their sum."""
    heap = [c for c in counts if c]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


COUNTS = [[5], [0, 0, 7], [1, 1], [1, 0, 1], [8, 4, 2, 1, 1], [3, 3, 3], [40, 0, 1, 2, 0, 9, 17, 5], [0] * 9 + [2, 3]]


@pytest.mark.parametrize("counts", COUNTS)
def test_code_words_are_the_shortest(counts):
    """As many bits as the sum of all merges, between the entropy and one bit more a symbol; decoded without loss."""
    symbols = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    symbols = symbols[torch.randperm(len(symbols), generator=seeded())]
    coded = huffman_encode(symbols)
    n = len(symbols)
    entropy = -sum(c / n * math.log2(c / n) for c in counts if c)
    assert len(coded.bits) == huffman_cost(counts)
    assert entropy - 1e-12 <= len(coded.bits) / n < entropy + 1
    assert coded.bits.dtype == torch.bool and coded.counts.tolist() == counts
    assert torch.equal(huffman_decode(coded), symbols)


def test_nothing_to_code():
    coded = huffman_encode(torch.empty(0, dtype=torch.int64))
    assert not len(coded.bits) and coded.bits.dtype == torch.bool
    decoded = huffman_decode(coded)
    assert decoded.dtype == torch.int64 and not len(decoded)


def test_code_words_by_hand():
    """Counts 1, 2, 4: the two rarest share a parent, which is first beside the most frequent one."""
    coded = huffman_encode(torch.tensor([2, 2, 0, 1, 2, 1, 2]))
    assert "".join(str(int(bit)) for bit in coded.bits) == "1100011011"


def places(codes, size, reach):
    """The gaps and symbols as the paper stores them, place by place."""
    gaps, symbols, skipped = [], [], 0
    for code in codes:
        if code == size and skipped < reach - 1:
            skipped += 1
        elif code < size:
            gaps.append(skipped)
            symbols.append(code)
            skipped = 0
        else:
            gaps.append(skipped)
            symbols.append(size)
            skipped = 0
    while symbols and symbols[-1] == size:  # zeros after the last weight need no fillers
        gaps.pop()
        symbols.pop()
    return gaps, symbols


@pytest.mark.parametrize("gap_bits", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_storage_without_loss(gap_bits, share):
    generator = seeded(int(10 * share) + gap_bits)
    codes = torch.randint(3, (7, 5, 4), generator=generator)
    codes[torch.rand(7, 5, 4, generator=generator) < share] = 3
    stored = compress(codes, 3, gap_bits)
    gaps, symbols = places(codes.flatten().tolist(), 3, 2**gap_bits)
    assert huffman_decode(stored.gaps).tolist() == gaps and max(gaps, default=0) < 2**gap_bits
    assert huffman_decode(stored.symbols).tolist() == symbols
    assert torch.equal(decompress(stored), codes)
    assert stored_bits(stored, 8) == len(stored.gaps.bits) + len(stored.symbols.bits) + 24


def test_gaps_by_hand():
    """Weights at 1, 4 and 15 with gaps of three bits, the example of the paper's figure: a zero fills in at 12."""
    codes = torch.full((16,), 3)
    codes[[1, 4, 15]] = torch.tensor([0, 1, 2])
    stored = compress(codes, 3, 3)
    assert huffman_decode(stored.gaps).tolist() == [1, 2, 7, 2]
    assert huffman_decode(stored.symbols).tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), ()])
def test_storage_of_few_weights(shape):
    for code in (0, 1):
        codes = torch.full(shape, code)
        stored = compress(codes, 1, 2)
        assert torch.equal(decompress(stored), codes) and stored_bits(stored) == 32


def test_a_layer_comes_back():
    """Codes and values are all there is to a layer that has been shared."""
    made = share_(layer(), 4)
    inner = made.parametrizations.weight
    codes = decompress(compress(inner[0].codes, 4, 2))
    assert torch.equal(Shared(codes, 4)(inner.original), made.weight)
