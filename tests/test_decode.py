"""`counterpoint decode`: the comparison, its contract, its view; and the recorded data of real hardware."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sinter
import stim
import typer
from recordings import Sample, sample, write_01, write_sycamore, write_willow
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.decode import decode
from counterpoint.decoders import DECODERS
from counterpoint.loop.advice import advice
from counterpoint.loop.compare import Comparison, Experiment, Pairing, compare, decode_recording, paired
from counterpoint.loop.figure import check_figure
from counterpoint.loop.frontier import draw, points
from counterpoint.machine.recorded import sampled
from counterpoint.machine.releases import find_experiments, read_experiment
from counterpoint.quops.cycle import error_per_cycle
from counterpoint.quops.estimate import binomial_interval
from counterpoint.quops.paired import mcnemar

CHEAP = {name: DECODERS[name] for name in ("matching", "correlated", "vacuous")}
EXPERIMENT = {
    "name": str,
    "distance": int,
    "rounds": int,
    "basis": str,
    "shots": int,
    "decoder": str,
    "model": str,
    "failures": int,
    "ler_shot": float,
    "interval": list,
    "ler_cycle": float,
    "ler_cycle_interval": list,
    "us_per_shot": float,
    "mcnemar": dict,
    "observables": list,
}
FIT = {"distance": int, "decoder": str, "model": str, "ler_cycle": float, "interval": list}

app = typer.Typer()
app.command()(decode)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*arguments: object) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three lengths at one distance; the true flips are one recorded prediction, no flips another."""
    folder = tmp_path_factory.mktemp("release")
    for rounds in (1, 3, 5):
        made = sample(rounds=rounds, shots=2000, noise=0.01, seed=rounds)
        predictions = {"perfect": made.flips, "nothing": np.zeros_like(made.flips)}
        write_sycamore(folder / f"bZ_d3_r{rounds:02}", made, predictions)
    return folder


def test_json_is_the_contract(release: Path) -> None:
    found = run_json(release)
    assert list(found) == ["experiments", "fits"]
    assert len(found["experiments"]) == 3 * 4
    for row in found["experiments"]:
        assert list(row) == list(EXPERIMENT)
        for key, kind in EXPERIMENT.items():
            assert isinstance(row[key], kind) or (key == "us_per_shot" and row["model"] == "recorded")
        assert list(row["mcnemar"]) == ["against", "only_this", "only_other", "p"]
        assert row["mcnemar"]["against"] == "matching"
        assert row["interval"] == pytest.approx(binomial_interval(row["failures"], row["shots"]))
        cycle = error_per_cycle(row["failures"], row["shots"], row["rounds"])
        assert row["ler_cycle"] == cycle.value
        assert row["ler_cycle_interval"] == [cycle.low, cycle.high]
        assert row["mcnemar"]["p"] == mcnemar(row["mcnemar"]["only_this"], row["mcnemar"]["only_other"])
    assert [row["decoder"] for row in found["experiments"][:4]] == [
        "matching",
        "correlated",
        "recorded:nothing",
        "recorded:perfect",
    ]
    for fit in found["fits"]:
        assert list(fit) == list(FIT)
        assert all(isinstance(fit[key], kind) for key, kind in FIT.items())
        assert fit["interval"][0] <= fit["ler_cycle"] <= fit["interval"][1]
    assert {(fit["decoder"], fit["model"]) for fit in found["fits"]} == {
        ("matching", "noisy"),
        ("correlated", "noisy"),
        ("recorded:nothing", "recorded"),
        ("recorded:perfect", "recorded"),
    }


