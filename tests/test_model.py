"""The model against its formulas: synthesis, forward pass, draws and the comparison of pathways."""

import functools
import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.linalg import block_diag

from dcsc.bounds import LayerInstance, UniformBound
from dcsc.codes import ConstantAmplitudes, UniformAmplitudes
from dcsc.codes import draw as draw_codes
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary, columns
from dcsc.errors import DcscError, NotDrawnError
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway
from dcsc.projections import HardThreshold, ReLU, SoftThreshold
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, RademacherSigns
from tests import strategies
from tests.test_windows import grid, matrix_of, patches_of, stripes_of


def operator_of(layer):
    """A D as a matrix; the signs are the pattern's, one per column."""
    pattern = layer.signs
    signs = pattern.values if isinstance(pattern, FixedSigns) else np.ones(1)
    return matrix_of(layer.dictionary) * signs.ravel()


def tolerance(model, *arrays):
    """Relative to the sum of the absolute contributions; coarse if any part is single precision."""
    dictionaries = [layer.dictionary for layer in model.layers]
    units = [d.synthesize(np.zeros(d.code_shape, np.float32)) for d in dictionaries]
    single = any(array.dtype == np.float32 for array in (*units, *arrays))
    return 1e-5 if single else 1e-14 * max(math.prod(unit.shape) for unit in units)


# ---- the formulas --------------------------------------------------------------------------------


@given(strategies.models(), strategies.seeds, st.data())
def test_synthesis_is_the_product_of_the_matrices(model, seed, data):
    model = model.draw(seed)
    batch = data.draw(strategies.batches)
    codes = data.draw(strategies.codes(model.layers[-1].dictionary, batch))
    truth = model.synthesize(codes)
    assert len(truth) == len(model.layers) + 1
    np.testing.assert_array_equal(truth[-1], codes)
    expected = codes.reshape(math.prod(batch), -1) if codes.size else np.zeros((0, 1))
    scale = np.abs(expected).astype(float)
    for number, layer in reversed(list(enumerate(model.layers))):
        shape = batch + tuple(layer.dictionary.signal_shape)
        assert truth[number].shape == shape
        if not codes.size:
            continue
        matrix = operator_of(layer)
        expected, scale = expected @ matrix.T, scale @ np.abs(matrix).T
        error = np.abs(truth[number].reshape(expected.shape) - expected)
        assert (error <= tolerance(model, codes) * scale).all()


@given(strategies.models(), strategies.seeds, st.data())
def test_forward_is_the_literal_formula(model, seed, data):
    model = model.draw(seed)
    batch = data.draw(strategies.batches.filter(all))
    signal = data.draw(strategies.signals(model.layers[0].dictionary, batch))
    noise = {
        number: data.draw(strategies.signals(layer.dictionary, batch))
        for number, layer in enumerate(model.layers)
        if data.draw(st.booleans())
    }
    guess = model.forward(signal, noise=noise, keep_coefficients=True)
    assert len(guess) == len(model.layers) + 1
    assert len(guess.coefficients) == len(model.layers)
    np.testing.assert_array_equal(guess[0], signal)
    for number, layer in enumerate(model.layers):
        entering = guess[number].astype(float) + noise.get(number, 0.0)
        matrix, flat = operator_of(layer), entering.reshape(math.prod(batch), -1)
        coefficients = guess.coefficients[number]
        assert coefficients.shape == batch + tuple(layer.dictionary.code_shape)
        error = np.abs(coefficients.reshape(len(flat), -1) - flat @ matrix)
        precision = tolerance(model, signal, *noise.values())
        assert (error <= precision * (np.abs(flat) @ np.abs(matrix))).all()
        code = layer.projection(coefficients, layer.dictionary)
        np.testing.assert_array_equal(guess[number + 1], code)


@given(strategies.models(), strategies.seeds, st.data())
def test_effective_atoms_are_columns_of_the_product_of_the_matrices(model, seed, data):
    model = model.draw(seed)
    layer = data.draw(st.integers(1, len(model.layers)))
    matrices = [operator_of(each) for each in model.layers[:layer]]
    product, scale = (
        functools.reduce(np.matmul, chain) for chain in (matrices, [np.abs(m) for m in matrices])
    )
    indices = data.draw(st.lists(st.integers(0, product.shape[1] - 1), max_size=5))
    atoms = model.effective_atoms(layer, np.array(indices, dtype=int))
    assert atoms.shape == (len(indices), *model.layers[0].dictionary.signal_shape)
    assert atoms.dtype == np.float64
    error = np.abs(atoms.reshape(len(indices), product.shape[0]) - product[:, indices].T)
    assert (error <= tolerance(model) * scale[:, indices].T).all()


