"""A format of networks: weights as text."""

import json
from pathlib import Path
from typing import ClassVar

import numpy as np

from dcsc import DcscError
from dcsc.networks.readers import Tensors, WeightsReader


class JsonReader(WeightsReader):
    """``.json`` files that hold nested lists of numbers under names like ``conv1.weight``.

    Examples
    --------
    >>> import tempfile
    >>> from dcsc.testing import check_reader
    >>> path = Path(tempfile.mkdtemp(), "small.json")
    >>> _ = path.write_text('{"conv1.weight": [[[0.5, -1.0]]], "conv1.bias": [0.25]}')
    >>> network = JsonReader().read(path)
    >>> network.forward([[[1.0, 2.0, 0.0]]])["conv1"]
    array([[[-1.25,  1.25]]])
    >>> check_reader(JsonReader(), path)
    """

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    def _tensors(self, path: Path) -> Tensors:
        try:
            values = json.loads(path.read_text("utf-8"))
            return Tensors({name: np.array(value, float) for name, value in values.items()})
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise DcscError(f"expected names and nested lists of numbers: {error}") from None
