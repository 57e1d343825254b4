"""Ctrl-C and a polite kill: the run ends after its ledger and store are in order."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

INTERRUPTED = 130  # what a shell expects of a program that was stopped before it had anything to show


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """A polite kill (SIGTERM) counts as Ctrl-C; what is stopped before its first turn says so and exits.

    What is yielded raises KeyboardInterrupt where one was asked for and lost: Python drops what is raised inside some
    of JAX's callbacks.
    """
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def heed() -> None:
        if asked:
            raise KeyboardInterrupt

    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a program in the background ignores it
    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, *([signal.SIGINT] if heeded else []))}
    try:
        yield heed
    except KeyboardInterrupt:
        print("stopped by hand", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def stoppable() -> Iterator[None]:
    """Taking turns: Ctrl-C ends it, and what was reached is still told."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped by hand: take it up again with counterpoint run --resume", file=sys.stderr)
