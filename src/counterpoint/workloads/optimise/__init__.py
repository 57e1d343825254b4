"""Optimisation: problems and their files, QAOA, its classical rivals, time to solution."""
