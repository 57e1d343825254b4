"""Machines by name: what a person writes, such as ``logical:distance=5`` or ``FakeTorino``, made into a machine."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.base import BadInput, Key, Machine, fold_in
from counterpoint.decoders import DECODERS
from counterpoint.loop.own import blaming, own
from counterpoint.loop.settings import Settings
from counterpoint.machine import MACHINES
from counterpoint.machine.hardware import CHIP_TWO_QUBIT, CHIPS, NOISES, Noise
from counterpoint.machine.hidden import hidden_variables
from counterpoint.machine.ideal import ideal
from counterpoint.machine.logical import LogicalMachine
from counterpoint.machine.operations import OPERATIONS, Bench
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.vendors.aer import aer, fake
from counterpoint.machine.vendors.aws import aws
from counterpoint.machine.vendors.braket import Depolarising, local
from counterpoint.machine.vendors.ibm import ibm
from counterpoint.store.jobs import Jobs

TOKEN = "COUNTERPOINT_TOKEN"  # environment variable with the token of a remote machine
MOST = 100_000  # shots by which an operation of the logical machine is measured in each basis


@dataclass(frozen=True)
class Maker:
    """How machines of one name are made; what it takes besides the key are its options, with their defaults."""

    make: Callable[..., Machine]
    what: str

    def __call__(self, name: str, options: str, key: Key) -> Machine:
        return self.make(key, **self._read(name, options))

    @property
    def defaults(self) -> dict[str, Any]:
        """Options and what they are where they are not given."""
        parameters = [*inspect.signature(self.make).parameters.values()][1:]
        return {one.name: one.default for one in parameters}

    def _read(self, name: str, options: str) -> dict[str, Any]:
        known, found = self.defaults, {}
        for part in _parts(options, known):
            option, equals, value = part.partition("=")
            if option not in known or not equals:
                takes = f"takes {', '.join(known)}" if known else "takes none"
                start = f"{name}{',' if ':' in name else ':'}"
                raise BadInput(f"machine '{name}' was given '{part}' and {takes}: write {start}OPTION=VALUE,...")
            kind = type(known[option])
            try:
                found[option] = kind(value)
            except ValueError:
                raise BadInput(
                    f"option {option} of machine '{name}' is '{value}' and its default {known[option]}: give a "
                    f"{'whole number' if kind is int else 'number'}"
                ) from None
        return found


def _parts(options: str, known: dict[str, Any]) -> list[str]:
    """Options one by one; what is none belongs to the text before it: drift=telegraph:rate=0.003,amplitude=1."""
    parts: list[str] = []
    for part in filter(None, options.split(",")):
        before = parts[-1].partition("=")[0] if parts else ""
        if part.partition("=")[0] not in known and isinstance(known.get(before), str):
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def machine_named(name: str, key: Key, jobs: Jobs | None = None) -> Machine:
    """The machine that `name` stands for: of `NAMED`, a vendor's, an address, or ``FILE.py:NAME``.

    Args:
        jobs: where those that queue write down what they submit; they are refused without.

    Raises:
        BadInput: no such machine, an option that it does not take, a package or an account that is missing.
    """
    if name.startswith(("http:", "https:")):
        return _remote(name, _kept(jobs, name))
    plain, _, options = name.partition(":")
    if plain in VENDORS:
        device, _, prices = options.partition(",")
        maker = Maker(partial(VENDORS[plain], _kept(jobs, name), device), "queued by a vendor")
        return maker(f"{plain}:{device}", prices, key)
    if plain in NAMED:
        machine = NAMED[plain](plain, options, key)
        machine.name = name if options and machine.name == plain else machine.name  # else two would look alike
        return machine
    if plain.startswith("Fake"):
        return Maker(partial(_fake, plain), "a snapshot of an IBM backend")(plain, options, key)
    if Path(name.rpartition(":")[0]).suffix != ".py":
        known = ", ".join([*NAMED, "a fake backend such as FakeTorino", "ibm:BACKEND", "aws:ARN", "an address"])
        raise BadInput(f"machine '{name}' is not known: take one of {known}, or your own as FILE.py:NAME")
    made = own(name, NAMED, "machine")
    with blaming(f"machine '{name}'"):
        machine = made() if callable(made) else made
    if not isinstance(machine, Machine):
        raise BadInput(f"machine '{name}' is a {type(machine).__name__}, and a Machine is needed there")
    return machine


def queues(name: str) -> bool:
    """Whether the machine of that name queues its jobs."""
    return name.partition(":")[0] in ("http", "https", *VENDORS)


def machines_named(names: Sequence[str], key: Key, jobs: Jobs) -> dict[str, Machine]:
    """All of them, before any is charged. Raises BadInput as `machine_named`, and where one is named twice."""
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"machine '{name}' was named {names.count(name)} times: name each once")
    return {name: machine_named(name, key, jobs) for name in names}


def queue_named(name: str, jobs: Jobs) -> QueuedMachine | None:
    """The machine whose own name is `name`, as a store has it, to collect what it was sent; None where none queues.

    Raises BadInput where it cannot be reached.
    """
    address = name.rpartition(" at ")[2]
    free = {"ibm": ",rate=0", "aws": ",per_task=0,per_shot=0", "http": "", "https": ""}  # nothing is sent that costs
    kind = address.partition(":")[0]
    machine = machine_named(address + free[kind], (0,), jobs) if kind in free else None
    return machine if isinstance(machine, QueuedMachine) else None


def _kept(jobs: Jobs | None, name: str) -> Jobs:
    if jobs is None:
        raise BadInput(f"machine '{name}' queues its jobs, of which this verb keeps 0: name one that answers at once")
    return jobs


def _remote(url: str, jobs: Jobs) -> Machine:
    from counterpoint.machine.remote import connect  # HTTP is loaded where it is used

    return connect(url, os.environ.get(TOKEN, ""), jobs)


def _ibm(jobs: Jobs, backend: str, key: Key, rate: float = math.nan) -> Machine:
    return QueuedMachine(ibm(backend, rate), jobs)


def _aws(jobs: Jobs, arn: str, key: Key, per_task: float = math.nan, per_shot: float = math.nan) -> Machine:
    return QueuedMachine(aws(arn, per_task=per_task, per_shot=per_shot), jobs)


VENDORS: dict[str, Callable[..., Machine]] = {"ibm": _ibm, "aws": _aws}  # with an account; prices have no default


def _fake(name: str, key: Key, qubits: str = "") -> Machine:
    try:
        chosen = tuple(int(q) for q in qubits.split("-")) if qubits else None
    except ValueError:
        raise BadInput(f"qubits of machine '{name}' are '{qubits}': give their numbers, such as 0-1") from None
    return fake(name, chosen)


def _chip(name: str) -> Maker:
    def make(key: Key, distance: int = 3, drift: str = "none") -> Machine:
        epoch = Settings().epoch_seconds
        return MACHINES[name](distance, key=fold_in(key, "machine"), drift=drift, epoch_seconds=epoch)

    return Maker(make, "a drifting chip")


def _logical(
    key: Key,
    distance: int = 3,
    noise: str = "si1000",
    p: float = 1e-3,
    decoder: str = "correlated",
    failures: int = 400,
) -> Machine:
    """Its operations are measured first, some seconds; a magic state errs as a physical two-qubit gate does."""
    if noise not in NOISES and noise not in CHIPS:
        raise BadInput(f"the noise of the logical machine is '{noise}': give one of {', '.join([*NOISES, *CHIPS])}")
    if decoder not in DECODERS:
        raise BadInput(f"the decoder of the logical machine is '{decoder}': give one of {', '.join(DECODERS)}")
    hardware = CHIPS[noise] if noise in CHIPS else Noise(noise, NOISES[noise](p))
    bench = Bench(distance, hardware, DECODERS[decoder])
    measured = bench.measure(OPERATIONS, failures=failures, shots=MOST, key=fold_in(key, "operations"))
    return LogicalMachine(distance, measured, magic=CHIP_TWO_QUBIT.get(noise, p))


def _braket(key: Key) -> Machine:
    return local("braket_sv")


def _noisy_braket(
    key: Key, one: float = Depolarising.one, two: float = Depolarising.two, readout: float = Depolarising.readout
) -> Machine:
    return local("braket_dm", Depolarising(one, two, readout))


NAMED: dict[str, Maker] = {
    "ideal": Maker(lambda key: ideal(), "exact, without noise"),
    "aer": Maker(lambda key: aer(), "Qiskit's simulator, without noise"),
    "braket": Maker(_braket, "Braket's local state vector"),
    "braket-dm": Maker(_noisy_braket, "Braket's local density matrix with a stated noise"),
    "hidden-variables": Maker(
        lambda key: hidden_variables(), "each side knows its own angle alone: the check must fail"
    ),
    "logical": Maker(_logical, "logical qubits with measured errors"),
    **{name: _chip(name) for name in MACHINES},
}
