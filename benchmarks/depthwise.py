"""Layers with one filter a channel against PyTorch's convolution."""

import numpy as np
import torch
from common import versus

from dcsc import ToeplitzDictionary

# (batch, channels, extent, kernel)
SHAPES = [(32, 64, 32, 3), (32, 64, 32, 5), (8, 128, 56, 3), (8, 32, 56, 7)]


def rows(repetitions, quick):
    shapes = [(2, 4, 8, 3)] if quick else SHAPES
    return [_row(kind, *shape, repetitions) for kind in ("float64", "float32") for shape in shapes]


def _row(kind, batch, channels, extent, kernel, repetitions):
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((channels, 1, kernel, kernel)).astype(kind)
    signals = rng.standard_normal((batch, channels, extent, extent)).astype(kind)
    geometry = {"padding": kernel // 2, "groups": channels}
    dictionary = ToeplitzDictionary(filters, (extent, extent), **geometry)
    tensor, weight = torch.from_numpy(signals), torch.from_numpy(filters)

    def theirs():
        return torch.nn.functional.conv2d(tensor, weight, **geometry)

    name = f"{batch}, {channels}, {extent}×{extent}, {kernel}×{kernel}"
    return {
        "shape": name,
        "dtype": kind,
        **versus(lambda: dictionary.analyze(signals), theirs, repetitions),
    }


def table(found):
    lines = ["| batch, channels, extent, kernel | dtype | dcsc is faster |", "|---|---|---|"]
    for row in found:
        lines.append(f"| {row['shape']} | {row['dtype']} | {row['ratio']:.1f}× |")
    return "\n".join(lines)
