"""The analysis of networks: against enumeration, dense matrices and plain numpy."""

import itertools
import json

import attrs
import numpy as np
import pytest

from dcsc import (
    DcscError,
    IdentitySigns,
    InstanceBound,
    LayerInstance,
    LayerStatistics,
    RademacherSigns,
    ReLU,
    ToeplitzDictionary,
)
from dcsc.dictionaries import filters
from dcsc.networks import load, operations
from dcsc.networks.analysis import (
    Inputs,
    Limits,
    analyze,
    margins,
    receptive_model,
    resynthesize,
    shipped_inputs,
    stack,
)
from dcsc.networks.analysis import filters as own_filters
from dcsc.networks.analysis.codes import CLASSES, _of_class
from dcsc.networks.analysis.filters import coherence, roomy
from dcsc.networks.shipped import digits_network_path
from tests.networks.chains import FEW, convolve, layer, network, shown

# ---- safety ----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[0, 1])
def small(request):
    """A layer with atoms cut off at the border, and a code with few enough units for all signs."""
    taps = filters.gaussian(2, 1, 3, rng=request.param)
    dictionary = ToeplitzDictionary(taps, extent=5, padding=1)
    rng = np.random.default_rng(request.param)
    code = np.zeros(dictionary.code_shape)
    code.flat[rng.choice(code.size, 5, replace=False)] = rng.uniform(1, 3, 5)
    return dictionary, code


def worst_cases(dictionary, code, tau, noise):
    """Return the least margin of each unit over all signs, and how often it comes out wrong.

    The error is the worst one of its norm, along the atom.
    """
    matrix = dictionary.to_sparse().toarray()
    norms = np.linalg.norm(matrix, axis=0)
    flat = code.ravel()
    least, wrong = np.full(flat.size, np.inf), np.zeros(flat.size)
    patterns = list(itertools.product([-1.0, 1.0], repeat=int(np.count_nonzero(flat))))
    for pattern in patterns:
        signed = flat.copy()
        signed[flat > 0] *= pattern
        seen = matrix.T @ (matrix @ signed)
        for k in range(flat.size):
            if flat[k] > 0:
                own = np.sign(signed[k]) * seen[k] - noise * norms[k] - tau
            else:
                own = tau - seen[k] - noise * norms[k]
            least[k] = min(least[k], own)
            wrong[k] += own <= 0
    return least, wrong / len(patterns)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_margins_are_the_worst_case_over_all_signs(small, noise):
    dictionary, code = small
    least, wrong = worst_cases(dictionary, code, 0.4, noise)
    found = margins(dictionary, code, np.full(2, 0.4), np.arange(code.size), noise)
    # an inactive unit meets its signs both ways round, so that both extremes occur
    np.testing.assert_allclose(found.margin, least, rtol=1e-10, atol=1e-12)
    assert (found.safe == (least > 0)).all()
    assert 0 < found.safe.sum() < code.size
    assert (found.probability >= wrong - 1e-12).all()
    assert (found.probability[found.safe] == 0).all()


def test_probabilities_are_those_of_the_instance_bound(small):
    dictionary, code = small
    instance = LayerInstance(dictionary, code, noise=0.05, selection=ReLU(0.4).selection)
    expected = InstanceBound("chernoff").atoms(instance).ravel()
    found = margins(dictionary, code, np.full(2, 0.4), np.arange(code.size), 0.05)
    np.testing.assert_allclose(found.probability, expected, rtol=1e-9, atol=1e-300)


def test_shares_of_safe_units():
    """Orthogonal filters, so that noise alone decides: β = 1, coefficients 1.2 and 3."""
    steps = (operations.Convolve(np.eye(2)[:, :, None], -np.ones(2)), operations.Relu())
    signal = np.array([[[1.2, 3.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]]])
    found = analyze(network(*steps), Inputs("x", {"input": signal}), noise=0.1)
    facts = found.layers[0].safety
    assert facts.noise == pytest.approx(0.3)  # of the largest patch norm, 3
    assert facts.steady == pytest.approx(2 / 3)  # 1.2 exceeds 1 by 0.2 only
    assert facts.on == 1  # β/2 = 0.5 is 0.7 below 1.2
    assert facts.off == 1
    assert facts.looked_at == (3, 5)


