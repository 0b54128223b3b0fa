"""The guarantee for given codes: a union of the tails of their atoms."""

import math
from collections.abc import Callable, Iterable
from typing import ClassVar, Literal, overload

import attrs
import numpy as np

from dcsc._arguments import flag
from dcsc._arrays import Array, real
from dcsc._fields import number_field
from dcsc._words import quoted
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.instance.problem import Entering, Problem, problems, threshold_of
from dcsc.bounds.instance.search import best_threshold
from dcsc.bounds.instance.units import UnitProbabilities, joined, unit_probabilities
from dcsc.bounds.instance.weakest import weakest_atoms
from dcsc.bounds.noise import Noise, NoNoise, as_noise
from dcsc.bounds.objectives import ExpectedWrong
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.records.statistics import Records
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.bounds.sides import WeakAtom
from dcsc.bounds.tails import Chernoff, Exact, Tail, as_tail
from dcsc.errors import DcscError
from dcsc.projections.base import Threshold

__all__ = ["InstanceBound", "assumed"]

_BATCH_ENTRIES = 2**19
_STEP = 2048
_WITNESSES = 8


def _optional_model(
    instance: "InstanceBound", attribute: object, value: Noise | str | None
) -> None:
    if value is not None:
        as_noise(value, "InstanceBound: noise_model")


