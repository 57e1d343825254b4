"""Settings of a run: what runs on what, as plain values that can be printed, hashed and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from counterpoint.base import BadInput
from counterpoint.machine.meter import CYCLE_SECONDS

LEAST = {"candidates": 2, "decoded": 1, "turns": 1, "rounds": 1, "controls_per_gate": 1}


@dataclass(frozen=True)
class Settings:
    """Everything that, with the charter, decides a run.

    Attributes:
        machine, explorer, decoder: a key of the registry, or ``FILE.py:NAME``; decoder "none" skips decoding.
        distance, rounds, basis: the memory experiment whose cycles are the telemetry.
        controls_per_gate: knobs a gate (1 where the machine has its own).
        drift: how the machine's optima move, ``name:key=value,...`` joined by ``+``.
        candidates: settings that are tried in one epoch; cycles: of each of them.
        prior: of the decoder, "fixed" on day zero or "followed" by the detection events of earlier epochs.
        decoded: shots of an epoch that are decoded (all shots are counted for their detection events).
        turns: epochs of the run.
        seed: of everything random.
        shadow: the explorer asks and is judged, and nothing of it is carried out.
        edges: tasks of the AI half that the machine does beside steering, joined by commas, or "none".
    """

    machine: str = "willow"
    explorer: str = "gradient"
    decoder: str = "correlated"
    distance: int = 5
    rounds: int = 25
    basis: Literal["Z", "X"] = "Z"
    controls_per_gate: int = 1
    drift: str = "telegraph:rate=0.003,amplitude=1+pink:amplitude=0.5,fast=0.05"
    candidates: int = 40
    cycles: int = 30_000
    prior: Literal["fixed", "followed"] = "fixed"
    decoded: int = 2_000
    turns: int = 300
    seed: int = 0
    shadow: bool = False
    edges: str = "none"

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise BadInput(f"{name} is {getattr(self, name)} and must be at least {least}: give a larger number")
        if self.cycles < self.rounds:
            raise BadInput(
                f"{self.cycles} cycles a candidate are fewer than the {self.rounds} cycles of one shot:"
                " give more cycles or fewer rounds"
            )
        if self.prior not in ("fixed", "followed"):
            raise BadInput(f"the prior is '{self.prior}' and must be fixed or followed: give one of these")
        if self.seed < 0:
            raise BadInput(f"the seed is {self.seed} and must not be negative: give 0 or more")

    @property
    def shots(self) -> int:
        """Shots of each candidate in an epoch."""
        return self.cycles // self.rounds

    @property
    def epoch_seconds(self) -> float:
        """Machine time of one epoch, by the simulated chip's cycle; drifts are written in epochs."""
        return self.candidates * self.shots * self.rounds * CYCLE_SECONDS

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """Settings from the store, of this version or of the one before edges. Raises BadInput for others."""
        values = {"edges": "none"} | values
        known = {f.name for f in fields(cls)}
        if values.keys() != known:
            odd = ", ".join(sorted(values.keys() ^ known))
            raise BadInput(f"the stored settings differ from this version's in {odd}: resume with the version that ran")
        return cls(**values)
