"""NumPy's archives of arrays."""

from pathlib import Path
from typing import ClassVar

from dcsc._archives import npz_arrays
from dcsc.networks.readers.base import Tensors, WeightsReader

__all__ = ["NpzReader"]


class NpzReader(WeightsReader):
    """``.npz`` files, without pickles: names like ``conv1.weight``."""

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def _tensors(self, path: Path) -> Tensors:
        return Tensors(npz_arrays(path, kinds="biuf"))
