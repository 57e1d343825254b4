"""Recalibrating a gate from few uses: adaptive coherent repetition beside error amplification and single pulses.

    python benchmarks/recalibrate.py

Every budget is a comparison of its own (`workloads.weigh`): each side's settings are tuned, and the best rival is
chosen, on the first half of the instances, qubits of willow-like chips; the table is of the other half. A gain is the
mean of ln(rival's over-rotation / ours) on the same instance; both hypotheses and margins stand in the code.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import stdtrit

from counterpoint.base import Verdict
from counterpoint.workloads import Budget, Comparison, weigh
from counterpoint.workloads.calibrate.recalibrate import Recalibration

BUDGETS = (300, 1_000, 3_000, 10_000, 30_000, 100_000)
TARGETS = (1e-2, 3e-3, 1e-3, 3e-4)  # rad
SIDES = ("quantum", "amplified", "gp-ucb", "nothing")
SINGLE = "adaptive coherent repetition leaves at most half of what a bandit on single pulses leaves, on the same uses"


def against(found: Comparison, rival: str, hypothesis: str, margin: float) -> Verdict:
    """The verdict beside one rival, with Student's 95 % interval."""
    gain = found.sides["quantum"].scores - found.sides[rival].scores
    half = float(stdtrit(gain.size - 1, 0.975) * gain.std(ddof=1) / np.sqrt(gain.size))
    return Verdict(hypothesis, margin, float(gain.mean()), float(gain.mean()) - half, float(gain.mean()) + half)


def shown(verdict: Verdict) -> str:
    return f"{verdict.value:+.2f} ({verdict.low:+.2f} to {verdict.high:+.2f}) {verdict.status}"


def left_over(found: Comparison, side: str) -> float:
    """Median over-rotation in rad."""
    return float(np.exp(-np.median(found.sides[side].scores)))


def reached(uses: list[int], angles: list[float], target: float) -> str:
    """Uses at which the median falls to `target`, between two budgets on the line through their logarithms."""
    for i, angle in enumerate(angles):
        if angle <= target:
            if i == 0:
                return f"< {uses[0]:,}"
            share = np.log(angles[i - 1] / target) / np.log(angles[i - 1] / angle)
            return f"{uses[i - 1] * (uses[i] / uses[i - 1]) ** share:,.0f}"
    return f"> {uses[-1]:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instances", type=int, default=160)
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    workload = Recalibration()
    print(f"A: {workload.hypothesis}; margin {workload.margin:.3f}\nB: {SINGLE}; margin {np.log(2):.3f}\n")
    print("| uses | " + " | ".join(f"{side}, mrad" for side in SIDES) + " | best rival | A | B |")
    print("|---" * (len(SIDES) + 4) + "|")
    medians: dict[str, list[float]] = {side: [] for side in SIDES}
    chosen: list[str] = []
    for uses in given.budgets:
        found = weigh(workload, Budget(uses, "calls"), instances=given.instances, key=(given.seed, uses))
        for side in SIDES:
            medians[side].append(left_over(found, side))
        cells = " | ".join(f"{1e3 * medians[side][-1]:.3g}" for side in SIDES)
        single = against(found, "gp-ucb", SINGLE, float(np.log(2)))
        print(f"| {uses:,} | {cells} | {found.rival} | {shown(found.verdict)} | {shown(single)} |", flush=True)
        judged = given.instances - given.instances // 2
        for side in SIDES[:3]:
            bill = found.sides[side].bill
            chosen.append(
                f"{uses:,} {side}: {_settings(found.sides[side].setting)}; each used {bill.calls / judged:,.0f} uses, "
                f"{bill.shots / judged:,.0f} shots, {1e3 * bill.machine / judged:.3g} ms of the machine and "
                f"{1e3 * bill.processor / judged:.3g} ms of a core"
            )
    print("\n| median left over, mrad | " + " | ".join(f"{side}, uses" for side in SIDES[:3]) + " |")
    print("|---" * 4 + "|")
    for target in TARGETS:
        cells = " | ".join(reached(given.budgets, medians[side], target) for side in SIDES[:3])
        print(f"| {1e3 * target:g} | {cells} |")
    print("\nChosen on the first half:\n" + "\n".join(chosen))


def _settings(solver: object) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in vars(solver).items() if name != "citation")


if __name__ == "__main__":
    main()
