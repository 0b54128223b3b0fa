"""Which units no perturbation of the inputs of some size can switch, as shares."""

import attrs

from dcsc._arrays import Array
from dcsc._display import Facts
from dcsc.errors import NotCoveredError
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.network import ConvNetwork
from dcsc.networks.stability import LayerStability
from dcsc.networks.stability.stability import affordable_stability

__all__ = ["StabilityFacts", "stability_facts"]

_PARTS = 4  # what only those pay who ask for perturbations


@attrs.frozen(repr=False)
class StabilityFacts(Facts):
    """Shares of units that are decided for every perturbation of the input, over the inputs.

    Parameters
    ----------
    on, off, decided : float
        Of all units the share that provably stays on, that stays off, and both together.
    steady : float or None
        Of the units that are on, the share that provably stays on; None where none is.
    method : str
        ``"affine"`` or ``"interval"``, which stands for layers that would take too long otherwise.
    inputs : int
        How many inputs these are shares of.
    undecided : array, shape (inputs, *positions)
        Which share of the filters is undecided at each position.
    """

    on: float
    off: float
    decided: float
    steady: float | None
    method: str
    inputs: int
    undecided: Array = attrs.field(eq=False, repr=False, metadata={"numbers": False})


def stability_facts(
    network: ConvNetwork, inputs: Inputs, perturbation: float, products: float
) -> tuple[dict[str, StabilityFacts], tuple[str, ...]]:
    """Return the facts of the layers that bounds reach, by name, and where they stop.

    Parameters
    ----------
    network : ConvNetwork
    inputs : Inputs
    perturbation : float
        The most by which each sample changes.
    products : float
        About how many multiplications a part of the analysis may take for one layer. Affine bounds
        may take four parts, and inputs that would take more are left out.
    """
    try:
        stability = affordable_stability(
            network, inputs.values, perturbation, inputs.span, _PARTS * products, "analyze"
        )
    except NotCoveredError as error:
        return {}, (str(error),)
    facts = {layer.name: _facts(layer) for layer in stability.layers}
    return facts, tuple(map(str, stability.stops))


def _facts(layer: LayerStability) -> StabilityFacts:
    shares = layer.on, layer.off, layer.decided, layer.steady
    where = layer.undecided.mean(axis=1)
    return StabilityFacts(*shares, layer.method, len(layer.active), where)
