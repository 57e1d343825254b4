"""Miniature recordings in the layouts of the releases, sampled from a circuit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import stim
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Sample:
    circuit: stim.Circuit
    events: Bits
    flips: Bits
    distance: int
    rounds: int

    @property
    def shots(self) -> int:
        return len(self.events)

    @property
    def model(self) -> stim.DetectorErrorModel:
        return self.circuit.detector_error_model(decompose_errors=True)


def sample(distance: int = 3, rounds: int = 3, shots: int = 400, noise: float = 0.02, seed: int = 7) -> Sample:
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=distance,
        rounds=rounds,
        after_clifford_depolarization=noise,
        before_measure_flip_probability=noise,
    )
    sampler = circuit.compile_detector_sampler(seed=seed)
    events, flips = sampler.sample(shots, separate_observables=True, bit_packed=True)
    return Sample(circuit, events, flips, distance, rounds)


def write_01(path: Path, flips: Bits) -> None:
    path.write_text("".join(f"{row[0] & 1}\n" for row in flips))


def write_sycamore(folder: Path, made: Sample, predictions: dict[str, Bits] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "properties.yml").write_text(
        f"type: surface_code_memory_experiment\nbasis: Z\nrounds: {made.rounds}\ndistance: {made.distance}\n"
        f"shots: {made.shots}\ncircuit_detectors: {made.circuit.num_detectors}\ncircuit_observables: 1\n"
    )
    made.circuit.to_file(folder / "circuit_noisy.stim")
    for name in ("circuit_detector_error_model", "pij_from_even_for_odd", "pij_from_odd_for_even"):
        made.model.to_file(folder / f"{name}.dem")
    (folder / "detection_events.b8").write_bytes(made.events.tobytes())
    write_01(folder / "obs_flips_actual.01", made.flips)
    for name, flips in (predictions or {}).items():
        write_01(folder / f"obs_flips_predicted_by_{name}.01", flips)
    return folder


def write_willow(folder: Path, made: Sample, predictions: dict[str, Bits] | None = None) -> Path:
    folder.mkdir(parents=True)
    told = {"basis": "Z", "distance": made.distance, "rounds": made.rounds, "shots": made.shots}
    (folder / "metadata.json").write_text(json.dumps(told))
    made.circuit.to_file(folder / "circuit_noisy_si1000.stim")
    (folder / "detection_events.b8").write_bytes(made.events.tobytes())
    (folder / "obs_flips_actual.b8").write_bytes(made.flips.tobytes())
    for name, flips in (predictions or {}).items():
        pathway = folder / "decoding_results" / name
        pathway.mkdir(parents=True)
        made.model.to_file(pathway / "error_model.dem")
        (pathway / "obs_flips_predicted.b8").write_bytes(flips.tobytes())
    return folder
