"""Ctrl-C and a polite kill: the run ends after its ledger and store are in order."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

INTERRUPTED = 130  # what a shell expects of a program that was stopped before it had anything to show


@contextmanager
def interruptible() -> Iterator[None]:
    """A polite kill (SIGTERM) counts as Ctrl-C; what is stopped before its first turn says so and exits."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        print("stopped by hand", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def stoppable() -> Iterator[None]:
    """Taking turns: Ctrl-C ends it, and what was reached is still told."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped by hand: take it up again with counterpoint run --resume", file=sys.stderr)
