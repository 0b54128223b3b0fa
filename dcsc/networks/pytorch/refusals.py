"""Why a module cannot be traced, and what to do: its own forward pass is tried to find out."""

import inspect
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from dcsc._outside import reason
from dcsc._words import listed, one_of, quoted
from dcsc.errors import DcscError

__all__ = ["call_of", "check_batch", "check_inputs", "fed", "input_of", "refusal"]

_WHERE = "from_torch"
_LONGEST = 200
_AXES = {1: "length", 2: "height, width", 3: "depth, height, width"}
_CONVOLUTIONS: dict[type[nn.Module], int] = {
    **{nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3},
    **{nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3},
}
_HERE = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))
# What PyTorch says where the numbers in the inputs decide what comes next.
_DECIDES = ("data-dependent", "unbacked", "nonzero", "_local_scalar_dense", "control flow")


# ---- before a module is traced -------------------------------------------------------------------


def call_of(module: nn.Module) -> str:
    """Return the call to write for a module, by what its first layer with weights takes."""
    found = _first_layer(module)
    if found is None:
        return "from_torch(module, torch.zeros(...)) with the shape of a batch of its inputs"
    name, layer = found
    axes, kind = _axes(layer), quoted(layer)
    if not axes:
        return f"from_torch(module, example) with an input of its first layer, {name}: {kind}"
    return (
        f"from_torch(module, torch.zeros(1, {layer.in_channels}, {_AXES[axes]})), with the "
        f"{_AXES[axes].replace(', ', ' and ')} of its inputs: its first layer, {name}, takes "
        f"{layer.in_channels} channel{'s' * (layer.in_channels > 1)}"
    )


def input_of(module: nn.Module) -> tuple[Tensor, str] | None:
    """Return an input of a module whose first layer tells its shape, and a note; or nothing."""
    found = _first_layer(module)
    if found is None or type(found[1]) is not nn.Linear:
        return None
    name, layer = found
    weight = layer.weight
    example = torch.zeros(1, layer.in_features, dtype=weight.dtype, device=weight.device)
    return example, (
        f"no example was given: inputs are taken to be (batch, {layer.in_features}), as the first "
        f"layer, {name}, has them"
    )


def check_inputs(module: nn.Module, examples: Sequence[Any]) -> None:
    """Refuse inputs in another number than the module's ``forward`` takes."""
    if getattr(module.forward, "__func__", None) is nn.Module.forward:
        raise DcscError(
            f"{_WHERE}: module: expected one that can be called, got {one_of(type(module))}, "
            "which has no forward: give one of the modules in it, or nn.Sequential of them"
        )
    try:
        signature = inspect.signature(module.forward)
        signature.bind(*examples)
    except ValueError:  # it has no signature
        return
    except TypeError:
        names = [
            name
            for name, one in signature.parameters.items()
            if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        ]
        raise DcscError(
            f"{_WHERE}: example: expected a tuple of inputs by order, one for each of "
            f"{listed(names)}, got {len(examples)}; what is to be given by name only, a module "
            "around it can give"
        ) from None


def fed(program: ExportedProgram) -> list[Any]:
    """Return the nodes of the inputs that have to be given."""
    names = set(program.graph_signature.user_inputs)
    return [node for node in program.graph.nodes if node.name in names]


def check_batch(program: ExportedProgram) -> None:
    """Refuse inputs without a batch, which convolutions of PyTorch take as well."""
    for given in fed(program):
        for step in given.users:
            if "conv" not in str(step.target) or step.args[0] is not given:
                continue
            shape, weight = (node.meta["val"].shape for node in step.args[:2])
            if len(shape) == len(weight) - 1:
                raise _without_batch(shape)


def _without_batch(shape: Sequence[int]) -> DcscError:
    return DcscError(
        f"{_WHERE}: example: expected a batch of inputs, got one of shape {tuple(shape)}: "
        "example[None] is a batch of it"
    )


def _first_layer(module: nn.Module) -> tuple[str, Any] | None:
    """Return the first part of a module that has weights of its own, and its name."""
    for name, part in module.named_modules():
        if next(part.parameters(recurse=False), None) is not None:
            return name or "itself", part
    return None


def _axes(layer: nn.Module) -> int:
    return next((axes for kind, axes in _CONVOLUTIONS.items() if isinstance(layer, kind)), 0)


