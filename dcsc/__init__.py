"""dcsc: deep convolutional sparse coding analysis.

A convolutional network's forward pass, read as one sparse coding problem per layer::

    codes X^(L) ──synthesize──▶ … ──▶ signal X^(0) ──+ noise──▶ analyze ──▶ project ──▶ … code
       └────────────── truth (Pathway) ──────── compare ──▶ Recovery ◀──── guess (Pathway) ──┘
    truth ──bounds.measure──▶ one record per layer ──bound.evaluate──▶ Guarantee

A model is composed of strategies, and each has a family of its own to add to:

=================  ==========================  ==================================================
family             what it is                  see
=================  ==========================  ==================================================
`Dictionary`       the map A, codes → signals  `dcsc.dictionaries` (and ``.filters``)
`SignPattern`      the law of the signs D      `dcsc.signs`
`Projection`       the nonlinearity            `dcsc.projections`
`BoundCalculator`  the theorem                 `dcsc.bounds`
=================  ==========================  ==================================================

`Layer` puts a dictionary, a projection and signs together, `DCSCModel` chains layers. Codes to
start from come from `dcsc.codes`, failure rates from `dcsc.experiments`, and `dcsc.testing` holds
the laws that a strategy of your own should obey. `dcsc.networks` reads trained networks from files,
runs them, and gives each layer as such a dictionary with thresholds. `pathway_overlap` tells what
the pathways of labelled samples share; `dcsc.torch` makes a PyTorch module of a model.

Arrays are real, ``(*batch, channels, *spatial)``; results have the joint dtype of filters and
input, float32 or float64. Randomness comes in through ``rng=`` only. Bad input raises `DcscError`,
a ``ValueError``.
"""

from dcsc import bounds, codes, dictionaries, projections, signs
from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    HybridBound,
    InstanceBound,
    LayeredBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
)
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    SignedDictionary,
    ToeplitzDictionary,
)
from dcsc.errors import (
    CompilationWarning,
    ContractError,
    DcscError,
    InfeasibleError,
    NotCoveredError,
    NotDrawnError,
    NotProvedError,
    TooLargeError,
)
from dcsc.model import DCSCModel, Layer
from dcsc.overlap import PathwayOverlap, pathway_overlap
from dcsc.pathway import Pathway, Recovery
from dcsc.projections import (
    BatchTopK,
    HardThreshold,
    JumpReLU,
    Projection,
    ReLU,
    Selection,
    SoftThreshold,
    StripeProjection,
    StripeTopK,
    TopK,
)
from dcsc.signs import FilterSigns, FixedSigns, IdentitySigns, RademacherSigns, SignPattern

__version__ = "0.1.0"

__all__ = [
    "BatchTopK",
    "BoundCalculator",
    "CirculantDictionary",
    "CompilationWarning",
    "ContractError",
    "DCSCModel",
    "DcscError",
    "DenseDictionary",
    "Dictionary",
    "FilterSigns",
    "FixedSigns",
    "Guarantee",
    "HardThreshold",
    "HybridBound",
    "IdentitySigns",
    "InfeasibleError",
    "InstanceBound",
    "JumpReLU",
    "Layer",
    "LayerInstance",
    "LayerStatistics",
    "LayeredBound",
    "NotCoveredError",
    "NotDrawnError",
    "NotProvedError",
    "Pathway",
    "PathwayOverlap",
    "ProbabilisticBound",
    "Projection",
    "RademacherSigns",
    "ReLU",
    "Recovery",
    "RobustBound",
    "Selection",
    "SignPattern",
    "SignedDictionary",
    "SoftThreshold",
    "StripeProjection",
    "StripeTopK",
    "ToeplitzDictionary",
    "TooLargeError",
    "TopK",
    "UniformBound",
    "bounds",
    "codes",
    "dictionaries",
    "pathway_overlap",
    "projections",
    "signs",
]
