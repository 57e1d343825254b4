"""Accuracy against price: the figure that shows which decoders are worth their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.loop.compare import RECORDED, Comparison, Experiment, compare
from counterpoint.loop.curve import SHARES, Curve
from counterpoint.loop.figure import COLOURS, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("--", ":", "-.", (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)))  # of a recorded prediction's line
_MARKERS = "os^Dvp"  # of a distance


@dataclass(frozen=True)
class Point:
    """One decoder at one distance."""

    decoder: str
    distance: int | None
    price: float | None  # microseconds a round (a shot where rounds are unknown); None for a recorded one
    error: float  # a cycle (a shot where rounds are unknown)
    interval: tuple[float, float]


def points(comparison: Comparison) -> list[Point]:
    """The fit of each decoder at each distance; where rounds allow none, each experiment for itself."""
    fitted = {(fit.distance, fit.decoder, fit.model): fit for fit in comparison.fits}
    groups: dict[tuple[int | None, str, str], list[Experiment]] = {}
    for found in comparison.experiments:
        groups.setdefault((found.distance, found.decoder, found.model), []).append(found)
    result: list[Point] = []
    for key, group in groups.items():
        distance, decoder, _ = key
        fit = fitted.get(key) if distance is not None else None  # type: ignore[arg-type]
        if fit is not None:
            result.append(Point(decoder, distance, _price(group), fit.ler_cycle, fit.interval))
            continue
        for found in group:
            error, interval = found.ler_cycle, found.ler_cycle_interval
            if error is None or interval is None:
                error, interval = found.ler_shot, found.interval
            result.append(Point(decoder, distance, _price([found]), error, interval))
    return result


def lines(curves: Sequence[Curve]) -> list[list[Point]]:
    """The points of each curve, share by share; where rounds allow a fit, recordings at one distance are one curve."""
    groups: dict[tuple[str, int | None], list[Curve]] = {}
    for one in curves:
        groups.setdefault((one.triage, one.decoded.distance), []).append(one)
    result: list[list[Point]] = []
    for (triage, _), group in groups.items():
        by: dict[str, list[Point]] = {name: [] for name in group[0].asked}
        for point in points(compare([one.decoded for one in group])):
            if point.decoder in by:
                by[point.decoder].append(replace(point, decoder=triage))
        result += [list(line) for line in zip(*by.values(), strict=False)]
    return result


def draw(comparison: Comparison, path: Path, curves: Sequence[Curve] = ()) -> None:
    """Write the figure: microseconds across, logical error upwards, both logarithmic; 95 % intervals.

    Colour tells the decoder, marker the distance. A prediction recorded with the shots has no price here: it
    stands beside, with a line across. Where no failure was seen, the upper end is drawn as a bound. A curve is a line
    through its shares, each with its percentage, in a band of intervals.

    Raises:
        BadInput: `path` cannot be written.
    """
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib.figure import Figure

    found = points(comparison)
    unit = "round" if all(one.rounds is not None for one in comparison.experiments) else "shot"
    per = "cycle" if unit == "round" else "shot"
    recorded = list(dict.fromkeys(point.decoder for point in found if point.price is None))
    figure = Figure(figsize=(8, 6), layout="constrained")
    ratios = (4, 1) if recorded else (1,)
    axes, *beside = figure.subplots(1, len(ratios), sharey=True, width_ratios=ratios, squeeze=False)[0]
    axes.set(xscale="log", yscale="log", xlabel=f"decoding time, us a {unit} (one thread)")
    axes.set(ylabel=f"logical error a {per}, %")
    # Set here, for matplotlib divides by zero where it must find room around a single value by itself.
    drawn = lines(curves)
    everything = [*found, *(point for line in drawn for point in line)]
    axes.set_xlim(_room([point.price for point in everything if point.price is not None], 1.6))
    axes.set_ylim(_room([100 * end for point in everything for end in (point.error, *point.interval)], 1.1))
    for panel in beside:
        panel.set(xlabel="recorded", xticks=(), xlim=(-0.5, len(recorded) - 0.5))
    decoders = list(dict.fromkeys(point.decoder for point in found))
    distances = sorted({point.distance for point in found}, key=lambda d: d or 0)
    for point in found:
        colour = COLOURS[decoders.index(point.decoder) % len(COLOURS)]
        marker = _MARKERS[distances.index(point.distance) % len(_MARKERS)]
        if point.price is not None:
            _draw_point(axes, point.price, point, colour, marker)
            continue
        number = recorded.index(point.decoder)
        for panel in (axes, *beside):
            dashes = _DASHES[number % len(_DASHES)]
            panel.axhline(100 * (point.error or point.interval[1]), color=colour, linestyle=dashes, linewidth=1)
        _draw_point(beside[0], number, point, colour, marker)
    for line in drawn:
        _draw_line(axes, line, COLOURS[decoders.index(line[0].decoder) % len(COLOURS)])
    _label_ticks(axes)
    _legend(figure, decoders, recorded, distances)
    save(figure, path)


def _room(values: Sequence[float], factor: float) -> tuple[float, float]:
    """Limits of a logarithmic axis that holds the values above 0."""
    seen = [value for value in values if value > 0] or [1.0]
    return min(seen) / factor, max(seen) * factor


def _draw_point(axes: Axes, at: float, point: Point, colour: str, marker: str) -> None:
    if not point.error:  # a logarithmic scale has no zero, and in truth this is a bound
        axes.plot([at], [100 * point.interval[1]], marker=7, color=colour)  # 7: hangs down from its point
        return
    spread = [[100 * (point.error - point.interval[0])], [100 * (point.interval[1] - point.error)]]
    axes.errorbar(
        [at], [100 * point.error], spread, fmt=marker, color=colour, markerfacecolor="white", markersize=5, capsize=4
    )


def _draw_line(axes: Axes, line: list[Point], colour: str) -> None:
    shares = zip(SHARES, line, strict=True)
    # A logarithmic scale has no zero.
    seen = [(share, point.price or 0.0, point) for share, point in shares if point.error and point.interval[0]]
    prices = [price for _, price, _ in seen]
    axes.plot(prices, [100 * point.error for *_, point in seen], color=colour, linewidth=1, marker=".")
    low, high = ([100 * point.interval[end] for *_, point in seen] for end in (0, 1))
    axes.fill_between(prices, low, high, color=colour, alpha=0.12, linewidth=0)
    for share, price, point in seen:
        axes.annotate(
            f"{100 * share:g} %",
            (price, 100 * point.error),
            (3, 3),
            textcoords="offset points",
            color=colour,
            fontsize=7,
        )


def _label_ticks(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if high < 200 * low else (1,)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, decoders: list[str], recorded: list[str], distances: list[int | None]) -> None:
    """Below the axes: what colours, lines and markers stand for."""
    from matplotlib.lines import Line2D

    handles: list[Line2D] = []
    for i, decoder in enumerate(decoders):
        dashes = _DASHES[recorded.index(decoder) % len(_DASHES)] if decoder in recorded else "-"
        name = decoder.rpartition("/")[2]
        handles.append(Line2D([], [], color=COLOURS[i % len(COLOURS)], linestyle=dashes, label=name))
    for i, distance in enumerate(distances):
        if distance is not None:
            marker, label = _MARKERS[i % len(_MARKERS)], f"distance {distance}"
            handles.append(Line2D([], [], color="grey", marker=marker, linestyle="none", label=label))
    labels = [str(handle.get_label()) for handle in handles]
    legend = figure.legend(handles, labels, fontsize="small", loc="outside lower center", ncols=2)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a file may have a dollar in its name


def _price(group: Sequence[Experiment]) -> float | None:
    if any(found.decoder.startswith(RECORDED) or found.us_per_shot is None for found in group):
        return None
    microseconds = sum((found.us_per_shot or 0) * found.shots for found in group)
    return microseconds / sum(found.shots * (found.rounds or 1) for found in group)
