"""Orthogonal matching pursuit and basis pursuit, against independent computations."""

import numpy as np
import pytest
import scipy.optimize

from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, filters
from dcsc.errors import DcscError, NotProvedError
from dcsc.projections import SoftThreshold
from dcsc.pursuits import BasisPursuit, OrthogonalMatchingPursuit, ProximalGradient
from tests import strategies
from tests.contracts.test_pursuits import DICTIONARIES, signals_for

# ---- orthogonal matching pursuit -----------------------------------------------------------------


def plain(matrix, signal, sparsity=None, level=0.0):
    """OMP as it is defined: residuals and least squares."""
    norms = np.linalg.norm(matrix, axis=0)
    atoms, code, residual = [], np.zeros(matrix.shape[1]), signal
    for _ in range(min(matrix.shape) if sparsity is None else sparsity):
        cosines = np.abs(matrix.T @ residual) / np.where(norms > 0, norms, np.inf)
        cosines[atoms] = 0
        if cosines.max() <= max(level, 1e-13 * np.linalg.norm(signal)):
            break
        atoms.append(int(cosines.argmax()))
        solved = np.linalg.lstsq(matrix[:, atoms], signal, rcond=None)[0]
        residual = signal - matrix[:, atoms] @ solved
        code[:] = 0
        code[atoms] = solved
    return code


def explicit(dictionary):
    return dictionary.to_sparse().toarray().astype(np.float64)


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES)
@pytest.mark.parametrize("asked", [{"sparsity": 4}, {"level": 0.5}])
def test_matching_is_what_residuals_and_least_squares_find(dictionary, asked):
    signals, matrix = signals_for(dictionary, 5), explicit(dictionary)
    pursued = OrthogonalMatchingPursuit(**asked)(signals, dictionary)
    for code, count, signal in zip(pursued.code, pursued.iterations, signals, strict=True):
        expected = plain(matrix, signal.ravel(), **asked)
        np.testing.assert_allclose(code.ravel(), expected, atol=1e-10)
        assert count == np.count_nonzero(expected)


def test_matching_agrees_with_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model", reason="an oracle, if installed")
    dictionary = CirculantDictionary(filters.gaussian(32, 1, 9, rng=0), extent=512)
    signal = sparse_signal(dictionary, 50, noise=0.05)
    code = OrthogonalMatchingPursuit(sparsity=50)(signal, dictionary).code
    expected = linear_model.orthogonal_mp(explicit(dictionary), signal.ravel(), n_nonzero_coefs=50)
    np.testing.assert_allclose(code.ravel(), expected, atol=1e-10)


def sparse_signal(dictionary, count, noise, seed=0):
    rng = np.random.default_rng(seed)
    code = np.zeros(dictionary.code_shape)
    chosen = rng.choice(code.size, count, replace=False)
    code.flat[chosen] = rng.uniform(0.5, 1, count) * rng.choice([-1, 1], count)
    signal = dictionary.synthesize(code)
    return signal + noise * rng.standard_normal(signal.shape)


def test_many_atoms_are_orthogonal_to_what_is_left():
    """More atoms than are fetched at a time, on two axes."""
    dictionary = CirculantDictionary(filters.gaussian(6, 1, (3, 3), rng=0), extent=(24, 24))
    signal = sparse_signal(dictionary, 120, noise=0.1)
    pursued = OrthogonalMatchingPursuit(sparsity=120)(signal, dictionary)
    assert pursued.iterations == np.count_nonzero(pursued.code) == 120
    left = dictionary.analyze(signal - dictionary.synthesize(pursued.code))
    assert np.abs(left[pursued.code != 0]).max() < 1e-12


def test_matching_ends_where_nothing_is_left():
    dictionary = DICTIONARIES["circle"]
    code = np.zeros(dictionary.code_shape)
    code[0, 2], code[1, 7] = 1.0, -0.5
    for dtype, room in ((np.float64, 1e-12), (np.float32, 1e-5)):
        operator = CirculantDictionary(dictionary.filters.astype(dtype), 11)
        signal = operator.synthesize(code.astype(dtype))
        pursued = OrthogonalMatchingPursuit(sparsity=10)(signal, operator)
        assert pursued.iterations == 2
        assert pursued.code.dtype == dtype
        np.testing.assert_allclose(pursued.code, code, atol=room)


def test_matching_takes_no_atom_that_the_others_make():
    twins = DenseDictionary([[1.0, 1.0, 0.0], [0.0, 0.0, 1e-9], [0.0, 0.0, 0.0]])
    pursued = OrthogonalMatchingPursuit(sparsity=3)([1.0, 1e-3, 1.0], twins)
    np.testing.assert_allclose(pursued.code, [1.0, 0.0, 1e6])
    assert pursued.iterations == 2


