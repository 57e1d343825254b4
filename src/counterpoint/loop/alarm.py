"""The Goodhart alarm: what was steered by got better, and what it stood for got worse.

An explorer lowers the detection rate because it usually goes with the logical error. It need not: errors
that no detector sees raise one and lower the other. So logical errors are counted on the side, and where
a stretch of turns has fewer detection events and more logical errors than an earlier one, that is said.

What it cannot see: where no logical error is counted (nothing is decoded), and two machines with the same
detection events whose errors need opposite corrections, of which only the counted failures tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoint.loop.summary import Tallies, Tally, total

STRETCH = 12  # turns that are compared with as many earlier ones
MEMORY = 10  # how many earlier stretches are looked at
SIGMAS = 4.0  # of each of the two changes; by chance alone both happen together less than once in 1e8 pairs


@dataclass(frozen=True)
class Alarm:
    """An earlier stretch of turns and a later one with fewer events and more failures."""

    before: Tally
    now: Tally

    @property
    def sentence(self) -> str:
        """What happened, with both values of both."""
        return (
            f"the detection rate fell from {self.before.detection_rate:.2%} to {self.now.detection_rate:.2%} while "
            f"{self.before.failures:,} failures in {self.before.decoded:,} shots became {self.now.failures:,} in "
            f"{self.now.decoded:,}: do not trust the detection rate, look at what the detectors no longer see"
        )


def alarm(before: Tally, now: Tally) -> Alarm | None:
    """An alarm where events fell and failures rose, each by more than 4 standard errors.

    The variance of a count of events is taken as eight times its number, for a fault fires at most eight
    detectors; that of failures is the binomial's with the pooled rate.
    """
    if not (before.opportunities and now.opportunities and before.decoded and now.decoded):
        return None
    fall = before.detection_rate - now.detection_rate
    events = 8 * (before.events / before.opportunities**2 + now.events / now.opportunities**2)
    pooled = (before.failures + now.failures) / (before.decoded + now.decoded)
    rise = now.failures / now.decoded - before.failures / before.decoded
    failures = pooled * (1 - pooled) * (1 / before.decoded + 1 / now.decoded)
    return Alarm(before, now) if fall > SIGMAS * events**0.5 and rise > SIGMAS * failures**0.5 else None


def last_alarm(rows: Sequence[Tallies]) -> Alarm | None:
    """The alarm, if any, of the last turns against each earlier stretch, the nearest first."""
    stretches = [rows[max(0, end - STRETCH) : end] for end in range(len(rows), 0, -STRETCH)]
    now, *earlier = [total(s, "steered") for s in stretches if len(s) == STRETCH][: MEMORY + 1] or [Tally()]
    return next((found for before in earlier if (found := alarm(before, now))), None)
