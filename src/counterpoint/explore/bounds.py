"""The bounding players: *fixed* never moves, *oracle* knows the truth.

Every explorer lies between them, or says nothing. Both put one setting in force for the whole
epoch, so neither pays for exploring.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.base import (
    Action,
    BadInput,
    ControlSpace,
    Denial,
    Explorer,
    Key,
    Outcome,
    Seen,
    TryControls,
)


@dataclass(frozen=True)
class Fixed(Explorer):
    """The do-nothing player: the controls stay where the last full calibration left them."""

    def init(self, space: ControlSpace, key: Key) -> ControlSpace:
        return space

    def ask(self, key: Key, state: ControlSpace, seen: Seen) -> Action:
        return TryControls(state.start, state.start[None])

    def tell(self, state: ControlSpace, action: Action, outcome: Outcome | Denial) -> ControlSpace:
        return state


@dataclass(frozen=True)
class Oracle(Explorer):
    """The all-knowing player: always at the optimum, which only a simulated machine tells."""

    def init(self, space: ControlSpace, key: Key) -> ControlSpace:
        return space

    def ask(self, key: Key, state: ControlSpace, seen: Seen) -> Action:
        if seen.optimum is None:
            raise BadInput("the explorer 'oracle' needs the truth, which only a simulated machine tells")
        best = seen.optimum.clip(state.low, state.high)
        return TryControls(best, best[None])

    def tell(self, state: ControlSpace, action: Action, outcome: Outcome | Denial) -> ControlSpace:
        return state
