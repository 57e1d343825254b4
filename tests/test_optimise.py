"""Optimisation: solvers against brute force and closed forms, times to solution, families, the verb."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import dataclass, field
from math import cos, log, pi
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from chances import FALSE_ALARM
from clock import TICKS, Clock
from ising import every, max_cut, random_ising
from rich.console import Console
from scipy.stats import binom, norm
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.cli.solutions import interval, say
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.answer import Split
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.optimise import check, device_of
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.store.verdicts import verdicts
from counterpoint.workloads.optimise.angles import Angles
from counterpoint.workloads.optimise.anneal import Anneal
from counterpoint.workloads.optimise.exact import exact
from counterpoint.workloads.optimise.families import Family, family_named
from counterpoint.workloads.optimise.goemans import relaxed, rounded
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.local import descended, square
from counterpoint.workloads.optimise.qaoa import Qaoa, circuit
from counterpoint.workloads.optimise.quadratic import qubo
from counterpoint.workloads.optimise.runs import Method, Runs, filled
from counterpoint.workloads.optimise.sampled import SHOTS, Device, Sampled
from counterpoint.workloads.optimise.solution_time import DRAWS, Tally, growth, solution_time
from counterpoint.workloads.optimise.tabu import Tabu
from counterpoint.workloads.optimise.task import RIVALS, Best, Optimise, load, quickest, score, tally
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import Bill, Budget

METHODS = [(name, one) for name, some in RIVALS.items() for one in some]


# Solvers


@pytest.mark.parametrize(("name", "method"), METHODS)
@pytest.mark.parametrize("fields", [True, False])
def test_every_rival_finds_the_optimum_of_a_small_problem(
    name: str, method: Method, fields: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of runs of which more than a tenth succeed: all fail with less than 1e-6."""
    ising = random_ising(9, 3, fields=fields)
    lowest = ising.energies(every(9)).min()
    monkeypatch.setattr("counterpoint.workloads.optimise.runs.BATCH", 50)
    Clock(0.1 / 60).set(monkeypatch)  # of which a relaxation may take half
    found = method.runs(ising, 0.1, (1,))
    assert found.energies.size >= 200
    assert found.energies.min() == pytest.approx(lowest)
    assert ising.energies(found.best[None])[0] == pytest.approx(lowest)
    assert 0 <= found.prepared < found.bill.processor
    assert found.seconds * found.energies.size == pytest.approx(found.bill.processor - found.prepared)


