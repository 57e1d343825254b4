"""A batch of shots as every decoder here takes it, and what a decoder must give back for it."""

from __future__ import annotations

import numpy as np
import sinter

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


def checked_compiled(who: str, compiled: object) -> sinter.CompiledDecoder:
    """`compiled` itself, once it is known to decode; `who` is such as "decoder 'mine.py:Mine'".

    Raises:
        BadInput: it is no `sinter.CompiledDecoder`.
    """
    if not isinstance(compiled, sinter.CompiledDecoder):
        raise BadInput(
            f"{who} compiled to {type(compiled).__name__}, and a sinter.CompiledDecoder is needed: return one "
            "from compile_decoder_for_dem"
        )
    return compiled


def checked_answer(who: str, flips: object, shots: int, observables: int) -> Bits:
    """`flips` itself, once it is known to be an answer for this many shots.

    Args:
        who: answered, such as "decoder 'mine.py:Mine'".
        flips: (shots, ceil(observables / 8)) uint8, bit-packed little-endian.

    Raises:
        BadInput: no array, another type or shape, or a bit set beyond the last observable.
    """
    needed = (shots, -(-observables // 8))
    if not isinstance(flips, np.ndarray) or flips.dtype != np.uint8 or flips.shape != needed:
        gave = f"{flips.dtype} of shape {flips.shape}" if isinstance(flips, np.ndarray) else type(flips).__name__
        raise BadInput(
            f"{who} answered with {gave}, and uint8 of shape {needed} is needed: return one bit-packed row of "
            "observable flips for each shot"
        )
    spare = observables % 8
    if spare and (beyond := np.flatnonzero(flips[:, -1] >> spare)).size:
        last = 8 * needed[1] - 8 + int(flips[beyond[0], -1]).bit_length() - 1
        raise BadInput(
            f"{who} answered shot {beyond[0]} with a flip of observable {last}, and there are {observables}: "
            "leave the spare bits 0"
        )
    return flips
