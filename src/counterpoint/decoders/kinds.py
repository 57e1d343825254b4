"""Kinds of mechanisms: the same error in another round, or in an experiment of another length, is of the same kind."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import stim

from counterpoint.decoders.mechanisms import Ints, Mechanisms


def kinds_of(dem: stim.DetectorErrorModel, mechanisms: Mechanisms) -> Ints:
    """(M,) a number for the kind of each mechanism, the same on every machine.

    Of one kind are mechanisms that end at the same ends and fire detectors at the same places and in the same rounds
    after each other; the first and the last round are told from those between. Time is a detector's last coordinate.
    Where a detector has no coordinates, each mechanism is of a kind of its own.
    """
    places = dem.get_detector_coordinates()
    placed = len(places) == dem.num_detectors and all(places.values())
    times = [place[-1] for place in places.values()] if placed else [0.0]
    found = np.zeros(len(mechanisms.weight), np.int64)
    for m in range(len(found)):
        fired = mechanisms.fires[mechanisms.first[m] : mechanisms.first[m + 1]].tolist()
        shape: object = fired
        if placed:
            when = [places[d][-1] for d in fired]
            shape = [
                sorted([*places[d][:-1], t - min(when)] for d, t in zip(fired, when, strict=True)),
                [min(when) == min(times), max(when) == max(times)],
            ]
        content = json.dumps([shape, int(mechanisms.turns[m])])
        found[m] = int.from_bytes(sha256(content.encode()).digest()[:8], "little") >> 1
    return found
