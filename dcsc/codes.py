"""Drawing sparse codes of a given stripe sparsity."""

import math
from abc import ABC, abstractmethod

import attrs
import numpy as np

from dcsc._arrays import (
    Array,
    Rng,
    checked_size,
    from_hook,
    generator,
    instance,
    integer,
    positive,
    real,
    shape_tuple,
)
from dcsc._fields import flag_field, number_field
from dcsc.dictionaries import Dictionary, Windows
from dcsc.errors import DcscError, InfeasibleError

__all__ = [
    "Amplitudes",
    "ConstantAmplitudes",
    "GaussianAmplitudes",
    "UniformAmplitudes",
    "draw",
]

_BLOCK = 1024


class Amplitudes(ABC):
    r"""The law of the non-zero entries of a code: sizes, and signs if ``signed``.

    A subclass supplies ``_draw``, the sizes, and says whether it is ``signed``.

    Laws, for entries :math:`x_i = \varepsilon_i s_i`:

    - :math:`0 < s_i < \infty`, float64, as many as asked for; the same rng gives the same
    - :math:`\varepsilon_i = 1` for all i unless ``signed``; else they are fair, and independent of
      one another and of the sizes
    - the :math:`s_i` are independent, and all of one law
    """

    signed: bool

    def draw(self, size: int, rng: Rng = None) -> Array:
        """Return ``size`` independent non-zero amplitudes, float64."""
        source = generator(rng, f"{type(self).__name__}: rng")
        count = integer(size, f"{type(self).__name__}: size", minimum=0)
        checked_size((count,), f"{type(self).__name__}: size")
        where = f"{type(self).__name__}._draw"
        sizes = from_hook(self._draw(count, source), (count,), np.dtype(np.float64), where)
        return sizes * source.choice([-1.0, 1.0], size=count) if self.signed else sizes

    @abstractmethod
    def _draw(self, size: int, rng: np.random.Generator) -> Array:
        """Return ``size`` positive numbers."""


@attrs.frozen
class ConstantAmplitudes(Amplitudes):
    """All entries of one size.

    Parameters
    ----------
    value : float, default 1
    signed : bool, default True
        Whether entries take a fair random sign, or are all positive.
    """

    value: float = number_field(positive, default=1.0)
    signed: bool = flag_field(default=True)

    def _draw(self, size: int, rng: np.random.Generator) -> Array:
        return np.full(size, self.value)


@attrs.frozen
class UniformAmplitudes(Amplitudes):
    """Sizes uniform in ``[low, high]``.

    Parameters
    ----------
    low, high : float, default 0.5 and 1
        With ``high`` 1, ``low`` is the ratio r of the theorems.
    signed : bool, default True
        Whether entries take a fair random sign, or are all positive.
    """

    low: float = number_field(real, default=0.5)
    high: float = number_field(real, default=1.0)
    signed: bool = flag_field(default=True)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise DcscError(
                f"UniformAmplitudes: expected 0 < low <= high, got {self.low} and {self.high}"
            )

    def _draw(self, size: int, rng: np.random.Generator) -> Array:
        return rng.uniform(self.low, self.high, size)


@attrs.frozen
class GaussianAmplitudes(Amplitudes):
    """Sizes ``|g|`` for normal g: most codes then hold entries that no threshold separates.

    Parameters
    ----------
    scale : float, default 1
        Standard deviation.
    signed : bool, default True
        Whether entries take a fair random sign, or are all positive.
    """

    scale: float = number_field(positive, default=1.0)
    signed: bool = flag_field(default=True)

    def _draw(self, size: int, rng: np.random.Generator) -> Array:
        return np.abs(rng.standard_normal(size)) * self.scale


def draw(
    dictionary: Dictionary,
    sparsity: int,
    batch: int | tuple[int, ...] = (),
    amplitudes: Amplitudes | None = None,
    rng: Rng = None,
) -> Array:
    """Draw codes whose stripe sparsity is exactly ``sparsity``.

    The entries are visited in uniform random order, and each is kept if the stripe sparsity stays
    within S, so that no further entry fits.

    Parameters
    ----------
    dictionary : Dictionary
        Codes for a model are drawn at its deepest layer.
    sparsity : int
        S, from 0 to the number of entries of a stripe.
    batch : int or tuple of int
        Batch axes; the codes of a batch are independent.
    amplitudes : Amplitudes, default UniformAmplitudes()
    rng : None, int, SeedSequence or Generator

    Returns
    -------
    array, float64, of shape (*batch, *code_shape)

    Raises
    ------
    InfeasibleError
        If no stripe has room for ``sparsity`` non-zeros.

    Examples
    --------
    >>> from dcsc.dictionaries import CirculantDictionary, filters
    >>> dictionary = CirculantDictionary(filters.dct(3, 1, 3), extent=12)
    >>> int(dictionary.stripe_sparsity(draw(dictionary, 2, rng=0)))
    2
    """
    instance(dictionary, Dictionary, "codes.draw: dictionary")
    stripes, shape = dictionary.stripes, tuple(dictionary.code_shape)
    limit = integer(sparsity, "codes.draw: sparsity", minimum=0)
    if limit > stripes.size:
        raise InfeasibleError(
            f"codes.draw: sparsity: expected at most {stripes.size}, the entries of a stripe of "
            f"{type(dictionary).__name__}, got {limit}"
        )
    law = UniformAmplitudes() if amplitudes is None else amplitudes
    instance(law, Amplitudes, "codes.draw: amplitudes")
    axes = shape_tuple(batch, "codes.draw: batch")
    checked_size((*axes, *shape), "codes.draw: batch")
    source = generator(rng, "codes.draw: rng")
    codes = np.zeros((math.prod(axes), *shape))
    for code in codes:
        support = _pack(stripes, limit, source)
        code.ravel()[support] = law.draw(len(support), source)
    return codes.reshape(axes + shape)


def _pack(stripes: Windows, limit: int, rng: np.random.Generator) -> list[int]:
    """Return flat indices of a random support to which no entry can be added."""
    order = rng.permutation(math.prod(stripes.shape))
    places = np.stack(np.unravel_index(order, stripes.shape), axis=1)
    counts = np.zeros(stripes.grid, dtype=np.int64)
    lines = [[axis.holding(entry) for entry in range(axis.entries)] for axis in stripes.axes]
    first_axis = len(stripes.shape) - len(lines)
    kept: list[int] = []
    for start in range(0, len(order), _BLOCK):
        full = np.broadcast_to(stripes.max_containing(counts) >= limit, stripes.shape).ravel()
        if full.all():
            break
        block = slice(start, start + _BLOCK)
        free = ~full[order[block]]
        for entry, place in zip(order[block][free], places[block][free], strict=True):
            holding = np.ix_(*(line[e] for line, e in zip(lines, place[first_axis:], strict=True)))
            if counts[holding].max() < limit:
                counts[holding] += 1
                kept.append(int(entry))
    return kept
