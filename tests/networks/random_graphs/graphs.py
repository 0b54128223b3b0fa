"""Random graphs, and what dcsc makes of them."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import onnx

from dcsc import DcscError, networks
from tests.networks.random_graphs.drawing import Drawing, RefusedError
from tests.networks.random_graphs.grids import GRIDS
from tests.networks.random_graphs.makers import LAYERS
from tests.networks.random_graphs.moves import MOVES
from tests.networks.random_graphs.sequences import SEQUENCES

MAKERS = LAYERS | MOVES | SEQUENCES | GRIDS
OLDEST, NEWEST = 9, 28
TOLERANCE = 1e-4


def random_graph(seed, kinds=(), steps=3):
    """Return a graph with a step of each kind that is asked for, and some others.

    Steps that ONNX Runtime, or the version of the operators, does not have are left out; which, and
    why, is returned as well.
    """
    rng = np.random.default_rng(seed)
    versions = [n for n in range(OLDEST, NEWEST + 1) if all(known(kind, n) for kind in kinds)]
    draw = Drawing(rng, int(rng.choice(versions)))
    wanted = [*kinds, *rng.choice(list(MAKERS), int(rng.integers(0, steps + 1)))]
    refused = {}
    for kind in map(str, wanted):
        try:
            if known(kind, draw.opset):
                MAKERS[kind](draw)
        except RefusedError as error:
            refused[kind] = str(error)
    return draw, refused


@functools.cache
def known(kind, opset):
    """Return whether a version of the operators has one of this name."""
    try:
        schema = onnx.defs.get_schema(kind, opset, "")
        return kind == "GroupNormalization" or not schema.deprecated
    except onnx.defs.SchemaError:
        return False


def mismatches(draw):
    """Yield what dcsc says otherwise than ONNX Runtime: the operator, and how."""
    if not draw.nodes:
        return
    made, names = draw.model()
    kinds = {name: step.op_type for step in draw.nodes for name in step.output}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(made.SerializeToString())
        try:
            network = networks.load(path)
            values = network.forward(draw.inputs)
        except DcscError as error:
            yield "refused", str(error)
            return
    for stop in values.stops:
        yield stop.operation, stop.reason
    for name in names:
        if name in values.values:
            why = difference(values[name], draw.array(name))
            if why:
                yield kinds[name], why


def difference(found, expected):
    """Return in words how two arrays differ, or nothing."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if (found.dtype.kind == "f") != (expected.dtype.kind == "f"):
        return f"dtype {found.dtype}, expected {expected.dtype}"
    finite = np.isfinite(expected)
    largest = np.abs(expected[finite].astype(np.float64)).max(initial=1e-3)
    close = np.isclose(
        found.astype(np.float64),
        expected.astype(np.float64),
        0,
        TOLERANCE * largest,
        equal_nan=True,
    )
    if not close.all():
        place = tuple(int(n) for n in np.argwhere(~close)[0])
        return f"{found[place]} at {place}, expected {expected[place]}"
    return ""
