"""Protocols of the check: circuits that ask a machine what it can do, and what its counts answer. PROTOCOLS."""

from counterpoint.machine.protocols.bell import Bell
from counterpoint.machine.protocols.benchmarking import Benchmarking
from counterpoint.machine.protocols.chsh import Chsh
from counterpoint.machine.protocols.coin import Coin
from counterpoint.machine.protocols.ghz import Ghz
from counterpoint.machine.protocols.protocol import Protocol
from counterpoint.machine.protocols.readout import Readout
from counterpoint.machine.protocols.superdense import Superdense
from counterpoint.machine.protocols.teleportation import Teleportation

PROTOCOLS: dict[str, Protocol] = {
    "coin": Coin(),
    "bell": Bell(),
    "ghz": Ghz(),
    "chsh": Chsh(),
    "superdense": Superdense(),
    "teleportation": Teleportation(),
    "readout": Readout(),
    "benchmarking": Benchmarking(),
}
