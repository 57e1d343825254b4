"""The most likely errors by A* search within a beam, by Tesseract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.hypergraph import Hypergraph, Ints, hypergraph_of

if TYPE_CHECKING:
    from tesseract_decoder.tesseract import TesseractDecoder

_TESSERACT = """@misc{beni2025tesseract,
  title = {Tesseract: A Search-Based Decoder for Quantum Error Correction},
  author = {Aghababaie Beni, Laleh and Higgott, Oscar and Shutty, Noah},
  year = {2025}, eprint = {2503.10988}, archivePrefix = {arXiv}
}
"""


@final
@dataclass(frozen=True)
class Search(sinter.Decoder):
    """The most likely set of errors, hyperedges taken whole, by A* search (Aghababaie Beni et al. 2025).

    The search is made anew with every beam from `beam` down to 0, and the lightest set of all is the answer. It is
    proved to be the most likely one only where `revisit` is on, the beam as wide as the model has detectors and the
    limit not reached; else it is nearly always. The default is the library's long beam; its short one has `beam` 15,
    `orders` 16 and `limit` 200,000.

    Attributes:
        beam: a state with so many more detection events left than the best one so far is still searched further.
        orders: of the detectors that these searches take in turn.
        limit: of states that one search may put into its queue.
        revisit: whether a state is searched again where another path leads to it.
        seed: of the orders.
    """

    beam: int = 20
    orders: int = 21
    limit: int = 1_000_000
    revisit: bool = False
    seed: int = 2384753

    def __post_init__(self) -> None:
        for name, value, least in (("beam", self.beam, 0), ("orders", self.orders, 1), ("limit", self.limit, 1)):
            if value < least:
                raise BadInput(f"a search with {name} {value} was asked for: give {least} or more")

    @property
    def citation(self) -> str:
        """BibTeX of the method's source."""
        return _TESSERACT

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledSearch:
        """The search over all mechanisms of `dem`.

        Raises:
            BadInput: a probability above 1/2, or the package is not there.
        """
        graph = hypergraph_of(dem)
        try:
            from tesseract_decoder import tesseract, utils
        except ImportError as missing:
            raise BadInput(
                "the decoder 'tesseract' needs the package tesseract-decoder, which is missing here: it is made for "
                "Python 3.11 to 3.13 on Linux x86-64 and on macOS arm64, where counterpoint installs it; take "
                "belief-matching or bp-osd elsewhere"
            ) from missing
        model = graph.model()
        asked = tesseract.TesseractConfig(
            model,
            det_beam=self.beam,
            beam_climbing=True,
            no_revisit_dets=not self.revisit,
            pqlimit=self.limit,
            det_orders=utils.build_det_orders(model, self.orders, utils.DetOrder.DetIndex, self.seed),
        )
        return CompiledSearch(graph, asked.compile_decoder())


@final
@dataclass(frozen=True, eq=False)
class CompiledSearch(sinter.CompiledDecoder):
    """`Search` for one error model."""

    graph: Hypergraph
    decoder: TesseractDecoder

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        A shot for which the search gives up is answered with no flip; `answers` tells which those are.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        return self.answers(bit_packed_detection_event_data)[0]

    def answers(self, events: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """The answer as above, and (shots,) bool: was anything found within the limits? (Else Tesseract's
        ``low_confidence_flag`` is up, which its own sinter class drops.)
        """
        return self.graph.decode(events, self.explain)

    def explain(self, fired: Bits) -> tuple[Ints, bool]:
        """(D,) uint8 events -> the mechanisms that were found, and whether they explain the events."""
        mechanisms = np.array(self.decoder.decode_to_errors(fired.astype(np.bool_)), np.int64)
        return mechanisms, not self.decoder.low_confidence_flag
