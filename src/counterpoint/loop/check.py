"""What can this machine do? Every protocol of the check, run under a charter, and what it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

from counterpoint.base import BadInput, Counts, Key, Machine, Price, Shots, fold_in
from counterpoint.loop.jobs import JobSession
from counterpoint.machine.general import GeneralMachine, Placing
from counterpoint.machine.protocols.protocol import Finding, Protocol, tally
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.results import bits_of

Status = Literal["holds", "does not hold", "not shown"]


@dataclass(frozen=True, eq=False)
class Checked:
    """One protocol on one machine."""

    title: str
    finding: Finding | None  # None where it was not run
    reason: str  # why it was not run
    shots: int  # of each circuit
    counts: tuple[Counts, ...]  # of each circuit: (2,) * M, bit k of the outcome along axis k
    placed: tuple[tuple[int, ...], ...] = ()  # the physical qubits of its circuits, each set once; () where not known

    @property
    def status(self) -> Status | Literal["not run"] | None:
        """The verdict's; None where there is no bound to pass."""
        if self.finding is None:
            return "not run"
        return self.finding.verdict and self.finding.verdict.status

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values: verdict and figures, or why there are none, and the counts by outcome, bit 0 at the left."""
        if self.finding is None:
            return {"status": "not run", "reason": self.reason}
        verdict = self.finding.verdict
        counts = [
            {"".join(map(str, bits)): int(one[bits]) for bits in product((0, 1), repeat=one.ndim) if one[bits]}
            for one in self.counts
        ]
        return {
            "status": self.status,
            "verdict": verdict and asdict(verdict),
            "figures": [asdict(one) for one in self.finding.figures],
            "shots": self.shots,
            "counts": counts,
            "placed": [list(qubits) for qubits in self.placed],
        }


@dataclass(frozen=True, eq=False)
class Report:
    """What a machine can do, and what it was charged to show it."""

    machine: str
    checked: Mapping[str, Checked]  # by the protocol's name
    price: Price
    seconds: float  # of wall time

    @property
    def status(self) -> Status:
        """Holds where every verdict does, does not hold where any does not, else not shown: also what was not run."""
        found = [one.status for one in self.checked.values()]
        if "does not hold" in found:
            return "does not hold"
        return "not shown" if {"not shown", "not run"} & set(found) else "holds"

    @property
    def sentence(self) -> str:
        """The overall verdict and what it rests on, with the first reason why something was not run."""
        told = {
            status: ", ".join(name for name, one in self.checked.items() if one.status == status)
            for status in ("holds", "does not hold", "not shown", "not run")
        }
        reasons = [one.reason for one in self.checked.values() if one.reason]
        parts = {
            "does not hold": f"below the bound in {told['does not hold']}",
            "not shown": f"undecided in {told['not shown']}",
            "holds": f"above the bound in {told['holds']}",
            "not run": f"not run {told['not run']} ({reasons[0] if reasons else ''})",
        }
        return f"{self.machine} {self.status}: " + "; ".join(parts[s] for s in parts if told[s]) + "."

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "machine": self.machine,
            "status": self.status,
            "protocols": {name: one.plain for name, one in self.checked.items()},
            "price": asdict(self.price),
            "seconds": self.seconds,
        }


def check(
    session: JobSession,
    machine: Machine,
    shots: int,
    key: Key,
    protocols: Mapping[str, Protocol],
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run `protocols` on `machine`, `shots` for a circuit (fewer where a protocol has many circuits).

    A machine with a queue is sent all of them before the first is waited for. What the machine or the charter refuses
    is not run, and the reason told; `say` hears what is being run. Raises BadInput for fewer than 1 shot.
    """
    if shots < 1:
        raise BadInput(f"{shots} shots were asked for: give 1 or more")
    began, before = time.perf_counter(), session.used()
    begun = {}
    for name, protocol in protocols.items():
        say(name)
        begun[name] = _begun(session, machine, protocol, max(1, shots // protocol.part), fold_in(key, name))
    checked = {}
    for name, ended in begun.items():
        say(f"reading {name}")
        checked[name] = ended()
    used = session.used()
    price = Price(*(getattr(used, k) - getattr(before, k) for k in ("cycles", "shots", "seconds", "spend")))
    return Report(machine.name, checked, price, time.perf_counter() - began)


def _begun(session: JobSession, machine: Machine, protocol: Protocol, shots: int, key: Key) -> Callable[[], Checked]:
    """All circuits are run, or where the machine queues sent; what is returned waits for them and reads them."""
    try:
        pending = [_sent(session, machine, text, shots, fold_in(key, i)) for i, text in enumerate(protocol.circuits())]
    except BadInput as refusal:
        refused = Checked(protocol.title, None, str(refusal), shots, ())
        return lambda: refused

    def ended() -> Checked:
        try:
            found = [collect() for collect in pending]
        except BadInput as refusal:
            return Checked(protocol.title, None, str(refusal), shots, ())
        widths = [one.bits for one in protocol.programs()]
        counts = tuple(tally(bits_of(one, width)) for one, width in zip(found, widths, strict=True))
        return Checked(protocol.title, protocol.read(counts), "", shots, counts, _placed(machine, protocol))

    return ended


def _placed(machine: Machine, protocol: Protocol) -> tuple[tuple[int, ...], ...]:
    runs = machine.simulator if isinstance(machine, GeneralMachine) else machine
    if not isinstance(runs, Placing):
        return ()
    return tuple(dict.fromkeys(runs.placed(text) for text in protocol.circuits()))


def _sent(session: JobSession, machine: Machine, circuit: str, shots: int, key: Key) -> Callable[[], Shots]:
    """What gives the outcome of a circuit: one that was sent to a queue is not waited for before."""
    if isinstance(machine, QueuedMachine):
        ticket = session.submit(machine, circuit, shots, key)
        return lambda: session.collect(machine, ticket)
    found = session.run(machine, circuit, shots, key)
    return lambda: found
