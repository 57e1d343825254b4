"""The protocols of the check: ideal values, depolarised ones in closed form, and what no classical machine passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2, sqrt

import numpy as np
import pytest
from scipy.stats import binom

from counterpoint.base import Counts, Floats, Key
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols import PROTOCOLS, cliffords
from counterpoint.machine.protocols.benchmarking import Benchmarking
from counterpoint.machine.protocols.bounds import TAIL, ends, rate
from counterpoint.machine.protocols.chsh import Chsh
from counterpoint.machine.protocols.coin import Coin
from counterpoint.machine.protocols.protocol import Finding, Protocol, tally
from counterpoint.machine.protocols.readout import Readout
from counterpoint.machine.protocols.superdense import Superdense, information

FALSE_ALARM = 1e-6
EXACT = 10**12  # shots by which chances become counts
GATES = {"h", "s", "sdg", "t", "tdg", "x", "y", "z", "cx", "barrier", "measure"}
JUDGED = [name for name, one in PROTOCOLS.items() if name not in ("readout", "benchmarking")]
Noise = Callable[[Floats, Circuit], Floats]  # chances (2,) * M of a circuit's outcomes, as a machine distorts them


# A state vector of its own, so that no simulator of the product vouches for itself.

H = np.array([[1, 1], [1, -1]]) / sqrt(2)
MATRICES = {
    "h": H,
    "s": np.diag([1, 1j]),
    "sdg": np.diag([1, -1j]),
    "t": np.diag([1, np.exp(1j * np.pi / 4)]),
    "tdg": np.diag([1, np.exp(-1j * np.pi / 4)]),
    "x": np.array([[0, 1], [1, 0]]),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1, -1]),
    "cx": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]),
}


def chances(circuit: Circuit) -> Floats:
    """(2,) * M exact chances of the outcomes; qubit k is measured into bit k."""
    state = np.zeros((2,) * circuit.qubits, complex)
    state[(0,) * circuit.qubits] = 1
    for one in circuit.operations:
        if one.name in MATRICES:
            k = len(one.qubits)
            tensor = MATRICES[one.name].reshape((2,) * (2 * k))
            state = np.moveaxis(np.tensordot(tensor, state, (range(k, 2 * k), one.qubits)), range(k), one.qubits)
    return np.abs(state) ** 2


def depolarised(visibility: float) -> Noise:
    return lambda p, _: visibility * p + (1 - visibility) / p.size


def exactly(protocol: Protocol, noise: Noise = lambda p, _: p) -> Finding:
    """The finding from exact chances."""
    return protocol.read([np.rint(EXACT * noise(chances(c), c)).astype(np.int64) for c in protocol.programs()])


def sampled(protocol: Protocol, noise: Noise, shots: int, key: Key) -> Finding:
    rng = np.random.default_rng(key)
    drawn = []
    for circuit in protocol.programs():
        p = noise(chances(circuit), circuit)
        drawn.append(rng.multinomial(shots, p.ravel() / p.sum()).reshape(p.shape))
    return protocol.read(drawn)


def values(finding: Finding) -> dict[str, float]:
    return {one.name: one.estimate.value for one in finding.figures}


# The contract of every protocol


@pytest.mark.parametrize("name", PROTOCOLS)
def test_circuits_are_small_plain_and_measured_at_the_end(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.part >= 1
    for circuit in protocol.programs():
        assert 1 <= circuit.qubits == circuit.bits <= 3
        assert {one.name for one in circuit.operations} <= GATES
        assert [(one.name, one.qubits, one.bit) for one in circuit.operations[-circuit.qubits :]] == [
            ("measure", (q,), q) for q in range(circuit.qubits)
        ]
        assert not circuit.depends_on_results
    assert protocol.circuits() == PROTOCOLS[name].circuits()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_ideal_machine_has_the_ideal_figures_and_passes(name: str) -> None:
    finding = exactly(PROTOCOLS[name])
    for figure in finding.figures:
        assert figure.estimate.value == pytest.approx(figure.ideal, abs=1e-9), figure.name
        assert figure.estimate.low <= figure.estimate.value <= figure.estimate.high
    assert (finding.verdict is not None) == (name in JUDGED)
    assert finding.verdict is None or finding.verdict.status == "holds"


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("shots", [1, 3])
def test_one_shot_is_read_and_does_not_pass(name: str, shots: int) -> None:
    finding = sampled(PROTOCOLS[name], depolarised(1), shots, (shots,))
    assert all(one.estimate.low <= one.estimate.value <= one.estimate.high for one in finding.figures)
    if shots == 1 and finding.verdict:
        assert finding.verdict.status == "not shown"


@pytest.mark.parametrize("name", JUDGED)
def test_noise_alone_does_not_pass(name: str) -> None:
    verdict = exactly(PROTOCOLS[name], depolarised(0)).verdict
    assert verdict is not None
    assert verdict.status == "does not hold" or (name == "coin" and verdict.value == 0)


# Closed forms


def test_depolarised_figures_in_closed_form() -> None:
    v = 0.8
    found = {name: values(exactly(PROTOCOLS[name], depolarised(v))) for name in JUDGED}
    close = {
        ("coin", "0 after H"): 1 / 2,
        ("coin", "0 after H H"): (1 + v) / 2,
        ("coin", "interference"): v / 2,
        ("bell", "<ZZ>"): v,
        ("bell", "<XX>"): v,
        ("bell", "-<YY>"): v,
        ("bell", "fidelity"): (1 + 3 * v) / 4,
        ("ghz", "P000 + P111"): (1 + 3 * v) / 4,
        ("ghz", "coherence"): v,
        ("ghz", "fidelity"): (1 + 7 * v) / 8,
        ("chsh", "S"): 2 * sqrt(2) * v,
        ("superdense", "success 01"): (1 + 3 * v) / 4,
        ("teleportation", "along Y"): (1 + v) / 2,
        ("teleportation", "fidelity"): (1 + v) / 2,
    }
    for (name, figure), value in close.items():
        assert found[name][figure] == pytest.approx(value, abs=1e-9), figure
    right, wrong = (1 + 3 * v) / 4, (1 - v) / 4
    bits = 2 + right * log2(right) + 3 * wrong * log2(wrong)
    assert found["superdense"]["information, bits"] == pytest.approx(bits, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "visibility"),
    [("bell", 1 / 3), ("ghz", 3 / 7), ("chsh", 1 / sqrt(2)), ("teleportation", 1 / 3)],
)
def test_at_the_bound_the_figure_is_the_margin_and_nothing_is_shown(name: str, visibility: float) -> None:
    verdict = exactly(PROTOCOLS[name], depolarised(visibility)).verdict
    assert verdict is not None
    assert verdict.value == pytest.approx(verdict.margin, abs=1e-9)
    assert verdict.status == "not shown"


def test_a_biased_coin_is_no_superposition() -> None:
    """Readout that favours 0 lifts all three rates: a fixed bound of 1/2 would be passed, the measured one is not."""

    def favours(p: Floats, _: Circuit) -> Floats:
        return np.array([0.6, 0.4])

    verdict = exactly(Coin(), favours).verdict
    assert verdict is not None
    assert verdict.value == 0
    assert verdict.status == "not shown"


def test_a_bit_sent_without_entanglement_is_one_bit_and_does_not_pass() -> None:
    """Where the mutual information is 1 exactly, that of counts is always above: the verdict must not rest on it."""
    table = np.repeat([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]], 2, axis=0)
    assert information(table) == pytest.approx(1)
    rng = np.random.default_rng((5,))
    found = [Superdense().read([rng.multinomial(4096, row).reshape(2, 2) for row in table]) for _ in range(200)]
    verdicts = [one.verdict for one in found if one.verdict]
    assert sum(one.value > 1 for one in verdicts) > 190
    assert all(one.status == "not shown" and one.low <= 1 <= one.high for one in verdicts)


def test_readout_errors_and_their_correlation_in_closed_form() -> None:
    """Each qubit with its own two errors; then both or neither wrong."""
    one = np.array([[0.98, 0.02], [0.05, 0.95]])
    two = np.array([[0.97, 0.03], [0.04, 0.96]])

    def confused(p: Floats, _: Circuit) -> Floats:
        return one.T @ p @ two

    found = values(exactly(Readout(), confused))
    assert found == pytest.approx(
        {
            "P(1|0) qubit 0, %": 0.02,
            "P(0|1) qubit 0, %": 0.05,
            "P(1|0) qubit 1, %": 0.03,
            "P(0|1) qubit 1, %": 0.04,
            "correlation, %": 0.0,
        },
        abs=1e-9,
    )

    def together(p: Floats, _: Circuit) -> Floats:
        return 0.9 * p + 0.1 * p[::-1, ::-1]

    assert values(exactly(Readout(), together))["correlation, %"] == pytest.approx(0.1 - 0.1**2, abs=1e-9)


# Randomised benchmarking


def test_the_words_are_all_cliffords_of_a_pair() -> None:
    words = cliffords.words()
    assert len(words) == 11_520
    assert all(cliffords.word_of(cliffords.tableau(word)) == word for word in words)  # so all differ
    assert np.mean([sum(gate[0] == "cx" for gate in word) for word in words]) == 1.5


def test_every_sequence_ends_at_its_target() -> None:
    counts = [np.rint(EXACT * chances(c)) for c in Benchmarking().programs()]
    ended = [np.argwhere(one > EXACT / 2).tolist() for one in counts]
    assert ended == [[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]] * 14


@pytest.mark.parametrize("p", [0.2, 0.8, 0.98, 0.9995])
def test_benchmarking_finds_the_decay_whatever_readout_favours(p: float) -> None:
    """Each Clifford depolarises by p, and readout shifts a tenth of all outcomes to 00: the fit is free of it."""

    def decayed(chance: Floats, circuit: Circuit) -> Floats:
        length = sum(one.name == "barrier" for one in circuit.operations) - 1
        shifted = 0.9 * (p**length * chance + (1 - p**length) / 4)
        shifted[0, 0] += 0.1
        return shifted

    error = exactly(Benchmarking(), decayed).figures[0].estimate
    truth = 3 / 4 * (1 - p)
    assert error.value == pytest.approx(truth, rel=0.01)
    assert error.low <= error.value <= error.high


def test_of_a_machine_that_has_lost_all_no_error_is_known() -> None:
    error = sampled(Benchmarking(), depolarised(0), 256, (8,)).figures[0].estimate
    assert (error.value, error.low, error.high) == (3 / 4, 0, 3 / 4)


def test_without_failures_the_shots_bound_the_error() -> None:
    error = sampled(Benchmarking(), depolarised(1), 256, (8,)).figures[0].estimate
    assert error.value == error.low == 0
    failing = 1 - TAIL ** (1 / (8 * 256))
    assert 1 - 4 / 3 * failing == pytest.approx((1 - 4 / 3 * error.high) ** 64)


# Intervals


def covered(intervals: Sequence[tuple[float, float]], truth: float, chance: float = 0.95) -> bool:
    """Whether intervals hold the truth as often as they say: not fewer than the binomial allows."""
    held = sum(low <= truth <= high for low, high in intervals)
    return bool(held >= binom.ppf(FALSE_ALARM, len(intervals), chance))


@pytest.mark.parametrize("name", ["bell", "ghz", "chsh", "teleportation"])
def test_intervals_hold_the_truth(name: str) -> None:
    v = 0.9
    truth = values(exactly(PROTOCOLS[name], depolarised(v)))
    found = [sampled(PROTOCOLS[name], depolarised(v), 500, (k, 1)) for k in range(300)]
    for i, figure in enumerate(found[0].figures):
        drawn = [one.figures[i].estimate for one in found]
        assert covered([(one.low, one.high) for one in drawn], truth[figure.name]), figure.name
    verdicts = [one.verdict for one in found if one.verdict]
    assert covered([(one.low, one.high) for one in verdicts], truth[found[0].figures[-1].name], 0.998)


def test_the_interval_of_a_pooled_rate_is_conservative() -> None:
    """Of two games, one always won and one never: the spread is 0 and the interval that of a fair coin."""
    assert ends(500, 1000, 0.025) == pytest.approx((0.46855, 0.53145), abs=1e-5)
    assert rate(0, 10).low == 0
    assert rate(10, 10).high == 1
    assert 1 - ends(10, 10, 0.001)[0] == pytest.approx(1 - 0.001 ** (1 / 10))


def test_the_interval_of_benchmarking_holds_the_truth() -> None:
    p, protocol = 0.97, Benchmarking()
    lengths = np.repeat(protocol.lengths, protocol.sequences)
    targets = [(k // 2 % 2, k % 2) for k in range(len(lengths))]
    rng = np.random.default_rng((17,))
    intervals = []
    for _ in range(60):
        drawn = []
        for length, target in zip(lengths, targets, strict=True):
            chance = np.full((2, 2), (1 - p ** (length + 1)) / 4)
            chance[target] += p ** (length + 1)
            drawn.append(rng.multinomial(256, chance.ravel()).reshape(2, 2))
        error = protocol.read(drawn).figures[0].estimate
        intervals.append((error.low, error.high))
    assert covered(intervals, 3 / 4 * (1 - p))


@pytest.mark.parametrize("shots", [64, 1024])
@pytest.mark.parametrize("error", [0.0, 0.001, 0.02, 0.2, 0.5])
def test_the_interval_of_the_information_holds_the_truth(error: float, shots: int) -> None:
    """From no errors to none of the bits; each bit flips by itself, so that the four answers are unlike."""
    one = np.array([[1 - error, error], [error / 2, 1 - error / 2]])
    table = np.kron(one, one)
    truth = float(information(table))
    rng = np.random.default_rng((23,))
    found = [Superdense().read([rng.multinomial(shots, row).reshape(2, 2) for row in table]) for _ in range(60)]
    bits = [one.figures[-1].estimate for one in found]
    assert covered([(one.low, one.high) for one in bits], truth)
    assert covered([(one.verdict.low, one.verdict.high) for one in found if one.verdict], truth, 0.998)


@pytest.mark.parametrize("error", [0.0, 0.001, 0.02, 0.2])
def test_the_interval_of_the_correlation_holds_the_truth(error: float) -> None:
    chance = np.array([(1 - error) ** 2, error * (1 - error), error * (1 - error), error**2])
    rng = np.random.default_rng((29,))
    intervals = []
    for _ in range(100):
        wrong = rng.multinomial(1024, chance, 4).reshape(4, 2, 2)
        counts = [np.roll(one, (k // 2, k % 2), (0, 1)) for k, one in enumerate(wrong)]
        correlation = Readout().read(counts).figures[-1].estimate
        intervals.append((correlation.low, correlation.high))
    assert covered(intervals, 0.0)


# Hidden variables cannot pass: half of all runs are above 2, and the bound decides


def test_chance_above_two_does_not_pass() -> None:
    """S = 2 exactly: the estimate is above in half of the runs, the 99.9 % bound in one of a thousand."""

    def local(_: Floats, circuit: Circuit) -> Floats:
        return np.array([[3, 1], [1, 3]]) / 8 if not _last(circuit) else np.array([[1, 3], [3, 1]]) / 8

    verdicts = [sampled(Chsh(), local, 1000, (k, 2)).verdict for k in range(400)]
    above = sum(one.value > 2 for one in verdicts if one)
    assert binom.ppf(FALSE_ALARM, 400, 0.4) <= above <= binom.isf(FALSE_ALARM, 400, 0.5)
    passed = sum(one.status == "holds" for one in verdicts if one)
    assert passed <= binom.isf(FALSE_ALARM, 400, 0.001)


def _last(circuit: Circuit) -> bool:
    names = [one.name for one in circuit.operations]
    return "tdg" in names and names.count("h") == 4


def test_tally_counts_outcomes_by_bit() -> None:
    bits = np.array([[0, 1], [0, 1], [1, 0], [1, 1]], np.bool_)
    expected: Counts = np.array([[0, 2], [1, 1]])
    assert (tally(bits) == expected).all()
