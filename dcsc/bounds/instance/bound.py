"""The guarantee for given codes: a union of the tails of their atoms."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, real
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.instance.problem import Noise, Problem, largest_signal, problems, threshold_of
from dcsc.bounds.instance.weakest import weakest_atoms
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.records.statistics import Records
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.bounds.sides import WeakAtom
from dcsc.bounds.tails import NOISE_MODELS, Chernoff, Exact, Tail, as_tail
from dcsc.errors import DcscError
from dcsc.projections.base import Threshold

__all__ = ["InstanceBound"]

_UNIT = 1e-12
_BATCH_ENTRIES = 2**19
_STEP = 2048
_WITNESSES = 8
_GRID = 16
_ZOOMS = 3


def _optional_model(instance: "InstanceBound", attribute: object, value: str | None) -> None:
    if value is not None and value not in NOISE_MODELS:
        raise DcscError(
            f"InstanceBound: noise_model: expected one of {', '.join(NOISE_MODELS)}, got {value!r}"
        )


def _tolerance(value: object) -> float:
    return real(value, "InstanceBound: tolerance", minimum=0, maximum=1)


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

    Parameters
    ----------
    tail : Tail or str, default "exact"
        ``"l1"``, ``"hoeffding"``, ``"chernoff"``, ``"bentkus"``, ``"exact"``, ``"lattice"``, or a
        `Tail`.
    noise_model : str, optional
        In place of that of the instances.
    tolerance : float, default 0.001
        Largest relative excess over the union of the tail itself.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> pair = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], extent=8)
    >>> found = InstanceBound().evaluate(LayerInstance(pair, [[1, 0, 1, 0, 0, 0, 0, 0]], 0.6))
    >>> round(found.lower, 12), round(found.failure_probability, 12)
    (0.5, 0.5)
    """

    reference: ClassVar[str] = "Union over the atoms of given codes, with the tails of their signs"
    needs_instances: ClassVar[bool] = True

    tail: Tail = attrs.field(factory=Exact, converter=as_tail)
    noise_model: str | None = attrs.field(default=None, validator=_optional_model)
    tolerance: float = attrs.field(default=1e-3, converter=_tolerance)

    def atoms(self, instance: LayerInstance) -> Array:
        """Return what each atom contributes to the union, in the shape of the codes.

        All of them by the tail itself, however little they matter.

        Parameters
        ----------
        instance : LayerInstance
            With a threshold and a noise.
        """
        noise = self._noise_of_one(instance, "atoms")
        exact = attrs.evolve(self, tolerance=0.0)
        unions = [exact._column(problem) for problem in problems(instance, noise)]
        return np.stack([union.each for union in unions] or [np.zeros(0)]).reshape(
            instance.codes.shape
        )

    def _weakest(self, layer: LayerInstance, count: int) -> tuple[WeakAtom, ...]:
        columns = problems(layer, self._noise_of_one(layer, "_weakest"))
        each = self.atoms(layer).reshape(len(columns), -1)
        return weakest_atoms(columns, each, tuple(layer.dictionary.code_shape), count)

    def best_threshold(self, instance: LayerInstance, per_filter: bool = False) -> Threshold:
        """Return a threshold at which the union is about least; its own is ignored.

        Any threshold that does not depend on the signs is as valid as another.

        Parameters
        ----------
        instance : LayerInstance
            With a noise.
        per_filter : bool, default False
            Whether to choose one for each filter: the union is a sum over filters.
        """
        noise = self._noise_of_one(instance, "best_threshold")
        columns = problems(attrs.evolve(instance, threshold=0.0), noise)
        filters = instance.dictionary.code_shape[0] if per_filter else 1
        low, high = np.zeros(filters), np.full(filters, largest_signal(columns))
        best, least = (low + high) / 2, np.full(filters, np.inf)
        for _ in range(_ZOOMS):
            places = np.linspace(low, high, _GRID + 1)
            for place in places:
                unions = [self._column(problem.at(place)) for problem in columns]
                each = np.sum([u.each.reshape(filters, -1).sum(axis=1) for u in unions], axis=0)
                best, least = np.where(each < least, place, best), np.minimum(each, least)
            step = (high - low) / _GRID
            low, high = np.maximum(best - step, 0.0), best + step
        return best if per_filter else float(best[0])

    def best_thresholds(self, layers: Records, per_filter: bool = False) -> tuple[Threshold, ...]:
        found: list[LayerInstance] = []
        for layer in self._records(layers, "best_thresholds: layers"):
            assert isinstance(layer, LayerInstance)
            if layer.noise is None:  # that of the layers below, at their new thresholds
                level = self._entering((*found, layer))[-1]
                best = self.best_threshold(attrs.evolve(layer, noise=level), per_filter)
            else:
                best = self.best_threshold(layer, per_filter)
            found.append(attrs.evolve(layer, threshold=best))
        return tuple(layer.threshold for layer in found if layer.threshold is not None)

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        levels = self._entering(layers)
        parts = []
        for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
            entering = self._noise(number, layers, noise)
            beta = threshold_of(number, layer)
            unions = [self._column(problem) for problem in problems(layer, entering)]
            hypotheses = _assumed(number, layer, noise, entering)
            parts.append(
                LayerGuarantee(
                    math.fsum(union.upper for union in unions),
                    (float(beta.min()), float(beta.max())),
                    noise,
                    tuple(hypotheses),
                    max((union.lower for union in unions), default=0.0),
                )
            )
        return self._guarantee(layers, parts)

    def _entering(self, layers: tuple[LayerInstance, ...]) -> list[float]:
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

    def _noise_of_one(self, layer: LayerInstance, method: str) -> Noise:
        """Return what enters a layer that is looked at alone."""
        self._require_random_signs(1, layer, deepest=True)
        level = layer.noise_level
        if level is None:
            raise DcscError(
                f"InstanceBound.{method}: noise: expected a number or a signal, got None"
            )
        return self._noise(1, (layer,), level)

    def _noise(self, number: int, layers: tuple[LayerInstance, ...], level: float) -> Noise:
        """Return what enters a layer, if the theorem covers it there."""
        layer = layers[number - 1]
        model = self.noise_model or layer.noise_model
        if isinstance(layer.noise, np.ndarray):
            if model == "independent":
                return Noise(0.0, "none", layer.noise)
            if model == "gauss":
                raise self._refuse(number, "a signal that is given is not Gaussian")
        if level == 0:
            return Noise(0.0, "none")
        if model not in self.tail.noise_models:
            raise self._refuse(number, f"{self.tail!r} is no bound for the noise model {model!r}")
        if model == "none":
            raise self._refuse(number, f"the noise model is none, but the noise is {level:.6g}")
        if number > 1 and model in ("independent", "gauss"):
            raise self._refuse(number, f"the error of layer {number - 1} depends on its signs")
        if model == "martingale":
            for below, other in enumerate(layers[: number - 1], start=1):
                if not _unbiased(other):
                    raise self._refuse(
                        number,
                        f"layer {below} leaves an error whose mean is not zero: it shrinks, or "
                        "its atoms are not of unit norm",
                    )
        return Noise(level, model)

    def _column(self, problem: Problem) -> "_Union":
        """Return the union over the atoms of one column, the likeliest atoms first."""
        upper = problem.screen()
        active = np.flatnonzero(upper > 0)
        order = active[np.argsort(-upper[active], kind="stable")]
        rest = np.append(np.cumsum(upper[order][::-1])[::-1], 0.0)
        if not self.tail.costly:
            rest[:-1] = np.inf
        each, found, lower, start = np.zeros(len(upper)), 0.0, 0.0, 0
        while start < len(order) and rest[start] > self.tolerance / 2 * found:
            widest = np.maximum.accumulate(problem.interference.count[order[start:]] + 1)
            sized = widest * np.arange(1, len(widest) + 1)
            stop = start + max(1, int(np.searchsorted(sized, _BATCH_ENTRIES)))
            some = order[start:stop]
            weights = problem.interference.weights(some)
            if self.tail.costly:
                upper[some] = np.minimum(upper[some], problem.upper(Chernoff(), some, weights))
                by_size = np.argsort(-upper[some], kind="stable")
                some, weights = some[by_size], weights[by_size]
            behind = np.append(np.cumsum(upper[some][::-1])[::-1], 0.0)
            for at in range(0, len(some), _STEP):
                # half of the tolerance is for what is left over here, in proportion
                share = self.tolerance / 2 * len(some) / len(order)
                if self.tail.costly and behind[at] <= share * found:
                    break
                atoms, part = some[at : at + _STEP], weights[at : at + _STEP]
                upper[atoms] = problem.upper(self.tail, atoms, part)
                found += float(upper[atoms].sum())
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


def _unbiased(layer: LayerInstance) -> bool:
    """Return whether the error of an exactly recovered layer has conditional mean zero."""
    chosen = layer.selection
    unit = bool(np.all(np.abs(layer.dictionary.atom_norms() - 1) <= _UNIT))
    return unit and chosen is not None and not (chosen.shrinkage or chosen.one_sided)


def _assumed(number: int, layer: LayerInstance, level: float, noise: Noise) -> list[Hypothesis]:
    if noise.signal is not None:
        return [Hypothesis(f"layer {number}: what enters is the signal given, for all signs")]
    said = {
        "independent": "the noise is independent of the signs",
        "gauss": "the noise is normal and independent of the signs",
        "martingale": "the error entering has mean zero, given the signs",
    }
    own = [Hypothesis(f"layer {number}: {said[noise.model]}")] if noise.model in said else []
    return [*noise_hypotheses(number, layer, level), *own]
