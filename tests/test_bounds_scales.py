"""Layers whose numbers are of very different sizes: right ends, or a sentence that refuses them."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from dcsc import DcscError
from dcsc.bounds import (
    ExactRecoveryBound,
    FuchsBound,
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    LayerStatistics,
    PartialBound,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    UniquenessBound,
    certify_code,
)
from dcsc.bounds.tails import L1, Bentkus, Chernoff, Exact, Hoeffding, Lattice, Selberg
from dcsc.dictionaries import DenseDictionary
from dcsc.experiments import simulate
from dcsc.intervals import Interval
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold
from dcsc.signs import RademacherSigns

SLOP = 1 + 1e-9
TAILS = [L1(), Hoeffding(), Chernoff(), Bentkus(), Exact(), Lattice(500), Selberg(64)]


def star(weights):
    """Unit atoms that are on, and one atom that sees of them what the weights say."""
    count = len(weights)
    atoms = np.eye(count, count + 1, dtype=np.asarray(weights).dtype)
    atoms[:, -1] = weights
    return atoms


# Atoms, code and a threshold for each atom.
LAYERS = {
    "all sums meet the level": (star([1e-160, 1e-160]), [1, 1, 0], [0.5, 0.5, 2e-160]),
    "squares below all floats": (star([1e-200, 2e-200]), [1, 1, 0], [0.5, 0.5, 2.5e-200]),
    "squares of one digit": (
        star(np.array([1, 0.8, 0.8, 0.8, 0.8, 0.8]) * 3.85e-162),
        [1, 1, 1, 1, 1, 1, 0],
        [0.5] * 6 + [1.9e-161],
    ),
    "beyond the range of float32": (
        np.float32(1e-25) * star(np.array([1, 2], np.float32)),
        np.array([1e-25, 1e-25, 0], np.float32),
        [1e-76, 1e-76, 2e-75],
    ),
    "from small to large codes": (
        [[1, 0.5, 0.25], [0, 1, 0.5]],
        [1e-140, 1e140, 1e-3],
        [1e-140, 1e139, 0],
    ),
    "large thresholds": ([[1, 0.5], [0, 1]], [1, 1], [1.7e308, 1e300]),
    "small thresholds": ([[1, 0.5], [0, 1]], [1, 0.0], [0, 5e-324]),
}


def chances(atoms, code, threshold, noise):
    """Return between what the probabilities lie that each unit is wrong, in fractions.

    The noise is a bound, and may depend on the signs.
    """
    columns = [[Fraction(float(a)) for a in column] for column in np.transpose(atoms)]
    x, beta = ([Fraction(float(value)) for value in line] for line in (code, threshold))
    ends = []
    for k, column in enumerate(columns):
        rows = [sum(a * b for a, b in zip(column, other, strict=True)) for other in columns]
        products = [g * value for g, value in zip(rows, x, strict=True) if value]
        # the norm, rounded; no case comes so near to a threshold
        reach = Fraction(math.sqrt(rows[k])) * Fraction(noise)
        wrong = np.zeros(2)
        for signs in itertools.product((1, -1), repeat=len(products)):
            size = abs(sum(s * p for s, p in zip(signs, products, strict=True)))
            above = size + reach > beta[k], max(size - reach, 0) > beta[k]
            may, must = above if not x[k] else (not above[1], not above[0])
            wrong += must, may
        ends.append(wrong / 2 ** len(products))
    return np.transpose(ends)


@pytest.mark.parametrize("tail", TAILS, ids=repr)
@pytest.mark.parametrize("case", LAYERS)
@pytest.mark.parametrize("noise", [0, 5e-324, 0.3, 1e140])
def test_ends_hold_whatever_the_sizes(case, tail, noise):
    atoms, code, threshold = LAYERS[case]
    least, most = chances(atoms, code, threshold, noise)
    layer = LayerInstance(DenseDictionary(atoms), code, np.array(threshold), noise)
    units = InstanceBound(tail).units(layer, tolerance=0)
    assert ((units.lower >= 0) & (units.lower <= units.upper) & (units.upper <= 1)).all()
    assert (units.lower <= least * SLOP).all()
    assert (units.upper * SLOP >= most).all()
    assert not most[units.safe].any()
    assert (least[units.lost] == 1).all()
    assert (InstanceBound(tail).atoms(layer) * SLOP >= most).all()
    whole = InstanceBound(tail).evaluate(layer)
    assert whole.lower <= most.sum() * SLOP
    assert whole.failure_probability * SLOP >= most.max()
    (part,) = PartialBound(tail).evaluate(layer).layers
    on = np.asarray(code) != 0
    assert part.missed.low <= least[on].sum() * SLOP
    assert part.missed.high * SLOP >= most[on].sum()
    assert 0 <= part.count(0.05).count <= len(on) + 1


def asked(layer):
    """What asks for a layer of one code."""
    model = DCSCModel([Layer(layer.dictionary, HardThreshold(0.5), signs=RademacherSigns())])
    return {
        "units": lambda: InstanceBound().units(layer),
        "evaluate": lambda: InstanceBound().evaluate(layer),
        "partial": lambda: PartialBound().evaluate(layer),
        "threshold": lambda: InstanceBound().best_threshold(layer),
        "simulate": lambda: simulate(model, layer.codes, 5, rng=0, noise=layer.noise),
    }


@pytest.mark.parametrize("ask", asked(LayerInstance(DenseDictionary([[1.0]]), [1.0])))
@pytest.mark.parametrize(
    ("atoms", "code"),
    [
        (np.eye(2) * 1e-170, [1, 0]),  # c² |x| is 1e-340
        (np.eye(2) * 1e200, [1, 0]),
        (np.diag([1, 1e-170]), [1, 1]),
        (np.diag([1, 1e-100]), [0, 1e300]),  # c² |x| is 1e100, and c |x| is 1e200
    ],
)
def test_codes_whose_coefficients_are_no_numbers_are_refused(ask, atoms, code):
    layer = LayerInstance(DenseDictionary(atoms), code, 0.5)
    with pytest.raises(DcscError, match=r"codes: expected coefficients c² \|x\| between 1e-150"):
        asked(layer)[ask]()


@pytest.mark.parametrize("ask", ["units", "evaluate", "partial", "threshold"])
@pytest.mark.parametrize("noise", [1.7e308, 1e160, [1e160, 0], [1e200, -1e200]])
def test_noise_whose_coefficients_are_no_numbers_is_refused(ask, noise):
    """Also where an atom is orthogonal to it."""
    layer = LayerInstance(DenseDictionary([[3, 0.1], [3, 0.1]]), [1, 0], 0.5, noise)
    with pytest.raises(DcscError, match=r"noise: expected coefficients c² \|x\| between 1e-150"):
        asked(layer)[ask]()


@pytest.mark.parametrize(
    "bound",
    [
        UniformBound(),
        ProbabilisticBound(),
        RobustBound(),
        HybridBound(),
        LayeredBound(),
        UniquenessBound(),
        PartialBound(),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("norm", "size"), [(1e-170, 1), (1e-100, 1e-200), (1e200, 1)])
def test_constants_whose_products_are_no_numbers_are_refused(bound, norm, size):
    layer = LayerStatistics(
        coherence=0, sparsity=2, x_min=size, x_max=size, n_atoms=10, gain=(norm, norm), noise=0
    )
    single = LayerInstance(DenseDictionary(np.eye(2) * norm), [size, 0])
    for ask in (lambda: bound.evaluate(layer), lambda: UniformBound().evaluate(single)):
        with pytest.raises(DcscError, match=r"expected coefficients c² \|x\| between 1e-150"):
            ask()


@pytest.mark.parametrize("noise", [1e160, [1e300, 1e300]])
@pytest.mark.parametrize("bound", [FuchsBound(), ExactRecoveryBound()], ids=repr)
def test_noise_that_is_no_number_beside_given_supports_is_refused(bound, noise):
    layer = LayerInstance(
        DenseDictionary(np.eye(2)), [1, 0], noise=noise, signs_independent=not bound.needs_signs
    )
    with pytest.raises(DcscError, match=r"expected coefficients c² \|x\| between 1e-150"):
        bound.evaluate(layer)


@pytest.mark.parametrize("other", [1e-170, 1e-162, 1e-80])
def test_a_code_beside_atoms_that_are_no_numbers_is_not_certified(other):
    dictionary = DenseDictionary([[1, 0.6 * other], [0, 0.8 * other]])
    with pytest.raises(DcscError, match=r"CodeBound: dictionary: expected coefficients c² \|x\|"):
        certify_code(dictionary, [1e140, 0], [1e140, 0])


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 1e300), (1e200, 0.0)])
def test_a_code_of_a_signal_that_is_no_number_is_not_certified(signal, noise):
    with pytest.raises(DcscError, match="CodeBound: signal, noise: expected coefficients"):
        certify_code(DenseDictionary(np.eye(2)), [1, 0], [signal, 0], noise=noise)


def test_of_an_infinite_error_nothing_is_certain():
    """What an atom may see of the noise is beyond floats in units of the code."""
    dictionary = DenseDictionary([[1, 0.6e-74], [0, 0.8e-74]])
    found = certify_code(dictionary, [1e149, 0], [1e149, 0], noise=1e140)
    assert found.layers[0].certain == 0
    assert not found.holds


def test_where_no_unit_is_on_false_alarms_may_still_be_any():
    """A threshold of the size of the noise, below which no unit is certain to stay."""
    layer = LayerStatistics(
        coherence=0.05, sparsity=0, x_min=0.5, x_max=1, n_atoms=20, noise=0.1, threshold=0.1
    )
    (part,) = PartialBound().evaluate(layer).layers
    assert part.false_alarms == Interval(0.0, 20.0)
    assert part.missed == Interval(0.0, 0.0)


@pytest.mark.parametrize(
    ("coherence", "x_min", "noise", "limit"),
    [
        (1e-300, 1e-100, 1e100, -math.inf),  # both squares are far beyond floats in units of μ
        (1e-300, 1e100, 1e-100, math.inf),
        (5e-324, 1e-100, 0.5, -math.inf),
        (1e-200, 1e100, 0.0, math.inf),
        (1e-150, 1e-150, 0.0, 1 / (8 * math.log(1000))),
        (0.01, 1.0, 0.05, 1e4 / (8 * math.log(1000)) - 25),
    ],
)
def test_the_published_limit_of_sparsity(coherence, x_min, noise, limit):
    """(c² x_min / u)² / 8 log(2N/δ) - (ζ/u)², in units of u = μ x_max."""
    layer = LayerStatistics(
        coherence=coherence, x_min=x_min, x_max=max(x_min, 1.0), n_atoms=5, noise=noise
    )
    found = ProbabilisticBound().sparsity_limit(layer, 0.01)
    assert found == pytest.approx(limit, rel=1e-12)


def test_sizes_that_float32_cannot_add_up():
    """Sums of contributions are beyond float32; coefficients are not beyond what bounds take."""
    atoms = np.ones((2, 3), np.float32) + np.eye(2, 3, dtype=np.float32)
    code = np.array([3e38, 3e38, 3e38], np.float32)
    layer = LayerInstance(DenseDictionary(atoms), code, 1e30)
    double = LayerInstance(DenseDictionary(atoms.astype(float)), code.astype(float), 1e30)
    single, wide = (InstanceBound().units(one) for one in (layer, double))
    np.testing.assert_allclose(single.upper, wide.upper, rtol=1e-5)
    assert HybridBound().evaluate(layer).failure_probability == 1
