"""Both ends of the probability that a unit comes out wrong, against all sign patterns."""

import math
from collections import Counter

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from dcsc.bounds import InstanceBound, LayerInstance
from dcsc.bounds.instance.problem import problems
from dcsc.bounds.instance.units import _gap, unit_probabilities
from dcsc.bounds.noise import Adversarial, Noise
from dcsc.bounds.tails import Exact
from dcsc.coefficients import column
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Selection
from tests import reference_values
from tests.sign_enumeration import signed_codes

RELU = Selection(one_sided=True, shrinkage=True)
TIE = 1e-9


def coefficients(matrix, code, error=0.0):
    """Return the coefficient of each atom before the threshold, and after it whether it is on.

    A row for each pattern of the signs of the support and of one more coin, the sign of every atom
    off it: the coefficient is even in what the atoms share with it.
    """
    rows = signed_codes(code)
    signs = np.where(code != 0, np.sign(rows) * np.sign(code), 1.0)
    sums = rows @ matrix.T @ matrix + error
    return np.concatenate([signs * sums, np.where(code != 0, signs, -1.0) * sums])


def truth(matrix, code, beta, one_sided, room=0.0, error=0.0):
    """Return what the probability to be wrong is at least and at most, by listing all patterns.

    ``room`` is how far any error may move a coefficient. Ties are right at least, wrong at most.
    """
    z = coefficients(matrix, code, error)
    z = z if one_sided else np.abs(z)
    ends = []
    # as far from the wrong side as an error brings the coefficient, then as near to it
    for tie, move in ((TIE, room), (-TIE, -room)):
        missed, raised = z + move <= beta - tie, z - move > beta + tie
        ends.append(np.where(code != 0, missed, raised).mean(axis=0))
    return ends


def random_layer(seed, kind):
    """Return a dictionary and a code: ordinary, or with ties and equal weights."""
    rng = np.random.default_rng(seed)
    ties = kind in ("equal", "ties")
    shape = {"dense": (6, 9), "ties": (5, 8), "equal": (2, 2, 3)}.get(kind, (3, 2, 3))
    taps = rng.integers(-2, 3, shape) / 2 if ties else rng.standard_normal(shape) / 2
    if kind in ("dense", "ties"):
        dictionary = DenseDictionary(taps)
    elif kind == "cut":
        dictionary = ToeplitzDictionary(taps, 7, stride=2, padding=1)
    else:
        dictionary = CirculantDictionary(taps, 6)
    size = math.prod(dictionary.code_shape)
    code = np.zeros(size)
    support = rng.choice(size, int(rng.integers(0, 7)), replace=False)
    sizes = np.ones(len(support)) if ties else rng.uniform(0.4, 1.6, len(support))
    code[support] = sizes * rng.choice([-1, 1], len(support))
    return dictionary, dictionary.to_sparse().toarray(), code


layers = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from(["dense", "ties", "circle", "equal", "cut"])
)
thresholds = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(layers, thresholds, st.booleans(), st.sampled_from([0.0, 0.125, 0.5]))
def test_every_unit_without_noise_and_with_any_error(layer, beta, one_sided, zeta):
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    selection = RELU if one_sided else Selection()
    units = InstanceBound().units(
        LayerInstance(
            dictionary, code.reshape(dictionary.code_shape), beta, zeta, selection=selection
        ),
        tolerance=0,
    )
    room = zeta * np.linalg.norm(matrix, axis=0)
    low, high = truth(matrix, code, beta, one_sided, room)
    low, high = (end.reshape(units.lower.shape) for end in (low, high))
    np.testing.assert_allclose(units.lower, low, rtol=0, atol=1e-12)
    # what nothing of the signal and no error reaches cannot be wrong, and is no tie at β = 0
    silent = (code == 0) & (np.abs(matrix).T @ np.abs(matrix) @ np.abs(code) + room == 0)
    high = np.where(silent.reshape(high.shape), 0.0, high)
    np.testing.assert_allclose(units.upper, high, rtol=0, atol=1e-12)
    assert (units.upper[units.safe] == 0).all()
    assert (units.lower[units.lost] == 1).all()
    quiet = code.reshape(units.safe.shape) == 0
    assert (units.safe == (units.upper == 0))[quiet].all()


