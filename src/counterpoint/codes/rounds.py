"""A memory experiment as its rounds: the first, the bulk as one REPEAT block, the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import stim

from counterpoint.base import BadInput

Write = Callable[[bool, bool], Sequence[str]]  # (first, last) -> the lines of a round


def check_memory(rounds: int, basis: str) -> None:
    """Raises BadInput for a memory experiment of no round, or in another basis than Z and X."""
    if rounds < 1:
        raise BadInput(f"a memory experiment of {rounds} rounds was asked for: give 1 round or more")
    if basis not in ("Z", "X"):
        raise BadInput(f"a memory experiment in basis {basis!r} was asked for: give 'Z' or 'X'")


def in_rounds(begin: Sequence[str], write: Write, rounds: int) -> stim.Circuit:
    """The circuit of `begin` and `rounds` rounds; all but the first and the last are one REPEAT block.

    `write(first, last)` gives the lines of a round that is the first, the last, both or neither.
    """
    if rounds == 1:
        return _circuit([*begin, *write(True, True)])
    circuit = _circuit([*begin, *write(True, False)])
    if rounds > 2:
        body = _circuit(write(False, False))
        circuit += body if rounds == 3 else body * (rounds - 2)
    return circuit + _circuit(write(False, True))


def _circuit(lines: Sequence[str]) -> stim.Circuit:
    return stim.Circuit("\n".join(lines))
