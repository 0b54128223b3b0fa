"""An operation of networks: the running median."""

from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc.networks.operations import Equivariance, Operation


@attrs.frozen
class MedianPool(Operation):
    """The median of each window along the last axis.

    Parameters
    ----------
    kernel : int
        The length of a window, odd.

    Examples
    --------
    >>> from dcsc.testing import check_operation
    >>> MedianPool(3)(np.array([[[0.0, 9.0, 1.0, 2.0, 2.0]]]))
    array([[[1., 2., 2.]]])
    >>> check_operation(MedianPool(3))
    """

    kernel: int

    equivariance: ClassVar[Equivariance] = Equivariance.ORDER
    monotone: ClassVar[bool] = True

    def _apply(self, *values: Any) -> Any:
        (signal,) = values
        windows = np.lib.stride_tricks.sliding_window_view(signal, self.kernel, axis=-1)
        return np.median(windows, axis=-1)
