"""What logical circuits take on an error-corrected machine: distance, physical qubits, seconds, joules."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from counterpoint.base import BadInput
from counterpoint.quops.forecast import IDLE
from counterpoint.quops.formulas import FORMULAS
from counterpoint.workloads.cost.logical_cost import LogicalCost, Repeated
from counterpoint.workloads.cost.times import YEAR
from counterpoint.workloads.energy import Power

citation = (
    "@article{Gidney2019, title={Efficient magic state factories with a catalyzed {|CCZ>} to {2|T>} transformation},"
    " author={Gidney, Craig and Fowler, Austin G.}, journal={Quantum}, volume={3}, pages={135}, year={2019}}\n"
    "@article{Litinski2019, title={A game of surface codes: Large-scale quantum computing with lattice surgery},"
    " author={Litinski, Daniel}, journal={Quantum}, volume={3}, pages={128}, year={2019}}\n"
    "@misc{Parker2023, title={Estimating the energy requirements to operate a cryptanalytically relevant quantum"
    " computer}, author={Parker, Edward and Vermeer, Michael J. D.}, eprint={2304.14344}, archivePrefix={arXiv},"
    " year={2023}}"
)

FORMULA = FORMULAS["gidney-fowler"]
FACTORY_PATCHES = 72  # a factory of CCZ states is 12 d x 6 d and makes one in 5.5 d cycles (arXiv:1812.01238)
FACTORY_STEPS = 5.5


@dataclass(frozen=True)
class Assumptions:
    """What a break-even rests on; every number is an argument.

    Attributes:
        error: physical error of an operation; 1e-3 is what published cost studies take, and chips come near.
        cycle: seconds of an error-correction cycle; 1e-6 is that of superconducting qubits.
        reaction: seconds from a measurement to what depends on it, decoding included; 1e-5 as in arXiv:1905.09749.
        failure: chance that a coherent run fails by a logical error; it is then run again.
        routing: patches for a logical qubit, ways between them included; 2 as in the fast block of arXiv:1808.02892.
        factories: of CCZ states; None is as many as the circuit can use without waiting.
        qubit_watts: of a physical qubit; 6.25 W are 125 MW for 20 million (arXiv:2304.14344).
        power: of a core of the rival, and of a whole machine, which is the least that any draws.
        cores: of the rival, among which its work divides evenly.
        target: chance with which either side finds the answer.
        horizon: seconds that a break-even may take.
    """

    error: float = 1e-3
    cycle: float = 1e-6
    reaction: float = 1e-5
    failure: float = 0.01
    routing: float = 2.0
    factories: int | None = None
    qubit_watts: float = 6.25
    power: Power = field(default_factory=Power)
    cores: float = 1
    target: float = 0.99
    horizon: float = YEAR

    def __post_init__(self) -> None:
        for name in ("cycle", "routing", "cores", "horizon"):
            _check(name, getattr(self, name), 0 < getattr(self, name) < math.inf, "a finite number above 0")
        for name in ("reaction", "qubit_watts"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, "a finite number, 0 or more")
        for name in ("failure", "target"):
            _check(name, getattr(self, name), 0 < getattr(self, name) < 1, "a chance between 0 and 1")
        if self.factories is not None:
            _check("factories", self.factories, self.factories >= 1, "1 or more, or None for as many as are used")
        if not math.isfinite(self.error):
            raise BadInput(f"a physical error of {self.error} was assumed: give a number between 0 and the threshold")
        FORMULA.suppression(self.error)

    @property
    def magic_error(self) -> float:
        """Error of a CCZ state: 28 times the square of a T state's after 15 to 1, 35 times the cube of `error`."""
        return 28 * (35 * self.error**3) ** 2


@dataclass(frozen=True)
class Footprint:
    """A task on the machine."""

    distance: int
    quops: float  # that its longest run needs: operations of d cycles of one patch, of which one may fail
    qubits: int  # physical, those of factories included
    factories: int
    seconds: float  # of the whole task
    joules: float


def footprint(work: Repeated, assumed: Assumptions) -> Footprint | None:
    """What `work` takes, or None where no distance or no factory is good enough.

    A step lasts d cycles, or the reaction time where that is longer; patches that wait are charged, too. The distance
    is that of the formula of Gidney and Fowler for the QuOps that are needed.
    """
    run = work.run
    patches = math.ceil(assumed.routing * run.qubits)
    left = assumed.failure - run.magic * assumed.magic_error
    if left <= 0:
        return None
    quops = patches * max(run.depth, FACTORY_STEPS * run.magic / (assumed.factories or math.inf)) / left
    distance = _distance(quops, assumed)
    if distance is None:
        return None
    # That distance says how long a step waits for a reaction; what waits needs a distance that is not shorter.
    quops = patches * _run(run, distance, assumed)[0] / (distance * assumed.cycle) / left
    distance = _distance(quops, assumed)
    if distance is None:
        return None
    seconds, factories = _run(run, distance, assumed)
    qubits = (patches + FACTORY_PATCHES * factories) * IDLE.qubits_at(distance)
    watts = max(assumed.power.machine, assumed.qubit_watts * qubits)
    whole = seconds * work.times / (1 - assumed.failure)
    return Footprint(distance, quops, qubits, factories, whole, watts * whole)


def _distance(quops: float, assumed: Assumptions) -> int | None:
    return FORMULA.distance(assumed.error, max(2, math.ceil(quops)), IDLE)


def _run(run: LogicalCost, distance: int, assumed: Assumptions) -> tuple[float, int]:
    """Seconds of one run, and factories."""
    code = distance * assumed.cycle
    circuit = run.depth * max(code, assumed.reaction)
    made = run.magic * FACTORY_STEPS * code  # seconds of one factory
    factories = assumed.factories or math.ceil(made / circuit)
    return max(circuit, made / factories if factories else 0.0), factories


def _check(name: str, value: float, good: bool, wanted: str) -> None:
    if not good:
        raise BadInput(f"{name} = {value} was assumed: give {wanted}")
