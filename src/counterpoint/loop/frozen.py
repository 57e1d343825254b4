"""Frozen shots: written down once with the SHA-256 of every file, so that anybody decodes the same ones.

The folder of a board holds ``manifest.json`` and, for each experiment, ``shots/KEY/`` with its error model (two where
even and odd shots have their own), detection events and observables in stim's formats. Whoever has the manifest
alone makes the shots again from the circuit; stim does not promise that a seed gives the same shots in every
version and on every processor, so that the hashes decide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.base import BadInput
from counterpoint.identity import identity
from counterpoint.machine.recorded import Recording, read_bits

MANIFEST = "manifest.json"
_EVENTS, _FLIPS = "detection_events.b8", "obs_flips_actual.b8"
_SHOWN = 16  # digits of a hash in a sentence


@dataclass(frozen=True)
class Frozen:
    """One experiment's shots; hashes are SHA-256 of the files' bytes."""

    name: str
    distance: int | None
    rounds: int | None
    basis: str | None
    shots: int
    detectors: int
    observables: int
    model: str  # the error model's name
    seed: int | None  # of the samples; None for recorded shots
    stim: str  # the version that sampled them, or made the error model
    circuit: str | None  # hash of the .stim file; None where the error model came as .dem
    models: list[str]  # hashes of the .dem files: one, or two for even and odd shots
    events: str
    flips: str

    @property
    def key(self) -> str:
        """What the shots are, whoever froze them: of the hashes of error models, events and observables."""
        return identity([self.models, self.events, self.flips])[:_SHOWN]

    @property
    def files(self) -> dict[str, str]:
        """Hash of each file in the folder of the shots."""
        models = {f"model_{i}.dem": digest for i, digest in enumerate(self.models)}
        return models | {_EVENTS: self.events, _FLIPS: self.flips}


def manifest(folder: Path) -> list[Frozen]:
    """The shots that the board in `folder` is of; none where there is no board yet.

    Raises:
        BadInput: a manifest that is empty or damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return []
    try:
        listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["shots"]
        return [Frozen(**values) for values in listed]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(
            f"{path} has {path.stat().st_size} bytes and is no manifest of a board ({type(problem).__name__}): copy it "
            "again, or name another --store"
        ) from problem


def freeze(folder: Path, recording: Recording, shots: int | None, model: str | None, seed: int | None) -> Frozen:
    """Write the shots into `folder` and its manifest, or find that they are those that it already holds.

    Args:
        shots: the first so many; None takes as many as the board holds, or all.
        model: a name in ``recording.models``; None takes the board's, or the first.
        seed: that the shots were sampled with; None for recorded ones.

    Raises:
        BadInput: the board holds other shots of this name, or `folder` cannot be written.
    """
    held = manifest(folder)
    same = by_name(held, recording.name)
    if same is not None:
        shots = same.shots if shots is None else shots
        model = same.model if model is None else model
    recording = recording.take("all", shots)
    model = next(iter(recording.models)) if model is None else model
    models = [str(error_model).encode() + b"\n" for error_model in recording.error_models(model)]
    events, flips = recording.detection_events.tobytes(), recording.flips.tobytes()
    source = recording.models[model][0]
    made = Frozen(
        name=recording.name,
        distance=recording.distance,
        rounds=recording.rounds,
        basis=recording.basis,
        shots=recording.shots,
        detectors=recording.detectors,
        observables=recording.observables,
        model=model,
        seed=seed,
        stim=version("stim"),
        circuit=_sha(source.read_bytes()) if source.suffix == ".stim" else None,
        models=[_sha(text) for text in models],
        events=_sha(events),
        flips=_sha(flips),
    )
    if same is not None:
        _check_same(made, same, folder)
    place = folder / "shots" / made.key
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in zip(made.files, (*models, events, flips), strict=True):
            if not (place / name).is_file():
                _write(place / name, content)
        if same is None:
            listed = {"shots": [asdict(one) for one in (*held, made)]}
            _write(folder / MANIFEST, json.dumps(listed, indent=1).encode() + b"\n")
    except OSError as problem:
        raise BadInput(f"{folder} cannot be written ({problem.strerror}): name a --store of your own") from problem
    return made if same is None else same


def thaw(folder: Path, frozen: Frozen) -> Recording:
    """The shots as they were frozen. Raises BadInput where a file is missing or is not the one of the manifest."""
    place = folder / "shots" / frozen.key
    for name, digest in frozen.files.items():
        if not (place / name).is_file():
            raise BadInput(
                f"{place / name} is missing: give the circuit or folder of {frozen.name} as PATH, and its "
                f"{frozen.shots:,} shots are made again, or copy the files"
            )
        found = _sha((place / name).read_bytes())
        if found != digest:
            raise BadInput(
                f"{place / name} has SHA-256 {found[:_SHOWN]}, and the manifest says {digest[:_SHOWN]}: it was "
                "changed, so remove it and give the circuit or folder again"
            )
    dems = tuple(place / name for name in frozen.files if name.endswith(".dem"))
    return Recording(
        name=frozen.name,
        distance=frozen.distance,
        rounds=frozen.rounds,
        basis=frozen.basis,
        detectors=frozen.detectors,
        observables=frozen.observables,
        detection_events=read_bits(place / _EVENTS, frozen.detectors, frozen.shots),
        flips=read_bits(place / _FLIPS, frozen.observables, frozen.shots),
        numbers=np.arange(frozen.shots),
        predictions={},
        models={frozen.model: dems},
    )


def _check_same(made: Frozen, held: Frozen, folder: Path) -> None:
    whats = ("detection events", "observables", "error model")
    sides = [(one.events, one.flips, " and ".join(digest[:_SHOWN] for digest in one.models)) for one in (made, held)]
    for what, mine, theirs in zip(whats, *sides, strict=True):
        if mine != theirs:
            raise BadInput(
                f"the {what} of {_origin(made)} have SHA-256 {mine[:_SHOWN]}, and the board holds those of "
                f"{_origin(held)} with {theirs[:_SHOWN]}: give the same shots, or copy the board's own into "
                f"{folder / 'shots' / held.key} and name no PATH, or take another --store"
            )


def _origin(one: Frozen) -> str:
    how = "" if one.seed is None else f" of seed {one.seed}"
    return f"{one.name} ({one.shots:,} shots{how}, stim {one.stim})"


def _sha(content: bytes) -> str:
    return sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, whenever the program is stopped."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def by_name(held: Sequence[Frozen], name: str) -> Frozen | None:
    """The shots of this name."""
    return next((one for one in held if one.name == name), None)
