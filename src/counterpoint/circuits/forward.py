"""A parameterised circuit through qsim, the fastest state vector on a CPU above some 18 qubits: forward alone.

The package qsimcirq is the optional extra `qsim` of this one. Amplitudes are in single precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoint.base import BadInput
from counterpoint.circuits.ansatz import Ansatz
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.matrices import MATRICES, Matrix

citation = """@article{isakov2021,
  title = {Simulations of Quantum Circuits with Approximate Noise using qsim and Cirq},
  author = {Isakov, Sergei V. and others},
  journal = {arXiv:2111.02396},
  year = {2021}
}"""

FUSED = 3  # qubits of the gates that neighbouring gates are made into: the fastest at 20 qubits


def amplitudes(ansatz: Ansatz, parameters: ArrayLike, datum: ArrayLike = (), threads: int = 1) -> NDArray[np.complex64]:
    """(2^n,) for parameters (P,) and one datum (D,), qubit 0 the lowest bit, as `prepared` has them.

    Raises BadInput as `Ansatz.circuit` does, and where qsimcirq is not installed.
    """
    qsimcirq = _package()
    qsim = qsimcirq.qsim
    circuit = qsim.Circuit()
    circuit.num_qubits = ansatz.qubits
    for time, (qubits, matrix) in enumerate(_merged(ansatz.circuit(parameters, datum))):
        # The first qubit of a matrix is its highest bit there.
        qsim.add_matrix_gate(time, list(reversed(qubits)), matrix.ravel().view(np.float64).tolist(), circuit)
    options: dict[str, Any] = qsimcirq.QSimOptions(max_fused_gate_size=FUSED, cpu_threads=threads).as_dict()
    return qsim.qsim_simulate_fullstate({**options, "c": circuit, "s": 0}, 0).view(np.complex64)


def _merged(circuit: Circuit) -> Iterator[tuple[tuple[int, ...], Matrix]]:
    """Its gates as matrices, those of one qubit in a row made into one."""
    waiting: dict[int, Matrix] = {}
    for one in circuit.operations:
        if one.name == "measure":
            continue
        matrix = MATRICES[one.name](*one.parameters)
        if len(one.qubits) == 1:
            waiting[one.qubits[0]] = matrix @ waiting.get(one.qubits[0], np.eye(2, dtype=np.complex128))
            continue
        for q in one.qubits:
            if q in waiting:
                yield (q,), waiting.pop(q)
        yield one.qubits, matrix
    for q, matrix in waiting.items():
        yield (q,), matrix


def _package() -> Any:
    try:
        import qsimcirq
    except ImportError as problem:
        raise BadInput(
            "the forward path through qsim needs qsimcirq, which is not installed here: run "
            "pip install 'counterpoint[qsim]', or use circuits.prepared, which needs nothing"
        ) from problem
    return qsimcirq
