"""``counterpoint logical``: what does my logical circuit cost on this machine, and what comes out?"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from counterpoint.base import Job, Shots, fold_in
from counterpoint.cli.console import console
from counterpoint.cli.hardware import ChipName, NoiseName, P, Strength, hardware_of, named
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import JobStore, Json, Rules, Seed, decoder_named, jobs_in
from counterpoint.cli.sources import program_in, whole
from counterpoint.loop.own import blaming
from counterpoint.machine.account import Account, Charge
from counterpoint.machine.hardware import CHIP_TWO_QUBIT
from counterpoint.machine.logical import LogicalMachine, check_magic, needed
from counterpoint.machine.operations import Bench
from counterpoint.machine.results import outcomes

MOST = 300_000  # shots of an operation in each basis
SHOWN = 8  # outcomes

Circuit = Annotated[Path, typer.Argument(metavar="CIRCUIT", help="Noiseless, of logical qubits: .stim or .qasm.")]
Distance = Annotated[int, typer.Option(help="Of the rotated surface code, odd.")]
Decoder = Annotated[str, typer.Option(help="As counterpoint decode takes it.")]
Runs = Annotated[int, typer.Option("--shots", parser=whole, metavar="N", help="Shots of the circuit.")]
Failures = Annotated[
    int, typer.Option("--failures", min=1, help=f"Of an operation, then enough; at most {MOST:,} shots in each basis.")
]
Magic = Annotated[
    float | None,
    typer.Option(
        help="Error of an injected magic state, an assumption. Default: that of a physical two-qubit gate.",
        show_default=False,
    ),
]


def logical(
    circuit: Circuit,
    noise: NoiseName = None,
    p: Strength = None,
    chip: ChipName = None,
    distance: Distance = 3,
    decoder: Decoder = "correlated",
    shots: Runs = 10_000,
    failures: Failures = 400,
    magic: Magic = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: JobStore = None,
    charter: Rules = None,
) -> None:
    """Measure the errors of the logical operations that a circuit needs, charge them to it, and run it.

    T is the tagged gate S[T] of stim; layers end at TICK, or are made. Intervals are 95 %.
    """
    given = program_in(circuit)
    bench = Bench(distance, hardware_of(noise, p, chip), decoder_named(decoder))
    if magic is None:
        magic = CHIP_TWO_QUBIT[chip] if chip else P if p is None else p
    check_magic(magic)
    wanted = needed(given)
    with interruptible(), Console(stderr=True).status(f"measuring {', '.join(wanted)}"):
        with blaming(f"decoder '{decoder}'"):
            measured = bench.measure(wanted, failures=failures, shots=MOST, key=fold_in((seed,), "operations"))
        machine = LogicalMachine(distance, measured, magic=magic)
        with jobs_in(store, charter) as session:
            found = session.run(machine, given, shots, fold_in((seed,), "noisy"))
        ideal = machine.ideal(Job(given, machine.space.start[None], shots, 1, "ideal", fold_in((seed,), "ideal")))
    charged = machine.account(given)
    counts = [Counter(outcomes(given, one)) for one in (found, ideal)]
    if as_json:
        typer.echo(json.dumps(_plain(machine, charged, counts, shots), allow_nan=False))
        return
    _show(machine, charged, counts, f"{named(noise, p, chip)}, distance {distance}, decoder {decoder}", found, shots)


def _plain(machine: LogicalMachine, charged: Account, counts: list[Counter[str]], shots: int) -> dict[str, Any]:
    charges = [
        asdict(one) | {"quops": asdict(one.quops), "expected": one.expected, "share": charged.share(one)}
        for one in charged.charges
    ]
    seen = {
        name: {basis: {" ".join(fault): k for fault, k in counted.items()} for basis, counted in one.seen.items()}
        for name, one in machine.measured.items()
    }
    return {
        "distance": machine.distance,
        "steps": charged.steps,
        "cycles": charged.cycles,
        "magic": machine.magic,
        "charges": charges,
        "expected": charged.expected,
        "success": asdict(charged.success),
        "measured": {name: {"shots": one.shots, "seen": seen[name]} for name, one in machine.measured.items()},
        "shots": shots,
        "outcomes": dict(counts[0].most_common()),
        "ideal": dict(counts[1].most_common()),
    }


def _show(
    machine: LogicalMachine, charged: Account, counts: list[Counter[str]], source: str, found: Shots, shots: int
) -> None:
    out = console()
    piped = not out.is_terminal
    out.print(f"{source}\n", style="dim", soft_wrap=piped)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("operation")
    for heading in ("uses", "error, %", "failures in shots of each basis", "QuOps", "share, %"):
        table.add_column(heading, justify="right")
    for one in charged.charges:
        table.add_row(*_row(one), f"{100 * charged.share(one):.1f}")
    out.print(table)
    success = charged.success
    told = [
        f"{charged.steps} steps, {charged.cycles} cycles, {1e6 * found.seconds / shots:.4g} us a shot. Errors charged "
        f"to one shot: {charged.expected:.4g}; no error in {100 * success.value:#.3g} % "
        f"({100 * success.low:#.3g}-{100 * success.high:#.3g})."
    ]
    bounded = [one.operation for one in charged.charges if one.failures == 0]
    if bounded:
        told.append(f"No failure was seen of {', '.join(bounded)}: charged is the upper bound, and sampled, too.")
    if any(one.failures is None for one in charged.charges):
        told.append(f"Assumed, not measured: an injected magic state errs with {machine.magic:.4g}; |Y> is good.")
    for sentence in told:
        out.print(f"\n{sentence}", soft_wrap=piped)
    outcomes = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("outcome", "of these shots, %", "without noise, %"):
        outcomes.add_column(heading, justify="right")
    for outcome, _ in (counts[0] + counts[1]).most_common(SHOWN):
        outcomes.add_row(outcome, *(f"{100 * one[outcome] / shots:.2f}" for one in counts))
    out.print()
    out.print(outcomes)


def _row(one: Charge) -> tuple[str, ...]:
    error, quops = one.error, one.quops
    if one.failures is None:
        return one.operation, f"{one.count:g}", f"{100 * error.value:#.3g}", "assumed", f"{1 / error.value:.3g}"
    if one.failures == 0:
        told = f"below {100 * error.high:#.3g}", f"above {quops.low:.3g}"
    else:
        ends = f"{100 * error.low:#.3g}-{100 * error.high:#.3g}"
        told = f"{100 * error.value:#.3g} ({ends})", f"{1 / error.value:.3g} ({quops.low:.3g}-{1 / error.low:.3g})"
    return one.operation, f"{one.count:g}", told[0], f"{one.failures:,} in {one.shots:,}", told[1]
