"""Layer by layer, as the forward pass does."""

from typing import Any

import attrs

from dcsc._arguments import instances
from dcsc._arrays import Array
from dcsc._fields import named
from dcsc._words import counted, quoted
from dcsc.errors import DcscError
from dcsc.pursuits.base import Pursuit
from dcsc.pursuits.one_step import OneStep
from dcsc.pursuits.pathways.base import PathwayPursuit
from dcsc.pursuits.pathways.task import PathwayTask

__all__ = ["FORWARD_PASS", "Layered", "as_pathway_pursuit"]


def _pursuits(value: Any, record: Any, where: str) -> Pursuit | tuple[Pursuit, ...]:
    return value if isinstance(value, Pursuit) else instances(value, Pursuit, where)


@attrs.frozen
class Layered(PathwayPursuit):
    r"""Each layer by itself, from the first on, on the code that was found below.

    .. math:: \hat X^{(l)} = \text{pursuit}\big(\hat X^{(l-1)}, A^{(l)} D^{(l)}, P^{(l)}\big)

    ``Layered(OneStep())`` is the forward pass. Whatever a layer gets wrong is the noise of the
    next.

    Parameters
    ----------
    pursuit : Pursuit or sequence of Pursuit
        One for all layers, or one for each.

    Examples
    --------
    >>> from dcsc import DCSCModel, DenseDictionary, HardThreshold, IdentitySigns, Layer, OneStep
    >>> layer = Layer(DenseDictionary([[1, 0], [0, 1]]), HardThreshold(0.5), IdentitySigns())
    >>> DCSCModel([layer, layer]).forward([2, 0.1], pursuit=Layered(OneStep()))[2]
    array([2., 0.])
    """

    pursuit: Pursuit | tuple[Pursuit, ...] = attrs.field(converter=named(_pursuits))  # type: ignore[misc]  # see `named`

    def _pursue(self, task: PathwayTask) -> list[Array]:
        codes, estimate = [], task.signal
        pursuits = self._each(len(task.layers))
        for number, (layer, pursuit) in enumerate(zip(task.layers, pursuits, strict=True)):
            entering = task.entering(number, estimate)
            pursued = pursuit._run(entering, layer.operator, layer.projection, layer.dictionary)
            estimate = pursued.code
            codes.append(estimate)
        return codes

    def _each(self, depth: int) -> tuple[Pursuit, ...]:
        """Return the pursuit of each of so many layers."""
        pursuits = self.pursuit if isinstance(self.pursuit, tuple) else (self.pursuit,) * depth
        if len(pursuits) != depth:
            raise DcscError(
                f"Layered: pursuit: expected one for each of {counted(depth, 'layer')}, got "
                f"{len(pursuits)}"
            )
        return pursuits


FORWARD_PASS = Layered(OneStep())


def as_pathway_pursuit(value: Any, where: str) -> PathwayPursuit:
    """Return a pathway pursuit; a pursuit of one layer is taken layer by layer."""
    if isinstance(value, PathwayPursuit):
        return value
    if value is not None and not isinstance(value, Pursuit):
        raise DcscError(f"{where}: expected a Pursuit or a PathwayPursuit, got {quoted(value)}")
    return FORWARD_PASS if value is None else Layered(value)
