"""Decoders: detection events in, observable flips out.

Each is a frozen `sinter.Decoder`. `DECODERS` is the registry; a person's own decoder is passed by
argument, on the command line as ``FILE.py:NAME``. The same decoders run in sinter's own command:

    sinter collect --custom_decoders_module_function 'counterpoint.decoders:sinter_decoders'
        --decoders counterpoint-correlated ...
"""

import sinter

from counterpoint.decoders.belief import BeliefMatching
from counterpoint.decoders.bposd import BpOsd
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.lookup import Lookup
from counterpoint.decoders.matching import Matching
from counterpoint.decoders.neural import Neural
from counterpoint.decoders.relay import Relay
from counterpoint.decoders.search import Search
from counterpoint.decoders.triage import Triage
from counterpoint.decoders.vacuous import Vacuous

DECODERS: dict[str, sinter.Decoder] = {
    "matching": Matching(),
    "correlated": Matching(correlated=True),
    "triage": Triage(),
    "coset": Coset(),
    "neural": Neural(),
    "lookup": Lookup(),
    "belief-matching": BeliefMatching(),
    "bp-osd": BpOsd(order=7),
    "bp-lsd": BpOsd(order=7, local=True),
    "tesseract": Search(),
    "relay": Relay(),
    "vacuous": Vacuous(),
}


def sinter_decoders() -> dict[str, sinter.Decoder]:
    """The registry under the names that sinter's command line knows: ``counterpoint-NAME``."""
    return {f"counterpoint-{name}": decoder for name, decoder in DECODERS.items()}
