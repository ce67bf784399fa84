"""What is special to segmentation: decoding against every sequence, tags and words, marginals, and a lexicon that is learned."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from refimpl.language.chinese_segmentation import (
    CRF,
    TAGS,
    BiLSTMCRF,
    allowed_tags,
    crf_decode,
    crf_log_partition,
    crf_score,
    segmentation_f1,
    tags_of,
    words_of,
)
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.language.cases_chinese_segmentation import END, LENGTHS, METHOD, START, STEPS, SUMMED, TEXT, F, path_score

MODULE = "refimpl.language.chinese_segmentation"


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_decoding_against_every_sequence(lengths, record):
    tags, score = crf_decode(*SUMMED, lengths)
    worst = 0.0
    for n, length in enumerate([4] * 3 if lengths is None else lengths.tolist()):
        paths = {y: path_score(F[n], y, START, STEPS, END).item() for y in product(range(3), repeat=length)}
        best = max(paths, key=paths.get)
        assert tags[n].tolist() == [*best, *[-1] * (4 - length)]
        worst = max(worst, abs(score[n].item() - paths[best]))
    what = "best score" + ("" if lengths is None else ", lengths")
    record(METHOD, MODULE, what, "every tag sequence", error=worst, tolerance=1e-13, dtype=torch.float64, shapes="(3,4,3)")


def test_best_score_is_that_of_the_best_tags(record):
    f, start, steps, end = randn(20, 9, 4, seed=1), randn(4, seed=2), randn(4, 4, seed=3), randn(4, seed=4)
    tags, score = crf_decode(f, start, steps, end)
    gap = error(crf_score(f, tags, start, steps, end), score)
    record(METHOD, MODULE, "score of the best tags", "best score", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(20,9,4)")
    assert (crf_log_partition(f, start, steps, end) > score).all()
    cold = crf_log_partition(f * 1e3, start * 1e3, steps * 1e3, end * 1e3) / 1e3
    assert error(cold, score) < 1e-2


def test_gradient_of_the_sum_is_the_probability_of_each_tag(record):
    f = F.clone().requires_grad_()
    (found,) = torch.autograd.grad(crf_log_partition(f, START, STEPS, END).sum(), f)
    expected = torch.zeros_like(F)
    for n in range(3):
        paths = {y: path_score(F[n], y, START, STEPS, END) for y in product(range(3), repeat=4)}
        p = torch.stack(list(paths.values())).softmax(0)
        for y, share in zip(paths, p, strict=True):
            for t, k in enumerate(y):
                expected[n, t, k] += share
    record(
        METHOD, MODULE, "marginal probabilities", "every tag sequence", error=error(found, expected), tolerance=1e-13, dtype=torch.float64
    )


def test_padding_does_not_count():
    changed = F.clone()
    changed[1, 1:], changed[2, 3:] = 99.0, -99.0
    for call in (crf_log_partition, lambda *a: crf_decode(*a)[1]):
        assert torch.equal(call(F, START, STEPS, END, LENGTHS), call(changed, START, STEPS, END, LENGTHS))
    model, text = randomize(BiLSTMCRF(5, 2, 3)), TEXT.clone()
    lengths = torch.tensor([4, 2])
    text[1, 2:] = 1
    assert torch.equal(model.emissions(text, lengths)[1, :2], model.emissions(TEXT, lengths)[1, :2])
    assert error(model.emissions(TEXT, torch.tensor([4, 4])), model.emissions(TEXT)) == 0
    assert model.decode(TEXT, lengths)[1, 2:].tolist() == [-1, -1]


def test_impossible_tags_have_no_probability():
    model, total = randomize(CRF(4, allowed_tags())), 0.0
    for y in product(range(4), repeat=3):
        p = model(randn(1, 3, 4, seed=1), torch.tensor([y])).exp().item()
        words = "".join(TAGS[k] for k in y)
        possible = words == tags_of(words_of("一二三", words))
        assert (p > 0) == possible
        total += p
    assert total == pytest.approx(1, abs=1e-12)
    f = torch.zeros(1, 3, 4, dtype=torch.float64)
    f[0, :, 1] = 50.0  # M everywhere is best but impossible
    assert "".join(TAGS[k] for k in model.decode(f)[0]) == "BME"
    (gradient,) = torch.autograd.grad(-model(randn(1, 3, 4, seed=1), torch.tensor([[0, 2, 3]])).sum(), model.transitions)
    assert gradient.isfinite().all() and not gradient[~allowed_tags()[0]].any()


def test_one_tag_is_certain():
    model = randomize(CRF(1))
    assert model(F[..., :1], torch.zeros(3, 4).long(), LENGTHS).abs().max() < 1e-13
    assert model.decode(F[..., :1], LENGTHS).tolist() == [[0, 0, 0, 0], [0, -1, -1, -1], [0, 0, 0, -1]]


def test_devices_and_dtypes():
    assert all(a.is_meta for a in allowed_tags("meta"))
    assert all(v.is_meta for v in CRF(4, allowed_tags(), device="meta").state_dict().values())
    tags, score = crf_decode(*SUMMED, LENGTHS)
    with torch.device("meta"):
        found = crf_decode(*SUMMED, LENGTHS)
    assert torch.equal(found[0], tags) and torch.equal(found[1], score)
    assert crf_decode(*(v.bfloat16() for v in SUMMED))[1].dtype == torch.bfloat16


def test_names_and_start_of_the_package():
    model = CRF(5)
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert shapes == {"transitions": (5, 5), "start_transitions": (5,), "end_transitions": (5,)}
    blocked = CRF(4, allowed_tags()).state_dict().keys() - shapes.keys()
    assert blocked == {"blocked_step", "blocked_first", "blocked_last"}
    assert all(0.05 < p.abs().max() <= 0.1 for p in CRF(40).parameters())
    made = BiLSTMCRF(5, 2, 3, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}
    assert BiLSTMCRF(5, 2, 3).crf.blocked_step is not None and BiLSTMCRF(5, 2, 3, 7).crf.blocked_step is None


def test_the_package(record):
    package = pytest.importorskip("torchcrf")
    ours, theirs = randomize(CRF(3)), package.CRF(3, batch_first=True).double()
    theirs.load_state_dict(ours.state_dict())
    mask, tags = torch.arange(4) < LENGTHS[:, None], torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]])
    gap = error(ours(F, tags, LENGTHS), theirs(F, tags, mask, reduction="none"))
    record(METHOD, MODULE, "likelihood", "pytorch-crf", error=gap, tolerance=1e-13, dtype=torch.float64)
    assert [[k for k in row if k >= 0] for row in ours.decode(F, LENGTHS).tolist()] == theirs.decode(F, mask)


def test_tags_and_words():
    words = ["研究生", "在", "大学", "研究生命科学"]
    assert tags_of(words) == "BMESBEBMMMME"
    assert words_of("".join(words), tags_of(words)) == words
    assert words_of("一二三四", "MEBB") == ["一二", "三", "四"]  # tags that do not fit still give words
    assert words_of("一二三", "BSM") == ["一", "二", "三"] and words_of("", "") == [] and tags_of([]) == ""
    step, first, last = allowed_tags()
    assert step.sum() == 8 and first.tolist() == [True, False, False, True] and last.tolist() == [False, False, True, True]


def test_f1_by_hand():
    true, found = [["一二", "三", "四"], ["五"]], [["一二", "三四"], ["五"]]
    assert segmentation_f1(true, found) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert segmentation_f1(true, true) == 1.0 and segmentation_f1([["一", "二"]], [["一二"]]) == 0.0
    assert segmentation_f1([], []) == 1.0
    assert segmentation_f1([["一"], ["二三"]], [["一"], ["二", "三"]]) == pytest.approx(0.4)


@pytest.mark.slow
def test_it_learns_a_lexicon(record):
    torch.manual_seed(0)
    lexicon = ["01", "2", "34", "013", "42", "0"]  # digits for characters; 01 3, 013 and 0 overlap

    def sentences(count):
        return [[lexicon[i] for i in torch.randint(len(lexicon), (4,)).tolist()] for _ in range(count)]

    def batch(rows):
        texts = ["".join(r) for r in rows]
        longest = max(map(len, texts))
        characters = torch.tensor([[int(c) for c in t.ljust(longest, "0")] for t in texts])
        tags = torch.tensor([[TAGS.index(k) for k in tags_of(r).ljust(longest, "S")] for r in rows])
        return characters, tags, torch.tensor([len(t) for t in texts])

    model = BiLSTMCRF(5, 8, 12)
    adam = torch.optim.Adam(model.parameters(), 2e-2)
    for _ in range(100):
        adam.zero_grad()
        (-model(*batch(sentences(16))).mean()).backward()
        adam.step()
    rows = sentences(100)
    characters, _, lengths = batch(rows)
    tags = ["".join(TAGS[k] for k in row if k >= 0) for row in model.decode(characters, lengths).tolist()]
    score = segmentation_f1(rows, [words_of("".join(r), t) for r, t in zip(rows, tags, strict=True)])
    record(METHOD, MODULE, "1 - F1 on new sentences of a lexicon", "the sentences", error=1 - score, tolerance=0.2)
