"""What good instances and arguments are made of; each is made once, when it is asked for."""

import atexit
import functools
import pathlib
import shutil
import tempfile
from collections.abc import Mapping

import attrs
import matplotlib as mpl
import numpy as np

import dcsc
import dcsc.torch
from dcsc import (
    bounds,
    experiments,
    intervals,
    networks,
)
from dcsc.dictionaries import filters
from dcsc.experiments import sweeps
from dcsc.experiments.studies import poster, recover
from dcsc.networks import analysis as analyses
from dcsc.networks import operations as ops
from dcsc.networks import shipped, tallies
from dcsc.networks.autoencoders import analysis as autoencoders
from tests.networks import saes
from tests.sweeps.cases import sweep

__all__ = [
    "ABOVE",
    "CIRCLE",
    "CODES",
    "FEW",
    "SHORT",
    "STATISTICS",
    "STOPPING",
    "activations",
    "analysis",
    "array_set",
    "autoencoder",
    "autoencoder_file",
    "certified",
    "coded",
    "compared",
    "explained",
    "folder",
    "guarantee",
    "inputs",
    "latents",
    "model",
    "network",
    "probed",
    "proved",
    "record",
    "recovered",
    "replayed",
    "shown",
    "signed",
    "single",
    "stability",
    "swept",
    "tallied",
    "torch_model",
    "truth",
    "unread",
    "within",
]

mpl.use("Agg")

CIRCLE = dcsc.CirculantDictionary(filters.gaussian(2, 1, 2, rng=0), 6)
ABOVE = dcsc.CirculantDictionary(filters.gaussian(2, 2, 2, rng=1), 6)
CODES = np.array([[1.0, 0, 0, 0, 0, 0], [0, 0, 0, -1, 0, 0]])
STATISTICS = dcsc.LayerStatistics(
    *(0.02, 1, 1),
    sparsity=2,
    noise=0.1,
    n_atoms=1000,
    stripe_size=24,
    patch_sparsity=3,
    channel_size=8,
)
STOPPING = sweeps.Stopping(width=0.1)
SHORT = analyses.Limits(
    inputs=4, proved=2, resynthesized=2, draws=1, units=10, twins=1, products=1e8
)

FEW = autoencoders.AutoencoderLimits(pairs=3, babel=4, again=2, proved=1, draws=1, units=4)


@functools.cache
def folder():
    """Return a folder for all that is read and written; it goes when the process ends."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="wrong-calls-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


# ---- what others are parts of --------------------------------------------------------------------


@functools.cache
def model():
    layers = [dcsc.Layer(part, dcsc.HardThreshold(0.3)) for part in (CIRCLE, ABOVE)]
    return dcsc.DCSCModel(layers).draw(0)


@functools.cache
def single():
    return dcsc.DCSCModel([dcsc.Layer(CIRCLE, dcsc.HardThreshold(0.5))])


@functools.cache
def truth():
    return model().synthesize(CODES)


@functools.cache
def record():
    return bounds.measure(model(), truth())[0]


@functools.cache
def signed():
    return attrs.evolve(record(), signs_independent=False)


@functools.cache
def guarantee():
    return dcsc.ProbabilisticBound().evaluate([STATISTICS])


@functools.cache
def proved():
    return dcsc.UniformBound().evaluate(bounds.measure(model(), truth()))


@functools.cache
def certified():
    bounds.Certificate.of(proved()).write(folder() / "proof")
    return folder() / "proof" / "certificate.json", folder() / "proof" / "evidence.npz"


@functools.cache
def explained():
    return bounds.explain(model(), truth())


@functools.cache
def network():
    return networks.load(shipped.digits_network_path())


@functools.cache
def autoencoder_file():
    return saes.write(folder() / "sae", "jumprelu")


@functools.cache
def autoencoder():
    return networks.load_autoencoder(autoencoder_file())


@functools.cache
def latents():
    return autoencoders.analyze_autoencoder(autoencoder(), saes.ACTIVATIONS[:4], limits=FEW)


@functools.cache
def activations():
    return network().forward(shipped.digits_inputs().images[:3])


@functools.cache
def analysis():
    return analyses.analyze(network(), inputs(), limits=SHORT, perturbation=0.01)


def compared():
    return analyses.compare(analysis(), analysis(), ("one", "other"))


def stability():
    return networks.pathway_stability(network(), shipped.digits_inputs().images[:1], 0.01)


def inputs():
    return analyses.shipped_inputs().first(4)


@functools.cache
def tallied():
    return tallies.tally(network(), inputs())


def array_set():
    return tallies.ArraySet(inputs().values, inputs().labels)


def coded():
    return analyses.coded_layers(activations())


def probed():
    layer = coded()[0]
    return layer.dictionary, layer.codes[0], layer.threshold, np.array([0, 1]), 0.05


@functools.cache
def unread():
    """Return a network that has a transposed convolution and something that cannot be run."""
    nodes = [
        networks.Node("up", ops.ConvolveTransposed(np.ones((1, 1, 2))), ("x",), "y"),
        networks.Node("odd", ops.Unread("LSTM", "no operation of dcsc does this"), ("y",), "z"),
    ]
    graph = networks.Graph((networks.Input("x", (None, 1, 4)),), nodes, ("z",))
    return networks.ConvNetwork(graph)


@functools.cache
def swept():
    """Return the folder of a small sweep that has run."""
    over = {"s": {"parameter": "codes.sparsity", "values": [2, 5]}}
    small = sweep(trials=20, axes=over, bounds=["UniformBound", "PartialBound"])
    experiments.run(small, folder() / "swept", jobs=1)
    return folder() / "swept"


@functools.cache
def replayed():
    return experiments.replay(swept(), {"s": 5}, 0)


@functools.cache
def shown():
    """Return a poster with a point in every panel; to compute one takes a minute."""
    rate, values = (intervals.Estimate(0.1, 0.2, 0.3),), {"(2)": (0.5,), "(3)": (1.0,)}
    layer = poster.LayerConstants(0.1, 2, 1.0, 2.0, 64.0)
    crossing = poster.Crossing(0.07, 21.0)
    measured = (poster.MeasuredLimit("random", 0.05, 70, None, None, None),)
    return poster.Poster(
        *("1", 0),
        poster.RatePanel("", 0.01, 0.2, 0.01, 40, (10,), rate, values, {"(2)": 1.0, "(3)": None}),
        poster.ScalingPanel("", 0.01, 64, 40, (0.005,), {"(2)": (90.0,)}, crossing, measured),
        poster.DepthPanel("", (layer,), 40, (0.1,), (rate, rate), values, values, 1.0),
    )


@functools.cache
def recovered():
    return recover.recover("waves", np.sin(np.arange(64.0)), draws=2)


@functools.cache
def torch_model():
    return model().to_torch()


def within(root, kind):
    """Return the first record of a kind in what a function returns."""
    return next(_walk(root(), kind, set()))


def _walk(value, kind, seen):
    if isinstance(value, kind):
        yield value
    elif id(value) not in seen:
        seen.add(id(value))
        for part in _parts(value):
            yield from _walk(part, kind, seen)


def _parts(value):
    if attrs.has(type(value)):
        return [getattr(value, field.name) for field in attrs.fields(type(value))]
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, tuple | list) else ()
