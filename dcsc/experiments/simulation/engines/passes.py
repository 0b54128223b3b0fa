"""Failures from synthesis and forward pass: one draw at a time, or many together."""

import math
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.packed import WORD
from dcsc.experiments.simulation.draws import Block, Trials
from dcsc.experiments.simulation.engines.base import Engine
from dcsc.layer import RESIDUE, without_residue
from dcsc.model import DCSCModel
from dcsc.pursuits import PathwayPursuit

__all__ = ["BatchEngine", "DrawEngine"]

_ENTRIES = 2**22


@attrs.frozen(eq=False)
class DrawEngine(Engine):
    """Every draw by the model itself: synthesis, forward pass or another pursuit, comparison."""

    codes: Array
    pursuit: PathwayPursuit | None = None

    name = "draws"

    @staticmethod
    def covers(model: DCSCModel) -> bool:
        return True

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, trials: Trials) -> Self:
        return cls(codes)

    def counts(self, block: Block) -> Array:
        out = np.empty((len(block), len(block.draws.model.layers), 2), dtype=np.int64)
        for start in range(0, len(block), WORD):
            stop = min(start + WORD, len(block))
            noise = block.noise(start, stop)
            for draw in range(start, stop):
                drawn = noise[draw - start] if block.draws.noise_is_drawn else noise  # type: ignore[index]  # drawn, so there
                out[draw] = self._counts(block.model(draw), 0.0 if drawn is None else drawn)
        return out

    def failed_draw(self, block: Block, draw: int) -> Any:
        """Return whether one draw fails at each layer, bool (L,)."""
        return self.counts_of_draw(block, draw).any(axis=1)

    def counts_of_draw(self, block: Block, draw: int) -> Array:
        """Return the entries that one draw misses, and its false alarms, (L, 2)."""
        return self._counts(block.model(draw), block.noise_of(draw))

    def _counts(self, drawn: DCSCModel, noise: Array | float) -> Array:
        truth = drawn.synthesize(self.codes)
        recovery = truth.compare(drawn.forward(truth[0] + noise, pursuit=self.pursuit))
        counts = np.stack([recovery.missed, recovery.false_alarms], axis=-1)
        return np.asarray(counts.reshape(len(counts), -1, 2).sum(axis=1))