def test_bounding_players_stand_where_they_must(release: Path) -> None:
    """Predicting nothing fails exactly where an observable flipped; predicting the truth fails nowhere."""
    rows = run_json(release, "--decoder", "vacuous", "--decoder", "matching")["experiments"]
    by = {(row["name"], row["decoder"]): row for row in rows}
    for name in {row["name"] for row in rows}:
        nothing, vacuous = by[name, "recorded:nothing"], by[name, "vacuous"]
        assert nothing["failures"] == vacuous["failures"]
        assert nothing["mcnemar"] == {"against": "vacuous", "only_this": 0, "only_other": 0, "p": 1.0}
        perfect = by[name, "recorded:perfect"]
        assert perfect["failures"] == perfect["ler_shot"] == 0
        assert perfect["interval"][1] > 0
        assert perfect["mcnemar"]["only_other"] == vacuous["failures"]
        assert by[name, "matching"]["failures"] < vacuous["failures"]


def test_discordant_shots_add_up_to_the_difference(release: Path) -> None:
    rows = run_json(release)["experiments"]
    first = {row["name"]: row["failures"] for row in rows if row["decoder"] == "matching"}
    for row in rows:
        apart = row["mcnemar"]["only_this"] - row["mcnemar"]["only_other"]
        assert row["failures"] - first[row["name"]] == apart


def test_odd_and_even_shots_make_up_all(release: Path) -> None:
    counts = {
        select: [row["failures"] for row in run_json(release, "--select", select, "--model", "pij")["experiments"]]
        for select in ("all", "odd", "even")
    }
    assert counts["all"] == [a + b for a, b in zip(counts["odd"], counts["even"], strict=True)]


def test_fitted_models_decode_the_shots_that_they_were_not_fitted_on(tmp_path: Path) -> None:
    """In one model D0 flips the observable and in the other D1 does; each shot fires D0 alone."""
    made = sample(shots=6)
    events = np.zeros_like(made.events)
    events[:, 0] = 1
    even = np.array([[1], [0], [1], [0], [1], [0]], np.uint8)
    folder = write_sycamore(tmp_path / "one", Sample(made.circuit, events, even, 3, 3))
    (folder / "pij_from_odd_for_even.dem").write_text("error(0.1) D0 L0\nerror(0.1) D1\n")
    (folder / "pij_from_even_for_odd.dem").write_text("error(0.1) D0\nerror(0.1) D1 L0\n")
    for select in ("all", "odd", "even"):
        (row, _) = run_json(folder, "--model", "pij", "--select", select)["experiments"]
        assert (row["failures"], row["model"]) == (0, "pij")


def test_each_observable_is_counted_for_itself(tmp_path: Path) -> None:
    """Doing nothing fails an observable where it flips; a shot fails where any does."""
    flips = np.array([0b001, 0b011, 0b000, 0b101] * 25, np.uint8)
    path = tmp_path / "c.stim"
    text = "M(0.1) 0 1 2\n"
    path.write_text(text + "".join(f"DETECTOR rec[-{o}]\nOBSERVABLE_INCLUDE({3 - o}) rec[-{o}]\n" for o in (3, 2, 1)))
    for name in "eo":
        (tmp_path / f"{name}.b8").write_bytes(flips.tobytes())
    own = "--circuit", path, "--events", tmp_path / "e.b8", "--observables", tmp_path / "o.b8"
    nothing, perfect = run_json(*own, "--decoder", "vacuous", "--decoder", "lookup")["experiments"]
    assert nothing["failures"] == 75
    assert [one["failures"] for one in nothing["observables"]] == [75, 25, 25]
    for one in nothing["observables"]:
        assert one["ler_shot"] == one["failures"] / 100
        assert one["interval"] == pytest.approx(binomial_interval(one["failures"], 100))
    assert [one["failures"] for one in perfect["observables"]] == [0, 0, 0]
    assert "L0 75.0 (65.3-83.1)  L1 25.0 (16.9-34.7)  L2 25.0" in run(*own, "--decoder", "vacuous")


