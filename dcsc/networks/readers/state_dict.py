"""PyTorch's files of weights."""

import io
import pickle
import re
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from dcsc._archives import archive, unpacked_size
from dcsc._arrays import Array
from dcsc._files import read_bytes
from dcsc._outside import outside
from dcsc._words import short
from dcsc.errors import DcscError
from dcsc.networks.extras import extra
from dcsc.networks.readers.base import Tensors, WeightsReader
from dcsc.networks.readers.nested import IGNORED, Ignored, state_of
from dcsc.networks.readers.shards import INDEX

__all__ = ["StateDictReader"]

_LONGEST = 200
_LARGEST = 2**32


class StateDictReader(WeightsReader):
    """``.pt`` and ``.pth`` files that hold a state_dict; code in them is refused, not run."""

    suffixes: ClassVar[tuple[str, ...]] = (
        *(".pt", ".pth", ".pth.tar", ".bin", ".ckpt"),
        f".bin{INDEX}",
    )

    def _tensors(self, path: Path) -> Tensors:
        torch = extra("torch", "torch")
        state, notes = state_of(torch, _loaded(torch, path))
        arrays = {name: _array(torch, name, value) for name, value in state.items()}
        narrow = Counter(str(v.dtype).removeprefix("torch.") for v in state.values() if _narrow(v))
        notes += [f"{n} tensors are {kind}, computed with as float32" for kind, n in narrow.items()]
        return Tensors(arrays, tuple(notes))


def _loaded(torch: Any, path: Path) -> Any:
    """Return what PyTorch finds in a file, where it runs no code."""
    with path.open("rb") as file:
        start = file.read(4)
    packed = start == b"PK\x03\x04"
    if packed:
        _refuse_programs_and_bombs(path)
    elif path.suffix == ".bin" and not start.startswith(b"\x80"):
        raise DcscError(
            "expected an archive or a pickle of PyTorch, got neither: if it is a part of a model "
            "of TensorFlow.js, OpenVINO or ncnn, give a file that the model was made from"
        )
    with outside("expected a whole state_dict, got what PyTorch cannot load"):
        # An old file is given as its bytes: of a file, any number could be asked for.
        source = path if packed else io.BytesIO(read_bytes(path, path.name, _LARGEST))
        try:
            with torch.serialization.safe_globals([(Ignored, name) for name in IGNORED]):
                return torch.load(source, weights_only=True, map_location="cpu")
        except pickle.UnpicklingError as error:
            raise DcscError(
                f"expected a state_dict of tensors, got a pickle with {_foreign(str(error))} in "
                "it, which is not loaded, for that may run code: who trusts the file saves what is "
                "needed of it, torch.save(model.state_dict(), path)"
            ) from None


def _foreign(message: str) -> str:
    """Return what PyTorch says is in a pickle that is no tensor."""
    named = re.search(r"GLOBAL (\S+) was not", message)
    return short(named[1], _LONGEST) if named else "something else"


def _refuse_programs_and_bombs(path: Path) -> None:
    """Refuse an archive with code, or one that unpacks to more; PyTorch packs no weights."""
    with archive(path, path.suffix) as opened:
        if any("/code/" in name for name in opened.namelist()):
            raise DcscError(
                "expected a state_dict, got a TorchScript archive, which holds code: "
                "torch.save(torch.jit.load(path).state_dict(), 'net.pt') saves its weights"
            )
        if unpacked_size(opened) > path.stat().st_size:
            raise DcscError(
                f"expected members that are not compressed, got {unpacked_size(opened)} bytes in "
                f"a file of {path.stat().st_size}"
            )


def _array(torch: Any, name: str, value: Any) -> Array:
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise DcscError(f"{name}: expected a dense tensor, got {value.layout} of {value.dtype}")
    held = value.untyped_storage().nbytes()
    if value.numel() * value.element_size() > held:
        raise DcscError(f"{name}: declares shape {tuple(value.shape)}, but holds {held} bytes")
    return (value.float() if _narrow(value) else value).detach().numpy()


def _narrow(value: Any) -> bool:
    """Return whether a tensor has floating numbers that NumPy has not."""
    known = ("float16", "float32", "float64")
    return value.is_floating_point() and str(value.dtype).removeprefix("torch.") not in known
