"""What goes wrong in a task of an edge, or before it: charged, said in one sentence, and steering goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing as shut
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stim
from typer.testing import CliRunner

from counterpoint.base import (
    Action,
    BadInput,
    ControlSpace,
    Denial,
    Explorer,
    Floats,
    Job,
    Key,
    Machine,
    Outcome,
    Permit,
    Price,
    Seen,
    Shots,
    TryControls,
)
from counterpoint.cli.main import app
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.edges.calibration import Calibration
from counterpoint.loop.edges.edge import Edge, Moment
from counterpoint.loop.edges.errand import Errand
from counterpoint.loop.edges.patch import PatchChoice
from counterpoint.loop.parts import Parts
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.machine import MACHINES
from counterpoint.store.database import FILE, Store
from counterpoint.store.schema import MIGRATIONS, migrate, version
from counterpoint.store.turns import Attempt, Work
from counterpoint.workloads.workload import NOTHING, QUANTUM

SMALL = Settings(machine="willow", distance=5, rounds=3, candidates=4, cycles=300, decoded=20, turns=4, seed=6)
OFTEN = (Calibration(every=2), PatchChoice(every=2))

Odd = Callable[[Job, Callable[[], Shots]], object]


class Person(Machine):
    """A person's machine: a chip of which `odd` gives back what it likes."""

    def __init__(self, settings: Settings, odd: Odd, rates: Callable[[], object] | None = None) -> None:
        chip = build(settings, MACHINES[settings.machine], EXPLORERS["gradient"], None).machine
        self.chip, self.odd = chip, odd
        self.name, self.space, self.twin = "mine", chip.space, None
        self.calibrated_rates = rates or chip.calibrated_rates  # type: ignore[attr-defined]

    @property
    def clock(self) -> float:
        return self.chip.clock

    def price(self, job: Job) -> Price:
        return self.chip.price(job)

    def run(self, job: Job, permit: Permit) -> Shots:
        return self.odd(job, lambda: self.chip.run(job, permit))  # type: ignore[return-value]

    def resume(self, clock: float) -> None:
        self.chip.resume(clock)


def parts(odd: Odd | None = None, edges: tuple[Edge, ...] = OFTEN, settings: Settings = SMALL) -> Parts:
    made = build(settings, MACHINES["willow"], EXPLORERS[settings.explorer], DECODERS["matching"])
    return replace(made, edges=edges, machine=made.machine if odd is None else Person(settings, odd))


def begin(folder: Path, made: Parts, settings: Settings = SMALL, charter: Charter = FIRST_RUN) -> Session:
    return Session.begin(folder, charter, settings, made)


def finish(session: Session) -> Session:
    with session:
        for _ in session:
            pass
    return session


def limited(shots: int) -> Charter:
    return FIRST_RUN.model_copy(update={"limits": FIRST_RUN.limits.model_copy(update={"shots": shots})})


def is_train(job: Job) -> bool:
    return isinstance(job.circuit, stim.Circuit) and not job.circuit.num_detectors


def failing(number: int, fault: Callable[[Shots], object], early: bool = False) -> Odd:
    """The train of that number comes to `fault`; `early`, before the machine has run it."""
    seen: list[Job] = []

    def odd(job: Job, run: Callable[[], Shots]) -> object:
        if not is_train(job):
            return run()
        seen.append(job)
        if len(seen) != number:
            return run()
        return fault(None) if early else fault(run())  # type: ignore[arg-type]

    return odd


def breaks(_: object) -> object:
    raise OSError("the cable is out")


FAULTS = {
    "failed with OSError: the cable is out": breaks,
    "uint8, and (": lambda shots: replace(shots, measurements=shots.measurements[:, 1:]),
    "bool, and (": lambda shots: replace(shots, measurements=shots.measurements.astype(bool)),
    "gave a NoneType": lambda shots: None,
}


@pytest.mark.parametrize("words", FAULTS)
def test_what_a_machine_breaks_in_a_task_is_said_and_charged(words: str, tmp_path: Path) -> None:
    made = parts(failing(3, FAULTS[words]), OFTEN[:1], replace(SMALL, turns=2))
    session = finish(begin(tmp_path, made, replace(SMALL, turns=2)))
    (work,) = session.state.works
    assert words in work.undone
    assert (work.edge, work.attempts, work.used, work.task[:12]) == ("bandit", {}, "", "XY amplitude")
    assert session.state.used.price == sum((t.used for t in session.turns), Price())
    assert work.price.shots > 0
    assert session.records["bandit"].tasks == 0  # type: ignore[union-attr]
    page = write_report(session, tmp_path / "run.html").read_text()
    assert "left undone" in page
    assert not audit(tmp_path).faults


