"""How much energy the others can bring into some units of a column, for any signs."""

import math

import numpy as np

from dcsc._arrays import Array
from dcsc.coefficients import Column

__all__ = ["interference_energy"]

_MOST_ACTIVE = 1024
_BLOCK_ENTRIES = 2**21
_ROUNDING = 1e-9


def interference_energy(column: Column, places: Array) -> float | None:
    r"""Return a bound of :math:`\sum_k (I_k + \langle a_k, v\rangle)^2` over some units k.

    The signs enter :math:`\sum_k I_k^2 = \varepsilon^T Q \varepsilon` by the matrix
    :math:`Q_{ij} = \sum_{k \ne i, j} G_{ki} x_i G_{kj} x_j`, and with the largest eigenvalue λ of
    the correlations :math:`Q_{ij} / \sqrt{Q_{ii} Q_{jj}}` it is at most :math:`\lambda \sum_i
    Q_{ii}` for all of them. An error v that is known adds its norm to the root. Where atoms share
    signs, i and j are coins, and their summands those of `Column.others`. None where so many units
    are on that λ would take long.

    Parameters
    ----------
    column : Column
    places : array of int
        Which units, as places in its arrays.
    """
    if len(column.support) > _MOST_ACTIVE:
        return None
    known = float(np.linalg.norm(column.offset[places]))
    if not len(column.support) or not len(places):
        return known * known * (1 + _ROUNDING)
    # Q, block by block of units
    step = max(1, _BLOCK_ENTRIES // len(column.support))
    parts = (column.others(places[at : at + step]) for at in range(0, len(places), step))
    square = sum((part @ part.T).toarray() for part in parts)
    energies = np.diagonal(square)
    live = energies > 0
    roots = np.sqrt(energies[live])
    correlations = square[np.ix_(live, live)] / roots[:, None] / roots
    largest = float(np.linalg.eigvalsh(correlations)[-1]) if roots.size else 0.0
    energy = largest * float(energies.sum()) * (1 + _ROUNDING)
    return (math.sqrt(energy) + known) ** 2 * (1 + _ROUNDING)
