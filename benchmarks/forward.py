"""The forward pass of a three-layer model on its own sparse pathway, against a PyTorch loop."""

import numpy as np
import torch
from common import versus

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer
from dcsc.dictionaries import filters


def model_and_signal(dtype, batch, extent, active):
    """Return a drawn model whose codes are sparse in every layer, and a batch of its signals.

    Filters of the upper layers have two non-zeros: with dense ones the codes below would not be
    sparse, whatever is active at the top. Thresholds are half of the smallest entry of the truth.
    """
    rng = np.random.default_rng(0)
    banks = [
        filters.rademacher(64, 8, 9, rng=rng),
        filters.sparse_rademacher(128, 64, 9, nonzeros=2, rng=rng),
        filters.sparse_rademacher(128, 128, 9, nonzeros=2, rng=rng),
    ]
    dictionaries = [CirculantDictionary(bank.astype(dtype), extent) for bank in banks]
    model = DCSCModel([Layer(d, HardThreshold(0.5)) for d in dictionaries]).draw(0)
    codes = np.zeros((batch, 128 * extent), dtype)
    for code in codes:
        code[rng.choice(code.size, active, replace=False)] = 1
    truth = model.synthesize(codes.reshape(batch, 128, extent))
    layers = [
        Layer(layer.dictionary, HardThreshold(np.abs(code[code != 0]).min() / 2), layer.signs)
        for layer, code in zip(model.layers, truth.arrays[1:], strict=True)
    ]
    return DCSCModel(layers), truth


def torch_loop(model, signal):
    banks = [torch.from_numpy(layer.dictionary.filters.copy()) for layer in model.layers]
    kind = signal.dtype
    masks = [torch.from_numpy(layer.operator.signs.astype(kind)) for layer in model.layers]
    entering = torch.from_numpy(signal.copy())
    functional = torch.nn.functional

    def run():
        code = entering
        for layer, bank, mask in zip(model.layers, banks, masks, strict=True):
            seen = functional.pad(code, (0, bank.shape[2] - 1), mode="circular")
            coefficients = functional.conv1d(seen, bank) * mask
            code = functional.hardshrink(coefficients, float(layer.projection.threshold))
        return code

    return run


def rows(repetitions, quick):
    found = []
    for dtype in (np.float64, np.float32):
        model, truth = model_and_signal(dtype, *((2, 64, 2) if quick else (64, 1024, 20)))
        theirs = torch_loop(model, truth[0])
        row = versus(lambda m=model, t=truth: m.forward(t[0]), theirs, repetitions)
        density = [float(np.mean(code != 0)) for code in model.forward(truth[0]).arrays]
        found.append({"dtype": np.dtype(dtype).name, **row, "density": density})
    return found


def table(found):
    lines = ["| dtype | ratio | non-zeros entering layers 1, 2, 3 |", "|---|---|---|"]
    for row in found:
        told = ", ".join(f"{density:.1%}" for density in row["density"][:-1])
        lines.append(f"| {row['dtype']} | {row['ratio']:.1f}× | {told} |")
    return "\n".join(lines)
