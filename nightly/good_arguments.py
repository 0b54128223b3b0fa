"""A good value of every argument of a public function or method, by its name."""

import numpy as np
import torch
from matplotlib.figure import Figure

import dcsc
import dcsc.torch
from dcsc import (
    bounds,
    codes,
    experiments,
)
from dcsc.networks import operations as ops
from dcsc.networks import readers, shipped
from dcsc.networks.weights.modules import modules_of
from nightly.ingredients import (
    CIRCLE,
    CODES,
    SHORT,
    STATISTICS,
    activations,
    analysis,
    certified,
    coded,
    explained,
    folder,
    inputs,
    model,
    network,
    probed,
    proved,
    record,
    recovered,
    shown,
    single,
    swept,
    truth,
)
from tests.cases import NOISES
from tests.networks.cases import write_npz
from tests.sweeps.cases import SMALL, sweep, table

__all__ = ["ARGUMENTS"]


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
    "noise, Holistic.__call__": lambda: {0: np.zeros((1, 6))},
    "noise, Layered.__call__": lambda: {1: np.zeros((2, 6))},
    "noise, covers": lambda: NOISES[bounds.noise.Independent],
    "noise, check_noise": lambda: NOISES[bounds.noise.Independent],
    "nonzeros": lambda: 2,
    "operation": ops.Relu,
    "operation, Convolution.at": lambda: network().convolutions[0].operation,
    "operator": lambda: CIRCLE,
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
    "pursuit": dcsc.OneStep,
    "quantity": lambda: "noise",
    "reader": readers.NpzReader,
    "report": recovered,
    "report, analyze": lambda: say_nothing,
    "progress": lambda: say_nothing,
    "rng": lambda: 0,
    "seed": lambda: 0,
    "shown": lambda: 2,
    "step": lambda: 0.5,
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
    "layers, Holistic.__call__": lambda: model().layers,
    "layers, Layered.__call__": lambda: model().layers,
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
