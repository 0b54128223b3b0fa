"""What a bound is told about a layer: what all records have, and the one in numbers."""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arguments import flag, items
from dcsc._arrays import instance, instance_of, integer, real
from dcsc._display import Display, Facts
from dcsc._fields import flag_field, number_field
from dcsc._words import quoted
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records.babel import Babel, interpolated
from dcsc.coefficients import SMALLEST, TOLERANCE, check_strengths, check_units
from dcsc.errors import DcscError
from dcsc.projections import Selection
from dcsc.projections.base import Threshold, optional_threshold_field

__all__ = ["Babel", "LayerRecord", "LayerStatistics", "Records", "as_record", "as_records"]


def _gain(value: Any) -> tuple[float, float]:
    pair = items(value, "LayerStatistics: gain") if np.iterable(value) else (value,)
    if len(pair) != 2:
        raise DcscError(f"LayerStatistics: gain: expected (smallest, largest), got {quoted(value)}")
    low, high = (real(item, "LayerStatistics: gain", minimum=0) for item in pair)
    if low > high:
        raise DcscError(f"LayerStatistics: gain: expected smallest <= largest, got {quoted(value)}")
    return low, high


class LayerRecord(ABC):
    """What a bound is told about one layer, in numbers or as a dictionary with its codes.

    Attributes
    ----------
    threshold : float, array or None
        β, the threshold in use, one or one per filter; by default that of ``selection``.
    selection : Selection or None
        How the projection selects; None is "by no threshold".
    signs_independent : bool
        Whether there is one fair sign per atom, all of them independent.
    x_min : float or None
        A lower bound of the non-zeros.
    noise : float, array or None
        What is known of the error entering the layer; None leaves it to the bound.
    """

    __slots__ = ()

    threshold: Threshold | None
    selection: Selection | None
    signs_independent: bool
    x_min: float | None
    noise: Any

    @abstractmethod
    def statistics(self, babel: bool = True) -> "LayerStatistics":
        """Return the constants of the layer.

        Parameters
        ----------
        babel : bool, default True
            Whether the Babel functions are worth computing.
        """

    @property
    @abstractmethod
    def nonnegative(self) -> bool:
        """Whether the codes are non-negative."""

    @property
    @abstractmethod
    def measured(self) -> bool:
        """Whether what is known of the codes was read off them, rather than declared."""

    @property
    @abstractmethod
    def gain(self) -> tuple[float, float]:
        """Smallest and largest norm of an atom, without those that are zero and never used."""

    @property
    @abstractmethod
    def amplitude(self) -> float:
        """The size of the largest entry of the codes, in units of the codes."""

    @property
    @abstractmethod
    def noise_level(self) -> float | None:
        """ζ, a bound of the patch norm of the error entering the layer; None if it is not known."""

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """What has to hold for the record to describe the layer; every guarantee lists it."""
        return ()

    def misfit(self, below: "LayerRecord") -> str | None:
        """Return why the record cannot be that of the layer above another, or None.

        By default None: numbers do not tell.
        """
        return None

    def chained(self, number: int, below: "LayerRecord") -> tuple[Hypothesis, ...]:
        """State that layer ``number`` reads the codes of the one below, if that was checked."""
        return ()

    @property
    def chosen_threshold(self) -> Threshold | None:
        """The threshold in use: the one given, or else that of the selection."""
        if self.threshold is None and self.selection is not None:
            return self.selection.threshold
        return self.threshold

    @property
    def strongest(self) -> float:
        """c_max² x_max, the largest share of a non-zero in its coefficient."""
        return self.gain[1] * (self.gain[1] * self.amplitude)

    @property
    def unit_norm(self) -> bool:
        """Whether all atoms have unit norm, to 1e-12."""
        return all(abs(gain - 1) <= TOLERANCE for gain in self.gain)

    @property
    def unbiased(self) -> bool:
        """Whether the error of an exactly recovered layer has mean zero, given its signs.

        It has if signs are independent, atoms of unit norm, and the projection keeps both sides.
        """
        chosen = self.selection
        whole = chosen is not None and not (chosen.shrinkage or chosen.one_sided)
        return whole and self.signs_independent and self.unit_norm

    def without_threshold(self) -> Self:
        """Return the layer with its threshold yet to be chosen."""
        chosen = self.selection and attrs.evolve(self.selection, threshold=None)
        return self.changed(threshold=None, selection=chosen)

    def changed(self, **fields: Any) -> Self:
        """Return the record with some fields changed."""
        return attrs.evolve(self, **fields)  # type: ignore[misc]  # the leaves are attrs classes


Records = LayerRecord | Iterable[LayerRecord]


def as_record(value: Any, where: str) -> LayerRecord:
    """Return the record of one layer."""
    if not isinstance(value, LayerRecord):
        raise DcscError(
            f"{where}: expected one LayerStatistics or LayerInstance, got {quoted(value)}"
        )
    return value


