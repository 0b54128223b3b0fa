"""A small model to look at."""

from dcsc import codes
from dcsc.bounds import LayerInstance, measure
from dcsc.dictionaries import CirculantDictionary, filters
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold

__all__ = ["example_layers"]

_EXTENT = 32
_NOISE = 0.02


def example_layers() -> tuple[LayerInstance, ...]:
    """Return two layers as bounds see them: one with plenty of room, one with too little.

    Layer 1 has 64 filters of low coherence, layer 2 sparse ones with entries ±1/2. The noise on the
    signal has patch norm 0.02.
    """
    below = CirculantDictionary(filters.equicorrelated(64, 256, 2, 0.005, rng=0), _EXTENT)
    above = CirculantDictionary(filters.sparse_rademacher(8, 64, 3, nonzeros=4, rng=1), _EXTENT)
    model = DCSCModel([Layer(below, HardThreshold(0.25)), Layer(above, HardThreshold(0.6))])
    code = codes.draw(above, 4, amplitudes=codes.ConstantAmplitudes(), rng=2)
    return measure(model, model.draw(3).synthesize(code), _NOISE)
