"""`counterpoint surgery`, and the counting of failures by which observables were wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.programs import MESSAGES, bare_superdense, cnot
from counterpoint.decoders import DECODERS
from counterpoint.loop.surgery import Setting, run_superdense
from counterpoint.machine.failures import Trial, count_failures
from counterpoint.machine.hardware import Noise

FALSE_ALARM = 1e-6


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["surgery", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def trial(circuit: stim.Circuit, name: str) -> Trial:
    return Trial.of(circuit, circuit.detector_error_model(decompose_errors=True), DECODERS[name])


def test_failures_are_counted_by_their_set():
    text = "X_ERROR(0.1) 0\nX_ERROR(0.3) 1\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-2]\nOBSERVABLE_INCLUDE(1) rec[-1]"
    shots = 40_000
    found = count_failures(trial(stim.Circuit(text), "vacuous"), shots, (1,))
    assert found.shots == shots
    assert found.any == found.patterns[1:].sum()
    assert found.of(0) == found.patterns[1] + found.patterns[3]
    for count, chance in zip(found.patterns, (0.9 * 0.7, 0.1 * 0.7, 0.9 * 0.3, 0.1 * 0.3), strict=True):
        assert binom.ppf(FALSE_ALARM, shots, chance) <= count <= binom.ppf(1 - FALSE_ALARM, shots, chance)


def test_the_same_key_counts_the_same_and_without_noise_nothing_fails():
    noisy = trial(UniformDepolarizing(0.01).noisy(cnot("Z").circuit(3)), "matching")
    found = count_failures(noisy, 20_000, (2,))  # more than one batch
    assert found.any > 0
    np.testing.assert_array_equal(found.patterns, count_failures(noisy, 20_000, (2,)).patterns)
    clean = count_failures(trial(UniformDepolarizing(0).noisy(cnot("Z").circuit(3)), "matching"), 100, (3,))
    assert (clean.any, clean.shots) == (0, 100)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(BadInput, match="0 observables"):
        trial(stim.Circuit("M 0"), "vacuous")
    with pytest.raises(BadInput, match="0 shots"):
        count_failures(trial(cnot("Z").circuit(3), "matching"), 0, (0,))


@pytest.mark.parametrize("message", MESSAGES)
def test_physical_superdense_coding_reads_the_message_too(message):
    circuit = bare_superdense(message)
    results = circuit.compile_sampler(seed=1).sample(16)
    seen = circuit.compile_m2d_converter(skip_reference_sample=True).convert(
        measurements=results, append_observables=True
    )
    assert (seen == [("Z" in message), ("X" in message)]).all()


def test_encoded_superdense_coding_beats_the_physical_one_where_noise_is_weak():
    """SI1000 noise 0.001, distance 5: failures of the two as a fair coin would split them at equality."""
    runs = run_superdense(Setting(5, None, Noise("si1000", SI1000(1e-3)), DECODERS["correlated"], 6000, (1,)))
    encoded, bare = (sum(one.failures for one in ones) for ones in zip(*((r.whole, r.bare) for r in runs), strict=True))
    assert binom.cdf(encoded, encoded + bare, 0.5) < FALSE_ALARM


def test_a_program_is_drawn_written_and_run(tmp_path: Path):
    svg, circuit = tmp_path / "cnot.svg", tmp_path / "cnot.stim"
    told = json.loads(
        run("cnot", "--draw", svg, "--out", circuit, "--shots", 500, "--noise", "si1000", "--p", 0.002, "--json")
    )
    assert [one["reading"] for one in told["runs"]] == ["read in Z", "read in X"]
    assert told["runs"][0]["whole"]["shots"] == 500
    for words in ("control", "ancilla", "target", "ZZ", "XX", "rounds 4 to 6"):
        assert words in svg.read_text()
    written = stim.Circuit.from_file(circuit)
    assert (written.num_observables, written.num_detectors) == (2, 256)
    assert "CX" not in str(written)  # hardware's gates
    again = tmp_path / "again.svg"
    run("cnot", "--draw", again, "--shots", 1)
    assert again.read_bytes() == svg.read_bytes()


def test_the_table_names_outcomes_and_gives_bounds():
    told = run("superdense", "--shots", 200, "--p", 0)
    assert "message 11" in told
    assert "physical qubits" in told
    assert "below 1.8 %" in told  # no failure in 200 shots: a bound
    assert "XX sent-kept @1 + XX sent-kept @3  t" in told


def test_a_program_of_ones_own(tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from counterpoint.codes.steps import Step\nfrom counterpoint.codes.surgery import Program\n"
        "WAIT = Program('wait', {'q': (0, 0)}, [Step(begin={'q': 'Z'}), Step(end={'q': 'Z'})])\nNUMBER = 3\n"
    )
    told = json.loads(run(f"{file}:WAIT", "--shots", 100, "--json"))
    assert [one["program"] for one in told["runs"]] == ["wait"]
    with pytest.raises(BadInput, match="is a int, and a Program"):
        run(f"{file}:NUMBER")
    with pytest.raises(BadInput, match="take one of bell, cnot"):
        run("nothing")
