"""The laws of pursuits and of pathway pursuits, and faults that the check must find."""

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dcsc import DCSCModel, Layer
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.errors import ContractError, DcscError, NotCoveredError
from dcsc.experiments import simulate
from dcsc.projections import (
    BatchTopK,
    FirmThreshold,
    GroupHardThreshold,
    GroupMax,
    GroupSoftThreshold,
    HardThreshold,
    JumpReLU,
    PositionTopK,
    ReLU,
    SoftThreshold,
    StripeProjection,
    StripeTopK,
    TopK,
)
from dcsc.pursuits import (
    HardThresholdingPursuit,
    Holistic,
    Layered,
    OneStep,
    ProximalGradient,
    Pursued,
    Pursuit,
)
from dcsc.signs import IdentitySigns, RademacherSigns
from dcsc.testing import check_pursuit
from tests import cases, strategies

DICTIONARIES = {
    "circle": CirculantDictionary(filters.gaussian(3, 2, 3, rng=1), extent=11),
    "stride": CirculantDictionary(filters.gaussian(5, 1, (3, 2), rng=2), (4, 6), stride=(2, 1)),
    "groups": CirculantDictionary(filters.gaussian(4, 1, 3, rng=3), extent=9, dilation=2, groups=2),
    "border": ToeplitzDictionary(filters.gaussian(3, 1, 4, rng=4), extent=9, padding=2, stride=2),
    "dense": DenseDictionary(np.random.default_rng(5).standard_normal((6, 9))),
    "float32": CirculantDictionary(filters.gaussian(2, 1, 3, rng=6).astype(np.float32), extent=7),
}
PROJECTIONS = {
    "soft": SoftThreshold(0.3),
    "hard": HardThreshold(0.3),
    "relu": ReLU(0.2),
    "jump": JumpReLU(0.3),
    "top": TopK(3),
    "stripe": StripeProjection(2),
    "firm": FirmThreshold(0.3, 0.6),
    "group hard": GroupHardThreshold(0.5),
    "group soft": GroupSoftThreshold(0.5),
    "group max": GroupMax(2),
    "position": PositionTopK(1),
}


def signals_for(dictionary, count=3, seed=0):
    return strategies.normal((count, *dictionary.signal_shape), seed)


def orthogonal(size=8):
    matrix = np.linalg.qr(strategies.normal((size, size), 0))[0]
    return DenseDictionary(matrix)


# ---- the laws ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dictionary", DICTIONARIES)
@pytest.mark.parametrize("kind", cases.PURSUITS)
@settings(max_examples=3)
@given(data=st.data())
def test_laws(kind, dictionary, data):
    pursuit = data.draw(strategies.pursuits(kind))
    projection = PROJECTIONS[data.draw(st.sampled_from(list(PROJECTIONS)))]
    # It keeps more atoms than there are samples: many codes are least squares, rounding chooses.
    assume(not (kind is HardThresholdingPursuit and isinstance(projection, GroupMax)))
    check_pursuit(pursuit, DICTIONARIES[dictionary], projection, data.draw(strategies.seeds))


@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=PROJECTIONS)
def test_one_gradient_step_of_size_one_is_one_step(projection):
    for dictionary in DICTIONARIES.values():
        signals = signals_for(dictionary)
        one = OneStep()(signals, dictionary, projection)
        step = ProximalGradient(iterations=1, step=1.0)(signals, dictionary, projection)
        np.testing.assert_array_equal(step.code, one.code)
        assert set(step.iterations) == set(one.iterations) == {1}


@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=PROJECTIONS)
def test_on_orthogonal_atoms_the_first_step_is_the_last(projection, accelerate):
    dictionary = orthogonal()
    signals = signals_for(dictionary)
    pursued = ProximalGradient(accelerate, step=1.0)(signals, dictionary, projection)
    one = OneStep()(signals, dictionary, projection)
    np.testing.assert_allclose(pursued.code, one.code, atol=1e-12)


