"""What is counted of the codes of all layers of a network over inputs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from dcsc._arguments import instances, mapping
from dcsc._arrays import instance, instance_of, integer, real
from dcsc._display import Display, Displayed, digits, percent, times
from dcsc._fields import named_field, number_field
from dcsc._words import listed, number_of, quoted
from dcsc.errors import DcscError
from dcsc.networks.tallies.layers import LayerTally, merged

__all__ = ["NetworkTally"]


def _members(value: Any, record: Any, where: str) -> Mapping[str, int]:
    counts = {
        instance(label, str, where): integer(count, f"{where}: {label}", minimum=1)
        for label, count in mapping(value, where).items()
    }
    return MappingProxyType(counts)


@attrs.frozen(repr=False)
class NetworkTally(Displayed):
    """The codes of all layers over inputs. Tallies of one task add up, as does their `sum`.

    Everything in it is a count, a smallest or a largest number: the sum of the tallies of two parts
    of a data set has the very numbers of the whole, in whatever order parts are added.

    Parameters
    ----------
    task : str
        The hash of the network and of what was asked; tallies of different tasks do not add up.
    source : str
        Name of the network.
    inputs, looked : int
        How many inputs there were, and of how many theorems and signs were asked.
    layers : tuple of LayerTally
        Those that inputs reach, in the order in which they run.
    noise : float
        The error that steady units withstand, as a share of the norm of the strongest patch.
    classes : mapping of str to int
        How many inputs had each label; empty without labels.
    right, answered : int
        How many inputs had their label as the largest output, of how many whose labels are numbers
        of outputs, or class names, where the network's first output is scores.
    stops : tuple of str
        Where the forward pass stopped.
    """

    task: str = attrs.field(validator=instance_of(str))
    source: str = attrs.field(validator=instance_of(str))
    inputs: int = number_field(integer, minimum=0)
    looked: int = number_field(integer, minimum=0)
    layers: tuple[LayerTally, ...] = named_field(
        lambda value, record, where: instances(value, LayerTally, where)
    )
    noise: float = number_field(real, minimum=0)
    classes: Mapping[str, int] = named_field(_members, factory=dict, hash=False)
    right: int = number_field(integer, default=0, minimum=0)
    answered: int = number_field(integer, default=0, minimum=0)
    stops: tuple[str, ...] = named_field(
        lambda value, record, where: instances(value, str, where), default=()
    )

    def __add__(self, other: "NetworkTally") -> "NetworkTally":
        if not isinstance(other, NetworkTally):
            return NotImplemented
        if other.task != self.task:
            raise DcscError(
                f"NetworkTally: expected tallies of one task, got those of {quoted(self.source)} "
                f"and {quoted(other.source)}, of which networks or settings differ"
            )
        if len(other.layers) != len(self.layers):
            raise DcscError(
                f"NetworkTally: expected the same layers, got {len(self.layers)} and "
                f"{len(other.layers)}"
            )
        return attrs.evolve(
            self,
            inputs=self.inputs + other.inputs,
            looked=self.looked + other.looked,
            layers=tuple(a + b for a, b in zip(self.layers, other.layers, strict=True)),
            classes=merged(self.classes, other.classes),
            right=self.right + other.right,
            answered=self.answered + other.answered,
        )

    def __radd__(self, other: int) -> "NetworkTally":
        # The sum of a list begins with 0.
        return self if other == 0 else NotImplemented

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in order: whole numbers by size, then words."""
        return tuple(sorted(self.classes, key=_rank))

    def layer(self, name: str) -> LayerTally:
        """Return the tally of a layer.

        Raises
        ------
        DcscError
            If there is none of this name.
        """
        instance(name, str, "NetworkTally.layer: name")
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = listed(layer.name for layer in self.layers)
        raise DcscError(f"NetworkTally.layer: name: expected one of {names}, got {quoted(name)}")

    def numbers(self) -> dict[str, Any]:
        """Return all counts in types that JSON has, but for those of single units."""
        table = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(NetworkTally)
            if field.name not in ("layers", "classes")
        }
        layers = [layer.numbers() for layer in self.layers]
        return table | {"classes": dict(self.classes), "layers": layers}

    def _display(self) -> Display:
        rows = [
            (
                layer.name,
                times(layer.fired.shape),
                percent(layer.density),
                f"{digits(layer.sparsity.median)} of {layer.stripe_size}",
                str(layer.silent),
            )
            for layer in self.layers
        ]
        classes = f" of {len(self.classes)} classes" if self.classes else ""
        return Display(
            f"Tally of {self.source} over {number_of(self.inputs, 'input')}{classes}",
            ("", "codes", "on", "S", "silent units"),
            rows,
            self.stops,
        )


def _rank(label: str) -> tuple[Any, ...]:
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)
