"""What is decoded, and by which decoders: options that verbs share, and what reads the shots."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from counterpoint.base import BadInput, Key, Program
from counterpoint.machine.programs import general
from counterpoint.machine.recorded import Recording, own_files, read_circuit, sampled
from counterpoint.machine.releases import find_experiments, read_experiment


def whole(text: str) -> int:
    """A number of shots; ``1e6`` is one."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number < 2**63 or number % 1:
        raise typer.BadParameter(f"'{text}' is not a whole number from 1, such as 50000 or 1e6")
    return int(number)


Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of recorded experiments (the layouts of Google's Sycamore and Willow releases; a "
        "parent folder takes all below it), or CIRCUIT.stim to sample with --shots.",
        show_default=False,
    ),
]
Model = Annotated[
    Literal["noisy", "circuit", "pij"] | None,
    typer.Option(
        help="Error model: of the circuit with noise (the default), the release's own file for matching, "
        "or fitted to the other half of the shots (Sycamore's layout only).",
        show_default=False,
    ),
]
Shots = Annotated[
    int | None,
    typer.Option(
        parser=whole,
        metavar="N",
        help="Shots to sample; of recorded ones, decode the first N.",
        show_default=False,
    ),
]
OwnCircuit = Annotated[Path | None, typer.Option(help="Your circuit with noise (.stim).", show_default=False)]
OwnEvents = Annotated[Path | None, typer.Option(help="Its detection events (.b8 or .01).", show_default=False)]
OwnObservables = Annotated[
    Path | None, typer.Option(help="The flips of its observables (.b8 or .01).", show_default=False)
]


def from_path(path: Path, shots: int | None, rounds: int | None, key: Key) -> list[Callable[[], Recording]]:
    """What reads each experiment at `path`; read one after the other, for a release is large."""
    if path.suffix != ".stim":
        if rounds is not None:
            raise BadInput(f"--rounds {rounds} is for circuits, and {path} says its own: leave it out")
        return [partial(read_experiment, folder) for folder in find_experiments(path)]
    if shots is None:
        raise BadInput(
            f"{path} is a circuit and has 0 shots of its own: say how many to sample by --shots N, or give "
            "recorded ones by --circuit, --events and --observables"
        )
    return [partial(sampled, path, shots, key, rounds)]


def from_files(
    circuit: Path | None, events: Path | None, observables: Path | None, rounds: int | None
) -> list[Callable[[], Recording]]:
    """What reads the experiment that these files are; nothing where none is given."""
    given = {"--circuit": circuit, "--events": events, "--observables": observables}
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return []
    if circuit is None or events is None or observables is None:
        raise BadInput(f"own files need {', '.join(given)}, and {', '.join(missing)} is missing: give all 3")
    return [partial(own_files, circuit, events, observables, rounds)]


def program_in(file: Path) -> Program:
    """The circuit in a file, OpenQASM 3 or stim's. Raises BadInput where it cannot be read, or is neither kind."""
    if file.suffix == ".stim":
        return read_circuit(file)
    if file.suffix != ".qasm":
        raise BadInput(f"{file} is of the kind '{file.suffix}': give a .qasm (OpenQASM 3) or a .stim file")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read as text ({error}): check the path") from None
    general(text)  # a fault is told before anything is charged
    return text
