"""Why bounds say what they say of a model, and what would have to change."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import instances
from dcsc._arrays import integer, real
from dcsc._words import quoted
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.explanations.records import (
    BestThreshold,
    Change,
    Explanation,
    LayerExplanation,
    Refusal,
    StrideOption,
    Verdict,
)
from dcsc.bounds.family import BOUNDS, PURSUED, LayeredBound, PartialBound
from dcsc.bounds.guarantee import Guarantee
from dcsc.bounds.hypotheses import threshold_hypothesis
from dcsc.bounds.inverse import with_babel
from dcsc.bounds.pursued.margins import parameter_of
from dcsc.bounds.records import Babel, LayerInstance, LayerRecord, LayerStatistics, measure
from dcsc.bounds.records.babel import values_of
from dcsc.bounds.records.measured import checked_pathway
from dcsc.bounds.records.statistics import Records, as_records
from dcsc.bounds.theorem import Theorem
from dcsc.dictionaries.convolutional import ConvolutionalDictionary
from dcsc.errors import ContractError, DcscError
from dcsc.model import DCSCModel
from dcsc.pathway import Pathway
from dcsc.pursuits import Layered, OneStep, PathwayPursuit, Pursuit
from dcsc.pursuits.pathways.layered import FORWARD_PASS, as_pathway_pursuit

__all__ = ["explain"]

_MOST_STRIDES = 2

Asked = BoundCalculator | PartialBound


def explain(
    layers: DCSCModel | Records,
    truth: Pathway | None = None,
    *,
    noise: "float | npt.ArrayLike" = 0.0,
    bounds: Sequence[Asked] | Asked | None = None,
    failure_probability: float = 0.01,
    top: int = 3,
    pursuit: Pursuit | PathwayPursuit | None = None,
) -> Explanation:
    """Return why each guarantee holds or not, layer by layer, and what would have to change.

    Every layer is examined alone, with the error that enters it according to the bound. Each answer
    changes one quantity and leaves all others as they are, so that none of them says that two
    changes together would not be enough. A call evaluates each bound some hundred times.

    Parameters
    ----------
    layers : DCSCModel, or sequence of LayerStatistics or LayerInstance, or one of them
        The model, drawn or not, or records, layer 1 first. Atoms are looked at where there are
        instances.
    truth : Pathway, optional
        With a model: what `DCSCModel.synthesize` returned.
    noise : float or array_like, default 0
        With a model: as in `measure`.
    bounds : BoundCalculator, PartialBound or sequence of these, optional
        By default all of dcsc's that speak of the pursuit. Those that do not cover it, or
        the model, are listed as such. A
        `PartialBound` is asked about layers whose whole support is not proved to be found.
    failure_probability : float, default 0.01
        δ in [0, 1], of each layer.
    top : int, default 3
        How many of the weakest atoms to look at, of each layer and bound.
    pursuit : Pursuit or PathwayPursuit, optional
        What runs the model, by default the forward pass. Each bound takes from it what it has to
        know, by its ``at``; thresholds are then penalties or levels.

    Raises
    ------
    DcscError
        If records are given with a truth or with noise; if the constants of a layer cannot be
        told, as for codes that are all zero.

    Examples
    --------
    >>> from dcsc.bounds import LayerStatistics, UniformBound
    >>> layer = LayerStatistics(coherence=1 / 13, sparsity=8, x_min=1, x_max=1, noise=0)
    >>> explanation = explain(layer, bounds=UniformBound())
    >>> side = explanation.layers[0].verdicts[0].sides[0]
    >>> round(side.slack, 3), explanation.layers[0].guaranteed
    (-0.154, 6)
    >>> explanation.headline
    'Nothing is proved of layer 1: mu = 0.07692 and S = 8. With S at most 6 in place of 8 it ...
    """
    records = _records(layers, truth, noise)
    depth = len(records)
    delta = real(failure_probability, "explain: failure_probability", minimum=0, maximum=1)
    count = integer(top, "explain: top", minimum=0)
    runs = as_pathway_pursuit(pursuit, "explain: pursuit")
    steps = runs._each(depth) if isinstance(runs, Layered) else ()
    chosen = _chosen(bounds, depth, steps)
    whole = [bound for bound in chosen if isinstance(bound, BoundCalculator)]
    guarantees, refusals = _evaluated(whole, records, runs)
    parts = [
        _layer(number, records, guarantees, delta, count, step)
        for number, step in enumerate(steps or (None,) * depth, start=1)
    ]
    # Where no bound proves a whole support, how much of it is.
    if not all(part.reaches(delta) for part in parts):
        others = [bound for bound in chosen if isinstance(bound, PartialBound)]
        means, silent = _evaluated(others, records, runs)
        refusals += silent
        if means:
            parts = [
                part if part.reaches(delta) else attrs.evolve(part, partial=mean)
                for part, mean in zip(parts, means[0].layers, strict=True)
            ]
    return Explanation(delta, tuple(parts), tuple(guarantees), tuple(refusals), pursuit=runs)


def _evaluated(
    bounds: Sequence[Any], records: Any, pursuit: PathwayPursuit
) -> tuple[list[Any], list[Refusal]]:
    """Return what those say that cover the model, and what the others do not cover."""
    statements, refusals = [], []
    for bound in bounds:
        try:
            statements.append(bound.at(pursuit).evaluate(records))
        except ContractError:
            raise
        except DcscError as error:
            why = str(error)
            if pursuit == FORWARD_PASS and OneStep not in bound.pursuits and bound.pursuits:
                known = " or ".join(f"{kind.__name__}(...)" for kind in bound.pursuits)
                why += f": ask explain(..., pursuit={known})"
            refusals.append(Refusal(type(bound).__name__, why))
    return statements, refusals


def _records(
    layers: DCSCModel | Records, truth: Pathway | None, noise: Any
) -> tuple[LayerRecord, ...]:
    if isinstance(layers, DCSCModel):
        checked_pathway(layers, truth, "explain")
        return measure(layers, truth, noise)  # type: ignore[arg-type]  # checked: it is no None
    if truth is not None or not isinstance(noise, int | float) or noise != 0:
        raise DcscError(
            "explain: truth, noise: expected with a model only: records have codes and noise of "
            "their own"
        )
    return as_records(layers, "explain: layers")


def _chosen(
    bounds: Sequence[Asked] | Asked | None, depth: int, steps: tuple[Pursuit, ...]
) -> list[Asked]:
    if bounds is None:
        # of one layer the layered bound is the hybrid one
        kinds: list[type[Asked]] = [
            kind for kind in (*BOUNDS, *PURSUED) if kind is not LayeredBound or depth > 1
        ]
        speak = {type(step) for step in steps}
        return [kind() for kind in (*kinds, PartialBound) if speak <= {*kind.pursuits}]
    theorems = bounds if isinstance(bounds, Iterable) else [bounds]
    chosen: list[Asked] = []
    for one in instances(theorems, Theorem, "explain: bounds"):
        if not isinstance(one, BoundCalculator | PartialBound):
            raise DcscError(
                f"explain: bounds: expected bounds of whole supports or a PartialBound, got "
                f"{quoted(one)}"
            )
        chosen.append(one)
    return chosen


def _layer(
    number: int,
    records: tuple[LayerRecord, ...],
    guarantees: list[Guarantee],
    delta: float,
    count: int,
    step: Pursuit | None,
) -> LayerExplanation:
    record = records[number - 1]
    # The constants of the layer, and the two atoms behind its coherence, if its filters are known.
    pair, channels, babel = None, None, None
    if isinstance(record, LayerInstance):
        babel = values_of(record.dictionary)
        pair, channels = record.dictionary.correlated_pair(), record.dictionary.signal_shape[0]
        # without the noise, which may have no bound; each guarantee says what enters
        statistics = record.changed(noise=None).statistics()
    else:
        statistics = record.statistics()
    parameter = parameter_of(step)
    threshold = getattr(step, parameter, record.chosen_threshold)
    thresholds = () if threshold is None else tuple(np.ravel(threshold).tolist())
    verdicts, classes = [], []
    for guarantee in guarantees:
        bound, part = guarantee.calculator, guarantee.layers[number - 1]
        assert isinstance(bound, BoundCalculator)
        bound = bound.at(step)
        # The layer as this bound sees it, with the noise that enters according to its guarantee.
        known = (statistics.sparsity, part.noise, statistics.x_min, channels)
        alone: LayerRecord = record
        if not bound.needs_instances:
            alone = attrs.evolve(statistics, noise=part.noise)
            classes.append((bound, alone))
        elif record.noise is None:
            alone = record.changed(noise=part.noise)
        # What the bound says of it, and which change would lead to δ.
        verdicts.append(
            Verdict(
                guarantee.bound,
                part,
                bound._sides(alone, part, delta),
                _inside(number, thresholds, part.threshold),
                _changes(bound, alone, known, delta, babel),
                _best(bound, alone, step),
                _asked(_sparsest(bound, babel), alone, 0.0),
                bound._weakest(alone, count),
            )
        )
    strides = _strides(record, statistics, classes, delta)
    return LayerExplanation(
        number, statistics, thresholds, tuple(verdicts), pair, strides, parameter=parameter
    )


def _inside(
    number: int, thresholds: tuple[float, ...], interval: tuple[float, float]
) -> bool | None:
    """Return whether the thresholds in use are among those that a guarantee is about."""
    if not thresholds:
        return None
    if interval == (min(thresholds), max(thresholds)):
        return True
    return threshold_hypothesis(number, np.array(thresholds), interval).holds


def _asked(question: Callable[..., float | None], layer: Any, delta: float) -> float | None:
    """Return the answer to an inverse question, None also where the bound has none."""
    try:
        return question(layer, delta)
    except DcscError:
        return None


def _sparsest(
    bound: BoundCalculator, babel: Callable[[int], Babel] | None
) -> Callable[..., float | None]:
    """Return a bound's `max_sparsity`, with the Babel functions of the dictionary if there is one.

    All bounds share the passes over its Gram matrix.
    """
    if babel is None or not bound.needs_babel:
        return bound.max_sparsity
    return lambda layer, delta: with_babel(lambda one: bound.max_sparsity(one, delta), layer, babel)


def _changes(
    bound: BoundCalculator,
    layer: LayerRecord,
    now: Sequence[float | None],
    delta: float,
    babel: Callable[[int], Babel] | None,
) -> tuple[Change, ...]:
    """Return a bound's answers to the inverse questions, where it has one."""
    questions: tuple[tuple[str, bool, bool, Callable[..., float | None]], ...] = (
        ("S", True, True, _sparsest(bound, babel)),
        ("zeta", True, True, bound.max_noise),
        ("x_min", False, True, bound.min_amplitude),
        ("channels", False, False, bound.min_channels),
    )
    changes = []
    for (quantity, upper, enough, question), value in zip(questions, now, strict=True):
        try:
            needed = question(layer, delta)
        except DcscError:
            continue  # the bound does not answer it, or the layer does not say enough
        # the least x_min is that at any threshold of the layer, for the best one moves with it
        kept = (
            quantity != "x_min" or OneStep not in bound.pursuits or layer.chosen_threshold is None
        )
        changes.append(
            Change(quantity, value, needed, upper, sufficient=enough, keeps_threshold=kept)
        )
    return tuple(changes)


