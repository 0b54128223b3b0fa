"""Analysis and synthesis of one layer against PyTorch's convolutions."""

import math
from functools import partial

import numpy as np
import torch
from common import geometric_mean, product_rate, seconds, versus

from dcsc import CirculantDictionary, ToeplitzDictionary
from dcsc._numerics import convolution

# (batch, channels, filters, extent, kernel)
CIRCULANT = [
    (256, 1, 32, (1024,), (9,)),
    (64, 32, 64, (1024,), (9,)),
    (64, 3, 64, (32, 32), (3, 3)),
    (64, 64, 128, (32, 32), (3, 3)),
    (32, 1, 32, (64, 64), (7, 7)),
    (32, 32, 64, (64, 64), (5, 5)),
    (8, 1, 32, (256, 256), (11, 11)),
]
STRIDED = [CIRCULANT[0], CIRCULANT[2], CIRCULANT[4]]
COMPUTE_BOUND = [CIRCULANT[1], CIRCULANT[3], CIRCULANT[5]]
DENSITY = 0.01


def small(shape):
    _, c, n, extent, kernel = shape
    return (2, c, n, tuple(min(e, 32) for e in extent), kernel)


def named(shape):
    batch, c, n, extent, kernel = shape
    return f"{batch}, {c}, {n}, {'×'.join(map(str, extent))}, {'×'.join(map(str, kernel))}"


def torch_calls(array, filters, stride, circular):
    """Return PyTorch's correlation of an array, and its transpose without the wrap."""
    line = filters.ndim == 3
    functional = torch.nn.functional
    conv = functional.conv1d if line else functional.conv2d
    transposed = functional.conv_transpose1d if line else functional.conv_transpose2d
    tensor, weight = torch.from_numpy(array), torch.from_numpy(filters)
    pad = [end for length in reversed(filters.shape[2:]) for end in (0, length - 1)]

    def analyze():
        seen = functional.pad(tensor, pad, mode="circular") if circular else tensor
        return conv(seen, weight, stride=stride)

    return analyze, lambda: transposed(tensor, weight, stride=stride)


def compare(dtype, shape, stride, repetitions, rate):
    batch, c, n, extent, kernel = shape
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((n, c, *kernel)).astype(dtype)
    kind = CirculantDictionary if stride == 1 else ToeplitzDictionary
    dictionary = kind(filters, extent, stride)

    def some(shape, density):
        return (rng.standard_normal(shape) * (rng.random(shape) < density)).astype(dtype)

    signals, thin = (some((batch, *dictionary.signal_shape), d) for d in (1, DENSITY))
    codes = some((batch, *dictionary.code_shape), DENSITY)
    row = {
        "border": "circulant" if stride == 1 else "Toeplitz, stride 2",
        "shape": named(shape),
        "dtype": np.dtype(dtype).name,
    }
    for name, ours, data, which in (
        ("dense analyze", dictionary.analyze, signals, 0),
        ("sparse analyze", dictionary.analyze, thin, 0),
        ("sparse synthesize", dictionary.synthesize, codes, 1),
    ):
        theirs = torch_calls(data, filters, stride, stride == 1)[which]
        row[name] = versus(lambda ours=ours, data=data: ours(data), theirs, repetitions)
    work = 2 * batch * n * c * math.prod(kernel) * math.prod(dictionary.code_shape[1:])
    row["rate"] = work / row["dense analyze"]["seconds"] / rate
    return row


def rows(repetitions, quick):
    found = []
    for dtype in (np.float64, np.float32):
        rate = product_rate(dtype, repetitions)
        for shapes, stride in ((CIRCULANT, 1), (STRIDED, 2)):
            for shape in [small(s) for s in shapes[:2]] if quick else shapes:
                found.append(compare(dtype, shape, stride, repetitions, rate))
    return found


def table(found):
    """Return the rows as Markdown, with geometric means of the circulant ones."""
    names = ("dense analyze", "sparse analyze", "sparse synthesize")
    lines = [
        "| batch, c, n, extent, kernel | dtype | "
        + " | ".join(names)
        + " | share of product rate |",
        "|---|---|---|---|---|---|",
    ]
    for row in found:
        told = " | ".join(f"{row[name]['ratio']:.1f}×" for name in names)
        where = row["shape"] + ("" if row["border"] == "circulant" else " (stride 2)")
        lines.append(f"| {where} | {row['dtype']} | {told} | {row['rate']:.0%} |")
    for dtype in ("float64", "float32"):
        some = [row for row in found if row["dtype"] == dtype and row["border"] == "circulant"]
        told = " | ".join(
            f"**{geometric_mean([row[name]['ratio'] for row in some]):.1f}×**" for name in names
        )
        lines.append(f"| geometric mean, circulant | {dtype} | {told} | |")
    return "\n".join(lines)


def crossover(repetitions, quick):
    """Return what share of the dense time going entry by entry takes, by share of non-zeros."""
    densities = (0.01, 0.03, 0.06, 0.1, 0.2)
    lines = [
        "| batch, c, n, extent, kernel | dtype | map | 1% | 3% | 6% | 10% | 20% |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for dtype in (np.float64, np.float32):
        for shape in [small(s) for s in CIRCULANT[:2]] if quick else CIRCULANT:
            batch, c, n, extent, kernel = shape
            rng = np.random.default_rng(0)
            filters = rng.standard_normal((n, c, *kernel)).astype(dtype)
            dictionary = CirculantDictionary(filters, extent)
            geometry = dictionary._shifted.taps, dictionary._shifted.grid
            for name, of, dense, sparse in (
                ("analyze", c, convolution.correlate_dense, convolution.correlate_sparse),
                ("synthesize", n, convolution.spread_dense, convolution.spread_sparse),
            ):
                data = rng.standard_normal((batch, of, *extent)).astype(dtype)
                whole = seconds(partial(dense, data, *geometry), repetitions)
                thin = (data * (rng.random(data.shape) < density) for density in densities)
                parts = (seconds(partial(sparse, some, *geometry), repetitions) for some in thin)
                told = " | ".join(f"{part / whole:.2f}" for part in parts)
                lines.append(f"| {named(shape)} | {np.dtype(dtype).name} | {name} | {told} |")
    return "\n".join(lines)
