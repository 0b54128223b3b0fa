"""What `explain` returns."""

from typing import Any

import attrs

from dcsc._display import Display, Displayed, at_most, digits
from dcsc._tables import Tabled
from dcsc._words import counted
from dcsc.bounds.explanations.headline import headline
from dcsc.bounds.explanations.parts import (
    BestThreshold,
    Change,
    LayerExplanation,
    Refusal,
    StrideOption,
    Verdict,
)
from dcsc.bounds.explanations.text import described
from dcsc.bounds.guarantee import Guarantee
from dcsc.bounds.sides import Side, WeakAtom
from dcsc.pursuits import PathwayPursuit
from dcsc.pursuits.pathways.layered import FORWARD_PASS

__all__ = [
    "BestThreshold",
    "Change",
    "Explanation",
    "LayerExplanation",
    "Refusal",
    "Side",
    "StrideOption",
    "Verdict",
    "WeakAtom",
]


@attrs.frozen(repr=False)
class Explanation(Displayed, Tabled):
    """Why bounds say what they say of a model, and what would have to change.

    ``str`` of it is its text.

    Parameters
    ----------
    failure_probability : float
        δ, what was asked for, of each layer.
    layers : tuple of LayerExplanation
        Layer 1 first.
    guarantees : tuple of Guarantee
        Of all layers together, one per bound that covers the model.
    refusals : tuple of Refusal
        The bounds that do not.
    pursuit : PathwayPursuit
        What runs the model.
    """

    failure_probability: float
    layers: tuple[LayerExplanation, ...]
    guarantees: tuple[Guarantee, ...]
    refusals: tuple[Refusal, ...]
    pursuit: PathwayPursuit = attrs.field(default=FORWARD_PASS, kw_only=True)

    @property
    def headline(self) -> str:
        """What is proved, in a sentence or two, or why nothing is, and what would help most."""
        return headline(self.layers, self.guarantees, self.failure_probability)

    def text(self) -> str:
        """Return it as plain text, in lines of at most 100 columns."""
        return described(self)

    def __str__(self) -> str:
        return self.text()

    def _display(self) -> Display:
        return Display(
            f"Explanation, δ = {digits(self.failure_probability)}: "
            f"{counted(len(self.layers), 'layer')}, {counted(len(self.guarantees), 'bound')} "
            f"{'applies' if len(self.guarantees) == 1 else 'apply'}, {len(self.refusals)} "
            f"{'does' if len(self.refusals) == 1 else 'do'} not",
            ("", "μ", "S", "S for certain", "S with δ", "sharpest bound", "fails at most"),
            [
                (
                    name,
                    *map(digits, sizes),
                    bound or "–",
                    "–" if value is None else at_most(value),
                )
                for name, *sizes, bound, value in zip(*self._table().values(), strict=True)
            ],
            (f"{self.headline} print() says more.",),
        )

    def _table(self) -> dict[str, list[Any]]:
        best = [layer.sharpest for layer in self.layers]
        return {
            "layer": [f"layer {layer.number}" for layer in self.layers],
            "coherence": [layer.statistics.coherence for layer in self.layers],
            "sparsity": [layer.measured for layer in self.layers],
            "guaranteed": [layer.guaranteed for layer in self.layers],
            "likely": [layer.likely for layer in self.layers],
            "sharpest": [verdict and verdict.bound for verdict in best],
            "failure_probability": [verdict and verdict.failure_probability for verdict in best],
        }
