"""Error amplification as a good laboratory does it: a ladder of train lengths, at each a scan about the present best.

Each rung's train is several times as long as the one before, and its scan as much narrower, so that a pulse's
over-rotation turns the qubit by about the same at every rung (Sheldon et al., Phys. Rev. A 93, 012301 (2016)). After
each rung all that was counted is fitted by least squares with the known law, in which the root, the turn of a scale,
the error of a pulse and the visibility are free around what is known of gates of the kind. The ladder is fixed
beforehand; only the scans' centre follows the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import least_squares

from counterpoint.base import BadInput, Floats
from counterpoint.codes.faults import MIXING
from counterpoint.workloads.calibrate.trains import TURN, TURN_SPREAD, Dial, Finder, Row, Search

WINDOW = 0.8  # rad that a scan's ends turn by: half of a quarter turn, beyond which the signal falls again
FIRST = 1.25  # rad that the ends of the safe range turn by on the first rung, below a quarter turn for most gates
FEWEST = 3  # shots of each setting
VISIBLE, VISIBLE_SPREAD = 0.96, 0.03  # (1 - 2 r) (1 - 2 m), reset and readout
ERROR_SPREAD = 0.7  # of the logarithm of a pulse's error, about the one that was measured
PLACES = 129  # for the root, among which the first fit begins


@final
@dataclass(frozen=True)
class ErrorAmplification(Finder):
    """A fixed ladder, fitted by least squares.

    Attributes:
        deepest: pulses of the last rung, where the budget allows it.
        settings: in each scan.
        last: share of the uses that the last rung has; the others share the rest evenly.
        growth: how many times as long the trains of a rung are as those of the one before.

    Raises BadInput for a ladder that leads nowhere.
    """

    deepest: int = 256
    settings: int = 3
    last: float = 0.8
    growth: int = 3
    citation: str = (
        "@article{Sheldon2016, title={Characterizing errors on qubit operations via iterative randomized benchmarking},"
        " author={Sheldon, Sarah and Bishop, Lev S. and Magesan, Easwar and Filipp, Stefan and Chow, Jerry M. and"
        " Gambetta, Jay M.}, journal={Physical Review A}, volume={93}, pages={012301}, year={2016},"
        " doi={10.1103/PhysRevA.93.012301}}"
    )

    def __post_init__(self) -> None:
        if not (self.deepest >= 1 and self.settings >= 2 and self.growth >= 2 and 0 < self.last < 1):
            raise BadInput(
                f"a ladder to {self.deepest} pulses of {self.settings} settings, growth {self.growth} and last share "
                f"{self.last:g} was given: give 1 or more, 2 or more, 2 or more, and a share between 0 and 1"
            )

    def __str__(self) -> str:
        return f"up to {self.deepest} pulses, {self.settings} settings, last {self.last:g}, growth {self.growth}"

    def search(self, search: Search) -> tuple[float, float]:
        dial, uses = search.dial, search.left
        ladder = self.ladder(uses, dial)
        root, half_width = 0.0, np.inf
        for rung, pulses in enumerate(ladder):
            share = (1 - self.last) * uses / (len(ladder) - 1) if rung < len(ladder) - 1 else search.left
            shots = max(1, round(share / (self.settings * (pulses + 1))))
            pulses = max(1, int(share // (self.settings * shots)) - 1)  # so that nothing of the share is left
            wide = WINDOW / ((pulses + 0.5) * TURN)
            low, high = dial.ends
            if rung:
                low, high = max(low, root - wide), min(high, root + wide)
            search.take(np.linspace(low, high, self.settings), pulses, shots)
            root, half_width = fitted(search.rows, dial, None if rung == 0 else root)
        return root, half_width

    def ladder(self, uses: int, dial: Dial) -> list[int]:
        """Pulses of each rung: as deep as so many uses allow with a few shots of each setting."""
        deepest = float(self.deepest)
        first = max(1.0, FIRST / (TURN * (dial.ends[1] - dial.ends[0]) / 2) - 0.5)
        while True:
            ladder = [max(1, round(deepest))]
            while ladder[0] > first:
                ladder.insert(0, max(1, round(ladder[0] / self.growth)))
            rungs = len(ladder)
            shares = [(1 - self.last) / (rungs - 1)] * (rungs - 1) + [self.last] if rungs > 1 else [1.0]
            needed = [FEWEST * self.settings * (pulses + 1) for pulses in ladder]
            if rungs == 1 or all(share * uses >= least for share, least in zip(shares, needed, strict=True)):
                return ladder
            deepest /= 1.5


def fitted(rows: list[Row], dial: Dial, root: float | None) -> tuple[float, float]:
    """The root in scales from the start and half of its 95 % interval; from `root`, or the best of many places."""
    x, angle, shots, signal = (np.array(v, float) for v in zip(*_columns(rows), strict=True))
    seen = signal / shots
    # Of a mean: no count of 0 or all shots claims to know it exactly.
    spread = np.sqrt((1 - (signal / (shots + 2)) ** 2) / shots)

    def residuals(free: Floats) -> Floats:
        turn, error = TURN * np.exp(TURN_SPREAD * free[1]), dial.error * np.exp(ERROR_SPREAD * free[2])
        shrunk = np.maximum(1 - error / MIXING["1Q"], 0.01)
        contrast = (VISIBLE + VISIBLE_SPREAD * free[3]) * shrunk ** (angle + 0.5)
        return np.append((contrast * np.sin(angle * turn * (x - free[0])) - seen) / spread, free[1:])

    low, high = dial.ends
    places = np.linspace(low, high, PLACES) if root is None else np.array([root])
    costs = [float((residuals(np.array([place, 0.0, 0.0, 0.0])) ** 2).sum()) for place in places]
    best = float(np.clip(places[int(np.argmin(costs))], low + 1e-9 * (high - low), high - 1e-9 * (high - low)))
    bounds = ([low, -4.0, -4.0, -4.0], [high, 4.0, 4.0, 1.3])
    found = least_squares(residuals, [best, 0.0, 0.0, 0.0], bounds=bounds)
    variance = np.linalg.inv(found.jac.T @ found.jac + 1e-12 * np.eye(4))[0, 0]
    return float(found.x[0]), 1.96 * float(np.sqrt(variance))


def _columns(rows: list[Row]) -> list[tuple[float, float, int, int]]:
    return [(row.x, row.angle, row.shots, row.signal) for row in rows]