@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=PROJECTIONS)
@pytest.mark.parametrize("name", ["circle", "border", "dense"])
def test_the_objective_never_rises(name, projection, accelerate):
    dictionary = DICTIONARIES[name]
    signals, last = signals_for(dictionary), np.inf
    for iterations in (1, 2, 3, 4, 5, 8, 13, 21):
        pursuit = ProximalGradient(accelerate, iterations)
        code = pursuit(signals, dictionary, projection).code
        axes = tuple(range(1, signals.ndim))
        loss = 0.5 * np.square(signals - dictionary.synthesize(code)).sum(axis=axes)
        objective = loss + projection.penalty(code, dictionary)
        assert (objective <= last + 1e-12 * np.abs(objective)).all()
        last = objective


@pytest.mark.parametrize("projection", [StripeTopK(2), BatchTopK(2)])
def test_what_is_no_proximal_map_is_refused(projection):
    dictionary = DICTIONARIES["circle"]
    with pytest.raises(NotCoveredError, match="is the proximal map of no penalty"):
        ProximalGradient()(signals_for(dictionary), dictionary, projection)
    with pytest.raises(NotCoveredError, match="is the proximal map of no penalty"):
        projection.penalty(np.zeros(dictionary.code_shape), dictionary)


def test_thresholds_for_each_filter_take_part():
    dictionary = DICTIONARIES["circle"]
    signals, each = signals_for(dictionary), SoftThreshold([0.1, 0.3, 5.0])
    code = ProximalGradient()(signals, dictionary, each).code
    # A stationary point: Aᵀ(y − Ax) is β·sign(x) on the support, and at most β off it.
    slope = dictionary.analyze(signals - dictionary.synthesize(code))
    beta = np.array(each.threshold)[:, None]
    on = code != 0
    assert on[:, :2].any()
    np.testing.assert_allclose(slope[on], (beta * np.sign(code))[on], rtol=1e-5)
    assert (np.abs(slope) <= beta * (1 + 1e-5)).all()


def test_a_projection_is_asked_for():
    dictionary = DICTIONARIES["circle"]
    for pursuit in (OneStep(), ProximalGradient()):
        with pytest.raises(DcscError, match="projection: expected one: call pursuit"):
            pursuit(signals_for(dictionary), dictionary)


# ---- pathways ------------------------------------------------------------------------------------


@given(strategies.models(), st.data())
def test_the_forward_pass_is_one_step_a_layer_bit_for_bit(model, data):
    drawn = model.draw(0)
    signal = data.draw(strategies.signals(drawn.layers[0].dictionary))
    guess = drawn.forward(signal, keep_coefficients=True)
    estimate = signal
    for layer, code, coefficients in zip(
        drawn.layers, guess.arrays[1:], guess.coefficients, strict=True
    ):
        seen = layer.operator.analyze(estimate)
        estimate = layer.projection(seen, layer.dictionary)
        np.testing.assert_array_equal(coefficients, seen)
        np.testing.assert_array_equal(code, estimate)
        assert code.dtype == estimate.dtype
    for pursuit in (OneStep(), Layered(OneStep()), Layered([OneStep()] * len(drawn.layers))):
        for code, other in zip(guess, drawn.forward(signal, pursuit=pursuit), strict=True):
            np.testing.assert_array_equal(code, other)


def two_layers(signs=RademacherSigns):
    below = CirculantDictionary(filters.gaussian(6, 2, 5, rng=0), extent=16)
    above = CirculantDictionary(filters.sparse_rademacher(3, 6, 3, nonzeros=3, rng=1), extent=16)
    return DCSCModel([Layer(d, TopK(2), signs()) for d in (below, above)]).draw(0)