# ---- filters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "channels", "kernel", "more"),
    [
        (5, 2, (4,), {"stride": (1,)}),
        (4, 1, (5,), {"stride": (2,)}),
        (3, 2, (3, 2), {"stride": (2, 1)}),
        (3, 1, (3,), {"stride": (1,), "dilation": (2,)}),
        (4, 2, (3,), {"stride": (1,), "groups": 2}),
        (2, 3, (2,), {"stride": (3,)}),
    ],
)
def test_coherence_is_that_of_a_large_matrix(n, channels, kernel, more):
    taps = filters.gaussian(n, channels, kernel, rng=1)
    found = coherence(roomy(taps, **more))
    large = ToeplitzDictionary(taps, extent=tuple(14 for _ in kernel), **more)
    matrix = large.to_sparse().toarray()
    gram = matrix.T @ matrix
    np.fill_diagonal(gram, 0)
    assert found.value == pytest.approx(np.abs(gram).max(), rel=1e-12)
    # the pair, at its shift, is what it says
    i, j = found.filters
    place = [6 // s for s in large.stride]
    there = [p + d // s for p, d, s in zip(place, found.shift, large.stride, strict=True)]
    atoms = [np.ravel_multi_index((f, *p), large.code_shape) for f, p in ((i, place), (j, there))]
    assert abs(gram[tuple(atoms)]) == pytest.approx(found.value, rel=1e-12)
    assert roomy(taps, **more).welch_floor() <= found.value


def test_positive_biases_and_dead_filters_are_named():
    weight = np.random.default_rng(0).normal(size=(4, 2, 3))
    weight[1] = 0
    steps = (operations.Convolve(weight, [-1.0, -1.0, 0.5, -2.0]), operations.Relu())
    found = analyze(network(*steps), shown(5, 2, 12), limits=FEW)
    facts = found.layers[0].filters
    assert facts.always_on == (2,)
    assert facts.dead == (1,)
    assert facts.leaves_zeros
    assert facts.threshold[2] == pytest.approx(-0.5 / np.linalg.norm(weight[2]))
    coded = found.layers[0].coded
    seen = coded.dictionary.analyze(coded.signals)
    assert (coded.on[:, 2] == (seen[:, 2] > facts.threshold[2])).all()
    expected = (coded.on & (seen <= 0)).sum() / coded.on.sum()
    assert found.layers[0].codes.outside == pytest.approx(expected)
    assert expected > 0
    assert (coded.codes[:, 2] >= 0).all()


@pytest.mark.parametrize(
    "activation", [operations.LeakyRelu(0.1), operations.PRelu([0.2]), operations.Relu()]
)
def test_units_that_are_on_are_those_above_the_threshold(activation):
    steps = (convolve(3, 2, (3,), -0.5), activation)
    found = analyze(network(*steps), shown(4, 2, 12), limits=FEW)
    (one,) = found.layers
    assert one.filters.leaves_zeros == isinstance(activation, operations.Relu)
    assert (one.coded.on == (network(*steps).forward(shown(4, 2, 12).values)["v1"] > 0)).all()


# ---- codes and theorems ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return analyze(load(digits_network_path("incoherent")), shipped_inputs(), limits=FEW)


def test_codes_are_the_activations(digits):
    found = load(digits_network_path("incoherent")).forward(
        shipped_inputs().first(6).values["input"].astype(float)
    )
    for one, reached in zip(digits.layers, found.layers, strict=True):
        code = found[reached.convolution.code]
        density = (code > 0).reshape(6, -1).mean(axis=1)
        assert one.codes.density == pytest.approx(density)
        assert one.codes.silent == (~(code > 0).any(axis=0)).sum()
        assert one.codes.sparsity == tuple(one.coded.dictionary.stripe_sparsity(code))


def test_statistics_are_those_of_each_code_alone(digits):
    for one in digits.layers:
        for code, found in zip(one.coded.codes, one.coded.statistics(), strict=True):
            selection = ReLU(code[code > 0].min() / 2).selection
            alone = LayerInstance(one.coded.dictionary, code, selection=selection)
            expected = attrs.asdict(alone.statistics(babel=False), recurse=False)
            given = attrs.asdict(found, recurse=False)
            for name in ("threshold", "gain"):
                assert expected.pop(name) == pytest.approx(given.pop(name))
            assert given == expected


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("inputs", [1, 2, 7, 20])
def test_the_sparsity_that_a_theorem_allows_is_the_median_over_the_inputs(name, inputs):
    rng = np.random.default_rng(inputs)
    statistics = [
        LayerStatistics(
            coherence=0.01,
            x_min=x_min,
            x_max=x_min * rng.uniform(1, 9),
            sparsity=int(rng.integers(1, 40)),
            n_atoms=1000,
            stripe_size=400,
            selection=ReLU(x_min / 2).selection,
            nonnegative=True,
            measured=True,
        )
        for x_min in rng.uniform(0.1, 10, inputs).tolist()
    ]
    each = [CLASSES[name].max_sparsity(one, 0.01) for one in statistics]
    assert inputs < 7 or len(set(each)) > 3
    middle = sorted(-1 if one is None else one for one in each)[(inputs - 1) // 2]
    assert _of_class(name, CLASSES[name], statistics).allowed == (None if middle < 0 else middle)


def test_an_input_that_switches_nothing_on_is_left_out():
    steps = (convolve(3, 2, (3,), -1.0), operations.Relu())
    values = np.concatenate([np.zeros((1, 2, 12)), shown(2, 2, 12).values["input"]])
    found = analyze(network(*steps), Inputs("x", {"input": values}), limits=FEW)
    assert found.layers[0].codes.density[0] == 0
    assert {theorem.of for theorem in found.layers[0].theorems} == {2}
    silent = analyze(network(*steps), Inputs("x", {"input": values[:1]}), limits=FEW)
    assert {theorem.reason for theorem in silent.layers[0].theorems} == {"no unit is on"}
    assert silent.layers[0].safety.steady is None
    assert all(one.alone is None for one in silent.layers[0].resynthesis)
    json.dumps(silent.numbers(), allow_nan=False)


def test_what_holds_is_said_of_the_incoherent_layer(digits):
    assert [t.holds for t in digits.layers[2].theorems] == [4] * 5
    assert [t.holds for t in digits.layers[0].theorems] == [0] * 5
    assert digits.layers[2].theorems[0].allowed == digits.layers[2].codes.stripe_size


def test_what_would_take_too_long_is_left_out_and_said():
    inputs, little = shown(3, 2, 30), attrs.evolve(FEW, products=10.0)
    (one,) = analyze(
        network(convolve(3, 2, (3,), -0.5), operations.Relu()), inputs, limits=little
    ).layers
    assert one.filters.own is one.filters.dense is one.filters.random is None
    assert all("too long" in theorem.reason for theorem in one.theorems)
    assert one.resynthesis == ()
    assert one.codes is not None


# ---- resynthesis -----------------------------------------------------------------------------


def test_resynthesis_without_signs_is_two_products_with_the_matrix():
    rng = np.random.default_rng(3)
    dictionary = ToeplitzDictionary(filters.gaussian(3, 1, 3, rng=3), extent=8, padding=1)
    codes = rng.uniform(0.5, 2, (4, *dictionary.code_shape)) * (rng.random((4, 3, 8)) < 0.3)
    one = layer(codes, dictionary, [0.4, 0.5, -0.2])
    matrix = dictionary.to_sparse().toarray()
    tau = np.repeat([0.2, 0.25, 0.0], 8)
    again = codes.reshape(4, -1) @ matrix.T @ matrix > tau
    truth = codes.reshape(4, -1) > 0
    found = resynthesize([one], IdentitySigns(), draws=1)
    assert found.missed == pytest.approx((truth & ~again).sum() / truth.sum())
    assert found.found == pytest.approx(1 - found.missed)
    assert found.false_alarms == pytest.approx((again & ~truth).sum() / truth.sum())
    assert found.false_alarms > 0
    assert found.exact == pytest.approx((again == truth).all(axis=1).mean())


def test_resynthesis_of_orthogonal_layers_finds_everything(digits):
    deepest = digits.layers[2].coded
    for signs in (IdentitySigns(), RademacherSigns()):
        found = resynthesize([deepest], signs, draws=2)
        assert (found.found, found.false_alarms, found.exact) == (1, 0, 1)


def test_codes_reach_down_as_far_as_nothing_lies_between():
    pool = operations.MaxPool((2,), stride=(2,))
    steps = (
        convolve(3, 2, (3,), -0.1), operations.Relu(),
        convolve(4, 3, (3,), -0.1, seed=1), operations.Relu(), pool,
        convolve(4, 4, (3,), -0.1, seed=2), operations.Relu(),
    )  # fmt: skip
    found = analyze(network(*steps), shown(3, 2, 20), limits=FEW)
    names = [one.name for one in found.layers]
    assert [one.reach for one in found.layers] == [
        (names[0],), (names[0], names[1]), (names[2],)
    ]  # fmt: skip
    assert found.layers[2].start == "after MaxPool"
    assert [one.resynthesis[0].depth for one in found.layers] == [1, 2, 1]


def test_receptive_fields_hold_whole_atoms(digits):
    coded = {one.name: one.coded for one in digits.layers}
    layers = stack(coded, "conv3")
    model = receptive_model(layers)
    assert model.layers[0].dictionary.signal_shape == (1, 6, 6)
    atom = model.effective_atoms(3, [7])[0]
    codes = np.zeros(layers[-1].dictionary.code_shape)
    codes[7, 0, 0] = 1
    for one in reversed(layers):
        codes = one.dictionary.synthesize(codes)
    np.testing.assert_allclose(codes[:, :6, :6], atom, atol=1e-12)
    assert np.abs(codes).sum() == pytest.approx(np.abs(atom).sum())


# ---- what can be run -------------------------------------------------------------------------


def test_without_inputs_only_the_filters_are_looked_at():
    found = analyze(load(digits_network_path()))
    assert [one.filters.own is not None for one in found.layers] == [True] * 3
    assert all(one.codes is None and one.theorems == () for one in found.layers)
    assert found.inputs is None
    json.dumps(found.numbers(), allow_nan=False)


def test_an_operation_that_cannot_be_run_ends_the_way():
    steps = (
        convolve(3, 2, (3,), -0.1), operations.Relu(),
        operations.Unread("LSTM", "nothing does this"), convolve(2, 3, (3,), -0.1),
    )  # fmt: skip
    found = analyze(network(*steps), shown(3, 2, 20), limits=FEW)
    assert [one.codes is not None for one in found.layers] == [True, False]
    assert "LSTM" in found.stops[0]


def test_a_fixed_batch_is_run_in_several_passes():
    steps = (convolve(3, 2, (3,), -0.1), operations.Relu())
    whole = network(*steps)
    (fixed_input,) = whole.inputs
    graph = attrs.evolve(whole.graph, inputs=(attrs.evolve(fixed_input, shape=(1, 2, None)),))
    fixed = attrs.evolve(whole, graph=graph)
    first, second = (analyze(one, shown(4, 2, 20), limits=FEW) for one in (whole, fixed))
    assert first.numbers() == second.numbers()
    pairs = attrs.evolve(graph, inputs=(attrs.evolve(fixed_input, shape=(3, 2, None)),))
    with pytest.raises(DcscError, match=r"multiple of the batch size 3.*got 4"):
        analyze(attrs.evolve(whole, graph=pairs), shown(4, 2, 20), limits=FEW)


def test_classes_with_one_member_leave_no_nan():
    labels = np.array([0, 0, 1])
    steps = (convolve(3, 2, (3,), -0.1), operations.Relu())
    found = analyze(network(*steps), shown(3, 2, 20, labels=labels), limits=FEW)
    assert np.isnan(found.overlap.matrices).any()
    numbers = found.numbers()
    assert numbers["overlap"]["matrices"][0][1][1] is None
    assert numbers["limits"]["inputs"] == 6
    json.dumps(numbers, allow_nan=False)


def test_a_network_without_convolutions_is_refused():
    with pytest.raises(DcscError, match="expected convolutions, found none"):
        analyze(network(operations.Relu()))


def test_layers_that_no_input_reaches_have_no_codes():
    nothing = operations.Slice(((0,), (0,), (0,)))
    net = network(nothing, convolve(3, 2, (3,), -0.1), operations.Relu())
    (facts,) = analyze(net, shown(4, 2, 9), limits=FEW).layers
    assert facts.codes is None
    assert facts.filters.own is not None


def test_nothing_is_proved_where_no_input_is_to_be():
    network = load(digits_network_path())
    found = analyze(network, shipped_inputs().first(2), limits=Limits(proved=0, resynthesized=0))
    for facts in found.layers:
        assert facts.partial is None
        assert not any(theorem.of for theorem in facts.theorems)
        assert facts.safety.looked_at == (0, 0)


@pytest.mark.parametrize("large", [0, 2**60])
@pytest.mark.parametrize("groups", [1, 3])
def test_random_coherence_is_the_median_of_twins(groups, large, monkeypatch):
    monkeypatch.setattr(own_filters, "_LARGE", large)
    own_filters._random_coherence.cache_clear()
    layer = own_filters.roomy(filters.gaussian(6, 2, (3, 2), rng=9), (2, 1), (1, 2), groups)
    twins = [own_filters.random_twin(layer, seed).mutual_coherence() for seed in range(5)]
    assert own_filters._random_coherence((6, 2, 3, 2), (2, 1), (1, 2), groups, 5) == pytest.approx(
        np.median(twins), rel=1e-12
    )
    assert own_filters._random_coherence((6, 2, 3, 2), (2, 1), (1, 2), groups, 0) is None
    own_filters._random_coherence.cache_clear()
