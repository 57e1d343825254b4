"""Shots of a noisy circuit, fast for the few thousand that a candidate gets."""

from __future__ import annotations

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import Bits, Key

BATCH = 2048  # shots simulated side by side: more would leave the processor's cache


def sample(circuit: stim.Circuit, shots: int, key: Key) -> tuple[Bits, Bits]:
    """Detection events (shots, ceil(D / 8)) and observable flips (shots, ceil(O / 8)), bit-packed as in .b8.

    Stim's own detector sampler spends half its time on writing its result out; its Pauli-frame
    simulator gives the frames as they are, detector by detector, which is turned over here.
    """
    events = np.empty((shots, (circuit.num_detectors + 7) // 8), np.uint8)
    flips = np.empty((shots, (circuit.num_observables + 7) // 8), np.uint8)
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    simulator = stim.FlipSimulator(batch_size=min(shots, BATCH), num_qubits=circuit.num_qubits, seed=seed)
    for first in range(0, shots, BATCH):
        simulator.clear()
        simulator.do(circuit)
        here = slice(first, min(first + BATCH, shots))
        n = here.stop - first
        events[here] = turn_over(simulator.get_detector_flips(bit_packed=True))[:n]
        flips[here] = turn_over(simulator.get_observable_flips(bit_packed=True))[:n]
    return events, flips


# Masks of the three rounds of swaps that transpose 8 x 8 bits in a word (Warren, Hacker's Delight, 7-3).
_SWAPS = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))


def turn_over(rows: Bits) -> NDArray[np.uint8]:
    """(R, B) bytes, bit-packed along each row -> (8 B, ceil(R / 8)) bytes, bit-packed along each column."""
    height, width = (rows.shape[0] + 7) // 8, rows.shape[1]
    padded = np.zeros((8 * height, width), np.uint8)
    padded[: rows.shape[0]] = rows
    blocks = padded.reshape(height, 8, width).transpose(0, 2, 1).copy()
    words = blocks.view("<u8")[..., 0]
    for shift, mask in _SWAPS:
        swap = (words ^ (words >> np.uint64(shift))) & np.uint64(mask)
        words = words ^ swap ^ (swap << np.uint64(shift))
    columns = words[..., None].view(np.uint8).reshape(height, 8 * width)
    return np.ascontiguousarray(columns.T)
