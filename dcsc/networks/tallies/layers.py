"""What is counted of the codes of a layer over inputs: records that add up."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import instances, mapping
from dcsc._arrays import Array, frozen_array, instance, instance_of, integer, numeric_array, real
from dcsc._display import Display, Displayed, digits, percent, times
from dcsc._fields import array_field, named_field, number_field
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.networks.analysis.own import Place, place_among
from dcsc.networks.tallies.counts import Counts

__all__ = ["LayerTally", "SignTally", "TheoremTally", "merged"]

# Contrasts are counted in eighths of an octave.
STEPS = 8


def _tally(value: Any, record: Any, where: str) -> Array:
    array = numeric_array(value, where)
    if (array.size and array.dtype.kind not in "iu") or (array < 0).any():
        raise DcscError(f"{where}: expected counts, got {quoted(value)}")
    return frozen_array(array.astype(np.int64))


def _by_class(value: Any, record: Any, where: str) -> Mapping[str, Array] | None:
    if value is None:
        return None
    arrays = {
        instance(label, str, where): _tally(array, record, f"{where}: {label}")
        for label, array in mapping(value, where).items()
    }
    if any(array.shape != record.fired.shape for array in arrays.values()):
        raise DcscError(f"{where}: expected counts of shape {record.fired.shape}")
    return MappingProxyType(arrays)


def _same(mine: Mapping[str, Array] | None, others: Mapping[str, Array] | None) -> bool:
    if mine is None or others is None:
        return mine is others
    return mine.keys() == others.keys() and all(
        np.array_equal(mine[label], others[label]) for label in mine
    )


def merged(mine: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sum of two mappings, in which what one lacks is 0."""
    joint = dict(mine)
    for label, value in others.items():
        joint[label] = joint[label] + value if label in joint else value
    return joint


@attrs.frozen
class TheoremTally:
    """Of how many codes a theorem proves that the layer would find their supports.

    Parameters
    ----------
    name : str
    holds, of : int
        For how many codes its failure probability is at most 1%, and how many it was asked of.
    """

    name: str = attrs.field(validator=instance_of(str))
    holds: int = number_field(integer, minimum=0)
    of: int = number_field(integer, minimum=0)

    def __add__(self, other: "TheoremTally") -> "TheoremTally":
        return TheoremTally(self.name, self.holds + other.holds, self.of + other.of)


@attrs.frozen
class SignTally:
    """What becomes of active units in signals made from the codes, for several draws of the signs.

    As in `dcsc.networks.analysis.OwnFacts`: of the layer alone, at thresholds β/2, with one sign
    for every unit, the same for all inputs.

    Parameters
    ----------
    active : int
        Units that were on in the codes.
    missed, false_alarms : array_like of int, shape (1 + draws,)
        Units that were not found again, and units that were switched on besides; first with the
        network's own signs, which are all +1.
    """

    active: int = number_field(integer, minimum=0)
    missed: Array = array_field(_tally, repr=repr)
    false_alarms: Array = array_field(_tally, repr=repr)

    def __attrs_post_init__(self) -> None:
        if self.missed.ndim != 1 or self.missed.shape != self.false_alarms.shape:
            raise DcscError(
                f"SignTally: expected as many counts of missed as of false_alarms, got shapes "
                f"{self.missed.shape} and {self.false_alarms.shape}"
            )

    def __add__(self, other: "SignTally") -> "SignTally":
        return SignTally(
            self.active + other.active,
            self.missed + other.missed,
            self.false_alarms + other.false_alarms,
        )

    @property
    def found(self) -> Place | None:
        """The share of active units that is found again, own signs among draws."""
        known = self.active and len(self.missed) > 1
        return place_among(self.active - self.missed, self.active) if known else None

    @property
    def raised(self) -> Place | None:
        """False alarms for each active unit, own signs among draws."""
        known = self.active and len(self.missed) > 1
        return place_among(self.false_alarms, self.active) if known else None


