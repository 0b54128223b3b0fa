"""
What filters of low coherence buy
=================================

Random filters, the best of a hundred random banks, and filters made to have a low coherence: how
many non-zeros a stripe are guaranteed to come back through a hard threshold, and how many do. All
entries are ±1, the codes are as full as their stripe sparsity allows, and a sparsity counts as
recovered if at most one draw of the signs in a hundred fails, at the best of five thresholds. Run
it as ``python examples/designed_filters.py``; ``--quick`` shows the first bank, and
``--figure FILE`` draws the failures.
"""

import argparse
import math

import attrs
import matplotlib
import numpy as np
import numpy.typing as npt

from dcsc import (
    CirculantDictionary,
    DCSCModel,
    HardThreshold,
    Layer,
    LayerStatistics,
    UniformBound,
    codes,
)
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

SHAPES = ((16, 8, 9), (12, 6, 7), (8, 4, 9))
EXTENT = 64
DRAWS = 400
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6)
MOST = 9


@attrs.frozen
class Row:
    """Filters ``(n, c, taps)``, how they came about, what is guaranteed, and how they fail."""

    shape: tuple[int, int, int]
    name: str
    limit: float
    rates: list[float]


def banks(shape: tuple[int, int, int]) -> dict[str, npt.NDArray[np.float64]]:
    """Return filters of a shape by how they came about."""
    random = [filters.gaussian(*shape, rng=seed) for seed in range(100)]
    return {
        "random": random[0],
        "best of 100": min(random, key=lambda bank: dictionary(bank).mutual_coherence()),
        "low_coherence": filters.low_coherence(*shape, rng=0),
    }


def dictionary(bank: npt.NDArray[np.float64]) -> CirculantDictionary:
    return CirculantDictionary(bank, EXTENT)


def failures(atoms: CirculantDictionary, sparsity: int) -> float:
    """Return the share of draws that fail, at the best threshold."""
    x = codes.draw(atoms, sparsity, amplitudes=codes.ConstantAmplitudes(), rng=0)
    models = [DCSCModel([Layer(atoms, HardThreshold(beta))]) for beta in THRESHOLDS]
    return min(int(simulate(model, x, DRAWS).failures[-1]) for model in models) / DRAWS


def guaranteed(atoms: CirculantDictionary) -> float:
    """Return the largest S that the published uniform bound allows, for |x| = 1 and no noise."""
    mu, count = atoms.mutual_coherence(), math.prod(atoms.code_shape)
    layer = LayerStatistics(coherence=mu, sparsity=1, x_min=1, x_max=1, noise=0, n_atoms=count)
    return UniformBound().max_sparsity(layer) or 0


def draw(rows: list[Row], path: str) -> None:
    """Plot the failures of each bank over S, and where its guarantee ends."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # only for the figure

    shapes = list(dict.fromkeys(row.shape for row in rows))
    figure, axes = plt.subplots(1, len(shapes), figsize=(10, 3.6), layout="constrained")
    styles = {"random": "C7", "best of 100": "C1", "low_coherence": "C0"}
    for panel, shape in zip(np.atleast_1d(axes), shapes, strict=True):
        for row in (row for row in rows if row.shape == shape):
            sparsities = np.arange(1, len(row.rates) + 1)
            panel.plot(sparsities, row.rates, "o-", color=styles[row.name], label=row.name, ms=4)
            panel.axvline(row.limit, color=styles[row.name], ls=":")
        panel.set(title="{} filters, {} channels, {} taps".format(*shape), xlabel="S", ylim=(0, 1))
    np.atleast_1d(axes)[0].set_ylabel("share of draws that fail")
    handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
    labels = [f"{label} (dotted: guaranteed up to here)" for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the first bank")
    parser.add_argument("--figure", help="a file for the figure")
    options = parser.parse_args()
    names = ("n, c, taps", "filters", "coherence", "to the floor", "guaranteed S", "measured S")
    print("  ".join(f"{name:>14}" for name in names))
    rows = []
    for shape in SHAPES[:1] if options.quick else SHAPES:
        for name, bank in banks(shape).items():
            atoms = dictionary(bank)
            rates = [failures(atoms, sparsity) for sparsity in range(1, MOST + 1)]
            measured = next((s for s, rate in enumerate(rates) if rate > 0.01), MOST)
            mu, limit = atoms.mutual_coherence(), guaranteed(atoms)
            rows.append(Row(shape, name, limit, rates))
            cells = (f"{mu:.3f}", f"{mu / atoms.welch_floor():.2f}", f"{limit}", f"{measured}")
            shown = ", ".join(map(str, shape))
            print("  ".join(f"{cell:>14}" for cell in (shown, name, *cells)), flush=True)
    if options.figure:
        draw(rows, options.figure)


if __name__ == "__main__":
    main()
