"""The mutations of a module."""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_COMPARES: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A module with one change, which `what` describes."""

    line: int
    what: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for number, _ in enumerate(_changes(node)):
            fresh = copy.deepcopy(tree)
            target = list(ast.walk(fresh))[place]
            what, changed = list(_changes(target))[number]
            text = ast.unparse(ast.fix_missing_locations(_Replace(target, changed).visit(fresh)))
            yield Mutant(line=getattr(node, "lineno", 0), what=what, source=text)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, changed: ast.AST) -> None:
        self._target = target
        self._changed = changed

    def visit(self, node: ast.AST) -> ast.AST:
        """Return what stands for `node`."""
        return self._changed if node is self._target else self.generic_visit(node)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:  # noqa: C901 - one case for each kind of change
    match node:
        case ast.Compare(ops=[op, *others]) if type(op) in _COMPARES:
            other = _COMPARES[type(op)]
            what = f"{type(op).__name__} => {other.__name__}"
            yield what, ast.Compare(left=node.left, ops=[other(), *others], comparators=node.comparators)
        case ast.BoolOp(op=ast.And() | ast.Or()):
            swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "and <=> or", ast.BoolOp(op=swapped, values=node.values)
            for place in range(len(node.values)):
                left = [value for number, value in enumerate(node.values) if number != place]
                yield f"without operand {place + 1}", left[0] if len(left) == 1 else ast.BoolOp(op=node.op, values=left)
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", node.operand
        case ast.Constant(value=bool(value)):
            yield f"{value} => {not value}", ast.Constant(value=not value)
        case ast.Constant(value=int(value)):
            yield f"{value} => {value + 1}", ast.Constant(value=value + 1)
        case ast.Return(value=ast.expr()):
            yield "return => return None", ast.Return(value=ast.Constant(value=None))
        case ast.Raise():
            yield "without raise", ast.Pass()
        case ast.If(test=ast.expr()):
            yield "if => if False", ast.If(test=ast.Constant(value=False), body=node.body, orelse=node.orelse)
        case ast.With(items=[ast.withitem(context_expr=ast.Attribute(attr=attribute))]) if "lock" in attribute:
            yield "without lock", ast.If(test=ast.Constant(value=True), body=node.body, orelse=[])
        case _:
            return
