"""Where a circuit runs on a chip: which of its qubits each becomes, and SWAPs where two that meet are not coupled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import networkx as nx

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import decomposed

WIDTH = 200  # placements that are followed at a time
SWAP = 3  # two-qubit gates in one

Pair = tuple[int, int]


@dataclass(frozen=True)
class Errors:
    """What the parts of a chip cost now."""

    couplers: Mapping[Pair, float]  # error of a two-qubit gate; both qubits ascending
    alone: Mapping[int, float]  # error of preparing, turning and reading a qubit


def placed(circuit: Circuit, errors: Errors, chip: str) -> Circuit:
    """The decomposed circuit on the chip's qubits, its two-qubit gates on couplers.

    Qubits are placed one after another, the one with most partners first and then these, and of all placements so far
    the `WIDTH` with the least sum of errors go on: every one is looked at where there are no more. Which qubits meet
    counts and not how often, and those that never do are kept together in order: circuits on a pair are all on the
    same pair, whatever they do there. Gates whose qubits end apart are brought together by SWAPs along the path of the
    least error. The same errors give the same placement.

    Raises:
        BadInput: more qubits than the chip has.
    """
    parts = decomposed(circuit)
    return _Router(_graph(errors), placement(parts, errors, chip)).circuit(parts)


def placement(parts: Circuit, errors: Errors, chip: str) -> dict[int, int]:
    """Where each used qubit of a decomposed circuit begins. Raises BadInput as `placed`."""
    used = list(parts.used)
    if len(used) > len(errors.alone):
        raise BadInput(
            f"the circuit uses {len(used)} qubits and the {chip} chip has {len(errors.alone)}: use fewer, or a chip "
            "of a larger distance"
        )
    return _place(_meetings(parts, used), errors, _graph(errors))


def _graph(errors: Errors) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(sorted(errors.alone))
    graph.add_weighted_edges_from((a, b, error) for (a, b), error in sorted(errors.couplers.items()))
    return graph


def _meetings(parts: Circuit, used: list[int]) -> nx.Graph:
    """The qubits, joined where two meet in a gate, and one after another where nothing else joins them."""
    graph = nx.Graph()
    graph.add_nodes_from(used)
    graph.add_edges_from(one.qubits for one in parts.operations if len(one.qubits) == 2 and one.name != "barrier")
    for a, b in pairwise(used):
        if not nx.has_path(graph, a, b):
            graph.add_edge(a, b)
    return graph


def _place(meetings: nx.Graph, errors: Errors, graph: nx.Graph) -> dict[int, int]:
    """The chip's qubit of each of the circuit's."""
    away = dict(nx.all_pairs_dijkstra_path_length(graph))
    order: list[int] = []
    while len(order) < len(meetings):
        left = set(meetings) - set(order)
        order.append(max(left, key=lambda q: (len(set(meetings[q]) & set(order)), meetings.degree[q], -q)))
    beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for new in order:
        partners = [i for i, q in enumerate(order) if q in meetings[new]]
        longer: list[tuple[float, tuple[int, ...]]] = []
        for cost, places in beam:
            for here in sorted(errors.alone.keys() - set(places)):
                gates = 0.0
                for i in partners:
                    if i < len(places):
                        direct = errors.couplers.get(_pair(places[i], here))
                        gates += SWAP * away[here][places[i]] if direct is None else direct
                longer.append((cost + errors.alone[here] + gates, (*places, here)))
        beam = sorted(longer)[:WIDTH]
    return dict(zip(order, beam[0][1], strict=True))


def _pair(a: int, b: int) -> Pair:
    return (min(a, b), max(a, b))


class _Router:
    def __init__(self, graph: nx.Graph, place: dict[int, int]) -> None:
        self.graph = graph
        self.place = place

    def circuit(self, parts: Circuit) -> Circuit:
        made: list[Operation] = []
        for one in parts.operations:
            if one.name == "barrier":
                one = replace(one, qubits=tuple(q for q in one.qubits if q in self.place))
                if not one.qubits:
                    continue
            elif len(one.qubits) == 2:
                made += self.meet(*one.qubits)
            made.append(replace(one, qubits=tuple(self.place[q] for q in one.qubits)))
        return replace(parts, qubits=max(self.graph, default=-1) + 1, operations=tuple(made))

    def meet(self, a: int, b: int) -> list[Operation]:
        """SWAPs that bring `a` beside `b`."""
        path = nx.dijkstra_path(self.graph, self.place[a], self.place[b])
        if self.graph.has_edge(path[0], path[-1]):
            return []
        swaps = list(pairwise(path[:-1]))
        for here, there in swaps:
            self.place = {q: {here: there, there: here}.get(at, at) for q, at in self.place.items()}
        return [Operation("swap", swap) for swap in swaps]
