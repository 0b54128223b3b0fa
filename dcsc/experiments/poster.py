"""The panels of the poster, which live in `dcsc.experiments.studies.poster`."""

from dcsc.experiments.studies.poster import (
    DepthPanel,
    MeasuredLimit,
    Poster,
    RatePanel,
    ScalingPanel,
    poster,
)

__all__ = ["DepthPanel", "MeasuredLimit", "Poster", "RatePanel", "ScalingPanel", "poster"]
