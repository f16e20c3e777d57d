"""Arithmetic and comparison of expressions, on Decimals alone.

Addition, subtraction and multiplication are exact or fail: what needs more than 28 digits is no amount. Only division
rounds, at the 28th digit.
"""

import ast
import operator
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any

from bng_bridge.mapping.budget import CHARACTERS_PER_UNIT, Frame, Getter, check_length, spend, weight
from bng_bridge.mapping.faults import Fault, kind_of, shown

_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
EXACT = Context(prec=28, rounding=ROUND_HALF_EVEN, Emin=-30, Emax=27, traps=[*_TRAPS, Inexact])
ROUNDED = Context(prec=28, rounding=ROUND_HALF_EVEN, Emin=-30, Emax=27, traps=_TRAPS)
NUMBERS = frozenset({int, Decimal})
CONTAINERS = frozenset({dict, list})

Binary = Callable[[Any, Any], Any]
ARITHMETIC: dict[type[ast.operator], tuple[str, Binary]] = {
    ast.Add: ("+", EXACT.add),
    ast.Sub: ("-", EXACT.subtract),
    ast.Mult: ("*", EXACT.multiply),
    ast.Div: ("/", ROUNDED.divide),
}
ORDER: dict[type[ast.cmpop], tuple[str, Binary]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}


def arithmetic(kind: type[ast.operator], left: Getter, right: Getter) -> Getter:
    sign, compute = ARITHMETIC[kind]
    joins = kind is ast.Add

    def computed(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if type(one) in NUMBERS and type(other) in NUMBERS:
            try:
                return compute(one, other)
            except ArithmeticError as error:
                raise Fault(f"{shown(one)} {sign} {shown(other)} has no exact result of 28 digits") from error
        if joins and type(one) is str and type(other) is str:
            return _joined(frame, one, other)
        raise _unfit(sign, one, other)

    return computed


def negative(value: Getter) -> Getter:
    def negated(frame: Frame) -> Any:
        found = value(frame)
        if type(found) not in NUMBERS:
            raise Fault(f"- wants a number, got {kind_of(found)}")
        try:
            return EXACT.minus(found)
        except ArithmeticError as error:
            raise Fault(f"{shown(found)} has more than 28 digits") from error

    return negated


def ordered(kind: type[ast.cmpop], one: Any, other: Any) -> bool:
    """`one < other` and its kin, for two numbers or two texts."""
    sign, compare = ORDER[kind]
    numbers = type(one) in NUMBERS and type(other) in NUMBERS
    if not numbers and not (type(one) is str and type(other) is str):
        raise _unfit(sign, one, other)
    return bool(compare(one, other))


def equals(frame: Frame, one: Any, other: Any) -> bool:
    """`one == other`; comparing whole objects and lists is paid for."""
    if type(one) in CONTAINERS and type(other) in CONTAINERS:
        spend(frame, weight(one))
    return bool(one == other)


def contains(frame: Frame, one: Any, other: Any) -> bool:
    """`one in other`, for a list, or a text in a text; nothing is in null."""
    if other is None:
        return False
    if type(other) is list and type(one) not in CONTAINERS:
        spend(frame, len(other))
        return one in other
    if type(one) is str and type(other) is str:
        spend(frame, len(other) // CHARACTERS_PER_UNIT)
        return one in other
    raise _unfit("in", one, other)


def _joined(frame: Frame, one: str, other: str) -> str:
    length = len(one) + len(other)
    if length > CHARACTERS_PER_UNIT:
        check_length(length)
        spend(frame, length // CHARACTERS_PER_UNIT)
    return one + other


def _unfit(sign: str, one: Any, other: Any) -> Fault:
    hint = "amount(…) makes 0 of null, text(…) a text of a number." if sign == "+" else ""
    if one is None or other is None:
        hint = "Null: say what then, with `or`, `default` or amount(…)."
    return Fault(f"{kind_of(one)} {sign} {kind_of(other)} does not work", hint=hint)
