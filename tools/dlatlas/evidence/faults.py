"""One-line faults of a Python module, made on its syntax tree.

Each operator makes a fault that a person could make: a sign, an operator, a comparison, a constant,
a branch, a forgotten term, keyword or statement, one reduction instead of another. Where two faults
can be told apart from the right code only by the same inputs, one of them is made: ``a - b`` for
``a + b`` shows exactly where dropping ``b`` would. Text that only people read is left alone:
docstrings, annotations, decorators, ``raise`` statements, f-strings, ``__repr__``, ``__main__``.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
"""The operator that takes another one's place."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""The moved boundary and the turned comparison, or the negation alone."""

TWINS = {
    a: b
    for pair in (
        "amax amin",
        "argmax argmin",
        "ceil floor",
        "cos sin",
        "max min",
        "maximum minimum",
        "mean sum",
        "ones zeros",
        "new_ones new_zeros",
        "ones_like zeros_like",
        "ones_ zeros_",
        "add sub",
        "add_ sub_",
        "mul div",
        "mul_ div_",
        "addcmul addcdiv",
        "addcmul_ addcdiv_",
        "tril triu",
        "_foreach_add _foreach_sub",
        "_foreach_add_ _foreach_sub_",
        "_foreach_mul _foreach_div",
        "_foreach_mul_ _foreach_div_",
        "_foreach_addcmul_ _foreach_addcdiv_",
    )
    for a, b in (pair.split(), pair.split()[::-1])
}
"""Functions and methods that are called the same way and confused with each other."""

# fmt: off
MAPS = frozenset({
    "abs", "clone", "conj", "cos", "cumsum", "detach", "double", "exp", "expm1", "flip", "float", "log", "log1p",
    "log_softmax", "neg", "reciprocal", "relu", "rsqrt", "sigmoid", "sin", "softmax", "softplus", "sqrt", "square", "t",
    "tanh", "to", "transpose",
})
# fmt: on
"""Functions of one tensor, and methods, that may be forgotten."""

NAMESPACES = frozenset({"torch", "F", "nn", "math", "functional"})
"""Names before a dot that are modules, not tensors."""

UNREAD = frozenset({"__repr__", "__str__", "_demonstration", "extra_repr"})
"""Functions whose result only people read."""

SKIPPED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "bases"})


@dataclass(frozen=True)
class Slot:
    """A place in a syntax tree that holds one node; it ``decides`` where the node chooses between branches."""

    owner: ast.AST
    field: str
    index: int | None = None
    decides: bool = False

    def get(self) -> ast.AST:
        value = getattr(self.owner, self.field)
        return value if self.index is None else value[self.index]

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node


@dataclass(frozen=True)
class Fault:
    """One fault: the statement as it stands and as it becomes, both on one line without comments."""

    line: int
    original: str
    mutated: str
    slot: Slot
    node: ast.AST

    def __str__(self) -> str:
        return f"{self.original} → {self.mutated}"


