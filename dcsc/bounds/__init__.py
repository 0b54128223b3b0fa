"""Bounds: theorems about when the forward pass, or another pursuit, recovers the pathway.

A new one is a subclass of `BoundCalculator` with ``_evaluate``, which reads the constants and
traits of `LayerStatistics` and returns a `Guarantee`.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.base import BoundCalculator
    from dcsc.bounds.certificates.certificate import (
        Certificate,
        CodeCertificate,
        PartialCertificate,
        SupportCertificate,
    )
    from dcsc.bounds.certificates.verification import Verification, verify
    from dcsc.bounds.depth import (
        AveragedLayer,
        AveragedMeans,
        Shares,
        actual_means,
        told_means,
    )
    from dcsc.bounds.explanations.explain import explain
    from dcsc.bounds.explanations.records import (
        BestThreshold,
        Change,
        Explanation,
        LayerExplanation,
        Refusal,
        StrideOption,
        Verdict,
    )
    from dcsc.bounds.forward import (
        HybridBound,
        InstanceBound,
        LayeredBound,
        ProbabilisticBound,
        RobustBound,
        UniformBound,
    )
    from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
    from dcsc.bounds.hypotheses import Hypothesis, threshold_hypothesis
    from dcsc.bounds.instance import UnitClasses, UnitProbabilities
    from dcsc.bounds.objectives import ExpectedWrong, FewestMissed, Objective
    from dcsc.bounds.partial import (
        ChosenThreshold,
        Count,
        LayerPartial,
        Means,
        PartialBound,
        PartialGuarantee,
    )
    from dcsc.bounds.pursued import (
        BasisPursuitBound,
        CodeBound,
        CodeGuarantee,
        DualBound,
        ExactRecoveryBound,
        FuchsBound,
        LayerCode,
        MatchingBound,
        UniquenessBound,
        certify_code,
    )
    from dcsc.bounds.records import (
        Babel,
        LayerInstance,
        LayerRecord,
        LayerStatistics,
        declare,
        measure,
        oracle_layers,
    )
    from dcsc.bounds.recursion import entering_noise, noise_hypotheses, propagated_noise
    from dcsc.bounds.sides import Side, WeakAtom
    from dcsc.bounds.statement import Statement
    from dcsc.bounds.theorem import Theorem
    from dcsc.bounds.tuning import with_best_thresholds
    from dcsc.dictionaries import AtomPair, EffectiveDictionary
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "AtomPair",
    "AveragedLayer",
    "AveragedMeans",
    "Babel",
    "BasisPursuitBound",
    "BestThreshold",
    "BoundCalculator",
    "Certificate",
    "Change",
    "ChosenThreshold",
    "CodeBound",
    "CodeCertificate",
    "CodeGuarantee",
    "Count",
    "DualBound",
    "EffectiveDictionary",
    "ExactRecoveryBound",
    "ExpectedWrong",
    "Explanation",
    "FewestMissed",
    "FuchsBound",
    "Guarantee",
    "HybridBound",
    "Hypothesis",
    "InstanceBound",
    "LayerCode",
    "LayerExplanation",
    "LayerGuarantee",
    "LayerInstance",
    "LayerPartial",
    "LayerRecord",
    "LayerStatistics",
    "LayeredBound",
    "MatchingBound",
    "Means",
    "Objective",
    "PartialBound",
    "PartialCertificate",
    "PartialGuarantee",
    "ProbabilisticBound",
    "Refusal",
    "RobustBound",
    "Shares",
    "Side",
    "Statement",
    "StrideOption",
    "SupportCertificate",
    "Theorem",
    "UniformBound",
    "UniquenessBound",
    "UnitClasses",
    "UnitProbabilities",
    "Verdict",
    "Verification",
    "WeakAtom",
    "actual_means",
    "certify_code",
    "declare",
    "entering_noise",
    "explain",
    "measure",
    "noise_hypotheses",
    "oracle_layers",
    "propagated_noise",
    "threshold_hypothesis",
    "told_means",
    "verify",
    "with_best_thresholds",
]
