"""Recorded experiments in the layouts in which Google publishes them: one folder, one experiment.

`Sycamore` is the layout of "Suppressing quantum errors by scaling a surface code logical qubit" (Nature
614, 676 (2023); Zenodo record 6804040), `Willow` that of "Quantum error correction below the surface code
threshold" (Nature 638, 920 (2025); Zenodo record 13273331). One's own data in either layout reads the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from counterpoint.base import BadInput
from counterpoint.machine.recorded import Recording, read_bits, read_circuit

EVENTS = "detection_events.b8"
SYCAMORE = "properties.yml"
WILLOW = "metadata.json"
MARKS = (EVENTS, SYCAMORE, WILLOW)  # a folder with one of these is an experiment
_SYCAMORE_PREDICTION = "obs_flips_predicted_by_"
_WILLOW_RESULTS = "decoding_results"
_WILLOW_PRIOR = "correlated_matching_decoder_with_si1000_prior"


def find_experiments(path: Path) -> list[Path]:
    """The folder itself where it is an experiment, else all below it, in the order of their names.

    Raises:
        BadInput: no such folder, or no experiment in it.
    """
    if not path.is_dir():
        raise BadInput(f"{path} is not a folder: give a folder of recorded experiments, or CIRCUIT.stim with --shots")
    if is_experiment(path):
        return [path]
    found = sorted({file.parent for mark in MARKS for file in path.rglob(mark)})
    if not found:
        raise BadInput(
            f"{path} holds no recorded experiment: 1 folder with {EVENTS} and {SYCAMORE} or {WILLOW} is "
            "needed, and 0 were found; give your own files by --circuit, --events and --observables"
        )
    return found


def read_experiment(folder: Path) -> Recording:
    """The experiment in `folder`, in either layout.

    Raises:
        BadInput: a file is missing, cut off, or does not fit the others.
    """
    if (folder / SYCAMORE).is_file():
        return _sycamore(folder)
    if (folder / WILLOW).is_file():
        return _willow(folder)
    raise BadInput(
        f"{folder} has {EVENTS} and neither {SYCAMORE} nor {WILLOW}: copy that file too, or give the files "
        "by --circuit, --events and --observables"
    )


def is_experiment(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in MARKS)


def _sycamore(folder: Path) -> Recording:
    told = _properties(folder / SYCAMORE)
    detectors = _count(told, "circuit_detectors", folder)
    observables = _count(told, "circuit_observables", folder)
    shots = _count(told, "shots", folder)
    predicted = sorted(folder.glob(f"{_SYCAMORE_PREDICTION}*.01"))
    return Recording(
        name=folder.resolve().name,
        distance=_count(told, "distance", folder),
        rounds=_count(told, "rounds", folder),
        basis=_basis(told),
        detectors=detectors,
        observables=observables,
        detection_events=read_bits(folder / EVENTS, detectors, shots),
        flips=read_bits(folder / "obs_flips_actual.01", observables, shots),
        numbers=np.arange(shots),
        predictions={
            file.stem.removeprefix(_SYCAMORE_PREDICTION): read_bits(file, observables, shots) for file in predicted
        },
        models={
            "noisy": (folder / "circuit_noisy.stim",),
            "circuit": (folder / "circuit_detector_error_model.dem",),
            # Fitted on the other half of the shots, so that no shot is decoded with what it taught.
            "pij": (folder / "pij_from_odd_for_even.dem", folder / "pij_from_even_for_odd.dem"),
        },
    )


def _willow(folder: Path) -> Recording:
    told = _properties(folder / WILLOW)
    noisy = folder / "circuit_noisy_si1000.stim"
    circuit = read_circuit(noisy)
    shots = _count(told, "shots", folder)
    results = folder / _WILLOW_RESULTS
    predicted = sorted(results.glob("*/obs_flips_predicted.b8"))
    return Recording(
        name="/".join(folder.resolve().parts[-3:]),  # patch, basis, rounds
        distance=_count(told, "distance", folder),
        rounds=_count(told, "rounds", folder),
        basis=_basis(told),
        detectors=circuit.num_detectors,
        observables=circuit.num_observables,
        detection_events=read_bits(folder / EVENTS, circuit.num_detectors, shots),
        flips=read_bits(folder / "obs_flips_actual.b8", circuit.num_observables, shots),
        numbers=np.arange(shots),
        predictions={file.parent.name: read_bits(file, circuit.num_observables, shots) for file in predicted},
        models={"noisy": (noisy,), "circuit": (results / _WILLOW_PRIOR / "error_model.dem",)},
    )


def _basis(told: Mapping[str, Any]) -> str | None:
    return str(told["basis"]) if "basis" in told else None


def _properties(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        told = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as problem:  # bytes that are no UTF-8 are a ValueError
        line = str(problem).partition("\n")[0]
        raise BadInput(f"{path} cannot be read ({line}): copy it again") from problem
    if not isinstance(told, dict):
        raise BadInput(f"{path} holds {type(told).__name__} and not 'key: value' lines: copy it again")
    return told


def _count(told: Mapping[str, Any], key: str, folder: Path) -> int:
    value = told.get(key)
    if not isinstance(value, int) or value < 1:
        raise BadInput(f"the properties of {folder} say {key} = {value}, and a whole number from 1 is needed: add it")
    return value