def _best(bound: BoundCalculator, layer: LayerRecord, step: Pursuit | None) -> BestThreshold | None:
    """Return the best threshold, of the pursuit or the layer; None if it cannot have one."""
    try:
        (threshold,) = bound.best_thresholds(layer)
        parameter = parameter_of(step)
        if parameter == "threshold":
            guarantee = bound.evaluate(layer.changed(threshold=threshold))
        else:
            changed: Any = attrs.evolve(step, **{parameter: threshold})  # type: ignore[misc]
            guarantee = bound.at(changed).evaluate(layer)
        return BestThreshold(float(threshold), guarantee.failure_probability)
    except DcscError:
        return None


def _strides(
    layer: LayerRecord,
    statistics: LayerStatistics,
    classes: list[tuple[BoundCalculator, LayerStatistics]],
    delta: float,
) -> tuple[StrideOption, ...]:
    """Return the layer at the next larger strides that its dictionary can have."""
    dictionary = getattr(layer, "dictionary", None)
    if not isinstance(dictionary, ConvolutionalDictionary):
        return ()
    options: list[StrideOption] = []
    for factor in range(2, max(dictionary.span) + 1):  # beyond, atoms do not meet
        if len(options) == _MOST_STRIDES:
            break
        # The same filters, farther apart; codes change with the stride, so that only x_min stays.
        try:
            stride = tuple(factor * step for step in dictionary.stride)
            wider = attrs.evolve(dictionary, stride=stride)
        except DcscError:
            continue
        zero = LayerInstance(wider, np.zeros(wider.code_shape), x_min=statistics.x_min)
        fresh = zero.statistics(babel=False)
        # How large S may be there by each bound of classes.
        limits, babel = [], values_of(wider)
        for bound, alone in classes:
            names = ("coherence", "n_atoms", "gain", "stripe_size", "n_stripes", "containing")
            constants = {name: getattr(fresh, name) for name in names}
            moved = attrs.evolve(alone, sparsity=None, babel=None, **constants)
            limits.append(_asked(_sparsest(bound, babel), moved, delta))
        allowed = [limit for limit in limits if limit is not None]
        options.append(
            StrideOption(
                stride,
                fresh.coherence,
                wider.stripes.size,
                fresh.need("n_atoms"),
                max(allowed, default=None),
            )
        )
    return tuple(options)
