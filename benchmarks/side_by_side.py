"""dcsc against PyTorch and the machine's own matrix product, in one process.

Prints tables, as docs/performance shows them, and writes the numbers as JSON::

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/side_by_side.py --out speed.json

Ratios of medians, warm and in turns, of the same data, dtype and number of threads on both sides;
above 1 dcsc is faster. The section ``growth`` needs memory that is used again: run it with
``MALLOC_MMAP_THRESHOLD_=8000000000 MALLOC_TRIM_THRESHOLD_=8000000000`` and ``--only growth``. The
section ``sweeps`` has no other side: it tells what two workers spend their time on; in ``tails``
and ``stability`` both sides are dcsc's. The sections
``coordinates`` and ``peers`` are on one thread and by processor time; the latter holds pursuits
against other packages.
"""

import argparse
import json
from pathlib import Path

import alternatives
import common
import convolutions
import coordinates
import depthwise
import forward
import geometry
import growth
import monte_carlo
import peers
import stability
import sweeps
import tails

SECTIONS = {
    "convolutions": convolutions,
    "depthwise": depthwise,
    "coordinates": coordinates,
    "forward": forward,
    "monte_carlo": monte_carlo,
    "geometry": geometry,
    "alternatives": alternatives,
    "growth": growth,
    "tails": tails,
    "stability": stability,
    "sweeps": sweeps,
    "peers": peers,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the JSON")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="some sections")
    parser.add_argument("--crossover", action="store_true", help="where sparse meets dense")
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it runs")
    options = parser.parse_args()
    if options.quick:  # nobody reads the times
        common.TURNS, common.SETTLING = 1, 0.0
    print(common.machine())
    if options.crossover:
        print(convolutions.crossover(options.repetitions, options.quick))
        return
    found = {"machine": common.machine()}
    for name in options.only or SECTIONS:
        found[name] = SECTIONS[name].rows(options.repetitions, options.quick)
        print(f"\n## {name}\n\n{SECTIONS[name].table(found[name])}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
