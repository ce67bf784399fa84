r"""Activation functions: the nonlinearity that follows each unit's weighted sum, from the step to Mish.

Source
    Sheehan, "Visualising Activation Functions in Neural Networks", 2017, draws the first 26 rows of
    ``ACTIVATIONS``, in its order; eleven later functions follow. Each row names where the function comes from.
    Goodfellow et al., "Maxout Networks", ICML 2013, arXiv:1302.4389, for maxout, which has no row: it takes several numbers.

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
        derivative: takes the same parameters; that of ``rrelu`` is the derivative in evaluation.
        tex: f(x), as KaTeX, with one symbol for each parameter; sigma and Phi are the logistic and the normal distribution function.
        derivative_tex: f'(x).
        source: authors, title and year of a work that introduced it or made it known in neural networks.
    """

    title: str
    function: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    tex: str
    derivative_tex: str
    source: str

    @property
    def year(self) -> int:
        return int(self.source.rpartition(", ")[2])

    def __call__(self, input: Tensor, *args: float, **kwargs: float) -> Tensor:
        return self.function(input, *args, **kwargs)


def _cases(*branches: tuple[str, str] | str) -> str:
    """``(value, condition)`` pairs, and the value otherwise."""
    lines = [f"{b} & \\text{{otherwise}}" if isinstance(b, str) else f"{b[0]} & {b[1]}" for b in branches]
    return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


POSITIVE = "x > 0"
ARTICLE = 'Sheehan, "Visualising Activation Functions in Neural Networks", 2017'

