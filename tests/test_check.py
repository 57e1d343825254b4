"""The check of a machine: its verdicts, what is not run, the planted local machine that fails, and the verb."""

from __future__ import annotations

import json
import re
import signal
from contextlib import suppress
from math import acos, pi, sqrt
from pathlib import Path
from typing import final

import numpy as np
import pytest
from scipy.stats import binom
from typer.testing import CliRunner

from counterpoint.base import BadInput, Job, Machine, Permit, Price, Shots, Verdict
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.cli.main import app
from counterpoint.govern.charter import EXPERIMENT, Charter
from counterpoint.govern.ledger import Ledger
from counterpoint.loop.check import Checked, Report, check
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.sheet import shown
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.hidden import hidden_variables
from counterpoint.machine.ideal import ideal
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.protocols import PROTOCOLS
from counterpoint.machine.protocols.benchmarking import Benchmarking
from counterpoint.machine.protocols.chsh import Chsh
from counterpoint.machine.protocols.protocol import Figure, Finding, measured, on, tally
from counterpoint.machine.queued import Looked, QueuedMachine
from counterpoint.machine.results import bits_of
from counterpoint.quops.estimate import Estimate

FALSE_ALARM = 1e-6
QUICK = PROTOCOLS | {"benchmarking": Benchmarking(lengths=(1, 4))}
STATUSES = ("holds", "does not hold", "not shown")


def run(machine: Machine, folder: Path, shots: int = 512, charter: Charter = EXPERIMENT) -> Report:
    with JobSession.open(folder, charter) as session:
        return check(session, machine, shots, (5,), QUICK)


def bits(machine: GeneralMachine, circuit: Circuit, shots: int, key: int = 1) -> np.ndarray:
    """(shots, bits)"""
    return bits_of(machine.sample(Job(qasm.write(circuit), np.zeros((1, 0)), shots, 1, "a", (key,))), circuit.bits)


def agrees(count: int, shots: int, p: float) -> bool:
    tail = FALSE_ALARM / 2
    return bool(binom.ppf(tail, shots, p) <= count <= binom.isf(tail, shots, p))


@final
class Small(Machine):
    """The ideal machine with two qubits alone."""

    def __init__(self) -> None:
        self.name, self.space, self.twin, self._whole = "small", NO_KNOBS, None, ideal()

    @property
    def clock(self) -> float:
        return self._whole.clock

    def price(self, job: Job) -> Price:
        return self._whole.price(job)

    def run(self, job: Job, permit: Permit) -> Shots:
        assert isinstance(job.circuit, str)
        if qasm.read(job.circuit).qubits > 2:
            raise BadInput("a circuit on 3 qubits was given and the machine has 2: use fewer")
        return self._whole.run(job, permit)

    def resume(self, clock: float) -> None:
        self._whole.resume(clock)


# The planted machine


def test_correlations_are_those_of_one_shared_vector() -> None:
    """1 - 2 a / pi at the angle a of the two axes, in every setting of CHSH: S is 2."""
    shots = 40_000
    machine, wins = hidden_variables(), []
    for k, circuit in enumerate(Chsh().programs()):
        alike = int((bits(machine, circuit, shots, k).sum(axis=1) % 2 == 0).sum())
        angle = acos((-1 if k == 3 else 1) / sqrt(2))
        assert agrees(alike, shots, 1 - angle / pi)
        wins.append(alike if k < 3 else shots - alike)
    assert agrees(sum(wins), 4 * shots, 3 / 4)


def test_no_side_learns_what_the_other_measures() -> None:
    """The very same answers, shot by shot, whatever is done on the other side."""
    machine, pair = hidden_variables(), [("h", 0), ("cx", 0, 1)]
    here = on(0, ["h", "t", "h"])
    first, second = (
        bits(machine, measured(2, [*pair, *here, *there]), 1000) for there in ([], on(1, ["s", "h", "t", "h", "z"]))
    )
    assert (first[:, 0] == second[:, 0]).all()
    assert (first[:, 1] != second[:, 1]).any()


