"""Seams: error models of windows, which also tell what a window's commitment flips in the rounds after it.

A *part* of an error (all of it where it is not decomposed) is at home in the earliest round that it fires in. A
window from round `first` to `stop`, both inside, whose commit rounds end before `commit`

- has the parts at home in first..stop-1; what they would fire from `stop` on is cut off, so that they end there as at
  a boundary. Parts at home before `first` are left out: they were committed, and what they flipped was handed on;
- commits the parts at home in first..commit-1. Only these have observables: the model's own, and one for each
  detector that they fire from `commit` on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import stim

from counterpoint.base import Floats
from counterpoint.decoders.rounds import Ints, Rounds


@dataclass(frozen=True, eq=False)
class Errors:
    """E errors with P parts with N targets, as arrays; errors that never happen are left out."""

    chance: Floats  # (E,)
    error: Ints  # (P,) whose part it is, ascending
    part: Ints  # (N,) whose target it is, ascending
    target: Ints  # (N,) a detector, or -1 - observable

    def ordered(self, order: Ints) -> Errors:
        """The errors in this order."""
        error, parts = _moved(self.error, order)
        part, targets = _moved(self.part, parts)
        return Errors(self.chance[order], error, part, self.target[targets])


def _moved(owner: Ints, order: Ints) -> tuple[Ints, Ints]:
    """(new owners, order of what is owned) after the owners were put in this order."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    owned = np.argsort(rank[owner], kind="stable")
    return rank[owner][owned], owned


def errors_of(dem: stim.DetectorErrorModel) -> Errors:
    """All errors. A repeated block is read once, so that a long memory takes hardly longer than a short one."""
    return _read(dem)[0]


def _read(dem: stim.DetectorErrorModel) -> tuple[Errors, int]:
    """The errors, and by how much the block shifts the detectors after it."""
    pieces: list[Errors] = []
    chance: list[float] = []
    error: list[int] = []
    part: list[int] = []
    target: list[int] = []
    shift = 0

    def close() -> None:
        pieces.append(Errors(np.array(chance), *(np.array(filled, np.int64) for filled in (error, part, target))))
        for filled in (chance, error, part, target):
            filled.clear()

    for instruction in dem:
        if isinstance(instruction, stim.DemRepeatBlock):
            close()
            body, step = _read(instruction.body_copy())
            pieces.append(_repeated(body, instruction.repeat_count, shift, step))
            shift += step * instruction.repeat_count
        elif instruction.type == "shift_detectors":
            (step,) = instruction.targets_copy()
            assert isinstance(step, int)  # a number of detectors, not one of them
            shift += step
        elif instruction.type == "error" and instruction.args_copy()[0]:
            for group in instruction.target_groups():
                target += [shift + t.val if t.is_relative_detector_id() else -1 - t.val for t in group]
                part += [len(error)] * len(group)
                error.append(len(chance))
            chance += instruction.args_copy()
    close()
    return _joined(pieces), shift


def _repeated(body: Errors, times: int, shift: int, step: int) -> Errors:
    turn = np.arange(times)[:, None]
    return Errors(
        np.tile(body.chance, times),
        (turn * len(body.chance) + body.error).ravel(),
        (turn * len(body.error) + body.part).ravel(),
        np.where(body.target < 0, body.target, turn * step + shift + body.target).ravel(),
    )


def _joined(pieces: list[Errors]) -> Errors:
    errors = np.cumsum([0, *(len(piece.chance) for piece in pieces)])[:-1]
    parts = np.cumsum([0, *(len(piece.error) for piece in pieces)])[:-1]
    return Errors(
        np.concatenate([piece.chance for piece in pieces]),
        np.concatenate([piece.error + before for piece, before in zip(pieces, errors, strict=True)]),
        np.concatenate([piece.part + before for piece, before in zip(pieces, parts, strict=True)]),
        np.concatenate([piece.target for piece in pieces]),
    )


@dataclass(frozen=True)
class Span:
    """The rounds of a window: it sees first..stop-1 and commits first..commit-1."""

    first: int
    commit: int
    stop: int


