"""What a bound is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import attrs

from dcsc._arrays import real
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.records import LayerInstance, LayerStatistics
from dcsc.errors import ContractError, DcscError, NotCoveredError

__all__ = ["BoundCalculator"]

_MOST = 2**62

Records = LayerStatistics | LayerInstance | Iterable[LayerStatistics | LayerInstance]


class BoundCalculator(ABC):
    """A theorem that bounds the probability that the forward pass gets a support wrong.

    A subclass supplies ``_evaluate``; it asks for the layers' traits, never for types.

    Laws, for hard thresholds at the place the bound speaks of:

    - ``failure_probability`` lies in [0, 1]
    - it rises with S, μ, ζ, N and x_max, and falls with x_min
    - it is at most δ at ``max_sparsity(…, δ)``, and above δ one further

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
        name = type(self).__name__
        one = isinstance(layers, LayerStatistics | LayerInstance)
        given = [layers] if one else list(layers) if isinstance(layers, Iterable) else []
        if not given or not all(isinstance(x, LayerStatistics | LayerInstance) for x in given):
            raise DcscError(
                f"{name}.evaluate: layers: expected LayerStatistics or LayerInstance, one per "
                f"layer, got {layers!r}"
            )
        records: tuple[Any, ...] = tuple(given)
        if self.needs_instances:
            for number, layer in enumerate(given, start=1):
                if not isinstance(layer, LayerInstance):
                    raise self._refuse(
                        number,
                        "it needs the dictionary and the codes: expected a LayerInstance, got "
                        f"{type(layer).__name__}",
                    )
        else:
            records = self._statistics(cast(list[LayerStatistics | LayerInstance], given))
        result = self._evaluate(records)
        if not isinstance(result, Guarantee) or len(result.layers) != len(records):
            raise ContractError(
                f"{name}._evaluate: expected a Guarantee of {len(records)} layers, got {result!r}"
            )
        return result

    @abstractmethod
    def _evaluate(self, layers: tuple[Any, ...]) -> Guarantee:
        """Return the guarantee for one record per layer, layer 1 first, at least one.

        They are all `LayerStatistics`, or all `LayerInstance` if ``needs_instances``.
        """

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
        name = type(self).__name__
        if self.needs_instances:
            raise NotCoveredError(
                f"{name} speaks of given codes, not of all codes of some sparsity: it has no "
                "max_sparsity"
            )
        delta = real(failure_probability, f"{name}: failure_probability", minimum=0, maximum=1)
        (layer,) = self._statistics([statistics])

        def meets(sparsity: int) -> bool:
            guarantee = self.evaluate(attrs.evolve(layer, sparsity=sparsity))
            return guarantee.holds and guarantee.unclipped <= delta

        most = _MOST if layer.stripe_size is None else layer.stripe_size
        if not meets(0):
            return None
        low, high = 0, 1
        while high <= most and meets(high):
            low, high = high, 2 * high
        if high > most and meets(most):
            return math.inf if layer.stripe_size is None else most
        high = min(high, most)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if meets(middle) else (low, middle)
        return low

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
