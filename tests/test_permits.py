"""The judge and the governor: every limit at its edge, and no permit without its ledger entry."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import counterpoint
from counterpoint.base import (
    Action,
    BadInput,
    ControlSpace,
    Denial,
    Floats,
    Permit,
    Price,
    RunCircuit,
    TryControls,
)
from counterpoint.govern.charter import FIRST_RUN, Ask, Charter, Limits
from counterpoint.govern.judge import Judgement, Used, judge, shares
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity

LIMITS = Limits(range=4, step=2, cycles=1000, shots=100, seconds=60, disk=5000, spend=10)
CHARTER = Charter(name="lab", objective=FIRST_RUN.objective, limits=LIMITS)
SCALE = np.array([0.5, 2.0, 1.0])
SPACE = ControlSpace(
    names=("CZ amplitude 0-1", "XY frequency 0", "DRAG 0"),
    units=("rad", "MHz", "1"),
    low=np.full(3, -50.0),
    high=np.full(3, 50.0),
    start=np.array([0.1, -3.0, 7.0]),
    scale=SCALE,
    touches=np.ones((3, 2), dtype=bool),
    sites=("a", "b"),
)
PRICE = Price(cycles=200, shots=20, seconds=0.1, spend=1.0)


def moved(by: Floats, centre: Floats = SPACE.start) -> TryControls:
    """Two candidates, the second `by` (3,) scale units away from `centre`."""
    return TryControls(centre, np.stack([centre, centre + by * SCALE]))


def verdict(
    action: Action,
    price: Price = PRICE,
    used: Used | None = None,
    charter: Charter = CHARTER,
    last: Floats = SPACE.start,
) -> Judgement:
    return judge(charter, SPACE, action, price, used or Used(), last)


def says(judgement: Judgement, expected: str, *words: str) -> None:
    assert judgement.verdict == expected, judgement
    assert all(word in judgement.reason for word in words), judgement


def test_a_step_at_the_limit_is_allowed_and_one_beyond_is_not() -> None:
    for knob in range(3):
        by = np.zeros(3)
        by[knob] = -2.0
        says(verdict(moved(by)), "allow")
        by[knob] = 2.001
        says(verdict(moved(by)), "deny", SPACE.names[knob], "candidate 1", "2.001", "limits.step is 2", "raise")


def test_range_is_measured_from_the_start_and_step_from_the_last_centre() -> None:
    last = SPACE.start + 3 * SCALE
    says(verdict(moved(np.array([1.0, 0, 0]), last), last=last), "allow")
    says(
        verdict(moved(np.array([1.5, 0, 0]), last), last=last),
        "deny",
        "candidate 1",
        "4.5",
        "limits.range is 4",
    )
    says(verdict(moved(np.zeros(3), last)), "deny", "3 scale units", "limits.step is 2")


def test_a_centre_cannot_run_ahead_of_its_candidates() -> None:
    action = TryControls(SPACE.start + 2.5 * SCALE, SPACE.start[None, :])
    says(verdict(action), "deny", "the centre", "2.5", "limits.step is 2")


@pytest.mark.parametrize("name", ["cycles", "shots", "spend"])
def test_the_last_of_a_budget_may_be_used_but_no_more(name: str) -> None:
    limit = getattr(LIMITS, name)
    exact = Used(price=replace(Price(), **{name: limit - getattr(PRICE, name)}))
    over = Used(price=replace(Price(), **{name: limit - getattr(PRICE, name) + 1}))
    says(verdict(moved(np.zeros(3)), used=exact), "allow")
    says(
        verdict(moved(np.zeros(3)), used=over),
        "deny",
        name,
        f"limits.{name} is {limit:,g}, of which {getattr(over.price, name):g} is used",
        f"{getattr(PRICE, name):g} more",
        "raise",
    )


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (Used(wall=60.0), ["limits.seconds is 60, of which 60 is used"]),
        (Used(disk=5001), ["limits.disk is 5,000, of which 5,001 is used"]),
        (Used(wall=math.nan), ["nan", "limits.seconds is 60"]),
    ],
)
def test_wall_time_and_disk_end_a_run(used: Used, words: list[str]) -> None:
    says(verdict(moved(np.zeros(3)), used=used), "deny", *words)
    says(verdict(moved(np.zeros(3)), used=Used(wall=59.9, disk=4999)), "allow")


@pytest.mark.parametrize("price", [Price(cycles=-1), Price(spend=math.nan), Price(seconds=math.inf), Price(shots=-5)])
def test_a_price_that_is_none_is_denied(price: Price) -> None:
    says(verdict(moved(np.zeros(3)), price=price), "deny", "price", "finite")


def test_a_step_above_ask_is_held_back_and_a_limit_comes_first() -> None:
    charter = CHARTER.model_copy(update={"ask": Ask(step=1.0)})
    says(verdict(moved(np.array([1.0, 0, 0])), charter=charter), "allow")
    says(verdict(moved(np.array([1.5, 0, 0])), charter=charter), "ask", "1.5", "ask.step is 1", "human")
    says(verdict(moved(np.array([2.5, 0, 0])), charter=charter), "deny", "limits.step is 2")


def test_a_kind_that_needs_a_human_is_held_back() -> None:
    charter = CHARTER.model_copy(update={"ask": Ask(kinds=("TryControls",))})
    says(verdict(moved(np.zeros(3)), charter=charter), "ask", "TryControls", "human")


@dataclass(frozen=True)
class Unbounded(Action):
    """An action that the judge knows nothing about."""

    @property
    def summary(self) -> str:
        return "do anything"


def test_a_circuit_is_bounded_by_its_price_alone() -> None:
    """It moves no knob, so that neither range nor step speaks of it, wherever the last centre was."""
    action = RunCircuit("OPENQASM 3.0;", 20)
    says(verdict(action, last=SPACE.start + 100 * SCALE), "allow")
    says(verdict(action, used=Used(Price(shots=81))), "deny", "limits.shots is 100, of which 81 is used", "20 more")
    says(verdict(action, price=replace(PRICE, spend=10.5)), "deny", "limits.spend is 10")
    held = CHARTER.model_copy(update={"ask": Ask(kinds=("RunCircuit",))})
    says(verdict(action, charter=held), "ask", "RunCircuit")
    says(verdict(moved(np.zeros(3)), charter=held), "allow")


def test_an_action_that_cannot_be_bounded_is_denied() -> None:
    says(verdict(Unbounded()), "deny", "Unbounded", "TryControls")


BROKEN = {
    "NaN": (moved(np.array([math.nan, 0, 0])), "nan"),
    "outside the safe range": (moved(np.array([0, 0, 90.0])), "-50 to 50"),
    "a centre of another shape": (TryControls(np.zeros(2), np.zeros((1, 3))), "(2,)"),
    "candidates of another shape": (TryControls(SPACE.start, np.zeros((4, 5))), "(5,)"),
    "no candidates": (TryControls(SPACE.start, np.zeros((0, 3))), "(0, 3)"),
    "one candidate without its axis": (TryControls(SPACE.start, SPACE.start), "(3,)"),
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_explorer_is_an_error_after_its_denial_is_written(case: str, ledger: Ledger) -> None:
    action, word = BROKEN[case]
    governor = Governor(CHARTER, ledger, SPACE)
    with pytest.raises(BadInput) as caught:
        governor.decide(action, PRICE, Used(), SPACE.start, {"previous_outcome": None})
    assert word in str(caught.value)
    (entry,) = ledger.entries()
    content = json.loads(entry.content)
    assert content["verdict"] == "deny"
    assert content["reason"] == str(caught.value)


def test_one_entry_an_action_and_the_permit_points_at_it(ledger: Ledger) -> None:
    governor = Governor(CHARTER, ledger, SPACE)
    asked = [moved(np.array([0.5, 0, 0])), moved(np.array([9.0, 0, 0])), moved(np.array([0, 0.5, 0]))]
    answers = [
        governor.decide(action, PRICE, Used(), SPACE.start, {"previous_outcome": before, "turn": turn})
        for turn, (action, before) in enumerate(zip(asked, [None, "ab" * 32, "cd" * 32], strict=True))
    ]
    entries = list(ledger.entries())
    assert len(entries) == 3
    for turn, (action, answer, entry) in enumerate(zip(asked, answers, entries, strict=True)):
        content = json.loads(entry.content)
        assert content["action"] == identity(action)
        assert content["summary"] == action.summary
        assert content["price"] == {"cycles": 200, "shots": 20, "seconds": 0.1, "spend": 1.0}
        assert content["turn"] == turn
        if isinstance(answer, Permit):
            assert content["verdict"] == "allow"
            assert answer == Permit(identity(action), PRICE, entry.number, entry.digest)
        else:
            assert answer == Denial("deny", content["reason"])
    assert [type(answer) for answer in answers] == [Permit, Denial, Permit]
    assert [json.loads(entry.content)["previous_outcome"] for entry in entries] == [
        None,
        "ab" * 32,
        "cd" * 32,
    ]


def test_what_the_loop_adds_cannot_cover_the_verdict(ledger: Ledger) -> None:
    governor = Governor(CHARTER, ledger, SPACE)
    about = {"previous_outcome": None, "verdict": "allow", "price": 0}
    answer = governor.decide(moved(np.full(3, 9.0)), PRICE, Used(), SPACE.start, about)
    assert isinstance(answer, Denial)
    assert json.loads(next(ledger.entries()).content)["verdict"] == "deny"


def test_a_price_without_a_number_is_written_down_and_denied(ledger: Ledger) -> None:
    governor = Governor(CHARTER, ledger, SPACE)
    answer = governor.decide(moved(np.zeros(3)), Price(spend=math.nan), Used(), SPACE.start, {"previous_outcome": None})
    assert isinstance(answer, Denial)
    assert json.loads(next(ledger.entries()).content)["price"]["spend"] == "nan"


def test_no_permit_where_the_ledger_cannot_hold_the_entry(ledger: Ledger) -> None:
    ledger.append("begin", {})
    (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    governor = Governor(CHARTER, ledger, SPACE)
    about = {"previous_outcome": None, "padding": "x" * 50_000}  # more than the pages that there are
    with pytest.raises(BadInput, match=r"disk is full.*nothing was permitted.*make room"):
        governor.decide(moved(np.zeros(3)), PRICE, Used(), SPACE.start, about)
    assert ledger.head.count == 1
    assert ledger.verify(ledger.head) == []


def test_the_share_used_of_every_limit() -> None:
    used = Used(price=Price(cycles=250, shots=50, seconds=9.0, spend=0.0), wall=15.0, disk=500)
    assert shares(CHARTER, used) == {"cycles": 0.25, "shots": 0.5, "seconds": 0.25, "disk": 0.1, "spend": 0.0}
    assert shares(FIRST_RUN, Used())["spend"] == 0.0
    assert shares(FIRST_RUN, Used(price=Price(spend=0.01)))["spend"] == 1.0


def test_only_the_governor_makes_permits() -> None:
    root = Path(counterpoint.__file__).parent
    makers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "Permit" in (getattr(node.func, "id", None), getattr(node.func, "attr", None))
    }
    assert makers == {"govern/permits.py"}
