"""What a calibration snapshot is to Qiskit: the gates to transpile to, and the noise of Aer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.decompose import TWO, decomposed
from counterpoint.machine.vendors.packages import package
from counterpoint.machine.vendors.placement import connected
from counterpoint.machine.vendors.qiskit_circuits import qiskit_circuit
from counterpoint.machine.vendors.snapshot import Qubits, Snapshot

SEED = 0  # of the transpiler: the same circuit is always transpiled alike


def target(snapshot: Snapshot, qubits: Qubits, *, narrow: bool) -> Any:
    """A `qiskit.transpiler.Target` of what can be done on `qubits` alone.

    They have their own numbers, or where `narrow` 0, 1, ... in the order in which they are given.
    """
    transpiler = package("qiskit.transpiler", "qiskit")
    number = {q: i if narrow else q for i, q in enumerate(qubits)}
    properties = package("qiskit.providers", "qiskit").QubitProperties
    known = package("qiskit.circuit.library.standard_gates", "qiskit").get_standard_gate_name_mapping()
    of_qubits = [properties(t1=t1, t2=t2) for t1, t2 in zip(snapshot.t1, snapshot.t2, strict=True)]
    if narrow:
        made = transpiler.Target(dt=snapshot.dt, qubit_properties=[of_qubits[q] for q in qubits])
    else:
        made = transpiler.Target(dt=snapshot.dt, qubit_properties=of_qubits)
    for name, rows in snapshot.operations.items():
        here = {
            tuple(number[q] for q in one.qubits): transpiler.InstructionProperties(one.seconds, one.error)
            for one in rows
            if number.keys() >= set(one.qubits)
        }
        if here:
            made.add_instruction(known[name], here, name)
    if snapshot.conditions:
        made.add_instruction(package("qiskit.circuit", "qiskit").IfElseOp, name="if_else")
    return made


def transpile(snapshot: Snapshot, circuit: Circuit, placed: Qubits) -> Any:
    """The `qiskit.QuantumCircuit` on all the backend's qubits that does `circuit` on those where it is `placed`.

    It is done by passes of Qiskit that stand on their own: `qiskit.transpile` loads every package that has a pass,
    qiskit-ibm-runtime for one, which takes seconds. Nothing is cancelled across a barrier. Raises BadInput for
    operations that the backend does not have, for gates between qubits that are not joined, and where pairs have unlike
    gates that Qiskit cannot turn round.
    """
    _check_operations(snapshot, circuit, placed)
    qiskit = package("qiskit", "qiskit")
    own, parts = target(snapshot, placed, narrow=True), decomposed(circuit)
    given = qiskit_circuit(parts)
    try:
        narrow = package("qiskit.transpiler", "qiskit").PassManager(_passes(snapshot, parts, placed, own)).run(given)
    except package("qiskit.transpiler.exceptions", "qiskit").TranspilerError as problem:
        # Where one pair has CX and another ECR, Qiskit does not turn every gate the right way round.
        raise BadInput(
            f"Qiskit cannot put the circuit of {circuit.qubits} qubits on {'-'.join(map(str, placed))} of "
            f"{snapshot.name}, whose pairs have unlike gates: name other qubits"
        ) from problem
    wide = qiskit.QuantumCircuit(qiskit.QuantumRegister(snapshot.qubits, "q"), *narrow.cregs)
    return wide.compose(narrow, placed, wide.clbits)


def _passes(snapshot: Snapshot, parts: Circuit, placed: Qubits, own: Any) -> list[Any]:
    """SWAPs where qubits that meet are not coupled, the backend's gates, the right way round, as few as is plain."""
    passes, gates = package("qiskit.transpiler.passes", "qiskit"), package("qiskit.circuit.library", "qiskit")
    rules = package("qiskit.circuit.equivalence_library", "qiskit").SessionEquivalenceLibrary
    translated = passes.BasisTranslator(rules, None, target=own)
    alone = passes.Optimize1qGatesDecomposition(target=own)
    met = [[placed[q] for q in one.qubits] for one in parts.operations if one.name in TWO]
    if not met:
        return [translated, alone]
    coupled = snapshot.couplers
    swaps = []
    if any((min(pair), max(pair)) not in coupled for pair in met):
        router = passes.SabreSwap(own.build_coupling_map(), "decay", seed=SEED, trials=5)
        swaps = [passes.BarrierBeforeFinalMeasurements(), router]
    twice = passes.InverseCancellation([gates.CXGate(), gates.CZGate(), gates.ECRGate()])
    return [*swaps, translated, passes.GateDirection(None, target=own), translated, twice, alone]


def noise_model(snapshot: Snapshot, qubits: Qubits) -> Any:
    """The `qiskit_aer.noise.NoiseModel` that the vendor makes of a backend, for operations on `qubits` alone."""
    own = target(snapshot, qubits, narrow=False)
    backend = SimpleNamespace(version=2, operation_names=list(own.operation_names), target=own, dt=snapshot.dt)
    return package("qiskit_aer.noise", "qiskit").NoiseModel.from_backend(backend)


def shot_seconds(snapshot: Snapshot, circuit: Any) -> float:
    """The longest path through a transpiled circuit, in seconds; a duration that is not known counts as 0."""
    durations = {(n, one.qubits): one.seconds or 0.0 for n, rows in snapshot.operations.items() for one in rows}
    number = {bit: i for i, bit in enumerate(circuit.qubits)}
    free: dict[Any, float] = {}  # when each qubit and bit is ready

    def follow(part: Any, outer: dict[Any, Any]) -> None:
        for one in part.data:
            used = [outer[bit] for bit in (*one.qubits, *one.clbits)]
            ends = max((free.get(bit, 0.0) for bit in used), default=0.0)
            free.update(dict.fromkeys(used, ends))
            for block in getattr(one.operation, "blocks", ()):
                follow(block, dict(zip((*block.qubits, *block.clbits), used, strict=True)))
            qubits = tuple(number[bit] for bit in used if bit in number)
            if seconds := durations.get((one.operation.name, qubits), 0.0):
                free.update(dict.fromkeys(used, ends + seconds))

    follow(circuit, {bit: bit for bit in (*circuit.qubits, *circuit.clbits)})
    return max(free.values(), default=0.0)


def _check_operations(snapshot: Snapshot, circuit: Circuit, placed: Qubits) -> None:
    used = {one.name for one in circuit.operations}
    missing = "reset" if "reset" in used and "reset" not in snapshot.operations else None
    if any(one.condition for one in circuit.operations) and not snapshot.conditions:
        missing = "operation that depends on a result"
    if missing:
        raise BadInput(
            f"the circuit of {circuit.qubits} qubits has a {missing} and {snapshot.name} has none: leave it out, or "
            "take another machine"
        )
    couples = any(len(one.qubits) > 1 and one.name != "barrier" for one in circuit.operations)
    if couples and not connected(snapshot, placed):
        raise BadInput(
            f"the circuit couples qubits and those that it is put on, {'-'.join(map(str, placed))}, are not joined by "
            f"couplers on {snapshot.name}: name qubits that are"
        )