@pytest.mark.parametrize("early", [True, False])
def test_a_run_with_a_task_that_ended_early_is_resumed_at_the_same_clock(early: bool, tmp_path: Path) -> None:
    def made(number: int) -> Parts:
        return parts(failing(number, breaks, early), OFTEN[:1])

    whole = finish(begin(tmp_path / "whole", made(3)))
    session = begin(tmp_path / "cut", made(3))
    for turn in session:
        if turn.works:
            break
    session.close()
    again = finish(Session.resume(tmp_path / "cut", FIRST_RUN, SMALL, made(10**9), session.run))
    assert whole.turns[1].works[0].undone
    assert [(t.clock, identity(t.outcome)) for t in again.turns] == [
        (t.clock, identity(t.outcome)) for t in whole.turns
    ]
    assert again.state.clock == whole.state.clock


def test_a_task_that_the_charter_cuts_short_is_charged(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=2)
    charter = limited(2 * 400 + 1_500)
    session = finish(begin(tmp_path, parts(edges=OFTEN[:1]), settings, charter))
    (work,) = session.state.works
    assert work.undone.startswith("limits.shots is 2,300")
    assert 0 < work.price.shots <= 1_500
    assert session.state.used.price.shots == 800 + work.price.shots


def test_the_second_edge_of_a_turn_starts_from_what_the_first_used(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=2)
    free = finish(begin(tmp_path / "free", parts(), settings))
    assert not any(work.undone for work in free.state.works)
    charter = limited(free.state.used.price.shots - 1)
    tight = finish(begin(tmp_path / "tight", parts(), settings, charter))
    first, second = tight.state.works
    assert not first.undone
    assert second.undone.startswith("limits.shots is")


class Far(Edge):
    """Finds each time a setting that is as far away as can be."""

    name, hypothesis, margin, rival, every = "far", "far is good", 0.0, "r", 2

    def lack(self, machine: Machine, sites: object) -> str:
        return ""

    def work(self, errand: Errand, moment: Moment, taken: str) -> Work:
        adopted = {name: errand.adoptable(i, np.inf) for i, name in enumerate(moment.machine.space.names)}
        attempts = {side: Attempt(0.0, "", {}) for side in (QUANTUM, NOTHING, "r")}
        return Work(self.name, "t", attempts, taken, None, errand.price, adopted if moment.adopts else {})


def test_a_far_setting_is_adopted_in_steps_that_the_charter_allows(tmp_path: Path) -> None:
    limits = FIRST_RUN.limits.model_copy(update={"range": 1.5, "step": 1.0})
    charter = FIRST_RUN.model_copy(update={"limits": limits})
    settings = replace(SMALL, turns=10)
    session = finish(begin(tmp_path, parts(edges=(Far(),), settings=settings), settings, charter))
    space, found = session.parts.machine.space, [turn for turn in session.turns if turn.works]
    assert len(found) == 5
    for turn in found:
        to = np.array([*turn.works[0].adopted.values()])
        assert (to <= np.maximum(turn.centre, space.start + space.scale) * (1 + 1e-9)).all()  # range less half a step
        for after in session.turns[turn.number + 1 : turn.number + 2]:
            assert after.verdict == "allow"
            assert np.allclose(after.centre, to, rtol=1e-12)
    first = np.array([*found[0].works[0].adopted.values()])
    assert np.allclose(first, np.minimum(found[0].centre + space.scale / 2, space.high), rtol=1e-12)


def errand(centre: Floats, charter: Charter = FIRST_RUN) -> Errand:
    machine = parts().machine
    governor = Governor(charter, None, machine.space)  # type: ignore[arg-type]
    return Errand(machine, governor, Used(), centre, {}, (1,))


