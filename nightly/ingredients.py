"""Good instances of what is public, and good arguments by name, made when they are asked for."""

import atexit
import functools
import pathlib
import shutil
import tempfile
from collections.abc import Mapping

import attrs
import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

import dcsc
import dcsc.torch
from dcsc import (
    bounds,
    codes,
    dictionaries,
    experiments,
    intervals,
    networks,
    overlap,
    projections,
    testing,
)
from dcsc.dictionaries import filters
from dcsc.experiments import sweeps
from dcsc.experiments.studies import poster, recover
from dcsc.networks import analysis as analyses
from dcsc.networks import operations as ops
from dcsc.networks import readers, shipped
from dcsc.networks.weights.modules import modules_of
from tests.cases import NOISES, TAILS
from tests.networks.cases import OPERATIONS, write_npz
from tests.sweeps.cases import SMALL, sweep, table

__all__ = ["ARGUMENTS", "INSTANCES", "folder"]

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
def activations():
    return network().forward(shipped.digits_inputs().images[:3])


@functools.cache
def analysis():
    return analyses.analyze(network(), inputs(), limits=SHORT)


def inputs():
    return analyses.shipped_inputs().first(4)


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
    small = sweep(trials=20, axes={"s": {"parameter": "codes.sparsity", "values": [2, 5]}})
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


# ---- instances -----------------------------------------------------------------------------------

# A class, and what is or holds a good instance of it.
ROOTS = {
    analysis: [
        analyses.Analysis,
        analyses.CodeFacts,
        analyses.CodedLayer,
        analyses.Coherence,
        analyses.FilterFacts,
        analyses.Found,
        analyses.LayerAnalysis,
        analyses.ResynthesisFacts,
        analyses.SafetyFacts,
        analyses.TheoremFacts,
    ],
    explained: [
        bounds.BestThreshold,
        bounds.Change,
        bounds.Explanation,
        bounds.LayerExplanation,
        bounds.Side,
        bounds.StrideOption,
        bounds.Verdict,
        bounds.WeakAtom,
        dictionaries.AtomPair,
    ],
    guarantee: [dcsc.Guarantee, bounds.LayerGuarantee, bounds.Hypothesis],
    activations: [
        networks.Activations,
        networks.Convolution,
        networks.Graph,
        networks.Input,
        networks.Node,
    ],
    shown: [
        poster.Crossing,
        poster.DepthPanel,
        poster.LayerConstants,
        poster.MeasuredLimit,
        poster.Poster,
        poster.RatePanel,
        poster.ScalingPanel,
    ],
    recovered: [recover.LayerReport, recover.RecoveryReport, recover.Verdict],
    model: [
        dcsc.DCSCModel,
        dcsc.Layer,
        dcsc.FixedSigns,
        dcsc.HardThreshold,
        dcsc.CirculantDictionary,
    ],
}

