"""Every sign pattern of a small model, each tried once: exact failure probabilities."""

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, instance, integer
from dcsc._display import Display, Displayed, digits
from dcsc._entries import SparseOrDense, code_array
from dcsc._numerics.packed import pack
from dcsc._tables import Tabled
from dcsc.errors import DcscError, TooLargeError
from dcsc.experiments.simulation.draws import BLOCK, Trials, checked_noise
from dcsc.experiments.simulation.engines import BatchEngine, DrawEngine
from dcsc.experiments.simulation.tally import counts_field, counts_of
from dcsc.experiments.simulation.trials import Simulation, engine_of
from dcsc.layer import law_of
from dcsc.model import DCSCModel

__all__ = ["Enumeration", "enumerate_signs"]


@attrs.frozen(repr=False)
class Enumeration(Displayed, Tabled):
    """How many of all sign patterns fail.

    Parameters
    ----------
    patterns : int
        All of them; each is as likely as any other.
    failures : array_like of int, shape (L + 1,)
        Patterns for which the support of layer l is wrong in some column, entry l − 1 for layer l;
        last, patterns for which any layer is: failures of the pathway.
    missed, false_alarms : array_like of int, shape (L,)
        Entries of the true supports that are missing, and entries that are not in them, over all
        patterns and columns.
    """

    patterns: int
    failures: Array = counts_field()
    missed: Array = counts_field()
    false_alarms: Array = counts_field()

    @property
    def probability(self) -> Array:
        """The failure probability of each layer, and last that of the pathway, (L + 1,)."""
        return np.asarray(self.failures / self.patterns)

    def _display(self) -> Display:
        rows = [
            (name, str(failed), *map(digits, numbers))
            for name, failed, *numbers in zip(*self._table().values(), strict=True)
        ]
        return Display(
            f"Enumeration of {self.patterns} sign patterns: the pathway fails with probability "
            f"{digits(self.probability[-1])}",
            ("", "failed", "probability", "missed a pattern", "false alarms a pattern"),
            rows,
        )

    def _table(self) -> dict[str, list[Any]]:
        table = counts_of(self.patterns, self.failures, self.missed, self.false_alarms)
        head = {name: table.pop(name) for name in ("layer", "failed")}
        return {**head, "probability": self.probability.tolist(), **table}


@attrs.frozen(eq=False)
class _Patterns(Trials):
    """Every pattern once: coin c of trial t is bit c of the number t.

    Parameters
    ----------
    coins : tuple of arrays
        Layer by layer, the number of the coin that decides each sign, −1 where none does.
    fixed : tuple of arrays
        Layer by layer, whether a sign that no coin decides is negative.
    """

    coins: tuple[Array, ...]
    fixed: tuple[Array, ...]

    def packed(self, number: int, layer: int, atoms: Array, last: int) -> Array:
        coins = self.coins[layer][atoms]
        patterns = number * BLOCK + np.arange(last)
        negative = (patterns[:, None] >> np.maximum(coins, 0)) & 1 == 1
        return pack(np.where(coins < 0, self.fixed[layer][atoms], negative))

    def noise_between(self, number: int, start: int, stop: int) -> Array | None:
        return self.noise if isinstance(self.noise, np.ndarray) else None