def as_records(layers: Any, where: str) -> tuple[LayerRecord, ...]:
    """Return one record per layer, layer 1 first, from one record or several.

    Raises
    ------
    DcscError
        If there is none, or something else among them; if two of them do not chain.
    """
    if isinstance(layers, LayerRecord):
        return (layers,)
    makes = ", which bounds.measure(model, truth) makes" if hasattr(layers, "layers") else ""
    expected = f"LayerStatistics or LayerInstance, one per layer{makes}"
    records = items(layers, where, expected)
    if not records or not all(isinstance(record, LayerRecord) for record in records):
        raise DcscError(f"{where}: expected {expected}, got {quoted(layers)}")
    for number, (below, record) in enumerate(itertools.pairwise(records), start=1):
        why = record.misfit(below)
        if why is not None:
            raise DcscError(f"{where}: layers {number} and {number + 1} do not chain: {why}")
    return records


def record_hypotheses(records: tuple[LayerRecord, ...]) -> list[tuple[Hypothesis, ...]]:
    """Return what has to hold for the records to describe their layers, layer by layer."""
    chained = [
        record.chained(number, below)
        for number, (below, record) in enumerate(itertools.pairwise(records), start=2)
    ]
    return [
        (*record.hypotheses, *chain) for record, chain in zip(records, [(), *chained], strict=True)
    ]


