"""A syntax tree of OpenQASM 3 as a circuit: loops unrolled, gates of the text inlined, registers laid side by side."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import final

from openqasm3 import ast

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.expressions import Number, place, value, whole
from counterpoint.circuits.limits import OPERATIONS
from counterpoint.circuits.modified import BUILT_IN, PHASE, STANDARD, Body, Gate, controlled, inverse, placed
from counterpoint.circuits.names import Named, Names, Operand

MOST_STEPS = 4 * OPERATIONS  # what is done to come to them: statements, loops, and parts of gates
READ = (
    "gates and their definitions, measure, reset, barrier, if on one bit, for over integers, constants, let, and "
    "registers of qubits and bits"
)
REFUSED: dict[type[ast.QASMNode], str] = {
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
MOST_CONTROLLED = 10_000  # gates that one more control is put on
MOST_CONTROLS = 100  # that one modifier adds
FLIP = Operation("x", (0,))


@final
class Reader:
    """Reads one tree. Every method raises BadInput with the line and the way out."""

    def __init__(self) -> None:
        self.gates: dict[str, Gate] = dict(BUILT_IN)
        self.names = Names()
        self.steps = 0
        self.depth = 0  # of blocks
        self.operations: list[Operation] = []
        self.condition: tuple[int, int] | None = None

    def circuit(self, program: ast.Program) -> Circuit:
        """The circuit that `program` is."""
        for statement in program.statements:
            self._statement(statement)
        return Circuit(self.names.declared["qubit"], self.names.declared["bit"], tuple(self.operations))

    def _statement(self, one: ast.Statement | ast.Pragma) -> None:
        self._spend(one, 1)
        match one:
            case ast.QuantumGate() | ast.QuantumPhase():
                self._apply(one, one.qubits)
            case ast.QuantumMeasurementStatement(measure=ast.QuantumMeasurement(qubit=qubit), target=target):
                self._measure(one, qubit, target)
            case ast.QuantumReset(qubits=qubits):
                for q in self.names.entries(qubits, "qubit").entries:
                    self._put(one, "reset", (q,))
            case ast.QuantumBarrier(qubits=operands):
                named = [q for operand in operands for q in self.names.entries(operand, "qubit").entries]
                every = range(self.names.declared["qubit"])
                barred = tuple(dict.fromkeys(named if operands else every))
                self._spend(one, len(barred))
                self._put(one, "barrier", barred)
            case ast.BranchingStatement():
                self._branch(one)
            case ast.ForInLoop():
                self._loop(one)
            case ast.CompoundStatement(statements=statements):
                self._block(statements)
            case _:
                self._declare(one)

    def _spend(self, node: ast.QASMNode, count: int) -> None:
        self.steps += count
        if self.steps > MOST_STEPS:
            raise BadInput(
                f"{place(node)}: {self.steps:,} statements, loops and parts of gates have been met, and {MOST_STEPS:,} "
                "are allowed: give a smaller circuit"
            )

    def _put(
        self,
        node: ast.QASMNode,
        name: str,
        qubits: tuple[int, ...],
        parameters: tuple[float, ...] = (),
        bit: int | None = None,
    ) -> None:
        if len(self.operations) == OPERATIONS:
            raise BadInput(
                f"{place(node)}: {OPERATIONS + 1:,} operations were given and {OPERATIONS:,} are allowed: give fewer"
            )
        self.operations.append(Operation(name, qubits, parameters, bit, self.condition))

    # Declarations

    def _declare(self, one: ast.Statement | ast.Pragma) -> None:
        match one:
            case ast.Include(filename="stdgates.inc"):
                for name in STANDARD:
                    self._new(one, name)
                self.gates |= STANDARD
            case ast.Include(filename=name):
                raise BadInput(f"{place(one)}: '{name}' is included and only stdgates.inc can be: include that alone")
            case ast.QubitDeclaration(qubit=ast.Identifier(name=name), size=size):
                self._new(one, name, outermost=True)
                self.names.declare(one, "qubit", name, size)
            case ast.ClassicalDeclaration(type=ast.BitType(size=size), identifier=bits, init_expression=given):
                self._new(one, bits.name, outermost=True)
                self.names.declare(one, "bit", bits.name, size)
                if isinstance(given, ast.QuantumMeasurement):
                    self._measure(one, given.qubit, bits)
                elif given is not None:
                    self._start(one, given)
            case ast.ClassicalDeclaration() | ast.ConstantDeclaration():
                self._number(one)
            case ast.AliasStatement(target=ast.Identifier(name=name), value=given):
                self._new(one, name)
                self.names.registers["qubit"][name] = self.names.entries(given, "qubit")
            case ast.QuantumGateDefinition():
                self._define(one)
            case _:
                said = REFUSED.get(type(one), type(one).__name__)
                raise BadInput(f"{place(one)}: {said} is not read, and these are: {READ}")

    def _new(self, node: ast.QASMNode, name: str, *, outermost: bool = False) -> None:
        if name in self.gates or name in self.names:
            raise BadInput(f"{place(node)}: '{name}' is declared for the 2nd time: use another name")
        if outermost and self.depth:
            raise BadInput(
                f"{place(node)}: '{name}' is declared inside a block of depth {self.depth}: do it at depth 0"
            )

    def _start(self, node: ast.QASMNode, given: ast.Expression) -> None:
        found = given.value if isinstance(given, ast.BitstringLiteral) else self.names.value(given)
        if found != 0:
            raise BadInput(f"{place(node)}: bits start as {found}, and can as 0: flip a qubit and measure it")

    def _number(self, one: ast.ClassicalDeclaration | ast.ConstantDeclaration) -> None:
        name, given = one.identifier.name, one.init_expression
        kinds = (ast.IntType, ast.UintType, ast.FloatType, ast.AngleType, ast.BoolType)
        if not (isinstance(one.type, kinds) and isinstance(given, ast.Expression)):
            raise BadInput(
                f"{place(one)}: '{name}' is a {type(one.type).__name__} {'with' if given else 'without'} a value, and "
                f"numbers with one are read: write it as in `const float {name} = 0.5;`"
            )
        self._new(one, name)
        integer = isinstance(one.type, ast.IntType | ast.UintType)
        self.names.numbers[name] = self.names.whole(given) if integer else self.names.value(given)

    def _define(self, one: ast.QuantumGateDefinition) -> None:
        name = one.name.name
        self._new(one, name, outermost=True)
        parameters = [p.name for p in one.arguments]
        position = {q.name: i for i, q in enumerate(one.qubits)}
        if len(position) < len(one.qubits) or len(set(parameters)) < len(parameters):
            raise BadInput(f"{place(one)}: gate '{name}' gives a name to two of its own: name each differently")
        lines: list[tuple[ast.QuantumGate | ast.QuantumPhase, tuple[int, ...]]] = []
        for call in one.body:
            if not isinstance(call, ast.QuantumGate | ast.QuantumPhase):
                said = REFUSED.get(type(call), type(call).__name__)
                raise BadInput(f"{place(call)}: {said} stands in gate '{name}', and only gates can: take it out")
            on = tuple(self._own(q, position, name) for q in call.qubits)
            self._check_shape(call, len(on))
            lines.append((call, on))
        outer = dict(self.names.numbers)

        def body(*given: float) -> Body:
            known = ChainMap(dict[str, Number](zip(parameters, given, strict=True)), outer)
            made: Body = []
            for call, on in lines:
                made += [placed(one, on) for one in self._body(call, known)]
            return made

        self.gates[name] = Gate(len(position), len(parameters), body)

    def _own(self, operand: Operand, position: dict[str, int], name: str) -> int:
        if not isinstance(operand, ast.Identifier) or operand.name not in position:
            raise BadInput(
                f"{place(operand)}: gate '{name}' uses what is none of its {len(position)} qubits: name one of "
                f"{', '.join(position)}"
            )
        return position[operand.name]

    # Gates

    def _check_shape(self, call: ast.QuantumGate | ast.QuantumPhase, qubits: int) -> None:
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
                f"{place(call)}: '{_called(call)}' was given {qubits} qubits and takes {wanted}, controls included: "
                "give these"
            )

    def _count(self, modifier: ast.QuantumGateModifier) -> int:
        """The controls that a modifier adds."""
        count = 1 if modifier.argument is None else self.names.whole(modifier.argument)
        if not 1 <= count <= MOST_CONTROLS:
            raise BadInput(f"{place(modifier)}: {count} controls were asked for: give 1 to {MOST_CONTROLS}")
        return count

    def _body(self, call: ast.QuantumGate | ast.QuantumPhase, known: Mapping[str, Number]) -> Body:
        """What a call does to its qubits, counted from 0."""
        if isinstance(call, ast.QuantumPhase):
            made = [Operation(PHASE, (), (_angle(call.argument, known),))]
        else:
            made = self.gates[call.name.name].body(*(_angle(one, known) for one in call.arguments))
        for modifier in reversed(call.modifiers):
            made = self._modified(modifier, made, known)
        self._spend(call, max(1, len(made)))
        return made

    def _modified(self, modifier: ast.QuantumGateModifier, made: Body, known: Mapping[str, Number]) -> Body:
        kind = modifier.modifier.name
        if kind == "inv":
            return inverse(made)
        if kind == "pow":
            if modifier.argument is None:
                raise BadInput(f"{place(modifier)}: a power has no exponent: give an integer, as in pow(2)")
            power = whole(modifier.argument, known)
            self._spend(modifier, abs(power) * max(1, len(made)))
            return (made if power >= 0 else inverse(made)) * abs(power)
        for _ in range(self._count(modifier)):
            if len(made) > MOST_CONTROLLED:
                raise BadInput(
                    f"{place(modifier)}: a control is put on {len(made):,} gates and can be on {MOST_CONTROLLED:,}: "
                    "use fewer controls, or a smaller gate"
                )
            made = controlled(made)
            self._spend(modifier, 10 * len(made))  # they take as long as that
            if kind == "negctrl":
                made = [FLIP, *made, FLIP]
        return made

    def _apply(self, call: ast.QuantumGate | ast.QuantumPhase, operands: Sequence[Operand]) -> None:
        """Once, or on each entry of the registers."""
        self._check_shape(call, len(operands))
        body = self._body(call, self.names.numbers)
        named = [self.names.entries(one, "qubit") for one in operands]
        for qubits in _broadcast(call, named):
            if len(set(qubits)) < len(qubits):
                raise BadInput(
                    f"{place(call)}: '{_called(call)}' is on qubits {', '.join(map(str, qubits))}, one of them twice: "
                    "name each once"
                )
            for one in body:
                if one.name != PHASE:
                    self._put(call, one.name, tuple(qubits[q] for q in one.qubits), one.parameters)

    # Measurements, and what depends on their results

    def _measure(self, node: ast.QASMNode, qubit: Operand, target: Operand | None) -> None:
        if target is None:
            raise BadInput(
                f"{place(node)}: a measurement writes no bit, and must write 1: say which, as in c[0] = measure q[0]"
            )
        qubits, bits = self.names.entries(qubit, "qubit").entries, self.names.entries(target, "bit").entries
        if len(qubits) != len(bits):
            raise BadInput(
                f"{place(node)}: {len(qubits)} qubits are measured into {len(bits)} bits: give as many bits as qubits"
            )
        for q, bit in zip(qubits, bits, strict=True):
            self._put(node, "measure", (q,), bit=bit)

    def _block(self, statements: Sequence[ast.Statement | ast.Pragma]) -> None:
        self.depth += 1
        with self.names.inside():
            for one in statements:
                self._statement(one)
        self.depth -= 1

    def _loop(self, one: ast.ForInLoop) -> None:
        numbers = one.set_declaration
        if isinstance(numbers, ast.RangeDefinition) and numbers.start is not None and numbers.end is not None:
            values = self.names.range(numbers, self.names.whole(numbers.start), self.names.whole(numbers.end))
        elif isinstance(numbers, ast.DiscreteSet):
            values = [self.names.whole(each) for each in numbers.values]
        else:
            raise BadInput(f"{place(one)}: a for runs over a {type(numbers).__name__}: give a range, as in [0:3]")
        name = one.identifier.name
        self._new(one, name)
        with self.names.inside():
            for i in values:
                self._spend(one, 1)
                self.names.numbers[name] = i
                self._block(one.block)

    def _branch(self, one: ast.BranchingStatement) -> None:
        found = self._condition(one.condition)
        if isinstance(found, bool):
            self._block(one.if_block if found else one.else_block)
            return
        if self.condition is not None:
            raise BadInput(
                f"{place(one)}: an if on bit {found[0]} stands in one on bit {self.condition[0]}, and operations may "
                "depend on 1 bit: take it out"
            )
        start = len(self.operations)
        for wanted, block in ((found[1], one.if_block), (1 - found[1], one.else_block)):
            self.condition = (found[0], wanted)
            self._block(block)
        self.condition = None
        if any(made.bit == found[0] for made in self.operations[start:-1]):
            raise BadInput(
                f"{place(one)}: an if on bit {found[0]} writes that bit before its last operation: write another bit"
            )

    def _condition(self, given: ast.Expression) -> tuple[int, int] | bool:
        """The bit and the value that it must have, or whether it holds where no bit is in it."""
        match given:
            case ast.UnaryExpression(op=op, expression=inner) if op.name == "!" or (
                op.name == "~" and self._bit(inner)
            ):
                found = self._condition(inner)
                return not found if isinstance(found, bool) else (found[0], 1 - found[1])
            case ast.BinaryExpression(op=op, lhs=left, rhs=right) if op.name in ("==", "!="):
                for side, other in ((left, right), (right, left)):
                    found = self._bit(side)
                    if found:
                        wanted = self.names.whole(other)
                        if wanted not in (0, 1):
                            raise BadInput(f"{place(given)}: a bit is compared with {wanted}: give 0 or 1")
                        return found[0], wanted if op.name == "==" else 1 - wanted
            case _:
                found = self._bit(given)
                if found:
                    return found
        return bool(self.names.value(given))

    def _bit(self, given: ast.Expression) -> tuple[int, int] | None:
        """The one bit that `given` names, and 1; None where it names none."""
        root = given
        while isinstance(root, ast.IndexExpression):
            root = root.collection
        if not (isinstance(root, ast.Identifier) and root.name in self.names.registers["bit"]):
            return None
        bits = self.names.entries(given, "bit").entries
        if len(bits) != 1:
            raise BadInput(f"{place(given)}: an if depends on {len(bits)} bits at once, and 1 is allowed: name one")
        return bits[0], 1


def _called(call: ast.QuantumGate | ast.QuantumPhase) -> str:
    return call.name.name if isinstance(call, ast.QuantumGate) else PHASE


def _angle(expression: ast.Expression, known: Mapping[str, Number]) -> float:
    """The value in rad. Raises BadInput as `value` does, and where it is not finite."""
    found = value(expression, known)
    if not math.isfinite(found):
        raise BadInput(f"{place(expression)}: a parameter is {found}: give a finite number of radians")
    return float(found)


def _broadcast(node: ast.QASMNode, named: Sequence[Named]) -> list[tuple[int, ...]]:
    """The qubits of each application: single ones in all, registers entry by entry."""
    sizes = {len(one) for one in named if one.register}
    if len(sizes) > 1:
        raise BadInput(
            f"{place(node)}: registers of {' and '.join(map(str, sorted(sizes)))} qubits are given to one gate: give "
            "them the same size"
        )
    times = sizes.pop() if sizes else 1
    return [tuple(one.entries[i if one.register else 0] for one in named) for i in range(times)]
