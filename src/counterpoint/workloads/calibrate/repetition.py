"""Adaptive coherent repetition: trains as long as what is known allows, all of their information kept.

Amplitude estimation for a gate's own over-rotation. It is robust phase estimation (Kimmel, Low and Yoder, Phys. Rev.
A 92, 062315 (2015)) with the decisions of Q-GP-UCB (Dai et al., NeurIPS 2023, algorithm 1): a model of the
over-rotation at all settings, here the line turn * (x - root), says where to ask next (about the setting whose bound
is best, which is the root's neighbourhood) and how precisely (eps in proportion to what is not known there); what is
told counts by 1 / eps^2, here by the exact binomial likelihood, of which that is the normal limit. A train of k pulses
tells delta with eps = 1 / ((k + 1/2) c sqrt(shots)), but only up to turns of pi / (k + 1/2); so that k grows as the
posterior narrows, up to the length from which a use tells most under the gate's error (`pulses.best_uses`), which is
learnt along with the root.

Each scan asks at two settings, whose phases are a quarter turn apart as long as the root is not known to be within
the fringe: sine and cosine together have no ambiguity within a whole turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from counterpoint.base import BadInput, Floats
from counterpoint.codes.faults import MIXING
from counterpoint.machine.pulses import CITATION, best_uses
from counterpoint.workloads.calibrate.trains import TURN, TURN_SPREAD, Dial, Finder, Row, Search

ROOTS = 129  # places of the posterior
TURNS = np.linspace(-2.2, 2.2, 5)  # of a gate's turn, in standard deviations of its logarithm
ERRORS = np.array([0.7, 1.2, 2.0, 3.5, 7.0, 14.0])  # of a pulse, times the measured one: other knobs drift, too
VISIBLE = np.array([0.92, 0.96, 0.99])  # (1 - 2 r) (1 - 2 m), reset and readout
GONE = 25.0  # a place whose log likelihood is so far below the best one's is given up
CHOICES = (2.0, 4.0, 8.0, 20.0, 60.0)  # shots of each setting among which a scan's are chosen, or all that are left
AHEAD = 5  # scans for which is planned
NEAR = 0.2  # rad: the least phase of a setting, from which the contrast shows
SCANS = 12  # the most; each is one permit


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is believed of root, turn, error of a pulse and visibility, after some rows."""

    roots: Floats  # (G,) scales from the start
    weight: Floats  # (G,) chances
    turn: float  # mean, rad a scale
    error: float  # mean
    visible: float  # mean

    @property
    def mean(self) -> float:
        return float(self.weight @ self.roots)

    @property
    def deviation(self) -> float:
        """Of the root, in scales; with the grid's own step, so that it is never 0."""
        step = float(self.roots[1] - self.roots[0])
        return math.sqrt(float(self.weight @ (self.roots - self.mean) ** 2) + step**2 / 12)

    def quantile(self, chance: float) -> float:
        return float(np.interp(chance, np.cumsum(self.weight) - self.weight / 2, self.roots))


def posterior(rows: list[Row], dial: Dial, ends: tuple[float, float]) -> Posterior:
    """The posterior on a grid between `ends`, drawn in until the likely places fill a good part of it.

    The rows must leave no peak narrower than the first grid's step but the one it is drawn in to: those of a search,
    whose trains turn by no more than what is known, do not.
    """
    low, high = ends
    while True:
        roots = np.linspace(low, high, ROOTS)
        log = _log_posterior(rows, dial, roots)
        likely = np.flatnonzero(log.max(axis=(1, 2, 3)) > log.max() - GONE)
        step = roots[1] - roots[0]
        drawn = max(low, roots[likely[0]] - step), min(high, roots[likely[-1]] + step)
        if drawn[1] - drawn[0] > (high - low) / 2:
            break
        low, high = drawn
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    by_turn, by_error, by_visible = (chance.sum(axis=axes) for axes in ((0, 2, 3), (0, 1, 3), (0, 1, 2)))
    return Posterior(
        roots,
        chance.sum(axis=(1, 2, 3)),
        float(by_turn @ _turns()),
        float(by_error @ _errors(dial)),
        float(by_visible @ VISIBLE),
    )


def _turns() -> Floats:
    return TURN * np.exp(TURN_SPREAD * TURNS)


def _errors(dial: Dial) -> Floats:
    return np.minimum(dial.error * ERRORS, 0.9 * MIXING["1Q"])


