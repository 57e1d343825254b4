"""How much of a run is the loop's own work: all but simulation, sampling, decoding and learning.

    python benchmarks/loop_overhead.py [--turns N] [--json]

Runs the default run's first turns with the live view drawn into a terminal of 100 x 30 (kept in memory),
and `counterpoint steer`'s published chip without one, and compares the wall time of the whole with the
sum of those stages. Permits, the ledger's and the store's writes to disk, counting the explorer's events
and drawing are the loop's own. The bounding players, which only a simulated machine has, are simulation
and decoding, too; as they do twice the explorer's work, the share without them is given beside.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from counterpoint.cli.run import watch
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.build import build
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.turn import STAGES
from counterpoint.machine import MACHINES

CASES = {
    "run, willow d=5, live view": Settings(),
    "steer, published d=3": Settings(
        machine="published", decoder="none", distance=3, drift="sine:f=0.001", candidates=50, cycles=36_000
    ),
}


def measure(settings: Settings) -> dict[str, float]:
    """Seconds of a run by stage, and the rest."""
    decoder = DECODERS.get(settings.decoder)
    parts = build(settings, MACHINES[settings.machine], EXPLORERS[settings.explorer], decoder)
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=30)
    with tempfile.TemporaryDirectory() as folder, Session.begin(Path(folder), EXPERIMENT, settings, parts) as session:
        began = time.perf_counter()
        watch(session, console, quiet=decoder is None)
        wall = time.perf_counter() - began
    stages = {s: sum(t.stages[s] for t in session.turns) for s in STAGES}
    own = wall - sum(stages.values())
    alone = own / (wall - stages["bounds"])
    return {"wall": wall} | stages | {"own": own, "share": own / wall, "alone": alone, "epoch": wall / session.done}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = {name: measure(replace(settings, turns=asked.turns)) for name, settings in CASES.items()}
    if asked.json:
        print(json.dumps(results))
        return
    for name, r in results.items():
        shares = ", ".join(f"{s} {r[s] / r['wall']:.1%}" for s in STAGES)
        print(f"{name}: {r['epoch']:.3f} s a turn; {shares}")
        print(f"    the loop's own work: {r['share']:.1%} of the run, {r['alone']:.1%} of it without the bounds")


if __name__ == "__main__":
    main()
