"""Our logical CNOT by lattice surgery beside TQEC's: logical error and time to generate.

    pip install tqec==0.2.0     # the extra counterpoint[tqec]
    python benchmarks/surgery.py [--shots 400000] [--distances 3 5] [--p 0.001] [--turns 3] [--seed 0]

Both circuits run for 4 d rounds, have the same two observables (the outcomes that a CNOT makes certain, read out in Z
or in X), uniform depolarising noise of strength p on every operation and idle qubit, and are decoded by plain matching
on their own error models. A failure is any observable wrong. Intervals are exact, 95 %; that of the ratio is Gaussian
in the logarithm. Times are those of the processor, medians over turns of making the noisy circuit from nothing; the
first turn is told apart, since later ones may profit from what is kept.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from statistics import median

import pymatching
import stim

from counterpoint.base import fold_in
from counterpoint.codes.noise import UniformDepolarizing
from counterpoint.codes.programs import PROGRAMS
from counterpoint.machine.sampling import sample
from counterpoint.quops.estimate import error_per_shot

BATCH = 16_384


def ours(distance: int, basis: str, p: float) -> stim.Circuit:
    return UniformDepolarizing(p).noisy(PROGRAMS["cnot"](basis).circuit(distance))  # type: ignore[arg-type]


def theirs(distance: int, basis: str, p: float) -> stim.Circuit:
    from tqec import NoiseModel, compile_block_graph
    from tqec.gallery import cnot
    from tqec.utils.enums import Basis

    graph = cnot(Basis[basis])
    compiled = compile_block_graph(graph, observables=graph.find_correlation_surfaces())
    return compiled.generate_stim_circuit(k=(distance - 1) // 2, noise_model=NoiseModel.uniform_depolarizing(p))


def failures(circuit: stim.Circuit, shots: int, key: tuple[int, ...]) -> int:
    matching = pymatching.Matching.from_detector_error_model(circuit.detector_error_model(decompose_errors=True))
    failed = 0
    for first in range(0, shots, BATCH):
        events, flips = sample(circuit, min(BATCH, shots - first), fold_in(key, "batch", first))
        guess = matching.decode_batch(events, bit_packed_shots=True, bit_packed_predictions=True)
        failed += int((guess != flips).any(axis=1).sum())
    return failed


def timed(make: Callable[[int, str, float], stim.Circuit], distance: int, basis: str, p: float, turns: int) -> tuple:
    seconds: list[float] = []
    for _ in range(turns):
        began = time.process_time()
        circuit = make(distance, basis, p)
        seconds.append(time.process_time() - began)
    return circuit, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=400_000)
    parser.add_argument("--distances", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--p", type=float, default=1e-3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| d, basis | circuit | qubits, detectors | s (first) | failures of shots | error a shot | ours / TQEC |")
    print("|---|---|---|---|---|---|---|")
    for d in given.distances:
        for basis in "ZX":
            seen: list[int] = []
            for name, make in (("TQEC", theirs), ("ours", ours)):
                circuit, seconds = timed(make, d, basis, given.p, given.turns)
                assert circuit.num_observables == 2
                seen.append(failures(circuit, given.shots, fold_in((given.seed,), name, d, basis)))
                e = error_per_shot(seen[-1], given.shots)
                ratio = ""
                if len(seen) == 2 and min(seen):
                    spread = 1.96 * math.sqrt(1 / seen[0] + 1 / seen[1])
                    r = seen[1] / seen[0]
                    ratio = f"{r:.3f} ({r * math.exp(-spread):.3f} to {r * math.exp(spread):.3f})"
                print(
                    f"| {d}, {basis} | {name} | {len(circuit.get_final_qubit_coordinates())}, {circuit.num_detectors} "
                    f"| {median(seconds):.3f} ({seconds[0]:.3f}) | {seen[-1]:,} of {given.shots:,} "
                    f"| {e.value * 100:.3f} % ({e.low * 100:.3f} to {e.high * 100:.3f}) | {ratio} |",
                    flush=True,
                )
    began = time.process_time()
    circuit = PROGRAMS["cnot"]("Z").circuit(15)
    made = time.process_time() - began
    UniformDepolarizing(given.p).noisy(circuit)
    both = time.process_time() - began
    print(f"ours at d = 15, {circuit.num_detectors:,} detectors: {made:.3f} s, with noise {both:.3f} s")


if __name__ == "__main__":
    main()
