"""The errors of an error model that can happen, as decoders weigh them."""

from __future__ import annotations

from collections.abc import Iterator

import stim

from counterpoint.base import BadInput


def errors_of(dem: stim.DetectorErrorModel) -> Iterator[tuple[float, stim.DemInstruction]]:
    """(probability, error) of each, repetitions written out; those of probability 0 are left out.

    Raises:
        BadInput: a probability above 1/2, whose weight would be negative.
    """
    for error in dem.flattened():
        assert isinstance(error, stim.DemInstruction)  # flattened: no blocks are left
        if error.type != "error" or not error.args_copy()[0]:
            continue
        (probability,) = error.args_copy()
        if probability > 0.5:
            raise BadInput(
                f"the error '{error}' has probability {probability:g} and at most 0.5 can be weighed: move what nearly "
                "always happens out of the noise and into the circuit"
            )
        yield probability, error
