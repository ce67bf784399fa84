"""The training loop step by step in NumPy, its evaluation, early stopping, and going on from any step."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from refimpl.foundations.training_loop import Epoch, Trainer, evaluate
from refimpl.training.early_stopping import EarlyStopping
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

METHOD = "training-loop"
MODULE = "refimpl.foundations.training_loop"
X, Y = randn(11, 3, seed=1), randn(11, 2, seed=2)


def linear(**options):
    torch.manual_seed(0)
    model = nn.Linear(3, 2, dtype=torch.float64)
    return Trainer(model, torch.optim.SGD(model.parameters(), lr=0.1), mse_loss, X, Y, **{"batch_size": 4, **options})


def rich(**options):
    """Everything that has a state: dropout, batch statistics, momentum, a schedule, early stopping."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 2)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    watch = {"validate": lambda m: evaluate(m, X[:3], Y[:3], mse_loss), "stopping": EarlyStopping(50)}
    return Trainer(model, optimizer, mse_loss, X, Y, 4, 3, scheduler=scheduler, **watch, **options)


def weights(trainer):
    return [v.clone() for v in trainer.model.state_dict().values()]


def test_steps_are_those_of_the_equation(record):
    """Two epochs in mini-batches of 4, 4 and 3, by the gradient of the squared error."""
    trainer = linear()
    w, b = (p.detach().numpy().copy() for p in (trainer.model.weight, trainer.model.bias))
    x, y = X.numpy(), Y.numpy()
    means, orders = [], []
    for _ in range(2):
        trainer.fit(len(means) + 1)
        order = trainer.order.tolist()
        orders.append(order)
        total = 0.0
        for rows in (order[:4], order[4:8], order[8:]):
            residual = x[rows] @ w.T + b - y[rows]
            total += (residual**2).mean() * len(rows)
            gradient = 2 * residual / residual.size
            w, b = w - 0.1 * gradient.T @ x[rows], b - 0.1 * gradient.sum(0)
        means.append(total / 11)
    gap = max(error(trainer.model.weight, torch.tensor(w)), error(trainer.model.bias, torch.tensor(b)))
    record(
        METHOD,
        MODULE,
        "weights after two epochs",
        "the equation in NumPy",
        error=gap,
        tolerance=1e-14,
        dtype=torch.float64,
        shapes="(11,3)",
    )
    gap = max(abs(e.loss - m) / m for e, m in zip(trainer.history, means, strict=True))
    record(METHOD, MODULE, "mean losses", "the equation in NumPy", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(11)) and orders[0] != orders[1] != list(range(11))


def test_losses_are_added_in_float64():
    trainer = linear()
    trainer.loss = lambda output, target: output.float().mean() * 0 + 0.1
    assert trainer.fit(1)[0].loss == pytest.approx(torch.tensor(0.1).item(), rel=1e-15)


def test_one_batch_is_gradient_descent():
    """With all examples in one mini-batch the order does not matter."""
    trainer, other = linear(batch_size=11), linear(batch_size=100, seed=5)
    trainer.fit(3), other.fit(3)
    assert torch.allclose(trainer.model.weight, other.model.weight, atol=1e-14) and not torch.equal(trainer.order, other.order)


def test_seed_decides_the_order():
    one, same, other = (linear(seed=seed) for seed in (7, 7, 8))
    for trainer in (one, same, other):
        trainer.fit(1)
    assert torch.equal(one.order, same.order) and not torch.equal(one.order, other.order)
    default = linear()
    default.step()
    assert torch.equal(default.order, torch.randperm(11, generator=torch.Generator().manual_seed(0)))
    trainer = Trainer(one.model, one.optimizer, mse_loss, X.repeat(9, 1), Y.repeat(9, 1))
    assert [trainer.step() for _ in range(4)] == [False, False, False, True] and trainer.batch_size == 32


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 7])
def test_goes_on_exactly(steps, record):
    through, broken = rich(), rich()
    through.fit(4)
    torch.manual_seed(0)
    broken = rich()
    for _ in range(steps):
        broken.step()
    file = io.BytesIO()
    torch.save(broken.state_dict(), file)
    file.seek(0)
    resumed = rich()
    resumed.fit(1)
    resumed.stopping.step(-1.0, resumed.model)
    torch.manual_seed(99)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.fit(4)
    gap = max(error(a.double(), e.double()) for a, e in zip(weights(resumed), weights(through), strict=True))
    record(METHOD, MODULE, f"saved after {steps} steps and resumed", "an uninterrupted run", error=gap, tolerance=0.0, dtype=torch.float64)
    assert resumed.history == through.history and resumed.stopping.best == through.stopping.best
    assert resumed.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 5)


def test_goes_on_without_options():
    through, broken, resumed = linear(), linear(), linear(seed=9)
    through.fit(2)
    broken.step()
    resumed.load_state_dict(broken.state_dict())
    resumed.fit(2)
    assert torch.equal(resumed.model.weight, through.model.weight) and resumed.history == through.history


class OnGPU:
    """Stands for inputs on a GPU where there is none."""

    device = torch.device("cuda", 0)

    def __len__(self):
        return 11


