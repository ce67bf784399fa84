r"""Activation functions: the nonlinearity that follows each unit's weighted sum, from the step to Mish.

Source
    Sheehan, "Visualising Activation Functions in Neural Networks", 2017, draws the first 26 rows of
    ``ACTIVATIONS``, in its order; twelve later functions follow. Each row names where the function comes from.

Equations
    Each row holds the formula of f(x), the formula of f'(x), a function and a derivative written by hand,
    which is also what autograd uses. Those that need more than a number:
    prelu        f(x) = x where x > 0, else w_c x,   w_c learned for each channel c
    rrelu        f(x) = x where x > 0, else s x,     s ~ U(l, u) for each element; (l + u) / 2 in evaluation
    srelu        f(x) = t_r + a_r (x - t_r) where x >= t_r,   t_l + a_l (x - t_l) where x <= t_l,   else x
    maxout       h_i(x) = max_j (x W_ij + b_ij),     j = 1 ... k pieces for each unit i

Deviations
    1. At a kink f' takes the value that PyTorch gives it: 0 for relu, relu6, hardtanh and hardsigmoid at
       their corners and for absolute at 0; the slope of the left side for leaky_relu, prelu, rrelu, elu and selu
       at 0; that of the outer side for hardswish at -3 and 3, and for srelu at its thresholds.
    2. Forms that overflow or cancel are replaced by equal ones: softplus, squareplus, bent_identity, log_log, gelu and
       the derivatives of all sigmoids; that of sinc is a power series near zero. Values and derivatives are finite for
       inputs up to 1e18 in magnitude; float16 and bfloat16 are computed in float32.
    3. softplus has no threshold beyond which it returns its input: PyTorch's saves an overflow that cannot happen here.
    4. rrelu draws a slope between 1/8 and 1/3 and evaluates with their mean .229, as PyTorch does. The paper divides
       by a number between 3 and 8 and evaluates with the mean divisor, so with slope 1/5.5 = .182.
       A random number is drawn for positive elements too; PyTorch draws none, so equal seeds give other slopes.
    5. srelu starts with thresholds -1 and 1 and slopes .2. The paper fixes a leaky ReLU for some epochs and then sets
       the right threshold from the data.
    6. hardsigmoid takes its slope as an argument, since three are in use; the default is PyTorch's 1/6, the article's 1/2.
    7. There is no ``inplace``: the input is needed for the derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from refimpl.foundations import activation_rectifiers as r
from refimpl.foundations import activation_sigmoids as s
from refimpl.foundations import activation_smooth as m
from refimpl.foundations import activation_waves as w
from refimpl.foundations.activation_layers import Maxout, PReLU, RReLU, SReLU, maxout

__all__ = ["ACTIVATIONS", "Activation", "Maxout", "PReLU", "RReLU", "SReLU", "maxout"]


@dataclass(frozen=True)
class Activation:
    """A function of one number.

    Args:
        title: its usual name.
        function: takes a tensor and, where it has any, parameters with default values.
        derivative: takes the same arguments.
        tex: f(x), as KaTeX; parameters stand under the names of the function's arguments.
        derivative_tex: f'(x).
        paper: author and title of a work that introduced it or made it known in neural networks.
        year: when that appeared.
    """

    title: str
    function: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    tex: str
    derivative_tex: str
    paper: str
    year: int

    def __call__(self, input: Tensor, *args: float, **kwargs: float) -> Tensor:
        return self.function(input, *args, **kwargs)


def _cases(left: str, right: str, condition: str = "x > 0") -> str:
    return rf"\begin{{cases}} {right} & {condition} \\ {left} & \text{{otherwise}} \end{{cases}}"


ARTICLE = 'Sheehan, "Visualising Activation Functions in Neural Networks"'
SECH_2 = r"4 \sigma(2 x) \sigma(-2 x)"

_ROWS = (
    Activation("Step", s.step, s.step_derivative, _cases("0", "1", r"x \ge 0"), "0",
               'McCulloch and Pitts, "A Logical Calculus of the Ideas Immanent in Nervous Activity"', 1943),
    Activation("Identity", r.identity, r.identity_derivative, "x", "1", 'Widrow and Hoff, "Adaptive Switching Circuits"', 1960),
    Activation("ReLU", r.relu, r.relu_derivative, r"\max(0, x)", _cases("0", "1"),
               'Fukushima, "Visual Feature Extraction by a Multilayered Network of Analog Threshold Elements"', 1969),
    Activation("Sigmoid", s.sigmoid, s.sigmoid_derivative, r"\sigma(x) = \frac{1}{1 + e^{-x}}", r"\sigma(x) (1 - \sigma(x))",
               'Rumelhart, Hinton and Williams, "Learning Representations by Back-Propagating Errors"', 1986),
    Activation("Tanh", s.tanh, s.tanh_derivative, r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}", r"1 - \tanh(x)^2",
               'Kalman and Kwasny, "Why Tanh: Choosing a Sigmoidal Function"', 1992),
)
