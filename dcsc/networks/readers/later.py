"""ONNX operators that are known when their inputs are."""

from collections.abc import Callable

import attrs

from dcsc._arrays import Array
from dcsc.networks.operations import Operation
from dcsc.networks.readers.onnx_calls import Call

__all__ = ["Later"]


@attrs.frozen
class Later(Operation):
    """An operator of which other steps compute weights or sizes: it is read each time it runs.

    Parameters
    ----------
    call : Call
        The operator; its constants do not count.
    result : int
        Which of its results is meant.
    translate : callable
        From a call, with all its inputs as constants, and the number of a result to an operation
        and the names of the values that it reads.
    """

    call: Call
    result: int
    translate: Callable[[Call, int], tuple[Operation, tuple[str, ...]]]

    @property
    def label(self) -> str:
        return self.call.kind

    def _apply(self, *values: Array) -> Array:
        names = [name for name in self.call.inputs if name]
        known = dict(zip(names, values, strict=True))
        operation, inputs = self.translate(attrs.evolve(self.call, constants=known), self.result)
        return operation(*(known[name] for name in inputs))
