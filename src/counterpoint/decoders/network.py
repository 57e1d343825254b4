"""A small network that weighs evidence: from what speaks for each class of a shot to how likely each class is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats
from counterpoint.decoders.errors import errors_of
from counterpoint.decoders.evidence import WIDTH, Numbers
from counterpoint.decoders.mechanisms import Ints

Singles = NDArray[np.float32]
MODEL = ".model"  # what the name of a model file ends in
FORMAT = 1
GENERAL = "general"  # fits every circuit with classes
SHIPPED = (GENERAL, "sycamore-3", "sycamore-5")
HIDDEN = 32
ROUNDS = 5  # of belief propagation
# What evidence is multiplied by, so that it is about one; in the order of evidence.py.
SCALE = np.array([0.25, 0.5, 0.5, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5])
assert len(SCALE) == WIDTH
ARRAYS = ("linear", "into", "bias", "between", "turn", "out")
_WROTE = "counterpoint train wrote"
_HERE = files("counterpoint.decoders") / "models"


@dataclass(frozen=True, eq=False)
class Network:
    """Two hidden layers beside a straight line; nothing but sums, products and tanh.

    The evidence of a class is taken less the mean over classes, so that only differences count, and what swaps two
    classes swaps their scores.
    """

    linear: Singles  # (WIDTH,)
    into: Singles  # (WIDTH, HIDDEN)
    bias: Singles  # (HIDDEN,)
    between: Singles  # (HIDDEN, HIDDEN)
    turn: Singles  # (HIDDEN,)
    out: Singles  # (HIDDEN,)

    def scores(self, found: Floats) -> Floats:
        """(shots, classes, WIDTH) evidence -> (shots, classes) ln of how likely each class is, up to a constant."""
        return self.scores_of(centred(found))

    def scores_of(self, apart: Singles) -> Floats:
        """The same of evidence that is `centred`."""
        hidden = np.tanh(np.tanh(apart @ self.into + self.bias) @ self.between + self.turn)
        return np.asarray(apart @ self.linear + hidden @ self.out, np.float64)

    def arrays(self) -> dict[str, Singles]:
        return {name: getattr(self, name) for name in ARRAYS}


def centred(found: Floats) -> Singles:
    """Evidence as a network takes it: less the mean over classes, and scaled."""
    return ((found - found.mean(axis=1, keepdims=True)) * SCALE).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Model:
    """What was trained: a network for the proposals of every shot, one for those of a doubtful one, and weights.

    An error model that was fitted to detection events misses what these do not tell. Where shots with known observables
    teach, each kind of mechanism has its weight corrected by what they say of it.
    """

    quick: Network
    thorough: Network
    kinds: Ints  # (G,) kinds of mechanisms (kinds.py) whose weight was learnt, ascending
    shift: Singles  # (G,) what each member of such a kind adds to the score of its class
    manifest: Mapping[str, Any]  # fits, shots, seeds, versions; plain JSON values

    def shift_of(self, kinds: Ints) -> Singles:
        """(M + 1,) the shift of mechanisms of these kinds (M,); 0 where none was learnt, and at the end."""
        shift = np.zeros(len(kinds) + 1, np.float32)
        if len(self.kinds):
            at = np.minimum(np.searchsorted(self.kinds, kinds), len(self.kinds) - 1)
            shift[:-1] = np.where(self.kinds[at] == kinds, self.shift[at], 0)
        return shift

    def check(self, dem: stim.DetectorErrorModel) -> None:
        """Raises BadInput where the model was trained for other circuits."""
        fits = self.manifest["fits"]
        here = fit_of(dem)
        if fits and not any(fit["geometry"] == here["geometry"] for fit in fits):
            shown = ", ".join(sorted({f"{f['detectors']} detectors and {f['observables']} observables" for f in fits}))
            raise BadInput(
                f"the model was trained for circuits with {shown} (geometry {fits[0]['geometry'][:8]}) and this one "
                f"has {here['detectors']} detectors and {here['observables']} observables (geometry "
                f"{here['geometry'][:8]}): train one for it with counterpoint train, or take the decoder 'neural', "
                "whose own model fits any"
            )

    def save(self, path: Path) -> None:
        """Write the model, as a whole or not at all.

        Raises:
            BadInput: the place cannot be written.
        """
        held = io.BytesIO()
        arrays: dict[str, Any] = {
            f"{part}.{name}": array
            for part, network in (("quick", self.quick), ("thorough", self.thorough))
            for name, array in network.arrays().items()
        }
        arrays |= {"kinds": self.kinds, "shift": self.shift}
        text = json.dumps({"format": FORMAT, **self.manifest}, indent=1, sort_keys=True)
        np.savez(held, manifest=np.frombuffer(text.encode(), np.uint8), **arrays)
        beside = path.with_name(path.name + ".part")
        try:
            beside.write_bytes(held.getvalue())
            beside.replace(path)
        except OSError as problem:
            raise BadInput(f"{path} cannot be written ({problem.strerror}): give another place with --out") from problem


@dataclass(frozen=True, eq=False)
class Trained:
    """A model as the judge of one circuit's evidence."""

    model: Model
    shift: Singles  # (M + 1,)
    rounds: int = ROUNDS

    def scores(self, found: Floats, apart: Numbers, *, thorough: bool) -> Floats:
        network = self.model.thorough if thorough else self.model.quick
        return network.scores(found) + self.shift[apart].sum(axis=2)  # -1 is the last, and 0


