"""PyTorch's operators, one by one, as operations: the numbers of PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from dcsc import networks


class Functions(nn.Module):
    """Several functions of one input; a group is traced once."""

    def __init__(self, functions):
        super().__init__()
        self.functions = functions

    def forward(self, x):
        return tuple(function(x) for function in self.functions.values())


def written(x):
    x = x.clone()
    x[:, 0] = 0
    x[:, :, 1:3] = x[:, :, 3:5]
    return x


# Functions of a tensor of shape (batch, 4, 6, 6).
GROUPS = {
    "numbers": {
        "relu6": functional.relu6,
        "rrelu": functional.rrelu,
        "threshold": lambda x: functional.threshold(x, 0.1, 20.0),
        "softplus": lambda x: functional.softplus(x, 2.0),
        "selu": functional.selu,
        "logsigmoid": functional.logsigmoid,
        "softshrink": lambda x: functional.softshrink(x, 0.3),
        "hardshrink": functional.hardshrink,
        "glu": lambda x: functional.glu(x, 1),
        "clamp": lambda x: torch.clamp(x, torch.zeros(6).double(), torch.ones(6).double()),
        "log1p": lambda x: x.abs().log1p(),
        "expm1": torch.expm1,
        "log2": lambda x: x.abs().log2(),
        "log10": lambda x: x.abs().log10(),
        "exp2": torch.exp2,
        "erfc": torch.erfc,
        "atan": torch.atan,
        "trunc": torch.trunc,
        "round": lambda x: torch.round(x, decimals=1),
        "alpha": lambda x: torch.sub(x, x * x, alpha=2) + torch.rsub(x, 1.0, alpha=3),
        "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
    },
    "division": {
        f"{function.__name__} by {by}": lambda x, f=function, by=by: f(torch.round(x * 10), by)
        for function in (torch.remainder, torch.fmod, torch.floor_divide)
        for by in (3.0, -3.0, 0.1)
    }
    | {
        "floor": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
        "trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    },
    "truth": {
        "and": lambda x: (x > 0) & (x < 1),
        "or": lambda x: (x > 1) | (x < -1),
        "xor": lambda x: (x > 0) ^ (x < 1),
        "not": lambda x: ~(x > 0),
        "ne": lambda x: x.round() != 0,
        "isnan": lambda x: torch.isnan(x.sqrt()),
        "isfinite": lambda x: torch.isfinite(1 / x.relu()),
        "any": lambda x: (x > 1).any(1),
        "all": lambda x: (x > -1).all(1),
        "count": lambda x: x.relu().count_nonzero(1),
        "masked_fill": lambda x: x.masked_fill(x < 0, -1.5),
        "attention": lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
    },
    "reductions": {
        "prod": lambda x: x.prod(1),
        "cumsum": lambda x: x.cumsum(1),
        "var": lambda x: x.var(1),
        "biased": lambda x: x.var((2, 3), unbiased=False, keepdim=True),
        "std": lambda x: x.std((1, 2)),
        "var_mean": lambda x: torch.var_mean(x, dim=1)[0] * torch.var_mean(x, dim=1)[1],
        "logsumexp": lambda x: x.logsumexp(1),
        "norms": lambda x: x.norm(dim=1) + x.norm(p=1, dim=1) + x.norm(p=float("inf"), dim=1),
        "normalize": lambda x: functional.normalize(x, dim=1),
        "topk": lambda x: x.topk(2, dim=1).values,
        "least": lambda x: x.topk(2, dim=1, largest=False).values,
        "places": lambda x: x.topk(2, dim=1).indices,
        "sort": lambda x: x.sort(dim=1).values,
        "argsort": lambda x: x.argsort(dim=1, descending=True),
        "argmin": lambda x: x.argmin(1),
        "largest": lambda x: x.max(1).values * x.max(1).indices,
        "smallest": lambda x: x.min(1).values * x.min(1).indices,
    },
    "arrangement": {
        "repeat": lambda x: x.repeat(2, 1, 2, 1, 1),
        "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
        "flip": lambda x: x.flip(2, 3),
        "roll": lambda x: x.roll((1, 2), dims=(2, 3)),
        "triu": lambda x: x.triu(1),
        "pixel_unshuffle": lambda x: functional.pixel_unshuffle(x, 2),
        "channel_shuffle": lambda x: functional.channel_shuffle(x, 2),
        "alike": lambda x: torch.full_like(x, 0.3) + torch.ones_like(x) + x.new_zeros(x.shape),
        "written": written,
        "movedim": lambda x: x.movedim(1, 3),
    },
    "places": {
        "index": lambda x: x[:, [0, 2]],
        "pairs": lambda x: x[:, [0, -2], [1, 3]],
        "diagonal": lambda x: x.diagonal(1, 2, 3),
        "windows": lambda x: x.unfold(2, 3, 2),
        "unfold": lambda x: functional.unfold(x, 3),
        "scatter": lambda x: torch.zeros_like(x).scatter(1, x.topk(2, 1).indices, 1.0),
        "winners": lambda x: torch.zeros_like(x).scatter(
            1, x.topk(2, 1).indices, x.topk(2, 1).values.relu()
        ),
    },
    "grids": {
        "bilinear": lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"),
        "corners": lambda x: functional.interpolate(x, (9, 7), mode="bilinear", align_corners=True),
        "odd scale": lambda x: functional.interpolate(x, scale_factor=(1.3, 0.7), mode="bilinear"),
        "antialias": lambda x: functional.interpolate(x, (4, 5), mode="bilinear", antialias=True),
        "bicubic": lambda x: functional.interpolate(x, scale_factor=2, mode="bicubic"),
        "nearest": lambda x: functional.interpolate(x, (9, 7)),
        "nearest scale": lambda x: functional.interpolate(x, scale_factor=1.7),
        "nearest-exact": lambda x: functional.interpolate(x, (9, 7), mode="nearest-exact"),
        "line": lambda x: functional.interpolate(x.flatten(2), 50, mode="linear"),
        "adaptive": lambda x: functional.adaptive_max_pool2d(x, 4),
        "divisor": lambda x: functional.avg_pool2d(x, 2, padding=1, divisor_override=3),
        "response": lambda x: functional.local_response_norm(x, 3),
        "over three axes": lambda x: functional.conv3d(
            x[:, None], torch.ones(2, 1, 3, 2, 3).double()
        ),
    },
    "products": {
        "einsum": lambda x: torch.einsum("nchw,ncHw->nhH", x, x),
        "tensordot": lambda x: torch.tensordot(x, torch.ones(6, 3).double(), dims=1),
        "baddbmm": lambda x: torch.baddbmm(x[:, 0], x[:, 1], x[:, 2]),
        "cosine": lambda x: functional.cosine_similarity(x, x.flip(1), dim=1),
        "rms_norm": lambda x: functional.rms_norm(x, (6,)),
    },
}


@pytest.mark.parametrize("group", GROUPS)
def test_functions_have_the_numbers_of_pytorch(group):
    module = Functions(GROUPS[group])
    network = networks.from_torch(module, torch.ones(2, 4, 6, 6, dtype=torch.float64))
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(3, 4, 6, 6)))
    found, expected = network.forward(x.numpy()), module(x)
    assert not found.stops
    assert len(network.outputs) == len(expected)
    for name, output, value in zip(GROUPS[group], network.outputs, expected, strict=True):
        computed = found[output]
        assert computed.shape == value.shape, name
        np.testing.assert_allclose(computed, value.numpy(), rtol=1e-12, atol=1e-12, err_msg=name)


class Last(nn.Module):
    """Recurrent cells, of which one result is the output."""

    def __init__(self, cells, number=0):
        super().__init__()
        self.cells, self.number = cells, number

    def forward(self, x):
        outputs, states = self.cells(x)
        return outputs if self.number == 0 else states[self.number - 1]


@pytest.mark.parametrize("module", [
    Last(nn.GRU(2, 3, batch_first=True, num_layers=2, bidirectional=True)),
    Last(nn.GRU(2, 3, bias=False), 1),
    Last(nn.LSTM(2, 3, num_layers=2, dropout=0.5)),
    Last(nn.LSTM(2, 3, bidirectional=True, batch_first=True), 2),
    Last(nn.RNN(2, 3, nonlinearity="relu")),
])  # fmt: skip
def test_recurrent_layers_are_one_operation_each(module):
    module.double().eval()
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(4, 3, 2)))
    network = networks.from_torch(module, x)
    found = network.forward(x.numpy())
    assert not found.stops
    expected = module(x).detach().numpy()
    np.testing.assert_allclose(found[network.outputs[0]], expected, atol=1e-14)
    kinds = [node.operation.label for node in network.graph.nodes]
    assert sum(kind in ("GRU", "LSTM", "RNN") for kind in kinds) == module.cells.num_layers


@pytest.mark.parametrize(("function", "reason"), [
    (lambda x: torch.fft.rfft(x).abs(), "_fft_r2c"),
    (lambda x: x.median(1).values, "median"),
    (lambda x: x.topk(2, 1)[0].kthvalue(1, 1)[0], "kthvalue"),
    (lambda x: x[x > 0].sum()[None], "it picks by what is true"),
    (lambda x: functional.softplus(x, 1, 2), "its threshold is seen"),
    (lambda x: functional.conv2d(x[:1], x[1:, :, :3, :3]), "its weight is computed from"),
    (lambda x: functional.max_pool3d(x[:, None], 2), "it has 3 spatial axes"),
    (lambda x: x.norm(p=3, dim=1), "a norm of order 3"),
    (lambda x: (x > 0).int() | 2, "it acts on the bits of numbers"),
])  # fmt: skip
def test_what_has_no_operation_says_why(function, reason):
    x = torch.ones(2, 4, 6, 6, dtype=torch.float64)
    network = networks.from_torch(Functions({"it": function}), x)
    assert reason in str(network.forward(x.numpy()).stops[0])