@dataclass(frozen=True, eq=False)
class Seams:
    """An error model with its rounds, ready to be cut into windows."""

    rounds: Rounds
    observables: int
    errors: Errors  # in the order of the rounds that they are at home in
    number: Ints  # (E,) which error of the model it is
    home: Ints  # (E,) the earliest round that an error fires in; without detectors, 0
    part_home: Ints  # (P,) likewise; without detectors, its error's
    kinds: Ints  # (T,) rounds with the same number have the same errors at home, but for a shift
    last: Ints  # (T,) the last round in which a part that is at home in this one fires
    spread: int  # the most rounds from an error's home to that of one of its parts

    @classmethod
    def of(cls, dem: stim.DetectorErrorModel, rounds: Rounds) -> Seams:
        errors = errors_of(dem)
        number = np.argsort(_homes(errors, rounds)[0], kind="stable")
        errors = errors.ordered(number)
        home, part_home = _homes(errors, rounds)
        last = np.arange(len(rounds))
        fires = errors.target >= 0
        np.maximum.at(last, part_home[errors.part[fires]], rounds.of_detector[errors.target[fires]])
        kinds = _kinds(errors, home, rounds)
        spread = int((part_home - home[errors.error]).max(initial=0))
        return cls(rounds, dem.num_observables, errors, number, home, part_home, kinds, last, spread)

    def handed(self, span: Span) -> int:
        """How many bytes from round `commit` on a window hands on: the first of its observables."""
        return int(self.rounds.starts[self._reached(span)] - self.rounds.starts[span.commit])

    def _reached(self, span: Span) -> int:
        """The first round from `commit` on that no committed part reaches."""
        return max(span.commit, 1 + int(self.last[span.first : span.commit].max(initial=-1)))

    def kind(self, span: Span) -> tuple[int, ...]:
        """Windows of the same kind have the same model."""
        before = min(span.first, self.spread)
        kinds = self.kinds[span.first - before : span.stop]
        counts = self.rounds.counts[span.first : max(span.stop, self._reached(span))]
        lengths = (before, span.commit - span.first, span.stop - span.first)
        return (*lengths, *kinds.tolist(), *counts.tolist())

    def model(self, span: Span) -> stim.DetectorErrorModel:
        """The error model of a window, errors in their old order.

        Detectors are the bits of its rounds' bytes. Observables are the bits of the bytes handed on, then the model's
        own. So a decoder's answer is bytes that are flipped in the rounds after, then flips of observables.
        """
        errors, rounds = self.errors, self.rounds
        bits, handed = rounds.bits.tolist(), 8 * self.handed(span)
        opened, seam = 8 * int(rounds.starts[span.first]), 8 * int(rounds.starts[span.commit])
        here = np.arange(*np.searchsorted(self.home, [span.first - self.spread, span.stop]))
        here = here[np.argsort(self.number[here])]
        parts = np.searchsorted(errors.error, [here, here + 1]).T.tolist()
        targets = np.searchsorted(errors.part, np.arange(len(errors.error) + 1))
        lines = []
        for e, mine in zip(here.tolist(), parts, strict=True):
            words = []
            for p in range(*mine):
                if not span.first <= self.part_home[p] < span.stop:
                    continue
                committed = self.part_home[p] < span.commit
                fires, flips = [], []
                for target in errors.target[targets[p] : targets[p + 1]].tolist():
                    at = rounds.of_detector[target] if target >= 0 else span.commit
                    if target >= 0 and at < span.stop:
                        fires.append(f"D{bits[target] - opened}")
                    if committed and at >= span.commit:
                        flips.append(f"L{bits[target] - seam if target >= 0 else handed - 1 - target}")
                words.append(" ".join(fires + flips))
            if any(words):
                lines.append(f"error({errors.chance[e]!s}) " + " ^ ".join(filter(None, words)))
        # Declared, so that widths are whole rounds whatever the errors touch.
        if last := 8 * int(rounds.starts[span.stop]) - opened:
            lines.append(f"detector D{last - 1}")
        if last := handed + self.observables:
            lines.append(f"logical_observable L{last - 1}")
        return stim.DetectorErrorModel("\n".join(lines))


def _homes(errors: Errors, rounds: Rounds) -> tuple[Ints, Ints]:
    """((E,), (P,)) the round that each error and each part is at home in."""
    none = len(rounds)
    part_home, home = np.full(len(errors.error), none), np.full(len(errors.chance), none)
    fires = errors.target >= 0
    np.minimum.at(part_home, errors.part[fires], rounds.of_detector[errors.target[fires]])
    np.minimum.at(home, errors.error, part_home)
    home[home == none] = 0
    return home, np.where(part_home == none, home[errors.error], part_home)


def _kinds(errors: Errors, home: Ints, rounds: Rounds) -> Ints:
    """(T,) a number for each round, the same where the errors at home there are the same but for a shift in time."""
    fires = errors.target >= 0
    detector = errors.target[fires]
    later, place = np.zeros_like(errors.target), errors.target.copy()
    later[fires] = rounds.of_detector[detector] - home[errors.error[errors.part[fires]]]
    place[fires] = rounds.place[detector]
    chance = np.round(np.log(errors.chance), 9)  # stim merges errors in changing order: the last bits may differ
    e = np.searchsorted(home, np.arange(len(rounds) + 1))
    p = np.searchsorted(errors.error, e)
    t = np.searchsorted(errors.part, p)
    seen: dict[tuple[bytes, ...], int] = {}
    kinds = []
    for r in range(len(rounds)):
        mine, parts, targets = slice(e[r], e[r + 1]), slice(p[r], p[r + 1]), slice(t[r], t[r + 1])
        arrays = (chance[mine], errors.error[parts] - e[r], errors.part[targets] - p[r], later[targets], place[targets])
        kinds.append(seen.setdefault(tuple(array.tobytes() for array in arrays), len(seen)))
    return np.array(kinds, np.int64)
