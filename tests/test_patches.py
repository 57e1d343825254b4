"""Which patches of a chip to use: the Ising problem says what the places are worth, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from ising import every

from counterpoint.base import BadInput
from counterpoint.codes import surface
from counterpoint.codes.sites import sites_of
from counterpoint.workloads.optimise.patches import MOST, Patches
from counterpoint.workloads.optimise.qaoa import energies


def patches(distance: int, smaller: int, dead: tuple[str, ...] = ()) -> Patches:
    sites = sites_of(surface.memory(distance, 2)).names
    rates = np.random.default_rng((distance, smaller)).uniform(0.05, 0.1, len(sites))
    rates[[sites.index(name) for name in dead]] = np.nan
    return Patches.of(sites, rates, distance, smaller)


def test_the_energy_is_minus_the_worth_and_overlaps_never_pay() -> None:
    one = patches(5, 3)
    assert len(one.places) == 9
    assert one.overlaps.sum() == 72  # all share the middle of the chip
    bits, table = every(9), one.problem().energies(every(9))
    for row, energy in zip(bits, table, strict=True):
        chosen, shared = np.flatnonzero(row), row @ np.triu(one.overlaps) @ row
        assert energy == pytest.approx(-one.worths[chosen].sum() + 3 * shared, abs=1e-12)
    best = bits[table.argmin()]
    assert one.taken(best) == [0]  # the place with the fewest events
    assert one.worth([0]) == 2.0
    assert table.min() == pytest.approx(-2.0)


def test_disjoint_patches_are_packed() -> None:
    """Distance 7 has places for four patches of distance 3 that do not overlap: no optimum takes fewer."""
    one = patches(7, 3)
    assert len(one.places) == MOST
    table = energies(one.problem())
    bits = (table.argmin() >> np.arange(MOST) & 1).astype(np.uint8)
    best = np.flatnonzero(bits)
    assert best.size == 4
    assert not one.overlaps[np.ix_(best, best)].any()
    assert one.taken(bits) == sorted(best.tolist(), key=lambda i: one.rates[i])
    assert table.min() == pytest.approx(-one.worth(best.tolist()))


def test_a_dead_site_leaves_its_places_out() -> None:
    alive = patches(5, 3, dead=("2,2",))
    assert set(patches(5, 3).places) - set(alive.places) == {"1,1", "3,1"}  # whose check it is
    everywhere = sites_of(surface.memory(3, 2)).names
    with pytest.raises(BadInput, match="0 places for a patch of distance 3 are left on a chip of distance 3"):
        patches(3, 3, dead=everywhere)


def test_an_answer_with_overlaps_is_repaired_alike_for_everybody() -> None:
    one = patches(5, 3)
    assert one.taken(np.ones(9, np.uint8)) == [0]
    assert one.taken(np.zeros(9, np.uint8)) == []
    assert one.worth([]) == 0.0