def test_effective_atoms_do_without_the_whole_code_at_once(monkeypatch):
    model = small_model()
    every = range(math.prod(model.layers[1].dictionary.code_shape))
    expected = model.effective_atoms(2, every)
    monkeypatch.setattr(columns, "_BLOCK_ENTRIES", 1)
    np.testing.assert_array_equal(model.effective_atoms(2, every), expected)
    top = [model.synthesize(np.eye(len(every))[k].reshape(2, -1))[0] for k in every]
    np.testing.assert_allclose(expected, top, atol=1e-14)


def test_effective_atoms_of_random_signs_are_refused():
    with pytest.raises(NotDrawnError, match=r"call model\.draw"):
        small_model(RademacherSigns).effective_atoms(2, [0])


def test_two_layers_by_hand():
    first = DenseDictionary([[1, 0], [0, 1], [1, 1]])
    second = DenseDictionary([[2, 0, 1], [0, 1, 1]])
    model = DCSCModel(
        [
            Layer(first, HardThreshold(1.5), FixedSigns([1, -1])),
            Layer(second, SoftThreshold(1), FixedSigns([-1, 1, 1])),
        ]
    )
    truth = model.synthesize([1.0, 0.0, 3.0])
    np.testing.assert_array_equal(truth[1], [1, 3])  # −2 + 3, 3
    np.testing.assert_array_equal(truth[0], [1, -3, -2])
    guess = model.forward(truth[0])
    np.testing.assert_array_equal(guess[1], [0, 5])  # −1 falls short
    np.testing.assert_array_equal(guess[2], [0, 4, 4])
    found = truth.compare(guess)
    np.testing.assert_array_equal(found.missed, [1, 1])
    np.testing.assert_array_equal(found.false_alarms, [0, 1])
    np.testing.assert_array_equal(found.error_norm, np.sqrt([5, 18]))


@pytest.mark.parametrize(
    ("dtype", "size"), [("f8", 1e-200), ("f8", 1e-320), ("f8", 1e300), ("f4", 1e-30), ("f4", 1e30)]
)
def test_errors_of_any_size_have_their_norms(dtype, size):
    ones = np.ones((1, 2), dtype)
    codes = (np.array([[3.0, 4.0]]) * size).astype(dtype)
    found = Pathway([ones, codes], 1).compare(Pathway([ones, -codes], 1))
    expected = 2 * math.hypot(*codes[0].astype(float))
    np.testing.assert_allclose(found.error_norm, [[expected]], rtol=1e-6)


# ---- noise, coefficients, precision --------------------------------------------------------------


def small_model(signs=IdentitySigns):
    rng = np.random.default_rng(0)
    lower = CirculantDictionary(rng.standard_normal((3, 1, 3)), 8)
    upper = ToeplitzDictionary(rng.standard_normal((2, 3, 2)), 8, stride=2)
    return DCSCModel([Layer(lower, HardThreshold(0.2), signs()), Layer(upper, ReLU(0.1), signs())])


def test_noise_enters_where_it_says_and_is_not_kept():
    model, rng = small_model(), np.random.default_rng(1)
    signal = rng.standard_normal((5, 1, 8))
    below, above = rng.standard_normal((5, 1, 8)), rng.standard_normal((3, 8))
    first, second = model.layers
    plain, noisy = model.forward(signal), model.forward(signal, noise={0: below, 1: above})
    np.testing.assert_array_equal(noisy[0], signal)
    np.testing.assert_array_equal(
        noisy[1], first.projection(first.operator.analyze(signal + below))
    )
    entering = noisy[1] + above  # one array for the whole batch
    np.testing.assert_array_equal(noisy[2], second.projection(second.operator.analyze(entering)))
    np.testing.assert_array_equal(model.forward(signal, {1: 0 * above})[2], plain[2])
    np.testing.assert_array_equal(model.forward(signal, {})[2], plain[2])
    upper_only = model.forward(signal, noise={1: above})
    np.testing.assert_array_equal(upper_only[1], plain[1])
    assert not np.array_equal(upper_only[2], plain[2])


def test_coefficients_are_kept_only_on_request():
    signal = np.ones((1, 8))
    assert small_model().forward(signal).coefficients is None
    kept = small_model().forward(signal, keep_coefficients=True)
    assert [z.shape for z in kept.coefficients] == [(3, 8), (2, 4)]


