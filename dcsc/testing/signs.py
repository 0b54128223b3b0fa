"""The laws of sign patterns."""

import math

import numpy as np

from dcsc._arrays import Array, Rng, generator, instance, shape_tuple
from dcsc.errors import NotCoveredError
from dcsc.signs import FixedSigns, SignPattern
from dcsc.testing.common import call, fail

__all__ = ["check_signs"]

_DRAWS = 4000


def check_signs(
    signs: SignPattern, code_shape: tuple[int, ...] | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `SignPattern`, its traits by 4000 draws where they speak of chance."""
    instance(signs, SignPattern, "check_signs: signs")
    source = generator(rng, "check_signs: rng")
    fixed = signs.values.shape if isinstance(signs, FixedSigns) else (3, 4)
    shape = shape_tuple(fixed if code_shape is None else code_shape, "check_signs: code_shape", 1)
    seeds = [int(seed) for seed in source.integers(2**32, size=_DRAWS)]
    law = "+1 and -1 of the given shape"
    draws = np.stack([call(signs, law, "draw", signs.draw, shape, seed) for seed in seeds])
    for seed, pattern in zip(seeds, draws, strict=True):
        if not np.array_equal(signs.draw(shape, seed), pattern):
            law = "the same rng gives the same pattern"
            fail(signs, law, f"two draws with rng={seed} differ")
    if not signs.random and np.any(draws != draws[0]):
        fail(signs, "a pattern that is not random never changes", "two draws differ")
    many = _many(signs, shape, source)
    try:
        coins = signs.coins(shape).ravel()
    except NotCoveredError:  # random otherwise
        return
    _check_coins(signs, coins, draws.reshape(len(draws), -1))
    _check_coins(signs, coins, many.reshape(len(many), -1))


def _many(signs: SignPattern, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return many patterns of one call, whose beginning and whose packed form are the same."""
    seed = int(rng.integers(2**32))
    law = "+1 and -1 of the given shape"
    many = np.asarray(call(signs, law, "draw_many", signs.draw_many, _DRAWS, shape, seed))
    if many.shape != (_DRAWS, *shape) or np.any(np.abs(many) != 1):
        fail(signs, law, f"draw_many of {_DRAWS} gives {many.dtype} of shape {many.shape}")
    fewer = signs.draw_many(_DRAWS // 7, shape, seed)
    if not np.array_equal(fewer, many[: len(fewer)]):
        law = "fewer patterns of the same rng are the beginning of more"
        fail(signs, law, f"{len(fewer)} and {_DRAWS} with rng={seed}")
    flat = many.reshape(_DRAWS, -1)
    atoms = rng.permutation(flat.shape[1])[: max(1, flat.shape[1] // 2)]
    packed = signs.draw_packed(_DRAWS, shape, atoms, seed)
    draws = np.arange(_DRAWS)
    bits = (packed[:, draws // 64] >> (draws % 64).astype(np.uint64)) & np.uint64(1)
    if not np.array_equal(bits.T == 1, flat[:, atoms] < 0):
        law = "draw_packed gives what draw_many does, whichever atoms are asked for"
        fail(signs, law, f"atoms {atoms.tolist()} with rng={seed}")
    return many


def _check_coins(signs: SignPattern, coins: Array, draws: Array) -> None:
    """Check flat draws against the coin of each entry: constant, equal, or independent and fair."""
    _, first, group = np.unique(coins, return_index=True, return_inverse=True)
    fixed = coins < 0
    if np.any(draws[:, fixed] != draws[0, fixed]):
        fail(signs, "a sign that no coin decides never changes", "two draws differ")
    unlike = np.any(draws != draws[:, first[group]], axis=0) & ~fixed
    if unlike.any():
        entry = int(unlike.argmax())
        fail(signs, "signs of one coin agree", f"entries {first[group][entry]} and {entry} differ")
    leaders = first[coins[first] >= 0]
    if signs.independent and signs.random and len(leaders) < len(coins):
        fail(signs, "independent fair signs", f"{len(leaders)} coins for {len(coins)} entries")
    flat = draws[:, leaders]
    moments = flat.T @ np.column_stack([flat, np.ones(len(flat))]) / len(flat)
    np.fill_diagonal(moments, 0)
    limit = math.sqrt(2 * math.log(2 * max(moments.size, 1) / 1e-9) / len(flat))
    if np.abs(moments).max(initial=0) > limit:
        one, other = np.unravel_index(int(np.abs(moments).argmax()), moments.shape)
        what = "its mean" if other == len(leaders) else f"entry {leaders[other]}"
        fail(signs, "independent fair signs", f"entry {leaders[one]} correlates with {what}")
