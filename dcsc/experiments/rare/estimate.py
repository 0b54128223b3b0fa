"""How rarely one layer fails: importance sampling, where plain trials would see nothing."""

import math
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import (
    Array,
    Rng,
    as_batch,
    checked_size,
    generator,
    instance,
    integer,
    real,
    real_array,
)
from dcsc._display import Display, Displayed, digits
from dcsc._entries import SparseOrDense, code_array
from dcsc._words import quoted
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments.rare.tilting import AtRisk, TiltedMixture
from dcsc.intervals import Estimate
from dcsc.layer import law_of
from dcsc.model import DCSCModel
from dcsc.projections import Selection

__all__ = ["FailureEstimate", "estimate_failure"]

_BLOCK_ENTRIES = 2**20


@attrs.frozen(kw_only=True, repr=False)
class FailureEstimate(Displayed):
    r"""The probability that a layer fails, from weighted trials.

    Parameters
    ----------
    trials : int
    best : float
        The mean of the weighted trials, an unbiased estimate (cut off at 1).
    standard_error : float
        Of ``best``, from the spread of the weighted trials.
    ceiling : float
        No weighted trial can exceed it, so neither can the probability. It is at most 2, and
        where failing is rare about the union of the Chernoff tails of all atoms.
    """

    trials: int
    best: float
    standard_error: float
    ceiling: float

    def _display(self) -> Display:
        low, best, high = self.interval()
        rows = [
            ("probability", digits(best)),
            ("95% interval", f"{digits(low)} to {digits(high)}"),
            ("relative error", digits(self.relative_error)),
            ("cannot exceed", digits(self.ceiling)),
        ]
        return Display(f"Failure probability from {self.trials} weighted trials", ("", "is"), rows)

    @property
    def relative_error(self) -> float:
        """Standard error over ``best``; 0 if failing is impossible, infinite if no trial failed."""
        if self.best > 0:
            return self.standard_error / self.best
        return math.inf if self.ceiling > 0 else 0.0

    @property
    def low(self) -> float:
        """Lower end of the 95% interval."""
        return self.interval().low

    @property
    def high(self) -> float:
        """Upper end of the 95% interval."""
        return self.interval().high

    def interval(self, level: float = 0.95) -> Estimate[float]:
        r"""Return the failure probability with its interval.

        The interval holds at every number of trials, like `clopper_pearson`, and not only in the
        limit of many. Weighted trials lie in [0, c], c the ceiling. With n of them, standard error
        s and :math:`l = \ln(4 / (1 - \text{level}))` the half width is
        :math:`s \sqrt{2l} + 7 c l / 3(n - 1)`.

        Parameters
        ----------
        level : float, below 1
            The interval holds the probability with at least this probability; one half of what is
            left goes to either side.

        References
        ----------
        A. Maurer and M. Pontil, "Empirical Bernstein bounds and sample variance penalization",
        COLT 2009, theorem 4.
        """
        share = real(level, "FailureEstimate.interval: level", minimum=0)
        if share >= 1:
            raise DcscError(f"FailureEstimate.interval: level: expected less than 1, got {share}")
        log = math.log(4 / (1 - share))
        width = self.standard_error * math.sqrt(2 * log)
        width += 7 * self.ceiling * log / (3 * (self.trials - 1))
        low, high = max(self.best - width, 0.0), min(self.best + width, self.ceiling, 1.0)
        return Estimate(low, self.best, high)


