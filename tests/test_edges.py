"""The feedback edges: tasks under permits of their own, stored and sealed with their turn, used only where they pay."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.base import BadInput, Price
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.explore.centre import Adopting
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.govern.ledger import Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.edges.offered import EDGES, due, edges_named
from counterpoint.loop.edges.page import edge_page
from counterpoint.loop.edges.record import LEAST, record
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.machine import MACHINES
from counterpoint.store.database import FILE, Store
from counterpoint.store.turns import Attempt, Work
from counterpoint.workloads.workload import NOTHING, QUANTUM

SMALL = Settings(
    machine="willow",
    distance=5,
    rounds=3,
    candidates=4,
    cycles=300,
    decoded=20,
    turns=24,
    seed=6,  # no check of the guard's falls into a turn with a task
    edges="bandit,optimise",
)


def parts(settings: Settings = SMALL):
    return build(settings, MACHINES[settings.machine], EXPLORERS[settings.explorer], DECODERS["matching"])


def begin(folder: Path, settings: Settings = SMALL, charter: Charter = FIRST_RUN) -> Session:
    return Session.begin(folder, charter, settings, parts(settings))


def finish(session: Session) -> Session:
    with session:
        for _ in session:
            pass
    return session


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return finish(begin(tmp_path_factory.mktemp("edges")))


def test_tasks_come_up_in_their_turns_and_every_side_is_billed(ended: Session) -> None:
    works = {t.number: [w.edge for w in t.works] for t in ended.turns if t.works}
    assert works == {11: ["bandit"], 23: ["bandit", "optimise"]}
    for work in ended.state.works:
        assert {QUANTUM, NOTHING, EDGES[work.edge].rival} <= work.attempts.keys()
        assert work.price.shots > 0
        assert not any(work.attempts[NOTHING].bill.values())
    calls = {side: a.bill["calls"] for side, a in ended.state.works[0].attempts.items() if side != NOTHING}
    uses = EDGES["bandit"].uses  # type: ignore[attr-defined]
    assert all(0.5 * uses < used <= uses for used in calls.values())
    assert ended.state.used.price == sum((t.used for t in ended.turns), Price())


def test_each_job_has_its_permit_and_the_whole_is_sealed(ended: Session) -> None:
    found = audit(ended.folder)
    assert not found.faults
    with Ledger.read(ended.folder) as ledger:
        entries = [(e.kind, json.loads(e.content)) for e in ledger.entries()]
    jobs = [content for kind, content in entries if kind == "work"]
    assert {job["kind"] for job in jobs if job["edge"] == "bandit"} == {"Scan"}
    assert {job["kind"] for job in jobs if job["edge"] == "optimise"} == {"RunCircuit"}
    assert sum(job["price"]["shots"] for job in jobs) == sum(w.price.shots for w in ended.state.works)


def test_a_change_of_a_stored_work_is_found(ended: Session, tmp_path: Path) -> None:
    for file in ended.folder.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with sqlite3.connect(tmp_path / FILE) as connection:
        (text,) = connection.execute("SELECT content FROM works WHERE turn = 11").fetchone()
        plain = json.loads(text)
        plain["attempts"][QUANTUM]["score"] += 1
        connection.execute("UPDATE works SET content = ? WHERE turn = 11", (json.dumps(plain),))
    connection.close()
    assert any("outcome of turn 11" in fault.sentence for fault in audit(tmp_path).faults)


def test_works_survive_the_store_exactly(ended: Session) -> None:
    with Store.open(ended.folder, read_only=True) as store:
        stored = [t.works for t in store.turns(ended.run)]
    assert stored == [t.works for t in ended.turns]


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(ended: Session, tmp_path: Path) -> None:
    """Centres after the calibration, which the explorer has taken over, are the same to the last bit."""
    session = begin(tmp_path)
    for turn in session:
        if turn.number == 14:
            break
    session.close()
    again = finish(Session.resume(tmp_path, FIRST_RUN, SMALL, parts(), session.run))
    assert [identity(t.centre) for t in again.turns] == [identity(t.centre) for t in ended.turns]
    scores = [[[a.score for a in w.attempts.values()] for w in t.works] for t in again.turns]
    assert scores == [[[a.score for a in w.attempts.values()] for w in t.works] for t in ended.turns]
    assert not audit(tmp_path).faults


def test_a_calibrated_knob_is_where_steering_goes_on(ended: Session) -> None:
    adopted = {name: value for work in ended.turns[11].works for name, value in work.adopted.items()}
    space = ended.parts.machine.space
    for name, value in adopted.items():
        knob = space.names.index(name)
        step = abs(ended.turns[12].centre[knob] - value) / space.scale[knob]
        assert step <= 1e-9
    assert adopted  # with this seed something was found


def test_what_the_charter_does_not_allow_is_left_undone(tmp_path: Path) -> None:
    charter = FIRST_RUN.model_copy(update={"ask": FIRST_RUN.ask.model_copy(update={"kinds": ("Scan", "RunCircuit")})})
    session = finish(begin(tmp_path, charter=charter))
    assert session.ending == "complete"
    works = session.state.works
    assert [(w.attempts, w.used, w.price, w.adopted) for w in works] == [({}, "", Price(), {})] * 3
    assert all(w.undone.startswith("ask.kinds holds") for w in works)
    with Ledger.read(tmp_path) as ledger:
        verdicts = [json.loads(e.content)["verdict"] for e in ledger.entries() if e.kind == "work"]
    assert verdicts == ["ask"] * 3


def test_machines_without_the_task_say_why(tmp_path: Path) -> None:
    other = replace(SMALL, machine="published", distance=3, turns=1)
    session = finish(begin(tmp_path, other))
    assert session.records == {
        "bandit": "not offered: the published machine has no knob 'XY amplitude q'",
        "optimise": "not offered: the chip is no surface code of distance 5 or more, in which a smaller one has several"
        " places",
    }
    lines, figures = closing(session)
    assert any(line.startswith("bandit   not offered: the published") for line in lines)
    assert figures["edges"]["optimise"]["offered"] is False
    assert due(session.parts.edges, session.parts.machine, session.parts.sites, 24) == []
    with pytest.raises(
        BadInput, match="the edge 'search' is not known: give bandit, optimise, joined by commas, or none"
    ):
        edges_named("bandit,search")
    assert edges_named("none") == ()


def test_no_task_is_offered_in_shadow_mode(tmp_path: Path) -> None:
    session = finish(begin(tmp_path, replace(SMALL, shadow=True, turns=1)))
    assert session.records == dict.fromkeys(EDGES, "not offered in shadow mode")
    lines, _ = closing(session)
    assert "bandit   not offered in shadow mode" in lines
    assert "<p>Not offered in shadow mode.</p>" in write_report(session, tmp_path / "run.html").read_text()


def test_the_report_and_the_closing_lines_tell_of_the_edges(ended: Session, tmp_path: Path) -> None:
    page = write_report(ended, tmp_path / "run.html").read_text()
    assert "<h2>Quantum for AI</h2>" in page
    assert all(edge.hypothesis.replace("'", "&#x27;") in page for edge in EDGES.values())
    lines, figures = closing(ended)
    assert figures["edges"]["bandit"]["tasks"] == 2
    used = [work.used for work in ended.state.works if work.edge == "bandit"]
    assert figures["edges"]["bandit"]["used"] == dict(Counter(used))
    tasks = sum(work.price.shots for work in ended.state.works)
    assert f"{24 * 400:,} of them exploring and {tasks:,} for tasks;" in "\n".join(lines)
    assert figures["edges"]["bandit"]["figure"] is None  # two tasks carry no interval
    json.dumps(figures, allow_nan=False)


def works(edge: str, scores: Sequence[tuple[float, float, float]], most: float | None = None) -> list[Work]:
    rival = EDGES[edge].rival
    return [
        Work(
            edge,
            "a task",
            {side: Attempt(s, "", {}) for side, s in zip((QUANTUM, rival, NOTHING), row, strict=True)},
            rival,
            most,
            Price(),
            {},
        )
        for row in scores
    ]


def test_the_record_of_an_edge() -> None:
    edge = EDGES["bandit"]
    assert record(edge, []).taken == edge.rival
    few = record(edge, works("bandit", [(2.0, 1.0, 0.0)] * (LEAST - 1)))
    two = works("bandit", [(2.0, 1.0, 0.0)] * 2)
    told = record(edge, [replace(two[0], used=""), *two])
    assert told.uses == f"{edge.rival} 2 of 3, told only 1 of 3"
    assert record(edge, [replace(two[0], used="")]).words().endswith("told only")
    assert few.words().endswith(f"{edge.rival} used")
    assert few.taken == QUANTUM
    assert math.isnan(few.verdict.value)
    assert not few.void
    won = record(edge, works("bandit", [(2.0, 1.0, 0.0)] * LEAST))
    assert (won.verdict.status, won.verdict.value, won.verdict.low) == ("holds", 1.0, 1.0)
    cut = Work("bandit", "a task", {}, "", None, Price(), {}, "the cable is out")
    assert record(edge, [*works("bandit", [(2.0, 1.0, 0.0)] * LEAST), cut]) == won
    straw = record(edge, works("bandit", [(2.0, -1.0, 0.0)] * LEAST))
    assert straw.void
    assert straw.verdict.status == "not shown"
    tied = record(edge, works("bandit", [(1.0, 1.0, 0.0)] * LEAST))
    assert (tied.taken, tied.verdict.status) == (edge.rival, "does not hold")
    nothing = record(edge, works("bandit", [(1.0, 1.0, 2.0)] * LEAST))
    assert nothing.taken == NOTHING


def test_no_answer_beats_a_proved_optimum() -> None:
    """One miss in six would leave Student's interval on both sides of 0; with the proof it ends there."""
    edge, scores = EDGES["optimise"], [(2.0, 2.0, 0.0)] * 5 + [(1.0, 2.0, 0.0)]
    assert record(edge, works("optimise", scores)).verdict.status == "not shown"
    proved = record(edge, works("optimise", scores, most=2.0)).verdict
    assert (proved.high, proved.status) == (0.0, "does not hold")


