"""What a dictionary shows of itself: its geometry, the measures of its atoms, and dead filters."""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Shape, brief
from dcsc._display import Display, between, digits, times
from dcsc._words import counted
from dcsc.dictionaries.windows import Windows
from dcsc.errors import DcscError

__all__ = ["brief_filters", "geometry_and_measures"]

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
    @property
    def dead_filters(self) -> tuple[int, ...]: ...
    def welch_floor(self) -> float: ...
    def _representatives(self) -> Array: ...


def brief_filters(array: Array, live: "npt.ArrayLike", name: str = "filters") -> str:
    """Return what the repr of a dictionary shows of its filters, with how many of them are zero.

    Examples
    --------
    >>> brief_filters(np.zeros((2, 1, 3)), np.array([False, False]))
    '<float64 (2, 1, 3), 2 of 2 filters are zero>'
    """
    text, dead = brief(array), np.size(live) - np.count_nonzero(live)
    return f"{text[:-1]}, {dead} of {np.size(live)} {name} are zero>" if dead else text


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
    size = f"{counted(atoms, 'atom')} in {counted(samples, 'dimension')}"
    title = f"{type(dictionary).__name__}: {size}"
    return Display(title, ("", "is"), rows, remarks)


def _measures(dictionary: Measured) -> Iterator[tuple[str, str]]:
    yield "norms of the atoms", between(dictionary.atom_norms())
    dead, filters = len(dictionary.dead_filters), dictionary.code_shape[0]
    if dead:
        yield "filters that are zero", f"{dead} of {filters}"
    # without an atom there is no cosine: 0 would look like the best that there is
    coherence = None if dead == filters else dictionary.mutual_coherence()
    yield "coherence", digits(coherence)
    yield "Welch's floor of it", digits(dictionary.welch_floor())
