"""Bounds that speak of other pursuits than the forward pass, or of codes however found."""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.pursued.basis import BasisPursuitBound
    from dcsc.bounds.pursued.code_guarantee import CodeGuarantee, LayerCode
    from dcsc.bounds.pursued.codes import CodeBound, certify_code
    from dcsc.bounds.pursued.dual import DualBound
    from dcsc.bounds.pursued.exact import ExactRecoveryBound
    from dcsc.bounds.pursued.fuchs import FuchsBound
    from dcsc.bounds.pursued.matching import MatchingBound
    from dcsc.bounds.pursued.uniqueness import UniquenessBound
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "BasisPursuitBound",
    "CodeBound",
    "CodeGuarantee",
    "DualBound",
    "ExactRecoveryBound",
    "FuchsBound",
    "LayerCode",
    "MatchingBound",
    "UniquenessBound",
    "certify_code",
]
