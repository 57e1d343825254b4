"""CMA-ES: evolution strategy with covariance matrix adaptation, with local credit, for a target that moves.

The Gaussian from which candidates are drawn adapts its mean, step size and covariance to the ranking of
the candidates (Hansen, arXiv:1604.00772). Ranked by the total detection rate, a few dozen candidates say
little about dozens of knobs. So the knobs are divided into blocks that touch the same sites. Each block
has an optimiser of its own, whose fitness is the detection rate of these sites; all blocks try their
candidates at once (cooperative coevolution: Potter and De Jong, PPSN III, 249 (1994)). With one block of
all knobs this would be CMA-ES on a black box.

Made for a target that stands still, CMA-ES shrinks its steps as it converges, and shot noise shrinks them
further. Here it starts anew at its mean with its first step size every few generations.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray

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
from counterpoint.explore.centre import Centre

LEAST = 4  # candidates: the ranking of fewer says next to nothing


@dataclass(frozen=True, eq=False)
class Search:
    """The state. An optimiser in it is never changed: what changes is a copy."""

    centre: Centre
    blocks: tuple[NDArray[np.int64], ...]  # the knobs of each
    optimisers: tuple[CMA, ...] = ()  # one a block; none at a start


@dataclass(frozen=True)
class CmaEs(Explorer):
    """One CMA-ES for each block of knobs that touch the same sites, restarted at its mean.

    Attributes:
        sigma: step size at a start, in units of each knob's scale.
        generations: epochs from one start to the next.
        reach: how far from the centre candidates are tried, in units of each knob's scale.
    """

    sigma: float = 0.22
    generations: int = 2
    reach: float = 1.0
    citation: str = (
        "@misc{Hansen2016, title={The {CMA} evolution strategy: a tutorial}, author={Hansen, Nikolaus},"
        " year={2016}, eprint={1604.00772}}\n"
        "@inproceedings{Potter1994, title={A cooperative coevolutionary approach to function optimization},"
        " author={Potter, Mitchell A. and De Jong, Kenneth A.}, booktitle={Parallel Problem Solving from"
        " Nature (PPSN III)}, pages={249--257}, year={1994}, doi={10.1007/3-540-58484-6_269}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Search:
        _, block = np.unique(space.touches, axis=0, return_inverse=True)
        order = np.argsort(block.ravel(), kind="stable")
        return Search(Centre.of(space), tuple(np.split(order, np.cumsum(np.bincount(block.ravel()))[:-1])))

    def ask(self, key: Key, state: Search, seen: Seen) -> Action:
        """Raises BadInput where the epoch has fewer candidates than can be ranked."""
        if seen.candidates < LEAST:
            raise BadInput(
                f"CMA-ES was given {seen.candidates} candidates an epoch and ranks {LEAST} or more: give more"
            )
        seeds = np.random.default_rng(key).integers(2**32, size=len(state.blocks))
        offsets = np.zeros((seen.candidates, state.centre.at.size))
        for optimiser, block, seed in zip(self._copies(state, seen.candidates), state.blocks, seeds, strict=True):
            optimiser.reseed_rng(int(seed))
            points = np.array([optimiser.ask() for _ in range(seen.candidates)])
            offsets[:, block] = points - state.centre.at[block]
        return state.centre.around(offsets.clip(-self.reach, self.reach))

    def tell(self, state: Search, action: Action, outcome: Outcome | Denial) -> Search:
        if isinstance(outcome, Denial):
            return Search(state.centre.back(), state.blocks)
        assert isinstance(action, TryControls)
        centre = state.centre
        points = centre.at + centre.offsets(action)  # as they were tried: clipped to the safe range
        rates = outcome.events / np.maximum(1, outcome.opportunities)
        optimisers = self._copies(state, len(points))
        mean = centre.at.copy()
        for optimiser, block in zip(optimisers, state.blocks, strict=True):
            fitness = rates[:, centre.space.touches[block[0]]].sum(axis=1)
            optimiser.tell(list(zip(points[:, block], fitness.tolist(), strict=True)))
            mean[block] = optimiser.mean
        again = optimisers[0].generation >= self.generations
        moved = centre.moved(mean - centre.at, self.reach)
        return replace(state, centre=moved, optimisers=() if again else optimisers)

    def _copies(self, state: Search, candidates: int) -> tuple[CMA, ...]:
        """Copies of the optimisers, or new ones at the centre where there are none for so many candidates."""
        if state.optimisers and state.optimisers[0].population_size == candidates:
            return copy.deepcopy(state.optimisers)
        at = state.centre.at
        return tuple(CMA(at[block], self.sigma, population_size=candidates) for block in state.blocks)
