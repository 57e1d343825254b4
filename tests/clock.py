"""A clock of the processor that no other program can hurry or hold up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

TICKS = 16  # of a budget: some hundred runs, as each batch may be three times as large as the last one


@dataclass
class Clock:
    """Every reading takes `tick` seconds."""

    tick: float
    now: float = 5.0

    def __call__(self) -> float:
        self.now += self.tick
        return self.now

    def set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "process_time", self)
