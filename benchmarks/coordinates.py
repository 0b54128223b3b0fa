"""Synthesis of codes given by their coordinates, and as arrays, against PyTorch, on one thread.

By processor time. A call of dcsc's includes looking at the coordinates; PyTorch's side is its
transposed convolution of the array, without the wrap.
"""

import statistics
import time

import numpy as np
import scipy.sparse
import torch
from common import geometric_mean
from convolutions import CIRCULANT, named, small, torch_calls
from threadpoolctl import threadpool_limits

from dcsc import CirculantDictionary

DENSITIES = (0.01, 0.001)
AT_LEAST = 0.02


def spent(function, repetitions):
    """Return the median processor time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repetitions):
        calls, start = 0, time.process_time()
        while calls == 0 or time.process_time() - start < AT_LEAST:
            function()
            calls += 1
        times.append((time.process_time() - start) / calls)
    return statistics.median(times)


def compare(dtype, shape, repetitions):
    batch, c, n, extent, kernel = shape
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((n, c, *kernel)).astype(dtype)
    dictionary = CirculantDictionary(filters, extent)
    values = rng.standard_normal((batch, n, *extent)).astype(dtype)
    chosen = rng.random(values.shape)
    theirs = spent(torch_calls(values, filters, 1, circular=True)[1], repetitions)
    row = {"shape": named(shape), "dtype": np.dtype(dtype).name}
    for density in DENSITIES:
        array = np.where(chosen < density, values, 0)
        for name, codes in (("coordinates", scipy.sparse.coo_array(array)), ("array", array)):
            mine = spent(lambda codes=codes: dictionary.synthesize(codes), repetitions)
            row[f"{name}, {density:.1%}"] = theirs / mine
    return row


def rows(repetitions, quick):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return [
                compare(dtype, shape, repetitions)
                for dtype in (np.float64, np.float32)
                for shape in ([small(s) for s in CIRCULANT[:2]] if quick else CIRCULANT)
            ]
    finally:
        torch.set_num_threads(threads)


def table(found):
    """Return the rows as Markdown, with geometric means."""
    names = [name for name in found[0] if name not in ("shape", "dtype")]
    lines = [
        "| batch, c, n, extent, kernel | dtype | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    for row in found:
        told = " | ".join(f"{row[name]:.1f}×" for name in names)
        lines.append(f"| {row['shape']} | {row['dtype']} | {told} |")
    for dtype in ("float64", "float32"):
        alike = [row for row in found if row["dtype"] == dtype]
        told = " | ".join(f"**{geometric_mean([r[name] for r in alike]):.1f}×**" for name in names)
        lines.append(f"| geometric mean | {dtype} | {told} |")
    return "\n".join(lines)
