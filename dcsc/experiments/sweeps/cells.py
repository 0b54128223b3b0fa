"""One cell of a sweep: what is tried there, under which name, and from which seed."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
import numpy as np

from dcsc import codes
from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc._threads import OneBlasThread
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError, InfeasibleError, TooLargeError
from dcsc.experiments.simulation.trials import Simulation
from dcsc.experiments.sweeps.canonical import canonical, identity
from dcsc.experiments.sweeps.strategies import Strategies, Strategy
from dcsc.experiments.sweeps.tables import FORWARD, Task
from dcsc.model import DCSCModel, Layer
from dcsc.pursuits import Layered, PathwayPursuit
from dcsc.pursuits.pathways.layered import as_pathway_pursuit

__all__ = ["Cell"]

# Part of every identity. Another number means that a seed gives other counts than before; a test
# holds some counts, and fails when it is time.
_COUNTS = 2
_GUARANTEES = 1


@attrs.frozen
class Cell:
    """One cell, made the same to the last bit by whoever makes it: on one BLAS thread.

    Parameters
    ----------
    index : tuple of int
        Where it is on the axes.
    coordinates : mapping of str to number or str
        The labels of its values.
    task : Task
    """

    index: tuple[int, ...]
    coordinates: Mapping[str, Any] = attrs.field(hash=False)
    task: Task

    def __str__(self) -> str:
        labels = (f"{name}={_brief(value)}" for name, value in self.coordinates.items())
        return ", ".join(labels) or "the only cell"

    @cached_property
    def identity(self) -> str:
        """The hash of all that its counts depend on; cells that agree in it share their trials."""
        pursuit = self.task.pursuit
        text = "" if pursuit == FORWARD else f'"pursuit":{pursuit.text},'
        return self._hash([layer.text for layer in self.task.used], text)

    @cached_property
    def guarantees_identity(self) -> str:
        """The hash of all that its guarantees depend on."""
        task = self.task
        bounds = ",".join(bound.text for bound in task.bounds)
        return identity(
            f'{{"bounds":[{bounds}],"cell":"{self.identity}",'
            f'"constants":{canonical(task.constants)},"delta":{canonical(task.delta)},'
            f'"guarantees":{_GUARANTEES}}}'
        )

    @property
    def seed(self) -> np.random.SeedSequence:
        """The seed of its trials: of filters, codes, laws of signs and noise, and nothing else.

        Projections and pursuits are no part of it, so that those that are compared meet the same
        signs and the same noise.
        """
        drawn = self._hash([layer.drawn for layer in self.task.used])
        words = np.frombuffer(bytes.fromhex(drawn), dtype=">u4")
        return np.random.SeedSequence(self.task.seed, spawn_key=tuple(map(int, words)))

    def _hash(self, layers: list[str], pursuit: str = "") -> str:
        task = self.task
        return identity(
            f'{{"codes":{task.codes.text},"counts":{_COUNTS},"layers":[{",".join(layers)}],'
            f'"noise":{canonical(task.noise)},{pursuit}"seed":{task.seed}}}'
        )

    @OneBlasThread()
    def model(self, strategies: Strategies) -> DCSCModel:
        """Return the model, its signs not drawn."""
        seed = self.task.seed
        layers = []
        for number, table in enumerate(self.task.used, start=1):
            try:
                layers.append(
                    Layer(
                        _dictionary(strategies, table.dictionary, seed),
                        strategies.build("projection", table.projection, seed),
                        strategies.build("signs", table.signs, seed),
                    )
                )
            except MemoryError as error:
                raise TooLargeError(f"cell {self}: layers.{number}: {error}") from None
            except (TypeError, ValueError) as error:
                raise DcscError(f"cell {self}: layers.{number}: {error}") from None
        try:
            return DCSCModel(layers)
        except DcscError as error:
            raise DcscError(f"cell {self}: {error}") from None

    @OneBlasThread()
    def codes(self, model: DCSCModel, strategies: Strategies) -> Array:
        """Return the codes of all its trials.

        Raises
        ------
        InfeasibleError
            If there are none so dense.
        """
        table, seed = self.task.codes, self.task.seed
        try:
            return codes.draw(
                model.layers[-1].dictionary,
                table.sparsity,
                table.batch,
                strategies.build("amplitudes", table.amplitudes, seed),
                seed if table.rng is None else table.rng,
            )
        except InfeasibleError as error:
            raise InfeasibleError(f"cell {self}: {error}") from None
        except MemoryError as error:
            raise TooLargeError(f"cell {self}: codes: {error}") from None
        except (TypeError, ValueError) as error:
            raise DcscError(f"cell {self}: codes: {error}") from None

    def pursuit(self, strategies: Strategies) -> PathwayPursuit:
        """Return what finds the codes of its layers."""
        try:
            built = strategies.build("pursuit", self.task.pursuit, self.task.seed)
            pursuit = as_pathway_pursuit(built, self.task.pursuit.kind)
            if isinstance(pursuit, Layered):
                pursuit._each(len(self.task.used))
        except (TypeError, ValueError) as error:
            raise DcscError(f"cell {self}: pursuit: {error}") from None
        return pursuit

    @OneBlasThread()
    def simulation(self, strategies: Strategies) -> Simulation:
        """Return its trials."""
        model = self.model(strategies)
        x = self.codes(model, strategies)
        return self.trials(model, x, strategies)

    def trials(self, model: DCSCModel, codes: Array, strategies: Strategies) -> Simulation:
        """Return its trials, of the model and the codes that it has."""
        pursuit = self.pursuit(strategies)
        try:
            return Simulation.of(model, codes, self.seed, self.task.noise, pursuit=pursuit)
        except DcscError as error:
            raise DcscError(f"cell {self}: {error}") from None


@lru_cache(maxsize=32)
def _dictionary(strategies: Strategies, table: Strategy, seed: int) -> Dictionary:
    """Return the dictionary; neighbouring cells share theirs, with what it has cached."""
    dictionary: Dictionary = strategies.build("dictionary", table, seed)
    return dictionary


def _brief(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