def test_single_precision_survives_the_whole_model():
    rng = np.random.default_rng(0)
    lower = CirculantDictionary(rng.standard_normal((3, 1, 3)).astype(np.float32), 8)
    upper = ToeplitzDictionary(rng.standard_normal((2, 3, 2)).astype(np.float32), 8)
    model = DCSCModel([Layer(lower, HardThreshold(0.1)), Layer(upper, SoftThreshold([0.1, 0.2]))])
    model = model.draw(0)
    codes = rng.standard_normal((2, 2, 7)).astype(np.float32)
    truth = model.synthesize(codes)
    noise = {0: np.float32(0.1) * np.ones((1, 8), np.float32)}
    guess = model.forward(truth[0], noise, keep_coefficients=True)
    for array in (*truth, *guess, *guess.coefficients):
        assert array.dtype == np.float32
    assert truth.compare(guess).error_norm.dtype == np.float32
    assert model.synthesize(codes.astype(float))[0].dtype == np.float64


@given(strategies.models(), strategies.seeds, st.data())
def test_inputs_are_left_as_they_were_and_pathways_are_read_only(model, seed, data):
    model = model.draw(seed)
    codes = data.draw(strategies.codes(model.layers[-1].dictionary, (2,)))
    signal = data.draw(strategies.signals(model.layers[0].dictionary, (2,)))
    kept = codes.copy(), signal.copy()
    truth, guess = model.synthesize(codes), model.forward(signal, keep_coefficients=True)
    np.testing.assert_array_equal(codes, kept[0])
    np.testing.assert_array_equal(signal, kept[1])
    assert codes.flags.writeable
    assert signal.flags.writeable
    for array in (*truth, *guess, *guess.coefficients):
        assert not array.flags.writeable
        assert not np.shares_memory(array, codes)
        assert not np.shares_memory(array, signal)


# ---- construction and draws ----------------------------------------------------------------------


def test_layers_that_do_not_chain_name_both_and_their_shapes():
    lower = CirculantDictionary(np.ones((3, 1, 3)), 8)
    upper = CirculantDictionary(np.ones((2, 3, 2)), 7)
    layers = [Layer(CirculantDictionary(np.ones((1, 1, 2)), 8), ReLU()), Layer(lower, ReLU())]
    with pytest.raises(DcscError, match=r"layer 2 .*\(3, 8\).*layer 3 .*\(3, 7\)"):
        DCSCModel([*layers, Layer(upper, ReLU())])
    # The same number of entries is not the same shape.
    flat = DenseDictionary(np.ones((24, 5)))
    with pytest.raises(DcscError, match=r"layer 1 .*\(3, 8\).*layer 2 .*\(24,\)"):
        DCSCModel([Layer(lower, ReLU()), Layer(flat, ReLU())])


@pytest.mark.parametrize("signs", [RademacherSigns, FilterSigns])
def test_undrawn_signs_are_refused(signs):
    model = small_model(signs)
    for use in (lambda: model.synthesize(np.ones((2, 4))), lambda: model.forward(np.ones((1, 8)))):
        with pytest.raises(NotDrawnError, match=rf"{signs.__name__}.*draw"):
            use()
    model.draw(0).synthesize(np.ones((2, 4)))


