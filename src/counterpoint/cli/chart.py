"""Line charts in a terminal: several curves in Braille dots, two by four to a character."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rich.text import Text

from counterpoint.base import Floats

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bit of each dot, row by column


def chart(curves: Mapping[str, Floats], *, width: int, height: int, step: float) -> Text:
    """Curves drawn over each other on one scale, its ends written at the left.

    Args:
        curves: values by rich style, such as ``"green"``; the last drawn lies on top; NaN leaves a gap.
        width, height: of the whole chart in characters, labels included.
        step: the least difference between the ends of the scale, so that noise does not fill the chart.
    """
    values = np.concatenate([np.empty(0), *curves.values()])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, step)
    middle, half = (low + high) / 2, max(high - low, step) / 2 * 1.04
    low, high = max(0.0, middle - half), middle + half
    labels = {0: f"{high:.2%}", height // 2: f"{(low + high) / 2:.2%}", height - 1: f"{low:.2%}"}
    margin = max(len(label) for label in labels.values())
    columns = width - margin - 2
    dots = np.zeros((height, columns), int)
    styles = np.full((height, columns), "", object)
    for style, curve in curves.items():
        for x, y in _trace(curve, 2 * columns, 4 * height, low, high):
            dots[y // 4, x // 2] |= DOTS[y % 4, x % 2]
            styles[y // 4, x // 2] = style
    text = Text()
    for r in range(height):
        text.append(labels.get(r, "").rjust(margin) + (" ┤" if r in labels else " │"), "dim")
        for dot, style in zip(dots[r], styles[r], strict=True):
            text.append(chr(0x2800 + dot) if dot else " ", style)
        if r < height - 1:
            text.append("\n")
    return text


def _trace(curve: Floats, width: int, height: int, low: float, high: float) -> list[tuple[int, int]]:
    """The dots (x to the right, y downwards) of one curve, joined so that it has no holes."""
    points: list[tuple[int, int]] = []
    if curve.size == 0:
        return points
    at = np.linspace(0, curve.size - 1, width) if curve.size > 1 else np.zeros(width)
    heights = np.interp(at, np.arange(curve.size), curve)
    before: int | None = None
    for x, value in enumerate(heights):
        if not np.isfinite(value):
            before = None
            continue
        y = int(np.clip((high - value) / (high - low) * (height - 1) + 0.5, 0, height - 1))
        first = y if before is None else min(y, before + 1) if y > before else max(y, before - 1)
        points += [(x, z) for z in range(min(first, y), max(first, y) + 1)]
        before = y
    return points
