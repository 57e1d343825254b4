"""The picture of QuOps: error of an operation against distance, counted, fitted, and out to the targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.loop.figure import COLOURS, save
from counterpoint.loop.quops import Reliability, fitted
from counterpoint.quops.forecast import TARGETS
from counterpoint.quops.suppression import Suppression

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "os^Dv"
BEYOND = 6  # distances drawn beyond the last that a target needs
WIDEST = 95  # drawn at most, unless more was run
LEAST = 2e-14


def draw(found: Sequence[Reliability], title: str, path: Path) -> None:
    """Write the figure: distance across, error of one operation upwards (logarithmic), 95 % intervals.

    Points are counts; lines the fit with constant Lambda, dashed where no distance was run; bands its profile
    intervals; ringed the distance at which a target is reached. Where no failure was seen, the upper end hangs as a
    bound.

    Raises:
        BadInput: `path` cannot be written.
    """
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    run = max(one.distance for kind in found for one in kind.counted)
    needed = [one.size.distance for kind in found for one in kind.forecast if one.size is not None]
    widest = max(run + BEYOND, min(WIDEST, max(needed, default=0) + BEYOND))
    axes.set(yscale="log", xlim=(2, widest), ylim=(LEAST, 1), title=title)
    axes.set(xlabel="code distance d", ylabel="error of one operation")
    for name, operations in TARGETS.items():
        axes.axhline(1 / operations, color="grey", linewidth=0.8, linestyle=":")
        axes.text(run + 0.8, 1.3 / operations, name, va="bottom", color="dimgrey", fontsize=9)
    axes.axvspan(2, run, color="black", alpha=0.04, linewidth=0)
    axes.text((2 + run) / 2, 2.5 * LEAST, "run", ha="center", color="dimgrey", fontsize=9)
    axes.text(run + 0.8, 2.5 * LEAST, "extrapolated: constant Λ assumed", color="dimgrey", fontsize=9)
    for i, kind in enumerate(found):
        _draw_kind(axes, kind, COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], run, widest)
    axes.set_xticks([d for d in range(3, widest, 4 if widest > 20 else 2)])
    axes.set_yticks([10.0**-k for k in range(0, 14, 2)])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=False, fontsize=9)
    save(figure, path)


def _draw_kind(axes: Axes, kind: Reliability, colour: str, marker: str, run: int, widest: int) -> None:
    fit = kind.suppression
    for one in kind.counted:
        if not one.failures:  # a logarithmic scale has no zero, and in truth this is a bound
            axes.plot([one.distance], [one.error.high], marker=7, color=colour)  # 7: hangs down from its point
            continue
        spread = [[one.error.value - one.error.low], [one.error.high - one.error.value]]
        axes.errorbar([one.distance], [one.error.value], spread, fmt=marker, color=colour, mfc="white", capsize=3)
    axes.plot([], [], marker=marker, color=colour, mfc="white", label=f"{kind.kind}: {_factor(fit)}")
    if fit is None or not fit.factor:
        return
    distances = list(range(3, widest + 1, 2))
    errors = [fitted(kind.kind, fit, d) for d in distances]
    for dashes, chosen in (("-", [d for d in distances if d <= run]), ("--", [d for d in distances if d >= run])):
        axes.plot(chosen, [errors[distances.index(d)].value for d in chosen], color=colour, linestyle=dashes)
    low, high = ([max(getattr(error, end), LEAST / 10) for error in errors] for end in ("low", "high"))
    axes.fill_between(distances, low, high, color=colour, alpha=0.15, linewidth=0)
    for one in kind.forecast:
        if one.size is not None and one.size.distance <= widest:
            at = errors[distances.index(one.size.distance)].value
            axes.annotate(
                str(one.size.distance),
                (one.size.distance, at),
                ha="center",
                va="center_baseline",
                color=colour,
                size=8,
                bbox={"boxstyle": "circle", "facecolor": "white", "edgecolor": colour},
            )


def _factor(fit: Suppression | None) -> str:
    if fit is None or not fit.failures:
        return "Λ unknown"
    return f"Λ > {fit.low:.3g}" if fit.high is None else f"Λ = {fit.factor:.3g} ({fit.low:.3g} to {fit.high:.3g})"
