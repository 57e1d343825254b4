"""Belief propagation with a search among ordered statistics where it does not settle, by ldpc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import sinter
import stim

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.hypergraph import LEAST, Hypergraph, Ints, hypergraph_of

if TYPE_CHECKING:
    from ldpc.bplsd_decoder import BpLsdDecoder
    from ldpc.bposd_decoder import BpOsdDecoder

_OSD = """@article{panteleev2021degenerate,
  title = {Degenerate Quantum {LDPC} Codes With Good Finite Length Performance},
  author = {Panteleev, Pavel and Kalachev, Gleb},
  journal = {Quantum}, volume = {5}, pages = {585}, year = {2021}, doi = {10.22331/q-2021-11-22-585}
}
@article{roffe2020decoding,
  title = {Decoding across the quantum low-density parity-check code landscape},
  author = {Roffe, Joschka and White, David R. and Burton, Simon and Campbell, Earl},
  journal = {Phys. Rev. Research}, volume = {2}, pages = {043423}, year = {2020},
  doi = {10.1103/PhysRevResearch.2.043423}
}
"""
_LSD = """@article{hillmann2025localized,
  title = {Localized statistics decoding for quantum low-density parity-check codes},
  author = {Hillmann, Timo and Berent, Lucas and Quintavalle, Armanda O. and Eisert, Jens and Wille, Robert
    and Roffe, Joschka},
  journal = {Nat. Commun.}, volume = {16}, year = {2025}, doi = {10.1038/s41467-025-63214-7}
}
"""


@final
@dataclass(frozen=True)
class BpOsd(sinter.Decoder):
    """Product-sum belief propagation on the hypergraph; where it does not settle, ordered statistics decide.

    The mechanisms are ordered by what belief propagation thinks of them. The likeliest independent ones explain the
    shot (order 0); then sets of the others are forced, those of a combination sweep: each one alone, and each pair
    among the first `order` (Roffe et al. 2020). So over the whole model any order above 0 tries about as many
    solutions as there are mechanisms: with 16,000 of these a shot takes seconds.

    Attributes:
        order: of the combination sweep.
        iterations: of belief propagation, the most.
        local: order within clusters that grow around the detection events (localized statistics, Hillmann et al.
            2025) instead of over the whole model (Panteleev and Kalachev 2021).
    """

    order: int
    iterations: int = 30
    local: bool = False

    def __post_init__(self) -> None:
        for name, value, least in (("order", self.order, 0), ("iterations", self.iterations, 1)):
            if value < least:
                raise BadInput(f"{name} {value} was asked of belief propagation with statistics: give {least} or more")

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _LSD if self.local else _OSD

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledBpOsd:
        """The decoder of all mechanisms of `dem`. Raises BadInput for a probability above 1/2."""
        from ldpc.bplsd_decoder import BpLsdDecoder
        from ldpc.bposd_decoder import BpOsdDecoder

        graph = hypergraph_of(dem)
        asked = {"max_iter": self.iterations, "bp_method": "product_sum"}
        if self.local:
            asked |= {"lsd_method": "lsd_cs", "lsd_order": self.order}
        else:
            free = len(graph.priors) - (graph.checks.get_shape()[0] - len(graph.unmoved))
            asked |= {"osd_method": "osd_cs", "osd_order": min(self.order, free)}  # ldpc crashes above it
        kind = BpLsdDecoder if self.local else BpOsdDecoder
        return CompiledBpOsd(graph, kind(graph.checks, error_channel=np.maximum(graph.priors, LEAST).tolist(), **asked))


@final
@dataclass(frozen=True, eq=False)
class CompiledBpOsd(sinter.CompiledDecoder):
    """`BpOsd` for one error model."""

    graph: Hypergraph
    decoder: BpOsdDecoder | BpLsdDecoder

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains (with which ldpc
                would answer at random, or localized statistics never end).
        """
        return self.graph.decode(bit_packed_detection_event_data, self.explain)[0]

    def explain(self, fired: Bits) -> tuple[Ints, bool]:
        """(D,) uint8 events -> the mechanisms that are believed to have happened. They always explain the events."""
        return np.flatnonzero(self.decoder.decode(fired)), True
