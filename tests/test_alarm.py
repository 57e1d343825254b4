"""The Goodhart alarm, on the two exact counter-examples and on what must not raise it."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import stim

from counterpoint.decoders import DECODERS
from counterpoint.loop.alarm import STRETCH, Alarm, alarm, last_alarm
from counterpoint.loop.summary import Tally

# Bit flips on the three qubits of a repetition code with checks Z0 Z1 and Z1 Z2, and their probabilities.
Channel = dict[tuple[int, int, int], float]
GOOD: Channel = {(1, 0, 0): 0.0065, (0, 1, 0): 0.0065, (0, 0, 1): 0.0065, (1, 1, 0): 0.0010}
BLIND: Channel = {(1, 0, 0): 0.0010, (0, 1, 0): 0.0010, (0, 0, 1): 0.0010, (1, 1, 1): 0.0060}


def syndrome(flips: tuple[int, int, int]) -> tuple[int, int]:
    return flips[0] ^ flips[1], flips[1] ^ flips[2]


def corrected(fired: tuple[int, int]) -> tuple[int, int, int]:
    """The lightest correction of a syndrome."""
    fitting = [c for c in product((0, 1), repeat=3) if syndrome(c) == fired]
    return min(fitting, key=sum)


def exact(channel: Channel) -> tuple[float, float]:
    """(probability that a check fires, probability of a logical error), summed over all flips."""
    fires = sum(p for flips, p in channel.items() if any(syndrome(flips)))
    fails = sum(p for flips, p in channel.items() if sum(np.bitwise_xor(flips, corrected(syndrome(flips)))) == 3)
    return fires, fails


def tally(channel: Channel, shots: int) -> Tally:
    fires, fails = exact(channel)
    return Tally(events=round(fires * shots), opportunities=shots, decoded=shots, failures=round(fails * shots))


def test_fewer_events_and_more_logical_errors_raise_it() -> None:
    """The first counter-example: detection falls from 2.05 to 0.30 %, logical error rises from 0.10 to 0.60 %."""
    assert exact(GOOD) == pytest.approx((0.0205, 0.0010))
    assert exact(BLIND) == pytest.approx((0.0030, 0.0060))
    found = alarm(tally(GOOD, 100_000), tally(BLIND, 100_000))
    assert isinstance(found, Alarm)
    assert "from 2.05% to 0.30%" in found.sentence
    assert "100 failures in 100,000 shots became 600" in found.sentence
    assert alarm(tally(BLIND, 100_000), tally(GOOD, 100_000)) is None, "the way back is no alarm"


def test_the_same_events_may_need_opposite_corrections() -> None:
    """The second: the same syndromes, and what corrects one channel fails on the other; only failures tell."""
    light: Channel = {(1, 0, 0): 0.1}
    heavy: Channel = {(0, 1, 1): 0.1}
    assert {syndrome(f) for f in light} == {syndrome(f) for f in heavy}
    assert exact(light) == pytest.approx((0.1, 0.0))
    assert exact(heavy) == pytest.approx((0.1, 0.1))
    assert alarm(tally(light, 100_000), tally(heavy, 100_000)) is None, "no rate fell: the failures themselves must"


def test_the_counter_example_through_stim_and_a_real_decoder() -> None:
    """Sampled and decoded, as a run would: the exact rates are met and the alarm fires."""

    def sampled(channel: Channel, seed: int, shots: int = 200_000) -> Tally:
        errors, chain = [], "E"
        for flips, p in channel.items():
            rest = 1 - sum(q for _, q in errors)
            errors.append((flips, p))
            chain += f"({p / rest}) " + " ".join(f"X{i}" for i in range(3) if flips[i]) + "\nELSE_CORRELATED_ERROR"
        text = "R 0 1 2\n" + chain.removesuffix("\nELSE_CORRELATED_ERROR") + "\nM 0 1 2\n"
        text += "DETECTOR(0, 0) rec[-3] rec[-2]\nDETECTOR(1, 0) rec[-2] rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-3]\n"
        circuit = stim.Circuit(text)
        light = stim.Circuit(text.split("E(")[0] + "X_ERROR(0.01) 0 1 2\n" + text[text.index("M 0") :])
        decoder = DECODERS["matching"].compile_decoder_for_dem(dem=light.detector_error_model())
        events, flips = circuit.compile_detector_sampler(seed=seed).sample(
            shots, separate_observables=True, bit_packed=True
        )
        wrong = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events) != flips
        fired = np.unpackbits(events, axis=1, count=2, bitorder="little").any(axis=1)
        return Tally(int(fired.sum()), shots, shots, int(wrong.any(axis=1).sum()))

    good, blind = sampled(GOOD, 1), sampled(BLIND, 2)
    for found, channel in ((good, GOOD), (blind, BLIND)):
        fires, fails = exact(channel)
        for count, p in ((found.events, fires), (found.failures, fails)):
            assert abs(count - p * 200_000) < 5 * (p * 200_000) ** 0.5, "5 sigma: one false alarm in 1.7 million"
    assert alarm(good, blind) is not None


def test_chance_does_not_raise_it() -> None:
    """A machine that stays as it is: 20,000 pairs of stretches, none of which may alarm (fixed key)."""
    rng = np.random.default_rng((0,))
    shots = 24_000
    events, failures = rng.binomial(shots * 600, 0.085, 20_001), rng.binomial(shots, 0.09, 20_001)
    tallies = [Tally(int(e), shots * 600, shots, int(f)) for e, f in zip(events, failures, strict=True)]
    assert not any(alarm(a, b) for a, b in pairwise(tallies))


def test_a_run_is_watched_by_stretches() -> None:
    good, blind = ({"steered": tally(c, 20_000)} for c in (GOOD, BLIND))
    assert last_alarm([]) is None
    assert last_alarm([good] * STRETCH) is None
    assert last_alarm([good] * 3 * STRETCH + [blind] * STRETCH) is not None
    assert last_alarm([good] * 3 * STRETCH + [blind] * (STRETCH // 4)) is None, "too few turns to be sure"
    assert last_alarm([blind] * 3 * STRETCH + [good] * STRETCH) is None


def test_nothing_decoded_is_no_alarm() -> None:
    assert alarm(Tally(10, 100, 0, 0), Tally(1, 100, 0, 0)) is None
