"""Codes as noiseless stim circuits, the noise that a machine adds to them, and where it shows."""