INSTANCES = {
    **{
        kind: functools.partial(within, root, kind)
        for root, kinds in ROOTS.items()
        for kind in kinds
    },
    **{kind: lambda noise=noise: noise for kind, noise in NOISES.items()},
    **{kind: lambda tails=tails: tails[-1] for kind, tails in TAILS.items()},
    **{kind: lambda op=operation: op for kind, (operation, _) in OPERATIONS.items()},
    # Strategies
    dcsc.ToeplitzDictionary: lambda: dcsc.ToeplitzDictionary(
        filters.gaussian(2, 1, 2, rng=0), 6, padding=1
    ),
    dcsc.DenseDictionary: lambda: dcsc.DenseDictionary([[1.0, 0.6, 0], [0, 0.8, 1]]),
    dcsc.SignedDictionary: lambda: model().layers[0].operator,
    dictionaries.NormalizedDictionary: lambda: dictionaries.NormalizedDictionary(CIRCLE),
    dictionaries.EffectiveDictionary: lambda: bounds.oracle_layers(model(), truth())[1].dictionary,
    dcsc.SoftThreshold: lambda: dcsc.SoftThreshold([0.1, 0.2]),
    dcsc.ReLU: lambda: dcsc.ReLU(0.1),
    dcsc.JumpReLU: lambda: dcsc.JumpReLU(0.1),
    dcsc.TopK: lambda: dcsc.TopK(2),
    dcsc.BatchTopK: lambda: dcsc.BatchTopK(2),
    dcsc.StripeTopK: lambda: dcsc.StripeTopK(1),
    dcsc.StripeProjection: lambda: dcsc.StripeProjection(1, time_limit=5),
    dcsc.Selection: lambda: dcsc.Selection(0.5),
    projections.StripeSolution: lambda: dcsc.StripeProjection(1).solve(CODES, CIRCLE),
    dcsc.FilterSigns: dcsc.FilterSigns,
    dcsc.IdentitySigns: dcsc.IdentitySigns,
    dcsc.RademacherSigns: dcsc.RademacherSigns,
    codes.ConstantAmplitudes: codes.ConstantAmplitudes,
    codes.GaussianAmplitudes: codes.GaussianAmplitudes,
    codes.UniformAmplitudes: codes.UniformAmplitudes,
    dcsc.HybridBound: dcsc.HybridBound,
    dcsc.InstanceBound: dcsc.InstanceBound,
    dcsc.LayeredBound: dcsc.LayeredBound,
    dcsc.ProbabilisticBound: dcsc.ProbabilisticBound,
    dcsc.RobustBound: dcsc.RobustBound,
    dcsc.UniformBound: dcsc.UniformBound,
    # Records
    dictionaries.Windows: lambda: CIRCLE.stripes,
    dictionaries.WindowAxis: lambda: CIRCLE.stripes.axes[0],
    dcsc.LayerStatistics: lambda: STATISTICS,
    dcsc.LayerInstance: record,
    dcsc.Pathway: truth,
    dcsc.Recovery: lambda: truth().compare(truth()),
    dcsc.PathwayOverlap: lambda: overlap.pathway_overlap([CODES], [0, 1]),
    bounds.Refusal: lambda: bounds.Refusal("UniformBound", "no selection"),
    bounds.Babel: lambda: bounds.Babel({1: 0.1, 2: 0.2}, {1: 0.01, 2: 0.02}),
    bounds.Certificate: lambda: bounds.Certificate.of(proved()),
    bounds.Verification: lambda: bounds.verify(*certified()),
    intervals.Estimate: lambda: intervals.Estimate(0.1, 0.2, 0.3),
    intervals.Interval: lambda: intervals.Interval(0.1, 0.3),
    experiments.Enumeration: lambda: experiments.enumerate_signs(model(), CODES, most=2**14),
    experiments.FailureEstimate: lambda: experiments.estimate_failure(single(), CODES, 10),
    experiments.Tally: lambda: experiments.simulate(model(), CODES, 10, entries=True),
    experiments.Replay: replayed,
    sweeps.LayerBreak: lambda: replayed().layers[0],
    sweeps.WrongEntry: lambda: within(lambda: replayed().layers, sweeps.WrongEntry),
    experiments.Run: lambda: experiments.run(sweep(trials=10), folder() / "run", jobs=1),
    sweeps.State: lambda: sweeps.State(
        cells=2, settled=1, found=0.0, trials=20, pending=1, done=1, look=(1, 2)
    ),
    sweeps.Stopping: lambda: STOPPING,
    experiments.Sweep: sweep,
    networks.ConvNetwork: network,
    networks.NetworkLayer: lambda: activations().layers[0],
    networks.Reading: lambda: activations().layers[0].reading,
    networks.Stop: lambda: unread().unread[0],
    networks.TransposedConvolution: lambda: unread().transposed[0],
    analyses.Inputs: inputs,
    analyses.Limits: lambda: SHORT,
    analyses.Margins: lambda: analyses.margins(*probed()),
    testing.BoundReport: lambda: testing.BoundReport(2, 1, None, ("ties",)),
    readers.NpzReader: readers.NpzReader,
    readers.OnnxReader: readers.OnnxReader,
    readers.SafetensorsReader: readers.SafetensorsReader,
    readers.StateDictReader: readers.StateDictReader,
    readers.Tensors: lambda: readers.Tensors({"conv.weight": np.ones((2, 1, 3))}),
    shipped.DigitsInputs: shipped.digits_inputs,
    dcsc.torch.TorchModel: torch_model,
    dcsc.torch.TorchLayer: lambda: torch_model().layers[0],
}


