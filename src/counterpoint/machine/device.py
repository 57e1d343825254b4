"""What a simulated chip is made of: its gates, their errors, and the knobs that tune them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Floats, Key, fold_in
from counterpoint.codes.faults import MIXING, Gate
from counterpoint.codes.gates import Template
from counterpoint.machine.sharing import Coherence, Crosstalk, Sharing

SPREAD = 0.3  # standard deviation of the logarithm, between gates, of floors and responses


@dataclass(frozen=True, eq=False)
class Device:
    """G gates and N knobs, each knob tuning one gate; knobs of a gate stand together.

    Error of a gate = floor + sum over its knobs of response * ((setting - optimum) / scale)^2, at most
    fully mixing (published law: arXiv:2511.08493, supplement VI). Where there is crosstalk or coherence,
    gates that share a qubit act on each other by the laws stated there.
    """

    name: str
    gates: tuple[Gate, ...]
    floor: Floats  # (G,) error of each gate at its optimum
    knobs: tuple[str, ...]
    units: tuple[str, ...]
    low: Floats  # (N,)
    high: Floats  # (N,)
    start: Floats  # (N,)
    scale: Floats  # (N,)
    gate_of_knob: NDArray[np.int64]  # (N,) ascending
    response: Floats  # (N,) error added by a knob that is one scale off
    crosstalk: Crosstalk | None = None
    coherence: Coherence | None = None

    @property
    def sharing(self) -> Sharing:
        """Which qubits the gates with knobs share."""
        tuned, knobs = np.unique(self.gate_of_knob, return_counts=True)
        return Sharing.of([self.gates[i] for i in tuned], knobs.tolist())

    def rates(self, controls: Floats, optimum: Floats) -> Floats:
        """(C, G) error rates under controls (C, N) where the best ones are `optimum` (N,)."""
        x = (controls - optimum) / self.scale
        if self.crosstalk is not None:
            x = self.crosstalk.felt(x)
        tuned, first = np.unique(self.gate_of_knob, return_index=True)
        if self.coherence is not None:
            excess = self.coherence.interfered(x, self.response)
        else:
            excess = np.add.reduceat(self.response * x**2, first, axis=1)
        rates = np.tile(self.floor, (len(controls), 1))
        rates[:, tuned] += excess
        return np.minimum(rates, [MIXING[gate.kind] for gate in self.gates])


@dataclass(frozen=True)
class Knob:
    """One kind of knob: on which gates it is, and how strongly it acts."""

    label: str  # the gate's qubits, and "#k" where a gate has several of the kind, are added to it
    kind: str  # of gates
    unit: str
    start: float
    scale: float
    response: float
    copies: int = 1

    def name(self, gate: Gate, copy: int) -> str:
        """Such as "CZ amplitude 3-7" or "1Q 5 #2"."""
        place = f"{self.label} {'-'.join(map(str, gate.qubits))}"
        return place if self.copies == 1 else f"{place} #{copy}"


RANGE = 4.0  # a knob's safe range, in scales on either side of its start


def assemble(name: str, template: Template, floors: dict[str, float], knobs: tuple[Knob, ...], key: Key) -> Device:
    """A device with the gates of `template`, its floors and responses spread log-normally between gates.

    The errors of qubits left idle in a layer of gates and of stray couplings have one rate each. The
    other factors are divided by their mean over the gates of a kind that the circuit uses equally often
    (a check qubit is measured in every round, a data qubit once), so that what was fitted to averages
    holds for every key.
    """
    gates = template.gates
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (gate, uses) in enumerate(zip(gates, template.uses.tolist(), strict=True)):
        groups.setdefault((gate.kind, uses), []).append(i)
    floor = np.array([floors[gate.kind] for gate in gates])
    rows: list[tuple[int, str, Knob, float]] = []
    for (kind, uses), members in groups.items():
        if kind not in ("idle", "stray"):
            floor[members] *= spread(len(members), fold_in(key, "floor", kind, uses))
        for knob in (k for k in knobs if k.kind == kind):
            factor = spread(len(members) * knob.copies, fold_in(key, "response", knob.label, uses))
            places = [(i, copy) for i in members for copy in range(knob.copies)]
            rows += [
                (i, knob.name(gates[i], copy), knob, knob.response * f)
                for (i, copy), f in zip(places, factor, strict=True)
            ]
    rows.sort(key=lambda row: row[0])  # stable: a gate's knobs stand together in the order given
    start = np.array([knob.start for _, _, knob, _ in rows])
    scale = np.array([knob.scale for _, _, knob, _ in rows])
    return Device(
        name=name,
        gates=gates,
        floor=floor,
        knobs=tuple(label for _, label, _, _ in rows),
        units=tuple(knob.unit for _, _, knob, _ in rows),
        low=start - RANGE * scale,
        high=start + RANGE * scale,
        start=start,
        scale=scale,
        gate_of_knob=np.array([i for i, _, _, _ in rows], np.int64),
        response=np.array([r for _, _, _, r in rows]),
    )


def spread(n: int, key: Key) -> Floats:
    """(n,) log-normal factors of standard deviation SPREAD in the logarithm and of mean 1."""
    factor = np.exp(SPREAD * np.random.default_rng(key).standard_normal(n))
    return factor / factor.mean()
