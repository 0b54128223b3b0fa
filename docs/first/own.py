"""A projection of my own: what exceeds the threshold loses half of it."""

import attrs
import numpy as np

from dcsc import Projection, Selection
from dcsc.testing import check_projection


@attrs.frozen
class HalfShrinkage(Projection):
    threshold: float

    @property
    def selection(self):
        return Selection(self.threshold, one_sided=False, shrinkage=True)

    def _project(self, coefficients, dictionary):
        kept = np.abs(coefficients) > self.threshold
        return np.where(kept, coefficients - np.sign(coefficients) * self.threshold / 2, 0)


if __name__ == "__main__":
    check_projection(HalfShrinkage(0.5))
    print("all laws hold")
