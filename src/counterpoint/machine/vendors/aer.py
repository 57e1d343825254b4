"""Qiskit Aer as a machine: noiseless, or with the calibration snapshot of one of IBM's fake backends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Key, Program
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.decompose import decomposed
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.programs import general
from counterpoint.machine.vendors.packages import package
from counterpoint.machine.vendors.placement import best_chain
from counterpoint.machine.vendors.qiskit_circuits import measured_bits, qiskit_circuit, watched
from counterpoint.machine.vendors.qiskit_target import noise_model, shot_seconds, transpile
from counterpoint.machine.vendors.snapshot import Qubits, Snapshot, fake_snapshot

KEPT = 256  # transpiled circuits, chains and noise models


@dataclass(frozen=True, eq=False)
class Transpiled:
    """What Aer is given, and how long one shot of it takes on the backend."""

    circuit: Any  # qiskit.QuantumCircuit on physical qubits, or None where nothing is measured
    noise: Any  # qiskit_aer.noise.NoiseModel, or None
    seconds: float


@final
class Aer:
    """Runs general circuits on Qiskit Aer; the same key gives the same shots (with one version of Aer).

    With a snapshot a circuit is put on its qubits, transpiled to the gates of the backend, and errs as the vendor's own
    `NoiseModel.from_backend` has it. Nothing is cancelled across a barrier.
    """

    def __init__(self, name: str, snapshot: Snapshot | None, qubits: Qubits | None) -> None:
        """Raises BadInput for `qubits` that the snapshot does not have, and where qiskit-aer is not installed."""
        if snapshot is not None and qubits is not None:
            _check_qubits(snapshot, qubits)
        self.name = name
        self.snapshot = snapshot
        self._qubits = qubits
        self._simulator = package("qiskit_aer", "qiskit").AerSimulator()
        self.transpiled = lru_cache(KEPT)(self._transpile)
        if snapshot is not None:
            self._chain = lru_cache(KEPT)(partial(best_chain, snapshot))
            self._noise = lru_cache(KEPT)(partial(noise_model, snapshot))

    def seconds(self, circuit: Program) -> float:
        """The longest path through a shot by the backend's gates and readout, without what lies between shots.

        0 where there is no snapshot. Raises BadInput for a circuit with more qubits than the backend has or the
        computer can hold, and for operations that the backend does not have.
        """
        return self.transpiled(general(circuit)).seconds

    def measured(self, circuit: Program, shots: int, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits. Raises BadInput as `seconds`."""
        given = general(circuit)
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint32)[0])
        return self._run(self.transpiled(given), given.bits, shots, seed)

    def placed(self, circuit: Program) -> Qubits:
        """The physical qubits that those of `circuit` are put on, in order. Raises BadInput where it has too many."""
        return self._placed(general(circuit))

    def _placed(self, circuit: Circuit) -> Qubits:
        most = self._simulator.num_qubits  # a state vector of which fits the computer's memory
        if self.snapshot is not None:
            most = min(most, len(self.snapshot.readout) if self._qubits is None else len(self._qubits))
        if circuit.qubits > most:
            raise BadInput(f"a circuit of {circuit.qubits} qubits was given and {self.name} has {most}: use fewer")
        if self.snapshot is None:
            return tuple(range(circuit.qubits))
        return self._chain(circuit.qubits) if self._qubits is None else self._qubits[: circuit.qubits]

    def _transpile(self, circuit: Circuit) -> Transpiled:
        placed = self._placed(circuit)
        if all(one.name != "measure" for one in circuit.operations):
            return Transpiled(None, None, 0.0)
        if self.snapshot is None:
            lacks = any(one.name == "ch" for one in circuit.operations)  # the one gate that Aer does not have
            made, noise, seconds = qiskit_circuit(decomposed(circuit) if lacks else circuit), None, 0.0
        else:
            made = transpile(self.snapshot, circuit, placed)
            noise, seconds = self._noise(placed), shot_seconds(self.snapshot, made)
        branches = any(one.condition is not None for one in circuit.operations)
        return Transpiled(watched(made) if branches else made, noise, seconds)

    def _run(self, transpiled: Transpiled, bits: int, shots: int, seed: int) -> NDArray[np.bool_]:
        """(shots, bits) of one run."""
        if transpiled.circuit is None:
            return np.zeros((shots, bits), np.bool_)
        options = {} if transpiled.noise is None else {"noise_model": transpiled.noise}
        result = self._simulator.run(
            transpiled.circuit, shots=shots, seed_simulator=seed, memory=True, **options
        ).result()
        if not result.success:
            raise BadInput(f"{self.name} cannot run a circuit of {bits} bits, Aer says: {result.status}")
        return measured_bits(result.results[0].data.memory, transpiled.circuit.num_clbits)[:, :bits]


def aer() -> GeneralMachine:
    """Noiseless Aer. Raises BadInput where qiskit-aer is not installed."""
    return GeneralMachine(Aer("aer", None, None))


def fake(name: str, qubits: Qubits | None = None, folder: Path | None = None) -> GeneralMachine:
    """The fake backend of class `name`, such as FakeTorino, on its best chain or on `qubits`.

    Its calibration is kept in `folder`, or in `snapshot.cache_folder()`. Raises BadInput for a name that is not known,
    qubits that it does not have, and packages that are not installed.
    """
    snapshot = fake_snapshot(name, folder)
    where = "" if qubits is None else f", qubits {'-'.join(map(str, qubits))}"
    return GeneralMachine(Aer(f"{name} ({snapshot.date}){where}", snapshot, qubits))


def _check_qubits(snapshot: Snapshot, qubits: Qubits) -> None:
    works = snapshot.readout
    if not qubits or len(set(qubits)) < len(qubits) or not set(qubits) <= works.keys():
        raise BadInput(
            f"qubits {', '.join(map(str, qubits)) or 'none'} were given and {snapshot.name} has 0 to "
            f"{snapshot.qubits - 1}, {len(works)} of which work: name one or more of these, each once"
        )
