"""How a model is trained: on shots that are close to call, sampled from error models or recorded.

Most shots are clear, and a network learns nothing from them: only those are kept in which another class would add
little weight (the complementary gap, see gap.py). JAX and optax train; what comes out is plain arrays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Protocol, final

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pymatching
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Floats, Key, fold_in
from counterpoint.decoders.classes import matched, matching_of
from counterpoint.decoders.coset import CompiledCoset
from counterpoint.decoders.evidence import BELIEVED, MOST, NEAR, WEIGHT, WIDTH, Numbers
from counterpoint.decoders.kinds import kinds_of
from counterpoint.decoders.matching import Matching
from counterpoint.decoders.mechanisms import Ints, mechanisms_of
from counterpoint.decoders.network import ARRAYS, HIDDEN, Model, Network, Singles, centred, fit_of
from counterpoint.decoders.neural import Neural

CLEAR = 8.0  # a shot whose gap is larger teaches nothing
HELD = 10  # of so many close shots one is held out
_DRAW = 4096  # shots looked at in one go
_BATCH = 1024
_RATE = 1e-3  # of learning, at the beginning
_DECAY = 1e-3  # of weights
_SEEN = 8  # times that a fresh shot is learnt from soon
_TRUST = 30.0  # in the weights of the error model: the inverse variance of what they are off by
_PASSES = 40  # over shots that are all known, before training ends


class Shots(Protocol):
    """Where labelled shots come from."""

    def draw(self, number: int) -> tuple[Bits, Bits] | None:
        """Bit-packed events and flips of batch `number`; None after the last."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Sampled:
    """Shots without end, from an error model."""

    dem: stim.DetectorErrorModel
    key: Key

    def draw(self, number: int) -> tuple[Bits, Bits] | None:
        sampler = self.dem.compile_sampler(seed=fold_in(self.key, number)[0])
        events, flips, _ = sampler.sample(_DRAW, bit_packed=True)
        return np.asarray(events, np.uint8), np.asarray(flips, np.uint8)


@final
@dataclass(frozen=True, eq=False)
class Given:
    """Recorded shots whose observables are known."""

    events: Bits
    flips: Bits

    def draw(self, number: int) -> tuple[Bits, Bits] | None:
        rows = slice(number * _DRAW, (number + 1) * _DRAW)
        return (self.events[rows], self.flips[rows]) if number * _DRAW < len(self.events) else None


@dataclass(frozen=True, eq=False)
class Lesson:
    """Close shots of one source: evidence as networks take it, the class that happened, and how matchings fare."""

    quick: Singles  # (shots, K, WIDTH)
    thorough: Singles  # likewise, 0 where not doubtful
    quick_apart: Numbers  # (shots, K, MOST) kinds of the members that not all classes have, and then -1
    thorough_apart: Numbers
    doubtful: NDArray[np.bool_]  # (shots,) the quick evidence leaves doubt
    label: Ints  # (shots,) which of the K classes happened
    plain: NDArray[np.bool_]  # (shots,) plain matching is wrong
    correlated: NDArray[np.bool_]
    looked: int  # shots among which these were found
    seconds: float  # that decoding takes them, the doubtful ones heard twice

    def part(self, rows: NDArray[np.bool_]) -> Lesson:
        return replace(self, **{name: getattr(self, name)[rows] for name in _BY_SHOT})


_LEARNT = ("quick", "thorough", "quick_apart", "thorough_apart", "doubtful", "label")
_BY_SHOT = (*_LEARNT, "plain", "correlated")


def joined(lessons: Sequence[Lesson]) -> Lesson:
    arrays: Any = {name: np.concatenate([getattr(lesson, name) for lesson in lessons]) for name in _BY_SHOT}
    return Lesson(**arrays, looked=sum(x.looked for x in lessons), seconds=sum(x.seconds for x in lessons))


