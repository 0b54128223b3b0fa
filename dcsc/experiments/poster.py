"""The poster's contribution in three panels: what happens, beside what is guaranteed.

(a) one layer: the failure rate against stripe sparsity; (b) the largest stripe sparsity against
coherence; (c) three layers with sparse filters, against noise.
"""

import math
from collections.abc import Callable

import attrs
import numpy as np

from dcsc import codes
from dcsc._arrays import Array, integer
from dcsc.bounds import (
    BoundCalculator,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.dictionaries import CirculantDictionary, Dictionary, filters
from dcsc.experiments.simulation import simulate
from dcsc.experiments.tally import Tally
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold

__all__ = ["DepthPanel", "MeasuredLimit", "Poster", "RatePanel", "ScalingPanel", "poster"]

BOUNDS: dict[str, BoundCalculator] = {
    "(2)": UniformBound(),
    "(3)": ProbabilisticBound(),
    "(3R)": RobustBound(),
}
_DELTA = 0.01
_ATOMS = 4096
_ONES = codes.ConstantAmplitudes()
# Interference is a multiple of half the coherence; none of these multiples is the threshold 1/2.
_COHERENCES = (
    (8, 0.1003),
    (16, 0.0703),
    (32, 0.0503),
    (64, 0.0303),
    (128, 0.0203),
    (256, 0.0103),
    (512, 0.0073),
)

Progress = Callable[[float], None]


@attrs.frozen
class RatePanel:
    """Panel (a). Rates are (low, best, high) with 95 % intervals; values are the bounds, at most 1.

    ``limits`` holds the largest S for which each bound guarantees failure at most ``delta``.
    """

    setting: str
    coherence: float
    noise: float
    delta: float
    trials: int
    sparsity: list[int]
    rate: list[list[float]]
    values: dict[str, list[float]]
    limits: dict[str, float | None]


@attrs.frozen
class MeasuredLimit:
    """A measured limit: at ``passed`` at most a share δ of the trials fails, at ``failed`` more.

    ``failed`` is None where the whole stripe passes. Intervals are (low, best, high), 95 %.
    """

    filters: str
    coherence: float
    passed: int
    failed: int | None
    rate_passed: list[float]
    rate_failed: list[float] | None


@attrs.frozen
class ScalingPanel:
    """Panel (b). ``lines`` holds what each bound allows at each coherence, as a real number."""

    setting: str
    delta: float
    n_atoms: int
    trials: int
    coherence: list[float]
    lines: dict[str, list[float]]
    crossing: list[float]
    measured: list[MeasuredLimit]


@attrs.frozen
class DepthPanel:
    """Panel (c). ``recovered[l - 1]`` holds layer l's rates over the noise, the last all layers'.

    ``values`` holds each bound for the whole pathway at each noise, ``limits`` the largest noise
    at which a layer, joint with those below, or the pathway (last) is guaranteed, None for
    empty. ``share`` is the measured share of draws that keep to the declared constants.
    """

    setting: str
    layers: list[dict[str, float]]
    trials: int
    noise: list[float]
    recovered: list[list[list[float]]]
    values: dict[str, list[float]]
    limits: dict[str, list[float | None]]
    share: float


@attrs.frozen
class Poster:
    """All numbers of the figure, with the seed and the version they came from."""

    version: str
    seed: int
    rate: RatePanel
    scaling: ScalingPanel
    depth: DepthPanel


def poster(
    trials: int = 240, seed: int = 0, version: str = "", progress: Progress = lambda share: None
) -> Poster:
    """Compute the three panels.

    Parameters
    ----------
    trials : int
        Draws of the signs for each point of (a) and (b); (c) takes a quarter of them.
    seed : int
    version : str
        Recorded with the numbers.
    progress : callable
        Is told the share of the work that is done.
    """
    total = integer(trials, "poster: trials", minimum=4)
    root = integer(seed, "poster: seed", minimum=0)
    return Poster(
        version,
        root,
        rate_panel(total, root, lambda share: progress(0.2 * share)),
        scaling_panel(total, root, lambda share: progress(0.2 + 0.4 * share)),
        depth_panel(total // 4, root, lambda share: progress(0.6 + 0.4 * share)),
    )


def _one_layer(dictionary: Dictionary) -> DCSCModel:
    return DCSCModel([Layer(dictionary, HardThreshold(0.5))])


def _fails(
    dictionary: Dictionary, sparsity: int, trials: int, seed: int, noise: float = 0.0
) -> Tally:
    """Return the tally of one code of that stripe sparsity with entries ±1."""
    x = codes.draw(dictionary, sparsity, amplitudes=_ONES, rng=seed)
    return simulate(_one_layer(dictionary), x, trials, rng=seed, noise=noise)


def _ends(tally: Tally) -> list[float]:
    return [float(end[-1]) for end in tally.interval()]


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


# ---- (a) ---------------------------------------------------------------------------------------


def rate_panel(trials: int, seed: int, progress: Progress) -> RatePanel:
    """Compute panel (a): one layer at coherence 0.0103, with a little noise."""
    dictionary = CirculantDictionary(
        filters.equicorrelated(256, 512, 2, 0.0103, rng=seed), extent=8
    )
    noise = 0.05
    base = LayerStatistics(
        coherence=dictionary.babel(1), x_min=1, x_max=1, noise=noise, n_atoms=2048, threshold=0.5
    )
    grid = [16, 32, 45, 64, 83, 112, 160, 256, 352, 448, 544, 640, 768]
    rates = []
    for done, sparsity in enumerate(grid, start=1):
        rates.append(_ends(_fails(dictionary, sparsity, trials, seed, noise)))
        progress(done / len(grid))
    values = {
        name: [bound.evaluate(attrs.evolve(base, sparsity=s)).failure_probability for s in grid]
        for name, bound in BOUNDS.items()
    }
    limits = {name: _finite(bound.max_sparsity(base, _DELTA)) for name, bound in BOUNDS.items()}
    setting = "256 filters of 2 taps, 512 channels, 8 positions; entries ±1, noise 0.05"
    return RatePanel(setting, base.coherence, noise, _DELTA, trials, grid, rates, values, limits)


# ---- (b) ---------------------------------------------------------------------------------------


def scaling_panel(trials: int, seed: int, progress: Progress) -> ScalingPanel:
    """Compute panel (b): guaranteed and measured limits, all for 4096 atoms."""
    families: list[tuple[str, Callable[[], Array]]] = []
    for n, mu in _COHERENCES:
        families.append(("equicorrelated", _equicorrelated(n, mu, seed)))
    for n, c in ((16, 64), (32, 256), (64, 1024)):
        families.append(("random ±1", _random(n, c, seed)))
    measured = []
    for done, (name, make) in enumerate(families, start=1):
        array = make()
        dictionary = CirculantDictionary(array, extent=_ATOMS // len(array))
        measured.append(_measured_limit(name, dictionary, trials, seed))
        progress(done / len(families))
    grid = np.geomspace(0.005, 0.2, 41)
    base = LayerStatistics(coherence=1, x_min=1, x_max=1, noise=0, n_atoms=_ATOMS)
    at = [attrs.evolve(base, coherence=float(mu)) for mu in grid]
    lines = {
        "(2)": [UniformBound().sparsity_limit(layer) for layer in at],
        "(3)": [ProbabilisticBound().sparsity_limit(layer, _DELTA) for layer in at],
        "(3R)": [RobustBound().sparsity_limit(layer, _DELTA) for layer in at],
    }
    lambda_ = math.log(2 * _ATOMS / _DELTA)
    mu_star = (math.sqrt(1 + 1 / lambda_) - 1) / 2
    crossing = [mu_star, UniformBound().sparsity_limit(attrs.evolve(base, coherence=mu_star))]
    return ScalingPanel(
        "one layer, 4096 atoms, entries ±1, no noise",
        _DELTA,
        _ATOMS,
        trials,
        grid.tolist(),
        lines,
        crossing,
        measured,
    )


def _equicorrelated(n: int, mu: float, seed: int) -> Callable[[], Array]:
    return lambda: filters.equicorrelated(n, max(2 * n, 64), 2, mu, rng=seed)


def _random(n: int, c: int, seed: int) -> Callable[[], Array]:
    return lambda: filters.rademacher(n, c, 9, rng=seed)


def _measured_limit(name: str, dictionary: Dictionary, trials: int, seed: int) -> MeasuredLimit:
    """Bracket, to 10 %, the stripe sparsity beyond which more than δ of the trials fail."""
    coherence, most = dictionary.babel(1), dictionary.stripes.size
    start = LayerStatistics(coherence=coherence, x_min=1, x_max=1, stripe_size=most)
    low = int(UniformBound().max_sparsity(start) or 1)
    below = above = _fails(dictionary, low, trials, seed)
    high = min(2 * low, most)
    while (above := _fails(dictionary, high, trials, seed)).failures[-1] <= _DELTA * trials:
        if high == most:
            return MeasuredLimit(name, coherence, most, None, _ends(above), None)
        low, below, high = high, above, min(2 * high, most)
    while high - low > max(1, low // 10):
        middle = min(max(round(math.sqrt(low * high)), low + 1), high - 1)
        tally = _fails(dictionary, middle, trials, seed)
        if tally.failures[-1] <= _DELTA * trials:
            low, below = middle, tally
        else:
            high, above = middle, tally
    return MeasuredLimit(name, coherence, low, high, _ends(below), _ends(above))


# ---- (c) ---------------------------------------------------------------------------------------

_TAPS = (5, 9)


def depth_panel(trials: int, seed: int, progress: Progress) -> DepthPanel:
    """Compute panel (c): three layers, the upper two with 9 and 5 taps a filter."""
    upper, lower = _TAPS
    positions = 16
    bottom = CirculantDictionary(
        filters.equicorrelated(384, 768, 2, 0.002, rng=seed), extent=positions
    )
    middle = CirculantDictionary(
        filters.sparse_rademacher(48, 384, 3, lower, rng=seed + 1), extent=positions
    )
    top = CirculantDictionary(
        filters.sparse_rademacher(12, 48, 3, upper, rng=seed + 2), extent=positions
    )
    x_min = {1: 1 / math.sqrt(upper * lower), 2: 1 / math.sqrt(upper), 3: 1.0}
    model = DCSCModel(
        [
            Layer(dictionary, HardThreshold(x_min[number] / 2))
            for number, dictionary in enumerate((bottom, middle, top), start=1)
        ]
    )
    x = codes.draw(top, 2, amplitudes=_ONES, rng=seed)
    declared = _declared(model, x, x_min)
    grid = [0.0, 0.25, 0.5, 0.625, 0.75, 0.875, 1.0, 1.5, 2.0, 2.5, 3.0]
    recovered: list[list[list[float]]] = [[] for _ in range(len(model.layers) + 1)]
    for done, noise in enumerate(grid, start=1):
        low, best, high = simulate(model, x, trials, rng=seed, noise=noise).interval()
        for line, ends in zip(
            recovered, zip(1 - high, 1 - best, 1 - low, strict=True), strict=True
        ):
            line.append([float(end) for end in ends])
        progress(done / len(grid))
    values = {
        name: [bound.evaluate(_with_noise(declared, z)).failure_probability for z in grid]
        for name, bound in BOUNDS.items()
    }
    return DepthPanel(
        "three layers, 16 positions: 384 dense filters of 2 taps on 768 channels, then 48 of 9 "
        "and 12 of 5 non-zero taps; entries ±1",
        [_summary(layer) for layer in declared],
        trials,
        grid,
        recovered,
        values,
        {name: _noise_limits(bound, declared) for name, bound in BOUNDS.items()},
        _share(model, x, declared, seed),
    )


def _declared(model: DCSCModel, x: Array, x_min: dict[int, float]) -> list[LayerStatistics]:
    """Return constants that hold for every draw of the signs.

    The entries of all codes are whole multiples of one unit, so none is smaller than that; sizes
    and supports are bounded by those of |A| … |A| |x|, where nothing cancels.
    """
    sizes, bounds = np.abs(x), list[LayerStatistics]()
    for number, layer in reversed(list(enumerate(model.layers, start=1))):
        above = model.layers[number].dictionary if number < len(model.layers) else None
        instance = LayerInstance(
            layer.dictionary,
            np.where(sizes > 0, np.maximum(sizes, x_min[number]), 0),
            noise=None,
            selection=layer.projection.selection,
            successor=above,
        )
        constants = attrs.evolve(
            instance.statistics(), x_min=x_min[number], nonnegative=False, measured=False
        )
        bounds.insert(0, constants)
        sizes = layer.dictionary.contributions(sizes)
    return bounds


def _with_noise(declared: list[LayerStatistics], noise: float) -> list[LayerStatistics]:
    return [attrs.evolve(declared[0], noise=noise), *declared[1:]]


def _noise_limits(bound: BoundCalculator, declared: list[LayerStatistics]) -> list[float | None]:
    """Return the largest noise guaranteed for layers 1 … l together, and for all; None if empty."""

    def holds(depth: int, noise: float) -> bool:
        return bound.evaluate(_with_noise(declared, noise)[:depth]).holds

    limits: list[float | None] = []
    for depth in range(1, len(declared) + 1):
        low, high = 0.0, 1.0
        if not holds(depth, low):
            limits.append(None)
            continue
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if holds(depth, middle) else (low, middle)
        limits.append(low)
    return [*limits, limits[-1]]


def _summary(layer: LayerStatistics) -> dict[str, float]:
    names = ("coherence", "sparsity", "x_min", "x_max", "n_atoms")
    return {name: float(layer.need(name)) for name in names}


def _share(model: DCSCModel, x: Array, declared: list[LayerStatistics], seed: int) -> float:
    """Return the share of 32 draws whose codes keep to the declared constants."""
    successors = [layer.dictionary for layer in model.layers[1:]]
    kept = 0
    for draw in range(32):
        drawn = model.draw(np.random.SeedSequence(seed, spawn_key=(draw,)))
        codes_of = drawn.synthesize(x).arrays[1:]
        rows = zip(declared, model.layers, [*successors, None], codes_of, strict=True)
        kept += all(_keeps(*row) for row in rows)
    return kept / 32


def _keeps(declared: LayerStatistics, layer: Layer, above: Dictionary | None, code: Array) -> bool:
    """Compare, with room for rounding in sums of square roots."""
    sizes = np.abs(code[code != 0])
    measured = attrs.evolve(
        declared,
        sparsity=int(layer.dictionary.stripe_sparsity(code)),
        patch_sparsity=None if above is None else int(above.patch_sparsity(code)),
        x_min=float(sizes.min()),
        x_max=float(sizes.max()),
    )
    room = attrs.evolve(
        declared, x_min=declared.x_min * (1 - 1e-9), x_max=declared.x_max * (1 + 1e-9)
    )
    return room.admits(measured)
