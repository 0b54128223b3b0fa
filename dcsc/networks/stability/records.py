"""What is known of the units of a network on all inputs near some."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._display import Display, Displayed, digits, percent, times
from dcsc._tables import Tabled
from dcsc._words import number_of
from dcsc.intervals import Interval
from dcsc.networks.activations import Stop

__all__ = ["LayerStability", "PathwayStability"]


_HEADINGS = (
    "",
    "units",
    "stay on",
    "stay off",
    "decided",
    "of those on",
    "attack leaves",
    "method",
)
_SHARES = ("on", "off", "decided", "steady", "attacked")


@attrs.frozen(eq=False, repr=False)
class LayerStability(Displayed):
    """The units of one layer, of each input: all arrays have the shape (batch, *code_shape).

    Parameters
    ----------
    name : str
        The convolution's.
    active : array of bool
        Which units are on at the input as it is.
    stays_on, stays_off : array of bool
        Which are on, or off, for every perturbation, all of them at once.
    coefficients : Interval of two arrays
        Two ends of what the activation acts on.
    method : str
        ``"affine"`` or ``"interval"``.
    flipped : array of bool, or None
        Which of the others an attack did switch; None without one.
    """

    name: str
    active: Array = attrs.field(repr=False)
    stays_on: Array = attrs.field(repr=False)
    stays_off: Array = attrs.field(repr=False)
    coefficients: Interval[Array] = attrs.field(repr=False)
    method: str
    flipped: Array | None = attrs.field(default=None, repr=False)

    @property
    def on(self) -> float:
        """The share of all units that provably stay on."""
        return float(self.stays_on.mean())

    @property
    def off(self) -> float:
        """The share of all units that provably stay off."""
        return float(self.stays_off.mean())

    @property
    def decided(self) -> float:
        """The share of all units of which either is proved."""
        return float((self.stays_on | self.stays_off).mean())

    @property
    def steady(self) -> float | None:
        """Of the units that are on at the inputs themselves, the share that provably stay on."""
        return float(self.stays_on[self.active].mean()) if self.active.any() else None

    @property
    def undecided(self) -> Array:
        """Which units are neither proved to stay on nor to stay off."""
        return ~(self.stays_on | self.stays_off)

    @property
    def attacked(self) -> float | None:
        """The share of all units that no perturbation was found for: no proof can go beyond it."""
        return None if self.flipped is None else 1 - float(np.mean(self.flipped))

    def _display(self) -> Display:
        inputs = number_of(len(self.active), "input")
        return Display(f"Stability of layer {self.name}, {inputs}", _HEADINGS, [self._row()])

    def _row(self) -> tuple[str, ...]:
        shares = (percent(getattr(self, name)) for name in _SHARES)
        return self.name, times(self.active.shape[1:]), *shares, self.method


@attrs.frozen(eq=False, repr=False)
class PathwayStability(Displayed, Tabled):
    """What stays on and what stays off for every perturbation of an input of some size.

    Parameters
    ----------
    layers : tuple of LayerStability
        Those of the convolutions that were reached, in the order in which they run.
    stops : tuple of Stop
        The steps that have no bounds, or cannot be run, where a convolution depends on them.
    missing : tuple of str
        Names of the convolutions that were not reached for that reason.
    eps : float
    norm, method : str
    valid_range : (float, float), or None
        Where perturbed inputs lie.
    """

    layers: tuple[LayerStability, ...]
    stops: tuple[Stop, ...]
    missing: tuple[str, ...]
    eps: float
    norm: str
    method: str
    valid_range: tuple[float, float] | None = None

    def _display(self) -> Display:
        inputs = len(self.layers[0].active) if self.layers else 0
        return Display(
            f"Units that no perturbation of size {digits(self.eps)} ({self.norm}) switches, in "
            f"{number_of(inputs, 'input')}",
            _HEADINGS,
            [layer._row() for layer in self.layers],
            [f"No bounds: {stop}" for stop in self.stops],
        )

    def _table(self) -> dict[str, list[Any]]:
        return {
            "layer": [layer.name for layer in self.layers],
            **{name: [getattr(layer, name) for layer in self.layers] for name in _SHARES},
            "method": [layer.method for layer in self.layers],
        }
