"""Failures of one layer from the Gram rows of its support, without synthesis or analysis."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._packed import WORD, words
from dcsc.dictionaries import Dictionary
from dcsc.experiments.comparisons import Comparisons
from dcsc.experiments.draws import Block, Draws
from dcsc.experiments.passes import DrawEngine
from dcsc.model import DCSCModel

__all__ = ["InterferenceEngine"]

# Joint tables of 2^12 bytes stay in the first cache, some dozens of them in the second.
_BITS = 12
_PATTERNS = 2**25


@attrs.frozen(eq=False)
class _Tables:
    """The outcome of every pattern of a few signs, as `dcsc.experiments._compiled.join` has it."""

    head: Array
    which: Array
    table: Array
    entries: Array

    @classmethod
    def of(cls, comparisons: Comparisons) -> "_Tables":
        from dcsc.experiments import _compiled  # noqa: PLC0415  # compiling is left until it pays

        some = comparisons
        runs = _compiled.tabulate(
            some.start,
            some.sign,
            some.weight,
            some.own,
            some.offset,
            some.threshold,
            some.active,
            some.doubt,
        )
        return cls(*_compiled.join(some.start, some.sign, *runs, _BITS))

    def look_up(self, packed: Array, out: Array) -> None:
        from dcsc.experiments import _compiled  # noqa: PLC0415  # compiling is left until it pays

        _compiled.look_up(packed, self.head, self.which, self.table, self.entries, out)


@attrs.frozen(eq=False)
class InterferenceEngine:
    """Draws of a one-layer model with a threshold.

    Whether a draw fails is decided by `Comparisons`, each of which depends on the few signs that
    its atom's stripe meets. All patterns of those are tried beforehand, and a draw looks its own
    up: no sums are left. Comparisons of more than 12 signs, and all of them if every draw has its
    own noise, are summed draw by draw. A draw in which a coefficient comes within rounding of its
    threshold is decided by the model itself, so that the counts are the same.
    """

    dictionary: Dictionary
    atoms: Array
    tables: _Tables
    summed: Comparisons
    alone: DrawEngine

    @staticmethod
    def covers(model: DCSCModel) -> bool:
        """Whether the model is one layer whose projection selects by a threshold."""
        selection = model.layers[0].projection.selection
        return len(model.layers) == 1 and selection is not None and selection.threshold is not None

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, draws: Draws) -> "InterferenceEngine":
        """Collect the comparisons, and try all sign patterns of those that depend on few."""
        layer = model.layers[0]
        dictionary, selection = layer.dictionary, layer.projection.selection
        assert selection is not None
        noise = draws.noise
        if isinstance(noise, np.ndarray):
            noise = noise.reshape(-1, *dictionary.signal_shape)
        columns = codes.reshape(-1, *dictionary.code_shape)
        comparisons = Comparisons.of(dictionary, selection, columns, noise)
        signs = np.diff(comparisons.start)
        few = signs <= _BITS
        if draws.noise_is_drawn:
            few[:] = False
        few &= np.cumsum(np.where(few, 2.0 ** np.minimum(signs, _BITS), 0)) <= _PATTERNS
        tables = _Tables.of(comparisons.take(np.flatnonzero(few)))
        summed = comparisons.take(np.flatnonzero(~few))
        return cls(dictionary, comparisons.atoms, tables, summed, DrawEngine(codes))

    def failed(self, block: Block) -> Array:
        """Return whether each draw fails, bool (draws, 1)."""
        out = np.zeros(words(len(block)) * WORD, dtype=np.uint8)
        packed = block.packed(0, self.atoms)
        self.tables.look_up(packed, out)
        self._add_up(block, packed, out)
        out = out[: len(block)]
        failed = (out & 1).astype(bool)
        for draw in np.flatnonzero(out == 2):
            failed[draw] = self.alone.failed_draw(block, int(draw))[0]
        return failed[:, None]

    def _add_up(self, block: Block, packed: Array, out: Array) -> None:
        if not block.draws.noise_is_drawn:
            self._sum(packed, self.summed.offset[:, None], out)
            return
        for start in range(0, len(block), WORD):
            word = slice(start // WORD, start // WORD + 1)
            noise = self._noise(block, start, min(start + WORD, len(block)))
            self._sum(packed[:, word], noise, out[start : start + WORD])

    def _sum(self, packed: Array, offset: Array, out: Array) -> None:
        from dcsc.experiments import _compiled  # noqa: PLC0415  # compiling is left until it pays

        some = self.summed
        _compiled.add_up(
            np.ascontiguousarray(packed),
            some.start,
            some.sign,
            some.weight,
            some.own,
            offset,
            some.threshold,
            some.active,
            some.doubt,
            out,
        )

    def _noise(self, block: Block, start: int, stop: int) -> Array:
        """Return the coefficients of the noise of a word of draws, (comparisons, 64)."""
        noise = block.noise(start, stop)
        assert noise is not None
        noise = self.dictionary.analyze(noise).reshape(
            stop - start, -1, math.prod(self.dictionary.code_shape)
        )
        out = np.zeros((len(self.summed), WORD))
        out[:, : stop - start] = noise[:, self.summed.column, self.summed.atom].T
        return out