@dataclass(frozen=True, eq=False)
class Source:
    """One error model and its shots, with all that turns them into lessons."""

    dem: stim.DetectorErrorModel
    shots: Shots
    coset: CompiledCoset
    forced: pymatching.Matching  # may leave its class for CLEAR
    correlated: Any  # the compiled decoder
    kind: Numbers  # (M + 1,) which of the kinds that are learnt each mechanism is of, else -1; and -1 at the end
    told: int  # members of a class that are kept: none where the model learns no kind

    @classmethod
    def of(cls, dem: stim.DetectorErrorModel, shots: Shots, model: Model) -> Source:
        """The source of `shots`; only kinds of mechanisms that `model` knows have their weights learnt.

        Raises BadInput where an error model has no classes: see `mechanisms_of`."""
        coset = Neural().judged(dem, model)
        if not len(coset.mechanisms.ends):
            raise BadInput(
                f"no error of the {len(coset.mechanisms.weight)} in the model flips an observable: there is nothing to "
                "learn; give a circuit with a logical observable"
            )
        forced = matching_of(coset.mechanisms, correlated=False, forced=True, shortcut=CLEAR)
        kind = np.full(len(coset.mechanisms.weight) + 1, -1, np.int32)
        if len(model.kinds):
            kinds = kinds_of(dem, coset.mechanisms)
            at = np.minimum(np.searchsorted(model.kinds, kinds), len(model.kinds) - 1)
            kind[:-1] = np.where(model.kinds[at] == kinds, at, -1)
        correlated = Matching(correlated=True).compile_decoder_for_dem(dem=dem)
        return cls(dem, shots, coset, forced, correlated, kind, MOST if len(model.kinds) else 0)

    def lesson(self, number: int) -> Lesson | None:
        """What is to be learnt from batch `number`; None after the last."""
        drawn = self.shots.draw(number)
        if drawn is None:
            return None
        events, flips = drawn
        classes, coset = self.coset.classes, self.coset
        chosen, weight = classes.chosen(coset.free, events)
        close = np.zeros(len(events), np.bool_)
        for end in range(len(coset.mechanisms.ends)):
            other = matched(self.forced, classes.forced(events, chosen ^ (1 << end)), weights=True)[1]
            close |= other - weight < 0.999 * CLEAR
        events, flips, chosen = events[close], flips[close], chosen[close]
        turns = coset.turns(events)
        happened = _bits(flips) ^ classes.base(events)
        hits = classes.flips(np.array(turns)) == happened[:, None]
        one = hits.sum(axis=1) == 1
        events, flips, turns, chosen = events[one], flips[one], turns[one], chosen[one]
        begin = time.perf_counter()
        quick, quick_apart = coset.evidence(events, turns, thorough=False)
        doubtful = _margin(coset.judge.scores(quick, quick_apart, thorough=False)) < coset.doubt
        thorough, thorough_apart = np.zeros_like(quick), np.full_like(quick_apart, -1)
        if doubtful.any():
            heard = coset.evidence(events[doubtful], turns[doubtful], thorough=True)
            thorough[doubtful], thorough_apart[doubtful] = heard
        seconds = time.perf_counter() - begin
        answer = self.correlated.decode_shots_bit_packed(bit_packed_detection_event_data=events)
        return Lesson(
            quick=centred(quick),
            thorough=centred(thorough),
            quick_apart=self.kind[quick_apart[:, :, : self.told]],
            thorough_apart=self.kind[thorough_apart[:, :, : self.told]],
            doubtful=doubtful,
            label=hits[one].argmax(axis=1),
            plain=(classes.packed(events, chosen) != flips).any(axis=1),
            correlated=(answer != flips).any(axis=1),
            looked=len(drawn[0]),
            seconds=seconds,
        )


def _bits(flips: Bits) -> Ints:
    """(shots,) bit-packed observables as integers."""
    return (flips.astype(np.int64) << (8 * np.arange(flips.shape[1]))).sum(axis=1)


def _margin(scores: Floats) -> Floats:
    """(shots,) by how much the likeliest class leads."""
    first, second = np.sort(scores, axis=1)[:, [-1, -2]].T
    return first - second


