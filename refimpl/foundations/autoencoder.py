r"""Autoencoders: learn a code from which the input can be rebuilt, through a bottleneck or against noise and penalties.

Papers
    Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006.
    Bourlard and Kamp, "Auto-association by multilayer perceptrons and singular value decomposition", 1988: the linear case.
    Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008.
    Rifai, Vincent, Muller, Glorot and Bengio, "Contractive Auto-Encoders", ICML 2011.
    Ng, "Sparse autoencoder", CS294A lecture notes, 2011: the divergence of the activity.

Equations (x_i one of n inputs, f encodes, g decodes; h a code, z what its activation s is applied to)
    loss         1/n sum_i ||x_i - g(f(x_i))||^2
    tied         f(x) = s(W x + b),   g(h) = t(W'h + c)
    linear       with s = t = identity the smallest loss is the sum of the smallest eigenvalues of the covariance (PCA)
    denoising    encode x with each number set to 0 with probability p, rebuild x itself
    contractive  ||df/dx||_F^2 = sum_j s'(z_j)^2 sum_i W_ji^2, mean over the inputs
    sparse       sum_j rho log(rho / r_j) + (1 - rho) log((1 - rho) / (1 - r_j)),   r_j the mean of h_j

Deviations from the papers
    1. The paper of 2006 trains each pair of layers as a restricted Boltzmann machine first (see ``rbm``) and unrolls them; here
       the weights start as those of ``torch.nn.Linear``.
    2. It uses the cross-entropy for binary pixels; any loss between input and output fits, the squared error is given here.
    3. The contractive penalty is that of one layer; the gradient of a deep encoder is left to ``torch.func``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.foundations.mlp import MLP
from refimpl.foundations.reduction import check_same

__all__ = ["Autoencoder", "TiedAutoencoder", "contractive_penalty", "corrupt", "reconstruction_loss", "sparsity_penalty"]


def reconstruction_loss(output: Tensor, input: Tensor) -> Tensor:
    """Mean over the rows of the squared distance to the input, a scalar.

    Args:
        output, input: ``(N, ...)``.
    """
    check_same("reconstruction_loss", output=output, input=input)
    if output.dim() < 2:
        raise ValueError(f"reconstruction_loss: output must be (N, ...), got {tuple(output.shape)}")
    return (output - input).square().flatten(1).sum(1).mean()


def corrupt(input: Tensor, p: float, generator: Generator | None = None) -> Tensor:
    """The input with each number set to 0 with probability ``p``; the others keep their size."""
    if not 0 <= p <= 1:
        raise ValueError(f"corrupt: p must lie in [0, 1], got {p}")
    return input * (torch.rand(input.shape, generator=generator, device=input.device) >= p)


def contractive_penalty(sums: Tensor, weight: Tensor, activation: str = "sigmoid") -> Tensor:
    """Squared Frobenius norm of the Jacobian of a layer, mean over the rows, a scalar.

    Args:
        sums: what the activation is applied to, ``(N, H)``.
        weight: ``(H, D)``.
        activation: name in ``ACTIVATIONS``.
    """
    if sums.dim() != 2 or weight.dim() != 2 or sums.shape[1] != len(weight):
        raise ValueError(f"contractive_penalty: expected sums (N, H) and weight (H, D), got {tuple(sums.shape)} and {tuple(weight.shape)}")
    slopes = ACTIVATIONS[_known("contractive_penalty", activation)].derivative(sums)
    return (slopes.square() @ weight.square().sum(1)).mean()


def sparsity_penalty(code: Tensor, rho: float = 0.05) -> Tensor:
    """Divergence of the mean activity of each unit from ``rho``, summed over the units, a scalar.

    Args:
        code: activities between 0 and 1, ``(N, H)``.
        rho: the activity that is wanted, between 0 and 1.
    """
    if code.dim() != 2 or not code.is_floating_point():
        raise ValueError(f"sparsity_penalty: code must be floating point (N, H), got {code.dtype} {tuple(code.shape)}")
    if not 0 < rho < 1:
        raise ValueError(f"sparsity_penalty: rho must lie between 0 and 1, both excluded, got {rho}")
    active = code.mean(0)
    return (rho * (rho / active).log() + (1 - rho) * ((1 - rho) / (1 - active)).log()).sum()


class Autoencoder(nn.Module):
    """Two multilayer perceptrons, the second with the sizes of the first in reverse.

    Args:
        sizes: numbers of units from the input to the code.
        activation: name in ``ACTIVATIONS``, between the layers.
        code: the function of the code itself.
        output: the function after the last layer.

    Shape: ``(..., sizes[0])`` to the same.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "sigmoid",
        code: str = "identity",
        output: str = "identity",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.encoder = MLP(sizes, activation, code, device=device, dtype=dtype)
        self.decoder = MLP(sizes[::-1], activation, output, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self.decoder(self.encoder(input))


class TiedAutoencoder(nn.Module):
    """One hidden layer, decoded by the transpose of its weights.

    Args:
        in_features, code_features: sizes D of the input and H of the code.
        activation, output: names in ``ACTIVATIONS`` of the functions s and t.

    Shape: ``(..., D)`` to the same.
    """

    def __init__(
        self,
        in_features: int,
        code_features: int,
        activation: str = "sigmoid",
        output: str = "sigmoid",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("code_features", code_features)):
            if value < 1:
                raise ValueError(f"TiedAutoencoder: {name} must be positive, got {value}")
        self.activation, self.output = _known("TiedAutoencoder", activation), _known("TiedAutoencoder", output)
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(code_features, in_features, **new))
        self.code_bias = nn.Parameter(torch.zeros(code_features, **new))
        self.output_bias = nn.Parameter(torch.zeros(in_features, **new))
        nn.init.xavier_uniform_(self.weight)

    def sums(self, input: Tensor) -> Tensor:
        """W x + b, ``(..., H)``."""
        if input.dim() < 1 or input.shape[-1] != self.weight.shape[1]:
            raise ValueError(f"TiedAutoencoder: input must have shape (..., {self.weight.shape[1]}), got {tuple(input.shape)}")
        return linear(input, self.weight, self.code_bias)

    def encoder(self, input: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](self.sums(input))

    def decoder(self, code: Tensor) -> Tensor:
        return ACTIVATIONS[self.output](linear(code, self.weight.T, self.output_bias))

    def forward(self, input: Tensor) -> Tensor:
        return self.decoder(self.encoder(input))

    def extra_repr(self) -> str:
        code, inputs = self.weight.shape
        return f"in_features={inputs}, code_features={code}, activation={self.activation}, output={self.output}"


def _known(function: str, activation: str) -> str:
    if activation not in ACTIVATIONS:
        raise ValueError(f"{function}: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    return activation


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    mean, axes = x.mean(0), torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][:8]
    by_axes = (x_test - mean) @ axes.T @ axes + mean
    print(f"8 principal components: {reconstruction_loss(by_axes, x_test).item():.3f} on the test digits")
    model = Autoencoder((64, 48, 8), "selu")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1201):
        batch = x[torch.randint(len(x), (128,))]
        loss = reconstruction_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 400 == 0:
            print(f"code of 8 numbers, step {step}: {reconstruction_loss(model(x_test), x_test).item():.3f}")
    code = model.encoder(x_test[:1])
    print("the code of the first test digit:", [round(v, 2) for v in code[0].tolist()])
