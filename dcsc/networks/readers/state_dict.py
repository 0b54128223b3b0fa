"""PyTorch's files of weights."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from dcsc._arrays import Array
from dcsc.errors import DcscError
from dcsc.networks.readers.base import Tensors, WeightsReader
from dcsc.networks.readers.extras import extra

__all__ = ["StateDictReader"]

_NESTED = ("state_dict", "model_state_dict", "model")


class StateDictReader(WeightsReader):
    """``.pt`` and ``.pth`` files that hold a state_dict; code in them is refused, not run."""

    suffixes: ClassVar[tuple[str, ...]] = (".pt", ".pth", ".bin", ".ckpt")

    def _tensors(self, path: Path) -> Tensors:
        torch = extra("torch", "torch")
        _refuse_bombs(path)
        try:
            found = torch.load(path, weights_only=True, map_location="cpu")
        except pickle.UnpicklingError as error:
            raise DcscError(
                "expected a state_dict of tensors, got a pickle with something else in it, which "
                f"is not loaded: {_first_line(error)}"
            ) from None
        except (
            AttributeError,
            EOFError,
            IndexError,
            KeyError,
            OSError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise DcscError(
                f"expected a whole state_dict, got what PyTorch cannot load: {_first_line(error)}"
            ) from None
        notes = []
        if isinstance(found, Mapping):
            for key in _NESTED:
                if isinstance(found.get(key), Mapping):
                    found, notes = found[key], [f"weights from the entry {key!r} of the file"]
        if not isinstance(found, Mapping) or not found:
            raise DcscError(f"expected a state_dict of tensors, got a {type(found).__name__}")
        return Tensors(
            {str(name): _array(torch, name, v) for name, v in found.items()}, tuple(notes)
        )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: " + str(error).strip().split("\n")[0].split(". ")[0]


def _refuse_bombs(path: Path) -> None:
    """Refuse an archive whose members unpack to more than there is; PyTorch never packs them."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        declared = sum(member.file_size for member in archive.infolist())
    if declared > path.stat().st_size:
        raise DcscError(
            f"expected members that are not compressed, got {declared} bytes in a file of "
            f"{path.stat().st_size}"
        )


def _array(torch: Any, name: str, value: Any) -> Array:
    if not isinstance(value, torch.Tensor):
        raise DcscError(f"{name}: expected a tensor, got a {type(value).__name__}")
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise DcscError(f"{name}: expected a dense tensor, got {value.layout} of {value.dtype}")
    held = value.untyped_storage().nbytes()
    if value.numel() * value.element_size() > held:
        raise DcscError(f"{name}: declares shape {tuple(value.shape)}, but holds {held} bytes")
    return (value.float() if value.dtype == torch.bfloat16 else value).detach().numpy()
