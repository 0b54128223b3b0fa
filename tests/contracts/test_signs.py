"""The laws of sign patterns, and faults that the check must find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc._numerics.packed import pack
from dcsc.errors import DcscError, NotCoveredError
from dcsc.signs import (
    BlockSigns,
    FilterSigns,
    FixedSigns,
    IdentitySigns,
    RademacherSigns,
    SignPattern,
)
from dcsc.testing import check_signs
from tests import cases, strategies

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def shape_for(signs):
    return signs.values.shape if isinstance(signs, FixedSigns) else (2, 3)


@pytest.mark.parametrize("kind", cases.SIGNS)
@settings(max_examples=3)  # each checks 4000 draws
@given(data=st.data())
def test_laws(kind, data):
    shape = data.draw(shapes)
    check_signs(data.draw(strategies.sign_patterns(shape, kind)), shape, rng=0)


@pytest.mark.parametrize("kind", cases.SIGNS)
@given(data=st.data())
def test_draws(kind, data):
    shape, seed = data.draw(shapes), data.draw(strategies.seeds)
    signs = data.draw(strategies.sign_patterns(shape, kind))
    drawn = signs.draw(shape, seed)
    assert drawn.dtype == np.float64
    assert drawn.shape == shape
    assert set(np.unique(drawn)) <= {-1.0, 1.0}
    np.testing.assert_array_equal(drawn, signs.draw(shape, np.random.default_rng(seed)))
    np.testing.assert_array_equal(drawn, signs.draw(list(shape), np.random.SeedSequence(seed)))


@pytest.mark.parametrize("kind", cases.SIGNS)
def test_global_random_state_is_left_alone(kind):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (the state that must not move)
    values = FixedSigns(np.ones(3)) if kind is FixedSigns else kind()
    values.draw(3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_without_a_seed_draws_differ():
    assert not np.array_equal(RademacherSigns().draw(64), RademacherSigns().draw(64))
    source = np.random.default_rng(0)
    first = RademacherSigns().draw(64, source)
    assert not np.array_equal(first, RademacherSigns().draw(64, source))


@given(shapes, strategies.seeds)
def test_filter_signs_are_the_same_at_every_position(shape, seed):
    drawn = FilterSigns().draw(shape, seed).reshape(shape[0], -1)
    np.testing.assert_array_equal(drawn, np.repeat(drawn[:, :1], drawn.shape[1], axis=1))


def test_filter_signs_are_fair_and_independent_between_filters():
    drawn = np.array([FilterSigns().draw((3, 2), seed)[:, 0] for seed in range(4000)])
    pairs = np.column_stack([drawn, drawn * np.roll(drawn, 1, axis=1)])
    assert np.abs(pairs.mean(axis=0)).max() < 0.08  # 5 standard deviations


@given(shapes, st.data())
def test_block_signs_are_constant_on_blocks(shape, data):
    signs = data.draw(strategies.sign_patterns(shape, BlockSigns))
    sides = (signs.filters, *np.broadcast_to(signs.positions, len(shape) - 1))
    drawn = signs.draw(shape, data.draw(strategies.seeds))
    coins, blocks = signs.coins(shape), {}
    for place in np.ndindex(shape):
        block = tuple(at // side for at, side in zip(place, sides, strict=True))
        blocks.setdefault(block, set()).add((coins[place], drawn[place]))
    assert all(len(values) == 1 for values in blocks.values())
    assert sorted(set(coins.flat)) == list(range(len(blocks)))


@given(shapes)
def test_block_signs_go_from_signs_of_atoms_to_signs_of_filters(shape):
    np.testing.assert_array_equal(BlockSigns().coins(shape), RademacherSigns().coins(shape))
    np.testing.assert_array_equal(
        BlockSigns(positions=10**30).coins(shape), FilterSigns().coins(shape)
    )
    assert not BlockSigns(10**30, 10**30).coins(shape).any()


def test_every_pattern_of_independent_signs_is_equally_likely():
    drawn = [tuple(RademacherSigns().draw(4, seed)) for seed in range(4000)]
    counts = np.array([drawn.count(pattern) for pattern in set(drawn)])
    assert len(counts) == 16
    assert ((counts - 250) ** 2 / 250).sum() < 45  # chi-square with 15 degrees of freedom, p = 1e-4


@given(shapes, st.data())
def test_fixed_signs_return_what_they_are_given_and_keep_it(shape, data):
    values = data.draw(strategies.signs(shape))
    signs = FixedSigns(values)
    kept = values.copy()
    values[...] = 0
    np.testing.assert_array_equal(signs.draw(shape), kept)
    with pytest.raises(ValueError, match="read-only"):
        signs.values[...] = 1
    assert FixedSigns(kept) == signs


def test_coins_list_all_patterns_and_no_other():
    """Every pattern of the coins is drawn some time, and nothing else is."""
    fixed = FixedSigns([[1, -1], [1, 1]])
    blocks = BlockSigns(2), BlockSigns(1, (2,))
    for signs in (RademacherSigns(), FilterSigns(), *blocks, IdentitySigns(), fixed):
        coins = signs.coins((2, 2)).ravel()
        drawn = np.array([signs.draw((2, 2), seed).ravel() for seed in range(200)])
        tossed = {tuple(pattern[coins >= 0]) for pattern in drawn}
        assert len(tossed) == 2 ** len(set(coins[coins >= 0]))
        assert len({tuple(pattern) for pattern in drawn}) == len(tossed)


def test_laws_that_do_not_tell_of_their_coins():
    with pytest.raises(NotCoveredError, match=r"Flat: .*write Flat\._coins"):
        Flat().coins((2, 3))


def test_traits():
    assert RademacherSigns().independent
    assert RademacherSigns().random
    assert not FilterSigns().independent
    assert FilterSigns().random
    assert BlockSigns().independent
    assert BlockSigns(1, (1, 1)).independent
    assert not BlockSigns(2).independent
    assert not BlockSigns(1, (1, 2)).independent
    assert not IdentitySigns().independent
    assert not IdentitySigns().random
    for law in (None, FilterSigns(), IdentitySigns(), RademacherSigns()):
        fixed = FixedSigns([1, -1], law)
        assert not fixed.random
        assert fixed.independent == (law == RademacherSigns())


# ---- faults the check must find ------------------------------------------------------------------


class Fraction(SignPattern):
    def _draw(self, code_shape, rng):
        return np.full(code_shape, 0.5)


class Flat(SignPattern):
    def _draw(self, code_shape, rng):
        return np.ones(np.prod(code_shape))


class Unseeded(SignPattern):
    def _draw(self, code_shape, rng):
        return np.random.default_rng().choice([-1.0, 1.0], code_shape)


class NotReallyFixed(SignPattern):
    random = False

    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)


class Biased(SignPattern):
    independent = True

    def _draw(self, code_shape, rng):
        return np.where(rng.random(code_shape) < 0.65, 1.0, -1.0)


class Shared(SignPattern):
    independent = True

    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], (code_shape[0], *[1] * (len(code_shape) - 1))) * np.ones(
            code_shape
        )


class Chained(SignPattern):
    independent = True

    def _draw(self, code_shape, rng):
        steps = np.where(rng.random(np.prod(code_shape)) < 0.35, -1.0, 1.0)
        return (rng.choice([-1.0, 1.0]) * np.cumprod(steps)).reshape(code_shape)


class Torn(SignPattern):
    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)

    def _coins(self, code_shape):
        return np.zeros(code_shape, dtype=int)


class Restless(SignPattern):
    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)

    def _coins(self, code_shape):
        return np.full(code_shape, -1)


class Twins(SignPattern):
    """Two coins that always fall alike."""

    def _draw(self, code_shape, rng):
        return np.full(code_shape, rng.choice([-1.0, 1.0]))

    def _coins(self, code_shape):
        return np.arange(np.prod(code_shape)).reshape(code_shape) % 2


class Fewer(SignPattern):
    """It says that its signs are independent, and tells of fewer coins."""

    independent = True

    def _draw(self, code_shape, rng):
        return FilterSigns().draw(code_shape, rng)

    def _coins(self, code_shape):
        return FilterSigns().coins(code_shape)


class Deaf(SignPattern):
    """Fair signs that rng does not decide, few enough to look the same now and then."""

    independent = True
    source = np.random.default_rng(0)

    def _draw(self, code_shape, rng):
        return self.source.choice([-1.0, 1.0], code_shape)


class Forgetful(SignPattern):
    """How many patterns are drawn decides which ones."""

    independent = True

    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)

    def _draw_packed(self, count, code_shape, atoms, rng):
        negative = np.random.default_rng(count).random((count, np.prod(code_shape))) < 0.5
        return pack(negative[:, atoms])


class Misplaced(Forgetful):
    """The packed form numbers the atoms that it is asked for."""

    def _draw_packed(self, count, code_shape, atoms, rng):
        negative = rng.random((4000, np.prod(code_shape)))[:count] < 0.5
        return pack(negative[:, np.arange(len(atoms))])


class Sound(SignPattern):
    independent = True

    def _draw(self, code_shape, rng):
        return rng.choice([-1.0, 1.0], code_shape)


FAULTS = {
    Fraction: "+1 and -1 of the given shape",
    Flat: "+1 and -1 of the given shape",
    Unseeded: "the same rng gives the same pattern",
    NotReallyFixed: "never changes",
    Biased: "independent fair signs",
    Shared: "independent fair signs",
    Chained: "independent fair signs",
    Torn: "signs of one coin agree",
    Restless: "a sign that no coin decides never changes",
    Twins: "independent fair signs",
    Fewer: "independent fair signs",
    Deaf: "the same rng gives the same pattern",
    Forgetful: "fewer patterns of the same rng are the beginning of more",
    Misplaced: "draw_packed gives what draw_many does",
}


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty):
    law = FAULTS[faulty].replace("+", r"\+")
    with pytest.raises(AssertionError, match=f"{faulty.__name__} breaks the law.*{law}"):
        check_signs(faulty())


def test_a_sound_law_passes():
    check_signs(Sound())


def test_a_law_that_hears_nothing_is_found_for_one_sign_too():
    with pytest.raises(AssertionError, match="'the same rng gives the same pattern'"):
        check_signs(Deaf(), (1,))


def test_a_class_is_no_law():
    with pytest.raises(DcscError, match="check_signs: signs: expected a SignPattern"):
        check_signs(RademacherSigns)
