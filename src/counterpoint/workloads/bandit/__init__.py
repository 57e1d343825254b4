"""Bandit: the best of a few arms, at equal uses of their oracles, with or without Grover powers."""
