"""The leaderboard: frozen shots are the same for everybody, rows are kept and add up, and nothing foreign gets in."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import sample, write_sycamore
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.decoders import DECODERS
from counterpoint.loop.board import ROWS, at_the_top, rows, standing
from counterpoint.loop.compare import decode_recording
from counterpoint.loop.frozen import MANIFEST, manifest, thaw
from counterpoint.quops.estimate import binomial_interval
from counterpoint.quops.paired import mcnemar

PROGRAM = Path(sys.executable).parent / "counterpoint"


def run(*arguments: object) -> str:
    words = ["leaderboard", *(str(argument) for argument in arguments)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("circuit") / "d=3,r=3.stim"
    sample(noise=0.01).circuit.to_file(path)
    return path


@pytest.fixture(scope="module")
def made(circuit: Path) -> Path:
    """A board of 2,000 shots with two decoders."""
    folder = circuit.parent / "made"
    run(circuit, "--shots", "2e3", "--seed", 3, "--store", folder, "--decoder", "matching", "--decoder", "correlated")
    return folder


@pytest.fixture
def board(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "board")


def lines(board: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (board / ROWS).read_text().splitlines()]


def test_every_hash_is_that_of_a_file_and_a_row_is_what_decoding_gives(circuit: Path, board: Path) -> None:
    (frozen,) = manifest(board)
    assert (frozen.name, frozen.shots, frozen.seed, frozen.distance) == ("d=3,r=3", 2000, 3, 3)
    assert frozen.circuit == sha256(circuit.read_bytes()).hexdigest()
    for name, digest in frozen.files.items():
        assert sha256((board / "shots" / frozen.key / name).read_bytes()).hexdigest() == digest
    recording = thaw(board, frozen)
    kept = rows(board, [frozen])
    assert [row.decoder for row in kept] == ["vacuous", "matching", "correlated"]
    decoded = decode_recording(recording, {row.decoder: DECODERS[row.decoder] for row in kept})
    stood = standing(frozen, kept, board)
    for row in kept:
        wrong = decoded.wrong[row.decoder]
        assert row.failures == decoded.failed[row.decoder].sum()
        assert row.answers == sha256((wrong ^ recording.flips).tobytes()).hexdigest()
        assert row.settings == repr(DECODERS[row.decoder])
        assert row.versions["stim"] == frozen.stim
        np.testing.assert_array_equal(stood.wrong[row.decoder], wrong)
    np.testing.assert_array_equal(stood.flipped, recording.flips.any(axis=1))
    failures = [int(stood.failed[name].sum()) for name in stood.wrong]
    assert failures == sorted(failures)


def test_rows_that_are_there_are_kept_and_others_are_added(board: Path) -> None:
    before = (board / ROWS).read_bytes()
    found = json.loads(run("--store", board, "--decoder", "matching", "--decoder", "lookup", "--json"))
    after = (board / ROWS).read_bytes()
    assert after.startswith(before)
    assert [row["decoder"] for row in lines(board)] == ["vacuous", "matching", "correlated", "lookup"]
    assert list(found) == ["experiments", "fits", "rows", "told"]
    top = found["experiments"][0]
    for row in found["experiments"]:
        assert row["interval"] == pytest.approx(binomial_interval(row["failures"], 2000))
        pair = row["mcnemar"]
        assert pair["against"] == top["decoder"]
        assert pair["only_this"] - pair["only_other"] == row["failures"] - top["failures"]
        assert pair["p"] == mcnemar(pair["only_this"], pair["only_other"])
    assert "wrong" not in found["rows"][0]
    run("--store", board, "--decoder", "lookup")
    assert (board / ROWS).read_bytes() == after


def test_somebody_with_the_manifest_alone_makes_the_same_shots(circuit: Path, board: Path, tmp_path: Path) -> None:
    """Shots and seed are taken from the manifest; without the circuit the board is shown, and no more."""
    shutil.rmtree(board / "shots")
    assert "d=3,r=3: " in run("--store", board)
    with pytest.raises(BadInput, match=r"model_0.dem is missing: give the circuit or folder of d=3,r=3 as PATH"):
        run("--store", board, "--decoder", "lookup")
    run(circuit, "--store", board, "--decoder", "lookup")
    assert lines(board)[-1]["decoder"] == "lookup"
    other = tmp_path / "other"
    run(circuit, "--shots", 2000, "--seed", 3, "--store", other, "--decoder", "lookup")
    assert lines(other)[-1]["answers"] == lines(board)[-1]["answers"]


def test_other_shots_are_refused_with_both_hashes(circuit: Path, board: Path, tmp_path: Path) -> None:
    (frozen,) = manifest(board)
    before = (board / MANIFEST).read_bytes(), (board / ROWS).read_bytes()
    for words, origin in [
        (["--shots", 100], r"d=3,r=3 \(100 shots of seed 3, stim"),
        (["--seed", 4], r"\(2,000 shots of seed 4, stim"),
    ]:
        with pytest.raises(BadInput, match=rf"{origin}.*holds those of .*of seed 3.* with {frozen.events[:16]}"):
            run(circuit, *words, "--store", board)
    louder = tmp_path / circuit.name
    louder.write_text(circuit.read_text().replace("0.01", "0.02"))
    with pytest.raises(BadInput, match="the detection events of"):
        run(louder, "--store", board)
    assert ((board / MANIFEST).read_bytes(), (board / ROWS).read_bytes()) == before
    file = board / "shots" / frozen.key / "obs_flips_actual.b8"
    file.write_bytes(b"\1" * 2000)
    with pytest.raises(BadInput, match=rf"has SHA-256 .* and the manifest says {frozen.flips[:16]}: it was changed"):
        run("--store", board, "--decoder", "lookup")


def test_recorded_shots_are_frozen_as_they_are(tmp_path: Path) -> None:
    folder = write_sycamore(tmp_path / "bZ_d3_r3", sample(shots=300))
    board = tmp_path / "board"
    run(folder, "--model", "pij", "--store", board, "--decoder", "matching")
    (frozen,) = manifest(board)
    assert (frozen.model, len(frozen.models), frozen.seed, frozen.circuit) == ("pij", 2, None, None)
    assert frozen.events == sha256((folder / "detection_events.b8").read_bytes()).hexdigest()
    run(folder, "--store", board)  # the model that the board is of
    with pytest.raises(BadInput, match="the error model of"):
        run(folder, "--model", "noisy", "--store", board)


def test_own_files_are_frozen_and_several_observables_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "c.stim").write_text(
        "M(0.1) 0 1\nDETECTOR rec[-1]\nDETECTOR rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]\nOBSERVABLE_INCLUDE(1) rec[-2]\n"
    )
    (tmp_path / "e.b8").write_bytes(bytes([0, 1, 2, 3]) * 50)
    own = "--circuit", tmp_path / "c.stim", "--events", tmp_path / "e.b8", "--observables", tmp_path / "e.b8"
    found = json.loads(run(*own, "--store", tmp_path / "b", "--decoder", "lookup", "--json"))
    by = {row["decoder"]: row for row in found["experiments"]}
    assert [one["failures"] for one in by["vacuous"]["observables"]] == [100, 100]
    assert [one["failures"] for one in by["lookup"]["observables"]] == [0, 0]
    (tmp_path / "e.b8").write_bytes(b"\4" * 50)  # wider shots
    with pytest.raises(BadInput, match="sets a bit beyond the 2 of shot 0"):
        run(*own, "--store", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_own_decoder_has_a_row_for_each_state_of_its_file(board: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from counterpoint.decoders.matching import Matching\nMine = Matching()\n")
    for _ in range(2):
        run("--store", board, "--decoder", f"{file}:Mine")
    assert len(lines(board)) == 4
    file.write_text("from counterpoint.decoders.matching import Matching\nMine = Matching(correlated=True)\n")
    found = json.loads(run("--store", board, "--decoder", f"{file}:Mine", "--json"))
    assert len(lines(board)) == 5
    (newest,) = (row for row in found["experiments"] if row["decoder"] == f"{file}:Mine")
    assert newest["failures"] == lines(board)[-1]["failures"]
    assert lines(board)[-1]["answers"] == next(r["answers"] for r in lines(board) if r["decoder"] == "correlated")


def test_decoder_that_cannot_take_an_experiment_costs_no_other_row(circuit: Path, tmp_path: Path) -> None:
    path = tmp_path / "wide.stim"
    path.write_text("X_ERROR(0.1) 0\nM 0\n" + "DETECTOR rec[-1]\n" * 3 + "OBSERVABLE_INCLUDE(0) rec[-1]\n")
    words = path, circuit, "--shots", 200, "--store", tmp_path / "b", "--decoder", "matching", "--decoder", "lookup"
    with pytest.raises(
        BadInput, match=r"matching on wide was not run: .* fires 3 detectors .* The other rows are kept"
    ):
        run(*words)
    kept = [(row["name"], row["decoder"]) for row in lines(tmp_path / "b")]
    small = [("d=3,r=3", decoder) for decoder in ("vacuous", "matching", "lookup")]
    assert kept == [("wide", "vacuous"), ("wide", "lookup"), *small]


def test_line_that_a_kill_cut_off_is_run_again(board: Path) -> None:
    whole = (board / ROWS).read_bytes()
    (board / ROWS).write_bytes(whole[:-50])
    run("--store", board, "--decoder", "correlated")
    assert [row["decoder"] for row in lines(board)] == ["vacuous", "matching", "correlated"]


def test_interrupt_keeps_what_is_done(circuit: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time, sinter\n"
        "class Slow(sinter.Decoder):\n"
        "    def compile_decoder_for_dem(self, *, dem):\n        time.sleep(60)\n"
    )
    words = ["leaderboard", str(circuit), "--shots", "100", "--store", "b"]
    process = subprocess.Popen(
        [PROGRAM, *words, "--decoder", "matching", "--decoder", "slow.py:Slow"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    file, deadline = tmp_path / "b" / ROWS, time.monotonic() + 30
    while time.monotonic() < deadline and (not file.exists() or file.read_bytes().count(b"\n") < 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"stopped by hand" in told
    assert [row["decoder"] for row in lines(tmp_path / "b")] == ["vacuous", "matching"]


def test_top_is_told_in_words(board: Path) -> None:
    (frozen,) = manifest(board)
    one = standing(frozen, rows(board, [frozen]), board)
    first, second, last = one.wrong
    assert last == "vacuous"
    number = np.arange(2000)[:, None]

    def told(**failures: int) -> str:
        wrong = {name: (number < count).astype(np.uint8) for name, count in failures.items()}
        return at_the_top(type(one)(**vars(one) | {"wrong": wrong, "flipped": (number >= 1000)[:, 0]}))

    assert {first, second} == {"matching", "correlated"}
    tie = "d=3,r=3: tied at the top are matching and correlated (not shown to fail more often than the first)"
    assert told(matching=100, correlated=103, vacuous=1000).startswith(tie)
    alone = told(matching=100, correlated=150, vacuous=1000)
    assert alone.startswith("d=3,r=3: matching is first alone, ")
    assert "correlated fails 50 shots more (paired p = 2e-15)" in alone
    assert told(matching=1000, vacuous=1000).startswith("d=3,r=3: void, because no decoder is shown to beat")
    assert told(matching=100, vacuous=1000).startswith("d=3,r=3: matching is alone on the board")
    assert told(vacuous=1000) == "d=3,r=3: no rows yet, name a --decoder."


def _swap(board: Path, old: str, new: str) -> None:
    path = board / ROWS
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda b: (b / MANIFEST).write_bytes(b""), "manifest.json has 0 bytes and is no manifest of a board"),
        (lambda b: (b / MANIFEST).write_text('{"shots": []}'), "holds none: it is of another board"),
        (lambda b: _swap(b, manifest(b)[0].key, "0" * 16), f"row 1 of .*{ROWS} is of the shots {'0' * 16}, and"),
        (lambda b: _swap(b, '{"shots"', '{"shot'), rf"row 1 of .*{ROWS} is damaged"),
        (lambda b: _swap(b, '"failures": ', '"failures": 1'), rf"row 1 of .*{ROWS} says 1\d+ failures, and its shots"),
        (lambda b: _swap(b, '"wrong": "', '"wrong": "!'), "the row of vacuous on d=3,r=3 in .* is damaged"),
        (lambda b: _swap(b, '"wrong": "', '"wrong": "eJwDAAAAAAE=", "x": "'), "is damaged"),
    ],
)
def test_harmed_board_is_refused_and_left_as_it_is(board: Path, harm: Any, told: str) -> None:
    harm(board)
    before = (board / MANIFEST).read_bytes(), (board / ROWS).read_bytes()
    with pytest.raises(BadInput, match=told) as refused:
        run("--store", board, "--decoder", "lookup")
    assert "\n" not in str(refused.value)
    assert ((board / MANIFEST).read_bytes(), (board / ROWS).read_bytes()) == before


def test_bad_input_is_one_clear_sentence(circuit: Path, tmp_path: Path) -> None:
    for words, told in [
        (["--decoder", "mathcing"], "'mathcing' is not known"),
        (["--store", tmp_path / "none"], "none holds 0 frozen shots: name a folder, or CIRCUIT.stim with --shots"),
        ([circuit, "--store", tmp_path / "none"], "is a circuit and has 0 shots of its own"),
        ([tmp_path / "gone", "--store", tmp_path / "none"], "gone is not a folder"),
        ([circuit, "--shots", 10, "--store", "/proc/board"], "/proc/board cannot be written (No such file"),
    ]:
        with pytest.raises(BadInput) as refused:
            run(*words)
        assert told in str(refused.value)
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "none").exists()
