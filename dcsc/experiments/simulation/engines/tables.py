"""Failures of one layer from the Gram rows of its support, without synthesis or analysis."""

import math
from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.packed import WORD, words
from dcsc.dictionaries import Dictionary
from dcsc.experiments.simulation import outcomes
from dcsc.experiments.simulation.comparisons import Comparisons
from dcsc.experiments.simulation.draws import Block, Trials
from dcsc.experiments.simulation.engines.base import Engine
from dcsc.experiments.simulation.engines.passes import DrawEngine
from dcsc.model import DCSCModel

__all__ = ["InterferenceEngine"]

# A joint table of 2^12 bytes stays in the first cache, and a few dozen of them in the second.
_BITS = 12
_PATTERNS = 2**25


@attrs.frozen(eq=False)
class _Tables:
    """The outcome of every pattern of a few signs, as `outcomes.join` has it."""

    head: Array
    which: Array
    table: Array
    entries: Array

    @classmethod
    def of(cls, comparisons: Comparisons) -> "_Tables":
        runs = outcomes.tabulate(*comparisons.sums(comparisons.offset))
        return cls(*outcomes.join(comparisons.start, comparisons.sign, *runs, _BITS))

    def look_up(self, packed: Array, out: Array) -> None:
        outcomes.look_up(packed, self.head, self.which, self.table, self.entries, out)


@attrs.frozen(eq=False)
class InterferenceEngine(Engine):
    """Draws of a one-layer model with a threshold.

    Whether a draw fails is decided by `Comparisons`, each of which depends on the few signs that
    its atom's stripe meets. All patterns of those are tried beforehand, and a draw looks its own
    up: no sums are left. Comparisons of more than 12 signs, and all of them if every draw has its
    own noise, are summed draw by draw. A draw in which a coefficient comes within rounding of its
    threshold is decided by the model itself, so that the counts are the same.
    """

    dictionary: Dictionary
    every: Comparisons
    tables: _Tables
    summed: Comparisons
    alone: DrawEngine

    name = "tables"

    @staticmethod
    def covers(model: DCSCModel) -> bool:
        selection = model.layers[0].projection.selection
        return len(model.layers) == 1 and selection is not None and selection.threshold is not None

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, trials: Trials) -> Self:
        # The comparisons, and the outcome of every sign pattern of those that depend on few.
        layer = model.layers[0]
        dictionary, selection = layer.dictionary, layer.projection.selection
        assert selection is not None
        noise = trials.noise
        if isinstance(noise, np.ndarray):
            noise = noise.reshape(-1, *dictionary.signal_shape)
        columns = codes.reshape(-1, *dictionary.code_shape)
        comparisons = Comparisons.of(dictionary, selection, columns, noise)
        signs = np.diff(comparisons.start)
        few = signs <= _BITS
        if trials.noise_is_drawn:
            few[:] = False
        few &= np.cumsum(np.where(few, 2.0 ** np.minimum(signs, _BITS), 0)) <= _PATTERNS
        tables = _Tables.of(comparisons.take(np.flatnonzero(few)))
        summed = comparisons.take(np.flatnonzero(~few))
        return cls(dictionary, comparisons, tables, summed, DrawEngine(codes))

    def failed(self, block: Block) -> Array:
        packed = block.packed(0, self.every.atoms)
        outcome = self._outcomes(block, packed)
        failed = (outcome & 1).astype(bool)
        for draw in np.flatnonzero(outcome == 2):
            failed[draw] = self.alone.failed_draw(block, int(draw))[0]
        return failed[:, None]

    def counts(self, block: Block) -> Array:
        # Once tables have told which draws fail, only the words of those are gone through.
        packed = block.packed(0, self.every.atoms)
        chosen = np.arange(words(len(block)))
        if len(self.summed) < len(self.every):
            chosen = np.unique(np.flatnonzero(self._outcomes(block, packed)) // WORD)
        wrong = np.zeros((2, words(len(block)) * WORD), dtype=np.int64)
        unsure = np.zeros(words(len(block)) * WORD, dtype=bool)
        for word in chosen:
            start = int(word) * WORD
            draws = slice(start, start + WORD)
            offset = self._offset(block, start, self.every)
            bits = np.ascontiguousarray(packed[:, word : word + 1])
            outcomes.count(bits, *self.every.sums(offset), wrong[:, draws], unsure[draws])
        counts = np.ascontiguousarray(wrong[:, : len(block)].T)[:, None]
        for draw in np.flatnonzero(unsure[: len(block)]):
            counts[draw] = self.alone.counts_of_draw(block, int(draw))
        return counts

    def _outcomes(self, block: Block, packed: Array) -> Array:
        """Return the outcome of every draw, as `outcomes.add_up` has them."""
        out = np.zeros(words(len(block)) * WORD, dtype=np.uint8)
        self.tables.look_up(packed, out)
        if not block.draws.noise_is_drawn:
            outcomes.add_up(packed, *self.summed.sums(self.summed.offset[:, None]), out)
            return out[: len(block)]
        for start in range(0, len(block), WORD):
            bits = np.ascontiguousarray(packed[:, start // WORD : start // WORD + 1])
            offset = self._offset(block, start, self.summed)
            outcomes.add_up(bits, *self.summed.sums(offset), out[start : start + WORD])
        return out[: len(block)]

    def _offset(self, block: Block, start: int, comparisons: Comparisons) -> Array:
        """Return the offsets of a word of draws, noise included, (comparisons, 1 or 64)."""
        if not block.draws.noise_is_drawn:
            return comparisons.offset[:, None]
        stop = min(start + WORD, len(block))
        noise = block.noise(start, stop)
        assert noise is not None
        noise = self.dictionary.analyze(noise).reshape(
            stop - start, -1, math.prod(self.dictionary.code_shape)
        )
        out = np.zeros((len(comparisons), WORD))
        out[:, : stop - start] = noise[:, comparisons.column, comparisons.atom].T
        return out
