"""Analysis and synthesis, dense and sparse, side by side with PyTorch in one process.

Prints a table and writes it as JSON::

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/side_by_side.py --out speed.json

Ratios of medians, warm, the same data, dtype and number of threads on both sides; above 1 dcsc is
faster. ``rate`` is the share of the rate that one large matrix product reaches in this process.
"""

import argparse
import json
import math
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_info

from dcsc import CirculantDictionary, _compiled, _kernels

SHAPES = [
    (256, 1, 32, (1024,), (9,)),
    (64, 32, 64, (1024,), (9,)),
    (64, 3, 64, (32, 32), (3, 3)),
    (64, 64, 128, (32, 32), (3, 3)),
    (32, 1, 32, (64, 64), (7, 7)),
    (32, 32, 64, (64, 64), (5, 5)),
    (8, 1, 32, (256, 256), (11, 11)),
]
DENSITY = 0.01


def seconds(function, repetitions):
    """Return the median time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def product_rate(dtype, repetitions):
    a = np.ones((2048, 2048), dtype)
    return 2 * 2048**3 / seconds(lambda: a @ a, repetitions)


def torch_calls(array, filters, kernel):
    """Return PyTorch's circular correlation of an array, and its transpose without the wrap."""
    one = len(kernel) == 1
    conv, transposed = (
        (torch.nn.functional.conv1d, torch.nn.functional.conv_transpose1d)
        if one
        else (torch.nn.functional.conv2d, torch.nn.functional.conv_transpose2d)
    )
    tensor, weight = torch.from_numpy(array), torch.from_numpy(filters)
    pad = [end for length in reversed(kernel) for end in (0, length - 1)]

    def analyze():
        return conv(torch.nn.functional.pad(tensor, pad, mode="circular"), weight)

    return analyze, lambda: transposed(tensor, weight)


def compare(dtype, shape, repetitions):
    batch, c, n, extent, kernel = shape
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((n, c, *kernel)).astype(dtype)
    dictionary = CirculantDictionary(filters, extent)
    signals = rng.standard_normal((batch, c, *extent)).astype(dtype)
    thin = (signals * (rng.random(signals.shape) < DENSITY)).astype(dtype)
    codes = rng.standard_normal((batch, n, *extent)).astype(dtype)
    codes = (codes * (rng.random(codes.shape) < DENSITY)).astype(dtype)
    calls = {
        "dense analyze": (dictionary.analyze, signals, 0),
        "sparse analyze": (dictionary.analyze, thin, 0),
        "sparse synthesize": (dictionary.synthesize, codes, 1),
    }
    row = {"shape": str(shape), "dtype": np.dtype(dtype).name}
    for name, (ours, data, which) in calls.items():
        mine = seconds(lambda ours=ours, data=data: ours(data), repetitions)
        other = seconds(torch_calls(data, filters, kernel)[which], repetitions)
        row[name] = {"seconds": mine, "pytorch": other, "ratio": other / mine}
    flops = 2 * batch * n * c * math.prod(kernel) * math.prod(extent)
    rate = flops / row["dense analyze"]["seconds"] / product_rate(dtype, repetitions)
    return {**row, "rate": rate}


def crossover(shape, repetitions):
    """Return how much faster entry by entry is than dense, synthesis and analysis, by density."""
    batch, c, n, extent, kernel = shape
    rng = np.random.default_rng(0)
    dictionary = CirculantDictionary(rng.standard_normal((n, c, *kernel)), extent)
    taps, grid = dictionary._taps(), dictionary._grid
    rows = {}
    for density in (0.01, 0.03, 0.06, 0.1):
        x = rng.standard_normal((batch, n, *extent)) * (rng.random((batch, n, *extent)) < density)
        y = rng.standard_normal((batch, c, *extent)) * (rng.random((batch, c, *extent)) < density)
        rows[density] = (
            seconds(lambda x=x: _kernels.spread_dense(x, taps, grid), repetitions)
            / seconds(lambda x=x: _compiled.scatter(x, taps, grid), repetitions),
            seconds(lambda y=y: _kernels.correlate_dense(y, taps, grid), repetitions)
            / seconds(lambda y=y: _compiled.gather(y, taps, grid), repetitions),
        )
    return rows


def small(shape):
    return (2, *shape[1:3], tuple(min(e, 32) for e in shape[3]), shape[4])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the JSON")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--crossover", action="store_true", help="where sparse meets dense")
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it runs")
    options = parser.parse_args()
    shapes = [small(shape) for shape in SHAPES[:3]] if options.quick else SHAPES
    libraries = [
        f"{lib['internal_api']} {lib.get('architecture', '')}" for lib in threadpool_info()
    ]
    print(f"{platform.processor() or platform.machine()}; {', '.join(libraries)}")
    if options.crossover:
        for shape in shapes:
            ratios = crossover(shape, options.repetitions)
            told = (f"{d:.0%}: {s:.1f} {a:.1f}" for d, (s, a) in ratios.items())
            print(shape, "synthesis and analysis at", "; ".join(told))
        return
    rows = []
    for dtype in (np.float64, np.float32):
        for shape in shapes:
            rows.append(compare(dtype, shape, options.repetitions))
            names = ("dense analyze", "sparse analyze", "sparse synthesize")
            told = (f"{name} {rows[-1][name]['ratio']:.2f}" for name in names)
            print(f"{rows[-1]['dtype']} {shape}: {', '.join(told)}; rate {rows[-1]['rate']:.0%}")
    if options.out:
        found = {"libraries": libraries, "threads": torch.get_num_threads(), "rows": rows}
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
