"""What each task of the product would need to break even on logical qubits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from counterpoint.base import BadInput
from counterpoint.quops.estimate import Estimate
from counterpoint.workloads.cost.breakeven import BreakEven, End, break_even
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.cost.logical_cost import (
    TUNED,
    Estimation,
    LogicalCost,
    Repeated,
    amplified,
    amplitude_estimation,
    grover_iteration,
    minimum_finding,
    qaoa,
)
from counterpoint.workloads.cost.scaling import Scaling

VARIABLES: Sequence[float] = range(2, 1001)
PRECISIONS: Sequence[float] = [20 * 10 ** (k / 50) for k in range(601)]  # 1 / precision, to 1e13
SYNTHESIS = 0.01  # error of all rotations of one run together
SAMPLES_AT_HALF_WIDTH = 0.25 * 1.959964**2  # of a mean of 1/2 for a 95 % half-width, times 1 / precision^2


def optimise_break_even(
    rival: Scaling,
    assumed: Assumptions,
    *,
    couplings: Callable[[int], int],
    bits: int = 1,
    layers: int = 0,
    tries: Scaling | None = None,
    known: bool = True,
) -> BreakEven:
    """The minimum of an Ising problem: amplitude amplification against a rival's time to solution.

    Args:
        rival: time to solution at the target chance, seconds of one core by number of variables.
        couplings: how many there are, by number of variables.
        bits: of a weight.
        layers: of QAOA, whose success probability is amplified; 0 is plain search over all assignments.
        tries: 1 / that probability by number of variables, as measured; needed with layers.
        known: whether the value of the minimum is known, as time to solution takes it; else it is searched for.

    Raises:
        BadInput: layers without tries or tries without layers.
    """
    if bool(layers) != (tries is not None) or layers < 0:
        raise BadInput(f"{layers} layers and tries {tries} were given: give both for QAOA, neither for plain search")
    search = amplified if known else minimum_finding

    def quantum(size: float, end: End = "value") -> Repeated:
        n = int(size)
        guesses = 2.0**n if tries is None else max(getattr(tries.at(n), end), 1.0)  # no chance is above 1
        if math.isinf(guesses):
            raise OverflowError(guesses)  # as 2.0**n itself would: no machine does it
        start = LogicalCost(n, 0, 0, 1)  # H on all
        if layers:
            turns = (couplings(n) + n) * layers * math.sqrt(guesses)
            start = qaoa(n, couplings(n), layers, SYNTHESIS / turns)
        return search(start, grover_iteration(n, couplings(n), bits, start), guesses, assumed.target)

    amplifying = f"QAOA of {layers} {'layer' if layers == 1 else 'layers'} amplified"
    return break_even(
        f"optimise, {amplifying if layers else 'plain search'}",
        quantum,
        rival.at,
        VARIABLES,
        assumed,
        best=partial(quantum, end="low"),
        worst=partial(quantum, end="high"),
    )


def bandit_break_even(
    oracle: LogicalCost,
    sample_seconds: float,
    assumed: Assumptions,
    *,
    estimation: Estimation = TUNED,
    samples: float | None = None,
) -> BreakEven:
    """The mean of a reward to a precision: amplitude estimation against sampling on a processor.

    Args:
        oracle: one use of A, which computes a reward from uniform bits.
        sample_seconds: of one core for one reward.
        estimation: how many uses it takes, and the error that it achieves; `PUBLISHED` takes nearly twice as many for
            the same error.
        samples: the rival needs, times 1 / precision^2: those of equal error, or `SAMPLES_AT_HALF_WIDTH`.

    Raises:
        BadInput: seconds or samples that are not finite and above 0.
    """
    samples = estimation.samples if samples is None else samples
    for name, value in (("seconds a sample", sample_seconds), ("samples", samples)):
        if not 0 < value < math.inf:
            raise BadInput(f"{value:g} {name} was given: give a finite number above 0")

    def rival(size: float) -> Estimate:
        seconds = samples * size**2 * sample_seconds
        return Estimate(seconds, seconds, seconds)

    return break_even(
        "bandit, mean of a reward",
        lambda size: amplitude_estimation(oracle, 1 / size, estimation),
        rival,
        PRECISIONS,
        assumed,
        sized="(1 / precision)",
    )


def recalibrate_break_even(assumed: Assumptions) -> BreakEven:
    """There is none, and the record says so."""
    why = "not applicable: a logical circuit cannot query a physical gate, whose over-rotation error correction removes"
    return BreakEven("recalibrate", "uses of a gate", assumed, None, None, None, None, why)
