"""Accuracy and price on the published bicycle circuits (COUNTERPOINT_DATA/bicycle): memory-Z, uniform noise 0.003.

    python benchmarks/bicycle.py [--qubits 72|144] [--p P] [--failures 300] [--shots 100000] [--minutes 15] [--seed 0]
        [--decoder NAME ...]

With --p, our own circuit of the same experiment under uniform noise P takes the published one's place; at 0.003 they
have the same error model.

Every decoder has the same shots, batch after batch, until it has failed so often, or so many shots or minutes are
spent; any of 12 observables wrong is a failure. bp-osd has order 7 and 30 iterations, bp-osd-10 order 10 and 80.
Ratios are paired over the shots that both decoders had, beside Relay-5 of the package relay-bp on the part that the
observables need ("part": detectors that errors which flip an observable fire, errors that look alike on them merged).
Intervals are 95 %. Times are those of the processor, of decoding alone, on one thread; their ratio within one run is
what counts.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import sinter
import stim

from counterpoint.base import Bits
from counterpoint.codes import bicycle
from counterpoint.codes.css import exact_readout
from counterpoint.codes.noise import UniformDepolarizing
from counterpoint.decoders.bposd import BpOsd
from counterpoint.decoders.hypergraph import Hypergraph, hypergraph_of
from counterpoint.decoders.relay import Relay
from counterpoint.quops.estimate import error_per_shot
from counterpoint.quops.paired import failure_ratio

BATCH = 8_000
PEER = "relay-bp-5 part"
Decode = Callable[[Bits], Bits]  # (shots, D) uint8 events -> (shots, O) uint8 flips


def circuit_of(qubits: int) -> stim.Circuit:
    folder = os.environ.get("COUNTERPOINT_DATA")
    if folder is None:
        raise SystemExit("COUNTERPOINT_DATA is not set: the published circuits are found by it")
    (path,) = (Path(folder) / "bicycle").glob(f"circuit=*_{qubits}_12_*error_rate=0.003,noise_model=uniform*.stim")
    return stim.Circuit.from_file(path)


def own_circuit(qubits: int, p: float) -> stim.Circuit:
    ell, rounds = {72: (6, 6), 144: (12, 12)}[qubits]
    began = time.process_time()
    code = bicycle.bicycle_code(ell, 6, "x^3+y+y^2", "y^3+x+x^2")
    circuit = exact_readout(UniformDepolarizing(p).noisy(bicycle.memory(code, rounds)), qubits)
    print(f"code and circuit made in {(time.process_time() - began) * 1e3:.0f} ms")
    return circuit


def observing(graph: Hypergraph) -> list[int]:
    """The detectors that errors which flip an observable fire, and those that are bound to these.

    An error is put aside if it is the sum of others that fire detectors in different sets, as a Y error is that of an
    X and a Z error. What the remaining ones fire together is one set. Nothing is told about the code.
    """
    columns = columns_of(graph)
    known = {fires for fires, _ in columns}
    root = list(range(graph.checks.get_shape()[0]))

    def find(d: int) -> int:
        while root[d] != d:
            root[d] = root[root[d]]
            d = root[d]
        return d

    def parted(fires: tuple[int, ...]) -> list[tuple[int, ...]]:
        sets: dict[int, list[int]] = {}
        for d in fires:
            sets.setdefault(find(d), []).append(d)
        parts = [tuple(part) for part in sets.values()]
        return parts if all(part in known for part in parts) else [fires]

    while joined := [f for f in sorted(known, key=lambda f: (len(f), f)) if len({find(d) for d in f}) > 1]:
        before = len({find(d) for d in range(len(root))})
        for fires in joined:
            if len(parted(fires)) == 1:
                for d in fires:
                    root[find(d)] = find(fires[0])
        if len({find(d) for d in range(len(root))}) == before:
            break
    whole = {find(f[0]) for f, flips in columns if flips and len({find(d) for d in f}) == 1}
    return [d for d in range(len(root)) if find(d) in whole]


def columns_of(graph: Hypergraph) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Of each mechanism the detectors and the observables."""
    sides = []
    for matrix in (graph.checks, graph.observables):
        starts, rows = matrix.indptr, matrix.indices
        sides.append([tuple(rows[a:b].tolist()) for a, b in pairwise(starts)])
    return list(zip(*sides, strict=True))


def part_of(graph: Hypergraph, detectors: list[int]) -> stim.DetectorErrorModel:
    """The model of these detectors alone, numbered anew."""
    number = {d: i for i, d in enumerate(detectors)}
    model = stim.DetectorErrorModel()
    for prior, (fires, flips) in zip(graph.priors, columns_of(graph), strict=True):
        seen = [stim.target_relative_detector_id(number[d]) for d in fires if d in number]
        if seen:
            model.append("error", [prior], [*seen, *map(stim.target_logical_observable_id, flips)])
        elif flips:
            raise SystemExit(f"an error flips observables {flips} and fires none of the part's detectors")
    return model


def packed(decoder: sinter.CompiledDecoder, observables: int) -> Decode:
    def decode(events: Bits) -> Bits:
        flips = decoder.decode_shots_bit_packed(
            bit_packed_detection_event_data=np.packbits(events, axis=1, bitorder="little")
        )
        return np.unpackbits(flips, axis=1, count=observables, bitorder="little")

    return decode


