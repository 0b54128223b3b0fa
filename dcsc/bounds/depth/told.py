"""Every layer as it is when it is told the supports below, averaged over draws of the signs."""

import math
from collections.abc import Iterator
from typing import Self

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, generator, instance, integer, real, real_array
from dcsc._entries import SparseOrDense, code_array
from dcsc.bounds.depth.averages import Averages
from dcsc.bounds.depth.records import AveragedLayer, AveragedMeans
from dcsc.bounds.depth.sampling import INEQUALITIES
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.instance import UnitProbabilities
from dcsc.bounds.partial import PartialBound
from dcsc.bounds.records import LayerInstance, oracle_layers
from dcsc.bounds.tails import Tail, as_tail
from dcsc.layer import Layer, law_of
from dcsc.model import DCSCModel

__all__ = ["DrawnLayer", "Task", "told_means", "undecided"]


@attrs.frozen(eq=False)
class DrawnLayer:
    """One layer in one draw of the signs: exact over its own, told the supports below.

    Parameters
    ----------
    record : LayerInstance
    on, lower, upper : arrays, an entry for each unit
        The support, and between what the probability of each unit lies to be wrong.
    known : bool
        Whether the signs of the layer leave the supports below as they are; else the ends are 0
        and 1.
    """

    record: LayerInstance
    on: Array
    lower: Array
    upper: Array
    known: bool


@attrs.frozen(eq=False)
class Task:
    """A model, a code of its deepest layer, and how often its signs are to be drawn.

    Parameters
    ----------
    model : DCSCModel
        With the laws of its signs.
    codes : array
    draws : int
    source : Generator
    noise : array or None
    bound : PartialBound
    delta : float
    """

    model: DCSCModel
    codes: Array
    draws: int
    source: np.random.Generator
    noise: Array | None
    bound: PartialBound
    delta: float

    @classmethod
    def of(
        cls,
        where: str,
        model: DCSCModel,
        codes: "SparseOrDense",
        draws: int,
        rng: Rng,
        noise: "npt.ArrayLike | None",
        tail: Tail | str,
        tolerance: float,
        delta: float,
    ) -> Self:
        """Check what `told_means` or `actual_means` is given."""
        instance(model, DCSCModel, f"{where}: model")
        layers = [attrs.evolve(layer, signs=law_of(layer.signs)) for layer in model.layers]
        return cls(
            DCSCModel(layers),
            code_array(codes, f"{where}: codes"),
            integer(draws, f"{where}: draws", minimum=1) if len(layers) > 1 else 1,
            generator(rng, f"{where}: rng"),
            None if noise is None else real_array(noise, f"{where}: noise"),
            PartialBound(as_tail(tail), tolerance=tolerance),
            real(delta, f"{where}: delta", minimum=math.ulp(0.0), maximum=1),
        )

    @property
    def proved(self) -> bool:
        """Whether there is but one layer, so that no signs are drawn."""
        return len(self.model.layers) == 1

    def drawn(self, count: int) -> Iterator[tuple[DrawnLayer, ...]]:
        """Yield all layers, in so many draws of the signs."""
        for _ in range(count):
            model = self.model.draw(self.source)
            records = oracle_layers(model, model.synthesize(self.codes), self.noise)
            parts = self.bound.evaluate(records).layers
            yield tuple(
                _drawn(record, part.units) for record, part in zip(records, parts, strict=True)
            )

    def averages(self) -> list[Averages]:
        """Return sums over no draws yet, for every layer."""
        out: list[Averages] = []
        reach = np.abs(self.codes)
        for number in range(len(self.model.layers), 0, -1):
            deepest = number == len(self.model.layers)
            on = reach.ravel() > 0
            # below the deepest layer, signs may cancel what a unit is made of
            off = ~on if deepest else np.ones(on.size, dtype=bool)
            out.insert(0, Averages(np.ones(on.size), on, off))
            reach = self.model.layers[number - 1].dictionary.contributions(reach)
        return out

    def summary(self, of: str, layers: list[AveragedLayer]) -> AveragedMeans:
        """Return what is known of all layers."""
        draws = 0 if self.proved else self.draws
        return AveragedMeans(tuple(layers), of, draws, 1 - self.delta, INEQUALITIES)

    def layer(
        self, sums: Averages, basis: str, hypotheses: tuple[Hypothesis, ...], layer: Layer
    ) -> AveragedLayer:
        """Return what the draws have shown of one layer."""
        averages = sums.shares()
        return AveragedLayer(
            averages if self.proved else sums.means(self.delta),
            averages,
            sums.units(tuple(layer.dictionary.code_shape)),
            self.proved,
            basis,
            hypotheses,
        )

    def exact_over_one(self) -> str:
        """Say what is exact in a layer, and what is drawn."""
        if self.proved:
            return "exact over all signs"
        return f"exact over the signs of this layer, measured over {self.draws} draws of the others"


