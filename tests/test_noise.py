"""Noise models, the per-gate template, and which gate touches which site: exact truths."""

import numpy as np
import pytest
import stim

from counterpoint.base import BadInput
from counterpoint.codes import repetition, surface
from counterpoint.codes.faults import KINDS, MIXING, Gate
from counterpoint.codes.gates import compile_gates
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.sites import sites_of
from counterpoint.codes.touches import touches

SMALL = stim.Circuit("""
    R 0 1
    RX 2
    TICK
    H 0
    TICK
    REPEAT 3 {
        CZ 1 0
        H 2
        TICK
        MR 1
        DETECTOR(0, 0) rec[-1]
        TICK
    }
    M !0
    MX 2
""")


def test_uniform_depolarizing_puts_every_channel_in_its_place():
    assert UniformDepolarizing(0.01).noisy(SMALL) == stim.Circuit("""
        R 0 1
        X_ERROR(0.01) 0 1
        RX 2
        Z_ERROR(0.01) 2
        TICK
        H 0
        DEPOLARIZE1(0.01) 0 1 2
        TICK
        REPEAT 3 {
            CZ 1 0
            DEPOLARIZE2(0.01) 0 1
            H 2
            DEPOLARIZE1(0.01) 2
            TICK
            MR(0.01) 1
            X_ERROR(0.01) 1
            DETECTOR(0, 0) rec[-1]
            DEPOLARIZE1(0.01) 0 2
            TICK
        }
        M(0.01) !0
        MX(0.01) 2
        DEPOLARIZE1(0.01) 1
    """)


def test_si1000_has_the_rates_of_its_table():
    noisy = SI1000(0.01).noisy(stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCZ 0 1\nTICK\nM 0\nTICK\nR 0"))
    wait = 0.001 + 0.02 - 0.001 * 0.02 * 4 / 3
    assert noisy == stim.Circuit(f"""
        R 0 1
        X_ERROR(0.02) 0 1
        TICK
        H 0
        DEPOLARIZE1(0.001) 0 1
        TICK
        CZ 0 1
        DEPOLARIZE2(0.01) 0 1
        TICK
        M(0.05) 0
        DEPOLARIZE1({wait:.9g}) 1
        TICK
        R 0
        X_ERROR(0.02) 0
        DEPOLARIZE1({wait:.9g}) 1
    """)


def test_waiting_in_si1000_is_idling_and_resonator_idling_in_a_row():
    def model(channels: str) -> stim.DetectorErrorModel:
        return stim.Circuit(f"R 0\n{channels}\nM 0\nDETECTOR rec[-1]").detector_error_model()

    noisy = SI1000(0.01).noisy(stim.Circuit("M 1\nTICK\nM 0 1"))  # qubit 0 waits for qubit 1
    (waiting,) = (i.gate_args_copy()[0] for i in noisy if i.name == "DEPOLARIZE1")
    apart = model("DEPOLARIZE1(0.001) 0\nDEPOLARIZE1(0.02) 0")
    assert apart.num_errors == 1
    assert model(f"DEPOLARIZE1({waiting!r}) 0").approx_equals(apart, atol=1e-9)


@pytest.mark.parametrize("noise", [UniformDepolarizing, SI1000])
def test_no_strength_is_no_noise(noise):
    assert noise(0.0).noisy(surface.memory(3, 4)).detector_error_model().num_errors == 0


def test_layers_of_annotations_alone_leave_nobody_idle():
    circuit = stim.Circuit("R 0 1\nTICK\nSHIFT_COORDS(0, 1)\nTICK\nM 0 1")
    assert "DEPOLARIZE" not in str(UniformDepolarizing(0.01).noisy(circuit))


@pytest.mark.parametrize(
    ("noise", "p", "shown"),
    [(UniformDepolarizing, 0.6, "0.6"), (UniformDepolarizing, -0.1, "-0.1"), (SI1000, 0.11, "0.11")],
)
def test_impossible_strength(noise, p, shown):
    with pytest.raises(BadInput, match=f"strength {shown} was asked for: give a number from 0 to"):
        noise(p)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X_ERROR(0.1) 0", "noise already"),
        ("M(0.1) 0", "noise already"),
        ("MXX 0 1", "rewrite it"),
        ("MPP X0*X1", "rewrite it"),
        ("M 0\nCX rec[-1] 1", "rewrite it"),
    ],
)
def test_circuits_that_cannot_be_read(text, message):
    with pytest.raises(BadInput, match=message) as error:
        UniformDepolarizing(0.1).noisy(stim.Circuit(text))
    assert f"'{text.splitlines()[-1]}'" in str(error.value)


