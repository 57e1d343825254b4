"""A gate's amplitude found anew: trains of pulses, and the ways to read them."""
