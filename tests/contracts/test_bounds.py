"""The laws of bounds: each bound keeps them, and `check_bound` finds out who does not."""

import math
import re

import attrs
import numpy as np
import pytest

from dcsc.bounds import (
    BasisPursuitBound,
    BoundCalculator,
    DualBound,
    Guarantee,
    InstanceBound,
    LayerGuarantee,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.errors import ContractError, DcscError
from dcsc.pursuits import BasisPursuit
from dcsc.testing import check_bound
from tests import cases

every_bound = pytest.mark.parametrize(
    "bound",
    [make(None) for make in cases.BOUNDS.values()],
    ids=[kind.__name__ for kind in cases.BOUNDS],
)
of_little_cost = pytest.mark.parametrize(
    "bound",
    [UniformBound(), ProbabilisticBound(), RobustBound()],
    ids=lambda bound: type(bound).__name__,
)


@every_bound
def test_laws(bound):
    report = check_bound(bound, rng=0)
    if isinstance(bound, DualBound):  # it refuses the noise that these layers have
        assert report.covered == 0
        assert "any law on random layers" in report.untested[0]
        return
    assert report.covered == report.layers
    if not bound.pursuits:  # it speaks of no pursuit that could be run
        assert report.enumerated is None
        return
    assert report.enumerated.covered == report.enumerated.layers
    assert report.enumerated.informative  # a guarantee of 1 proves nothing


@of_little_cost
def test_laws_on_more_layers(bound):
    check_bound(bound, rng=1)


@attrs.frozen
class Distorted(BoundCalculator):
    """A good bound that is told a wrong constant."""

    name: str
    distort: object
    truth: BoundCalculator

    def _evaluate(self, layers):
        changed = []
        for layer in layers:
            value = getattr(layer, self.name)
            wrong = value if value is None else self.distort(value)
            changed.append(attrs.evolve(layer, **{self.name: wrong}))
        return self.truth.evaluate(changed)


FAULTS = {
    "sparsity": lambda value: 200 // (value + 1),
    "coherence": lambda value: 5e-5 / value,
    "noise": lambda value: max(0.6 - value, 0),
    "n_atoms": lambda value: 10**6 // value,
    "n_samples": lambda value: 60 // value,
    "patch_sparsity": lambda value: 12 // value,
}


@of_little_cost
@pytest.mark.parametrize("name", FAULTS)
def test_a_bound_that_falls_where_it_should_rise_is_found(bound, name):
    if name in {"n_atoms", "n_samples"} and isinstance(bound, UniformBound):
        pytest.skip("the uniform guarantee never asks how many atoms there are")
    faulty = Distorted(name, FAULTS[name], bound)
    with pytest.raises(AssertionError, match=f"Distorted breaks the law 'rises with {name}'") as it:
        check_bound(faulty)
    # On one line, with the layers as calls that make them again.
    value, layers, other, number, worse = re.fullmatch(
        r".*?': (\S+) for (.*), (\S+) with layer (\d+) as (.*)", str(it.value)
    ).groups()
    one, another = [eval(f"[{calls}]") for calls in (layers, worse)]
    assert faulty.evaluate(one).failure_probability == float(value)
    one[int(number) - 1 : int(number)] = another
    assert faulty.evaluate(one).failure_probability == float(other) < float(value)


@attrs.frozen
class Confused(BoundCalculator):
    """A good bound that is told wrong sizes of the codes."""

    sizes: object
    truth: BoundCalculator

    def _evaluate(self, layers):
        sizes = [self.sizes(layer.x_min, layer.x_max) for layer in layers]
        return self.truth.evaluate(
            [
                attrs.evolve(layer, x_min=low, x_max=high)
                for layer, (low, high) in zip(layers, sizes, strict=True)
            ]
        )


@of_little_cost
def test_a_bound_that_confuses_the_sizes_of_the_codes_is_found(bound):
    with pytest.raises(AssertionError, match="'falls with x_min'"):
        check_bound(Confused(lambda low, high: (max(0.5 - low, 0.1), high), bound))
    with pytest.raises(AssertionError, match="'rises with x_max'"):
        check_bound(Confused(lambda low, high: (min(low, 1), 3 / high), bound))


@attrs.frozen
class Constant(BoundCalculator):
    """A bound with one answer."""

    value: float

    def _evaluate(self, layers):
        return Guarantee(tuple(LayerGuarantee(self.value, (0, 1), 0) for _ in layers), "", "")


@pytest.mark.parametrize("value", [-0.5, -1e-9, -math.inf])
def test_what_is_no_probability_is_found(value):
    with pytest.raises(AssertionError, match=r"'failure_probability lies in \[0, 1\]'"):
        check_bound(Constant(value))


def test_no_bound_exceeds_1():
    layer = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1)
    for value in (1.0, 7.0, math.inf, math.nan):
        guarantee = Constant(value).evaluate([layer] * 2)
        assert guarantee.failure_probability == 1
        assert guarantee.unclipped == pytest.approx(2 * value, nan_ok=True)
        assert not guarantee.holds
    report = check_bound(Constant(7.0))  # says nothing, and breaks no law
    assert report.enumerated.informative == 0
    assert "no guarantee for a small layer is below 1" in str(report)