def library(graph: Hypergraph, solutions: int) -> Decode:
    """The package relay-bp with the settings of its paper's figures; its own sinter class never settles."""
    import relay_bp

    decoder = relay_bp.RelayDecoderF64(
        graph.checks,
        error_priors=graph.priors,
        gamma0=0.125,
        pre_iter=80,
        num_sets=300,
        set_max_iter=60,
        gamma_dist_interval=(-0.24, 0.66),
        stop_nconv=solutions,
    )
    runner = relay_bp.ObservableDecoderRunner(decoder, graph.observables)
    return lambda events: runner.decode_observables_batch(events, progress_bar=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qubits", type=int, choices=(72, 144), default=72)
    parser.add_argument("--p", type=float, help="of our own circuit")
    parser.add_argument("--failures", type=int, default=300)
    parser.add_argument("--shots", type=int, default=100_000, help="the most")
    parser.add_argument("--minutes", type=float, default=15, help="for each decoder, the most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--decoder", action="append", help="as the table names them; repeat for more")
    given = parser.parse_args()
    circuit = circuit_of(given.qubits) if given.p is None else own_circuit(given.qubits, given.p)
    whole = hypergraph_of(circuit.detector_error_model())
    detectors = observing(whole)
    part = part_of(whole, detectors)
    looks = {"part": (part, hypergraph_of(part), detectors), "whole": (whole.model(), whole, slice(None))}
    makers: dict[str, Callable[[stim.DetectorErrorModel, Hypergraph], Decode]] = {
        "relay-bp-1": lambda _, graph: library(graph, 1),
        "relay-bp-5": lambda _, graph: library(graph, 5),
        "bp-osd": lambda dem, _: packed(BpOsd(order=7).compile_decoder_for_dem(dem=dem), circuit.num_observables),
        "bp-osd-10": lambda dem, _: packed(BpOsd(10, 80).compile_decoder_for_dem(dem=dem), circuit.num_observables),
        "relay-1": lambda dem, _: packed(Relay(1).compile_decoder_for_dem(dem=dem), circuit.num_observables),
        "relay-5": lambda dem, _: packed(Relay(5).compile_decoder_for_dem(dem=dem), circuit.num_observables),
    }
    default = [f"{name} part" for name in makers if name != "bp-osd-10"]
    default += ["relay-1 whole", "relay-5 whole", "relay-bp-1 whole"]
    names = given.decoder or default
    for look, (_, graph, _) in looks.items():
        print(f"{look}: {graph.checks.get_shape()[0]} detectors, {len(graph.priors)} errors")
    sampler = circuit.compile_detector_sampler(seed=given.seed)
    running = {}
    for name in names:
        maker, look = name.split()
        dem, graph, chosen = looks[look]
        running[name] = makers[maker](dem, graph), chosen
        running[name][0](np.ascontiguousarray(sampler.sample(20)[:, chosen], np.uint8))  # compiled and warm
    failed: dict[str, list[np.ndarray]] = {name: [] for name in names}
    prices: dict[str, list[float]] = {name: [] for name in names}
    shots = 0
    while running and shots < given.shots:
        events, flips = sampler.sample(given.batch, separate_observables=True)
        shots += given.batch
        for name, (decode, chosen) in list(running.items()):
            seen = np.ascontiguousarray(events[:, chosen], np.uint8)
            began = time.process_time()
            answer = decode(seen)
            prices[name].append((time.process_time() - began) / given.batch * 1e3)
            failed[name].append((answer != flips).any(axis=1))
            spent = sum(prices[name]) * given.batch / 6e4
            if sum(int(f.sum()) for f in failed[name]) >= given.failures or spent > given.minutes:
                del running[name]
        print(f"... {shots} shots, still running: {', '.join(running) or 'none'}", flush=True)
    report({name: np.concatenate(f) for name, f in failed.items()}, prices)


def report(wrong: dict[str, np.ndarray], prices: dict[str, list[float]]) -> None:
    other = wrong.get(PEER)
    print(f"| decoder | failures of shots | error a shot | over {PEER} | ms a shot: mean, median batch | time over |")
    print("|---|---|---|---|---|---|")
    for name, f in wrong.items():
        e = error_per_shot(int(f.sum()), len(f))
        ratio = price = ""
        if other is not None:
            a, b = f[: len(other)], other[: len(f)]
            if (a & b).any():
                r = failure_ratio(int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum()))
                ratio = f"{r.value:.3f} ({r.low:.3f} to {r.high:.3f})"
            both = min(len(prices[name]), len(prices[PEER]))
            price = f"{sum(prices[name][:both]) / sum(prices[PEER][:both]):.4f}"
        print(
            f"| `{name}` | {f.sum():,} of {len(f):,} | {e.value * 100:.3f} % ({e.low * 100:.3f} to {e.high * 100:.3f}) "
            f"| {ratio} | {np.mean(prices[name]):.3f}, {np.median(prices[name]):.3f} | {price} |"
        )


if __name__ == "__main__":
    main()
