"""
Pathways that pursuits recover
==============================

The forward pass, better pursuits layer by layer, and the deepest code first, on the same signals.
Two layers on 64 samples: 16 Gaussian filters of 9 taps, under 16 filters of 5 taps of which 3 are
±1. Every pursuit is told how many non-zeros each code has, so that no threshold is to blame, and a
pathway is recovered if all supports are right, in both layers. Run it as
``python examples/pursuits.py``; ``--quick`` shows one row.
"""

import argparse

import attrs
import numpy as np
import numpy.typing as npt

from dcsc import (
    BasisPursuit,
    CirculantDictionary,
    DCSCModel,
    Dictionary,
    HardThresholdingPursuit,
    Holistic,
    Layer,
    Layered,
    OneStep,
    OrthogonalMatchingPursuit,
    Projection,
    ProximalGradient,
    Pursuit,
    TopK,
)
from dcsc.dictionaries import filters
from dcsc.pursuits import PathwayPursuit, Pursued

EXTENT = 64
SIGNALS = 40
# Channels of the signal, noise relative to it, and the non-zeros of the deepest code.
ROWS = ((4, 0.0, 2), (2, 0.0, 4), (4, 0.0, 8), (2, 0.0, 6), (2, 0.1, 4))


@attrs.frozen
class Largest(Pursuit):
    """The largest entries of what another pursuit finds, as many as it is told."""

    pursuit: Pursuit
    count: int

    def _pursue(
        self,
        signals: npt.NDArray[np.float64],
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        pursued = self.pursuit(signals, operator)
        return attrs.evolve(pursued, code=TopK(self.count)(pursued.code, dictionary), gap=None)


def pursuits(first: int, deepest: int) -> dict[str, PathwayPursuit]:
    """Return all pursuits, told the number of non-zeros of the first and the deepest code."""
    matching = [OrthogonalMatchingPursuit(sparsity=count) for count in (first, deepest)]
    basis = [Largest(BasisPursuit(0.03, gap=1e-3), count) for count in (first, deepest)]
    return {
        "one step": Layered(OneStep()),
        "IHT": Layered(ProximalGradient()),
        "HTP": Layered(HardThresholdingPursuit()),
        "OMP": Layered(matching),
        "BP": Layered(basis),
        "holistic IHT": Holistic(ProximalGradient()),
        "holistic OMP": Holistic(matching[1]),
        "holistic BP": Holistic(basis[1]),
    }


def trial(
    channels: int, nonzeros: int, noise: float, rng: np.random.Generator
) -> tuple[int, list[bool]]:
    """Return the non-zeros of the first code, and which pursuits recover the pathway."""
    # A deepest code, and what it makes on its way down.
    bank = filters.gaussian(16, channels, 9, rng=0)
    signed = filters.sparse_rademacher(16, 16, 5, nonzeros=3, rng=1)
    below, above = (CirculantDictionary(f, EXTENT) for f in (bank, signed))
    code = np.zeros(above.code_shape)
    places = rng.choice(code.size, nonzeros, replace=False)
    code.flat[places] = rng.uniform(0.5, 1, nonzeros) * rng.choice([-1, 1], nonzeros)
    model = DCSCModel([Layer(below, TopK(1)), Layer(above, TopK(nonzeros))]).draw(rng)
    truth = model.synthesize(code)
    first = int(np.count_nonzero(truth[1]))

    # The same layers, told how many non-zeros there are, and a noisy signal.
    layers = [Layer(below, TopK(first), model.layers[0].signs), model.layers[1]]
    direction = rng.standard_normal(truth[0].shape)
    size = noise * np.linalg.norm(truth[0]) / np.linalg.norm(direction)
    signal = truth[0] + size * direction
    told = DCSCModel(layers)
    return first, [
        bool(truth.compare(told.forward(signal, pursuit=pursuit)).pathway_recovered)
        for pursuit in pursuits(first, nonzeros).values()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one row")
    quick = parser.parse_args().quick
    print("  ".join(f"{name:>12}" for name in ("coherence", "noise", "X2", "X1", *pursuits(1, 1))))
    for channels, noise, nonzeros in ROWS[1:2] if quick else ROWS:
        rng = np.random.default_rng(nonzeros)
        trials = [trial(channels, nonzeros, noise, rng) for _ in range(SIGNALS)]
        first = np.mean([number for number, _ in trials])
        shares = np.mean([recovered for _, recovered in trials], axis=0)
        bank = filters.gaussian(16, channels, 9, rng=0)
        coherence = CirculantDictionary(bank, EXTENT).mutual_coherence()
        numbers = (f"{coherence:.2f}", f"{noise:g}", f"{nonzeros}", f"{first:.1f}")
        print("  ".join(f"{cell:>12}" for cell in (*numbers, *(f"{s:.2f}" for s in shares))))


if __name__ == "__main__":
    main()