def fresh_model(seed: int) -> Model:
    """A model that has learnt nothing: small random layers beside a cautious sum of the evidence."""
    none, manifest = np.zeros(0, np.int64), {"fits": [], "shots": 0, "close": 0, "seeds": []}
    return Model(_fresh((seed, 0)), _fresh((seed, 1)), none, none.astype(np.float32), manifest)


def with_kinds(model: Model, dems: Sequence[stim.DetectorErrorModel]) -> Model:
    """`model` that also learns the weight of every kind of mechanism in these error models."""
    known = dict(zip(model.kinds.tolist(), model.shift.tolist(), strict=True))
    for dem in dems:
        known |= {kind: known.get(kind, 0.0) for kind in kinds_of(dem, mechanisms_of(dem)).tolist()}
    kinds = sorted(known)
    shift = np.array([known[kind] for kind in kinds], np.float32)
    return replace(model, kinds=np.array(kinds, np.int64), shift=shift)


def _fresh(key: Key) -> Network:
    draw = np.random.default_rng(key)
    linear = np.zeros(WIDTH, np.float32)
    linear[[WEIGHT, NEAR, BELIEVED]] = 2.0, 1.0, 0.3
    return Network(
        linear=linear,
        into=(draw.standard_normal((WIDTH, HIDDEN)) / np.sqrt(WIDTH)).astype(np.float32),
        bias=np.zeros(HIDDEN, np.float32),
        between=(draw.standard_normal((HIDDEN, HIDDEN)) / np.sqrt(HIDDEN)).astype(np.float32),
        turn=np.zeros(HIDDEN, np.float32),
        out=np.zeros(HIDDEN, np.float32),
    )


@dataclass(frozen=True)
class Progress:
    """How a model stands on the close shots that it never learnt from."""

    model: Model = field(repr=False)
    seconds: float  # since training began
    looked: int  # shots
    close: int  # of these
    held: int  # of these, held out
    loss: float  # mean -ln of the probability given to what happened
    wrong: int  # of the held out ones
    correlated: int  # that correlated matching gets wrong
    plain: int
    only_model: int  # wrong under the model and right under correlated matching
    only_correlated: int
    us: float  # that decoding takes for each close shot


def _answers(model: Model, lesson: Lesson, doubt: float) -> tuple[NDArray[np.bool_], float]:
    """(shots,) where the model is wrong, and its loss."""
    shift = np.append(model.shift, np.float32(0))
    scores = model.quick.scores_of(lesson.quick) + shift[lesson.quick_apart].sum(axis=2)
    again = (_margin(scores) < doubt) & lesson.doubtful
    scores[again] = model.thorough.scores_of(lesson.thorough[again]) + shift[lesson.thorough_apart[again]].sum(axis=2)
    top = scores.max(axis=1)
    right = scores[np.arange(len(scores)), lesson.label]
    loss = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - right
    return scores.argmax(axis=1) != lesson.label, float(loss.mean())


def _loss(arrays, trust, quick, thorough, quick_apart, thorough_apart, doubtful, label):
    """Mean of -ln of the probability given to what happened, of both networks; `trust` holds the shifts near 0."""
    shift = jnp.append(arrays["shift"], 0.0)
    losses = []
    for part, found, apart in (("quick", quick, quick_apart), ("thorough", thorough, thorough_apart)):
        a = arrays[part]
        hidden = jnp.tanh(jnp.tanh(found @ a["into"] + a["bias"]) @ a["between"] + a["turn"])
        scores = found @ a["linear"] + hidden @ a["out"] + shift[apart].sum(axis=2)
        losses.append(optax.losses.softmax_cross_entropy_with_integer_labels(scores, label))
    mean = losses[0].mean() + (losses[1] * doubtful).sum() / (doubtful.sum() + 1)
    return mean + 0.5 * trust * (arrays["shift"] ** 2).sum()


_DIRECTION = optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(_DECAY))


@jax.jit
def _step(arrays, state, rate, trust, *batch):
    slope = jax.grad(_loss)(arrays, trust, *batch)
    way, state = _DIRECTION.update(slope, state, arrays)
    return jax.tree.map(lambda a, w: a - rate * w, arrays, way), state


