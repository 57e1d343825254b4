"""Machines: what runs circuits. MACHINES has those that can be made from a distance and a drift."""

from counterpoint.machine.chip import published, willow

MACHINES = {"willow": willow, "published": published}
