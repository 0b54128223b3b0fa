"""A graph in the making: values that are known, and the choices of a generator."""

import numpy as np
import onnx
import onnxruntime

from tests.networks.graphs import value_info

onnxruntime.set_default_logger_severity(4)
FLOATS = (np.float32, np.float64)
LARGEST = 1e3  # larger values are not read by other steps


class RefusedError(Exception):
    """ONNX Runtime, or the operators of this version, do not run a step."""


class Drawing:
    """A graph to which steps are added, and what ONNX Runtime says its values are.

    ``exact`` holds the names of the values that are inputs, or the same entries in other places:
    what rounds, compares or sorts reads no others, since a rounding error would change it.
    """

    def __init__(self, rng, opset):
        self.rng, self.opset = rng, opset
        self.inputs, self.constants, self.values = {}, {}, {}
        self.nodes, self.exact = [], set()
        self.dtype = np.float32 if rng.random() < 0.9 else np.float64

    # ---- choices -----------------------------------------------------------------------------

    def int(self, low, high):
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def ints(self, low, high, count):
        return [self.int(low, high) for _ in range(count)]

    def one(self, *choices):
        return choices[self.int(0, len(choices) - 1)]

    def maybe(self, probability=0.5):
        return bool(self.rng.random() < probability)

    def some(self, **attributes):
        """Some of these attributes."""
        return {name: value for name, value in attributes.items() if self.maybe()}

    def shape(self, rank=None, low=1, high=5):
        return tuple(self.ints(low, high, self.int(1, 4) if rank is None else rank))

    def axis(self, name):
        """An axis of a value, from either end."""
        rank = self.array(name).ndim
        return self.int(-rank, rank - 1)

    def axes(self, name, least=1):
        rank = self.array(name).ndim
        chosen = self.rng.choice(rank, self.int(min(least, rank), rank), replace=False)
        return [int(a) - rank * self.maybe(0.3) for a in chosen]

    # ---- values ------------------------------------------------------------------------------

    def normal(self, *shape):
        return self.rng.normal(size=shape).astype(self.dtype)

    def ties(self, *shape):
        """Numbers of which some are equal."""
        return np.round(2 * self.normal(*shape)) / 2

    def array(self, name):
        return self.values[name]

    def input(self, array):
        """Return the name of a new input."""
        return self._new(self.inputs, array)

    def constant(self, array, where=None):
        """Return the name of an array of the file, or sometimes an input."""
        computed = self.maybe(0.15) if where is None else where
        return self._new(self.inputs if computed else self.constants, np.asarray(array))

    def whole(self, *numbers):
        return self.constant(np.array(numbers, np.int64))

    def _new(self, home, array):
        name = f"v{len(self.values)}"
        home[name] = self.values[name] = np.asarray(array)
        self.exact.add(name)
        return name

    def data(self, rank=None, exact=False, make=None, fits=None):
        """Return a floating value of the graph that fits, or a new input."""
        fitting = [
            name
            for name, array in self.values.items()
            if name not in self.constants
            and array.dtype == self.dtype
            and (rank is None or array.ndim == rank)
            and array.ndim
            and 0 < array.size < 2000
            and (not exact or name in self.exact)
            and np.abs(array).max(initial=0) < LARGEST
            and (fits is None or fits(array))
        ]
        if make is None and fitting and self.maybe(0.7):
            return self.one(*fitting)
        return self.input((make or self.normal)(*self.shape(rank)))

    # ---- steps -------------------------------------------------------------------------------

    def add(self, kind, names, outputs=1, exact=False, tame=False, **attributes):
        """Add a step if ONNX Runtime runs it; its outputs are values from then on.

        A tame one is left out where its values are large.
        """
        attributes = {key: value for key, value in attributes.items() if value is not None}
        made = [f"v{len(self.values) + number}" for number in range(outputs)]
        step = onnx.helper.make_node(kind, names, made, made[0], **attributes)
        inner = {name for name in names if name}
        known = {name: self.values[name] for name in inner}
        constants = {name: array for name, array in known.items() if name in self.constants}
        given = {name: array for name, array in known.items() if name not in constants}
        results = run(model([step], given, constants, made, self.opset), given)
        if not all(isinstance(one, np.ndarray) for one in results):
            raise RefusedError("no arrays")
        if tame and not all(np.abs(one).max(initial=0) < LARGEST for one in results):
            raise RefusedError("large values")
        self.nodes.append(step)
        self.values.update(zip(made, results, strict=True))
        if exact and inner <= self.exact:
            self.exact.update(made)
        return made

    def model(self):
        """Return the whole graph, with all values that its steps make as outputs."""
        outputs = [name for step in self.nodes for name in step.output]
        return model(self.nodes, self.inputs, self.constants, outputs, self.opset), outputs


def model(nodes, inputs, constants, outputs, opset):
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [value_info(name, array) for name, array in inputs.items()],
        [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
        tensors,
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)


def run(made, inputs):
    """Return the outputs by ONNX Runtime, without its optimisations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            made.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, inputs)
    except Exception as error:
        raise RefusedError(str(error)) from None