def test_what_may_be_tried_and_what_adopted() -> None:
    space = parts().machine.space
    one = errand(space.start)
    scale, start = space.scale[0], space.start[0]
    low, high = one.reach(0)
    assert (low, high) == (max(space.low[0], start - 2 * scale), min(space.high[0], start + 2 * scale))
    assert one.adoptable(0, start + 0.3 * scale) == pytest.approx(start + 0.3 * scale, rel=1e-15)
    assert one.adoptable(0, high) == pytest.approx(min(high, start + scale), rel=1e-15)
    asks = FIRST_RUN.model_copy(update={"ask": FIRST_RUN.ask.model_copy(update={"step": 0.5})})
    assert errand(space.start, asks).adoptable(0, high) == pytest.approx(start + 0.25 * scale, rel=1e-15)
    edge = space.start + 0.9 * FIRST_RUN.limits.range * space.scale  # exploring is near the range already
    assert errand(edge).adoptable(0, np.inf) == edge[0]


def test_an_explorer_that_cannot_go_on_from_a_setting_is_told_only(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=2, explorer="spsa")
    session = finish(begin(tmp_path, parts(edges=OFTEN[:1], settings=settings), settings))
    (work,) = session.state.works
    assert (work.used, dict(work.adopted)) == ("", {})
    assert work.attempts
    assert session.records["bandit"].words().endswith("told only")  # type: ignore[union-attr]


def deaf(dead: Callable[[int], bool], site: str | None, settings: Settings = SMALL) -> Odd:
    """The detectors of `site` (None: all) always fire in the turns for which `dead`."""
    sites = parts(settings=settings).sites
    turns: list[Job] = []

    def odd(job: Job, run: Callable[[], Shots]) -> Shots:
        shots = run()
        if not (isinstance(job.circuit, stim.Circuit) and job.circuit.num_detectors):
            return shots
        turns.append(job)
        if not dead(len(turns) - 1):
            return shots
        events = np.unpackbits(shots.detection_events, axis=-1, bitorder="little", count=job.circuit.num_detectors)
        wanted = range(len(sites.names)) if site is None else [sites.names.index(site)]
        events[..., np.isin(sites.of_detector, wanted)] = 1
        return replace(shots, detection_events=np.packbits(events, axis=-1, bitorder="little"))

    return odd


def test_no_place_with_a_dead_site_is_chosen(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=2)
    made = parts(deaf(lambda turn: True, "2,4"), OFTEN[1:], settings)
    session = finish(begin(tmp_path, made, settings))
    (work,) = session.state.works
    assert not work.undone
    answers = " ".join(a.answer for a in work.attempts.values())
    assert not any(f"{place} (" in answers for place in ("1,1", "1,3"))
    assert np.isnan(session.state.usual[session.parts.sites.names.index("2,4")])  # type: ignore[index]


def test_a_dead_first_turn_does_no_harm(tmp_path: Path) -> None:
    settings, at = replace(SMALL, turns=3), parts().sites.names.index("2,4")
    session = begin(tmp_path, parts(deaf(lambda turn: turn == 0, "2,4"), (), settings), settings)
    seen = []
    for _ in session:
        assert session.state.usual is not None
        seen.append(session.state.usual)
    assert np.isnan(seen[0][at])
    assert np.isfinite(seen[1]).all()
    assert (np.delete(seen[2], at) == np.delete(seen[0], at)).all()
    session.close()


def test_no_task_is_done_in_a_turn_whose_telemetry_is_unusable(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=4)
    session = finish(begin(tmp_path, parts(deaf(lambda turn: turn == 1, None), OFTEN[1:], settings), settings))
    assert [len(t.works) for t in session.turns] == [0, 0, 0, 1]


@dataclass(frozen=True)
class Leaps(Explorer):
    """The policy gradient, whose second proposal is too long a step."""

    def init(self, space: ControlSpace, key: Key) -> Any:
        return EXPLORERS["gradient"].init(space, key)

    def ask(self, key: Key, state: Any, seen: Seen) -> Action:
        action = EXPLORERS["gradient"].ask(key, state, seen)
        assert isinstance(action, TryControls)
        far = 3 * state.centre.space.scale if seen.epoch == 1 else 0
        return replace(action, candidates=action.candidates + far)

    def tell(self, state: Any, action: Action, outcome: Outcome | Denial) -> Any:
        return EXPLORERS["gradient"].tell(state, action, outcome)


def test_a_denied_turn_swallows_no_task(tmp_path: Path) -> None:
    """The task comes after the second turn that was carried out."""
    settings = replace(SMALL, turns=3)
    session = finish(begin(tmp_path, replace(parts(edges=OFTEN[1:]), explorer=Leaps()), settings))
    assert [(t.verdict, len(t.works)) for t in session.turns] == [("allow", 0), ("deny", 0), ("allow", 1), ("allow", 0)]


