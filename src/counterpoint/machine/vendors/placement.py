"""Which qubits of a calibrated backend a circuit gets."""

from __future__ import annotations

from collections.abc import Collection

from counterpoint.base import BadInput
from counterpoint.machine.vendors.snapshot import Qubits, Snapshot

WIDTH = 4096  # chains that are followed at a time; with no more there is no better one


def best_chain(snapshot: Snapshot, length: int) -> Qubits:
    """The connected chain of `length` qubits with the least sum of two-qubit and readout errors.

    Every chain is looked at up to the length at which there are more than `WIDTH` (5 qubits on 133); of longer ones
    only the best `WIDTH` go on. Of equal ones the first in order is taken. Where no chain is as long, a qubit is
    coupled to any other of them. Raises BadInput where so many qubits are not coupled.
    """
    readout = snapshot.readout
    near: dict[int, dict[int, float]] = {q: {} for q in readout}
    for (a, b), error in snapshot.couplers.items():
        near[a][b] = near[b][a] = error

    def longer(chains: Collection[tuple[float, Qubits]], *, tail: bool) -> set[tuple[float, Qubits]]:
        return {
            (cost + error + readout[new], (*chain, new))
            for cost, chain in chains
            for end in (chain[-1:] if tail else chain)
            for new, error in near[end].items()
            if new not in chain
        }

    chains = [(error, (q,)) for q, error in readout.items()]
    for _ in range(length - 1):
        chains = sorted(longer(chains, tail=True) or longer(chains, tail=False))[:WIDTH]
    if not chains:
        raise BadInput(f"{length} coupled qubits were asked for and {snapshot.name} has not so many: use fewer")
    return min(chains)[1]


def connected(snapshot: Snapshot, qubits: Qubits) -> bool:
    """Whether couplers join all of `qubits` without any other."""
    pairs = [pair for pair in snapshot.couplers if set(pair) <= set(qubits)]
    reached = set(qubits[:1])
    while new := {q for pair in pairs if reached & set(pair) for q in pair} - reached:
        reached |= new
    return reached == set(qubits)
