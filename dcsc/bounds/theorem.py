"""What every theorem about the layers of a model is, whatever it says of them."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Self, TypeVar

import attrs

from dcsc._words import one_of, quoted
from dcsc.bounds.coverage import signs_refusal
from dcsc.bounds.records import LayerInstance, LayerRecord
from dcsc.bounds.records.statistics import Records, as_records, record_hypotheses
from dcsc.bounds.statement import Statement
from dcsc.errors import ContractError, NotCoveredError
from dcsc.pursuits import Layered, OneStep, PathwayPursuit, Pursuit
from dcsc.pursuits.pathways.layered import as_pathway_pursuit

__all__ = ["Theorem"]

S = TypeVar("S", bound=Statement[Any])


def _name(pursuit: type[Pursuit]) -> str:
    return "the forward pass" if pursuit is OneStep else pursuit.__name__


class Theorem(ABC, Generic[S]):
    """A theorem about the layers of a model: records in, a `Statement` out.

    `BoundCalculator` are those about whole supports. A subclass supplies ``_evaluate``, and names
    in ``states`` the class of what it returns; it asks for the layers' traits, never for types.

    Attributes
    ----------
    label, about : str
        What tables and figures call it, and in a few words what it is a guarantee for.
    fails : str
        What a failure probability is the probability of, as a sentence starts.
    reference : str
        The theorem, and where it is proved.
    needs_instances : bool
        Whether the bound has to see the dictionary and the codes: constants are not enough.
    needs_babel : bool
        Whether the Babel functions of an instance are worth computing.
    needs_signs : bool
        Whether it is about signs that are given: it then asks for instances whose
        ``signs_independent`` is False.
    pursuits : tuple of type
        The pursuits of a layer that it speaks of; the forward pass takes one step. Of models that
        another pursuit runs it says nothing. None of them: it is about codes, however found.
    """

    label: ClassVar[str] = ""
    about: ClassVar[str] = ""
    fails: ClassVar[str] = "the pathway fails"
    reference: ClassVar[str] = ""
    needs_instances: ClassVar[bool] = False
    needs_babel: ClassVar[bool] = False
    needs_signs: ClassVar[bool] = False
    states: ClassVar[type[Statement[Any]]]
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = (OneStep,)

    def at(self, pursuit: Pursuit | PathwayPursuit | None = None) -> Self:
        """Return the theorem about models that a pursuit runs, with what it has to know of it.

        Parameters
        ----------
        pursuit : Pursuit or PathwayPursuit, optional
            By default the forward pass.

        Raises
        ------
        NotCoveredError
            If the theorem says nothing about the pursuit.
        """
        name = type(self).__name__
        chosen = as_pathway_pursuit(pursuit, f"{name}.at: pursuit")
        steps = chosen.pursuit if isinstance(chosen, Layered) else None
        each = steps if isinstance(steps, tuple) else (steps,)
        if any(type(step) not in self.pursuits for step in each):
            known = " and ".join(_name(kind) for kind in self.pursuits)
            raise NotCoveredError(f"{name} covers no pursuit{known and f' but {known}'}")
        return self._at(each)

    def evaluate(self, layers: Records) -> S:
        """Return what it says of layers given as statistics or instances, layer 1 first.

        Raises
        ------
        NotCoveredError
            If the theorem does not cover a layer's signs, projection or codes, or needs to see
            them and was given statistics.
        """
        records = self._records(layers, "evaluate: layers")
        result = self._evaluate(tuple(self._wanted(record) for record in records))
        if not isinstance(result, self.states) or len(result.layers) != len(records):
            raise ContractError(
                f"{type(self).__name__}._evaluate: expected {one_of(self.states)} of "
                f"{len(records)} layers, got {quoted(result)}"
            )
        parts = tuple(
            part.under(others)
            for part, others in zip(result.layers, record_hypotheses(records), strict=True)
        )
        return attrs.evolve(result, layers=parts, calculator=self, records=records)

    @abstractmethod
    def _evaluate(self, layers: tuple[Any, ...]) -> S:
        """Return the statement for one record per layer, layer 1 first, at least one.

        They are what ``_wanted`` makes of those that `evaluate` was given.
        """

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        """Return the theorem about these pursuits, one for all layers or one each.

        They are of its ``pursuits``. By default it has to know nothing of them.
        """
        return self

    # ---- what hooks may use ------------------------------------------------------------------

    def _require_random_signs(
        self, number: int, layer: LayerRecord, deepest: bool, shared: bool = False
    ) -> None:
        """Refuse a layer whose support does not come from thresholds and independent signs.

        With ``shared``, atoms may share signs.
        """
        refusal = signs_refusal(layer, deepest, shared)
        if refusal is not None:
            raise self._refuse(number, refusal)

    def _refuse(self, layer: int, why: str) -> NotCoveredError:
        """Return the error to raise for a layer that the theorem does not cover."""
        return NotCoveredError(f"{type(self).__name__} does not cover layer {layer}: {why}")

    # ---- records of the kind that the bound can use ------------------------------------------

    def _records(self, layers: Records, where: str) -> tuple[LayerRecord, ...]:
        """Return what a method was given, if the bound can use it."""
        records = as_records(layers, f"{type(self).__name__}.{where}")
        for number, record in enumerate(records, start=1):
            if self.needs_signs and record.signs_independent:
                raise self._refuse(
                    number,
                    "it is about signs that are given, and these are random: expected a "
                    "LayerInstance of the layer's operator, with signs_independent=False",
                )
        return self._instances(records) if self.needs_instances else records

    def _instances(self, records: tuple[LayerRecord, ...]) -> tuple[LayerInstance, ...]:
        """Return records that are all instances, or refuse the others."""
        for number, record in enumerate(records, start=1):
            if not isinstance(record, LayerInstance):
                raise self._refuse(
                    number,
                    "it needs the dictionary and the codes: expected a LayerInstance, got "
                    f"{type(record).__name__}",
                )
        return tuple(record for record in records if isinstance(record, LayerInstance))

    def _wanted(self, record: LayerRecord) -> LayerRecord:
        """Return a record of the kind that ``_evaluate`` gets."""
        if self.needs_instances:
            return record
        constants = record.statistics(self.needs_babel)
        constants.check_units(type(self).__name__)
        return constants