class Module:
    """A module's syntax tree and all its faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_bytes())
        found = {(fault.line, str(fault)): fault for fault in self._faults()}
        self.faults = list(found.values())

    def code(self, fault: Fault | None) -> CodeType:
        """The module compiled with ``fault`` in it; the tree is left as it was."""
        if fault is None:
            return compile(self.tree, str(self.path), "exec")
        before = fault.slot.get()
        fault.slot.put(ast.fix_missing_locations(ast.copy_location(fault.node, before)))
        try:
            return compile(self.tree, str(self.path), "exec")
        finally:
            fault.slot.put(before)

    def _faults(self) -> Iterator[Fault]:
        for statement, slot in _slots(self.tree):
            before, original = slot.get(), _header(statement)
            for node in _replacements(before, slot.decides):
                slot.put(node)
                mutated = _header(node if before is statement else statement)
                slot.put(before)
                if mutated != original:
                    yield Fault(getattr(before, "lineno", statement.lineno), original, mutated, slot, node)


def _slots(tree: ast.Module) -> Iterator[tuple[ast.stmt, Slot]]:
    """Every place that may hold a fault, with the statement around it."""
    for field, index, child in _children(tree):
        if isinstance(child, ast.stmt) and not _is_skipped(child):
            yield from _inside(child, child, Slot(tree, field, index))


def _inside(node: ast.AST, statement: ast.stmt, slot: Slot) -> Iterator[tuple[ast.stmt, Slot]]:
    yield statement, slot
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int):
        return  # a negative number is one number
    for field, index, child in _children(node):
        if field in SKIPPED_FIELDS or _is_skipped(child) or (isinstance(node, ast.keyword) and node.arg == "strict"):
            continue
        decides = field == "test" or (slot.decides and isinstance(node, (ast.BoolOp, ast.UnaryOp)))
        yield from _inside(child, child if isinstance(child, ast.stmt) else statement, Slot(node, field, index, decides))


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, i, item) for i, item in enumerate(value) if isinstance(item, ast.AST))


def _is_skipped(node: ast.AST) -> bool:
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    if isinstance(node, ast.FunctionDef):
        return node.name in UNREAD
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    if isinstance(node, ast.If):
        return any(isinstance(n, ast.Name) and n.id in ("__name__", "TYPE_CHECKING") for n in ast.walk(node.test))
    return False


def _header(statement: ast.stmt) -> str:
    """A statement on one line, without the body that a compound statement has."""
    shown = copy.copy(statement)
    if hasattr(shown, "body"):
        shown.body = [ast.Pass()]
    if hasattr(shown, "decorator_list"):
        shown.decorator_list = []
    for field in ("orelse", "finalbody", "handlers"):
        if hasattr(shown, field):
            setattr(shown, field, [])
    text = ast.unparse(shown)
    return " ".join((text.removesuffix("pass") if shown.__dict__.get("body") else text).split())


def _replacements(node: ast.AST, decides: bool) -> Iterator[ast.AST]:
    """The faulty nodes that may stand where ``node`` stands.

    A condition that ``decides`` is not negated: taking each branch always shows the same.
    """
    match node:
        case ast.BinOp():
            yield from _binary(node)
        case ast.AugAssign() if type(node.op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(node.op)]())
            yield ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
            yield node.operand
        case ast.UnaryOp(op=ast.Not()) if not decides:
            yield node.operand
        case ast.Compare():
            for i, op in enumerate(node.ops):
                moved, *turned = COMPARISONS[type(op)]
                for other in [*([moved] if turned or not decides else []), *(turned if not decides else [])]:
                    yield _with(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
        case ast.BoolOp():
            for i in range(len(node.values)):
                rest = [*node.values[:i], *node.values[i + 1 :]]
                yield rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.If():
            yield _with(node, test=ast.Constant(False))
            if not isinstance(node.body[-1], ast.Raise):
                yield _with(node, test=ast.Constant(True))
        case ast.While():
            yield _with(node, test=ast.Constant(False))
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            yield ast.Constant(-value - 1)
        case ast.Constant():
            yield from (ast.Constant(value) for value in _constants(node.value))
        case ast.Call():
            yield from _calls(node)


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    if isinstance(node.op, (ast.Add, ast.Mult)):
        yield node.right


def _constants(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield 0 if value == 1 else value + 1
    elif isinstance(value, float):
        yield float(f"{1.5 * value:.6g}") if value else 1.0


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    for i, keyword in enumerate(node.keywords):
        flipped = isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)
        if keyword.arg not in (None, "strict") and not flipped:
            yield _with(node, keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])
    match node.func:
        case ast.Name(id=("max" | "min") as name):
            yield _with(node, func=ast.Name(TWINS[name], ast.Load()))
        case ast.Attribute(value=value, attr=name):
            if name in TWINS:
                yield _with(node, func=_with(node.func, attr=TWINS[name]))
            is_function = isinstance(value, ast.Name) and value.id in NAMESPACES
            if name in MAPS and not (is_function and not node.args):
                yield node.args[0] if is_function else value
            if name == "where" and is_function and len(node.args) == 3:
                yield _with(node, args=[node.args[0], node.args[2], node.args[1]])


def _with(node: ast.AST, **changed: object) -> ast.AST:
    """A shallow copy of ``node`` with some fields changed."""
    new = copy.copy(node)
    for name, value in changed.items():
        setattr(new, name, value)
    return new