@given(layers, thresholds, st.booleans())
def test_an_error_that_is_known(layer, beta, one_sided):
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code) if one_sided else code
    v = np.random.default_rng(layer[0]).integers(-2, 3, matrix.shape[0]) / 8
    units = InstanceBound().units(
        LayerInstance(
            dictionary,
            code.reshape(dictionary.code_shape),
            beta,
            v.reshape(dictionary.signal_shape),
            selection=RELU if one_sided else Selection(),
        ),
        tolerance=0,
    )
    low, high = truth(matrix, code, beta, one_sided, error=v @ matrix)
    silent = (code == 0) & (np.abs(matrix).T @ (np.abs(matrix) @ np.abs(code) + np.abs(v)) == 0)
    np.testing.assert_allclose(units.lower.ravel(), low, rtol=0, atol=1e-12)
    np.testing.assert_allclose(units.upper.ravel(), np.where(silent, 0, high), rtol=0, atol=1e-12)


def with_any(matrix, code, beta, one_sided, zeta, probability):
    """Return what the probability to be wrong is, from that of an error making up for a lack.

    ``probability(lack, size)`` is that of the error against a lack of any sign, for each pattern.
    """
    norms = np.linalg.norm(matrix, axis=0)
    z = coefficients(matrix, code)
    # what the error has to add for the unit to be missed, or raised on either side
    missed = probability(z - beta, zeta * norms)
    over = 0.0 if one_sided else probability(z + beta, zeta * norms)
    raised = probability(beta - z, zeta * norms)
    raised = raised if one_sided else raised + probability(beta + z, zeta * norms)
    return np.where(code != 0, missed - over, raised).mean(axis=0)


@given(layers, thresholds, st.booleans(), st.sampled_from([0.05, 0.5]))
def test_normal_noise(layer, beta, one_sided, zeta):
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code)
    heard = np.linalg.norm(matrix, axis=0) > 0

    def normal(lack, size):
        return ndtr(-lack / np.where(heard, size, 1.0))

    exact = with_any(matrix, code, beta, one_sided, zeta, normal)
    units = InstanceBound().units(
        LayerInstance(
            dictionary,
            code.reshape(dictionary.code_shape),
            beta,
            zeta,
            "gauss",
            selection=RELU if one_sided else Selection(),
        ),
        tolerance=0,
    )
    # a tie is 1e-12 wide, and as likely as that
    for end in (units.lower, units.upper):
        np.testing.assert_allclose(end.ravel()[heard], exact[heard], rtol=1e-9, atol=1e-10)
    assert not units.safe.ravel()[heard].any()
    assert not units.lost.ravel()[heard].any()


@given(layers, thresholds, st.booleans(), st.sampled_from([0.05, 0.5]))
def test_an_error_of_mean_zero(layer, beta, one_sided, zeta):
    """The sharp ends of one side; those of two sides lie outside of what any one error makes."""
    dictionary, matrix, code = random_layer(*layer)
    code = np.abs(code)

    def most(lack, size):
        share = np.divide(size, size + lack, out=np.zeros_like(lack), where=size + lack > 0)
        return np.where(lack <= TIE, 1.0, np.where(lack <= size + TIE, share, 0.0))

    def least(lack, size):
        spare = -lack
        share = np.divide(spare, size + spare, out=np.zeros_like(lack), where=size + spare > 0)
        # at a spare of the size itself 1 would be right as well
        return np.where(spare <= TIE, 0.0, np.where(spare <= size + TIE, share, 1.0))

    units = InstanceBound().units(
        LayerInstance(
            dictionary,
            code.reshape(dictionary.code_shape),
            beta,
            zeta,
            "martingale",
            selection=RELU if one_sided else Selection(),
        ),
        tolerance=0,
    )
    norms = np.linalg.norm(matrix, axis=0)
    z = coefficients(matrix, code)
    step = 1 / 64 + 1e-9  # the shares fall in 32 steps
    held = (code != 0) if one_sided else np.zeros(len(code), dtype=bool)
    heard = norms > 0
    ends = units.lower.ravel(), units.upper.ravel()
    for end, share, sign in ((ends[0], least, -1), (ends[1], most, 1)):
        raised = share(beta - z, zeta * norms).mean(axis=0)
        other = 0.0 if one_sided else share(beta + z, zeta * norms).mean(axis=0)
        exact = np.minimum(raised + other, 1.0)
        off = (code == 0) & heard
        assert (sign * (end - exact)[off] >= -1e-9).all()
        assert (sign * (end - exact)[off] <= 2 * step).all()
        missed = share(z - beta, zeta * norms).mean(axis=0)
        assert (sign * (end - missed)[held] >= -1e-9).all()
        assert (sign * (end - missed)[held] <= step).all()
    # any one error of mean zero, one that is ±ζ at random among them, lies between
    both = [truth(matrix, code, beta, one_sided, error=s * zeta * norms) for s in (1, -1)]
    assert (units.lower.ravel() <= np.mean([high for _, high in both], axis=0) + 1e-9)[heard].all()
    assert (units.upper.ravel() >= np.mean([low for low, _ in both], axis=0) - 1e-9)[heard].all()


