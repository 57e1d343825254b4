"""A syntax tree of OpenQASM 3 as a circuit: loops unrolled, gates of the text inlined, registers laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from openqasm3 import ast

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.limits import OPERATIONS
from counterpoint.circuits.qasm.calls import Call, Calls, called, kind
from counterpoint.circuits.qasm.expressions import place
from counterpoint.circuits.qasm.modified import PHASE, STANDARD
from counterpoint.circuits.qasm.names import Named, Names, Operand

READ = (
    "gates and their definitions, measure, reset, barrier, if on one bit, for over integers, constants, let, and "
    "registers of qubits and bits"
)


@final
class Reader:
    """Reads one tree. Every method raises BadInput with the line and the way out."""

    def __init__(self) -> None:
        self.names = Names()
        self.calls = Calls(self.names)
        self.depth = 0  # of blocks
        self.operations: list[Operation] = []
        self.condition: tuple[int, int] | None = None

    def circuit(self, program: ast.Program) -> Circuit:
        """The circuit that `program` is."""
        for statement in program.statements:
            self._statement(statement)
        return Circuit(self.names.declared["qubit"], self.names.declared["bit"], tuple(self.operations))

    def _statement(self, one: ast.Statement | ast.Pragma) -> None:
        self.calls.spend(one, 1)
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
                self.calls.spend(one, len(barred))
                self._put(one, "barrier", barred)
            case ast.BranchingStatement():
                self._branch(one)
            case ast.ForInLoop():
                self._loop(one)
            case ast.CompoundStatement(statements=statements):
                self._block(statements)
            case _:
                self._declare(one)

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
                self.calls.gates |= STANDARD
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
            case ast.QuantumGateDefinition(name=ast.Identifier(name=name)):
                self._new(one, name, outermost=True)
                self.calls.define(one)
            case _:
                raise BadInput(f"{place(one)}: {kind(one)} is not read, and these are: {READ}")

    def _new(self, node: ast.QASMNode, name: str, *, outermost: bool = False) -> None:
        if name in self.calls.gates or name in self.names:
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
        if isinstance(one.type, ast.IntType | ast.UintType):
            self.names.numbers[name] = self.names.whole(given)
        else:
            found = self.names.value(given)
            self.names.numbers[name] = bool(found) if isinstance(one.type, ast.BoolType) else float(found)

    def _apply(self, call: Call, operands: Sequence[Operand]) -> None:
        """Once, or on each entry of the registers."""
        self.calls.check_shape(call, len(operands))
        body = self.calls.body(call, self.names.numbers)
        named = [self.names.entries(one, "qubit") for one in operands]
        for qubits in _broadcast(call, named):
            if len(set(qubits)) < len(qubits):
                raise BadInput(
                    f"{place(call)}: '{called(call)}' is on qubits {', '.join(map(str, qubits))}, one of them twice: "
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
                self.calls.spend(one, 1)
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
