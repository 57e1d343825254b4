"""The guard: harm that the agent does is undone, and nothing else is; whatever comes, the limits hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from counterpoint.base import BadInput, ControlSpace, Explorer, Job, Machine, Outcome, Permit, Price, Shots, TryControls
from counterpoint.codes.sites import sites_of
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN
from counterpoint.govern.ledger import Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.guard import CHANCE, HOLD, PATIENCE, SIGMAS, Epoch, Guard
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.telemetry import heard
from counterpoint.machine import MACHINES

SMALL = Settings(
    machine="published", distance=3, rounds=5, drift="none", candidates=6, cycles=2000, decoded=60, turns=30, seed=3,
    explorer="own", decoder="none",
)  # fmt: skip
ORIGIN = np.zeros(3)
AWAY = np.ones(3)


def outcome(events: Sequence[int], opportunities: int, failures: Sequence[int], decoded: int) -> Outcome:
    rows = len(events)
    ones = np.ones(rows, np.int64)
    site = np.array(events, np.int64)[:, None]
    return Outcome(
        site, np.full((rows, 1), opportunities), ones, ones, ones * decoded, np.array(failures, np.int64), 1.0
    )


def checking(by: str = "events") -> Guard:
    return replace(Guard.of(ORIGIN), mode="check", by=by, sign="x", trusted=True)  # type: ignore[arg-type]


def test_the_stated_chances_are_those_of_the_thresholds() -> None:
    assert norm.sf(SIGMAS) == pytest.approx(CHANCE, rel=0.02)


def test_a_check_is_won_by_six_standard_errors_and_not_by_less() -> None:
    """Two halves of 2 x 20,000 events and a difference z: with variance 8 a event, z / sqrt(8 * sum) is the figure."""
    total = 80_000
    edge = SIGMAS * np.sqrt(8 * total)
    for factor, mode in ((0.99, "steer"), (1.01, "hold")):
        good, present = round((total - factor * edge) / 4), round((total + factor * edge) / 4)
        found, words = checking().checked(outcome([good, present] * 2, 10**6, [0] * 4, 0))
        assert found.mode == mode, words


def test_bursts_make_a_check_harder_to_win() -> None:
    """The same sums, but one candidate holds the whole difference: that is a burst, not a worse setting."""
    even, burst = [1000, 1400] * 6, [1000, 1000] * 5 + [1000, 1000 + 6 * 400]
    assert checking().checked(outcome(even, 10**5, [0] * 12, 0))[0].mode == "hold"
    assert checking().checked(outcome(burst, 10**5, [0] * 12, 0))[0].mode == "steer"


@pytest.mark.parametrize("more", range(20, 60, 5))
def test_failures_are_compared_exactly(more: int) -> None:
    found, _ = checking("failures").checked(outcome([9, 9], 100, [10, 10 + more], 1000))
    exact = binomtest(10 + more, 20 + more, 0.5, alternative="greater").pvalue
    assert (found.mode == "hold") == (exact < CHANCE)


def test_equal_controls_never_lose_a_check() -> None:
    """A thousand checks between equals with every fault firing eight detectors: below 1e-6 that one is lost."""
    rng = np.random.default_rng((3,))
    for _ in range(1000):
        found, _ = checking().checked(outcome((8 * rng.poisson(300, 12)).tolist(), 10**5, [0] * 12, 0))
        assert found.mode == "steer"


def test_a_rise_without_a_move_is_not_the_agents() -> None:
    guard = Guard.of(ORIGIN)
    for number in range(20):
        guard = guard.steered(Epoch(number, ORIGIN, 10_000 if number < 10 else 20_000, 10**5))
    assert guard.mode == "steer"


def test_a_burst_in_one_epoch_is_no_sign() -> None:
    guard = Guard.of(ORIGIN)
    for number in range(20):
        guard = guard.steered(Epoch(number, AWAY * number, 20_000 if number % 4 == 3 else 10_000, 10**5))
    assert guard.mode == "steer"


def test_the_freshest_of_equals_is_what_comes_back() -> None:
    guard = Guard.of(ORIGIN)
    for number, events in enumerate([10_000, 12_000, 10_100, 10_050, 13_000]):
        guard = guard.steered(Epoch(number, AWAY * number, events, 10**5))
    np.testing.assert_array_equal(guard.fell("x")[0].good, AWAY * 3)


def test_the_way_back_keeps_to_the_step_limit() -> None:
    guard, scale = replace(Guard.of(ORIGIN), mode="hold"), np.array([1.0, 2.0, 0.5])
    at, steps = np.array([3.0, -8.0, 1.0]), 0
    while not np.array_equal(at, guard.good):
        after = guard.target(at, scale, 1.5)
        assert (np.abs(after - at) / scale).max() <= 1.5 * (1 + 1e-12)
        at, steps = after, steps + 1
    assert steps == 3  # 4 scale units of the second knob


# Whole runs.


@dataclass(frozen=True)
class Wanderer(Explorer):
    """Stays for `still` epochs, then walks off, `pace` scale units of every knob an epoch; learns nothing."""

    still: int = 8
    pace: float = 0.3
    most: float = 2.0
    knobs: int = 10**6  # how many of them

    def init(self, space: ControlSpace, key: object) -> tuple[ControlSpace, int]:
        return space, 0

    def ask(self, key: object, state: tuple[ControlSpace, int], seen: object) -> TryControls:
        space, epoch = state
        far = np.zeros_like(space.start)
        far[: self.knobs] = min(self.most, self.pace * max(0, epoch - self.still))
        centre = (space.start + space.scale * far).clip(space.low, space.high)
        return TryControls(centre, np.tile(centre, (6, 1)))

    def tell(self, state: tuple[ControlSpace, int], action: object, outcome: object) -> tuple[ControlSpace, int]:
        return state[0], state[1] + 1


@dataclass(frozen=True)
class Rogue(Explorer):
    """From its third ask on it asks for the impossible, or fails, or leaps."""

    how: str
    after: int = 2

    def init(self, space: ControlSpace, key: object) -> tuple[ControlSpace, int]:
        return space, 0

    def ask(self, key: object, state: tuple[ControlSpace, int], seen: object) -> TryControls:
        space, asked = state
        rows = np.tile(space.start, (2, 1))
        if asked >= self.after:
            if self.how == "fails":
                raise np.linalg.LinAlgError("SVD did not converge")
            rows[1, 4] = {"nan": np.nan, "inf": np.inf, "outside": -1e9, "leaps": rows[1, 4] + 3 * space.scale[4]}[
                self.how
            ]
        return TryControls(space.start, rows)

    def tell(self, state: tuple[ControlSpace, int], action: object, outcome: object) -> tuple[ControlSpace, int]:
        return state[0], state[1] + 1


class Real(Machine):
    """A machine without a twin, whose controls and shots are changed on their way by `before` and `after`."""

    def __init__(
        self,
        distance: int,
        before: Callable[[Job, float], Job] = lambda job, epoch: job,
        after: Callable[[Shots, float], object] = lambda shots, epoch: shots,
        **settings: object,
    ) -> None:
        self.chip = MACHINES["published"](distance, **settings)  # type: ignore[arg-type]
        self.name, self.space, self.twin = "real", self.chip.space, None
        self.error_model = getattr(self.chip, "error_model", None)
        self.before, self.after = before, after

    @property
    def clock(self) -> float:
        return self.chip.clock

    def price(self, job: Job) -> Price:
        return self.chip.price(job)

    def resume(self, clock: float) -> None:
        self.chip.resume(clock)

    def run(self, job: Job, permit: Permit) -> Shots:
        epoch = round(self.chip.clock / SMALL.epoch_seconds)
        return self.after(self.chip.run(self.before(job, epoch), permit), epoch)  # type: ignore[return-value]


def play(
    folder: Path, explorer: Explorer, settings: Settings = SMALL, machine: Callable[..., Machine] | None = None
) -> Session:
    made = build(settings, machine or MACHINES["published"], explorer, DECODERS.get(settings.decoder))
    with Session.begin(folder, FIRST_RUN, settings, made) as session:
        for _ in session:
            pass
    assert not audit(folder).faults
    return session


def real(**ways: object) -> Callable[..., Machine]:
    return lambda distance, **settings: Real(distance, **ways, **settings)


def kinds(session: Session) -> list[str]:
    return [event.kind for _, event in session.events]


def test_harm_is_undone_and_the_ledger_says_so(tmp_path: Path) -> None:
    session = play(tmp_path, Wanderer())
    turn, event = session.events[0]
    assert event.kind == "rolled-back"
    assert turn < 8 + 8, "found within eight epochs of walking off"
    space = session.parts.machine.space
    held = session.turns[turn + 1 : turn + 1 + HOLD]
    assert all((np.abs(t.centre - space.start) / space.scale).max() <= 0.6 for t in held), "they were at 1.2 or more"
    assert len({t.centre.tobytes() for t in held}) == 1
    assert all(len(t.outcome.shots) == 1 for t in held if t.outcome)
    assert "side by side" in event.why
    with Ledger.read(tmp_path) as ledger:
        entries = [json.loads(e.content) for e in ledger.entries() if e.kind == "rolled-back"]
    assert [(e["turn"], e["why"]) for e in entries] == [(n, e.why) for n, e in session.events]
    assert any(line.startswith("guard    1 roll-backs") for line in closing(session)[0])
    assert "rolled-back" in write_report(session, tmp_path / "page.html").read_text()


def test_a_chip_that_gets_worse_by_itself_is_no_harm(tmp_path: Path) -> None:
    """A step of every optimum, seen by an explorer that moves a little: checked in one epoch, and kept."""
    session = play(tmp_path, Wanderer(still=0, pace=1e-6), replace(SMALL, drift="step:at=15,amplitude=2"))
    assert kinds(session) == ["kept"]
    assert session.state.guard.falls == 0


@pytest.mark.parametrize("cut", [3, 12, 14, 16, 19, 26])
def test_a_run_with_a_roll_back_resumes_as_if_it_never_stopped(tmp_path: Path, cut: int) -> None:
    whole = play(tmp_path / "whole", Wanderer())
    made = [build(SMALL, MACHINES["published"], Wanderer(), None) for _ in range(2)]
    with Session.begin(tmp_path / "parts", FIRST_RUN, SMALL, made[0]) as session:
        for turn in session:
            if turn.number == cut - 1:
                break
    with Session.resume(tmp_path / "parts", FIRST_RUN, SMALL, made[1], session.run) as resumed:
        for _ in resumed:
            pass
    assert [identity(replace(t, stages={})) for t in resumed.turns] == [
        identity(replace(t, stages={})) for t in whole.turns
    ]
    assert resumed.events == whole.events
    assert identity(resumed.state.guard) == identity(whole.state.guard)


@pytest.mark.parametrize("how", ["nan", "inf", "outside", "leaps", "fails"])
def test_an_explorer_that_diverges_is_restarted_and_then_asked_no_more(tmp_path: Path, how: str) -> None:
    session = play(tmp_path, Rogue(how), replace(SMALL, turns=40))
    assert session.ending == "complete"
    assert kinds(session) == ["rolled-back"] * PATIENCE
    assert "held to the end" in session.events[-1][1].why
    assert session.state.guard.stopped
    start, scale = session.parts.machine.space.start, session.parts.machine.space.scale
    for turn in session.turns:
        assert (np.abs(turn.centre - start) <= FIRST_RUN.limits.range * scale).all()
    last = session.events[-1][0]
    assert all(np.array_equal(t.centre, start) for t in session.turns[last + 1 :])


def test_an_explorer_that_never_worked_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="its safe range is"):
        play(tmp_path, Rogue("nan", after=0))
    with Ledger.read(tmp_path) as ledger:
        assert '"verdict":"deny"' in [*ledger.entries()][-1].content


def nan_seconds(shots: Shots, epoch: float) -> object:
    return replace(shots, seconds=float("nan")) if epoch == 5 else shots


def infinite_start(shots: Shots, epoch: float) -> object:
    return replace(shots, started=float("inf")) if epoch == 5 else shots


def half_wide(shots: Shots, epoch: float) -> object:
    return replace(shots, detection_events=shots.detection_events[:, :, :2]) if epoch == 5 else shots


def one_setting(shots: Shots, epoch: float) -> object:
    return replace(shots, detection_events=shots.detection_events[:1]) if epoch == 5 else shots


def nothing_at_all(shots: Shots, epoch: float) -> object:
    return None if epoch == 5 else shots


def silence(shots: Shots, epoch: float) -> object:
    return replace(shots, detection_events=0 * shots.detection_events) if epoch == 5 else shots


@pytest.mark.parametrize("bad", [nan_seconds, infinite_start, half_wide, one_setting, nothing_at_all, silence])
def test_telemetry_that_cannot_be_used_leads_back(tmp_path: Path, bad: Callable[[Shots, float], object]) -> None:
    session = play(tmp_path, Wanderer(still=0, pace=0.05), replace(SMALL, turns=16), real(after=bad))
    assert kinds(session) == ["rolled-back", "telemetry"], "and whole again"
    assert session.events[0][0] == 5
    assert session.state.guard.falls == 0, "the explorer is not to blame"
    assert session.turns[5].price == session.turns[4].price, "charged as permitted"
    assert all(len(t.outcome.shots) == 1 for t in session.turns[6 : 6 + HOLD] if t.outcome)
    assert session.ending == "complete"


def test_fewer_shots_are_used_and_paid_for_as_permitted(tmp_path: Path) -> None:
    def fewer(shots: Shots, epoch: float) -> object:
        cut = slice(None, 300 if 3 <= epoch < 6 else None)
        return replace(shots, detection_events=shots.detection_events[:, cut], observables=shots.observables[:, cut])

    session = play(tmp_path, Wanderer(pace=0), replace(SMALL, turns=8), real(after=fewer))
    given = [int(t.outcome.shots[0]) for t in session.turns if t.outcome]
    assert given == [400] * 3 + [300] * 3 + [400] * 2
    assert len({t.price.shots for t in session.turns}) == 1
    assert [(n, e.why) for n, e in session.events] == [
        (3, "the machine gave 300 of the 400 shots asked of each setting"),
        (6, "the machine's telemetry is whole again"),
    ]


@dataclass(frozen=True)
class Listener(Explorer):
    """Keeps what it is told."""

    def init(self, space: ControlSpace, key: object) -> tuple[ControlSpace, tuple[Outcome, ...]]:
        return space, ()

    def ask(self, key: object, state: tuple[ControlSpace, tuple[Outcome, ...]], seen: object) -> TryControls:
        return TryControls(state[0].start, np.tile(state[0].start, (6, 1)))

    def tell(self, state: tuple[ControlSpace, tuple[Outcome, ...]], action: object, outcome: Outcome):  # type: ignore[override]
        return state[0], (*state[1], outcome)


@pytest.mark.parametrize("always", [False, True])
def test_a_dead_site_is_kept_from_the_explorer_and_said(tmp_path: Path, always: bool) -> None:
    circuit = build(SMALL, MACHINES["published"], Listener(), None).circuit
    sites, dead = sites_of(circuit), 2
    mask = np.packbits(sites.of_detector == dead, bitorder="little")

    def stuck(shots: Shots, epoch: float) -> object:
        events = shots.detection_events
        return replace(shots, detection_events=events | mask if always else events & ~mask)

    session = play(tmp_path, Listener(), replace(SMALL, turns=4), real(after=stuck))
    (event,) = [e for _, e in session.events]
    assert f"site '{sites.names[dead]}' never fire, or always" in event.why
    for told, turn in zip(session.state.explorer[1], session.turns, strict=True):
        assert turn.outcome is not None
        assert not told.opportunities[:, dead].any()
        assert not told.events[:, dead].any()
        np.testing.assert_array_equal(np.delete(told.events, dead, 1), np.delete(turn.outcome.events, dead, 1))


def test_a_quiet_site_is_not_dead_where_chance_may_keep_it_so() -> None:
    one = np.ones(1, np.int64)
    for n, whole in ((1999, True), (2001, False)):  # 20 events were expected at a tenth of 10 %
        events, opportunities = np.array([[0, n // 10, n // 10]]), np.full((1, 3), n)
        found = heard(Outcome(events, opportunities, one, one, one, one, 1.0), 1, 0.1, ("a", "b", "c"))
        assert (found.sentence == "") == whole


@pytest.mark.parametrize("name", ["gradient", "spsa"])
def test_a_knob_that_does_nothing_stays_inside_the_limits(tmp_path: Path, name: str) -> None:
    knob = 7

    def cut_off(job: Job, epoch: float) -> Job:
        controls = job.controls.copy()
        controls[:, knob] = start[knob]
        return replace(job, controls=controls)

    start = build(SMALL, MACHINES["published"], Listener(), None).machine.space.start
    settings = replace(SMALL, candidates=10, cycles=9000, turns=40)
    session = play(tmp_path, EXPLORERS[name], settings, real(before=cut_off))
    assert session.ending == "complete"
    assert all(t.verdict == "allow" for t in session.turns)
    assert not session.events
    space = session.parts.machine.space
    far = [abs(t.centre[knob] - space.start[knob]) / space.scale[knob] for t in session.turns]
    assert 0 < max(far) <= FIRST_RUN.limits.range


def test_an_alarm_is_checked_by_failures_and_leads_back(tmp_path: Path) -> None:
    """A knob that deafens detectors: the rate falls, the failures rise, and only counted failures tell."""
    settings = replace(SMALL, turns=40, decoder="matching", decoded=600)
    origin = build(SMALL, MACHINES["published"], Listener(), None).machine.space
    circuit = build(SMALL, MACHINES["published"], Listener(), None).circuit
    of_detector = sites_of(circuit).of_detector
    hears = np.array([np.sum(of_detector[:i] == site) % 2 == 0 for i, site in enumerate(of_detector)])
    half, where = np.packbits(hears, bitorder="little"), {}

    def look(job: Job, epoch: float) -> Job:
        off = np.abs(job.controls[:, 0] - origin.start[0]) / origin.scale[0] > 0.5
        where["deaf"] = off
        return job

    def deafen(shots: Shots, epoch: float) -> object:
        mask = np.where(where["deaf"][:, None], half, np.uint8(255))
        return replace(shots, detection_events=shots.detection_events & mask[:, None])

    explorer = Wanderer(still=12, pace=1.0, most=1.0, knobs=1)
    session = play(tmp_path, explorer, settings, real(before=look, after=deafen))
    assert session.alarms
    turn, event = session.events[0]
    assert event.kind == "rolled-back", event.why
    assert "failures" in event.why
    np.testing.assert_array_equal(session.turns[turn + 1].centre, origin.start)
