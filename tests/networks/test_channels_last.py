"""Layers of Keras and Flax: their kernels, by the formulas of both written out."""

import itertools

import numpy as np
import pytest
import safetensors.numpy

from dcsc import DcscError, networks

RNG = np.random.default_rng(5)


def loaded(folder, tensors, *layers):
    np.savez(folder / "net.npz", **tensors)
    return networks.load(folder / "net.npz", {"layers": list(layers)} if layers else None)


def last(network, signal):
    """Run a network on a signal with its channels last, and return the result so."""
    out = network.forward(np.moveaxis(signal, -1, 1))[network.outputs[0]]
    return np.moveaxis(out, 1, -1)


# ---- the formulas --------------------------------------------------------------------------------


def depthwise(x, kernel):
    """Output c·M + m is channel c correlated with kernel[..., c, m], without padding."""
    height, width, channels, multiplier = kernel.shape
    rows, columns = x.shape[1] - height + 1, x.shape[2] - width + 1
    out = np.zeros((len(x), rows, columns, channels * multiplier))
    for i, j, c, m in itertools.product(*map(range, kernel.shape)):
        out[..., c * multiplier + m] += kernel[i, j, c, m] * x[:, i : i + rows, j : j + columns, c]
    return out


def scattered(x, kernel, stride, same):
    """Every sample adds its kernel, (taps, outputs, inputs), ``stride`` further on."""
    taps, outputs, _ = kernel.shape
    places = x.shape[1]
    out = np.zeros((len(x), places * stride + taps, outputs))
    for i, t in itertools.product(range(places), range(taps)):
        out[:, i * stride + t] += x[:, i] @ kernel[t].T
    over = max(taps - stride, 0)
    if same:
        return out[:, over // 2 :][:, : places * stride]
    return out[:, : places * stride + over]


def dilated(x, kernel, stride, same):
    """Zeros lie between samples, and the kernel, (taps, inputs, outputs), is not flipped."""
    taps = len(kernel)
    room = np.zeros((len(x), (x.shape[1] - 1) * stride + 1, x.shape[2]))
    room[:, ::stride] = x
    # Of `_conv_transpose_padding` in jax/_src/lax/convolution.py.
    if same:
        total = taps + stride - 2
        before = taps - 1 if stride > taps - 1 else -(-total // 2)
    else:
        total = taps + stride - 2 + max(taps - stride, 0)
        before = taps - 1
    room = np.pad(room, ((0, 0), (before, total - before), (0, 0)))
    places = room.shape[1] - taps + 1
    return sum(room[:, t : t + places] @ kernel[t] for t in range(taps))


# ---- whose names they are ------------------------------------------------------------------------


def origin(network):
    (told,) = (note for note in network.notes if note.startswith("names and layouts"))
    return told.partition(": ")[0].rpartition(" ")[2]


NORM = {"bias": np.zeros(4), "mean": np.zeros(4), "scale": np.ones(4), "var": np.ones(4)}
KERNEL, BIAS = RNG.normal(size=(3, 3, 4)), np.zeros(4)


def test_names_without_collections_are_those_of_flax_by_their_norms_and_order(tmp_path):
    """jax sorts by name, and Keras has kernels first; the paddings that both take are others."""
    first, sorted_ = {"a/kernel": KERNEL, "a/bias": BIAS}, {"a/bias": BIAS, "a/kernel": KERNEL}
    assert origin(loaded(tmp_path, first)) == "Keras"
    network = loaded(tmp_path, sorted_)
    assert origin(network) == "Flax"
    assert network.convolutions[0].operation.padding == "same_upper"
    norm = {f"a_norm/{name}": value for name, value in NORM.items()}
    layers = [{"name": "a", "norm": {"weights": "a_norm", "kind": "batch_norm"}}]
    assert origin(loaded(tmp_path, first | norm, *layers)) == "Flax"
    with pytest.raises(DcscError, match="nothing says after which layer a_norm comes"):
        loaded(tmp_path, norm | first | {"b/kernel": RNG.normal(size=(3, 4, 4))})


def test_a_file_that_sorts_its_names_says_nothing_by_their_order(tmp_path):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file({"a/bias": BIAS, "a/kernel": KERNEL}, path)
    assert origin(networks.load(path)) == "Keras"


def test_the_name_that_keras_gives_a_model_is_left_out(tmp_path):
    tensors = {f"sequential_12/a/{name}": value for name, value in [("kernel", KERNEL)]}
    assert [one.name for one in loaded(tmp_path, tensors).convolutions] == ["a"]


# ---- depthwise and separable layers --------------------------------------------------------------


@pytest.mark.parametrize("leaf", ["kernel", "depthwise_kernel"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_layers(leaf, bias, multiplier, tmp_path):
    kernel = RNG.normal(size=(3, 2, 3, multiplier))
    shift = RNG.normal(size=3 * multiplier) * bias
    tensors = {"first/kernel": np.eye(3)[None, None], f"depthwise_conv2d/{leaf}": kernel}
    if bias:
        tensors["depthwise_conv2d/bias"] = shift
    x = RNG.normal(size=(2, 5, 4, 3))
    network = loaded(tmp_path, tensors)
    np.testing.assert_allclose(
        last(network, x), depthwise(np.maximum(x, 0), kernel) + shift, atol=1e-12
    )
    told = "guessed depthwise kernels, by names and biases: depthwise_conv2d"
    assert (told in network.notes) == (leaf == "kernel")


def test_biases_tell_a_depthwise_layer_from_an_ordinary_one(tmp_path):
    kernel = RNG.normal(size=(3, 2, 3, 2))
    x = RNG.normal(size=(2, 5, 4, 3))
    for outputs, groups in ((6, 3), (2, 1)):
        tensors = {"a/kernel": kernel, "a/bias": np.zeros(outputs)}
        network = loaded(tmp_path, tensors, {"name": "a", "groups": groups})
        full = np.einsum("bijcn,c->bijn", depthwise(x, kernel).reshape(2, 3, 3, 3, 2), np.ones(3))
        wanted = depthwise(x, kernel) if outputs == 6 else full
        np.testing.assert_allclose(last(network, x), wanted, atol=1e-12)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_separable_layers_are_one_convolution(multiplier, tmp_path):
    deep, point = RNG.normal(size=(3, 2, 3, multiplier)), RNG.normal(size=(3 * multiplier, 5))
    bias = RNG.normal(size=5)
    tensors = {
        "separable_conv2d/depthwise_kernel": deep,
        "separable_conv2d/pointwise_kernel": point[None, None],
        "separable_conv2d/bias": bias,
    }
    x = RNG.normal(size=(2, 5, 4, 3))
    network = loaded(tmp_path, tensors)
    np.testing.assert_allclose(last(network, x), depthwise(x, deep) @ point + bias, atol=1e-12)
    assert any("separable layers put together" in note for note in network.notes)
    tensors["separable_conv2d/pointwise_kernel"] = point[None]
    with pytest.raises(DcscError, match=r"pointwise_kernel: expected shape \(1, 1, \d, 'filters'"):
        loaded(tmp_path, tensors)


@pytest.mark.parametrize("place", ["params/att/query", "multi_head_attention/out", "a/other"])
def test_kernels_of_attention_are_no_convolutions(place, tmp_path):
    """They have three axes as well: inputs, heads and width."""
    tensors = {f"{place}/kernel": RNG.normal(size=(8, 2, 4)), f"{place}/bias": np.zeros((2, 4))}
    network = loaded(tmp_path, tensors)
    assert network.convolutions == ()
    (stop,) = network.unread
    assert stop.reason.startswith("its weights are those of attention, which tables of layers")
    name = f"{place}/conv1d/kernel"
    assert len(loaded(tmp_path, {name: tensors[f"{place}/kernel"]}).convolutions) == 1


# ---- transposed convolutions ---------------------------------------------------------------------

GEOMETRIES = [(taps, stride) for taps in (1, 2, 3, 4, 5) for stride in (1, 2, 3)]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("origin", ["keras", "flax", "flax, transposed"])
def test_transposed_convolutions(origin, padding, tmp_path):
    x, bias = RNG.normal(size=(2, 4, 3)), RNG.normal(size=2)
    for taps, stride in GEOMETRIES:
        kernel = RNG.normal(size=(taps, 2, 3))
        layer = {
            "name": "up", "kind": "transposed_convolution", "stride": stride, "padding": padding,
        }  # fmt: skip
        place = "up/" if origin == "keras" else "params/up/"
        if origin == "flax":
            layer["transpose_kernel"] = False
            kernel = np.swapaxes(kernel, 1, 2)
        if origin == "flax, transposed":  # flips the taps and swaps the axes of channels
            wanted = dilated(x, np.swapaxes(kernel[::-1], 1, 2), stride, padding == "same")
        else:
            formula = scattered if origin == "keras" else dilated
            wanted = formula(x, kernel, stride, padding == "same")
        network = loaded(tmp_path, {f"{place}kernel": kernel, f"{place}bias": bias}, layer)
        np.testing.assert_allclose(
            last(network, x), wanted + bias, atol=1e-12, err_msg=f"{taps} {stride}"
        )


@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 2, 4), (3, 4, 4)])
def test_transposed_convolutions_of_flax_are_asked_for_by_their_names(shape, tmp_path):
    """Their kernels have the layout of all others, so that nothing but the name tells them."""
    tensors = {
        "params/Conv_0/kernel": RNG.normal(size=(1, 1, shape[1])),
        "params/ConvTranspose_0/kernel": RNG.normal(size=shape),
        "params/ConvTranspose_0/bias": np.zeros(shape[2]),
    }
    said = r"transposed_convolution\" \(with transpose_kernel = false, unless the layer has it\)"
    with pytest.raises(DcscError, match=said):
        loaded(tmp_path, tensors, {"name": "Conv_0"}, {"name": "ConvTranspose_0"})
    del tensors["params/Conv_0/kernel"]
    with pytest.raises(DcscError, match=said):
        loaded(tmp_path, tensors)
    assert 'kind = "?"  # "convolution" or "transposed' in networks.template(tmp_path / "net.npz")


def test_transposed_convolutions_of_keras_without_biases_are_asked_for(tmp_path):
    for outputs in (1, 2):
        tensors = {
            "conv1d/kernel": RNG.normal(size=(1, 1, 3)),
            "conv1d_transpose/kernel": RNG.normal(size=(4, outputs, 3)),
        }
        with pytest.raises(DcscError, match="expected to be told in a table of layers"):
            loaded(tmp_path, tensors)


def test_transpose_kernel_is_a_flag(tmp_path):
    layer = {"name": "up", "kind": "transposed_convolution", "transpose_kernel": "no"}
    with pytest.raises(DcscError, match="transpose_kernel: expected True or False, got 'no'"):
        loaded(tmp_path, {"up/kernel": np.ones((2, 2, 2))}, layer)