def test_damaged_works_are_said() -> None:
    work = works("bandit", [(1.0, 2.0, 3.0)])[0]
    plain = asdict(work)
    assert Work.of(json.loads(json.dumps(work.plain()))) == work
    for broken in ({}, {**plain, "attempts": 1}, {**plain, "more": 1}):
        with pytest.raises(ValueError, match="a work is damaged"):
            Work.of(broken)


def test_explorers_that_adopt_go_on_from_the_setting() -> None:
    space = parts().machine.space
    for name, explorer in EXPLORERS.items():
        if not isinstance(explorer, Adopting):
            continue
        state = explorer.init(space, (1,))
        settings = np.full(space.start.size, np.nan)
        settings[3] = space.start[3] + 0.7 * space.scale[3]
        centre = explorer.adopt(state, settings).centre.around(np.zeros((1, space.start.size))).centre
        expected = np.where(np.isnan(settings), space.start, settings)
        assert np.allclose(centre, expected, rtol=1e-12), name


def test_a_run_that_was_stopped_claims_nothing() -> None:
    won = record(EDGES["bandit"], works("bandit", [(2.0, 1.0, 0.0)] * LEAST))
    assert (won.claim(complete=True), won.claim(complete=False)) == ("holds", "not shown")


def test_a_stopped_run_says_so_of_its_edges(tmp_path: Path) -> None:
    session = begin(tmp_path)
    session.state = replace(session.state, works=tuple(works("bandit", [(2.0, 1.0, 0.0)] * LEAST)))
    with session:
        for _ in session:
            break
    lines, figures = closing(session)
    assert session.ending == "interrupted"
    assert session.records["bandit"].verdict.status == "holds"  # type: ignore[union-attr]
    assert figures["edges"]["bandit"]["verdict"] == "not shown"
    assert any(line.startswith("bandit") and "not shown" in line and "holds" not in line for line in lines)
    assert "holds" not in "".join(edge_page(session.records, session.state.works, complete=False))
