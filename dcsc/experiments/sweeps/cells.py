"""One cell of a sweep: what is tried there, under which name, and from which seed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import attrs
import numpy as np

from dcsc import codes
from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc._threads import OneBlasThread
from dcsc.codes import Amplitudes
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError, InfeasibleError, TooLargeError
from dcsc.experiments.simulation.trials import Simulation
from dcsc.experiments.sweeps.canonical import canonical, identity
from dcsc.experiments.sweeps.strategies import Strategies, Strategy
from dcsc.experiments.sweeps.tables import FORWARD, Task
from dcsc.model import DCSCModel, Layer
from dcsc.pursuits import Layered, PathwayPursuit
from dcsc.pursuits.pathways.layered import as_pathway_pursuit

__all__ = ["Cell", "CellError"]

# Part of every identity. Another number means that a seed gives other counts than before; a test
# holds some counts, and fails when it is time.
_COUNTS = 2
_GUARANTEES = 1


class CellError(DcscError):
    """What is wrong with a cell; each thing by itself in ``texts``, with its place in the file."""

    texts: tuple[str, ...] = ()


class _Wrong:
    """What is wrong with a cell, so that all of it is told at once.

    Parameters
    ----------
    cell : str
        What the message begins with.
    """

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.texts: list[str] = []
        self.kind: type[DcscError] = DcscError

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Note the error of what is made inside, under its place in the file."""
        try:
            yield
        except InfeasibleError as error:
            self.kind = InfeasibleError
            self.texts.append(str(error))
        except MemoryError as error:
            self.kind = TooLargeError
            self.texts.append(f"{place}: {error}")
        except (TypeError, ValueError) as error:
            self.texts.append(f"{place}: {error}".removeprefix(": "))

    def error(self) -> DcscError:
        """Return the error that tells all."""
        message = self.cell + "; ".join(self.texts)
        if self.kind is not DcscError:
            return self.kind(message)
        error = CellError(message)
        error.texts = tuple(self.texts)
        return error

    def tell(self) -> None:
        """Raise it, if anything is wrong."""
        if self.texts:
            raise self.error()


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

    @property
    def named(self) -> str:
        """What errors begin with: the cell by its coordinates."""
        return f"cell {self}" if self.coordinates else str(self)

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
        seed, wrong = self.task.seed, _Wrong(f"{self.named}: ")
        layers = []
        for number, table in enumerate(self.task.used, start=1):
            place = f"layers.{number}"
            parts: list[Any] = []
            with wrong.at(f"{place}.dictionary"):
                parts.append(_dictionary(strategies, table.dictionary, seed))
            with wrong.at(f"{place}.projection"):
                parts.append(strategies.build("projection", table.projection, seed))
            with wrong.at(f"{place}.signs"):
                parts.append(strategies.build("signs", table.signs, seed))
            if len(parts) == 3:
                with wrong.at(place):
                    layers.append(Layer(*parts))
        wrong.tell()
        with wrong.at(""):
            return DCSCModel(layers)
        raise wrong.error()

    @OneBlasThread()
    def codes(self, model: DCSCModel, strategies: Strategies) -> Array:
        """Return the codes of all its trials.

        Raises
        ------
        InfeasibleError
            If there are none so dense.
        """
        table, seed = self.task.codes, self.task.seed
        amplitudes = self.amplitudes(strategies)
        wrong = _Wrong(f"{self.named}: ")
        with wrong.at("codes"):
            return codes.draw(
                model.layers[-1].dictionary,
                table.sparsity,
                table.batch,
                amplitudes,
                seed if table.rng is None else table.rng,
            )
        raise wrong.error()

    def amplitudes(self, strategies: Strategies) -> Amplitudes:
        """Return the law of the sizes of its codes."""
        wrong = _Wrong(f"{self.named}: ")
        with wrong.at("codes.amplitudes"):
            law: Amplitudes = strategies.build(
                "amplitudes", self.task.codes.amplitudes, self.task.seed
            )
            return law
        raise wrong.error()

    def pursuit(self, strategies: Strategies) -> PathwayPursuit:
        """Return what finds the codes of its layers."""
        try:
            built = strategies.build("pursuit", self.task.pursuit, self.task.seed)
            pursuit = as_pathway_pursuit(built, self.task.pursuit.kind)
            if isinstance(pursuit, Layered):
                pursuit._each(len(self.task.used))
        except (TypeError, ValueError) as error:
            raise DcscError(f"{self.named}: pursuit: {error}") from None
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
            raise DcscError(f"{self.named}: {error}") from None


@lru_cache(maxsize=32)
def _dictionary(strategies: Strategies, table: Strategy, seed: int) -> Dictionary:
    """Return the dictionary; neighbouring cells share theirs, with what it has cached."""
    dictionary: Dictionary = strategies.build("dictionary", table, seed)
    return dictionary


def _brief(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