def test_the_units_of_an_atom_do_not_matter_to_the_support():
    """Atoms cut at a border are smaller, and are as good as whole ones."""
    dictionary = ToeplitzDictionary(filters.gaussian(3, 1, 4, rng=4), extent=9, padding=2)
    assert dictionary.atom_norms().min() < 0.9
    signal = signals_for(dictionary)[0]
    code = OrthogonalMatchingPursuit(sparsity=4)(signal, dictionary).code
    unit = OrthogonalMatchingPursuit(sparsity=4)(
        signal, DenseDictionary(explicit(dictionary)).normalized()
    ).code.reshape(code.shape)
    np.testing.assert_allclose(code * dictionary.atom_norms(), unit, atol=1e-12)


def test_a_level_inside_its_interval_finds_the_support():
    """The bounds of the level that the docstring states, with the noise as given."""
    dictionary = CirculantDictionary(filters.equicorrelated(3, 16, 5, 0.08, rng=0), extent=20)
    mu, sparsity = dictionary.babel(1), 4
    code = np.zeros(dictionary.code_shape)
    code[0, 3], code[2, 4], code[1, 5], code[0, 15] = 1.0, -1.0, 1.0, 1.0
    assert dictionary.stripe_sparsity(code) <= sparsity
    noise = 0.02 * strategies.normal(dictionary.signal_shape, 3)
    eps = float(np.abs(dictionary.analyze(noise)).max())
    assert (1 - (2 * sparsity - 1) * mu) * 1 > 2 * eps
    lowest = eps * (1 + mu) / (1 - (sparsity - 1) * mu)
    highest = (1 - (sparsity - 1) * mu) - eps
    signal = dictionary.synthesize(code) + noise
    for level in (lowest, (lowest + highest) / 2, 0.999 * highest):
        found = OrthogonalMatchingPursuit(level=level)(signal, dictionary).code
        np.testing.assert_array_equal(found != 0, code != 0)
    # Well below the noise it goes on to fit it.
    fitted = OrthogonalMatchingPursuit(level=0.3 * eps)(signal, dictionary).code
    assert np.count_nonzero(fitted) > 3 * np.count_nonzero(code)


def test_matching_needs_to_be_told_where_to_end():
    with pytest.raises(DcscError, match="expected it or a level, got neither"):
        OrthogonalMatchingPursuit()


# ---- basis pursuit -------------------------------------------------------------------------------


def objective(dictionary, signal, code, penalty):
    residual = signal - dictionary.synthesize(code)
    return 0.5 * np.square(residual).sum() + penalty * np.abs(code).sum()


def lasso(matrix, signal, penalty):
    """The minimum by a bounded quasi-Newton method on x = u − v with u, v ≥ 0."""

    def value_and_slope(halves):
        u, v = np.split(halves, 2)
        residual = matrix @ (u - v) - signal
        slope = matrix.T @ residual
        value = 0.5 * residual @ residual + penalty * halves.sum()
        return value, np.concatenate([slope, -slope]) + penalty

    start = np.zeros(2 * matrix.shape[1])
    options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-15, "gtol": 1e-10}
    found = scipy.optimize.minimize(
        value_and_slope,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * len(start),
        options=options,
    )
    return found.fun


@pytest.mark.parametrize("dictionary", DICTIONARIES.values(), ids=DICTIONARIES)
@pytest.mark.parametrize("gap", [1e-2, 1e-6, 1e-10])
def test_the_gap_is_met_and_is_at_least_the_true_one(dictionary, gap):
    matrix = explicit(dictionary)
    for signal in signals_for(dictionary, 2):
        largest = np.abs(dictionary.analyze(signal)).max()
        for share in (0.5, 0.05):
            penalty = share * largest
            pursued = BasisPursuit(penalty, gap)(signal, dictionary)
            value = objective(dictionary, signal, pursued.code, penalty)
            least = lasso(matrix, signal.ravel(), penalty)
            assert 0 <= pursued.gap <= gap
            # What the other method leaves is its own error, above the minimum.
            assert value - least <= pursued.gap * value + 1e-12 * value
            assert least >= (1 - pursued.gap) * value - 1e-12 * value


def test_a_large_problem_is_solved_by_newton_in_few_steps():
    dictionary = CirculantDictionary(filters.gaussian(8, 1, (5, 5), rng=0), extent=(32, 32))
    signal = sparse_signal(dictionary, 30, noise=0.05)
    penalty = 0.05 * np.abs(dictionary.analyze(signal)).max()
    newton = BasisPursuit(penalty, gap=1e-9)(signal, dictionary)
    fista = ProximalGradient(iterations=2000, tolerance=1e-10)(
        signal, dictionary, SoftThreshold(penalty)
    )
    np.testing.assert_allclose(newton.code, fista.code, atol=1e-6)
    assert 2 * newton.iterations < fista.iterations


