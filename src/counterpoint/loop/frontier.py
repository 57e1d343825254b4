"""Accuracy against price: the figure that shows which decoders are worth their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.base import BadInput
from counterpoint.loop.compare import RECORDED, Comparison, Experiment

FORMATS = (".svg", ".png", ".pdf")
_MARKERS = "os^Dvp"  # one a distance
_DASHES = (":", "--", "-.")  # likewise, for recorded predictions


@dataclass(frozen=True)
class Point:
    """One decoder at one distance."""

    decoder: str
    distance: int | None
    price: float | None  # microseconds a round (a shot where rounds are unknown); None for a recorded one
    error: float  # a cycle (a shot where rounds are unknown)
    interval: tuple[float, float]


def check_figure(path: Path) -> None:
    """Raises BadInput where no figure can be written to `path`."""
    if path.suffix not in FORMATS or not path.parent.is_dir():
        raise BadInput(
            f"a figure cannot be written to {path}: name a file in a folder that exists, ending in one of "
            f"{', '.join(FORMATS)}"
        )


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


def draw(comparison: Comparison, path: Path) -> None:
    """Write the figure: microseconds across, logical error upwards, both logarithmic; 95 % intervals.

    A prediction recorded with the shots has no price here and stands as a line.
    """
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    found = points(comparison)
    unit = "round" if all(one.rounds is not None for one in comparison.experiments) else "shot"
    per = "cycle" if unit == "round" else "shot"
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    decoders = list(dict.fromkeys(point.decoder for point in found))
    distances = sorted({point.distance for point in found}, key=lambda d: d or 0)
    for point in found:
        colour = f"C{decoders.index(point.decoder) % 10}"
        size = "" if point.distance is None else f", d={point.distance}"
        label = f"{point.decoder}{size}"
        if not point.error:  # on a logarithmic scale, and in truth: a bound
            axes.plot([point.price or 1], [100 * point.interval[1]], "v", color=colour, label=f"{label}: below")
            continue
        if point.price is None:
            dashes = _DASHES[distances.index(point.distance) % len(_DASHES)]
            axes.axhline(100 * point.error, color=colour, linestyle=dashes, linewidth=1, label=label)
            continue
        spread = [[100 * (point.error - point.interval[0])], [100 * (point.interval[1] - point.error)]]
        marker = _MARKERS[distances.index(point.distance) % len(_MARKERS)]
        axes.errorbar([point.price], [100 * point.error], spread, fmt=marker, color=colour, capsize=3, label=label)
    axes.set(xscale="log", yscale="log", xlabel=f"decoding time, us a {unit} (one thread)")
    axes.set_ylabel(f"logical error a {per}, %")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    # The same numbers give the same bytes: no date, and identifiers that do not depend on the process.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with rc_context({"svg.hashsalt": "counterpoint"}):
        figure.savefig(path, metadata=metadata)


def _price(group: Sequence[Experiment]) -> float | None:
    if any(found.decoder.startswith(RECORDED) or found.us_per_shot is None for found in group):
        return None
    microseconds = sum((found.us_per_shot or 0) * found.shots for found in group)
    return microseconds / sum(found.shots * (found.rounds or 1) for found in group)
