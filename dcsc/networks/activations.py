"""What a forward pass through a network found."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import mapping
from dcsc._arrays import Array, integer, numeric_array
from dcsc._cached import cached_property
from dcsc._display import Display, Displayed, times
from dcsc._fields import named
from dcsc._words import as_layer, counted, quoted
from dcsc.errors import DcscError
from dcsc.networks.chain import NetworkLayer, chained, single
from dcsc.networks.convolution import Convolution
from dcsc.networks.graph import Graph

__all__ = ["Activations", "Stop"]


@attrs.frozen
class Stop:
    """An operation that a forward pass could not run.

    Parameters
    ----------
    name : str
        The step's.
    operation : str
        What the file calls it.
    reason : str
    """

    name: str
    operation: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operation} ({self.name}): {self.reason}"


def _read_only(value: Any, record: Any, where: str) -> Mapping[str, Array]:
    arrays = {
        name: array if isinstance(array, np.ndarray) else numeric_array(array, where)
        for name, array in mapping(value, where).items()
    }
    views = {name: array.view() for name, array in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return MappingProxyType(views)


@attrs.frozen(slots=False, eq=False, repr=False)
class Activations(Displayed):
    """The values that a forward pass computed, by name.

    Parameters
    ----------
    graph : Graph
        The steps that were run.
    convolutions : tuple of Convolution
        Those of the network, in the order in which they run.
    values : mapping of str to array
        Signals, coefficients and codes of the convolutions, the outputs, and the values that the
        caller asked to keep; read-only.
    stops : tuple of Stop
        What could not be run; nothing that depends on it is among the values.
    """

    graph: Graph
    convolutions: tuple[Convolution, ...]
    values: Mapping[str, Array] = attrs.field(converter=named(_read_only))  # type: ignore[misc]  # see `named`
    stops: tuple[Stop, ...]

    def _display(self) -> Display:
        values = [self.values.get(one.code) for one in self.convolutions]
        rows = [
            (as_layer(one.name), "not reached" if code is None else times(code.shape), one.code)
            for one, code in zip(self.convolutions, values, strict=True)
        ]
        title = (
            f"Activations: {counted(len(self.values), 'value')}, "
            f"{counted(len(self.convolutions), 'convolution')}"
        )
        stops = [f"Stopped at {stop}" for stop in self.stops]
        return Display(title, ("", "shape of the codes", "name"), rows, stops)

    def __getitem__(self, name: str) -> Array:
        if name not in self.values:
            raise DcscError(
                f"Activations: expected the name of a value that was computed and kept, got "
                f"{quoted(name)}" + "".join(f"; stopped at {stop}" for stop in self.stops)
            )
        return self.values[name]

    def first(self, most: int) -> "Activations":
        """Return those of the first inputs; values that are not one for each stay whole."""
        integer(most, "Activations.first: most", minimum=0)
        batch = self._batch
        values = {
            name: value[:most] if value.shape[:1] == (batch,) else value
            for name, value in self.values.items()
        }
        return attrs.evolve(self, values=values)

    @property
    def _batch(self) -> int | None:
        lengths = {
            self.values[i.name].shape[:1] for i in self.graph.inputs if i.name in self.values
        }
        return next(iter(lengths))[0] if len(lengths) == 1 and lengths != {()} else None

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the convolutions that were not reached."""
        return tuple(c.name for c in self.convolutions if c.code not in self.values)

    @property
    def reached(self) -> tuple[Convolution, ...]:
        """The convolutions whose code was computed."""
        return tuple(c for c in self.convolutions if c.code in self.values)

    @cached_property
    def layers(self) -> tuple[NetworkLayer, ...]:
        """Each convolution that was reached as a D-CSC layer, on its own signal."""
        return tuple(single(self.values, convolution) for convolution in self.reached)

    @cached_property
    def chain(self) -> tuple[NetworkLayer, ...]:
        """The same layers with the scales of one pushed into the filters of the next.

        Batch norms after the activation are pushed on in the same way. Where that is not possible,
        ``below`` is None, the layer reads its own signal as in `layers`, and ``reason`` says why.
        """
        return chained(self.graph, self.values, self.reached)
