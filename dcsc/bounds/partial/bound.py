"""The theorem about partial recovery: how much of a support is right in the mean."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arguments import flag
from dcsc._arrays import Array, real
from dcsc._arrays import instance as instance_checked
from dcsc._fields import named_field, number_field
from dcsc.bounds import inverse
from dcsc.bounds.class_units import TAILS, ClassUnits
from dcsc.bounds.hypotheses import Hypothesis, layers_below
from dcsc.bounds.instance import InstanceBound
from dcsc.bounds.instance.bound import assumed
from dcsc.bounds.instance.problem import Entering, Problem, problems, threshold_of
from dcsc.bounds.instance.search import best_threshold
from dcsc.bounds.instance.units import joined, unit_probabilities
from dcsc.bounds.noise import Adversarial, Noise, as_noise
from dcsc.bounds.objectives import ExpectedWrong, Objective
from dcsc.bounds.partial.chosen import ChosenThreshold
from dcsc.bounds.partial.counting import Counting
from dcsc.bounds.partial.guarantee import LayerPartial, PartialGuarantee
from dcsc.bounds.partial.means import means_of_class, means_of_units
from dcsc.bounds.partial.variance import sharing
from dcsc.bounds.records import LayerInstance, LayerRecord, LayerStatistics
from dcsc.bounds.records.statistics import Records, as_record
from dcsc.bounds.recursion import entering_noise, noise_hypotheses
from dcsc.bounds.tails import Exact, Tail, as_tail
from dcsc.bounds.theorem import Theorem
from dcsc.projections.base import Threshold

__all__ = ["PartialBound"]

_ROUNDING = 1e-12


def _noise_model(value: Any, record: Any, where: str) -> Noise | str:
    as_noise(value, where)
    known: Noise | str = value
    return known


@attrs.frozen
class PartialBound(Theorem[PartialGuarantee]):
    r"""How much of each support is right, over random signs: expected recall and false alarms.

    For a `LayerInstance` the means are sums over its units, between the ends :math:`p_k^\pm` of
    `InstanceBound.units`, whatever depends on what:

    .. math:: \sum_{k \in T} p_k^- \le E[\text{missed}] \le \sum_{k \in T} p_k^+

    and likewise for false alarms off T; ratios are bounded from these. For `LayerStatistics` they
    hold for all codes of the class, at any threshold β, and neither the number of atoms nor that of
    columns enters: with F the smaller of the tails of Hoeffding and Bentkus,

    .. math:: \frac{E[\text{missed}]}{|T|} &\le F(c_{\min}^2 x_{\min} - \beta - c_{\max} \zeta),
        \quad \sigma = \mu_2(S - 1) x_{\max} \\
        \frac{E[\text{false alarms}]}{|T|} &\le \frac{2 b x_{\max}^2}{v} e^{-t^2 / 2v},
        \quad v = \min\{\mu_2^2(S) x_{\max}^2, t^2 / 2\},\; t = \beta - c_{\max} \zeta

    where b is `Dictionary.spread`. Where the argument of F is not positive, the first is 1, and
    where t is not, the second is infinite; both are 0 where no signs can fail. A one-sided
    threshold halves the second.

    Atoms may share signs where it is known which (`LayerInstance.coins`): the units of instances
    are then those of `InstanceBound` for such signs, and only units that no coin is common to count
    as independent.

    Above layer 1 the layers below are told the true supports: what wrong units there do further up
    is not counted. `dcsc.bounds.actual_means` counts it.

    Parameters
    ----------
    tail : Tail or str, default "exact"
        As in `InstanceBound`, for instances.
    noise_model : Noise or str, optional
        In place of that of the instances.
    tolerance : float, default 0.005
        As in `InstanceBound.units`: the two ends of a recall are no further apart if nothing but
        time keeps them from it.

    Examples
    --------
    >>> from dcsc.bounds import LayerInstance
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> pair = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], extent=8)
    >>> layer = LayerInstance(pair, [[1, 0, 1, 0, 1, 0, 0, 0]], 0.6)
    >>> part = PartialBound().evaluate(layer).layers[0]
    >>> low, high = part.false_alarms
    >>> round(low, 12), round(high, 12), part.recall.low
    (1.0, 1.0, 1.0)
    >>> part.count(0.05).count, part.count(0.05).inequality
    (3, 'safe units')
    """

    label: ClassVar[str] = "(P)"
    about: ClassVar[str] = "how much of the support is right"
    reference: ClassVar[str] = "Expected recall and false alarms, from the tails of single units"
    states: ClassVar[type[PartialGuarantee]] = PartialGuarantee

    tail: Tail = attrs.field(factory=Exact, converter=as_tail)
    noise_model: Noise | str | None = named_field(_noise_model, optional=True)
    tolerance: float = number_field(real, default=0.005, minimum=0, maximum=1)

    def max_sparsity(
        self,
        statistics: LayerRecord,
        missed: float = 0.1,
        false_alarms: float | None = None,
    ) -> int | float | None:
        """Return the largest S for which every class of codes has at most so many wrong units.

        The layer's S is ignored. Without a threshold it is that half-way to x_min. The result is at
        most ``stripe_size``, where that is known, ``math.inf`` if every S is allowed, and None if
        not even S = 0 is.

        Parameters
        ----------
        statistics : LayerStatistics or LayerInstance
        missed : float, default 0.1
            Expected misses, for each unit that is on.
        false_alarms : float, optional
            Expected false alarms for each unit that is on; by default any number.

        Examples
        --------
        >>> layer = LayerStatistics(coherence=0.01, x_min=1, x_max=1, threshold=0.5)
        >>> PartialBound().max_sparsity(layer, missed=0.1)
        723
        """
        name = "PartialBound.max_sparsity"
        most = real(missed, f"{name}: missed", minimum=0, maximum=1)
        if false_alarms is not None:
            false_alarms = real(false_alarms, f"{name}: false_alarms", minimum=0)
        record = as_record(statistics, f"{name}: statistics")
        layer = _constants(record, spread=false_alarms is not None)
        self._require_random_signs(1, layer, deepest=True)

        def beyond(changed: LayerRecord) -> float:
            assert isinstance(changed, LayerStatistics)
            misses, raised = _class_shares(changed, changed.noise or 0.0)
            return max(misses - most, 0.0 if false_alarms is None else raised - false_alarms)

        return inverse.max_sparsity(beyond, layer)

    def best_threshold(
        self,
        instance: LayerInstance,
        objective: Objective | None = None,
        per_filter: bool = False,
    ) -> ChosenThreshold:
        """Return a threshold that an objective asks for, with what it finds and falsely raises.

        The layer's own is ignored. What the objective looks at are the upper ends of expected
        misses and false alarms.

        Parameters
        ----------
        instance : LayerInstance
            With a noise.
        objective : Objective, optional
            By default `ExpectedWrong`; `FewestMissed` keeps to a budget of false alarms.
        per_filter : bool, default False
            Whether to choose one for each filter.

        Examples
        --------
        >>> from dcsc.bounds import FewestMissed, LayerInstance
        >>> from dcsc.dictionaries import CirculantDictionary
        >>> pair = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], extent=8)
        >>> layer = LayerInstance(pair, [[1, 0, 0.6, 0, 0.45, 0, 0, 0]])
        >>> for limit in (0, 0.5):
        ...     best = PartialBound().best_threshold(layer, FewestMissed(limit))
        ...     print(best.missed.high, best.false_alarms.high)
        2.0 0.0
        1.0 0.5
        """
        name = "PartialBound.best_threshold"
        instance_checked(instance, LayerInstance, f"{name}: instance")
        wanted = ExpectedWrong() if objective is None else objective
        instance_checked(wanted, Objective, f"{name}: objective")
        each = flag(per_filter, f"{name}: per_filter")
        self._require_random_signs(1, instance, deepest=True, shared=instance.coins is not None)
        entering = InstanceBound(self.tail, self.noise_model)._entering_one(
            instance, "best_threshold"
        )

        def upper(problem: Problem) -> Array:
            return unit_probabilities(problem, self.tail, self.tolerance).upper

        columns = problems(attrs.evolve(instance, threshold=0.0), entering)
        filters = instance.dictionary.code_shape[0] if each else 1
        best = best_threshold(columns, upper, upper, filters, wanted)
        threshold = best if each else float(best[0])
        (part,) = self.evaluate(attrs.evolve(instance, threshold=threshold)).layers
        return ChosenThreshold(threshold, wanted, part)

    def best_thresholds(
        self, layers: Records, per_filter: bool = False, objective: Objective | None = None
    ) -> tuple[Threshold, ...]:
        """Return `best_threshold` for every layer, with the error that those below then leave.

        Parameters
        ----------
        layers : sequence of LayerInstance, or one of them
            Layer 1 first.
        per_filter, objective
            As in `best_threshold`.
        """
        return InstanceBound(self.tail, self.noise_model)._one_by_one(
            self._instances(self._records(layers, "best_thresholds: layers")),
            lambda layer: self.best_threshold(layer, objective, per_filter).threshold,
        )

    def _wanted(self, record: LayerRecord) -> LayerRecord:
        return record

    def _evaluate(self, layers: tuple[LayerRecord, ...]) -> PartialGuarantee:
        instances = tuple(layer for layer in layers if isinstance(layer, LayerInstance))
        # where one layer is known by its constants alone, those above see no more of it
        whole = len(instances) == len(layers)
        for number, layer in enumerate(layers, start=1):
            shared = whole and instances[number - 1].coins is not None
            self._require_random_signs(number, layer, number == len(layers), shared)
        parts = self._units(instances) if whole else _class_parts(layers)
        told = (part.under(_told(number)) for number, part in enumerate(parts, start=1))
        conditional = any(layer.measured for layer in layers[:-1])
        return PartialGuarantee(tuple(told), type(self).__name__, self.reference, conditional)

    def _units(self, layers: tuple[LayerInstance, ...]) -> Iterator[LayerPartial]:
        """Yield what the units of each layer say, with what true supports leave below."""
        bound = InstanceBound(self.tail, self.noise_model)
        for number, level in enumerate(bound._levels(layers), start=1):
            entering = bound._entering(number, layers, level)
            yield self._layer(bound, number, layers[number - 1], entering, level)

    def _layer(
        self,
        bound: InstanceBound,
        number: int,
        layer: LayerInstance,
        entering: Entering,
        level: float,
    ) -> LayerPartial:
        known = layer if layer.noise is not None else attrs.evolve(layer, noise=level)
        seen = problems(layer, entering)
        columns = [problem.column for problem in seen]
        each = [unit_probabilities(problem, self.tail, self.tolerance) for problem in seen]
        units = joined(each, layer.codes.shape)
        shape = (len(columns), math.prod(layer.dictionary.code_shape))
        on, lower, upper = (
            array.reshape(shape) for array in (layer.codes != 0, units.lower, units.upper)
        )

        def worst() -> Array | None:
            """Return upper ends for an error that each unit's own signs and nothing else decide."""
            if level == 0 or entering.signal is not None or entering.law.shifts:
                return upper
            if not (entering.law.bounded and self.tail.covers(Adversarial())):
                return None
            return (
                InstanceBound(self.tail, "adversarial")
                .units(known, self.tolerance)
                .upper.reshape(shape)
            )

        beta = threshold_of(number, layer)
        return LayerPartial(
            means_of_units(on, lower, upper),
            level,
            (float(beta.min()), float(beta.max())),
            tuple(assumed(number, layer, level, entering)),
            units,
            Counting(
                on, lower, upper, sharing(layer.dictionary.stripes, layer.coins), worst, columns
            ),
        )