def crowded(seed):
    """Return a layer whose units see some forty others, far too many to be listed."""
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal((6, 8, 5))
    dictionary = CirculantDictionary(taps / np.linalg.norm(taps, axis=(1, 2), keepdims=True), 24)
    code = rng.uniform(0.5, 1.5, (6, 24)) * (rng.random((6, 24)) < 0.8)
    return LayerInstance(dictionary, code, 0.6, selection=RELU)


@pytest.mark.parametrize("tolerance", [0.05, 0.005, 1e-4])
def test_the_gaps_add_up_to_what_is_allowed(tolerance):
    layer = crowded(0)
    units, near = InstanceBound().units(layer, tolerance), InstanceBound().units(layer, 0)
    on, gap = layer.codes != 0, units.upper - units.lower
    for part in (on, ~on):
        assert gap[part].sum() <= tolerance * on.sum() + 2.01e-3 * units.upper[part].sum()
    assert (units.lower <= near.upper).all()
    assert (units.upper >= near.lower).all()
    assert (near.upper - near.lower <= 2.01e-3 * near.upper).all()


def test_what_a_batch_leaves_of_the_room_is_for_the_next(monkeypatch):
    """What ends are nearer than they need be in one batch, they may be further apart in another."""
    layer = crowded(0)
    seen = Counter()

    @attrs.frozen
    class Watched(Exact):
        def _ends(self, rows, lower_at, upper_at, gap):
            seen.update(gap.round(9).tolist())
            return super()._ends(rows, lower_at, upper_at, gap)

    for entries in (2**17, 2**9):
        monkeypatch.setattr(column, "_TABLE_ENTRIES", entries)
        seen.clear()
        units = InstanceBound(Watched()).units(layer, 0.05)
        gap, on = units.upper - units.lower, layer.codes != 0
        for part in (on, ~on):
            assert gap[part].sum() <= 0.05 * on.sum() + 2.01e-3 * units.upper[part].sum()
        # units that are on and others: two gaps at once, and more of them batch by batch
        assert (len(seen) > 2) == (entries == 2**9)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0, 3))
def test_what_small_bounds_do_not_take_is_shared_by_the_others(bounds, room):
    gap = _gap(np.array(bounds), room)
    if math.fsum(bounds) < room * (1 - 1e-12):
        assert gap == math.inf
    elif math.isfinite(gap):
        assert sum(min(bound, gap) for bound in bounds) == pytest.approx(room, abs=1e-12)


def test_a_known_bound_takes_the_place_of_the_screen():
    rng = np.random.default_rng(9)
    layer = crowd(rng)
    (problem,) = problems(layer, InstanceBound()._entering_one(layer, "units"))
    near = unit_probabilities(problem, InstanceBound().tail, 0.0)
    bounds = near.upper * 1.001
    units = unit_probabilities(problem, InstanceBound().tail, 0.05, bounds=bounds)
    assert (units.upper <= bounds).all()
    assert (units.lower <= near.upper).all()
    assert (units.upper >= near.lower).all()
    on, gaps = layer.codes.ravel() != 0, units.upper - units.lower
    for part in (on, ~on):
        assert gaps[part].sum() <= 0.05 * on.sum() + 2.01e-3 * units.upper[part].sum()


