"""The calibration snapshot of a fake backend, in a format of our own that is read in milliseconds.

The figures are those of the vendor's own target (qiskit-ibm-runtime, `fake_provider`), float for float. To take them
from there means to import that package and to build the backend; so they are kept, once taken, in the folder that
`cache_folder` names.
"""

from __future__ import annotations

import gzip
import json
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from counterpoint.base import BadInput
from counterpoint.machine.vendors.packages import package, release

FORMAT = 1  # of the kept file
PROVIDER = "qiskit_ibm_runtime.fake_provider"
Qubits = tuple[int, ...]


@dataclass(frozen=True)
class Calibrated:
    """One operation on given qubits."""

    qubits: Qubits
    error: float | None  # one minus the average gate fidelity, or the readout error; None where it is not known
    seconds: float | None


@dataclass(frozen=True)
class Snapshot:
    """A backend as it was calibrated on a day; each tuple over qubits is in their order."""

    name: str  # such as FakeTorino
    date: str  # of the last calibration, YYYY-MM-DD
    qubits: int
    dt: float | None  # s
    t1: tuple[float | None, ...]  # s
    t2: tuple[float | None, ...]  # s
    confusion: tuple[tuple[float | None, float | None], ...]  # P(1|0) and P(0|1) of each qubit's readout
    operations: Mapping[str, tuple[Calibrated, ...]]  # gates, "measure" and "reset" by name
    conditions: bool  # whether operations may depend on results

    @property
    def couplers(self) -> dict[tuple[int, int], float]:
        """The error of the better direction and gate of each pair of qubits, the lower first; unknown counts as 1."""
        best: dict[tuple[int, int], float] = {}
        for one in (c for calibrated in self.operations.values() for c in calibrated if len(c.qubits) == 2):
            pair = (min(one.qubits), max(one.qubits))
            best[pair] = min(best.get(pair, 1.0), 1.0 if one.error is None else one.error)
        return best

    @property
    def readout(self) -> dict[int, float]:
        """The readout error of each qubit that works; unknown counts as 1."""
        return {c.qubits[0]: 1.0 if c.error is None else c.error for c in self.operations["measure"]}


def fake_snapshot(name: str, folder: Path | None = None) -> Snapshot:
    """The snapshot of the fake backend of class `name`, kept in `folder` (`cache_folder` where None).

    Raises BadInput for a name that is not known, and where qiskit-ibm-runtime is not installed.
    """
    vendor = release("qiskit-ibm-runtime", "qiskit")
    path = (cache_folder() if folder is None else folder) / f"{name}-{vendor}-{FORMAT}.json.gz"
    kept = _read(path, name) if name.isidentifier() else None
    if kept is None:
        kept = _taken(name)
        _write(path, kept)
    return kept


def cache_folder() -> Path:
    """Where snapshots are kept: `counterpoint/backends` in $XDG_CACHE_HOME, or in ~/.cache where that is not set."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "counterpoint" / "backends"


def fake_names() -> list[str]:
    """The fake backends that qiskit-ibm-runtime has, by class name. Raises BadInput where it is not installed."""
    provider = package(PROVIDER, "qiskit")
    kind = package(f"{PROVIDER}.fake_backend", "qiskit").FakeBackendV2
    return sorted(n for n, made in vars(provider).items() if isinstance(made, type) and issubclass(made, kind))


def _taken(name: str) -> Snapshot:
    """The snapshot as the vendor's own backend has it."""
    names = fake_names()
    if name not in names:
        near = get_close_matches(name, names, 3, 0.5) or names[:3]
        raise BadInput(
            f"fake backend '{name}' is not one of the {len(names)} that qiskit-ibm-runtime has: give one, such as "
            f"{', '.join(near)}"
        )
    with warnings.catch_warnings():
        # One backend says by a warning that its figures are not those of a chip.
        warnings.filterwarnings("ignore", message="Properties of .* are not intended", category=UserWarning)
        return snapshot_of(name, getattr(package(PROVIDER, "qiskit"), name)())


def snapshot_of(name: str, backend: Any) -> Snapshot:
    """The snapshot of a `qiskit.providers.BackendV2` of IBM, under the name `name`."""
    target, properties = backend.target, backend.properties()
    known = package("qiskit.circuit.library.standard_gates", "qiskit").get_standard_gate_name_mapping()
    # No circuit has a delay, and how the angles of rzz are bounded only the vendor's package knows.
    wanted = sorted(n for n in target.operation_names if n in known and n not in ("delay", "rzz"))
    qubits = range(target.num_qubits)
    return Snapshot(
        name=name,
        date=f"{properties.last_update_date:%Y-%m-%d}",
        qubits=target.num_qubits,
        dt=target.dt,
        t1=tuple(target.qubit_properties[q].t1 for q in qubits),
        t2=tuple(target.qubit_properties[q].t2 for q in qubits),
        confusion=tuple(_confusion(properties.qubit_property(q)) for q in qubits),
        operations={n: _calibrated(target[n]) for n in wanted},
        conditions="if_else" in target.operation_names,
    )


def _calibrated(given: Mapping[Qubits, Any]) -> tuple[Calibrated, ...]:
    rows = sorted(given.items())
    return tuple(Calibrated(q, *((None, None) if one is None else (one.error, one.duration))) for q, one in rows)


def _confusion(given: Mapping[str, Any]) -> tuple[float | None, float | None]:
    one, zero = (given.get(n, (None,))[0] for n in ("prob_meas1_prep0", "prob_meas0_prep1"))
    return one, zero


def _read(path: Path, name: str) -> Snapshot | None:
    """The kept snapshot; None where there is none, or the file is not one of ours."""
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
        operations = {
            n: tuple(Calibrated(tuple(q), error, seconds) for q, error, seconds in rows)
            for n, rows in content.pop("operations").items()
        }
        content |= {n: tuple(content[n]) for n in ("t1", "t2")}
        confusion = tuple((one, zero) for one, zero in content.pop("confusion"))
        kept = Snapshot(**content, confusion=confusion, operations=operations)
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return kept if kept.name == name else None


def _write(path: Path, snapshot: Snapshot) -> None:
    """Keep it, all or nothing; where the folder cannot be written to, it is taken anew next time."""
    content = asdict(snapshot) | {
        "operations": {n: [(c.qubits, c.error, c.seconds) for c in rows] for n, rows in snapshot.operations.items()}
    }
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
