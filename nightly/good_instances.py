"""A good instance of every public class, made when it is asked for."""

import functools

import numpy as np

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
from dcsc.networks.autoencoders import analysis as autoencoders
from dcsc.networks.pytorch import TorchNetwork
from nightly.ingredients import (
    CIRCLE,
    CODES,
    FEW,
    SHORT,
    STATISTICS,
    STOPPING,
    activations,
    analysis,
    autoencoder,
    certified,
    compared,
    explained,
    folder,
    guarantee,
    inputs,
    latents,
    model,
    network,
    probed,
    proved,
    record,
    recovered,
    replayed,
    shown,
    single,
    stability,
    torch_model,
    truth,
    unread,
    within,
)
from tests.cases import NOISES, TAILS
from tests.networks.cases import OPERATIONS
from tests.sweeps.cases import sweep

__all__ = ["INSTANCES"]


# A class, and what is or holds a good instance of it.
ROOTS = {
    latents: [
        autoencoders.AutoencoderAnalysis,
        autoencoders.CrossFacts,
        autoencoders.DecoderFacts,
        autoencoders.FiringFacts,
        autoencoders.LatentPair,
        autoencoders.RecoveryFacts,
    ],
    analysis: [
        analyses.Analysis,
        analyses.CodeFacts,
        analyses.CodedLayer,
        analyses.Coherence,
        analyses.FilterFacts,
        analyses.Found,
        analyses.LayerAnalysis,
        analyses.OwnCase,
        analyses.OwnFacts,
        analyses.PartialFacts,
        analyses.Place,
        analyses.ResynthesisFacts,
        analyses.SafetyFacts,
        analyses.StabilityFacts,
        analyses.TheoremFacts,
    ],
    compared: [analyses.Comparison, analyses.LayerPair],
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
    dcsc.PositiveTopK: lambda: dcsc.PositiveTopK(2),
    dcsc.BatchTopK: lambda: dcsc.BatchTopK(2),
    dcsc.StripeTopK: lambda: dcsc.StripeTopK(1),
    dcsc.StripeProjection: lambda: dcsc.StripeProjection(1, time_limit=5),
    dcsc.Selection: lambda: dcsc.Selection(0.5),
    projections.StripeSolution: lambda: dcsc.StripeProjection(1).solve(CODES, CIRCLE),
    dcsc.BasisPursuit: lambda: dcsc.BasisPursuit(0.1, iterations=1000),
    dcsc.OrthogonalMatchingPursuit: lambda: dcsc.OrthogonalMatchingPursuit(2, 0.1),
    dcsc.Debiased: lambda: dcsc.Debiased(dcsc.OneStep()),
    dcsc.HardThresholdingPursuit: lambda: dcsc.HardThresholdingPursuit(iterations=5),
    dcsc.MLFISTA: lambda: dcsc.MLFISTA(iterations=5),
    dcsc.Holistic: lambda: dcsc.Holistic(dcsc.OneStep()),
    dcsc.Layered: lambda: dcsc.Layered(dcsc.OneStep()),
    dcsc.OneStep: dcsc.OneStep,
    dcsc.ProximalGradient: lambda: dcsc.ProximalGradient(iterations=10),
    dcsc.Pursued: lambda: dcsc.OneStep()(np.zeros((1, 6)), CIRCLE, dcsc.TopK(2)),
    dcsc.FilterSigns: dcsc.FilterSigns,
    dcsc.IdentitySigns: dcsc.IdentitySigns,
    dcsc.RademacherSigns: dcsc.RademacherSigns,
    codes.ConstantAmplitudes: codes.ConstantAmplitudes,
    codes.GaussianAmplitudes: codes.GaussianAmplitudes,
    codes.UniformAmplitudes: codes.UniformAmplitudes,
    bounds.PartialBound: bounds.PartialBound,
    bounds.PartialGuarantee: lambda: bounds.PartialBound().evaluate(record()),
    bounds.LayerPartial: lambda: bounds.PartialBound().evaluate(record()).layers[0],
    bounds.ChosenThreshold: lambda: bounds.PartialBound().best_threshold(record()),
    bounds.ExpectedWrong: bounds.ExpectedWrong,
    bounds.FewestMissed: lambda: bounds.FewestMissed(2.0),
    bounds.Count: lambda: bounds.PartialBound().evaluate(record()).layers[0].count(0.1),
    bounds.AveragedMeans: lambda: bounds.told_means(model(), CODES, draws=2),
    bounds.AveragedLayer: lambda: bounds.told_means(model(), CODES, draws=2).layers[0],
    bounds.Shares: lambda: bounds.told_means(model(), CODES, draws=2).layers[0].means,
    bounds.Means: lambda: bounds.PartialBound().evaluate(record()).layers[0].means,
    dcsc.HybridBound: dcsc.HybridBound,
    dcsc.InstanceBound: dcsc.InstanceBound,
    dcsc.LayeredBound: dcsc.LayeredBound,
    dcsc.ProbabilisticBound: dcsc.ProbabilisticBound,
    dcsc.RobustBound: dcsc.RobustBound,
    dcsc.UniformBound: dcsc.UniformBound,
    # Records
    dictionaries.Windows: lambda: CIRCLE.stripes,
    dictionaries.WindowAxis: lambda: CIRCLE.stripes.axes[0],
    dictionaries.ChromaticNumber: lambda: CIRCLE.stripes.chromatic,
    dcsc.LayerStatistics: lambda: STATISTICS,
    dcsc.LayerInstance: record,
    dcsc.Pathway: truth,
    dcsc.Recovery: lambda: truth().compare(truth()),
    dcsc.PathwayOverlap: lambda: overlap.pathway_overlap([CODES], [0, 1]),
    bounds.Refusal: lambda: bounds.Refusal("UniformBound", "no selection"),
    bounds.Babel: lambda: bounds.Babel({1: 0.1, 2: 0.2}, {1: 0.01, 2: 0.02}),
    bounds.SupportCertificate: lambda: bounds.Certificate.of(proved()),
    bounds.PartialCertificate: lambda: bounds.Certificate.of(
        bounds.PartialBound().evaluate(record())
    ),
    bounds.UnitClasses: lambda: dcsc.InstanceBound().units(record()).at(0.1),
    bounds.UnitProbabilities: lambda: dcsc.InstanceBound().units(record()),
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
    sweeps.Forecast: lambda: sweeps.forecast(sweep(trials=10)),
    sweeps.State: lambda: sweeps.State(
        cells=2, settled=1, found=0.0, trials=20, pending=1, done=1, look=(1, 2)
    ),
    sweeps.Forecast: lambda: sweeps.forecast(sweep(trials=10)),
    sweeps.Stopping: lambda: STOPPING,
    experiments.Sweep: sweep,
    networks.Autoencoder: autoencoder,
    **{type(one): lambda one=one: one for one in networks.autoencoders.FORMATS},
    networks.autoencoders.ConstantNorm: networks.autoencoders.ConstantNorm,
    networks.autoencoders.LayerNorm: networks.autoencoders.LayerNorm,
    networks.autoencoders.Unchanged: networks.autoencoders.Unchanged,
    networks.ConvNetwork: network,
    autoencoders.AutoencoderLimits: lambda: FEW,
    networks.LayerStability: lambda: stability().layers[0],
    networks.PathwayStability: stability,
    networks.NetworkLayer: lambda: activations().layers[0],
    networks.Reading: lambda: activations().layers[0].reading,
    networks.Stop: lambda: unread().unread[0],
    networks.Sum: lambda: networks.Sum(("x",), ops.Relu(), "z"),
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
    TorchNetwork: lambda: network().to_torch(),
    dcsc.torch.TorchLayer: lambda: torch_model().layers[0],
}
