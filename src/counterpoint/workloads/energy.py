"""Joules: measured where the machine tells (RAPL), else by a stated model of power."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from counterpoint.base import BadInput
from counterpoint.workloads.workload import Bill

RAPL = Path("/sys/class/powercap")  # Linux: the processor's own energy counters, microjoules a package


@dataclass(frozen=True)
class Power:
    """Watts while something works; the defaults are assumptions, as arguments.

    Attributes:
        core: of one processor core with its share of memory; 15 W is usual for a server.
        accelerator: of a GPU under load; 700 W is the limit of an H100 (data sheet).
        machine: of a whole quantum computer; 25 kW is the upper end of what is told of superconducting ones, of which
            the cryostat takes the most, and it draws them whether it computes or not.
    """

    core: float = 15.0
    accelerator: float = 700.0
    machine: float = 25_000.0

    def __str__(self) -> str:
        """What is assumed, in words."""
        return (
            f"{self.core:g} W a core, {self.accelerator:g} W a GPU, {self.machine / 1000:g} kW for a whole cryogenic "
            "machine"
        )

    def __post_init__(self) -> None:
        for name in ("core", "accelerator", "machine"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise BadInput(f"a power of {value} W was given for the {name}: give a finite number, 0 or more")


@dataclass(frozen=True)
class Counters:
    """The processor's energy counters, those of whole packages alone."""

    packages: tuple[Path, ...]

    @classmethod
    def found(cls, folder: Path = RAPL) -> Counters | None:
        """Those that can be read, or None: virtual machines have none, and some systems show them to root alone."""
        packages = tuple(sorted(p for p in folder.glob("intel-rapl:*") if p.name.count(":") == 1))
        try:
            for package in packages:
                _microjoules(package, "energy_uj")
        except (OSError, ValueError):
            return None
        return cls(packages) if packages else None

    def read(self) -> tuple[int, ...]:
        """Microjoules of each package, up to a wrap-around."""
        return tuple(_microjoules(package, "energy_uj") for package in self.packages)

    def since(self, before: tuple[int, ...]) -> float:
        """Joules since `before`, of the whole processor: other programs' too. It may have wrapped around once."""
        total = 0
        for package, was, now in zip(self.packages, before, self.read(), strict=True):
            total += now - was + (_microjoules(package, "max_energy_range_uj") + 1 if now < was else 0)
        return total / 1e6


def charged(bill: Bill, power: Power, measured: float | None = None) -> Bill:
    """`bill` with its joules: machine and GPU by their power; the processor as `measured`, else by a core's power.

    Of a measured amount the simulation's share, by seconds, is left out: it stood in for the machine.
    """
    if measured is None:
        processor = power.core * bill.processor
    else:
        busy = bill.processor + bill.simulation
        processor = measured * bill.processor / busy if busy else 0.0
    return replace(bill, joules=processor + power.accelerator * bill.accelerator + power.machine * bill.machine)


def _microjoules(package: Path, name: str) -> int:
    return int((package / name).read_text())
