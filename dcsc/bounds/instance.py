"""The guarantee for given codes: a union of the tails of their atoms."""

import math
from typing import ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, real
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, Hypothesis, LayerGuarantee
from dcsc.bounds.interference import Interference
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.recursion import noise_hypotheses, propagated_noise
from dcsc.bounds.tails import Bentkus, Chernoff, Exact, Hoeffding, Tail, as_tail
from dcsc.bounds.tails.base import NOISE_MODELS, Rows
from dcsc.errors import DcscError
from dcsc.projections.base import Threshold

__all__ = ["InstanceBound"]

_TIE = 1e-12
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
        self._require_random_signs(1, instance, deepest=True)
        noise = instance.noise
        if noise is None:
            raise DcscError("InstanceBound.atoms: noise: expected a number, got None")
        model = self._model(1, (instance,), noise)
        exact = attrs.evolve(self, tolerance=0.0)
        unions = [exact._column(problem) for problem in _problems(instance, noise, model)]
        return np.stack([union.each for union in unions] or [np.zeros(0)]).reshape(
            instance.codes.shape
        )

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
        self._require_random_signs(1, instance, deepest=True)
        if instance.noise is None:
            raise DcscError("InstanceBound.best_threshold: noise: expected a number, got None")
        model = self._model(1, (instance,), instance.noise)
        problems = _problems(attrs.evolve(instance, threshold=0.0), instance.noise, model)
        filters = instance.dictionary.code_shape[0] if per_filter else 1
        low, high = np.zeros(filters), np.full(filters, _largest_signal(problems))
        best, least = (low + high) / 2, np.full(filters, np.inf)
        for _ in range(_ZOOMS):
            places = np.linspace(low, high, _GRID + 1)
            for place in places:
                unions = [self._column(problem.at(place)) for problem in problems]
                each = np.sum([u.each.reshape(filters, -1).sum(axis=1) for u in unions], axis=0)
                best, least = np.where(each < least, place, best), np.minimum(each, least)
            step = (high - low) / _GRID
            low, high = np.maximum(best - step, 0.0), best + step
        return best if per_filter else float(best[0])

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        levels = self._entering(layers)
        parts = []
        for number, (layer, noise) in enumerate(zip(layers, levels, strict=True), start=1):
            self._require_random_signs(number, layer, deepest=number == len(layers))
            model = self._model(number, layers, noise)
            beta = _threshold(number, layer)
            unions = [self._column(problem) for problem in _problems(layer, noise, model)]
            hypotheses = [*noise_hypotheses(number, layer, noise), *_assumed(number, model)]
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
            if layer.noise is not None:
                levels.append(layer.noise)
            elif number == 1:
                levels.append(0.0)
            else:
                below = layers[number - 2]
                beta = float(_threshold(number - 1, below).max())
                levels.append(propagated_noise(below.statistics(), levels[-1], beta, babel=True))
        return levels

    def _model(self, number: int, layers: tuple[LayerInstance, ...], noise: float) -> str:
        """Return the noise model of a layer, if the theorem covers it there."""
        model = self.noise_model or layers[number - 1].noise_model
        if noise == 0:
            return "none"
        if model not in self.tail.noise_models:
            raise self._refuse(number, f"{self.tail!r} is no bound for the noise model {model!r}")
        if model == "none":
            raise self._refuse(number, f"the noise model is none, but the noise is {noise:.6g}")
        if number > 1 and model in ("independent", "gauss"):
            raise self._refuse(number, f"the error of layer {number - 1} depends on its signs")
        if model == "martingale":
            for below, layer in enumerate(layers[: number - 1], start=1):
                if not _unbiased(layer):
                    raise self._refuse(
                        number,
                        f"layer {below} leaves an error whose mean is not zero: it shrinks, or "
                        "its atoms are not of unit norm",
                    )
        return model

    def _column(self, problem: "_Problem") -> "_Union":
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


