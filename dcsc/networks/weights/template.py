"""A table of layers to begin with: what weights tell is filled in, the rest are question marks."""

import json
from collections.abc import Iterable, Mapping

from dcsc._arguments import mapping
from dcsc._arrays import instance
from dcsc._words import visible
from dcsc.errors import DcscError
from dcsc.networks.weights.kinds import called_transposed, kind_of, why_unread
from dcsc.networks.weights.modules import Module
from dcsc.networks.weights.sums import possible_sums

__all__ = ["template"]

_HEAD = """\
# The layers of {source}, in the order of their weights in the file, which need not
# be the order in which they run. What the weights tell is filled in. Put a value in place of
# each "?", or take the line out: stride, dilation and groups are 1 then, padding is 0, and
# nothing follows the layer. What has no weights is not in it: a sum of two branches, as in a
# residual network, is a layer of its own, with kind = "add" and from = ["one", "other"].
"""
# After a layer that may be a shortcut, for it has other channels than the layer before it or is
# called so, and after a block that may have one.
_SUM = """\
# If this is the end of a block of a residual network, what comes next is
# [[layers]]
# kind = "add"
# from = [{0}, {1}]
# activation = "relu"
"""
_WINDOW = ("stride", "padding", "dilation")


def template(modules: Mapping[str, Module], source: str, notes: Iterable[str] = ()) -> str:
    """Return a table of layers in TOML, for `dcsc.networks.load` once its question marks are gone.

    Parameters
    ----------
    modules : mapping of str to Module
        In the order of the file.
    source : str
        Name of the file.
    notes : iterable of str
        What was said when it was read.

    Examples
    --------
    >>> import numpy as np
    >>> print(template({"conv1": Module("conv1", {"weight": np.ones((6, 1, 5))})}, "net.npz"))
    # The layers of net.npz, in the order of their weights in the file, which need not
    # be the order in which they run. What the weights tell is filled in. Put a value in place of
    # each "?", or take the line out: stride, dilation and groups are 1 then, padding is 0, and
    # nothing follows the layer. What has no weights is not in it: a sum of two branches, as in a
    # residual network, is a layer of its own, with kind = "add" and from = ["one", "other"].
    <BLANKLINE>
    input = [1, "?"]  # channels, then the extent
    <BLANKLINE>
    [[layers]]
    name = "conv1"  # 6 filters on 1 channel, 5 taps
    stride = "?"
    padding = "?"
    dilation = "?"
    activation = "?"  # "relu", or { kind = "leaky_relu", slope = 0.1 }
    pool = "?"  # { kind = "max_pool", kernel = 2, stride = 2 }
    <BLANKLINE>
    """
    for module in mapping(modules, "template: modules").values():
        instance(module, Module, "template: modules")
    if not modules:
        raise DcscError("template: modules: expected one or more, got none")
    lines = [_HEAD.format(source=visible(str(source)))]
    lines += [f"# {visible(str(note))}\n" for note in notes]
    first = next(iter(modules.values()))
    weight = first.tensors.get("weight")
    if kind_of(first) == "convolution" and weight is not None:
        extent = ", ".join(['"?"'] * (weight.ndim - 2))
        lines.append(f"input = [{weight.shape[1]}, {extent}]  # channels, then the extent\n")
    width: int | None = None
    flat = False
    before = ""
    normed: set[str] = set()
    sums = {one.after: (one.last, one.other) for one in possible_sums(modules)}
    listing = list(modules.values())
    for module, after in zip(listing, [*listing[1:], None], strict=True):
        kind = kind_of(module)
        if module.name in normed:
            continue
        if kind == "linear" and not flat:
            flat = True
            lines.append('[[layers]]\nkind = "flatten"  # or "global_average_pool" before it\n')
        norm = _norm(module, after)
        normed.add(norm)
        lines.append("\n".join(_layer(module, kind, width, norm)) + "\n")
        if kind == "convolution":
            outputs, inputs = module.tensor("weight").shape[:2]
            terms = sums.get(module.name)
            if terms is None and width not in (None, inputs) and width == outputs:
                terms = (before, module.name)
            if terms is not None:
                lines.append(_SUM.format(*map(_name, terms)))
            width, before = outputs, module.name
    return "\n".join(lines)


def _norm(module: Module, after: Module | None) -> str:
    """Return the name of the batch norm that comes next and fits a convolution, or nothing."""
    if after is None or (kind_of(module), kind_of(after)) != ("convolution", "batch_norm"):
        return ""
    return after.name if len(after.tensor("running_mean")) == len(module.tensor("weight")) else ""


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _layer(module: Module, kind: str, width: int | None, norm: str) -> list[str]:
    """Return the lines of a layer; ``width`` is the number of channels of the last convolution."""
    name = f"name = {_name(module.name)}"
    if kind == "unread":
        reason = visible(why_unread(module))
        return ["[[layers]]", f"{name}  # {reason}", 'kind = "unread"', 'operation = "?"']
    if kind not in ("convolution", "linear"):
        return ["[[layers]]", f'{name}  # kind = "{kind}"']
    outputs, inputs, *taps = module.tensor("weight").shape
    if kind == "linear":
        lines = [f"{name}  # {outputs} outputs of {inputs} inputs"]
        return ["[[layers]]", *lines, 'activation = "?"']
    channels = f"{inputs} channel" + "s" * (inputs != 1)
    size = " × ".join(map(str, taps)) + " tap" + "s" * (max(taps) > 1)
    lines = [f"{name}  # {outputs} filters on {channels}, {size}"]
    if called_transposed(module.name):
        lines.append('kind = "?"  # "convolution" or "transposed_convolution"')
    lines += [f'{key} = "?"' for key in _WINDOW]
    if width not in (None, inputs):
        lines.append(f'groups = "?"  # {width} channels come in, if the layer before is its signal')
        lines.append('from = "?"  # the layer that is its signal, if it is not the one before')
    if norm:
        lines.append(f"norm = {_name(norm)}")
    lines.append('activation = "?"  # "relu", or { kind = "leaky_relu", slope = 0.1 }')
    return ["[[layers]]", *lines, 'pool = "?"  # { kind = "max_pool", kernel = 2, stride = 2 }']
