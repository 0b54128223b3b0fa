"""Pursuits and their bounds where it is hard: tiny dictionaries, equal atoms, units of any size.

The least objective is exact: every support with all its signs, in fractions.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

from dcsc import (
    MLFISTA,
    BasisPursuit,
    DCSCModel,
    Debiased,
    DenseDictionary,
    HardThreshold,
    HardThresholdingPursuit,
    Layer,
    LayerInstance,
    OneStep,
    ProximalGradient,
    TopK,
)
from dcsc.bounds import (
    BasisPursuitBound,
    DualBound,
    ExactRecoveryBound,
    FuchsBound,
    MatchingBound,
    UniquenessBound,
    certify_code,
)
from dcsc.errors import DcscError


def fractions(array):
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(array)]


def solved(matrix, right):
    """Return the solution of a system in fractions, None where there is not just one."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = next((r for r in range(column, len(rows)) if rows[r][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(len(rows)):
            if r != column and rows[r][column]:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [row[-1] / row[at] for at, row in enumerate(rows)]


class Exact:
    """The problem of basis pursuit denoising in fractions."""

    def __init__(self, atoms, signal, penalty):
        self.atoms, (self.signal,) = fractions(atoms), fractions(signal)
        self.penalty = Fraction(float(penalty))

    def objective(self, code):
        image = [sum(a * x for a, x in zip(row, code, strict=True)) for row in self.atoms]
        left = sum((y - z) ** 2 for y, z in zip(self.signal, image, strict=True))
        return left / 2 + self.penalty * sum(map(abs, code))

    def least(self):
        """Go through all supports and signs: the best code is the stationary one of its own."""
        columns = list(zip(*self.atoms, strict=True))
        gram = [[sum(a * b for a, b in zip(c, d, strict=True)) for d in columns] for c in columns]
        seen = [sum(a * y for a, y in zip(c, self.signal, strict=True)) for c in columns]
        best = self.objective([0] * len(columns))
        for size in range(1, min(len(columns), len(self.signal)) + 1):
            for support in itertools.combinations(range(len(columns)), size):
                inside = [[gram[i][j] for j in support] for i in support]
                for signs in itertools.product((1, -1), repeat=size):
                    right = [
                        seen[i] - self.penalty * s for i, s in zip(support, signs, strict=True)
                    ]
                    found = solved(inside, right)
                    if found is not None:
                        code = [Fraction(0)] * len(columns)
                        for i, x in zip(support, found, strict=True):
                            code[i] = x
                        best = min(best, self.objective(code))
        return best

    def gap(self, code):
        """Return how much smaller than that of a code the objective may be, relative to it."""
        value = self.objective([Fraction(float(x)) for x in code])
        return float((value - self.least()) / value) if value else 0.0


def small(rng):
    """Draw a dictionary of up to five atoms, some of them equal, nearly so, or zero."""
    samples, count = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    atoms = rng.standard_normal((samples, count))
    kind = rng.integers(6)
    if kind == 1 and count > 1:
        atoms[:, 1] = atoms[:, 0]
    elif kind == 2:
        atoms[:, 0] = 0
    elif kind == 3:
        atoms = np.round(atoms)
    elif kind == 4 and count > 2:
        atoms[:, 2] = atoms[:, 0] * (1 + 1e-9) + atoms[:, 1] * 1e-7
    elif kind == 5:
        atoms *= rng.choice([1e-3, 1, 1e3], count)
    signal = rng.standard_normal(samples)
    share = rng.choice([0.01, 0.1, 0.5, 0.9, 1, 1.5])
    return atoms, signal, float(np.abs(atoms.T @ signal).max()) * share or 1.0


UNITS = [(1, 1), (1, 1e-160), (1, 1e150), (1e-75, 1), (1e140, 1e-100), (1e-150, 1e-150), (1e150, 1)]


@pytest.mark.parametrize(("atom", "signal"), UNITS)
def test_the_gap_is_true_in_any_units(atom, signal):
    for seed in range(40):
        atoms, y, penalty = small(np.random.default_rng(seed))
        atoms, y, penalty = atoms * atom, y * signal, penalty * atom * signal
        pursued = BasisPursuit(penalty)(y, DenseDictionary(atoms))
        assert 0 <= pursued.gap <= 1e-6
        true = Exact(atoms, y, penalty).gap(pursued.code)
        assert true <= float(pursued.gap) * (1 + 1e-6) + 2e-15, seed


