"""OpenQASM 3 in and out: `read` and `write`."""

from counterpoint.circuits.qasm.text import read as read, write as write
