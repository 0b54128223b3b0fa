"""Declared constants: they hold for every pattern of the signs, and no larger ones are needed."""

import itertools

import attrs
import numpy as np
import pytest

import dcsc
from dcsc import bounds
from dcsc.dictionaries import filters
from dcsc.errors import DcscError

ROUNDING = 1e-12
UNIT = 3**-0.5


@pytest.fixture(scope="module")
def deep():
    """Return a model of two layers, and codes of two columns with six non-zeros in all."""
    below = dcsc.CirculantDictionary(filters.gaussian(4, 5, 2, rng=0), extent=8)
    above = dcsc.CirculantDictionary(filters.sparse_rademacher(3, 4, 3, 3, rng=0), extent=8)
    model = dcsc.DCSCModel(
        [dcsc.Layer(below, dcsc.HardThreshold(0.2)), dcsc.Layer(above, dcsc.HardThreshold(0.5))]
    )
    x = np.zeros((2, *above.code_shape))
    x[0, 0, 1], x[0, 1, 2], x[0, 2, 2], x[0, 0, 3] = 1, -1, 1, 2
    x[1, 1, 0], x[1, 1, 1] = -1, 1
    return model, x


def pathways(model, x):
    """Yield the pathway of every pattern of the signs that changes a code below the deepest one."""
    support = np.argwhere((x != 0).any(axis=0))
    below, above = (layer.dictionary.code_shape for layer in model.layers)
    for pattern in itertools.product((-1.0, 1.0), repeat=len(support)):
        signs = np.ones(above)
        signs[tuple(support.T)] = pattern
        drawn = [np.ones(below), signs]
        yield dcsc.DCSCModel(
            [
                attrs.evolve(layer, signs=dcsc.FixedSigns(own, law=layer.signs))
                for layer, own in zip(model.layers, drawn, strict=True)
            ]
        ).synthesize(x)


def test_every_draw_keeps_to_them(deep):
    model, x = deep
    declared = bounds.declare(model, x, x_min=[UNIT, 1])
    loose = [
        attrs.evolve(layer, x_min=layer.x_min * (1 - ROUNDING), x_max=layer.x_max * (1 + ROUNDING))
        for layer in declared
    ]
    count = 0
    for truth in pathways(model, x):
        measured = [layer.statistics() for layer in bounds.measure(model, truth)]
        for mine, found in zip(loose, measured, strict=True):
            assert mine.admits(found)
        count += 1
    assert count == 2**6


def test_they_are_reached(deep):
    """Over all draws the largest entry, stripe and patch are those declared; by the definition."""
    model, x = deep
    lower, upper = bounds.declare(model, x, x_min=[UNIT, 1])
    below, above = (layer.dictionary for layer in model.layers)
    codes = np.array([truth[1] for truth in pathways(model, x)])
    assert lower.x_max == pytest.approx(np.abs(codes).max(), rel=1e-12)
    assert lower.sparsity == below.stripe_sparsity(codes).max()
    assert lower.patch_sparsity == above.patch_sparsity(codes).max()
    assert lower.x_min == UNIT
    assert np.abs(codes[codes != 0]).min() == pytest.approx(UNIT, rel=1e-12)
    assert (upper.x_min, upper.x_max) == (1, 2)
    assert upper.sparsity == above.stripe_sparsity(x).max()


def test_what_they_say_of_themselves(deep):
    model, x = deep
    lower, upper = bounds.declare(model, x, x_min=[UNIT, 1], noise=0.25)
    assert not lower.measured
    assert not upper.measured
    assert (lower.noise, upper.noise) == (0.25, None)
    assert not lower.nonnegative
    assert not upper.nonnegative
    _, upper = bounds.declare(model, np.abs(x), x_min=[UNIT, 1])
    assert upper.nonnegative
    assert lower.coherence == pytest.approx(model.layers[0].dictionary.mutual_coherence())
    assert lower.selection.threshold == 0.2
    assert upper.selection.threshold == 0.5


def test_guarantees_from_them_are_not_conditional(deep):
    """On the measured constants of one pathway they are."""
    model, x = deep
    declared = bounds.declare(model, x, x_min=[UNIT, 1])
    assert not dcsc.UniformBound().evaluate(declared).conditional
    truth = model.draw(0).synthesize(x)
    measured = bounds.measure(model, truth)
    assert dcsc.UniformBound().evaluate(measured).conditional


def test_drawn_or_not(deep):
    model, x = deep
    assert bounds.declare(model, x, [UNIT, 1]) == bounds.declare(model.draw(3), x, [UNIT, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_min": [1]}, "declare: x_min: expected 2 numbers, one per layer, got [1.0]"),
        ({"x_min": [1, -1]}, "declare: x_min: expected at least 0, got -1"),
        ({"x_min": ["a", 1]}, "declare: x_min: expected a real number, got 'a'"),
        ({"codes": np.zeros((2, 2))}, "declare: codes: expected shape"),
        ({"codes": [[np.nan]]}, "declare: codes: expected finite numbers, got nan at (0, 0)"),
    ],
)
def test_what_cannot_be_declared(deep, change, said):
    model, x = deep
    with pytest.raises(DcscError) as error:
        bounds.declare(model, **{"codes": x, "x_min": [UNIT, 1], **change})
    assert str(error.value).startswith(said)


def test_a_floor_above_an_entry_lifts_it(deep):
    """An entry below the floor cannot be there, so its size counts as the floor."""
    model, x = deep
    lower, upper = bounds.declare(model, x, x_min=[5, 1])
    assert (lower.x_min, lower.x_max) == (5, 5)
    assert (upper.x_min, upper.x_max) == (1, 2)
