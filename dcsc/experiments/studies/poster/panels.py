"""The poster's contribution in three panels: what happens, beside what is guaranteed.

(a) one layer: the failure rate against stripe sparsity; (b) the largest stripe sparsity against
coherence; (c) three layers with sparse filters, against noise.
"""

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np

from dcsc._arguments import function
from dcsc._arrays import instance, integer
from dcsc._display import Display, Displayed, digits
from dcsc._threads import OneBlasThread
from dcsc.bounds import (
    BoundCalculator,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    declare,
)
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.experiments.sweeps import State, Sweep, open, run
from dcsc.experiments.sweeps.stopping import MOST_TRIALS
from dcsc.intervals import Estimate

if TYPE_CHECKING:
    import xarray

__all__ = [
    "Crossing",
    "DepthPanel",
    "LayerConstants",
    "MeasuredLimit",
    "Poster",
    "RatePanel",
    "ScalingPanel",
    "poster",
]

BOUNDS: dict[str, BoundCalculator] = {kind.label: kind() for kind in CLASS_BOUNDS}
_NAMES = {kind.__name__: kind.label for kind in CLASS_BOUNDS}
_DELTA = 0.01
_ATOMS = 4096
_FOLDER = Path(__file__).parent

Progress = Callable[[float], None]


@attrs.frozen(repr=False)
class RatePanel(Displayed):
    """Panel (a). Rates have 95% intervals; ``values`` holds the bounds, at most 1, by their names.

    ``limits`` holds the largest S for which each bound guarantees failure at most ``delta``.
    """

    setting: str
    coherence: float
    noise: float
    delta: float
    trials: int
    sparsity: tuple[int, ...]
    rate: tuple[Estimate[float], ...]
    values: Mapping[str, tuple[float, ...]]
    limits: Mapping[str, float | None]

    def _display(self) -> Display:
        rows = [
            (str(s), _rate(rate), *map(digits, proved))
            for s, rate, *proved in zip(
                self.sparsity, self.rate, *self.values.values(), strict=True
            )
        ]
        return Display(
            f"Failures against sparsity: {self.setting}", ("S", "rate", *self.values), rows
        )


@attrs.frozen
class MeasuredLimit:
    """A measured limit: at ``passed`` at most a share δ of the trials fails, at ``failed`` more.

    ``failed`` is None where the whole stripe passes. Rates have 95% intervals.
    """

    filters: str
    coherence: float
    passed: int
    failed: int | None
    rate_passed: Estimate[float] | None
    rate_failed: Estimate[float] | None


class Crossing(NamedTuple):
    """Where two bounds allow the same stripe sparsity: the coherence, and that sparsity."""

    coherence: float
    sparsity: float


@attrs.frozen(repr=False)
class ScalingPanel(Displayed):
    """Panel (b). ``lines`` holds what each bound allows at each coherence, as a real number."""

    setting: str
    delta: float
    n_atoms: int
    trials: int
    coherence: tuple[float, ...]
    lines: Mapping[str, tuple[float, ...]]
    crossing: Crossing
    measured: tuple[MeasuredLimit, ...]

    def _display(self) -> Display:
        rows = [
            (digits(mu), *map(digits, allowed))
            for mu, *allowed in zip(self.coherence, *self.lines.values(), strict=True)
        ]
        title = f"Largest S with failure at most {digits(self.delta)}: {self.setting}"
        return Display(title, ("coherence", *self.lines), rows)


@attrs.frozen
class LayerConstants:
    """The declared constants of one layer."""

    coherence: float
    sparsity: float
    x_min: float
    x_max: float
    n_atoms: float


@attrs.frozen(repr=False)
class DepthPanel(Displayed):
    """Panel (c). ``recovered[l - 1]`` holds layer l's rates over the noise, the last all layers'.

    ``values`` holds each bound for the whole pathway at each noise, ``limits`` the largest noise
    at which a layer, joint with those below, or the pathway (last) is guaranteed, None for
    empty. ``share`` is the measured share of draws that keep to the declared constants.
    """

    setting: str
    layers: tuple[LayerConstants, ...]
    trials: int
    noise: tuple[float, ...]
    recovered: tuple[tuple[Estimate[float], ...], ...]
    values: Mapping[str, tuple[float, ...]]
    limits: Mapping[str, tuple[float | None, ...]]
    share: float

    def _display(self) -> Display:
        names = [*(f"layer {number}" for number in range(1, len(self.recovered))), "pathway"]
        rows = [
            (digits(noise), *map(_rate, rates))
            for noise, *rates in zip(self.noise, *self.recovered, strict=True)
        ]
        return Display(f"Recovered against noise: {self.setting}", ("noise", *names), rows)