@attrs.frozen
class Misplaced(BoundCalculator):
    """A good bound with a wrong largest sparsity."""

    shift: float | None

    def _evaluate(self, layers):
        return RobustBound().evaluate(layers)

    def max_sparsity(self, statistics, failure_probability=0.01):
        right = RobustBound().max_sparsity(statistics, failure_probability)
        return None if right is None or self.shift is None else max(right + self.shift, 0)


@pytest.mark.parametrize("shift", [1, -1, 10, None])
def test_a_largest_sparsity_that_is_off_is_found(shift):
    with pytest.raises(AssertionError, match="'max_sparsity meets δ, and one more does not'"):
        check_bound(Misplaced(shift))


def test_a_largest_sparsity_without_end_is_found():
    with pytest.raises(AssertionError, match="'max_sparsity meets δ, and one more does not'"):
        check_bound(Misplaced(math.inf))


def test_a_well_placed_largest_sparsity_passes():
    check_bound(Misplaced(0))


class Instance(BoundCalculator):
    """A bound for given codes, with one thing wrong."""

    needs_instances = True

    def _evaluate(self, layers):
        return InstanceBound().evaluate(layers)


class Quieter(Instance):
    def _evaluate(self, layers):
        return InstanceBound().evaluate(
            attrs.evolve(layers[0], noise=max(0.2 - layers[0].noise, 0))
        )


class Negative(Instance):
    def _evaluate(self, layers):
        return Constant(-0.5)._evaluate(layers)


@attrs.frozen
class Loud(Instance):
    """It names another largest noise."""

    factor: float

    def max_noise(self, statistics, failure_probability=0.01):
        right = super().max_noise(statistics, failure_probability)
        return None if right is None or self.factor == 0 else right * self.factor


