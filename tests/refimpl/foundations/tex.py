"""Evaluate the TeX of a printed formula, so that a test can compare what the page says with what the code does."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping

TOKEN = re.compile(r"\\begin\{cases\}|\\end\{cases\}|\\text\{otherwise\}|\\\\|\\[A-Za-z]+|[a-z]_[a-z]|[a-z]|\d+(?:\.\d+)?|[-+^=<>&(){},]")
FUNCTIONS: dict[str, Callable[..., float]] = {
    r"\tanh": math.tanh,
    r"\sin": math.sin,
    r"\cos": math.cos,
    r"\arctan": math.atan,
    r"\ln": math.log,
    r"\max": max,
    r"\min": min,
    r"\sigma": lambda x: 1 / (1 + math.exp(-x)),
    r"\Phi": lambda x: (1 + math.erf(x / math.sqrt(2))) / 2,
}
RELATIONS = {"<": operator.lt, ">": operator.gt, "=": operator.eq, r"\le": operator.le, r"\ge": operator.ge}


def evaluate(tex: str, symbols: Mapping[str, float]) -> float:
    """The value of ``tex``; where it says ``left = right``, the two sides must agree.

    Raises:
        ValueError: the formula holds something that is not understood.
    """
    if (left := "".join(TOKEN.split(tex))).strip():
        raise ValueError(f"cannot read {left.strip()!r} in {tex!r}")
    parser = _Parser(TOKEN.findall(tex), symbols)
    value = parser.sum()
    while parser.take("="):
        other = parser.sum()
        if not math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12):
            raise ValueError(f"the sides of {tex!r} differ: {value} and {other} at {dict(symbols)}")
    if parser.tokens:
        raise ValueError(f"cannot read {' '.join(parser.tokens)!r} at the end of {tex!r}")
    return value


class _Parser:
    def __init__(self, tokens: list[str], symbols: Mapping[str, float]) -> None:
        self.tokens, self.symbols = tokens, {"e": math.e, r"\pi": math.pi, **symbols}

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise ValueError(f"expected {token!r} before {' '.join(self.tokens)!r}")

    def sum(self) -> float:
        value = -self.product() if self.take("-") else self.product()
        while sign := self.take("+", "-"):
            value += self.product() if sign == "+" else -self.product()
        return value

    def product(self) -> float:
        value = self.power()
        while self.take(r"\cdot") or (self.tokens and self._starts_factor(self.tokens[0])):
            value *= self.power()
        return value

    def power(self) -> float:
        base = self.factor()
        return base ** self.group_or_factor() if self.take("^") else base

    def group_or_factor(self) -> float:
        if self.take("{"):
            value = self.sum()
            self.expect("}")
            return value
        return self.factor()

    def factor(self) -> float:
        token = self.tokens.pop(0)
        if token in FUNCTIONS:
            return FUNCTIONS[token](*self.arguments())
        if token in self.symbols:
            return self.symbols[token]
        if token[0].isdigit():
            return float(token)
        if token == "(":
            self.tokens.insert(0, "(")
            return self.arguments()[0]
        if token == r"\lvert":
            value = abs(self.sum())
            self.expect(r"\rvert")
            return value
        if token == r"\frac":
            top = self.group_or_factor()
            return top / self.group_or_factor()
        if token == r"\sqrt":
            return math.sqrt(self.group_or_factor())
        if token == r"\begin{cases}":
            return self.cases()
        raise ValueError(f"unknown symbol {token!r}")

    def arguments(self) -> list[float]:
        self.expect("(")
        values = [self.sum()]
        while self.take(","):
            values.append(self.sum())
        self.expect(")")
        return values

    def cases(self) -> float:
        """The first branch whose condition holds; the others are skipped unread, for they may divide by zero."""
        end = self.tokens.index(r"\end{cases}")
        body, self.tokens = self.tokens[:end], self.tokens[end + 1 :]
        while body:
            line = body[: body.index(r"\\")] if r"\\" in body else body
            body = body[len(line) + 1 :]
            branch, condition = line[: line.index("&")], line[line.index("&") + 1 :]
            if self._holds(condition):
                return _Parser(branch, self.symbols).sum()
        raise ValueError("no branch applies")

    def _holds(self, condition: list[str]) -> bool:
        if condition == [r"\text{otherwise}"]:
            return True
        parser = _Parser(condition, self.symbols)
        left, relation = parser.sum(), parser.tokens.pop(0)
        return RELATIONS[relation](left, parser.sum())

    def _starts_factor(self, token: str) -> bool:
        return token in FUNCTIONS or token in self.symbols or token[0].isdigit() or token in ("(", r"\lvert", r"\frac", r"\sqrt")
