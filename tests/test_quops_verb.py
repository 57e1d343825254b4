"""QuOps of a simulated machine: kinds of operations, counts, and the verb as a person meets it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.programs import PROGRAMS
from counterpoint.decoders import DECODERS
from counterpoint.loop.quops import BASES, KINDS, Limits, Reliability, fitted, measure
from counterpoint.machine.hardware import CHIPS, Hardware, Noise
from counterpoint.quops.estimate import binomial_interval

MATCHING = ("matching", DECODERS["matching"])


def quiet(hardware: Hardware, limits: Limits, seed: int = 0) -> list[Reliability]:
    return measure(hardware, (3, 5), MATCHING, limits, 0.0, (seed,), lambda told: None)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("basis", BASES)
def test_a_kinds_circuits_are_what_its_operation_says(name: str, basis) -> None:
    """Qubits and cycles as stated, no result left to chance, and d errors to fail."""
    kind = KINDS[name]
    for d in (3, 5, 7):
        circuit = kind.circuit(d, basis)
        used = {t.value for i in circuit.flattened() for t in i.targets_copy() if t.is_qubit_target}
        assert len(used) == kind.operation.qubits_at(d)
        if kind.rounds is None:
            assert kind.operation.cycles_at(d) == PROGRAMS[name](basis).rounds(d) == kind.rounds_at(d)
    noisy, model = Noise("si1000", SI1000(1e-3)).run(kind.circuit(3, basis), (0,))
    assert len(noisy.shortest_graphlike_error()) == 3
    assert model.num_observables == noisy.num_observables


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_runs_every_kind_and_keeps_its_strays_from_the_decoder(name: str) -> None:
    for kind in KINDS.values():
        noisy, model = CHIPS[name].run(kind.circuit(3, "Z"), (1,))
        whole = noisy.detector_error_model(decompose_errors=True)
        assert model.num_detectors == whole.num_detectors
        assert (model.num_errors < whole.num_errors) == (name == "willow")


def test_no_noise_gives_no_failure_and_bounds() -> None:
    for kind in quiet(Noise("none", UniformDepolarizing(0.0)), Limits(1, 4096, math.inf)):
        assert kind.suppression is not None
        assert kind.suppression.factor is kind.suppression.p is None
        for one in kind.counted:
            assert (one.failures, one.shots) == (0, 4096)
            assert one.quops.value is None
            assert one.quops.low > 1000
        assert [(one.size, one.high) for one in kind.forecast] == [(None, None)] * 3


@pytest.fixture(scope="module")
def counted() -> list[Reliability]:
    return quiet(Noise("uniform", UniformDepolarizing(2e-3)), Limits(50, 8192, math.inf))


def test_a_surgery_counts_whole_operations_and_idle_d_of_its_cycles(counted: list[Reliability]) -> None:
    for kind in counted:
        for one in kind.counted:
            assert sum(one.failures_of.values()) == one.failures
            assert one.failures >= 50 or one.shots == 8192
            if KINDS[kind.kind].rounds is None:
                assert (one.error.low, one.error.high) == binomial_interval(one.failures, one.shots)
            else:
                left = (1 - 2 * one.failures / one.shots) ** (one.distance / 25)
                assert one.error.value == pytest.approx((1 - left) / 2, rel=1e-9)
            assert one.quops.value == pytest.approx(1 / one.error.value, rel=1e-12)


def test_the_fit_goes_through_two_distances(counted: list[Reliability]) -> None:
    for kind in counted:
        assert kind.suppression is not None
        for one in kind.counted:
            assert fitted(kind.kind, kind.suppression, one.distance).value == pytest.approx(one.error.value, rel=1e-5)


def test_the_same_seed_counts_the_same_and_another_does_not() -> None:
    noise, limits = Noise("uniform", UniformDepolarizing(1e-3)), Limits(10**9, 2048, math.inf)
    first, again, other = (quiet(noise, limits, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_above_threshold_nothing_is_suppressed() -> None:
    vacuous = ("vacuous", DECODERS["vacuous"])
    noise = Noise("uniform", UniformDepolarizing(0.1))
    for kind in measure(noise, (3, 5), vacuous, Limits(10**9, 2048, math.inf), 0.0, (0,), lambda told: None):
        assert kind.suppression is None or kind.suppression.low < 1


def test_time_that_is_up_leaves_one_batch_each() -> None:
    for kind in quiet(Noise("uniform", UniformDepolarizing(2e-4)), Limits(10**9, 10**9, 0)):
        assert [one.shots for one in kind.counted] == [2048, 2048]


def test_the_verb_prints_json_draws_and_keeps(tmp_path: Path) -> None:
    words = "quops --noise uniform --p 1e-3 --distances 3,5 --decoder matching --shots 2048 --floor 1e-10 --json"
    done = CliRunner().invoke(app, [*words.split(), "--plot", str(tmp_path / "a.svg"), "--store", str(tmp_path / "s")])
    assert done.exit_code == 0, done.output
    plain = json.loads(done.stdout)
    assert [kind["kind"] for kind in plain["kinds"]] == list(KINDS)
    assert [row["formula"] for row in plain["formulas"]] == ["gidney-fowler", "beverland"]
    assert plain["floor"] == 1e-10
    assert (tmp_path / "a.svg").stat().st_size > 10_000
    (kept,) = (tmp_path / "s").glob("quops-*.json")
    assert json.loads(kept.read_text()) == plain


def test_the_verb_tells_what_an_operation_is_and_what_is_assumed() -> None:
    words = "quops --noise si1000 --p 1e-5 --distances 3,5 --decoder matching --minutes 0"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output
    for told in ("d cycles of one patch", "CNOT over an ancilla, 4 d cycles", "Lambda stays constant", "no floor",
                 "above", "gidney-fowler"):  # fmt: skip
        assert told in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--distances 3", r"\[3\] holds 1 of the 2"),
        ("--distances 3,4", "distance 4 was asked for"),
        ("--distances 3-7", "--distances 3-7 was given"),
        ("--p 1e-3", "--p 1e-3 was given without --noise"),
        ("--noise si1000", "--noise si1000 was given with --p None"),
        ("--noise uniform --p 0.7", "strength 0.7 was asked for"),
        ("--noise uniform --p 1e-3 --chip willow", "take one of them"),
        ("--decoder nope", "'nope' is not known"),
        ("--plot a.gif", "a figure cannot be written to a.gif"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_runs(words: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        CliRunner().invoke(app, ["quops", *words.split()], catch_exceptions=False)
