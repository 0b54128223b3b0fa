"""What a bound is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import attrs

from dcsc._arrays import real
from dcsc.bounds import inverse
from dcsc.bounds.explanations.records import Side, WeakAtom
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.records import LayerInstance, LayerStatistics
from dcsc.errors import ContractError, DcscError, NotCoveredError
from dcsc.projections.base import Threshold

__all__ = ["BoundCalculator"]

_MOST = 2**62

Records = LayerStatistics | LayerInstance | Iterable[LayerStatistics | LayerInstance]


def _without_threshold(layer: LayerStatistics | LayerInstance) -> LayerStatistics | LayerInstance:
    """Return the layer with its threshold yet to be chosen."""
    chosen = layer.selection and attrs.evolve(layer.selection, threshold=None)
    return attrs.evolve(layer, threshold=None, selection=chosen)


class BoundCalculator(ABC):
    """A theorem that bounds the probability that the forward pass gets a support wrong.

    A subclass supplies ``_evaluate``; it asks for the layers' traits, never for types.

    Laws, for hard thresholds at the place the bound speaks of:

    - ``failure_probability`` lies in [0, 1]
    - it rises with S, μ, ζ, N and x_max, and falls with x_min
    - it is at most δ at ``max_sparsity(…, δ)``, and above δ one further; likewise at
      ``max_noise``, ``min_amplitude`` and ``min_channels``

    Where a projection shrinks, x_min raises the threshold and with it the error passed on; where
    a threshold is given, another x_min can make it the wrong one; and `ProbabilisticBound` asks
    for a least N in some cases: there the laws need not hold.

    Attributes
    ----------
    reference : str
        The theorem, and where it is proved.
    needs_instances : bool
        Whether numbers do not do, and it must be shown the dictionary and the codes.
    needs_babel : bool
        Whether the Babel functions of an instance are worth computing.
    """

    reference: ClassVar[str] = ""
    needs_instances: ClassVar[bool] = False
    needs_babel: ClassVar[bool] = False

    def evaluate(self, layers: Records) -> Guarantee:
        """Return the guarantee for layers given as statistics or instances, layer 1 first.

        Raises
        ------
        NotCoveredError
            If the theorem does not cover a layer's signs, projection or codes, or needs to see
            them and was given statistics.
        """
        given = self._given(layers, "evaluate")
        records: tuple[Any, ...] = given if self.needs_instances else self._statistics(given)
        result = self._evaluate(records)
        if not isinstance(result, Guarantee) or len(result.layers) != len(records):
            raise ContractError(
                f"{type(self).__name__}._evaluate: expected a Guarantee of {len(records)} layers, "
                f"got {result!r}"
            )
        parts = [
            attrs.evolve(part, hypotheses=(*part.hypotheses, *layer.hypotheses))
            if isinstance(layer, LayerInstance)
            else part
            for part, layer in zip(result.layers, given, strict=True)
        ]
        return attrs.evolve(result, layers=tuple(parts), calculator=self, records=given)

    def best_thresholds(self, layers: Records, per_filter: bool = False) -> tuple[Threshold, ...]:
        """Return a threshold for every layer at which the guarantee is about best, layer 1 first.

        Those that the layers have are ignored. Any threshold that does not depend on the signs is
        as valid as another; of an interval it is the middle.

        Parameters
        ----------
        layers : sequence of LayerStatistics or LayerInstance, or one of them
        per_filter : bool, default False
            Whether to choose one for each filter.

        Raises
        ------
        NotCoveredError
            If the bound does not tell filters apart, and is asked to.
        """
        if per_filter:
            raise NotCoveredError(
                f"{type(self).__name__} does not tell filters apart: it has one threshold a layer"
            )
        free = [_without_threshold(layer) for layer in self._given(layers, "best_thresholds")]
        ends = self.evaluate(free).thresholds
        return tuple(low if math.isinf(high) else (low + high) / 2 for low, high in ends)

    @abstractmethod
    def _evaluate(self, layers: tuple[Any, ...]) -> Guarantee:
        """Return the guarantee for one record per layer, layer 1 first, at least one.

        They are all `LayerStatistics`, or all `LayerInstance` if ``needs_instances``.
        """

    def _sides(
        self,
        layer: LayerStatistics | LayerInstance,
        part: LayerGuarantee,
        failure_probability: float,
    ) -> tuple[Side, ...]:
        """Return the two quantities that decide about one layer, for `explain`.

        By default they are the formula's value and δ; a theorem with a condition of another form
        overrides this.

        Parameters
        ----------
        layer : LayerStatistics, or LayerInstance if ``needs_instances``
        part : LayerGuarantee
            What was said of the layer, with the noise that enters it.
        failure_probability : float
            δ.
        """
        return (
            Side("failure probability", part.unclipped, "delta", failure_probability, strict=False),
        )

    def _weakest(self, layer: LayerStatistics | LayerInstance, count: int) -> tuple[WeakAtom, ...]:
        """Return the atoms that carry most of the value, for `explain`, from large to small.

        By default none: only a bound that looks at instances can tell atoms apart.
        """
        return ()

    def max_sparsity(
        self, statistics: LayerStatistics | LayerInstance, failure_probability: float = 0.01
    ) -> int | float | None:
        """Return the largest S for which one layer fails with at most this probability.

        Parameters
        ----------
        statistics : LayerStatistics or LayerInstance
            Its ``sparsity`` is ignored; ``stripe_size``, where given, is a cap.
        failure_probability : float
            δ in [0, 1]; a guarantee that the layer does better than always fail is asked even
            of δ = 1.

        Returns
        -------
        int, ``math.inf``, or None
            None if not even S = 0 will do.
        """
        delta = self._delta(failure_probability)
        layer = self._class_of(statistics, "max_sparsity")

        def meets(sparsity: int) -> bool:
            return self._meets(attrs.evolve(layer, sparsity=sparsity), delta)

        most = _MOST if layer.stripe_size is None else layer.stripe_size
        if not meets(0):
            return None
        low, high = 0, 1
        while high <= most and meets(high):
            low, high = high, 2 * high
        if high > most and meets(most):
            return math.inf if layer.stripe_size is None else most
        return inverse.last_integer(meets, low, min(high, most))

    def max_noise(
        self, statistics: LayerStatistics | LayerInstance, failure_probability: float = 0.01
    ) -> float | None:
        """Return the largest ζ with which one layer fails with at most this probability.

        Parameters
        ----------
        statistics : LayerStatistics or LayerInstance
            Its ``noise`` is ignored.
        failure_probability : float
            δ in [0, 1], as in `max_sparsity`.

        Returns
        -------
        float, ``math.inf``, or None
            None if the layer fails more often even without noise.
        """
        delta = self._delta(failure_probability)
        given = attrs.evolve(self._one(statistics, "max_noise"), noise=0.0)
        layer = given if self.needs_instances else self._statistics([given])[0]

        def meets(noise: float) -> bool:
            return self._meets(attrs.evolve(layer, noise=noise), delta)

        return inverse.largest(meets, inverse.amplitude(layer))

    def min_amplitude(
        self, statistics: LayerStatistics | LayerInstance, failure_probability: float = 0.01
    ) -> float | None:
        """Return the smallest x_min with which one layer fails with at most this probability.

        Parameters
        ----------
        statistics : LayerStatistics or LayerInstance
            Its ``x_min`` is ignored, and so is its threshold, which would have to move along;
            ``x_max`` stays.
        failure_probability : float
            δ in [0, 1], as in `max_sparsity`.

        Returns
        -------
        float, or None
            0 if every positive one will do, None if not even x_min = x_max will.
        """
        delta = self._delta(failure_probability)
        layer = self._class_of(statistics, "min_amplitude")
        free = _without_threshold(layer)

        def meets(x_min: float) -> bool:
            return self._meets(attrs.evolve(free, x_min=x_min), delta)

        return inverse.smallest(meets, layer.x_max)

    def min_channels(
        self, statistics: LayerStatistics | LayerInstance, failure_probability: float = 0.01
    ) -> int | None:
        r"""Return how many channels the signal must have for any filters to do with this bound.

        With fewer, no unit-norm filters of this shape make the bound say δ for one layer: it is
        more than δ even at the least coherence that they could have, and the least Babel
        functions. For N atoms on c channels of m samples, and stripes Q, these are

        .. math:: \mu^2 \ge w^2 = \frac{E}{|Q| - 1},\quad \mu_2^2(S) \ge S w^2,\quad
            \mu_1(S) \ge \min(S w, E), \qquad E = \frac{N}{c\, m} - 1 .

        It is a necessary number, not a sufficient one: filters that reach the floor need not exist,
        and random ones do not. (Welch, 1974.)

        Parameters
        ----------
        statistics : LayerStatistics or LayerInstance
            Of the filters only their number and shape count: ``n_atoms``, ``stripe_size`` and
            ``channel_size``. Coherence, Babel functions and norms are ignored.
        failure_probability : float
            δ in [0, 1], as in `max_sparsity`.

        Returns
        -------
        int, or None
            None if no number of channels will do.
        """
        delta = self._delta(failure_probability)
        layer = self._class_of(statistics, "min_channels")

        def falls_short(channels: int) -> bool:
            return not self._meets(inverse.at_welch_floor(layer, channels), delta)

        enough = -(-layer.need("n_atoms") // layer.need("channel_size"))
        if falls_short(enough):
            return None
        return inverse.last_integer(falls_short, 0, enough) + 1

    def _meets(self, layer: LayerStatistics | LayerInstance, delta: float) -> bool:
        guarantee = self.evaluate(layer)
        return guarantee.holds and guarantee.unclipped <= delta

    def _delta(self, failure_probability: float) -> float:
        where = f"{type(self).__name__}: failure_probability"
        return real(failure_probability, where, minimum=0, maximum=1)

    def _class_of(
        self, statistics: LayerStatistics | LayerInstance, method: str
    ) -> LayerStatistics:
        """Return the constants of one layer, if the bound speaks of all codes that have them."""
        if self.needs_instances:
            raise NotCoveredError(
                f"{type(self).__name__} speaks of given codes, not of all codes of some sparsity: "
                f"it has no {method}"
            )
        return self._statistics([self._one(statistics, method)])[0]

    def _one(
        self, statistics: LayerStatistics | LayerInstance, method: str
    ) -> LayerStatistics | LayerInstance:
        if not isinstance(statistics, LayerStatistics | LayerInstance):
            raise DcscError(
                f"{type(self).__name__}.{method}: statistics: expected one LayerStatistics or "
                f"LayerInstance, got {statistics!r}"
            )
        return self._given(statistics, method)[0]

    def _given(
        self, layers: Records, method: str
    ) -> tuple[LayerStatistics, ...] | tuple[LayerInstance, ...]:
        """Return the records that a method was given, of the kind that the bound can use."""
        name = type(self).__name__
        one = isinstance(layers, LayerStatistics | LayerInstance)
        given = [layers] if one else list(layers) if isinstance(layers, Iterable) else []
        if not given or not all(isinstance(x, LayerStatistics | LayerInstance) for x in given):
            raise DcscError(
                f"{name}.{method}: layers: expected LayerStatistics or LayerInstance, one per "
                f"layer, got {layers!r}"
            )
        for number, layer in enumerate(given, start=1):
            if self.needs_instances and not isinstance(layer, LayerInstance):
                raise self._refuse(
                    number,
                    "it needs the dictionary and the codes: expected a LayerInstance, got "
                    f"{type(layer).__name__}",
                )
        return cast(tuple[LayerStatistics, ...] | tuple[LayerInstance, ...], tuple(given))

    def _guarantee(
        self,
        layers: tuple[LayerStatistics, ...] | tuple[LayerInstance, ...],
        parts: list[LayerGuarantee],
    ) -> Guarantee:
        """Assemble the layers' guarantees."""
        conditional = any(layer.measured for layer in layers[:-1])
        return Guarantee(tuple(parts), type(self).__name__, self.reference, conditional)

    def _statistics(
        self, layers: Sequence[LayerStatistics | LayerInstance]
    ) -> tuple[LayerStatistics, ...]:
        """Return the constants of all layers."""
        return tuple(
            layer.statistics(self.needs_babel) if isinstance(layer, LayerInstance) else layer
            for layer in layers
        )

    def _require_random_signs(
        self, number: int, layer: LayerStatistics | LayerInstance, deepest: bool
    ) -> None:
        """Refuse a layer whose support is not a matter of thresholds and independent signs."""
        if layer.selection is None:
            raise self._refuse(number, "its projection selects by no threshold (selection is None)")
        if not layer.signs_independent:
            raise self._refuse(number, "its signs are not one independent fair sign per atom")
        if layer.selection.one_sided and not layer.nonnegative:
            raise self._refuse(number, "a one-sided projection loses the negative codes")
        if layer.selection.one_sided and not deepest:
            raise self._refuse(
                number,
                "a one-sided projection needs non-negative codes, and below the deepest layer "
                "they change sign with the random signs of the layer above",
            )

    def _refuse(self, layer: int, why: str) -> NotCoveredError:
        return NotCoveredError(f"{type(self).__name__} does not cover layer {layer}: {why}")
