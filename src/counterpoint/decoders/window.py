"""Sliding windows: any decoder made to decode a stream, round by round, however long it is.

A window of `commit` + `buffer` rounds is decoded as soon as its last round is there. What the inner decoder finds in
the commit rounds is final; what it finds in the buffer is forgotten and decoded again by the next window, which starts
`commit` rounds later ("overlapping recovery": Dennis, Kitaev, Landahl and Preskill, J. Math. Phys. 43, 4452 (2002),
section VI.B; windows of the circuit model: Skoric et al., arXiv:2209.08552, Tan et al., arXiv:2209.09219). Committed
errors that reach beyond the commit rounds flip detectors there, which is handed on. An inner decoder says only which
observables flip, so each such detector is an observable of the window's error model (see seams.py). Where the commit
rounds are silent nothing is left to explain there, and the inner decoder is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import sinter
import stim

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.batch import checked_answer, checked_compiled
from counterpoint.decoders.rounds import Rounds, rounds_of
from counterpoint.decoders.seams import Seams, Span

_SOURCES = """@article{dennis2002topological,
  title = {Topological quantum memory},
  author = {Dennis, Eric and Kitaev, Alexei and Landahl, Andrew and Preskill, John},
  journal = {J. Math. Phys.}, volume = {43}, pages = {4452}, year = {2002}, doi = {10.1063/1.1499754}
}
@article{skoric2023parallel,
  title = {Parallel window decoding enables scalable fault tolerant quantum computation},
  author = {Skoric, Luka and Browne, Dan E. and Barnes, Kenton M. and Gillespie, Neil I. and Campbell, Earl T.},
  journal = {Nat. Commun.}, volume = {14}, pages = {7040}, year = {2023}, doi = {10.1038/s41467-023-42482-1}
}
@article{tan2023scalable,
  title = {Scalable surface-code decoders with parallelization in time},
  author = {Tan, Xinyu and Zhang, Fang and Chao, Rui and Shi, Yaoyun and Chen, Jianxin},
  journal = {PRX Quantum}, volume = {4}, pages = {040344}, year = {2023}, doi = {10.1103/PRXQuantum.4.040344}
}
"""
_BYTE = np.dtype(np.uint8)


@final
@dataclass(frozen=True)
class Window(sinter.Decoder):
    """`inner`, window by window. The same object decodes whole shots, as any decoder, and streams of rounds.

    Attributes:
        inner: decodes one window's error model, which has an observable for each detector that is handed on.
        commit: rounds that a window decides for good.
        buffer: rounds after these that it looks at; about the code's distance loses hardly any accuracy.
        time: which coordinate of a detector tells its round; -1 is the last one, as in stim's own circuits.
    """

    inner: sinter.Decoder
    commit: int
    buffer: int
    time: int = -1

    def __post_init__(self) -> None:
        for name, rounds, least in (("commits", self.commit, 1), ("buffers", self.buffer, 0)):
            if rounds < least:
                raise BadInput(f"a window that {name} {rounds} rounds was asked for: give {least} or more")

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _SOURCES + str(getattr(self.inner, "citation", ""))

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledWindow:
        """The decoders of all windows; windows that are alike share one.

        Raises:
            BadInput: a detector without coordinates, or a window that the inner decoder cannot take.
        """
        rounds = rounds_of(dem, self.time)
        seams = Seams.of(dem, rounds)
        shared: dict[tuple[int, ...], tuple[sinter.CompiledDecoder, Bits]] = {}
        windows = []
        for span in _spans(len(rounds), self.commit, self.buffer):
            kind = seams.kind(span)
            if kind not in shared:
                shared[kind] = self._compiled(seams, span)
            first, commit, stop = (int(rounds.starts[r]) for r in (span.first, span.commit, span.stop))
            windows.append(Placed(*shared[kind], span, first, commit, stop, seams.handed(span)))
        return CompiledWindow(rounds, dem.num_observables, tuple(windows))

    def _compiled(self, seams: Seams, span: Span) -> tuple[sinter.CompiledDecoder, Bits]:
        """The decoder of a window, and its answer to silence."""
        model = seams.model(span)
        try:
            compiled = checked_compiled("the window's decoder", self.inner.compile_decoder_for_dem(dem=model))
            silent = np.zeros((1, model.num_detectors // 8), np.uint8)
            answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=silent)
        except BadInput as problem:
            raise _renumbered(span, problem) from problem
        return compiled, checked_answer("the window's decoder", answer, 1, model.num_observables)


def _spans(rounds: int, commit: int, buffer: int) -> Iterator[Span]:
    """The windows; the last one sees all that is left, commit + buffer rounds at most, and commits it."""
    first = 0
    while first + commit + buffer < rounds:
        yield Span(first, first + commit, first + commit + buffer)
        first += commit
    yield Span(first, rounds, rounds)


def _renumbered(span: Span, problem: BadInput) -> BadInput:
    return BadInput(f"in the window of rounds {span.first} to {span.stop - 1}, its detectors numbered anew, {problem}")


@dataclass(frozen=True, eq=False)
class Placed:
    """A window where it stands among the rounds' bytes."""

    decoder: sinter.CompiledDecoder
    silence: Bits  # (1, bytes) its answer to silence
    span: Span
    first: int  # bytes first..stop-1 are seen
    commit: int  # from here on bytes are handed on
    stop: int
    handed: int  # so many

    def decide(self, data: Bits) -> Bits:
        """(shots, ceil(O / 8)) observables flipped by what is committed; what it flips in `data` is flipped there."""
        fired = np.flatnonzero(data[:, self.first : self.commit].any(axis=1))
        answer = np.repeat(self.silence, len(data), axis=0)
        if fired.size:
            answer[fired] = self._asked(data[fired, self.first : self.stop])
        return self._committed(data, answer)

    def decide_one(self, data: Bits) -> Bits:
        """As `decide`, of one shot (1, bytes), with less to do around the inner decoder."""
        fired = data[0, self.first : self.commit].tobytes().strip(b"\0")
        answer = self._asked(data[:, self.first : self.stop]) if fired else self.silence
        return self._committed(data, answer)

    def _asked(self, seen: Bits) -> Bits:
        try:
            return self.decoder.decode_shots_bit_packed(bit_packed_detection_event_data=seen)
        except BadInput as problem:
            raise _renumbered(self.span, problem) from problem

    def _committed(self, data: Bits, answer: Bits) -> Bits:
        if self.handed:
            data[:, self.commit : self.commit + self.handed] ^= answer[:, : self.handed]
        return answer[:, self.handed :]