def test_runs_fill_their_seconds_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own, on which a run takes 1 ms and to prepare takes 20."""
    clock = [5.0]
    monkeypatch.setattr("counterpoint.workloads.optimise.runs.time.process_time", lambda: clock[0])

    def start():
        clock[0] += 0.02

        def batch(count: int, key: tuple[int, ...]) -> np.ndarray:
            clock[0] += 1e-3 * count
            return np.random.default_rng(key).integers(0, 2, (count, 5), np.uint8)

        return batch

    ising = random_ising(5, 1)
    found = filled(ising, 0.2, (1,), "a method", start)
    assert 0.9 * 0.2 < found.bill.processor <= 0.2
    assert found.bill.processor == pytest.approx(clock[0] - 5.0)
    assert found.prepared == pytest.approx(0.02)
    assert found.seconds == pytest.approx(1e-3)
    assert ising.energies(found.best[None])[0] == pytest.approx(found.energies.min())
    with pytest.raises(BadInput, match=r"one run of a method took 0\.021 s and its share of the budget is 0\.01 s"):
        filled(ising, 0.01, (1,), "a method", start)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_budget_too_small_for_a_rival_is_said(name: str, method: Method) -> None:
    with pytest.raises(BadInput, match=r"took .* s and its share of the budget is 1e-06 s: give a --budget [0-9]"):
        method.runs(random_ising(9, 3), 1e-6, (1,))
    with pytest.raises(BadInput, match=r"give a --budget .* times as large"):
        load(random_ising(9, 3), {name: [method]}, 1e-6, (1,))


@dataclass(frozen=True)
class Paced:
    """A run takes so long, by a clock of its own, and has the best answer with a chance."""

    clock: Clock = field(repr=False, compare=False)
    seconds: float
    chance: float

    def runs(self, ising: Ising, seconds: float, key: tuple[int, ...]) -> Runs:
        best = every(ising.size)[ising.energies(every(ising.size)).argmin()]

        def batch(count: int, key: tuple[int, ...]) -> np.ndarray:
            self.clock.now += count * self.seconds
            wrong = np.random.default_rng(key).random(count) > self.chance
            return best ^ np.outer(wrong, np.eye(ising.size, dtype=np.uint8)[0])

        return filled(ising, seconds, key, "a paced method", lambda: batch)

    def __str__(self) -> str:
        return f"{self.seconds:g} s a run"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock(1e-6)
    found.set(monkeypatch)
    return found


def test_a_setting_that_does_not_fit_is_left_out(clock: Clock) -> None:
    settings = [Paced(clock, 0.001, 0.5), Paced(clock, 1.0, 0.5)]
    assert load(random_ising(5, 1), {"rival": settings}, 0.05, (1,)) == {"rival": settings[:1]}


def test_settings_have_a_least() -> None:
    with pytest.raises(BadInput, match="annealing with 0 sweeps was asked for: give 1 or more"):
        Anneal(0)
    with pytest.raises(BadInput, match="tabu search with 0 steps a variable was asked for: give 1 or more"):
        Tabu(0)


@pytest.mark.parametrize("seed", range(4))
def test_a_descent_ends_where_no_single_change_helps(seed: int) -> None:
    ising = random_ising(12, seed)
    found = descended(ising, square(ising), np.random.default_rng(seed).integers(0, 2, (50, 12), np.uint8))
    energies = ising.energies(found)
    for i in range(12):
        turned = found.copy()
        turned[:, i] ^= 1
        assert (ising.energies(turned) >= energies - 1e-9).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e100])
@pytest.mark.parametrize("fields", [True, False])
def test_highs_proves_the_optimum(seed: int, scale: float, fields: bool) -> None:
    ising = random_ising(9, seed, scale, fields)
    found = exact(ising, 10.0)
    lowest = ising.energies(every(9)).min()
    assert found.proved
    assert found.bits is not None
    assert found.energy == pytest.approx(lowest)
    assert found.energy == ising.energies(found.bits[None])[0]
    assert found.bound == pytest.approx(lowest, abs=1e-5 * scale)


def test_highs_says_where_its_time_did_not_suffice() -> None:
    rng = np.random.default_rng(1)
    pairs = np.array([(i, j) for i in range(60) for j in range(i + 1, 60)])
    ising = Ising(np.zeros(60), pairs, rng.normal(size=len(pairs)))
    found = exact(ising, 0.2)
    assert not found.proved
    starts = np.random.default_rng(1).integers(0, 2, (50, 60), np.uint8)
    assert found.bound < ising.energies(descended(ising, square(ising), starts)).min()
    for seconds in (0.0, float("nan")):
        with pytest.raises(BadInput, match="were given to find the optimum: give a finite number above 0"):
            exact(ising, seconds)


def test_no_field_and_no_coupling_is_nothing_to_highs() -> None:
    found = exact(Ising(np.array([1.0, -2.0]), np.zeros((0, 2), np.int64), np.zeros(0)), 1.0)
    assert found.proved
    assert found.energy == -3.0


def test_the_relaxation_of_a_ring_of_five_is_known() -> None:
    """5 edges of unit vectors 4 pi / 5 apart: (1 - cos 4 pi / 5) / 2 each."""
    value, vectors = relaxed(max_cut(nx.cycle_graph(5)), (1,))
    assert -value == pytest.approx(5 * (1 + cos(pi / 5)) / 2, abs=1e-4)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6))


@pytest.mark.parametrize("seed", range(4))
def test_the_relaxation_is_below_every_assignment(seed: int) -> None:
    ising = random_ising(9, seed)
    assert relaxed(ising, (seed,))[0] <= ising.energies(every(9)).min() + 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_rounding_keeps_the_guarantee_of_goemans_and_williamson(seed: int) -> None:
    """The mean cut of random planes is 0.87856 of the relaxation's or more, on weights that are not negative."""
    graph = nx.gnp_random_graph(20, 0.4, seed=seed)
    rng = np.random.default_rng(seed)
    for a, b in graph.edges:
        graph[a][b]["weight"] = rng.uniform(0, 1)
    ising = max_cut(graph)
    value, vectors = relaxed(ising, (seed,))
    cuts = -ising.energies(rounded(vectors, 4_000, (seed, 1)))
    error = cuts.std(ddof=1) / np.sqrt(cuts.size)
    assert cuts.mean() + norm.isf(FALSE_ALARM) * error >= 0.87856 * -value


