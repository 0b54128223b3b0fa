"""Networks: what a file holds, as steps from named values to named values."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import instances, mapping
from dcsc._arrays import Array, instance, instance_of, numeric_array
from dcsc._cached import cached_property
from dcsc._display import Display, Displayed, times
from dcsc._fields import named
from dcsc._words import as_layer, counted, listed, quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.activations import Activations, Stop
from dcsc.networks.convolution import Convolution, TransposedConvolution, check_values
from dcsc.networks.drawn import stations
from dcsc.networks.graph import Graph, Input, Node, checked_inputs, texts
from dcsc.networks.joining import JoinedSum, join
from dcsc.networks.misfits import run_cause
from dcsc.networks.operations import Cast, Convolve, ConvolveTransposed, Unread

if TYPE_CHECKING:
    from dcsc.networks.pytorch.module import TorchNetwork

__all__ = ["ConvNetwork", "network_of"]


def _sums(value: Any, record: Any, where: str) -> tuple[JoinedSum, ...]:
    return instances(value, JoinedSum, where)


@attrs.frozen(slots=False, repr=False)
class ConvNetwork(Displayed):
    """A trained network: its steps, and the notes of the reader that read it.

    Parameters
    ----------
    graph : Graph
        The steps, in the order in which they run.
    source : str
        Name of the file.
    notes : tuple of str
        What was assumed, converted or left out, one sentence each.
    assumed : str
        Where the reader has the geometry from, for the errors of `forward`, if weights do not tell.
    sums : tuple of JoinedSum
        The sums that are read as one convolution each; see `joined`.

    Examples
    --------
    >>> from dcsc.networks import Graph, Input, Node
    >>> from dcsc.networks.operations import Convolve, Relu
    >>> nodes = [
    ...     Node("edge", Convolve([[[-1.0, 1.0]]]), ("signal",), "edge"),
    ...     Node("relu", Relu(), ("edge",), "code"),
    ... ]
    >>> network = ConvNetwork(Graph([Input("signal", (None, 1, None))], nodes, ["code"]))
    >>> network.forward([[[0, 0, 1, 1, 0]]])["code"]
    array([[[0., 1., 0., 0.]]])
    """

    graph: Graph
    source: str = ""
    notes: tuple[str, ...] = attrs.field(default=(), converter=named(texts))  # type: ignore[misc]  # see `named`
    assumed: str = attrs.field(default="", validator=instance_of(str), repr=False)
    sums: tuple[JoinedSum, ...] = attrs.field(default=(), converter=named(_sums), repr=False)  # type: ignore[misc]  # see `named`

    # ---- what it holds -----------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs that `forward` needs."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the values that come out."""
        return self.graph.outputs

    @cached_property
    def convolutions(self) -> tuple[Convolution, ...]:
        """The convolutions, in the order in which they run."""
        joined = {terms.convolution: terms for terms in self.sums}
        return tuple(
            attrs.evolve(Convolution.at(self.graph, node, operation), joined=joined.get(node.name))
            for node, operation in self.graph.of_kind(Convolve)
        )

    @cached_property
    def transposed(self) -> tuple[TransposedConvolution, ...]:
        """The transposed convolutions, read as synthesis."""
        steps = self.graph.of_kind(ConvolveTransposed)
        return tuple(
            TransposedConvolution(node.name, operation, node.inputs[0], node.output)
            for node, operation in steps
        )

    @cached_property
    def unread(self) -> tuple[Stop, ...]:
        """The operations that cannot be run, with the reason."""
        return tuple(
            dict.fromkeys(_stop(node, unread) for node, unread in self.graph.of_kind(Unread))
        )

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """Names of the values that `forward` keeps: what layers and outputs are made of."""
        several: tuple[Convolution | TransposedConvolution, ...] = self.convolutions
        layers = (name for layer in several + self.transposed for name in layer.values)
        return tuple(dict.fromkeys((*(i.name for i in self.inputs), *layers, *self.outputs)))

    def convolution(self, name: str) -> Convolution:
        """Return the convolution of this name.

        Raises
        ------
        DcscError
            If there is none.
        """
        instance(name, str, "ConvNetwork.convolution: name")
        for convolution in self.convolutions:
            if convolution.name == name:
                return convolution
        names = listed(convolution.name for convolution in self.convolutions)
        raise DcscError(
            f"ConvNetwork.convolution: name: expected one of {names}, got {quoted(name)}"
        )

    def joined(self) -> "ConvNetwork":
        r"""Return the network with one convolution in place of each sum before an activation.

        In a residual network the code is :math:`\sigma(w * x + v * z + b)`, with a convolution of
        the shortcut z, or the shortcut itself. That is one analysis of the signal (x, z) by the
        dictionary of the filters [w v], and the code is that of its units. The result has the name
        of the sum, and the convolution that of the first one among the terms. Inputs, outputs and
        codes are the same, rounded in another order.

        A sum stays as it is, and the notes say why, where shapes differ or are not known, where
        filters of several taps move at different strides, or where the joined filters would be too
        large. Sums stay as well of which no term is a convolution that goes nowhere else.

        Examples
        --------
        >>> import numpy as np
        >>> from dcsc.networks import Graph, Input, Node
        >>> from dcsc.networks.operations import Convolve, Elementwise, Relu
        >>> nodes = [
        ...     Node("conv", Convolve([[[1.0, -2.0, 1.0]]], padding=1), ("x",), "conv"),
        ...     Node("add", Elementwise("Add"), ("conv", "x"), "sum"),
        ...     Node("relu", Relu(), ("sum",), "code"),
        ... ]
        >>> network = ConvNetwork(Graph([Input("x", (None, 1, None))], nodes, ["code"]))
        >>> (convolution,) = network.joined().convolutions
        >>> convolution.weight
        array([[[ 1., -1.,  1.]]])
        >>> print(convolution)
        conv: 1×1×3, stride (1,), padding ((1, 1),), Relu, joined: conv on x, the identity on x
        """
        joining = join(self.graph)
        notes = (*self.notes, *joining.apart)
        return attrs.evolve(
            self, graph=joining.graph, notes=notes, sums=(*self.sums, *joining.sums)
        )

    def summary(self) -> str:
        """Return the network in words: a line for each convolution, then the notes."""
        kinds = Counter(node.operation.label for node in self.graph.nodes)
        lines = [f"{self.source}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items())]
        lines += [str(convolution) for convolution in self.convolutions]
        lines += [str(convolution) for convolution in self.transposed]
        lines += [f"not read: {stop}" for stop in self.unread]
        return "\n".join(lines + [f"note: {note}" for note in self.notes])

    def _display(self) -> Display:
        return Display(
            f"ConvNetwork {self.source}: {counted(len(self.graph.nodes), 'step')}, "
            f"{counted(len(self.convolutions), 'convolution')}",
            ("", "filters", "activation", "sees"),
            [
                (
                    as_layer(convolution.name),
                    times(convolution.weight.shape),
                    _after(convolution),
                    convolution.signal,
                )
                for convolution in self.convolutions
            ],
            (*map(str, self.unread), *self.notes),
            list(stations(self.inputs, self.convolutions)),
        )

    # ---- running it --------------------------------------------------------------------------

    def forward(
        self, inputs: "npt.ArrayLike | Mapping[str, npt.ArrayLike]", keep: Iterable[str] = ()
    ) -> Activations:
        """Return the activations, computed from the weights.

        An operation that cannot be run is a stop: what depends on it is left out, all the rest is
        computed.

        Parameters
        ----------
        inputs : array_like, or mapping of str to array_like
            An array for each of `inputs`; with a single one just the array. float64 inputs are
            computed in float64, whatever the dtype of the weights.
        keep : iterable of str
            Names of values to keep besides the signals, coefficients and codes of the
            convolutions and the outputs.

        Raises
        ------
        DcscError
            If an input is missing or does not fit, or a number is not finite where a convolution
            reads it; the message names the step.
        """
        return self._forward(inputs, {*self.kept, *self._known(keep)})

    def _forward(self, inputs: Any, kept: set[str]) -> Activations:
        """Return the activations with no other values than those of some names."""
        # A value is dropped after the last step that uses it, unless it is to be kept.
        values = checked_inputs(self.inputs, inputs, "ConvNetwork.forward: inputs")
        wide = any(value.dtype == np.float64 for value in values.values())
        shapes = {name: value.shape for name, value in values.items()}
        stops = []
        for node, spent in self.graph.steps:
            if all(name in values for name in node.inputs):
                try:
                    value = self._run(node, [values[n] for n in node.inputs], wide, shapes)
                    values[node.output], shapes[node.output] = value, value.shape
                except NotCoveredError as error:
                    label = node.operation.label
                    stops.append(Stop(node.name, label, str(error).removeprefix(f"{label}: ")))
            for name in spent - kept:
                values.pop(name, None)
        return Activations(
            self.graph,
            self.convolutions,
            {name: value for name, value in values.items() if name in kept},
            tuple(dict.fromkeys(stops)),
        )

    def _run(
        self, node: Node, values: list[Array], wide: bool, shapes: Mapping[str, tuple[int, ...]]
    ) -> Array:
        """Run a step; with ``wide`` integers become float64 where the file asks for float32.

        ``shapes`` are those of all values so far, for what to say where it cannot be run.
        """
        operation = node.operation
        if wide and isinstance(operation, Cast) and operation.dtype.kind == "f":
            operation = Cast(np.float64)
        try:
            return operation(*values)
        except NotCoveredError:
            raise
        except DcscError as error:
            hint = ""
            if self.assumed:
                hint = f"{run_cause(node, shapes, self.graph.nodes)} ({self.assumed})"
            raise type(error)(f"ConvNetwork.forward: {node.name}: {error}{hint}") from None

    def activations(self, values: "Mapping[str, npt.ArrayLike]") -> Activations:
        """Return activations that were computed elsewhere, on a GPU for example.

        `TorchNetwork.values` computes what is needed. Layers and outputs without values are
        missing, as behind a stop.

        Parameters
        ----------
        values : mapping of str to array_like
            Arrays or tensors by the names in `kept`, the inputs among them.

        Raises
        ------
        DcscError
            If a name is unknown, an input is missing, a number is not finite, or the values of a
            layer do not follow from each other: of the first sample they are computed again.
        """
        where = "ConvNetwork.activations: values"
        arrays = {
            name: numeric_array(value, f"{where}: {quoted(name)}")
            for name, value in mapping(values, where).items()
        }
        unknown = [name for name in arrays if name not in self.kept]
        if unknown:
            raise DcscError(f"{where}: expected names in `kept`, got {quoted(unknown[0])}")
        for needed in self.inputs:
            if needed.name not in arrays:
                raise DcscError(f"{where}: expected the input {quoted(needed.name)} among them")
            needed.checked(arrays[needed.name], f"{where}: {needed.name}")
        for convolution in self.convolutions:
            check_values(convolution, arrays, where)
        return Activations(self.graph, self.convolutions, arrays, self.unread)

    def to_torch(self) -> "TorchNetwork":
        """Return the network as a ``torch.nn.Module`` with the same steps.

        It runs on any device, and its weights can be trained. Needs PyTorch, ``pip install
        'dcsc[torch]'``; see `dcsc.networks.pytorch.TorchNetwork`.

        Raises
        ------
        DcscError
            If PyTorch is missing, or an operation has no counterpart in it.
        """
        from dcsc.networks.pytorch.module import TorchNetwork  # noqa: PLC0415  # when it is used

        return TorchNetwork(self)

    def _known(self, keep: Iterable[str]) -> set[str]:
        several = (keep,) if isinstance(keep, str) else keep
        names = set(instances(several, str, "ConvNetwork.forward: keep"))
        unknown = names - {node.output for node in self.graph.nodes}
        if unknown:
            raise DcscError(
                f"ConvNetwork.forward: keep: expected names of values, got {quoted(min(unknown))}"
            )
        return names


def _after(convolution: Convolution) -> str:
    """Return what makes codes of the coefficients, in a word or two."""
    if convolution.summed is not None:
        return f"{convolution.summed.activation.label} of a sum"
    return "none" if convolution.activation is None else convolution.activation.label


def network_of(value: Any, where: str) -> ConvNetwork:
    """Return a network as it is, or say how something else becomes one."""
    if isinstance(value, ConvNetwork):
        return value
    way = ""
    if hasattr(value, "state_dict"):
        way = "; networks.from_torch makes one of a module"
    elif isinstance(value, str | os.PathLike):
        way = "; networks.load reads one from a file"
    elif hasattr(value, "encoder") and hasattr(value, "decode"):
        way = "; networks.autoencoders.analysis.analyze_autoencoder takes autoencoders"
    raise DcscError(f"{where}: expected a ConvNetwork, got {quoted(value)}{way}")


def _stop(node: Node, operation: Unread) -> Stop:
    return Stop(node.name, operation.kind, operation.reason)
