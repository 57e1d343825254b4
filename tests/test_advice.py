"""The sentence that says which decoder to run: what it may claim, and when the comparison is void."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import sample, write_sycamore

from counterpoint.decoders import DECODERS
from counterpoint.loop.advice import advice
from counterpoint.loop.compare import Decoded, decode_recording
from counterpoint.machine.releases import read_experiment
from counterpoint.quops.paired import mcnemar


@pytest.mark.parametrize("names", [["vacuous", "matching"], ["matching", "correlated"], ["matching"]])
def test_advice_is_void_where_nothing_beats_doing_nothing(tmp_path: Path, names: list[str]) -> None:
    """Doing nothing is counted whether or not it was asked for; 3 shots can show nothing."""
    made = sample(shots=3)
    folder = write_sycamore(tmp_path / "one", made)
    told = advice([decode_recording(read_experiment(folder), {name: DECODERS[name] for name in names})])
    assert told.startswith("This comparison is void, because no decoder is shown to beat doing nothing")
    assert f"that fails {made.flips.sum()} of 3 shots, and matching " in told


def told_of(shots: int, failed: dict[str, int], flipped: int) -> str:
    """Advice where each decoder fails the first so many shots, and an observable flips in the last ones."""
    number = np.arange(shots)
    return advice(
        [
            Decoded(
                name="made up",
                distance=3,
                rounds=3,
                basis="Z",
                shots=shots,
                observables=1,
                models=dict.fromkeys(failed, "noisy"),
                wrong={name: (number < count).astype(np.uint8)[:, None] for name, count in failed.items()},
                flipped=number >= shots - flipped,
                seconds={name: 1.0 + i for i, name in enumerate(failed)},
            )
        ]
    )


def test_decoders_that_lose_to_doing_nothing_are_void_however_sure_that_is() -> None:
    told = told_of(1000, {"one": 300, "two": 200}, flipped=100)
    assert "void" in told
    assert "fails 100 of 1,000 shots, and two 200" in told


def test_cheap_decoder_that_does_not_beat_doing_nothing_is_not_advised() -> None:
    """It is not shown to fail more often than the best one; nor less often than doing nothing, at first."""
    alpha = 0.05 / 3
    assert mcnemar(0, 6) > alpha
    assert mcnemar(70, 105) < alpha < mcnemar(76, 105)
    assert told_of(1000, {"cheap": 76, "best": 70}, flipped=105).startswith("Use best")
    assert mcnemar(76, 150) < alpha
    assert told_of(1000, {"cheap": 76, "best": 70}, flipped=150).startswith("Use cheap")


def test_advice_without_a_decoder_asks_for_one() -> None:
    told = told_of(1000, {"vacuous": 0}, flipped=100)
    assert told == "Doing nothing fails 100 of 1,000 shots: name a --decoder to compare with it."
