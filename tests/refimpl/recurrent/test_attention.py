"""What is special to attention: the four scores by hand, masks, the scale, dropout, and what a source prints wrongly."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.recurrent.attention import (
    AdditiveAttention,
    BilinearAttention,
    additive_mask,
    additive_scores,
    attend,
    bilinear_scores,
    causal_mask,
    dot_scores,
    scaled_dot_product_attention,
)
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_attention import METHOD, NONE_SEEN, SEEN, K, Q, V

MODULE = "refimpl.recurrent.attention"


def test_scores_by_hand(record):
    """q = (1, 2), k = (3, -1): q . k = 1, q . W k with W = [[0, 1], [2, 0]] is 11, and the additive score is 2 tanh(4) - 3 tanh(1)."""
    q, k = torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[3.0, -1.0]]).double()
    found = [
        dot_scores(q, k),
        dot_scores(q, k, 0.25),
        bilinear_scores(q, k, torch.tensor([[0.0, 1.0], [2.0, 0.0]]).double()),
        additive_scores(q, k, torch.tensor([2.0, -3.0]).double()),
    ]
    expected = [1.0, 0.25, 11.0, 2 * math.tanh(4) - 3 * math.tanh(1)]
    gap = error(torch.cat(found).flatten(), torch.tensor(expected, dtype=torch.float64))
    record(
        METHOD,
        MODULE,
        "dot, scaled, bilinear, additive score",
        "worked by hand",
        error=gap,
        tolerance=1e-6,
        dtype=torch.float64,
        shapes="(1,2)",
    )


def test_scale_is_the_root_of_the_size(record):
    """Over normal queries and keys q . k / sqrt(d) has variance 1; divided by d it has variance 1 / d.

    The variance of n independent products has standard error near sqrt(2 / n) (1 + 6 / d) / 2; the band is four of them.
    """
    n, d = 100_000, 64
    q, k = randn(n, 1, d, seed=11), randn(n, 1, d, seed=12)
    seen = []

    def spy(scores, value, mask=None, dropout_p=0.0):
        seen.append(scores)
        return attend(scores, value, mask, dropout_p)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("refimpl.recurrent.attention.attend", spy)
        scaled_dot_product_attention(q, k, k)
        scaled_dot_product_attention(q, k, k, scale=1 / d)
    variance, by_size = (s.var().item() for s in seen)
    band = 4 * math.sqrt((2 + 6 / d) / n)
    record(METHOD, MODULE, "variance of q . k / sqrt(d)", "1, closed form", error=abs(variance - 1), tolerance=band, dtype=torch.float64)
    record(
        METHOD,
        MODULE,
        "d times the variance of q . k / d",
        "1, closed form",
        error=abs(d * by_size - 1),
        tolerance=band,
        dtype=torch.float64,
    )


def test_division_by_the_size_is_not_the_papers():
    """Dividing by d = 5 rather than by its root gives other weights than PyTorch's."""
    right = F.scaled_dot_product_attention(Q, K, V)
    assert error(scaled_dot_product_attention(Q, K, V), right) < 1e-14
    assert error(scaled_dot_product_attention(Q, K, V, scale=1 / 5), right) > 0.05


def test_softmax_is_over_all_keys():
    """The softmax of one score alone is 1, so that the output would be the sum of the values and not their mean."""
    scores = dot_scores(Q, K)
    _, weights = attend(scores, V)
    assert error(weights.sum(-1), torch.ones(2, 3)) < 1e-15
    one_by_one = torch.cat([attend(scores[..., j : j + 1], V[:, j : j + 1])[1] for j in range(4)], -1)
    assert torch.equal(one_by_one, torch.ones(2, 3, 4).double())
    assert error(one_by_one @ V, V.sum(1, keepdim=True).expand(2, 3, 3)) < 1e-15


def test_projection_of_the_query_is_a_matrix():
    """With a vector in place of the matrix W the query only shifts each hidden unit alike: queries with the same product look the same."""
    layer = AdditiveAttention(2, 3, 4).double()
    assert layer.query_proj.weight.shape == (4, 2)
    assert layer.key_proj.weight.shape == (4, 3)
    u, keys = torch.tensor([1.0, 1.0]).double(), randn(3, 3, seed=13)
    queries = torch.tensor([[2.0, 0.0], [0.0, 2.0]]).double()
    by_matrix = layer(queries, keys)[1]
    by_vector = attend(additive_scores((queries @ u)[:, None].expand(2, 4), layer.key_proj(keys), layer.v), keys)[1]
    assert torch.equal(by_vector[0], by_vector[1])
    assert error(by_matrix[0], by_matrix[1]) > 1e-3


def test_equal_keys_give_the_mean_of_the_values():
    same = K[:, :1].expand(2, 4, 5)
    for output, _ in (
        attend(dot_scores(Q, same), V),
        AdditiveAttention(5, 5, 3).double()(Q, same, V),
        BilinearAttention(5, 5).double()(Q, same, V),
    ):
        assert error(output, V.mean(1, keepdim=True).expand(2, 3, 3)) < 1e-14


def test_order_of_the_keys_does_not_matter():
    order = torch.tensor([2, 0, 3, 1])
    assert error(scaled_dot_product_attention(Q, K[:, order], V[:, order]), scaled_dot_product_attention(Q, K, V)) < 1e-14