def test_qubits_that_are_never_joined_are_exact() -> None:
    circuit = measured(2, [*on(0, ["h", "t", "h"]), ("x", 1)])
    found = bits(hidden_variables(), circuit, 40_000)
    assert found[:, 1].all()
    assert agrees(int(found[:, 0].sum()), 40_000, (1 - 1 / sqrt(2)) / 2)


def test_half_of_all_runs_are_above_two_and_none_passes() -> None:
    machine, above, passed = hidden_variables(), 0, 0
    programs, runs = Chsh().programs(), 200
    for k in range(runs):
        verdict = Chsh().read([tally(bits(machine, c, 500, 4 * k + i)) for i, c in enumerate(programs)]).verdict
        assert verdict is not None
        above += verdict.value > 2
        passed += verdict.status == "holds"
    assert above >= binom.ppf(FALSE_ALARM, runs, 0.4)  # an exact tie at 2 is above for nobody
    assert passed <= binom.isf(FALSE_ALARM, runs, 0.001)


@pytest.mark.parametrize("seed", range(3))
def test_hidden_variables_fail_the_check(seed: int, tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        report = check(session, hidden_variables(), 1024, (seed,), QUICK)
    assert report.status == "does not hold"
    found = {name: one.status for name, one in report.checked.items()}
    assert found["coin"] == "holds"  # one qubit needs no entanglement
    assert found["superdense"] == found["teleportation"] == "does not hold"
    assert "holds" not in {found[name] for name in ("bell", "ghz", "chsh")}


def test_a_circuit_that_goes_on_after_a_measurement_is_refused() -> None:
    circuit = Circuit(
        1, 1, (Operation("measure", (0,), bit=0), Operation("h", (0,)), Operation("measure", (0,), bit=0))
    )
    with pytest.raises(BadInput, match="goes on after a measurement"):
        bits(hidden_variables(), circuit, 1)


# The check


def test_the_ideal_machine_passes_with_its_exact_chances(tmp_path: Path) -> None:
    report = run(ideal(), tmp_path, 4096)
    assert report.status == "holds"
    assert report.sentence == "ideal holds: above the bound in coin, bell, ghz, chsh, superdense, teleportation."
    chsh = report.checked["chsh"].counts
    wins = sum(int(one[0, 0] + one[1, 1]) for one in chsh[:3]) + int(chsh[3][0, 1] + chsh[3][1, 0])
    assert agrees(wins, 4 * 4096, (2 + sqrt(2)) / 4)
    for name in ("bell", "ghz", "superdense", "teleportation"):
        finding = report.checked[name].finding
        assert finding is not None
        assert finding.figures[-1].estimate.value == finding.figures[-1].ideal


def test_what_a_machine_cannot_run_is_told_and_nothing_is_claimed(tmp_path: Path) -> None:
    report = run(Small(), tmp_path)
    for name, one in report.checked.items():
        assert (one.status == "not run") == (name in ("ghz", "teleportation"))
    assert report.status == "not shown"
    assert report.sentence.endswith(
        "not run ghz, teleportation (a circuit on 3 qubits was given and the machine has 2: use fewer)."
    )
    assert report.plain["protocols"]["ghz"]["reason"].startswith("a circuit on 3 qubits")


def test_a_charter_that_allows_less_stops_the_check_with_its_reason(tmp_path: Path) -> None:
    limits = EXPERIMENT.limits.model_copy(update={"shots": 2000, "cycles": 2000})
    report = run(ideal(), tmp_path, 512, EXPERIMENT.model_copy(update={"limits": limits}))
    assert report.checked["coin"].status == "holds"
    assert report.checked["bell"].status == "not run"
    assert "limits.cycles is 2,000" in report.checked["bell"].reason
    assert report.price.shots <= 2000


def test_every_job_is_charged_and_in_the_ledger(tmp_path: Path) -> None:
    report = run(ideal(), tmp_path)
    jobs = sum(len(protocol.programs()) for protocol in QUICK.values())
    shots = sum(len(p.programs()) * (512 // p.part) for p in QUICK.values())
    assert report.price.shots == shots
    with Ledger.read(tmp_path) as ledger:
        kinds = [entry.kind for entry in ledger.entries()]
        assert ledger.verify(None) == []
    assert kinds.count("job") == kinds.count("job-done") == jobs


def test_the_same_key_gives_the_same_report(tmp_path: Path) -> None:
    found = [run(ideal(), tmp_path / name).plain for name in ("a", "b")]
    for one in found:
        del one["seconds"]
    assert found[0] == found[1]
    assert json.loads(json.dumps(found[0], allow_nan=False)) == found[0]
    for one in found[0]["protocols"].values():
        assert all(sum(counts.values()) == one["shots"] for counts in one["counts"])


def test_no_shots_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="0 shots were asked for"):
        run(ideal(), tmp_path, 0)


def verdict(status: str) -> Verdict:
    low, high = {"holds": (1.0, 2.0), "does not hold": (-2.0, -1.0), "not shown": (-1.0, 1.0)}[status]
    return Verdict("", 0.0, (low + high) / 2, low, high)


@pytest.mark.parametrize("first", [*STATUSES, "not run", "no bound"])
@pytest.mark.parametrize("second", STATUSES)
def test_the_overall_verdict(first: str, second: str) -> None:
    findings = [
        None if s == "not run" else Finding((), None if s == "no bound" else verdict(s)) for s in (first, second)
    ]
    checked = {str(i): Checked("", one, "", 1, ()) for i, one in enumerate(findings)}
    seen = {first, second} - {"no bound"}
    expected = "does not hold" if "does not hold" in seen else "holds" if seen == {"holds"} else "not shown"
    assert Report("m", checked, Price(), 0.0).status == expected


# A queue


class Counter:
    """A provider that runs what it is sent at the first look, and remembers in which order it was asked."""

    name = "queue"

    def __init__(self) -> None:
        self.machine, self.sent, self.order = ideal(), dict[str, Job](), list[str]()

    def price(self, job: Job) -> Price:
        return self.machine.price(job)

    def submit(self, job: Job, ticket: str) -> str:
        self.order.append("submit")
        self.sent[ticket] = job
        return ticket

    def look(self, job: Job, id: str, wait: float) -> Looked:
        self.order.append("look")
        if qasm.read(str(job.circuit)).qubits > 2:
            return Looked("failed", reason="3 qubits were asked for and there are 2")
        return Looked("done", self.machine.sample(self.sent[id]))

    def cancel(self, id: str) -> None:
        raise BadInput("it has begun")


def test_a_queue_is_sent_everything_before_it_is_waited_for(tmp_path: Path) -> None:
    provider, few = Counter(), {name: PROTOCOLS[name] for name in ("coin", "ghz", "chsh")}
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        report = check(session, QueuedMachine(provider, session.jobs), 256, (5,), few)
    circuits = sum(len(one.programs()) for one in few.values())
    assert provider.order[:circuits] == ["submit"] * circuits
    assert {name: one.status for name, one in report.checked.items()} == {
        "coin": "holds",
        "ghz": "not run",
        "chsh": "holds",
    }
    assert "3 qubits were asked for" in report.checked["ghz"].reason
    with Ledger.read(tmp_path) as ledger:
        assert [entry.kind for entry in ledger.entries()].count("job-failed") == 1


# The verb


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_five_machines_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(
        "from counterpoint.machine.ideal import ideal\nFirst = Second = LastOfAllWithALongName = ideal\n"
    )
    names = ["hidden-variables", "ideal", "own.py:First", "own.py:Second", "own.py:LastOfAllWithALongName"]
    page = Path("page.html")
    text = invoke(*names, "--shots", "64", "--report", str(page), "--store", "kept")
    table = text.split("Brackets are")[0]
    assert all(len(line) <= 100 for line in table.splitlines())
    for protocol in PROTOCOLS.values():
        assert protocol.title in table
    assert "hidden-variables does not hold: " in text
    html = page.read_text()
    assert not re.findall(r'(?:src|href)="(?!#)', html.replace('xlink:href="#', '"#'))  # offline
    assert html.count("<svg") == 1
    assert all(name in html for name in names)
    for protocol in PROTOCOLS.values():
        assert protocol.title.replace(">", "&gt;") in html
    with Ledger.read(Path("kept")) as ledger:
        assert ledger.verify(None) == []


def test_json_has_all_that_was_counted() -> None:
    found = json.loads(invoke("ideal", "--shots", "64", "--seed", "3", "--json"))
    assert (found["shots"], found["seed"]) == (64, 3)
    (one,) = found["machines"]
    assert one["machine"] == "ideal"
    assert list(one["protocols"]) == list(PROTOCOLS)
    assert sum(map(len, (p["counts"] for p in one["protocols"].values()))) == 86


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-machine"], "no-such-machine"),
        (["ideal", "--report", "page.pdf"], "ending in .html"),
        (["ideal", "--report", "no/such/folder/page.html"], "a folder that exists"),
        (["ideal", "ideal"], "named 2 times"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(arguments: list[str], told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)


def test_figures_in_a_table() -> None:
    assert shown(Figure("", Estimate(0.5, 0.49, 0.51), 1.0)) == ("0.500", "(0.490-0.510)")
    assert shown(Figure("", Estimate(0.0123, 0.01, 0.02), 0.0, "%")) == ("1.230", "(1.000-2.000)")
    assert shown(Figure("", Estimate(-0.5, -0.6, 0.1), 1.0)) == ("-0.500", "(-0.600, 0.100)")
    assert shown(Figure("", Estimate(-0.0001, -0.0004, 0.0001), 0.0)) == ("0.000", "(0.000-0.000)")
    assert shown(Figure("", Estimate(1.5, 1.5, 1.5), 1.5)) == ("1.500", "")


def test_far_machines_need_a_folder_for_their_jobs() -> None:
    done = CliRunner().invoke(app, ["check", "http://127.0.0.1:8470"])
    assert "queues its jobs, and 0 folders were named to keep them in" in str(done.exception)


def test_a_charter_of_ones_own(tmp_path: Path) -> None:
    rules = tmp_path / "lab.toml"
    limits = EXPERIMENT.limits.model_copy(update={"shots": 1000, "cycles": 1000})
    rules.write_text(EXPERIMENT.model_copy(update={"limits": limits}).to_toml())
    done = CliRunner().invoke(app, ["check", "ideal", "--shots", "500", "--charter", str(rules)])
    assert done.exit_code == 0
    assert "limits.cycles is 1,000, of which 1,000 is used" in done.stdout


def test_an_interrupt_that_is_lost_is_heeded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python drops what is raised inside some callbacks; here it is raised inside one of ours that drops it, too."""

    def swallowed(*arguments: object) -> Report:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return check(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("counterpoint.cli.check.run_check", swallowed)
    done = CliRunner().invoke(app, ["check", "ideal", "--shots", "64"])
    assert done.exit_code == 130
    assert "stopped by hand" in done.stderr


def test_a_bit_that_nothing_writes_is_0_for_local_variables_too() -> None:
    text = "OPENQASM 3.0;\nqubit q;\nbit[2] c;\nif (c[1]) { U(3.0, 0, 0) q; }\nc[0] = measure q;\n"
    task = Job(text, np.zeros((1, 0)), 50, 1, "a", (1,))
    assert not bits_of(hidden_variables().sample(task), 2).any()