@pytest.mark.parametrize("kind", cases.PATHWAY_PURSUITS)
@settings(max_examples=3)
@given(data=st.data())
def test_laws_of_pathway_pursuits(kind, data):
    model = two_layers()
    pursuit = data.draw(strategies.pathway_pursuits(kind))
    signals = strategies.normal((2, 2, *model.layers[0].dictionary.signal_shape), 3)
    kept = signals.copy()
    pathway = model.forward(signals, pursuit=pursuit)
    np.testing.assert_array_equal(signals, kept)
    np.testing.assert_array_equal(pathway[0], signals)
    assert pathway.batch == (2, 2)
    alone = model.forward(signals[1, 0], pursuit=pursuit)
    for code, one in zip(pathway, pursuit(signals[1, 0], model.layers), strict=True):
        np.testing.assert_allclose(code[1, 0], one, atol=1e-9)
    for one, other in zip(alone, pursuit(signals[1, 0], model.layers), strict=True):
        np.testing.assert_array_equal(one, other)
    zeros = model.forward(0 * signals, pursuit=pursuit)
    assert not any(code.any() for code in zeros)
    empty = model.forward(signals[:0], pursuit=pursuit)
    assert [code.shape for code in empty] == [(0, 2, *code.shape[2:]) for code in pathway]


def test_a_holistic_pursuit_solves_for_the_deepest_code_on_unit_atoms():
    model = two_layers()
    atoms = model.effective_atoms(2, np.arange(3 * 16)).reshape(48, -1)
    norms = np.linalg.norm(atoms, axis=1)
    signal = strategies.normal(model.layers[0].dictionary.signal_shape, 4)
    cosines = (atoms @ signal.ravel()) / norms
    best = np.sort(np.argsort(-np.abs(cosines))[:2])
    expected = np.zeros(48)
    expected[best] = (cosines / norms)[best]
    guess = model.forward(signal, pursuit=Holistic(OneStep()))
    np.testing.assert_allclose(guess[2].ravel(), expected, atol=1e-12)
    below = model.layers[1].operator.synthesize(guess[2])
    np.testing.assert_allclose(guess[1], below, atol=1e-12)


def test_a_holistic_pursuit_of_one_layer_is_that_of_the_layer():
    dictionary = DICTIONARIES["circle"]
    layer = Layer(dictionary, SoftThreshold(0.2), IdentitySigns())
    signals = signals_for(dictionary)
    for pursuit in (OneStep(), ProximalGradient()):
        holistic, layered = (kind(pursuit)(signals, layer) for kind in (Holistic, Layered))
        np.testing.assert_allclose(holistic[1], layered[1], atol=1e-7)


def test_noise_enters_where_it_is_told():
    model, noise = two_layers(), strategies.normal((2, 16), 5)
    between = strategies.normal((6, 16), 6)
    signal = strategies.normal((2, 16), 7)
    guess = Layered(OneStep())(signal, model.layers, {0: noise, 1: between})
    expected = model.forward(signal, {0: noise, 1: between})
    for code, other in zip(guess, expected, strict=True):
        np.testing.assert_array_equal(code, other)
    holistic = model.forward(signal, {0: noise}, pursuit=Holistic(OneStep()))
    shifted = model.forward(signal + noise, pursuit=Holistic(OneStep()))
    np.testing.assert_array_equal(holistic[2], shifted[2])
    np.testing.assert_array_equal(holistic[0], signal)
    with pytest.raises(DcscError, match=r"Holistic: noise: expected noise of the signal alone"):
        model.forward(signal, {1: between}, pursuit=Holistic(OneStep()))


def test_units_that_show_nowhere_have_no_holistic_code():
    below, above = DenseDictionary([[1, 1], [0, 0]]), DenseDictionary([[1, 1], [1, -1]])
    layers = [Layer(d, TopK(1), IdentitySigns()) for d in (below, above)]
    with pytest.raises(DcscError, match=r"one, \(1,\), that synthesises zeros"):
        Holistic(OneStep())([1.0, 0.0], layers)


def test_one_pursuit_for_each_layer():
    model = two_layers()
    signal = strategies.normal((2, 16), 8)
    mixed = model.forward(signal, pursuit=Layered([ProximalGradient(), OneStep()]))
    first = model.forward(signal, pursuit=ProximalGradient())
    np.testing.assert_array_equal(mixed[1], first[1])
    one = OneStep()(first[1], model.layers[1].operator, TopK(2), model.layers[1].dictionary)
    np.testing.assert_array_equal(mixed[2], one.code)
    with pytest.raises(DcscError, match="expected one for each of 2 layers, got 3"):
        model.forward(signal, pursuit=Layered([OneStep()] * 3))