@attrs.frozen
class InstanceBound(BoundCalculator):
    r"""The guarantee for given codes, atom by atom.

    With weights :math:`w^{(k)}_j = |G_{kj} x_j|` for j in the support T other than k, gains
    :math:`c_k` and the tail :math:`F_w(t) \ge P(\sum w_j \varepsilon_j \ge t)`,

    .. math:: P(\text{failure}) \le \sum_{k \notin T} \min\{1, 2 F_{w^{(k)}}(\beta_k)\} +
        \sum_{k \in T} \min\{1, F_{w^{(k)}}(c_k^2 |x_k| - \beta_k)\}

    summed over the columns; adversarial noise takes :math:`c_k \zeta` off each argument, other
    noise enters the tail. A one-sided projection drops the factor 2. Atoms that no signs can bring
    across their threshold cost nothing. Where the tail is costly, atoms whose cheaper tails add
    up to less than ``tolerance`` of the union are left at those. `Guarantee.lower` is the largest
    probability of a single atom, as far as the tail tells.

    Atoms may share signs, in blocks b, where it is known which (`LayerInstance.coins`). Then each
    block is one weight, :math:`|\sum_{j \in b} G_{kj} x_j|`, and what atoms of k's own block add to
    its coefficient is no random part of it where the sign of the coefficient matters.

    Parameters
    ----------
    tail : Tail or str, default "exact"
        ``"l1"``, ``"hoeffding"``, ``"chernoff"``, ``"bentkus"``, ``"exact"``, ``"lattice"``,
        ``"selberg"``, or a `Tail`.
    noise_model : Noise or str, optional
        In place of that of the instances.
    tolerance : float, default 0.001
        Largest relative excess over the union of the tail itself.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> pair = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], extent=8)
    >>> guarantee = InstanceBound().evaluate(LayerInstance(pair, [[1, 0, 1, 0, 0, 0, 0, 0]], 0.6))
    >>> round(guarantee.lower, 12), round(guarantee.failure_probability, 12)
    (0.5, 0.5)
    """

    label: ClassVar[str] = "(I)"
    about: ClassVar[str] = "for these very codes, atom by atom"
    reference: ClassVar[str] = "Union over the atoms of given codes, with the tails of their signs"
    needs_instances: ClassVar[bool] = True

    tail: Tail = attrs.field(factory=Exact, converter=as_tail)
    noise_model: Noise | str | None = attrs.field(default=None, validator=_optional_model)
    tolerance: float = number_field(real, default=1e-3, minimum=0, maximum=1)

    def atoms(self, instance: LayerInstance) -> Array:
        """Return what each atom contributes to the union, in the shape of the codes.

        Every atom is bounded by the tail itself, however little it contributes.

        Parameters
        ----------
        instance : LayerInstance
            With a threshold and a noise.
        """
        entering = self._entering_one(instance, "atoms")
        exact = attrs.evolve(self, tolerance=0.0)
        unions = [exact._column(problem) for problem in problems(instance, entering)]
        return np.stack([union.each for union in unions] or [np.zeros(0)]).reshape(
            instance.codes.shape
        )

    def units(self, instance: LayerInstance, tolerance: float = 0.005) -> UnitProbabilities:
        """Return between what the probability lies that each unit comes out wrong.

        What `atoms` bounds from above, from both sides and for every error that the noise model
        allows; units that overshoot a two-sided threshold are right, as far as the tail tells.

        Parameters
        ----------
        instance : LayerInstance
            With a threshold and a noise.
        tolerance : float, default 0.005
            How far the ends may be apart where nearer ones cost more: summed over the units of the
            support, and over the others, at most this share of the number of the former, in each
            column. Ties and errors keep them apart whatever they cost, and so do tails that cannot
            come nearer. With 0 every unit is bounded by the tail itself.
        """
        entering = self._entering_one(instance, "units")
        enough = real(tolerance, "InstanceBound.units: tolerance", minimum=0, maximum=1)
        seen = problems(instance, entering)
        each = [unit_probabilities(problem, self.tail, enough) for problem in seen]
        return joined(each, instance.codes.shape)

    def _weakest(self, layer: LayerInstance, count: int) -> tuple[WeakAtom, ...]:
        columns = problems(layer, self._entering_one(layer, "_weakest"))
        each = self.atoms(layer).reshape(len(columns), -1)
        return weakest_atoms(columns, each, tuple(layer.dictionary.code_shape), count)

    @overload
    def best_threshold(
        self, instance: LayerInstance, per_filter: Literal[False] = False
    ) -> float: ...

    @overload
    def best_threshold(self, instance: LayerInstance, per_filter: bool) -> Threshold: ...

    def best_threshold(self, instance: LayerInstance, per_filter: bool = False) -> Threshold:
        """Return a threshold at which the union is nearly smallest; the layer's own is ignored.

        If no signs make the layer fail for any threshold of an interval, this is its middle. Any
        threshold that does not depend on the signs is as valid as another.

        Parameters
        ----------
        instance : LayerInstance
            With a noise.
        per_filter : bool, default False
            Whether to choose one for each filter: the union is a sum over filters.
        """
        entering = self._entering_one(instance, "best_threshold")
        columns = problems(attrs.evolve(instance, threshold=0.0), entering)
        each = flag(per_filter, "InstanceBound.best_threshold: per_filter")
        filters = instance.dictionary.code_shape[0] if each else 1
        best = best_threshold(
            columns,
            lambda problem: self._column(problem).each,
            Problem.screen,
            filters,
            ExpectedWrong(),
        )
        return best if each else float(best[0])

    def best_thresholds(self, layers: Records, per_filter: bool = False) -> tuple[Threshold, ...]:
        flag(per_filter, "InstanceBound.best_thresholds: per_filter")
        records = self._instances(self._records(layers, "best_thresholds: layers"))
        return self._one_by_one(records, lambda layer: self.best_threshold(layer, per_filter))

    def _one_by_one(
        self, layers: Iterable[LayerInstance], choose: Callable[[LayerInstance], Threshold]
    ) -> tuple[Threshold, ...]:
        """Return what is chosen for each layer, with the error that those below then leave."""
        chosen: list[LayerInstance] = []
        for layer in layers:
            known = layer
            if layer.noise is None:  # that of the layers below, at their new thresholds
                known = attrs.evolve(layer, noise=self._levels((*chosen, layer))[-1])
            chosen.append(attrs.evolve(layer, threshold=choose(known)))
        return tuple(layer.threshold for layer in chosen if layer.threshold is not None)

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        levels = self._levels(layers)
        parts = []
        for number, (layer, level) in enumerate(zip(layers, levels, strict=True), start=1):
            deepest, shared = number == len(layers), layer.coins is not None
            self._require_random_signs(number, layer, deepest, shared)
            entering = self._entering(number, layers, level)
            beta = threshold_of(number, layer)
            unions = [self._column(problem) for problem in problems(layer, entering)]
            parts.append(
                LayerGuarantee(
                    math.fsum(union.upper for union in unions),
                    (float(beta.min()), float(beta.max())),
                    level,
                    tuple(assumed(number, layer, level, entering)),
                    max((union.lower for union in unions), default=0.0),
                )
            )
        return self._guarantee(layers, parts)

    def _levels(self, layers: tuple[LayerInstance, ...]) -> list[float]:
        """Return ζ of every layer: as given, or else from the layer below."""
        levels: list[float] = []
        for number, layer in enumerate(layers, start=1):
            level = layer.noise_level
            if level is not None:
                levels.append(level)
            elif number == 1:
                levels.append(0.0)
            else:
                below = layers[number - 2]
                beta = float(threshold_of(number - 1, below).max())
                levels.append(propagated_noise(below.statistics(), levels[-1], beta, babel=True))
        return levels

    def _entering_one(self, layer: LayerInstance, method: str) -> Entering:
        """Return what enters a layer that is looked at alone."""
        if not isinstance(layer, LayerInstance):
            raise DcscError(
                f"InstanceBound.{method}: instance: expected a LayerInstance, got {quoted(layer)}"
            )
        self._require_random_signs(1, layer, deepest=True, shared=layer.coins is not None)
        level = layer.noise_level
        if level is None:
            raise DcscError(
                f"InstanceBound.{method}: noise: expected a number or a signal, got None"
            )
        return self._entering(1, (layer,), level)

    def _entering(self, number: int, layers: tuple[LayerInstance, ...], level: float) -> Entering:
        """Return what enters a layer, if the theorem covers it there."""
        layer = layers[number - 1]
        law = layer.law if self.noise_model is None else as_noise(self.noise_model)
        if isinstance(layer.noise, np.ndarray):
            if law.name == "independent":
                return Entering(0.0, NoNoise(), layer.noise)
            if not law.bounded:
                raise self._refuse(number, "a signal that is given is not Gaussian")
        if level == 0:
            return Entering(0.0, NoNoise())
        if not self.tail.covers(law):
            raise self._refuse(
                number, f"{quoted(self.tail)} is no bound for the noise model {quoted(law.name)}"
            )
        refusal = law.refusal(number, level, [below.unbiased for below in layers[: number - 1]])
        if refusal is not None:
            raise self._refuse(number, refusal)
        return Entering(level, law)

    def _column(self, problem: Problem) -> "_Union":
        """Return the union over the atoms of one column, the likeliest atoms first."""
        # a cheap bound of every atom; atoms that it shows cannot fail are done
        upper = problem.screen()
        active = np.flatnonzero(upper > 0)
        order = active[np.argsort(-upper[active], kind="stable")]
        rest = np.append(np.cumsum(upper[order][::-1])[::-1], 0.0)
        if not self.tail.costly:
            rest[:-1] = np.inf
        each, total, lower, start = np.zeros(len(upper)), 0.0, 0.0, 0
        # as long as the atoms that are left could add more than half of the tolerance
        while start < len(order) and rest[start] > self.tolerance / 2 * total:
            # as many rows of weights as fit, filled up to the widest
            widest = np.maximum.accumulate(problem.column.count[order[start:]] + 1)
            sized = widest * np.arange(1, len(widest) + 1)
            stop = start + max(1, int(np.searchsorted(sized, _BATCH_ENTRIES)))
            batch = order[start:stop]
            weights = problem.column.weights(batch)
            if self.tail.costly:
                # a sharper bound, which is cheap still, decides what is worth the tail itself
                upper[batch] = np.minimum(upper[batch], problem.upper(Chernoff(), batch, weights))
                by_size = np.argsort(-upper[batch], kind="stable")
                batch, weights = batch[by_size], weights[by_size]
            behind = np.append(np.cumsum(upper[batch][::-1])[::-1], 0.0)
            step = _STEP if self.tail.costly else len(batch)
            for at in range(0, len(batch), step):
                # half of the tolerance is for what is left over here, in proportion
                share = self.tolerance / 2 * len(batch) / len(order)
                if self.tail.costly and behind[at] <= share * total:
                    break
                atoms, part = batch[at : at + step], weights[at : at + step]
                sharp = problem.upper(self.tail, atoms, part)
                upper[atoms] = np.minimum(sharp, upper[atoms]) if self.tail.costly else sharp
                total += float(upper[atoms].sum())
                # the likeliest of them bound the probability of any failure from below
                top = np.argsort(-upper[atoms], kind="stable")[:_WITNESSES]
                top = top[upper[atoms[top]] > lower]
                if top.size:
                    witnesses = problem.lower(self.tail, atoms[top], part[top])
                    lower = max(lower, float(witnesses.max()))
            start = stop
        each[order] = upper[order]
        return _Union(math.fsum(each.tolist()), lower, each)


@attrs.frozen(eq=False)
class _Union:
    upper: float
    lower: float
    each: Array


def assumed(
    number: int, layer: LayerInstance, level: float, entering: Entering
) -> list[Hypothesis]:
    """State what the guarantee takes for granted of the error entering a layer."""
    if entering.signal is not None:
        return [Hypothesis(f"layer {number}: what enters is the signal given, for all signs")]
    statement = entering.law.statement
    assumptions = [Hypothesis(f"layer {number}: {statement}")] if statement else []
    return [*noise_hypotheses(number, layer, level), *assumptions]
