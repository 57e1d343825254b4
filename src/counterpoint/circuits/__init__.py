"""General circuits: a record that travels as OpenQASM 3, and what simulates it."""
