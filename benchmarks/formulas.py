"""Our formulas beside Qualtran's (extra `qualtran`): error a cycle, distance for a budget, physical qubits.

    python benchmarks/formulas.py

Errors agree to the digit: ours are fractions, theirs products of floats, so that they are compared to 1e-12. Distances
agree but at ties, where the budget is exactly an error of the formula: we take the distance that reaches it, theirs
follows the rounding of two logarithms. Qubits are 2 d^2 in theirs and 2 d^2 - 1, the qubits of one patch, in ours.
"""

from __future__ import annotations

import json
import math
import sys
from fractions import Fraction

from counterpoint.quops.forecast import FARTHEST, TARGETS, Operation
from counterpoint.quops.formulas import FORMULAS, Formula

RATES = ("1e-4", "2e-4", "5e-4", "1e-3", "2e-3", "3e-3", "5e-3", "7e-3", "9e-3")
BUDGETS = tuple(10**k for k in range(3, 16))
DIGITS = 1e-12
CYCLE = Operation(cycles=1)


def tied(formula: Formula, p: str, operations: int) -> bool:
    """Is the budget exactly an error of the formula, so that rounding decides?"""
    return any(formula.error(p, d) == Fraction(1, operations) for d in range(3, FARTHEST + 1, 2))


def main() -> None:
    try:
        from qualtran.surface_code import QECScheme
    except ImportError:
        sys.exit("qualtran is not installed: pip install 'counterpoint[qualtran]'")

    class Peer(QECScheme):
        """Theirs, with the number of qubits that its base class states."""

        def physical_qubits(self, code_distance: int) -> int:
            return super().physical_qubits(code_distance)

    peers = {"gidney-fowler": Peer.make_gidney_fowler(), "beverland": Peer.make_beverland_et_al()}
    rows = []
    for name, formula in FORMULAS.items():
        peer = peers[name]
        gaps = [
            abs(peer.logical_error_rate(d, float(p)) / float(formula.error(p, d)) - 1)
            for p in RATES
            for d in range(3, 52, 2)
        ]
        same, ties, others = 0, [], []
        for p in RATES:
            for n in BUDGETS:
                ours, theirs = formula.distance(p, n, CYCLE), peer.code_distance_from_budget(float(p), 1 / n)
                if ours == theirs or (ours is None and theirs > FARTHEST):
                    same += 1
                else:
                    (ties if tied(formula, p, n) else others).append((p, n, ours, theirs))
        rows.append(
            {
                "formula": name,
                "errors": len(gaps),
                "largest_gap": max(gaps),
                "distances": same + len(ties) + len(others),
                "same": same,
                "differ_at_ties": ties,
                "differ_elsewhere": others,
                "qubits_theirs_less_ours": sorted({peer.physical_qubits(d) - (2 * d * d - 1) for d in range(3, 52, 2)}),
                "d_rounds_at_1e-3": [formula.distance("1e-3", n) for n in TARGETS.values()],
            }
        )
    if "--json" in sys.argv[1:]:
        print(json.dumps(rows))
    for row in rows if "--json" not in sys.argv[1:] else ():
        print(f"{row['formula']}: {row['errors']} errors a cycle, largest relative gap {row['largest_gap']:.1e}")
        print(f"  distance for a budget: {row['same']} of {row['distances']} the same")
        for p, n, ours, theirs in row["differ_at_ties"]:
            print(f"  at the tie p={p}, one in 1e{round(math.log10(n))}: {ours} (exact), Qualtran {theirs}")
        for p, n, ours, theirs in row["differ_elsewhere"]:
            print(f"  at p={p}, one in 1e{round(math.log10(n))}: {ours}, Qualtran {theirs}")
        print(f"  qubits of a patch: Qualtran has {row['qubits_theirs_less_ours']} more")
        print(f"  d rounds an operation at p=1e-3, Mega, Giga, Tera: {row['d_rounds_at_1e-3']}")
    if any(row["largest_gap"] > DIGITS or row["differ_elsewhere"] for row in rows):
        sys.exit("formulas differ where their assumptions agree")


if __name__ == "__main__":
    main()