def test_from_the_largest_coefficient_on_the_code_is_zero():
    dictionary = DICTIONARIES["border"]
    signals = signals_for(dictionary)
    largest = np.abs(dictionary.analyze(signals)).max()
    pursued = BasisPursuit(largest)(signals, dictionary)
    assert not pursued.code.any()
    assert not pursued.gap.any()
    assert not pursued.iterations.any()


@pytest.mark.parametrize("exponent", [-700, -3, 700])
def test_codes_scale_with_the_units_of_signals(exponent):
    dictionary = DICTIONARIES["circle"]
    signals = signals_for(dictionary)
    plain_units = BasisPursuit(0.5)(signals, dictionary)
    others = BasisPursuit(np.ldexp(0.5, exponent))(np.ldexp(signals, exponent), dictionary)
    np.testing.assert_array_equal(others.code, np.ldexp(plain_units.code, exponent))
    matching = OrthogonalMatchingPursuit(level=np.ldexp(0.5, exponent))
    code = matching(np.ldexp(signals, exponent), dictionary).code
    expected = OrthogonalMatchingPursuit(level=0.5)(signals, dictionary).code
    np.testing.assert_allclose(code, np.ldexp(expected, exponent), rtol=1e-12)


def test_signals_of_extreme_size_are_pursued_or_refused():
    dictionary, pursuit = DICTIONARIES["circle"], ProximalGradient()
    signals = signals_for(dictionary)
    tiny = pursuit(signals * 2.0**-700, dictionary, SoftThreshold(0.5 * 2.0**-700)).code
    expected = pursuit(signals, dictionary, SoftThreshold(0.5)).code
    np.testing.assert_allclose(tiny * 2.0**700, expected, atol=1e-5)
    assert not BasisPursuit(1e300)(signals * 1e-300, dictionary).code.any()
    with pytest.raises(DcscError, match="expected signals whose squares"):
        pursuit(signals * 1e200, dictionary, SoftThreshold(0.5))


def test_what_is_not_proved_is_not_returned():
    dictionary = DICTIONARIES["circle"]
    with pytest.raises(NotProvedError, match=r"expected a gap of 1e-06 within 3, got 0\.\d"):
        BasisPursuit(0.01, iterations=3)(signals_for(dictionary), dictionary)


def test_the_theorem_of_denoising_holds_and_two_eps_over_c_bounds_every_error():
    """λ = ε(1 + μ)/c: the support lies inside the true one, entries are off by at most 2ε/c."""
    dictionary = CirculantDictionary(filters.equicorrelated(3, 16, 5, 0.08, rng=0), extent=20)
    mu, sparsity = dictionary.babel(1), 4
    c = 1 - (2 * sparsity - 1) * mu
    code = np.zeros(dictionary.code_shape)
    code[0, 3], code[2, 4], code[1, 5], code[0, 15] = 1.0, -1.0, 100.0, 0.001
    for seed in range(5):
        noise = 0.02 * strategies.normal(dictionary.signal_shape, seed)
        eps = float(np.abs(dictionary.analyze(noise)).max())
        pursuit = BasisPursuit(eps * (1 + mu) / c, gap=1e-12)
        found = pursuit(dictionary.synthesize(code) + noise, dictionary).code
        assert not found[code == 0].any()
        assert np.abs(found - code).max() <= 2 * eps / c


def test_an_atom_cut_at_the_border_is_why_the_theorem_asks_for_unit_atoms():
    """At its λ the naive condition lets a spurious entry in; the one with raw norms does not."""
    dictionary = ToeplitzDictionary([[[0.5**0.5, 0.5**0.5]]], extent=6, padding=1)
    eps, mu, code = 0.01, dictionary.babel(1), np.zeros(dictionary.code_shape)
    code[0, 0] = 1.0
    signal = dictionary.synthesize(code)
    signal[0, 0] -= eps
    signal[0, 1] += eps / 0.5**0.5
    assert np.abs(dictionary.analyze(signal - dictionary.synthesize(code))).max() <= 1.01 * eps
    naive = BasisPursuit(eps * (1 + mu) / (1 - mu), gap=1e-12)(signal, dictionary).code
    assert np.count_nonzero(naive) > 1
    least = np.square(dictionary.atom_norms()).min()
    assert least - mu <= 1e-12  # so that the theorem with raw norms covers no λ here
