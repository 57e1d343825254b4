"""Neural: a trained network weighs what matchings, the error model and belief propagation say for each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import sinter
import stim

from counterpoint.decoders.coset import CompiledCoset, Coset, compiled_coset
from counterpoint.decoders.kinds import kinds_of
from counterpoint.decoders.mechanisms import mechanisms_of
from counterpoint.decoders.network import GENERAL, Model, Trained, load_model


@final
@dataclass(frozen=True)
class Neural(sinter.Decoder):
    """The classes and proposals of `Coset`, judged by a network that was trained on shots.

    A sum over what lies near the lightest sets is surer than it should be, the more so the noisier the shots, and
    belief propagation errs in other places. A network of fifteen hundred numbers learns how far each can be trusted,
    from sampled shots or from recorded ones (`counterpoint train`). The evidence does not name the code, so that a
    model trained on some circuits serves others. To decode takes numpy and numba, no framework.

    Attributes:
        model: a file that `counterpoint train` wrote, or the name of a model that ships with the package: "general"
            fits every circuit.
        more: further proposals for each class of a doubtful shot.
        doubt: log-odds below which a shot is doubtful.
        spread: standard deviation of ln(rate) under which the further proposals are made.
    """

    model: str = GENERAL
    more: int = 6
    doubt: float = 3.0
    spread: float = 0.8

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return Coset().citation

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledCoset:
        """All that is fixed for one decomposed error model.

        Raises:
            BadInput: the model was trained for another circuit or cannot be read; and as `Coset`.
        """
        model = load_model(self.model)
        model.check(dem)
        return self.judged(dem, model)

    def judged(self, dem: stim.DetectorErrorModel, model: Model) -> CompiledCoset:
        """The same with a model at hand, whatever it was trained for."""
        mechanisms = mechanisms_of(dem)
        judge = Trained(model, model.shift_of(kinds_of(dem, mechanisms)))
        return compiled_coset(mechanisms, judge, self.more, self.doubt, self.spread)
