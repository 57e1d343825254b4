"""OpenQASM 3 in and out: round trips, Qiskit's own parser as the peer, what is refused."""

from __future__ import annotations

from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.qasm import read, write


def test_a_bell_pair_is_read_and_written_again() -> None:
    text = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'
    pair = Circuit(
        2,
        2,
        (
            Operation("h", (0,)),
            Operation("cx", (0, 1)),
            Operation("measure", (0,), bit=0),
            Operation("measure", (1,), bit=1),
        ),
    )
    assert read(text) == pair
    assert read(write(pair)) == pair
