"""Machines by name: what a person writes is what is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoint.base import BadInput, Machine
from counterpoint.loop.machines import NAMED, machine_named


def test_options_reach_the_machine() -> None:
    assert len(machine_named("willow:distance=5", (1,)).space.sites) == 24
    assert len(machine_named("willow", (1,)).space.sites) == 8


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("willo", "machine 'willo' is not known: take one of"),
        ("willow:size=3", "machine 'willow' was given 'size=3' and takes distance, drift: write willow:OPTION=VALUE"),
        ("willow:distance", "was given 'distance' and takes distance, drift"),
        (
            "willow:distance=three",
            "option distance of machine 'willow' is 'three' and its default 3: give a whole number",
        ),
        ("logical:p=much", r"option p of machine 'logical' is 'much' and its default 0\.001: give a number"),
        ("logical:noise=pink", "the noise of the logical machine is 'pink': give one of uniform, si1000, willow"),
        ("logical:decoder=best", "the decoder of the logical machine is 'best': give one of"),
    ],
)
def test_what_cannot_be_made_is_told(name: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        machine_named(name, (1,))


def test_ones_own_machine(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from counterpoint.machine.chip import willow\n\n"
        "def make():\n    return willow(3, key=(1,), drift='none', epoch_seconds=1.0)\n\nnone = 3\n"
    )
    assert isinstance(machine_named(f"{file}:make", (1,)), Machine)
    with pytest.raises(BadInput, match="is a int, and a Machine is needed"):
        machine_named(f"{file}:none", (1,))


def test_every_name_says_what_it_is() -> None:
    assert all(one.what for one in NAMED.values())
