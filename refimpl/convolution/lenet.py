r"""LeNet-5: the first convolutional network in wide use, as the paper describes it, for images of 32 x 32 pixels.

Paper
    LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of the
    IEEE 86, 1998: section II.B and figure 2 (layers), table I (connections of C3), equations 5 to 9, appendix A (squashing).

Equations (a weighted sum, r a window of 2 x 2 pixels of one map, P patterns of class d)
    squash      f(a) = A tanh(S a),   A = 1.7159,   S = 2 / 3
    subsample   y = f(w sum_{i in r} x_i + b)      one coefficient w and one bias b for each map
    table       map i of C3 sees of the six maps {i, i+1, i+2} for i < 6, {i, ..., i+3} for i < 12,
                {i, i+1, i+3, i+4} for i < 15, all modulo 6, and all six for i = 15
    rbf         y_i = sum_j (x_j - c_ij)^2         the penalty of class i, whose code c_i has 84 entries of -1 or +1
    loss        E = 1/P sum_p ( y_d + log(exp(-j) + sum_i exp(-y_i)) )

    C1 6 maps of 28 x 28, S2 6 of 14 x 14, C3 16 of 10 x 10, S4 16 of 5 x 5, C5 120 units, F6 84 units, 10 penalties

Deviations from the paper
    1. The ten codes are our own drawings of the digits on 7 x 12 pixels; the paper shows its own only as a picture.
    2. f is computed as tanh(2 / 3 a) 1.7159 with these rounded constants, so f(1) differs from 1 in the fifth digit.
    3. Biases are drawn from the same interval, +-2.4 / fan-in, as the weights of their unit.
    4. Training is left to any optimizer; the paper uses a stochastic diagonal Levenberg-Marquardt method.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CODES", "TABLE", "LeNet5", "Subsampling", "TableConv2d", "discriminative_loss", "penalties", "squash"]

AMPLITUDE, SLOPE = 1.7159, 2 / 3

TABLE = (
    *(tuple(sorted((i + k) % 6 for k in (0, 1, 2))) for i in range(6)),
    *(tuple(sorted((i + k) % 6 for k in (0, 1, 2, 3))) for i in range(6)),
    *(tuple(sorted((i + k) % 6 for k in (0, 1, 3, 4))) for i in range(3)),
    tuple(range(6)),
)
"""Which maps of S2 each of the 16 maps of C3 sees, ascending: table I of the paper."""

_DRAWINGS = """
 #####     #     #####   #####      ##  #######   ####  #######  #####   #####
##   ##   ##    ##   ## ##   ##    ###  ##       ##     ##   ## ##   ## ##   ##
##   ##  ###    ##   ##      ##   ####  ##      ##           ## ##   ## ##   ##
##   ##   ##         ##      ##  ## ##  ##      ##          ##  ##   ## ##   ##
##   ##   ##         ##      ##  ## ##  ######  ######      ##   ## ##  ##   ##
##   ##   ##        ##    ####  ##  ##  ##   ## ##   ##    ##     ###    ######
##   ##   ##       ##        ## ##  ##       ## ##   ##    ##    ## ##       ##
##   ##   ##      ##         ## #######      ## ##   ##   ##    ##   ##      ##
##   ##   ##     ##          ##     ##       ## ##   ##   ##    ##   ##      ##
##   ##   ##    ##      ##   ##     ##  ##   ## ##   ##   ##    ##   ##     ##
##   ##   ##    ##      ##   ##     ##  ##   ## ##   ##   ##    ##   ##    ##
 #####  ######  #######  #####      ##   #####   #####    ##     #####  ####
"""


def _codes() -> tuple[tuple[int, ...], ...]:
    rows = _DRAWINGS.strip("\n").split("\n")
    return tuple(tuple(1 if pixel == "#" else -1 for row in rows for pixel in row[8 * i : 8 * i + 7].ljust(7)) for i in range(10))


CODES = _codes()
"""The code of each digit: +1 where its drawing is black, -1 elsewhere, row by row."""


def squash(a: Tensor) -> Tensor:
    """The sigmoid of the paper, odd and nearly of slope one at 0, with f(1) = 1."""
    return AMPLITUDE * torch.tanh(SLOPE * a)


def penalties(x: Tensor, codes: Tensor) -> Tensor:
    """Squared distances of ``x`` ``(N, D)`` to each code ``(K, D)``: ``(N, K)``, smallest for the class that fits best.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    if x.dim() != 2 or codes.dim() != 2 or x.shape[1] != codes.shape[1]:
        raise ValueError(f"penalties: expected x (N, D) and codes (K, D), got {tuple(x.shape)} and {tuple(codes.shape)}")
    return (x[:, None] - codes).square().sum(2)


