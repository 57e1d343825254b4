"""Machines of other makers: adapters around their own packages, which are imported where they are used."""
