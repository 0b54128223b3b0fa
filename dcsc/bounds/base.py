"""What a bound is."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

from dcsc._arguments import flag
from dcsc._arrays import real
from dcsc.bounds import inverse
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.records import LayerInstance, LayerRecord, LayerStatistics
from dcsc.bounds.records.babel import values_of
from dcsc.bounds.records.statistics import Records, as_record
from dcsc.bounds.sides import Side, WeakAtom
from dcsc.bounds.theorem import Theorem
from dcsc.errors import NotCoveredError
from dcsc.projections.base import Threshold

__all__ = ["BoundCalculator"]


class BoundCalculator(Theorem[Guarantee]):
    """A theorem that bounds the probability that a pursuit gets a support wrong.

    It is the forward pass, unless ``pursuits`` names others; and then the thresholds that a
    guarantee speaks of are what these pursuits ask for in their place.

    Laws, with the symbols of `LayerStatistics` and hard thresholds at the place that the theorem
    speaks of:

    - ``failure_probability`` lies in [0, 1]
    - it rises with S, μ, ζ, N and x_max, and falls with x_min
    - it is at most δ at ``max_sparsity(…, δ)``, and above δ one further; likewise at
      ``max_noise``, ``min_amplitude`` and ``min_channels``

    They need not hold where a projection shrinks, since x_min then raises the error passed on;
    where a threshold is given; and where `ProbabilisticBound` asks for a least N.

    The inverse questions are about one layer, with δ in [0, 1]. Even for δ = 1 they ask for a
    guarantee that holds, so that the layer is shown not to fail always.
    """

    states: ClassVar[type[Guarantee]] = Guarantee

    # ---- the question ------------------------------------------------------------------------

    def best_thresholds(self, layers: Records, per_filter: bool = False) -> tuple[Threshold, ...]:
        """Return a threshold for every layer at which the guarantee is near its best.

        The thresholds that the layers have are ignored. Any threshold that does not depend on the
        signs is as valid as another; where an interval of them is equally good, this is its middle.

        Parameters
        ----------
        layers : sequence of LayerStatistics or LayerInstance, or one of them
            Layer 1 first.
        per_filter : bool, default False
            Whether to choose one threshold for each filter.

        Raises
        ------
        NotCoveredError
            If ``per_filter`` is asked of a bound that does not tell filters apart.
        """
        if flag(per_filter, f"{type(self).__name__}.best_thresholds: per_filter"):
            raise NotCoveredError(
                f"{type(self).__name__} does not tell filters apart: it has one threshold a layer"
            )
        records = self._records(layers, "best_thresholds: layers")
        ends = self.evaluate([record.without_threshold() for record in records]).thresholds
        return tuple(
            # if the interval has no end, a place beyond its start by more than a tie
            2 * low + (record.strongest or 1.0) if math.isinf(high) else (low + high) / 2
            for record, (low, high) in zip(records, ends, strict=True)
        )

    # ---- hooks -------------------------------------------------------------------------------

    @abstractmethod
    def _evaluate(self, layers: tuple[Any, ...]) -> Guarantee:
        """Return the guarantee for one record per layer, layer 1 first, at least one.

        They are all `LayerStatistics`, or all `LayerInstance` if ``needs_instances``.
        """

    def _sides(
        self, layer: Any, part: LayerGuarantee, failure_probability: float
    ) -> tuple[Side, ...]:
        """Return the two quantities that decide about one layer, for `explain`.

        ``part`` is what was said of the layer, with the noise that enters it. By default they are
        the formula's value and δ; a theorem with a condition of another form overrides this.
        """
        return (
            Side("failure probability", part.unclipped, "delta", failure_probability, strict=False),
        )

    def _weakest(self, layer: Any, count: int) -> tuple[WeakAtom, ...]:
        """Return the atoms that carry most of the value, for `explain`, from large to small.

        By default none: only a bound that looks at instances can tell atoms apart.
        """
        return ()

    # ---- the inverse questions, by bisection of `evaluate`; `inverse` has the mathematics -----

    def max_sparsity(
        self, statistics: LayerRecord, failure_probability: float = 0.01
    ) -> int | float | None:
        """Return the largest S for which a layer fails with at most δ; the layer's S is ignored.

        It is at most ``stripe_size``, where that is known, and ``math.inf`` if every S is allowed;
        None if not even S = 0 is.

        Of a `LayerInstance` the Babel functions are taken at every S that decides. Of
        `LayerStatistics` all that is known of them is ``babel``, mostly their values at S - 1 and S
        of some codes, and coherence: at other S these bound them, and the result may be smaller.
        """
        beyond, layer = _asked(self, "max_sparsity", statistics, failure_probability)

        def largest(one: LayerStatistics) -> int | float | None:
            return inverse.max_sparsity(beyond, one)

        if not (isinstance(statistics, LayerInstance) and self.needs_babel):
            return largest(layer)
        return inverse.with_babel(largest, layer, values_of(statistics.dictionary))

    def max_noise(self, statistics: LayerRecord, failure_probability: float = 0.01) -> float | None:
        """Return the largest ζ with which a layer fails with at most δ; the layer's ζ is ignored.

        It is ``math.inf`` if every ζ is allowed; None if the layer fails more often without noise.
        """
        beyond, layer = _asked(self, "max_noise", statistics, failure_probability, of_class=False)
        return inverse.max_noise(beyond, layer)

    def min_amplitude(
        self, statistics: LayerRecord, failure_probability: float = 0.01
    ) -> float | None:
        """Return the smallest x_min with which a layer fails with at most δ.

        The layer's x_min is ignored, and so is its threshold, which would have to change with it;
        x_max stays. The result is 0 if every x_min is allowed; None if not even x_min = x_max is.
        """
        beyond, layer = _asked(self, "min_amplitude", statistics, failure_probability)
        return inverse.min_amplitude(beyond, layer)

    def min_channels(
        self, statistics: LayerRecord, failure_probability: float = 0.01
    ) -> int | None:
        """Return how many channels the signal must have for any unit-norm filters to reach δ.

        Of the filters only their number and shape count: ``n_atoms``, ``stripe_size`` and
        ``channel_size``. It is a necessary number, not a sufficient one: filters at Welch's floor
        need not exist. None if no number will do.
        """
        beyond, layer = _asked(self, "min_channels", statistics, failure_probability)
        return inverse.min_channels(beyond, layer)

    # ---- what hooks may use ------------------------------------------------------------------

    def _guarantee(self, layers: tuple[LayerRecord, ...], parts: list[LayerGuarantee]) -> Guarantee:
        """Return the guarantee that is made of one `LayerGuarantee` for each layer."""
        conditional = any(layer.measured for layer in layers[:-1])
        return Guarantee(tuple(parts), type(self).__name__, self.reference, conditional)


def _asked(
    bound: BoundCalculator,
    method: str,
    layer: LayerRecord,
    failure_probability: float,
    of_class: bool = True,
) -> tuple[inverse.Condition, Any]:
    """Return the condition to fail with at most δ, and what an inverse question is about."""
    name = type(bound).__name__
    as_record(layer, f"{name}.{method}: statistics")
    delta = real(failure_probability, f"{name}: failure_probability", minimum=0, maximum=1)
    if of_class and bound.needs_instances:
        raise NotCoveredError(
            f"{name} speaks of given codes, not of all codes of some sparsity: it has no {method}"
        )
    (record,) = bound._records(layer, f"{method}: statistics")

    def beyond(changed: LayerRecord) -> float:
        guarantee = bound.evaluate(changed)
        return _logarithm_of_ratio(guarantee.unclipped, delta) if guarantee.holds else math.inf

    return beyond, bound._wanted(record if of_class else record.changed(noise=0.0))


def _logarithm_of_ratio(probability: float, delta: float) -> float:
    """Return log(p / δ), which is at most 0 if and only if p is at most δ, whatever rounds."""
    if probability == 0:
        return -math.inf
    if delta == 0:
        return math.inf
    ratio = math.log(probability) - math.log(delta)
    return min(ratio, 0.0) if probability <= delta else max(ratio, math.ulp(0.0))