def discriminative_loss(penalty: Tensor, target: Tensor, rejection: float = 1.0) -> Tensor:
    """The paper's equation 9: lower the penalty of the right class, raise all others as far as they compete.

    Args:
        penalty: ``(N, K)``.
        target: the right classes, ``(N,)``.
        rejection: the paper's j, the penalty of a class "none of them"; one that exceeds it is hardly raised further.

    Raises:
        ValueError: a shape does not fit or the rejection is not positive.
    """
    if penalty.dim() != 2 or target.shape != penalty.shape[:1]:
        raise ValueError(
            f"discriminative_loss: expected penalty (N, K) and target (N,), got {tuple(penalty.shape)} and {tuple(target.shape)}"
        )
    if not rejection > 0:
        raise ValueError(f"discriminative_loss: rejection must be positive, got {rejection}")
    competing = F.pad(-penalty, (0, 1), value=-rejection)  # (N, K + 1)
    return penalty.gather(1, target[:, None]).mean() + competing.logsumexp(1).mean()


class Subsampling(nn.Module):
    """The sum of each 2 x 2 window, times a coefficient, plus a bias, squashed: ``(N, C, 2 H, 2 W)`` to ``(N, C, H, W)``."""

    def __init__(self, channels: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        channels = self.weight.shape[0]
        if input.dim() != 4 or input.shape[1] != channels or input.shape[2] % 2 or input.shape[3] % 2:
            raise ValueError(f"Subsampling: input must be (N, {channels}, H, W) with even H and W, got {tuple(input.shape)}")
        total = input[..., ::2, ::2] + input[..., ::2, 1::2] + input[..., 1::2, ::2] + input[..., 1::2, 1::2]
        return squash(torch.addcmul(self.bias[:, None, None], total, self.weight[:, None, None]))


class TableConv2d(nn.Module):
    """A convolution whose output maps see only some input maps: one kernel for each connection of the table.

    Args:
        table: for each output map the input maps that it sees.
        kernel_size: height and width of the kernels.
    """

    def __init__(
        self,
        table: tuple[tuple[int, ...], ...],
        kernel_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        pairs = torch.tensor([(o, c) for o, seen in enumerate(table) for c in seen], device=device)
        self.register_buffer("pairs", pairs.T)  # (2, connections): output and input map
        self.shape = len(table), 1 + max(map(max, table)), kernel_size, kernel_size
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel_size, kernel_size, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(len(table), device=device, dtype=dtype))

    def kernel(self) -> Tensor:
        """The kernels with zeros where there is no connection, ``(O, C, k, k)``."""
        return self.weight.new_zeros(self.shape).index_put(tuple(self.pairs), self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.kernel(), self.bias)


class LeNet5(nn.Module):
    """Images of 32 x 32 pixels to the penalties of ten classes; the smallest penalty is the answer.

    The paper's pixels are -0.1 for white and 1.175 for black, so that an image has mean about 0 and variance about 1.

    Shape: ``(N, 1, 32, 32)`` to ``(N, 10)``.
    """

    def __init__(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv2d(1, 6, 5, **new)
        self.s2 = Subsampling(6, **new)
        self.c3 = TableConv2d(TABLE, 5, **new)
        self.s4 = Subsampling(16, **new)
        self.c5 = nn.Conv2d(16, 120, 5, **new)
        self.f6 = nn.Linear(120, 84, **new)
        self.register_buffer("codes", torch.tensor(CODES, device=device, dtype=self.f6.weight.dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-2.4 / fan-in, where the fan-in of a unit is the number of its inputs."""
        units = [(layer, layer.weight.flatten(1).shape[1]) for layer in (self.c1, self.c5, self.f6)] + [(self.s2, 4), (self.s4, 4)]
        with torch.no_grad():
            for layer, fan_in in units:
                for parameter in layer.parameters():
                    parameter.uniform_(-2.4 / fan_in, 2.4 / fan_in)
            bound = 2.4 / self.c3.bias.new_tensor([len(maps) * self.c3.weight.flatten(1).shape[1] for maps in TABLE])
            for parameter, limit in ((self.c3.weight, bound[self.c3.pairs[0], None, None]), (self.c3.bias, bound)):
                parameter.uniform_(-1, 1).mul_(limit)

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[1:] != (1, 32, 32):
            raise ValueError(f"LeNet5: input must have shape (N, 1, 32, 32), got {tuple(input.shape)}")
        x = self.s2(squash(self.c1(input)))  # (N, 6, 14, 14)
        x = self.s4(squash(self.c3(x)))  # (N, 16, 5, 5)
        x = squash(self.c5(x)).flatten(1)  # (N, 120)
        return penalties(squash(self.f6(x)), self.codes)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    images, tests = (F.pad(F.interpolate(x, scale_factor=3), (4, 4, 4, 4)) * 1.275 - 0.1 for x in (data.x, data.x_test))
    model = LeNet5()
    print("trainable numbers:", sum(p.numel() for p in model.parameters()), "as in the paper: 60,000")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(1, 4):
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            discriminative_loss(model(images[batch]), data.y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = (model(tests).argmin(1) == data.y_test).double().mean().item()
        print(f"epoch {epoch}: {right:.3f} of the test digits are read rightly")