@attrs.frozen(eq=False)
class _Problem:
    """One column: what each atom has to reach to fail, and on how many sides.

    The interference has to reach ``level``; a coefficient and its threshold closer than ``slack``
    are a tie. On the support of a two-sided threshold, an atom has overshot from ``beyond`` on.
    """

    interference: Interference
    on: Array
    level: Array
    slack: Array
    beyond: Array
    noise: Array
    noise_model: str
    sides: int

    def at(self, threshold: Array) -> "_Problem":
        """Return the problem with another threshold, one or one per filter."""
        beta = np.repeat(threshold, len(self.on) // len(threshold))
        signal = np.where(self.on, (self.level + self.beyond) / 2, 0.0)
        return attrs.evolve(
            self,
            level=np.where(self.on, signal - beta, beta),
            slack=_TIE * (signal + beta),
            beyond=signal + beta,
        )

    def screen(self) -> Array:
        """Return a bound of each atom's probability from its sums of weights, 0 if it is 0."""
        gauss, adversarial = self.noise_model == "gauss", self.noise_model == "adversarial"
        level = self.level - self.slack
        reach = self.interference.total + (0 if gauss else self.noise)
        still = (self.interference.total == 0) & (self.noise == 0)
        never = (reach * (1 + _TIE) < level) & ~(gauss & (self.noise > 0))
        never |= still & ~self.on  # the coefficient is zero, and no threshold is below that
        if adversarial:
            level = level - self.noise
        spread = np.zeros_like(level) if adversarial else self.noise
        deviation = np.sqrt(self.interference.squares) * (1 + _TIE)
        rows = Rows(deviation[:, None], level, spread)
        tail = np.minimum(Hoeffding()._upper(rows), 1.0)
        if self.noise_model in Bentkus.noise_models:
            tail = np.minimum(tail, Bentkus()._upper(rows))
        return np.where(never, 0.0, self._both(tail, slice(None)))

    def upper(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return the probability of some atoms that they fail, at most."""
        level = (self.level - self.slack)[atoms]
        return self._both(tail.upper(weights, level, self.noise[atoms], self.noise_model), atoms)

    def lower(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return the probability of some atoms that they fail, at least.

        On the support a two-sided threshold is also crossed by overshooting to the other sign.
        """
        noise, on = self.noise[atoms], self.on[atoms]
        level = (self.level + self.slack)[atoms]
        out = self._both(tail.lower(weights, level, noise, self.noise_model), atoms)
        if self.sides == 2 and on.any():
            # the noise that brings z to the threshold must not carry it through to the other side
            beyond = (self.beyond - self.slack)[atoms]
            sign = 1 if self.noise_model == "adversarial" else -1
            over = tail.upper(weights, beyond + sign * noise, noise_model="none")
            out = np.where(on, np.maximum(out - over, 0.0), out)
        return out

    def _both(self, tail: Array, atoms: Array | slice) -> Array:
        return np.minimum(np.where(self.on[atoms], 1, self.sides) * tail, 1.0)


def _problems(layer: LayerInstance, noise: float, model: str) -> "list[_Problem]":
    """Return one problem per column."""
    dictionary = layer.dictionary
    shape = tuple(dictionary.code_shape)
    norms = dictionary.atom_norms().ravel()
    beta = np.broadcast_to(_threshold(1, layer).reshape(-1, *[1] * (len(shape) - 1)), shape).ravel()
    assert layer.selection is not None
    sides = 1 if layer.selection.one_sided else 2
    out = []
    for code in layer.codes.reshape(-1, math.prod(shape)).astype(np.float64):
        signal = norms**2 * np.abs(code)
        out.append(
            _Problem(
                Interference.of(dictionary, code),
                code != 0,
                np.where(code != 0, signal - beta, beta),
                _TIE * (signal + beta),
                signal + beta,
                norms * noise,
                model,
                sides,
            )
        )
    return out


def _largest_signal(problems: "list[_Problem]") -> float:
    """Return a threshold beyond which nothing on the support is left."""
    return max((float(p.beyond[p.on].max(initial=0.0)) for p in problems), default=0.0) or 1.0


def _threshold(number: int, layer: LayerInstance) -> Array:
    beta = layer.chosen_threshold
    if beta is None:
        raise DcscError(
            f"InstanceBound: threshold: layer {number} has none: give one, or choose it"
        )
    array = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    filters = layer.dictionary.code_shape[0]
    if array.size not in (1, filters):
        raise DcscError(
            f"InstanceBound: threshold: layer {number}: expected one, or one per filter, "
            f"{filters}, got {array.size}"
        )
    return array


def _unbiased(layer: LayerInstance) -> bool:
    """Return whether the error of an exactly recovered layer has conditional mean zero."""
    chosen = layer.selection
    unit = bool(np.all(np.abs(layer.dictionary.atom_norms() - 1) <= _TIE))
    return unit and chosen is not None and not (chosen.shrinkage or chosen.one_sided)


def _assumed(number: int, model: str) -> list[Hypothesis]:
    said = {
        "independent": "the noise is independent of the signs",
        "gauss": "the noise is normal and independent of the signs",
        "martingale": "the error entering has mean zero, given the signs",
    }
    return [Hypothesis(f"layer {number}: {said[model]}")] if model in said else []
