"""Checkpoints of PyTorch: the one mapping of tensors in them, and what may lie beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

from dcsc._words import listed, quoted
from dcsc.errors import DcscError

__all__ = ["IGNORED", "Ignored", "state_of"]

_KNOWN = ("state_dict", "model_state_dict", "model")
_OTHERS = ("optim", "sched", "scaler", "callback", "loop", "rng", "ema_")
_DEEPEST = 4


class Ignored:
    """What a pickle calls in place of a class that is not needed: nothing is made, nothing runs."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __new__(cls, *arguments: Any, **named: Any) -> "Ignored":
        """Return one, whatever the arguments are."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


def _types() -> list[str]:
    letters = "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "Float16", "Float32", "Float64"
    return [f"numpy.dtypes.{name}DType" for name in letters]


IGNORED: tuple[str, ...] = (
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"),
    *_types(),
    *("argparse.Namespace", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"),
    *("pathlib.PurePosixPath", "pathlib.PureWindowsPath", "pathlib._local.PosixPath"),
)
"""Classes that checkpoints hold beside their tensors, by the names that pickles have for them."""


def state_of(torch: Any, state: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the tensors of a checkpoint by name, and notes on what was left out.

    Raises
    ------
    DcscError
        If there are none, or several mappings of them, of which nobody says which.
    """
    notes = []
    path: tuple[str, ...] = ()
    for key in _KNOWN:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state, path = state[key], (*path, key)
    if isinstance(state, Mapping) and state and not _tensors(torch, state):
        inner = dict(_mappings(torch, state, ()))
        if len(inner) > 1:
            names = listed(quoted(".".join(name)) for name in inner)
            raise DcscError(
                f"expected one mapping of tensors, got several: {names}; save the one that is "
                "meant, torch.save(checkpoint[key], path)"
            )
        if not inner:
            raise DcscError(f"expected a state_dict of tensors, got the keys {listed(state)}")
        ((more, state),) = inner.items()
        path = (*path, *more)
    if not isinstance(state, Mapping) or not state:
        raise DcscError(f"expected a state_dict of tensors, got a {type(state).__name__}")
    if path:
        notes.append(f"weights from the entry {quoted('.'.join(path))} of the file")
    tensors = {str(k): v for k, v in state.items() if isinstance(v, torch.Tensor)}
    others = [str(key) for key in state if str(key) not in tensors]
    if others:
        notes.append(f"left out, for they are no tensors: {listed(others)}")
    return tensors, notes


def _tensors(torch: Any, state: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, torch.Tensor) for value in state.values())


def _mappings(
    torch: Any, state: Mapping[Any, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Yield the mappings of tensors inside, but for what optimisers and the like keep."""
    for key, value in state.items():
        aside = not isinstance(key, str) or any(word in key.lower() for word in _OTHERS)
        if aside or not isinstance(value, Mapping) or len(path) == _DEEPEST:
            continue
        if _tensors(torch, value):
            yield (*path, key), value
        else:
            yield from _mappings(torch, value, (*path, key))