def test_simulations_count_what_the_pursuit_gets_wrong():
    model = two_layers()
    code = np.zeros((3, 16))
    code[0, 3] = code[2, 9] = 1.0
    forward = simulate(model, code, 20, rng=1)
    assert (simulate(model, code, 20, rng=1, pursuit=OneStep()).failures == forward.failures).all()
    holistic = simulate(model, code, 20, rng=1, pursuit=Holistic(ProximalGradient()))
    assert holistic.failures[-1] < forward.failures[-1]
    one = DCSCModel([Layer(DICTIONARIES["circle"], HardThreshold(1))])
    with pytest.raises(NotCoveredError, match="runs the forward pass alone"):
        simulate(one, np.zeros((3, 11)), 2, engine="tables", pursuit=ProximalGradient())
    with pytest.raises(DcscError, match="simulate: pursuit: expected a Pursuit or"):
        simulate(model, code, 20, pursuit=TopK(1))


def test_what_is_told_of_the_deepest_layer_is_its_own_geometry():
    """Holistic pursuits solve on the product of the operators, with stripes of the layer's own."""
    model = two_layers()
    top = model.layers[1]
    layers = [model.layers[0], attrs.evolve(top, projection=StripeProjection(1))]
    signal = strategies.normal((2, 16), 9)
    code = Holistic(ProximalGradient(iterations=5))(signal, layers)[2]
    assert top.dictionary.stripe_sparsity(code) == 1
    assert np.count_nonzero(code) > 1


# ---- faults the check must find ------------------------------------------------------------------


@attrs.frozen
class Faulty(Pursuit):
    def _pursue(self, signals, operator, projection, dictionary):
        return Pursued(self.code(signals, operator), np.ones(len(signals), dtype=int), self.gap())

    def code(self, signals, operator):
        return operator.analyze(signals)

    def gap(self):
        return None


class MovesZero(Faulty):
    def code(self, signals, operator):
        return operator.analyze(signals) + 1


class OverTheBatch(Faulty):
    def code(self, signals, operator):
        return operator.analyze(signals - signals.mean(axis=0))


class FirstAtom(Faulty):
    def code(self, signals, operator):
        code = operator.analyze(signals)
        code[:, 0, :2] = 0
        return code


class IgnoresSigns(Faulty):
    def code(self, signals, operator):
        return np.abs(operator.analyze(signals))


class BadGap(Faulty):
    def gap(self):
        return np.full(4, 1.5)


FAULTS = {
    MovesZero: "zero goes to zero",
    OverTheBatch: "each element of a batch is pursued as if alone",
    FirstAtom: "a shifted signal has the shifted code",
    IgnoresSigns: "with signs D",
    BadGap: "a gap lies between 0 and 1",
}


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty):
    check_pursuit(Faulty())
    with pytest.raises(AssertionError, match=f"{faulty.__name__} breaks the law.*{FAULTS[faulty]}"):
        check_pursuit(faulty())


class Shapeless(Faulty):
    def code(self, signals, operator):
        return operator.analyze(signals)[:, 1:]


def test_a_hook_that_breaks_its_contract_is_named():
    dictionary = DICTIONARIES["circle"]
    with pytest.raises(ContractError, match=r"Shapeless\._pursue returned"):
        Shapeless()(signals_for(dictionary), dictionary)


def test_a_projection_is_told_the_dictionary_without_signs():
    seen = []

    class Watching(TopK):
        def _project(self, coefficients, dictionary):
            seen.append(dictionary)
            return coefficients

    layer = Layer(DICTIONARIES["circle"], Watching(1), RademacherSigns()).draw(
        np.random.default_rng(0)
    )
    assert isinstance(layer.operator, SignedDictionary)
    for pursuit in (OneStep(), ProximalGradient(iterations=2), Holistic(OneStep())):
        DCSCModel([layer]).forward(signals_for(layer.dictionary), pursuit=pursuit)
    assert all(dictionary is layer.dictionary for dictionary in seen)
