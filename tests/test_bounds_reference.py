"""The bounds, coherences and floors against the reference values, to 12 digits."""

import math

import numpy as np
import pytest
import scipy.optimize

from dcsc.bounds import (
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    propagated_noise,
)
from dcsc.dictionaries import CirculantDictionary, filters
from tests import reference_values as rows

DIGITS = 1e-12


def cases(table):
    return pytest.mark.parametrize("row", [pytest.param(row, id=key) for key, row in table.items()])


def statistics(inputs, **others):
    """Build the record of a row, and leave out what is an argument of its own."""
    values = {key: value for key, value in inputs.items() if key != "delta"} | others
    whole = {"n_atoms", "n_samples", "sparsity", "patch_sparsity"}
    return LayerStatistics(**{k: v if k in whole else float(v) for k, v in values.items()})


def exactly(value):
    return pytest.approx(float(value), rel=DIGITS, abs=0)


@cases(rows.UNIFORM)
def test_uniform_limit(row):
    layer = statistics(row.inputs)
    assert UniformBound().sparsity_limit(layer) == exactly(row.value)
    assert UniformBound().max_sparsity(layer) == row.most


@cases({key: row for key, row in rows.UNIFORM.items() if row.most != math.inf})
def test_uniform_guarantee_ends_at_its_limit(row):
    allowed = UniformBound().evaluate(statistics(row.inputs, sparsity=row.most))
    beyond = UniformBound().evaluate(statistics(row.inputs, sparsity=row.most + 1))
    assert allowed.holds
    assert allowed.failure_probability == 0
    assert not beyond.holds
    assert beyond.failure_probability == 1


def test_half_of_x_min_can_lie_outside_the_uniform_interval():
    # U9: the centre of the interval is in it, x_min / 2 is not
    inputs = rows.UNIFORM["U9"].inputs
    mu = inputs["coherence"]
    ((low, high),) = UniformBound().evaluate(statistics(inputs, sparsity=1)).thresholds
    assert (low, high) == (exactly(mu), exactly(1))
    central = statistics(inputs, sparsity=1, threshold=(1 + mu) / 2)
    half = statistics(inputs, sparsity=1, threshold=0.5)
    assert UniformBound().evaluate(central).holds
    assert not UniformBound().evaluate(half).holds


@cases(rows.PUBLISHED)
def test_published_bound(row):
    guarantee = ProbabilisticBound().evaluate(statistics(row.inputs))
    assert guarantee.unclipped == exactly(row.value)
    assert guarantee.failure_probability == exactly(min(1, float(row.value)))
    assert guarantee.holds == (float(row.value) < 1)


def test_published_bound_of_two_layers():
    lower, upper, value = rows.PUBLISHED_TWO_LAYERS["P12"]
    layers = [statistics(lower), statistics(upper)]
    guarantee = ProbabilisticBound().evaluate(layers)
    assert guarantee.unclipped == exactly(value)
    assert guarantee.failure_probability == exactly(value)
    alone = [ProbabilisticBound().evaluate(layer).unclipped for layer in layers]
    assert [layer.unclipped for layer in guarantee.layers] == pytest.approx(alone, rel=DIGITS)


@cases(rows.ROBUST)
def test_robust_bound(row):
    guarantee = RobustBound().evaluate(statistics(row.inputs))
    assert guarantee.unclipped == exactly(row.value)
    assert guarantee.failure_probability == exactly(min(1, float(row.value)))


def test_robust_bound_is_at_most_root_e_times_the_published_one():
    ceiling = rows.ROBUST_CEILING
    published = ProbabilisticBound().evaluate(statistics(ceiling.inputs)).unclipped
    assert math.sqrt(math.e) * published == exactly(ceiling.value)
    for row in (*rows.PUBLISHED.values(), *rows.ROBUST.values()):
        layer = statistics(row.inputs)
        most = math.sqrt(math.e) * ProbabilisticBound().evaluate(layer).unclipped
        assert RobustBound().evaluate(layer).unclipped <= most * (1 + DIGITS)


@cases(rows.DENSITY)
def test_density(row):
    layer, delta = statistics(row.inputs), float(row.inputs["delta"])
    assert ProbabilisticBound().sparsity_limit(layer, delta) == exactly(row.value)
    assert ProbabilisticBound().max_sparsity(layer, delta) == row.most


