"""What the names of an OpenQASM 3 text mean: registers, single qubits and bits, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, final

from openqasm3 import ast

from counterpoint.base import BadInput
from counterpoint.circuits.limits import QUBITS
from counterpoint.circuits.qasm.expressions import CONSTANTS, Number, place, value, whole

Operand = ast.Expression | ast.IndexedIdentifier
Kind = Literal["qubit", "bit"]


@dataclass(frozen=True)
class Named:
    """Qubits or bits that a name or an index means, numbered through the whole circuit."""

    entries: tuple[int, ...]
    register: bool  # or a single one

    def __len__(self) -> int:
        return len(self.entries)


@final
@dataclass
class Names:
    """What is declared so far. Every method raises BadInput with the line and the way out."""

    registers: dict[Kind, dict[str, Named]] = field(default_factory=lambda: {"qubit": {}, "bit": {}})
    numbers: dict[str, Number] = field(default_factory=dict)
    declared: dict[Kind, int] = field(default_factory=lambda: {"qubit": 0, "bit": 0})

    @contextmanager
    def inside(self) -> Iterator[None]:
        """A block: numbers and aliases that are declared in it are forgotten after it."""
        scopes = (self.registers["qubit"], self.numbers)
        sizes = [len(scope) for scope in scopes]
        yield
        for scope, size in zip(scopes, sizes, strict=True):
            while len(scope) > size:
                scope.popitem()  # the latest first: no name is declared twice

    def __contains__(self, name: str) -> bool:
        return any(name in known for known in (*self.registers.values(), self.numbers, CONSTANTS))

    def declare(self, node: ast.QASMNode, kind: Kind, name: str, size: ast.Expression | None) -> None:
        """A register of `size`, or a single one."""
        count, first = 1 if size is None else self.whole(size), self.declared[kind]
        if not 1 <= count <= QUBITS - first:
            raise BadInput(
                f"{place(node)}: {count} {kind}s are declared after {first} others: declare at least 1, and at most "
                f"{QUBITS:,} in all"
            )
        self.registers[kind][name] = Named(tuple(range(first, first + count)), size is not None)
        self.declared[kind] += count

    def value(self, expression: ast.Expression) -> Number:
        """As `expressions.value`."""
        return value(expression, self.numbers)

    def whole(self, expression: ast.Expression) -> int:
        """As `expressions.whole`."""
        return whole(expression, self.numbers)

    def entries(self, operand: Operand, kind: Kind) -> Named:
        """What `operand` means: a name, with or without indices."""
        match operand:
            case ast.Identifier(name=name):
                found = self.registers[kind].get(name)
                if name.startswith("$"):
                    raise BadInput(
                        f"{place(operand)}: '{name}' is a qubit of one device, and circuits are read for any: use a "
                        "register, as in `qubit[2] q;`"
                    )
                if found is None:
                    raise BadInput(
                        f"{place(operand)}: '{name}' is no {kind} that is declared: add `{kind} {name};` before it, or "
                        "name another"
                    )
                return found
            case ast.IndexedIdentifier(name=inner, indices=indices):
                found = self.entries(inner, kind)
                for index in indices:
                    found = self._indexed(operand, found, index)
                return found
            case ast.IndexExpression(collection=inner, index=index):
                return self._indexed(operand, self.entries(inner, kind), index)
            case ast.Concatenation(lhs=left, rhs=right):
                return Named(self.entries(left, kind).entries + self.entries(right, kind).entries, True)
            case _:
                raise BadInput(
                    f"{place(operand)}: a {type(operand).__name__} stands where a {kind} is wanted: name one"
                )

    def range(self, one: ast.RangeDefinition, first: int, last: int) -> range:
        """The numbers from `first` to `last`, which belongs to it."""
        step = 1 if one.step is None else self.whole(one.step)
        if step == 0:
            raise BadInput(f"{place(one)}: a range has the step 0: give another number")
        return range(first, last + (1 if step > 0 else -1), step)

    def _indexed(self, node: ast.QASMNode, found: Named, index: ast.IndexElement) -> Named:
        if not found.register:
            raise BadInput(f"{place(node)}: an index is given to what is no register: leave it out")
        if isinstance(index, ast.DiscreteSet):
            return Named(tuple(found.entries[self._position(one, found.entries)] for one in index.values), True)
        if len(index) != 1:
            raise BadInput(f"{place(node)}: {len(index)} indices are given to a register, which takes 1: give 1")
        one = index[0]
        if isinstance(one, ast.RangeDefinition):
            first = 0 if one.start is None else self._position(one.start, found.entries)
            last = len(found) - 1 if one.end is None else self._position(one.end, found.entries)
            return Named(tuple(found.entries[i] for i in self.range(one, first, last)), True)
        return Named((found.entries[self._position(one, found.entries)],), False)

    def _position(self, index: ast.Expression, entries: Sequence[int]) -> int:
        """An index from 0; negative ones count from the end."""
        given = self.whole(index)
        if not -len(entries) <= given < len(entries):
            raise BadInput(
                f"{place(index)}: index {given} is out of a register of {len(entries)}: count from 0 to "
                f"{len(entries) - 1}"
            )
        return given % len(entries)
