"""The exact projection onto bounded stripe sparsity.

``packing`` reduces the problem to small independent ones, ``exact`` decides those on a line and
the small ones in whole numbers, ``search`` the others by branch and bound.
"""

from dcsc.projections.stripe.projection import StripeProjection, StripeSolution

__all__ = ["StripeProjection", "StripeSolution"]
