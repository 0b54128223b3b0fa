r"""Recurrent layers: LSTM, GRU and RNN.

With a state :math:`h`, a step of time adds :math:`W x_t + b` and :math:`R h` for every gate. The
gates of an LSTM are i, o, f and c, those of a GRU z, r and h. Sequences of a batch may end early: a
state then stays as it was, the output is zero, and the way back begins at the end of each sequence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import NotCoveredError
from dcsc.networks.operations.activations import sigmoid

__all__ = ["gru", "lstm", "rnn"]

Function = Callable[[Array], Array]
Values = tuple[Any, ...]


# Each with its defaults of alpha and beta, those that it has; None where nothing says them.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[float | None, ...]]] = {
    "affine": (lambda z, a, b: a * z + b, (None, None)),
    "elu": (lambda z, a: np.where(z < 0, a * np.expm1(z), z), (1.0,)),
    "hardsigmoid": (lambda z, a, b: np.clip(a * z + b, 0, 1), (0.2, 0.5)),
    "leakyrelu": (lambda z, a: np.where(z < 0, a * z, z), (0.01,)),
    "relu": (lambda z: np.maximum(z, 0), ()),
    "scaledtanh": (lambda z, a, b: a * np.tanh(b * z), (None, None)),
    "sigmoid": (sigmoid, ()),
    "softplus": (lambda z: np.logaddexp(z, 0).astype(z.dtype), ()),
    "softsign": (lambda z: z / (1 + np.abs(z)), ()),
    "tanh": (np.tanh, ()),
    "thresholdedrelu": (lambda z, a: np.where(z > a, z, 0), (None,)),
}


def _functions(attributes: Mapping[str, Any], defaults: tuple[str, ...]) -> Iterator[Function]:
    """Yield the functions of the gates, one direction after the other, on clipped numbers."""
    alphas = iter(attributes.get("activation_alpha", ()))
    betas = iter(attributes.get("activation_beta", ()))
    clip = attributes.get("clip", 0.0)
    directions = 2 if attributes.get("direction", "forward") == "bidirectional" else 1
    for name in attributes.get("activations", defaults * directions):
        if name.lower() not in _FUNCTIONS:
            raise NotCoveredError(f"its gates go through {quoted(name)}")
        function, numbers = _FUNCTIONS[name.lower()]
        # Those that have numbers take the next ones given.
        taken = [next(more, n) for n, more in zip(numbers, (alphas, betas), strict=False)]
        if None in taken:
            raise NotCoveredError(f"its gates go through {quoted(name)} without its numbers")
        yield partial(_clipped, function, clip, tuple(taken))


def _clipped(function: Callable[..., Any], clip: float, numbers: Any, z: Array) -> Any:
    return function(np.clip(z, -clip, clip) if clip > 0 else z, *numbers)


def _recurrent(
    attributes: Mapping[str, Any],
    data: Array,
    lengths: Array | None,
    states: list[Array],
    steps: Sequence[Callable[..., tuple[Array, ...]]],
) -> tuple[Array, ...]:
    """Return all outputs, and the last states, of a layer with one or two directions.

    ``steps`` has one function per direction, from the input at one time and the states to the
    states; the first of them is the output.
    """
    turned = attributes.get("layout", 0) == 1
    if turned:
        data = data.swapaxes(0, 1)
        states = [state.swapaxes(0, 1) for state in states]
    times, batch = data.shape[:2]
    ends = np.full(batch, times) if lengths is None else lengths.astype(int)
    backwards = {"forward": [0], "reverse": [1], "bidirectional": [0, 1]}
    directions = backwards[attributes.get("direction", "forward")]
    outputs, last = [], []
    for number, (step, back) in enumerate(zip(steps, directions, strict=True)):
        now = tuple(state[number] for state in states)
        out = np.zeros((times, *now[0].shape), now[0].dtype)
        for time in range(times):
            # Where the sequence lies at this time; those that have ended stay as they are.
            place = ends - 1 - time if back else np.full(batch, time)
            running = np.flatnonzero(time < ends)
            after = step(data[place, np.arange(batch)], *now)
            going = (time < ends)[:, None]
            now = tuple(np.where(going, new, old) for new, old in zip(after, now, strict=True))
            out[place[running], running] = now[0][running]
        outputs.append(out)
        last.append(now)
    every = np.stack(outputs, axis=1)
    finals = [np.stack(finals) for finals in zip(*last, strict=True)]
    if turned:
        return every.transpose(2, 0, 1, 3), *(final.swapaxes(0, 1) for final in finals)
    return every, *finals


def _parts(values: Values, gates: int) -> tuple[list[list[Array]], int]:
    """Return for each direction W, R, and the biases of inputs and states; and the width."""
    _, inputs, states, biases = values[:4]
    width = states.shape[-1]
    if biases is None:
        biases = np.zeros((len(inputs), 2 * gates * width), inputs.dtype)
    halves = biases.reshape(len(inputs), 2, gates * width)
    directions = zip(inputs, states, halves, strict=True)
    return [[w.T, r.T, b[0], b[1]] for w, r, b in directions], width


def _state(values: Values, place: int, directions: int, width: int, turned: bool) -> Array:
    """Return the first state, zero if none is given."""
    value = values[place] if place < len(values) else None
    data = values[0]
    batch = data.shape[0 if turned else 1]
    shape = (batch, directions, width) if turned else (directions, batch, width)
    return np.zeros(shape, data.dtype) if value is None else value


def lstm(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return outputs, last outputs and last cells of long short-term memory."""
    if attributes.get("clip", 0):
        raise NotCoveredError("it clips cells, before their last function or not")
    padded = values + (None,) * (8 - len(values))
    parts, width = _parts(padded, 4)
    functions = list(_functions(attributes, ("Sigmoid", "Tanh", "Tanh")))
    coupled, turned = attributes.get("input_forget", 0), attributes.get("layout", 0) == 1
    peepholes = padded[7]
    if peepholes is None:
        peepholes = np.zeros((len(parts), 3 * width), parts[0][0].dtype)

    def step(number: int, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
        w, r, before, after = parts[number]
        f, g, last = functions[3 * number : 3 * number + 3]
        look_i, look_o, look_f = np.split(peepholes[number], 3)
        i, o, forget, cell = np.split(x @ w + h @ r + (before + after), 4, axis=1)
        i = f(i + look_i * c)
        forget = 1 - i if coupled else f(forget + look_f * c)
        c = forget * c + i * g(cell)
        return f(o + look_o * c) * last(c), c

    states = [_state(padded, place, len(parts), width, turned) for place in (5, 6)]
    steps = [partial(step, number) for number in range(len(parts))]
    data = padded[0]
    return _recurrent(attributes, data, padded[4], states, steps)


def gru(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return outputs and last outputs of gated recurrent units."""
    padded = values + (None,) * (6 - len(values))
    parts, width = _parts(padded, 3)
    functions = list(_functions(attributes, ("Sigmoid", "Tanh")))
    late, turned = attributes.get("linear_before_reset", 0), attributes.get("layout", 0) == 1

    def step(number: int, x: Array, h: Array) -> tuple[Array, ...]:
        w, r, before, after = parts[number]
        f, g = functions[2 * number : 2 * number + 2]
        seen = x @ w + before
        gates = f(seen[:, : 2 * width] + h @ r[:, : 2 * width] + after[: 2 * width])
        z, reset = np.split(gates, 2, axis=1)
        own, shift = r[:, 2 * width :], after[2 * width :]
        held = reset * (h @ own + shift) if late else (reset * h) @ own + shift
        return ((1 - z) * g(seen[:, 2 * width :] + held) + z * h,)

    states = [_state(padded, 5, len(parts), width, turned)]
    steps = [partial(step, number) for number in range(len(parts))]
    data = padded[0]
    return _recurrent(attributes, data, padded[4], states, steps)


def rnn(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return outputs and last outputs of a plain recurrent layer."""
    padded = values + (None,) * (6 - len(values))
    parts, width = _parts(padded, 1)
    functions = list(_functions(attributes, ("Tanh",)))

    def step(number: int, x: Array, h: Array) -> tuple[Array, ...]:
        w, r, before, after = parts[number]
        return (functions[number](x @ w + h @ r + (before + after)),)

    states = [_state(padded, 5, len(parts), width, attributes.get("layout", 0) == 1)]
    steps = [partial(step, number) for number in range(len(parts))]
    data = padded[0]
    return _recurrent(attributes, data, padded[4], states, steps)