def test_a_model_is_frozen_and_a_draw_changes_nothing():
    model = small_model(RademacherSigns)
    drawn = model.draw(3)
    for thing, name in ((model, "layers"), (model.layers[0], "signs"), (drawn.layers[0], "signs")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(thing, name, None)
    assert all(layer.signs == RademacherSigns() for layer in model.layers)
    for before, after in zip(model.layers, drawn.layers, strict=True):
        assert isinstance(after.signs, FixedSigns)
        assert after.signs.law == RademacherSigns()
        assert after.signs.values.shape == before.dictionary.code_shape
        assert (after.dictionary, after.projection) == (before.dictionary, before.projection)
    with pytest.raises(ValueError, match="read-only"):
        drawn.layers[0].signs.values[...] = 1


@given(strategies.models(), strategies.seeds)
def test_draws_are_reproducible(model, seed):
    assert model.draw(seed) == model.draw(np.random.default_rng(seed))
    assert model.draw(seed) == model.draw(np.random.SeedSequence(seed))
    assert model.draw(seed).draw(seed + 1) == model.draw(seed)


def test_signs_are_independent_between_layers_and_draws():
    same = CirculantDictionary(np.ones((2, 2, 1)), 4)
    model = DCSCModel([Layer(same, ReLU()), Layer(same, ReLU())])
    drawn = np.array(
        [[layer.signs.values.ravel() for layer in model.draw(seed).layers] for seed in range(4000)]
    ).reshape(4000, 16)
    moments = np.abs(drawn.T @ drawn / 4000 - np.eye(16))
    assert moments.max() < 0.08  # 5 standard deviations
    assert np.abs(drawn.mean(axis=0)).max() < 0.08
    source = np.random.default_rng(0)
    assert model.draw(source) != model.draw(source)


def test_signs_are_shared_by_the_batch():
    model = small_model(RademacherSigns).draw(0)
    codes = np.random.default_rng(0).standard_normal((2, 4))
    together = model.synthesize(np.stack([codes, codes]))[0]
    np.testing.assert_array_equal(together[0], together[1])


# ---- residues ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["circulant", "toeplitz", "dense"])
@given(data=st.data())
def test_the_residue_of_a_cancellation_is_no_support(kind, data):
    """Taps that cancel exactly, in random order; a tiny entry elsewhere is none of theirs."""
    rng = np.random.default_rng(data.draw(strategies.seeds))
    half = rng.uniform(0.1, 1, (40, 4))
    taps = rng.permuted(np.concatenate([half, -half], axis=1), axis=1)  # 40 rows that sum to zero
    if kind == "dense":
        lower, upper = DenseDictionary(np.eye(50)), DenseDictionary(block_diag(taps, np.eye(10)))
        codes = np.r_[np.ones(8), np.full(10, 1e-20)]
        exact = np.r_[np.zeros(40), codes[8:]]
    else:
        # Channel by channel the filters cancel at position 0; one more filter stands at 5.
        bank = np.zeros((9, 40, 2))
        bank[:8, :, 0], bank[8, :, 1] = taps.T, 1
        cls = CirculantDictionary if kind == "circulant" else ToeplitzDictionary
        upper = cls(bank, 10)
        lower = cls(np.eye(40)[:, :, None], 10)
        codes = np.zeros(upper.code_shape)
        codes[:8, 0], codes[8, 5] = 1, 1e-20
        exact = np.zeros((40, 10))
        exact[:, 6] = 1e-20
    layers = [Layer(lower, ReLU(), IdentitySigns()), Layer(upper, ReLU(), IdentitySigns())]
    raw = upper.synthesize(codes)
    assert np.count_nonzero(raw) > np.count_nonzero(exact)  # there is a residue to remove
    for signs in (1, -1):
        np.testing.assert_array_equal(DCSCModel(layers).synthesize(signs * codes)[1], signs * exact)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("steps", "kept"), [(1, 0), (3, 0), (31, 0), (33, 1), (500, 1)])
@pytest.mark.parametrize("unit", [1, 2.0**-40])
def test_a_residue_is_at_most_16_eps_of_what_cancels(dtype, steps, kept, unit):
    """The number of the documentation: of a and −a + k eps a, k is a residue up to 32."""
    eps = np.finfo(dtype).eps
    pair = np.array([[1, steps * eps - 1], [1, 1]], dtype) * dtype(unit)  # exact in any order
    for upper, alone in (
        (DenseDictionary(pair), np.s_[0]),
        (CirculantDictionary(pair.T[:, :, None], 3), np.s_[0, 1]),
    ):
        lower = DenseDictionary(np.eye(2, dtype=dtype))
        if upper.code_shape != (2,):
            lower = CirculantDictionary(np.eye(2, dtype=dtype)[:, :, None], 3)
        layers = [Layer(each, ReLU(), IdentitySigns()) for each in (lower, upper)]
        codes = np.zeros((2, *upper.code_shape), dtype)
        codes[0, ..., 1 if codes.ndim == 3 else slice(None)] = 1  # the rest of the batch is zero
        assert upper.synthesize(codes[0])[alone] == steps * eps * unit
        code = DCSCModel(layers).synthesize(codes)[1]
        assert code.dtype == dtype
        assert code[0][alone] == kept * steps * eps * unit


def test_three_decimals_that_cancel():
    upper = DenseDictionary([[0.1, 0.2, -0.3], [0.1, 0.2, -0.3 + 1e-12]])
    assert upper.synthesize(np.ones(3))[0] != 0
    layers = [Layer(DenseDictionary(np.eye(2)), ReLU(), IdentitySigns())]
    layers.append(Layer(upper, ReLU(), IdentitySigns()))
    code = DCSCModel(layers).synthesize(np.ones(3))[1]
    assert code[0] == 0
    assert code[1] == pytest.approx(1e-12, rel=1e-3)
    signal = DCSCModel(layers[1:]).synthesize(np.ones(3))[0]  # has no support to get wrong
    np.testing.assert_array_equal(signal, upper.synthesize(np.ones(3)))


