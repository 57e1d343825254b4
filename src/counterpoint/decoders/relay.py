"""Relay belief propagation: one run's memory handed on to the next, by relay-bp (an optional extra)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.hypergraph import Hypergraph, Ints, hypergraph_of

_RELAY = """@misc{muller2025improved,
  title = {Improved belief propagation is sufficient for real-time decoding of quantum memory},
  author = {M{\\"u}ller, Tristan and Alexander, Thomas and Beverland, Michael E. and B{\\"u}hler, Markus
    and Johnson, Blake R. and Maurer, Thilo and Vandeth, Drew},
  year = {2025}, eprint = {2506.01779}, archivePrefix = {arXiv}
}
"""


@final
@dataclass(frozen=True)
class Relay(sinter.Decoder):
    """Min-sum belief propagation with memory, leg after leg (Müller et al. 2025).

    The first leg remembers evenly. In each later one every mechanism has a memory strength of its own; that some are
    negative breaks the deadlocks of belief propagation. The likeliest of the solutions found is the answer. The
    strengths are drawn once for a model, so that an answer does not depend on the shots before it (as it does where
    the library draws them). They should be tuned to a code: this range is the library's.

    Attributes:
        solutions: after so many the relay ends.
        legs: after the first one, the most.
        first: iterations of the first leg, the most.
        iterations: of each later leg, the most.
        memory: strength in the first leg.
        low: of the later legs' strengths, which are uniform between this
        high: and this.
        seed: of the strengths.
    """

    solutions: int = 5
    legs: int = 60
    first: int = 60
    iterations: int = 60
    memory: float = 0.1
    low: float = -0.24
    high: float = 0.66
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"solutions": 1, "legs": 1, "first": 1, "iterations": 1, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise BadInput(f"a relay with {name} {getattr(self, name)} was asked for: give {value} or more")
        if not self.low <= self.high:
            raise BadInput(f"memory strengths from {self.low} to {self.high} were asked for: give the lower one first")

    @property
    def citation(self) -> str:
        """BibTeX of the method's source."""
        return _RELAY

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledRelay:
        """The relay over all mechanisms of `dem`.

        Raises:
            BadInput: a probability above 1/2, or the package is not there.
        """
        graph = hypergraph_of(dem)
        try:
            from relay_bp import RelayDecoderF64
        except ImportError as missing:
            raise BadInput(
                "the decoder 'relay' needs the package relay-bp, which is missing here: pip install "
                "'counterpoint[relay]' (there is a wheel for Python 3.11 on Linux x86-64; elsewhere pip needs Rust)"
            ) from missing
        strengths = np.random.default_rng(self.seed).uniform(self.low, self.high, (self.legs, len(graph.priors)))
        decoder = RelayDecoderF64(
            graph.checks,
            error_priors=graph.priors,
            gamma0=self.memory,
            pre_iter=self.first,
            num_sets=self.legs,
            set_max_iter=self.iterations,
            explicit_gammas=strengths,
            stop_nconv=self.solutions,
            stopping_criterion="nconv",
        )
        return CompiledRelay(graph, decoder)


@final
@dataclass(frozen=True, eq=False)
class CompiledRelay(sinter.CompiledDecoder):
    """`Relay` for one error model. The library's own sinter class pads shots to whole bytes and then never settles."""

    graph: Hypergraph
    decoder: Any  # relay_bp.RelayDecoderF64

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        A shot on which no leg settles is answered by what the first one believed last; `answers` tells which those are.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        return self.answers(bit_packed_detection_event_data)[0]

    def answers(self, events: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """The answer as above, and (shots,) bool: did any leg settle?"""
        return self.graph.decode(events, self.explain)

    def explain(self, fired: Bits) -> tuple[Ints, bool]:
        """(D,) uint8 events -> the mechanisms that are believed to have happened, and whether they explain these."""
        result = self.decoder.decode_detailed(fired)
        return np.flatnonzero(result.decoding), bool(result.success)