def enumerate_signs(
    model: DCSCModel,
    codes: "SparseOrDense",
    noise: "npt.ArrayLike" = 0.0,
    engine: str | None = None,
    most: int = 2**20,
) -> Enumeration:
    r"""Try all sign patterns of a small model: the exact probability of what `simulate` counts.

    Each pattern is synthesised and goes through the model's own forward pass, in its own
    floating-point arithmetic. n fair coins make :math:`2^n` patterns: one coin for every atom of
    every layer under `RademacherSigns`, one for every filter under `FilterSigns`, none where the
    signs are fixed. Signs of the deepest layer where the codes are zero stay as they are if its
    projection keeps coefficients by their size, :math:`|z| > \beta`: such a sign changes no signal,
    and the sign of a coefficient does not decide whether it is in the support. So one layer takes
    as many coins as its codes have non-zeros.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not; a drawn model stands for the law that its signs came from.
    codes : array_like, shape (*batch, *code_shape) of the deepest layer
        The columns share the signs.
    noise : array_like, or 0
        A signal that is added under every pattern, of shape (*batch, *signal_shape) or
        signal_shape.
    engine : {"tables", "batches", "draws"}, optional
        As for `simulate`; by default ``"batches"`` if it covers the model, else ``"draws"``: both
        run the forward pass.
    most : int
        The largest number of patterns to try.

    Returns
    -------
    Enumeration

    Raises
    ------
    TooLargeError
        If there are more patterns than ``most``.
    NotCoveredError
        If the law of the signs does not say which coins decide it, or the engine does not cover the
        model.
    DcscError
        If the noise is a number other than 0.

    Examples
    --------
    Thirteen atoms of one filter, every second position of a circle.

    >>> from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer
    >>> from dcsc.dictionaries import filters
    >>> dictionary = CirculantDictionary(filters.barker(1, 1, 13), extent=64)
    >>> model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    >>> x = np.zeros(dictionary.code_shape)
    >>> x[0, 0:26:2] = 1
    >>> result = enumerate_signs(model, x)
    >>> result.patterns, result.failures
    (8192, array([1130, 1130]))
    >>> float(result.probability[-1]) == 565 / 4096
    True
    """
    instance(model, DCSCModel, "enumerate_signs: model")
    x = code_array(codes, "enumerate_signs: codes")
    batch, checked = checked_noise(model, x, noise, "enumerate_signs")
    if isinstance(checked, float) and checked != 0:
        raise DcscError(
            f"enumerate_signs: noise: expected a signal, as an array, or 0, got {checked}"
        )
    limit = integer(most, "enumerate_signs: most", minimum=1, maximum=2**40)
    coins, number = _coins(model, x)
    if 2**number > limit:
        raise TooLargeError(
            f"enumerate_signs: expected at most {limit} sign patterns, got 2^{number}: simulate "
            "draws some of them"
        )
    trials = _Patterns(model, batch, checked, coins, _fixed(model))
    if engine is None:
        engine = (BatchEngine if BatchEngine.covers(model) else DrawEngine).name
    runner = engine_of(model, engine, "enumerate_signs").of(model, x, trials)
    tally = Simulation(trials, runner).tally(0, 2**number, entries=True)
    missed, false_alarms = np.asarray(tally.missed), np.asarray(tally.false_alarms)
    return Enumeration(tally.trials, tally.failures, missed, false_alarms)


def _coins(model: DCSCModel, codes: Array) -> tuple[tuple[Array, ...], int]:
    """Number the coins of all layers that matter; return each sign's, and how many there are."""
    coins, number = [], 0
    for depth, layer in enumerate(model.layers, start=1):
        labels = law_of(layer.signs).coins(layer.dictionary.code_shape).ravel()
        deciding = labels >= 0
        # Nothing reads the values of the deepest code: only which entries are in its support.
        selection = layer.projection.selection
        if (
            depth == len(model.layers)
            and selection is not None
            and selection.threshold is not None
            and not selection.one_sided
        ):
            deciding &= (codes.reshape(-1, labels.size) != 0).any(axis=0)
        names, places = np.unique(labels[deciding], return_inverse=True)
        numbers = np.full(labels.shape, -1)
        numbers[deciding] = number + places
        coins.append(numbers)
        number += len(names)
    return tuple(coins), number


def _fixed(model: DCSCModel) -> tuple[Array, ...]:
    """Return which signs are negative where no coin decides."""
    return tuple(
        law_of(layer.signs).draw(layer.dictionary.code_shape, 0).ravel() < 0
        for layer in model.layers
    )
