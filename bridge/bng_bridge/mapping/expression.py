"""Expressions of mapping files, compiled once into closures that run over a frame.

Nothing is given to Python's own compiler. Every name, path and argument is checked while it is compiled, as far as the
schemas know; what only a document can tell is a Fault when it runs.
"""

import ast
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from bng_bridge.mapping import grammar
from bng_bridge.mapping.budget import Frame
from bng_bridge.mapping.calls import Argument, call, takes
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Position, Wrong, did_you_mean
from bng_bridge.mapping.functions.registry import Function, Parameter
from bng_bridge.mapping.nodes import Expression, boolean, choice, comparable, constant, listing, stepped
from bng_bridge.mapping.operators import ARITHMETIC, arithmetic, contains, equals, negative, ordered
from bng_bridge.mapping.paths import entry_shape, entry_step, path_of
from bng_bridge.mapping.scope import CONSTANTS, Scope
from bng_bridge.mapping.shapes import ANY, FLAG, NULL, NUMBER, TEXT, Shape
from bng_bridge.mapping.tables import key_of
from bng_bridge.mapping.yaml_tree import Node, Scalar


def expression_of(node: Node, scope: Scope) -> Expression:
    """Raises Wrong with the place of the first mistake."""
    if not isinstance(node, Scalar):
        raise Wrong(node.at, "an expression is wanted, one text")
    tree, locate = grammar.parse(node)
    return _Compiler(scope, locate).compiled(tree)


