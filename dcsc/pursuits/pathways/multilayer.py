"""Proximal gradient steps through all layers at once."""

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive, real, result_dtype
from dcsc._fields import flag_field, number_field
from dcsc.layer import signals_of
from dcsc.pursuits.descent import check_step, relative_change, safe_step
from dcsc.pursuits.pathways.base import PathwayPursuit
from dcsc.pursuits.pathways.task import PathwayTask

__all__ = ["MLFISTA"]

_ROUNDINGS = 8


@attrs.frozen
class MLFISTA(PathwayPursuit):
    r"""A forward pass that is told what the codes so far make, again and again.

    Each iteration synthesises the deepest code down to the signal,
    :math:`\hat X^{(l-1)} = A^{(l)} D^{(l)} \hat X^{(l)}`, and goes up through the layers, from the
    signal :math:`X^{(0)} = y` on, with a step :math:`t_l` and the projection's
    `~dcsc.Projection.proximal` map of all steps so far:

    .. math:: X^{(l)} = P^{(l)}_{t_1 \cdots t_l}\big(\hat X^{(l)}
        + t_l (A^{(l)} D^{(l)})^T (X^{(l-1)} - \hat X^{(l-1)})\big)

    The next deepest code is :math:`X^{(L)}`, with the momentum of FISTA. One iteration with steps
    of 1 is the forward pass; more of them are a recurrent network. With convex penalties
    :math:`g_l` they come near the minimum of

    .. math:: \tfrac12 \|y - \hat X^{(0)}\|^2 + \sum_{l=1}^L g_l(\hat X^{(l)}),

    the nearer the smaller the steps are; nothing is certified. In the end the codes of all layers
    are synthesised from the deepest, so that they agree.

    Parameters
    ----------
    iterations : int, default 1000
        The most to take.
    accelerate : bool, default True
        Whether there is a momentum; without one it is ML-ISTA.
    tolerance : float, default 1e-8
        A signal is done once an iteration changes its deepest code by no more than this share of
        its norm, or than rounding does.
    step : float, optional
        t of all layers; by default just below 1/‖A‖² of each.

    Raises
    ------
    DcscError
        By a call, if there is noise above the signal.

    References
    ----------
    J. Sulam, A. Aberdam, A. Beck and M. Elad, "On Multi-Layer Basis Pursuit, Efficient Algorithms
    and Convolutional Neural Networks", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 42, 2020.

    Examples
    --------
    >>> from dcsc import DCSCModel, DenseDictionary, IdentitySigns, Layer, SoftThreshold
    >>> below = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    >>> above = DenseDictionary([[1, 0], [0, 1], [1, -0.9]])
    >>> layers = [Layer(d, SoftThreshold(0.001), IdentitySigns()) for d in (below, above)]
    >>> model = DCSCModel(layers)
    >>> signal = model.synthesize([0, 1])[0]
    >>> model.forward(signal)[2].round(2)
    array([-0.64,  0.37])
    >>> model.forward(signal, pursuit=MLFISTA())[2].round(1) + 0
    array([0., 1.])
    """

    iterations: int = number_field(integer, default=1000, minimum=1)
    accelerate: bool = flag_field(default=True)
    tolerance: float = number_field(real, default=1e-8, minimum=0)
    step: float | None = number_field(positive, default=None)

    def _pursue(self, task: PathwayTask) -> list[Array]:
        layers, operators = task.layers, [layer.operator for layer in task.layers]
        dtype = result_dtype(np.result_type(*(a._dtype() for a in operators)), task.signal)
        signal = task.noisy_signal("MLFISTA").astype(dtype)
        steps = [safe_step(a) if self.step is None else self.step for a in operators]
        for step in steps:
            check_step(step, dtype)
        # What reaches layer l has been through the steps below, and so its penalty goes with them.
        reach = np.cumprod(steps)
        maps = [layer.projection.proximal(t) for layer, t in zip(layers, reach, strict=True)]
        tolerance = max(self.tolerance, _ROUNDINGS * float(np.finfo(dtype).eps))
        code = before = np.zeros((len(signal), *operators[-1].code_shape), dtype)
        final, running, momentum = code.copy(), np.ones(len(signal), dtype=bool), 1.0
        for _ in range(self.iterations):
            if not running.any():
                break
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2 if self.accelerate else 1.0
            ahead = code + dtype.type((momentum - 1) / following) * (code - before)
            momentum = following
            # Down: what the deepest code makes of each layer.
            made = [ahead]
            for operator in reversed(operators):
                made.insert(0, operator.synthesize(made[0]))
            # Up: a proximal gradient step in each layer, towards what the one below has become.
            entering = signal
            for number, (layer, operator) in enumerate(zip(layers, operators, strict=True)):
                downhill = operator.analyze(entering - made[number])
                moved = made[number + 1] + dtype.type(steps[number]) * downhill
                entering = maps[number](moved, layer.dictionary)
            before, code = code, entering
            # Whoever is done keeps the code that it had then, whatever the others need.
            final[running] = code[running]
            running &= relative_change(code, ahead) > tolerance
        return signals_of(layers, final)[1:]
