"""The steps of a module, as ``torch.export`` finds them; the module stays as it was."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, ShapesCollection, export

from dcsc.networks.pytorch.aten import smaller
from dcsc.networks.pytorch.calls import lengths
from dcsc.networks.pytorch.refusals import fed, refusal

__all__ = ["traced"]

_INNER = ("_parameters", "_buffers", "_modules")
# They write to the terminal what the error says as well.
_LOGGERS = (
    "torch.fx.experimental.symbolic_shapes",
    "torch._export.non_strict_utils",
    "torch._subclasses.fake_tensor",
)


def traced(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    """Return the steps of a module in evaluation, for batches of any size where it takes them.

    Raises
    ------
    DcscError
        If PyTorch cannot trace the module.
    """
    with _as_it_was(module), _quiet():
        try:
            return _program(module, examples)
        except Exception as error:  # PyTorch and a module of others raise anything
            raise refusal(module, examples, error) from None


def _program(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    with warnings.catch_warnings(action="ignore"):
        # A batch of one would be taken for an axis that is always of length one.
        if any(example.shape[:1] == (1,) for example in examples):
            doubled = tuple(torch.cat([e, e]) if e.shape[:1] == (1,) else e for e in examples)
            with suppress(Exception):  # it may take a batch of one and no other
                program = _export(module, doubled)
                if all(_free(node) for node in fed(program)):
                    return program
        return _export(module, examples)


def _export(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    shapes: Any = ShapesCollection()  # type: ignore[no-untyped-call]  # it has no type hints
    for example in examples:
        shapes[example] = {0: Dim.AUTO} if example.ndim else {}
    axes = shapes.dynamic_shapes(module, examples)
    program = export(module, examples, dynamic_shapes=axes, strict=False)
    return program.run_decompositions(smaller())


def _free(node: Any) -> bool:
    """Return whether an input takes batches of any size."""
    return not lengths(node) or not isinstance(lengths(node)[0], int)


@contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Evaluate inside; afterwards every part has the attributes that it had before."""
    parts = list(module.modules())
    before = [(dict(part.__dict__), {k: dict(part.__dict__[k]) for k in _INNER}) for part in parts]
    try:
        for part in parts:
            part.training = False
        with torch.no_grad():
            yield
    finally:
        for part, (attributes, inner) in zip(parts, before, strict=True):
            part.__dict__.clear()
            part.__dict__.update(attributes)
            for key, values in inner.items():
                attributes[key].clear()
                attributes[key].update(values)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