@attrs.frozen(eq=False)
class BatchEngine(Engine):
    r"""Many draws together, for models whose projections all select by a threshold.

    The draws are a batch axis of the dictionaries without their signs. Sums over a batch may round
    otherwise than those of a single draw. A draw in which this could decide, about a coefficient at
    its threshold or about a residue, is left to the model itself, so that the counts are the same.

    Both may be off, in a sum of n terms, by n·eps times the sum of their sizes. An error e of a
    signal, in the norm of a patch, moves the coefficient of atom a by at most \|a\|·e, and an error
    of at most q in each entry of a code has at most the norm q·√(patch size). A projection is taken
    to move its values by no more than its coefficients.

    Parameters
    ----------
    codes : array of shape (*batch, *code_shape)
    sizes : tuple of arrays
        Layer by layer, the signal first, the codes as they would be if nothing cancelled: the
        largest size of each entry under any signs.
    terms : tuple of int
        How many roundings, relative to ``sizes``, the codes of each layer have gone through.
    """

    model: DCSCModel
    codes: Array
    sizes: tuple[Array, ...]
    terms: tuple[int, ...]
    alone: DrawEngine

    name = "batches"

    @staticmethod
    def covers(model: DCSCModel) -> bool:
        selections = [layer.projection.selection for layer in model.layers]
        return all(s is not None and s.threshold is not None for s in selections)

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, trials: Trials) -> Self:
        # The sizes of the codes, followed down to the signal.
        sizes, terms = [np.abs(codes)], [0]
        for layer in reversed(model.layers):
            most = int(np.max(layer.dictionary.stripe_sparsity(sizes[0]), initial=0))
            terms.insert(0, terms[0] + most + 2)
            sizes.insert(0, layer.dictionary.contributions(sizes[0]))
        return cls(model, codes, tuple(sizes), tuple(terms), DrawEngine(codes))

    def counts(self, block: Block) -> Array:
        counts = np.empty((len(block), len(self.model.layers), 2), dtype=np.int64)
        doubt = np.empty(len(block), dtype=bool)
        step = max(1, min(WORD, _ENTRIES // max(1, *(size.size for size in self.sizes))))
        axes = len(block.draws.batch)
        for word in range(0, len(block), WORD):
            end = min(word + WORD, len(block))
            noise = block.noise(word, end)
            for start in range(word, end, step):
                stop = min(start + step, end)
                added = noise
                if noise is not None and block.draws.noise_is_drawn:
                    added = noise[start - word : stop - word]
                counts[start:stop], doubt[start:stop] = self._passes(
                    [_spread(s, axes) for s in block.signs_between(start, stop)], added
                )
        for draw in np.flatnonzero(doubt):
            counts[draw] = self.alone.counts_of_draw(block, int(draw))
        return counts

    def _passes(self, signs: list[Array], noise: Array | None) -> tuple[Array, Array]:
        """Return the counts of each draw, (draws, L, 2), and which draws are in doubt."""
        truth, doubt = self._synthesize(signs)
        entering = truth[0] if noise is None else truth[0] + noise
        eps = float(np.finfo(truth[0].dtype).eps)
        # ``off`` bounds the patch norm of what rounding adds to the signal that enters a layer.
        lowest = self.model.layers[0].dictionary
        off = np.asarray(lowest.patch_norm(self.sizes[0])) * self.terms[0] * eps
        counts = []
        for number, layer in enumerate(self.model.layers):
            dictionary, selection = layer.dictionary, layer.projection.selection
            assert selection is not None
            signal = tuple(range(entering.ndim - len(dictionary.signal_shape), entering.ndim))
            norm = np.sqrt(np.square(entering).sum(axis=signal))
            off = off + (dictionary.patches.size + 2) * eps * norm
            # The coefficients z = D Aᵀ y, and how near rounding may bring them to a threshold.
            z = dictionary.analyze(entering) * signs[number].astype(entering.dtype)
            beta = np.asarray(selection.threshold)
            beta = beta.reshape(-1, *[1] * (len(dictionary.code_shape) - 1))
            norms = dictionary.atom_norms()
            margin = np.abs((z if selection.one_sided else np.abs(z)) - beta)
            band = 2 * norms * off.reshape(*off.shape, *[1] * norms.ndim) + 4 * eps * beta
            doubt |= _any(margin <= band)
            # Select, and count what is missing and what is too much.
            entering = layer.projection(z, dictionary)
            guess, true = entering != 0, truth[number + 1] != 0
            counts.append(np.stack([_count(true & ~guess), _count(guess & ~true)], axis=1))
            if number + 1 < len(self.model.layers):
                # The rounding of one coefficient, and from that of a patch of the next layer.
                last = tuple(range(entering.ndim - norms.ndim, entering.ndim))
                off = norms.max() * off + eps * np.abs(entering).max(axis=last)
                size = self.model.layers[number + 1].dictionary.patches.size
                off = off * math.sqrt(size)
        return np.stack(counts, axis=1), doubt

    def _synthesize(self, signs: list[Array]) -> tuple[list[Array], Array]:
        """Return the codes of all layers, the signal first, and which draws are in doubt."""
        doubt = np.zeros(len(signs[0]), dtype=bool)
        truth = [self.codes[None]]
        for number, layer in reversed(list(enumerate(self.model.layers))):
            code = truth[0] * signs[number].astype(truth[0].dtype)
            signal = layer.dictionary.synthesize(code)
            if number > 0:
                sizes = layer.dictionary.contributions(truth[0])
                eps = np.finfo(signal.dtype).eps
                distance = np.abs(np.abs(signal) - RESIDUE * eps * sizes)
                near = distance <= self.terms[number] * eps * self.sizes[number]
                doubt |= _any(near & (sizes > 0))
                signal = without_residue(signal, sizes)
            truth.insert(0, signal)
        return truth, doubt


def _spread(signs: Array, axes: int) -> Array:
    """Give signs ``(draws, *code_shape)`` so many batch axes."""
    return signs.reshape(len(signs), *[1] * axes, *signs.shape[1:])


def _count(values: Array) -> Array:
    return np.asarray(np.count_nonzero(values.reshape(len(values), -1), axis=1))


def _any(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).any(axis=1))
