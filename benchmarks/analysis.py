"""`dcsc analyze` here beside the same command of another checkout: processor time, memory, numbers.

Prints the table of docs/performance. A network comes with a file of inputs; the shipped one comes
with its own::

    git clone . /tmp/before && git -C /tmp/before checkout f534cdb
    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/analysis.py /tmp/before \\
        --network network.onnx two.npy

With ``--wide`` networks of one layer are made here, of many or of large filters, which are unit
normal ones, and inputs of twenty atoms each.

Processes of the two checkouts run in turn, and the least processor time counts, that of their
children included. What numba compiles is compiled before, by a run that is not counted, and so is
the bytecode of modules, as in an installation. No number that both write may differ by more than
rounding.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import numpy as np

HERE = Path(__file__).parents[1]
ROUNDING = 1e-9
HEADING = (
    "| network | layers | processor time before | now | times less | memory before | now | page | "
    "numbers | largest difference |\n|---|---|---|---|---|---|---|---|---|---|"
)


# The shape of the filters, the extent of an input, and how many inputs; none are the filters alone.
WIDE = [
    ((4096, 768, 1, 1), (1, 1), 4),
    ((16384, 768, 1, 1), (1, 1), 0),
    ((200, 20, 96, 3), (100, 7), 1),
]


def wide(folder, shape, extent, inputs):
    """Write a network of one layer with its inputs, and return the arguments that name them."""
    rng = np.random.default_rng(0)
    filters = rng.standard_normal(shape, dtype=np.float32)
    filters /= np.sqrt(np.square(filters).sum(axis=(1, 2, 3), keepdims=True))
    network = folder / f"{'x'.join(map(str, shape))}.npz"
    bias = np.full(len(filters), -0.25, dtype=np.float32)
    np.savez(network, **{"conv.weight": filters, "conv.bias": bias})
    layer = f'input = {[shape[1], *extent]}\n[[layers]]\nname = "conv"\nactivation = "relu"\n'
    network.with_suffix(".npz.toml").write_text(layer)
    if not inputs:
        return [network]
    signals = np.zeros((inputs, shape[1], *extent), dtype=np.float32)
    rows, columns = shape[2:]
    for signal in signals:
        chosen = rng.choice(len(filters), 20, replace=False)
        signal[:, :rows, :columns] = np.tensordot(rng.uniform(0.5, 1.5, 20), filters[chosen], 1)
    np.save(network.with_suffix(".npy"), signals)
    return [network, "--input", network.with_suffix(".npy")]


def run(checkout, arguments, page):
    """Return the seconds of processor time of the command and its peak memory in MiB."""
    command = [sys.executable, "-m", "dcsc", "analyze", *arguments, "--html", page, "--force"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=checkout,
        env=kept | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{checkout}: dcsc analyze ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def common_numbers(one, other):
    """Yield the pairs of numbers that two JSON documents have at the same places."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() & other.keys():
            yield from common_numbers(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for pair in zip(one, other, strict=True):
            yield from common_numbers(*pair)
    elif all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other)):
        yield one, other


def difference(one, other):
    """Return by how much two numbers differ, relative to the larger."""
    return 0.0 if one == other else abs(one - other) / max(abs(one), abs(other))


def compared(before, arguments, repetitions, folder):
    """Return a row of the table, of the least of some runs of each checkout in turn."""
    sides = {"before": before, "now": HERE}
    pages = {side: folder / f"{side}.html" for side in sides}
    runs = [
        {side: run(checkout, arguments, pages[side]) for side, checkout in sides.items()}
        for _ in range(repetitions)
    ]
    seconds, memory = (
        {side: min(one[side][which] for one in runs) for side in sides} for which in (0, 1)
    )
    documents = [json.loads(page.with_suffix(".json").read_text()) for page in pages.values()]
    differences = [difference(*pair) for pair in common_numbers(*documents)]
    return {
        "layers": len(documents[1]["layers"]),
        "seconds": seconds,
        "ratio": seconds["before"] / seconds["now"],
        "memory": memory,
        "page": pages["now"].stat().st_size / 1e6,
        "numbers": len(differences),
        "difference": max(differences),
    }


def line(name, row):
    return (
        f"| {name} | {row['layers']} | {row['seconds']['before']:.1f} s | "
        f"{row['seconds']['now']:.1f} s | {row['ratio']:.1f}× | {row['memory']['before']:.0f} | "
        f"{row['memory']['now']:.0f} | {row['page']:.2f} MB | {row['numbers']} | "
        f"{row['difference']:.0e} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="a checkout of the commit to compare with")
    parser.add_argument("--network", nargs=2, action="append", default=[], metavar="FILE")
    parser.add_argument("--wide", action="store_true", help="networks of one wide layer")
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two inputs, to see that it runs")
    options = parser.parse_args()
    few = ["--most", "2"] if options.quick else []
    asked = {"the shipped network": few}
    for network, inputs in options.network:
        asked[Path(network).name] = [Path(network).resolve(), "--input", Path(inputs).resolve()]
    print(common.machine(), HEADING, sep="\n\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for shape, extent, inputs in WIDE if options.wide else ():
            asked["×".join(map(str, shape))] = wide(Path(folder), shape, extent, inputs)
        before = options.before.resolve()
        for checkout in () if options.quick else (before, HERE):
            run(checkout, ["--most", "2"], Path(folder, "first.html"))
        for name, arguments in asked.items():
            rows.append(compared(before, arguments, options.repetitions, Path(folder)))
            print(line(name, rows[-1]), flush=True)
    mean = common.geometric_mean([row["ratio"] for row in rows])
    print(f"| geometric mean | | | | **{mean:.1f}×** | | | | | |")
    if not all(math.isfinite(row["difference"]) and row["difference"] < ROUNDING for row in rows):
        raise SystemExit(f"numbers that both write differ by more than {ROUNDING:g}")


if __name__ == "__main__":
    main()
