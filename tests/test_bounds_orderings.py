"""What the theory orders, property by property; the other orderings stand with their bounds."""

import math

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.bounds import (
    InstanceBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
)
from dcsc.bounds.tails import Exact, Lattice
from tests import strategies
from tests.test_instance_bound import levels, problems, random_problem, thresholds


@given(strategies.statistics(), st.floats(-4, 0))
def test_the_robust_bound_is_at_most_root_e_times_the_published_one(given_, less):
    layer = attrs.evolve(given_, coherence=given_.coherence * 10**less)
    robust, published = (bound().evaluate(layer) for bound in (RobustBound, ProbabilisticBound))
    assert robust.unclipped <= math.sqrt(math.e) * published.unclipped * (1 + 1e-9)


def test_root_e_is_attained():
    # (t + ζ)² / (σ² + ζ²) = t² / σ² + 1 where tζ = σ²
    noise, margin = 0.004, 0.496
    layer = LayerStatistics(
        coherence=math.sqrt(noise * margin / 5),
        sparsity=5,
        x_min=1,
        x_max=1,
        noise=noise,
        n_atoms=1000,
    )
    robust, published = (bound().evaluate(layer) for bound in (RobustBound, ProbabilisticBound))
    assert robust.unclipped == pytest.approx(math.sqrt(math.e) * published.unclipped, rel=1e-9)


@pytest.mark.parametrize("bins", [4, 50, 1000])
@settings(max_examples=30)
@given(problems, thresholds, levels)
def test_the_lattice_has_the_exact_value_between_its_ends(bins, problem, threshold, level):
    dictionary, _, code = random_problem(*problem)
    layer = LayerInstance(dictionary, code.reshape(dictionary.code_shape), threshold, level)
    exact, lattice = (
        InstanceBound(tail, tolerance=0).evaluate(layer) for tail in (Exact(), Lattice(bins))
    )
    assert lattice.lower <= exact.lower * (1 + 1e-12)
    assert exact.unclipped <= lattice.unclipped * (1 + 1e-12)
    assert exact.lower <= exact.unclipped * (1 + 1e-12)