@attrs.frozen(repr=False)
class Poster(Displayed):
    """All numbers of the figure, with the seed and the version they came from."""

    version: str
    seed: int
    rate: RatePanel
    scaling: ScalingPanel
    depth: DepthPanel

    def _display(self) -> Display:
        settings = [(name, getattr(self, name).setting) for name in ("rate", "scaling", "depth")]
        title = f"The numbers of the poster, seed {self.seed}"
        return Display(title, ("panel", "is"), settings, ("plotting.poster_figure draws them.",))


def _rate(estimate: Estimate[float]) -> str:
    low, best, high = estimate
    return f"{digits(best)} ({digits(low)} to {digits(high)})"


def poster(
    trials: int = 240, seed: int = 0, version: str = "", progress: Progress = lambda share: None
) -> Poster:
    """Compute the three panels, each from the sweep in the file of its name.

    Parameters
    ----------
    trials : int
        Draws of the signs for each point of (a) and (b), for (b) at the most; (c) takes a quarter
        of them.
    seed : int
    version : str
        Recorded with the numbers.
    progress : callable
        Called with the share of the work that is done.
    """
    total = integer(trials, "poster: trials", minimum=4, maximum=MOST_TRIALS)
    root = integer(seed, "poster: seed", minimum=0)
    instance(version, str, "poster: version")
    function(progress, "poster: progress")
    return Poster(
        version,
        root,
        rate_panel(total, root, lambda share: progress(0.1 * share)),
        scaling_panel(total, root, lambda share: progress(0.1 + 0.7 * share)),
        depth_panel(total // 4, root, lambda share: progress(0.8 + 0.2 * share)),
    )


def sweep_of(panel: str, trials: int, seed: int) -> Sweep:
    """Return the sweep of a panel: ``rate``, ``scaling`` or ``depth``."""
    sweep = Sweep.load(_FOLDER / f"{panel}.toml")
    return attrs.evolve(sweep, trials=trials, table={**sweep.table, "seed": seed})


def _run(sweep: Sweep, progress: Progress) -> "xarray.Dataset":
    def report(state: State) -> None:
        look, looks = state.look
        progress((look - 1 + state.done / state.pending) / looks)

    with tempfile.TemporaryDirectory() as folder:
        run(sweep, folder, progress=report)
        return open(folder)


def _rates(low: Any, best: Any, high: Any) -> tuple[Estimate[float], ...]:
    """Return rates, cell by cell, from one array for each end."""
    return tuple(Estimate(*map(float, ends)) for ends in zip(low, best, high, strict=True))


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _values(data: "xarray.Dataset") -> dict[str, tuple[float, ...]]:
    return {
        label: tuple(data.guarantee.sel(bound=name).values.tolist())
        for name, label in _NAMES.items()
    }


# ---- (a) ---------------------------------------------------------------------------------------


def rate_panel(trials: int, seed: int, progress: Progress) -> RatePanel:
    """Compute panel (a): one layer at coherence 0.0103, with a little noise."""
    sweep = sweep_of("rate", trials, seed)
    data = _run(sweep, progress)
    first = data.isel(sparsity=0, layer=0)
    return RatePanel(
        "256 filters of 2 taps, 512 channels, 8 positions; entries ±1, noise 0.05",
        float(first.layer_coherence),
        float(first.layer_noise),
        _DELTA,
        trials,
        tuple(data.sparsity.values.tolist()),
        _rates(data.low, data.best, data.high),
        _values(data),
        {label: _finite(first.limit.sel(bound=name)) for name, label in _NAMES.items()},
    )


# ---- (b) ---------------------------------------------------------------------------------------


def scaling_panel(trials: int, seed: int, progress: Progress) -> ScalingPanel:
    """Compute panel (b): guaranteed and measured limits, all for 4096 atoms."""
    data = _run(sweep_of("scaling", trials, seed), progress)
    measured = tuple(_measured_limit(data.sel(filters=label)) for label in data.filters.values)
    grid = np.geomspace(0.005, 0.2, 41)
    base = LayerStatistics(coherence=1, x_min=1, x_max=1, noise=0, n_atoms=_ATOMS)
    at = [attrs.evolve(base, coherence=float(mu)) for mu in grid]
    lines = {
        UniformBound.label: tuple(UniformBound().sparsity_limit(layer) for layer in at),
        ProbabilisticBound.label: tuple(
            ProbabilisticBound().sparsity_limit(layer, _DELTA) for layer in at
        ),
        RobustBound.label: tuple(RobustBound().sparsity_limit(layer, _DELTA) for layer in at),
    }
    lambda_ = math.log(2 * _ATOMS / _DELTA)
    mu_star = (math.sqrt(1 + 1 / lambda_) - 1) / 2
    level = UniformBound().sparsity_limit(attrs.evolve(base, coherence=mu_star))
    return ScalingPanel(
        "one layer, 4096 atoms, entries ±1, no noise",
        _DELTA,
        _ATOMS,
        trials,
        tuple(grid.tolist()),
        lines,
        Crossing(mu_star, level),
        measured,
    )


def _measured_limit(data: "xarray.Dataset") -> MeasuredLimit:
    """Return the last S up to which at most δ of the trials fail, and the next."""
    cells = data.where(data.infeasible == "", drop=True)
    fails = (cells.best > _DELTA).values
    at = int(fails.argmax()) if fails.any() else len(fails)
    family = str(data.filters.values).rpartition(" ")[0].replace("rademacher", "random ±1")
    sparsity, rates = cells.sparsity.values, _rates(cells.low, cells.best, cells.high)
    return MeasuredLimit(
        family,
        float(cells.layer_coherence[0, 0]),
        int(sparsity[at - 1]) if at else 0,
        int(sparsity[at]) if at < len(fails) else None,
        rates[at - 1] if at else None,
        rates[at] if at < len(fails) else None,
    )


# ---- (c) ---------------------------------------------------------------------------------------


def depth_panel(trials: int, seed: int, progress: Progress) -> DepthPanel:
    """Compute panel (c): three layers, the upper two with 9 and 5 taps a filter."""
    sweep = sweep_of("depth", trials, seed)
    data = _run(sweep, progress)
    declared = _declared(sweep)
    # A trial that does not fail is recovered: the ends change places.
    recovered = tuple(
        _rates(1 - high, 1 - best, 1 - low)
        for low, best, high in (
            *zip(data.layer_low.T, data.layer_best.T, data.layer_high.T, strict=True),
            (data.low, data.best, data.high),
        )
    )
    return DepthPanel(
        "three layers, 16 positions: 384 dense filters of 2 taps on 768 channels, then 48 of 9 "
        "and 12 of 5 non-zero taps; entries ±1",
        tuple(_summary(layer) for layer in declared),
        trials,
        tuple(data.noise.values.tolist()),
        recovered,
        _values(data),
        {name: _noise_limits(bound, declared) for name, bound in BOUNDS.items()},
        float(data.kept[0]),
    )


@OneBlasThread()  # as the workers of the sweep
def _declared(sweep: Sweep) -> tuple[LayerStatistics, ...]:
    """Return the constants that hold for all signs, without noise."""
    cell = sweep.cell((0,))
    model = cell.model(sweep.strategies)
    assert cell.task.constants is not None
    return declare(model, cell.codes(model, sweep.strategies), cell.task.constants.x_min)


def _with_noise(declared: tuple[LayerStatistics, ...], noise: float) -> list[LayerStatistics]:
    return [attrs.evolve(declared[0], noise=noise), *declared[1:]]


def _noise_limits(
    bound: BoundCalculator, declared: tuple[LayerStatistics, ...]
) -> tuple[float | None, ...]:
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
    return (*limits, limits[-1])


def _summary(layer: LayerStatistics) -> LayerConstants:
    names = (field.name for field in attrs.fields(LayerConstants))
    return LayerConstants(*(float(layer.need(name)) for name in names))
