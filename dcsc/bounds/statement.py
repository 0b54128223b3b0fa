"""What any theorem says of a model: one part for each layer, with what it takes for granted."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, Protocol, Self, TypeVar

import attrs

from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import LayerRecord

__all__ = ["Part", "Statement"]


class Calculator(Protocol):
    """What computed a statement, and can compute it again."""

    def evaluate(self, layers: Iterable[LayerRecord], /) -> "Statement[Any]":
        """Return the statement for one record per layer, layer 1 first."""


class Part(Protocol):
    """What is said of one layer."""

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The conditions under which it is true."""

    def under(self, hypotheses: tuple[Hypothesis, ...]) -> Self:
        """Return it under further conditions; it says nothing if one was found false."""


P = TypeVar("P", bound=Part)


@attrs.frozen
class Statement(ABC, Generic[P]):
    """What a theorem says of a model, layer by layer.

    Parameters
    ----------
    layers : tuple
        ``layers[l - 1]`` for layer l.
    bound : str
        Name of the bound.
    reference : str
        The theorem it stands on.
    conditional : bool
        Whether constants of layers below the deepest were measured on one pathway. They are
        random, so that it is then about pathways with the same constants.
    calculator : Theorem, optional
        The bound itself, with its parameters; its ``evaluate`` fills it in.
    records : tuple of LayerRecord
        What it evaluated, layer 1 first; likewise.
    """

    layers: tuple[P, ...]
    bound: str
    reference: str
    conditional: bool = False
    calculator: Calculator | None = attrs.field(default=None, repr=False, eq=False, kw_only=True)
    records: tuple[LayerRecord, ...] = attrs.field(default=(), repr=False, eq=False, kw_only=True)

    @property
    @abstractmethod
    def holds(self) -> bool:
        """Whether it says anything, and no hypothesis was found false."""

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """All conditions, layer by layer."""
        return tuple(h for layer in self.layers for h in layer.hypotheses)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The conditions that could not be checked, each once."""
        return tuple(dict.fromkeys(h.statement for h in self.hypotheses if h.holds is None))

    @property
    def violations(self) -> tuple[str, ...]:
        """The conditions that were found false, as what must be."""
        return tuple(h.required for h in self.hypotheses if h.holds is False)
