"""OpenQASM 3 in and out: round trips, Qiskit's own parser as the peer, what is refused, and nothing else raised."""

from __future__ import annotations

import math
from dataclasses import replace
from math import pi

import numpy as np
import pytest
from dense import same, unitary
from hypothesis import given, settings, strategies as st
from qiskit import QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import ClassicalRegister
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator

from counterpoint.base import BadInput
from counterpoint.circuits import limits
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.matrices import MATRICES, Matrix, controlled
from counterpoint.circuits.qasm import calls, read, reader, write
from counterpoint.circuits.qasm.modified import BUILT_IN, STANDARD

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
X = MATRICES["x"]()
CHAIN = "".join(f"gate a{k + 1} p {{ a{k} p; }}\n" for k in range(1500))
ANGLES = {1: (0.3,), 2: (0.3, -1.1), 3: (0.3, -1.1, 2.5), 4: (0.3, -1.1, 2.5, 0.7)}


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    """Any circuit, but for barriers of nothing."""
    qubits, bits = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    names = [name for name, shape in GATES.items() if shape[0] <= qubits]
    names += ["barrier", "reset"] * (qubits > 0) + ["measure"] * (qubits > 0 and bits > 0)
    angle = st.floats(allow_nan=False, allow_infinity=False)
    steps: list[Operation] = []
    for name in draw(st.lists(st.sampled_from(names), max_size=12) if names else st.just([])):
        count, angles = GATES.get(name, (draw(st.integers(1, qubits)) if name == "barrier" else 1, 0))
        on = tuple(draw(st.permutations(range(qubits)))[:count])
        bit = draw(st.integers(0, bits - 1)) if name == "measure" else None
        condition = draw(st.none() | st.tuples(st.integers(0, bits - 1), st.integers(0, 1))) if bits else None
        steps.append(Operation(name, on, tuple(draw(angle) for _ in range(angles)), bit, condition))
    return Circuit(qubits, bits, tuple(steps))


def of_qiskit(circuit: QuantumCircuit) -> Circuit:
    """Qiskit's circuit, one operation for one; `if_test` blocks hold single ones."""
    qubit, bit = ({b: i for i, b in enumerate(bits)} for bits in (circuit.qubits, circuit.clbits))
    steps: list[Operation] = []
    for one in circuit.data:
        on, condition, inner = [qubit[q] for q in one.qubits], None, one
        if one.operation.name == "if_else":
            body = one.operation.blocks[0]
            (inner,) = body.data
            place = {b: qubit[q] for b, q in zip(body.qubits, one.qubits, strict=True)}
            on = [place[q] for q in inner.qubits]
            condition = (bit[one.operation.condition[0]], int(one.operation.condition[1]))
            bit |= dict(zip(body.clbits, (bit[c] for c in one.clbits), strict=True))
        written = bit[inner.clbits[0]] if inner.operation.name == "measure" else None
        angles = tuple(float(p) for p in inner.operation.params)
        steps.append(Operation(inner.operation.name, tuple(on), angles, written, condition))
    return Circuit(circuit.num_qubits, circuit.num_clbits, tuple(steps))


def alike(a: QuantumCircuit, b: QuantumCircuit) -> bool:
    """Whether unitary circuits are equal up to a phase."""
    return Operator(a).equiv(Operator(b))


def by_qiskit(circuit: Circuit) -> QuantumCircuit:
    """Ours, by Qiskit's own parser."""
    return qasm3.loads(write(circuit))


