"""What is special to autoencoders: the linear one finds the principal components, noise and penalties do what they say."""

from __future__ import annotations

import torch

from refimpl.foundations.autoencoder import (
    Autoencoder,
    TiedAutoencoder,
    contractive_penalty,
    corrupt,
    reconstruction_loss,
    sparsity_penalty,
)
from tests.refimpl.foundations.cases_autoencoder import ACTIVE, METHOD, X
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.autoencoder"


def test_linear_autoencoder_finds_the_principal_components(record):
    """Its smallest loss is what the discarded eigenvalues of the covariance add up to, and its outputs are the projections."""
    data = randn(40, 5, seed=1) * torch.tensor([3.0, 2, 1, 0.5, 0.2]).double() @ randn(5, 5, seed=2)
    data = data - data.mean(0)
    model = randomize(Autoencoder((5, 2), dtype=torch.float64), scale=0.3)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=300, history_size=50, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = reconstruction_loss(model(data), data)
        loss.backward()
        return loss

    optimizer.step(closure)
    values, axes = torch.linalg.eigh(data.T @ data / len(data))
    with torch.no_grad():
        gap = max(error(reconstruction_loss(model(data), data), values[:3].sum()), error(model(data), data @ axes[:, 3:] @ axes[:, 3:].T))
    record(METHOD, MODULE, "a trained linear autoencoder", "principal components", error=gap, tolerance=1e-6, dtype=torch.float64)


def test_noise_sets_numbers_to_zero():
    x = torch.ones(200, 100, dtype=torch.float64)
    noisy = corrupt(x, 0.3, torch.Generator().manual_seed(0))
    zeros = int((noisy == 0).sum())
    assert set(noisy.unique().tolist()) == {0, 1}
    assert abs(zeros - 0.3 * 20_000) < 4 * (20_000 * 0.3 * 0.7) ** 0.5  # four standard deviations
    assert torch.equal(corrupt(x, 0.0), x) and not corrupt(x, 1.0).any()
    assert torch.equal(corrupt(x, 0.3, torch.Generator().manual_seed(0)), noisy)
    assert corrupt(X.bfloat16(), 0.5).dtype == torch.bfloat16
    assert corrupt(X.to("meta"), 0.5).is_meta


def test_without_noise_a_number_stays_even_where_0_is_drawn(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    assert torch.equal(corrupt(X, 0.0), X)


def test_contractive_penalty_of_a_model(record):
    model = randomize(TiedAutoencoder(3, 2))
    jacobian = torch.func.vmap(torch.func.jacrev(model.encoder))(X)
    gap = error(contractive_penalty(model.sums(X), model.weight), jacobian.square().sum((1, 2)).mean())
    record(METHOD, MODULE, "contractive penalty of a model", "torch.func.jacrev", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_sparsity_costs_nothing_at_its_target():
    assert sparsity_penalty(torch.full((4, 3), 0.05, dtype=torch.float64)).abs() < 1e-15
    assert sparsity_penalty(ACTIVE, 0.2) > 0
    mean = torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64)
    assert sparsity_penalty(mean, 0.2) == sparsity_penalty(mean.flip(0), 0.2)


def test_deep_model_is_two_perceptrons():
    model = Autoencoder((6, 4, 2), "relu", "tanh", "sigmoid", dtype=torch.float64)
    sizes = [tuple(p.shape) for p in (model.encoder[0].weight, model.encoder[2].weight, model.decoder[0].weight, model.decoder[2].weight)]
    assert sizes == [(4, 6), (2, 4), (4, 2), (6, 4)]
    assert [part[i].name for part, i in ((model.encoder, 1), (model.encoder, 3), (model.decoder, 1), (model.decoder, 3))] == [
        "relu",
        "tanh",
        "relu",
        "sigmoid",
    ]
    assert (
        len(Autoencoder((6, 4, 2)).encoder) == len(Autoencoder((6, 4, 2)).decoder) == 3
        and Autoencoder((6, 4, 2)).encoder[1].name == "sigmoid"
    )


def test_tied_model_starts_without_biases():
    model = TiedAutoencoder(4, 2)
    assert not model.code_bias.any() and not model.output_bias.any() and model.weight.std() > 0
    assert repr(model) == "TiedAutoencoder(in_features=4, code_features=2, activation=sigmoid, output=sigmoid)"
    assert model.state_dict().keys() == {"weight", "code_bias", "output_bias"}
    assert repr(TiedAutoencoder(1, 1)) == "TiedAutoencoder(in_features=1, code_features=1, activation=sigmoid, output=sigmoid)"


def test_tied_weights_start_uniform_between_the_bounds_of_glorot():
    weight, bound = TiedAutoencoder(300, 100).weight, (6 / 400) ** 0.5
    assert weight.abs().max() <= bound
    assert abs(weight.var().item() / (bound**2 / 3) - 1) < 4 * (0.8 / 30_000) ** 0.5  # four standard deviations


def test_factory_arguments():
    for model in (Autoencoder((3, 2), device="meta", dtype=torch.float16), TiedAutoencoder(3, 2, device="meta", dtype=torch.float16)):
        assert {(p.dtype, p.device.type) for p in model.parameters()} == {(torch.float16, "meta")}
