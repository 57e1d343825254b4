"""The command line as a person meets it: verbs, sentences, exit codes, and kill -9."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.govern.charter import FIRST_RUN
from counterpoint.identity import identity
from counterpoint.store.database import Store
from counterpoint.store.turns import Turn

ROOT = Path(__file__).parent.parent
PROGRAM = [str(Path(sys.executable).parent / "counterpoint")]
RUN = ["run", "--machine", "published", "--distance", "3", "--seed", "5", "--json"]


def program(*words: str, folder: Path, check: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed program in `folder`; its exit code must be `check`."""
    done = subprocess.run([*PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == check, f"exit {done.returncode}: {done.stderr}"
    return done


def turns(folder: Path) -> list[Turn]:
    with Store.open(folder, read_only=True) as store:
        last = store.latest()
        return [] if last is None else list(store.turns(last.id))


def content(folder: Path) -> list[str]:
    """Everything in the turns but how long the computer took."""
    return [identity(replace(t, stages={})) for t in turns(folder)]


def test_a_run_ends_with_a_verified_ledger_and_a_report(tmp_path: Path) -> None:
    done = program(*RUN, "--turns", "6", "--store", "s", folder=tmp_path)
    figures = json.loads(done.stdout)
    assert figures["turns"] == 6
    assert figures["ending"] == "complete"
    assert figures["ledger"]["verified"]
    for player in figures["players"].values():
        low, high = player["quops_interval"]
        assert low <= player["quops"] <= high
    page = (tmp_path / figures["report"]).read_text()
    assert page.count("<svg") == 1
    assert "counterpoint ledger verify" in page
    assert "<script" not in page
    program("ledger", "verify", "--store", "s", folder=tmp_path)


def test_kill_at_any_moment_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    """SIGKILL again and again; each time the ledger verifies, and the end is that of an unbroken run."""
    more = ["--turns", "40"]
    program(*RUN, *more, "--store", "whole", folder=tmp_path)
    wanted = content(tmp_path / "whole")
    folder, seen = tmp_path / "broken", 0
    for kills, delay in enumerate((0.15, 0.02, 0.31, 0.11, 0.23, 0.07)):
        before = len(turns(folder)) if kills else 0
        words = [*PROGRAM, *RUN, *more, "--store", str(folder), *(["--resume"] if kills else [])]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not _moved(folder, before):
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        program("ledger", "verify", "--store", str(folder), folder=tmp_path)
        stored = content(folder)
        assert stored == wanted[: len(stored)], "what is stored is what an unbroken run stores"
        assert len(stored) >= seen
        seen = len(stored)
    assert seen < 40, "the kills came too late to test anything: lengthen the run"
    program(*RUN, "--resume", "--store", str(folder), folder=tmp_path)
    assert content(folder) == wanted
    program("ledger", "verify", "--store", str(folder), folder=tmp_path)


def _moved(folder: Path, before: int) -> bool:
    """Has the run stored a turn more than `before`?"""
    try:
        return len(turns(folder)) > before
    except BadInput:
        return False


@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_the_run_in_order(polite: signal.Signals, tmp_path: Path) -> None:
    words = [*PROGRAM, *RUN, "--turns", "100000", "--store", "s"]
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not _moved(tmp_path / "s", 0) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(polite)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "--resume" in err
    figures = json.loads(out)
    assert figures["ending"] == "interrupted"
    assert figures["ledger"]["verified"]


def test_steer_keeps_its_contract(tmp_path: Path) -> None:
    words = "steer --chip published --distance 3 --controls-per-gate 2 --explorer spsa --drift sine:f=0.05"
    more = "--epochs 5 --candidates 6 --cycles 500 --seed 2 --json"
    result = json.loads(program(*words.split(), *more.split(), folder=tmp_path).stdout)
    assert list(result) == [
        "explorer", "distance", "controls", "epochs", "merit", "events", "seconds_per_epoch", "trace",
    ]  # fmt: skip
    assert result["explorer"] == "spsa"
    assert result["controls"] == 82
    assert result["epochs"] == len(result["trace"]) == 5
    assert set(result["events"]) == {"fixed", "explorer", "oracle"}


BAD = {
    "unknown verb part": (["steer", "--explorer", "gradeint"], "'gradeint' is not known: take one of bayes, cma"),
    "missing file": (["steer", "--explorer", "mine.py:A"], "mine.py, which does not exist"),
    "even distance": (["steer", "--distance", "4", "--epochs", "1"], "4"),
    "misspelt drift": (["steer", "--drift", "sin:f=1"], "sin"),
    "misspelt key in drift": (["steer", "--drift", "sine:freq=1"], "freq"),
    "no turns": (["run", "--turns", "0"], "turns is 0 and must be at least 1"),
    "nothing to resume": (["run", "--resume"], "there is no store"),
    "markup in a name": (["steer", "--explorer", "[/x]"], "'[/x]' is not known"),
    "one candidate": (["steer", "--candidates", "1"], "candidates is 1 and must be at least 2"),
    "missing charter": (["run", "lab.toml"], "lab.toml does not exist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_exit_code_2(case: str, tmp_path: Path) -> None:
    words, sentence = BAD[case]
    done = program(*words, folder=tmp_path, check=2)
    assert sentence in done.stderr.replace("\n", " ")
    assert len([line for line in done.stderr.splitlines() if line.startswith("counterpoint:")]) == 1
    assert "Traceback" not in done.stderr


def test_a_misspelt_charter_key(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(FIRST_RUN.to_toml().replace("cycles", "cylces"))
    done = program("run", "lab.toml", folder=tmp_path, check=2)
    assert "cylces" in done.stderr
    assert "limits.cycles" in done.stderr


def test_two_runs_on_one_store(tmp_path: Path) -> None:
    words = [*PROGRAM, *RUN, "--turns", "100000", "--store", "s"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _moved(tmp_path / "s", 0) and time.monotonic() < deadline:
            time.sleep(0.02)
        done = program(*RUN, "--store", "s", folder=tmp_path, check=2)
        assert "counterpoint:" in done.stderr
    finally:
        process.kill()
        process.wait()


def test_an_explorer_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from counterpoint.base import Explorer, TryControls\n"
        "@dataclass(frozen=True)\n"
        "class Still(Explorer):\n"
        "    def init(self, space, key):\n        return space\n"
        "    def ask(self, key, state, seen):\n        return TryControls(state.start, state.start[None])\n"
        "    def tell(self, state, action, outcome):\n        return state\n"
    )
    words = "steer --explorer mine.py:Still --drift step:at=0 --epochs 2 --cycles 500 --json"
    result = json.loads(program(*words.split(), folder=tmp_path).stdout)
    events = result["events"]  # the bound is an exact mean: equal within 5 sigma, a variance of 8 an event
    assert abs(events["explorer"] - events["fixed"]) < 5 * (8 * events["fixed"]) ** 0.5


def test_resuming_with_other_settings_is_refused(tmp_path: Path) -> None:
    program(*RUN, "--turns", "2", "--store", "s", folder=tmp_path)
    done = program("run", "--resume", "--seed", "6", "--store", "s", folder=tmp_path, check=2)
    assert "the run has seed 5 and --seed is 6" in done.stderr
    more = program(*RUN, "--resume", "--turns", "3", "--store", "s", folder=tmp_path)
    assert json.loads(more.stdout)["turns"] == 3


OWN = {
    "import numpyy": "ModuleNotFoundError",
    "def Mine(:": "SyntaxError",
    "Mine = 3": "is a int, and a Explorer is needed",
    "class Mine:\n    def __init__(self, x): ...": "TypeError",
    "from counterpoint.base import Explorer as Mine": "TypeError: Can't instantiate abstract class",
    "x = 1": "defines no 'Mine'",
}


@pytest.mark.parametrize("text", OWN)
def test_a_part_of_ones_own_that_fails_gets_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(text)  # the worst of names: it must not stand in for NumPy
    done = program("steer", "--explorer", "numpy.py:Mine", folder=tmp_path, check=2)
    assert OWN[text] in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_every_verb_and_option_is_documented() -> None:
    """Each has a sentence of help, and stands in the reference."""
    reference = (ROOT / "docs" / "reference.md").read_text()
    for words, command in _verbs(typer.main.get_command(app), []):
        assert command.help, f"{words} has no help"
        assert f"counterpoint {' '.join(words)}".strip() in reference
        for option in command.params:
            assert getattr(option, "help", None), f"{words}: {option.name} has no help"
            for name in option.opts:
                assert name.lstrip("-") in reference, f"{words} {name} is not in docs/reference.md: run make docs"


def _verbs(command: typer.core.TyperCommand | typer.core.TyperGroup, words: list[str]):
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
        return
    for name, child in children.items():
        yield from _verbs(child, [*words, name])


def test_help_fits_and_names_every_verb() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for verb in ("run", "steer", "decode", "ledger"):
        assert re.search(rf"\b{verb}\b", shown)
