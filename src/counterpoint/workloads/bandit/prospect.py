"""What an error-corrected machine would have to be for a bandit: its gap beside the precision that breaks even."""

from __future__ import annotations

from counterpoint.workloads.bandit.task import Bandit
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.cost.logical_cost import LogicalCost
from counterpoint.workloads.cost.prospects import bandit_break_even

# The least that an oracle of any use is granted, beside the same by a core (Babbush et al., PRX Quantum 2, 010103).
ORACLE = LogicalCost(qubits=100, toffolis=100, ts=0, depth=100)
SAMPLE = 33e-9  # seconds


def prospect(workload: Bandit, assumed: Assumptions) -> str:
    """One sentence, or two, on where estimating an arm's mean would break even in time, and where this gap is."""
    found = bandit_break_even(ORACLE, SAMPLE, assumed)
    source = workload.source
    gap = source.spread * source.arms / (source.arms - 1)  # mean gap of those that are not the best
    return (
        f"{found.sentence} One use of an oracle is {ORACLE.toffolis:g} Toffoli, one sample {1e9 * SAMPLE:g} ns; the "
        f"gap here, {gap:.3g}, is 1 / {1 / gap:,.4g}."
    )
