r"""What wrong units of the layers below do to a layer in the actual pass: two theorems.

The actual pass agrees with the told one in a unit if all units in its receptive field are right; so
with :math:`\tilde p` for the told pass and R for the receptive field in a layer below,

.. math:: P(W_k) \le E[\tilde p_k] +
    \sum_{l' < l} E\Big[\min\Big\{1, \sum_{j \in R_{l'}(k)} \tilde p_j\Big\}\Big].

The union over a layer may be cut off at 1 before the mean is taken, for it is one over the signs of
that layer, for given signs of the others.

In layer 2, wrong units below may also be weighed by what they hand on. The code of a hard
threshold differs from what the told pass sees by :math:`-z_j` where unit j is missed, and by
:math:`z_j` where it is a false alarm. With :math:`e_j = E[|z_j|; W_j]`, for every s > 0 that
depends on no signs,

.. math:: P(W_k) \le E[\tilde p_k(s)] + E\Big[\min\Big\{1, \frac1s \sum_j |a_{kj}| e_j\Big\}\Big],

where :math:`\tilde p_k(s)` is the told probability under an error of s that knows the signs: if the
difference does not move the coefficient by s, which is Markov's inequality, such an error stands
for it.
"""

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array
from dcsc.bounds.depth.told import DrawnLayer
from dcsc.bounds.instance.problem import Entering, Problem, problems
from dcsc.bounds.instance.units import unit_probabilities
from dcsc.bounds.noise import Adversarial, NoNoise
from dcsc.bounds.partial import PartialBound
from dcsc.coefficients import TOLERANCE
from dcsc.model import DCSCModel

__all__ = ["Below", "at_a_shift", "stray_sizes"]

_STEPS = 8
_PARTS = 2  # steps to a deviation


@attrs.frozen(eq=False)
class Below:
    """Which units below a layer can reach which of its units.

    Parameters
    ----------
    fields : tuple of sparse arrays, (units below, units)
        The receptive fields, one for each layer below, layer 1 first.
    weights : sparse array, (units of the layer below, units)
        The sizes of the atoms' entries.
    """

    fields: tuple[scipy.sparse.csc_array, ...]
    weights: scipy.sparse.csc_array

    @classmethod
    def each(cls, model: DCSCModel) -> "list[Below]":
        """Return them for every layer above the first."""
        out: list[Below] = []
        for layer in model.layers[1:]:
            weights = abs(scipy.sparse.csc_array(layer.dictionary.to_sparse()))
            pattern = (weights > 0).astype(np.float64)
            lower = [((field @ pattern) > 0).astype(np.float64) for field in _last(out)]
            out.append(cls((*lower, pattern), weights))
        return out

    def unions(self, draw: tuple[DrawnLayer, ...]) -> Array:
        """Return bounds of the probability that a unit in the receptive field is wrong, summed."""
        each = [
            np.minimum(field.T @ layer.upper, 1.0)
            for field, layer in zip(self.fields, draw, strict=False)
        ]
        return np.asarray(np.sum(each, axis=0))


def _last(layers: list[Below]) -> tuple[scipy.sparse.csc_array, ...]:
    return layers[-1].fields if layers else ()


def _problem(layer: DrawnLayer) -> Problem:
    """Return what the units of a layer see, where nothing enters but a known signal."""
    noise = layer.record.noise
    assert isinstance(noise, np.ndarray)
    (problem,) = problems(layer.record, Entering(0.0, NoNoise(), noise))
    return problem


def at_a_shift(layer: DrawnLayer, shift: Array, bound: PartialBound) -> Array:
    """Return what the units' probabilities are at most under errors that know the signs.

    Parameters
    ----------
    layer : DrawnLayer
    shift : array, an entry for each unit
        How far the error may move its coefficient.
    bound : PartialBound
        With a tail that is valid for such errors.
    """
    if not layer.known:
        return np.ones(len(shift))
    column = _problem(layer).column
    moved = attrs.evolve(
        column,
        error=column.error + shift,
        slack=column.slack + 2 * TOLERANCE * shift,
        still=column.still & (shift == 0),
    )
    problem = Problem(moved, Adversarial())
    return unit_probabilities(problem, bound.tail, bound.tolerance).upper


def stray_sizes(layer: DrawnLayer, bound: PartialBound) -> Array:
    r"""Return bounds of :math:`E[|z_j|; W_j]` for the units of a layer with a hard threshold.

    What is missed is no larger than β. For false alarms

    .. math:: E[|z|; |z| > \beta] = \beta P(|z| > \beta) + \int_\beta^\infty P(|z| > u)\, du,

    and P falls, so that sums of its values at the lower ends of steps bound the integral.
    """
    problem = _problem(layer)
    column = problem.column
    sizes = column.threshold * layer.upper
    # a threshold so low that no unit of the support is missed: the others alone are looked at
    low = -2 * (np.abs(column.strength) + column.total + 1)
    step = column.deviation / _PARTS
    top = (column.total + column.slack) * (1 + TOLERANCE)
    start, tail = column.threshold, np.where(column.on, 0.0, layer.upper)
    for number in range(_STEPS + 1):
        stop = np.maximum(top if number == _STEPS else np.minimum(start + step, top), start)
        sizes = sizes + (stop - start) * tail
        if number < _STEPS:
            at = attrs.evolve(problem, column=column.at(np.where(column.on, low, stop)))
            tail = unit_probabilities(at, bound.tail, bound.tolerance).upper
            tail = np.where(column.on, 0.0, tail)
            start = stop
    return sizes
