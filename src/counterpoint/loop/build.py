"""Parts from settings: the machine, its circuit, the explorer and a compiled decoder."""

from __future__ import annotations

from collections.abc import Callable

import sinter

from counterpoint.base import BadInput, Explorer, Machine, fold_in
from counterpoint.codes import surface
from counterpoint.codes.sites import sites_of
from counterpoint.decoders.batch import checked_compiled
from counterpoint.decoders.priors import prior_model
from counterpoint.loop.edges.offered import edges_named
from counterpoint.loop.own import blaming
from counterpoint.loop.settings import Settings
from counterpoint.loop.steered import SteeredDecoder
from counterpoint.loop.turn import Parts

MakeMachine = Callable[..., Machine]


def build(settings: Settings, machine: MakeMachine, explorer: Explorer, decoder: sinter.Decoder | None) -> Parts:
    """The parts of a run.

    Args:
        machine: called with `distance`, `key`, `drift`, `epoch_seconds` and `controls_per_gate`, as the
            values of `MACHINES` are; its result offers `error_model(circuit)` where there is a decoder, and
            `memory(rounds, basis)` where it runs another circuit than the surface code's memory.
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
    own = getattr(chip, "memory", None)  # of a machine whose code is another than the surface code
    with blaming(f"machine '{settings.machine}'"):
        circuit = (
            surface.memory(settings.distance, settings.rounds, settings.basis)
            if own is None
            else own(settings.rounds, settings.basis)
        )
    compiled = steered = None
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
    if settings.prior == "followed":
        rates = getattr(chip, "calibrated_rates", None)
        if decoder is None or rates is None:
            lacks = "no decoder" if decoder is None else f"the machine '{chip.name}', which has no calibrated_rates(),"
            raise BadInput(f"a followed prior was asked for with {lacks}: give one, or take --prior fixed")
        with blaming(f"decoder '{settings.decoder}'"):
            steered = SteeredDecoder(prior_model(circuit, rates()), decoder)
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
        steered=steered,
        edges=edges_named(settings.edges),
    )
