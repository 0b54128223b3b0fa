"""What a bound is told about a layer: numbers only, or a dictionary with its codes."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import (
    Array,
    as_batch,
    frozen_array,
    instance,
    instance_of,
    integer,
    real,
    real_array,
)
from dcsc.bounds.tails.base import NOISE_MODELS
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.projections import Selection
from dcsc.projections.base import Threshold, optional_threshold_field

__all__ = ["Babel", "LayerInstance", "LayerStatistics"]

_UNIT_TOLERANCE = 1e-12
_NEGLIGIBLE = 1e-12


def _checked(check: Any, default: Any = attrs.NOTHING, kw_only: bool = False, **limits: Any) -> Any:
    """Declare a number that may be None, with an error that names class and argument."""

    def convert(value: Any, self_: Any, field: Any) -> Any:
        return check(value, f"{type(self_).__name__}: {field.name}", **limits)

    named = attrs.Converter(convert, takes_self=True, takes_field=True)
    converter = attrs.converters.optional(named)
    return attrs.field(default=default, converter=converter, kw_only=kw_only)


def _gain(value: Any) -> tuple[float, float]:
    pair = tuple(value) if np.iterable(value) else (value,)
    if len(pair) != 2:
        raise DcscError(f"LayerStatistics: gain: expected (smallest, largest), got {value!r}")
    low, high = (real(item, "LayerStatistics: gain", minimum=0) for item in pair)
    if low > high:
        raise DcscError(f"LayerStatistics: gain: expected smallest <= largest, got {value!r}")
    return low, high


def _values(value: Any) -> tuple[tuple[int, float], ...]:
    pairs = dict(value)
    return tuple(
        (
            integer(key, "Babel: sparsity", minimum=1),
            real(pairs[key], f"Babel: value at {key}", minimum=0),
        )
        for key in sorted(pairs)
    )


@attrs.frozen
class Babel:
    """Some values of the Babel functions.

    Both rise with S, and what a row adds falls, so that the values at some S bound all others.

    Parameters
    ----------
    sums : mapping of int to float
        μ₁(S) by S, `Dictionary.babel`.
    squares : mapping of int to float
        μ₂²(S) by S, `Dictionary.babel_squared`.
    """

    sums: tuple[tuple[int, float], ...] = attrs.field(converter=_values)
    squares: tuple[tuple[int, float], ...] = attrs.field(converter=_values)


def _interpolated(sparsity: int, known: tuple[tuple[int, float], ...], first: float) -> float:
    """Return the best bound at S: ``f(S) <= f(K)`` for S <= K, and ``S f(K) / K`` beyond."""
    if sparsity == 0:
        return 0.0
    bounds = [value if sparsity <= at else sparsity * (value / at) for at, value in known]
    return min([sparsity * first, *bounds])


@attrs.frozen(kw_only=True)
class LayerStatistics:
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
        Some values of μ₁ and μ₂²; without them they are μS and μ²S at most.
    n_stripes, containing : int, optional
        Number of stripes, and of those that hold an entry at the least; they limit the number of
        non-zeros.
    patch_sparsity : int, optional
        ‖·‖_{0,∞}^P of this layer's codes in the patches of the next layer.
    measured : bool, default False
        Whether the constants were read off one pathway, rather than declared.

    Raises
    ------
    DcscError
        If a number is out of its range, or contradicts another.
    """

    coherence: float = _checked(real, minimum=0)
    x_min: float = _checked(real, minimum=0)
    x_max: float = _checked(real, minimum=0)
    sparsity: int | None = _checked(integer, minimum=0, default=None)
    noise: float | None = _checked(real, minimum=0, default=None)
    n_atoms: int | None = _checked(integer, minimum=1, default=None)
    n_samples: int = _checked(integer, minimum=1, default=1)
    threshold: Threshold | None = optional_threshold_field()
    selection: Selection | None = attrs.field(factory=Selection)
    signs_independent: bool = True
    nonnegative: bool = False
    gain: tuple[float, float] = attrs.field(default=(1.0, 1.0), converter=_gain)
    stripe_size: int | None = _checked(integer, minimum=1, default=None)
    patch_sparsity: int | None = _checked(integer, minimum=0, default=None)
    babel: Babel | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(attrs.validators.instance_of(Babel)),
    )
    n_stripes: int | None = _checked(integer, minimum=1, default=None)
    containing: int | None = _checked(integer, minimum=1, default=None)
    measured: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("coherence", "x_min", "x_max", "n_samples"):
            if getattr(self, name) is None:
                raise DcscError(f"LayerStatistics: {name}: expected a number, got None")
        if self.x_min > self.x_max or self.x_max == 0:
            raise DcscError(
                f"LayerStatistics: x_min, x_max: expected 0 <= x_min <= x_max and x_max > 0, "
                f"got {self.x_min} and {self.x_max}"
            )
        if self.coherence > self.gain[1] ** 2 * (1 + 1e-9):
            raise DcscError(
                f"LayerStatistics: coherence: expected at most {self.gain[1] ** 2}, the square of "
                f"the largest gain, got {self.coherence}"
            )
        if None not in (self.sparsity, self.stripe_size) and self.sparsity > self.stripe_size:  # type: ignore[operator]
            raise DcscError(
                f"LayerStatistics: sparsity: expected at most stripe_size = {self.stripe_size}, "
                f"got {self.sparsity}"
            )

    @property
    def chosen_threshold(self) -> Threshold | None:
        """The threshold in use: the one given, or else that of the selection."""
        if self.threshold is None and self.selection is not None:
            return self.selection.threshold
        return self.threshold

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
        return _interpolated(sparsity, known, self.coherence)

    def babel_square(self, sparsity: int) -> float:
        """Return a bound of μ₂²(S), at most μ²S."""
        known = () if self.babel is None else self.babel.squares
        return _interpolated(sparsity, known, self.coherence**2)

    @property
    def unit_norm(self) -> bool:
        """Whether all atoms have unit norm, to 1e-12."""
        return all(abs(gain - 1) <= _UNIT_TOLERANCE for gain in self.gain)

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
        within = measured.need("sparsity") <= self.need("sparsity")
        within &= measured.x_min >= self.x_min and measured.x_max <= self.x_max
        within &= measured.nonnegative or not self.nonnegative
        if self.patch_sparsity is not None:
            within &= measured.need("patch_sparsity") <= self.patch_sparsity
        return bool(within)


