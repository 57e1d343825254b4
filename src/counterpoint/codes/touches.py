"""Which gate's errors can fire which detector site."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput
from counterpoint.codes.faults import Again, Fault, Gate, Step, faults_of, read
from counterpoint.codes.sites import sites_of


def touches(circuit: stim.Circuit, gates: Sequence[Gate]) -> NDArray[np.bool_]:
    """Which gate's errors can fire which site: (G, S) bool, sites as in `sites_of`.

    Exact: each generator of each fault's errors (X and Z on each of its qubits) runs through the
    circuit in one instance of a bulk Pauli-frame simulation (Gidney, arXiv:2103.02202, section 4);
    all errors are products of these. In a REPEAT block faults are put into the first iteration,
    the others being alike up to a shift in time, which sites leave out. Raises BadInput where a gate
    is not in the circuit.
    """
    program = read(circuit, {gate.kind for gate in gates})
    row = {gate: i for i, gate in enumerate(gates)}
    faults = [fault for fault in faults_of(program) if fault.gate in row]
    missing = row.keys() - {fault.gate for fault in faults}
    if missing:
        raise BadInput(
            f"gate '{min(missing).name}' is not among the circuit's {len(row) - len(missing)} gates in question: "
            "ask for gates that the circuit has"
        )
    instances = sum(len(f.flips) * len(f.gate.qubits) for f in faults)
    run = _Injection(circuit.num_qubits, max(1, instances), frozenset(row))
    run.steps(program, inject=True)
    fired = run.simulator.get_detector_flips(bit_packed=True)  # (D, instances / 8)
    sites = sites_of(circuit)
    by_site = np.zeros((len(sites.names), fired.shape[1]), np.uint8)
    np.bitwise_or.at(by_site, sites.of_detector, fired)
    seen = np.unpackbits(by_site, axis=1, count=instances, bitorder="little")
    table = np.zeros((len(gates), len(sites.names)), bool)
    np.logical_or.at(table, [row[gate] for gate in run.injected], seen.T.astype(bool))
    return table


class _Injection:
    """A Pauli-frame simulation in which each instance carries one generator of one fault."""

    def __init__(self, qubits: int, instances: int, gates: frozenset[Gate]) -> None:
        self.simulator = stim.FlipSimulator(
            batch_size=instances, num_qubits=qubits, disable_stabilizer_randomization=True
        )
        self.gates = gates
        self.injected: list[Gate] = []  # of each instance, in order

    def steps(self, program: Sequence[Step], inject: bool) -> None:
        for step in program:
            if isinstance(step, Again):
                self.steps(step.body, inject)
                for _ in range(step.count - 1):
                    self.steps(step.body, inject=False)
            elif isinstance(step, str):
                self.simulator.do(stim.Circuit(step))
            elif step.gate.kind == "M":
                # The result alone flips: the frame is turned before the measurement and back after it.
                turned = len(self.injected) if inject and step.gate in self.gates else None
                if turned is not None:
                    self.inject(step)
                self.simulator.do(stim.Circuit(f"{step.channel} {step.targets}"))
                if turned is not None:
                    self.simulator.set_pauli_flip("I", qubit_index=step.gate.qubits[0], instance_index=turned)
            elif inject and step.gate in self.gates:
                self.inject(step)

    def inject(self, fault: Fault) -> None:
        for q in fault.gate.qubits:
            for pauli in fault.flips:
                self.simulator.set_pauli_flip(pauli, qubit_index=q, instance_index=len(self.injected))
                self.injected.append(fault.gate)