@attrs.frozen(repr=False)
class LayerStatistics(Facts, LayerRecord):
    r"""The constants of one layer that the theorems speak of.

    Parameters
    ----------
    coherence : float
        μ = max ``|G_kj|`` over distinct atoms, `Dictionary.babel` of 1.
    x_min, x_max : float
        Bounds of ``|x|`` on the non-zeros of the codes, in units of the codes.
    sparsity : int, optional
        S, a bound of the codes' stripe sparsity. `BoundCalculator.max_sparsity` ignores it.
    noise : float, optional
        ζ, a bound of ‖·‖_{2,∞}^P of the error entering the layer. None is zero at layer 1, and the
        worst-case recursion from the layer below elsewhere.
    n_atoms : int, optional
        Number of atoms, positions times filters.
    n_samples : int, default 1
        Number d of columns that share the signs.
    threshold : float or array of shape (filters,), optional
        The threshold in use; by default that of ``selection``, or else one yet to be chosen.
    selection : Selection or None
        How the projection selects; the default is a hard threshold, None is "by no threshold".
    signs_independent : bool, default True
        Whether there is one fair sign per atom, all of them independent.
    nonnegative : bool, default False
        Whether the codes are non-negative.
    gain : (float, float), default (1, 1)
        Smallest and largest norm of an atom.
    stripe_size : int, optional
        Number of entries of a stripe, which caps S.
    babel : Babel, optional
        Some values of μ₁ and μ₂², which bound all others; without them they are μS and μ²S at most.
    n_stripes, containing : int, optional
        Number of stripes, and of those that hold an entry at the least: they limit the non-zeros.
    channel_size : int, optional
        Number of samples of one channel of the signal.
    patch_sparsity : int, optional
        ‖·‖_{0,∞}^P of this layer's codes in the patches of the next layer.
    spread : float, optional
        b, `Dictionary.spread`, which `PartialBound` asks for false alarms; without it that is what
        coherence and ``stripe_size`` allow.
    measured : bool, default False
        Whether the constants were read off one pathway, rather than declared.
    tolerance : float, default 1e-12
        How near to a threshold a coefficient is a tie, relative to c_max² x_max + c_max ζ: see
        `dcsc.coefficients`. Measured, it is what rounding can do in the model's own dtype.

    Raises
    ------
    DcscError
        If a number is out of its range, or contradicts another.
    """

    coherence: float = number_field(real, minimum=0)
    x_min: float = number_field(real, minimum=0)
    x_max: float = number_field(real, minimum=0)
    sparsity: int | None = number_field(integer, minimum=0, default=None)
    noise: float | None = number_field(real, minimum=0, default=None)
    n_atoms: int | None = number_field(integer, minimum=1, default=None)
    n_samples: int = number_field(integer, minimum=1, default=1)
    threshold: Threshold | None = optional_threshold_field(kw_only=True)
    selection: Selection | None = attrs.field(factory=Selection, kw_only=True)
    signs_independent: bool = flag_field(default=True)
    nonnegative: bool = flag_field(default=False)
    gain: tuple[float, float] = attrs.field(default=(1.0, 1.0), converter=_gain, kw_only=True)
    stripe_size: int | None = number_field(integer, minimum=1, default=None)
    patch_sparsity: int | None = number_field(integer, minimum=0, default=None)
    babel: Babel | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(instance_of(Babel))
    )
    n_stripes: int | None = number_field(integer, minimum=1, default=None)
    containing: int | None = number_field(integer, minimum=1, default=None)
    channel_size: int | None = number_field(integer, minimum=1, default=None)
    measured: bool = flag_field(default=False)
    tolerance: float = number_field(real, minimum=TOLERANCE, default=TOLERANCE)
    spread: float | None = number_field(real, minimum=0, default=None)

    def _display(self) -> Display:
        constants = "coherence", "x_min", "x_max", "sparsity", "noise"
        return self._shown((*constants, "chosen_threshold", "n_atoms"))

    def __attrs_post_init__(self) -> None:
        if self.x_min > self.x_max or self.x_max == 0:
            raise DcscError(
                f"LayerStatistics: x_min, x_max: expected 0 <= x_min <= x_max and x_max > 0, "
                f"got {self.x_min} and {self.x_max}"
            )
        largest = self.gain[1] * self.gain[1]
        if self.coherence > largest * (1 + TOLERANCE):
            raise DcscError(
                f"LayerStatistics: coherence: expected at most {largest}, the square of "
                f"the largest gain, got {self.coherence}"
            )
        if None not in (self.sparsity, self.stripe_size) and self.sparsity > self.stripe_size:  # type: ignore[operator]
            raise DcscError(
                f"LayerStatistics: sparsity: expected at most stripe_size = {self.stripe_size}, "
                f"got {self.sparsity}"
            )

    def statistics(self, babel: bool = True) -> "LayerStatistics":
        flag(babel, "LayerStatistics.statistics: babel")
        return self

    @property
    def amplitude(self) -> float:
        return self.x_max

    @property
    def noise_level(self) -> float | None:
        return self.noise

    @property
    def tests(self) -> int:
        """N = d M n, the number of events in a union bound."""
        return self.need("n_atoms") * self.n_samples

    @property
    def most_nonzeros(self) -> int:
        """Largest number of non-zeros of one column: ⌊M S / m⌋, or all atoms."""
        atoms = self.need("n_atoms")
        stripes = atoms if self.n_stripes is None else self.n_stripes
        return min(atoms, stripes * self.need("sparsity") // (self.containing or 1))

    def babel_sum(self, sparsity: int) -> float:
        """Return a bound of μ₁(S), at most μS."""
        known = () if self.babel is None else self.babel.sums
        return interpolated(sparsity, known, self.coherence)

    def babel_square(self, sparsity: int) -> float:
        """Return a bound of μ₂²(S), at most μ²S."""
        known = () if self.babel is None else self.babel.squares
        return interpolated(sparsity, known, self.coherence * self.coherence)

    @property
    def spreading(self) -> float:
        """A bound of the energy that an atom leaves in all others; infinite if none is known."""
        if self.spread is not None:
            return self.spread
        return math.inf if self.stripe_size is None else self.babel_square(self.stripe_size - 1)

    @property
    def signal(self) -> float:
        """c_min² x_min, the least share of a non-zero in its coefficient."""
        return self.gain[0] * (self.gain[0] * self.x_min)

    @property
    def bias(self) -> float:
        """What the norms of the atoms add to the error of an exactly recovered entry.

        It is max|c² - 1| x_max, and 0 for unit norms.
        """
        return 0.0 if self.unit_norm else max(abs(c * c - 1) for c in self.gain) * self.x_max

    def shift(self, noise: float) -> float:
        """Return c_max ζ, the most that an error of patch norm ζ adds to a coefficient."""
        return self.gain[1] * noise

    def slack(self, noise: float) -> float:
        """Return how near to its threshold a coefficient is a tie, with an error of norm ζ."""
        return self.tolerance * (self.strongest + self.shift(noise))

    def blur(self, noise: float) -> float:
        """Return what rounding takes off the level that a sum has to reach.

        A tail is continuous and rounds upwards, so that ties of double precision are covered.
        """
        return (self.tolerance - TOLERANCE) * (self.strongest + self.shift(noise))

    def reach(self, sparsity: int) -> float:
        """Return a bound of the sum of S others in a coefficient, μ₁(S) x_max."""
        return self.babel_sum(sparsity) * self.x_max

    def deviation(self, sparsity: int) -> float:
        """Return a bound of the deviation of the signed sum of S others, μ₂(S) x_max."""
        known = () if self.babel is None else self.babel.squares
        roots = [math.sqrt(value) * math.sqrt(max(sparsity / place, 1.0)) for place, value in known]
        return min([self.coherence * math.sqrt(sparsity), *roots]) * self.x_max

    def check_units(self, where: str) -> None:
        """Refuse constants whose products and squares are no longer numbers."""
        low, high = self.gain
        check_strengths([low, high, low, high], [1.0, 1.0, self.x_min, self.x_max], where)
        # noise may be as small as it likes: it is added to what is no smaller than this
        check_units([max(self.shift(self.noise or 0.0), SMALLEST)], where)

    def need(self, name: str) -> Any:
        """Return a field that may have been left out, or say that it is needed."""
        value = getattr(self, name)
        if value is None:
            raise DcscError(f"LayerStatistics: {name}: expected a value here, got None")
        return value

    def admits(self, measured: "LayerStatistics") -> bool:
        """Whether measured constants keep to these, the declared ones.

        The share of draws in which they do is the measured probability of the event that a
        guarantee from declared constants is joint with.
        """
        instance(measured, LayerStatistics, "LayerStatistics.admits: measured")
        within = measured.need("sparsity") <= self.need("sparsity")
        within &= measured.x_min >= self.x_min and measured.x_max <= self.x_max
        within &= measured.nonnegative or not self.nonnegative
        if self.patch_sparsity is not None:
            within &= measured.need("patch_sparsity") <= self.patch_sparsity
        return bool(within)
