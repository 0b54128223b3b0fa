r"""Layers that hand a state on from one call to the next: causal convolutions, linear attention.

Linear attention has a matrix S as its state, which at every time t becomes :math:`e^{g_t} S` and
then :math:`S + k_t v_t^T`; its output is :math:`S^T q_t`. With a delta rule it is
:math:`\beta_t (v_t - S^T k_t)` that takes the place of :math:`v_t`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.operations.activations import Silu
from dcsc.networks.operations.convolve import Convolve

__all__ = ["causal_conv", "linear_attention"]

_RULES = ("linear", "gated", "delta", "gated_delta")


def causal_conv(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return CausalConvWithState: a convolution of each channel that looks back, and its state."""
    data, weight, bias, past = (*values, None, None)[:4]
    activation = attributes.get("activation", "none")
    if activation not in ("none", "silu", "swish"):
        raise NotCoveredError(f"its activation is {quoted(activation)}")
    if past is None:
        past = np.zeros((*data.shape[:2], weight.shape[-1] - 1), data.dtype)
    seen = np.concatenate([past, data], axis=2)
    out = Convolve(weight, bias, groups=len(weight))(seen)
    state = seen[..., seen.shape[2] - weight.shape[-1] + 1 :]
    return (out if activation == "none" else Silu()(out), state)


def linear_attention(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return LinearAttention: what the states answer to the queries, and the last state."""
    queries, keys, answers, past, decay, beta = (*values, None, None, None)[:6]
    heads, groups = attributes["kv_num_heads"], attributes["q_num_heads"]
    rule = attributes.get("update_rule", "gated_delta")
    asked = ("gated" in rule, "delta" in rule)
    if rule not in _RULES or asked != (decay is not None, beta is not None) or groups % heads:
        raise DcscError(
            f"LinearAttention: expected the inputs of a rule, one of {_RULES}, got others for "
            f"{quoted(rule)} of {groups} heads on {heads}"
        )
    q, k, v = (
        _by_heads(part, count)
        for part, count in ((queries, groups), (keys, heads), (answers, heads))
    )
    batch, times, _, width = k.shape
    scale = attributes.get("scale", 0.0) or width**-0.5
    state = np.zeros((batch, heads, width, v.shape[-1]), queries.dtype) if past is None else past
    factors = None if decay is None else np.exp(_by_heads(decay, heads))[..., None]
    rates = None if beta is None else beta[..., None]
    out = np.zeros((batch, times, groups, v.shape[-1]), queries.dtype)
    for time in range(times):
        if factors is not None:
            state = state * factors[:, time]
        new = v[:, time]
        if rates is not None:
            new = rates[:, time] * (new - np.einsum("bhdm,bhd->bhm", state, k[:, time]))
        state = state + k[:, time, :, :, None] * new[:, :, None]
        read = np.repeat(state, groups // heads, axis=1)
        out[:, time] = scale * np.einsum("bhd,bhdm->bhm", q[:, time], read)
    return out.reshape(batch, times, -1), state


def _by_heads(data: Array, heads: int) -> Array:
    """Return (batch, times, heads, width) of (batch, times, heads × width)."""
    return data.reshape(*data.shape[:2], heads, -1)
