"""Parities of detectors: what detection events tell of each gate's error rate, without a decoder.

For independent Pauli channels the mean of the sign (-1)^parity of a set A of detectors is a product,

    E[(-1)^parity] = prod over uses of gates of (1 - c p) = exp(-2 sum_g W[A, g] x_g),
    x_g = -1/2 ln(1 - c_g p_g),

over the uses of which some error flips the parity: a depolarising channel gives its factor (c = 4/3
on one qubit, 16/15 on two, and 2 for a plain flip) to every parity that it flips at all. So W counts
uses, and the law is exact and linear on the scale of x (Blume-Kohout and Young, arXiv:2504.14643;
the pair parities hold what the two-point correlations of Spitz et al., arXiv:1712.02360, and Takou
and Brown, arXiv:2504.20212, hold).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Counts, Floats
from counterpoint.codes.faults import Fault, Gate, faults_of, read
from counterpoint.codes.sites import sites_of
from counterpoint.decoders.batch import checked_batch

_BLOCK = 32_768  # shots that are counted at a time, and
_ROWS = 64  # parities: more would leave the processor's cache
_CHUNK = 512  # rows of bytes that are worked on at a time: more would fill the memory


@dataclass(frozen=True, eq=False)
class Parities:
    """K classes of parities of one or two detectors; the members of a class differ in time alone.

    A class is one site, or two sites and the rounds between them; its members are the rounds in
    which every gate counts alike: the bulk, without the first and the last rounds.
    """

    detectors: int  # D
    sites: NDArray[np.int64]  # (K, 2) of each class; the same one twice for a single detector
    single: NDArray[np.bool_]  # (K,) a single detector?
    first: NDArray[np.int64]  # (I,) detectors of all members, class by class
    second: NDArray[np.int64]  # (I,) D, which never fires, beside a single detector
    start: NDArray[np.int64]  # (K,) the first member of each class
    uses: Floats  # (K, G) W

    @property
    def members(self) -> Counts:
        """(K,) parities of each class in one shot."""
        return np.diff(self.start, append=len(self.first))

    def count(self, detection_events: Bits) -> Counts:
        """(K,) odd parities of each class, over all shots of bit-packed (shots, ceil(D / 8)) ones.

        Raises BadInput where the events do not fit the circuit.
        """
        events = checked_batch(detection_events, self.detectors)
        odd = np.zeros(len(self.first), np.int64)
        for i in range(0, len(events), _BLOCK):
            shots = _by_detector(events[i : i + _BLOCK], self.detectors)
            for j in range(0, len(odd), _ROWS):
                here = slice(j, j + _ROWS)
                differ = shots[self.first[here]] ^ shots[self.second[here]]
                odd[here] += np.bitwise_count(differ).sum(axis=1, dtype=np.int64)
        return np.add.reduceat(odd, self.start)

    def covariance(self, detection_events: Bits) -> Floats:
        """(K, K) covariance between shots of the mean sign of each class, from bit-packed (shots, ceil(D / 8))."""
        means = []
        for i in range(0, len(detection_events), _CHUNK):
            packed = detection_events[i : i + _CHUNK]
            bits = np.zeros((len(packed), self.detectors + 1), np.uint8)
            bits[:, :-1] = np.unpackbits(packed, axis=1, count=self.detectors, bitorder="little")
            odd = np.add.reduceat(bits[:, self.first] ^ bits[:, self.second], self.start, axis=1, dtype=np.int64)
            means.append(1 - 2 * odd / self.members)
        return np.atleast_2d(np.cov(np.concatenate(means), rowvar=False))


def _by_detector(events: Bits, detectors: int) -> NDArray[np.uint64]:
    """(shots, B) bit-packed by detector -> (D + 1, words) bit-packed by shot; the last row is empty.

    Each bit is taken out of all shots' bytes at once: to unpack the shots first would take ten times as long.
    """
    bytes_ = np.zeros((events.shape[1], -(-len(events) // 64) * 64), np.uint8)
    bytes_[:, : len(events)] = events.T
    rows = np.zeros((detectors + 1, bytes_.shape[1] // 8), np.uint8)
    for detector in range(detectors):
        rows[detector] = np.packbits(bytes_[detector // 8] & (1 << detector % 8))
    return rows.view(np.uint64)


def parities_of(circuit: stim.Circuit, gates: Mapping[Gate, int]) -> Parities:
    """The parities of a noiseless `circuit` that any of `gates` flips; `gates` gives each one's column of W.

    Singles are detectors that an error can fire, pairs are any two that the errors of one use of a
    gate can fire. Other parities of two detectors are products of these.

    Raises BadInput where no gate's error fires a detector.
    """
    flips, column = _flips(circuit, gates)
    if not flips.any():
        raise BadInput(
            f"none of the errors of {len(gates)} gates fires any of the circuit's {len(flips)} detectors, so that "
            "nothing can be learnt from them: give a circuit whose detectors see its gates"
        )
    detectors = len(flips)
    seen = (flips > 0).astype(np.float32)
    together = np.triu(seen @ seen.T > 0)
    first, second = np.nonzero(together)
    second = np.where(first == second, detectors, second)
    flips = np.concatenate([flips, np.zeros((1, flips.shape[1]), np.uint8)])
    order = np.argsort(column, kind="stable")
    present, starts = np.unique(column[order], return_index=True)
    flips = flips[:, order]
    uses = np.zeros((len(first), len(gates)), np.int64)
    for i in range(0, len(first), _CHUNK):
        here = slice(i, i + _CHUNK)
        odd = (flips[first[here]] ^ flips[second[here]]) != 0
        uses[here, present] = np.add.reduceat(odd, starts, axis=1, dtype=np.int64)
    return _classes(circuit, first, second, uses)


def _classes(circuit: stim.Circuit, first: Counts, second: Counts, uses: Counts) -> Parities:
    """Group members by sites, rounds between and row of W; keep the largest group of those sites and rounds."""
    site = sites_of(circuit).of_detector
    time = np.array([c[-1] for _, c in sorted(circuit.get_detector_coordinates().items())])
    groups: dict[tuple[int, int, float], dict[bytes, list[int]]] = {}
    for i, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        b = a if b == circuit.num_detectors else b
        if (time[a], site[a]) > (time[b], site[b]):  # the earlier one first, whatever their numbers
            a, b = b, a
        key = (int(site[a]), int(site[b]), float(time[b] - time[a]))
        groups.setdefault(key, {}).setdefault(uses[i].tobytes(), []).append(i)
    chosen = {key: max(alike.values(), key=len) for key, alike in groups.items()}
    sizes = [len(members) for members in chosen.values()]
    rows = np.concatenate([np.array(members) for members in chosen.values()])
    start = np.cumsum([0, *sizes[:-1]])
    return Parities(
        detectors=circuit.num_detectors,
        sites=np.array([key[:2] for key in chosen], np.int64),
        single=second[rows[start]] == circuit.num_detectors,
        first=first[rows],
        second=second[rows],
        start=start,
        uses=uses[rows[start]].astype(np.float64),
    )


def _flips(circuit: stim.Circuit, gates: Mapping[Gate, int]) -> tuple[Bits, Counts]:
    """(D, uses) which generators of each use's errors flip each detector, one bit each, and (uses,) their columns.

    Each generator runs in one instance of a bulk Pauli-frame simulation (Gidney, arXiv:2103.02202,
    section 4) of the whole circuit, repetitions written out.
    """
    program = read(circuit.flattened(), {gate.kind for gate in gates})
    faults = [fault for fault in faults_of(program) if fault.gate in gates]
    width = max((len(f.flips) * len(f.gate.qubits) for f in faults), default=1)
    simulator = stim.FlipSimulator(
        batch_size=max(1, width * len(faults)), num_qubits=circuit.num_qubits, disable_stabilizer_randomization=True
    )
    use = 0
    for step in program:
        if isinstance(step, str):
            simulator.do(stim.Circuit(step))
            continue
        assert isinstance(step, Fault)  # flattened: no blocks are left
        mine = step.gate in gates
        if mine:
            generators = [(q, pauli) for q in step.gate.qubits for pauli in step.flips]
            for k, (q, pauli) in enumerate(generators):
                simulator.set_pauli_flip(pauli, qubit_index=q, instance_index=width * use + k)
        if step.gate.kind == "M":  # the result alone flips: the frame is turned before it and back after it
            simulator.do(stim.Circuit(f"{step.channel} {step.targets}"))
            if mine:
                simulator.set_pauli_flip("I", qubit_index=step.gate.qubits[0], instance_index=width * use)
        use += mine
    fired = simulator.get_detector_flips()[:, : width * len(faults)]
    weights = (1 << np.arange(width)).astype(np.uint8)
    masks = (fired.reshape(circuit.num_detectors, len(faults), width) * weights).sum(axis=2, dtype=np.uint8)
    return masks, np.array([gates[fault.gate] for fault in faults], np.int64)
