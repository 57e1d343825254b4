"""The loop: its turn, its limits, and that an interrupted run is the same run."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from counterpoint.base import (
    BadInput,
    ControlSpace,
    Explorer,
    Job,
    Machine,
    Outcome,
    Permit,
    Price,
    Shots,
    TryControls,
)
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.govern.ledger import Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.session import PATIENCE, Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import merit, tallies, total
from counterpoint.loop.turn import Parts
from counterpoint.machine import MACHINES
from counterpoint.store.turns import Turn

SMALL = Settings(
    machine="published",
    distance=3,
    rounds=5,
    drift="sine:f=0.05",
    candidates=6,
    cycles=500,
    decoded=60,
    turns=8,
    seed=3,
)


def parts(settings: Settings = SMALL, explorer: Explorer | None = None, decoder: str = "matching") -> Parts:
    chosen = explorer or EXPLORERS[settings.explorer]
    return build(settings, MACHINES[settings.machine], chosen, DECODERS.get(decoder))


def content(turns: Sequence[Turn]) -> list[str]:
    """What turns say, apart from how long the computer took."""
    return [identity(replace(t, stages={})) for t in turns]


def run(folder: Path, settings: Settings = SMALL, charter: Charter = FIRST_RUN, **kwargs: object) -> Session:
    with Session.begin(folder, charter, settings, parts(settings, **kwargs)) as session:  # type: ignore[arg-type]
        for _ in session:
            pass
    return session


def limited(**limits: float) -> Charter:
    return FIRST_RUN.model_copy(update={"limits": FIRST_RUN.limits.model_copy(update=limits)})


def test_a_run_is_a_function_of_its_settings(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    other = run(tmp_path / "c", replace(SMALL, seed=4))
    assert content(a.turns) == content(b.turns)
    assert content(a.turns) != content(other.turns)
    assert a.ending == "complete"
    assert len(a.turns) == SMALL.turns


def test_counts_are_consistent(tmp_path: Path) -> None:
    session = run(tmp_path)
    shots = SMALL.shots * SMALL.candidates
    for turn in session.turns:
        assert turn.outcome is not None
        assert turn.price.shots == turn.outcome.shots.sum() == shots
        assert turn.outcome.decoded.sum() == SMALL.decoded
        assert turn.price.cycles == turn.outcome.cycles.sum() == shots * SMALL.rounds
        assert (turn.outcome.events <= turn.outcome.opportunities).all()
        assert (turn.outcome.failures <= turn.outcome.decoded).all()
        for bound in turn.bounds.values():
            assert bound.shots.sum() == shots, "the bounding players do the same work"
    clocks = np.array([t.clock for t in session.turns])
    np.testing.assert_allclose(np.diff(clocks), [t.price.seconds for t in session.turns[:-1]])


@pytest.mark.parametrize(("player", "expected"), [("fixed", 0), ("oracle", 1)])
def test_a_bounding_player_is_its_bound(tmp_path: Path, player: str, expected: float) -> None:
    """An explorer that plays like a bound scores 0, or 1, within the sampling error of its own events."""
    session = run(tmp_path, replace(SMALL, explorer=player, drift="step:at=0,amplitude=2"))
    rows = [tallies(t) for t in session.turns]
    found = merit(rows)
    assert found is not None
    sums = {p: total(rows, p) for p in ("steered", "fixed", "oracle")}
    won = sums["fixed"].events - sums["oracle"].events
    # Variance at most eight times the number of events; a false alarm rate of 1e-6, two-sided.
    assert abs(found - expected) * won < norm.isf(5e-7) * (8 * sums["steered"].events) ** 0.5
    for turn in session.turns:
        assert turn.outcome is not None
        np.testing.assert_array_equal(turn.outcome.opportunities.sum(0), turn.bounds[player].opportunities.sum(0))
        assert turn.bounds[player].decoded.sum() == SMALL.decoded


def test_no_drift_makes_the_merit_void(tmp_path: Path) -> None:
    """Without drift both bounds play the same controls: there is nothing to win, and no merit."""
    session = run(tmp_path, replace(SMALL, drift="none"))
    assert merit([tallies(t) for t in session.turns]) is None


@pytest.mark.parametrize("interrupted_after", [1, 4, 7])
def test_an_interrupted_run_resumes_as_if_it_never_stopped(tmp_path: Path, interrupted_after: int) -> None:
    whole = run(tmp_path / "whole")
    folder = tmp_path / "parts"
    with Session.begin(folder, FIRST_RUN, SMALL, parts()) as session:
        for turn in session:
            if turn.number == interrupted_after - 1:
                break
    with Session.resume(folder, FIRST_RUN, SMALL, parts(), session.run) as resumed:
        assert len(resumed.turns) == interrupted_after
        for _ in resumed:
            pass
    assert content(resumed.turns) == content(whole.turns)
    stored = list(resumed_turns(folder, session.run))
    assert content(stored) == content(whole.turns)


def resumed_turns(folder: Path, run_id: int) -> Sequence[Turn]:
    from counterpoint.store.database import Store

    store = Store.open(folder, read_only=True)
    turns = list(store.turns(run_id))
    store.close()
    return turns


def test_resuming_with_other_parts_is_refused(tmp_path: Path) -> None:
    session = run(tmp_path, replace(SMALL, turns=3))
    other = replace(SMALL, turns=5, explorer="spsa")
    with pytest.raises(BadInput, match="turn 0 of run 1 was the action"):
        Session.resume(tmp_path, FIRST_RUN, other, parts(other), session.run)


def test_a_limit_denies_tells_and_ends_the_run(tmp_path: Path) -> None:
    epoch = SMALL.shots * SMALL.candidates * SMALL.rounds
    session = run(tmp_path, charter=limited(cycles=3 * epoch + 1))
    verdicts = [t.verdict for t in session.turns]
    assert verdicts == ["allow"] * 3 + ["deny"] * PATIENCE
    assert session.done == 3
    assert "limits.cycles" in session.ending
    assert session.state.used.price.cycles == 3 * epoch


def test_a_human_amends_the_charter_and_the_run_goes_on(tmp_path: Path) -> None:
    """Denied turns do not use the run up, and the amendment stands in the ledger."""
    epoch = SMALL.shots * SMALL.candidates * SMALL.rounds
    session = run(tmp_path, charter=limited(cycles=3 * epoch + 1))
    wider = limited(cycles=100 * epoch)
    with Session.resume(tmp_path, wider, SMALL, parts(), session.run) as amended:
        for _ in amended:
            pass
    assert amended.ending == "complete"
    assert amended.done == SMALL.turns
    with Ledger.read(tmp_path) as ledger:
        (resumed,) = [json.loads(e.content) for e in ledger.entries() if e.kind == "resumed"]
    assert resumed["charter"] == identity(wider.to_toml())


def test_a_held_action_is_not_carried_out(tmp_path: Path) -> None:
    charter = FIRST_RUN.model_copy(update={"ask": FIRST_RUN.ask.model_copy(update={"kinds": ("TryControls",)})})
    session = run(tmp_path, charter=charter)
    assert [t.verdict for t in session.turns] == ["ask"] * PATIENCE
    assert session.parts.machine.clock == 0, "nothing ran"


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(BadInput, match="20 cycles a candidate are fewer than the 25"):
        Settings(cycles=20)
    with pytest.raises(BadInput, match="turns is 0"):
        Settings(turns=0)


def test_outcomes_add() -> None:
    one = Outcome(*(np.full((2, 3), i) for i in range(2)), *(np.full(2, i) for i in range(4)), 1.5)
    both = one + one
    assert both.seconds == 3
    np.testing.assert_array_equal(both.opportunities, 2 * one.opportunities)


def test_machine_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Machine()  # type: ignore[abstract]


class Faulty(Explorer):
    """Answers with something that is no action, or fails."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def init(self, space: ControlSpace, key: object) -> ControlSpace:
        return space

    def ask(self, key: object, state: ControlSpace, seen: object) -> TryControls:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[return-value]

    def tell(self, state: ControlSpace, action: object, outcome: object) -> ControlSpace:
        return state


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            ZeroDivisionError("by zero"),
            "the explorer Faulty failed with ZeroDivisionError: by zero .*line",
        ),
        (7, "asked for a int"),
        (TryControls(np.zeros(41), np.zeros((0, 41))), r"shape \(0, 41\): give .* 1 to 6 candidates"),
        (TryControls(np.zeros(41), np.zeros((7, 41))), r"shape \(7, 41\): give .* 1 to 6 candidates"),
        (TryControls(np.zeros(41), [[0.0] * 41]), "shape list"),  # type: ignore[arg-type]
    ],
)
def test_a_faulty_explorer_is_told_so(tmp_path: Path, answer: object, sentence: str) -> None:
    with (
        pytest.raises(BadInput, match=sentence),
        Session.begin(tmp_path, FIRST_RUN, SMALL, parts(explorer=Faulty(answer))) as session,
    ):
        for _ in session:
            pass


