"""Parts from settings: the machine, its circuit, the explorer and a compiled decoder."""

from __future__ import annotations

from collections.abc import Callable

import sinter

from counterpoint.base import BadInput, Explorer, Machine, fold_in
from counterpoint.codes import surface
from counterpoint.codes.sites import sites_of
from counterpoint.decoders.batch import checked_compiled
from counterpoint.loop.own import blaming
from counterpoint.loop.settings import Settings
from counterpoint.loop.turn import Parts

MakeMachine = Callable[..., Machine]


def build(settings: Settings, machine: MakeMachine, explorer: Explorer, decoder: sinter.Decoder | None) -> Parts:
    """The parts of a run.

    Args:
        machine: called with `distance`, `key`, `drift`, `epoch_seconds` and `controls_per_gate`, as the
            values of `MACHINES` are; its result offers `error_model(circuit)` where there is a decoder.
        decoder: None to count detection events only.
    """
    key = (settings.seed,)
    with blaming(f"machine '{settings.machine}'"):
        chip = machine(
            settings.distance,
            key=fold_in(key, "machine"),
            drift=settings.drift,
            epoch_seconds=settings.epoch_seconds,
            controls_per_gate=settings.controls_per_gate,
        )
    if not isinstance(chip, Machine):
        raise BadInput(f"machine '{settings.machine}' made a {type(chip).__name__}, and a Machine is needed there")
    circuit = surface.memory(settings.distance, settings.rounds, settings.basis)
    compiled = None
    if decoder is not None:
        prior = getattr(chip, "error_model", None)
        if prior is None:
            raise BadInput(
                f"the machine '{chip.name}' has no error_model(circuit), which a decoder is built from:"
                " give it one, or take --decoder none"
            )
        with blaming(f"decoder '{settings.decoder}'"):
            compiled = decoder.compile_decoder_for_dem(dem=prior(circuit))
        compiled = checked_compiled(f"decoder '{settings.decoder}'", compiled)
    return Parts(
        machine=chip,
        explorer=explorer,
        decoder=compiled,
        circuit=circuit,
        sites=sites_of(circuit),
        candidates=settings.candidates,
        shots=settings.shots,
        decoded=settings.decoded,
        rounds=settings.rounds,
        key=fold_in(key, "loop"),
    )
