"""Every layer as the actual forward pass has it, in the mean over all signs."""

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng
from dcsc._entries import SparseOrDense
from dcsc.bounds.depth.passed import Below, at_a_shift, stray_sizes
from dcsc.bounds.depth.records import AveragedMeans
from dcsc.bounds.depth.told import DrawnLayer, Task, undecided
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.noise import Adversarial
from dcsc.bounds.tails import Tail
from dcsc.model import DCSCModel

__all__ = ["actual_means"]

_PILOTS = 3
_SHARES = (2, 4, 8, 16, 32)  # 1 over what errors below may add


@attrs.frozen(eq=False)
class _Choice:
    """By what each unit of a layer is bounded, chosen before the draws that count.

    Parameters
    ----------
    field, weight : arrays of bool
        By its receptive field, or by the weight of wrong units below; where neither, by 1.
    shift : array
        s, where it is the latter.
    """

    field: Array
    weight: Array
    shift: Array

    @property
    def words(self) -> str:
        """How many units each theorem is for."""
        counts = int(self.field.sum()), int(self.weight.sum())
        rest = len(self.field) - sum(counts)
        return (
            f"{counts[0]} units by their receptive fields, {counts[1]} by the weight of errors "
            f"below, {rest} by nothing"
        )


def actual_means(
    model: DCSCModel,
    codes: "SparseOrDense",
    draws: int = 100,
    rng: Rng = 0,
    noise: "npt.ArrayLike | None" = None,
    tail: Tail | str = "exact",
    tolerance: float = 0.005,
    delta: float = 0.05,
) -> AveragedMeans:
    r"""Return how much of each support is right in the mean, in the actual forward pass.

    Layer 1 is as in `told_means`. Above it a unit is wrong no more often than in the told pass and
    by what wrong units below add, and of two theorems each unit has the one that says more: by the
    units of its receptive field, or, in layer 2 under a tail that is valid for adversarial noise,
    by the sizes with which they are wrong (`dcsc.bounds.depth.passed`). Which of them, and with
    which s, three more draws decide before the others, so that these are not biased by it. The
    lower ends are those of nothing being wrong.

    Parameters
    ----------
    model, codes, draws, rng, noise, tail, tolerance, delta
        As in `told_means`.

    Raises
    ------
    NotCoveredError
        As `told_means`.
    TooLargeError
        If the matrix of a layer above the first is too large.

    Examples
    --------
    Of layer 2 no unit is wrong if it is told layer 1, but layer 1 errs:

    >>> from dcsc import CirculantDictionary, HardThreshold, Layer
    >>> below = CirculantDictionary([[[3, -1]], [[1, 2]]], extent=5).normalized()
    >>> above = CirculantDictionary([[[1, 0], [0, 0.5]]], extent=5).normalized()
    >>> model = DCSCModel([Layer(below, HardThreshold(0.31)), Layer(above, HardThreshold(0.42))])
    >>> codes = [[1, 0, 1.3, 0, 0]]
    >>> from dcsc.bounds import told_means
    >>> told_means(model, codes, draws=10).layers[1].averages.false_alarms
    Interval(low=0.0, high=0.0)
    >>> actual_means(model, codes, draws=10).layers[1].averages.false_alarms.high > 1
    True
    """
    task = Task.of("actual_means", model, codes, draws, rng, noise, tail, tolerance, delta)
    below, sums = Below.each(task.model), task.averages()
    choices: list[_Choice] = []
    if below:
        pilots = list(task.drawn(_PILOTS))
        choices = [_chosen(task, at, layer, pilots) for at, layer in enumerate(below, start=1)]
        for at, choice in enumerate(choices, start=1):
            # a probability, and one more for each layer whose errors are counted
            most = np.where(choice.field, 1.0 + at, np.where(choice.weight, 2.0, 1.0))
            sums[at] = attrs.evolve(sums[at], most=most)
    assumed: list[tuple[Hypothesis, ...]] = [()] * len(sums)
    for draw in task.drawn(task.draws):
        sums[0].add(draw[0].on, draw[0].lower, draw[0].upper)
        for at, (layer, choice) in enumerate(zip(below, choices, strict=True), start=1):
            upper = _bounded(task, layer, choice, draw[: at + 1])
            sums[at].add(draw[at].on, np.zeros(len(upper)), upper)
            assumed[at] = assumed[at] or undecided(draw[at].record)
    bases = [task.exact_over_one(), *(f"{task.exact_over_one()}; {c.words}" for c in choices)]
    return task.summary(
        "actual",
        [
            task.layer(total, basis, hypotheses, layer)
            for total, basis, hypotheses, layer in zip(
                sums, bases, assumed, task.model.layers, strict=True
            )
        ],
    )


def _chosen(task: Task, at: int, below: Below, pilots: list[tuple[DrawnLayer, ...]]) -> _Choice:
    """Return by what each unit is bounded best in a few draws."""
    base = np.mean([draw[at].upper for draw in pilots], axis=0)
    field = base + np.mean([below.unions(draw) for draw in pilots], axis=0)
    best, shift = np.full(len(base), np.inf), np.zeros(len(base))
    if at == 1 and task.bound.tail.covers(Adversarial()):
        errors = [below.weights.T @ stray_sizes(draw[0], task.bound) for draw in pilots]
        mean = np.mean(errors, axis=0)
        for share in _SHARES:
            at_most = np.mean(
                [
                    at_a_shift(draw[at], share * mean, task.bound) + _shares(error, share * mean)
                    for draw, error in zip(pilots, errors, strict=True)
                ],
                axis=0,
            )
            better = (at_most < best) & (mean > 0)
            best, shift = np.where(better, at_most, best), np.where(better, share * mean, shift)
    by_weight = (best < field) & (best < 1)
    return _Choice(~by_weight & (field < 1), by_weight, np.where(by_weight, shift, 0.0))


def _shares(errors: Array, shift: Array) -> Array:
    """Return Markov's bound of the probability that errors of a mean size reach a shift."""
    ratio = np.divide(errors, shift, out=np.ones_like(errors), where=shift > 0)
    return np.minimum(ratio, 1.0)


def _bounded(task: Task, below: Below, choice: _Choice, draw: tuple[DrawnLayer, ...]) -> Array:
    """Return what each unit of the last layer of a draw contributes to the mean."""
    layer = draw[-1]
    upper = np.where(choice.field, layer.upper + below.unions(draw), 1.0)
    if choice.weight.any():
        errors = below.weights.T @ stray_sizes(draw[0], task.bound)
        told = at_a_shift(layer, choice.shift, task.bound)
        upper = np.where(choice.weight, told + _shares(errors, choice.shift), upper)
    return upper
