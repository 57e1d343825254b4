"""The chain: entries that each seal the one before with SHA-256, and what can be wrong with them.

The digest of an entry is the SHA-256 of the JSON array [number, time, kind, content, previous],
written without spaces and in ASCII, where `previous` is the digest of the entry before (64 zeros for
the first). An array, and not joined text, so that nothing can be moved from one field to the next.

The chain alone shows every change but a cut tail. For that one must know the head (count and
digest) that the chain has had, and the store keeps it beside every outcome. An entry beyond that
head may be honest: the run may have been killed after the entry and before its outcome.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import NamedTuple

GENESIS = "0" * 64


class Head(NamedTuple):
    """Where the chain ends: how many entries there are, and the digest of the last."""

    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  # nobody counts values in a head
    digest: str


@dataclass(frozen=True)
class Entry:
    """One entry of the chain."""

    number: int  # from 0
    time: str  # UTC, ISO 8601
    kind: str
    content: str  # canonical JSON
    previous: str  # digest of the entry before
    digest: str

    @property
    def seal(self) -> str:
        """The digest that this content must have (64 hex digits)."""
        fields = [self.number, self.time, self.kind, self.content, self.previous]
        return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a ledger."""

    entry: int | None  # number of the entry where it shows; None where the file itself is damaged
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def entry_faults(entry: Entry, number: int, previous: str) -> list[Fault]:
    """What is wrong with `entry` where `number` should come next, after the digest `previous`."""
    if entry.number != number:
        wrong = f"entry {number} is missing" if entry.number > number else f"entry {entry.number} was put in"
        return [Fault(number, f"{wrong}: entry {entry.number} stands where {number} should")]
    faults = []
    texts = (entry.time, entry.kind, entry.content, entry.previous, entry.digest)
    if not all(isinstance(text, str) for text in texts) or entry.seal != entry.digest:
        faults.append(Fault(number, f"entry {number} was changed: its digest does not fit its content"))
    if entry.previous != previous:
        faults.append(Fault(number, f"entry {number} does not follow from the entry before it"))
    return faults


def head_fault(count: int, found: str | None, expected: tuple[int, str]) -> Fault | None:
    """What is wrong with a chain of `count` entries that is known to have had the head `expected`.

    Args:
        found: the digest of the entry that ends at the expected count, where there is one.
    """
    if count < expected[0]:
        held = f"the ledger holds {count:,} entries and the store has seen {expected[0]:,}"
        return Fault(count, f"the tail is cut: {held}")
    if found is not None and found != expected[1]:
        last = expected[0] - 1
        digests = f"entry {last} has the digest {found:.12} and the store has seen {expected[1]:.12}"
        return Fault(last, f"the chain was written anew: {digests}")
    return None
