"""That no other code as sparse explains the signal."""

import math
from typing import ClassVar

import attrs

from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.pursued.margins import condition, layer_guarantee, levels_of
from dcsc.bounds.records import Babel, LayerInstance, LayerRecord, LayerStatistics
from dcsc.bounds.sides import Side
from dcsc.pursuits import Pursuit

__all__ = ["UniquenessBound"]


@attrs.frozen
class UniquenessBound(BoundCalculator):
    r"""The support that is the only one: no other code as sparse explains the signal.

    With :math:`c = c_{\min}^2 - \mu_1(2S - 1)`, two codes of stripe sparsity S that explain a
    signal up to errors of patch norm ζ differ by at most :math:`2 c_{\min} \zeta / c` in each
    entry. So they have one support if their non-zeros are at least :math:`x_{\min}`, and

    .. math:: 2 c_{\min} \zeta < c\, x_{\min};

    without noise they are equal. The two may also have different stripe sparsities, of sum 2S. It
    speaks of no pursuit, but of codes, however found. Its probability is 0 or, where the condition
    is false, unknown, which is reported as 1.

    The published condition :math:`S < \frac12 (1 + 1/\mu)` follows by
    :math:`\mu_1(2S - 1) \le (2S - 1)\mu`.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=0.01, x_max=1)
    >>> UniquenessBound().max_sparsity(layer)
    6
    """

    label: ClassVar[str] = "(0)"
    about: ClassVar[str] = "that no other code as sparse explains the signal"
    fails: ClassVar[str] = "another pathway as sparse explains the signal"
    reference: ClassVar[str] = "Uniqueness under the Babel function, after Tropp, 2004"
    needs_babel: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = ()

    def _wanted(self, record: LayerRecord) -> LayerRecord:
        wanted = super()._wanted(record)
        if not isinstance(record, LayerInstance) or not isinstance(wanted, LayerStatistics):
            return wanted
        # The condition asks for one more value of the Babel function.
        place = max(2 * wanted.need("sparsity") - 1, 1)
        known = wanted.babel or Babel({}, {})
        sums = {**dict(known.sums), place: record.dictionary.babel(place)}
        return attrs.evolve(wanted, babel=Babel(sums, known.squares))

    def _sides(
        self, layer: LayerStatistics, part: LayerGuarantee, failure_probability: float
    ) -> tuple[Side, ...]:
        return (_condition(layer, part.noise),) if layer.need("sparsity") else ()

    def _evaluate(self, layers: tuple[LayerStatistics, ...]) -> Guarantee:
        def error(number: int, layer: LayerStatistics, noise: float) -> float:
            # half of what two codes may differ by: the middle between them is this near to both
            spare = _spare(layer)
            return layer.gain[0] * noise / spare if spare > 0 else math.inf

        return self._guarantee(
            layers,
            [
                layer_guarantee(number, layer, noise, _condition(layer, noise), (0.0, math.inf), ())
                for number, (layer, noise) in enumerate(
                    zip(layers, levels_of(layers, error), strict=True), start=1
                )
            ],
        )


def _spare(layer: LayerStatistics) -> float:
    """Return c."""
    others = max(2 * layer.need("sparsity") - 1, 0)
    return layer.gain[0] * layer.gain[0] - layer.babel_sum(others)


def _condition(layer: LayerStatistics, noise: float) -> Side:
    return condition(layer, layer.gain[0] * noise, _spare(layer), "mu_1(2S - 1)")
