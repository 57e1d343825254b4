"""Shots that are already there: recorded on hardware, or sampled from a circuit before they are decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import stim

from counterpoint.base import BadInput, Bits, Counts, Key

SELECTIONS: dict[str, slice] = {"all": slice(None), "odd": slice(1, None, 2), "even": slice(0, None, 2)}


@dataclass(frozen=True, eq=False)
class Recording:
    """The shots of one experiment, what really happened to its observables, and what is known of its errors.

    What a circuit does not tell (distance, rounds, basis) is None.
    """

    name: str
    distance: int | None
    rounds: int | None
    basis: str | None  # "X" or "Z"
    detectors: int
    observables: int
    detection_events: Bits  # (shots, ceil(detectors / 8)) bit-packed, little-endian, as in .b8
    flips: Bits  # (shots, ceil(observables / 8)) likewise: the observables that really flipped
    numbers: Counts  # (shots,) of each shot in the whole experiment, whose first is 0 and even
    predictions: Mapping[str, Bits]  # flips that others' decoders predicted, by decoder; as `flips`
    models: Mapping[str, tuple[Path, ...]]  # .stim or .dem by name; of two, one is for even shots, one for odd

    @property
    def shots(self) -> int:
        return len(self.numbers)

    def take(self, select: str, most: int | None = None) -> Recording:
        """The recording of all, the odd or the even shots only, and of the first `most` of these.

        Raises:
            BadInput: an unknown selection, or nothing left.
        """
        if select not in SELECTIONS:
            raise BadInput(f"shots '{select}' cannot be selected: take one of {', '.join(SELECTIONS)}")
        kept = self.numbers[SELECTIONS[select]][:most]
        if not kept.size:
            raise BadInput(f"'{select}' of the {self.shots} shots of {self.name} leaves none: record or sample more")
        rows = np.searchsorted(self.numbers, kept)
        return replace(
            self,
            detection_events=self.detection_events[rows],
            flips=self.flips[rows],
            numbers=kept,
            predictions={name: flips[rows] for name, flips in self.predictions.items()},
        )

    def error_models(self, name: str) -> tuple[stim.DetectorErrorModel, ...]:
        """The error model `name`: one for all shots, or two (for even shots, for odd shots).

        Raises:
            BadInput: the recording has no such model, or it does not belong to these shots.
        """
        if name not in self.models:
            raise BadInput(f"{self.name} has no error model '{name}': take one of {', '.join(self.models)}")
        return tuple(self._fitted(read_model(path), path) for path in self.models[name])

    def _fitted(self, model: stim.DetectorErrorModel, path: Path) -> stim.DetectorErrorModel:
        if model.num_detectors > self.detectors:
            raise BadInput(
                f"{path} has {model.num_detectors} detectors, and the shots of {self.name} have "
                f"{self.detectors}: give the error model of the same circuit"
            )
        if model.num_observables > self.observables or not _flips_an_observable(model):
            raise BadInput(
                f"{path} has {model.num_errors} errors and {model.num_observables} observables, and decoding "
                f"{self.name} needs errors that flip its {self.observables}: give the error model of the "
                "same circuit, with noise"
            )
        # A model file need not name what no error touches; the widths are those of the shots. Flattened, so
        # that the numbers of detectors are not relative to shifts that went before.
        model = model.flattened()
        model.append("detector", [], [stim.DemTarget.relative_detector_id(self.detectors - 1)])
        model.append("logical_observable", [], [stim.DemTarget.logical_observable_id(self.observables - 1)])
        return model


def read_circuit(path: Path) -> stim.Circuit:
    """The circuit in a ``.stim`` file. Raises BadInput where there is none, or none that stim reads."""
    try:
        return stim.Circuit.from_file(_existing(path))
    except ValueError as problem:
        raise BadInput(f"{path} is not a circuit that stim reads: {_first_line(problem)}") from problem


def read_model(path: Path) -> stim.DetectorErrorModel:
    """The error model in a ``.dem`` file, or of the noise in a ``.stim`` file.

    Errors of a circuit are decomposed into graphlike parts where that can be done; decoders that need
    it say so where it cannot. Raises BadInput where there is none, or none that stim reads.
    """
    try:
        if path.suffix == ".dem":
            return stim.DetectorErrorModel.from_file(_existing(path))
        return read_circuit(path).detector_error_model(
            decompose_errors=True, ignore_decomposition_failures=True, approximate_disjoint_errors=True
        )
    except BadInput:
        raise
    except (ValueError, IndexError) as problem:  # stim's complaints about a model are of either kind
        raise BadInput(f"{path} gives no error model: {_first_line(problem)}") from problem


def read_bits(path: Path, bits: int, shots: int | None) -> Bits:
    """(shots, ceil(bits / 8)) uint8, bit-packed little-endian, from a ``.b8`` or a ``.01`` file.

    Args:
        bits: in each shot.
        shots: how many there must be; None takes what the file holds.

    Raises:
        BadInput: no such file, another format, or a size that is not this number of whole shots.
    """
    _existing(path)
    if path.suffix not in (".b8", ".01"):
        raise BadInput(f"{path} ends in '{path.suffix}', and shots are read from .b8 or .01: convert it with 'stim'")
    row = -(-bits // 8) if path.suffix == ".b8" else bits + 1  # .01 ends each shot with a line feed
    size = path.stat().st_size
    needed = row * (size // row if shots is None else shots)
    if size != needed or not size:
        holds = "a whole number of shots" if shots is None else f"{shots:,} shots"
        raise BadInput(
            f"{path} has {size:,} bytes, and {holds} of {bits} bits, at {row} bytes each, would have "
            f"{max(needed, row):,}: it is cut off or belongs to another circuit, so copy it again"
        )
    if path.suffix == ".01":
        try:
            read = stim.read_shot_data_file(path=path, format="01", bit_packed=True, num_measurements=bits)
        except ValueError as problem:
            raise BadInput(f"{path} does not hold {bits} bits a shot: {_first_line(problem)}") from problem
        return np.asarray(read, np.uint8)
    # Read here and not by stim, which passes over the spare bits: set, they tell of another circuit.
    rows = np.fromfile(path, np.uint8).reshape(-1, row)
    if bits % 8 and (beyond := np.flatnonzero(rows[:, -1] >> bits % 8)).size:
        raise BadInput(
            f"{path} sets a bit beyond the {bits} of shot {beyond[0]}: it belongs to another circuit, so "
            "give the file of this one"
        )
    return rows


def own_files(circuit: Path, events: Path, observables: Path) -> Recording:
    """A recording from a circuit with noise, its detection events and its observables.

    Raises:
        BadInput: a file is missing or does not fit the others.
    """
    described = read_circuit(circuit)
    _check_circuit(described, circuit)
    detection_events = read_bits(events, described.num_detectors, None)
    shots = len(detection_events)
    flips = read_bits(observables, described.num_observables, shots)
    return _of_circuit(circuit, described, detection_events, flips, ("noisy",))


def sampled(circuit: Path, shots: int, key: Key) -> Recording:
    """Shots of a circuit with noise, sampled by stim; its own noise is the error model.

    Raises:
        BadInput: no such circuit, nothing to decode in it, or no shots.
    """
    if shots < 1:
        raise BadInput(f"{shots} shots were asked for of {circuit}: sample at least 1")
    described = read_circuit(circuit)
    _check_circuit(described, circuit)
    seed = int(np.random.default_rng(key).integers(2**63))
    events, flips = described.compile_detector_sampler(seed=seed).sample(
        shots, separate_observables=True, bit_packed=True
    )
    return _of_circuit(circuit, described, events, flips, ("sampled", "noisy"))


def _of_circuit(path: Path, circuit: stim.Circuit, events: Bits, flips: Bits, models: tuple[str, ...]) -> Recording:
    told = _told_by_name(path.stem)
    return Recording(
        name=path.stem,
        distance=_whole(told.get("d")) or _graphlike_distance(circuit),
        rounds=_whole(told.get("r")) or _rounds(circuit),
        basis={"x": "X", "z": "Z"}.get(told.get("b", "").lower()),
        detectors=circuit.num_detectors,
        observables=circuit.num_observables,
        detection_events=events,
        flips=flips,
        numbers=np.arange(len(events)),
        predictions={},
        models=dict.fromkeys(models, (path,)),
    )


def _told_by_name(stem: str) -> dict[str, str]:
    """What a name such as ``d=5,r=10,b=Z`` says: the convention of sinter's ``--metadata_func auto``."""
    return {key: value for part in stem.split(",") for key, equals, value in [part.partition("=")] if equals}


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _graphlike_distance(circuit: stim.Circuit) -> int | None:
    try:
        return len(circuit.shortest_graphlike_error(canonicalize_circuit_errors=True))
    except ValueError:  # no graphlike error flips an observable
        return None


def _rounds(circuit: stim.Circuit) -> int | None:
    """The times (last coordinates) of the detectors, less the one of the final measurement."""
    times = {coordinates[-1] for coordinates in circuit.get_detector_coordinates().values() if coordinates}
    return len(times) - 1 if len(times) > 1 else None


def _check_circuit(circuit: stim.Circuit, path: Path) -> None:
    if not circuit.num_detectors or not circuit.num_observables:
        raise BadInput(
            f"{path} has {circuit.num_detectors} detectors and {circuit.num_observables} observables, and "
            "decoding needs at least 1 of each: add DETECTOR and OBSERVABLE_INCLUDE to the circuit"
        )


def _flips_an_observable(model: stim.DetectorErrorModel) -> bool:
    for error in model.flattened():
        assert isinstance(error, stim.DemInstruction)  # flattened: no blocks are left
        if error.type == "error" and error.args_copy()[0]:
            targets = (t for part in error.target_groups() for t in part)
            if any(t.is_logical_observable_id() for t in targets):
                return True
    return False


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadInput(f"{path} does not exist: check the path, or copy the file again")
    return path


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]
