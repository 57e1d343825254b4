"""A general circuit as OpenQASM 3 text, in and out (arXiv:2104.14722)."""

from __future__ import annotations

import re

from antlr4 import CommonTokenStream, InputStream
from antlr4.error.ErrorListener import ErrorListener
from openqasm3 import ast
from openqasm3.parser import (
    QASMNodeVisitor,
    qasm3Lexer,  # pyright: ignore[reportAttributeAccessIssue]
    qasm3Parser,  # pyright: ignore[reportAttributeAccessIssue]
)

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.qasm.reader import Reader

MOST = 50_000_000  # characters of a text
SHOWN = 100  # characters of what the parser says
_PLACE = re.compile(r"^L(\d+):C(\d+): ")  # as the builder of the tree says it
_VERSION_2 = re.compile(r"^\s*OPENQASM\s+2", re.MULTILINE)


def read(text: str) -> Circuit:
    """The circuit that an OpenQASM 3 text is: registers in order of declaration, loops and gates of its own expanded.

    Global phases are dropped. Raises BadInput, with the line, for what is not OpenQASM 3, what `reader.READ` does not
    name, and circuits of more than `limits.QUBITS` qubits or bits, or `limits.OPERATIONS` operations.
    """
    if len(text) > MOST:
        raise BadInput(f"a text of {len(text):,} characters was given and {MOST:,} are allowed: give a smaller circuit")
    try:
        return Reader().circuit(_parsed(text))
    except RecursionError:
        raise BadInput(
            f"the text of {len(text):,} characters is nested too deep to be read: write it with fewer brackets, blocks "
            "and gates within gates"
        ) from None


def write(circuit: Circuit) -> str:
    """OpenQASM 3 text, one operation a line, on registers q and c: `read` gives the same circuit again.

    A barrier of no qubits is left out, as the language would take it for one of all.
    """
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    lines += [f"{kind}[{count}] {name};" for kind, count, name in _registers(circuit) if count]
    return "\n".join([*lines, *(_line(one) for one in circuit.operations if one.qubits), ""])


def _registers(circuit: Circuit) -> list[tuple[str, int, str]]:
    return [("qubit", circuit.qubits, "q"), ("bit", circuit.bits, "c")]


def _line(one: Operation) -> str:
    qubits = ", ".join(f"q[{q}]" for q in one.qubits)
    if one.name == "measure":
        said = f"c[{one.bit}] = measure {qubits};"
    else:
        angles = f"({', '.join(repr(float(p)) for p in one.parameters)})" if one.parameters else ""
        said = f"{'U' if one.name == 'u' else one.name}{angles} {qubits};"
    if one.condition is None:
        return said
    bit, value = one.condition
    return f"if ({'' if value else '!'}c[{bit}]) {{ {said} }}"


class _Refuses(ErrorListener):
    """Ends at the first error, where the parser would print it and go on."""

    def syntaxError(self, recognizer: object, offendingSymbol: object, line: int, column: int, msg: str, e: object):
        problem = msg.split(" expecting ")[0][:SHOWN]
        raise BadInput(f"line {line}, column {column}: {problem}: give a text of OpenQASM 3")


def _parsed(text: str) -> ast.Program:
    """The official syntax tree."""
    try:
        lexer = qasm3Lexer(InputStream(text))
        grammar = qasm3Parser(CommonTokenStream(lexer))
        for one in (lexer, grammar):
            one.removeErrorListeners()
            one.addErrorListener(_Refuses())
        tree = grammar.program()
        if tree.stop is None:
            raise BadInput(f"a text of {len(text)} characters without a statement was given: give 1 or more")
        program = QASMNodeVisitor().visitProgram(tree)
    except BadInput:
        _check_version("2" if _VERSION_2.search(text) else None)
        raise
    except RecursionError:
        raise
    except Exception as error:  # the tree's builder has no list of what it raises for bad texts
        said = _PLACE.sub(r"line \1, column \2: ", " ".join(str(error).split()))[:SHOWN]
        raise BadInput(f"{said or type(error).__name__}: give a text of OpenQASM 3") from error
    _check_version(program.version)
    return program


def _check_version(version: str | None) -> None:
    if version is not None and version.split(".")[0] != "3":
        raise BadInput(f"OPENQASM {version} was given and OPENQASM 3 is read: translate it, and write `OPENQASM 3.0;`")
