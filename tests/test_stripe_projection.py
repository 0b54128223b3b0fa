"""The projection onto codes of bounded stripe sparsity, against all supports and the theory."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dcsc.bounds import LayerInstance, UniformBound
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError, NotCoveredError, NotProvedError
from dcsc.projections import HardThreshold, StripeProjection, StripeTopK
from tests import cases, strategies
from tests.test_windows import grid, stripes_of


def circle(positions, kernel, filters=1, stride=1):
    bank = np.ones((filters, 1, *kernel))
    return CirculantDictionary(bank, tuple(stride * p for p in positions), stride)


def membership(dictionary):
    """Which entry lies in which stripe, shape (stripes, entries)."""
    number = {place: k for k, place in enumerate(grid(*dictionary.code_shape))}
    held = [sorted({number[place] for place in stripe}) for stripe in stripes_of(dictionary)]
    matrix = np.zeros((len(held), len(number)), dtype=np.int16)
    for row, places in zip(matrix, held, strict=True):
        row[places] = 1
    return matrix


def feasible(support, dictionary, sparsity):
    return (membership(dictionary) @ support.ravel().astype(np.int16)).max() <= sparsity


def best_support(z, dictionary, sparsity):
    """Go through all supports; whole numbers, so that energies are exact.

    Supports are numbered in binary, the largest entry first: of equal ones the highest number wins.
    """
    flat = z.ravel().astype(np.int64)
    ranked = sorted(np.flatnonzero(flat), key=lambda k: (-abs(flat[k]), k))
    count = len(ranked)
    bits = (np.arange(2**count)[:, None] >> np.arange(count)[::-1]) & 1
    held = np.unique(membership(dictionary)[:, ranked], axis=0).astype(np.float32)
    allowed = (bits.astype(np.float32) @ held.T <= sparsity).all(axis=1)
    energy = np.where(allowed, bits @ flat[ranked] ** 2, -1)
    winner = 2**count - 1 - int(energy[::-1].argmax())
    support = np.zeros(flat.size, dtype=bool)
    support[np.array(ranked, dtype=int)[bits[winner] == 1]] = True
    return support.reshape(z.shape), int(energy[winner])


@st.composite
def whole_numbers(draw, dictionary, most):
    """Coefficients with at most so many non-zeros, of few sizes or of several magnitudes."""
    rng = np.random.default_rng(draw(strategies.seeds))
    size = math.prod(dictionary.code_shape)
    z = np.zeros(size)
    chosen = rng.permutation(size)[:most]
    z[chosen] = np.rint(draw(st.sampled_from([1, 4, 10**4])) ** rng.random(len(chosen)))
    return (z * rng.choice([-1, 1], size)).reshape(dictionary.code_shape)


# ---- all supports --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data())
def test_small_codes_are_decided_exactly_with_their_ties(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    sparsity = data.draw(st.integers(1, 4) | st.integers(1, dictionary.stripes.size + 2))
    z = data.draw(whole_numbers(dictionary, most=11))
    support, energy = best_support(z, dictionary, sparsity)
    solution = StripeProjection(sparsity).solve(z, dictionary)
    np.testing.assert_array_equal(solution.code, np.where(support, z, 0))
    assert (solution.energy, solution.gap, solution.bound) == (energy, 0, energy)


@given(st.integers(2, 3), st.integers(1, 4), strategies.seeds)
def test_a_line_of_many_ties(filters, sparsity, seed):
    dictionary = ToeplitzDictionary(np.ones((filters, 1, 2)), 6)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        z = np.zeros(dictionary.code_shape)
        z.flat[rng.permutation(z.size)[:10]] = rng.choice([1, 2], min(z.size, 10))
        support, _ = best_support(z, dictionary, sparsity)
        np.testing.assert_array_equal(StripeProjection(sparsity)(z, dictionary) != 0, support)


@st.composite
def rings_and_grids(draw):
    """Codes that no line and no enumeration settles: a full circle, a torus, a rectangle."""
    kernel, filters = draw(st.integers(2, 3)), draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["ring", "torus", "rectangle"]))
    if kind == "ring":
        return circle((draw(st.integers(9, 18)),), (kernel,), filters)
    if kind == "torus":
        return circle((draw(st.integers(4, 5)), draw(st.integers(5, 6))), (2, 2), filters)
    shape = (filters, 1, 2, kernel)
    return ToeplitzDictionary(np.ones(shape), (draw(st.integers(4, 6)), draw(st.integers(7, 8))))


@settings(max_examples=15)
@given(rings_and_grids(), st.integers(1, 5), st.data())
def test_a_search_ends_with_the_largest_energy(dictionary, sparsity, data):
    z = data.draw(whole_numbers(dictionary, most=17))
    _, energy = best_support(z, dictionary, sparsity)
    solution = StripeProjection(sparsity).solve(z, dictionary)
    assert solution.energy == energy
    assert solution.proved
    assert energy <= solution.bound <= energy * (1 + 1e-11)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), strategies.seeds)
def test_on_a_line_the_linear_program_has_the_same_value(filters, kernel, sparsity, seed):
    rng = np.random.default_rng(seed)
    dictionary = ToeplitzDictionary(np.ones((filters, 1, kernel)), 40)
    z = rng.standard_normal(dictionary.code_shape) * (rng.random(dictionary.code_shape) < 0.8)
    solution = StripeProjection(sparsity).solve(z, dictionary)
    held = scipy.sparse.csr_array(membership(dictionary).astype(float))
    limits = np.full(held.shape[0], sparsity)
    program = linprog(-np.square(z).ravel(), A_ub=held, b_ub=limits, bounds=(0, 1))
    assert solution.energy == pytest.approx(-program.fun, rel=1e-9)
    assert solution.gap == 0
    assert feasible(solution.code != 0, dictionary, sparsity)


@given(st.integers(2, 4), st.integers(1, 4), st.integers(0, 99), strategies.seeds)
def test_an_arc_of_a_circle_is_a_line(kernel, sparsity, shift, seed):
    line = ToeplitzDictionary(np.ones((2, 1, kernel)), 59 + kernel)
    ring = circle((100,), (kernel,), filters=2)
    z = np.random.default_rng(seed).standard_normal(line.code_shape)
    around = np.roll(np.pad(z, ((0, 0), (0, 40))), shift, axis=1)
    found = StripeProjection(sparsity).solve(around, ring)
    expected = np.pad(StripeProjection(sparsity)(z, line), ((0, 0), (0, 40)))
    np.testing.assert_array_equal(np.roll(found.code, -shift, axis=1), expected)
    assert found.gap == 0


# ---- whole numbers, not floats -------------------------------------------------------------------

# Entries 0 and 4 have no stripe in common, 2 meets both.
FIVE = ToeplitzDictionary(np.ones((1, 1, 2)), 6)


@pytest.mark.parametrize("m", [27254667.0, 47453132.0, 2.0**25])
def test_energies_that_differ_beyond_floating_point_are_told_apart(m):
    # (2m² + 1)² = (2m²)² + (2m)² + 1 and (m² + m + 1)² = (m² + m − 1)² + (2m + 1)² − 1
    less = [[2 * m**2, 0, 2 * m**2 + 1, 0, 2 * m]]
    more = [[m**2 + m - 1, 0, m**2 + m + 1, 0, 2 * m + 1]]
    assert np.flatnonzero(StripeProjection(1)(less, FIVE)).tolist() == [2]
    assert np.flatnonzero(StripeProjection(1)(more, FIVE)).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("z", "kept"),
    [
        ([4, 0, -5, 0, 3], [2]),  # 5² = 4² + 3²: the largest entry decides
        ([-3, 0, 5, 0, 4], [2]),
        ([1, 1, 1, 1, 1], [0, 3]),  # not 4, and not 1 and 4
        ([0, 1, -1, 0, 1], [1, 4]),
    ],
)
def test_equal_energies_go_by_size_then_order(z, kept):
    assert np.flatnonzero(StripeProjection(1)([z], FIVE)).tolist() == kept


@pytest.mark.parametrize("dictionary", [FIVE, circle((5,), (2,)), DenseDictionary(np.eye(5))])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1, 1e160, 1e300])
def test_sizes_of_every_magnitude(dictionary, scale):
    z = np.array([scale, 0, scale * 1e-8, 0, 1e-320]).reshape(dictionary.code_shape)
    np.testing.assert_array_equal(StripeProjection(3)(z, dictionary), z)
    solution = StripeProjection(1).solve(z, dictionary)
    assert np.flatnonzero(solution.code).tolist() == ([0, 4] if dictionary is FIVE else [0])
    assert solution.gap == 0


# ---- laws ----------------------------------------------------------------------------------------


@given(strategies.dictionaries(), st.data())
def test_a_projection_that_keeps_as_much_as_any_simple_rule(dictionary, data):
    projection = data.draw(strategies.projections(dictionary, StripeProjection))
    z = data.draw(strategies.codes(dictionary, batch=(2,)))
    code = projection(z, dictionary)
    np.testing.assert_array_equal(projection(code, dictionary), code)
    np.testing.assert_array_equal(code[code != 0], z[code != 0])
    other = StripeTopK(projection.sparsity)(z, dictionary)
    held = membership(dictionary)
    for kept, simple, given_ in zip(code, other, z, strict=True):
        assert feasible(kept != 0, dictionary, projection.sparsity)
        least = np.square(simple.astype(float)).sum()
        assert np.square(kept.astype(float)).sum() >= least * (1 - 1e-12)
        # Nothing else fits in.
        room = held @ (kept != 0).ravel() < projection.sparsity
        missing = (kept == 0).ravel() & (given_ != 0).ravel()
        assert not any(room[held[:, k] == 1].all() for k in np.flatnonzero(missing))


@given(strategies.dictionaries(), st.integers(1, 6), st.data())
def test_what_is_sparse_enough_stays(dictionary, sparsity, data):
    z = data.draw(strategies.codes(dictionary, batch=(2,)))
    threshold = data.draw(st.floats(0, 2))
    code = HardThreshold(threshold)(z)
    sparse = dictionary.stripe_sparsity(code) <= sparsity
    assume(sparse.any())
    projected = StripeProjection(sparsity)(code[sparse], dictionary)
    np.testing.assert_array_equal(projected, code[sparse])


@given(st.data())
def test_where_stripes_are_full_and_sizes_separate_it_finds_the_support(data):
    kernel = data.draw(st.sampled_from([(2,), (3,), (2, 2)]))
    filters = data.draw(st.integers(1, 2))
    stripe = tuple(2 * f - 1 for f in kernel)
    repeats = (data.draw(st.integers(2, 4)), *(2 for _ in kernel[1:]))
    ring = circle([a * b for a, b in zip(stripe, repeats, strict=True)], kernel, filters)
    rng = np.random.default_rng(data.draw(strategies.seeds))
    cell = rng.permutation(filters * math.prod(stripe)).reshape(filters, *stripe)
    sparsity = data.draw(st.integers(1, cell.size))
    support = np.tile(cell < sparsity, (1, *repeats))
    z = np.where(support, rng.uniform(1, 3, support.shape), rng.uniform(0.9, 0.99, support.shape))
    z *= rng.choice([-1, 1], z.shape)
    np.testing.assert_array_equal(StripeProjection(sparsity)(z, ring) != 0, support)


# ---- where it does not find the support ----------------------------------------------------------


def test_a_stripe_with_room_keeps_a_false_entry():
    pair = circle((8,), (2,)).normalized()
    x = np.eye(1, 8)
    z = pair.analyze(pair.synthesize(x))
    np.testing.assert_allclose(z, [[1, 0.5, 0, 0, 0, 0, 0, 0.5]], atol=1e-15)
    assert np.flatnonzero(StripeProjection(2)(z, pair)).tolist() == [0, 1]
    found = HardThreshold(0.75)(z)
    np.testing.assert_array_equal(found != 0, x != 0)
    np.testing.assert_array_equal(StripeProjection(2)(found, pair), found)


def test_overlapping_stripes_prefer_three_to_two():
    ring = circle((10,), (2,))
    z = np.full((1, 10), 0.9)
    z[0, [0, 5]] = 1
    assert np.flatnonzero(StripeProjection(1)(z, ring)).tolist() == [0, 3, 6]
    assert np.flatnonzero(StripeTopK(1)(z, ring)).tolist() == [0, 5]


def test_bounds_refuse_it():
    assert StripeProjection(2).selection is None
    code = np.eye(1, 8)
    layer = LayerInstance(circle((8,), (2,)), code, selection=StripeProjection(2).selection)
    with pytest.raises(NotCoveredError, match="selects by no threshold"):
        UniformBound().evaluate(layer)


# ---- time ----------------------------------------------------------------------------------------

TORUS = circle((7, 7), (2, 2))


@pytest.mark.parametrize("seconds", [0, 1e-9])
def test_without_time_the_gap_is_shown(seconds):
    z = np.random.default_rng(5).standard_normal((3, 1, 7, 7))
    z[0] = 0
    best = StripeProjection(2).solve(z, TORUS)
    found = StripeProjection(2, time_limit=seconds).solve(z, TORUS)
    assert best.proved.all()
    assert found.proved.tolist() == [True, False, False]
    assert (found.energy <= best.energy).all()
    assert (best.energy <= found.bound * (1 + 1e-12)).all()
    assert (found.gap < 3).all()
    simple = StripeTopK(2)(z, TORUS)
    assert (found.energy >= np.square(simple).sum(axis=(1, 2, 3))).all()
    for code in found.code:
        assert feasible(code != 0, TORUS, 2)
    worst = int(found.gap.argmax())
    message = f"within {seconds:g} s.* for element {worst} .*gap of {found.gap[worst]:.2g}.*solve"
    with pytest.raises(NotProvedError, match=message):
        StripeProjection(2, time_limit=seconds)(z, TORUS)


def test_a_search_that_is_cut_short_leaves_the_gap_that_it_reports(monkeypatch):
    z = np.random.default_rng(5).standard_normal((1, 7, 7))
    kept = StripeProjection(2, time_limit=0).solve(z, TORUS).energy / np.square(z).sum()

    def cut_short(costs, **given_):
        return SimpleNamespace(x=None, mip_dual_bound=1.05 * kept * costs.sum())

    monkeypatch.setattr("scipy.optimize.milp", cut_short)
    found = StripeProjection(2).solve(z, TORUS)
    assert found.gap == pytest.approx(0.05)
    assert not found.proved
    assert found.bound == pytest.approx(1.05 * found.energy)


def test_a_line_needs_no_time():
    z = np.random.default_rng(0).standard_normal((2, 3, 30))
    line = ToeplitzDictionary(np.ones((3, 1, 3)), 32)
    assert StripeProjection(2, time_limit=0)(z, line).any()


def test_records_have_the_shape_of_the_batch():
    z = np.random.default_rng(0).standard_normal((2, 0, 1, 7, 7))
    empty = StripeProjection(2).solve(z, TORUS)
    assert (empty.code.shape, empty.energy.shape, empty.gap.shape) == (z.shape, (2, 0), (2, 0))
    alone = StripeProjection(40).solve(np.ones((1, 7, 7), np.float32), TORUS)
    assert (alone.code.dtype, alone.energy, alone.proved.shape) == (np.float32, 49, ())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: StripeProjection(0), "StripeProjection: sparsity: at least 1 0"),
        (lambda: StripeProjection(1.5), "StripeProjection: sparsity: integer 1.5"),
        (lambda: StripeProjection(1, -1), "StripeProjection: time_limit: at least 0 -1"),
        (lambda: StripeProjection(1, math.inf), "StripeProjection: time_limit: finite inf"),
        (lambda: StripeProjection(1)([[1.0]]), "StripeProjection: a dictionary"),
        (lambda: StripeProjection(1).solve([1], "A"), "StripeProjection.solve: dictionary: 'A'"),
        (lambda: StripeProjection(1).solve([1], TORUS), "solve: coefficients: (*batch, 1, 7, 7)"),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(DcscError) as refusal:
        call()
    message = str(refusal.value)
    assert [word for word in words.split() if word not in message] == []