def test_gates_of_the_surface_code():
    gates = compile_gates(surface.memory(3, 3)).gates
    of = {kind: [g for g in gates if g.kind == kind] for kind in KINDS}
    assert [len(of[k]) for k in ("1Q", "2Q", "M", "R")] == [17, 24, 17, 17]
    assert [g.kind for g in gates] == sorted([g.kind for g in gates], key=KINDS.index)
    assert of["2Q"][0].name == "2Q 0-2"
    neighbours = {q: c for q, c in surface.memory(3, 3).get_final_qubit_coordinates().items()}
    for gate in of["stray"]:
        a, b = (np.array(neighbours[q]) for q in gate.qubits)
        assert abs(a - b).tolist() in ([2, 0], [0, 2])
    assert set(MIXING) == set(KINDS)


def test_each_rate_lands_on_its_own_gate():
    template = compile_gates(SMALL)
    rates = 0.01 * np.arange(1, len(template.gates) + 1)
    channels = {"1Q": "DEPOLARIZE1", "2Q": "DEPOLARIZE2", "idle": "DEPOLARIZE1", "wait": "DEPOLARIZE1"}
    text = str(template.circuit(rates))
    for gate, rate in zip(template.gates, rates, strict=True):
        if gate.kind in channels:
            assert f"{channels[gate.kind]}({rate:.9g}) {' '.join(map(str, gate.qubits))}\n" in text + "\n"
    at = {(g.kind, g.qubits): rate for g, rate in zip(template.gates, rates, strict=True)}
    assert f"MR({at['M', (1,)]:.9g}) 1" in text
    assert f"M({at['M', (0,)]:.9g}) !0" in text
    assert f"Z_ERROR({at['R', (2,)]:.9g}) 2" in text


@pytest.mark.parametrize("circuit", [SMALL, surface.memory(3, 5), repetition.memory(5, 4, "X")])
def test_fixed_rates_are_the_same_circuit(circuit):
    template = compile_gates(circuit)
    rates = np.random.default_rng(1).uniform(0, 0.1, len(template.gates)).round(6)
    known = dict(zip(template.gates, rates.tolist(), strict=True))
    whole = template.circuit(rates)
    baked = compile_gates(circuit, fixed=known)
    assert baked.gates == ()
    assert baked.circuit(np.zeros(0)) == whole
    half = {g: r for g, r in known.items() if g.kind in ("M", "wait")}
    mixed = compile_gates(circuit, fixed=half)
    assert mixed.circuit(np.array([known[g] for g in mixed.gates])) == whole


def test_a_percent_sign_in_a_tag_survives():
    template = compile_gates(stim.Circuit("H[100%] 0\nM 0"), ["M"])
    assert template.circuit(np.array([0.25])) == stim.Circuit("H[100%] 0\nM(0.25) 0")


@pytest.mark.parametrize(
    "circuit",
    [surface.memory(3, 1), surface.memory(3, 4), surface.memory(3, 5, "X"), repetition.memory(5, 4, "X")],
)
def test_touches_are_what_the_error_model_says(circuit):
    """Each gate alone made noisy: the detectors in its error model are those it can fire."""
    template = compile_gates(circuit)
    sites = sites_of(circuit)
    expected = np.zeros((len(template.gates), len(sites.names)), bool)
    for i in range(len(template.gates)):
        alone = np.zeros(len(template.gates))
        alone[i] = 0.1
        for error in template.circuit(alone).detector_error_model().flattened():
            if error.type == "error":
                for t in error.targets_copy():
                    if t.is_relative_detector_id():
                        expected[i, sites.of_detector[t.val]] = True
    np.testing.assert_array_equal(touches(circuit, template.gates), expected)


def test_touches_of_some_gates_are_rows_of_all():
    circuit = surface.memory(3, 3)
    gates = compile_gates(circuit).gates
    picked = [gates[40], gates[3], gates[70]]
    np.testing.assert_array_equal(touches(circuit, picked), touches(circuit, gates)[[40, 3, 70]])


def test_touches_of_a_gate_that_is_not_there():
    with pytest.raises(BadInput, match="'2Q 0-99' is not among"):
        touches(surface.memory(3, 3), [Gate("2Q", (0, 99))])
