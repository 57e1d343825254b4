"""Shadow mode: the explorer proposes and is judged, nothing is moved, and the morning's figures are true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from counterpoint.base import BadInput, ControlSpace, Denial, Explorer, Job, Machine, Permit, Price, Shots, TryControls
from counterpoint.cli.main import app
from counterpoint.cli.view import view
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.govern.ledger import Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.shadow import NO_TWIN, night
from counterpoint.machine import MACHINES

SMALL = Settings(
    machine="published", distance=3, rounds=5, drift="sine:f=0.005", candidates=6, cycles=2000, decoded=60, turns=12,
    seed=3, decoder="matching", shadow=True,
)  # fmt: skip


def play(
    folder: Path,
    settings: Settings = SMALL,
    explorer: Explorer = EXPLORERS["gradient"],
    machine: Callable[..., Machine] = MACHINES["published"],
    charter: Charter = FIRST_RUN,
) -> Session:
    made = build(settings, machine, explorer, DECODERS["matching"])
    with Session.begin(folder, charter, settings, made) as session:
        for _ in session:
            pass
    assert not audit(folder).faults
    return session


class Real(Machine):
    """The chip without its twin."""

    def __init__(self, distance: int, **settings: object) -> None:
        self.chip = MACHINES["published"](distance, **settings)  # type: ignore[arg-type]
        self.name, self.space, self.twin = "real", self.chip.space, None
        self.error_model = getattr(self.chip, "error_model", None)
        self.ran: list[Job] = []

    @property
    def clock(self) -> float:
        return self.chip.clock

    def price(self, job: Job) -> Price:
        return self.chip.price(job)

    def resume(self, clock: float) -> None:
        self.chip.resume(clock)

    def run(self, job: Job, permit: Permit) -> Shots:
        self.ran.append(job)
        return self.chip.run(job, permit)


@dataclass(frozen=True)
class Leaper(Explorer):
    """Proposes ever farther settings, `pace` scale units an epoch more, and counts how often it was denied."""

    pace: float

    def init(self, space: ControlSpace, key: object) -> tuple[ControlSpace, int, int]:
        return space, 0, 0

    def ask(self, key: object, state: tuple[ControlSpace, int, int], seen: object) -> TryControls:
        space, asked, _ = state
        centre = space.start + asked * self.pace * space.scale
        return TryControls(centre, centre[None])

    def tell(self, state: tuple[ControlSpace, int, int], action: object, outcome: object):  # type: ignore[override]
        space, asked, denied = state
        return space, asked + 1, denied + isinstance(outcome, Denial)


def test_on_the_twin_it_learns_exactly_as_it_would_have(tmp_path: Path) -> None:
    """What the proposals got is, shot for shot, what the same explorer gets when it steers."""
    shadow, steered = play(tmp_path / "a"), play(tmp_path / "b", replace(SMALL, shadow=False))
    for would, did in zip(shadow.turns, steered.turns, strict=True):
        assert identity(would.bounds["proposed"]) == identity(did.outcome)
        np.testing.assert_array_equal(would.centre, did.centre)


def test_nothing_is_moved_and_all_is_charged(tmp_path: Path) -> None:
    session = play(tmp_path)
    start = session.parts.machine.space.start
    still = identity(TryControls(start, start[None]))
    assert {t.action for t in session.turns} == {still}
    assert {t.price.shots for t in session.turns} == {SMALL.candidates * SMALL.shots}
    with Ledger.read(tmp_path) as ledger:
        entries = [(e.kind, json.loads(e.content)) for e in ledger.entries()]
    assert {c["action"] for kind, c in entries if kind == "decision"} == {still}
    proposals = [c for kind, c in entries if kind == "shadow"]
    assert [c["turn"] for c in proposals] == list(range(SMALL.turns))
    assert all(c["would"] == "allow" and c["action"] != still for c in proposals)


def test_a_machine_without_a_twin_runs_only_the_controls_in_force(tmp_path: Path) -> None:
    session = play(tmp_path, machine=Real)
    machine = session.parts.machine
    assert isinstance(machine, Real)
    assert all((job.controls == machine.space.start).all() for job in machine.ran)
    assert {t.reason for t in session.turns} == {NO_TWIN}
    found = night(machine.space, session.turns, session.rows)
    assert found.tried is None
    assert found.moved == 0, "told nothing, it learned nothing"
    lines, figures = closing(session)
    assert any("told nothing the explorer learned nothing" in line for line in lines)
    assert figures["shadow"]["proposed_rate"] is None
    assert figures["verdict"] == "not shown"


def test_what_the_charter_would_deny_is_told_and_counted(tmp_path: Path) -> None:
    """Half a scale unit an epoch: proposals 0 to 6 are within a range of 3, 7 and 8 are not."""
    charter = FIRST_RUN.model_copy(update={"limits": FIRST_RUN.limits.model_copy(update={"range": 3.0})})
    session = play(tmp_path, replace(SMALL, turns=9), Leaper(0.5), charter=charter)
    found = night(session.parts.machine.space, session.turns, session.rows)
    assert (found.proposals, found.allowed, found.denied, found.held) == (9, 7, 2, 0)
    assert session.state.explorer[2] == 2
    assert found.most == pytest.approx(4.0)
    assert found.by == pytest.approx(4.0)
    assert found.moved == found.knobs == 41
    assert session.ending == "complete", "nothing of it was carried out, so nothing ends"
    assert "limits.range is 3" in session.turns[-1].reason


def test_what_would_need_a_human_is_counted_apart(tmp_path: Path) -> None:
    charter = FIRST_RUN.model_copy(update={"ask": FIRST_RUN.ask.model_copy(update={"step": 0.4})})
    session = play(tmp_path, replace(SMALL, turns=3), Leaper(0.5), charter=charter)
    found = night(session.parts.machine.space, session.turns, session.rows)
    assert (found.allowed, found.denied, found.held) == (1, 0, 2)


def test_the_morning_lines_hold_the_figures_of_the_twin(tmp_path: Path) -> None:
    session = play(tmp_path)
    rates = [
        sum(int(o.events.sum()) for o in outcomes if o) / sum(int(o.opportunities.sum()) for o in outcomes if o)
        for outcomes in ([t.bounds["proposed"] for t in session.turns], [t.outcome for t in session.turns])
    ]
    lines, figures = closing(session)
    assert [figures["shadow"][name] for name in ("proposed_rate", "in_force_rate")] == rates
    text = "\n".join(lines)
    assert f"{rates[0]:.2%} as proposed" in text
    assert f"instead of {rates[1]:.2%}" in text
    assert "nothing was moved; 12 proposals, of which 12 would have been allowed" in text
    page = write_report(session, tmp_path / "page.html").read_text()
    assert "Shadow mode" in page
    assert "proposed" in page


def test_the_live_view_says_that_nothing_is_moved(tmp_path: Path) -> None:
    made = build(SMALL, MACHINES["published"], EXPLORERS["gradient"], DECODERS["matching"])
    console = Console(width=100, record=True, file=StringIO())
    with Session.begin(tmp_path, FIRST_RUN, SMALL, made) as session:
        for _ in session:
            pass
        console.print(view(session))
    text = console.export_text()
    assert "· SHADOW" in text
    assert "would be moved" in text


@pytest.mark.parametrize("machine", [MACHINES["published"], Real])
@pytest.mark.parametrize("explorer", [EXPLORERS["gradient"], Leaper(0.5)])
def test_a_shadow_run_resumes_as_if_it_never_stopped(
    tmp_path: Path, machine: Callable[..., Machine], explorer: Explorer
) -> None:
    whole = play(tmp_path / "whole", explorer=explorer, machine=machine)
    made = [build(SMALL, machine, explorer, DECODERS["matching"]) for _ in range(2)]
    with Session.begin(tmp_path / "parts", FIRST_RUN, SMALL, made[0]) as session:
        for turn in session:
            if turn.number == 10:
                break
    with Session.resume(tmp_path / "parts", FIRST_RUN, SMALL, made[1], session.run) as resumed:
        for _ in resumed:
            pass
    for a, b in zip(whole.turns, resumed.turns, strict=True):
        assert identity(replace(a, stages={})) == identity(replace(b, stages={}))


def test_another_explorer_is_not_taken_for_the_same(tmp_path: Path) -> None:
    session = play(tmp_path)
    other = build(SMALL, MACHINES["published"], EXPLORERS["spsa"], DECODERS["matching"])
    with pytest.raises(BadInput, match="turn 1 of run 1"):
        Session.resume(tmp_path, FIRST_RUN, replace(SMALL, turns=20), other, session.run)


def test_the_verbs_offer_it(tmp_path: Path) -> None:
    words = "steer --shadow --drift step:at=0 --epochs 3 --candidates 6 --cycles 500 --json --store"
    done = CliRunner().invoke(app, [*words.split(), str(tmp_path / "a")])
    assert json.loads(done.stdout)["shadow"]["proposals"] == 3
    words = "run --shadow --machine published --distance 3 --turns 2 --json --store"
    done = CliRunner().invoke(app, [*words.split(), str(tmp_path / "b")])
    assert json.loads(done.stdout)["shadow"]["allowed"] == 2
