"""Codes that anybody found: what is certain of them is true of every code behind the signal."""

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dcsc
from dcsc import bounds
from dcsc.bounds import CodeBound, LayerInstance, certify_code
from dcsc.dictionaries import filters
from dcsc.errors import DcscError, NotCoveredError, TooLargeError
from tests.dense_pursuits import matrix_of, small_dictionary


def wide():
    """Return atoms that hardly meet, on many channels."""
    return dcsc.CirculantDictionary(filters.gaussian(8, 256, 3, rng=0), extent=12)


def defined(dictionary, code, signal, noise, sparsity):
    """Return the errors b by their definition, from the dense Gram matrix, or None."""
    matrix, found = matrix_of(dictionary), code.ravel()
    gram = matrix.T @ matrix
    energies, sizes = np.diag(gram), np.abs(gram - np.diag(np.diag(gram)))
    shares = np.zeros(len(found))
    for k, row in enumerate(sizes):
        others = np.sort(row[found == 0])[::-1]
        most = sparsity if found[k] else max(sparsity - 1, 0)
        shares[k] = (row[found != 0].sum() + others[:most].sum()) / energies[k]
    if shares.max() >= 1:
        return None
    delta = (np.abs(matrix.T @ (signal.ravel() - matrix @ found)) + noise) / energies
    return delta + shares * delta.max() / (1 - shares.max())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_what_is_certain_is_true_of_the_code_behind_the_signal(seed):
    rng = np.random.default_rng(seed)
    dictionary = small_dictionary(rng)
    matrix = matrix_of(dictionary)
    truth = np.zeros(dictionary.code_shape)
    places = rng.choice(truth.size, int(rng.integers(0, 4)), replace=False)
    truth.flat[places] = rng.choice([-1, 1], len(places)) * rng.uniform(0.1, 1, len(places))
    noise = 0.01 * rng.standard_normal(dictionary.signal_shape) * rng.integers(2)
    signal = dictionary.synthesize(truth) + noise
    eps = float(np.abs(matrix.T @ noise.ravel()).max())
    # a code that is near, with entries that are wrong or missing
    code = truth + 0.05 * rng.standard_normal(truth.shape) * (truth != 0)
    code.flat[rng.integers(code.size)] += rng.choice([0, 0.02])
    sparsity = int(np.max(dictionary.stripe_sparsity(truth)))
    certified = certify_code(dictionary, code, signal, eps, sparsity)
    expected = defined(dictionary, code, signal, eps, sparsity)
    assert certified.holds == (expected is not None)
    if expected is None:
        assert not certified.support.any()
        assert not certified.exact(1e-9)
        return
    np.testing.assert_allclose(certified.errors.ravel(), expected, rtol=1e-9, atol=1e-12)
    assert (np.abs(code - truth) <= certified.errors).all()
    sure = certified.support
    np.testing.assert_array_equal(np.sign(code[sure]), np.sign(truth[sure]))
    least = np.abs(truth[truth != 0]).min(initial=1)
    if certified.exact(least):
        np.testing.assert_array_equal(code != 0, truth != 0)


def test_without_noise_what_leaves_nothing_is_the_only_code():
    dictionary = wide()
    code = dcsc.codes.draw(dictionary, 2, rng=0)
    certified = certify_code(dictionary, code, dictionary.synthesize(code))
    assert certified.error < 1e-12
    assert certified.exact(x_min=1e-9)
    assert certified.layers[0].certain == np.count_nonzero(code)
    assert "are certain" in repr(certified)
    # more than the condition bears
    rough = dcsc.CirculantDictionary(filters.gaussian(8, 16, 3, rng=0), extent=12)
    beyond = certify_code(rough, code, rough.synthesize(code), sparsity=40)
    assert not beyond.holds
    assert "nothing is certain" in repr(beyond)


def test_the_sparsity_that_it_is_held_against_counts():
    """Of two codes of one signal none is the only one, but one is the only one as sparse."""
    dictionary = dcsc.DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    for code in ([0.6, 0.8, 0], [0, 0, 1.0]):
        assert not certify_code(dictionary, code, [0.6, 0.8], sparsity=2).holds
    assert certify_code(dictionary, [0, 0, 1.0], [0.6, 0.8], sparsity=1).exact(x_min=0.1)