@pytest.mark.parametrize(
    ("faulty", "law"),
    [
        (Quieter(), "rises with noise"),
        (Negative(), r"failure_probability lies in \[0, 1\]"),
        *(
            (Loud(factor), "max_noise meets δ, and a little more does not")
            for factor in (0, 0.9, 1.1)
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_bound_for_given_codes_that_breaks_a_law_is_found(faulty, law):
    with pytest.raises(AssertionError, match=rf"^{type(faulty).__name__} .*{law}.*LayerInstance\("):
        check_bound(faulty)


def test_a_bound_for_given_codes_that_breaks_none_passes():
    check_bound(Instance())


@pytest.mark.parametrize("answer", [None, 0.5, "one layer too few"])
def test_the_hook_returns_a_guarantee_of_every_layer(answer):
    class Careless(BoundCalculator):
        def _evaluate(self, layers):
            short = answer == "one layer too few"
            return Constant(0.5)._evaluate(layers[1:]) if short else answer

    layer = LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1)
    with pytest.raises(ContractError, match=r"Careless\._evaluate: expected a Guarantee of 1"):
        Careless().evaluate(layer)


def test_a_bound_of_ones_own_gets_the_rest_for_free():
    class Plain(BoundCalculator):
        """Each non-zero beyond the tenth costs a percent."""

        def _evaluate(self, layers):
            parts = [
                LayerGuarantee(max(layer.need("sparsity") - 10, 0) / 100, (0, 1), 0)
                for layer in layers
            ]
            return self._guarantee(layers, parts)

    layer = LayerStatistics(coherence=0.1, x_min=1, x_max=1)
    assert [Plain().max_sparsity(layer, delta) for delta in (0, 0.01, 0.5, 1)] == [10, 11, 60, 109]
    assert Plain().max_sparsity(attrs.evolve(layer, stripe_size=7)) == 7
    assert Plain().evaluate(attrs.evolve(layer, sparsity=12)).bound == "Plain"
    with pytest.raises(DcscError, match="Plain: failure_probability"):
        Plain().max_sparsity(layer, 2)
    assert (
        Plain().evaluate([attrs.evolve(layer, sparsity=np.int64(30))] * 6).failure_probability == 1
    )


# ---- is it true? ---------------------------------------------------------------------------------


@attrs.frozen
class Scaled(BoundCalculator):
    """A good bound times a factor: every law of order holds."""

    truth: BoundCalculator
    factor: float

    @property
    def needs_instances(self):
        return self.truth.needs_instances

    def _evaluate(self, layers):
        right = self.truth.evaluate(layers)
        parts = [
            attrs.evolve(part, unclipped=self.factor * part.unclipped) for part in right.layers
        ]
        return attrs.evolve(right, layers=tuple(parts))


@pytest.mark.parametrize(
    ("truth", "factor"),
    [
        (ProbabilisticBound(), 1e-6),
        (RobustBound(), 1e-6),
        (RobustBound(), 1 / 100),
        (InstanceBound(), 1 / 2),
    ],
)
def test_a_bound_that_is_false_by_a_factor_is_found(truth, factor):
    false = Scaled(truth, factor)
    with pytest.raises(AssertionError, match="Scaled breaks the law 'the failure probability is"):
        check_bound(false)
    report = check_bound(false, enumerate=False)
    assert report.enumerated is None
    assert "whether it is true" in report.untested


class Generous(UniformBound):
    """It holds for twice as many non-zeros."""

    def _evaluate(self, layers):
        half = [attrs.evolve(layer, sparsity=layer.need("sparsity") // 2) for layer in layers]
        return UniformBound().evaluate(half)


def test_a_uniform_bound_for_too_many_non_zeros_is_found():
    with pytest.raises(AssertionError, match="Generous breaks the law 'the failure probability is"):
        check_bound(Generous())


class Optimist(BoundCalculator):
    """It holds for twice as many non-zeros, and with another pursuit than the forward pass."""

    pursuits = (BasisPursuit,)

    def _evaluate(self, layers):
        half = [attrs.evolve(layer, sparsity=layer.need("sparsity") // 2) for layer in layers]
        return BasisPursuitBound().evaluate(half)


def test_a_bound_of_another_pursuit_for_too_many_non_zeros_is_found():
    with pytest.raises(AssertionError, match="Optimist breaks the law 'the failure probability is"):
        check_bound(Optimist())


class Boastful(Instance):
    """It says that more fails than does."""

    def _evaluate(self, layers):
        right = InstanceBound().evaluate(layers)
        parts = [attrs.evolve(part, lower=min(2 * part.lower, 1)) for part in right.layers]
        return attrs.evolve(right, layers=tuple(parts))


def test_a_lower_bound_that_is_too_high_is_found():
    with pytest.raises(AssertionError, match="Boastful breaks the law 'lower is at most"):
        check_bound(Boastful())


class Choosy(BoundCalculator):
    """It covers nothing that it is shown."""

    def _evaluate(self, layers):
        raise self._refuse(1, "it is Tuesday")


def test_what_is_not_covered_is_said():
    report = check_bound(Choosy())
    assert (report.covered, report.enumerated.covered) == (0, 0)
    lines = str(report).splitlines()
    assert lines[0].startswith("0 of 100 random sets of layers are covered")
    assert "any law on random layers, since it covers none of them" in lines[-1]
    assert "since it covers none of the small layers" in lines[-1]


class Broken(BoundCalculator):
    def _evaluate(self, layers):
        return None + 1


def test_an_exception_of_the_hook_names_the_class_and_the_layers():
    with pytest.raises(AssertionError, match=r"^Broken.*LayerStatistics\(.*raised TypeError"):
        check_bound(Broken())


class BrokenOnInstances(Instance):
    def _evaluate(self, layers):
        if layers[0].threshold is None:
            raise KeyError("no threshold")
        return super()._evaluate(layers)


def test_an_exception_on_a_small_layer_names_the_law_too():
    with pytest.raises(AssertionError, match=r"BrokenOnInstances breaks the law.*raised KeyError"):
        check_bound(BrokenOnInstances())


def test_a_class_is_no_bound():
    with pytest.raises(DcscError, match="check_bound: bound: expected a BoundCalculator"):
        check_bound(RobustBound)
