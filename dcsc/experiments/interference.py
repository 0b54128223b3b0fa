"""Failures of one layer from the Gram rows of its support, without synthesis or analysis."""

from typing import Protocol

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.experiments.draws import Block, Draws
from dcsc.model import DCSCModel, Layer
from dcsc.projections import Selection

__all__ = ["InterferenceEngine"]

_DOUBT = 1e-9


class _Fallback(Protocol):
    def failed_draw(self, block: Block, draw: int) -> Array: ...


@attrs.frozen(eq=False)
class InterferenceEngine:
    r"""Draws of a one-layer model with a threshold.

    For codes x with support T the coefficients are :math:`z_k = \varepsilon_k (\sum_{j \in T}
    G_{kj} \varepsilon_j x_j + \langle a_k, v \rangle)`: a few rows of G times signs. Atoms that no
    signs can bring to the wrong side of their threshold never enter. A draw in which a coefficient
    comes within rounding of its threshold is decided by the model itself, so that the counts are
    the same.
    """

    layer: Layer
    atoms: Array
    support: Array
    weights: Array
    active: Array
    threshold: Array
    selection: Selection
    doubt: Array
    fallback: _Fallback

    @staticmethod
    def covers(model: DCSCModel) -> bool:
        """Whether the model is one layer whose projection selects by a threshold."""
        selection = model.layers[0].projection.selection
        return len(model.layers) == 1 and selection is not None and selection.threshold is not None

    @classmethod
    def of(
        cls, model: DCSCModel, codes: Array, draws: Draws, fallback: _Fallback
    ) -> "InterferenceEngine":
        """Collect the Gram rows of the support and the atoms that can fail."""
        layer = model.layers[0]
        dictionary, selection = layer.dictionary, layer.projection.selection
        assert selection is not None
        shape = tuple(dictionary.code_shape)
        columns = codes.reshape(-1, int(np.prod(shape))).astype(np.float64)
        support = np.flatnonzero((columns != 0).any(axis=0))
        gram = dictionary.gram_rows(support)
        beta = np.asarray(selection.threshold, dtype=np.float64)
        beta = np.broadcast_to(
            beta.reshape(-1, *[1] * (len(shape) - 1)) if beta.ndim else beta, shape
        )
        reach = abs(gram).T @ np.abs(columns[:, support]).T
        reach = reach.T + _noise_reach(draws, layer)
        own = np.zeros_like(columns)
        diagonal = np.square(dictionary.atom_norms().ravel())
        own[:, support] = diagonal[support] * np.abs(columns[:, support])
        slack = _DOUBT * (reach + beta.ravel())
        safe = np.where(
            columns != 0, 2 * own - reach - slack > beta.ravel(), reach + slack < beta.ravel()
        )
        lost = (columns < 0) & selection.one_sided
        atoms = np.flatnonzero((~safe | lost).any(axis=0))
        weights = gram[:, atoms].toarray()
        return cls(
            layer,
            atoms,
            support,
            columns[:, support, None] * weights[None],
            columns[:, atoms] != 0,
            beta.ravel()[atoms],
            selection,
            slack[:, atoms],
            fallback,
        )

    def failed(self, block: Block) -> Array:
        """Return whether each draw fails, bool (draws, 1)."""
        signs = block.signs[0].reshape(len(block), -1)
        failed = np.zeros(len(block), dtype=bool)
        doubtful = np.zeros(len(block), dtype=bool)
        noise = self._noise(block)
        for column, weights in enumerate(self.weights):
            z = signs[:, self.support] @ weights
            if noise is not None:
                z += noise[:, column]
            z *= signs[:, self.atoms]
            size = z if self.selection.one_sided else np.abs(z)
            margin = size - self.threshold
            failed |= ((margin > 0) != self.active[column]).any(axis=1)
            doubtful |= (np.abs(margin) <= self.doubt[column]).any(axis=1)
        for draw in np.flatnonzero(doubtful):
            failed[draw] = self.fallback.failed_draw(block, int(draw))[0]
        return failed[:, None]

    def _noise(self, block: Block) -> Array | None:
        """Return the coefficients of the noise at the atoms, (draws or 1, columns, atoms)."""
        if block.noise is None:
            return None
        coefficients = self.layer.dictionary.analyze(block.noise)
        draws = len(block) if block.per_draw else 1
        return coefficients.reshape(draws, len(self.weights), -1)[:, :, self.atoms]


def _noise_reach(draws: Draws, layer: Layer) -> Array:
    """Return the largest size of the noise's coefficients, (columns or 1, atoms)."""
    dictionary = layer.dictionary
    if isinstance(draws.noise, np.ndarray):
        atoms = int(np.prod(dictionary.code_shape))
        return np.abs(dictionary.analyze(draws.noise)).reshape(-1, atoms)
    return dictionary.atom_norms().reshape(1, -1) * draws.noise
