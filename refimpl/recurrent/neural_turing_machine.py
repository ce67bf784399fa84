r"""Neural Turing machine: a network that reads and writes a memory through weights over its rows, all of it differentiable.

Paper
    Graves, Wayne and Danihelka, "Neural Turing Machines", 2014, arXiv:1410.5401, section 3 (reading, writing, addressing,
    equations 1 to 9).

Equations (memory M of N rows of width W, weights w over the rows, k key, a added and e erased vector, K cosine similarity)
    read           r = sum_i w(i) M(i)
    write          M(i) <- M(i) * (1 - w(i) e) + w(i) a
    content        w_c(i) = softmax_i(beta K[k, M(i)])
    interpolation  w_g = g w_c + (1 - g) w_before
    shift          w_s(i) = sum_j w_g(j) s(i - j),   indices modulo N
    sharpening     w(i) = w_s(i)^gamma / sum_j w_s(j)^gamma
    machine        h_t = LSTM([x_t; r_{t-1}]),   each head's k, beta, g, s, gamma (e, a) linear in h_t and squashed,
                   write M_t by M_{t-1}, read r_t from M_t,   y_t = O [h_t; r_t]

Deviations from the paper
    1. beta = softplus, g = sigmoid, s = softmax over shifts of at most ``shifts`` rows, gamma = 1 + softplus, e = sigmoid;
       the paper says which ranges they have, not by which functions.
    2. One head that reads and one that writes; the write comes first in each step.
    3. Before the power of the sharpening, weights are divided by the largest: the same value, which does not underflow.
    4. Memory starts at 1e-6 everywhere, both heads at row 0, r_0 is zero. The paper learns a start.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.lstm import LSTM

__all__ = ["NeuralTuringMachine", "address", "content_weights", "read", "sharpen", "shift", "write"]

State = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def read(memory: Tensor, weights: Tensor) -> Tensor:
    """Mean of the rows ``(B, N, W)`` with weights ``(B, N)``: ``(B, W)``."""
    _rows("read", memory, weights=weights)
    return torch.bmm(weights.unsqueeze(1), memory).squeeze(1)


def write(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """The memory ``(B, N, W)`` after erasing and adding vectors ``(B, W)`` at weights ``(B, N)``."""
    _rows("write", memory, weights=weights)
    at = weights.unsqueeze(2)  # (B, N, 1)
    return torch.addcmul(memory * (1 - at * erase.unsqueeze(1)), at, add.unsqueeze(1))


def content_weights(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    """Weights ``(B, N)`` by cosine similarity of the rows ``(B, N, W)`` with a key ``(B, W)``, times a strength ``(B, 1)``."""
    if memory.dim() != 3 or key.shape != memory.shape[::2] or strength.shape != (len(memory), 1):
        got = f"{tuple(memory.shape)}, {tuple(key.shape)} and {tuple(strength.shape)}"
        raise ValueError(f"content_weights: expected memory (B, N, W), key (B, W) and strength (B, 1), got {got}")
    return (strength * F.cosine_similarity(memory, key.unsqueeze(1), dim=2)).softmax(1)


def shift(weights: Tensor, shares: Tensor) -> Tensor:
    """Circular convolution of weights ``(B, N)`` with shares ``(B, 2 S + 1)`` of the shifts -S ... S."""
    if weights.dim() != 2 or shares.dim() != 2 or len(shares) != len(weights) or shares.shape[1] % 2 == 0:
        got = f"{tuple(weights.shape)} and {tuple(shares.shape)}"
        raise ValueError(f"shift: expected weights (B, N) and shares (B, 2 S + 1), got {got}")
    most = shares.shape[1] // 2
    turned = torch.stack([weights.roll(by, 1) for by in range(-most, most + 1)], 1)  # (B, 2 S + 1, N)
    return torch.bmm(shares.unsqueeze(1), turned).squeeze(1)


def sharpen(weights: Tensor, power: Tensor) -> Tensor:
    """Weights ``(B, N)`` to a power ``(B, 1)`` of at least 1, made to sum to one again."""
    raised = (weights / weights.amax(1, keepdim=True)).pow(power)
    return raised / raised.sum(1, keepdim=True)


def address(memory: Tensor, before: Tensor, key: Tensor, strength: Tensor, gate: Tensor, shares: Tensor, power: Tensor) -> Tensor:
    """Weights ``(B, N)`` of a head from where it was and from what its controller says.

    Args:
        memory: ``(B, N, W)``.
        before: the head's weights at the step before, ``(B, N)``.
        key: ``(B, W)``.
        strength, gate, power: beta, g and gamma, each ``(B, 1)``.
        shares: s, ``(B, 2 S + 1)``.
    """
    _rows("address", memory, before=before)
    return sharpen(shift(torch.lerp(before, content_weights(memory, key, strength), gate), shares), power)


def _rows(function: str, memory: Tensor, **weights: Tensor) -> None:
    for name, value in weights.items():
        if memory.dim() != 3 or value.shape != memory.shape[:2]:
            got = f"{tuple(memory.shape)} and {tuple(value.shape)}"
            raise ValueError(f"{function}: expected memory (B, N, W) and {name} (B, N), got {got}")


class NeuralTuringMachine(nn.Module):
    """The machine with an LSTM as its controller.

    Args:
        input_size, output_size: numbers read and given at each step.
        controller_size: units H of the LSTM.
        rows, width: size of the memory, N and W.
        shifts: rows by which a head may move in a step.

    Shape: input ``(T, B, input_size)`` to output ``(T, B, output_size)`` and the state to go on from: the controller's h
    and c, ``(1, B, H)``, memory ``(B, N, W)``, weights that wrote and that read ``(B, N)``, what was read ``(B, W)``.

    Raises:
        ValueError: a size is not positive; in a call, a shape does not fit.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        controller_size: int = 100,
        rows: int = 128,
        width: int = 20,
        shifts: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "output_size": output_size, "controller_size": controller_size, "rows": rows, "width": width}
        for name, value in {**sizes, "shifts": shifts}.items():
            if value < 1:
                raise ValueError(f"NeuralTuringMachine: {name} must be positive, got {value}")
        self.rows, self.width = rows, width
        self.parts = (width, 1, 1, 2 * shifts + 1, 1)  # k, beta, g, s, gamma
        new = {"device": device, "dtype": dtype}
        self.controller = LSTM(input_size + width, controller_size, **new)
        self.reader = nn.Linear(controller_size, sum(self.parts), **new)
        self.writer = nn.Linear(controller_size, sum(self.parts) + 2 * width, **new)  # and e, a
        self.output = nn.Linear(controller_size + width, output_size, **new)

    def start(self, batch: int) -> State:
        """The state before the first step."""
        blank = self.output.weight.new_zeros(1, batch, self.controller.hidden_size)
        memory = blank.new_full((batch, self.rows, self.width), 1e-6)
        focus = F.one_hot(torch.zeros(batch, dtype=torch.long, device=blank.device), self.rows).to(blank.dtype)
        return blank, blank, memory, focus, focus, blank.new_zeros(batch, self.width)

    def _address(self, memory: Tensor, before: Tensor, said: Tensor) -> Tensor:
        key, strength, gate, shares, power = said.split(self.parts, 1)
        return address(memory, before, key, F.softplus(strength), gate.sigmoid(), shares.softmax(1), 1 + F.softplus(power))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step from an input ``(B, input_size)``."""
        h, c, memory, wrote, reading, seen = state
        y, (h, c) = self.controller(torch.cat((x, seen), 1).unsqueeze(0), (h, c))
        y = y.squeeze(0)  # (B, H)
        said, erase, add = self.writer(y).split((sum(self.parts), self.width, self.width), 1)
        wrote = self._address(memory, wrote, said)
        memory = write(memory, wrote, erase.sigmoid(), add)
        reading = self._address(memory, reading, self.reader(y))
        seen = read(memory, reading)
        return self.output(torch.cat((y, seen), 1)), (h, c, memory, wrote, reading, seen)

    def forward(self, input: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        if input.dim() != 3 or not len(input):
            raise ValueError(f"NeuralTuringMachine: input must have shape (T, B, input_size) with T > 0, got {tuple(input.shape)}")
        state, outputs = self.start(input.shape[1]) if state is None else state, []
        for x in input:
            y, state = self.step(x, state)
            outputs.append(y)
        return torch.stack(outputs), state

    def extra_repr(self) -> str:
        return f"rows={self.rows}, width={self.width}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    memory, focus = torch.full((1, 6, 3), 1e-6), F.one_hot(torch.tensor([0]), 6).float()
    one, stay, forward = torch.ones(1, 1), torch.tensor([[0.0, 1, 0]]), torch.tensor([[0.0, 0, 1]])
    print("heads moved by hand: write three vectors into rows 0, 1, 2, find the first by its content, read on from there")
    for vector in torch.eye(3):
        memory = write(memory, focus, torch.ones(1, 3), vector.unsqueeze(0))
        focus = address(memory, focus, vector.unsqueeze(0), one, 0 * one, forward, one)
    key = torch.tensor([[1.0, 0.1, 0.0]])
    focus = address(memory, focus, key, 30 * one, one, stay, 3 * one)
    for _ in range(3):
        print("  at row", focus.argmax().item(), "reads", [round(v, 3) for v in read(memory, focus)[0].tolist()])
        focus = address(memory, focus, key, one, 0 * one, forward, 3 * one)