class Deafened(Machine):
    """A real machine (it tells no truth) whose detectors go half deaf after a while, so that decoding fails."""

    def __init__(self, distance: int, **settings: object) -> None:
        self.chip = MACHINES["published"](distance, **settings)  # type: ignore[arg-type]
        self.name, self.space, self.twin = "deafened", self.chip.space, None
        self.error_model = self.chip.error_model

    @property
    def clock(self) -> float:
        return self.chip.clock

    def price(self, job: Job) -> Price:
        return self.chip.price(job)

    def resume(self, clock: float) -> None:
        self.chip.resume(clock)

    def run(self, job: Job, permit: Permit) -> Shots:
        shots = self.chip.run(job, permit)
        deaf = shots.started > 0.5 * 24 * SMALL.epoch_seconds - 1e-9
        return replace(shots, detection_events=shots.detection_events & 0b01010101) if deaf else shots


def test_a_run_raises_the_alarm_and_the_ledger_holds_it(tmp_path: Path) -> None:
    settings = replace(SMALL, machine="deafened", explorer="fixed", drift="none", turns=24)
    made = build(settings, Deafened, EXPLORERS["fixed"], DECODERS["matching"])
    with Session.begin(tmp_path, FIRST_RUN, settings, made) as session:
        for _ in session:
            pass
    (found,) = session.alarms
    with Ledger.read(tmp_path) as ledger:
        (entry,) = [json.loads(e.content) for e in ledger.entries() if e.kind == "alarm"]
    assert entry["why"] == found.sentence
    assert any(line.startswith("ALARM") for line in closing(session)[0])
    assert not audit(tmp_path).faults


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_while_a_turn_is_recorded_waits_for_it(when: str, tmp_path: Path) -> None:
    session = Session.begin(tmp_path, FIRST_RUN, SMALL, parts())
    record = session.store.record

    def interrupted(*args: object) -> None:
        if when == "before":
            signal.raise_signal(signal.SIGINT)
        record(*args)  # pyright: ignore[reportArgumentType]
        if when == "after":
            signal.raise_signal(signal.SIGINT)

    session.store.record = interrupted  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(KeyboardInterrupt), session:
        next(iter(session))
    checked = audit(tmp_path)
    assert not checked.faults
    assert checked.turns == len(session.turns) == 1
