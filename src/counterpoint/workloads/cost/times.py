"""Units of time, and the one that a person would take."""

from __future__ import annotations

from collections.abc import Mapping

YEAR = 365.25 * 86_400
UNITS: Mapping[str, float] = {  # seconds, the longest first
    "year": YEAR,
    "day": 86_400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
}


def unit_of(seconds: float) -> tuple[str, float]:
    """The unit that a person would take for a time, and how many seconds that is."""
    return next((one for one in UNITS.items() if seconds >= one[1]), ("us", UNITS["us"]))


def told(seconds: float) -> str:
    """A time in that unit."""
    name, unit = unit_of(seconds)
    number = f"{seconds / unit:.3g}"
    return f"{number} {name}{'s' if name in ('year', 'day') and number != '1' else ''}"