# ---- after tracing has failed --------------------------------------------------------------------


def refusal(module: nn.Module, examples: tuple[Tensor, ...], error: Exception) -> DcscError:
    """Return why a module in evaluation cannot be traced with some inputs, and what to do.

    Where its own forward pass fails as well, that is why.
    """
    kind = type(module).__name__
    stack: list[tuple[str, nn.Module, Any]] = []
    alone: list[Tensor] = []
    hooks = []
    for name, part in module.named_modules():
        hooks.append(part.register_forward_pre_hook(_entered(name, stack, alone)))
        hooks.append(part.register_forward_hook(lambda *_: _left(stack)))
    try:
        # Counters and other buffers count on in copies.
        buffers = {name: held.clone() for name, held in module.named_buffers()}
        torch.func.functional_call(module, buffers, examples)
    except Exception as failure:  # whatever a module of others raises
        if any(given is one for given in examples for one in alone):
            return _without_batch(alone[0].shape)
        text = _failed(stack, module, examples, failure)
        return DcscError(f"{_WHERE}: example: expected an input that {kind} takes, {text}")
    finally:
        for hook in hooks:
            hook.remove()
    told = f"{type(error).__name__} {error}".lower()
    if ".numpy()" in told:
        why = "it leaves PyTorch with .numpy(): functions of torch in its place can be traced"
    elif any(word in told for word in _DECIDES):
        why = (
            "the numbers in its inputs decide what comes next, by an if, a loop, an index or int() "
            "of them: torch.where or a mask in its place can be traced, or the part without it"
        )
    else:
        why = f"{reason(error)}; torch.onnx.export, whose file networks.load reads, may know a way"
    return DcscError(
        f"{_WHERE}: module: expected one that torch.export can trace, got "
        f"{kind}{_line(error)}: {why}"
    )


def _entered(name: str, stack: list[Any], alone: list[Tensor]) -> Any:
    """Return a hook that notes a part that runs and its inputs, and those that lack a batch."""

    def note(part: nn.Module, inputs: Any) -> None:
        stack.append((name, part, inputs))
        axes = _axes(part)
        if axes and inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim == axes + 1:
            alone.append(inputs[0])

    return note


def _left(stack: list[Any]) -> None:
    stack.pop()


def _line(error: BaseException) -> str:
    """Return the line of the user's own code that an error came from."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*_HERE, "<"))
    ]
    return f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""


def _failed(
    stack: list[tuple[str, nn.Module, Any]],
    module: nn.Module,
    examples: tuple[Tensor, ...],
    failure: Exception,
) -> str:
    """Return where a forward pass failed, on which input, and what would do."""
    name, layer, inputs = stack[-1] if stack else ("", module, examples)
    data = next((value for value in inputs if isinstance(value, Tensor)), None)
    weight = next((p for p in layer.parameters(recurse=False) if p.is_floating_point()), None)
    place = f"at {name}, {quoted(layer)}" if name else "in its forward"
    got = "" if data is None else f"got {tuple(data.shape)} {place}"
    if data is None or weight is None:
        return f"got an error {place}{_line(failure)}: {_own_words(failure)}"
    if data.device != weight.device:
        device = str(weight.device)
        return f"got one on {data.device} for weights on {device}: example.to({device!r})"
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag) and data.is_floating_point():
        return f"{got} of {data.dtype} for indices: example.long()"
    if data.dtype != weight.dtype and not isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        return f"got {data.dtype} {place} for weights of {weight.dtype}: example.to({weight.dtype})"
    axes, lacks = _axes(layer), ""
    if axes:
        channels = int(getattr(layer, "in_channels"))  # noqa: B009  # a convolution of any kind
        lacks = f"; it takes (batch, {channels}, {_AXES[axes]})"
        if data.ndim == axes + 2 and data.shape[-1] == channels != data.shape[1]:
            lacks += ": example.movedim(-1, 1) has its channels there"
        elif data.ndim == axes + 2 and data.shape[1] == channels:
            lacks += f" of more samples: {_own_words(failure)}"
    elif isinstance(layer, nn.Linear):
        lacks = f"; it takes {layer.in_features} numbers"
        if data is not examples[0]:
            lacks += ", which the layers before it leave of inputs of the extent in training"
    return got + (lacks or f": {_own_words(failure)}")


def _own_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:_LONGEST]}"
