"""Relay belief propagation: what one run believed is handed on to the next, sixteen shots side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.compiled import compiled
from counterpoint.decoders.hypergraph import LEAST, Hypergraph, hypergraph_of
from counterpoint.decoders.passing import (
    LANES,
    Checks,
    Singles,
    forget,
    quiet,
    remember,
    start,
    sweep,
    unsettled,
    weigh,
)

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
    negative breaks the deadlocks of belief propagation. The lightest of the solutions found is the answer. The
    strengths are drawn once for a model, and no shot sees another, so that an answer depends on its own shot alone.
    Other than in the paper, checks send their messages one after the other and damped, and legs are short: see
    docs/bicycle.md for what that gains, and for the circuits on which the settings were chosen.

    Attributes:
        solutions: after so many the relay ends.
        legs: after the first one, the most.
        iterations: of each leg, the most.
        scale: of the messages, above 0 and at most 1.
        memory: strength in the first leg.
        low: of the later legs' strengths, which are uniform between this
        high: and this.
        seed: of the strengths.
    """

    solutions: int = 5
    legs: int = 60
    iterations: int = 20
    scale: float = 0.8
    memory: float = 0.125
    low: float = -0.24
    high: float = 0.66
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"solutions": 1, "legs": 0, "iterations": 1, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise BadInput(f"a relay with {name} {getattr(self, name)} was asked for: give {value} or more")
        if not 0 < self.scale <= 1:
            raise BadInput(f"a relay with scale {self.scale} was asked for: give more than 0 and at most 1")
        if not self.low <= self.high:
            raise BadInput(f"memory strengths from {self.low} to {self.high} were asked for: give the lower one first")
        for strength in (self.memory, self.low, self.high):
            if not abs(strength) < 1:
                raise BadInput(f"a memory strength of {strength} was asked for: give one between -1 and 1")

    @property
    def citation(self) -> str:
        """BibTeX of the method's source."""
        return _RELAY

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledRelay:
        """The relay over all mechanisms of `dem`. Raises BadInput for a probability above 1/2."""
        graph = hypergraph_of(dem)
        rows = graph.checks.tocsr()
        rows.sort_indices()
        prior = np.maximum(graph.priors, LEAST)
        strengths = np.random.default_rng(self.seed).uniform(self.low, self.high, (self.legs, len(prior)))
        return CompiledRelay(
            self,
            graph,
            Checks(rows.indptr.astype(np.int32), rows.indices.astype(np.int32)),
            np.log((1 - prior) / prior).astype(np.float32),
            strengths.astype(np.float32),
        )


@final
@dataclass(frozen=True, eq=False)
class CompiledRelay(sinter.CompiledDecoder):
    """`Relay` for one error model of M mechanisms."""

    relay: Relay
    graph: Hypergraph
    checks: Checks
    weight: Singles  # (M,) ln of the odds of not happening
    strengths: Singles  # (legs, M)

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        A shot on which no leg settles is answered by what the last one believed; `answers` tells which those are.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        return self.answers(bit_packed_detection_event_data)[0]

    def answers(self, events: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """The answer as above, and (shots,) bool: did any leg settle?"""
        return self._sums(events, self.graph.flips)

    def explanations(self, events: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """(shots, ceil(M / 8)) uint8 mechanisms that are believed to have happened, little-endian; and the same."""
        return self._sums(events, np.packbits(np.eye(len(self.weight), dtype=np.bool_), axis=1, bitorder="little"))

    def _sums(self, events: Bits, marks: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """The sum of the (M, B) `marks` of each shot's answer."""
        fired = self.graph.explicable(events)
        sums = np.zeros((len(fired), marks.shape[1]), np.uint8)
        found = np.ones(len(fired), np.bool_)
        asked = np.flatnonzero(fired.any(axis=1))
        if asked.size:
            r = self.relay
            settings = r.solutions, r.iterations, np.float32(r.scale), np.float32(r.memory)
            room = quiet(self.checks, len(self.weight))
            sums[asked], found[asked] = _relayed(
                self.checks, self.weight, self.strengths, marks, fired[asked], settings, room
            )
        return sums, found


@compiled
def _relayed(checks, weight, strengths, marks, events, settings, x):
    """Each shot runs in a lane of its own; the next one takes a lane as soon as it is free."""
    solutions, iterations, scale, memory = settings
    shots = len(events)
    sums = np.zeros((shots, marks.shape[1]), np.uint8)
    settled = np.zeros(shots, np.bool_)
    mine = np.full(LANES, -1)  # the shot in each lane, or -1
    leg = np.zeros(LANES, np.int64)  # 0 is the first one, whose memory is even
    done = np.zeros(LANES, np.int64)  # iterations of the leg
    found = np.zeros(LANES, np.int64)
    lightest = np.zeros(LANES, np.float32)
    sum_ = np.zeros(marks.shape[1], np.uint8)
    following = running = 0
    while True:
        fresh = turned = np.uint16(0)
        for lane in range(LANES):
            if mine[lane] < 0 and following < shots:
                mine[lane] = following
                following += 1
                running += 1
                leg[lane] = done[lane] = found[lane] = 0
                start(x, lane, events[mine[lane]])
            if mine[lane] >= 0 and done[lane] == 0:
                if leg[lane] == 0:
                    fresh |= np.uint16(1 << lane)
                else:
                    turned |= np.uint16(1 << lane)
        if running == 0:
            return sums, settled
        remember(x, weight, memory, fresh, turned)
        sweep(checks, x, scale)
        wrong = unsettled(checks, x)
        for lane in range(LANES):
            shot = mine[lane]
            if shot < 0:
                continue
            done[lane] += 1
            solved = not wrong >> lane & 1
            if not solved and done[lane] < iterations:
                continue
            if solved or (leg[lane] == len(strengths) and found[lane] == 0):
                total = weigh(x, lane, weight, marks, sum_)
                if found[lane] == 0 or total < lightest[lane]:
                    lightest[lane] = total
                    sums[shot] = sum_
                found[lane] += solved
            if found[lane] >= solutions or leg[lane] == len(strengths):
                settled[shot] = found[lane] > 0
                mine[lane] = -1
                running -= 1
                continue
            forget(x, lane)
            for m in range(len(weight)):
                x.strength[m, lane] = strengths[leg[lane], m]
            leg[lane] += 1
            done[lane] = 0