def train(sources: Sequence[Source], start: Model, seconds: float, seed: int) -> Iterator[Progress]:
    """Train from `start` for so many seconds; yields how the model stands, last of all as it is at the end.

    Fresh shots are learnt from as they come, and the rate of learning falls with the time that is left. Where all
    shots are given and have been seen, the rate falls over some passes over all of them, and training is over.

    Raises:
        BadInput: sources with different numbers of classes, or with no close shots at all.
    """
    kinds = {len(source.coset.classes.turns) for source in sources}
    if len(kinds) > 1:
        raise BadInput(f"circuits with {min(kinds)} and with {max(kinds)} classes were given: train them apart")
    began, draw = time.perf_counter(), np.random.default_rng(fold_in((seed,), "batches", *start.manifest["seeds"]))
    arrays: Any = {part: getattr(start, part).arrays() for part in ("quick", "thorough")} | {"shift": start.shift}
    state = _DIRECTION.init(arrays)
    finite = all(isinstance(source.shots, Given) for source in sources)
    lessons: list[Lesson] = []
    held: list[Lesson] = []
    known: Lesson | None = None
    number, passes, still = 0, 0, list(sources)
    while (left := 1 - (time.perf_counter() - began) / seconds) > 0 and passes < _PASSES:
        fresh = 0
        for source in list(still):
            lesson = source.lesson(number)
            if lesson is None:
                still.remove(source)
                continue
            out = np.arange(len(lesson.label)) % HELD == 0
            lessons.append(lesson.part(~out))
            held.append(lesson.part(out))
            fresh += len(lesson.label)
        number += 1
        passes += not still
        if not lessons:
            continue
        known, tested = joined(lessons), joined(held)
        lessons, held = [known], [tested]
        if not len(known.label):
            continue
        rate = _RATE * ((1 - passes / _PASSES) if finite else left)
        for _ in range(-(-(_SEEN * fresh if still else len(known.label)) // _BATCH)):
            rows = draw.integers(0, len(known.label), _BATCH)
            batch = [getattr(known, name)[rows] for name in _LEARNT]
            arrays, state = _step(arrays, state, rate, _TRUST / len(known.label), *batch)
        yield _standing(arrays, sources, start, known, tested, seed, time.perf_counter() - began)
    if known is None or not len(known.label):
        looked = known.looked if known else 0
        raise BadInput(
            f"0 of {looked:,} shots that were looked at in {seconds:g} seconds are close to call, and only those "
            "teach: give shots of more noise, or more time"
        )


def _standing(
    arrays: Any, sources: Sequence[Source], start: Model, known: Lesson, held: Lesson, seed: int, passed: float
) -> Progress:
    plain: Any = {part: {name: np.asarray(arrays[part][name]) for name in ARRAYS} for part in ("quick", "thorough")}
    parts = [Network(**plain[part]) for part in ("quick", "thorough")]
    fits = {fit["geometry"]: fit for fit in (*start.manifest["fits"], *(fit_of(source.dem) for source in sources))}
    close = len(known.label) + len(held.label)
    manifest = {
        "fits": list(fits.values()),
        "shots": start.manifest["shots"] + known.looked,
        "close": start.manifest["close"] + close,
        "seeds": [*start.manifest["seeds"], seed],
        "versions": {name: version(name) for name in ("stim", "pymatching", "jax", "numpy")},
    }
    model = Model(parts[0], parts[1], start.kinds, np.asarray(arrays["shift"], np.float32), manifest)
    wrong, loss = _answers(model, held, sources[0].coset.doubt)
    return Progress(
        model=model,
        seconds=passed,
        looked=known.looked,
        close=close,
        held=len(held.label),
        loss=loss,
        wrong=int(wrong.sum()),
        correlated=int(held.correlated.sum()),
        plain=int(held.plain.sum()),
        only_model=int((wrong & ~held.correlated).sum()),
        only_correlated=int((~wrong & held.correlated).sum()),
        us=1e6 * known.seconds / close,
    )
