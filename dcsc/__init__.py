"""dcsc: deep convolutional sparse coding analysis.

A convolutional network's forward pass, read as one sparse coding problem per layer::

    codes X^(L) ──synthesize──▶ … ──▶ signal X^(0) ──+ noise──▶ analyze ──▶ project ──▶ … code
       └────────────── truth (Pathway) ──────── compare ──▶ Recovery ◀──── guess (Pathway) ──┘
    truth ──bounds.measure──▶ one record per layer ──bound.evaluate──▶ Guarantee

In seven equations, for a layer with dictionary A, signs ε and projection P::

    X^(l-1) = A D X^(l),  D = diag(ε)                  model.synthesize: layer l makes the one below
    X̂^(l) = P((A D)ᵀ X̂^(l-1))                          model.forward: one projection per layer,
                                                       or another pursuit
    z_k = ε_k (Σ_j G_kj ε_j x_j + ⟨a_k, v⟩),  G = AᵀA   coefficients: what atom k sees of a code x
    |z_k| > β on the support, |z_k| ≤ β off it          a layer recovers: supports agree, not values
    S = ‖x‖_{0,∞}^Q,  μ = max |G_kj|                    sparsity of a stripe, coherence of the atoms
    μ (2S - 1) x_max + 2ζ < x_min                       UniformBound: safe for all signs, S ~ 1/μ
    P(failure) ≤ 2 N exp(-x_min² / 8(x_max² μ² S + ζ²))  ProbabilisticBound: random signs, S ~ 1/μ²

A model is composed of strategies, and each has a family of its own to add to:

=================  ==========================  ==================================================
family             what it is                  see
=================  ==========================  ==================================================
`Dictionary`       the map A, codes → signals  `dcsc.dictionaries` (and ``.filters``)
`SignPattern`      the law of the signs D      `dcsc.signs`
`Projection`       the nonlinearity P          `dcsc.projections`
`Pursuit`          how a code is looked for    `dcsc.pursuits`
`BoundCalculator`  the theorem                 `dcsc.bounds` (and ``.tails``, ``.noise``)
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

from dcsc import _starting  # noqa: F401  # before all that takes time

# isort: split
from typing import TYPE_CHECKING

from dcsc._faces import named_later
from dcsc._version import __version__

if TYPE_CHECKING:
    from dcsc import bounds, codes, dictionaries, projections, pursuits, signs
    from dcsc.bounds import (
        BoundCalculator,
        Guarantee,
        HybridBound,
        InstanceBound,
        LayeredBound,
        LayerInstance,
        LayerStatistics,
        PartialBound,
        PartialGuarantee,
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
        FirmThreshold,
        GroupHardThreshold,
        GroupMax,
        GroupSoftThreshold,
        HardThreshold,
        JumpReLU,
        PositionTopK,
        PositiveTopK,
        Projection,
        ReLU,
        Selection,
        SoftThreshold,
        StripeProjection,
        StripeTopK,
        TopK,
    )
    from dcsc.pursuits import (
        MLFISTA,
        BasisPursuit,
        Debiased,
        HardThresholdingPursuit,
        Holistic,
        Layered,
        OneStep,
        OrthogonalMatchingPursuit,
        PathwayPursuit,
        ProximalGradient,
        Pursued,
        Pursuit,
    )
    from dcsc.signs import (
        BlockSigns,
        FilterSigns,
        FixedSigns,
        IdentitySigns,
        RademacherSigns,
        SignPattern,
    )
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "MLFISTA",
    "BasisPursuit",
    "BatchTopK",
    "BlockSigns",
    "BoundCalculator",
    "CirculantDictionary",
    "CompilationWarning",
    "ContractError",
    "DCSCModel",
    "DcscError",
    "Debiased",
    "DenseDictionary",
    "Dictionary",
    "FilterSigns",
    "FirmThreshold",
    "FixedSigns",
    "GroupHardThreshold",
    "GroupMax",
    "GroupSoftThreshold",
    "Guarantee",
    "HardThreshold",
    "HardThresholdingPursuit",
    "Holistic",
    "HybridBound",
    "IdentitySigns",
    "InfeasibleError",
    "InstanceBound",
    "JumpReLU",
    "Layer",
    "LayerInstance",
    "LayerStatistics",
    "Layered",
    "LayeredBound",
    "NotCoveredError",
    "NotDrawnError",
    "NotProvedError",
    "OneStep",
    "OrthogonalMatchingPursuit",
    "PartialBound",
    "PartialGuarantee",
    "Pathway",
    "PathwayOverlap",
    "PathwayPursuit",
    "PositionTopK",
    "PositiveTopK",
    "ProbabilisticBound",
    "Projection",
    "ProximalGradient",
    "Pursued",
    "Pursuit",
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
    "__version__",
    "bounds",
    "codes",
    "dictionaries",
    "pathway_overlap",
    "projections",
    "pursuits",
    "signs",
]
