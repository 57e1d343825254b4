"""Calls of gates in OpenQASM 3, and gates that a text defines: what they do to their qubits, in gates of `GATES`."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping
from typing import final

from openqasm3 import ast

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Operation
from counterpoint.circuits.limits import OPERATIONS
from counterpoint.circuits.qasm.expressions import Number, place, value, whole
from counterpoint.circuits.qasm.modified import BUILT_IN, PHASE, Body, Gate, controlled, inverse, placed
from counterpoint.circuits.qasm.names import Names, Operand

MOST_STEPS = 4 * OPERATIONS  # what is done to come to them: statements, loops, and parts of gates
MOST_CONTROLLED = 10_000  # gates that one more control is put on
MOST_CONTROLS = 100  # that one modifier adds
FLIP = Operation("x", (0,))
_KINDS: dict[type[ast.QASMNode], str] = {
    ast.SubroutineDefinition: "def",
    ast.ExternDeclaration: "extern",
    ast.IODeclaration: "input or output",
    ast.DelayInstruction: "delay",
    ast.Box: "box",
    ast.WhileLoop: "while",
    ast.SwitchStatement: "switch",
    ast.BreakStatement: "break",
    ast.ContinueStatement: "continue",
    ast.EndStatement: "end",
    ast.ReturnStatement: "return",
    ast.ClassicalAssignment: "an assignment",
    ast.ExpressionStatement: "an expression by itself",
    ast.CalibrationGrammarDeclaration: "defcalgrammar",
    ast.CalibrationStatement: "cal",
    ast.CalibrationDefinition: "defcal",
    ast.Pragma: "pragma",
    ast.QuantumBarrier: "barrier",
}
Call = ast.QuantumGate | ast.QuantumPhase


@final
class Calls:
    """The gates that are known so far. Every method raises BadInput with the line and the way out."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.gates: dict[str, Gate] = dict(BUILT_IN)
        self.steps = 0

    def spend(self, node: ast.QASMNode, count: int) -> None:
        """Take note of work, so that a short text cannot ask for any amount of it."""
        self.steps += count
        if self.steps > MOST_STEPS:
            raise BadInput(
                f"{place(node)}: {self.steps:,} statements, loops and parts of gates have been met, and {MOST_STEPS:,} "
                "are allowed: give a smaller circuit"
            )

    def define(self, one: ast.QuantumGateDefinition) -> None:
        """Know the gate from here on. As it can call gates that are known alone, none calls itself."""
        name = one.name.name
        parameters = [p.name for p in one.arguments]
        position = {q.name: i for i, q in enumerate(one.qubits)}
        if len(position) < len(one.qubits) or len(set(parameters)) < len(parameters):
            raise BadInput(f"{place(one)}: gate '{name}' gives a name to two of its own: name each differently")
        lines: list[tuple[Call, tuple[int, ...]]] = []
        for call in one.body:
            if not isinstance(call, Call):
                raise BadInput(f"{place(call)}: {kind(call)} stands in gate '{name}', and only gates can: take it out")
            on = tuple(self._own(q, position, name) for q in call.qubits)
            self.check_shape(call, len(on))
            lines.append((call, on))
        outer = dict(self.names.numbers)

        def body(*given: float) -> Body:
            known = ChainMap(dict[str, Number](zip(parameters, given, strict=True)), outer)
            made: Body = []
            for call, on in lines:
                made += [placed(one, on) for one in self.body(call, known)]
            return made

        self.gates[name] = Gate(len(position), len(parameters), body)

    def _own(self, operand: Operand, position: dict[str, int], name: str) -> int:
        if not isinstance(operand, ast.Identifier) or operand.name not in position:
            raise BadInput(
                f"{place(operand)}: gate '{name}' uses what is none of its {len(position)} qubits: name one of "
                f"{', '.join(position)}"
            )
        return position[operand.name]

    def check_shape(self, call: Call, qubits: int) -> None:
        """Raise BadInput unless the gate is declared and has as many parameters and qubits as it takes."""
        wanted = 0
        if isinstance(call, ast.QuantumGate):
            name = call.name.name
            gate = self.gates.get(name)
            if gate is None:
                known = f'include "stdgates.inc", or define it, before line {call.span.start_line if call.span else 1}'
                raise BadInput(f"{place(call)}: gate '{name}' is none of the {len(self.gates)} that are known: {known}")
            if call.duration is not None:
                raise BadInput(f"{place(call)}: '{name}' has a duration, and gates have none here: leave it out")
            if len(call.arguments) != gate.parameters:
                raise BadInput(
                    f"{place(call)}: '{name}' was given {len(call.arguments)} parameters and takes {gate.parameters}: "
                    "give these"
                )
            wanted = gate.qubits
        wanted += sum(self._count(m) for m in call.modifiers if "ctrl" in m.modifier.name)
        if qubits != wanted:
            raise BadInput(
                f"{place(call)}: '{called(call)}' was given {qubits} qubits and takes {wanted}, controls included: "
                "give these"
            )

    def _count(self, modifier: ast.QuantumGateModifier) -> int:
        """The controls that a modifier adds."""
        count = 1 if modifier.argument is None else self.names.whole(modifier.argument)
        if not 1 <= count <= MOST_CONTROLS:
            raise BadInput(f"{place(modifier)}: {count} controls were asked for: give 1 to {MOST_CONTROLS}")
        return count

    def body(self, call: Call, known: Mapping[str, Number]) -> Body:
        """What a call does to its qubits, counted from 0."""
        if isinstance(call, ast.QuantumPhase):
            made = [Operation(PHASE, (), (_angle(call.argument, known),))]
        else:
            made = self.gates[call.name.name].body(*(_angle(one, known) for one in call.arguments))
        for modifier in reversed(call.modifiers):
            made = self._modified(modifier, made, known)
        self.spend(call, max(1, len(made)))
        return made

    def _modified(self, modifier: ast.QuantumGateModifier, made: Body, known: Mapping[str, Number]) -> Body:
        name = modifier.modifier.name
        if name == "inv":
            return inverse(made)
        if name == "pow":
            if modifier.argument is None:
                raise BadInput(f"{place(modifier)}: a power has no exponent: give an integer, as in pow(2)")
            power = whole(modifier.argument, known)
            self.spend(modifier, abs(power) * max(1, len(made)))
            return (made if power >= 0 else inverse(made)) * abs(power)
        for _ in range(self._count(modifier)):
            if len(made) > MOST_CONTROLLED:
                raise BadInput(
                    f"{place(modifier)}: a control is put on {len(made):,} gates and can be on {MOST_CONTROLLED:,}: "
                    "use fewer controls, or a smaller gate"
                )
            made = controlled(made)
            self.spend(modifier, 10 * len(made))  # they take as long as that
            if name == "negctrl":
                made = [FLIP, *made, FLIP]
        return made


def called(call: Call) -> str:
    """The name of what is called."""
    return call.name.name if isinstance(call, ast.QuantumGate) else PHASE


def _angle(expression: ast.Expression, known: Mapping[str, Number]) -> float:
    """The value in rad. Raises BadInput as `value` does, and where it is not finite."""
    found = value(expression, known)
    if not math.isfinite(found):
        raise BadInput(f"{place(expression)}: a parameter is {found}: give a finite number of radians")
    return float(found)


def kind(node: ast.QASMNode) -> str:
    """What a statement is in the language's own words."""
    return _KINDS.get(type(node), type(node).__name__)
