"""Periodic recalibration: scan the knobs, go on for a time with what was found, scan them again.

What a laboratory does today. In a scan every knob is swept about its present setting, and a parabola is
fitted to the detection rate of the sites that it touches (per-knob, interleaved calibration on the code's own
error detection: Kelly et al., Phys. Rev. A 94, 032321 (2016)). Knobs that share no site are swept
together, so that the scan's length does not grow with the chip. Between scans one setting is held.
The epochs of a scan are charged like all others. With no time held between scans this is coordinate search
by parabolas without end, which on fast drift is the best that it can do (docs/rivals.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import (
    Action,
    BadInput,
    ControlSpace,
    Denial,
    Explorer,
    Floats,
    Key,
    Outcome,
    Seen,
    TryControls,
)
from counterpoint.explore.centre import Centre

PAIRED = 2.0  # variance of counts of detection events over the binomial one: an error fires two of them
CLEAR = 2.0  # standard errors by which a curvature must be above zero before a vertex is believed


def groups(touches: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 (N,): a group for every knob, greedily, so that knobs of one group share no site."""
    group, taken = np.zeros(len(touches), np.int64), np.zeros((0, touches.shape[1]), np.bool_)
    for knob in np.argsort(-touches.sum(axis=1), kind="stable"):  # the ones that are hard to place first
        free = np.flatnonzero(~(taken & touches[knob]).any(axis=1))
        if not free.size:
            taken, free = np.vstack([taken, np.zeros_like(touches[:1])]), np.array([len(taken)])
        group[knob] = free[0]
        taken[free[0]] |= touches[knob]
    return group


def parabola(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Slope and curvature at 0, float64 (N,) each, of the parabola a + b x + c x^2 through three points a knob.

    Args:
        x: float64 (3, N), the first 0. Where two of a knob's places are the same there are many parabolas,
            and the one with the smallest coefficients is given.
        y: float64 (3, N).
    """
    powers = np.stack([np.ones_like(x), x, x**2], axis=-1).transpose(1, 0, 2)  # (N, 3, 3)
    _, slope, curvature = (np.linalg.pinv(powers) @ y.T[..., None])[..., 0].T
    return slope, curvature


@dataclass(frozen=True, eq=False)
class Scan:
    """The state: what is held, how far the present scan has come, and the curvatures that scans have shown."""

    centre: Centre
    group: NDArray[np.int64]  # (N,)
    next: int  # the first group that is still to be swept
    held: int  # epochs since the last scan
    curvature: Floats  # (N,) sum over scans of fitted curvature / its variance
    certainty: Floats  # (N,) sum over scans of 1 / variance


@dataclass(frozen=True)
class Recalibrate(Explorer):
    """Scans all knobs, holds for a time, scans again.

    A knob goes to the vertex of its parabola: the slope is this scan's, the curvature the weighted mean of
    all scans, because an optimum drifts and the response of a knob does not.

    Attributes:
        hold: epochs of computation between scans, at one setting.
        span: how far a knob is swept to either side, in units of its scale.
        together: the most groups of knobs that are swept in one epoch; fewer have more shots each.
        gain: how much of the way to the vertex a knob goes; less than all of it averages noise over scans.
        reach: the longest step of a knob in one scan, in units of its scale.
    """

    hold: int = 0
    span: float = 0.8
    together: int = 24
    gain: float = 0.6
    reach: float = 1.0
    citation: str = (
        "@article{Kelly2016, title={Scalable in situ qubit calibration during repetitive error detection},"
        " author={Kelly, J. and others}, journal={Physical Review A}, volume={94}, pages={032321},"
        " year={2016}, doi={10.1103/PhysRevA.94.032321}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Scan:
        zero = np.zeros_like(space.start)
        return Scan(Centre.of(space), groups(space.touches), 0, 0, zero, zero)

    def ask(self, key: Key, state: Scan, seen: Seen) -> Action:
        """Raises BadInput where the epoch has fewer candidates than a sweep has points."""
        if seen.candidates < 3:
            few = f"recalibrate was given {seen.candidates} candidates an epoch"
            raise BadInput(f"{few} and a sweep takes 3 or more: give more")
        sweeps = min(self.together, (seen.candidates - 1) // 2, state.group.max() + 1 - state.next)
        swept = state.group == state.next + np.arange(sweeps)[:, None]  # (sweeps, N)
        held = np.zeros((1, state.group.size))
        return state.centre.around(self.span * np.concatenate([held, swept, -1.0 * swept]))

    def tell(self, state: Scan, action: Action, outcome: Outcome | Denial) -> Scan:
        assert isinstance(action, TryControls)
        sweeps = len(action.candidates) // 2
        told = self._counted(state, sweeps)
        if isinstance(outcome, Denial):
            return replace(told, centre=state.centre.back())
        if not sweeps:
            return replace(told, centre=state.centre.moved(np.zeros(state.group.size), self.reach))
        knobs = np.flatnonzero((state.group >= state.next) & (state.group < state.next + sweeps))
        row = 1 + state.group[knobs] - state.next
        rows = np.stack([np.zeros_like(row), row, row + sweeps])  # (3, n): held, up, down
        x = state.centre.offsets(action)[rows, knobs]
        looked = np.maximum(1, outcome.opportunities)
        rates = outcome.events / looked
        touches = state.centre.space.touches.T.astype(np.float64)
        slope, curvature = parabola(x, (rates @ touches)[rows, knobs])
        variance = (PAIRED * np.maximum(rates * (1 - rates), 1 / looked) / looked) @ touches
        # Of a curvature from points at 0, +x and -x; a knob at the end of its range has shown none.
        spread = 1.5 * variance[0, knobs] / self.span**4
        weight = np.where((x[1] > 0) & (x[2] < 0), 1 / spread, 0.0)
        total, certainty = state.curvature.copy(), state.certainty.copy()
        total[knobs] += weight * curvature
        certainty[knobs] += weight
        believed = total[knobs] > CLEAR * np.sqrt(certainty[knobs])
        step = np.zeros(state.group.size)
        step[knobs[believed]] = -0.5 * self.gain * (slope * certainty[knobs])[believed] / total[knobs[believed]]
        return replace(told, centre=state.centre.moved(step, self.reach), curvature=total, certainty=certainty)

    def _counted(self, state: Scan, sweeps: int) -> Scan:
        """The state with the scan, or the time that a setting is held, one epoch further on."""
        following, held = state.next + sweeps, state.held + (sweeps == 0)
        over = following > state.group.max() and held >= self.hold
        return replace(state, next=0 if over else following, held=0 if over else held)
