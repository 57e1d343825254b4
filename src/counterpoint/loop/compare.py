"""Several decoders on the same shots: errors with intervals, price in time, paired tests, fits over rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import Bits, fold_in
from counterpoint.decoders.batch import checked_answer, checked_compiled
from counterpoint.loop.own import blaming
from counterpoint.machine.recorded import Recording
from counterpoint.quops.cycle import FIRST_ROUND, error_per_cycle, fit_per_cycle
from counterpoint.quops.estimate import error_per_shot
from counterpoint.quops.paired import mcnemar

RECORDED = "recorded:"  # a prediction that came with the shots
DO_NOTHING = "vacuous"  # the player whose failures are known without decoding
WARM_UP = 256  # shots decoded before the clock starts: first calls pay for pages and caches
BATCH = 65_536  # shots decoded at once: a decoder may need many times the memory of its shots


@dataclass(frozen=True, eq=False)
class Decoded:
    """What decoding one recording gave, by decoder, in the order in which they were given."""

    name: str
    distance: int | None
    rounds: int | None
    basis: str | None
    shots: int
    observables: int
    models: Mapping[str, str]  # name of the error model
    wrong: Mapping[str, Bits]  # (shots, ceil(observables / 8)) observables predicted wrong, bit-packed little-endian
    flipped: NDArray[np.bool_]  # (shots,) any observable flipped: where doing nothing fails
    seconds: Mapping[str, float]  # decoding alone, on one thread; none for a recorded prediction

    @cached_property
    def failed(self) -> Mapping[str, NDArray[np.bool_]]:
        """(shots,) any observable wrong, by decoder."""
        return {name: np.any(bits, axis=1) for name, bits in self.wrong.items()}

    def failed_by(self, name: str) -> NDArray[np.bool_]:
        """(shots,) where `name` fails; the do-nothing player is known whether or not it was asked for."""
        return self.flipped if name == DO_NOTHING else self.failed[name]


@dataclass(frozen=True)
class Pairing:
    """This decoder against another on the same shots."""

    against: str
    only_this: int  # shots that only this decoder fails
    only_other: int
    p: float  # exact, two-sided


@dataclass(frozen=True)
class Observable:
    """How often one observable is predicted wrong, whatever becomes of the others."""

    failures: int
    ler_shot: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Experiment:
    """One decoder on one recording; intervals are (low, high), 95 %."""

    name: str
    distance: int | None
    rounds: int | None
    basis: str | None
    shots: int
    decoder: str
    model: str
    failures: int
    ler_shot: float
    interval: tuple[float, float]
    ler_cycle: float | None  # None where the number of rounds is unknown
    ler_cycle_interval: tuple[float, float] | None
    us_per_shot: float | None  # None for a recorded prediction
    mcnemar: Pairing  # against the first decoder
    observables: tuple[Observable, ...]  # each for itself, L0 first


@dataclass(frozen=True)
class Fit:
    """Logical error a cycle, fitted over the rounds of all recordings at one distance."""

    distance: int
    decoder: str
    model: str
    ler_cycle: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """All that was found, in numbers."""

    experiments: tuple[Experiment, ...]
    fits: tuple[Fit, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values: tuples stand as lists, what is unknown as null."""
        return asdict(self)


def decode_recording(recording: Recording, decoders: Mapping[str, sinter.Decoder], model: str | None = None) -> Decoded:
    """Decode `recording` with each of `decoders`, on one thread.

    Args:
        decoders: by name; the first is the one that the others are tested against.
        model: a name in ``recording.models``; None takes the recording's first.

    Raises:
        BadInput: no such error model, one that a decoder cannot take, a decoder that fails, or an answer
            of another type or shape.
    """
    model = next(iter(recording.models)) if model is None else model
    error_models = recording.error_models(model)
    wrong: dict[str, Bits] = {}
    seconds: dict[str, float] = {}
    for name, decoder in decoders.items():
        wrong[name], seconds[name] = _decode(f"decoder '{name}'", decoder, recording, error_models)
    for name, flips in recording.predictions.items():
        wrong[RECORDED + name] = flips ^ recording.flips
    return Decoded(
        name=recording.name,
        distance=recording.distance,
        rounds=recording.rounds,
        basis=recording.basis,
        shots=recording.shots,
        observables=recording.observables,
        models={name: "recorded" if name.startswith(RECORDED) else model for name in wrong},
        wrong=wrong,
        flipped=(recording.flips != 0).any(axis=1),
        seconds=seconds,
    )


