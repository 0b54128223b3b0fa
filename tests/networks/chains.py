"""Networks of a few steps, layers with codes, and inputs, made by hand."""

import numpy as np

from dcsc.networks import ConvNetwork, Graph, Input, Node, operations
from dcsc.networks.analysis import CodedLayer, Inputs, Limits

FEW = Limits(inputs=6, proved=4, resynthesized=3, draws=2, units=30, twins=2)


def network(*steps, channels=2, lengths=(None,)):
    """Return a chain of operations."""
    names = ["input", *(f"v{number}" for number in range(len(steps)))]
    nodes = [
        Node(f"{step.label.lower()}{at}", step, (names[at],), names[at + 1])
        for at, step in enumerate(steps)
    ]
    return ConvNetwork(Graph([Input("input", (None, channels, *lengths))], nodes, [names[-1]]))


def convolve(n, channels, kernel, bias, seed=0, **more):
    weight = np.random.default_rng(seed).normal(size=(n, channels, *kernel))
    return operations.Convolve(weight, np.broadcast_to(bias, n).astype(float), **more)


def shown(*shape, seed=0, labels=None):
    values = {"input": np.random.default_rng(seed).normal(size=shape)}
    return Inputs("test", values, labels)


def layer(codes, dictionary, threshold):
    codes = np.asarray(codes, dtype=float)
    signals = dictionary.synthesize(codes)
    beta = np.broadcast_to(threshold, len(dictionary.filters)).astype(float)
    return CodedLayer("layer", dictionary, beta, codes, codes > 0, signals)
