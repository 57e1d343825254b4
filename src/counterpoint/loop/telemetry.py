"""Telemetry: is what came back usable, and what of it are explorers told?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import stim

from counterpoint.base import Counts, Job, Outcome, Shots

EXPECTED = 20  # events that a silent site would have had at a tenth of the usual rate: silent by chance, 2e-9
SURE = 40  # detectors that all fired: by chance, at a rate of a half at most, 1e-12


@dataclass(frozen=True, eq=False)
class Heard:
    """One epoch's telemetry, as far as it can be used."""

    outcome: Outcome  # what explorers are told: no opportunities at a dead site
    usable: bool
    sentence: str  # what is wrong with it; empty where nothing is


def fault(job: Job, shots: object) -> str | None:
    """Why what a machine gave back cannot be counted, in one clause; None where it can.

    Fewer shots than were asked for are none: they are used, and paid for as permitted.
    """
    if not isinstance(shots, Shots):
        return f"the machine gave a {type(shots).__name__} and Shots were needed"
    for name, value in (("started", shots.started), ("seconds", shots.seconds)):
        if not (isinstance(value, float | int | np.number) and np.isfinite(value) and value >= 0):
            return f"the machine's '{name}' is {value} and must be a finite time of 0 seconds or more"
    settings = np.asarray(shots.controls)
    if settings.shape != job.controls.shape or not np.isfinite(settings).all():
        return f"the machine ran settings {settings.shape}, not all finite, and {job.controls.shape} were asked for"
    circuit = job.circuit
    assert isinstance(circuit, stim.Circuit)  # the loop corrects errors
    widths = {"detection_events": circuit.num_detectors, "observables": circuit.num_observables}
    for name, bits in widths.items():
        got = getattr(shots, name)
        wanted = (len(job.controls), job.shots, (bits + 7) // 8)
        if not isinstance(got, np.ndarray) or got.dtype != np.uint8 or got.ndim != 3:
            return f"the machine's {name} are no bit-packed uint8 of shape {wanted}"
        if got.shape[::2] != wanted[::2] or not 1 <= got.shape[1] <= job.shots:
            return f"the machine's {name} have shape {got.shape} and {wanted} was asked for"
    if shots.detection_events.shape[1] != shots.observables.shape[1]:
        seen, flips = shots.detection_events.shape[1], shots.observables.shape[1]
        return f"the machine gave detection events of {seen} shots and observables of {flips}"
    return None


def nothing(candidates: int, sites: int) -> Outcome:
    """The outcome of an epoch of which nothing can be counted."""
    counts = np.zeros((candidates, sites), np.int64)
    row = np.zeros(candidates, np.int64)
    return Outcome(counts, counts, row, row, row, row, 0.0)


def heard(outcome: Outcome, asked: int, usual: float, sites: tuple[str, ...]) -> Heard:
    """What explorers are told of an outcome.

    Args:
        asked: shots of each candidate.
        usual: detection rate of the last usable epoch; 0 before the first.
        sites: (S,) their names.
    """
    if not outcome.opportunities.sum():
        return Heard(outcome, False, "no detector could be counted")
    dead = _dead(outcome.events.sum(axis=0), outcome.opportunities.sum(axis=0), usual)
    given, says = int(outcome.shots.min()), []
    if given < asked:
        says.append(f"the machine gave {given:,} of the {asked:,} shots asked of each setting")
    if dead.any():
        says.append(f"the detectors of {_named(sites, dead)} never fire, or always: explorers are told nothing of them")
    told = replace(
        outcome, events=np.where(dead, 0, outcome.events), opportunities=np.where(dead, 0, outcome.opportunities)
    )
    return Heard(told, bool(2 * dead.sum() <= dead.size), "; ".join(says))


def _dead(events: Counts, opportunities: Counts, usual: float) -> np.ndarray:
    """bool (S,): never fired where even a tenth of the usual rate would have shown, or always fired."""
    rates = events / np.maximum(1, opportunities)
    reference = max(float(np.median(rates)), usual)
    silent = (events == 0) & (opportunities * reference / 10 >= EXPECTED)
    return silent | ((events == opportunities) & (opportunities >= SURE))


def _named(sites: tuple[str, ...], dead: np.ndarray) -> str:
    """The dead sites in words, the first few by name."""
    found = [f"'{sites[i]}'" for i in np.flatnonzero(dead)]
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return f"site {found[0]}" if len(found) == 1 else f"the sites {', '.join(found[:4])}{more}"