def _log_posterior(rows: list[Row], dial: Dial, roots: Floats) -> Floats:
    """(G, turns, errors, visibilities), up to a constant."""
    log = np.zeros((roots.size, TURNS.size, ERRORS.size, VISIBLE.size)) - TURNS[:, None, None] ** 2 / 2
    shrunk = -np.log1p(-_errors(dial) / MIXING["1Q"])
    for row in rows:
        turned = np.sin(row.angle * _turns() * (row.x - roots[:, None]))
        contrast = np.exp(-shrunk * (row.pulses + 1))[:, None] * VISIBLE
        mean = turned[..., None, None] * contrast
        up = (row.shots + row.signal) // 2  # of its signal's two values
        log += up * np.log1p(mean) + (row.shots - up) * np.log1p(-mean)
    return log


@dataclass(frozen=True)
class Plan:
    """What scans would tell, by their Fisher information, if nothing went against expectation."""

    known: Posterior
    reach: float

    def uses(self, apart: Floats, left: Floats) -> Floats:
        """Of the gate in a shot, where the over-rotation is known to `apart` rad and `left` uses are left."""
        longest = best_uses(min(self.known.error, 0.7))
        return np.maximum(2.0, np.rint(np.minimum(np.minimum(self.reach / apart + 0.5, longest), left / 4)))

    def phase(self, apart: Floats, uses: Floats) -> Floats:
        """Of either setting about the root: half a quarter turn, or less where it is known better than that."""
        return np.minimum(math.pi / 4, np.maximum(NEAR, 2 * apart * (uses - 0.5)))

    def after(self, apart: Floats, left: Floats, shots: Floats) -> tuple[Floats, Floats]:
        """`apart` and `left` after a scan of so many shots at each of two settings, or of as many as can be."""
        uses = self.uses(apart, left)
        shots = np.minimum(shots, left // (2 * uses))
        contrast = self.known.visible * (1 - self.known.error / MIXING["1Q"]) ** uses
        phase = self.phase(apart, uses)
        seen = ((uses - 0.5) * contrast * np.cos(phase)) ** 2 / (1 - (contrast * np.sin(phase)) ** 2)
        return 1 / np.sqrt(1 / apart**2 + 2 * shots * seen), left - 2 * shots * uses

    def shots(self, apart: float, left: float, scans: int) -> int:
        """Of each of the next scan's two settings, for the narrowest end in at most so many scans."""
        widths, rest, first = np.array([apart]), np.array([left]), None
        choices = np.array([*CHOICES, np.inf])
        for _ in range(min(scans, AHEAD)):
            shots = np.tile(choices, widths.size)
            widths, rest = self.after(np.repeat(widths, choices.size), np.repeat(rest, choices.size), shots)
            first = shots if first is None else np.repeat(first, choices.size)
        assert first is not None
        chosen = first[int(np.argmin(widths))]
        most = left // (2 * float(self.uses(np.array(apart), np.array(left))))
        return int(min(chosen, most))


@final
@dataclass(frozen=True)
class CoherentRepetition(Finder):
    """Trains whose length follows the posterior.

    The law is taken for granted: of a qubit that does not answer, or an optimum beyond the safe range, what is found
    means nothing. Whoever sets the knob compares both settings by a scan.

    Attributes:
        reach: standard deviation of the phase that a train may turn by, in rad: its length follows from it.

    Raises BadInput for a reach that is not a finite number above 0.
    """

    reach: float = 0.7
    citation: str = (
        CITATION + "\n@inproceedings{Dai2023, title={Quantum {Bayesian} optimization}, author={Dai, Zhongxiang and Lau,"
        " Gregory Kang Ruey and Verma, Arun and Shu, Yao and Low, Bryan Kian Hsiang and Jaillet, Patrick},"
        " booktitle={Advances in Neural Information Processing Systems}, volume={36}, year={2023}}"
    )

    def __post_init__(self) -> None:
        if not 0 < self.reach < math.inf:
            raise BadInput(f"a reach of {self.reach:g} rad was given: give a finite number above 0")

    def __str__(self) -> str:
        return f"reach {self.reach:g} rad"

    def search(self, search: Search) -> tuple[float, float]:
        dial = search.dial
        known = posterior([], dial, dial.ends)
        while search.scans < SCANS:
            plan = Plan(known, self.reach)
            apart = known.deviation * known.turn
            shots = plan.shots(apart, search.left, SCANS - search.scans)
            if shots < 1:
                break
            uses = plan.uses(np.array(apart), np.array(search.left))
            offset = float(plan.phase(np.array(apart), uses)) / ((float(uses) - 0.5) * known.turn)
            search.take(known.quantile(0.5) + np.array([-offset, offset]), int(uses) - 1, shots)
            known = posterior(search.rows, dial, (float(known.roots[0]), float(known.roots[-1])))
        return known.quantile(0.5), (known.quantile(0.975) - known.quantile(0.025)) / 2
