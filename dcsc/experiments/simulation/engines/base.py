"""What an engine is: a way to tell which trials of a block fail."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np

from dcsc._arrays import Array
from dcsc.experiments.simulation.draws import Block, Trials
from dcsc.model import DCSCModel

__all__ = ["Engine"]


class Engine(ABC):
    """A way to tell which trials fail.

    Laws:

    - ``counts(block)`` is what the model itself counts, trial by trial: `DrawEngine`, the slowest,
      is nothing else
    - ``failed(block) = counts(block).any(axis=2)``

    A new engine is one module beside this one, with its class in ``ENGINES``.

    Attributes
    ----------
    name : str
        What `simulate` calls it.
    """

    name: ClassVar[str]

    @staticmethod
    @abstractmethod
    def covers(model: DCSCModel) -> bool:
        """Whether it can run this model."""

    @classmethod
    @abstractmethod
    def of(cls, model: DCSCModel, codes: Array, trials: Trials) -> Self:
        """Prepare what does not depend on the signs, of a model that it covers.

        ``codes`` have shape ``(*batch, *code_shape)``.
        """

    @abstractmethod
    def counts(self, block: Block) -> Array:
        """Return how many entries each trial misses, and its false alarms, (trials, L, 2).

        Summed over the columns of the batch.
        """

    def failed(self, block: Block) -> Array:
        """Return whether each trial fails at each layer, bool (trials, L)."""
        return np.asarray(self.counts(block).any(axis=2))
