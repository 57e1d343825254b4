"""Counts of logical failures -> logical error per cycle -> Lambda and reliable operations (QuOps)."""
