"""Triage at every share: each is what a direct run gives, the price is charged, and no more is said than is shown."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import sinter
import stim
from recordings import sample, write_sycamore
from test_decode import run

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.triage import Triage
from counterpoint.loop.compare import decode_recording
from counterpoint.loop.curve import SHARES, Curve, curve, share_to_take
from counterpoint.loop.frontier import lines
from counterpoint.machine.recorded import Recording, sampled
from counterpoint.machine.releases import read_experiment


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("curve") / "d=3,r=3.stim"
    sample(noise=0.01).circuit.to_file(path)
    return sampled(path, 3000, (1,))


def drawn(recording: Recording, triage: Triage | None = None, model: str | None = None) -> Curve:
    decoded = decode_recording(recording, {"correlated": DECODERS["correlated"]}, model)
    return curve("triage", triage or Triage(), recording, decoded, model)


def check_direct(recording: Recording, found: Curve, model: str | None = None) -> None:
    for share, name in zip(SHARES, found.asked, strict=True):
        (direct,) = decode_recording(recording, {"direct": Triage(share=share)}, model).wrong.values()
        np.testing.assert_array_equal(found.decoded.wrong[name], direct)


def test_each_share_answers_as_triage_of_that_share_does(recording: Recording) -> None:
    found = drawn(recording)
    check_direct(recording, found)
    ends = decode_recording(recording, {"0": DECODERS["matching"], "100": Coset()})
    for share in ("0", "100"):
        np.testing.assert_array_equal(found.decoded.wrong[f"triage {share} %"], ends.wrong[share])
    asked = list(found.asked.values())
    assert asked == sorted(asked)
    assert (asked[0], asked[-1]) == (0, 3000)


def test_recorded_shots_with_two_error_models_have_a_curve(tmp_path: Path) -> None:
    recording = read_experiment(write_sycamore(tmp_path / "one", sample(shots=500)))
    check_direct(recording, drawn(recording, model="pij"), "pij")


@dataclass(frozen=True)
class Slow(sinter.Decoder):
    """Answers like the one inside, and notes how many shots it is asked about."""

    given: list[int]

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> sinter.CompiledDecoder:
        return CompiledSlow(DECODERS["matching"].compile_decoder_for_dem(dem=dem), self.given)


class CompiledSlow(sinter.CompiledDecoder):
    def __init__(self, inner: sinter.CompiledDecoder, given: list[int]) -> None:
        self.inner, self.given = inner, given

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: np.ndarray) -> np.ndarray:
        self.given.append(len(bit_packed_detection_event_data))
        return self.inner.decode_shots_bit_packed(bit_packed_detection_event_data=bit_packed_detection_event_data)


def test_each_shot_is_asked_about_once_and_every_share_is_charged_for_its_own(recording: Recording) -> None:
    given: list[int] = []
    found = drawn(replace(recording, name="small"), Triage(second=Slow(given)))
    asked = np.array(list(found.asked.values()))
    warm = sum(given) - 3000
    assert sum(given[-np.count_nonzero(np.diff(asked)) :]) == 3000
    assert warm <= 256 * len(SHARES)
    second = np.array(list(found.second.values()))
    assert second[0] == 0
    assert (np.diff(second)[np.diff(asked) > 0] > 0).all()
    for step in found.steps:
        assert step.us_first + step.us_second == pytest.approx(step.found.us_per_shot)
        assert step.found.mcnemar.against == "correlated"


def made_up(found: Curve, failures: list[int]) -> str:
    """The advice where each share fails the first so many of 3,000 shots, and doing nothing the last 1,500."""
    number = np.arange(3000)
    wrong = {n: (number < k).astype(np.uint8)[:, None] for n, k in zip(found.asked, failures, strict=True)}
    decoded = replace(found.decoded, wrong=wrong, flipped=number >= 1500, seconds=dict.fromkeys(wrong, 1.0))
    return share_to_take([replace(found, decoded=decoded)])


def test_smallest_share_that_is_not_shown_to_be_worse_is_taken(recording: Recording) -> None:
    found = drawn(recording)
    told = made_up(found, [300, 200, 150, 109, 101, 100, 100, 100, 100])
    assert told.startswith("Take triage 2 % (Triage(share=0.02)), 109 failures in 3,000 shots")
    assert "the best, triage 10 %, with 100" in told
    assert made_up(found, [300, 200, 150, 130, 50, 50, 50, 50, 50]).startswith("Take triage 5 % (Triage(share=0.05))")
    assert made_up(found, [100] * 9).startswith("Take triage 0 %")
    assert made_up(found, [1500] * 9).startswith("No share of triage is shown to beat doing nothing")


def test_curve_is_one_line_in_the_figure(recording: Recording) -> None:
    found = drawn(recording)
    (line,) = lines([found])
    assert [point.decoder for point in line] == ["triage"] * len(SHARES)
    assert [point.price for point in line] == pytest.approx([(s.us_first + s.us_second) / 3 for s in found.steps])
    assert [point.error for point in line] == [step.found.ler_cycle for step in found.steps]


def test_command_shows_the_curve_draws_it_and_says_which_share(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    sample(noise=0.01).circuit.to_file(path)
    words = path, "--shots", 1000, "--decoder", "triage", "--curve"
    figure = tmp_path / "f.svg"
    shown = run(*words, "--plot", figure)
    *table, _, took, _ = shown.splitlines()
    assert max(len(line) for line in table) <= 100
    assert took.startswith("Take triage ")
    assert all(f"<!-- {share} % -->" in figure.read_text() for share in ("0", "0.5", "5", "100"))
    found = json.loads(run(*words, "--json"))
    assert list(found) == ["experiments", "fits", "curves"]
    assert [step["share"] for step in found["curves"]] == list(SHARES)
    (direct,) = found["experiments"]
    (same,) = (step["found"] for step in found["curves"] if step["share"] == 0.05)
    assert same["failures"] == direct["failures"]
    assert same["mcnemar"] == {"against": "triage", "only_this": 0, "only_other": 0, "p": 1.0}
    for _ in range(2):  # other times, the same name
        run(*words, "--store", tmp_path / "s")
    assert len(list((tmp_path / "s").iterdir())) == 1


def test_curve_needs_triage_and_triage_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    sample().circuit.to_file(path)
    with pytest.raises(BadInput, match=r"--curve is of triage, and the decoders are matching, correlated: add"):
        run(path, "--shots", 10, "--curve")
    path.write_text("X_ERROR(0.1) 0\nM 0\n" + "DETECTOR rec[-1]\n" * 3 + "OBSERVABLE_INCLUDE(0) rec[-1]\n")
    with pytest.raises(BadInput, match=r"fires 3 detectors at once"):
        run(path, "--shots", 10, "--decoder", "triage", "--curve")


def test_curve_of_published_shots_holds_the_direct_run() -> None:
    data = os.environ.get("COUNTERPOINT_DATA")
    if not data or not Path(data, "surface").is_dir():
        pytest.skip("COUNTERPOINT_DATA names no folder with surface/, the published circuits")
    (path,) = Path(data, "surface").glob("r=5,d=5,p=0.002,*")
    recording = sampled(path, 4000, (0,))
    (direct,) = decode_recording(recording, {"triage": Triage()}).wrong.values()
    np.testing.assert_array_equal(drawn(recording).decoded.wrong["triage 5 %"], direct)
