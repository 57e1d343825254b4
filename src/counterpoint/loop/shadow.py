"""Shadow mode: the explorer asks and is judged, and nothing of what it asks for is carried out.

The machine runs the controls of the last calibration. Where it has a twin, what the explorer asks for is
done there, at no cost and with no effect, and the explorer is told what came of it: so it learns as it
would have. A real machine has none, and then the explorer is told a denial. Its own telemetry is kept
from the explorer: under one setting it says how often each site fires and not which way a knob should
move, for the rate depends on the square of the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoint.base import ControlSpace, Floats, Price, TryControls
from counterpoint.govern.charter import Charter
from counterpoint.govern.judge import Used, judge
from counterpoint.identity import identity
from counterpoint.loop.parts import Event
from counterpoint.loop.plan import PROPOSED
from counterpoint.loop.summary import Tallies, Tally, total
from counterpoint.store.turns import Turn

WOULD = {"deny": "the proposal would be denied: ", "ask": "the proposal would be held for a human: "}
NO_TWIN = "shadow mode: the proposal was not carried out, and the machine has no twin to try it on"
UNASKED = "shadow mode: there was no proposal"
MOVED = 0.02  # of a knob's scale: from where on it counts as moved


def proposed(
    charter: Charter, space: ControlSpace, proposal: TryControls, price: Price, used: Used, last: Floats
) -> Event:
    """What the charter says to a proposal: the ledger's entry about it. Arguments as of `judge`."""
    found = judge(charter, space, proposal, price, used, last)
    far = np.abs(proposal.centre - space.start) / space.scale
    where = f"centre {far.max():.3f} scale units from the controls in force, at '{space.names[int(far.argmax())]}'"
    why = f"would {proposal.summary}, {where}: {found.reason}"
    return Event("shadow", why, would=found.verdict, action=identity(proposal))


@dataclass(frozen=True)
class Night:
    """What an explorer would have done in a run in shadow mode."""

    proposals: int
    allowed: int  # of these, by the charter
    denied: int
    held: int  # for a human
    knobs: int
    moved: int  # knobs of the last proposal that are off by 2 % of their scale or more
    by: float  # the farthest of them, in scale units
    knob: str  # its name
    most: float  # the farthest of any proposal
    most_turn: int
    tried: Tally | None  # what the proposals got on the twin, exploration included; None without a twin
    force: Tally  # what the controls in force got in the same turns

    @property
    def lines(self) -> list[str]:
        """For a person."""
        if not self.proposals:
            return ["SHADOW   nothing was moved, and nothing was proposed"]
        refused = f", {self.denied:,} denied, {self.held:,} held for a human"
        count = f"{self.proposals:,} proposals, of which {self.allowed:,} would have been allowed{refused}"
        far = (
            f"by at most {self.by:.2f} of it ('{self.knob}'); {self.most:.2f} at its farthest, in turn {self.most_turn}"
        )
        lines = [
            f"SHADOW   nothing was moved; {count}",
            f"would    have moved {self.moved} of {self.knobs} knobs by 2 % of their scale or more, {far}",
        ]
        if self.tried is None:
            text = "none: what the proposals would have got is not known; told nothing the explorer learned nothing"
        else:
            got = f"detection rate {self.tried.detection_rate:.2%} as proposed, exploration included"
            text = f"{got}, instead of {self.force.detection_rate:.2%} with the controls in force"
        return [*lines, f"twin     {text}"]

    @property
    def plain(self) -> dict[str, Any]:
        """For a machine."""
        names = ("proposals", "allowed", "denied", "held", "knobs", "moved", "by", "knob", "most", "most_turn")
        rates = {
            "proposed_rate": None if self.tried is None else self.tried.detection_rate,
            "in_force_rate": self.force.detection_rate if self.force.opportunities else None,
        }
        return {name: getattr(self, name) for name in names} | rates


def rehearsed(rows: Sequence[Tallies]) -> list[Tallies]:
    """The counts with what was proposed in place of what was steered, of the turns that have it."""
    return [r | {"steered": r[PROPOSED]} for r in rows if PROPOSED in r]


def night(space: ControlSpace, turns: Sequence[Turn], rows: Sequence[Tallies]) -> Night:
    """What would have been done in the turns of a run in shadow mode."""
    asked = [t for t in turns if t.outcome is not None and t.reason != UNASKED]
    denied, held = (sum(t.reason.startswith(WOULD[v]) for t in asked) for v in ("deny", "ask"))
    far = np.array([np.abs(t.centre - space.start) / space.scale for t in asked] or [np.zeros(space.start.size)])
    last, most = far[-1], int(far.max(axis=1).argmax())
    both = [r for r in rows if PROPOSED in r]
    return Night(
        proposals=len(asked),
        allowed=len(asked) - denied - held,
        denied=denied,
        held=held,
        knobs=space.start.size,
        moved=int((last >= MOVED).sum()),
        by=float(last.max()),
        knob=space.names[int(last.argmax())],
        most=float(far.max()),
        most_turn=asked[most].number if asked else 0,
        tried=total(both, PROPOSED) if both else None,
        force=total(both or rows, "steered"),
    )