def _drawn(record: LayerInstance, units: UnitProbabilities | None) -> DrawnLayer:
    on = (record.codes != 0).ravel()
    if units is None:  # the signs of the layer change the supports below: anything may be
        return DrawnLayer(record, on, np.zeros(on.size), np.ones(on.size), known=False)
    return DrawnLayer(record, on, units.lower.ravel(), units.upper.ravel(), known=True)


def undecided(record: LayerInstance) -> tuple[Hypothesis, ...]:
    """Return what is assumed of a layer above the first, if anything is."""
    # the last hypothesis of `oracle_layers`: that its signs leave the supports below as they are
    return tuple(one for one in record.hypotheses[-1:] if one.holds is None)


def told_means(
    model: DCSCModel,
    codes: "SparseOrDense",
    draws: int = 100,
    rng: Rng = 0,
    noise: "npt.ArrayLike | None" = None,
    tail: Tail | str = "exact",
    tolerance: float = 0.005,
    delta: float = 0.05,
) -> AveragedMeans:
    """Return how much of each support is right in the mean, told the supports below.

    Each layer sees the values that the forward pass has on the true supports of the layers below,
    and nothing off them, as in `oracle_layers`. In each draw the signs of all layers are drawn, and
    the probability of every unit is exact over the signs of its own layer; so the average over
    draws of the others estimates the mean over all signs without bias, and with far less variance
    than counting errors would. Layer 1 is told nothing: there the pass is the actual one.

    Each interval of a mean holds for the means over all signs except with probability δ, by
    itself, whatever the law of what is averaged: Hoeffding's inequality and that of empirical
    Bernstein, of which the sharper one is taken. For few draws it is wide, some 4/draws of all
    units; ``averages`` has what the draws were on average. A model of one layer needs no draws, and
    is proved.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not; the signs of a drawn model are drawn anew from their law.
    codes : array_like, shape of the codes of the deepest layer
        One column: it has supports of its own.
    draws : int, default 100
    rng : None, int, SeedSequence or Generator, default 0
    noise : array_like, optional
        The noise on the signal, of the signal's shape, whatever the signs.
    tail : Tail or str, default "exact"
        As in `InstanceBound`.
    tolerance : float, default 0.005
        As in `InstanceBound.units`, in each draw.
    delta : float, default 0.05
        δ, above 0.

    Raises
    ------
    NotCoveredError
        If signs are not independent, or a layer below the deepest selects by no threshold, shrinks
        what it keeps or is one-sided.

    Examples
    --------
    >>> from dcsc import CirculantDictionary, HardThreshold
    >>> from dcsc.dictionaries import filters
    >>> below = CirculantDictionary(filters.gaussian(4, 16, 3, rng=0), extent=12)
    >>> above = CirculantDictionary(filters.gaussian(3, 4, 1, rng=1), extent=12)
    >>> model = DCSCModel([Layer(below, HardThreshold(0.3)), Layer(above, HardThreshold(0.5))])
    >>> codes = np.zeros((3, 12))
    >>> codes[0, 3] = codes[2, 8] = 1
    >>> first, second = told_means(model, codes, draws=20).layers
    >>> first.proved, second.basis
    (False, 'exact over the signs of this layer, measured over 20 draws of the others')
    >>> low, high = second.averages.false_alarms
    >>> bool(second.false_alarms.low <= low <= high <= second.false_alarms.high)
    True
    """
    task = Task.of("told_means", model, codes, draws, rng, noise, tail, tolerance, delta)
    sums = task.averages()
    assumed: list[tuple[Hypothesis, ...]] = [()] * len(sums)
    for draw in task.drawn(task.draws):
        for at, (layer, total) in enumerate(zip(draw, sums, strict=True)):
            total.add(layer.on, layer.lower, layer.upper)
            assumed[at] = assumed[at] or (undecided(layer.record) if at else ())
    return task.summary(
        "told",
        [
            task.layer(total, task.exact_over_one(), hypotheses, layer)
            for total, hypotheses, layer in zip(sums, assumed, task.model.layers, strict=True)
        ],
    )
