"""Below threshold as on Willow: Lambda, logical error a cycle, and the factor beyond the best physical qubit.

The simulated `willow` chip at its optimum, distance 3, 5 and 7, memory experiments of 25 rounds in both bases. Its two
free parameters were fitted to detection fractions and to Lambda with correlated matching (`willow_match.py`). What
better decoders reach on it is predicted: nothing is fitted here.

A candidate is a decoder with a prior, the error model that it is compiled from:

    calibrated   the rates of single gates; no stray couplings (the chip's `error_model`)
    followed     the same, corrected by detection events of other shots (`decoders/priors.py`), without labels
    strays       as followed, with a rate for each stray coupling, which starts at the 5.5e-4 of crosstalk in Willow's
                 budget and not at the chip's own figure

`--choose` weighs all candidates on a chip that judges nothing; without it the named ones are judged,
all on the same shots. Published (Nature 638, 920): Lambda 2.14 +- 0.02 and 0.143(3) % a cycle at distance 7 with a
neural decoder, and so 0.306 and 0.655 % at distance 5 and 3; the logical qubit lives 291(6) us, the best physical
one 119(13) us.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import Floats, Job, Key, fold_in
from counterpoint.codes import surface
from counterpoint.decoders import DECODERS
from counterpoint.decoders.priors import prior_model
from counterpoint.loop.figure import COLOURS, check_figure, save
from counterpoint.machine.chip import SimulatedChip, willow
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.quops.cycle import error_per_cycle
from counterpoint.quops.estimate import Estimate
from counterpoint.quops.paired import failure_ratio
from counterpoint.quops.suppression import Suppression, Tally, fit_suppression

ROUNDS = 25
DISTANCES = (3, 5, 7)
BASES = ("Z", "X")
CROSSTALK = 5.5e-4  # where the rate of a stray coupling starts: Willow's budget (supplement, table S4)
CHOOSING = [3]  # the chips on which a decoder is chosen
JUDGING = [1]  # one of the two that the parameters were fitted on, with other shots
PUBLISHED = {3: 6.55e-3, 5: 3.06e-3, 7: 1.43e-3}
PUBLISHED_LAMBDA = "2.14 ± 0.02"


@dataclass(frozen=True)
class Candidate:
    """A decoder and where its error model comes from."""

    decoder: str
    prior: str = "calibrated"


CANDIDATES = {
    "correlated": Candidate("correlated"),
    "triage": Candidate("triage"),
    "coset": Candidate("coset"),
    "neural": Candidate("neural"),
    "coset, prior followed": Candidate("coset", "followed"),
    "neural, prior followed": Candidate("neural", "followed"),
    "coset, strays followed": Candidate("coset", "strays"),
}
JUDGED = ["coset", "coset, strays followed"]  # the best that knows no stray couplings, and the best


@dataclass
class Found:
    """What one candidate did at one distance, chip by chip."""

    failed: list[NDArray[np.bool_]] = field(default_factory=list)  # a row for each chip and basis, all of one length
    seconds: float = 0.0  # of processor time, compiling left out

    def tally(self, distance: int, rows: slice = slice(None)) -> Tally:
        """Both bases together."""
        seen = np.concatenate(self.failed[rows])
        return Tally(distance, ROUNDS, int(seen.sum()), seen.size)

    def error(self, distance: int, rows: slice = slice(None)) -> Estimate:
        """A cycle."""
        tally = self.tally(distance, rows)
        return error_per_cycle(tally.failures, tally.shots, ROUNDS)


def models(chip: SimulatedChip, circuit: stim.Circuit, priors: set[str], told: int, key: Key) -> dict:
    """The error model of each prior; `told` shots are seen by those that follow."""
    rates = chip.calibrated_rates()
    start = {"followed": 0.0, "strays": CROSSTALK}
    found = {"calibrated": chip.error_model(circuit)}
    if not priors & start.keys():
        return found
    events = chip.sample(Job(circuit, chip.optimum()[None], told, ROUNDS, "told", key)).detection_events[0]
    for prior in sorted(priors & start.keys()):
        model = prior_model(circuit, {g: start[prior] if g.kind == "stray" else rate for g, rate in rates.items()})
        found[prior] = model.error_model(model.tell(model.init(), model.parities.count(events), told))
    return found


def measure(distance: int, names: list[str], shots: int, told: int, seeds: list[int]) -> dict[str, Found]:
    """Each candidate on the same `shots` shots of each basis on each chip."""
    found = {name: Found() for name in names}
    for seed in seeds:
        key = (seed, distance)
        chip = willow(distance, key=key, drift="none", epoch_seconds=1.0)
        for basis in BASES:
            circuit = surface.memory(distance, ROUNDS, basis)
            priors = {CANDIDATES[name].prior for name in names}
            model = models(chip, circuit, priors, told, fold_in(key, "told", basis))
            job = Job(circuit, chip.optimum()[None], shots, ROUNDS, "below", fold_in(key, "below threshold", basis))
            out = chip.sample(job)
            for name, one in found.items():
                decoder: sinter.Decoder = DECODERS[CANDIDATES[name].decoder]
                compiled = decoder.compile_decoder_for_dem(dem=model[CANDIDATES[name].prior])
                began = time.process_time()
                guess = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=out.detection_events[0])
                one.seconds += time.process_time() - began
                one.failed.append((guess != out.observables[0]).any(axis=1))
    return found


def waiting(distance: int, seed: int) -> Floats:
    """(d^2,) error a cycle of each data qubit that only waits, the same in every basis.

    It waits through the layers of a round in which others are measured or reset and idles through those of gates,
    at the chip's rates. Depolarising by p leaves 1 - 4p/3 of a Pauli operator, and eps = (1 - what is left) / 2.
    """
    chip = willow(distance, key=(seed, distance), drift="none", epoch_seconds=1.0)
    rounds = surface.memory(distance, ROUNDS)
    body = next(block.body_copy() for block in rounds if isinstance(block, stim.CircuitRepeatBlock))
    layers = [layer for layer in str(body).split("TICK") if layer.strip()]
    waits = sum(re.search(r"^[MR] ", layer, re.MULTILINE) is not None for layer in layers)
    rate = {(g.kind, g.qubits): r for g, r in chip.calibrated_rates().items()}
    patch = surface.layout(distance)
    qubits = [(patch.qubits[point],) for point in sorted(patch.data)]
    wait, idle = (np.array([rate[kind, q] for q in qubits]) for kind in ("wait", "idle"))
    return (1 - (1 - 4 * wait / 3) ** waits * (1 - 4 * idle / 3) ** (len(layers) - waits)) / 2


def lifetime(error: float, independent: bool) -> float:
    """us: one over the rates of decay of X, Y and Z, averaged.

    Args:
        error: a cycle, in each of the bases X and Z.
        independent: are errors in the two bases independent, so that Y decays with both? A depolarised qubit's Y
            decays like the others. With this the published 0.143 % is 288 us, published as 291(6).
    """
    return 1e6 * CYCLE_SECONDS / (-math.log1p(-2 * error) * (4 / 3 if independent else 1))


def summary(name: str, found: dict[int, dict[str, Found]]) -> dict:
    """Counts, errors a cycle and Lambda of one candidate, and its ratios to correlated matching on the same shots."""
    rows = []
    for distance in DISTANCES:
        one, other = found[distance][name], found[distance]["correlated"]
        tally, error = one.tally(distance), one.error(distance)
        a, b = np.concatenate(one.failed), np.concatenate(other.failed)
        ratio = failure_ratio(*(int(x.sum()) for x in (a & b, a & ~b, b & ~a)))
        row = {
            "distance": distance,
            "shots": tally.shots,
            "failures": tally.failures,
            "failures_by_chip_and_basis": [int(failed.sum()) for failed in one.failed],
            "ler_cycle": [error.value, error.low, error.high],
            "over_correlated": [ratio.value, ratio.low, ratio.high],
            "us_per_shot": 1e6 * one.seconds / tally.shots,
        }
        rows.append(row)
    fit = fitted(name, found)
    at_7 = fit.error(DISTANCES[-1])
    return {
        "rows": rows,
        "lambda": [fit.factor, fit.low, fit.high],
        "p_of_constant_lambda": fit.p,
        "fitted_ler_cycle_at_7": [at_7.value, at_7.low, at_7.high],
    }


def fitted(name: str, found: dict[int, dict[str, Found]]) -> Suppression:
    """A and Lambda of one candidate, both bases and all chips together."""
    return fit_suppression([found[distance][name].tally(distance) for distance in DISTANCES])


def beyond(name: str, found: dict[int, dict[str, Found]], seeds: list[int]) -> list[dict]:
    """For each chip: its distance-7 logical qubit beside its best and median physical one, lifetimes in us."""
    rows = []
    for i, seed in enumerate(seeds):
        physical = waiting(DISTANCES[-1], seed)
        best, median = float(physical.min()), float(np.median(physical))
        error = found[DISTANCES[-1]][name].error(DISTANCES[-1], slice(len(BASES) * i, len(BASES) * (i + 1)))
        lives = [lifetime(e, independent=True) for e in (error.value, error.high, error.low)]
        alone = [lifetime(e, independent=False) for e in (best, median)]
        row = {
            "chip": seed,
            "ler_cycle": [error.value, error.low, error.high],
            "lifetime": lives,
            "best_and_median_qubit": [best, median],
            "best_and_median_lifetime": alone,
            "factor": [life / alone[0] for life in lives],
        }
        rows.append(row)
    return rows


def draw(found: dict[int, dict[str, Found]], names: list[str], seeds: list[int], path: Path) -> None:
    """Logical error a cycle against distance: counts with 95 % intervals, the fits as lines, Willow's points beside."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    figure = Figure(figsize=(8, 5.4), layout="constrained", dpi=150)
    axes = figure.subplots()
    axes.set(yscale="log", xlabel="code distance", ylabel="logical error a cycle, %", xlim=(2.5, 7.9))
    physical = [waiting(DISTANCES[-1], seed) for seed in seeds]
    for errors, word, style in (
        ([one.min() for one in physical], "best", "--"),
        ([np.median(one) for one in physical], "median", ":"),
    ):
        level = 100 * float(np.mean(errors))
        axes.axhline(level, color="#777777", linestyle=style, linewidth=1.1, zorder=1)
        axes.annotate(
            f"{word} physical qubit, waiting: {lifetime(level / 100, independent=False):.0f} µs",
            (7.88, level),
            (0, 3),
            textcoords="offset points",
            ha="right",
            color="#555555",
        )
    colours = [colour for colour in COLOURS if colour != "#000000"]  # black is Willow's
    slots = 0.09 * (np.arange(len(names) + 1) - len(names) / 2)  # intervals at one distance stand side by side
    for i, name in enumerate(names):
        colour = colours[i % len(colours)]
        fit = fitted(name, found)
        errors = [found[d][name].error(d).through(lambda error: 100 * error) for d in DISTANCES]
        spread = [[e.value - e.low for e in errors], [e.high - e.value for e in errors]]
        at = np.array(DISTANCES) + slots[i]
        axes.plot(at, [100 * fit.error(d).value for d in DISTANCES], color=colour, linewidth=1.2, alpha=0.8)
        label = f"simulated, {name}: $\\Lambda$ = {fit.factor:.2f} ({fit.low:.2f}–{fit.high:.2f})"
        axes.errorbar(
            at,
            [e.value for e in errors],
            spread,
            fmt="o",
            color=colour,
            markerfacecolor="white",
            markersize=5,
            capsize=3,
            label=label,
        )
    at, published = np.array(DISTANCES) + slots[-1], [100 * PUBLISHED[d] for d in DISTANCES]
    label = f"Willow, its neural decoder (published): $\\Lambda$ = {PUBLISHED_LAMBDA}"
    axes.plot(at, published, "*-", color="black", markersize=11, linewidth=0.7, zorder=5, label=label)
    axes.xaxis.set_major_locator(FixedLocator(DISTANCES))
    axes.yaxis.set_major_locator(FixedLocator([0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(axis="y", color="#eeeeee", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", fontsize=9, framealpha=1, edgecolor="white")
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--choose", action="store_true", help="weigh all candidates on a chip that judges nothing")
    parser.add_argument("--shots", type=int, help="of each basis on each chip (5,000; to choose 1,000)")
    parser.add_argument("--told", type=int, default=100_000, help="other shots, whose events a followed prior sees")
    parser.add_argument("--candidates", nargs="+", choices=sorted(CANDIDATES), help="besides correlated matching")
    parser.add_argument("--plot", type=Path, help="draw the figure")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.plot is not None:
        check_figure(given.plot)
    seeds = CHOOSING if given.choose else JUDGING
    shots = given.shots or (1_000 if given.choose else 5_000)
    asked = given.candidates or (list(CANDIDATES) if given.choose else JUDGED)
    names = ["correlated", *(name for name in asked if name != "correlated")]
    found = {d: measure(d, names, shots, given.told, seeds) for d in DISTANCES}
    results = {name: summary(name, found) for name in names}
    for name in names:
        results[name]["beyond"] = beyond(name, found, seeds)
    if given.plot is not None:
        draw(found, names, seeds, given.plot)
    if given.json:
        print(json.dumps(results))
        return
    print(f"chips {seeds}, {shots:,} shots of each basis on each")
    for name, result in results.items():
        print(f"{name}: Lambda {_interval(result['lambda'], 1, 3)}, p of the fit {result['p_of_constant_lambda']:.2g}")
        for r in result["rows"]:
            print(
                f"  d={r['distance']}  {r['failures']:6,} of {r['shots']:,}, {_interval(r['ler_cycle'], 100, 4)} %; "
                f"{_interval(r['over_correlated'], 1, 3)} of correlated's; {r['us_per_shot']:.0f} us a shot"
            )
        print(f"  d=7 from the fit: {_interval(result['fitted_ler_cycle_at_7'], 100, 4)} %")
        for r in result["beyond"]:
            best, median = r["best_and_median_lifetime"]
            print(
                f"  chip {r['chip']}: {_interval(r['ler_cycle'], 100, 4)} %, {_interval(r['lifetime'], 1, 0)} us; "
                f"best qubit {best:.0f} us, median {median:.0f} us; factor {_interval(r['factor'], 1, 2)}"
            )


def _interval(figures: list[float], scale: float, digits: int) -> str:
    value, low, high = (f"{scale * figure:.{digits}f}" for figure in figures)
    return f"{value} ({low}-{high})"


if __name__ == "__main__":
    main()
