"""Does a logical circuit err as the measured errors of its operations say? Whole programs beside the logical machine.

A Bell pair and a teleportation, step by step the same: once as one physical circuit, sampled and decoded as a whole;
once as a circuit of logical qubits whose operations err as they were measured one by one. Prints how often the outcome
is wrong, with 95 % intervals, and what the account charges for errors of either basis.
"""

from __future__ import annotations

import numpy as np
import stim

from counterpoint.base import Job
from counterpoint.codes.frame import Basis
from counterpoint.codes.native import native
from counterpoint.codes.noise import SI1000, NoiseModel, UniformDepolarizing
from counterpoint.codes.programs import all_in
from counterpoint.codes.surgery import Program, Step
from counterpoint.decoders import DECODERS
from counterpoint.machine.hardware import Noise
from counterpoint.machine.logical import LogicalMachine
from counterpoint.machine.operations import Bench
from counterpoint.machine.sampling import sample
from counterpoint.quops.estimate import error_per_shot

NOISE: tuple[tuple[int, NoiseModel], ...] = ((3, UniformDepolarizing(1e-3)), (3, SI1000(1e-3)), (5, SI1000(2e-3)))
SHOTS = 50_000
BELL = ("R 0 1\nTICK\nMXX 0 1\nTICK\n", {"Z": "M 0 1", "X": "MX 0 1"}, {"Z": (1, 2), "X": (1, 2, 3)})
TELEPORTED = (
    "{} 0\nR 1 2\nTICK\nMXX 1 2\nTICK\nMZZ 0 1\nTICK\n",
    {"Z": "MX 0 1\nM 2", "X": "MX 0 1 2"},
    {"Z": (1, 4), "X": (1, 2, 3, 5)},
)


def bell(basis: Basis) -> Program:
    cells = {"a": (0, 0), "b": (1, 0)}
    steps = [Step(begin=all_in("Z", cells)), Step(merge=[("a", "b")]), Step(end=all_in(basis, cells))]
    return Program("bell", cells, steps)


def teleportation(basis: Basis) -> Program:
    cells = {"message": (0, 0), "here": (0, 1), "there": (1, 1)}
    steps = [
        Step(begin={"message": basis, "here": "Z", "there": "Z"}),
        Step(merge=[("here", "there")]),
        Step(merge=[("message", "here")]),
        Step(end={"message": "X", "here": "X", "there": basis}),
    ]
    return Program("teleportation", cells, steps)


def whole(program: Program, distance: int, noise: NoiseModel) -> int:
    """Shots of SHOTS in which any outcome that is certain is wrong."""
    circuit = noise.noisy(native(program.circuit(distance)))
    model = circuit.detector_error_model(decompose_errors=True)
    events, flips = sample(circuit, SHOTS, (1,))
    decoder = DECODERS["correlated"].compile_decoder_for_dem(dem=model)
    answer = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events)
    return int((answer ^ flips).any(axis=1).sum())


def told(wrong: int) -> str:
    found = error_per_shot(wrong, SHOTS)
    return f"{100 * found.value:.2f} ({100 * found.low:.2f}-{100 * found.high:.2f})"


def main() -> None:
    print("| noise, distance | program, basis | whole program wrong, % | logical machine, % | charged, % |")
    print("|---|---|---|---|---|")
    for distance, noise in NOISE:
        bench = Bench(distance, Noise("noise", noise), DECODERS["correlated"])
        measured = bench.measure(["hold", "merge-zz", "merge-xx"], failures=2000, shots=200_000, key=(2,))
        machine = LogicalMachine(distance, measured, magic=0.0)
        for make, (begin, ends, parity) in ((bell, BELL), (teleportation, TELEPORTED)):
            for basis in ("Z", "X"):
                records = " ".join(f"rec[-{k}]" for k in parity[basis])
                text = begin.format("R" if basis == "Z" else "RX") + ends[basis]
                circuit = stim.Circuit(f"{text}\nOBSERVABLE_INCLUDE(0) {records}")
                job = Job(circuit, np.zeros((1, 0)), SHOTS, machine.cycles(circuit), "", (3,))
                composed = int(machine.sample(job).observables.sum())
                charged = 1 - machine.account(circuit).success.value
                row = told(whole(make(basis), distance, noise)), told(composed), f"{100 * charged:.2f}"
                print(f"| {noise}, {distance} | {make.__name__}, {basis} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
