"""How long a pushed round waits for its answer, and whether one core keeps up with a chip.

    python benchmarks/streaming.py [--distance 5] [--p 0.003] [--rounds 500] [--shots 20] [--repeats 5]
                                   [--cycle 1.1] [--windows 1+3 1+5 5+5 20+5] [--decoders matching correlated]

A memory of the rotated surface code under SI1000 noise is streamed round by round through `Window`, COMMIT+BUFFER
rounds each. Every push is timed by itself, with the garbage collector off and after some shots of warming up.

Lines of each window. *once*: each push timed once, as it came. *least*: each shot streamed several times, the least
time of each push taken, which leaves out what else the machine did. *inner*: the inner decoder's own time in
the pushes that ask it.
Columns, in microseconds:

    busy      mean per round, finishing included; a core keeps up where this is below the cycle
    all       percentiles over all rounds; where several are committed at once, most only wait for their window
    dec       percentiles over the rounds that complete a window, which is when something is decided
    waited    99th percentile of a round's way from its arrival to the end of its push, in a queue fed by these times:
              a round arrives each cycle and is taken in when the one before is done
    left      rounds (not microseconds) still queueing when the last round of a shot arrives, mean
"""

from __future__ import annotations

import argparse
import gc
import time
from dataclasses import dataclass, replace

import numpy as np
import sinter
import stim

from counterpoint.base import Bits, Floats
from counterpoint.codes.noise import SI1000
from counterpoint.codes.surface import memory
from counterpoint.decoders import DECODERS
from counterpoint.decoders.window import CompiledWindow, Window

WARMING = 3  # shots
PERCENTILES = (50, 99, 99.9)


def pushes(compiled: CompiledWindow, events: Bits) -> Floats:
    """(shots, T + 1) microseconds of each push, and of finishing."""
    clock, rounds = time.perf_counter, compiled.rounds.split(events)
    taken = np.empty((len(events), len(rounds) + 1))
    for shot in range(len(events)):
        stream, arriving = compiled.stream(), [events[shot] for events in rounds]
        seconds = []
        for round_of_events in arriving:
            began = clock()
            stream.push(round_of_events)
            seconds.append(clock() - began)
        began = clock()
        stream.finish()
        taken[shot] = [*seconds, clock() - began]
    return 1e6 * taken


def queue(taken: Floats, cycle: float) -> tuple[float, float]:
    """(99th percentile of a round's way, rounds left at the end) where a round arrives each `cycle`."""
    waited, left = [], []
    for times in taken[:, :-1]:
        arrived = cycle * np.arange(len(times))
        # Lindley: a push ends when its time has passed since the latest moment that the queue was empty.
        spent = np.cumsum(times)
        ended = spent + np.maximum.accumulate(arrived - spent + times)
        waited.append(ended - arrived)
        left.append((ended[:-1] > arrived[-1]).sum())
    return float(np.percentile(waited, 99)), float(np.mean(left))


@dataclass(frozen=True, eq=False)
class Timed(sinter.CompiledDecoder):
    """Notes how long the inner decoder takes."""

    inner: sinter.CompiledDecoder
    seconds: list[float]

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        began = time.perf_counter()
        answer = self.inner.decode_shots_bit_packed(bit_packed_detection_event_data=bit_packed_detection_event_data)
        self.seconds.append(time.perf_counter() - began)
        return answer


def inner_alone(compiled: CompiledWindow, events: Bits) -> Floats:
    """Microseconds of the inner decoder in each push that asks it."""
    seconds: list[float] = []
    *windows, last = compiled.windows
    timed = [replace(w, decoder=Timed(w.decoder, seconds)) for w in windows]
    pushes(replace(compiled, windows=(*timed, last)), events)
    return 1e6 * np.array(seconds)


def line(what: str, taken: Floats, compiled: CompiledWindow, cycle: float) -> str:
    deciding = [window.span.stop - 1 for window in compiled.windows[:-1]]
    every, some = (np.percentile(part, PERCENTILES) for part in (taken[:, :-1], taken[:, deciding]))
    waited, left = queue(taken, cycle)
    busy = taken.sum() / taken[:, :-1].size
    columns = "".join(f"{v:8.1f}" for v in (busy, *every, *some, waited, left))
    return f"    {what:<6}{columns}"


def report(name: str, shape: str, model: stim.DetectorErrorModel, events: Bits, asked: argparse.Namespace) -> None:
    commit, buffer = map(int, shape.split("+"))
    began = time.perf_counter()
    compiled = Window(DECODERS[name], commit, buffer).compile_decoder_for_dem(dem=model)
    seconds = time.perf_counter() - began
    different = len({id(window.decoder) for window in compiled.windows})
    print(f"{name} {shape}: {len(compiled.windows)} windows, {different} different, compiled in {seconds:.2f} s")
    pushes(compiled, events[:WARMING])
    runs = [pushes(compiled, events[WARMING:]) for _ in range(asked.repeats)]
    print(line("once", runs[0], compiled, asked.cycle))
    print(line("least", np.min(runs, axis=0), compiled, asked.cycle))
    alone = np.min([inner_alone(compiled, events[WARMING:]) for _ in range(asked.repeats)], axis=0)
    columns = "".join(f"{v:8.1f}" for v in np.percentile(alone, PERCENTILES))
    print(f"    {'inner':<6}{'':32}{columns}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distance", type=int, default=5)
    parser.add_argument("--p", type=float, default=0.003)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--shots", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cycle", type=float, default=1.1, help="microseconds from one round to the next")
    parser.add_argument("--windows", nargs="+", default=["1+3", "1+5", "5+5", "20+5"], metavar="COMMIT+BUFFER")
    parser.add_argument("--decoders", nargs="+", default=["matching", "correlated"], metavar="NAME")
    asked = parser.parse_args()
    circuit = SI1000(asked.p).noisy(memory(asked.distance, asked.rounds))
    model = circuit.detector_error_model(decompose_errors=True)
    events = circuit.compile_detector_sampler(seed=0).sample(WARMING + asked.shots, bit_packed=True)
    gc.disable()
    heads = ("busy", *(f"{which} {p}" for which in ("all", "dec") for p in PERCENTILES), "waited", "left")
    print(f"d={asked.distance}, SI1000 p={asked.p}, {asked.rounds} rounds, {asked.shots} shots")
    print(" " * 10 + "".join(f"{head:>8}" for head in heads))
    for name in asked.decoders:
        whole = DECODERS[name].compile_decoder_for_dem(dem=model)
        whole.decode_shots_bit_packed(bit_packed_detection_event_data=events[:WARMING])
        times = []
        for _ in range(asked.repeats):
            began = time.perf_counter()
            whole.decode_shots_bit_packed(bit_packed_detection_event_data=events)
            times.append(1e6 * (time.perf_counter() - began) / len(events) / asked.rounds)
        print(f"{name}, whole shots offline: {times[0]:.2f} us a round once, {min(times):.2f} least")
        for shape in asked.windows:
            report(name, shape, model, events, asked)


if __name__ == "__main__":
    main()
