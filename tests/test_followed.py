"""A followed prior in the loop: no shot is decoded by a prior that has seen it, and a resumed run has the same one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.parts import Parts
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.steered import DAY_ZERO, PARITIES, Sight
from counterpoint.loop.summary import merit
from counterpoint.machine import MACHINES

FOLLOWED = Settings(
    machine="willow", distance=3, rounds=8, drift="step:at=0,amplitude=2", candidates=4, cycles=8_000,
    decoded=2_000, turns=12, seed=3, prior="followed",
)  # fmt: skip


def parts(settings: Settings = FOLLOWED) -> Parts:
    return build(settings, MACHINES[settings.machine], EXPLORERS["fixed"], DECODERS.get(settings.decoder))


def taken(session: Session, turns: int) -> Session:
    for turn in session:
        if turn.number == turns - 1:
            break
    return session


def test_the_first_decoder_is_that_of_day_zero_and_later_ones_are_not(tmp_path: Path) -> None:
    with Session.begin(tmp_path, FIRST_RUN, FOLLOWED, parts()) as session:
        taken(session, FOLLOWED.turns)
    every = session.parts.steered.every  # type: ignore[union-attr]
    for turn in session.turns:
        assert turn.outcome is not None
        beside = turn.bounds[DAY_ZERO]
        np.testing.assert_array_equal(turn.outcome.events, beside.events)
        np.testing.assert_array_equal(turn.outcome.decoded, beside.decoded)
        if turn.number < every:  # nothing has been compiled anew yet
            np.testing.assert_array_equal(turn.outcome.failures, beside.failures)
    later = [t for t in session.turns if t.number >= every and t.outcome is not None]
    assert any((t.outcome.failures != t.bounds[DAY_ZERO].failures).any() for t in later if t.outcome is not None)


def test_what_the_prior_saw_is_that_of_all_shots_and_is_sealed(tmp_path: Path) -> None:
    with Session.begin(tmp_path, FIRST_RUN, FOLLOWED, parts()) as session:
        taken(session, 2)
        assert session.parts.steered is not None
        raw = session.store.events(session.run, 1)
    turn = session.turns[1]
    sight = Sight.of(turn.bounds[PARITIES])
    assert raw is not None
    np.testing.assert_array_equal(sight.odd, session.parts.steered.sight(raw).odd)
    assert turn.outcome is not None
    assert sight.shots == turn.outcome.shots.sum()
    without = replace(turn, bounds={k: v for k, v in turn.bounds.items() if k != PARITIES})
    assert without.seal != turn.seal


@pytest.mark.parametrize("after", [4, 7])
def test_a_resumed_run_has_the_decoder_of_an_unbroken_one(tmp_path: Path, after: int) -> None:
    with Session.begin(tmp_path / "whole", FIRST_RUN, FOLLOWED, parts()) as whole:
        taken(whole, FOLLOWED.turns)
    with Session.begin(tmp_path / "broken", FIRST_RUN, FOLLOWED, parts()) as broken:
        taken(broken, after)
    with Session.resume(tmp_path / "broken", FIRST_RUN, FOLLOWED, parts(), broken.run) as resumed:
        taken(resumed, FOLLOWED.turns)
    one, two = ([identity(replace(t, stages={})) for t in s.turns] for s in (whole, resumed))
    assert one == two
    assert not audit(tmp_path / "broken").faults


def test_what_the_prior_saw_is_no_player(tmp_path: Path) -> None:
    """Neither the merit nor the closing lines count it."""
    with Session.begin(tmp_path, FIRST_RUN, FOLLOWED, parts()) as session:
        taken(session, 3)
        lines, figures = closing(session)
    assert set(figures["players"]) == {"steered", "fixed", "oracle"}
    assert not any(PARITIES in line for line in lines)
    plain = [{k: v for k, v in row.items() if k in ("steered", "fixed", "oracle")} for row in session.rows]
    assert merit(session.rows) == merit(plain)


def test_a_followed_prior_needs_a_decoder_and_known_rates() -> None:
    with pytest.raises(BadInput, match=r"followed prior was asked for with no decoder.*take --prior fixed"):
        parts(replace(FOLLOWED, decoder="none"))
    with pytest.raises(BadInput, match="which has no calibrated_rates"):
        parts(replace(FOLLOWED, machine="repetition"))
    with pytest.raises(BadInput, match="'learned' and must be fixed or followed"):
        replace(FOLLOWED, prior="learned")  # type: ignore[arg-type]
