"""Sizes on disk as people write them: "200 MB"."""

from __future__ import annotations

import re

from counterpoint.base import BadInput

_UNITS = {"B": 1} | {
    unit: base**power
    for base, units in ((1000, ("kB", "MB", "GB", "TB")), (1024, ("KiB", "MiB", "GiB", "TiB")))
    for power, unit in enumerate(units, start=1)
}


def read_size(text: str) -> int:
    """Bytes of a size such as "200 MB" or "1.5 GiB".

    Raises:
        BadInput: not a number with a known unit.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    unit = found and next((u for u in _UNITS if u.lower() == found[2].lower()), None)
    if not found or not unit:
        known = ", ".join(_UNITS)
        raise BadInput(f"size '{text}' cannot be read: write a number and one of {known}, as in '200 MB'")
    return round(float(found[1]) * _UNITS[unit])


def write_size(count: int) -> str:
    """`count` bytes in the largest decimal unit that says it exactly; `read_size` reads it back."""
    unit = next(u for u in ("TB", "GB", "MB", "kB", "B") if count % _UNITS[u] == 0)
    return f"{count // _UNITS[unit]} {unit}"
