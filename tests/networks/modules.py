"""PyTorch's modules for the tests: of every kind of layer, and random ones."""

import warnings

import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune


class Residual(nn.Module):
    """A block whose code is the rectified sum of what it makes and what comes in."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.norm(self.conv(x)))
        y += x
        return self.relu(y)


class Branches(nn.Module):
    """Branches that are concatenated, split and joined by functions rather than by modules."""

    def __init__(self, channels):
        super().__init__()
        self.wide = nn.Conv2d(channels, 4, 3, padding="same", dilation=2)
        self.fine = nn.Conv2d(channels, 4, 1)
        self.drop = nn.Dropout()

    def forward(self, x):
        joint = torch.cat([torch.relu_(self.wide(x)), self.drop(self.fine(x))], dim=1)
        first, second = joint.chunk(2, dim=1)
        a, b = torch.split(joint, [3, 5], dim=1)
        out = nn.functional.leaky_relu(first * second - 0.5, 0.1) / 2 + b[:, 1:]
        return 1 - out.transpose(2, 3) * a.mean(dim=(1, -1), keepdim=True)


class Head(nn.Module):
    """From maps to numbers, by the shapes that the data have."""

    def __init__(self, channels, extent):
        super().__init__()
        self.linear = nn.Linear(channels * extent * extent, 5)

    def forward(self, x):
        scores = self.linear(x.view(x.size(0), -1))
        return {"scores": scores, "best": scores.amax(1), "pooled": x.mean([2, 3])}


class Several(nn.Module):
    """Two inputs, of which the second is added as it is."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3, padding=1)
        self.register_buffer("offset", torch.linspace(-1, 1, 3).view(3, 1))

    def forward(self, signal, more):
        return torch.where(more > 0, self.conv(signal).clamp(min=0), more * self.offset)


class Token(nn.Module):
    """A sequence with a token before it for each sample, as transformers have."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 3, 1))

    def forward(self, x):
        tokens = self.token.expand(x.shape[0], -1, -1)
        more = torch.cat([tokens, x, torch.zeros(x.shape[0], 3, 2, dtype=x.dtype)], dim=2)
        return more + torch.full((x.shape[0], 1, 1), 0.5, dtype=x.dtype)


class Counting(nn.Module):
    """A module that writes down what it sees."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        self.last = x
        return self.conv(x)


def old(norm, conv):
    with warnings.catch_warnings(action="ignore"):  # that they are old
        return norm(conv)


def pruned(conv):
    prune.l1_unstructured(conv, "weight", 0.5)
    return conv


def modules():
    """Yield a name, a module with random weights, and the shape of one sample of its input."""
    conv = nn.Conv1d
    plane, line = (3, 8, 8), (2, 9)
    yield (
        "convolutions",
        nn.Sequential(
            nn.Conv2d(3, 6, (3, 2), (2, 1), (1, 0), bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=3, padding_mode="circular"),
            nn.ReLU6(),
            nn.ConvTranspose2d(6, 2, 3, stride=2, padding=1, output_padding=1),
        ),
        plane,
    )
    yield (
        "pooling",
        nn.Sequential(
            nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
            nn.AvgPool2d(2, 1, padding=1, count_include_pad=False),
            nn.Upsample(scale_factor=2),
            nn.AdaptiveAvgPool2d((5, 7)),
            nn.AdaptiveAvgPool2d((8, 3)),
            nn.AdaptiveAvgPool2d((4, 3)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        ),
        plane,
    )
    yield (
        "lines",
        nn.Sequential(
            nn.ReflectionPad1d((2, 1)),
            nn.ConstantPad1d((1, 0), 0.5),
            conv(2, 4, 3, padding="same"),
            nn.MaxPool1d(2),
            nn.ReplicationPad1d(1),
            nn.AvgPool1d(3, 2),
            nn.ConvTranspose1d(4, 3, 4, 3),
            nn.AdaptiveAvgPool1d(1),
        ),
        line,
    )
    yield (
        "activations",
        nn.Sequential(
            *(
                nn.LeakyReLU(0.2),
                nn.ELU(0.5),
                nn.GELU(),
                nn.GELU("tanh"),
                nn.SiLU(),
                nn.Tanh(),
                nn.Softplus(),
            ),
            *(nn.PReLU(2), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(-0.2, 0.3), nn.Sigmoid()),
            *(nn.Softmax(1), nn.Mish(), nn.SELU(), nn.CELU(0.7), nn.LogSoftmax(-1)),
        ),
        line,
    )
    yield (
        "norms",
        nn.Sequential(
            conv(2, 6, 3),
            nn.GroupNorm(3, 6),
            nn.InstanceNorm1d(6, affine=True),
            nn.LayerNorm([6, 7]),
            nn.LayerNorm(7, elementwise_affine=False),
            nn.InstanceNorm1d(6, track_running_stats=True),
        ),
        line,
    )
    yield (
        "weights that are computed",
        nn.Sequential(
            pruned(conv(2, 4, 3, padding=1)),
            old(nn.utils.weight_norm, conv(4, 4, 3, padding=1)),
            old(nn.utils.spectral_norm, conv(4, 4, 3, padding=1)),
            parametrizations.weight_norm(conv(4, 4, 3, padding=1)),
            parametrizations.spectral_norm(conv(4, 4, 3, padding=1)),
            parametrizations.orthogonal(nn.Linear(9, 9)),
        ),
        line,
    )
    yield "residual", nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4), Residual(4)), plane
    yield "tokens", Token(), (3, 4)
    yield "branches", nn.Sequential(Branches(3), nn.PixelShuffle(2), Head(1, 16)), plane


def randomize(module, seed=0):
    """Give a module random weights and statistics, in double precision and in evaluation."""
    torch.manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
            elif name.endswith("running_mean"):
                buffer.normal_()
    return module


def flat(value):
    """Return the tensors in what a module returns, in their order."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [tensor for part in parts for tensor in flat(part)]


@st.composite
def random_modules(draw):
    """Draw a module of convolutions, norms, activations, sums and pooling, on (3, 8, 8)."""
    channels, layers = 3, []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "residual", "branches", "pool"]))
        if kind == "conv":
            width = draw(st.sampled_from([2, 4, 6]))
            groups = draw(st.sampled_from([1, 2])) if channels % 2 == 0 else 1
            size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
            layers.append(
                nn.Conv2d(channels, width, size, stride, 1, groups=groups, bias=draw(st.booleans()))
            )
            channels = width
            if draw(st.booleans()):
                layers.append(nn.BatchNorm2d(width))
            layers.append(draw(st.sampled_from([nn.ReLU(), nn.GELU(), nn.LeakyReLU(0.3)])))
        elif kind == "pool":
            layers.append(draw(st.sampled_from([nn.MaxPool2d(2, 1), nn.AvgPool2d(2, 2, 1)])))
        else:
            layers.append(Residual(channels) if kind == "residual" else Branches(channels))
            channels = channels if kind == "residual" else 4
    if draw(st.booleans()):
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]
    return randomize(nn.Sequential(*layers), draw(st.integers(0, 99)))
