"""PyTorch's operators, by name, as operations.

A new one is a function from a `Call` to an operation on its first argument, or to a `Step`, and a
line in the table of its kind. What has no line is written by PyTorch itself in terms of smaller
operators, as far as it can.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from torch.export import default_decompositions

from dcsc.errors import NotCoveredError
from dcsc.networks.pytorch.arrangement import ARRANGEMENT
from dcsc.networks.pytorch.calls import Call, Step, Translation
from dcsc.networks.pytorch.grids import GRIDS
from dcsc.networks.pytorch.layers import LAYERS
from dcsc.networks.pytorch.numbers import NUMBERS
from dcsc.networks.pytorch.places import PLACES
from dcsc.networks.pytorch.recurrent import RECURRENT
from dcsc.networks.pytorch.reductions import REDUCTIONS

__all__ = ["SEVERAL", "smaller", "translated"]

SEVERAL = frozenset({*RECURRENT, "max", "min", "sort", "topk", "var_mean"})
"""The operators of which more than the first result can be had."""

# Arguments that the shape or the dtype of the result tells too, and what only training asks for.
_DECIDED = {
    **{"view": ("size",), "reshape": ("shape",), "_unsafe_view": ("size",)},
    **{"flatten": ("start_dim", "end_dim"), "unflatten": ("dim", "sizes")},
    **dict.fromkeys(("squeeze", "unsqueeze"), ("dim",)),
    **dict.fromkeys(("_to_copy", "to"), ("dtype", "other")),
    **dict.fromkeys(("zeros", "ones", "full", "full_like"), ("dtype",)),
    "embedding": ("padding_idx",),
    "instance_norm": ("running_mean", "running_var"),
}

TRANSLATIONS: dict[str, Translation] = {
    **LAYERS,
    **RECURRENT,
    **GRIDS,
    **NUMBERS,
    **REDUCTIONS,
    **ARRANGEMENT,
    **PLACES,
}


def translated(call: Call) -> Step:
    """Return the step that a call is.

    Raises
    ------
    NotCoveredError
        If no operation does this.
    """
    name = call.node.target.overloadpacket.__name__
    if name not in TRANSLATIONS:
        raise NotCoveredError("no operation of dcsc does this")
    call.asked.update(_DECIDED.get(name, ()))
    made = TRANSLATIONS[name](call)
    for argument in call.unheeded():
        raise NotCoveredError(f"its {argument} is not known")
    return made if isinstance(made, Step) else Step.of(made, call.data)


@cache
def smaller() -> dict[Any, Callable[..., Any]]:
    """Return how PyTorch writes operators without a translation in terms of others."""
    table: Any = default_decompositions()  # which has no type hints
    return {
        operator: rule
        for operator, rule in table.items()
        if operator.overloadpacket.__name__ not in TRANSLATIONS
    }