# ---- the comparison of two pathways --------------------------------------------------------------


@given(strategies.pathway_pairs())
def test_recovery_counts(pair):
    truth, guess = pair
    found = truth.compare(guess)
    layers = range(1, len(truth))
    assert found.recovered.shape == (len(layers), *truth.batch)
    for element in grid(*truth.batch):
        recovered = []
        for l in layers:
            x, y = truth[l][element].ravel().tolist(), guess[l][element].ravel().tolist()
            pairs = list(zip(x, y, strict=True))
            missed = sum(a != 0 and b == 0 for a, b in pairs)
            alarms = sum(a == 0 and b != 0 for a, b in pairs)
            place = (l - 1, *element)
            assert (found.missed[place], found.false_alarms[place]) == (missed, alarms)
            assert found.recovered[place] == (missed == alarms == 0)
            error = math.hypot(*(a - b for a, b in pairs))
            assert found.error_norm[place] == pytest.approx(error, rel=1e-5)
            recovered.append(missed == alarms == 0)
        assert found.pathway_recovered[element] == all(recovered)
        failures = [l for l, exact in zip(layers, recovered, strict=True) if not exact]
        assert found.first_failure[element] == min(failures, default=0)
        for l in layers:
            np.testing.assert_array_equal(truth.supports[l - 1][element], truth[l][element] != 0)


def test_a_pathway_leaves_the_arrays_it_is_given_alone():
    mine = np.ones(3)
    pathway = Pathway((mine, mine))
    assert mine.flags.writeable
    assert not any(array.flags.writeable for array in pathway.arrays)


# ---- the uniform guarantee -----------------------------------------------------------------------


@given(strategies.coherent_layers(), strategies.seeds, st.booleans(), st.floats(0, 0.3), st.data())
def test_every_draw_recovers_inside_the_interval_of_the_uniform_guarantee(
    dictionary, seed, constant, share, data
):
    """All sign patterns on small supports, noise as large as ζ, both ends of the interval."""
    law = ConstantAmplitudes() if constant else UniformAmplitudes(low=0.8)
    most = UniformBound().max_sparsity(
        LayerInstance(dictionary, np.ones(dictionary.code_shape), noise=0)
    )
    assume(most >= 1)
    codes = draw_codes(dictionary, int(min(most, dictionary.stripes.size)), (), law, seed)
    support = np.flatnonzero(codes)
    assume(len(support) <= 6)
    noise = np.random.default_rng(seed).standard_normal(dictionary.signal_shape)
    if data.draw(st.booleans()):  # the worst for one atom
        noise = data.draw(st.sampled_from([*matrix_of(dictionary).T])).reshape(noise.shape)
    assume(noise.any())
    patches = patches_of(dictionary)
    zeta = share * np.abs(codes[codes != 0]).min() / 2
    noise = noise * zeta / max(math.hypot(*(noise[place] for place in held)) for held in patches)
    guarantee = UniformBound().evaluate(LayerInstance(dictionary, codes, noise=zeta))
    assume(guarantee.holds)
    assert guarantee.failure_probability == 0
    ((low, high),) = guarantee.thresholds
    assert low < high
    for signs in itertools.product([1.0, -1.0], repeat=len(support)):
        values = np.ones(dictionary.code_shape)
        values.ravel()[support] = signs
        for beta in (low + 1e-9 * (high - low), high - 1e-9 * (high - low)):
            layer = Layer(dictionary, HardThreshold(beta), FixedSigns(values))
            model = DCSCModel([layer])
            truth = model.synthesize(codes)
            guess = model.forward(truth[0], noise={0: noise})
            assert truth.compare(guess).pathway_recovered


@given(strategies.coherent_layers())
def test_the_condition_of_the_uniform_guarantee(dictionary):
    """(2) written out, with the coherence read off the matrix."""
    matrix, codes = matrix_of(dictionary), np.zeros(dictionary.code_shape)
    codes.ravel()[:: codes.size // 2 or 1] = 1
    gram, norms = np.abs(matrix.T @ matrix), np.linalg.norm(matrix, axis=0)
    mu = (gram - np.diag(np.diag(gram))).max()
    sparsity = max(sum(codes[place] != 0 for place in held) for held in stripes_of(dictionary))
    used = norms[(norms > 0) | (codes.ravel() != 0)]  # one that lies in the padding makes nothing
    margin = used.min() ** 2 - mu * (2 * sparsity - 1)
    assume(abs(margin) > 1e-6)
    assert UniformBound().evaluate(LayerInstance(dictionary, codes)).holds == (margin > 0)
