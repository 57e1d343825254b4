"""Expressions of OpenQASM 3 whose value is known before the circuit runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from openqasm3 import ast

from counterpoint.base import BadInput

LARGEST = 2**63  # that no integer reaches
Number = int | float  # true and false are 1 and 0

CONSTANTS: dict[str, Number] = {
    **dict.fromkeys(("pi", "π"), math.pi),
    **dict.fromkeys(("tau", "τ"), math.tau),
    **dict.fromkeys(("euler", "ℇ"), math.e),
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Number]]] = {  # arguments of each
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "tan": (1, math.tan),
    "arcsin": (1, math.asin),
    "arccos": (1, math.acos),
    "arctan": (1, math.atan),
    "exp": (1, math.exp),
    "log": (1, math.log),
    "sqrt": (1, math.sqrt),
    "floor": (1, math.floor),
    "ceiling": (1, math.ceil),
    "mod": (2, lambda a, b: a % b),
}
OPERATORS: dict[str, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: _quotient(a, b),
    "%": lambda a, b: a % b,
    "**": lambda a, b: _power(a, b),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
SIGNS: dict[str, Callable[[Number], Number]] = {"-": lambda a: -a, "!": lambda a: not a}


def place(node: ast.QASMNode) -> str:
    """Where `node` stands, such as "line 3"."""
    return f"line {node.span.start_line}" if node.span else "the circuit"


def value(expression: ast.Expression, known: Mapping[str, Number]) -> Number:
    """The value of `expression`, with `known` names beside pi, tau and euler.

    Raises BadInput for a name that is not known, what has no value (a division by zero, the root of -1), and what is
    neither of `OPERATORS` nor of `FUNCTIONS`.
    """
    match expression:
        case ast.IntegerLiteral() | ast.FloatLiteral() | ast.BooleanLiteral():
            return _result(expression, "a literal", lambda: expression.value, ())
        case ast.Identifier(name=name):
            found = known.get(name, CONSTANTS.get(name))
            if found is None:
                raise BadInput(
                    f"{place(expression)}: '{name}' is not a number that is known here: declare it, as in "
                    f"`const float {name} = 0.5;`"
                )
            return found
        case ast.UnaryExpression(op=op) if op.name in SIGNS:
            return SIGNS[op.name](value(expression.expression, known))
        case ast.BinaryExpression(op=op) if op.name in OPERATORS:
            pair = value(expression.lhs, known), value(expression.rhs, known)
            return _result(expression, f"{pair[0]} {op.name} {pair[1]}", OPERATORS[op.name], pair)
        case ast.FunctionCall(name=ast.Identifier(name=name)) if name in FUNCTIONS:
            count, function = FUNCTIONS[name]
            given = tuple(value(one, known) for one in expression.arguments)
            if len(given) != count:
                raise BadInput(
                    f"{place(expression)}: '{name}' was given {len(given)} arguments and takes {count}: give these"
                )
            return _result(expression, f"{name}({', '.join(map(str, given))})", function, given)
        case _:
            raise BadInput(
                f"{place(expression)}: an expression of the kind {type(expression).__name__} stands where a number is "
                f"wanted: use literals, constants, {' '.join(OPERATORS)} and {', '.join(FUNCTIONS)}"
            )


def whole(expression: ast.Expression, known: Mapping[str, Number]) -> int:
    """The value of `expression` as an integer. Raises BadInput as `value` does, and where it is not one."""
    found = value(expression, known)
    if not (abs(found) < LARGEST and found == math.floor(found)):
        raise BadInput(f"{place(expression)}: {found} stands where an integer is wanted: give one below {LARGEST}")
    return int(found)


def _result(node: ast.QASMNode, said: str, function: Callable[..., Number], given: tuple[Number, ...]) -> Number:
    try:
        found = function(*given)
    except BadInput as problem:
        raise BadInput(f"{place(node)}: {problem}") from None
    except (ArithmeticError, ValueError):
        raise BadInput(f"{place(node)}: {said} has no finite real value: give numbers that have one") from None
    if isinstance(found, int) and abs(found) >= LARGEST:
        raise BadInput(f"{place(node)}: {said} is not below {LARGEST} in size: give a smaller integer, or a float")
    return found


def _quotient(a: Number, b: Number) -> Number:
    """Two integers are divided only where nothing is left: some readers of OpenQASM 3 round, others do not."""
    if isinstance(a, int) and isinstance(b, int):
        quotient, left = divmod(a, b)
        if left:
            raise BadInput(f"{a} / {b} leaves a rest, which some readers drop: write {a}.0 / {b}, or what you mean")
        return quotient
    return a / b


def _power(a: Number, b: Number) -> Number:
    close = math.pow(a, b)  # says at once where the exact result would be out of bounds
    return a**b if isinstance(a, int) and isinstance(b, int) and b >= 0 and abs(close) < LARGEST else close
