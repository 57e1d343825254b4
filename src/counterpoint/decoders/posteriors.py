"""What a few rounds of belief propagation say of each mechanism, for 64 shots side by side.

Sum-product on the whole model, where an error of four detectors is one mechanism (Richardson and Urbanke, Modern
Coding Theory, 2008, chapter 2). A message to a detector is tanh of half the log-odds and a message from one the
ratio of two chances, so that no logarithm is taken before the end: two divisions and a product an edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Bits, Floats
from counterpoint.decoders.compiled import compiled_wide
from counterpoint.decoders.mechanisms import Ints

LANES = 64  # shots at once
_SURE = np.float32(0.999999)  # tanh of half the log-odds of a message, at most
_LOW, _HIGH = np.float32(1e-28), np.float32(1e28)  # ratios whose logarithm a float32 can tell

Singles = NDArray[np.float32]


@compiled_wide
def _to_detectors(ratio, first, last, fires, product, message, told, belief):
    """The messages of one mechanism; `belief` is left with its ratio of chances."""
    lanes = message.shape[1]
    for k in range(lanes):
        belief[k] = ratio
    for t in range(first, last):
        whole, own, said = product[fires[t]], message[t], told[t - first]
        for k in range(lanes):
            others = min(max(whole[k] / own[k], -_SURE), _SURE)
            said[k] = (1 - others) / (1 + others)
            belief[k] *= said[k]
    for t in range(first, last):
        own, said = message[t], told[t - first]
        for k in range(lanes):
            new = (said[k] - belief[k]) / (said[k] + belief[k])
            own[k] = new if abs(new) > 1e-6 else 1e-6  # it will be divided by


@compiled_wide
def posteriors(weight: Floats, first: Ints, fires: Ints, detectors: int, events: Bits, rounds: int) -> Singles:
    """float32 (shots, M): ln of the odds that each mechanism did not happen, after `rounds` rounds.

    Args:
        weight: (M,) prior log-odds; the detectors of mechanism m are ``fires[first[m]:first[m + 1]]``.
        events: (shots, ceil(detectors / 8)) uint8, bit-packed little-endian.
        rounds: of messages, all at once each; 0 gives the prior.
    """
    mechanisms, shots = len(weight), len(events)
    found = np.empty((shots, mechanisms), np.float32)
    message = np.zeros((len(fires), LANES), np.float32)
    product = np.zeros((detectors, LANES), np.float32)
    told = np.zeros((max(1, (first[1:] - first[:-1]).max()), LANES), np.float32)
    belief = np.zeros(LANES, np.float32)
    ratio = np.exp(-weight).astype(np.float32)
    for begin in range(0, shots, LANES):
        here = min(LANES, shots - begin)
        for m in range(mechanisms):
            message[first[m] : first[m + 1]] = (1 - ratio[m]) / (1 + ratio[m])
            found[begin : begin + here, m] = weight[m]
        for turn in range(rounds):
            product[:] = 1.0
            for d in range(detectors):
                for k in range(here):
                    if events[begin + k, d >> 3] >> (d & 7) & 1:
                        product[d, k] = -1.0
            for t in range(len(fires)):
                whole, own = product[fires[t]], message[t]
                for k in range(LANES):
                    whole[k] *= own[k]
            for m in range(mechanisms):
                _to_detectors(ratio[m], first[m], first[m + 1], fires, product, message, told, belief)
                if turn == rounds - 1:
                    for k in range(here):
                        found[begin + k, m] = -np.log(min(max(belief[k], _LOW), _HIGH))
    return found