def test_random_state_of_a_gpu_goes_with_inputs_that_are_there(monkeypatch):
    numbers, asked, given = torch.arange(4, dtype=torch.uint8), [], []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: asked.append(device) or numbers)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: given.append((state.tolist(), device)))
    here, there = linear(), linear()
    there.input = OnGPU()
    without, with_it = here.state_dict(), there.state_dict()
    assert without["random on device"] is None and torch.equal(with_it["random on device"], numbers) and asked == [OnGPU.device]
    here.load_state_dict(with_it)
    there.load_state_dict(without)
    assert not given
    there.load_state_dict(with_it)
    assert given == [([0, 1, 2, 3], OnGPU.device)]


def test_evaluation_is_the_mean_over_rows_and_leaves_the_model_alone(record):
    model = rich().model
    before = [v.clone() for v in model.state_dict().values()]
    for mode in (True, False):
        model.train(mode)
        values = [evaluate(model, X, Y, mse_loss, size) for size in (1, 4, 11, 1024)]
        assert model.training is mode and model[3].training is mode
    model.eval()
    expected = np.mean([mse_loss(model(X[i : i + 1]), Y[i : i + 1]).item() for i in range(11)])
    gap = max(abs(v - expected) for v in values) / expected
    record(METHOD, MODULE, "evaluation in parts", "the mean over rows", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert evaluate(model, X, Y, mse_loss) == values[-1]
    sizes = []
    assert evaluate(nn.Identity(), torch.ones(1025, 1), torch.ones(1025, 1), lambda y, _: (sizes.append(len(y)), y.mean())[1]) == 1
    assert sizes == [1024, 1]
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), before, strict=True))

    def fail(output, target):
        assert not output.requires_grad
        raise RuntimeError("no loss")

    model.train()
    with pytest.raises(RuntimeError, match="no loss"):
        evaluate(model, X, Y, fail)
    assert model.training


def test_stops_and_restores_the_best_weights():
    seen = []

    def validate(model):
        seen.append([v.clone() for v in model.state_dict().values()])
        return [3.0, 1.0, 2.0, 2.0, 0.0][len(seen) - 1]

    trainer = linear(validate=validate, stopping=EarlyStopping(2))
    history = trainer.fit(10)
    assert [e.validation for e in history] == [3.0, 1.0, 2.0, 2.0] and trainer.stopped
    assert all(torch.equal(a, b) for a, b in zip(weights(trainer), seen[1], strict=True))
    assert trainer.fit(20) is history and len(history) == 4


def test_hooks_of_an_epoch():
    reports = []
    trainer = linear(validate=lambda m: torch.tensor(0.25), report=lambda n, e: reports.append((n, e)))
    trainer.fit(2)
    assert [n for n, _ in reports] == [1, 2] and [e for _, e in reports] == trainer.history
    assert isinstance(reports[0][1].validation, float) and linear().fit(1)[0].validation is None
    assert trainer.fit(1) == trainer.history and len(trainer.history) == 2  # two are over already
    assert isinstance(trainer.history[0], Epoch)


def test_trains_in_training_mode():
    trainer = rich()
    trainer.model.eval()
    trainer.step()
    assert trainer.model.training and trainer.model[1].num_batches_tracked == 1


def test_gradients_of_one_step_do_not_reach_the_next():
    trainer = linear()
    trainer.step()
    trainer.step()
    rows = trainer.order[4:8]
    model = nn.Linear(3, 2, dtype=torch.float64)
    model.load_state_dict(linear_after_one_step())
    mse_loss(model(X[rows]), Y[rows]).backward()
    assert torch.equal(trainer.model.weight.grad, model.weight.grad)


def linear_after_one_step():
    trainer = linear()
    trainer.step()
    return trainer.model.state_dict()


def test_bad_arguments_are_named():
    trainer, stopping = linear(), EarlyStopping(2)
    for call, message in (
        (lambda: linear(batch_size=0), r"^Trainer: batch_size must be at least 1, got 0$"),
        (lambda: linear(stopping=stopping), r"^Trainer: stopping needs validate, the number to stop on; got None$"),
        (
            lambda: Trainer(trainer.model, trainer.optimizer, mse_loss, X, Y[:3]),
            r"^Trainer: expected as many targets as inputs, and at least one, got 11 and 3$",
        ),
        (lambda: evaluate(trainer.model, X[:0], Y[:0], mse_loss), r"^evaluate: .* at least one, got 0 and 0$"),
        (lambda: evaluate(trainer.model, X, Y, mse_loss, 0), r"^evaluate: batch_size must be at least 1, got 0$"),
        (lambda: trainer.load_state_dict(rich().state_dict()), r"^Trainer: expected a state without scheduler, got one with$"),
        (
            lambda: linear(validate=evaluate, stopping=stopping).load_state_dict(trainer.state_dict()),
            r"^Trainer: expected a state with stopping, got one without$",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    evaluate(trainer.model, X[:1], Y[:1], mse_loss, 1)
    trainer.step()
    short = Trainer(trainer.model, trainer.optimizer, mse_loss, X[:5], Y[:5])
    with pytest.raises(ValueError, match=r"^Trainer: expected a state of 5 examples, got one of 11$"):
        short.load_state_dict(trainer.state_dict())
