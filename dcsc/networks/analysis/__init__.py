"""A trained network and a few inputs, layer by layer: what its pathways are, and what is proved.

`analyze` returns an `Analysis`, plain numbers but for the codes themselves; `dcsc.report` makes a
page of it.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.analysis.analysis import analyze, receptive_model
    from dcsc.networks.analysis.coded import CodedLayer, coded_layers, stack
    from dcsc.networks.analysis.codes import CodeFacts, TheoremFacts
    from dcsc.networks.analysis.comparison import Comparison, LayerPair, compare
    from dcsc.networks.analysis.filters import Coherence, FilterFacts, random_twin
    from dcsc.networks.analysis.inputs import Inputs, noise_inputs, read_inputs, shipped_inputs
    from dcsc.networks.analysis.layers import LayerAnalysis, ResynthesisFacts
    from dcsc.networks.analysis.own import OwnCase, OwnFacts, Place
    from dcsc.networks.analysis.partial import PartialFacts
    from dcsc.networks.analysis.perturbed import StabilityFacts
    from dcsc.networks.analysis.records import Analysis, Limits
    from dcsc.networks.analysis.resynthesis import Found, resynthesize
    from dcsc.networks.analysis.safety import Margins, SafetyFacts, margins
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "Analysis",
    "CodeFacts",
    "CodedLayer",
    "Coherence",
    "Comparison",
    "FilterFacts",
    "Found",
    "Inputs",
    "LayerAnalysis",
    "LayerPair",
    "Limits",
    "Margins",
    "OwnCase",
    "OwnFacts",
    "PartialFacts",
    "Place",
    "ResynthesisFacts",
    "SafetyFacts",
    "StabilityFacts",
    "TheoremFacts",
    "analyze",
    "coded_layers",
    "compare",
    "margins",
    "noise_inputs",
    "random_twin",
    "read_inputs",
    "receptive_model",
    "resynthesize",
    "shipped_inputs",
    "stack",
]