def test_a_bipartite_graph_is_cut_whole_by_every_plane() -> None:
    ising = max_cut(nx.complete_bipartite_graph(4, 5))
    value, vectors = relaxed(ising, (1,))
    assert value == pytest.approx(-20, abs=1e-3)
    assert (ising.energies(rounded(vectors, 100, (2,))) == -20).all()


# Time to solution


def test_time_to_solution_in_closed_form() -> None:
    found = solution_time([Tally(10**9, 5 * 10**8, 2.0)], (1,))
    assert found.value == pytest.approx(2 * log(0.01) / log(0.5))
    assert found.low == pytest.approx(found.value, rel=1e-3)
    assert found.high == pytest.approx(found.value, rel=1e-3)
    assert solution_time([Tally(10**9, 999 * 10**6, 2.0)], (1,)).value == 2.0  # one run is the least


def test_no_success_gives_a_bound_alone() -> None:
    """The low end's chance has 2.5 % to stay hidden in 50 runs, up to the draws of the bootstrap."""
    found = solution_time([Tally(50, 0, 1.0)], (1,))
    assert (found.value, found.high) == (None, None)
    hidden = (0.01 ** (1 / found.low)) ** 50
    assert binom.ppf(FALSE_ALARM, DRAWS, 0.025) <= hidden * DRAWS <= binom.isf(FALSE_ALARM, DRAWS, 0.025)


def test_success_alone_does_not_hide_failures() -> None:
    found = solution_time([Tally(5, 5, 1.0)], (1,))
    assert found.value == found.low == 1.0
    assert found.high is not None
    assert found.high > 1.0


def test_intervals_cover_what_is_true() -> None:
    """Of 400 samples of 300 runs at 10 %, as many as a coverage of 95 % gives, up to one false alarm in 1e6."""
    hits = np.random.default_rng(1).binomial(300, 0.1, 400)
    true = log(0.01) / log(0.9)
    found = [solution_time([Tally(300, int(k), 1.0)], (i,)) for i, k in enumerate(hits)]
    covered = sum(one.low <= true <= (one.high or np.inf) for one in found)
    assert covered >= binom.ppf(FALSE_ALARM, 400, 0.95)


def test_growth_in_closed_form() -> None:
    times = {n: [Tally(10**9, 5 * 10**8, 1e-6 * 1.3**n)] * 3 for n in (8, 10, 14)}
    found = growth(times, (1,))
    for end in (found.base.value, found.base.low, found.base.high):
        assert end == pytest.approx(1.3, rel=1e-3)
    unsolved = growth({**times, 20: [Tally(100, 0, 1.0)]}, (1,))
    assert (unsolved.base.value, unsolved.base.high) == (None, None)
    assert np.isfinite(unsolved.base.low)
    with pytest.raises(BadInput, match="2 sizes were given to see how a time grows: give 3 or more"):
        growth({8: times[8], 10: times[10]}, (1,))


def test_tallies_that_cannot_be() -> None:
    for runs, hits in ((0, 0), (3, 4), (3, -1)):
        with pytest.raises(BadInput, match=f"{hits} hits in {runs} runs"):
            Tally(runs, hits, 1.0)
    with pytest.raises(BadInput, match="a run of nan s was given"):
        Tally(1, 1, float("nan"))
    with pytest.raises(BadInput, match="0 problems were given"):
        solution_time([], (1,))


def test_the_setting_that_is_quickest_is_taken(clock: Clock) -> None:
    """The one whose run is a tenth as likely to succeed, and takes a hundredth of the time."""
    ising, best = random_ising(5, 1), Best()
    settings = [Paced(clock, 0.01, 0.9), Paced(clock, 0.0001, 0.09)]
    chosen = quickest(ising, {"rival": settings}, 4.0, best, (1,))["rival"]
    assert chosen.method == settings[1]
    assert tally(ising, chosen.found, best.energy).hits > 0
    assert best.energy == pytest.approx(ising.energies(every(5)).min())
    assert chosen.tuning.processor + chosen.found.bill.processor <= 4.0