def _told(number: int) -> tuple[Hypothesis, ...]:
    """State what a layer is handed by those below, for any but the first."""
    if number == 1:
        return ()
    below = (
        f"of {layers_below(number)} it sees the values on the true supports, and nothing off them"
    )
    return (Hypothesis(f"layer {number}: {below}"),)


def _constants(record: LayerRecord, spread: bool = False) -> LayerStatistics:
    """Return the constants of a layer, with b if it is wanted and the dictionary is there."""
    layer = record.statistics(babel=False)
    layer.check_units("PartialBound")
    if spread and isinstance(record, LayerInstance):
        return attrs.evolve(layer, spread=record.dictionary.spread())
    return layer


def _half_way(layer: LayerStatistics) -> float:
    return layer.signal / 2


def _thresholds(layer: LayerStatistics) -> tuple[float, float]:
    beta = layer.chosen_threshold
    chosen = np.asarray(_half_way(layer) if beta is None else beta)
    return float(chosen.min()), float(chosen.max())


def _class_parts(layers: tuple[LayerRecord, ...]) -> Iterator[LayerPartial]:
    """Yield what holds for all codes of the classes of the layers."""
    classes = tuple(_constants(layer) for layer in layers)
    levels = entering_noise(classes, _half_way)
    for number, (layer, noise) in enumerate(zip(classes, levels, strict=True), start=1):
        low, high = _thresholds(layer)
        hypotheses = noise_hypotheses(number, layer, noise)
        if layer.chosen_threshold is None:
            hypotheses.append(Hypothesis(f"layer {number}: threshold = {low:.6g}"))
        known = layer.n_atoms is not None
        means = means_of_class(
            *_class_shares(layer, noise),
            nonzeros=layer.most_nonzeros * layer.n_samples if known else math.inf,
            units=layer.tests if known else math.inf,
        )
        yield LayerPartial(means, noise, (low, high), tuple(hypotheses))


def _class_shares(layer: LayerStatistics, noise: float) -> tuple[float, float]:
    """Return the most misses and false alarms in the mean, for each unit that is on."""
    low, high = _thresholds(layer)
    units = ClassUnits.of([layer], [noise], TAILS["best"])
    raised, missed = (float(x[0, 0]) for x in units.wrong(np.array([[low]]), np.array([[high]])))
    if raised == 0:
        return missed, 0.0
    # Each unit's probability is at most its variance times h(v) = sides e^(-t²/2v) / v, which rises
    # up to v = t²/2; and the variances add up to b x_max² for each unit that is on.
    t = float(units.level(np.array([[low]]))[0, 0])
    if t <= 0 or math.isinf(layer.spreading):
        return missed, math.inf
    ratio = min(float(units.deviation_off[0, 0]) / t, math.sqrt(0.5))
    v, unit = ratio * ratio, layer.x_max / t
    rate = int(units.sides[0, 0]) * math.exp(-1 / (2 * v)) / v if v else 0.0
    return missed, max(layer.spreading * unit * unit * rate * (1 + _ROUNDING), math.ulp(0.0))