def load_model(name: str) -> Model:
    """The model in a file that `counterpoint train` wrote, or that ships with the package (`SHIPPED`).

    Raises:
        BadInput: no such file, or it holds no model of this format.
    """
    return _read(model_bytes(name), name)


def model_bytes(name: str) -> bytes:
    """The file of that model; raises BadInput where there is none."""
    path = Path(name)
    try:
        shipped = name in SHIPPED or (name.removesuffix(MODEL) in SHIPPED and not path.exists())
        return (_HERE / f"{name.removesuffix(MODEL)}{MODEL}").read_bytes() if shipped else path.read_bytes()
    except OSError as problem:
        raise BadInput(
            f"{name} cannot be read ({problem.strerror}): give a file that {_WROTE}, or one of {', '.join(SHIPPED)}"
        ) from problem


def _read(content: bytes, name: str) -> Model:
    try:
        held = np.load(io.BytesIO(content), allow_pickle=False)
        manifest = json.loads(bytes(held["manifest"]).decode())
        parts = [
            {array: np.asarray(held[f"{part}.{array}"], np.float32) for array in ARRAYS}
            for part in ("quick", "thorough")
        ]
        kinds, shift = np.asarray(held["kinds"], np.int64), np.asarray(held["shift"], np.float32)
        if not isinstance(manifest, dict) or not isinstance(manifest.get("fits"), list):
            raise ValueError("no manifest")
    except (ValueError, KeyError, IndexError, TypeError, EOFError, OSError, zipfile.BadZipFile) as problem:
        raise BadInput(
            f"{name} holds no trained model ({len(content)} bytes): give a file that counterpoint train wrote"
        ) from problem
    if manifest.get("format") != FORMAT or parts[0]["into"].shape[0] != WIDTH:
        raise BadInput(
            f"{name} is a model of format {manifest.get('format')} with {parts[0]['into'].shape[0]} inputs, and this "
            f"version reads format {FORMAT} with {WIDTH}: train it again"
        )
    return Model(Network(**parts[0]), Network(**parts[1]), kinds, shift, manifest)


def fit_of(dem: stim.DetectorErrorModel) -> dict[str, Any]:
    """What a model remembers of a circuit: its numbers of detectors and observables and a hash of its geometry.

    The noise is not in it: a model still fits when its rates are calibrated anew.
    """
    places: list[Any] = sorted(dem.get_detector_coordinates().items())
    if not all(place for _, place in places):  # then what errors fire together has to tell circuits apart
        places.append(sorted({tuple(sorted(map(str, error.targets_copy()))) for _, error in errors_of(dem)}))
    content = json.dumps([dem.num_detectors, dem.num_observables, places])
    return {
        "detectors": dem.num_detectors,
        "observables": dem.num_observables,
        "geometry": sha256(content.encode()).hexdigest(),
    }