def estimate_failure(
    model: DCSCModel,
    codes: "SparseOrDense",
    trials: int,
    rng: Rng = 0,
    noise: "float | npt.ArrayLike" = 0.0,
) -> FailureEstimate:
    r"""Estimate how often one layer fails, even if that is very rare.

    What it estimates is what `simulate` counts: the probability, over fair signs, that the support
    of some column is wrong. A plain trial of a probability p has a relative error of
    :math:`p^{-1/2}`. Here the signs are drawn from a mixture of laws, one for each way an atom can
    fail, that tilt the signs until this failure is typical, :math:`P_\lambda(\varepsilon) \propto
    e^{\lambda g(\varepsilon)}` for the sum g that has to be large; laws are chosen in proportion
    to their Chernoff bounds. A trial counts with the density of fair signs to the mixture. This is
    unbiased whatever the dependence between atoms. With Z the sum of the Chernoff bounds, a trial
    counts for at most :math:`\min(Z (1 + Z), 1 + 1 / Z)`, and the relative error of n trials is at
    most the root of 1/n times this over p: it hardly changes as p gets small. Where failing is
    common, most trials are plain ones.

    Coefficients that are a tie with their threshold (`dcsc.coefficients`) are failures, as in the
    guarantees.

    Parameters
    ----------
    model : DCSCModel
        One layer, drawn or not, whose signs are decided by fair coins (`SignPattern.coins`), of one
        atom each or shared by several, and whose projection selects by a threshold.
    codes : array_like, shape (*batch, *code_shape)
        The columns share the signs.
    trials : int
        At least 2.
    rng : None, int, SeedSequence or Generator
        With an int, fewer trials are the beginning of more.
    noise : array_like, or 0
        A signal that is added in every trial, of shape (*batch, *signal_shape) or signal_shape.

    Returns
    -------
    FailureEstimate

    Raises
    ------
    NotCoveredError
        If the model is not as described.
    DcscError
        If the noise is a number other than 0: draw a signal.

    References
    ----------
    R. J. Adler, J. H. Blanchet and J. Liu, "Efficient Monte Carlo for high excursions of Gaussian
    random fields", Ann. Appl. Probab. 22 (2012); A. B. Owen, Y. Maximov and M. Chertkov,
    "Importance sampling the union of rare events", Electron. J. Statist. 13 (2019).

    Examples
    --------
    Here an atom is lost only if all 40 others conspire, with probability 41 · 2^-40.

    >>> import numpy as np
    >>> from dcsc import DCSCModel, DenseDictionary, HardThreshold, Layer
    >>> gram = np.full((41, 41), 0.01) + 0.99 * np.eye(41)
    >>> dictionary = DenseDictionary(np.linalg.cholesky(gram).T)
    >>> model = DCSCModel([Layer(dictionary, HardThreshold(0.61))])
    >>> estimate = estimate_failure(model, np.ones(41), trials=2000)
    >>> estimate.low < 41 / 2**40 < estimate.high and estimate.relative_error < 0.02
    True
    """
    instance(model, DCSCModel, "estimate_failure: model")
    layer, selection, coins = _covered(model)
    array = code_array(codes, "estimate_failure: codes")
    total = integer(trials, "estimate_failure: trials", minimum=2)
    checked_size((total,), "estimate_failure: trials")
    source = generator(rng, "estimate_failure: rng")
    shape = tuple(layer.code_shape)
    flat, batch = as_batch(array, shape, "estimate_failure: codes", array.dtype)
    at_risk = AtRisk.of(layer, selection, flat, _signals(layer, noise, batch), coins)
    if not len(at_risk):
        return FailureEstimate(trials=total, best=0.0, standard_error=0.0, ceiling=0.0)
    mixture = TiltedMixture.of(at_risk)
    # shares of the ceiling, which may be far below the smallest number
    shares = np.concatenate(list(_shares(mixture, total, source)))
    ceiling = math.exp(mixture.log_ceiling)
    return FailureEstimate(
        trials=total,
        best=min(float(shares.mean()) * ceiling, 1.0),
        standard_error=float(shares.std(ddof=1)) / math.sqrt(total) * ceiling,
        ceiling=ceiling,
    )


def _shares(mixture: TiltedMixture, trials: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield what trials count for, over the ceiling."""
    at_risk, width = mixture.at_risk, mixture.directions.shape[1]
    step = max(1, _BLOCK_ENTRIES // max(len(at_risk), width))
    for start in range(0, trials, step):
        signs = mixture.draw(rng.random((min(step, trials - start), 1 + width)))
        weight = np.exp(-mixture.log_density(signs) - mixture.log_ceiling)
        yield at_risk.failure(signs) * weight


def _covered(model: DCSCModel) -> tuple[Dictionary, Selection, Array | None]:
    """Return the dictionary of the one layer, its selection and coins, or refuse.

    There are coins only where atoms share them.
    """
    if len(model.layers) != 1:
        raise NotCoveredError(
            f"estimate_failure covers one layer, and the model has {len(model.layers)}: simulate "
            "covers any number"
        )
    layer = model.layers[0]
    selection = layer.projection.selection
    if selection is None or selection.threshold is None:
        raise NotCoveredError(
            f"estimate_failure does not cover {quoted(layer.projection)}: it selects by no "
            "threshold"
        )
    if layer.signs.independent:
        return layer.dictionary, selection, None
    coins = law_of(layer.signs).coins(layer.dictionary.code_shape)
    if (coins < 0).any():
        raise NotCoveredError(
            f"estimate_failure does not cover {quoted(layer.signs)}: the signs are not independent "
            "coins, for some are given"
        )
    return layer.dictionary, selection, coins


def _signals(
    dictionary: Dictionary, noise: "float | npt.ArrayLike", batch: tuple[int, ...]
) -> Array:
    """Return the noise of every column, (columns, *signal_shape)."""
    shape = tuple(dictionary.signal_shape)
    signal = real_array(noise, "estimate_failure: noise")
    if signal.ndim == 0:
        if signal != 0:
            raise DcscError(
                "estimate_failure: noise: expected a signal, as an array, or 0, got "
                f"{float(signal)}"
            )
        return np.zeros((math.prod(batch), *shape))
    if signal.shape not in (shape, batch + shape):
        raise DcscError(
            f"estimate_failure: noise: expected shape {shape} or {batch + shape}, "
            f"got {signal.shape}"
        )
    return np.broadcast_to(signal, batch + shape).reshape(-1, *shape).astype(np.float64)