def test_a_bell_pair_is_read_and_written_again() -> None:
    pair = read(HEAD + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n")
    measured = [Operation("measure", (q,), bit=q) for q in (0, 1)]
    assert pair == Circuit(2, 2, (Operation("h", (0,)), Operation("cx", (0, 1)), *measured))
    assert write(pair).splitlines()[-2:] == ["c[0] = measure q[0];", "c[1] = measure q[1];"]


@settings(max_examples=80, deadline=None)
@given(circuits())
def test_any_circuit_comes_back_as_it_was(circuit: Circuit) -> None:
    assert read(write(circuit)) == circuit


@settings(max_examples=40, deadline=None)
@given(circuits())
def test_qiskit_reads_what_is_written_operation_by_operation(circuit: Circuit) -> None:
    nothing = Operation("u", (0,), (0.0, 0.0, 0.0))  # what id is to Qiskit's parser
    steps = tuple(
        replace(nothing, qubits=o.qubits, condition=o.condition) if o.name == "id" else o for o in circuit.operations
    )
    assert of_qiskit(by_qiskit(circuit)) == replace(circuit, operations=steps)


@pytest.mark.parametrize("name", GATES)
def test_gates_mean_what_they_do_in_qiskit(name: str) -> None:
    count, angles = GATES[name]
    circuit = Circuit(count, 0, (Operation(name, tuple(range(count)), ANGLES.get(angles, ())),))
    assert Operator(by_qiskit(circuit)).equiv(MATRICES[name](*ANGLES.get(angles, ())))


@pytest.mark.parametrize("name", [n for n, g in get_standard_gate_name_mapping().items() if g.num_qubits])
def test_gates_of_qiskit_are_read_with_their_unitaries(name: str) -> None:
    gate = get_standard_gate_name_mapping()[name]
    given = QuantumCircuit(max(2, gate.num_qubits), 1)
    if name == "measure":
        given.measure(1, 0)
        assert read(qasm3.dumps(given)).operations == (Operation("measure", (1,), bit=0),)
    elif name == "delay":
        given.delay(100, 0)
        with pytest.raises(BadInput, match="line 5: delay is not read"):
            read(qasm3.dumps(given))
    elif name == "reset":
        given.reset(1)
        assert read(qasm3.dumps(given)).operations == (Operation("reset", (1,)),)
    else:
        free = [0.1 * (k + 2) for k in range(len(gate.params))]
        given.append(type(gate)(*free), range(gate.num_qubits)[::-1])
        assert alike(by_qiskit(read(qasm3.dumps(given))), given)


def test_random_circuits_of_qiskit_are_read() -> None:
    for seed in range(12):
        given = random_circuit(4, 6, max_operands=3, seed=seed)
        assert alike(by_qiskit(read(qasm3.dumps(given))), given)
        given.measure_all()
        found = read(qasm3.dumps(given))
        assert [one.bit for one in found.operations if one.name == "measure"] == [0, 1, 2, 3]


def test_conditions_of_qiskit_are_read() -> None:
    given = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"), ClassicalRegister(1, "d"))
    given.measure([0, 1], [0, 2])
    with given.if_test((given.clbits[0], 1)) as otherwise:
        given.x(0)
        given.rzz(0.5, 0, 1)
    with otherwise:
        given.z(1)
    with given.if_test((given.clbits[1], 0)):
        given.measure(0, 1)
    with given.if_test((given.cregs[1], 1)):
        given.reset(0)
    operations = read(qasm3.dumps(given)).operations
    rzz = [Operation("cx", (0, 1)), Operation("rz", (1,), (0.5,)), Operation("cx", (0, 1))]
    assert operations == (
        Operation("measure", (0,), bit=0),
        Operation("measure", (1,), bit=2),
        *(Operation(one.name, one.qubits, one.parameters, None, (0, 1)) for one in [Operation("x", (0,)), *rzz]),
        Operation("z", (1,), condition=(0, 0)),
        Operation("measure", (0,), bit=1, condition=(1, 0)),
        Operation("reset", (0,), condition=(2, 1)),
    )


def meant(name: str, angles: tuple[float, ...]) -> Matrix:
    """The matrix of a gate of the language with its phase (arXiv:2104.14722, stdgates.inc)."""
    alias = {"CX": "cx", "phase": "p", "u1": "p", "cphase": "cp"}.get(name, name)
    if alias in MATRICES and name != "u":
        return MATRICES[alias](*angles)
    theta, phi, lam = angles if len(angles) == 3 else (pi / 2, *angles)
    phase = theta / 2 if name == "U" else -(phi + lam) / 2
    return np.exp(1j * phase) * MATRICES["u"](theta, phi, lam)


def does(text: str, wanted: Matrix) -> bool:
    """Whether the text's unitary is `wanted`, up to a phase of the whole."""
    return same(unitary(read(HEAD + text)), wanted, 1e-9)


@pytest.mark.parametrize("name", [*BUILT_IN, *STANDARD])
def test_modifiers_of_every_gate_keep_its_phase(name: str) -> None:
    gate = {**BUILT_IN, **STANDARD}[name]
    angles = ANGLES.get(gate.parameters, ())
    plain = meant(name, angles)
    once = controlled(plain)
    called = name + (f"({', '.join(map(repr, angles))})" if angles else "")
    for modifiers, controls, wanted in [
        ("", 0, plain),
        ("ctrl @", 1, once),
        ("negctrl @", 1, np.kron(np.eye(len(plain)), X) @ once @ np.kron(np.eye(len(plain)), X)),
        ("inv @", 0, plain.conj().T),
        ("ctrl @ inv @", 1, once.conj().T),
        ("inv @ ctrl @", 1, once.conj().T),
        ("ctrl @ pow(2) @", 1, once @ once),
        ("pow(-3) @ ctrl @", 1, np.linalg.matrix_power(once.conj().T, 3)),
        ("pow(0) @ ctrl @", 1, np.eye(len(once))),
        ("ctrl(2) @", 2, controlled(once)),
        ("ctrl @ ctrl @ inv @", 2, controlled(once).conj().T),
        ("inv @ ctrl(3) @", 3, controlled(controlled(once)).conj().T),
    ]:
        count = gate.qubits + controls
        qubits = ", ".join(f"q[{i}]" for i in range(count))
        assert does(f"qubit[{count}] q;\n{modifiers} {called} {qubits};", wanted), modifiers


def test_gates_of_the_text_keep_their_phase_and_their_order() -> None:
    gate = "gate mine(a, b) p, r { gphase(a * b); rz(a) p; ctrl @ sx r, p; inv @ u2(b, pi / a) r; }\n"
    swap, one = MATRICES["swap"](), np.eye(2)
    exact = np.kron(one, MATRICES["rz"](0.3))
    exact = swap @ controlled(MATRICES["sx"]()) @ swap @ exact
    exact = np.exp(0.21j) * np.kron(meant("u2", (0.7, pi / 0.3)).conj().T, one) @ exact
    given = gate + "gate twice(a) p, r { mine(a, 0.7) p, r; }\nqubit[3] q;\n"
    assert does(given + "ctrl @ twice(0.3) q[0], q[1], q[2];", controlled(exact))
    assert does(given + "inv @ ctrl @ twice(0.3) q[0], q[1], q[2];", controlled(exact).conj().T)
    assert does("qubit[2] q;\nctrl(2) @ gphase(0.4) q[0], q[1];", MATRICES["cp"](0.4))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi", pi),
        ("-τ / 4", -pi / 2),
        ("2 ** 3 ** 2 * euler", 512 * math.e),
        ("2 ** -1", 0.5),
        ("6 / 3 - 7 % 4", -1.0),
        ("sin(pi / 6) + cos(0) + tan(0.5)", math.sin(pi / 6) + 1 + math.tan(0.5)),
        ("arcsin(0.5) - arccos(0.5) * arctan(2)", math.asin(0.5) - math.acos(0.5) * math.atan(2)),
        ("exp(log(3)) + sqrt(2)", math.exp(math.log(3)) + math.sqrt(2)),
        ("floor(2.5) + ceiling(2.5) + mod(7, 4)", 8.0),
        ("1.5e-3 * .5", 0.00075),
        ("half + one * (3 > 2)", 1.5),
        ("two / 4 + yes", 1.5),
        ("0x10 + 0b11 + 1_000", 1019.0),
    ],
)
def test_expressions_have_their_values(text: str, value: float) -> None:
    given = f"const float half = 0.5;\nfloat[64] two = 2;\nbool yes = 3;\nint one = 1;\nqubit q;\nU({text}, 0, 0) q;"
    assert read(given).operations == (Operation("u", (0,), (value, 0.0, 0.0)),)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x q;", [("x", (i,)) for i in range(4)]),
        ("cx q[0], r;", [("cx", (0, 4)), ("cx", (0, 5))]),
        ("cx q[1:2], r;", [("cx", (1, 4)), ("cx", (2, 5))]),
        ("x q[{3, 0}];", [("x", (3,)), ("x", (0,))]),
        ("x q[-1];", [("x", (3,))]),
        ("x q[3:-2:0];", [("x", (3,)), ("x", (1,))]),
        ("x q[1:][0];", [("x", (1,))]),
        ("x q[2:1];", []),
        ("let w = r ++ q[0:1];\nx w[1:2];", [("x", (5,)), ("x", (0,))]),
        ("swap single, q[0];", [("swap", (6, 0))]),
        ("barrier r, q[0], r;", [("barrier", (4, 5, 0))]),
        ("barrier;", [("barrier", tuple(range(7)))]),
        ("reset r;", [("reset", (4,)), ("reset", (5,))]),
        ("for int i in [0:2:2] { x q[i]; let w = q[i:3]; x w[1]; }", [("x", (i,)) for i in (0, 1, 2, 3)]),
        (
            "for uint i in {2, 1} for int j in [1:i] { if (i == j) { x q[j]; } else z q[j]; }",
            [("z", (1,)), ("x", (2,)), ("x", (1,))],
        ),
        ("const int n = 3;\nx q[n];", [("x", (3,))]),
    ],
)
def test_registers_and_loops_are_what_they_stand_for(text: str, wanted: list[tuple[str, tuple[int, ...]]]) -> None:
    found = read(f"{HEAD}qubit[4] q;\nqreg r[2];\nqubit single;\n{text}")
    assert found == Circuit(7, 0, tuple(Operation(name, qubits) for name, qubits in wanted))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("c = measure q[0:1];", [(0, 0), (1, 1)]),
        ("measure q[0] -> d[1];", [(0, 3)]),
        ("one = measure q[2];", [(2, 4)]),
        ("bit[3] e = measure q;", [(0, 5), (1, 6), (2, 7)]),
        ("d[{1, 0}] = measure q[1:2];", [(1, 3), (2, 2)]),
    ],
)
def test_measurements_write_the_bits_that_they_name(text: str, wanted: list[tuple[int, int]]) -> None:
    found = read(f'{HEAD}qubit[3] q;\nbit[2] c = "00";\ncreg d[2];\nbit one = 0;\n{text}')
    assert [(o.qubits[0], o.bit) for o in found.operations] == wanted


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ("c[1]", (1, 1)),
        ("!c[1]", (1, 0)),
        ("c[1] == 0", (1, 0)),
        ("true == c[1]", (1, 1)),
        ("c[1] != 1", (1, 0)),
        ("d", (2, 1)),
        ("d == 0", (2, 0)),
        ("!(c[0:0] == 1)", (0, 0)),
        ("1 < 2", None),
    ],
)
def test_an_if_is_on_one_bit(given: str, condition: tuple[int, int] | None) -> None:
    other = condition and (condition[0], 1 - condition[1])
    found = read(f"qubit q; bit[2] c; bit[1] d; if ({given}) {{ reset q; barrier q; }} else {{ c[0] = measure q; }}")
    steps = [Operation("reset", (0,), condition=condition), Operation("barrier", (0,), condition=condition)]
    steps += [Operation("measure", (0,), bit=0, condition=other)] * (condition is not None)
    assert found.operations == tuple(steps)


