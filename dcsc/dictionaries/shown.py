"""What a dictionary shows of itself in a notebook: its geometry, and the measures of its atoms."""

import math
from collections.abc import Iterator
from typing import Protocol

from dcsc._arrays import Array, Shape
from dcsc._display import Display, between, digits, times
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

__all__ = ["geometry_and_measures"]

_WORK = 2e8  # about how many multiplications showing something may take


class Measured(Protocol):
    """What is asked of a dictionary."""

    @property
    def signal_shape(self) -> Shape: ...
    @property
    def code_shape(self) -> Shape: ...
    @property
    def stripes(self) -> Windows: ...
    @property
    def patches(self) -> Windows: ...
    def atom_norms(self) -> Array: ...
    def mutual_coherence(self) -> float: ...
    def welch_floor(self) -> float: ...
    def _representatives(self) -> Array: ...


def geometry_and_measures(dictionary: Measured) -> Display:
    """Return what is shown; the measures only where they do not take long."""
    stripe, patch = dictionary.stripes.size, dictionary.patches.size
    rows = [
        ("signal", times(dictionary.signal_shape)),
        ("code", times(dictionary.code_shape)),
        ("stripe", f"{stripe} entries"),
        ("patch", f"{patch} samples"),
    ]
    remarks = []
    if len(dictionary._representatives()) * stripe * patch <= _WORK:
        try:
            rows += _measures(dictionary)
        except DcscError as error:
            remarks.append(str(error))
    else:
        remarks.append("mutual_coherence() would take long here, and was not asked.")
    atoms, samples = (
        math.prod(shape) for shape in (dictionary.code_shape, dictionary.signal_shape)
    )
    title = f"{type(dictionary).__name__}: {atoms} atoms in {samples} dimensions"
    return Display(title, ("", "is"), rows, remarks)


def _measures(dictionary: Measured) -> Iterator[tuple[str, str]]:
    yield "norms of the atoms", between(dictionary.atom_norms())
    yield "coherence", digits(dictionary.mutual_coherence())
    yield "Welch's floor of it", digits(dictionary.welch_floor())