# fmt: off
_ROWS = (
    Activation("Step", s.step, s.step_derivative, _cases(("1", r"x \ge 0"), "0"), "0",
               'McCulloch and Pitts, "A Logical Calculus of the Ideas Immanent in Nervous Activity", 1943'),
    Activation("Identity", r.identity, r.identity_derivative, "x", "1", 'Widrow and Hoff, "Adaptive Switching Circuits", 1960'),
    Activation("ReLU", r.relu, r.relu_derivative, r"\max(0, x)", _cases(("1", POSITIVE), "0"),
               'Fukushima, "Visual Feature Extraction by a Multilayered Network of Analog Threshold Elements", 1969'),
    Activation("Sigmoid", s.sigmoid, s.sigmoid_derivative, r"\sigma(x) = \frac{1}{1 + e^{-x}}", r"\sigma(x) \sigma(-x)",
               'Rumelhart, Hinton and Williams, "Learning Representations by Back-Propagating Errors", 1986'),
    Activation("Tanh", s.tanh, s.tanh_derivative, r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}", r"1 - \tanh(x)^2",
               'Kalman and Kwasny, "Why Tanh: Choosing a Sigmoidal Function", 1992'),
    Activation("Leaky ReLU", r.leaky_relu, r.leaky_relu_derivative, _cases(("x", POSITIVE), "a x"), _cases(("1", POSITIVE), "a"),
               'Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013'),
    Activation("PReLU", r.prelu, r.prelu_derivative, _cases(("x", POSITIVE), "w x"), _cases(("1", POSITIVE), "w"),
               'He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", arXiv:1502.01852, 2015'),
    Activation("RReLU", r.rrelu, r.rrelu_derivative, _cases(("x", POSITIVE), r"\frac{l + u}{2} x"),
               _cases(("1", POSITIVE), r"\frac{l + u}{2}"),
               'Xu, Wang, Chen and Li, "Empirical Evaluation of Rectified Activations in Convolutional Network", arXiv:1505.00853, 2015'),
    Activation("ELU", r.elu, r.elu_derivative, _cases(("x", POSITIVE), r"\alpha (e^{x} - 1)"), _cases(("1", POSITIVE), r"\alpha e^{x}"),
               'Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by ELUs", arXiv:1511.07289, 2015'),
    Activation("SELU", r.selu, r.selu_derivative, _cases((r"\lambda x", POSITIVE), r"\lambda \alpha (e^{x} - 1)"),
               _cases((r"\lambda", POSITIVE), r"\lambda \alpha e^{x}"),
               'Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", arXiv:1706.02515, 2017'),
    Activation("SReLU", r.srelu, r.srelu_derivative,
               _cases(("t_r + a_r (x - t_r)", r"x \ge t_r"), ("t_l + a_l (x - t_l)", r"x \le t_l"), "x"),
               _cases(("a_r", r"x \ge t_r"), ("a_l", r"x \le t_l"), "1"),
               'Jin et al., "Deep Learning with S-Shaped Rectified Linear Activation Units", arXiv:1512.07030, 2015'),
    Activation("Hard sigmoid", s.hardsigmoid, s.hardsigmoid_derivative, r"\max(0, \min(1, a x + \frac{1}{2}))",
               _cases(("a", r"\lvert a x \rvert < \frac{1}{2}"), "0"),
               'Courbariaux, Bengio and David, "BinaryConnect", arXiv:1511.00363, 2015'),
    Activation("Hard tanh", s.hardtanh, s.hardtanh_derivative, r"\max(a, \min(b, x))", _cases(("0", r"x \le a"), ("0", r"x \ge b"), "1"),
               'Collobert, "Large Scale Machine Learning", thesis, 2004'),
    Activation("LeCun tanh", s.lecun_tanh, s.lecun_tanh_derivative, r"1.7159 \tanh(\frac{2 x}{3})",
               r"1.7159 \cdot \frac{2}{3} (1 - \tanh(\frac{2 x}{3})^2)", 'LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998'),
    Activation("Arctangent", s.arctan, s.arctan_derivative, r"\arctan(x)", r"\frac{1}{1 + x^2}", ARTICLE),
    Activation("Softsign", s.softsign, s.softsign_derivative, r"\frac{x}{1 + \lvert x \rvert}", r"\frac{1}{(1 + \lvert x \rvert)^2}",
               'Bergstra, Desjardins, Lamblin and Bengio, "Quadratic Polynomials Learn Better Image Features", 2009'),
    Activation("Softplus", m.softplus, m.softplus_derivative, r"\frac{1}{\beta} \ln(1 + e^{\beta x})", r"\sigma(\beta x)",
               'Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", 2000'),
    Activation("Sign", s.sign, s.sign_derivative, _cases(("1", POSITIVE), ("-1", "x < 0"), "0"), "0",
               'Widrow and Hoff, "Adaptive Switching Circuits", 1960'),
    Activation("Bent identity", m.bent_identity, m.bent_identity_derivative, r"\frac{\sqrt{x^2 + 1} - 1}{2} + x",
               r"\frac{x}{2 \sqrt{x^2 + 1}} + 1", ARTICLE),
    Activation("Symmetrical sigmoid", s.symmetrical_sigmoid, s.symmetrical_sigmoid_derivative,
               r"\tanh(\frac{x}{2}) = \frac{1 - e^{-x}}{1 + e^{-x}}", r"\frac{1}{2} (1 - \tanh(\frac{x}{2})^2)", ARTICLE),
    Activation("Complementary log-log", s.log_log, s.log_log_derivative, "1 - e^{-e^{x}}", "e^{x} e^{-e^{x}}",
               'Gomes and Ludermir, "Complementary Log-Log and Probit", 2008'),
    Activation("Gaussian", w.gaussian, w.gaussian_derivative, "e^{-x^2}", "-2 x e^{-x^2}",
               'Broomhead and Lowe, "Multivariable Functional Interpolation and Adaptive Networks", 1988'),
    Activation("Absolute value", r.absolute, r.absolute_derivative, r"\lvert x \rvert", _cases(("1", POSITIVE), ("-1", "x < 0"), "0"),
               'Jarrett, Kavukcuoglu, Ranzato and LeCun, "What Is the Best Multi-Stage Architecture for Object Recognition?", 2009'),
    Activation("Sinusoid", w.sine, w.sine_derivative, r"\sin(x)", r"\cos(x)",
               'Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions", arXiv:2006.09661, 2020'),
    Activation("Cosine", w.cosine, w.cosine_derivative, r"\cos(x)", r"-\sin(x)",
               'Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", 2007'),
    Activation("Sinc", w.sinc, w.sinc_derivative, _cases(("1", "x = 0"), r"\frac{\sin(x)}{x}"),
               _cases(("0", "x = 0"), r"\frac{\cos(x)}{x} - \frac{\sin(x)}{x^2}"), ARTICLE),
    Activation("ReLU6", r.relu6, r.relu6_derivative, r"\min(6, \max(0, x))", _cases(("0", r"x \le 0"), ("0", r"x \ge 6"), "1"),
               'Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010'),
    Activation("CELU", r.celu, r.celu_derivative, _cases(("x", POSITIVE), r"\alpha (e^{\frac{x}{\alpha}} - 1)"),
               _cases(("1", POSITIVE), r"e^{\frac{x}{\alpha}}"),
               'Barron, "Continuously Differentiable Exponential Linear Units", arXiv:1704.07483, 2017'),
    Activation("Squared ReLU", r.squared_relu, r.squared_relu_derivative, r"\max(0, x)^2", r"2 \max(0, x)",
               'So et al., "Primer: Searching for Efficient Transformers for Language Modeling", arXiv:2109.08668, 2021'),
    Activation("ISRLU", r.isrlu, r.isrlu_derivative, _cases(("x", POSITIVE), r"\frac{x}{\sqrt{1 + \alpha x^2}}"),
               _cases(("1", POSITIVE), r"\frac{1}{(\sqrt{1 + \alpha x^2})^3}"),
               'Carlile, Delamarter, Kinney, Marti and Whitney, "Improving Deep Learning by ISRLUs", arXiv:1710.09967, 2017'),
    Activation("ISRU", s.isru, s.isru_derivative, r"\frac{x}{\sqrt{1 + \alpha x^2}}", r"\frac{1}{(\sqrt{1 + \alpha x^2})^3}",
               'Carlile, Delamarter, Kinney, Marti and Whitney, "Improving Deep Learning by ISRLUs", arXiv:1710.09967, 2017'),
    Activation("Penalized tanh", s.penalized_tanh, s.penalized_tanh_derivative, _cases((r"\tanh(x)", POSITIVE), r"a \tanh(x)"),
               _cases((r"1 - \tanh(x)^2", POSITIVE), r"a (1 - \tanh(x)^2)"),
               'Xu, Huang and Li, "Revise Saturated Activation Functions", arXiv:1602.05980, 2016'),
    Activation("SiLU (Swish)", m.silu, m.silu_derivative, r"x \sigma(\beta x)", r"\sigma(\beta x) (1 + \beta x \sigma(-\beta x))",
               'Ramachandran, Zoph and Le, "Searching for Activation Functions", arXiv:1710.05941, 2017'),
    Activation("Hard swish", m.hardswish, m.hardswish_derivative, r"x \max(0, \min(1, \frac{x + 3}{6}))",
               _cases(("1", r"x \ge 3"), ("0", r"x \le -3"), r"\frac{2 x + 3}{6}"),
               'Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, 2019'),
    Activation("Mish", m.mish, m.mish_derivative, r"x \tanh(\ln(1 + e^{x}))",
               r"\tanh(\ln(1 + e^{x})) + x \sigma(x) (1 - \tanh(\ln(1 + e^{x}))^2)",
               'Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681, 2019'),
    Activation("GELU", m.gelu, m.gelu_derivative, r"x \Phi(x)", r"\Phi(x) + \frac{x e^{-\frac{x^2}{2}}}{\sqrt{2 \pi}}",
               'Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415, 2016'),
    Activation("Squareplus", m.squareplus, m.squareplus_derivative, r"\frac{x + \sqrt{x^2 + b}}{2}",
               r"\frac{1}{2} (1 + \frac{x}{\sqrt{x^2 + b}})",
               'Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", arXiv:2112.11687, 2021'),
)
# fmt: on

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({row.function.__name__: row for row in _ROWS})
"""Every activation under the name of its function, the article's 26 first."""


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    h = 1e-6
    print(f"{'':24}{'f(-3)   f(-1)    f(0)    f(1)    f(3)':40}f(.7 + h) - f(.7 - h) over 2h, less f'(.7)")
    for row in ACTIVATIONS.values():
        values = " ".join(f"{v:7.4f}" for v in row(x).tolist())
        at = torch.tensor(0.7, dtype=torch.float64)
        gap = (row(at + h) - row(at - h)) / (2 * h) - row.derivative(at)
        print(f"{row.title:22}{values}  {gap.item():8.0e}")
