r"""Which units of a network, as it is, no small perturbation of its input can switch.

A unit is on where its coefficient z, which the activation acts on, is positive. Let the input x be
any in a ball. Two ends of z follow in two ways:

*Intervals.* Each step takes the ends of its inputs to ends of its result: a linear map M takes the
centre c to Mc and the radius r to |M| r.

*Affine bounds.* Each step also encloses every combination of its results between affine functions
of its inputs: linear steps by themselves, a rectifier on an interval :math:`l < 0 < u` by the chord
:math:`u(z - l)/(u - l)` from above and by 0 or z from below, whichever encloses less. Going back
step by step, :math:`z_k \ge \langle\Lambda, x\rangle + c` for all x of the ball, and the least
value of that is known: with two ends of every sample it is a sum of least terms, and with
:math:`|e_P| \le \zeta` for the error e in every patch P it is at least
:math:`-\zeta \sum |\Lambda_C|` away from x, for any cut of the samples into cells C that lie in a
patch each.

A unit whose lower end is positive is on for the whole ball; one whose upper end is not is off.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dcsc._arguments import choice, flag, two_ends
from dcsc._arrays import Array, real
from dcsc.errors import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.activations import Activations, Stop
from dcsc.networks.convolution import Convolution
from dcsc.networks.graph import Node, checked_inputs
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.networks.operations import as_dictionary
from dcsc.networks.stability.attack import flips
from dcsc.networks.stability.balls import Ball, Cube, PatchBall
from dcsc.networks.stability.enclosure import Enclosure
from dcsc.networks.stability.records import LayerStability, PathwayStability

__all__ = ["METHODS", "NORMS", "affordable_stability", "pathway_stability"]

NORMS = ("linf", "patch_l2")
METHODS = ("affine", "interval")
_WHERE = "pathway_stability"


def pathway_stability(
    network: ConvNetwork,
    inputs: "npt.ArrayLike | Mapping[str, npt.ArrayLike]",
    eps: float,
    norm: str = "linf",
    method: str = "affine",
    *,
    valid_range: tuple[float, float] | None = None,
    attack: bool = False,
    products: float | None = None,
) -> PathwayStability:
    """Tell which units stay on, and which stay off, for every perturbation of the inputs.

    Parameters
    ----------
    network : ConvNetwork
        Its batch must be one input or of any length.
    inputs : array_like, or mapping of str to array_like
        As for `ConvNetwork.forward`; each is looked at by itself, in float64. Inputs that the
        network takes as whole numbers are not perturbed, and one at least has to be.
    eps : float
        The size of the perturbation.
    norm : "linf" or "patch_l2"
        Whether each sample changes by at most ``eps``, or the ℓ2 norm of the change is at most
        ``eps`` in every patch of the first convolution on an input of that shape.
    method : "affine" or "interval"
        Affine bounds are never wider. They take every unit that intervals leave undecided back to
        the input, which costs one pass backward for each; intervals cost three passes forward.
    valid_range : (float, float), optional
        Perturbed inputs lie in it as well, pictures in ``(0, 1)`` for example.
    attack : bool, default False
        Whether to look for perturbations that switch the units that are left undecided.
    products : float, optional
        About how many multiplications affine bounds may take for one layer of one input; layers
        that would take more are left with their intervals.

    Returns
    -------
    PathwayStability

    Raises
    ------
    DcscError
        If an argument does not fit, or inputs lie outside of ``valid_range``.
    NotCoveredError
        If the network has a fixed batch of several inputs, takes whole numbers alone, or has no
        patches for "patch_l2".

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.shipped import digits_inputs, digits_network_path
    >>> network, digits = load(digits_network_path()), digits_inputs().images[:20]
    >>> stability = pathway_stability(network, digits, 1 / 255, valid_range=(0, 1))
    >>> [round(layer.decided, 3) for layer in stability.layers]
    [0.989, 0.982, 0.985]
    """
    network_of(network, f"{_WHERE}: network")
    size = real(eps, f"{_WHERE}: eps", minimum=0)
    choice(norm, NORMS, f"{_WHERE}: norm")
    choice(method, METHODS, f"{_WHERE}: method")
    valid = None if valid_range is None else two_ends(valid_range, f"{_WHERE}: valid_range")
    attacks = flag(attack, f"{_WHERE}: attack")
    most = math.inf if products is None else real(products, f"{_WHERE}: products", minimum=0)
    return _stability(network, inputs, size, norm, method, valid, attacks, most, math.inf, _WHERE)


def affordable_stability(
    network: ConvNetwork,
    inputs: "npt.ArrayLike | Mapping[str, npt.ArrayLike]",
    eps: float,
    valid_range: tuple[float, float] | None,
    products: float,
    where: str = _WHERE,
) -> PathwayStability:
    """Return the affine bounds of as many of the first inputs as the work allows, of one at least.

    Parameters
    ----------
    network, inputs, eps, valid_range
        As for `pathway_stability`.
    products : float
        About how many multiplications affine bounds may take for one layer of all inputs. Where one
        input would take more, a layer has its intervals.
    where : str
        What messages of errors begin with: the function that was called.
    """
    return _stability(
        network, inputs, eps, "linf", "affine", valid_range, False, products, products, where
    )


def _stability(
    network: ConvNetwork,
    inputs: Any,
    size: float,
    norm: str,
    method: str,
    valid: tuple[float, float] | None,
    attacks: bool,
    each: float,
    together: float,
    where: str,
) -> PathwayStability:
    per_input: list[dict[str, LayerStability]] = []
    stops: dict[Stop, None] = {}
    work = 0.0
    spared: set[str] = set()
    for count, sample in enumerate(_samples(network, inputs, where)):
        # The next input takes about as much as one did so far.
        if count and work * (count + 1) / count > together:
            break
        activations = network.forward(sample)
        balls = _balls(activations, sample, size, norm, valid, where)
        known = {name: value for name, value in sample.items() if name not in balls}
        enclosure = Enclosure(balls, known, method == "affine", each)
        layers = _layers(activations, enclosure, stops, attacks)
        if count and together < math.inf and enclosure.spared - spared:
            break  # it has intervals where those before have affine bounds
        per_input.append(layers)
        spared = enclosure.spared
        work += enclosure.work
    names = [convolution.name for convolution in network.convolutions]
    common = [name for name in names if all(name in layers for layers in per_input)]
    return PathwayStability(
        tuple(_joint([layers[name] for layers in per_input]) for name in common),
        tuple(stops),
        tuple(name for name in names if name not in common),
        size,
        norm,
        method,
        valid,
    )


def _samples(network: ConvNetwork, inputs: Any, where: str) -> Iterator[dict[str, Array]]:
    """Yield the inputs one by one, in float64."""
    values = checked_inputs(network.inputs, inputs, f"{where}: inputs")
    counts = {value.shape[:1] for value in values.values()}
    if len(counts) != 1 or counts in ({()}, {(0,)}):
        shapes = ", ".join(str(value.shape) for value in values.values())
        raise DcscError(f"{where}: inputs: expected one batch of inputs or more, got {shapes}")
    for needed in network.inputs:
        batch = needed.shape[0] if needed.shape else None
        if batch not in (1, None):
            raise NotCoveredError(
                f"{where}: network: its input {needed.name} is a batch of {batch}, which are not "
                "looked at one by one"
            )
    if all(value.dtype.kind != "f" for value in values.values()):
        raise NotCoveredError(
            f"{where}: network: it takes whole numbers alone, which are not perturbed; read it "
            "with an example of floating numbers, or from behind the step that makes them"
        )
    for number in range(len(next(iter(values.values())))):
        yield {
            name: array.astype(np.float64) if array.dtype.kind == "f" else array
            for name, value in values.items()
            for array in (value[number : number + 1],)
        }


def _balls(
    activations: Activations,
    sample: Mapping[str, Array],
    size: float,
    norm: str,
    valid: tuple[float, float] | None,
    where: str,
) -> dict[str, Ball]:
    """Return the ball around each input that is perturbed."""
    balls: dict[str, Ball] = {}
    for name, centre in sample.items():
        if centre.dtype.kind != "f":
            continue
        low, high = (-np.inf, np.inf) if valid is None else valid
        if np.any((centre < low) | (centre > high)):
            raise DcscError(
                f"{where}: inputs: {name}: expected numbers from {low} to {high}, got "
                f"{centre.min()} to {centre.max()}"
            )
        box = Interval(np.maximum(centre - size, low), np.minimum(centre + size, high))
        balls[name] = (
            Cube(centre, box)
            if norm == "linf"
            else _patch_ball(activations, name, centre, box, size)
        )
    return balls


def _patch_ball(
    activations: Activations, name: str, centre: Array, box: Interval[Array], size: float
) -> PatchBall:
    """Return the ball of the patch norm of the first convolution on arrays of the input's shape."""
    for convolution in activations.reached:
        if activations[convolution.signal].shape == centre.shape:
            patches = as_dictionary(convolution.operation, centre.shape[2:]).patches
            break
    else:
        raise NotCoveredError(
            f"{_WHERE}: norm: no convolution sees patches of the input {name}, of shape "
            f"{centre.shape}"
        )
    # Samples in no patch are not bounded by it, and matter only if another step reads them.
    outside = patches.max_containing(np.ones((1, *patches.grid))) <= 0
    readers = activations.graph.consumers.get(name, ())
    if outside.any() and [reader.name for reader in readers] != [convolution.name]:
        raise NotCoveredError(f"{_WHERE}: norm: some samples of the input {name} are in no patch")
    box = Interval(*(np.where(outside, centre, end) for end in box))
    return PatchBall(centre, box, size, patches)


