"""Which expressions a mapping file may contain: a part of Python's grammar, small in every direction.

Parsed by `ast` and never compiled or evaluated by Python. What is not on the list below is refused, so a new kind of node in
a new Python is refused, too. With no loop, no function of its own, no power and these bounds, the work of an expression is
bounded by its size; what functions do with long texts and lists is bounded by `budget`.
"""

import ast
import warnings
from collections.abc import Callable

from bng_bridge.mapping.findings import Position, Wrong
from bng_bridge.mapping.yaml_tree import Scalar

MOST_CHARACTERS = 2000
MOST_NODES = 250
MOST_DEPTH = 25
MOST_TEXT = 1000
MOST_DIGITS = 18

ALLOWED: tuple[type[ast.AST], ...] = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot,
    ast.IfExp, ast.Call, ast.keyword, ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.List, ast.Tuple,
)  # fmt: skip

_NAMES: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.Pow: "**", ast.FloorDiv: "//",
    ast.Mod: "%", ast.JoinedStr: "an f-string", ast.NamedExpr: ":=", ast.Starred: "*", ast.Await: "await",
    ast.Yield: "yield", ast.YieldFrom: "yield", ast.Dict: "{…}", ast.Set: "{…}", ast.Slice: "a slice",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitAnd: "&", ast.BitXor: "^",
    ast.Invert: "~", ast.UAdd: "+ as a sign",
}  # fmt: skip

Locate = Callable[[ast.AST], Position]


def parse(scalar: Scalar) -> tuple[ast.expr, Locate]:
    """The checked tree and a function from its nodes to places in the file. Raises Wrong."""
    code = scalar.code
    if not code.strip():
        raise Wrong(scalar.at, "is empty, where an expression is wanted", "Null is None.")
    if len(code) > MOST_CHARACTERS:
        raise Wrong(scalar.at, f"is longer than {MOST_CHARACTERS} characters")
    wrapped = _Wrapped(scalar)
    tree = wrapped.tree()
    _check(tree, wrapped.locate)
    return tree, wrapped.locate


class _Wrapped:
    """The code in the form in which `ast` parses it, and the way back to the file's columns."""

    def __init__(self, scalar: Scalar) -> None:
        self._scalar = scalar
        code = scalar.code.rstrip()
        self._lead = 0 if "\n" in code else len(code) - len(code.lstrip())
        # Indentation and line ends mean nothing between brackets.
        self._text = f"(\n{code}\n)" if "\n" in code else code.lstrip()
        self._first_row = 2 if "\n" in code else 1
        self._lines = self._text.split("\n")

    def tree(self) -> ast.expr:
        if "\0" in self._text:
            # Told differently by each release of Python.
            raise Wrong(self._scalar.at, "is no expression: it contains a null byte")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return ast.parse(self._text, mode="eval").body
        except SyntaxError as error:
            raise Wrong(self._error_at(error), f"is no expression: {error.msg}") from error
        except (ValueError, MemoryError, RecursionError) as error:
            raise Wrong(self._scalar.at, f"is no expression: {error or 'too deep'}") from error

    def _error_at(self, error: SyntaxError) -> Position:
        """Python says 0, or the line of our own closing bracket, where more was expected at the end."""
        last = self._first_row + self._scalar.code.rstrip().count("\n")
        if not error.lineno or not error.offset or error.lineno > last:
            return self._position(last, len(self._lines[last - 1]))
        return self._position(error.lineno, error.offset - 1)

    def locate(self, node: ast.AST) -> Position:
        row, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        characters = len(self._lines[row - 1].encode()[:offset].decode(errors="ignore"))
        return self._position(row, characters)

    def _position(self, row: int, column: int) -> Position:
        row = min(max(row, self._first_row), self._first_row + self._scalar.code.count("\n"))
        return self._scalar.position(row - self._first_row, column + self._lead)


def _check(tree: ast.expr, locate: Locate) -> None:
    """Raises Wrong for what is not allowed. Without recursion, so that depth cannot hurt it."""
    todo: list[tuple[ast.AST, ast.AST, int]] = [(tree, tree, 1)]
    count = 0
    while todo:
        node, parent, depth = todo.pop()
        count += 1
        at = node if hasattr(node, "lineno") else parent
        if count > MOST_NODES or depth > MOST_DEPTH:
            raise Wrong(locate(tree), f"is too large: at most {MOST_NODES} parts and {MOST_DEPTH} levels")
        if not isinstance(node, ALLOWED):
            name = _NAMES.get(type(node), type(node).__name__)
            raise Wrong(locate(at), f"{name} is not allowed in an expression", "See docs/mapping.md, Expressions.")
        _check_node(node, locate)
        todo += [(child, at, depth + 1) for child in ast.iter_child_nodes(node)]


def _check_node(node: ast.AST, locate: Locate) -> None:
    if isinstance(node, ast.Constant):
        _check_constant(node, locate)
    private = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if private.startswith("_"):
        raise Wrong(locate(node), f"{private} is private: a name may not begin with _")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name):
            raise Wrong(locate(node), "only functions can be called: name(…)")
        if any(keyword.arg is None for keyword in node.keywords):
            raise Wrong(locate(node), "** is not allowed in an expression")


def _check_constant(node: ast.Constant, locate: Locate) -> None:
    value = node.value
    if isinstance(value, float):
        text = ast.unparse(node)
        raise Wrong(locate(node), f"{text} would be a binary float", f"Write number('{text}').")
    if value is not None and not isinstance(value, bool | int | str):
        raise Wrong(locate(node), f"{value!r} is not allowed in an expression")
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise Wrong(locate(node), f"a text of more than {MOST_TEXT} characters")
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise Wrong(locate(node), f"a number of more than {MOST_DIGITS} digits")