def refusal(text: str) -> str:
    """What is said of `text`: one line, and not too long a one."""
    with pytest.raises(BadInput) as caught:
        read(text)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 characters without a statement"),
        ("// nothing\n", "without a statement"),
        ("OPENQASM 2.0;\nqreg q[1];", "OPENQASM 2.0 was given and OPENQASM 3 is read"),
        ('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nif(c==1) x q[0];', "OPENQASM 2.0 was given"),
        ("OPENQASM 4.0;\nqubit q;", "OPENQASM 4.0 was given"),
        ('include "qelib1.inc";', "line 1: 'qelib1.inc' is included"),
        ("\nqubit q;;\n$%", "line 2, column 8: extraneous input"),
        ("qubit q\nreset q;", "line 2, column 0"),
        ("qubit[2] q;\nx q[0];", "line 2: gate 'x' is none of the 1"),
        ("U(0, 0, 0) q;", "line 1: 'q' is no qubit that is declared"),
        ("qubit q;\nU(a, 0, 0) q;", "line 2: 'a' is not a number that is known here"),
        ("qubit[2] q;\nU(0, 0, 0) q[2];", "line 2: index 2 is out of a register of 2"),
        ("qubit[2] q;\nU(0, 0, 0) q[0][0];", "line 2: an index is given to what is no register"),
        ("qubit[2] q;\nU(0, 0, 0) q[0, 1];", "2 indices"),
        ("qubit[2] q;\nU(0, 0, 0) q[0:0:1];", "a range has the step 0"),
        ("qubit[2] q;\nU(0, 0, 0) q[0.5];", "0.5 stands where an integer is wanted"),
        ("qubit q;\nU(0, 0) q;", "line 2: 'U' was given 2 parameters and takes 3"),
        ("qubit[2] q;\nU(0, 0, 0) q[0], q[1];", "line 2: 'U' was given 2 qubits and takes 1"),
        ("qubit q;\nctrl @ U(0, 0, 0) q;", "line 2: 'U' was given 1 qubits and takes 2, controls included"),
        ("qubit q;\ngphase(1) q;", "'gphase' was given 1 qubits and takes 0"),
        (f"{HEAD}qubit[2] q;\ncx q[0], q[0];", "line 4: 'cx' is on qubits 0, 0"),
        (f"{HEAD}qubit[2] q;\nqubit[3] r;\ncx q, r;", "line 5: registers of 2 and 3 qubits"),
        ("qubit q;\nU(1 / 0, 0, 0) q;", "1 / 0 has no finite real value"),
        ("qubit q;\nU(1.0 / 0.0, 0, 0) q;", "1.0 / 0.0 has no finite real value"),
        ("qubit q;\nU(1 / 2, 0, 0) q;", "1 / 2 leaves a rest"),
        ("qubit q;\nU(sqrt(-1), 0, 0) q;", "sqrt(-1) has no finite real value"),
        ("qubit q;\nU((-8) ** 0.5, 0, 0) q;", "-8 ** 0.5 has no finite real value"),
        ("qubit q;\nU(10 ** 10 ** 10, 0, 0) q;", "10 ** 10000000000 has no finite real value"),
        (f"qubit q;\nU({10**400}, 0, 0) q;", "a literal is not below 9223372036854775808"),
        (f"qubit q;\nU({10**18} * 10, 0, 0) q;", "1000000000000000000 * 10 is not below 9223372036854775808"),
        (f"qubit[{'9' * 5000}] q;", "4300 digits"),
        ("qubit[1e300] q;", "1e+300 stands where an integer is wanted"),
        ("qubit q;\nU(1e999, 0, 0) q;", "a parameter is inf"),
        ("qubit q;\nU(sin(1, 2), 0, 0) q;", "'sin' was given 2 arguments and takes 1"),
        ("qubit q;\nU(foo(1), 0, 0) q;", "kind FunctionCall"),
        ("qubit q;\nqubit q;", "line 2: 'q' is declared for the 2nd time"),
        ("qubit U;", "'U' is declared for the 2nd time"),
        (HEAD + "gate x q { }", "'x' is declared for the 2nd time"),
        ("gate a p { b p; }\ngate b p { a p; }", "line 1: gate 'b' is none of the 1"),
        ("gate a p { a p; }", "gate 'a' is none of the 1"),
        ("gate a p, p { }", "gate 'a' gives a name to two of its own"),
        ("gate a p { U(0, 0, 0) r; }", "gate 'a' uses what is none of its 1 qubits"),
        ("gate a p { reset p; }", "line 1, column 11: cannot have a non-unitary 'reset'"),
        ("qubit[20000] q;", "20000 qubits are declared after 0 others"),
        ("bit[0] c;", "0 bits are declared"),
        ("qubit[9999] q;\nqubit[2] r;", "line 2: 2 qubits are declared after 9999 others"),
        ("if (true) { qubit q; }", "line 1, column 12: qubit declarations must be global"),
        ("if (true) { bit c; }", "'c' is declared inside a block"),
        ("gate a p { barrier p; }", "line 1: barrier stands in gate 'a'"),
        ("qubit q;\nbit[2] c;\nmeasure q;", "line 3: a measurement writes no bit"),
        ("qubit q;\nbit[2] c;\nc = measure q;", "line 3: 1 qubits are measured into 2 bits"),
        ("bit c;\nc = 1;", "line 2: an assignment is not read"),
        ("bit c = 1;", "bits start as 1"),
        ("float a;", "'a' is a FloatType without a value"),
        ("complex a = 1.0;", "'a' is a ComplexType"),
        ("qubit q;\nbit[2] c;\nif (c == 1) reset q;", "line 3: an if depends on 2 bits at once"),
        ("qubit q;\nbit[2] c;\nif (c[0] == 2) reset q;", "a bit is compared with 2"),
        ("qubit q;\nbit[2] c;\nif (c[0] && c[1]) reset q;", "line 3"),
        ("qubit q;\nbit[2] c;\nif (c[0]) { if (c[1]) reset q; }", "an if on bit 1 stands in one on bit 0"),
        ("qubit q;\nbit c;\nif (c) { c = measure q; reset q; }", "writes that bit before its last operation"),
        ("qubit q;\nbit c;\nfor int i in c { reset q; }", "a for runs over a Identifier"),
        (f"{HEAD}qubit q;\npow(0.5) @ x q;", "0.5 stands where an integer is wanted"),
        (f"{HEAD}qubit[2] q;\nctrl(0) @ x q[0];", "0 controls were asked for"),
        ("qubit q;\ndelay[100ns] q;", "line 2: delay is not read"),
        ("def f(qubit q) { }", "def is not read"),
        ("input float a;", "input or output is not read"),
        ("while (true) { }", "while is not read"),
        ("opaque g q;", "line 1"),
        ('defcalgrammar "openpulse";', "defcalgrammar is not read"),
        ("cal { play(d0); }", "cal is not read"),
        ("defcal x $0 { }", "defcal is not read"),
        ("extern f(int) -> int;", "extern is not read"),
        ("pragma ours yes", "pragma is not read"),
        ("box { }", "box is not read"),
        ("end;", "end is not read"),
        ("U(0, 0, 0) $0;", "'$0' is a qubit of one device"),
        ("pow(1000000000) @ gphase(1);", "1,000,000,001 statements"),
        (f"{HEAD}qubit[20] q;\nctrl(18) @ x {', '.join(f'q[{i}]' for i in range(19))};", "a control is put on"),
        (f"gate a0 p {{ }}\n{CHAIN}qubit q;\na1500 q;", "too deep"),
        ("qubit q;\nU(" + "(" * 3000 + "0" + ")" * 3000 + ", 0, 0) q;", "too deep"),
        ("U(" + "(" * 300, "no viable alternative"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_said_with_its_line(text: str, said: str) -> None:
    assert said in refusal(text)


def test_work_is_bounded_however_short_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (limits.QUBITS, limits.OPERATIONS, calls.MOST_STEPS) == (10_000, 1_000_000, 4_000_000)
    monkeypatch.setattr(calls, "MOST_STEPS", 10_000)
    doubled = "".join(f"gate a{k + 1} p {{ a{k} p; a{k} p; }}\n" for k in range(40))
    assert "10,000 are allowed" in refusal("gate a0 p { }\n" + doubled + "qubit q;\na40 q;")
    assert "10,000 are allowed" in refusal("for int i in [0:10 ** 15] { }")
    assert "10,000 are allowed" in refusal("for int i in [0:1000] pow(100) @ gphase(1);")
    assert "10,000 are allowed" in refusal("qubit[500] q;\nfor int i in [0:30] barrier q;")
    monkeypatch.setattr(reader, "OPERATIONS", 1000)
    assert "1,001 operations were given and 1,000 are allowed" in refusal(
        "qubit[300] q;\nreset q; reset q; reset q; reset q;"
    )


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet='qcUx[](){};=@"0123456789.+-*/<> \n$#:,if', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


WHOLE = (
    HEAD
    + """const float a = pi / 4;
gate mine(t) p, r { rz(t) p; inv @ s r; ctrl @ x p, r; }
qubit[3] q; bit[3] c; qubit single;
mine(2 * a) q[0], q[1];
pow(2) @ mine(a) q[1:2], single;
for int i in [0:2] { h q[i]; cx q[i], single; }
c[0] = measure q[0]; measure q[1:2] -> c[1:2];
if (c[0] == 1) { x q[1]; } else { reset q[2]; }
let w = q[0:1]; barrier w, single; negctrl @ U(a, 0, -a) w[0], w[1];
"""
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_program_that_was_tampered_with_is_read_or_refused(data: st.DataObject) -> None:
    """Pieces of it are cut out, put elsewhere, or replaced."""
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(text)))
        last = data.draw(st.integers(first, min(len(text), first + 12)))
        start = data.draw(st.integers(0, len(text)))
        piece = data.draw(
            st.sampled_from(["", text[start : start + 10], "-", "[", "}", "10 ** 400", "@", "0", "c", "9" * 400])
        )
        text = text[:first] + piece + text[last:]
    _read_or_refused(text)


def _read_or_refused(text: str) -> None:
    said = ""
    try:
        found = read(text)
    except BadInput as problem:
        said = str(problem)
    if said:
        assert "\n" not in said
        return
    assert read(write(found)) == replace(found, operations=tuple(o for o in found.operations if o.qubits))


def test_the_whole_program_is_read() -> None:
    assert len(read(WHOLE).operations) == 3 + 2 * 6 + 6 + 3 + 2 + 1 + 4


def test_nothing_is_printed_for_a_bad_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The parser's own way is to write to the terminal."""
    refusal("qubit q; reset q[;")
    assert capsys.readouterr() == ("", "")
