r"""Random graphs of ONNX operators: dcsc computes what ONNX Runtime computes.

::

    python -m nightly.random_graphs --graphs 20000 --seed 0

Each graph has a step of one operator, in turn of all that dcsc reads, and up to three others, of
random shapes, attributes and versions, with weights in the file or as inputs, in float32 and
float64. Every value of the graph is compared, to 1e-4 of its largest entry. What differs, what is
refused and what is a stop is printed by operator, with the seeds of its graphs; if there is any, or
an operator that ONNX Runtime has not run once, the exit code is 1.
"""

import argparse
import collections
import sys
import time

from tests.networks.random_graphs.graphs import MAKERS, mismatches, random_graph

_MOST = 5  # graphs that are printed of an operator


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--graphs", type=int, default=2000, help="how many graphs to make")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--only", nargs="*", default=list(MAKERS), help="operators, by their names")
    given = parser.parse_args()
    begin = time.monotonic()
    run: collections.Counter[str] = collections.Counter()
    wrong = collections.defaultdict(list)
    graphs = 0
    for number in range(given.graphs):
        seed = given.seed * 10**9 + number
        draw, _ = random_graph(seed, [given.only[number % len(given.only)]])
        run.update(step.op_type for step in draw.nodes)
        graphs += bool(draw.nodes)
        for kind, why in mismatches(draw):
            wrong[kind].append(f"seed {seed}, version {draw.opset}: {why}")
    for kind, reasons in sorted(wrong.items()):
        print(f"{kind}: {len(reasons)}", *reasons[:_MOST], sep="\n    ")
    never = [kind for kind in given.only if not run[kind]]
    if never:
        print("not run by ONNX Runtime:", ", ".join(never))
    print(
        f"{graphs} graphs, {run.total()} steps of {len(run)} operators, {len(wrong)} of them "
        f"wrong, seed {given.seed}, {time.monotonic() - begin:.0f} s"
    )
    return 1 if wrong or never else 0


if __name__ == "__main__":
    sys.exit(main())
