"""What sampling and decoding cost end to end: `counterpoint decode` beside a bare loop and beside sinter.

    python benchmarks/end_to_end.py [--distances 3 5 7 9] [--p 0.003] [--seconds 1.5] [--repeats 5]

Memories of the rotated surface code, as many rounds as the distance, under SI1000 noise; plain matching; one core, and
the same number of shots for all, which is what the bare loop does in --seconds.

    bare     stim's detector sampler and PyMatching's decode_batch, bit-packed, in the quickest of several batch sizes,
             failures counted
    ours     what `counterpoint decode CIRCUIT.stim --shots N --decoder matching` does, but for starting and printing
    sinter   sinter.collect with one worker

*With models*: the circuit is read and its error model made and compiled within the time, in both. *Without*: that is
taken off each, as the median time of a run of 256 shots; of sinter so is the start of its worker. The players take
turns, in an order that turns around; a ratio is to the bare loop of the same turn: median, and (smallest to largest).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pymatching
import sinter
import stim

from counterpoint.base import Floats, fold_in
from counterpoint.cli.sources import from_path
from counterpoint.codes.noise import SI1000
from counterpoint.codes.surface import memory
from counterpoint.decoders import DECODERS
from counterpoint.loop.compare import compare, decode_recording

SIZES = (256, 1024, 4096, 16_384, 65_536)
FEW = 256


def bare(path: Path, shots: int, seed: int, size: int) -> int:
    circuit = stim.Circuit.from_file(path)
    model = circuit.detector_error_model(decompose_errors=True)
    graph = pymatching.Matching.from_detector_error_model(model)
    sampler = circuit.compile_detector_sampler(seed=seed)
    failures = 0
    for start in range(0, shots, size):
        events, flips = sampler.sample(min(size, shots - start), separate_observables=True, bit_packed=True)
        found = graph.decode_batch(events, bit_packed_shots=True, bit_packed_predictions=True)
        failures += int(np.any(np.asarray(found) != flips, axis=1).sum())
    return failures


def ours(path: Path, shots: int, seed: int) -> int:
    (read,) = from_path(path, shots, None, fold_in((seed,), "sampled", 0))
    decoded = decode_recording(read().take("all", shots), {"matching": DECODERS["matching"]})
    (found,) = compare([decoded]).experiments
    return found.failures


def peer(path: Path, shots: int) -> int:
    task = sinter.Task(circuit=stim.Circuit.from_file(path))
    (found,) = sinter.collect(num_workers=1, tasks=[task], decoders=["pymatching"], max_shots=shots)
    return found.errors


def took(player: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    failures = player()
    return time.perf_counter() - began, failures


def told(name: str, these: Floats, bare: Floats) -> str:
    ratio = these / bare
    return f"{name} {np.median(ratio):.3f} ({ratio.min():.3f} to {ratio.max():.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distances", type=int, nargs="+", default=[3, 5, 7, 9])
    parser.add_argument("--p", type=float, default=0.003)
    parser.add_argument("--seconds", type=float, default=1.5, help="of the bare loop")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(f"SI1000 p={asked.p}; load {os.getloadavg()[0]:.1f}; ratios to the bare loop")
    with TemporaryDirectory() as folder:
        for distance in asked.distances:
            report(Path(folder) / f"d={distance},r={distance},b=Z.stim", distance, asked)


def report(path: Path, distance: int, asked: argparse.Namespace) -> None:
    SI1000(asked.p).noisy(memory(distance, distance)).to_file(path)
    tried = 32_768
    by_size = {size: min(took(lambda s=size: bare(path, tried, 0, s))[0] for _ in range(3)) for size in SIZES}
    size = min(by_size, key=by_size.__getitem__)
    fixed = np.median([took(lambda: bare(path, FEW, 0, size))[0] for _ in range(5)])
    shots = max(tried, int(asked.seconds * tried / (by_size[size] - fixed)))
    players: dict[str, Callable[[int], int]] = {
        "bare": lambda seed: bare(path, shots, seed, size),
        "bare, few": lambda seed: bare(path, FEW, seed, size),
        "ours": lambda seed: ours(path, shots, seed),
        "ours, few": lambda seed: ours(path, FEW, seed),
        "sinter": lambda _: peer(path, shots),
        "sinter, few": lambda _: peer(path, FEW),
    }
    seconds: dict[str, list[float]] = {name: [] for name in players}
    failures = dict.fromkeys(players, 0)
    for seed in range(asked.repeats + 1):
        for name in list(players) if seed % 2 else reversed(players):
            spent, failed = took(lambda name=name, seed=seed: players[name](seed))
            if seed:  # the first turn warms up
                seconds[name].append(spent)
                failures[name] += failed
    times = {name: np.array(spent) for name, spent in seconds.items()}
    off = {name: times[name] - np.median(times[f"{name}, few"]) for name in ("bare", "ours", "sinter")}
    each = 1e6 * np.median(times["bare"]) / shots
    print(
        f"d={distance}: {shots:,} shots, batches of {size:,}, {each:.3f} us a shot bare; failures of all repeats "
        f"{failures['bare']:,} bare, {failures['ours']:,} ours, {failures['sinter']:,} sinter"
    )
    print(f"    {told('ours, with models', times['ours'], times['bare'])}")
    print(f"    {told('ours, without', off['ours'], off['bare'])}")
    print(f"    {told('sinter, with its start', times['sinter'], times['bare'])}")
    print(f"    {told('sinter, without', off['sinter'], off['bare'])}", flush=True)


if __name__ == "__main__":
    main()
