"""Measured bits as what a machine gives back: detection events and observables where the circuit has them."""

from __future__ import annotations

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import Bits, Job, Program, Shots
from counterpoint.machine.programs import general


def shots_of(job: Job, measured: NDArray[np.bool_], *, started: float, seconds: float) -> Shots:
    """What `measured` (C, shots, M) is for `job`: stim's record, or all bits of an OpenQASM circuit in order.

    As in stim, detection events and observables are flips against the circuit's own noiseless reference, whose values
    `stim.Circuit.reference_detector_and_observable_signs` tells.
    """
    circuit, candidates = job.circuit, len(job.controls)
    if isinstance(circuit, str) or not annotated(circuit):
        packed = np.packbits(measured, axis=2, bitorder="little")
        none = no_bits(candidates, job.shots)
        return Shots(none, none, packed, job.controls, started, seconds)
    converter = circuit.compile_m2d_converter()
    both = [converter.convert(measurements=m, separate_observables=True, bit_packed=True) for m in measured]
    events, flips = (np.array(one, np.uint8) for one in zip(*both, strict=True))
    return Shots(events, flips, no_bits(candidates, job.shots), job.controls, started, seconds)


def annotated(circuit: stim.Circuit) -> bool:
    """Whether the circuit says what is to be looked at: it has detectors or observables."""
    return bool(circuit.num_detectors or circuit.num_observables)


def no_bits(candidates: int, shots: int) -> Bits:
    """(C, shots, 0): of what a machine does not give."""
    return np.zeros((candidates, shots, 0), np.uint8)


def bits_of(shots: Shots, width: int) -> NDArray[np.bool_]:
    """(shots, width) measured bits of the first candidate."""
    return np.unpackbits(shots.measurements[0], axis=1, count=width, bitorder="little").astype(np.bool_)


def outcomes(program: Program, shots: Shots) -> dict[str, int]:
    """How often each value came, first bit at the left, the commonest first: of the observables, or of all bits."""
    if isinstance(program, stim.Circuit) and annotated(program):
        _, signs = program.reference_detector_and_observable_signs()
        bits = _unpacked(shots.observables, len(signs)) ^ signs.astype(np.uint8)
    else:
        bits = _unpacked(shots.measurements, general(program).bits)
    values, counts = np.unique(bits, axis=0, return_counts=True)
    found = {"".join(map(str, row)): int(count) for row, count in zip(values.tolist(), counts.tolist(), strict=True)}
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def _unpacked(bits: Bits, width: int) -> Bits:
    """(C, shots, bytes) bit-packed -> (C * shots, width)."""
    return np.unpackbits(bits, axis=2, count=width, bitorder="little").reshape(-1, width)
