"""The poster's contribution in three panels, each from the sweep in a file beside this one.

(a) ``rate.toml``, one layer: the failure rate against stripe sparsity; (b) ``scaling.toml``: the
largest stripe sparsity against coherence; (c) ``depth.toml``: three layers with sparse filters,
against noise.
"""

from dcsc.experiments.studies.poster.panels import (
    Crossing,
    DepthPanel,
    LayerConstants,
    MeasuredLimit,
    Poster,
    RatePanel,
    ScalingPanel,
    poster,
)

__all__ = [
    "Crossing",
    "DepthPanel",
    "LayerConstants",
    "MeasuredLimit",
    "Poster",
    "RatePanel",
    "ScalingPanel",
    "poster",
]
