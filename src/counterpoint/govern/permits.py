"""The governor: the one maker of permits, each after the ledger holds its entry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from counterpoint.base import Action, BadInput, ControlSpace, Denial, Floats, Permit, Price
from counterpoint.govern.charter import Charter
from counterpoint.govern.judge import Used, judge
from counterpoint.govern.ledger import Head, Ledger
from counterpoint.identity import identity

Decision = Literal["decision", "job", "work"]  # a turn of the loop; a job by itself; a part of a turn's work
Note = Literal[
    "begin",
    "end",
    "resumed",
    "not-run",
    "alarm",
    "shadow",
    "rolled-back",
    "kept",
    "telemetry",
    "job-done",
    "job-failed",
    "job-not-run",
    "verdict",
    "verdict-not-kept",
]


@dataclass(frozen=True, eq=False)
class Governor:
    """Applies a charter to what explorers ask of one machine, and writes every verdict down."""

    charter: Charter
    ledger: Ledger
    space: ControlSpace

    def decide(
        self,
        action: Action,
        price: Price,
        used: Used,
        last_centre: Floats,
        about: Mapping[str, Any],
        kind: Decision = "decision",
    ) -> Permit | Denial:
        """Judge `action`, append the verdict to the ledger, and only then permit or refuse it.

        Args:
            price: the most that the action may use.
            used: what the run has used so far.
            last_centre: (N,) the centre of the last permitted action.
            about: plain values that go into the entry; that of a turn must hold "previous_outcome", the
                identity of the last outcome (None at first), by which the chain covers the outcomes too.
            kind: of the entry.

        Raises:
            BadInput: the action is outside the machine's own space (the denial is in the ledger by
                then), or the ledger cannot be written.
        """
        judgement = judge(self.charter, self.space, action, price, used, last_centre)
        asked = identity(action)
        content = {
            **about,
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "action": asked,
            "kind": type(action).__name__,
            "summary": action.summary,
            # JSON has no NaN, and a price that is none must be written down like any other.
            "price": {name: v if math.isfinite(v) else repr(v) for name, v in asdict(price).items()},
        }
        head = self.ledger.append(kind, content)
        if judgement.broken:
            raise BadInput(judgement.reason)
        if judgement.verdict != "allow":
            return Denial(judgement.verdict, judgement.reason)
        return Permit(asked, price, entry=head.count - 1, digest=head.digest)

    def note(self, kind: Note, content: Mapping[str, Any]) -> Head:
        """Write down what is not an action: a run that begins, ends or is resumed, a permit not spent, a job whose
        outcome was collected, a verdict, one that was sealed and never stored, an alarm, what the guard did or heard,
        what a proposal in shadow mode would have been told."""
        return self.ledger.append(kind, content)
