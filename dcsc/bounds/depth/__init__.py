"""How much of each support is right in all layers of a model, in the mean over all signs.

``told`` averages what each layer does if it is told the supports below, ``actual`` bounds what it
does in the actual pass, by one of the theorems in ``passed``. ``sampling`` says how far an average
over draws may be from the mean.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.depth.actual import actual_means
    from dcsc.bounds.depth.records import AveragedLayer, AveragedMeans, Shares
    from dcsc.bounds.depth.told import told_means
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["AveragedLayer", "AveragedMeans", "Shares", "actual_means", "told_means"]
