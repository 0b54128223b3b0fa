"""Monte Carlo over sign draws, side by side with PyTorch in one process.

One layer of ±1 filters, unit amplitudes, a draw fails if any entry of the support is wrong. PyTorch
draws the signs, synthesises, analyses and compares a batch of draws at once; the batch size is the
fastest of a few. `simulate` is timed as a user calls it, set-up included, at ten thousand and at a
million draws. The share of failures is that of `simulate`, with PyTorch's beside it.
"""

import statistics
import time

import numpy as np
import torch
from common import geometric_mean

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

SHAPES = [
    (1, 32, 9, 1024, 50),
    (16, 32, 9, 1024, 100),
    (64, 64, 9, 1024, 100),
    (128, 128, 5, 256, 40),
]
BATCHES = (4, 16, 64)
WANTED = (0.05, 0.5)


class Torch:
    """Batches of draws of one layer, by the convolutions themselves."""

    def __init__(self, bank, codes, threshold, dtype):
        self.weight = torch.tensor(bank, dtype=dtype)
        self.codes = torch.tensor(codes, dtype=dtype)
        self.support = self.codes != 0
        self.places = torch.nonzero(self.support.flatten()).flatten()
        self.threshold = threshold
        self.wrap = bank.shape[2] - 1

    def failures(self, batch):
        """Return how many of a batch of draws fail.

        The sign of an atom does not change the size of its own coefficient, so that only the
        signs of the support are drawn, and multiplied once, with the codes.
        """
        with torch.inference_mode():
            signs = torch.randint(0, 2, (batch, len(self.places)), dtype=self.codes.dtype)
            drawn = torch.zeros(batch, self.codes.numel(), dtype=self.codes.dtype)
            drawn[:, self.places] = (2 * signs - 1) * self.codes.flatten()[self.places]
            laid = torch.nn.functional.conv_transpose1d(
                drawn.view(batch, *self.codes.shape), self.weight
            )
            signal = laid[..., : self.codes.shape[1]]
            if self.wrap:
                signal[..., : self.wrap] += laid[..., self.codes.shape[1] :]
            padded = torch.cat([signal, signal[..., : self.wrap]], dim=2)
            z = torch.nn.functional.conv1d(padded, self.weight)
            wrong = (z.abs() > self.threshold) != self.support
            return int(wrong.flatten(1).any(dim=1).sum())

    def rate(self, seconds):
        """Return draws per second at the fastest batch size, that size, and the failing share."""
        rates, failed, draws = {}, 0, 0
        for batch in BATCHES:
            self.failures(batch)
            times, end = [], time.perf_counter() + seconds
            while time.perf_counter() < end or len(times) < 3:
                start = time.perf_counter()
                failed += self.failures(batch)
                times.append(time.perf_counter() - start)
                draws += batch
            rates[batch] = batch / statistics.median(times)
        best = max(rates, key=rates.get)
        return rates[best], best, failed / draws


def rate(model, codes, trials, repetitions):
    """Return draws per second of `simulate`, set-up included."""
    times = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        simulate(model, codes, trials)
        times.append(time.perf_counter() - start)
    return trials / statistics.median(times[1:])


def task(c, n, kernel, extent, support):
    """Return a dictionary and codes with unit entries at random places."""
    bank = filters.rademacher(n, c, kernel, rng=0)
    dictionary = CirculantDictionary(bank, extent)
    codes = np.zeros(dictionary.code_shape)
    places = np.random.default_rng(1).choice(codes.size, support, replace=False)
    codes.reshape(-1)[places] = 1
    return dictionary, codes


def levels(taps):
    """Return thresholds half-way between the values that coefficients take."""
    return (np.arange(taps // 8, taps) + 0.5) / taps


def threshold(dictionary, codes, trials=2000):
    """Return the threshold whose share of failures is in the middle of what is wanted.

    Where none is, the one with the smallest share; that is said by the share.
    """
    taps = dictionary.filters[0].size
    found = {}
    for level in levels(taps)[:: max(1, taps // 24)]:
        tally = simulate(DCSCModel([Layer(dictionary, HardThreshold(level))]), codes, trials)
        found[level] = tally.failures[-1] / trials
    middle = [level for level, share in found.items() if WANTED[0] <= share <= WANTED[1]]
    if middle:
        return min(middle, key=lambda level: abs(found[level] - 0.3))
    return min(found, key=found.get)


def compare(shape, seconds, trials):
    dictionary, codes = task(*shape)
    level = threshold(dictionary, codes)
    model = DCSCModel([Layer(dictionary, HardThreshold(level))])
    share = simulate(model, codes, trials[-1]).failures[-1] / trials[-1]
    row = {"shape": shape, "threshold": level, "failure_share": share}
    for count in trials:
        row[f"draws_per_second_at_{count}"] = rate(model, codes, count, 3)
    for dtype in (torch.float32, torch.float64):
        other = Torch(dictionary.filters, codes, level, dtype)
        name = str(dtype).removeprefix("torch.")
        pytorch, batch, failing = other.rate(seconds)
        row |= {f"pytorch_{name}": pytorch, f"pytorch_{name}_batch": batch}
        row[f"pytorch_{name}_failure_share"] = failing
        for count in trials:
            ratio = row[f"draws_per_second_at_{count}"] / row[f"pytorch_{name}"]
            row[f"ratio_{name}_at_{count}"] = ratio
    return row


def rows(repetitions, quick):
    shapes, trials = ([(2, 4, 5, 64, 6)], (1000, 2000)) if quick else (SHAPES, (10**4, 10**6))
    return [compare(shape, 0.1 * repetitions, trials) for shape in shapes]


def table(found):
    counts = [int(key.rpartition("_")[2]) for key in found[0] if key.startswith("ratio_float32")]
    kinds = [(name, count) for name in ("float32", "float64") for count in counts]
    lines = [
        "| c, n, kernel, extent, non-zeros | draws that fail | "
        + " | ".join(f"{name}, {count} draws" for name, count in kinds)
        + " |",
        "|---|---|" + "---|" * len(kinds),
    ]
    for row in found:
        told = " | ".join(f"{row[f'ratio_{name}_at_{count}']:.0f}×" for name, count in kinds)
        shape = ", ".join(map(str, row["shape"]))
        lines.append(f"| {shape} | {row['failure_share']:.0%} | {told} |")
    means = (
        geometric_mean([row[f"ratio_{name}_at_{count}"] for row in found]) for name, count in kinds
    )
    told = " | ".join(f"**{mean:.0f}×**" for mean in means)
    lines.append(f"| geometric mean | | {told} |")
    return "\n".join(lines)