# The task


@dataclass(frozen=True)
class Always:
    """Gives one assignment."""

    bits: tuple[int, ...]

    def __str__(self) -> str:
        return f"always {self.bits}"

    def runs(self, ising: Ising, seconds: float, key: tuple[int, ...]) -> Runs:
        best = np.array(self.bits, np.uint8)
        return Runs(ising.energies(best[None]), best, 0.0, Bill())


def test_a_better_answer_is_found_better_and_an_equal_one_is_not() -> None:
    ising = max_cut(nx.cycle_graph(6))
    best, worse = Always((0, 1, 0, 1, 0, 1)), Always((0, 1, 0, 1, 0, 0))
    for rival, status in ((worse, "holds"), (best, "does not hold")):
        task = Optimise(ising, {"quantum": [worse, best], "rival": [rival]}, "better", Best())
        found = weigh(task, Budget(1.0, "seconds"), instances=20, key=(1,))
        assert found.verdict.status == status
        assert str(found.sides["quantum"].setting) == str(best)
        assert task.best.each["quantum"] == -6.0


def test_scores_are_shares_that_a_person_can_add_up() -> None:
    """A ring of 6 edges, whose cut is 3 in the mean of all assignments."""
    ising = max_cut(nx.cycle_graph(6))
    assert [score(ising, -cut, "max-cut") for cut in (0.0, 4.0, 6.0)] == [0.0, round(4 / 6, 12), 1.0]
    assert [score(ising, -cut, "ising") for cut in (0.0, 3.0, 6.0)] == [-1.0, 0.0, 1.0]
    assert score(ising, -4.0 * (1 + 1e-15), "max-cut") == score(ising, -4.0, "max-cut")
    with pytest.raises(BadInput, match="all weights of 2 variables are 0"):
        score(Ising(np.zeros(2), np.zeros((0, 2), np.int64), np.zeros(0)), 0.0, "qubo")


def test_shots_fill_the_seconds_and_simulation_is_charged_to_nobody() -> None:
    ising = max_cut(nx.cycle_graph(4))
    asked: list[int] = []

    def run(circuit: str, shots: int, key: tuple[int, ...]) -> tuple[np.ndarray, float]:
        asked.append(shots)
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        return np.tile(np.array([0, 1, 0, 1], np.uint8), (shots, 1)), 1e-3 * shots

    found = Sampled(Qaoa(1, "fixed"), Device(run, lambda _: 1e-3, simulated=True)).runs(ising, 1.0, (1,))
    assert found.bill.machine == pytest.approx(1e-3 * asked[0])
    assert found.bill.machine + found.prepared == pytest.approx(1.0, abs=1e-3)
    assert found.bill.processor == pytest.approx(found.prepared)
    assert found.bill.simulation >= 0.05
    assert found.seconds == pytest.approx(1e-3)
    real = Sampled(Qaoa(1, "fixed"), Device(run, lambda _: 1e-9, simulated=False)).runs(ising, 1.0, (1,))
    assert asked[1] == SHOTS
    assert real.bill.simulation == 0
    assert real.bill.processor >= 0.05
    with pytest.raises(BadInput, match=r"takes 1 s, and QAOA's share of the budget is 0\.5 s: give a --budget 3 times"):
        Sampled(Qaoa(1, "fixed"), Device(run, lambda _: 1.0, simulated=True)).runs(ising, 0.5, (1,))


class Timeless:
    """Gives 0 always, and takes no time for it."""

    name = "timeless"

    def seconds(self, circuit) -> float:
        return 0.0

    def measured(self, circuit, shots: int, key: tuple[int, ...]) -> np.ndarray:
        return np.zeros((shots, 4), np.bool_)


