"""How much of a support is right, where the whole of it is not.

``bound`` is the theorem and ``guarantee`` what it returns; ``means`` has the expected numbers and
shares, ``chosen`` a threshold with these, and ``counting`` how many units are wrong with high
probability, from `dcsc.bounds.counts` and the ``energy`` that units share.
"""

from dcsc.bounds.partial.bound import PartialBound
from dcsc.bounds.partial.chosen import ChosenThreshold
from dcsc.bounds.partial.counting import Count
from dcsc.bounds.partial.guarantee import LayerPartial, PartialGuarantee
from dcsc.bounds.partial.means import Means

__all__ = ["ChosenThreshold", "Count", "LayerPartial", "Means", "PartialBound", "PartialGuarantee"]
