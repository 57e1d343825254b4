"""General circuits as Braket's simulators and devices read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import decomposed
from counterpoint.circuits.tagged import check_conditions
from counterpoint.machine.vendors.packages import package

# Braket's names of the gates that `decomposed` leaves; all others have the same name.
NAMES = {"sdg": "si", "tdg": "ti", "sx": "v", "p": "phaseshift", "cx": "cnot"}
TWO = ("CNot", "CY", "CZ", "Swap")
ONE = ("X", "Y", "Z", "H", "S", "Si", "T", "Ti", "V", "Rx", "Ry", "Rz", "PhaseShift", "U")


def written_bits(circuit: Circuit) -> list[int]:
    """The bits that are measured, in order: what Braket gives back."""
    return sorted({one.bit for one in circuit.operations if one.bit is not None})


def program_text(circuit: Circuit) -> str:
    """OpenQASM 3 with Braket's own gates, and one bit more where a qubit is reset that something was done to.

    Raises BadInput where a measurement or a reset depends on a result: Braket's simulators give such bits wrong.
    """
    parts = decomposed(circuit)
    check_conditions(parts)
    spare = any(one.name == "reset" for one in parts.operations)
    lines = ["OPENQASM 3.0;", f"qubit[{circuit.qubits}] q;", f"bit[{circuit.bits + spare}] c;"]
    return "\n".join([*lines, *(_line(one, circuit.bits) for one in parts.operations), ""])


def _line(one: Operation, spare: int) -> str:
    qubits = ", ".join(f"q[{q}]" for q in one.qubits)
    if one.name == "reset":
        # Braket's own reset lets the two halves of an entangled state interfere.
        return f"c[{spare}] = measure {qubits};\nif (c[{spare}] == 1) {{ x {qubits}; }}"
    if one.name == "measure":
        said = f"c[{one.bit}] = measure {qubits};"
    else:
        angles = f"({', '.join(repr(float(p)) for p in one.parameters)})" if one.parameters else ""
        said = f"{'U' if one.name == 'u' else NAMES.get(one.name, one.name)}{angles} {qubits};"
    return said if one.condition is None else f"if (c[{one.condition[0]}] == {one.condition[1]}) {{ {said} }}"


def braket_circuit(circuit: Circuit) -> Any:
    """A `braket.circuits.Circuit` of a circuit that does not depend on results: gates, then measurements."""
    made = package("braket.circuits", "braket").Circuit()
    last = {one.bit: one.qubits[0] for one in circuit.operations if one.bit is not None}
    for one in decomposed(circuit).operations:
        if one.name not in ("barrier", "measure", "reset"):  # a reset here is of a qubit in |0>
            getattr(made, NAMES.get(one.name, one.name))(*one.qubits, *one.parameters)
    for bit in written_bits(circuit):
        made.measure(last[bit])
    return made


def measured_bits(columns: NDArray[np.int64], bits: Sequence[int], width: int) -> NDArray[np.bool_]:
    """(shots, width) bits from the columns (shots, W) of those that were written, a spare one after them."""
    measured = np.zeros((len(columns), width), np.bool_)
    measured[:, bits] = columns[:, : len(bits)]
    return measured