def compare(decoded: Sequence[Decoded]) -> Comparison:
    """The figures of all recordings, and the fits that they allow."""
    experiments = tuple(experiment(one, decoder) for one in decoded for decoder in one.wrong)
    groups: dict[tuple[int, str, str], list[Experiment]] = {}
    for found in experiments:
        if found.distance is not None and found.rounds is not None and found.rounds >= FIRST_ROUND:
            groups.setdefault((found.distance, found.decoder, found.model), []).append(found)
    return Comparison(experiments, tuple(_fit(key, group) for key, group in groups.items() if _fits(group)))


def paired(decoded: Sequence[Decoded], this: str, other: str) -> tuple[int, int, int]:
    """Shots of all recordings that both decoders fail, only `this`, only `other`."""
    both = only_this = only_other = 0
    for one in decoded:
        a, b = one.failed_by(this), one.failed_by(other)
        both += int((a & b).sum())
        only_this += int((a & ~b).sum())
        only_other += int((b & ~a).sum())
    return both, only_this, only_other


def portions(
    recording: Recording, error_models: tuple[stim.DetectorErrorModel, ...]
) -> Iterator[tuple[stim.DetectorErrorModel, NDArray[np.int64]]]:
    """Each error model with the shots that it is for: all of them, or those of even and of odd number."""
    for i, error_model in enumerate(error_models):
        rows = np.flatnonzero(recording.numbers % len(error_models) == i)
        if rows.size:
            yield error_model, rows


def _decode(
    who: str,
    decoder: sinter.Decoder,
    recording: Recording,
    error_models: tuple[stim.DetectorErrorModel, ...],
) -> tuple[Bits, float]:
    """The observables that `who` predicts wrong, and the seconds that all of it took (compiling apart)."""
    wrong = np.zeros_like(recording.flips)
    seconds = 0.0
    for error_model, rows in portions(recording, error_models):
        with blaming(who):
            compiled = checked_compiled(who, decoder.compile_decoder_for_dem(dem=error_model))
            # Indexed by numbers, so that what a decoder gets is a copy, which it may change; likewise below.
            compiled.decode_shots_bit_packed(bit_packed_detection_event_data=recording.detection_events[rows[:WARM_UP]])
        for start in range(0, len(rows), BATCH):
            part: Any = rows[start : start + BATCH]
            shots = len(part)
            if len(rows) == recording.shots:  # all of them: a slice is many times quicker than numbers
                part = slice(start, start + shots)
            events = np.array(recording.detection_events[part])
            with blaming(who):
                began = time.perf_counter()
                found = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=events)
                seconds += time.perf_counter() - began
            flips = checked_answer(who, found, shots, recording.observables)
            wrong[part] = flips ^ recording.flips[part]
    return wrong, seconds


def experiment(one: Decoded, decoder: str) -> Experiment:
    """The figures of one decoder on one recording."""
    first = next(iter(one.wrong))
    failures = int(one.failed[decoder].sum())
    shot = error_per_shot(failures, one.shots)
    cycle = None if one.rounds is None else error_per_cycle(failures, one.shots, one.rounds)
    _, only_this, only_other = paired([one], decoder, first)
    return Experiment(
        name=one.name,
        distance=one.distance,
        rounds=one.rounds,
        basis=one.basis,
        shots=one.shots,
        decoder=decoder,
        model=one.models[decoder],
        failures=failures,
        ler_shot=shot.value,
        interval=(shot.low, shot.high),
        ler_cycle=cycle and cycle.value,
        ler_cycle_interval=cycle and (cycle.low, cycle.high),
        us_per_shot=1e6 * one.seconds[decoder] / one.shots if decoder in one.seconds else None,
        mcnemar=Pairing(first, only_this, only_other, mcnemar(only_this, only_other)),
        observables=_observables(one.wrong[decoder], one.observables),
    )


def _observables(wrong: Bits, observables: int) -> tuple[Observable, ...]:
    found: list[Observable] = []
    for o in range(observables):
        failures = int((wrong[:, o // 8] >> o % 8 & 1).sum())
        rate = error_per_shot(failures, len(wrong))
        found.append(Observable(failures, rate.value, (rate.low, rate.high)))
    return tuple(found)


def _fits(group: Sequence[Experiment]) -> bool:
    """Do these experiments allow a fit: two lengths, and something left of the state in each?"""
    return len({found.rounds for found in group}) > 1 and all(2 * found.failures < found.shots for found in group)


def _fit(key: tuple[int, str, str], group: Sequence[Experiment]) -> Fit:
    distance, decoder, model = key
    estimate = fit_per_cycle(
        [found.rounds for found in group if found.rounds is not None],
        [found.failures for found in group],
        [found.shots for found in group],
        fold_in((0,), distance, decoder, model),
    )
    return Fit(distance, decoder, model, estimate.value, (estimate.low, estimate.high))
