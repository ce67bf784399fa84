r"""McCulloch-Pitts neurons: all-or-none units with a threshold and a veto, from which every Boolean function can be built.

Paper
    McCulloch and Pitts, "A Logical Calculus of the Ideas Immanent in Nervous Activity", Bulletin of Mathematical
    Biophysics 5, 1943.

Equations (x excitatory and z inhibitory inputs, all 0 or 1; theta the threshold)
    output       y = 1[sum_i x_i >= theta] prod_j (1 - z_j)
    in-time      y(t + 1) = the same of the inputs and the outputs at t: a net with circles, one delay for each synapse
    normal-form  one unit for each row of a truth table that is 1, which fires on that row alone, and a unit for their OR

Deviations from the paper
    1. The paper writes its nets in the logic of propositions; the sum against a threshold is the later textbook form.
    2. An input may end on a unit several times; the number of its endings is the entry of ``connections``, negative for
       inhibitory ones, of which a single active one suffices.
    3. A threshold of 0 is allowed: such a unit fires unless it is inhibited. The paper negates only beside an excitation.
    4. A layer answers at once; only ``run`` has the delay of the synapses.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["McCullochPitts", "boolean_network", "conjunction", "disjunction", "mcculloch_pitts", "negation", "run"]


def mcculloch_pitts(input: Tensor, connections: Tensor, threshold: Tensor) -> Tensor:
    """Outputs 0 or 1 of a layer of units, in the dtype of the input.

    Args:
        input: 0 or 1, ``(..., I)``.
        connections: how often each input ends on each unit, ``(O, I)``: positive excites, negative inhibits, 0 is none.
        threshold: how many excited endings a unit needs, ``(O,)``.

    Returns:
        ``(..., O)``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    if not input.is_floating_point():
        raise ValueError(f"mcculloch_pitts: input must be floating point, got {input.dtype}")
    if connections.dim() != 2 or input.dim() < 1 or input.shape[-1] != connections.shape[1]:
        shapes = f"{tuple(connections.shape)} for {tuple(input.shape)}"
        raise ValueError(f"mcculloch_pitts: connections must be (O, I) for input (..., I), got {shapes}")
    if threshold.shape != connections.shape[:1]:
        raise ValueError(f"mcculloch_pitts: threshold must have shape ({len(connections)},), got {tuple(threshold.shape)}")
    excited = nn.functional.linear(input, connections.clamp_min(0)) >= threshold  # (..., O)
    inhibited = nn.functional.linear(input, connections.clamp_max(0)) < 0
    return (excited & ~inhibited).to(input.dtype)


def run(input: Tensor, connections: Tensor, threshold: Tensor, state: Tensor | None = None) -> Tensor:
    """The outputs of a net with circles at each time, one step after what caused them.

    Args:
        input: 0 or 1 from outside, ``(T, ..., I)``.
        connections: ``(O, I + O)``: the inputs from outside come first, then the units themselves.
        threshold: ``(O,)``.
        state: outputs at the first time, ``(..., O)``; silence by default.

    Returns:
        ``(T + 1, ..., O)``, from the first state to the state after the last input.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    if state is None:
        state = input.new_zeros(*input.shape[1:-1], len(connections))
    states = [state]
    for x in input:
        states.append(mcculloch_pitts(torch.cat([x, states[-1]], -1), connections, threshold))
    return torch.stack(states)


class McCullochPitts(nn.Module):
    """A layer of units.

    Args:
        connections: whole numbers, one row a unit; see :func:`mcculloch_pitts`.
        threshold: whole numbers of at least 0, one a unit.

    Shape: ``(..., I)`` to ``(..., O)``.

    Raises:
        ValueError: a number is not whole, a threshold is negative, or the shapes do not fit.
    """

    def __init__(
        self,
        connections: Tensor | Sequence[Sequence[float]],
        threshold: Tensor | Sequence[float],
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        new = {"device": device, "dtype": torch.get_default_dtype() if dtype is None else dtype}
        self.register_buffer("connections", torch.as_tensor(connections, **new).clone())
        self.register_buffer("threshold", torch.as_tensor(threshold, **new).clone())
        if self.connections.dim() != 2 or self.threshold.shape != self.connections.shape[:1]:
            shapes = f"{tuple(self.connections.shape)} and {tuple(self.threshold.shape)}"
            raise ValueError(f"McCullochPitts: expected connections (O, I) and threshold (O,), got {shapes}")
        for name, value in self.named_buffers():
            if not torch.equal(value, value.round()):
                raise ValueError(f"McCullochPitts: {name} must hold whole numbers, got {value.tolist()}")
        if (self.threshold < 0).any():
            raise ValueError(f"McCullochPitts: threshold must be non-negative, got {self.threshold.tolist()}")

    def forward(self, input: Tensor) -> Tensor:
        return mcculloch_pitts(input, self.connections, self.threshold)

    def extra_repr(self) -> str:
        return f"inputs={self.connections.shape[1]}, units={self.connections.shape[0]}"


def conjunction(inputs: int) -> McCullochPitts:
    """AND: fires when all inputs are 1."""
    return McCullochPitts(torch.ones(1, inputs), [inputs])


def disjunction(inputs: int) -> McCullochPitts:
    """OR: fires when any input is 1."""
    return McCullochPitts(torch.ones(1, inputs), [1])


def negation() -> McCullochPitts:
    """NOT: fires unless its input is 1."""
    return McCullochPitts([[-1]], [0])


def boolean_network(table: Tensor | Sequence[float]) -> nn.Sequential:
    """Two layers that compute a truth table: the disjunctive normal form.

    Args:
        table: 0 or 1 for each assignment of n inputs, ``(2^n,)``; the assignments count up in binary, the first input
            being the highest digit.

    Returns:
        A network from ``(..., n)`` to ``(..., 1)``.

    Raises:
        ValueError: the length is no power of two above 1, or an entry is neither 0 nor 1.
    """
    table = torch.as_tensor(table)
    inputs = len(table).bit_length() - 1
    if table.dim() != 1 or inputs < 1 or len(table) != 2**inputs:
        raise ValueError(f"boolean_network: table must have 2, 4, 8, ... entries, got shape {tuple(table.shape)}")
    if not ((table == 0) | (table == 1)).all():
        raise ValueError(f"boolean_network: table must hold 0 and 1, got {table.tolist()}")
    rows = assignments(inputs)[table == 1]  # (units, n)
    return nn.Sequential(McCullochPitts(2 * rows - 1, rows.sum(1)), disjunction(len(rows)))


def assignments(inputs: int) -> Tensor:
    """All rows of a truth table, ``(2^n, n)``, in the order of :func:`boolean_network`."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * inputs).view(-1, inputs)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    pairs = assignments(2)
    print("inputs ", [[int(v) for v in row] for row in pairs.tolist()])
    for name, net in (("AND", conjunction(2)), ("OR", disjunction(2)), ("XOR", boolean_network([0, 1, 1, 0]))):
        print(f"{name:7s}", net(pairs)[:, 0].int().tolist())
    same = sum(bool((boolean_network(t)(pairs)[:, 0] == t).all()) for t in assignments(4))
    print(f"{same} of the 16 functions of two inputs are computed by their two-layer net")
    events = torch.tensor([[0.0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]])  # set, reset
    latch = torch.tensor([[1.0, -1, 1]]), torch.tensor([1.0])
    print("a circle remembers that it was set until it is reset:", run(events, *latch)[:, 0].int().tolist())