def say_nothing(*_):
    pass


def sweep_file():
    path = folder() / "sweep.toml"
    path.write_text(SMALL)
    return path


def array_file(shape):
    path = folder() / "array.npy"
    np.save(path, np.random.default_rng(0).normal(size=shape))
    return path


def seen():
    return activations().layers[0].coefficients()


def proof():
    return certified()[0].read_text()


# ---- arguments -----------------------------------------------------------------------------------

# What an argument of this name is, or of this name in one function or method alone.
ARGUMENTS = {
    "activations": activations,
    "amplitudes": codes.UniformAmplitudes,
    "analysis": analysis,
    "atoms": lambda: [0, 3],
    "axes": lambda: (CIRCLE.stripes.axes[0],),
    "babel": lambda: True,
    "batch": lambda: (2,),
    "bound": dcsc.UniformBound,
    "bounds": lambda: None,
    "below": lambda: record().dictionary,
    "measured": lambda: STATISTICS,
    "c": lambda: 1,
    "cell": lambda: {"s": 5},
    "certificate": lambda: certified()[0],
    "code": lambda: CODES,
    "code_shape": lambda: (2, 6),
    "codes": lambda: CODES,
    "codes, verify": lambda: None,
    "codes, pathway_overlap": lambda: [CODES],
    "coefficients": lambda: CODES,
    "coefficients, Reading.code": seen,
    "correlation": lambda: 0.1,
    "count": lambda: 3,
    "data": lambda: experiments.open(swept()),
    "dictionary": lambda: CIRCLE,
    "dictionary, margins": lambda: probed()[0],
    "code, margins": lambda: probed()[1],
    "threshold, margins": lambda: probed()[2],
    "units, margins": lambda: probed()[3],
    "dictionary, random_twin": lambda: probed()[0],
    "draws": lambda: 2,
    "engine": lambda: "draws",
    "entries": lambda: True,
    "entry": lambda: 0,
    "extent": lambda: (64,),
    "extent, Convolution.dictionary": lambda: (8, 8),
    "failure_probability": lambda: 0.01,
    "failures": lambda: 1,
    "figure": Figure,
    "folder": swept,
    "folder, run": lambda: folder() / "run",
    "folder, Certificate.write": lambda: folder() / "proof",
    "folder, Sweep.of": folder,
    "found": explained,
    "geometry": lambda: None,
    "geometry, build": lambda: {"layers": [{"name": "conv"}]},
    "given": lambda: CODES,
    "graph": lambda: network().graph,
    "guarantee": proved,
    "guess": truth,
    "incoming": lambda: None,
    "index": lambda: (1, 0),
    "indices": lambda: [0, 1],
    "inputs": inputs,
    "inputs, ConvNetwork.forward": lambda: shipped.digits_inputs().images[:3],
    "inputs, resynthesize": lambda: None,
    "instance": record,
    "jobs": lambda: 1,
    "keep": tuple,
    "kernel": lambda: 2,
    "kernel, barker": lambda: 7,
    "kind": lambda: ops.Convolve,
    "labels": lambda: [0, 1],
    "layer": lambda: 1,
    "layer, TorchLayer": lambda: model().layers[0],
    "layer, propagated_noise": lambda: STATISTICS,
    "layer, row": lambda: analysis().layers[0],
    "layers": lambda: [STATISTICS],
    "layers, DCSCModel": lambda: model().layers,
    "layers, InstanceBound.best_thresholds": lambda: [record()],
    "layers, receptive_model": coded,
    "layers, resynthesize": lambda: [coded()[0]],
    "layers, stack": lambda: {layer.name: layer for layer in coded()},
    "level": lambda: 0.5,
    "limits": lambda: SHORT,
    "max_failure_probability": lambda: 0.5,
    "model": single,
    "model, verify": lambda: certified()[1],
    "model, measure": model,
    "model, oracle_layers": model,
    "model, with_best_thresholds": model,
    "modules": lambda: modules_of({"conv.weight": np.ones((2, 1, 3))})[0],
    "most": lambda: 2,
    "most, enumerate_signs": lambda: 2**12,
    "n": lambda: 2,
    "n, Windows.nth_smallest": lambda: 1,
    "name": lambda: network().convolutions[0].name,
    "network": network,
    "node": lambda: network().graph.of_kind(ops.Convolve)[0][0],
    "noise": lambda: 0.0,
    "noise, DCSCModel.forward": lambda: {0: np.zeros((1, 6))},
    "noise, covers": lambda: NOISES[bounds.noise.Independent],
    "noise, check_noise": lambda: NOISES[bounds.noise.Independent],
    "nonzeros": lambda: 2,
    "operation": ops.Relu,
    "operation, Convolution.at": lambda: network().convolutions[0].operation,
    "offset": lambda: [0.0, 1.0],
    "epsilon": lambda: 1e-5,
    "overlap": lambda: analysis().overlap,
    "parts": lambda: (0.1,),
    "path": lambda: write_npz(folder()),
    "path, Sweep.load": sweep_file,
    "path, read_inputs": lambda: array_file((2, 1, 8, 8)),
    "path, read_input": lambda: array_file((64,)),
    "per_window": lambda: CIRCLE.stripes.sum(CODES),
    "positions": lambda: (4,),
    "poster": shown,
    "probability": lambda: None,
    "projection": lambda: dcsc.HardThreshold(0.5),
    "quantity": lambda: "noise",
    "reader": readers.NpzReader,
    "report": recovered,
    "report, analyze": lambda: say_nothing,
    "progress": lambda: say_nothing,
    "rng": lambda: 0,
    "seed": lambda: 0,
    "shown": lambda: 2,
    "signal": lambda: np.linspace(-1, 1, 6)[None],
    "signal, recover": lambda: np.sin(np.arange(64.0)),
    "signals": lambda: np.linspace(-1, 1, 6)[None],
    "signs": dcsc.RademacherSigns,
    "signs, resynthesize": dcsc.RademacherSigns,
    "size": lambda: 3,
    "sparsity": lambda: 1,
    "statistics": lambda: STATISTICS,
    "strategy": lambda: CIRCLE,
    "sweep": lambda: sweep(trials=10),
    "table": table,
    "tail": bounds.tails.Hoeffding,
    "tally": lambda: None,
    "text": proof,
    "threshold": lambda: 0.5,
    "trial": lambda: 0,
    "trials": lambda: 10,
    "truth": truth,
    "units": lambda: [0],
    "value": lambda: "gauss",
    "value, Input.checked": lambda: np.zeros((2, 1, 8, 8)),
    "values": lambda: CODES,
    "array": lambda: CODES,
    "variant": lambda: "plain",
    "weights": lambda: [[0.1, 0.2]],
    "where": lambda: "here",
    "x_min": lambda: None,
    "x_min, declare": lambda: [1.0],
    "layers, explain": model,
    "stripes": lambda: CIRCLE.stripes,
    "patches": lambda: CIRCLE.patches,
    "shape": lambda: CIRCLE.code_shape,
    "first": lambda: 0,
    "second": lambda: 1,
    "value, AtomPair.of": lambda: 0.5,
    "values, Windows.nth_smallest": lambda: np.arange(12).reshape(2, 6),
    "n, barker": lambda: 1,
    "c, equicorrelated": lambda: 8,
    "done": lambda: 5,
    "layer, as_dictionary": lambda: network().convolutions[0].operation,
    "extent, as_dictionary": lambda: (8, 8),
    "model, effective_atoms": model,
    "signal, TorchLayer.forward": lambda: torch.ones((1, 6)),
    "signal, TorchModel.forward": lambda: torch.ones((1, 6)),
    "signal, TorchModel.pathway": lambda: torch.ones((1, 6)),
    "drawn": model,
    "gain": lambda: [1.0, 2.0],
    "shift": lambda: [0.0, 1.0],
    "mean": lambda: [0.0, 1.0],
    "variance": lambda: [1.0, 1.0],
    "places": lambda: (4, 4),
    "failures, Stopping.interval": lambda: 1,
}
