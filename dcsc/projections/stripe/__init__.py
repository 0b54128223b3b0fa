"""The exact projection onto bounded stripe sparsity.

``packing`` reduces the problem to small independent ones, ``exact`` decides those on a line and
the small ones in whole numbers, ``search`` the others by branch and bound.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.projections.stripe.projection import StripeProjection, StripeSolution
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["StripeProjection", "StripeSolution"]