def test_the_gap_of_a_rounded_code_is_that_of_what_is_returned():
    coarse = 0
    for seed in range(60):
        atoms, y, penalty = (np.float32(x) for x in small(np.random.default_rng(seed)))
        pursued = BasisPursuit(float(penalty))(y, DenseDictionary(atoms))
        assert pursued.code.dtype == np.float32
        true = Exact(atoms, y, penalty).gap(pursued.code)
        assert true <= float(pursued.gap) * (1 + 1e-6) + 2e-15, seed
        coarse += pursued.gap > 1e-6
    assert coarse  # where a float32 is not as fine as that


@pytest.mark.parametrize(("atom", "signal"), [(1e150, 1e-300), (1e300, 1e-20), (1e-160, 1e150)])
def test_codes_that_no_float_holds_are_refused(atom, signal):
    """They would be zero, of less digits than their gap says, or infinite."""
    dictionary, y = DenseDictionary([[atom, 0.5 * atom]]), [signal]
    with pytest.raises(DcscError, match="a code whose entries a float can hold, got a signal of"):
        BasisPursuit(0.01 * atom * signal)(y, dictionary)


@pytest.mark.parametrize("atom", [1e-30, 1e25])
def test_steps_that_no_float32_holds_are_refused(atom):
    """Of such atoms the squares, or their inverses, are beyond float32, and the code stays 0."""
    dictionary = DenseDictionary(np.eye(2, dtype=np.float32) * np.float32(atom))
    signal = np.array([1e-5, 0], np.float32)
    layer, double = Layer(dictionary, HardThreshold(0.0)), signal.astype(float)
    for ask in (
        lambda: ProximalGradient()(signal, dictionary, layer.projection),
        lambda: DCSCModel([layer]).draw(0).forward(signal, pursuit=MLFISTA()),
    ):
        with pytest.raises(DcscError, match=r"Pursuit: operator: .*float32 holds a step"):
            ask()
    for pursuit, y in (
        (ProximalGradient(), double),
        (HardThresholdingPursuit(), double),
        (HardThresholdingPursuit(), signal),
    ):
        found = pursuit(y, dictionary, layer.projection).code
        np.testing.assert_allclose(found, [signal[0] / np.float32(atom), 0], rtol=1e-6)


def test_atoms_that_are_nearly_parallel_hand_over_their_entries():
    """The best of three is in use alone, and steps towards it are tiny and all alike."""
    atoms, y = np.array([[-1.47461855, -1.47718731, 1.45118391]]), np.array([-0.2307808])
    penalty = 0.01 * np.abs(atoms.T @ y).max()
    pursued = BasisPursuit(penalty)(y, DenseDictionary(atoms))
    assert np.flatnonzero(pursued.code).tolist() == [1]
    assert pursued.iterations < 200
    for seed in range(40):
        rng = np.random.default_rng(seed)
        atoms = rng.standard_normal((2, 1)) * (1 + 1e-3 * rng.standard_normal((2, 4)))
        y = rng.standard_normal(2)
        penalty = 0.01 * np.abs(atoms.T @ y).max()
        pursued = BasisPursuit(penalty)(y, DenseDictionary(atoms))
        assert Exact(atoms, y, penalty).gap(pursued.code) <= float(pursued.gap) + 2e-15


@pytest.mark.parametrize("atom", [1e-74, 1e-8, 1e8, 1e60, 1e74])
@pytest.mark.parametrize("projection", [HardThreshold(0.0), TopK(2)], ids=repr)
def test_least_squares_begin_as_well_whatever_the_units_of_atoms(atom, projection):
    """One step leaves codes that are off by the square of the norms of atoms."""
    rng = np.random.default_rng(0)
    for atoms in (rng.standard_normal((6, 4)), rng.standard_normal((3, 5))):
        signals = rng.standard_normal((4, len(atoms)))
        pursuit = Debiased(OneStep())
        other = pursuit(signals * atom, DenseDictionary(atoms * atom), projection).code
        if len(atoms) == 6:  # where atoms depend on each other, it matters where one begins
            base = pursuit(signals, DenseDictionary(atoms), projection).code
            np.testing.assert_allclose(other, base, rtol=1e-7, atol=1e-8 * abs(base).max())
        alone = [pursuit(y * atom, DenseDictionary(atoms * atom), projection).code for y in signals]
        np.testing.assert_allclose(alone, other, rtol=1e-9, atol=1e-10 * abs(other).max())
        slope = atoms.T @ (signals - other @ atoms.T).T
        assert np.abs(slope.T[other != 0]).max() <= 1e-9