class _Compiler:
    """One expression's way from nodes to closures."""

    def __init__(self, scope: Scope, locate: Callable[[ast.AST], Position]) -> None:
        self._scope = scope
        self._locate = locate
        self._by_node: dict[type[ast.expr], Callable[[Any], Expression]] = {
            ast.Constant: lambda node: constant(node.value),
            ast.Name: self._name,
            ast.Attribute: self._path,
            ast.Subscript: self._path,
            ast.BoolOp: self._bool,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._compare,
            ast.IfExp: self._choice,
            ast.List: self._listed,
            ast.Call: self._call,
        }

    def compiled(self, node: ast.expr) -> Expression:
        made = self._made(node)
        return self._folded(made, node) if made.is_constant and not isinstance(node, ast.Constant) else made

    def _made(self, node: ast.expr) -> Expression:
        compile_node = self._by_node.get(type(node))
        if compile_node is None:
            raise Wrong(self._locate(node), "a list stands in [ ]", "( , ) only behind `in`.")
        return compile_node(node)

    def _bool(self, node: ast.BoolOp) -> Expression:
        return boolean(isinstance(node.op, ast.And), [self.compiled(each) for each in node.values])

    def _choice(self, node: ast.IfExp) -> Expression:
        return choice(self.compiled(node.test), self.compiled(node.body), self.compiled(node.orelse))

    def _unary(self, node: ast.UnaryOp) -> Expression:
        value = self.compiled(node.operand)
        if isinstance(node.op, ast.Not):
            get = value.get
            return Expression(lambda frame: not get(frame), FLAG, value.size + 1, value.is_constant)
        if value.shape.is_known and not value.shape.is_numeric:
            raise Wrong(self._locate(node), f"- wants a number, this is {value.shape.words}")
        return Expression(negative(value.get), NUMBER, value.size + 1, value.is_constant)

    def _name(self, node: ast.Name) -> Expression:
        variable = self._scope.variables.get(node.id)
        if variable is not None:
            return Expression(operator.itemgetter(variable.slot), variable.shape)
        at = self._locate(node)
        if node.id in self._scope.tables:
            raise Wrong(at, f"{node.id} is a table: it stands behind `in`, or under lookup")
        if node.id in self._scope.functions:
            raise Wrong(at, f"{node.id} is a function", f"Write {self._scope.functions[node.id].usage}.")
        if (set_at := self._scope.elsewhere.get(node.id)) is not None:
            where = "by a later step" if set_at.line > at.line else "where it does not count here"
            raise Wrong(at, f"{node.id} is set {where} (line {set_at.line}).", "What is used must be set before it.")
        hint = did_you_mean(node.id, [*self._scope.names(), *CONSTANTS])
        raise Wrong(at, f"{node.id} is not known here.", hint or "A text stands in quotes.")

    def _path(self, node: ast.Attribute | ast.Subscript) -> Expression:
        base = self.compiled(node.value)
        index, at = (
            (node.attr, self._end(node))
            if isinstance(node, ast.Attribute)
            else (self._index(node), self._locate(node.slice))
        )
        shape, step = entry_shape(base.shape, index, at), entry_step(base.shape, index)
        plain = index if isinstance(index, str) and base.shape.kind != "attributes" else None
        return Expression(stepped(base.get, step, plain), shape, base.size + 1)

    def _end(self, node: ast.Attribute) -> Position:
        """Where the field's name stands; `ast` only says where the whole path begins and ends."""
        end = ast.Name(
            node.attr, lineno=node.end_lineno or 1, col_offset=(node.end_col_offset or 0) - len(node.attr.encode())
        )
        return self._locate(end)

    def _index(self, node: ast.Subscript) -> int | str:
        found = node.slice
        sign = 1
        if isinstance(found, ast.UnaryOp) and isinstance(found.op, ast.USub):
            found, sign = found.operand, -1
        value = found.value if isinstance(found, ast.Constant) else None
        if type(value) is int:
            return sign * value
        if type(value) is str and sign == 1:
            return value
        raise Wrong(self._locate(node.slice), "only a number or a text can stand in [ ]")

    def _arithmetic(self, node: ast.BinOp) -> Expression:
        sign = ARITHMETIC[type(node.op)][0]
        left, right = self.compiled(node.left), self.compiled(node.right)
        shape = NUMBER
        if sign == "+" and not (left.shape.is_numeric or right.shape.is_numeric):
            self._check(node, left.shape.is_text or not left.shape.is_known, sign, left, right)
            self._check(node, right.shape.is_text or not right.shape.is_known, sign, left, right)
            shape = TEXT if left.shape.is_text or right.shape.is_text else ANY
        else:
            for each in (left, right):
                self._check(node, each.shape.is_numeric or not each.shape.is_known, sign, left, right)
        constant = left.is_constant and right.is_constant
        return Expression(arithmetic(type(node.op), left.get, right.get), shape, left.size + right.size + 1, constant)

    def _check(self, node: ast.expr, fits: bool, sign: str, left: Expression, right: Expression) -> None:  # noqa: FBT001
        if fits:
            return
        hint = "amount(…) and number(…) make a number, text(…) a text."
        raise Wrong(self._locate(node), f"{left.shape.words} {sign} {right.shape.words} does not work.", hint)

    def _compare(self, node: ast.Compare) -> Expression:
        result = self._pair(node, node.ops[0], node.left, node.comparators[0])
        for op, left, right in zip(node.ops[1:], node.comparators, node.comparators[1:], strict=False):
            result = boolean(True, [result, self._pair(node, op, left, right)])  # noqa: FBT003
        return result

    def _pair(self, node: ast.expr, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expression:
        one = self.compiled(left)
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(one, right, is_in=isinstance(op, ast.In))
        other = self.compiled(right)
        size, constant = one.size + other.size + 1, one.is_constant and other.is_constant
        if isinstance(op, ast.Is | ast.IsNot) and NULL not in (one.shape, other.shape):
            raise Wrong(self._locate(node), "`is` is for None only", "Write ==.")
        self._check(node, comparable(one.shape, other.shape), "and", one, other)
        a, b = one.get, other.get
        if isinstance(op, ast.Eq | ast.Is):
            return Expression(lambda frame: equals(frame, a(frame), b(frame)), FLAG, size, constant)
        if isinstance(op, ast.NotEq | ast.IsNot):
            return Expression(lambda frame: not equals(frame, a(frame), b(frame)), FLAG, size, constant)
        kind = type(op)
        return Expression(lambda frame: ordered(kind, a(frame), b(frame)), FLAG, size, constant)

    def _membership(self, one: Expression, right: ast.expr, *, is_in: bool) -> Expression:
        a = one.get
        if isinstance(right, ast.Name) and right.id in self._scope.tables:
            keys = frozenset(self._scope.tables[right.id].entries)

            def in_table(frame: Frame) -> bool:
                value = a(frame)
                return (value is not None and key_of(value) in keys) is is_in

            return Expression(in_table, FLAG, one.size + 1)
        other = self._listed(right) if isinstance(right, ast.List | ast.Tuple) else self.compiled(right)
        inner = other.shape.item if other.shape.kind == "list" else other.shape
        self._check(right, inner is None or comparable(one.shape, inner), "and", one, Expression(a, inner or ANY))
        b = other.get

        def contained(frame: Frame) -> bool:
            return contains(frame, a(frame), b(frame)) is is_in

        return Expression(contained, FLAG, one.size + other.size + 1, one.is_constant and other.is_constant)

    def _listed(self, node: ast.List | ast.Tuple) -> Expression:
        made = listing([self.compiled(each) for each in node.elts])
        return self._folded(made, node) if made.is_constant else made

    def _call(self, node: ast.Call) -> Expression:
        assert isinstance(node.func, ast.Name)  # grammar.parse saw to it
        at = self._locate(node)
        function = self._scope.functions.get(node.func.id)
        if function is None:
            known = self._scope.functions
            raise Wrong(at, f"{node.func.id}() is no function.", did_you_mean(node.func.id, known))
        try:
            bound = function.signature.bind(*node.args, **{str(each.arg): each.value for each in node.keywords})
        except TypeError as error:
            raise Wrong(at, f"{function.name}(): {error}.", f"Write {function.usage}.") from error
        arguments: list[Argument] = []
        shapes: list[Shape] = []
        size, constant = 1, True
        for parameter, given in _given(function, bound.arguments):
            value = self._argument(function, parameter, given, shapes)
            arguments.append((value.get, parameter.kind, parameter.takes_null))
            shapes.append(value.shape)
            size, constant = size + value.size, constant and value.is_constant
        return Expression(call(function, arguments), function.shape(shapes), size, constant and bool(arguments))

    def _argument(self, function: Function, parameter: Parameter, given: Any, before: list[Shape]) -> Expression:
        """`given` is a node, or the default of an argument that was left out before another."""
        if not isinstance(given, ast.expr):
            return Expression(lambda _: given, ANY, is_constant=True)
        if parameter.kind == "path":
            return self._field(given, before[0] if before else ANY)
        value = self.compiled(given)
        if not takes(parameter, value.shape):
            message = (
                f"{function.name}() wants {parameter.kind} as {parameter.name}, this is of the kind {value.shape.kind}."
            )
            raise Wrong(self._locate(given), message, "amount(…) and number(…) make a number, text(…) a text.")
        return value

    def _field(self, node: ast.expr, rows: Shape) -> Expression:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            raise Wrong(self._locate(node), "wants a field's name as a text, such as 'row_total'")
        step, shape = path_of(node.value, rows.item or ANY, self._locate(node))
        return Expression(lambda frame: partial(step, frame), shape, is_constant=True)

    def _folded(self, made: Expression, node: ast.expr) -> Expression:
        """A constant is computed now: what cannot work is a finding, and it costs nothing later."""
        try:
            value = made.get([grammar.MOST_NODES * 1000])
        except Fault as fault:
            raise Wrong(self._locate(node), fault.message, fault.hint) from fault
        return Expression(lambda _: value, made.shape, 1, is_constant=True)


def _given(function: Function, bound: Mapping[str, Any]) -> Iterator[tuple[Parameter, Any]]:
    """The arguments in the function's order, up to the last that was given."""
    last = list(bound)[-1] if bound else ""
    for name, described in function.signature.parameters.items():
        parameter = function.parameters[name]
        if described.kind is inspect.Parameter.VAR_POSITIONAL:
            yield from ((parameter, each) for each in bound.get(name, ()))
        elif last:
            yield parameter, bound.get(name, described.default)
        last = "" if name == last else last
