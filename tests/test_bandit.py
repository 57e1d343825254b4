"""The bandit as a workload and as a verb: true charges, a win that is there, one that is not claimed, bad input."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from chances import FALSE_ALARM
from scipy.special import stdtrit
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.bandit_view import regimes
from counterpoint.cli.main import app
from counterpoint.loop.audit import audit
from counterpoint.store.verdicts import verdicts
from counterpoint.workloads.bandit.arms import Amplified, Arms, Given, Near
from counterpoint.workloads.bandit.published import Undercharged
from counterpoint.workloads.bandit.task import MOST, Alike, Bandit, Quantum, play
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import Budget


def invoke(*words: str):
    return CliRunner().invoke(app, ["bandit", *words])


def test_every_side_uses_the_whole_horizon_and_no_more() -> None:
    workload = Bandit.of(Near(3, 0.1), 3000)
    arms = workload.instance((1,))
    for settings in workload.solvers().values():
        for solve in settings:
            score, bill = solve(arms, Budget(3000, "calls"), (2,))
            assert bill.calls == 3000
            assert -3000 * arms.gaps.max() <= score <= 0
            if isinstance(solve, Quantum):
                assert bill.shots < bill.calls


def test_instances_are_as_stated() -> None:
    for i in range(20):
        arms = Near(4, 0.01).draw((i,))
        assert np.sort(arms.gaps) == pytest.approx([0, 0.01, 0.01, 0.01])
    given = Given((0.1, 0.5, 0.9))
    assert sorted(given.draw((1,)).chances) == [0.1, 0.5, 0.9]
    assert given.spread == pytest.approx(0.4)
    assert Near(4, 0.01).spread == pytest.approx(0.0075)
    assert Alike()(given.draw((1,)), Budget(100, "calls"), (1,))[0] == pytest.approx(-40)


def test_where_gaps_are_small_the_quantum_side_loses_less() -> None:
    """Two arms, a gap of 0.003, a million uses, 12 instances: less than using both alike by more than the margin."""
    workload = Bandit.of(Near(2, 0.003), 1_000_000)
    quantum = workload.solvers()["quantum"][2]
    lost = -np.array([quantum(workload.instance((i,)), Budget(1e6, "calls"), (3, i))[0] for i in range(12)])
    error = lost.std(ddof=1) / np.sqrt(lost.size)
    alike = 1_000_000 * workload.source.spread
    assert lost.mean() + stdtrit(lost.size - 1, 1 - FALSE_ALARM) * error < alike - workload.margin


def test_where_gaps_are_large_no_win_is_claimed() -> None:
    found = weigh(Bandit.of(Near(2, 0.4), 300), Budget(300, "calls"), instances=20, key=(5,))
    assert not found.void
    assert found.verdict.status != "holds"


def test_the_published_booking_charges_less_than_is_used() -> None:
    arms = Arms(np.array([0.5, 0.6]))
    explorer = Bandit.of(Near(2, 0.1), 2000).solvers()["quantum"][0].explorer  # type: ignore[attr-defined]
    answers = (oracle(arms, np.random.default_rng(1)) for oracle in (Undercharged, Amplified))
    games = [play(explorer, answer, 2, 2000, (1,)) for answer in answers]
    assert games[0].stages > games[1].stages
    assert [game.uses.sum() for game in games] == [2000, 2000]


def test_the_same_key_gives_the_same_game() -> None:
    arms = Arms(np.array([0.5, 0.6]))
    workload = Bandit.of(Near(2, 0.1), 2000)
    for settings in workload.solvers().values():
        one, two = (settings[0](arms, Budget(2000, "calls"), (4,))[0] for _ in range(2))
        assert one == two


def test_the_regimes_are_told_apart() -> None:
    source = Near(2, 0.003)
    told = {error: Bandit.of(source, 1000, error) for error in (0.0, 1e-4, 1e-2, 0.5)}
    assert [one.regime for one in told.values()] == ["free", "free", "depth-limited", "none"]
    assert "1/e uses" in regimes(told[0.0])
    assert "as much as 18.4 samples" in regimes(told[1e-2])
    assert "no more than samples do" in regimes(told[0.5])


def test_the_verb_prints_and_keeps_its_verdict(tmp_path: Path) -> None:
    words = ("--gap", "0.4", "--horizon", "210", "--instances", "20", "--seed", "3")
    done = invoke(*words, "--store", str(tmp_path))
    assert done.exit_code == 0, done.output
    for word in ("quantum", "kl-ucb", "thompson", "gp-ucb", "nothing", "margin 2.1", "Hypothesis", "Break-even"):
        assert word in done.output
    assert max(len(row) for row in done.stdout.split("\n\n")[1].splitlines()) <= 120
    (kept,) = verdicts(tmp_path)
    assert kept.told.command == f"counterpoint bandit {shlex.join(words)}"
    assert "sharpness" in repr(kept.told.sides["quantum"])
    assert "the gap here, 0.4, is 1 / 2.5" in kept.told.break_even
    shown = CliRunner().invoke(app, ["verdict", "--store", str(tmp_path)]).output
    assert kept.told.hypothesis.split(",")[0] in shown
    assert kept.told.status in shown
    assert not audit(tmp_path).faults


def test_arms_from_a_file_and_json(tmp_path: Path) -> None:
    file = tmp_path / "arms.txt"
    file.write_text("# three arms\n0.3, 0.5\n0.7 # the best\n")
    words = ("--horizon", "315", "--instances", "20", "--error", "0.01", "--json", "--store", str(tmp_path))
    done = invoke(str(file), *words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["arms"] == 3
    assert found["sides"]["quantum"]["bill"]["calls"] == 10 * 315
    assert set(found["sides"]) == {"quantum", "gp-ucb", "kl-ucb", "moss", "thompson", "nothing"}
    assert "--error 0.01" in verdicts(tmp_path)[0].told.command
    assert found["break_even"] == verdicts(tmp_path)[0].told.break_even


def test_no_win_is_claimed_where_nothing_can_be_learnt() -> None:
    """A gap of 1e-9 in 210 uses: what any side saves is luck, and none of it is significant."""
    found = weigh(Bandit.of(Near(2, 1e-9), 210), Budget(210, "calls"), instances=20, key=(0,))
    assert found.verdict.status == "not shown"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("0.5 1.2", (), "arm 2 has the probability 1.2: give a number from 0 to 1"),
        ("0.5 nan", (), "arm 2 has the probability nan"),
        ("0.5", (), "the number of arms is 1, and nothing can be chosen: give at least 2"),
        ("", (), "the number of arms is 0, and nothing can be chosen: give at least 2"),
        ("0.5 0.5 0.5", (), "all 3 arms have the probability 0.5, and there is nothing to find"),
        ("0.5 # x\n0.6 x", (), "line 2 of"),
        ("0.5 x", (), "has 'x', which is no number"),
        ("0.5 0.6", ("--gap", "0.1"), "--arms or --gap as well"),
        (None, ("--arms", "1"), "the number of arms is 1, and"),
        (None, ("--gap", "nan"), "a gap of nan was given"),
        (None, ("--gap", "0"), "a gap of 0 was given"),
        (None, ("--horizon", "100"), "a horizon of 100 uses was given, and the first estimates of 2 arms take 210"),
        (None, ("--arms", "100000"), "give at most 95,238 arms"),
        (None, ("--horizon", str(10 * MOST)), "at most 10,000,000"),
        (None, ("--error", "nan"), "an error of nan a use was given"),
        (None, ("--error", "-1"), "an error of -1 a use was given"),
        (None, ("--instances", "3"), "3 instances cannot carry a verdict"),
    ],
)
def test_what_cannot_be_played(text: str | None, words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    file = tmp_path / "arms.txt"
    if text is not None:
        file.write_text(text)
    done = invoke(*([] if text is None else [str(file)]), *words, "--store", str(tmp_path))
    assert isinstance(done.exception, BadInput)
    assert said in str(done.exception)


@pytest.mark.parametrize("words", [("--gap", "0.1"), ("--horizon", "1e4"), ("--error", "0"), ("--arms", "3")])
def test_the_published_experiment_has_its_own_settings(words: tuple[str, str]) -> None:
    assert f"{words[0]} {float(words[1]):g} was given and the published experiment" in str(
        invoke("published", *words).exception
    )


def test_a_file_that_is_not_there() -> None:
    assert "cannot be read as text" in str(invoke("no-such-file").exception)
