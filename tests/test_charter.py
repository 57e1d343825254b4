"""Charters: what is read, and what is refused and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from counterpoint.base import BadInput
from counterpoint.govern.charter import FIRST_RUN, Ask, Charter, Limits
from counterpoint.govern.size import read_size, write_size

GOOD = """
name = "lab"
[objective]
sentence = "Keep the detection rate low."
measure = "detection-rate"
[limits]
range = 4
step = 2.5
cycles = 1_000_000
shots = 40_000
seconds = 60
disk = "200 MB"
spend = 0
[ask]
step = 1.5
kinds = ["TryControls"]
"""


def refused(old: str, new: str) -> str:
    """What the charter says when `old` in a good one is replaced by `new`."""
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        Charter.from_toml(GOOD.replace(old, new))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_good_charter_is_read_as_written() -> None:
    charter = Charter.from_toml(GOOD)
    assert charter.name == "lab"
    assert charter.limits == Limits(
        range=4, step=2.5, cycles=1_000_000, shots=40_000, seconds=60, disk=200_000_000, spend=0
    )
    assert charter.ask == Ask(step=1.5, kinds=("TryControls",))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shots =", "shot =", ["limits.shot", "did you mean 'limits.shots'"]),
        ("[limits]", "[limit]", ["limit", "did you mean 'limits'"]),
        ("[ask]", "[asks]", ["asks", "did you mean 'ask'"]),
        ('name = "lab"', 'name = "lab"\nseconds = 5', ["seconds", "did you mean 'limits.seconds'"]),
        ("spend = 0", "spend = 0\nqzxw = 1", ["limits.qzxw", "range, step, cycles"]),
        ("measure =", "mesure =", ["objective.mesure", "did you mean 'objective.measure'"]),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(old: str, new: str, words: list[str]) -> None:
    sentence = refused(old, new)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("step = 1.5", "step = 2.5", ["ask.step is 2.5", "limits.step is 2.5", "lower ask.step"]),
        ("step = 1.5", "step = 3", ["ask.step is 3", "limits.step is 2.5"]),
        (
            "shots = 40_000",
            "shots = 2_000_000",
            ["shots is 2,000,000", "cycles is 1,000,000", "raise cycles"],
        ),
        ("step = 2.5", "step = 9", ["step is 9", "range is 4", "lower step"]),
        ("range = 4", "range = 0", ["limits.range is 0", "above 0"]),
        ("range = 4", "range = -4", ["limits.range is -4", "above 0"]),
        ("step = 2.5", "step = nan", ["limits.step is nan", "finite"]),
        ("seconds = 60", "seconds = inf", ["limits.seconds is inf", "finite"]),
        ("seconds = 60", 'seconds = "60"', ["limits.seconds is '60'", "without quotes"]),
        ("cycles = 1_000_000", "cycles = true", ["limits.cycles is True", "number"]),
        ("cycles = 1_000_000", "cycles = 1000000.5", ["limits.cycles is 1000000.5", "write 1000000"]),
        ("spend = 0", "spend = -0.01", ["limits.spend is -0.01", "0 or more"]),
        ('disk = "200 MB"', 'disk = "200 cubits"', ["'200 cubits'", "'200 MB'"]),
        ('disk = "200 MB"', 'disk = "-1 MB"', ["'-1 MB'"]),
        ('disk = "200 MB"', 'disk = "0 MB"', ["limits.disk is 0", "above 0"]),
        ('"detection-rate"', '"beauty"', ["'beauty'", "detection-rate"]),
        ('["TryControls"]', '["TryControl"]', ["TryControl", "TryControls"]),
        ("shots = 40_000\n", "", ["limits.shots", "missing", "such as"]),
        ("[limits]", "[limits", ["not TOML", "line"]),
        ('name = "lab"', 'name = ""', ["'name'"]),
        ('name = "lab"', "name = 3", ["'name' is 3"]),
    ],
)
def test_bad_limits_are_refused_with_both_values(old: str, new: str, words: list[str]) -> None:
    sentence = refused(old, new)
    assert all(word in sentence for word in words), sentence


def test_a_charter_file_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    with pytest.raises(BadInput, match=r"lab\.toml does not exist"):
        Charter.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"lab\.toml cannot be read as text"):
        Charter.load(path)
    path.write_text(GOOD.replace("shots", "shoots"))
    with pytest.raises(BadInput, match=r"lab\.toml: key 'limits\.shoots'.*'limits\.shots'"):
        Charter.load(path)
    path.write_text(GOOD)
    assert Charter.load(path) == Charter.from_toml(GOOD)


def test_the_built_in_charter_survives_being_written() -> None:
    assert Charter.from_toml(FIRST_RUN.to_toml()) == FIRST_RUN
    assert FIRST_RUN.name == "first-run"


positive = st.floats(1e-6, 1e6)


@st.composite
def charters(draw: st.DrawFn) -> Charter:
    reach, cycles = draw(positive), draw(st.integers(1, 10**12))
    step = draw(st.floats(1e-7, 1)) * 2 * reach
    limits = Limits(
        range=reach,
        step=step,
        cycles=cycles,
        shots=draw(st.integers(1, cycles)),
        seconds=draw(positive),
        disk=draw(st.integers(1, 10**13)),
        spend=draw(st.floats(0, 1e6)),
    )
    held = draw(st.none() | st.floats(0.01, 0.99).map(lambda share: share * step))
    kinds = draw(st.sampled_from([(), ("TryControls",)]))
    return Charter(
        name=draw(st.text(min_size=1)), objective=FIRST_RUN.objective, limits=limits, ask=Ask(step=held, kinds=kinds)
    )  # fmt: skip


@given(charters())
def test_toml_round_trip(charter: Charter) -> None:
    assert Charter.from_toml(charter.to_toml()) == charter


@given(st.integers(0, 10**15))
def test_sizes_round_trip(count: int) -> None:
    assert read_size(write_size(count)) == count


def test_sizes_are_read_in_decimal_and_binary_units() -> None:
    assert read_size("1.5 GiB") == 3 * 2**29
    assert read_size("200mb") == 200_000_000
    assert write_size(200_000_000) == "200 MB"
