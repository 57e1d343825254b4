"""A batch of shots as every decoder here takes it."""

from __future__ import annotations

import numpy as np

from counterpoint.base import BadInput, Bits


def checked_batch(events: Bits, detectors: int) -> Bits:
    """`events` itself, once it is known to fit an error model with this many detectors.

    Args:
        events: (shots, ceil(detectors / 8)) uint8, bit-packed little-endian, as in stim's ``.b8``.
        detectors: of the error model.

    Raises:
        BadInput: another type, another width, or a bit set beyond the last detector (which is how
            shots of a wider circuit look where the bytes happen to agree).
    """
    width = -(-detectors // 8)
    if events.ndim != 2 or events.dtype != np.uint8:
        raise BadInput(
            f"detection events are {events.dtype} of shape {events.shape}, and a decoder takes bit-packed "
            f"uint8 of shape (shots, {width}): pack them with numpy.packbits(..., axis=1, bitorder='little')"
        )
    if events.shape[1] != width:
        raise BadInput(
            f"detection events have {events.shape[1]} bytes a shot, and an error model with {detectors} "
            f"detectors needs {width}: give the shots and the error model of the same circuit"
        )
    spare = detectors % 8
    if spare and (beyond := np.flatnonzero(events[:, -1] >> spare)).size:
        last = 8 * width - 8 + int(events[beyond[0], -1]).bit_length() - 1
        raise BadInput(
            f"shot {beyond[0]} fires detector {last}, and the error model has {detectors} detectors: "
            "give the shots and the error model of the same circuit"
        )
    return events
