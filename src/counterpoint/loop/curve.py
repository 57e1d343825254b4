"""Triage at every share of second opinions on the same shots: errors against price, and which share to take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Bits, Floats
from counterpoint.decoders.batch import checked_answer
from counterpoint.decoders.triage import CompiledTriage, Triage
from counterpoint.loop.advice import level_with_best, pace, shown
from counterpoint.loop.compare import BATCH, WARM_UP, Decoded, Experiment, experiment, paired, portions
from counterpoint.loop.own import blaming
from counterpoint.machine.recorded import Recording
from counterpoint.quops.paired import mcnemar

SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of the error model's shots


@dataclass(frozen=True)
class Step:
    """Triage at one share on one recording; times are means over all its shots."""

    triage: str
    share: float
    asked: int  # shots that get a second opinion: more than the share where the shots are noisier than the model
    us_first: float  # matching, and the search for the gap
    us_second: float
    found: Experiment  # paired with the first decoder


@dataclass(frozen=True, eq=False)
class Curve:
    """What one triage gave on one recording, share by share."""

    triage: str
    decoded: Decoded  # the first decoder of the comparison, then each share under its name
    asked: Mapping[str, int]  # shots, by name of the share
    first: Mapping[str, float]  # seconds
    second: Mapping[str, float]

    @property
    def steps(self) -> list[Step]:
        per_shot = 1e6 / self.decoded.shots
        return [
            Step(
                self.triage,
                share,
                self.asked[name],
                per_shot * self.first[name],
                per_shot * self.second[name],
                experiment(self.decoded, name),
            )
            for share, name in zip(SHARES, self.asked, strict=True)
        ]


def curve(name: str, triage: Triage, recording: Recording, decoded: Decoded, model: str | None = None) -> Curve:
    """Both answers of every shot are found once; each share takes its own from them.

    Which shots get a second opinion is found, and timed, for each share with its own limit, as `Triage` of that
    share would find it. Second opinions are timed apart for the shots that each share adds, since the closest ones
    take longest.

    Args:
        name: of the triage.
        decoded: of `recording`; each share is paired with its first decoder.
        model: as for `decode_recording`.

    Raises:
        BadInput: an error model that has no gap.
    """
    model = next(iter(recording.models)) if model is None else model
    wrong = [np.zeros_like(recording.flips) for _ in SHARES]
    asked, first, second = (np.zeros(len(SHARES)) for _ in range(3))
    for dem, rows in portions(recording, recording.error_models(model)):
        with blaming(f"decoder '{name}'"):
            compiled = triage.at_shares(dem, SHARES)
            for one in compiled:
                one.decode_shots_bit_packed(bit_packed_detection_event_data=recording.detection_events[rows[:WARM_UP]])
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            with blaming(f"decoder '{name}'"):
                answers, counts, times = _batch(name, compiled, recording.detection_events[part], recording.observables)
            for k, answer in enumerate(answers):
                wrong[k][part] = answer ^ recording.flips[part]
            asked += counts
            first += times[0]
            second += times[1]
    leader = next(iter(decoded.wrong))
    names = [f"{name} {100 * share:g} %" for share in SHARES]
    seconds = dict(zip(names, (first + second).tolist(), strict=True))
    return Curve(
        triage=name,
        decoded=replace(
            decoded,
            models={leader: decoded.models[leader]} | dict.fromkeys(names, model),
            wrong={leader: decoded.wrong[leader]} | dict(zip(names, wrong, strict=True)),
            seconds={leader: decoded.seconds[leader]} | seconds,
        ),
        asked=dict(zip(names, asked.astype(int).tolist(), strict=True)),
        first=dict(zip(names, first.tolist(), strict=True)),
        second=dict(zip(names, second.tolist(), strict=True)),
    )


def share_to_take(curves: Sequence[Curve]) -> str:
    """The smallest share that is not shown to fail more often than the best; all recordings of one triage pooled."""
    decoded = [one.decoded for one in curves]
    names = list(curves[0].asked)
    level = level_with_best(decoded, names)
    if not level:
        return f"No share of {curves[0].triage} is shown to beat doing nothing: give more shots."
    best, use = level[0], min(level, key=names.index)
    failures = {name: sum(int(one.failed[name].sum()) for one in decoded) for name in (use, best)}
    shots = sum(one.shots for one in decoded)
    taken = f"{failures[use]:,} failures in {shots:,} shots at {pace(decoded, use)}"
    share = SHARES[names.index(use)]
    how = f"Take {use} (Triage(share={share:g})), {taken}"
    if use == best:
        return f"{how}: no share is better, and every smaller one is shown to fail more often."
    _, only_this, only_other = paired(decoded, use, best)
    return (
        f"{how}: the smallest share that is not shown to fail more often than the best, {best}, with "
        f"{failures[best]:,} at {pace(decoded, best)} (paired p {shown(mcnemar(only_this, only_other))}, "
        f"in {2 * len(names) - 1} tests)."
    )


def _batch(
    name: str, compiled: Sequence[CompiledTriage], events: Bits, observables: int
) -> tuple[list[Bits], Floats, tuple[Floats, Floats]]:
    """The answers at each share, how many shots it asks about, and the seconds of first and of second answers."""
    first, second = np.zeros(len(compiled)), np.zeros(len(compiled))
    hard = np.zeros((len(compiled), len(events)), np.bool_)
    quick = np.zeros((len(events), -(-observables // 8)), np.uint8)
    for k, one in enumerate(compiled):
        began = time.perf_counter()
        turns, hard[k] = one.sorted(events)
        quick = one.classes.packed(events, turns)
        first[k] = time.perf_counter() - began
    slow = np.zeros_like(quick)
    added = hard.argmax(axis=0)  # the first share that asks about a shot; the last asks about all
    for k, one in enumerate(compiled):
        rows = np.flatnonzero(hard.any(axis=0) & (added == k))
        if not rows.size:
            continue
        began = time.perf_counter()
        found = one.second.decode_shots_bit_packed(bit_packed_detection_event_data=events[rows])
        each = (time.perf_counter() - began) / rows.size
        slow[rows] = checked_answer(f"the second opinion of '{name}'", found, rows.size, observables)
        second += each * hard[:, rows].sum(axis=1)
    return [np.where(asked[:, None], slow, quick) for asked in hard], hard.sum(axis=1), (first, second)