def test_a_machine_that_tells_no_error_of_a_gate_has_no_such_task() -> None:
    sites = parts().sites
    whole = Person(SMALL, lambda job, run: run())
    assert Calibration().lack(whole, sites) == ""
    for rates, words in (
        (dict, "the mine machine tells no measured error of the gate of 'XY amplitude"),
        (lambda: breaks(None), "calibrated_rates of the machine 'mine' failed with OSError"),
    ):
        assert words in Calibration().lack(Person(SMALL, lambda job, run: run(), rates), sites)
    del whole.calibrated_rates
    assert "does not tell its gates' measured errors (calibrated_rates)" in Calibration().lack(whole, sites)


def test_a_larger_chip_holds_several_patches(tmp_path: Path) -> None:
    settings = replace(SMALL, distance=7, turns=1)
    edge = PatchChoice(every=1)
    session = finish(begin(tmp_path, parts(edges=(edge,), settings=settings), settings))
    (work,) = session.state.works
    assert (work.task, work.undone) == ("patch of d=3", "")
    assert work.most is not None
    assert 1 <= work.attempts[NOTHING].score <= 2
    assert work.attempts[edge.rival].score == work.most > 2  # more than one


def test_doing_nothing_is_the_middle_or_the_worst_that_is_weighed(tmp_path: Path) -> None:
    settings = replace(SMALL, turns=1)
    for site, middle in (("2,4", True), ("6,6", False)):
        edge = PatchChoice(every=1)
        made = parts(deaf(lambda turn: True, site, settings), (edge,), settings)
        (work,) = finish(begin(tmp_path / site, made, settings)).state.works
        assert work.attempts[NOTHING].answer.startswith("3,3 (") is middle
        assert middle or work.attempts[NOTHING].score == 1


def test_numbers_that_are_none_are_said(tmp_path: Path) -> None:
    finish(begin(tmp_path, parts(edges=OFTEN[1:]), replace(SMALL, turns=2)))
    for wrong in ("NaN", "-Infinity", "1e999"):
        with shut(sqlite3.connect(tmp_path / FILE)) as connection, connection:
            (text,) = connection.execute("SELECT content FROM works").fetchone()
            plain = json.loads(text.replace(wrong, "0"))
            plain["attempts"][QUANTUM]["score"] = "X"
            connection.execute("UPDATE works SET content = ?", (json.dumps(plain).replace('"X"', wrong),))
        with Store.open(tmp_path, read_only=True) as store, pytest.raises(BadInput, match=f"it holds {wrong}"):
            list(store.turns(1))
        assert any(f"it holds {wrong}" in fault.sentence for fault in audit(tmp_path).faults)


def test_a_run_of_the_version_before_edges_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    settings, whole = replace(SMALL, turns=3), Settings.to_json
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "to_json", lambda self: {k: v for k, v in whole(self).items() if k != "edges"})
        made = build(settings, MACHINES["willow"], EXPLORERS["gradient"], DECODERS["correlated"])
        session = begin(old, made, settings)
        for turn in session:
            if turn.number == 1:
                break
        session.close()
    new.mkdir()
    for file in old.iterdir():
        if file.name.startswith("ledger"):
            (new / file.name).write_bytes(file.read_bytes())
    with shut(sqlite3.connect(new / FILE, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:2])
    with shut(sqlite3.connect(new / FILE, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS old", (str(old / FILE),))
        for table in ("runs", "turns", "outcomes", "heads"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
        connection.execute("UPDATE turns SET stages = json_remove(stages, '$.work')")
        assert version(connection) == 2
        assert "edges" not in connection.execute("SELECT settings FROM runs").fetchone()[0]
    found = CliRunner().invoke(app, ["run", "--resume", "--store", str(new), "--json"])
    assert found.exit_code == 0, found.exception
    figures = json.loads(found.stdout)
    assert (figures["turns"], figures["ending"], figures["edges"]) == (3, "complete", {})
    assert figures["ledger"]["verified"]
    assert not audit(new).faults
    with shut(sqlite3.connect(new / FILE)) as connection:
        assert version(connection) == len(MIGRATIONS)


def test_a_store_that_is_not_there_is_not_made_by_resuming(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["run", "--resume", "--store", str(tmp_path / "none")])
    assert "there is no store" in str(found.exception)
    assert not (tmp_path / "none").exists()
