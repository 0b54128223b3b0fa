"""What a bound is told about a layer as it is: a dictionary with its codes."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import flag
from dcsc._arrays import (
    Array,
    as_batch,
    brief,
    frozen_array,
    instance,
    instance_of,
    numeric_array,
    real,
    real_or_array,
)
from dcsc._display import Display, Displayed, between, digits, percent, times
from dcsc._entries import code_array
from dcsc._fields import SAME_ARRAY, array_field, named, number_field
from dcsc._words import counted, quoted
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.noise import Noise, as_noise
from dcsc.bounds.records.babel import Babel
from dcsc.bounds.records.statistics import LayerRecord, LayerStatistics
from dcsc.coefficients import SMALLEST, check_strengths, check_units, tolerance_of
from dcsc.dictionaries import Dictionary, EffectiveDictionary, SignedDictionary
from dcsc.dictionaries.gram import NEGLIGIBLE
from dcsc.errors import DcscError
from dcsc.projections import Selection
from dcsc.projections.base import Threshold, check_per_filter, optional_threshold_field

__all__ = ["LayerInstance"]


def _codes(value: Any, record: Any, where: str) -> Array:
    instance(record.dictionary, Dictionary, "LayerInstance: dictionary")
    array = code_array(value, where)
    as_batch(array, tuple(record.dictionary.code_shape), where, array.dtype)
    return frozen_array(array)


def _noise(value: Any, record: Any, where: str) -> float | Array:
    number = real_or_array(value, where, minimum=0)
    if isinstance(number, float):
        return number
    array = number.astype(np.float64)
    shape = tuple(record.dictionary.signal_shape)
    if array.shape not in (shape, record.batch + shape):
        raise DcscError(
            f"{where}: expected a number or shape {record.batch + shape}, got {array.shape}"
        )
    return frozen_array(array)


def _default_model(instance: "LayerInstance") -> str:
    return "independent" if isinstance(instance.noise, np.ndarray) else "adversarial"


def _noise_model(instance: "LayerInstance", attribute: Any, value: Any) -> None:
    law = as_noise(value, "LayerInstance: noise_model")
    if isinstance(instance.noise, np.ndarray):
        if law.name != "independent":
            raise DcscError(
                'LayerInstance: noise_model: expected "independent" with a signal as noise, '
                f"got {quoted(value)}"
            )
    elif law.name == "none" and instance.noise:
        raise DcscError(
            f'LayerInstance: noise: expected 0 with noise_model="none", got {instance.noise}'
        )


def _coins(value: Any, record: Any, where: str) -> Array:
    array = numeric_array(value, where)
    shape = tuple(record.dictionary.code_shape)
    if array.shape != shape or array.dtype.kind not in "iu" or (array < 0).any():
        raise DcscError(
            f"{where}: expected ints from 0 on of shape {shape}, got {array.dtype} of "
            f"{array.shape}" + (f" from {array.min()} on" if array.size else "")
        )
    if record.signs_independent:
        raise DcscError(f"{where}: expected them with signs_independent=False only")
    return frozen_array(array.astype(np.int64))


def _one_per_filter(instance: "LayerInstance", field: Any, value: Any) -> None:
    threshold = value.threshold if isinstance(value, Selection) else value
    where = f"LayerInstance: {field.name}"
    check_per_filter(threshold, instance.dictionary.code_shape[0], where)


def _hypotheses(instance: "LayerInstance", attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, Hypothesis) for item in value):
        raise DcscError(
            f"LayerInstance: hypotheses: expected a tuple of Hypothesis, got {quoted(value)}"
        )


def _core(dictionary: Dictionary) -> Dictionary:
    """Return the dictionary of a layer by itself, without signs and without the layers below."""
    if isinstance(dictionary, EffectiveDictionary):
        return _core(dictionary.operators[-1])
    return _core(dictionary.dictionary) if isinstance(dictionary, SignedDictionary) else dictionary


@attrs.frozen(repr=False)
class LayerInstance(Displayed, LayerRecord):
    """One layer as it is: a dictionary and its codes.

    Parameters
    ----------
    dictionary : Dictionary
        Without signs, or with: they change nothing here.
    codes : array_like, shape (*batch, *code_shape)
        A sparse array of SciPy is unpacked: bounds look at all atoms, on the support and off it.
    threshold : float or array of shape (filters,), optional
        The threshold in use; by default that of ``selection``.
    noise : float, array_like or None, default 0
        A number is ζ, a bound of ‖·‖_{2,∞}^P of the error entering the layer; None leaves it to
        the bound. An array, of the signal's shape or with the batch axes of the codes, is that
        error itself, the same whatever the signs.
    noise_model : Noise or str
        What the error may depend on: a `dcsc.bounds.noise.Noise`, or the name of one, ``"none"``,
        ``"independent"`` of this layer's signs, ``"martingale"`` (of mean zero given them),
        ``"adversarial"``, or ``"gauss"``: independent and normal, where ``noise`` is the standard
        deviation of each sample. Only bounds that look at instances make use of it, the others
        assume the worst. An array is ``"independent"``; of a number, ``"adversarial"`` is the
        default.
    selection, signs_independent
        As in `LayerStatistics`.
    successor : Dictionary, optional
        The dictionary of the next layer, for the codes' sparsity in its patches.
    x_min : float, optional
        A lower bound of the non-zeros, for codes that have none.
    hypotheses : tuple of Hypothesis
        What has to hold for this record to describe the layer; every guarantee lists it.
    coins : array of int, shape code_shape, optional
        Where signs are not independent, which fair coin decides that of each atom, as in
        `SignPattern.coins`, all coins independent.
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))
    codes: Array = attrs.field(
        converter=named(_codes),  # type: ignore[misc]  # see `named`
        eq=SAME_ARRAY,
        hash=False,
        repr=brief,
    )
    threshold: Threshold | None = optional_threshold_field(validator=_one_per_filter)
    noise: float | Array | None = attrs.field(
        default=0.0,
        converter=attrs.converters.optional(named(_noise)),  # type: ignore[misc]  # see `named`
        eq=SAME_ARRAY,
        hash=False,
    )
    noise_model: Noise | str = attrs.field(
        default=attrs.Factory(_default_model, takes_self=True), validator=_noise_model
    )
    selection: Selection | None = attrs.field(
        factory=Selection, kw_only=True, validator=_one_per_filter
    )
    signs_independent: bool = attrs.field(default=True, kw_only=True)
    successor: Dictionary | None = attrs.field(default=None, kw_only=True)
    x_min: float | None = number_field(real, default=None, kw_only=True, minimum=0)
    hypotheses: tuple[Hypothesis, ...] = attrs.field(
        default=(), validator=_hypotheses, kw_only=True
    )
    coins: Array | None = array_field(_coins, optional=True, kw_only=True)

    def _display(self) -> Display:
        size = math.prod(self.dictionary.code_shape)
        columns = self.codes.size // size
        count, thresholds = np.count_nonzero(self.codes), self.chosen_threshold
        noise = "an array" if isinstance(self.noise, np.ndarray) else digits(self.noise)
        each = f"{digits(count / max(columns, 1))}, {percent(count / max(self.codes.size, 1))}"
        rows = [
            ("dictionary", type(self.dictionary).__name__),
            ("code", times(self.dictionary.code_shape) + f", {counted(columns, 'column')}"),
            ("non-zeros", each),
            ("threshold", "–" if thresholds is None else between(thresholds)),
            ("noise", f"{noise}, {self.law.name}"),
        ]
        return Display("A layer with its codes", ("", "is"), rows)

    @property
    def law(self) -> Noise:
        """What the error entering the layer may depend on."""
        return as_noise(self.noise_model)

    @property
    def measured(self) -> bool:
        return True

    @property
    def nonnegative(self) -> bool:
        return bool((self.codes >= 0).all())

    def misfit(self, below: LayerRecord) -> str | None:
        if not isinstance(below, LayerInstance):
            return None
        core, lower = _core(self.dictionary), tuple(below.dictionary.code_shape)
        if lower != tuple(core.signal_shape):
            return f"codes of shape {lower} are no signals of shape {tuple(core.signal_shape)}"
        if below.batch != self.batch:
            return f"the codes of one have batch {below.batch}, those of the other {self.batch}"
        if below.successor is not None and _core(below.successor) != core:
            return "the dictionary of the second is not the successor that the first one names"
        return None

    def chained(self, number: int, below: LayerRecord) -> tuple[Hypothesis, ...]:
        if not isinstance(below, LayerInstance):
            return ()
        statement = (
            f"layer {number}: its signals are the codes of layer {number - 1}, and its dictionary "
            "is the one in whose patches these were counted"
        )
        return (Hypothesis(statement, True),)

    @property
    def batch(self) -> tuple[int, ...]:
        """Batch axes of the codes."""
        return self.codes.shape[: self.codes.ndim - len(self.dictionary.code_shape)]

    @property
    def amplitude(self) -> float:
        return float(np.abs(self.codes).max(initial=0.0)) or self.x_min or 1.0

    @property
    def noise_level(self) -> float | None:
        if not isinstance(self.noise, np.ndarray):
            return self.noise
        return float(np.max(self.dictionary.patch_norm(self.noise), initial=0.0))

    def statistics(self, babel: bool = True) -> LayerStatistics:
        """Return the constants of this layer, over all columns of the batch.

        Parameters
        ----------
        babel : bool, default True
            Whether to compute the Babel functions at the S of these codes.

        Raises
        ------
        DcscError
            If the codes are all zero and no ``x_min`` was given, or it exceeds an entry; if the
            noise is Gaussian, which has no bound.
        """
        with_babel = flag(babel, "LayerInstance.statistics: babel")
        if not isinstance(self.noise, np.ndarray) and self.noise and not self.law.bounded:
            raise DcscError(
                "LayerInstance: noise: Gaussian noise has no bound, and statistics need one: give "
                "one that holds with the probability you want as noise, with another noise_model"
            )
        # The smallest non-zero: as measured, or smaller if the caller says so.
        sizes = np.abs(self.codes[self.codes != 0])
        if sizes.size == 0 and self.x_min is None:
            raise DcscError(
                "LayerInstance: x_min: the codes are all zero, so that no smallest non-zero can be "
                "measured: give x_min"
            )
        smallest = float(sizes.min(initial=math.inf))
        if self.x_min is not None and self.x_min > smallest:
            raise DcscError(
                f"LayerInstance: x_min: expected at most {smallest}, the smallest non-zero of the "
                f"codes, got {self.x_min}"
            )
        # S counts the non-zeros in a stripe, the next layer those in one of its patches.
        gain = self.gain
        check_strengths([gain[1], gain[1]], [1.0, self.amplitude], "LayerInstance")
        x_min = smallest if self.x_min is None else self.x_min
        atoms = math.prod(self.dictionary.code_shape)
        sparsity = int(np.max(self.dictionary.stripe_sparsity(self.codes), initial=0))
        patch = None if self.successor is None else self.successor.patch_sparsity(self.codes)
        return LayerStatistics(
            coherence=self.dictionary.babel(1),
            x_min=x_min,
            x_max=float(sizes.max(initial=x_min)),
            sparsity=sparsity,
            noise=self.noise_level,
            n_atoms=atoms,
            n_samples=max(self.codes.size // atoms, 1),
            threshold=self.threshold,
            selection=self.selection,
            signs_independent=self.signs_independent,
            nonnegative=self.nonnegative,
            gain=gain,
            stripe_size=self.dictionary.stripes.size,
            patch_sparsity=None if patch is None else int(np.max(patch, initial=0)),
            babel=Babel.at(self.dictionary, sparsity) if with_babel else None,
            n_stripes=math.prod(self.dictionary.stripes.grid),
            containing=self.dictionary.stripes.containing,
            channel_size=math.prod(self.dictionary.signal_shape[1:]),
            measured=True,
            tolerance=self._tolerance(),
        )

    def check_units(self, where: str) -> None:
        """Refuse atoms, codes and noise whose products and squares are no longer numbers."""
        low, high = self.gain
        check_strengths([low, high, high], [1.0, 1.0, self.amplitude], where)
        # as in `LayerStatistics.check_units`
        check_units([max(high * (self.noise_level or 0.0), SMALLEST)], where)

    def _tolerance(self) -> float:
        """Return the tolerance of ties, relative to c_max² x_max."""
        norm = float(self.dictionary.atom_norms().max(initial=0.0))
        strongest = norm * (norm * self.amplitude)
        codes = self.codes.astype(np.float64, copy=False)
        entering = self.dictionary.exposure(self.dictionary.contributions(codes))
        largest = float(np.max(entering, initial=0.0))
        share = max(largest / strongest, 1.0) if strongest else 1.0
        return tolerance_of(self.dictionary, self.codes, share)

    @property
    def gain(self) -> tuple[float, float]:
        norms = self.dictionary.atom_norms()
        used = (self.codes != 0).reshape(-1, *norms.shape).any(axis=0)
        seen = norms[used | (norms > NEGLIGIBLE * norms.max())]
        return (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