def crowd(rng, noise=0.0, kernel=(3, 3)):
    """Return a code of a few hundred units whose sums have some tens of terms."""
    filters = rng.standard_normal((6, 2, *kernel))
    dictionary = ToeplitzDictionary(filters, (8, 9), padding=1).normalized()
    codes = rng.uniform(0.5, 2, dictionary.code_shape) * (rng.random(dictionary.code_shape) < 0.3)
    return LayerInstance(dictionary, codes, 0.4, noise, selection=attrs.evolve(RELU, threshold=0.4))


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("one_sided", [False, True])
def test_chernoffs_bounds_of_all_atoms_at_once(noise, one_sided):
    rng = np.random.default_rng(10)
    layer = crowd(rng, noise)
    selection = attrs.evolve(layer.selection, one_sided=one_sided)
    layer = attrs.evolve(layer, selection=selection)
    bound = InstanceBound("chernoff")
    (problem,) = problems(layer, bound._entering_one(layer, "units"))
    union = bound._column(problem)
    assert (problem.column.best_moments(np.arange(2), np.ones(2)) is not None) == (
        layer.dictionary._near() is not None
    )
    assert 0 < np.count_nonzero(union.each == 1) < np.count_nonzero(union.each)
    np.testing.assert_allclose(problem.chernoff(), union.each, rtol=1e-12, atol=0)


def test_both_ends_hold_in_a_crowd():
    """A sum of many units is drawn 20 000 times; its interval holds for all of them at once."""
    layer = crowded(1)
    units, on = InstanceBound().units(layer), (layer.codes != 0).ravel()
    matrix, code = layer.dictionary.to_sparse().toarray(), layer.codes.ravel()
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (20000, len(code)))
    z = signs * ((signs * code) @ (matrix.T @ matrix))
    share = ((z > 0.6) != on).mean(axis=0)
    # 144 units at 5 deviations each: wrong once in ten thousand seeds
    error = 5 * np.sqrt(share * (1 - share) / 20000) + 1e-4
    assert (units.lower.ravel() <= share + error).all()
    assert (units.upper.ravel() >= share - error).all()


@pytest.mark.parametrize("row", reference_values.UNITS, ids=lambda row: row.name)
def test_reference_rows(row):
    dictionary = row.dictionary()
    code = np.zeros(math.prod(dictionary.code_shape))
    code[list(row.support)] = row.values
    codes = code.reshape(dictionary.code_shape)
    units = InstanceBound().units(
        LayerInstance(dictionary, codes, row.threshold, 0.0 if row.noise is None else [row.noise]),
        tolerance=0,
    )
    for end in (units.lower, units.upper):
        assert end.ravel() == pytest.approx(row.probabilities, rel=1e-12, abs=1e-15)
        assert end[codes != 0].sum() == pytest.approx(row.missed, rel=1e-12, abs=1e-15)
        assert end[codes == 0].sum() == pytest.approx(row.false_alarms, rel=1e-12)
    if row.noise is None:
        zeta, bracket = row.any_error
        held = InstanceBound().units(LayerInstance(dictionary, codes, row.threshold, zeta), 0)
        assert [held.lower.sum(), held.upper.sum()] == pytest.approx(bracket, rel=1e-12)


def test_overshooting_is_not_being_wrong():
    """Two equal atoms: the sum of the other is -1 or 1, and the coefficient 2 or 0."""
    dictionary, code = DenseDictionary([[1.0, 1.0]]), np.array([1.0, 3.0])
    layer = LayerInstance(dictionary, code, 0.5)
    units = InstanceBound().units(layer)
    assert units.upper.tolist() == units.lower.tolist() == [0.0, 0.0]  # -2 is beyond -0.5
    assert InstanceBound().atoms(layer).tolist() == [0.5, 0.0]
    # with a larger threshold it is wrong as well
    wider = InstanceBound().units(attrs.evolve(layer, threshold=2.5))
    assert wider.lower.tolist() == [0.5, 0.5]


