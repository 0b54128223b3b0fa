"""The randomness of a simulation, in blocks of draws that can be made again."""

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Rng, Shape, as_batch, generator, numeric_array, real, real_array
from dcsc.model import DCSCModel
from dcsc.signs import FixedSigns, SignPattern

__all__ = ["Block", "Draws"]

_BLOCK = 256


@attrs.frozen(eq=False)
class Block:
    """Some draws of the signs of all layers, and of the noise.

    Parameters
    ----------
    signs : tuple of arrays, each (draws, *code_shape)
    noise : array of shape (draws, *batch, *signal_shape), or (*batch, *signal_shape), or None
    """

    signs: tuple[Array, ...]
    noise: Array | None
    per_draw: bool

    def __len__(self) -> int:
        return len(self.signs[0])

    def noise_of(self, draw: int) -> Array | float:
        """Return the noise of one draw, 0 if there is none."""
        if self.noise is None:
            return 0.0
        return self.noise[draw] if self.per_draw else self.noise

    def model(self, model: DCSCModel, draw: int) -> DCSCModel:
        """Return the model with the signs of one draw."""
        return DCSCModel(
            [
                attrs.evolve(layer, signs=FixedSigns(signs[draw], law=_law(layer.signs)))
                for layer, signs in zip(model.layers, self.signs, strict=True)
            ]
        )


@attrs.frozen(eq=False)
class Draws:
    """Draws 0, 1, 2, … of the signs of a model and of the noise on its signal.

    Each block of 256 draws has a generator of its own, derived from the seed and the block's
    number: a single draw is made again by making its block again.

    Parameters
    ----------
    model : DCSCModel
        For a drawn model the signs are drawn anew from the law they came from.
    batch : tuple of int
        Batch axes of the codes.
    seed : SeedSequence
    noise : float or array
        An array is added to every signal as it is. A number ζ draws normal noise, independent of
        the signs, scaled so that its patch norm is ζ in every column.
    """

    model: DCSCModel
    batch: Shape
    seed: np.random.SeedSequence
    noise: float | Array

    @classmethod
    def of(cls, model: DCSCModel, codes: Array, rng: Rng, noise: Any) -> "Draws":
        """Validate what `simulate` was given."""
        deepest = tuple(model.layers[-1].dictionary.code_shape)
        _, batch = as_batch(codes, deepest, "simulate: codes", codes.dtype)
        if np.ndim(noise) == 0:
            return cls(model, batch, _seed(rng), real(noise, "simulate: noise", minimum=0))
        array = real_array(noise, "simulate: noise")
        shape = tuple(model.layers[0].dictionary.signal_shape)
        if array.shape != shape:
            as_batch(array, batch + shape, "simulate: noise", array.dtype)
        return cls(model, batch, _seed(rng), np.broadcast_to(array, batch + shape))

    def blocks(self, trials: int) -> Iterator[Block]:
        """Yield the blocks that hold the first ``trials`` draws, the last one cut short."""
        for number, start in enumerate(range(0, trials, _BLOCK)):
            yield self.block(number, min(_BLOCK, trials - start))

    def block(self, number: int, draws: int = _BLOCK) -> Block:
        """Return the first draws of one block; fewer draws are the beginning of more."""
        key = (*self.seed.spawn_key, number)
        seed = np.random.SeedSequence(self.seed.entropy, spawn_key=key)
        signs_seed, noise_seed = seed.spawn(2)
        rng = np.random.default_rng(signs_seed)
        signs = tuple(
            _law(layer.signs).draw_many(_BLOCK, layer.dictionary.code_shape, rng)[:draws]
            for layer in self.model.layers
        )
        if isinstance(self.noise, np.ndarray):
            return Block(signs, self.noise, per_draw=False)
        if self.noise == 0:
            return Block(signs, None, per_draw=False)
        noise = self._scaled_noise(draws, np.random.default_rng(noise_seed))
        return Block(signs, noise, per_draw=True)

    def _scaled_noise(self, draws: int, rng: np.random.Generator) -> Array:
        dictionary = self.model.layers[0].dictionary
        noise = rng.standard_normal((draws, *self.batch, *dictionary.signal_shape))
        norms = np.asarray(dictionary.patch_norm(noise))
        return noise * (self.noise / norms).reshape(
            *norms.shape, *[1] * len(dictionary.signal_shape)
        )


def _law(signs: SignPattern) -> SignPattern:
    """Return the law that signs were drawn from, or the signs themselves."""
    return signs.law if isinstance(signs, FixedSigns) and signs.law is not None else signs


def _seed(rng: Rng) -> np.random.SeedSequence:
    if isinstance(rng, np.random.SeedSequence):
        return rng
    source = generator(rng, "simulate: rng")
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int(source.integers(2**63)))
    return np.random.SeedSequence(None if rng is None else int(numeric_array(rng, "rng")))
