"""What a task would cost on logical qubits, and where that meets its rival."""