def _layers(
    activations: Activations,
    enclosure: Enclosure,
    stops: dict[Stop, None],
    attack: bool,
) -> dict[str, LayerStability]:
    """Return the layers of one input by name; where it stopped is added to ``stops``."""
    convolutions = {one.coefficients: one for one in activations.convolutions}
    layers = {}
    for node in _leading_to(activations.graph.nodes, set(convolutions)):
        stop = enclosure.run(node)
        if stop is not None:
            stops[stop] = None
        if node.output in convolutions and node.output in enclosure.boxes | enclosure.known:
            convolution = convolutions[node.output]
            active = activations[node.output] > 0
            layers[convolution.name] = _layer(enclosure, convolution, active, attack)
    return layers


def _leading_to(nodes: tuple[Node, ...], values: set[str]) -> list[Node]:
    """Return the steps that some values are made by, in their order."""
    needed, path = set(values), []
    for node in reversed(nodes):
        if node.output in needed:
            needed.update(node.inputs)
            path.append(node)
    return path[::-1]


def _layer(
    enclosure: Enclosure, convolution: Convolution, active: Array, attack: bool
) -> LayerStability:
    value = convolution.coefficients
    if value in enclosure.known:  # it depends on no perturbed input
        box = Interval(enclosure.known[value], enclosure.known[value])
    else:
        if enclosure.affine:
            low, high = enclosure.boxes[value]
            enclosure.refine(value, (low <= 0) & (high > 0))
        box = enclosure.boxes[value]
    on, off = box.low > 0, box.high <= 0
    flipped = None
    if attack:
        flipped = np.zeros(active.shape, bool)
        units = np.flatnonzero(~(on | off))
        flipped.reshape(-1)[units] = flips(enclosure, value, units, active.reshape(-1)[units])
    method = "affine" if enclosure.affine and value not in enclosure.spared else "interval"
    return LayerStability(convolution.name, active, on, off, box, method, flipped)


def _joint(layers: list[LayerStability]) -> LayerStability:
    """Return the layers of several inputs, one after the other."""

    def stacked(arrays: Iterable[Array]) -> Array:
        return np.concatenate(list(arrays))

    return LayerStability(
        layers[0].name,
        stacked(layer.active for layer in layers),
        stacked(layer.stays_on for layer in layers),
        stacked(layer.stays_off for layer in layers),
        Interval(*(stacked(layer.coefficients[end] for layer in layers) for end in (0, 1))),
        min((layer.method for layer in layers), key=METHODS[::-1].index),
        None
        if layers[0].flipped is None
        else stacked(layer.flipped for layer in layers if layer.flipped is not None),
    )
