"""The modules of the live demonstrations return what their names say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from refimpl.convolution.lenet import LeNet5
from refimpl.experiments import generative
from refimpl.foundations.activations import ACTIVATIONS
from refimpl.live import characters, digits, dropout, normalization, sorting, wasserstein
from refimpl.live.activations import LIVE, PARAMETERS, AllActivations
from refimpl.recurrent.lstm import LSTM
from refimpl.training.batch_norm import BatchNorm1d


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_activations_in_the_order_of_their_names():
    x = torch.linspace(-3, 3, 7)
    value, slope = AllActivations()(x)
    for k, row in enumerate(ACTIVATIONS.values()):
        assert torch.equal(value[k], row(x)) and torch.equal(slope[k], row.derivative(x))


def test_activations_with_each_value_of_their_parameter():
    x = torch.linspace(-3, 3, 7)
    value, slope = AllActivations()(x)
    for name, told in LIVE.facts["parameters"].items():
        parameter, _, values = PARAMETERS[name]
        for k, number in enumerate(values):
            row = told["first"] + k
            assert torch.equal(value[row], ACTIVATIONS[name](x, **{parameter: number}))
            assert torch.equal(slope[row], ACTIVATIONS[name].derivative(x, **{parameter: number}))
        default = told["first"] + told["default"]
        assert torch.equal(value[default], ACTIVATIONS[name](x))
    assert len(value) == row + 1


def test_normalization_is_the_layer_in_both_modes(generator):
    inputs = normalization.LIVE.parts()["batch-norm"].sample(generator)
    layer = BatchNorm1d(2, momentum=normalization.MOMENTUM)
    state = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "var"}
    layer.load_state_dict({name: inputs[source] for name, source in state.items()}, strict=False)
    before = inputs["mean"].clone()
    training, mean, var, evaluation = normalization.Points()(*inputs.values())
    assert torch.equal(training, layer(inputs["x"]))
    assert torch.equal(mean, layer.running_mean) and torch.equal(var, layer.running_var)
    assert torch.equal(evaluation, layer.eval()(inputs["x"]))
    assert torch.equal(inputs["mean"], before) and not torch.equal(mean, before)


def test_dropout_by_probability(generator):
    x, weight, uniform = dropout.LIVE.parts()["dropout"].sample(generator).values()
    inverted, original, variance, units, evaluation = dropout.Masks()(x, weight, uniform)
    for k in (0, 7, 18):
        p = dropout.PROBABILITIES[k]
        kept = x * (uniform >= p)
        torch.testing.assert_close(original[k], kept @ weight)
        torch.testing.assert_close(inverted[k], kept @ weight / (1 - p))
        torch.testing.assert_close(units[k], kept[0] / (1 - p))
        torch.testing.assert_close(evaluation[k], torch.stack((x @ weight, (1 - p) * x @ weight)))
        torch.testing.assert_close(variance[k], p / (1 - p) * (weight * x).square().sum())


def test_digits_show_the_layers_of_the_network(generator):
    part = digits.LIVE.parts()["digits"]
    found = part.run(part.sample(generator))
    image = found["image"]
    assert image.shape == (1, 1, 32, 32) and image[..., :4, :].eq(-0.1).all() and image.max() <= 1.175 + 1e-6
    assert isinstance(part.module.net, LeNet5) and torch.equal(found["penalties"], part.module.net(image))
    codes = torch.tensor(digits.CODES)
    torch.testing.assert_close(found["penalties"], (found["f6"] - codes).square().sum(1).unsqueeze(0))
    assert [tuple(found[name].shape[1:]) for name in ("c1", "s2", "c3", "s4")] == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]


def test_examples_are_read_as_their_class():
    """One stored example a class, in order; a nearest-mean classifier already tells most of them."""
    data = digits.digits_split()
    means = torch.stack([data.x[data.y == k].flatten(1).mean(0) for k in range(10)])
    examples = torch.tensor(digits.LIVE.facts["examples"]) / 16
    assert (torch.cdist(examples, means).argmin(1) == torch.arange(10)).sum() >= 8


def test_moved_images_keep_their_ink_and_differ(generator):
    image = F.pad(torch.rand(1, 1, 8, 8, generator=generator), (12, 12, 12, 12)).expand(40, -1, -1, -1)
    moved = digits.moved(image, generator)
    assert moved.shape == image.shape and not torch.allclose(moved[0], moved[1])
    assert moved.sum((1, 2, 3)).mean().item() == pytest.approx(image[0].sum().item(), rel=0.1)


def test_reading_step_by_step_is_the_lstm_over_the_whole_text():
    torch.manual_seed(0)
    model = characters.ReadCharacter()
    text = characters.encode("Gates (three) decide.")
    assert "".join(characters.ALPHABET[k] for k in text) == "gates (three) decide."
    reference = LSTM(len(characters.ALPHABET), characters.HIDDEN)
    reference.load_state_dict(model.lstm.state_dict())
    one_hot = F.one_hot(text, len(characters.ALPHABET)).float()
    outputs, (_, last) = reference(one_hot)
    h = c = torch.zeros(1, characters.HIDDEN)
    with torch.no_grad():
        for t, x in enumerate(one_hot):
            before = c
            chances, h, c, i, f, g, o = model(x.view(1, 1, -1), h, c)
            torch.testing.assert_close(h[0], outputs[t])
            torch.testing.assert_close(c, f * before + i * g)
            torch.testing.assert_close(h, o * c.tanh())
            torch.testing.assert_close(chances, model.read(h).softmax(1))
        torch.testing.assert_close(c, last)
        torch.testing.assert_close(model.cells(text)[-1:], c)
        torch.testing.assert_close(model.scores(text.unsqueeze(1))[-1].softmax(1), chances)


def test_features_of_a_text():
    assert characters.inside("a(bc)d").tolist() == [0, 1, 1, 1, 0, 0]
    assert characters.letters_since_space("ab c d").tolist() == [1, 2, 0, 1, 0, 1]
    assert characters.encode("A\n\tß(").tolist() == [1, 0, 0, characters.ALPHABET.index("(")]


def test_sorting_ignores_the_order_of_the_letters(generator):
    torch.manual_seed(0)
    model = sorting.Sorter()
    word = sorting.words(1, 6, generator)
    order = torch.randperm(6, generator=generator)
    (scores, ranks, choices), (again, _, permuted) = model(word), model(word[:, order])
    torch.testing.assert_close(scores, again)
    torch.testing.assert_close(choices[..., 1:][..., order], permuted[..., 1:])
    torch.testing.assert_close(choices.sum(-1), torch.ones(1, 6))
    assert ranks.shape == (1, sorting.HEADS, 7, 7)


def test_generators_are_copied_at_their_steps(monkeypatch):
    monkeypatch.setattr(generative, "STEPS", 40)
    monkeypatch.setattr(generative, "CHECK", 10)
    monkeypatch.setattr(generative, "SAMPLES", 200)
    monkeypatch.setattr(wasserstein, "STEPS", 40)
    monkeypatch.setattr(wasserstein, "STAGES", (10, 40))
    parts = wasserstein.LIVE.parts()
    assert list(parts) == ["wgan-gp-10", "wgan-gp-40", "gan"]
    values = wasserstein.LIVE.train(parts)
    seen = {}
    generative.train(wasserstein.SEED, True, lambda step, network: seen.update({step: network.state_dict()["0.weight"].clone()}))
    assert list(seen) == [10, 20, 30, 40]
    for step in (10, 40):
        assert torch.equal(parts[f"wgan-gp-{step}"].module[0].weight, seen[step])
    assert not torch.equal(parts["gan"].module[0].weight, seen[40])
    assert all(0 <= value <= 1 for value in values.values()) and len(values) == 2
