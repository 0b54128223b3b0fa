"""What a pathway pursuit is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, from_hook
from dcsc.errors import ContractError
from dcsc.layer import Layer, as_layers
from dcsc.pathway import Pathway
from dcsc.pursuits.pathways.task import PathwayTask

__all__ = ["PathwayPursuit"]


class PathwayPursuit(ABC):
    """A way to find the codes of all layers behind a signal.

    A subclass supplies the hook ``_pursue``.

    Laws:

    - the pathway begins with the signal as it came, and has the codes of all layers
    - zero goes to zero in every layer
    - each element of a batch is pursued as if alone; several batch axes are one
    - inputs are left as they were
    """

    def __call__(
        self,
        signal: "npt.ArrayLike",
        layers: Iterable[Layer],
        noise: "Mapping[int, npt.ArrayLike] | None" = None,
    ) -> Pathway:
        """Return the pathway of a signal: what ``model.forward`` does with this pursuit.

        Parameters
        ----------
        signal : array_like of shape (*batch, *signal_shape)
        layers : sequence of Layer
            Layer 1 first, with signs that are drawn.
        noise : mapping of int to array_like, optional
            ``noise[l]`` is added to what enters layer l + 1.
        """
        name = type(self).__name__
        task = PathwayTask.of(signal, as_layers(layers, f"{name}: layers"), noise, name)
        return Pathway((task.signal.copy(), *self._codes(task)), task.batch)

    def _codes(self, task: PathwayTask) -> list[Array]:
        """Return the codes of all layers, ``(*batch, *code_shape)`` each."""
        flat = task.flat()
        codes, hook = self._pursue(flat), f"{type(self).__name__}._pursue"
        if not isinstance(codes, list) or len(codes) != len(task.layers):
            raise ContractError(f"{hook} returned no list of {len(task.layers)} codes")
        shapes = [tuple(layer.dictionary.code_shape) for layer in task.layers]
        return [
            from_hook(
                code, (*flat.batch, *shape), getattr(code, "dtype", np.dtype(float)), hook
            ).reshape(task.batch + shape)
            for code, shape in zip(codes, shapes, strict=True)
        ]

    @abstractmethod
    def _pursue(self, task: PathwayTask) -> list[Array]:
        """Return the codes of all layers, layer 1 first, ``(batch, *code_shape)`` each.

        The task is validated: layers chain, and its signal, and noise that is not the same for all,
        have exactly one batch axis, which may be empty.
        """
