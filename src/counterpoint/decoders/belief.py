"""Belief matching: belief propagation on the hypergraph, then matching with what that believes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import pymatching
import sinter
import stim
from scipy.sparse import csc_matrix, csr_matrix

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.batch import checked_batch
from counterpoint.decoders.hypergraph import LEAST, Hypergraph, Part, hypergraph_of, matrix_of, unexplained

if TYPE_CHECKING:
    from ldpc.bp_decoder import BpDecoder

_BELIEF = """@article{higgott2023improved,
  title = {Improved Decoding of Circuit Noise and Fragile Boundaries of Tailored Surface Codes},
  author = {Higgott, Oscar and Bohdanowicz, Thomas C. and Kubica, Aleksander and Flammia, Steven T.
    and Campbell, Earl T.},
  journal = {Phys. Rev. X}, volume = {13}, pages = {031007}, year = {2023}, doi = {10.1103/PhysRevX.13.031007}
}
"""
_MOST = 700.0  # exp overflows soon above it


@final
@dataclass(frozen=True)
class BeliefMatching(sinter.Decoder):
    """Product-sum belief propagation on the hypergraph; where it does not settle, matching of the parts.

    The weight of a part is then -ln of its probability, the sum of what belief propagation gives to the mechanisms
    that have it (Higgott et al. 2023). The rules are those of the package beliefmatching 0.2.0, over ldpc and
    PyMatching. It is not used itself: it holds numpy at 2.2, has no compiled path for sinter, and takes mechanisms
    for one that fire the same detectors and flip different observables.

    Attributes:
        iterations: of belief propagation, the most.
    """

    iterations: int = 20

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise BadInput(f"{self.iterations} iterations were asked of belief propagation: give 1 or more")

    @property
    def citation(self) -> str:
        """BibTeX of the method's source."""
        return _BELIEF

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledBeliefMatching:
        """Both models of `dem`.

        Raises:
            BadInput: an error with a part of three or more detectors, or a probability above 1/2.
        """
        from ldpc.bp_decoder import BpDecoder

        graph = hypergraph_of(dem)
        edges: dict[Part, int] = {}
        used = []
        for parts in graph.parts:
            seen = [part for part in dict.fromkeys(parts) if part[0]]  # no shot tells of the others
            for detectors, _ in seen:
                if len(detectors) > 2:
                    raise BadInput(
                        f"an error has a part that fires {len(detectors)} detectors at once (the first is "
                        f"D{detectors[0]}), and matching takes at most 2: make the error model with "
                        "decompose_errors=True, or take bp-osd"
                    )
            used.append(tuple(sorted(edges.setdefault(part, len(edges)) for part in seen)))
        return CompiledBeliefMatching(
            graph,
            BpDecoder(
                graph.checks,
                error_channel=np.maximum(graph.priors, LEAST),
                max_iter=self.iterations,
                bp_method="product_sum",
                input_vector_type="syndrome",
            ),
            matrix_of([detectors for detectors, _ in edges], dem.num_detectors),
            matrix_of([observables for _, observables in edges], dem.num_observables),
            csr_matrix(matrix_of(used, len(edges)), dtype=np.float64),
        )


@final
@dataclass(frozen=True, eq=False)
class CompiledBeliefMatching(sinter.CompiledDecoder):
    """`BeliefMatching` for one error model, whose mechanisms have E parts."""

    graph: Hypergraph
    belief: BpDecoder
    checks: csc_matrix  # (D, E) uint8 of the parts
    observables: csc_matrix  # (O, E)
    used: csr_matrix  # (E, M) does the mechanism have the part?

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's parts explains.
        """
        detectors = self.checks.get_shape()[0]
        events = checked_batch(bit_packed_detection_event_data, detectors)
        fired = np.unpackbits(events, axis=1, count=detectors, bitorder="little")
        flips = np.zeros((len(fired), self.graph.flips.shape[1]), np.uint8)
        for shot in np.flatnonzero(fired.any(axis=1)):
            try:
                flips[shot] = self._decode(fired[shot])
            except ValueError as problem:
                raise BadInput(unexplained(int(shot), fired[shot])) from problem
        return flips

    def _decode(self, fired: Bits) -> Bits:
        mechanisms = np.flatnonzero(self.belief.decode(fired))
        if self.belief.converge:
            return np.bitwise_xor.reduce(self.graph.flips[mechanisms], axis=0)
        odds = np.nan_to_num(self.belief.log_prob_ratios, nan=0.0).clip(-_MOST, _MOST)  # ln, of not having happened
        chance = self.used @ (1 / (1 + np.exp(odds)))
        matching = pymatching.Matching.from_check_matrix(
            self.checks,
            weights=-np.log(chance.clip(LEAST, 1 - LEAST)),
            faults_matrix=self.observables,
            use_virtual_boundary_node=True,
        )
        return np.packbits(np.asarray(matching.decode(fired), np.uint8), bitorder="little")
