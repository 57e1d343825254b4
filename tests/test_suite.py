"""The drift suite: its rows are values, blind drifts are drawn, interrupted suites go on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoint.cli import bench
from counterpoint.cli.main import app
from counterpoint.explore import EXPLORERS
from counterpoint.identity import identity
from counterpoint.loop.contour import draw_merits
from counterpoint.loop.merits import break_even, mean_merit, verdicts
from counterpoint.loop.suite import (
    AGENT,
    BLIND,
    HEADLINE_SEEDS,
    HEADLINES,
    NAMED,
    PERIODS,
    QUICK,
    Row,
    Scored,
    blind,
    plain,
    play,
    rows,
)
from counterpoint.machine.drift import parse

TINY = {"epochs": 4, "candidates": 4, "cycles": 500}


@pytest.mark.parametrize("name", [*NAMED, *BLIND])
def test_every_drift_can_be_read_and_moves(name: str) -> None:
    drift = parse(Row(name, "gradient", 3).settings.drift)
    state = drift.begin((0,), 5)
    moved = [abs(drift.offset(drift.at(state, tick))).max() for tick in (0, 45, 200)]
    assert max(moved) > 0


def test_blind_drifts_are_drawn_from_the_seed() -> None:
    assert blind((1,), "blind 1") == blind((1,), "blind 1")
    assert len({blind((seed,), name) for seed in range(20) for name in BLIND}) == 60


def test_a_row_is_a_function_of_its_values() -> None:
    one, two = (play(Row("step", "gradient", 1, **TINY)) for _ in range(2))
    assert (one.events, one.merit, one.spec) == (two.events, two.merit, two.spec)
    assert play(Row("step", "gradient", 2, **TINY)).events != one.events


def test_no_row_stands_twice() -> None:
    for quick in (True, False):
        asked = rows(["gradient", "spsa"], quick=quick, seed=0)
        assert len({identity(row) for row in asked}) == len(asked)
    assert {row.drift for row in rows(["spsa"], quick=False, seed=0)} == {*NAMED, *BLIND}
    assert set(QUICK) < {*NAMED, *BLIND}
    every = rows([], quick=False, seed=0)
    assert len({identity(row) for row in every}) == len(every)
    assert {row.explorer for row in every} == EXPLORERS.keys() - {"fixed", "oracle"}
    for drift in HEADLINES:
        assert sum(row.drift == drift and row.explorer == AGENT and row.place[1:] == ("published", 3, 1)
                   for row in every) == HEADLINE_SEEDS  # fmt: skip


def test_a_file_that_changed_is_another_row(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from counterpoint.explore.perturb import Spsa as Mine\n")
    name = f"{file}:Mine"
    before = rows([name], quick=True, seed=0)[0]
    file.write_text(file.read_text() + "# changed\n")
    after = rows([name], quick=True, seed=0)[0]
    assert identity(before) != identity(after)
    assert play(replace(after, **TINY)).events["steered"] > 0


def on_sines(merits: dict[int, float], seed: int) -> list[Scored]:
    drifts = {p: f"sine 1/{p}, independent" for p in PERIODS}
    return [replace(scored(m), row=Row(drifts[p], AGENT, seed)) for p, m in merits.items()]


def test_the_break_even_is_where_the_mean_merit_falls_through_0() -> None:
    merits = dict(zip(PERIODS, (0.9, 0.8, 0.7, 0.6, 0.5, 0.25, -0.25), strict=True))
    results = [s for seed in range(3) for s in on_sines(merits, seed)]
    found = break_even(results, "independent")
    assert found is not None
    assert found.value == found.low == found.high == pytest.approx(150**-0.5)  # midway in log f from 1/15 to 1/10
    assert break_even(results, "common") is None
    above = break_even(on_sines(dict.fromkeys(PERIODS, 0.5), 0), "independent")
    assert above is not None
    assert above.value == math.inf
    said = {v.hypothesis: v.status for v in verdicts(results)}
    assert said[f"break-even of {AGENT}, independent phases"] == "holds"
    assert said[f"merit of {AGENT} on sine 1/75, independent"] == "does not hold"


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    merits = dict(zip(PERIODS, (0.9, 0.8, 0.7, 0.6, 0.5, 0.25, -2.0), strict=True))
    path = tmp_path / "merits.svg"
    draw_merits([*on_sines(merits, 0), *on_sines(merits, 1), scored(0.4)], path)
    assert "independent phases" in path.read_text()


def scored(merit: float | None) -> Scored:
    return Scored(Row("step", "gradient", 0), "step:at=50", merit, {}, 0.1, "")


def test_the_mean_has_students_interval() -> None:
    found = mean_merit([scored(m) for m in (0.1, 0.2, 0.3)])
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.high - found.value == pytest.approx(4.302652729911275 * 0.1 / math.sqrt(3))
    assert mean_merit([scored(None)]) is None
    single = mean_merit([scored(0.5)])
    assert single is not None
    assert math.isnan(single.low)


def test_an_interrupted_suite_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are kept are not run again, a line cut off by a kill is, and both print the same."""
    asked = [Row("step", "gradient", seed, **TINY) for seed in range(3)]
    monkeypatch.setattr(bench, "rows", lambda names, quick, seed: asked)
    words = ["bench", "drift", "--explorer", "gradient", "--workers", "1", "--store", str(tmp_path), "--json"]
    first = json.loads(CliRunner().invoke(app, words).stdout.splitlines()[-1])
    kept = tmp_path / bench.FILE
    lines = kept.read_text().splitlines()
    assert len(lines) == 3
    kept.write_text("\n".join([*lines[:2], lines[2][:40]]) + "\n")
    played: list[Row] = []

    def watched(todo: list[Row], workers: int) -> list[Scored]:
        played.extend(todo)
        return [play(row) for row in todo]

    monkeypatch.setattr(bench, "play_all", watched)
    again = json.loads(CliRunner().invoke(app, words).stdout.splitlines()[-1])
    assert played == asked[2:]
    wall = {"seconds", "ledger"}  # the ledger holds the time of day

    def facts(result: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
        return [{k: v for k, v in row.items() if k not in wall} for row in result["rows"]]

    assert facts(again) == facts(first)
    assert bench.stored(kept).keys() == {identity(row) for row in asked}
    assert plain(bench.stored(kept)[identity(asked[0])])["drift"] == "step"


def test_an_unknown_explorer(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "drift", "--explorer", "sgd", "--store", str(tmp_path)])
    assert "explorer 'sgd' is not known" in str(done.exception)
