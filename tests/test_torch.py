"""Models as PyTorch modules: the same codes, gradients that flow, and the way back."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    NormalizedDictionary,
    ToeplitzDictionary,
)
from dcsc.errors import DcscError, NotDrawnError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import (
    BatchTopK,
    FirmThreshold,
    GroupHardThreshold,
    GroupMax,
    GroupSoftThreshold,
    HardThreshold,
    JumpReLU,
    PositionTopK,
    PositiveTopK,
    ReLU,
    SoftThreshold,
    StripeProjection,
    StripeTopK,
    TopK,
)
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, RademacherSigns
from dcsc.torch import TorchModel, counterpart
from tests import cases, strategies

THRESHOLDS = [HardThreshold, SoftThreshold, ReLU, JumpReLU]
EXACT = [*THRESHOLDS, FirmThreshold, TopK, PositiveTopK, PositionTopK, GroupMax, BatchTopK]
GROUPED = [GroupHardThreshold, GroupSoftThreshold]
PORTABLE = [*EXACT, *GROUPED]
# What these divide is rounded, and so are the sums of the layers above.
SCALING = [FirmThreshold, GroupSoftThreshold]


def pathway(module, signal):
    return [code.detach().numpy() for code in module.pathway(torch.tensor(signal))]


# ---- the same codes ------------------------------------------------------------------------------


@given(strategies.portable_models(strategies.Dyadic, PORTABLE), st.data())
def test_codes_are_equal_where_sums_are_exact(model, data):
    signal = data.draw(strategies.signals(model.layers[0].dictionary, laws=("integers",)))
    found, exact = pathway(model.to_torch(), signal), model.forward(signal)
    # The projection below each: the signal and the first code have none.
    below = [None, None, *(type(layer.projection) for layer in model.layers[:-1])]
    for got, expected, kind in zip(found, exact, below, strict=True):
        if kind in SCALING:
            break
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


@given(strategies.portable_models(strategies.Normal, PORTABLE), st.data())
def test_codes_agree_to_rounding_and_supports_are_identical(model, data):
    batch = data.draw(strategies.batches)
    signal = data.draw(strategies.signals(model.layers[0].dictionary, batch, ("normal",)))
    guess = model.forward(signal.astype(np.float64))
    found = pathway(model.to_torch(), signal.astype(np.float64))
    scale = np.abs(signal).max(initial=0)
    for number, (got, expected) in enumerate(zip(found, guess, strict=True)):
        if number:
            matrix = model.layers[number - 1].dictionary.to_sparse()
            scale = scale * np.abs(matrix).sum(axis=0).max()
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * scale)
        np.testing.assert_array_equal(got != 0, expected != 0)


@pytest.mark.parametrize("dtypes", [("f4", "f4"), ("f4", "f8"), ("f8", "f4"), ("f8", "f8")])
def test_the_dtype_is_that_of_the_model(dtypes):
    model = small(dtypes[0])
    signal = np.random.default_rng(0).standard_normal((5, 2, 9)).astype(dtypes[1])
    code, expected = pathway(model.to_torch(), signal)[-1], model.forward(signal)[-1]
    assert code.dtype == expected.dtype
    assert np.count_nonzero(expected) > 10
    np.testing.assert_allclose(code, expected, atol=1e-5 if "f4" in dtypes else 1e-13)


@pytest.mark.parametrize("kind", EXACT)
@given(data=st.data())
def test_projections_are_equal_to_the_last_bit(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    z = data.draw(strategies.codes(dictionary, batch=(data.draw(st.integers(0, 4)),)))
    if kind in [*THRESHOLDS, FirmThreshold]:  # also what lies next to a threshold
        level = projection.upper if kind is FirmThreshold else projection.threshold
        z = z + np.asarray(level, z.dtype).max()
        z = np.stack([z, np.nextafter(z, z.dtype.type(0)), -z]).reshape(-1, *dictionary.code_shape)
    got = counterpart(projection)(torch.tensor(z)).numpy()
    assert got.dtype == z.dtype
    np.testing.assert_array_equal(got, projection(z, dictionary))


@pytest.mark.parametrize("kind", GROUPED)
@given(data=st.data())
def test_projections_by_norms_agree_to_rounding(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    z = data.draw(strategies.codes(dictionary, batch=(2,), laws=("normal",)))
    expected = projection(z, dictionary)
    got = counterpart(projection)(torch.tensor(z)).numpy()
    assert got.dtype == z.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-5 if z.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("kind", THRESHOLDS)
@pytest.mark.parametrize("threshold", [0.1, 0.3, 1e300, 1e-310])
def test_single_precision_compares_with_the_threshold_itself(kind, threshold):
    beta = np.float32(min(threshold, 3e38))
    z = np.array([np.nextafter(beta, np.float32(0)), beta, np.nextafter(beta, np.float32(9e37))])
    z = np.stack([z, -z]).astype(np.float32)
    got = counterpart(kind(threshold))(torch.tensor(z)).numpy()
    np.testing.assert_array_equal(got, kind(threshold)(z))
    assert got.dtype == np.float32


# ---- going on ------------------------------------------------------------------------------------


def small(dtype="f8", projection=HardThreshold):
    rng = np.random.default_rng(1)
    lower = CirculantDictionary(rng.standard_normal((3, 2, 4)).astype(dtype), 9, stride=3)
    upper = ToeplitzDictionary(rng.standard_normal((4, 3, 2)).astype(dtype), 3, padding=1)
    chosen = [projection(0.1), projection([0.1, 0.2, 0.3, 0.4])]
    return DCSCModel([Layer(lower, chosen[0]), Layer(upper, chosen[1])]).draw(2)


GRADIENTS = {
    "circulant": CirculantDictionary(np.random.default_rng(0).standard_normal((2, 2, 5)), 4, 2),
    "toeplitz": ToeplitzDictionary(
        np.random.default_rng(0).standard_normal((2, 1, 2, 3)), (3, 4), (1, 2), (1, 2)
    ),
    "dilated": ToeplitzDictionary(
        np.random.default_rng(0).standard_normal((4, 1, 2)), 6, 2, [(3, 0)], dilation=3, groups=2
    ),
    "wrapping": CirculantDictionary(
        np.random.default_rng(0).standard_normal((2, 1, 3)), 4, dilation=3, groups=2
    ),
    "dense": DenseDictionary(np.random.default_rng(0).standard_normal((4, 5))),
}


@pytest.mark.parametrize("dictionary", GRADIENTS.values(), ids=GRADIENTS)
@pytest.mark.parametrize(
    "projection",
    [
        *(HardThreshold(0.2), SoftThreshold(0.2), ReLU(0.2), JumpReLU(0.2), TopK(3), BatchTopK(2)),
        *(FirmThreshold(0.2, 2.0), FirmThreshold(0.3, 0.3), PositionTopK(1)),
        *(GroupHardThreshold(0.2), GroupSoftThreshold(0.2)),
    ],
    ids=lambda p: type(p).__name__,
)
def test_gradients_are_those_of_finite_differences(dictionary, projection):
    module = DCSCModel([Layer(dictionary, projection)]).draw(0).to_torch()
    (name,) = dict(module.named_parameters())
    weights = module.get_parameter(name).detach().clone().requires_grad_()
    signal = torch.tensor(np.random.default_rng(1).standard_normal((2, *dictionary.signal_shape)))

    def code(weights, signal):
        return torch.func.functional_call(module, {name: weights}, signal)

    assert torch.count_nonzero(code(weights, signal))
    assert torch.autograd.gradcheck(code, (weights, signal.requires_grad_()))


def test_filters_are_parameters_and_signs_and_thresholds_buffers():
    module = small().to_torch()
    layers = [f"layers.{number}" for number in (0, 1)]
    assert [name for name, _ in module.named_parameters()] == [
        f"{layer}.dictionary.filters" for layer in layers
    ]
    buffers = dict(module.named_buffers())
    assert set(buffers) == {
        f"{layer}.{name}" for layer in layers for name in ("signs", "projection.threshold")
    }
    for layer, drawn in zip(layers, small().layers, strict=True):
        np.testing.assert_array_equal(buffers[f"{layer}.signs"], drawn.signs.values)


def test_a_state_is_saved_and_loaded(tmp_path):
    signal = torch.randn(3, 2, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    one, other = small().to_torch(), small().to_torch()
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.mul_(-2)
    assert not torch.equal(one(signal), other(signal))
    torch.save(one.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(one(signal), other(signal))
    assert torch.equal(copy.deepcopy(one)(signal), one(signal))


def test_training_moves_the_filters_and_the_model_that_comes_back():
    drawn = small(projection=SoftThreshold)
    module = drawn.to_torch()
    upper = module.layers[1].projection
    upper.threshold = torch.nn.Parameter(upper.threshold)
    signal = np.random.default_rng(3).standard_normal((20, 2, 9))
    optimiser = torch.optim.SGD(module.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = module(torch.tensor(signal)).square().mean()
        loss.backward()
        assert all(p.grad.abs().sum() > 0 for p in module.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    back = module.to_model()
    for layer, before in zip(back.layers, drawn.layers, strict=True):
        assert not np.array_equal(layer.dictionary.filters, before.dictionary.filters)
        assert layer.signs == before.signs
    assert back.layers[0].projection == drawn.layers[0].projection
    assert back.layers[1].projection != drawn.layers[1].projection
    for got, expected in zip(back.forward(signal), pathway(module, signal), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)


@given(strategies.portable_models(strategies.Ingredients, PORTABLE))
def test_the_way_back_undoes_the_way_there(model):
    back = model.to_torch().to_model()
    for layer, before in zip(back.layers, model.layers, strict=True):
        assert layer.dictionary == before.dictionary
        assert layer.projection == before.projection
        assert layer.signs.draw(layer.dictionary.code_shape).tolist() == (
            before.signs.draw(layer.dictionary.code_shape).tolist()
        )
        assert layer.signs.independent == before.signs.independent


def test_the_law_of_the_signs_comes_back():
    for signs, law in (
        (RademacherSigns(), RademacherSigns()),
        (FilterSigns(), FilterSigns()),
        (IdentitySigns(), IdentitySigns()),
        (FixedSigns([1, -1, 1, 1, -1]), None),
    ):
        drawn = DCSCModel([Layer(GRADIENTS["dense"], ReLU(), signs)]).draw(0)
        assert drawn.to_torch().to_model().layers[0].signs.law == law


def test_atoms_that_lie_in_the_padding_alone_see_nothing():
    dictionary = ToeplitzDictionary(np.ones((2, 1, 3)), 1, stride=3, padding=[(8, 0)], dilation=3)
    module = DCSCModel([Layer(dictionary, HardThreshold(0), IdentitySigns())]).to_torch()
    assert dictionary.code_shape == (2, 1)
    assert module(torch.ones(4, 1, 1, dtype=torch.float64)).tolist() == [[[0.0], [0.0]]] * 4


def test_half_precision_goes_there_and_back():
    module = small().to_torch().bfloat16()
    assert module(torch.ones(2, 9, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert module.to_model().layers[0].dictionary.filters.dtype == np.float64


# ---- what is refused -----------------------------------------------------------------------------

DENSE = DenseDictionary(np.eye(2))
CUBES = ToeplitzDictionary(np.ones((1, 1, 1, 1, 1, 1)), (1, 1, 1, 1))


@pytest.mark.parametrize(
    ("dictionary", "projection", "named"),
    [
        (DENSE, StripeTopK(1), "StripeTopK has no counterpart in PyTorch; register one"),
        (DENSE, StripeProjection(1), "StripeProjection has no counterpart in PyTorch"),
        (NormalizedDictionary(DENSE), ReLU(), "NormalizedDictionary has no counterpart in PyTorch"),
        (cases.Plain(np.eye(2), (2,), (2,)), ReLU(), "Plain has no counterpart in PyTorch"),
        (CUBES, ReLU(), "ToeplitzDictionary has no counterpart in PyTorch with 4 spatial axes"),
    ],
)
def test_what_has_no_counterpart_is_named(dictionary, projection, named):
    model = DCSCModel([Layer(dictionary, projection, IdentitySigns())])
    with pytest.raises(DcscError, match=named):
        model.to_torch()


def test_every_projection_is_portable_or_refused():
    listed = {StripeTopK, StripeProjection, *PORTABLE}
    assert set(cases.PROJECTIONS) == listed


def test_signs_that_are_not_drawn_are_refused():
    with pytest.raises(NotDrawnError, match=r"call model\.draw"):
        DCSCModel([Layer(DENSE, ReLU())]).to_torch()
    with pytest.raises(DcscError, match="TorchModel: drawn: expected a DCSCModel"):
        TorchModel(DENSE)


def test_a_signal_of_another_shape_is_refused():
    module = small().to_torch()
    with pytest.raises(DcscError, match=r"TorchLayer: signal: .*\(\*batch, 2, 9\), got \(2, 8\)"):
        module(torch.zeros(2, 8))


def test_a_threshold_that_training_made_negative_is_refused():
    module = small().to_torch()
    module.layers[0].projection.threshold.fill_(-1.0)
    with pytest.raises(DcscError, match="HardThreshold: threshold: expected at least 0"):
        module.to_model()


def test_torch_is_imported_when_it_is_used_and_its_absence_said():
    script = """
import sys
import dcsc
assert "torch" not in sys.modules
sys.modules["torch"] = None
layer = dcsc.Layer(dcsc.DenseDictionary([[1.0]]), dcsc.ReLU(), dcsc.IdentitySigns())
try:
    dcsc.DCSCModel([layer]).to_torch()
except dcsc.DcscError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    expected = "dcsc.torch: expected PyTorch to be installed: pip install 'dcsc[torch]'\n"
    assert done.stdout == expected
