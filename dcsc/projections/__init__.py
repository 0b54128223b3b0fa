"""Projections: the nonlinearities that turn coefficients into sparse codes.

A new one is a subclass of `Projection` with ``_project`` and, if it has one, ``selection``.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.projections.base import Projection, Selection
    from dcsc.projections.firm import FirmThreshold
    from dcsc.projections.groups import GroupHardThreshold, GroupSoftThreshold
    from dcsc.projections.largest import (
        BatchTopK,
        GroupMax,
        PositionTopK,
        PositiveTopK,
        StripeTopK,
        TopK,
    )
    from dcsc.projections.stripe import StripeProjection, StripeSolution
    from dcsc.projections.thresholds import HardThreshold, JumpReLU, ReLU, SoftThreshold
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "BatchTopK",
    "FirmThreshold",
    "GroupHardThreshold",
    "GroupMax",
    "GroupSoftThreshold",
    "HardThreshold",
    "JumpReLU",
    "PositionTopK",
    "PositiveTopK",
    "Projection",
    "ReLU",
    "Selection",
    "SoftThreshold",
    "StripeProjection",
    "StripeSolution",
    "StripeTopK",
    "TopK",
]
