"""What bounds are told about a layer: a record, and three ways to get one.

`LayerStatistics` is numbers, `LayerInstance` a dictionary with its codes. `measure` reads instances
off a model and a pathway, `declare` gives numbers that hold for every draw of the signs, and
`oracle_layers` describes the layers above the first exactly, for given signs of those below.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.records.babel import Babel
    from dcsc.bounds.records.declared import declare
    from dcsc.bounds.records.instance import LayerInstance
    from dcsc.bounds.records.measured import measure
    from dcsc.bounds.records.oracle import oracle_layers
    from dcsc.bounds.records.statistics import LayerRecord, LayerStatistics
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "Babel",
    "LayerInstance",
    "LayerRecord",
    "LayerStatistics",
    "declare",
    "measure",
    "oracle_layers",
]
