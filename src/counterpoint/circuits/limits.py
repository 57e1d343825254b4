"""How large a general circuit may be, however it travels."""

QUBITS = 10_000  # and bits
OPERATIONS = 1_000_000