def test_a_sparse_signal_is_told_what_to_become():
    sparse = scipy.sparse.coo_array(np.eye(2))
    with pytest.raises(DcscError, match=r"a sparse coo_array: give what its toarray\(\) returns"):
        OneStep()(sparse, DenseDictionary(np.eye(2)), TopK(1))


# ---- bounds --------------------------------------------------------------------------------------

BOUNDS = [
    UniquenessBound(),
    BasisPursuitBound(),
    MatchingBound(),
    ExactRecoveryBound(pursuit="basis"),
    ExactRecoveryBound(pursuit="matching"),
    FuchsBound(),
]
LEVELS = BOUNDS[2], BOUNDS[4]


def instance(bound, atoms, code, noise):
    random = not bound.needs_signs
    return LayerInstance(DenseDictionary(atoms), code, noise=noise, signs_independent=random)


@pytest.mark.parametrize("bound", BOUNDS, ids=repr)
@pytest.mark.parametrize(("atom", "entry"), [(1e-60, 1e-20), (1e60, 1e20), (1e70, 1), (1, 1e-140)])
def test_what_is_proved_does_not_depend_on_units(bound, atom, entry):
    """Penalties go with the square of atoms, levels with their norms."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        atoms = np.eye(4, 5) + 0.1 * rng.standard_normal((4, 5))
        atoms[:, 4] += 0.5
        code = np.zeros(5)
        code[rng.choice(4, 1 + seed % 2, replace=False)] = rng.uniform(0.5, 1.5)
        noise = rng.choice([0.0, 0.01, 0.05])
        base = bound.evaluate(instance(bound, atoms, code, noise))
        other = bound.evaluate(instance(bound, atoms * atom, code * entry, noise * atom * entry))
        assert base.holds == other.holds
        if base.holds:
            unit = atom * entry * (1 if bound in LEVELS else atom)
            low, high = (np.array(g.thresholds[0]) for g in (base, other))
            np.testing.assert_allclose(high, low * unit, rtol=1e-9, atol=1e-15 * unit)
            held += 1
    assert 10 <= held < 60 or bound == FuchsBound()


@pytest.mark.parametrize("atom", [1e-3, 1, 1e3])
def test_levels_that_are_a_tie_are_refused_in_units_of_levels(atom):
    """One atom of any norm: levels from ζ to its size less ζ."""
    layer = LayerInstance(DenseDictionary([[atom]]), [1.0], noise=0.25 * atom)
    for kind in (MatchingBound, lambda level: ExactRecoveryBound(level=level, pursuit="matching")):
        for level, holds in ((0.25 * (1 + 1e-13), False), (0.2500001, True), (0.75, False)):
            assert kind(level * atom).evaluate(layer).holds == holds


@pytest.mark.parametrize("atom", [1e-200, 1e-160, 1e-80, 1e80])
def test_squares_that_are_no_numbers_are_refused(atom):
    atoms, code = np.eye(3) * atom, np.array([1.0, 0.0, 0.0])
    asks = [
        *(lambda b=b: b.evaluate(instance(b, atoms, code, 0.0)) for b in BOUNDS),
        lambda: DualBound().evaluate(instance(DualBound(), atoms, code, None)),
        lambda: DualBound.search(instance(DualBound(), atoms, code, None)),
        lambda: certify_code(DenseDictionary(atoms), code, atoms @ code),
    ]
    for ask in asks:
        with pytest.raises(DcscError, match=r"expected coefficients c² \|x\| between 1e-150"):
            ask()


def test_a_batch_of_nothing_is_certain():
    for bound in BOUNDS[3:]:
        layer = instance(bound, np.eye(3), np.zeros((0, 3)), 0.0)
        assert bound.evaluate(layer).failure_probability == 0.0
    assert math.isfinite(
        certify_code(DenseDictionary(np.eye(3)), np.zeros((0, 3)), np.zeros((0, 3))).error
    )