def test_a_machine_that_tells_no_time_is_charged_a_cycle_for_a_shot(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        device = device_of(session, GeneralMachine(Timeless()))
        text = circuit(max_cut(nx.cycle_graph(4)), Angles((0.3,), (0.2,)))
        assert device.seconds(text) == CYCLE_SECONDS
        bits, seconds = device.run(text, 10, (1,))
        assert bits.shape == (10, 4)
        assert seconds == pytest.approx(10 * CYCLE_SECONDS)


# Families


def test_families_are_connected_regular_and_of_their_sizes() -> None:
    family = family_named("weighted:degree=3,n=5-30")
    assert family == Family("weighted", 3, (6, 12, 18, 24, 30))
    for kind in ("regular", "weighted"):
        ising = Family(kind, 3, (8,)).problem(8, (1,)).ising
        assert np.bincount(ising.pairs.ravel()).tolist() == [3] * 8
        assert (np.ptp(ising.couplings) == 0) == (kind == "regular")
    assert family_named("regular.txt") is None
    assert family_named("data:file.txt") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regular:degree=3", "is not of the form that is known: write regular:degree=3,n=8-16"),
        ("regular:degree=3,n=8-16,p=1", "is not of the form"),
        ("regular:degree=x,n=8-16", "is not of the form"),
        ("regular:degree=3,n=8-10", "has 2 of the 3 or more sizes that are needed"),
        ("regular:degree=3,n=8", "has 1 of the 3 or more sizes"),
        ("regular:degree=3,n=7", "to see a time grow (above the degree, and even where that is odd): write"),
        ("regular:degree=3,n=8-1000000", "has up to 1,000,000 vertices and 2,000 are the most: write"),
        ("foo:degree=3,n=8", "family 'foo' is not known: write regular:degree=3,n=8-16"),
        ("regular:degree=1,n=2-8", "graphs of degree 1 fall apart: give 2 or more"),
        ("regular:degree=4,n=8-9000", "has up to 9,000 vertices and 2,000 are the most"),
    ],
)
def test_a_family_that_cannot_be(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        family_named(text)


# The verb


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Fewer repetitions, a clock on which one of them has room for some hundred runs, and a graph in a folder that is
    gone afterwards."""
    monkeypatch.setattr("counterpoint.loop.optimise.REPETITIONS", 10)
    monkeypatch.setattr("counterpoint.loop.solution_growth.PROBLEMS", 4)
    monkeypatch.setattr("counterpoint.workloads.optimise.runs.BATCH", 50)
    Clock(0.25 / TICKS).set(monkeypatch)
    monkeypatch.chdir(tmp_path)
    edges = nx.random_regular_graph(3, 8, seed=1).edges
    (tmp_path / "graph.txt").write_text("".join(f"v{a} v{b}\n" for a, b in edges))
    return tmp_path


def invoke(*words: str) -> str:
    done = CliRunner().invoke(app, ["optimise", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_verb_answers_and_keeps_its_verdict(quick: Path) -> None:
    text = invoke("graph.txt", "--depth", "1", "--budget", "60s")
    assert text.count("QAOA's best answer to graph.txt") == 1
    assert text.index("Hypothesis: QAOA's best answer to graph.txt") < text.index("Verdict: does not hold")
    assert "by more than 0.001 of the weight of all edges" in text
    assert "counterpoint verdict shows the verdict's alone" in text
    assert "proved by HiGHS. One side: v" in text
    assert "Break-even: optimise" in text
    table = text[text.index("side  ") : text.index("Time to solution:")]
    assert all(len(line) <= 100 for line in table.splitlines())
    (kept,) = verdicts(quick / "counterpoint-store")
    assert kept.told.status == "does not hold"
    assert kept.told.command == "counterpoint optimise graph.txt --budget 60s --machine ideal --seed 0 --depth 1"
    assert kept.told.sides["quantum"].bill["shots"] > 0


def test_sentences_of_a_terminal_are_wrapped_between_words_and_indented() -> None:
    shown = io.StringIO()
    words = " ".join(f"word{i}" for i in range(40))
    say(Console(file=shown, force_terminal=True, width=60, color_system=None), "Verdict:", words)
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert all(len(line) <= 60 for line in lines)
    assert {line[:12] for line in lines[1:]} == {" " * 12}
    assert " ".join(line[12:] for line in lines) == words


def test_json_has_the_figures_and_what_a_machine_cannot_run_is_not_shown(quick: Path) -> None:
    edges = nx.random_regular_graph(3, 26, seed=1).edges
    (quick / "large.txt").write_text("".join(f"{a} {b}\n" for a, b in edges))
    done = CliRunner().invoke(app, ["optimise", "large.txt", "--depth", "1", "--budget", "60s", "--json"])
    found = json.loads(done.stdout)
    assert found["verdict"]["status"] == "not shown"
    assert found["verdict"]["value"] is None
    assert "26 qubits" in found["refused"]
    assert set(found["time_to_solution"]) == set(RIVALS)
    assert len(found["best"]["answer"]) == 26
    values = found["best"]["answer"]
    assert sum(values[str(a)] != values[str(b)] for a, b in edges) == found["best"]["value"]


def test_a_family_is_drawn(quick: Path) -> None:
    text = invoke("regular:degree=3,n=4-8", "--depth", "1", "--budget", "30s", "--plot", "growth.svg")
    assert "times a vertex" in text
    assert (quick / "growth.svg").read_text().startswith("<?xml")
    table = text[text.index("to 99 %, us") : text.index("Time to solution:")]
    assert all(len(line) <= 100 for line in table.splitlines())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["graph.txt", "--budget", "1s"], "for each of 150 runs and one needs 0.02 s: give --budget 5s or more"),
        (["regular:degree=3,n=4-8", "--budget", "0.1s"], "for each of 90 runs and one needs 0.02 s"),
        (["graph.txt", "--plot", "one.png"], "draws how times grow, and graph.txt has 1 size"),
        (["no.txt"], "no.txt does not exist: check the path"),
        (
            ["graph.txt", "--angles", "fixed", "--cvar", "0.5"],
            "no angles are optimised: give --cvar 1, or --angles",
        ),
        (["graph.txt", "--cvar", "0"], "a share of 0 of the energies"),
        (["graph.txt", "--depth", "100"], "are kept up to 11: give --depth 1 to 11, or --angles transferred"),
        (["irregular.txt", "--depth", "100"], "depth 100 were asked for and 11 is the most: give --depth 1 to 11"),
        (["irregular.txt", "--angles", "fixed"], "take transferred angles (--angles transferred)"),
        (["regular:degree=3,n=4-8", "--depth", "100", "--budget", "60s"], "give --depth 1 to 11"),
        (["graph.txt", "--machine", "none"], "machine 'none' is not known"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(quick: Path, words: list[str], told: str) -> None:
    (quick / "irregular.txt").write_text("a b\nb c\n")
    with pytest.raises(BadInput, match=re.escape(told)):
        CliRunner().invoke(app, ["optimise", *words], catch_exceptions=False)
    assert not (quick / "counterpoint-store").exists()


def test_a_budget_too_small_to_choose_angles_is_told_with_one_that_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, settings = Family("regular", 3, (8,)).problem(8, (1,)), [Qaoa(1)]
    Clock(0.5).set(monkeypatch)  # longer than a run of the verdict
    with pytest.raises(BadInput, match=r"a run of the verdict has .* of a --budget of 30 s: give ([0-9]+)s") as said:
        check(problem, settings, 30.0, (1,))
    least = re.findall(r"give ([0-9]+)s", str(said.value))[0]
    check(problem, settings, float(least), (1,))


@pytest.mark.parametrize("text", ["0s", "-1s", "soon", "1e400s", "nan"])
def test_a_budget_that_is_no_time(text: str) -> None:
    done = CliRunner().invoke(app, ["optimise", "graph.txt", "--budget", text])
    assert done.exit_code == 2
    assert "is not a time above 0, such as 60s" in re.sub(r"[│\s]+", " ", done.output)


def test_a_split_is_the_whole_budget() -> None:
    split = Split(60.0, 300, 5)
    assert split.proof + 300 * split.each + 5 * split.timing == pytest.approx(60.0)
    with pytest.raises(BadInput, match="give --budget 10s or more"):
        Split(9.9, 300, 5)
    with pytest.raises(BadInput, match="a budget of nan s leaves nan s"):
        Split(float("nan"), 300, 5)


def test_times_for_a_person() -> None:
    assert interval(solution_time([Tally(10**9, 5 * 10**8, 1.0)], (1,))) == "6.64 (6.64-6.64) s"
    assert interval(solution_time([Tally(50, 0, 1.0)], (1,))).startswith("above ")
    assert qubo(np.ones(2), np.array([[0, 1]]), np.ones(1)).energies(every(2)) == pytest.approx([0, 1, 1, 3])