def test_masked_keys_do_not_matter():
    """Equal, to the last bit, to attention over the seen keys alone."""
    only = scaled_dot_product_attention(Q[:, 1:2], K[:, 1:2], V[:, 1:2])
    assert torch.equal(scaled_dot_product_attention(Q[:, 1:2], K, V, SEEN[1:2]), only)
    huge = torch.where(SEEN[1].view(4, 1), V, 1e300)
    assert torch.equal(scaled_dot_product_attention(Q[:, 1:2], K, huge, SEEN[1:2]), only)


def test_query_that_sees_no_key_has_no_gradient():
    q, k, v = (x.clone().requires_grad_() for x in (Q, K, V))
    output, weights = attend(dot_scores(q, k), v, NONE_SEEN)
    assert not output[:, 1].any() and not weights[:, 1].any()
    output.sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in (q, k, v))
    assert not q.grad[:, 1].any() and q.grad[:, 0].any()


def test_causal_mask_hides_the_future(record):
    """The Jacobian of output i by key and value j is zero for j > i."""
    x = randn(1, 4, 3, seed=14)
    jacobian = torch.autograd.functional.jacobian(lambda kv: scaled_dot_product_attention(x, kv, kv, is_causal=True), x)
    size = jacobian.abs().sum((0, 2, 3, 5))  # (output position, input position)
    assert (size.tril() > 0).sum() == 10
    record(METHOD, MODULE, "influence of later positions", "0", error=size.triu(1).max().item(), tolerance=0.0, dtype=torch.float64)
    assert causal_mask(2, 3).tolist() == [[True, False, False], [True, True, False]]
    assert causal_mask(1, 1, "meta").device.type == "meta"


def test_additive_mask():
    mask = additive_mask(torch.tensor([True, False]), torch.float16)
    assert mask.tolist() == [-math.inf, 0.0] and mask.dtype == torch.float16
    assert additive_mask(torch.tensor([1.5], dtype=torch.float64), torch.float32).dtype == torch.float32


def test_mask_of_another_dtype_keeps_the_dtype():
    assert attend(torch.zeros(2, 2).half(), torch.ones(2, 1).half(), torch.zeros(2, 2).double())[0].dtype == torch.float16


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_dropout(p, record):
    """Kept weights grow by 1 / (1 - p); the share kept is 1 - p within four standard errors; with the same seed PyTorch drops the same."""
    scores, value = randn(200, 200, seed=15), randn(200, 2, seed=16)
    plain = attend(scores, value)[1]
    output, weights = attend(scores, value, dropout_p=p)
    kept = weights != 0
    assert error(output, weights @ value) < 1e-14
    if p == 1.0:
        assert not kept.any()
        return
    assert error(weights[kept], plain[kept] / (1 - p)) < 1e-14
    share, sigma = kept.double().mean().item(), math.sqrt(p * (1 - p) / 40_000)
    record(
        METHOD,
        MODULE,
        "share of weights kept",
        "1 - p",
        error=abs(share - (1 - p)),
        tolerance=4 * sigma,
        dtype=torch.float64,
        shapes="(200,200)",
    )
    query = randn(1, 1, 9, 5, seed=17)
    torch.manual_seed(3)
    ours = scaled_dot_product_attention(query, query, query, dropout_p=p)
    torch.manual_seed(3)
    assert error(ours, F.scaled_dot_product_attention(query, query, query, dropout_p=p)) < 1e-14
    assert error(ours, scaled_dot_product_attention(query, query, query)) > 0.01


def test_dropout_outside_its_range_is_refused():
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"dropout_p must lie in \[0, 1\], got {p}"):
            scaled_dot_product_attention(Q, K, V, dropout_p=p)


def test_precomputed_keys_give_the_same():
    """A decoder projects the keys once and scores each step's query against them."""
    layer = AdditiveAttention(5, 5, 3).double()
    key = layer.key_proj(K)
    steps = [attend(additive_scores(layer.query_proj(Q[:, t : t + 1]), key, layer.v), V)[0] for t in range(3)]
    assert error(torch.cat(steps, 1), layer(Q, K, V)[0]) < 1e-14


def test_initialization_and_factory_arguments():
    """U(-1/sqrt(fan in), 1/sqrt(fan in)) for the additive score, Xavier's for the bilinear one; four standard errors of the variance."""
    layer = AdditiveAttention(200, 100, 10_000)
    for weight, bound in ((layer.query_proj.weight, 200**-0.5), (layer.key_proj.weight, 0.1), (layer.v, 0.01)):
        assert weight.abs().max() <= bound
        assert abs(weight.var().item() / (bound**2 / 3) - 1) < 4 * math.sqrt(0.8 / weight.numel())
    weight = BilinearAttention(300, 100).weight
    assert weight.shape == (300, 100)
    assert abs(weight.var().item() / (2 / 400) - 1) < 4 * math.sqrt(0.8 / weight.numel())
    assert layer.state_dict().keys() == {"query_proj.weight", "key_proj.weight", "v"}
    for half in (AdditiveAttention(2, 3, 4, "meta", torch.float16), BilinearAttention(2, 3, "meta", torch.float16)):
        assert {(p.dtype, p.device.type) for p in half.parameters()} == {(torch.float16, "meta")}
    assert repr(BilinearAttention(2, 3)) == "BilinearAttention(query_dim=2, key_dim=3)"


def test_new_tensors_are_on_the_device_of_the_input():
    with torch.device("meta"):
        found = (
            scaled_dot_product_attention(Q, K, V, is_causal=True),
            scaled_dot_product_attention(Q, K, V, SEEN),
            additive_mask(SEEN, Q.dtype),
        )
    assert {x.device.type for x in found} == {"cpu"}