@attrs.frozen(repr=False)
class LayerTally(Displayed):
    """The codes of one layer over inputs. Tallies of the same layer add up, exactly.

    Parameters
    ----------
    name : str
        The convolution's.
    active, sparsity : Counts
        How many units were on in each code, and their stripe sparsity S.
    contrast : Counts
        Largest over smallest coefficient of each code that has any, in eighths of an octave: n
        stands for a ratio from 2^(n/8) to 2^((n+1)/8).
    stripe_size : int
        The largest value that S can have.
    fired : array_like of int, shape code_shape
        For how many codes each unit was on.
    smallest, largest : float or None
        Between which numbers all coefficients of units that were on lie; None if there were none.
    outside : int
        Units that were on although their coefficient was not positive.
    steady : int
        Units that were on, and that no error of the size asked for could switch off alone.
    theorems : tuple of TheoremTally
        Of the inputs that were looked at closely; empty where that would take too long.
    signs : SignTally or None
        Of these as well; None where no signs were drawn.
    by_class : mapping of str to array of int of shape code_shape, or None
        ``fired`` for the inputs with each label; None where there are too many classes of too many
        units.
    """

    name: str = attrs.field(validator=instance_of(str))
    active: Counts = attrs.field(validator=instance_of(Counts))
    sparsity: Counts = attrs.field(validator=instance_of(Counts))
    contrast: Counts = attrs.field(validator=instance_of(Counts))
    stripe_size: int = number_field(integer, minimum=1)
    fired: Array = array_field(_tally)
    smallest: float | None = number_field(real, default=None)
    largest: float | None = number_field(real, default=None)
    outside: int = number_field(integer, default=0, minimum=0)
    steady: int = number_field(integer, default=0, minimum=0)
    theorems: tuple[TheoremTally, ...] = named_field(
        lambda value, record, where: instances(value, TheoremTally, where), default=()
    )
    signs: SignTally | None = attrs.field(default=None)
    by_class: Mapping[str, Array] | None = named_field(
        _by_class, default=None, eq=attrs.cmp_using(eq=_same), hash=False
    )

    def __add__(self, other: "LayerTally") -> "LayerTally":
        if not isinstance(other, LayerTally):
            return NotImplemented
        if (self._kind, self.fired.shape) != (other._kind, other.fired.shape):
            raise DcscError(
                f"LayerTally: expected tallies of one layer, got {self.name} with codes "
                f"{times(self.fired.shape)} and {other.name} with {times(other.fired.shape)}"
            )
        ends = [[x for x in pair if x is not None] for pair in
                ((self.smallest, other.smallest), (self.largest, other.largest))]  # fmt: skip
        split = None
        if self.by_class is not None and other.by_class is not None:
            split = merged(self.by_class, other.by_class)
        return LayerTally(
            self.name,
            self.active + other.active,
            self.sparsity + other.sparsity,
            self.contrast + other.contrast,
            self.stripe_size,
            self.fired + other.fired,
            min(ends[0], default=None),
            max(ends[1], default=None),
            self.outside + other.outside,
            self.steady + other.steady,
            tuple(a + b for a, b in zip(self.theorems, other.theorems, strict=True)),
            self.signs + other.signs if self.signs and other.signs else None,
            split,
        )

    @property
    def _kind(self) -> tuple[Any, ...]:
        draws = None if self.signs is None else self.signs.missed.shape
        return self.name, self.stripe_size, [one.name for one in self.theorems], draws

    @property
    def codes(self) -> int:
        """How many codes there were."""
        return self.active.total

    @property
    def units(self) -> int:
        """The units of a code."""
        return math.prod(self.fired.shape)

    @property
    def density(self) -> float | None:
        """The share of units that are on, the median."""
        middle = self.active.median
        return None if middle is None else middle / self.units

    @property
    def silent(self) -> int:
        """Units that no input switched on."""
        return int(np.count_nonzero(self.fired == 0))

    @property
    def silent_filters(self) -> int:
        """Filters of which no input switched on any unit."""
        return int(np.count_nonzero(~self.fired.reshape(len(self.fired), -1).any(axis=1)))

    @property
    def steady_share(self) -> float | None:
        """Of the units that were on, the share that no such error could switch off."""
        return self.steady / self.active.sum if self.active.sum else None

    @property
    def usual_contrast(self) -> float | None:
        """Largest over smallest coefficient of a code, the median to a sixteenth of an octave."""
        middle = self.contrast.median
        return None if middle is None else float(2 ** ((middle + 0.5) / STEPS))

    def numbers(self) -> dict[str, Any]:
        """Return all counts in types that JSON has, but for those of single units.

        Filters have how many of their units were on, over all codes.
        """
        table = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(LayerTally)
            if field.name not in ("fired", "by_class")
        }
        counts: dict[str, Any] = {
            name: {"values": value.values.tolist(), "times": value.times.tolist()}
            for name, value in table.items()
            if isinstance(value, Counts)
        }
        split = {label: _of_filters(fired) for label, fired in (self.by_class or {}).items()}
        signs = self.signs and {
            "active": self.signs.active,
            "missed": self.signs.missed.tolist(),
            "false_alarms": self.signs.false_alarms.tolist(),
        }
        return (
            table
            | counts
            | {
                "theorems": [attrs.asdict(one) for one in self.theorems],
                "signs": signs,
                "shape": list(self.fired.shape),
                "silent": self.silent,
                "filters": _of_filters(self.fired),
                "classes": None if self.by_class is None else split,
            }
        )

    def _display(self) -> Display:
        rows = [
            ("codes", f"{self.codes} of {times(self.fired.shape)}"),
            ("units on", f"{percent(self.density)}, the median"),
            ("stripe sparsity", f"{digits(self.sparsity.median)} of {self.stripe_size}"),
            ("silent units", f"{self.silent} of {self.units}"),
            *((f"theorem {x.name}", f"holds of {x.holds} of {x.of}") for x in self.theorems),
        ]
        return Display(f"Tally of layer {self.name}", ("", "is"), rows)


def _of_filters(fired: Array) -> list[int]:
    counts: list[int] = fired.reshape(len(fired), -1).sum(axis=1).tolist()
    return counts
