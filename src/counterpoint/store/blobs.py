"""Arrays as bytes and back, exactly and small.

Little-endian whole numbers, their bytes sorted by significance before zlib: counts are small, so
that most of their bytes are long runs of zeros.
"""

from __future__ import annotations

import zlib

import numpy as np

from counterpoint.base import BadInput, Floats, Outcome

_LEVEL = 1  # a higher level takes several times as long for a few percent


def pack_floats(values: Floats) -> bytes:
    """(N,) float64 as little-endian bytes; noise does not compress."""
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def unpack_floats(blob: bytes) -> Floats:
    """(N,) float64 that `pack_floats` was given."""
    return np.frombuffer(blob, dtype="<f8").astype(np.float64)


def pack_counts(outcome: Outcome) -> bytes:
    """The (C, 2 S + 4) table of each candidate's events, opportunities, shots, cycles, decoded, failures."""
    singles = np.stack([outcome.shots, outcome.cycles, outcome.decoded, outcome.failures], axis=1)
    table = np.concatenate([outcome.events, outcome.opportunities, singles], axis=1).astype("<i8")
    return zlib.compress(table.reshape(-1).view(np.uint8).reshape(-1, 8).T.tobytes(), _LEVEL)


def unpack_counts(blob: bytes, sites: int, seconds: float) -> Outcome:
    """The outcome that `pack_counts` was given, with its S `sites` and machine `seconds`.

    Raises:
        BadInput: the bytes are damaged (zlib keeps a checksum) or are no table of so many sites.
    """
    try:
        planes = np.frombuffer(zlib.decompress(blob), dtype=np.uint8).reshape(8, -1)
        table = np.ascontiguousarray(planes.T).reshape(-1).view("<i8").astype(np.int64).reshape(-1, 2 * sites + 4)
    except (zlib.error, ValueError) as error:
        raise BadInput(
            f"{len(blob)} bytes of counts at {sites} sites are damaged ({error}): restore the store"
        ) from None
    return Outcome(
        events=table[:, :sites].copy(),
        opportunities=table[:, sites : 2 * sites].copy(),
        shots=table[:, -4].copy(),
        cycles=table[:, -3].copy(),
        decoded=table[:, -2].copy(),
        failures=table[:, -1].copy(),
        seconds=seconds,
    )
