"""The signs and the noise of all trials, in blocks that can be made again."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import (
    Array,
    Rng,
    Shape,
    as_batch,
    generator,
    instance,
    integer,
    real_or_array,
)
from dcsc._cached import cached_property
from dcsc._numerics.packed import WORD, unpack
from dcsc.layer import law_of
from dcsc.model import DCSCModel
from dcsc.signs import FixedSigns

__all__ = ["BLOCK", "Block", "Draws", "Trials", "checked_noise"]

BLOCK = 1024


@attrs.frozen(eq=False)
class Trials(ABC):
    """Trials 0, 1, 2, … of a model: the signs of all its layers, and the noise on its signal.

    They come in blocks of 1024. A leaf says where the signs and the noise of a block come from.

    Parameters
    ----------
    model : DCSCModel
        A drawn model stands for the law that its signs came from.
    batch : tuple of int
        Batch axes of the codes.
    noise : float or array
        An array is added to every signal as it is; 0 is none.
    """

    model: DCSCModel
    batch: Shape
    noise: float | Array

    @property
    def noise_is_drawn(self) -> bool:
        """Whether every draw has its own noise."""
        return not isinstance(self.noise, np.ndarray) and self.noise != 0

    def blocks(self, trials: int, start: int = 0, stop: int | None = None) -> Iterator["Block"]:
        """Yield blocks ``[start, stop)`` of those that hold the first ``trials`` draws.

        The last block holds only what is left.
        """
        for number in range(-(-trials // BLOCK))[start:stop]:
            yield self.block(number, min(BLOCK, trials - number * BLOCK))

    def block(self, number: int, draws: int = BLOCK, first: int = 0) -> "Block":
        """Return the first draws of one block; fewer draws are the beginning of more.

        Those before ``first``, a multiple of 64, are left out.
        """
        return Block(self, number, draws, first)

    @abstractmethod
    def packed(self, number: int, layer: int, atoms: Array, last: int) -> Array:
        """Return signs of the first ``last`` trials of block ``number``, one bit each.

        Those of some atoms of layer ``layer`` + 1, as `SignPattern.draw_packed` has them.
        """

    @abstractmethod
    def noise_between(self, number: int, start: int, stop: int) -> Array | None:
        """Return the noise of trials ``[start, stop)`` of a block, all of one word of 64.

        ``(trials, *batch, *signal_shape)`` where every trial has its own, ``(*batch,
        *signal_shape)`` where all have the same, and None if there is none.
        """


@attrs.frozen(eq=False)
class Draws(Trials):
    """Trials at random.

    Each block has for each layer a generator of its own, derived from the seed and the block's
    number: to make a single draw again, its block is made again. A noise that is a number ζ draws
    normal noise, independent of the signs, scaled so that its patch norm is ζ in every column, with
    a generator for every 64 draws.

    Parameters
    ----------
    seed : SeedSequence
    """

    seed: np.random.SeedSequence

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, rng: Rng, noise: Any) -> "Draws":
        """Validate what `simulate` was given."""
        batch, checked = checked_noise(model, codes, noise, "simulate")
        return cls(model, batch, checked, _seed(rng))

    def packed(self, number: int, layer: int, atoms: Array, last: int) -> Array:
        signs = law_of(self.model.layers[layer].signs)
        shape = self.model.layers[layer].dictionary.code_shape
        return signs.draw_packed(last, shape, atoms, self.generator(number, layer))

    def noise_between(self, number: int, start: int, stop: int) -> Array | None:
        if isinstance(self.noise, np.ndarray):
            return self.noise
        if self.noise == 0:
            return None
        word, dictionary = start // WORD, self.model.layers[0].dictionary
        rng = self.generator(number, len(self.model.layers) + word)
        shape = (stop - word * WORD, *self.batch, *dictionary.signal_shape)
        noise = rng.standard_normal(shape)[start - word * WORD :]
        norms = np.asarray(dictionary.patch_norm(noise))
        # Where strides and paddings keep all atoms off the signal, none of them sees any noise.
        factors = np.divide(self.noise, norms, out=np.zeros_like(norms), where=norms > 0)
        noise *= factors.reshape(*norms.shape, *[1] * len(dictionary.signal_shape))
        return noise

    def generator(self, number: int, stream: int) -> np.random.Generator:
        """Return a generator of one block: stream l − 1 is for layer l, later ones for noise."""
        key = (*self.seed.spawn_key, number, stream)
        return np.random.default_rng(np.random.SeedSequence(self.seed.entropy, spawn_key=key))


@attrs.frozen(eq=False, slots=False)
class Block:
    """Some draws of the signs of all layers, and of the noise, made when they are asked for.

    Parameters
    ----------
    draws : Trials
    number : int
        Which block it is.
    last, first : int
        It holds draws ``[first, last)`` of the block; everywhere else they are counted from 0.
    """

    draws: Trials
    number: int
    last: int
    first: int = 0

    def __len__(self) -> int:
        return self.last - self.first

    def packed(self, layer: int, atoms: Array) -> Array:
        """Return the signs of some atoms of layer ``layer`` + 1, as `SignPattern.draw_packed`."""
        packed = self.draws.packed(self.number, layer, atoms, self.last)
        return np.ascontiguousarray(packed[:, self.first // WORD :])

    @cached_property
    def _all_packed(self) -> tuple[Array, ...]:
        shapes = [layer.dictionary.code_shape for layer in self.draws.model.layers]
        return tuple(self.packed(l, np.arange(math.prod(s))) for l, s in enumerate(shapes))

    @property
    def signs(self) -> tuple[Array, ...]:
        """The signs of all layers in all draws: (draws, *code_shape) each."""
        return self.signs_between(0, len(self))

    def signs_between(self, start: int, stop: int) -> tuple[Array, ...]:
        """Return the signs of all layers in draws ``[start, stop)``: (draws, *code_shape)."""
        first, last = start // WORD, -(-stop // WORD)
        return tuple(
            unpack(words[:, first:last], stop - first * WORD)[start - first * WORD :].reshape(
                stop - start, *layer.dictionary.code_shape
            )
            for layer, words in zip(self.draws.model.layers, self._all_packed, strict=True)
        )

    def noise(self, start: int, stop: int) -> Array | None:
        """Return the noise of draws ``[start, stop)``, all of one word, as `Trials` has it."""
        return self.draws.noise_between(self.number, self.first + start, self.first + stop)

    def noise_of(self, draw: int) -> Array | float:
        """Return the noise of one draw, 0 if there is none."""
        noise = self.noise(draw, draw + 1)
        if noise is None:
            return 0.0
        return np.asarray(noise[0] if self.draws.noise_is_drawn else noise)

    def model(self, draw: int) -> DCSCModel:
        """Return the model with the signs of one draw."""
        return DCSCModel(
            [
                attrs.evolve(layer, signs=FixedSigns(signs[0], law=law_of(layer.signs)))
                for layer, signs in zip(
                    self.draws.model.layers, self.signs_between(draw, draw + 1), strict=True
                )
            ]
        )


def checked_noise(
    model: DCSCModel, codes: Array, noise: Any, where: str
) -> tuple[Shape, float | Array]:
    """Return the batch axes of the codes, and the noise in the shape of all signals."""
    instance(model, DCSCModel, f"{where}: model")
    deepest = tuple(model.layers[-1].dictionary.code_shape)
    _, batch = as_batch(codes, deepest, f"{where}: codes", codes.dtype)
    array = real_or_array(noise, f"{where}: noise", minimum=0)
    if isinstance(array, float):
        return batch, array
    shape = tuple(model.layers[0].dictionary.signal_shape)
    if array.shape != shape:
        as_batch(array, batch + shape, f"{where}: noise", array.dtype)
    return batch, np.broadcast_to(array, batch + shape)


def _seed(rng: Rng) -> np.random.SeedSequence:
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int(rng.integers(2**63)))
    if rng is None:
        return np.random.SeedSequence()
    generator(rng, "simulate: rng")
    return np.random.SeedSequence(integer(rng, "simulate: rng"))
