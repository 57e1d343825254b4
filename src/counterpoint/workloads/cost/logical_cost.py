"""What a circuit costs on logical qubits: qubits, magic states and steps of d cycles, in closed form and counted.

Counts are floats where a whole run may exceed what fits in a word. A logical operation is one patch for one step, as
`quops` counts them: a qubit that waits is charged, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import decomposed

citation = (
    "@article{Ross2016, title={Optimal ancilla-free {Clifford+T} approximation of z-rotations}, author={Ross, Neil J."
    " and Selinger, Peter}, journal={Quantum Information and Computation}, volume={16}, pages={901--953},"
    " year={2016}}\n"
    "@article{Gidney2018, title={Halving the cost of quantum addition}, author={Gidney, Craig}, journal={Quantum},"
    " volume={2}, pages={74}, year={2018}}\n"
    "@article{Boyer1998, title={Tight bounds on quantum searching}, author={Boyer, Michel and Brassard, Gilles and"
    " H{\\o}yer, Peter and Tapp, Alain}, journal={Fortschritte der Physik}, volume={46}, pages={493--505},"
    " year={1998}}\n"
    '@misc{Durr1996, title={A quantum algorithm for finding the minimum}, author={D{\\"u}rr, Christoph and H{\\o}yer,'
    " Peter}, eprint={quant-ph/9607014}, archivePrefix={arXiv}, year={1996}}\n"
    "@article{Grinko2021, title={Iterative quantum amplitude estimation}, author={Grinko, Dmitry and Gacon, Julien and"
    " Zoufal, Christa and Woerner, Stefan}, journal={npj Quantum Information}, volume={7}, pages={52}, year={2021}}"
)

PAULI, CLIFFORD, ENTANGLING = 0, 1, 2  # steps: in the frame, one turn or merge with |Y>, two merges (a CNOT)
_FREE = ("id", "x", "y", "z", "measure", "reset", "swap")  # a swap is a change of names
_ROTATIONS = ("rx", "ry", "rz", "p", "u")
COARSEST = 0.05  # precision to which constants of an estimation hold: the tuned one's 19.9 uses there, 22.9 at 0.01
QUARTER = math.log(4 / 3)  # -ln of the chance that one randomised trial fails, which is at most 3/4


@dataclass(frozen=True)
class LogicalCost:
    """One circuit, or one part of it."""

    qubits: int  # logical, helpers included; patches that route are the machine's
    toffolis: float
    ts: float  # T gates
    depth: float  # steps of d cycles; a T or a Toffoli takes one

    def __post_init__(self) -> None:
        for name, value in (("toffolis", self.toffolis), ("ts", self.ts), ("depth", self.depth)):
            if not 0 <= value < math.inf:
                raise BadInput(f"a circuit with {name} = {value:g} was given: give a finite number, 0 or more")
        if self.qubits < 1:
            raise BadInput(f"a circuit of {self.qubits} logical qubits was given: give at least 1")

    def __add__(self, other: LogicalCost) -> LogicalCost:
        """This, then `other`, on the same qubits."""
        return LogicalCost(
            max(self.qubits, other.qubits),
            self.toffolis + other.toffolis,
            self.ts + other.ts,
            self.depth + other.depth,
        )

    def times(self, repeats: float) -> LogicalCost:
        """This, `repeats` times in a row."""
        return LogicalCost(self.qubits, repeats * self.toffolis, repeats * self.ts, repeats * self.depth)

    @property
    def operations(self) -> float:
        """Logical operations: patches times steps."""
        return self.qubits * self.depth

    @property
    def magic(self) -> float:
        """CCZ states: one for a Toffoli, and one for two T (Gidney and Fowler, arXiv:1812.01238)."""
        return self.toffolis + self.ts / 2


@dataclass(frozen=True)
class Estimation:
    """What iterative amplitude estimation uses and achieves at a mean of 1/2, the worst of all.

    Raises BadInput for numbers that are not finite and above 0.
    """

    uses: float  # of A and its inverse in all, times 1 / precision, the half-width at 95 % that is asked for
    error: float  # root mean square, as a share of that precision

    def __post_init__(self) -> None:
        if not (0 < self.uses < math.inf and 0 < self.error < math.inf):
            raise BadInput(
                f"an estimate of {self.uses:g} uses and error {self.error:g} was given: give finite numbers above 0"
            )

    @property
    def samples(self) -> float:
        """That a rival needs for the same error, times 1 / precision^2."""
        return 0.25 / self.error**2


# Measured with `explore.amplitude` at a precision of 1e-3, 3,000 runs; uses times error are half as large with 30 shots
# a round as with the ceil(32 ln(2 / 0.05 log2(pi / (4 precision)))) of the published implementation.
TUNED = Estimation(uses=21.9, error=0.242)
PUBLISHED = Estimation(uses=52.7, error=0.19)


@dataclass(frozen=True)
class Repeated:
    """A coherent run, and how often it is run on average until the task is done."""

    run: LogicalCost  # the longest one, which sets the code distance
    times: float  # in lengths of that run: shorter ones count in part


def rotation_ts(precision: float) -> int:
    """T gates of one rotation: 3 log2(1 / precision) (Ross and Selinger, arXiv:1403.2975, without its small terms).

    Raises BadInput for a precision that is not between 0 and 1.
    """
    if not 0 < precision < 1:
        raise BadInput(f"a rotation to a precision of {precision:g} was asked for: give a number between 0 and 1")
    return math.ceil(3 * math.log2(1 / precision))


def counted(circuit: Circuit, precision: float) -> LogicalCost:
    """The cost of `circuit` as it stands, each operation as soon as its qubits are free.

    Steps: none for Paulis, swaps, preparations and measurements, one for H, S, T and a Toffoli, two for CX, CY and CZ,
    as many as it has T for a rotation to `precision`. Angles that are multiples of pi / 4 are exact.
    """
    toffolis = ts = 0
    free = [0] * circuit.qubits  # the step from which each qubit can be used
    ready = [0] * circuit.bits  # and each bit be looked at
    for one in circuit.operations:
        for part in _parts(one):
            steps, t = _steps(part, precision)
            begin = max(free[q] for q in part.qubits)
            if one.condition is not None:
                begin = max(begin, ready[one.condition[0]])
            for q in part.qubits:
                free[q] = begin + steps
            if part.bit is not None:
                ready[part.bit] = begin + steps
            ts += t
            toffolis += part.name == "ccx"
    return LogicalCost(circuit.qubits, toffolis, ts, max(free))


def qaoa_layer(variables: int, couplings: int, precision: float, *, fields: int = 0) -> LogicalCost:
    """One layer of QAOA: a rotation between two CNOT for each coupling, one for each field, RX on each variable.

    Couplings are done in ceil(couplings / floor(variables / 2)) rounds, the fewest that can be: complete graphs and
    most regular ones reach it (Vizing: none needs more than its largest degree and one).

    Raises BadInput for no variable, and more couplings than there are pairs.
    """
    pairs = variables * (variables - 1) // 2
    if variables < 1 or not 0 <= couplings <= pairs:
        raise BadInput(
            f"{couplings} couplings of {variables} variables were given, which have {max(0, pairs)} pairs: give a "
            "pair at most once"
        )
    turn = rotation_ts(precision)
    rounds = math.ceil(couplings / (variables // 2)) if couplings else 0
    depth = rounds * (2 * ENTANGLING + turn) + (turn if fields else 0) + turn
    return LogicalCost(variables, 0, (couplings + fields + variables) * turn, depth)


def qaoa(variables: int, couplings: int, layers: int, precision: float, *, fields: int = 0) -> LogicalCost:
    """`layers` of QAOA from the uniform superposition."""
    start = LogicalCost(variables, 0, 0, CLIFFORD)
    return start + qaoa_layer(variables, couplings, precision, fields=fields).times(layers)


def ising_oracle(variables: int, terms: int, bits: int) -> LogicalCost:
    """A sign on assignments whose energy is below a threshold; `terms` couplings and fields, whole weights of `bits`.

    A register starts at minus the threshold; the weight of each term is added under the control of its parity; the top
    bit is the sign; all is undone. An addition to w + 1 bits takes w Toffoli (Gidney, arXiv:1709.06648), where the sum
    of weights has w bits. Additions follow each other; a Toffoli takes a step on the way up and its undoing one on the
    way back, the CNOT between them none: the least that a ripple can take.
    """
    if variables < 2 or terms < 1 or bits < 1:
        raise BadInput(
            f"an oracle of {variables} variables, {terms} terms and weights of {bits} bits was asked for: give at "
            "least 2, 1 and 1"
        )
    width = (terms * (2**bits - 1)).bit_length()
    additions = 2 * terms
    return LogicalCost(variables + 3 * width + 2, additions * width, 0, additions * (2 * width + 2 * ENTANGLING))


def reflection(qubits: int) -> LogicalCost:
    """A sign on |0...0> of `qubits`: a tree of q - 2 temporary ANDs and a CZ, undone by measuring."""
    helpers = max(0, qubits - 2)
    return LogicalCost(qubits + helpers, helpers, 0, 2 * math.ceil(math.log2(max(2, qubits))) + ENTANGLING)


def grover_iteration(variables: int, terms: int, bits: int, start: LogicalCost) -> LogicalCost:
    """The oracle, `start` undone, the reflection about 0, and `start` again: H on all qubits, or QAOA."""
    return ising_oracle(variables, terms, bits) + start + reflection(variables) + start


def amplified(start: LogicalCost, iteration: LogicalCost, tries: float, target: float) -> Repeated:
    """Amplitude amplification of a success probability 1 / `tries` of which no more than its size is known.

    A trial of j iterations, j uniform below m = 1 / sin(2 theta), succeeds at least once in four (Boyer et al.,
    arXiv:quant-ph/9605034, lemma 2), so that ln(1 / (1 - target)) / ln(4 / 3) trials reach `target`, of m / 2
    iterations on average.
    """
    chance = 1 / max(tries, 2.0)
    longest = 1 / (2 * math.sqrt(chance * (1 - chance)))
    return Repeated(start + iteration.times(longest), -math.log1p(-target) / QUARTER / 2)


def minimum_finding(start: LogicalCost, iteration: LogicalCost, tries: float, target: float) -> Repeated:
    """The same where the minimum is not known beforehand: 22.5 sqrt(`tries`) iterations succeed in half of the cases.

    Duerr and Hoyer, arXiv:quant-ph/9607014, theorem 1 (its smaller term left out); log2(1 / (1 - target)) rounds.
    """
    return Repeated(start + iteration.times(math.sqrt(tries)), 22.5 * -math.log2(1 - target))


def amplitude_estimation(oracle: LogicalCost, precision: float, estimation: Estimation = TUNED) -> Repeated:
    """A mean to half-width `precision` at 95 % by iterative amplitude estimation (Grinko et al., arXiv:1912.05559).

    Uses of A and its inverse are charged one by one, a Grover power k as 2 k + 1; the longest run has
    k = pi / (8 precision), where the interval of the angle fills a quadrant. The error that is achieved is a share of
    `precision`, as the method is careful.

    Raises BadInput for a precision that is not above 0 and at most 0.05.
    """
    if not 0 < precision <= COARSEST:
        raise BadInput(
            f"a mean to {precision:g} was asked for, and the uses are measured from above 0 to {COARSEST}: give a "
            "precision between them"
        )
    power = math.floor(math.pi / (8 * precision))
    run = (oracle.times(2) + reflection(oracle.qubits)).times(power) + oracle
    return Repeated(run, estimation.uses / precision / (2 * power + 1))


def _parts(one: Operation) -> Iterator[Operation]:
    """A gate as Toffoli, CX, CY, CZ, swaps and gates of one qubit; its condition changes no cost."""
    bare = replace(one, condition=None)
    if one.name in ("ccx", "measure", "reset", "barrier"):
        yield bare
    elif one.name == "cswap":
        control, a, b = one.qubits
        yield Operation("cx", (b, a))
        yield Operation("ccx", (control, a, b))
        yield Operation("cx", (b, a))
    else:
        yield from decomposed(Circuit(1 + max(one.qubits), 0, (bare,))).operations


def _steps(part: Operation, precision: float) -> tuple[int, int]:
    """Steps and T gates of one part."""
    if part.name in _FREE or part.name == "barrier":
        return PAULI, 0
    if part.name in ("t", "tdg"):
        return 1, 1
    if part.name in _ROTATIONS:
        turns = [_turn(angle, precision) for angle in part.parameters]
        return sum(steps for steps, _ in turns), sum(t for _, t in turns)
    return (ENTANGLING if part.name in ("cx", "cy", "cz") else CLIFFORD), 0


def _turn(angle: float, precision: float) -> tuple[int, int]:
    """Steps and T gates of one rotation; multiples of pi / 4 are found to a rounding of doubles."""
    eighths = angle / (math.pi / 4)
    if abs(eighths - round(eighths)) > 1e-9:
        ts = rotation_ts(precision)
        return ts, ts
    whole = round(eighths)
    return (1, 1) if whole % 2 else (CLIFFORD, 0) if whole % 4 else (PAULI, 0)