@pytest.mark.parametrize(("norm", "kind"), [(1, np.inf), (2, 2)])
def test_noise_is_what_the_atoms_see_of_it(norm, kind):
    """The largest sample of the noise, and its norm, are too small an ε."""
    dictionary = dcsc.DenseDictionary(norm * np.array([[1, 1], [1, -1]]) / 2**0.5)
    noise = np.array([0.01, 0.01])
    truth = np.array([1.0, 0])
    signal = dictionary.synthesize(truth) + noise
    # least squares, which leaves nothing: so what is certain is due to ε alone
    code = np.linalg.solve(matrix_of(dictionary), signal)
    seen = np.abs(dictionary.analyze(noise)).max()
    naive = certify_code(dictionary, code, signal, np.linalg.norm(noise, kind), sparsity=1)
    right = certify_code(dictionary, code, signal, seen, sparsity=1)
    off = np.abs(code - truth).max()
    assert off > naive.error
    assert off <= right.error * (1 + 1e-9)


def test_atoms_that_are_short_are_off_by_more():
    """For unit norms an entry is off by δ at most; where a border cuts an atom it is not."""
    dictionary = dcsc.DenseDictionary([[0.5, 0], [0, 1]])
    truth, noise = np.array([1.0, 0]), np.array([0.02, 0])
    signal = dictionary.synthesize(truth) + noise
    code = np.array([1.04, 0])
    seen = np.abs(dictionary.analyze(noise)).max()
    assert abs(code[0] - truth[0]) > seen
    assert certify_code(dictionary, code, signal, seen).error == pytest.approx(0.04)


def test_each_column_by_itself():
    dictionary = wide()
    codes = dcsc.codes.draw(dictionary, 2, (2, 3), rng=1)
    signals = dictionary.synthesize(codes) + 1e-3
    together = certify_code(dictionary, codes, signals, 0.01, sparsity=2)
    for place in np.ndindex(2, 3):
        alone = certify_code(dictionary, codes[place], signals[place], 0.01, sparsity=2)
        np.testing.assert_allclose(together.errors[place], alone.errors, rtol=1e-12)
    assert together.layers[0].certain <= together.layers[0].entries


def test_what_it_cannot_say_is_refused():
    dictionary = dcsc.DenseDictionary([[1, 0], [0, 1]])
    with pytest.raises(DcscError, match=r"signal: expected shape \(2,\), got \(3,\)"):
        certify_code(dictionary, [1, 0], [1, 0, 0])
    with pytest.raises(DcscError, match="noise"):
        certify_code(dictionary, [1, 0], [1, 0], noise=-1)
    with pytest.raises(NotCoveredError, match="an atom is zero"):
        certify_code(dcsc.DenseDictionary([[1, 0], [0, 0]]), [1, 0], [1, 0])
    layer = LayerInstance(dictionary, [1, 0])
    with pytest.raises(NotCoveredError, match="layer 2: it is about the code of one signal"):
        CodeBound([1, 0]).evaluate([layer, layer])
    large = dcsc.CirculantDictionary(filters.gaussian(600, 1, 2, rng=0), extent=200)
    with pytest.raises(TooLargeError, match="expected at most 134217728 entries"):
        certify_code(large, np.zeros(large.code_shape), np.zeros(large.signal_shape))
    zero = certify_code(dictionary, [0, 0], [0, 0])
    assert zero.holds
    assert zero.layers[0].entries == 0


def test_a_code_is_certified_and_verified(tmp_path):
    dictionary = wide()
    code = dcsc.codes.draw(dictionary, 2, rng=0)
    certified = certify_code(dictionary, code, dictionary.synthesize(code), 0.01)
    certificate = bounds.Certificate.of(certified)
    assert isinstance(certificate, bounds.CodeCertificate)
    certificate.write(tmp_path)
    files = tmp_path / "certificate.json", tmp_path / "evidence.npz"
    found = bounds.verify(*files)
    assert found.holds, found.difference
    assert found.certificate == certificate
    assert certificate.claim in repr(found)
    again, _ = bounds.Certificate.parse(certificate.text)
    assert again == certificate
    with np.load(files[1]) as entries:
        arrays = dict(entries)
    arrays["bound.signal"] = arrays["bound.signal"] + 1e-6
    np.savez(files[1], **arrays)
    assert not bounds.verify(*files).holds


def test_conditions_of_the_record_count():
    dictionary = dcsc.DenseDictionary([[1, 0], [0, 1]])
    false = (bounds.Hypothesis("the signs below are those given", False),)
    layer = attrs.evolve(LayerInstance(dictionary, [1, 0]), hypotheses=false)
    certified = CodeBound([1, 0]).evaluate(layer)
    assert not certified.holds
    assert not certified.support.any()
