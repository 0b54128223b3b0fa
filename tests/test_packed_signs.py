"""Signs as bits: those of chosen atoms are those of the whole pattern."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc import BlockSigns, RademacherSigns, SignPattern
from dcsc._numerics import philox, plain
from dcsc._numerics.packed import unpack
from tests import cases, strategies


class Stranger(SignPattern):
    """A law of one hook: runs of equal signs."""

    def _draw(self, code_shape, rng):
        return np.repeat(rng.choice([-1.0, 1.0], (math.prod(code_shape) + 1) // 2), 2)[
            : math.prod(code_shape)
        ].reshape(code_shape)


@given(st.data(), st.sampled_from([Stranger, *cases.SIGNS]), strategies.seeds)
def test_packed_signs_are_the_drawn_ones(data, kind, seed):
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=2).map(tuple))
    signs = Stranger() if kind is Stranger else data.draw(strategies.sign_patterns(shape, kind))
    count = data.draw(st.integers(0, 300))
    atoms = data.draw(st.lists(st.integers(0, math.prod(shape) - 1), max_size=6))
    drawn = signs.draw_many(count, shape, seed)
    assert drawn.shape == (count, *shape)
    assert (np.abs(drawn) == 1).all()
    packed = signs.draw_packed(count, shape, np.array(atoms, int), seed)
    np.testing.assert_array_equal(
        unpack(packed, count), drawn.reshape(count, math.prod(shape))[:, atoms]
    )
    np.testing.assert_array_equal(signs.draw_many(count // 2, shape, seed), drawn[: count // 2])


@pytest.mark.parametrize("way", [philox, plain])
@given(st.lists(st.integers(0, 2**40), max_size=5), st.integers(0, 11), strategies.seeds)
def test_words_of_an_atom_are_those_of_philox(way, atoms, count, seed):
    key = np.random.default_rng(seed).integers(0, 2**64, 2, dtype=np.uint64)
    words = way.random_words(key, np.array(atoms, np.int64), count)
    for atom, row in zip(atoms, words, strict=True):
        groups = [
            np.random.Philox(key=key, counter=atom + (group << 64)).random_raw(4)
            for group in range(math.ceil(count / 4))
        ]
        np.testing.assert_array_equal(row, np.array(groups, np.uint64).ravel()[:count])


def test_many_signs_are_fair_and_independent():
    drawn = RademacherSigns().draw_many(4096, (3, 2), rng=0).reshape(4096, 6)
    products = [
        drawn[:, list(some)].prod(axis=1)
        for some in itertools.chain(
            itertools.combinations(range(6), 1), itertools.combinations(range(6), 2)
        )
    ]
    later = [drawn[1:, a] * drawn[:-1, b] for a in range(6) for b in range(6)]
    for values in products + later:
        assert abs(values.mean()) < 5 / math.sqrt(4000)


def test_blocks_are_looked_up_for_the_atoms_alone():
    """A code of many positions is no matter, for it is never an array."""
    signs, shape, atoms = BlockSigns(filters=2, positions=3), (4, 7), np.arange(28)
    blocks = signs.coins(shape).ravel()
    drawn = signs.draw_packed(64, shape, atoms, rng=1)
    for block in range(blocks.max() + 1):
        assert len(np.unique(drawn[blocks == block], axis=0)) == 1
    assert len(np.unique(drawn, axis=0)) == blocks.max() + 1
    far = signs.draw_packed(64, (4, 10**7), np.array([0, 1, 2, 3, 10**7]), rng=1)
    assert [(far[0] == row).all() for row in far] == [True, True, True, False, True]
