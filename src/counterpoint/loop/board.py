"""A leaderboard: rows of decoders on frozen shots, added one by one, and who is at the top."""

from __future__ import annotations

import base64
import json
import os
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import sinter

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.network import model_bytes
from counterpoint.decoders.neural import Neural
from counterpoint.loop.advice import level_with_best, pace, shown
from counterpoint.loop.compare import DO_NOTHING, Decoded, decode_recording, paired
from counterpoint.loop.frozen import MANIFEST, Frozen
from counterpoint.loop.own import fingerprint
from counterpoint.machine.recorded import Recording
from counterpoint.quops.paired import mcnemar

ROWS = "board.jsonl"
_LIBRARIES = ("counterpoint", "stim", "pymatching", "ldpc", "tesseract-decoder", "relay-bp", "numpy", "numba")


@dataclass(frozen=True)
class Row:
    """One decoder on one experiment's shots."""

    shots: str  # key of the frozen shots
    name: str  # of the experiment, for people
    decoder: str
    settings: str  # the decoder as it prints itself; "" for one that is no dataclass
    file: str  # SHA-256 of FILE.py, or of the model of a trained decoder; "" for others of the registry
    failures: int  # shots with any observable wrong
    seconds: float  # of decoding alone, one thread
    answers: str  # SHA-256 of the answers as .b8
    wrong: str  # (shots, ceil(O / 8)) observables predicted wrong, as .b8, zlib, base64: any two rows can be paired
    versions: Mapping[str, str]

    @property
    def what(self) -> tuple[str, ...]:
        """What decides a row: where this is the same, there is nothing to run."""
        return self.shots, self.decoder, self.settings, self.file


def what(frozen: Frozen, name: str, decoder: sinter.Decoder) -> tuple[str, ...]:
    """`Row.what` of a row before it is run."""
    trained = isinstance(decoder, Neural)
    file = sha256(model_bytes(decoder.model)).hexdigest() if trained else fingerprint(name)
    return frozen.key, name, repr(decoder) if is_dataclass(decoder) else "", file


def play(frozen: Frozen, recording: Recording, name: str, decoder: sinter.Decoder) -> Row:
    """Decode the shots. Raises BadInput as `decode_recording` does."""
    _, _, settings, file = what(frozen, name, decoder)
    decoded = decode_recording(recording, {name: decoder}, frozen.model)
    wrong = decoded.wrong[name]
    return Row(
        shots=frozen.key,
        name=frozen.name,
        decoder=name,
        settings=settings,
        file=file,
        failures=int(decoded.failed[name].sum()),
        seconds=decoded.seconds[name],
        answers=sha256((wrong ^ recording.flips).tobytes()).hexdigest(),
        wrong=base64.b64encode(zlib.compress(wrong.tobytes(), 9)).decode(),
        versions=_versions(),
    )


def rows(folder: Path, held: Sequence[Frozen]) -> list[Row]:
    """The rows of the board in `folder`, oldest first. A last line that a kill cut off counts as not run.

    Raises:
        BadInput: a damaged row, or one of shots that are not in the manifest.
    """
    path = folder / ROWS
    shots = {one.key: one for one in held}
    found: list[Row] = []
    for number, line in enumerate(_whole(path).decode(errors="replace").splitlines(), 1):
        try:
            row = Row(**json.loads(line))
        except (ValueError, TypeError) as problem:
            raise BadInput(f"row {number} of {path} is damaged ({problem}): take that line out") from problem
        if row.shots not in shots:
            raise BadInput(
                f"row {number} of {path} is of the shots {row.shots}, and {MANIFEST} holds "
                f"{', '.join(shots) or 'none'}: it is of another board, so take that line out or copy its manifest too"
            )
        failures = int(_wrong(row, shots[row.shots], path).any(axis=1).sum())
        if failures != row.failures:
            raise BadInput(
                f"row {number} of {path} says {row.failures} failures, and its shots tell {failures}: take that line "
                "out, and the decoder is run again"
            )
        found.append(row)
    return found


def add(folder: Path, row: Row) -> None:
    """Append a row; it is on the disk when this returns. Raises BadInput where the board cannot be written."""
    path = folder / ROWS
    try:
        whole = len(_whole(path))
        with path.open("ab") as file:
            file.truncate(whole)
            file.write(json.dumps(asdict(row)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise BadInput(f"{path} cannot be written ({problem.strerror}): name a --store of your own") from problem


def standing(frozen: Frozen, of: Sequence[Row], folder: Path) -> Decoded:
    """All decoders on these shots, fewest failures first; of rows with the same name the newest counts."""
    newest = {row.decoder: row for row in of if row.shots == frozen.key}
    by = dict(sorted(newest.items(), key=lambda item: (item[1].failures, item[1].seconds)))
    wrong = {name: _wrong(row, frozen, folder / ROWS) for name, row in by.items()}
    nothing = wrong.get(DO_NOTHING, np.zeros((frozen.shots, 1), np.uint8))
    return Decoded(
        name=frozen.name,
        distance=frozen.distance,
        rounds=frozen.rounds,
        basis=frozen.basis,
        shots=frozen.shots,
        observables=frozen.observables,
        models=dict.fromkeys(by, frozen.model),
        wrong=wrong,
        flipped=np.any(nothing, axis=1),
        seconds={name: row.seconds for name, row in by.items()},
    )


def at_the_top(one: Decoded) -> str:
    """Who is first, and who is not shown to be worse (each pair on the same shots, McNemar, exact)."""
    players = [name for name in one.wrong if name != DO_NOTHING]
    if not players:
        return f"{one.name}: no rows yet, name a --decoder."
    level = level_with_best([one], players)
    if not level:
        return f"{one.name}: void, because no decoder is shown to beat doing nothing: freeze more shots."
    quickest = min(level, key=lambda name: one.seconds[name])
    if len(level) > 1:
        listed = f"{', '.join(level[:-1])} and {level[-1]}"
        return (
            f"{one.name}: tied at the top are {listed} (not shown to fail more often than the first); the quickest is "
            f"{quickest}, {pace([one], quickest)}."
        )
    rest = [name for name in players if name not in level]
    if not rest:
        return f"{one.name}: {level[0]} is alone on the board, {pace([one], level[0])}."
    _, more, fewer = paired([one], rest[0], level[0])
    return (
        f"{one.name}: {level[0]} is first alone, {pace([one], level[0])}; {rest[0]} fails {more - fewer:,} shots more "
        f"(paired p {shown(mcnemar(more, fewer))})."
    )


def _wrong(row: Row, frozen: Frozen, path: Path) -> Bits:
    width = -(-frozen.observables // 8)
    try:
        content = zlib.decompress(base64.b64decode(row.wrong, validate=True))
    except (ValueError, zlib.error) as problem:
        raise BadInput(
            f"the row of {row.decoder} on {row.name} in {path} is damaged ({problem}): take that line out"
        ) from problem
    if len(content) != frozen.shots * width:
        raise BadInput(
            f"the row of {row.decoder} on {row.name} in {path} tells of {len(content)} bytes, and {frozen.shots:,} "
            f"shots of {frozen.observables} observables have {frozen.shots * width}: take that line out"
        )
    return np.frombuffer(content, np.uint8).reshape(frozen.shots, width)


def _whole(path: Path) -> bytes:
    """All lines that were written to their end."""
    content = path.read_bytes() if path.is_file() else b""
    return content[: content.rfind(b"\n") + 1]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