def _codes(value: Any, self_: Any) -> Array:
    instance(self_.dictionary, Dictionary, "LayerInstance: dictionary")
    array = real_array(value, "LayerInstance: codes")
    as_batch(array, tuple(self_.dictionary.code_shape), "LayerInstance: codes", array.dtype)
    return frozen_array(array)


def _babel(dictionary: Dictionary, sparsity: int) -> Babel:
    """Return the values that a theorem about S non-zeros asks for."""
    places = [at for at in (sparsity - 1, sparsity) if at > 0]
    return Babel(
        {at: dictionary.babel(at) for at in places},
        {at: dictionary.babel_squared(at) for at in places},
    )


def _noise_model(instance: "LayerInstance", attribute: Any, value: Any) -> None:
    if value not in NOISE_MODELS:
        raise DcscError(
            f"LayerInstance: noise_model: expected one of {', '.join(NOISE_MODELS)}, got {value!r}"
        )
    if value == "none" and instance.noise:
        raise DcscError(
            f'LayerInstance: noise: expected 0 with noise_model="none", got {instance.noise}'
        )


@attrs.frozen
class LayerInstance:
    """One layer as it is: a dictionary and its codes.

    Parameters
    ----------
    dictionary : Dictionary
        Without signs, or with: they change nothing here.
    codes : array_like, shape (*batch, *code_shape)
    threshold : float or array of shape (filters,), optional
        The threshold in use; by default that of ``selection``.
    noise : float or None, default 0
        ζ, a bound of ‖·‖_{2,∞}^P of the error entering the layer; None leaves it to the bound.
    noise_model : str, default "adversarial"
        What that error may depend on: ``"none"``, ``"independent"`` of this layer's signs,
        ``"martingale"`` (of mean zero given them), ``"adversarial"``, or ``"gauss"``: independent
        and normal, where ``noise`` is the standard deviation of each sample. Only bounds that
        look at instances make use of it, the others assume the worst.
    selection, signs_independent
        As in `LayerStatistics`.
    successor : Dictionary, optional
        The dictionary of the next layer, for the codes' sparsity in its patches.
    x_min : float, optional
        A lower bound of the non-zeros, for codes that have none.
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))
    codes: Array = attrs.field(
        converter=attrs.Converter(_codes, takes_self=True),  # type: ignore[misc]  # the plugin knows no Converter
        eq=attrs.cmp_using(eq=np.array_equal),
        hash=False,
    )
    threshold: Threshold | None = optional_threshold_field()
    noise: float | None = _checked(real, minimum=0, default=0.0)
    noise_model: str = attrs.field(default="adversarial", validator=_noise_model)
    selection: Selection | None = attrs.field(factory=Selection, kw_only=True)
    signs_independent: bool = attrs.field(default=True, kw_only=True)
    successor: Dictionary | None = attrs.field(default=None, kw_only=True)
    x_min: float | None = _checked(real, default=None, kw_only=True, minimum=0)

    @property
    def measured(self) -> bool:
        """True: what is known of the codes was read off them."""
        return True

    @property
    def nonnegative(self) -> bool:
        """Whether the codes are non-negative."""
        return bool((self.codes >= 0).all())

    @property
    def chosen_threshold(self) -> Threshold | None:
        """The threshold in use: the one given, or else that of the selection."""
        if self.threshold is None and self.selection is not None:
            return self.selection.threshold
        return self.threshold

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
        if self.noise_model == "gauss" and self.noise:
            raise DcscError(
                "LayerInstance: noise: Gaussian noise has no bound, and statistics need one: give "
                "one that holds with the probability you want as noise, with another noise_model"
            )
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
        x_min = smallest if self.x_min is None else self.x_min
        atoms = math.prod(self.dictionary.code_shape)
        sparsity = int(np.max(self.dictionary.stripe_sparsity(self.codes), initial=0))
        patch = None if self.successor is None else self.successor.patch_sparsity(self.codes)
        return LayerStatistics(
            coherence=self.dictionary.babel(1),
            x_min=x_min,
            x_max=float(sizes.max(initial=x_min)),
            sparsity=sparsity,
            noise=self.noise,
            n_atoms=atoms,
            n_samples=max(self.codes.size // atoms, 1),
            threshold=self.threshold,
            selection=self.selection,
            signs_independent=self.signs_independent,
            nonnegative=self.nonnegative,
            gain=self._gain(),
            stripe_size=self.dictionary.stripes.size,
            patch_sparsity=None if patch is None else int(np.max(patch, initial=0)),
            babel=_babel(self.dictionary, sparsity) if babel else None,
            n_stripes=math.prod(self.dictionary.stripes.grid),
            containing=self.dictionary.stripes.containing,
            measured=True,
        )

    def _gain(self) -> tuple[float, float]:
        """Return the extreme norms, without atoms that are zero and never used."""
        norms = self.dictionary.atom_norms()
        used = (self.codes != 0).reshape(-1, *norms.shape).any(axis=0)
        seen = norms[used | (norms > _NEGLIGIBLE * norms.max())]
        return (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
