"""The import contract: it holds, and it catches what it is there to catch."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "counterpoint"
PLANTED = {
    "base imports machine": ("base.py", "from counterpoint.machine import MACHINES"),
    "decoders import explore, a sibling": ("decoders/__init__.py", "from counterpoint.explore import EXPLORERS"),
    "explore opens a database": ("explore/gradient.py", "import sqlite3"),
    "a stray module at the top": ("utils.py", "X = 1"),
    "a cycle among the modules of a folder": ("explore/centre.py", "import counterpoint.explore.gradient"),
}


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the package in `folder`/src."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "src" / "counterpoint", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_contract_holds(copy: Path) -> None:
    done = contracts(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_caught(fault: str, copy: Path) -> None:
    name, line = PLANTED[fault]
    file = copy / "src" / "counterpoint" / name
    text = file.read_text() if file.exists() else ""
    file.write_text(f"{text}\n{line}\n")
    done = contracts(copy)
    assert done.returncode != 0, f"not caught: {fault}"
    assert "BROKEN" in done.stdout


def test_the_vocabulary_stays_small() -> None:
    assert len((SOURCE / "base.py").read_text().splitlines()) < 250


def test_no_file_and_no_function_grows_too_long() -> None:
    for file in SOURCE.rglob("*.py"):
        text = file.read_text()
        assert len(text.splitlines()) <= 500, f"{file.name} is too long: split it by noun"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 80, f"{file.name}: {node.name} is too long"