@final
@dataclass(frozen=True, eq=False)
class CompiledWindow(sinter.CompiledDecoder):
    """`Window` for one error model."""

    rounds: Rounds
    observables: int
    windows: tuple[Placed, ...]  # earliest first

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that the inner decoder cannot explain.
        """
        data = self.rounds.packed(bit_packed_detection_event_data)
        flips = np.zeros((len(data), -(-self.observables // 8)), np.uint8)
        for window in self.windows:
            flips ^= window.decide(data)
        return flips

    def stream(self) -> Stream:
        """A new shot, to be pushed round by round."""
        return Stream(self)


@final
class Stream:
    """One shot on its way: rounds come in, and what has been decided goes out."""

    def __init__(self, compiled: CompiledWindow) -> None:
        rounds = compiled.rounds
        self._counts = rounds.counts.tolist()
        self._windows = compiled.windows
        self._data = np.zeros((1, int(rounds.starts[-1])), np.uint8)
        self._rows = np.split(self._data[0], rounds.starts[1:-1]) if len(rounds) else []  # views
        self._nothing = np.zeros(-(-compiled.observables // 8), np.uint8)
        self._nothing.flags.writeable = False
        self._pushed = 0  # rounds
        self._decided = 0  # windows
        self._due = self._next_due()
        self.flips = self._nothing.copy()  # (ceil(O / 8),) of all that was committed so far

    @property
    def committed(self) -> int:
        """Rounds that are decided for good."""
        return self._windows[self._decided - 1].span.commit if self._decided else 0

    def push(self, events: Bits) -> Bits:
        """The next round's events in; the flips of observables that this commits out.

        Args:
            events: (ceil(detectors of the round / 8),) uint8, bit-packed little-endian, in the order of the detectors'
                indices; `Rounds.split` cuts whole shots so.

        Returns:
            (ceil(O / 8),) uint8. XOR over all pushes and `finish` is the shot's answer.

        Raises:
            BadInput: a round that does not fit, more rounds than there are, or one with which the inner decoder cannot
                explain the window. The stream then stands as it stood before.
        """
        at = self._pushed
        if at == len(self._rows):
            raise BadInput(f"all {at} rounds have been pushed: finish this stream, or begin another for the next shot")
        row = self._rows[at]
        if type(events) is not np.ndarray or events.dtype != _BYTE or events.shape != row.shape:
            gave = (
                f"{events.dtype} of shape {events.shape}" if isinstance(events, np.ndarray) else type(events).__name__
            )
            raise BadInput(
                f"round {at} came as {gave}, and its {self._counts[at]} detectors fill uint8 of shape {row.shape}: "
                "push numpy.packbits(..., bitorder='little') of that round's detection events"
            )
        if (spare := self._counts[at] % 8) and events[-1] >> spare:
            bit = 8 * (len(row) - 1) + int(events[-1]).bit_length() - 1
            raise BadInput(
                f"round {at} fires detector {bit} of its {self._counts[at]}, counted from 0: leave the spare bits of "
                "its last byte 0"
            )
        row ^= events  # what earlier windows handed on may stand there
        flips = self._nothing
        if at + 1 == self._due:
            try:
                flips = self._decide()
            except BaseException:
                row ^= events
                raise
        self._pushed = at + 1
        return flips

    def finish(self) -> Bits:
        """The flips of what is left once all rounds are there. Raises BadInput before that, or a second time."""
        if self._pushed < len(self._rows):
            raise BadInput(f"{self._pushed} of {len(self._rows)} rounds have been pushed: push the rest, then finish")
        if self._decided == len(self._windows):
            raise BadInput("this stream has been finished: begin another for the next shot")
        return self._decide()

    def _decide(self) -> Bits:
        flips = self._windows[self._decided].decide_one(self._data)[0]
        self._decided += 1
        self._due = self._next_due()
        self.flips ^= flips
        return flips

    def _next_due(self) -> int:
        """How many rounds the next window waits for; none where it is the last, which waits for `finish`."""
        return self._windows[self._decided].span.stop if self._decided < len(self._windows) - 1 else -1