def test_density_for_failure_probability_zero():
    row = rows.DENSITY_AT_ZERO
    assert ProbabilisticBound().sparsity_limit(statistics(row.inputs), 0) == exactly(row.value)
    assert ProbabilisticBound().max_sparsity(statistics(row.inputs), 0) is None
    silent = statistics(row.inputs, noise=0)
    assert ProbabilisticBound().sparsity_limit(silent, 0) == 0


@pytest.mark.parametrize("key", ["D1", "D2", "D7"])
def test_density_inverts_the_published_bound(key):
    # D9: with S a real number the bound at the limit is delta; N is all that S and mu leave
    inputs = rows.DENSITY[key].inputs
    delta = float(inputs["delta"])
    limit = ProbabilisticBound().sparsity_limit(statistics(inputs), delta)
    scaled = float(inputs["coherence"]) * math.sqrt(limit / 10)
    value = ProbabilisticBound().evaluate(statistics(inputs, coherence=scaled, sparsity=10))
    assert value.unclipped == exactly(delta)


@pytest.mark.parametrize("noise", [0, 0.05, 0.2, 0.45])
def test_robust_density_inverts_the_robust_bound(noise):
    layer = {"x_min": 1, "x_max": 1.5, "noise": noise, "n_atoms": 1000}
    limit = RobustBound().sparsity_limit(statistics({"coherence": 0.02, **layer}), 0.01)
    scaled = {"coherence": 0.02 * math.sqrt(limit / 10), "sparsity": 10}
    assert RobustBound().evaluate(statistics({**layer, **scaled})).unclipped == exactly(0.01)


@cases(rows.CROSSING)
def test_uniform_and_published_limits_cross(row):
    inputs, mu, sparsity = row
    delta = float(inputs["delta"])

    def limits(coherence):
        layer = statistics(inputs, coherence=coherence)
        return (
            UniformBound().sparsity_limit(layer),
            ProbabilisticBound().sparsity_limit(layer, delta),
        )

    assert limits(float(mu)) == (exactly(sparsity), exactly(sparsity))
    crossing = scipy.optimize.brentq(
        lambda x: np.subtract(*limits(x)), 1e-3, 0.1, xtol=1e-17, rtol=1e-14
    )
    assert crossing == exactly(mu)
    below, above = limits(0.99 * float(mu)), limits(1.01 * float(mu))
    assert below[1] > below[0]
    assert above[1] < above[0]


@cases(rows.COHERENCE)
def test_coherence_and_squared_babel(row):
    family, arguments, mu, squares = row
    dictionary = CirculantDictionary(getattr(filters, family)(*arguments), extent=29)
    assert dictionary.mutual_coherence() == exactly(mu)
    assert dictionary.babel(1) == exactly(mu)
    for sparsity, value in squares.items():
        assert dictionary.babel_squared(sparsity) == exactly(value)


@cases(rows.WELCH)
def test_welch_floor(row):
    (n, c, kernel), tests, floor, needed = row
    extent = (32, 32) if len(kernel) == 2 else (64,)
    dictionary = CirculantDictionary(filters.gaussian(n, c, kernel, rng=0), extent=extent)
    assert dictionary.welch_floor() == exactly(floor)
    assert dictionary.mutual_coherence() > float(floor)
    assert np.prod(dictionary.code_shape) == tests

    def excess(coherence):
        layer = LayerStatistics(
            coherence=coherence, x_min=1, x_max=1, sparsity=1, n_atoms=tests, noise=0
        )
        return ProbabilisticBound().evaluate(layer).unclipped - 1

    edge = scipy.optimize.brentq(excess, 0.05, 0.2, xtol=1e-17, rtol=1e-14)
    assert edge == exactly(needed)
    assert excess(0.999 * float(needed)) < 0 < excess(1.001 * float(needed))
    assert excess(float(floor)) > 0  # so the bound is empty for all filters of this geometry


def test_recursion():
    row = rows.RECURSION
    layer = statistics(row.inputs)
    assert propagated_noise(layer, layer.noise, 0.5) == exactly(row.value)


def test_a_geometry_without_surplus_of_atoms_has_no_welch_floor():
    wide = CirculantDictionary(filters.gaussian(3, 3, 5, rng=0), extent=16)
    assert wide.welch_floor() == 0
