"""Residual networks for the tests: random sums of operations, and blocks of PyTorch."""

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from dcsc.networks import ConvNetwork, Graph, Input, Node
from dcsc.networks import operations as ops

CHANNELS = 4


@st.composite
def convolutions(draw, rng, axes, stride):
    """Return a convolution with ⌈n / stride⌉ positions on n samples."""
    kernel = [draw(st.integers(1, 3)) for _ in range(axes)]
    dilation = [draw(st.integers(1, 2)) for _ in range(axes)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = draw(st.sampled_from(["same_upper", "same_lower", None]))
    if padding is None:
        before = [draw(st.integers(0, f - 1)) for f in reach]
        padding = [(b, f - 1 - b) for b, f in zip(before, reach, strict=True)]
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    weight = rng.normal(size=(CHANNELS, CHANNELS // groups, *kernel))
    bias = rng.normal(size=CHANNELS) if draw(st.booleans()) else None
    return ops.Convolve(
        weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@st.composite
def residual_sums(draw):
    """Return a network that ends in a rectified sum, whether it moves alike, and its axes.

    Its values are x, r of the same extent, h of half of it, or as long if nothing is halved.
    """
    axes, half = draw(st.sampled_from([1, 2])), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    stride = 2 if half else 1
    first = [
        ops.Convolve(rng.normal(size=(CHANNELS, CHANNELS, *[3] * axes)), padding=1, stride=s)
        for s in (1, stride)
    ]
    nodes = [Node("r0", first[0], ("x",), "r0"), Node("r", ops.Relu(), ("r0",), "r")]
    nodes += [Node("h0", first[1], ("r",), "h0"), Node("h", ops.Relu(), ("h0",), "h")]
    terms = []

    def step(operation, *sources):
        nodes.append(Node(f"t{len(nodes)}", operation, sources, f"t{len(nodes)}"))
        return nodes[-1].output

    for number in range(draw(st.integers(1, 4))):
        source = draw(st.sampled_from(["x", "r", "h"]))
        value = source
        if number == 0 or source != "h" or draw(st.booleans()):
            value = step(draw(convolutions(rng, axes, 1 if source == "h" else stride)), source)
        if draw(st.booleans()):
            norm = ops.BatchNorm(rng.normal(size=CHANNELS), rng.normal(size=CHANNELS))
            value = step(norm, value)
        terms.append(value)
    if len(terms) > 2 and draw(st.booleans()):
        terms = [step(ops.Elementwise("Add"), *terms[:2]), *terms[2:]]
    terms.append("h")
    nodes.append(Node("sum", ops.Elementwise("Sum"), tuple(terms), "sum"))
    nodes.append(Node("out", ops.Relu(), ("sum",), "out"))
    graph = Graph([Input("x", (None, CHANNELS, *[None] * axes))], nodes, ["out"])
    return ConvNetwork(graph, "sums"), not half, axes


class Basic(nn.Module):
    """A block of two convolutions, with a strided shortcut where the shape changes."""

    def __init__(self, channels, filters, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        self.down = nn.Identity()
        if stride > 1 or channels != filters:
            down = nn.Conv2d(channels, filters, 1, stride, bias=False)
            self.down = nn.Sequential(down, nn.BatchNorm2d(filters))

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.down(x))


class Bottleneck(nn.Module):
    """Three convolutions, the middle one in groups, that come second in the sum."""

    def __init__(self, channels, filters, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 1)
        self.conv2 = nn.Conv2d(4, 4, 3, stride, 2, dilation=2, groups=2)
        self.conv3 = nn.Conv2d(4, filters, 1)
        self.down = nn.Conv2d(channels, filters, 1, stride)

    def forward(self, x):
        y = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return torch.relu(self.down(x) + self.conv3(y))


class Parallel(nn.Module):
    """Convolutions of two sizes and a norm of one signal, of each channel by itself (RepVGG)."""

    def __init__(self, channels):
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False)
        self.fine = nn.Conv2d(channels, channels, 1, groups=channels)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(3))

    def forward(self, x):
        terms = (self.wide(x), self.fine(x), x)
        a, b, c = (norm(term) for norm, term in zip(self.norms, terms, strict=True))
        return torch.relu(a + b + c)


class Mixed(nn.Module):
    """Branches that are concatenated, brought to the shortcut's channels, and scaled."""

    def __init__(self, channels):
        super().__init__()
        self.fine = nn.Conv2d(channels, 3, 1)
        self.wide = nn.Conv2d(channels, 2, 3, 1, 1)
        self.up = nn.Conv2d(5, channels, 1)

    def forward(self, x):
        y = torch.cat([torch.relu(self.fine(x)), torch.relu(self.wide(x))], 1)
        return torch.relu(x + 0.2 * self.up(y))


def residual_networks():
    """Yield the name of a network, the module, and how many sums it has."""
    torch.manual_seed(0)
    stem = (nn.Conv2d(1, 4, 3, 1, 1), nn.ReLU())
    yield "basic", nn.Sequential(*stem, Basic(4, 4), Basic(4, 6, 2), Basic(6, 6)), 3
    yield "bottleneck", nn.Sequential(*stem, Bottleneck(4, 8), Bottleneck(8, 6, 2)), 2
    yield "parallel", nn.Sequential(*stem, Parallel(4), Parallel(4)), 2
    yield "mixed", nn.Sequential(*stem, nn.MaxPool2d(3, 2, ceil_mode=True), Mixed(4)), 1
