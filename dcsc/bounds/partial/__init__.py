"""How much of a support is right, where the whole of it is not.

``bound`` is the theorem and ``guarantee`` what it returns; ``means`` has the expected numbers and
shares, ``chosen`` a threshold with these, and ``counting`` how many units are wrong with high
probability, from `dcsc.bounds.counts` and the ``energy`` that units share.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.partial.bound import PartialBound
    from dcsc.bounds.partial.chosen import ChosenThreshold
    from dcsc.bounds.partial.counting import Count
    from dcsc.bounds.partial.guarantee import LayerPartial, PartialGuarantee
    from dcsc.bounds.partial.means import Means
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["ChosenThreshold", "Count", "LayerPartial", "Means", "PartialBound", "PartialGuarantee"]