def test_of_many_observables_the_view_shows_the_ends_and_json_all(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    text = "".join(f"X_ERROR(0.{o + 1}) {o}\nM {o}\nOBSERVABLE_INCLUDE({o}) rec[-1]\n" for o in range(9))
    path.write_text(f"{text}DETECTOR rec[-1]\n")
    words = path, "--shots", 4000, "--decoder", "vacuous"
    (row,) = run_json(*words)["experiments"]
    assert len(row["observables"]) == 9
    for o, one in enumerate(row["observables"]):
        assert 0 <= one["interval"][0] < (o + 1) / 10 < one["interval"][1]
    shown = run(*words)
    assert "best L0 " in shown
    assert "worst L8 " in shown
    assert "of 9" in shown
    assert max(len(line) for line in shown.splitlines()[:-1]) <= 100


def test_one_observable_needs_no_second_table(release: Path) -> None:
    assert "each observable" not in run(release)
    for row in run_json(release)["experiments"]:
        (one,) = row["observables"]
        assert (one["failures"], one["interval"]) == (row["failures"], row["interval"])


def test_first_shots_alone_are_decoded_where_a_number_is_given(release: Path) -> None:
    assert {row["shots"] for row in run_json(release, "--shots", "1e2")["experiments"]} == {100}


def test_circuit_is_sampled_with_its_own_noise(tmp_path: Path) -> None:
    path = tmp_path / "d=3,r=3,b=Z.stim"
    sample().circuit.to_file(path)
    found = run_json(path, "--shots", "1e3", "--seed", "4")
    assert {(row["model"], row["shots"]) for row in found["experiments"]} == {("sampled", 1000)}
    again = run_json(path, "--shots", "1000", "--seed", "4")
    assert [row["failures"] for row in found["experiments"]] == [row["failures"] for row in again["experiments"]]
    assert run_json(path, "--shots", "1e3", "--model", "noisy")["experiments"][0]["model"] == "noisy"


def test_own_files_are_decoded(tmp_path: Path) -> None:
    made = sample()
    made.circuit.to_file(tmp_path / "c.stim")
    (tmp_path / "e.b8").write_bytes(made.events.tobytes())
    write_01(tmp_path / "o.01", made.flips)
    own = "--circuit", tmp_path / "c.stim", "--events", tmp_path / "e.b8", "--observables", tmp_path / "o.01"
    folder = write_sycamore(tmp_path / "same", made)
    mine, theirs = (run_json(*arguments)["experiments"] for arguments in (own, [folder]))
    assert [row["failures"] for row in mine] == [row["failures"] for row in theirs]
    assert {(row["distance"], row["rounds"]) for row in mine} == {(None, 3)}
    with pytest.raises(BadInput, match="--observables is missing: give all 3"):
        run(*own[:4])
    with pytest.raises(BadInput, match=r"--rounds 3 is for circuits, and .*same says its own"):
        run(folder, "--rounds", 3)


def test_rounds_that_are_given_make_the_error_a_cycle(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    path.write_text("X_ERROR(0.1) 0 1\nM 0 1\nDETECTOR(0, 0) rec[-1] rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]\n")
    row, *_ = run_json(path, "--shots", 500)["experiments"]
    assert (row["rounds"], row["ler_cycle"], row["ler_cycle_interval"]) == (None, None, None)
    row, *_ = run_json(path, "--shots", 500, "--rounds", 4)["experiments"]
    assert row["rounds"] == 4
    assert row["ler_cycle"] == error_per_cycle(row["failures"], 500, 4).value
    for words in ("--circuit", path, "--events", tmp_path / "e.01", "--observables", tmp_path / "e.01"), ():
        if words:
            write_01(tmp_path / "e.01", np.array([[0], [1]] * 50, np.uint8))
            row, *_ = run_json(*words, "--rounds", 2)["experiments"]
            assert (row["rounds"], row["shots"]) == (2, 100)


def test_kept_json_is_what_was_printed_and_its_name_does_not_tell_times(tmp_path: Path, release: Path) -> None:
    store = tmp_path / "new" / "store"
    printed = run_json(release, "--store", store)
    (kept,) = store.iterdir()
    assert json.loads(kept.read_text()) == printed
    assert len(kept.name) == len("decode-.json") + 12
    assert f"Kept in {kept}\n" in run(release, "--store", store)
    assert list(store.iterdir()) == [kept]  # other times, the same name
    run(release, "--store", store, "--select", "odd")
    assert len(list(store.iterdir())) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file/below cannot be made \(Not a directory\)"):
        run(release, "--store", tmp_path / "file" / "below")


def test_nothing_is_kept_unasked(tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(release)
    assert not list(tmp_path.iterdir())


def test_willow_layout_is_decoded(tmp_path: Path) -> None:
    made = sample()
    write_willow(tmp_path / "d3_at_q4_5" / "Z" / "r03", made, {"theirs": made.flips})
    rows = run_json(tmp_path)["experiments"]
    assert [row["decoder"] for row in rows] == ["matching", "correlated", "recorded:theirs"]


def test_own_decoder_runs_beside_the_others(tmp_path: Path, release: Path) -> None:
    file = tmp_path / "my_decoder.py"
    file.write_text(
        "import sinter\nfrom counterpoint.decoders.matching import Matching\n"
        "class Mine(sinter.Decoder):\n"
        "    def compile_decoder_for_dem(self, *, dem):\n"
        "        return Matching().compile_decoder_for_dem(dem=dem)\n"
    )
    rows = run_json(release, "--decoder", "matching", "--decoder", f"{file}:Mine")["experiments"]
    assert rows[1]["decoder"] == f"{file}:Mine"
    assert rows[1]["failures"] == rows[0]["failures"]


@dataclass(frozen=True)
class Misshapen(sinter.Decoder):
    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> sinter.CompiledDecoder:
        return CompiledMisshapen()


class CompiledMisshapen(sinter.CompiledDecoder):
    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: np.ndarray) -> np.ndarray:
        return np.zeros((len(bit_packed_detection_event_data), 2), np.uint8)


def test_answer_of_another_shape_is_refused(release: Path) -> None:
    recording = read_experiment(find_experiments(release)[0])
    with pytest.raises(BadInput, match=r"'misshapen' .* uint8 of shape \(2000, 2\), and uint8 of shape \(2000, 1\)"):
        decode_recording(recording, {"misshapen": Misshapen()})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("pass", "NotImplementedError"),
        ("def compile_decoder_for_dem(self, *, dem): return None", "compiled to NoneType"),
        ("def compile_decoder_for_dem(self, *, dem): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def compile_decoder_for_dem(self, *, dem): return Gives([[0]] * 9)", "answered with list"),
        ("def compile_decoder_for_dem(self, *, dem): return Gives(None)", "answered with NoneType"),
        ("def compile_decoder_for_dem(self, *, dem): return Gives(np.zeros((2000, 1)))", "answered with float64"),
        ("def compile_decoder_for_dem(self, *, dem): return Gives(KeyError('lost'))", "KeyError: 'lost'"),
    ],
)
def test_own_decoder_that_fails_is_named_in_one_sentence(tmp_path: Path, release: Path, body: str, told: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"""
import numpy as np, sinter
class Gives(sinter.CompiledDecoder):
    def __init__(self, answer):
        self.answer = answer
    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
class Mine(sinter.Decoder):
    {body}
""")
    with pytest.raises(BadInput) as refused:
        run(release, "--decoder", f"{file}:Mine")
    assert f"decoder '{file}:Mine'" in str(refused.value)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@dataclass(frozen=True)
