"""Which decoder to run, in one sentence that claims no more than the shots show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoint.loop.compare import DO_NOTHING, RECORDED, Decoded, paired
from counterpoint.quops.paired import failure_ratio, mcnemar

_ALPHA = 0.05  # for all tests of one sentence together (Bonferroni)


@dataclass(frozen=True)
class Pace:
    """Decoding time."""

    microseconds: float
    unit: str

    def __str__(self) -> str:
        return f"{self.microseconds:.3g} us a {self.unit}"


def pace(decoded: Sequence[Decoded], decoder: str) -> Pace:
    """Mean decoding time a round over all recordings; a shot where a number of rounds is unknown."""
    microseconds = 1e6 * sum(one.seconds[decoder] for one in decoded)
    if any(one.rounds is None for one in decoded):
        return Pace(microseconds / sum(one.shots for one in decoded), "shot")
    return Pace(microseconds / sum(one.shots * (one.rounds or 1) for one in decoded), "round")


def advice(decoded: Sequence[Decoded]) -> str:
    """The cheapest decoder that is not shown to fail more often than the best, and what it gains.

    All recordings are pooled and each pair of decoders is tested on the same shots (McNemar, exact). Where
    none is shown to beat doing nothing, which is counted whether or not it was asked for, the comparison
    is void. Times are of one thread of this machine, and differ from run to run; the failures do not.
    """
    names = [name for name in decoded[0].failed if not name.startswith(RECORDED)]
    players = [name for name in names if name != DO_NOTHING]
    if not players:
        return f"Doing nothing {_count(decoded, DO_NOTHING)}: name a --decoder to compare with it."
    everywhere = [name for name in decoded[0].failed if all(name in one.failed for one in decoded)]
    failures = {name: _failures(decoded, name) for name in everywhere}
    paces = {name: pace(decoded, name) for name in names}
    alpha = _alpha(players)
    level = level_with_best(decoded, players)
    if not level:
        return _void(decoded, min(players, key=lambda name: failures[name]))
    if len(names) == 1:
        return (
            f"{names[0]} {_count(decoded, names[0])} at {paces[names[0]]}, where doing nothing fails "
            f"{_failures(decoded, DO_NOTHING):,}: name a second --decoder to compare it with."
            f"{_left_to_win(decoded, failures, names[0])}"
        )
    use = min(level, key=lambda name: paces[name].microseconds)
    rest = [name for name in names if name != use]
    rival = names[0] if names[0] != use else min(rest, key=lambda name: failures[name])
    p = _p(decoded, use, rival)
    if p < alpha and failures[use] < failures[rival]:
        verdict = (
            f"At up to {paces[use]} use {use}: {_gain(decoded, use, rival)}, which takes {paces[rival]} "
            f"(paired p {shown(p)})."
        )
    else:
        verdict = (
            f"Use {use}, {paces[use]}: {rival}, {paces[rival]}, is not shown to be better "
            f"({failures[rival]:,} failures against {failures[use]:,} in {sum(one.shots for one in decoded):,} "
            f"shots, paired p {shown(p)})."
        )
    return verdict + _left_to_win(decoded, failures, use)


def level_with_best(decoded: Sequence[Decoded], players: Sequence[str]) -> list[str]:
    """The best of `players` first, then those that are not shown to fail more often than it, in their order.

    Only those that are shown to beat doing nothing count; none where no player is.
    """
    failures = {name: _failures(decoded, name) for name in players}
    better = [name for name in players if _p(decoded, name, DO_NOTHING) < _alpha(players)]
    better = [name for name in better if failures[name] < _failures(decoded, DO_NOTHING)]
    if not better:
        return []
    best = min(better, key=lambda name: (failures[name], pace(decoded, name).microseconds))
    return [best, *(name for name in better if name != best and _p(decoded, name, best) >= _alpha(players))]


def _alpha(players: Sequence[str]) -> float:
    """For one test: each player against doing nothing, and each but the best against it."""
    return _ALPHA / (2 * len(players) - 1)


def _void(decoded: Sequence[Decoded], best: str) -> str:
    p = _p(decoded, best, DO_NOTHING)
    return (
        "This comparison is void, because no decoder is shown to beat doing nothing: "
        f"that {_count(decoded, DO_NOTHING)}, and {best} {_failures(decoded, best):,} (paired p {shown(p)}); "
        "give more shots, or an error model that fits them."
    )


def _count(decoded: Sequence[Decoded], name: str) -> str:
    return f"fails {_failures(decoded, name):,} of {sum(one.shots for one in decoded):,} shots"


def _failures(decoded: Sequence[Decoded], name: str) -> int:
    return sum(int(one.failed_by(name).sum()) for one in decoded)


def shown(p: float) -> str:
    """A probability as people read it: "= 0.03", "< 1e-99"."""
    return "< 1e-99" if p < 1e-99 else f"= {p:.1g}"


def _left_to_win(decoded: Sequence[Decoded], failures: dict[str, int], use: str) -> str:
    """What the best prediction recorded with all shots does better, where that is shown."""
    recorded = [name for name in failures if name.startswith(RECORDED)]
    if not recorded:
        return ""
    best = min(recorded, key=lambda name: failures[name])
    if failures[best] >= failures[use] or _p(decoded, best, use) >= _ALPHA / len(recorded):
        return ""
    return f" Left to win: {best} makes {_gain(decoded, best, use)}."


def _p(decoded: Sequence[Decoded], this: str, other: str) -> float:
    _, only_this, only_other = paired(decoded, this, other)
    return mcnemar(only_this, only_other)


def _gain(decoded: Sequence[Decoded], this: str, other: str) -> str:
    both, only_this, only_other = paired(decoded, this, other)
    if not both + only_this:
        return f"0 logical errors where {only_other} are made by {other}"
    ratio = failure_ratio(both, only_this, only_other)
    value, low, high = (100 * (1 - part) for part in (ratio.value, ratio.high, ratio.low))
    return f"{value:.1f} % fewer logical errors than {other} ({low:.1f} to {high:.1f} %)"
