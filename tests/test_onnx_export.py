"""Models as ONNX files, by both exporters of PyTorch: the same codes, here and in ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import torch

from dcsc import (
    BatchTopK,
    CirculantDictionary,
    DCSCModel,
    DenseDictionary,
    FirmThreshold,
    GroupHardThreshold,
    GroupMax,
    GroupSoftThreshold,
    HardThreshold,
    IdentitySigns,
    JumpReLU,
    Layer,
    PositionTopK,
    ReLU,
    SoftThreshold,
    ToeplitzDictionary,
    TopK,
    networks,
)
from dcsc.signs import FilterSigns

RNG = np.random.default_rng(0)
LOWER = CirculantDictionary(RNG.normal(size=(3, 2, 4)), 9, stride=3)
UPPER = ToeplitzDictionary(RNG.normal(size=(4, 3, 2)), 3, padding=[(1, 0)])
FOUR = [0.5, 1.0, 1.5, 2.0]
MODELS = {
    **{
        kind.__name__: DCSCModel([Layer(LOWER, kind(0.5)), Layer(UPPER, kind(FOUR))])
        for kind in (HardThreshold, SoftThreshold, ReLU, JumpReLU)
    },
    **{kind.__name__: DCSCModel([Layer(LOWER, kind(3))]) for kind in (TopK, BatchTopK)},
    "FirmThreshold": DCSCModel(
        [Layer(LOWER, FirmThreshold(0.5, 1.5)), Layer(UPPER, FirmThreshold(FOUR, 2.5))]
    ),
    "GroupMax": DCSCModel([Layer(LOWER, GroupMax(2))]),
    "PositionTopK": DCSCModel([Layer(LOWER, PositionTopK(2))]),
    **{
        kind.__name__: DCSCModel([Layer(LOWER, kind(2.0))])
        for kind in (GroupHardThreshold, GroupSoftThreshold)
    },
    "plane": DCSCModel(
        [
            Layer(
                ToeplitzDictionary(RNG.normal(size=(4, 1, 2, 3)), (3, 4), (1, 2), (1, 2), groups=2),
                ReLU(0.1),
                FilterSigns(),
            )
        ]
    ),
    "dense": DCSCModel([Layer(DenseDictionary(RNG.normal(size=(4, 6))), HardThreshold(0.5))]),
}


def exported(module, signal, dynamo, path):
    if dynamo:
        pytest.importorskip("onnxscript", reason="needs onnxscript: pip install '.[test-torch]'")
        kind = {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim.AUTO},), "verbose": False}
    else:
        axes = {"input_names": ["signal"], "dynamic_axes": {"signal": {0: "batch"}}}
        kind = {"dynamo": False, **axes}
    torch.onnx.export(module, (signal,), path, **kind)
    return networks.load(path)


@pytest.mark.parametrize("dynamo", [False, True], ids=["TorchScript", "dynamo"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")  # of both exporters, about themselves
def test_codes_are_the_same_in_the_file(name, dynamo, tmp_path):
    drawn = MODELS[name].draw(0)
    module = drawn.to_torch().float()
    shape = drawn.layers[0].dictionary.signal_shape
    signal = torch.tensor(np.random.default_rng(5).normal(size=(9, *shape)), dtype=torch.float32)
    network = exported(module, signal, dynamo, tmp_path / "model.onnx")
    (needed,) = network.inputs
    expected = module(signal).detach().numpy()
    assert 0 < np.count_nonzero(expected) < expected.size
    found = network.forward({needed.name: signal.numpy()})
    np.testing.assert_allclose(found[network.outputs[0]], expected, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (got,) = session.run(None, {needed.name: signal.numpy()})
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("dynamo", [False, True], ids=["TorchScript", "dynamo"])
@pytest.mark.filterwarnings("ignore")
def test_a_chain_is_read_as_the_layers_that_it_was(dynamo, tmp_path):
    first = ToeplitzDictionary(RNG.normal(size=(3, 2, 4)), 9, padding=[(2, 1)]).normalized()
    second = ToeplitzDictionary(RNG.normal(size=(5, 3, 3)), 9, padding=[(1, 1)]).normalized()
    layers = [
        Layer(d, ReLU(t), IdentitySigns()) for d, t in ((first, [0.1, 0.2, 0.3]), (second, 0.4))
    ]
    signal = torch.tensor(RNG.normal(size=(2, 2, 9)))
    network = exported(DCSCModel(layers).to_torch(), signal, dynamo, tmp_path / "model.onnx")
    assert [c.padding for c in network.convolutions] == [((2, 1),), ((1, 1),)]
    for layer, convolution in zip(layers, network.convolutions, strict=True):
        reading = convolution.reading()
        np.testing.assert_allclose(reading.filters, layer.dictionary.filters, atol=1e-12)
        np.testing.assert_allclose(reading.projection.threshold, layer.projection.threshold)
