"""Which gate's errors can flip which detector, and fire which site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Counts
from counterpoint.codes.faults import Again, Fault, Gate, Step, read
from counterpoint.codes.sites import sites_of


def touches(circuit: stim.Circuit, gates: Sequence[Gate]) -> NDArray[np.bool_]:
    """Which gate's errors can fire which site: (G, S) bool, sites as in `sites_of`. Raises BadInput as `sightings`."""
    sites = sites_of(circuit)
    table = np.zeros((len(gates), len(sites.names)), bool)
    np.logical_or.at(table.T, sites.of_detector, sightings(circuit, gates).T > 0)
    return table


def sightings(circuit: stim.Circuit, gates: Sequence[Gate]) -> Counts:
    """At how many of its uses each gate has an error that flips each detector: (G, D).

    Exact: each generator of each fault's errors (X and Z on each of its qubits) runs through the
    circuit in one instance of a bulk Pauli-frame simulation (Gidney, arXiv:2103.02202, section 4);
    all errors are products of these. Raises BadInput where a gate is not in the circuit.
    """
    program = read(circuit, {gate.kind for gate in gates})
    row = {gate: i for i, gate in enumerate(gates)}
    instances = _instances(program, row)
    missing = row.keys() - instances.keys()
    if missing:
        raise BadInput(
            f"gate '{min(missing).name}' is not among the circuit's {len(row) - len(missing)} gates in question: "
            "ask for gates that the circuit has"
        )
    run = _Injection(circuit.num_qubits, max(1, sum(instances.values())), frozenset(row))
    run.steps(program)
    fired = run.simulator.get_detector_flips(bit_packed=True)  # (D, instances / 8)
    found = np.zeros((circuit.num_detectors, len(gates)), np.int64)
    order = np.argsort([row[gate] for gate in run.gate_of_fault], kind="stable")
    starts = np.cumsum([0, *np.bincount([row[gate] for gate in run.gate_of_fault], minlength=len(gates))[:-1]])
    for first in range(0, len(fired), BLOCK):
        flips = np.unpackbits(fired[first : first + BLOCK], axis=1, count=run.used, bitorder="little")
        seen = np.logical_or.reduceat(flips, run.first_of_fault, axis=1)[:, order]  # (detectors, faults)
        found[first : first + BLOCK] = np.add.reduceat(seen, starts, axis=1, dtype=np.int64)
    return found.T


BLOCK = 256  # detectors whose flips are unpacked at once


def _instances(program: Sequence[Step], gates: Container[Gate]) -> Counter[Gate]:
    """How many generators of errors the uses of each of `gates` have in all."""
    found: Counter[Gate] = Counter()
    for step in program:
        if isinstance(step, Again):
            for gate, count in _instances(step.body, gates).items():
                found[gate] += step.count * count
        elif isinstance(step, Fault) and step.gate in gates:
            found[step.gate] += len(step.flips) * len(step.gate.qubits)
    return found


class _Injection:
    """A Pauli-frame simulation in which each instance carries one generator of one fault."""

    def __init__(self, qubits: int, instances: int, gates: frozenset[Gate]) -> None:
        self.simulator = stim.FlipSimulator(
            batch_size=instances, num_qubits=qubits, disable_stabilizer_randomization=True
        )
        self.gates = gates
        self.used = 0  # instances
        self.gate_of_fault: list[Gate] = []
        self.first_of_fault: list[int] = []  # its first instance

    def steps(self, program: Sequence[Step]) -> None:
        for step in program:
            if isinstance(step, Again):
                for _ in range(step.count):
                    self.steps(step.body)
            elif isinstance(step, str):
                self.simulator.do(stim.Circuit(step))
            elif step.gate.kind == "M":
                # The result alone flips: the frame is turned before the measurement and back after it.
                turned = self.used if step.gate in self.gates else None
                if turned is not None:
                    self.inject(step)
                self.simulator.do(stim.Circuit(f"{step.channel} {step.targets}"))
                if turned is not None:
                    self.simulator.set_pauli_flip("I", qubit_index=step.gate.qubits[0], instance_index=turned)
            elif step.gate in self.gates:
                self.inject(step)

    def inject(self, fault: Fault) -> None:
        self.gate_of_fault.append(fault.gate)
        self.first_of_fault.append(self.used)
        for q in fault.gate.qubits:
            for pauli in fault.flips:
                self.simulator.set_pauli_flip(pauli, qubit_index=q, instance_index=self.used)
                self.used += 1