class Counting(sinter.Decoder):
    """Predicts nothing, notes how many shots it is given at once, and scribbles on them."""

    given: list[int]

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> sinter.CompiledDecoder:
        return CompiledCounting(self.given)


class CompiledCounting(sinter.CompiledDecoder):
    def __init__(self, given: list[int]) -> None:
        self.given = given

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: np.ndarray) -> np.ndarray:
        self.given.append(len(bit_packed_detection_event_data))
        bit_packed_detection_event_data[:] = 0
        return np.zeros((len(bit_packed_detection_event_data), 1), np.uint8)


def test_shots_are_decoded_in_batches_that_sum_to_all_and_are_the_decoders_own(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    sample().circuit.to_file(path)
    recording = sampled(path, 150_000, (0,))
    untouched = recording.detection_events.copy()
    given: list[int] = []
    found = decode_recording(recording, {"counting": Counting(given)})
    assert given == [256, 65_536, 65_536, 150_000 - 2 * 65_536]  # the first to warm up
    np.testing.assert_array_equal(found.failed["counting"], recording.flips.any(axis=1))
    np.testing.assert_array_equal(recording.detection_events, untouched)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--decoder", "mathcing"], "'mathcing' is not known"),
        ([], "0 experiments were named and 1 is needed"),
        (["absent"], "absent is not a folder"),
        (["absent.stim"], "absent.stim is a circuit and has 0 shots of its own"),
        (["absent.stim", "--shots", "5"], "absent.stim does not exist"),
        (["--plot", "figure.jpeg"], "figure.jpeg: name a file"),
        (["--plot", "/proc/figure.svg"], "/proc/figure.svg cannot be written (No such file or directory)"),
    ],
)
def test_bad_input_is_one_clear_sentence(arguments: list[str], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        run(*arguments)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shots", ["1.5", "0", "many", "-3", "inf", "nan"])
def test_number_of_shots_is_a_whole_one(shots: str) -> None:
    result = CliRunner().invoke(app, ["c.stim", "--shots", shots])
    assert result.exit_code == 2


def test_view_holds_the_table_the_fits_and_the_advice(release: Path) -> None:
    text = run(release)
    for word in ("bZ_d3_r03", "correlated", "recorded:perfect", "us a shot", "fitted over rounds", "McNemar"):
        assert word in text
    *table, advised = text.splitlines()
    assert max(len(line) for line in table) <= 100
    assert advised.startswith(("At up to", "Use "))  # a sentence is one line where no terminal sets a width
    assert advised.endswith(".")


def test_names_are_shown_as_they_are_and_not_as_markup(tmp_path: Path) -> None:
    made = sample(shots=500)
    made.circuit.to_file(tmp_path / "[bold]c[blue].stim")
    (tmp_path / "m[").mkdir()
    file = tmp_path / "m[" / "] :x:.py"  # the path has a closing tag
    file.write_text("from counterpoint.decoders.matching import Matching\nX = Matching()\n")
    figure = tmp_path / "[red]f.svg"
    text = run(tmp_path / "[bold]c[blue].stim", "--shots", 500, "--decoder", f"{file}:X", "--plot", figure)
    assert "[bold]c[blue]\n" in "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    assert f"against {file}:X." in text
    assert f"Accuracy against price: {figure}\n" in text


def test_figure_may_have_any_name_in_its_legend(tmp_path: Path, release: Path) -> None:
    found = decode_recording(read_experiment(find_experiments(release)[0]), {"_a$b$c_{.py:X": DECODERS["matching"]})
    draw(compare([found]), tmp_path / "f.svg")
    assert "_a$b$c_{.py:X" in (tmp_path / "f.svg").read_text()


@pytest.mark.parametrize("microseconds", [0.01, 0.0628450886548675, 1.0, 10.0, 299.59424297045655])
@pytest.mark.parametrize("failures", [0, 1, 500, 1000])
def test_figure_of_a_single_point_has_room_around_it(tmp_path: Path, microseconds: float, failures: int) -> None:
    low, high = binomial_interval(failures, 1000)
    itself = Pairing("one", 0, 0, 1.0)
    rate = failures / 1000
    found = Experiment(
        *("a", 3, None, None, 1000, "one", "noisy", failures, rate, (low, high)), None, None, microseconds, itself, ()
    )
    for experiments in [found], [found, replace(found, decoder="recorded:two", us_per_shot=None)]:
        draw(Comparison(tuple(experiments), ()), tmp_path / "f.svg")
        assert (tmp_path / "f.svg").stat().st_size


def test_checking_where_a_figure_goes_leaves_what_is_there(tmp_path: Path) -> None:
    new, old = tmp_path / "new.svg", tmp_path / "old.svg"
    old.write_text("mine")
    check_figure(new)
    check_figure(old)
    assert not new.exists()
    assert old.read_text() == "mine"
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(BadInput, match=r"folder\.svg cannot be written \(Is a directory\)"):
        check_figure(tmp_path / "folder.svg")


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_figure_is_drawn(release: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"figure{suffix}"
    run(release, "--plot", path)
    start = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert path.read_bytes().startswith(start[suffix])


def test_figure_shows_the_fit_of_each_decoder_and_no_price_of_recorded_ones(release: Path) -> None:
    decoded = [decode_recording(read_experiment(f), CHEAP) for f in find_experiments(release)]
    comparison = compare(decoded)
    fits = {fit.decoder: fit for fit in comparison.fits}
    found = points(comparison)
    assert {point.decoder for point in found} == set(fits)
    for point in found:
        assert (point.error, point.interval) == (fits[point.decoder].ler_cycle, fits[point.decoder].interval)
        assert (point.price is None) == point.decoder.startswith("recorded:")


def test_advice_claims_a_gain_only_where_the_paired_test_shows_it(release: Path) -> None:
    decoded = [decode_recording(read_experiment(f), CHEAP) for f in find_experiments(release)]
    both, only_vacuous, only_matching = paired(decoded, "vacuous", "matching")
    assert both + only_vacuous > both + only_matching
    against_nothing = [
        decode_recording(read_experiment(f), {name: DECODERS[name] for name in ("vacuous", "matching")})
        for f in find_experiments(release)
    ]
    told = advice(against_nothing)
    less = 100 * (1 - (both + only_matching) / (both + only_vacuous))
    assert f"use matching: {less:.1f} % fewer logical errors than vacuous" in told
    twins = {"one": DECODERS["matching"], "two": DECODERS["matching"]}
    told = advice([decode_recording(read_experiment(f), twins) for f in find_experiments(release)])
    assert "is not shown to be better" in told
    assert "p = 1" in told
    told = advice(
        [decode_recording(read_experiment(f), {"one": DECODERS["matching"]}) for f in find_experiments(release)]
    )
    assert "name a second --decoder" in told


def sycamore(distance: int) -> list[Path]:
    data = os.environ.get("COUNTERPOINT_DATA")
    if not data or not Path(data, "sycamore").is_dir():
        pytest.skip("COUNTERPOINT_DATA names no folder with sycamore/, the recorded experiments")
    return sorted(Path(data, "sycamore").glob(f"surface_code_bZ_d{distance}_*"))


def test_matching_fails_as_often_as_the_recorded_matching_on_real_shots() -> None:
    rows = run_json(*sycamore(3), "--decoder", "matching", "--model", "noisy")["experiments"]
    by = {(row["rounds"], row["decoder"]): row["failures"] for row in rows}
    lengths = sorted({rounds for rounds, _ in by})
    assert lengths == [1, 3, 5, 7, 9, 13]
    for rounds in lengths:
        assert by[rounds, "matching"] == by[rounds, "recorded:pymatching"]


def test_correlated_matching_with_fitted_weights_reaches_its_figure_on_real_shots() -> None:
    """% a cycle at distance 5; the recorded predictions are counts, so theirs are exact to the last digit."""
    fits = run_json(*sycamore(5), "--decoder", "correlated", "--model", "pij")["fits"]
    found = {fit["decoder"]: 100 * fit["ler_cycle"] for fit in fits}
    assert found["correlated"] == pytest.approx(3.27, abs=0.05)
    assert round(found["recorded:pymatching"], 2) == 4.28
    assert round(found["recorded:belief_matching"], 2) == 2.92
    assert round(found["recorded:tensor_network_contraction"], 2) == 2.75
