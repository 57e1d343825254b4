"""Jobs and what comes of them as plain JSON values and back: what is stored, and what travels to another machine."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import stim

from counterpoint.base import BadInput, Bits, Floats, Job, Program, Shots
from counterpoint.machine.results import annotated

MOST_SHOTS = 10**12
MOST_WORDS = 64  # of a key
DEEPEST = 100  # blocks of a text within each other: those who read it recurse
BITS = ("detection_events", "observables", "measurements")
_UNREAD = re.compile(r"\[[^\]\n]*\]|#[^\n]*")  # tags and comments of a stim text


def job_plain(job: Job) -> dict[str, Any]:
    """`job` as JSON values that `job_of` reads back."""
    return {
        "circuit": circuit_plain(job.circuit),
        "shots": job.shots,
        "cycles": job.cycles,
        "controls": job.controls.tolist(),
        "action": job.action,
        "key": list(job.key),
    }


def circuit_plain(circuit: Program) -> dict[str, str]:
    """{"qasm": text} of OpenQASM 3, {"stim": text} of a stim circuit."""
    return {"qasm": circuit} if isinstance(circuit, str) else {"stim": str(circuit)}


def job_of(plain: Any) -> Job:
    """The job that `job_plain` was given. Raises BadInput where a value is missing or cannot be."""
    job = _table(plain, "a job")
    return Job(
        circuit=circuit_of(_value(job, "circuit")),
        controls=_rows(_value(job, "controls")),
        shots=_whole(_value(job, "shots"), "shots", 1, MOST_SHOTS),
        cycles=_whole(_value(job, "cycles"), "cycles", 1, MOST_SHOTS),
        action=_text(_value(job, "action"), "action"),
        key=key_of(_value(job, "key")),
    )


def circuit_of(plain: Any) -> Program:
    """The circuit that `circuit_plain` was given; OpenQASM is not read here. Raises BadInput for a stim circuit that
    stim cannot read, or with more than `DEEPEST` blocks within each other."""
    table = _table(plain, "a circuit")
    if set(table) == {"qasm"}:
        return _text(table["qasm"], "qasm")
    if set(table) != {"stim"}:
        raise BadInput(
            f"a circuit has the keys {', '.join(table) or 'none'}: give one, 'stim' or 'qasm', with its text"
        )
    text = _text(table["stim"], "stim")
    if (deep := depth(_UNREAD.sub("", text), "{", "}")) > DEEPEST:
        raise BadInput(f"the circuit has {deep:,} REPEAT within each other and {DEEPEST} may be: join some")
    try:
        return stim.Circuit(text)
    except ValueError as error:
        raise BadInput(f"the circuit is none that stim can read ({_first_line(error)}): mend that line") from None


def depth(text: str, opening: str, closing: str) -> int:
    """How many brackets of `text` stand within each other at most, whichever of the characters given they are."""
    open, most = 0, 0
    for one in re.findall(f"[{re.escape(opening + closing)}]", text):
        open += 1 if one in opening else -1
        most = max(most, open)
    return most


def key_of(plain: Any) -> tuple[int, ...]:
    """A key of randomness. Raises BadInput where it is no list of 1 to 64 words of 64 bits."""
    if not isinstance(plain, list) or not 1 <= len(plain) <= MOST_WORDS:
        raise BadInput(f"the key is {_shown(plain)}: give a list of 1 to {MOST_WORDS} whole numbers")
    return tuple(_whole(word, "a word of the key", 0, 2**64 - 1) for word in plain)


def shots_plain(shots: Shots) -> dict[str, Any]:
    """`shots` as JSON values that `shots_of` reads back; bits are base64 of the bytes in C order."""
    bits = {name: base64.b64encode(getattr(shots, name).tobytes()).decode() for name in BITS}
    return bits | {"controls": shots.controls.tolist(), "started": shots.started, "seconds": shots.seconds}


def shots_of(plain: Any, job: Job) -> Shots:
    """The shots that `shots_plain` was given, as an answer to `job`. Raises BadInput where they cannot be that."""
    table = _table(plain, "an answer")
    controls = _rows(_value(table, "controls"))
    if len(controls) != len(job.controls):
        raise BadInput(f"the answer is of {len(controls)} candidates and the job has {len(job.controls)}: ask again")
    events, observables, measurements = (_bits(_value(table, name), name, job) for name in BITS)
    seconds = (_number(_value(table, name), name) for name in ("started", "seconds"))
    return Shots(events, observables, measurements, controls, *seconds)


def packed(plain: Mapping[str, Any]) -> bytes:
    """JSON values as compressed bytes, for a store."""
    return zlib.compress(json.dumps(plain, allow_nan=False).encode(), 1)


def unpacked(blob: bytes) -> Any:
    """What `packed` was given. Raises BadInput where the bytes are damaged."""
    try:
        return json.loads(zlib.decompress(blob))
    except (zlib.error, ValueError) as error:
        raise BadInput(f"{len(blob)} bytes of a result are damaged ({error}): restore the store") from None


def _bits(plain: Any, name: str, job: Job) -> Bits:
    """(C, shots, bytes) bit-packed."""
    try:
        data = base64.b64decode(_text(plain, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"'{name}' is no base64 ({error}): ask again") from None
    rows = len(job.controls) * job.shots
    width, rest = divmod(len(data), rows)
    if rest or width != _width(name, job.circuit, width):
        wanted = _width(name, job.circuit, width + bool(rest))
        raise BadInput(f"'{name}' has {len(data)} bytes and {rows} shots have {rows * wanted}: ask again")
    return np.frombuffer(data, np.uint8).reshape(len(job.controls), job.shots, width).copy()


def _width(name: str, circuit: Program, given: int) -> int:
    """Bytes a shot; as `given` where only who reads the OpenQASM text can know them."""
    if isinstance(circuit, str):
        return given if name == "measurements" else 0
    looked = annotated(circuit)
    bits = {
        "detection_events": circuit.num_detectors,
        "observables": circuit.num_observables,
        "measurements": 0 if looked else circuit.num_measurements,
    }
    return (bits[name] + 7) // 8


def _rows(plain: Any) -> Floats:
    """(C, N) of finite numbers."""
    if not isinstance(plain, list) or not plain or not all(isinstance(row, list) for row in plain):
        raise BadInput(f"the controls are {_shown(plain)}: give a list of 1 or more lists of numbers")
    rows = [[_number(value, "a control") for value in row] for row in plain]
    if len({len(row) for row in rows}) > 1:
        raise BadInput(f"the controls have rows of {sorted({len(row) for row in rows})} numbers: give as many in each")
    return np.array(rows, np.float64).reshape(len(rows), -1)


def _table(plain: Any, what: str) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise BadInput(f"{what} is {_shown(plain)}: give a JSON object")
    return plain


def _value(table: dict[str, Any], name: str) -> Any:
    if name not in table:
        raise BadInput(f"'{name}' is missing among {', '.join(table) or 'no keys'}: add it")
    return table[name]


def _text(plain: Any, name: str) -> str:
    if not isinstance(plain, str):
        raise BadInput(f"'{name}' is {_shown(plain)}: give a text")
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        found = ascii(plain[error.start])
        raise BadInput(f"'{name}' has {found} at {error.start}, half a character: give a text of Unicode") from None
    return plain


def _whole(plain: Any, name: str, least: int, most: int) -> int:
    if not isinstance(plain, int) or isinstance(plain, bool) or not least <= plain <= most:
        raise BadInput(f"'{name}' is {_shown(plain)}: give a whole number from {least} to {most}")
    return plain


def _number(plain: Any, name: str) -> float:
    if not isinstance(plain, int | float) or isinstance(plain, bool) or not abs(plain) <= sys.float_info.max:
        raise BadInput(f"'{name}' is {_shown(plain)}: give a finite number")
    return float(plain)


def _shown(plain: Any) -> str:
    return f"{plain!r:.40}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
