"""Every reader on miniature recordings, and every way in which files can fail to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stim
from recordings import Sample, sample, write_01, write_sycamore, write_willow

from counterpoint.base import BadInput
from counterpoint.machine.recorded import MEMORY, Recording, own_files, read_bits, sampled
from counterpoint.machine.releases import find_experiments, read_experiment


@pytest.fixture(scope="module")
def made() -> Sample:
    return sample()


def check_same(recording: Recording, made: Sample, distance: int | None = 3) -> None:
    np.testing.assert_array_equal(recording.detection_events, made.events)
    np.testing.assert_array_equal(recording.flips, made.flips)
    assert (recording.detectors, recording.observables) == (made.circuit.num_detectors, 1)
    assert recording.numbers.tolist() == list(range(made.shots))
    assert (recording.distance, recording.rounds) == (distance, 3)


def test_sycamore_folder_reads_as_written(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "surface_code_bZ_d3_r03", made, {"pymatching": made.flips ^ 1})
    recording = read_experiment(folder)
    check_same(recording, made)
    assert (recording.name, recording.basis) == ("surface_code_bZ_d3_r03", "Z")
    np.testing.assert_array_equal(recording.predictions["pymatching"], made.flips ^ 1)
    assert list(recording.models) == ["noisy", "circuit", "pij"]
    assert [len(recording.error_models(name)) for name in recording.models] == [1, 1, 2]
    for name in ("noisy", "circuit"):
        (model,) = recording.error_models(name)
        assert model.approx_equals(made.model.flattened() + declared(made), atol=1e-9)


def declared(made: Sample) -> stim.DetectorErrorModel:
    return stim.DetectorErrorModel(f"detector D{made.circuit.num_detectors - 1}\nlogical_observable L0")


def test_fitted_models_cross_over_between_even_and_odd_shots(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    (folder / "pij_from_odd_for_even.dem").write_text("error(0.25) D0 L0\n")
    (folder / "pij_from_even_for_odd.dem").write_text("error(0.125) D0 L0\n")
    even, odd = read_experiment(folder).error_models("pij")
    assert even[0].args_copy() == [0.25]
    assert odd[0].args_copy() == [0.125]
    assert even.num_detectors == odd.num_detectors == made.circuit.num_detectors  # the file names D0 alone


def test_willow_folder_reads_as_written(tmp_path: Path, made: Sample) -> None:
    pathway = "correlated_matching_decoder_with_si1000_prior"
    folder = write_willow(tmp_path / "d3_at_q4_5" / "Z" / "r03", made, {pathway: made.flips})
    recording = read_experiment(folder)
    check_same(recording, made)
    assert (recording.name, recording.basis) == ("d3_at_q4_5/Z/r03", "Z")
    np.testing.assert_array_equal(recording.predictions[pathway], made.flips)
    assert [len(recording.error_models(name)) for name in ("noisy", "circuit")] == [1, 1]
    with pytest.raises(BadInput, match=r"no error model 'pij': take one of noisy, circuit"):
        recording.error_models("pij")


@pytest.mark.parametrize("suffix", [".b8", ".01"])
def test_own_files_read_as_written(tmp_path: Path, made: Sample, suffix: str) -> None:
    paths = tmp_path / "mine.stim", tmp_path / "events.b8", tmp_path / f"flips{suffix}"
    made.circuit.to_file(paths[0])
    paths[1].write_bytes(made.events.tobytes())
    if suffix == ".b8":
        paths[2].write_bytes(made.flips.tobytes())
    else:
        write_01(paths[2], made.flips)
    recording = own_files(*paths)
    check_same(recording, made, distance=None)
    assert recording.name == "mine"
    assert list(recording.models) == ["noisy"]


def test_sampling_repeats_with_its_key_and_only_with_it(tmp_path: Path, made: Sample) -> None:
    path = tmp_path / "d=3,r=3,b=Z.stim"
    made.circuit.to_file(path)
    first, again, other = (sampled(path, 200, key) for key in ((1,), (1,), (2,)))
    np.testing.assert_array_equal(first.detection_events, again.detection_events)
    assert (first.detection_events != other.detection_events).any()
    assert (first.distance, first.rounds, first.basis, first.shots) == (3, 3, "Z", 200)


def test_rounds_are_counted_from_times_alone_and_distance_is_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "circuit.stim"
    sample(distance=5, rounds=7, shots=1).circuit.to_file(path)
    recording = sampled(path, 1, (0,))
    assert (recording.distance, recording.rounds, recording.basis) == (None, 7, None)
    # Of four coordinates the third is the time, and the last a label (as in colour codes).
    two = "".join(f"DETECTOR(0, 0, {t}, 5) rec[-1]\n" for t in range(4))
    path.write_text(f"X_ERROR(0.1) 0\nM 0\n{two}OBSERVABLE_INCLUDE(0) rec[-1]\n")
    assert sampled(path, 1, (0,)).rounds == 3


@pytest.mark.parametrize("coordinates", ["", "(3, 4)", "(3, 4)|(5, 6, 0)", "(3, 4, 0)|(5, 6, 0)"])
def test_rounds_are_unknown_where_detectors_have_no_times(tmp_path: Path, coordinates: str) -> None:
    path = tmp_path / "c.stim"
    detectors = "".join(f"DETECTOR{at} rec[-1]\n" for at in [*coordinates.split("|"), ""][:2])
    path.write_text(f"X_ERROR(0.1) 0\nM 0\n{detectors.strip()}\nOBSERVABLE_INCLUDE(0) rec[-1]\n")
    assert sampled(path, 1, (0,)).rounds is None
    assert sampled(path, 1, (0,), rounds=6).rounds == 6
    path = path.rename(tmp_path / "d=5,r=4.stim")
    recording = sampled(path, 1, (0,))
    assert (recording.distance, recording.rounds) == (5, 4)
    assert sampled(path, 1, (0,), rounds=4).rounds == 4
    with pytest.raises(BadInput, match="r=4 in its name, and 6 rounds were given"):
        sampled(path, 1, (0,), rounds=6)


@pytest.mark.parametrize("shots", [10**10, 10**15])
def test_more_shots_than_memory_are_refused(tmp_path: Path, made: Sample, shots: int) -> None:
    path = tmp_path / "c.stim"
    made.circuit.to_file(path)
    each = 3 + 1 + 16  # 24 detectors, 1 observable, and what is kept beside them
    with pytest.raises(BadInput) as refused:
        sampled(path, shots, (0,))
    for value in (f"{shots:,} shots", f"{shots * each:,} bytes", f"{MEMORY:,}", f"at most {MEMORY // each:,} at once"):
        assert value in str(refused.value)


def test_shots_are_sampled_alike_whatever_the_size_of_a_batch(tmp_path: Path) -> None:
    """65,536 at once: the shots after these are as random, and neither left empty nor the first again.

    Rates of the first and the last 60,000 shots differ by more than 5 standard deviations less than once in a
    million tests.
    """
    path = tmp_path / "c.stim"
    path.write_text("X_ERROR(0.3) 0\nM 0\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-1]\n")
    recording = sampled(path, 130_000, (0,))
    np.testing.assert_array_equal(recording.detection_events, recording.flips)
    first, last = recording.flips[:60_000, 0], recording.flips[-60_000:, 0]
    assert abs(float(first.mean()) - float(last.mean())) < 5 * (2 * 0.3 * 0.7 / 60_000) ** 0.5
    second = recording.flips[65_536 : 65_536 + 60_000, 0]
    assert abs(float((first != second).mean()) - 2 * 0.3 * 0.7) < 5 * (0.42 * 0.58 / 60_000) ** 0.5


def test_model_of_a_circuit_with_repeated_rounds_keeps_its_width(tmp_path: Path) -> None:
    """Its error model shifts the numbers of detectors, which what is declared afterwards must not."""
    path = tmp_path / "long.stim"
    made = sample(distance=3, rounds=40, shots=1)
    made.circuit.to_file(path)
    assert "repeat" in str(made.model)
    (model,) = sampled(path, 1, (0,)).error_models("sampled")
    assert model.num_detectors == made.circuit.num_detectors


def test_selection_keeps_the_numbers_of_the_shots(tmp_path: Path, made: Sample) -> None:
    recording = read_experiment(write_sycamore(tmp_path / "one", made, {"theirs": made.flips}))
    odd = recording.take("odd")
    assert odd.numbers.tolist() == list(range(1, made.shots, 2))
    np.testing.assert_array_equal(odd.detection_events, made.events[1::2])
    np.testing.assert_array_equal(odd.flips, made.flips[1::2])
    np.testing.assert_array_equal(odd.predictions["theirs"], made.flips[1::2])
    assert recording.take("even", 3).numbers.tolist() == [0, 2, 4]
    assert odd.take("odd").numbers.tolist() == list(range(3, made.shots, 4))
    assert recording.take("all").shots == made.shots
    with pytest.raises(BadInput, match="'half'"):
        recording.take("half")
    with pytest.raises(BadInput, match="'odd' of the 1 shots"):
        recording.take("all", 1).take("odd")


def test_parent_folder_takes_all_experiments_below_it(tmp_path: Path, made: Sample) -> None:
    below = [write_sycamore(tmp_path / "b" / "two", made), write_willow(tmp_path / "a" / "one", made)]
    assert find_experiments(tmp_path) == sorted(below)
    assert find_experiments(below[0]) == [below[0]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"1 folder .* is needed, and 0 were found"):
        find_experiments(tmp_path / "empty")
    with pytest.raises(BadInput, match="absent is not a folder"):
        find_experiments(tmp_path / "absent")


def test_truncated_events_show_both_counts_of_bytes(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    events = folder / "detection_events.b8"
    events.write_bytes(events.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"has 1,199 bytes, and 400 shots .* would have 1,200"):
        read_experiment(folder)


def test_own_events_that_end_within_a_shot_show_both_counts_of_bytes(tmp_path: Path, made: Sample) -> None:
    made.circuit.to_file(tmp_path / "c.stim")
    (tmp_path / "e.b8").write_bytes(made.events.tobytes()[:-1])
    write_01(tmp_path / "o.01", made.flips)
    with pytest.raises(BadInput, match=r"has 1,199 bytes, and a whole number of shots .* would have 1,197"):
        own_files(tmp_path / "c.stim", tmp_path / "e.b8", tmp_path / "o.01")
    (tmp_path / "e.b8").write_bytes(b"")
    with pytest.raises(BadInput, match=r"has 0 bytes, .* would have 3"):
        own_files(tmp_path / "c.stim", tmp_path / "e.b8", tmp_path / "o.01")


@pytest.mark.parametrize("name", ["obs_flips_actual.01", "obs_flips_predicted_by_theirs.01"])
def test_files_with_other_counts_of_shots_are_refused(tmp_path: Path, made: Sample, name: str) -> None:
    folder = write_sycamore(tmp_path / "one", made, {"theirs": made.flips})
    write_01(folder / name, made.flips[:-10])
    with pytest.raises(BadInput, match=rf"{name} has 780 bytes, and 400 shots .* would have 800"):
        read_experiment(folder)


def test_missing_events_and_missing_properties_are_named(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    (folder / "detection_events.b8").unlink()
    with pytest.raises(BadInput, match=r"detection_events\.b8 does not exist"):
        read_experiment(folder)
    bare = write_sycamore(tmp_path / "two", made)
    (bare / "properties.yml").unlink()
    with pytest.raises(BadInput, match=r"neither properties\.yml nor metadata\.json"):
        read_experiment(bare)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rounds: 3", "circuit_detectors = None"),
        ("circuit_detectors: many", "circuit_detectors = many"),
        ("- 3", "holds list"),
        ("{", "cannot be read"),
        ("# 3 \xb5s\nrounds: 3", "cannot be read .*0xb5"),  # Latin-1, and no UTF-8
    ],
)
def test_broken_properties_say_what_is_wrong(tmp_path: Path, made: Sample, text: str, told: str) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    (folder / "properties.yml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=told):
        read_experiment(folder)


def test_error_model_of_another_circuit_is_refused(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    wider = sample(distance=5, shots=1)
    wider.circuit.to_file(folder / "circuit_noisy.stim")
    with pytest.raises(BadInput, match=f"has {wider.circuit.num_detectors} detectors, and .* have 24"):
        read_experiment(folder).error_models("noisy")
    two = "error(0.1) D0 L0\nerror(0.1) D1 L1\n"
    (folder / "circuit_detector_error_model.dem").write_text(two)
    with pytest.raises(BadInput, match=r"2 errors and 2 observables, .* flip its 1"):
        read_experiment(folder).error_models("circuit")


def test_error_model_that_flips_no_observable_is_refused(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    made.circuit.without_noise().to_file(folder / "circuit_noisy.stim")
    with pytest.raises(BadInput, match="0 errors and 1 observables"):
        read_experiment(folder).error_models("noisy")
    (folder / "circuit_detector_error_model.dem").write_text("error(0) D0 L0\nerror(0.1) D0\n")
    with pytest.raises(BadInput, match="2 errors and 1 observables"):
        read_experiment(folder).error_models("circuit")


def test_files_that_stim_does_not_read_are_named(tmp_path: Path, made: Sample) -> None:
    folder = write_sycamore(tmp_path / "one", made)
    (folder / "circuit_noisy.stim").write_text("NOT A CIRCUIT")
    (folder / "circuit_detector_error_model.dem").write_text("not a model")
    recording = read_experiment(folder)
    with pytest.raises(BadInput, match=r"circuit_noisy\.stim is not a circuit that stim reads"):
        recording.error_models("noisy")
    with pytest.raises(BadInput, match=r"error_model\.dem gives no error model"):
        recording.error_models("circuit")
    (folder / "obs_flips_actual.01").write_text("2\n" * made.shots)
    with pytest.raises(BadInput, match=r"obs_flips_actual\.01 does not hold 1 bits"):
        read_experiment(folder)


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"NOT A CIRCUIT"])
def test_circuit_that_stim_does_not_read_is_named_once(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "c.stim"
    path.write_bytes(broken)
    with pytest.raises(BadInput, match=r"c\.stim is not a circuit that stim reads"):
        sampled(path, 5, (0,))


def test_folder_in_place_of_a_file_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    path.mkdir()
    with pytest.raises(BadInput) as refused:
        sampled(path, 5, (0,))
    assert str(refused.value) == f"{path} is a folder, and a file is needed there: name the file in it"
    with pytest.raises(BadInput, match="is a folder"):
        read_bits(path, 8, None)


def test_circuit_with_nothing_to_decode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.stim"
    path.write_text("M 0\nDETECTOR rec[-1]\n")
    with pytest.raises(BadInput, match="1 detectors and 0 observables"):
        sampled(path, 5, (0,))
    with pytest.raises(BadInput, match="0 shots"):
        sampled(path, 0, (0,))


def test_other_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.npy"
    path.write_bytes(b"123")
    with pytest.raises(BadInput, match=r"'\.npy', and shots are read from \.b8 or \.01"):
        read_bits(path, 8, None)


def test_bits_beyond_a_shot_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "flips.b8"
    path.write_bytes(bytes([0b001, 0b111]))
    assert read_bits(path, 3, 2).tolist() == [[1], [7]]
    with pytest.raises(BadInput, match="beyond the 2 of shot 1"):
        read_bits(path, 2, 2)