def test_a_unit_is_on_one_side_of_delta_or_open():
    dictionary, code = DenseDictionary([[1.0, 1.0, 0.5]]), np.array([2.0, 0.25, 0.0])
    units = InstanceBound().units(LayerInstance(dictionary, code, 1.0, 0.25, selection=RELU))
    assert units.lower.tolist() == [0.0, 0.5, 0.0]
    assert units.upper.tolist() == [0.0, 0.5, 0.5]  # sums of 9/8 and 7/8, and an error of 1/8
    for delta, safe, unsafe in ((0.5, [1, 1, 1], [0, 0, 0]), (0.25, [1, 0, 0], [0, 1, 0])):
        classes = units.at(delta)
        assert classes.safe.tolist() == list(map(bool, safe))
        assert classes.unsafe.tolist() == list(map(bool, unsafe))
        assert (classes.safe.astype(int) + classes.unsafe + classes.open == 1).all()
    with pytest.raises(DcscError, match=r"UnitProbabilities.at: delta: expected at most 1, got 2"):
        units.at(2)


def test_columns_and_thresholds_of_filters_and_tails():
    rng = np.random.default_rng(1)
    dictionary = CirculantDictionary(rng.standard_normal((2, 1, 3)), 6)
    codes = rng.standard_normal((3, 2, 2, 6)) * (rng.random((3, 2, 2, 6)) < 0.4)
    beta = np.array([0.3, 0.6])
    layer = LayerInstance(dictionary, codes, beta, 0.05)
    units, matrix = InstanceBound().units(layer, 0), dictionary.to_sparse().toarray()
    room = 0.05 * np.linalg.norm(matrix, axis=0)
    for at in np.ndindex(3, 2):
        low, high = truth(matrix, codes[at].ravel(), np.repeat(beta, 6), False, room)
        assert units.lower[at].ravel() == pytest.approx(low, abs=1e-12)
        assert units.upper[at].ravel() == pytest.approx(high, abs=1e-12)
    for tail in ("lattice", "chernoff", "bentkus", "hoeffding", "l1"):
        other = InstanceBound(tail).units(layer, 0)
        assert (other.lower <= units.lower + 1e-12).all()
        assert (other.upper >= units.upper - 1e-12).all()
        assert (other.safe == units.safe).all()
        assert (other.lost == units.lost).all()
    empty = InstanceBound().units(attrs.evolve(layer, codes=np.zeros((0, 2, 6))))
    assert empty.lower.shape == empty.safe.shape == (0, 2, 6)
    assert empty.safe.dtype == bool


def test_a_noise_of_ones_own_has_the_ends_of_its_size():
    @attrs.frozen
    class Halved(Noise):
        name = "halved"
        as_good_as = "adversarial"
        shifts = True

        def upper(self, sums, size):
            return Adversarial().upper(sums, size / 2)

        def lower(self, sums, size):
            return Adversarial().lower(sums, size / 2)

    dictionary, matrix, code = random_layer(3, "dense")
    layer = LayerInstance(dictionary, code, 0.5, 0.2, Halved())
    units, room = InstanceBound().units(layer, 0), np.linalg.norm(matrix, axis=0)
    least, _ = truth(matrix, code, 0.5, False, 0.2 * room)
    _, most = truth(matrix, code, 0.5, False, 0.1 * room)
    off = code == 0
    assert units.upper[off] == pytest.approx(most[off], abs=1e-12)
    assert (units.lower <= units.upper).all()
    assert (units.lower[off] <= least[off] + 1e-12).all()


def test_what_is_refused():
    dictionary, code = DenseDictionary(np.eye(2)), np.array([1.0, 0.0])
    with pytest.raises(DcscError, match=r"InstanceBound.units: noise: expected a number"):
        InstanceBound().units(LayerInstance(dictionary, code, 0.5, None))
    with pytest.raises(DcscError, match=r"InstanceBound.units: instance: expected a LayerInstance"):
        InstanceBound().units(code)
    with pytest.raises(NotCoveredError, match="is no bound for the noise model"):
        InstanceBound("lattice").units(LayerInstance(dictionary, code, 0.5, 0.1, "martingale"))
