"""The README's Python runs as it stands there, and its parts are real parts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = Path(sys.executable).parent / "counterpoint"
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
FILES = {m[1]: block for block in BLOCKS if (m := re.match(r"# (\w+\.py)\n", block))}


def run(*words: str | Path, folder: Path) -> str:
    done = subprocess.run([*map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ten_lines_do_what_the_command_does(tmp_path: Path) -> None:
    (main,) = [b for b in BLOCKS if b not in FILES.values()]
    (tmp_path / "main.py").write_text(main)
    shown = run(sys.executable, "main.py", folder=tmp_path)
    assert shown.count("failures") == 5
    assert re.search(r"ledger +\d+ entries, verified", shown)


@pytest.mark.parametrize("name", FILES)
def test_each_file_runs(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    run(sys.executable, name, folder=tmp_path)


def test_the_page_on_machines_runs_and_coins_are_no_quantum_machine(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "machines.md").read_text(), re.S)
    pool, (name, own) = blocks[0], ("my_machine.py", blocks[1])
    (tmp_path / "pool.py").write_text(pool)
    (tmp_path / name).write_text(own)
    shown = run(sys.executable, "pool.py", folder=tmp_path)
    assert sorted(line.split()[0] for line in shown.splitlines()) == [*"01234567"]
    told = run(PROGRAM, "check", f"{name}:coins", "--shots", "256", folder=tmp_path)
    assert "my_machine.py:coins does not hold" in told


def test_the_readme_shows_all_three_parts() -> None:
    assert set(FILES) == {"my_decoder.py", "my_explorer.py", "my_workload.py"}


def test_the_decoder_runs_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "my_decoder.py").write_text(FILES["my_decoder.py"])
    circuit = tmp_path / "c.stim"
    circuit.write_text("X_ERROR(0.1) 0 1\nM 0 1\nDETECTOR(0, 0) rec[-1] rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]\n")
    words = f"decode {circuit} --shots 100 --decoder vacuous --decoder my_decoder.py:Guess --json"
    assert '"decoder": "my_decoder.py:Guess"' in run(PROGRAM, *words.split(), folder=tmp_path)


def test_the_explorer_steers(tmp_path: Path) -> None:
    (tmp_path / "my_explorer.py").write_text(FILES["my_explorer.py"])
    words = "steer --explorer my_explorer.py:Nudge --epochs 3 --candidates 4 --cycles 500 --json"
    assert '"explorer": "my_explorer.py:Nudge"' in run(PROGRAM, *words.split(), folder=tmp_path)


def test_fair_coins_claim_nothing(tmp_path: Path) -> None:
    (tmp_path / "my_workload.py").write_text(FILES["my_workload.py"])
    status, low, high = run(sys.executable, "my_workload.py", folder=tmp_path).rsplit(maxsplit=2)
    assert status == "not shown"
    assert float(low) < 0 < float(high)
