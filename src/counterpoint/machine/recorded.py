"""Shots that are already there: recorded on hardware, or sampled from a circuit before they are decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import stim

from counterpoint.base import BadInput, Bits, Counts, Key

SELECTIONS: dict[str, slice] = {"all": slice(None), "odd": slice(1, None, 2), "even": slice(0, None, 2)}
MEMORY = 2 * 10**9  # bytes that sampled shots may take
_BOOKKEEPING = 16  # bytes a shot: its number, and which decoders fail it
_BATCH = 16_384  # shots sampled at once: with more, stim's own state leaves the processor's cache


@dataclass(frozen=True, eq=False)
class Recording:
    """The shots of one experiment, what really happened to its observables, and what is known of its errors.

    What is not known (distance, rounds, basis) is None.
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
        rows = SELECTIONS[select]
        kept = self.numbers[rows][:most]
        if not kept.size:
            raise BadInput(f"'{select}' of the {self.shots} shots of {self.name} leaves none: record or sample more")
        return replace(
            self,
            detection_events=self.detection_events[rows][:most],
            flips=self.flips[rows][:most],
            numbers=kept,
            predictions={name: flips[rows][:most] for name, flips in self.predictions.items()},
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
    file = _existing(path)
    try:
        return stim.Circuit.from_file(file)
    except (ValueError, IndexError) as problem:  # stim's complaints are of either kind
        raise BadInput(f"{path} is not a circuit that stim reads: {_first_line(problem)}") from problem


def read_model(path: Path) -> stim.DetectorErrorModel:
    """The error model in a ``.dem`` file, or of the noise in a ``.stim`` file.

    Errors of a circuit are decomposed into graphlike parts where that can be done; decoders that need
    it say so where it cannot. Raises BadInput where there is none, or none that stim reads.
    """
    circuit = None if path.suffix == ".dem" else read_circuit(path)
    file = _existing(path)
    try:
        if circuit is None:
            return stim.DetectorErrorModel.from_file(file)
        return circuit.detector_error_model(
            decompose_errors=True, ignore_decomposition_failures=True, approximate_disjoint_errors=True
        )
    except (ValueError, IndexError) as problem:  # likewise
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


def own_files(circuit: Path, events: Path, observables: Path, rounds: int | None = None) -> Recording:
    """A recording from a circuit with noise, its detection events and its observables.

    Distance and basis are known where the circuit's name tells them (``d=5,b=Z.stim``), rounds where they
    are given, named (``r=10``) or can be counted from the times (third coordinates) of the detectors.

    Raises:
        BadInput: a file is missing or does not fit the others, or the rounds are not those of the name.
    """
    described = read_circuit(circuit)
    _check_circuit(described, circuit)
    detection_events = read_bits(events, described.num_detectors, None)
    shots = len(detection_events)
    flips = read_bits(observables, described.num_observables, shots)
    return _of_circuit(circuit, described, detection_events, flips, ("noisy",), rounds)


def sampled(circuit: Path, shots: int, key: Key, rounds: int | None = None) -> Recording:
    """Shots of a circuit with noise, sampled by stim; its own noise is the error model. Else as `own_files`.

    Raises:
        BadInput: no such circuit, nothing to decode in it, no shots, or more than fit into memory.
    """
    if shots < 1:
        raise BadInput(f"{shots} shots were asked for of {circuit}: sample at least 1")
    described = read_circuit(circuit)
    _check_circuit(described, circuit)
    widths = [-(-described.num_detectors // 8), -(-described.num_observables // 8)]
    each = sum(widths) + _BOOKKEEPING
    if shots * each > MEMORY:
        raise BadInput(
            f"{shots:,} shots of {circuit} take {shots * each:,} bytes, at {each} bytes each, and at most "
            f"{MEMORY:,} are used: sample at most {MEMORY // each:,} at once"
        )
    events, flips = (np.empty((shots, width), np.uint8) for width in widths)
    sampler = described.compile_detector_sampler(seed=int(np.random.default_rng(key).integers(2**63)))
    for start in range(0, shots, _BATCH):
        part = slice(start, min(start + _BATCH, shots))
        events[part], flips[part] = sampler.sample(part.stop - start, separate_observables=True, bit_packed=True)
    return _of_circuit(circuit, described, events, flips, ("sampled", "noisy"), rounds)


def _of_circuit(
    path: Path,
    circuit: stim.Circuit,
    events: Bits,
    flips: Bits,
    models: tuple[str, ...],
    rounds: int | None,
) -> Recording:
    told = _told_by_name(path.stem)
    named = _whole(told.get("r"))
    if rounds is not None and named is not None and rounds != named:
        raise BadInput(f"{path} says r={named} in its name, and {rounds} rounds were given: leave one of them out")
    return Recording(
        name=path.stem,
        # A search for short errors in the circuit would give an upper bound only, so the name alone counts.
        distance=_whole(told.get("d")),
        rounds=rounds or named or _rounds(circuit),
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
    return int(text) or None if text and text.isdecimal() else None


def _rounds(circuit: stim.Circuit) -> int | None:
    """The times (third coordinates: x, y, t) of the detectors, less the one of the final measurement."""
    coordinates = circuit.get_detector_coordinates().values()
    if any(len(at) < 3 for at in coordinates):
        return None
    return len({at[2] for at in coordinates}) - 1 or None


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
    if path.is_dir():
        raise BadInput(f"{path} is a folder, and a file is needed there: name the file in it")
    if not path.is_file():
        raise BadInput(f"{path} does not exist: check the path, or copy the file again")
    return path


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]
