"""Circuits as Qiskit has them, and measured bits as Qiskit gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.machine.vendors.packages import package


def qiskit_circuit(circuit: Circuit) -> Any:
    """A `qiskit.QuantumCircuit` of the same operations in the same order, all bits in one register "c"."""
    qiskit = package("qiskit", "qiskit")
    made = qiskit.QuantumCircuit(
        qiskit.QuantumRegister(circuit.qubits, "q"), qiskit.ClassicalRegister(circuit.bits, "c")
    )
    for one in circuit.operations:
        if one.condition is None:
            _append(made, one)
        else:
            bit, value = one.condition
            with made.if_test((made.clbits[bit], value)):
                _append(made, one)
    return made


def watched(made: Any) -> Any:
    """The circuit, and a measurement in the end of each qubit that it uses, into bits of their own.

    Aer leaves out qubits that nothing measures, and fails where one of them stands in a branch.
    """
    used = {qubit for one in made.data if one.operation.name != "barrier" for qubit in one.qubits}
    qubits = [qubit for qubit in made.qubits if qubit in used]
    more = made.copy()
    more.add_register(package("qiskit", "qiskit").ClassicalRegister(len(qubits), "watched"))
    more.measure(qubits, more.clbits[-len(qubits) :])
    return more


def _append(made: Any, one: Operation) -> None:
    if one.name == "barrier":
        made.barrier(*one.qubits)
    elif one.name == "measure":
        made.measure(one.qubits[0], one.bit)
    else:
        getattr(made, one.name)(*one.parameters, *one.qubits)  # Qiskit's methods have the names of stdgates.inc


def measured_bits(memory: Sequence[str], width: int) -> NDArray[np.bool_]:
    """(shots, width) bits from one hexadecimal number of so many bits a shot, whose lowest bit is bit 0."""
    octets = max(1, (width + 7) // 8)
    text = "".join(one[2:].zfill(2 * octets) for one in memory)
    rows = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(len(memory), octets)[:, ::-1]
    return np.unpackbits(rows, axis=1, count=width, bitorder="little").astype(np.bool_)
