"""PyTorch's recurrent layers as operations: each layer is one, over all times."""

import numpy as np

from dcsc._arrays import Array
from dcsc._tensors import host
from dcsc.networks import operations as ops
from dcsc.networks.pytorch.calls import OPSET, Call, Step, Translation, demand

__all__ = ["RECURRENT"]


def _recurrent(kind: str, order: tuple[int, ...], function: str = "", **more: int) -> Translation:
    """Return a translation to ONNX' operator, whose gates are PyTorch's in another order."""

    def translate(call: Call) -> Step:
        demand("batch_sizes" not in call.arguments, "its sequences are packed")
        demand(0 in (call["train"], call["dropout"]), "it is random")
        layers, both = call["num_layers"], call["bidirectional"]
        directions = 2 if both else 1
        weights = [host(call.constants[node], f"from_torch: {node}") for node in call["params"]]
        count = 4 if call["has_biases"] else 2
        demand(len(weights) == count * layers * directions, "it projects its states")
        width = weights[1].shape[1]
        how = {"hidden_size": width, "direction": "bidirectional" if both else "forward"}
        if function:
            how["activations"] = (function,) * directions
        states = call["hx"] if isinstance(call["hx"], list | tuple) else [call["hx"]]
        turn = ops.Transpose((1, 0, 2))  # times first
        value = Step.of(turn, call.data) if call["batch_first"] else call.data
        ends = []
        for layer in range(layers):
            first = layer * directions
            mine = [weights[count * n : count * (n + 1)] for n in range(first, first + directions)]
            begin = ops.Slice(((first,), (first + directions,), (0,), (1,)))
            inputs = value, *_gates(mine, order), *(Step.of(begin, state) for state in states)
            places = (0, 1, 2, *((3,) if count == 4 else ()), *range(5, 5 + len(states)))
            if call.number:
                last = ops.Foreign(kind, OPSET, how | more, places, call.number)
                ends.append(Step.of(last, *inputs))
            # Outputs (times, directions, batch, width) of both directions lie side by side.
            every = ops.Foreign(kind, OPSET, how | more, places)
            wide = ops.Reshape((0, 0, directions * width))
            value = Step((every, ops.Transpose((0, 2, 1, 3)), wide), inputs)
        if call.number:
            return Step.of(ops.Concatenate(0), *ends)
        return Step.of(turn, value) if call["batch_first"] else value

    return translate


def _gates(weights: list[list[Array]], order: tuple[int, ...]) -> list[Array]:
    """Return W, R and the biases of all directions, with their gates in ONNX' order."""

    def turned(weight: Array) -> Array:
        return np.concatenate([np.split(weight, len(order))[gate] for gate in order])

    parts = [[turned(weight) for weight in direction] for direction in weights]
    joint = [[w, r, *([np.concatenate(biases)] if biases else [])] for w, r, *biases in parts]
    return [np.stack(same) for same in zip(*joint, strict=True)]


RECURRENT: dict[str, Translation] = {
    "gru": _recurrent("GRU", (1, 0, 2), linear_before_reset=1),
    "lstm": _recurrent("LSTM", (0, 3, 1, 2)),
    "rnn_tanh": _recurrent("RNN", (0,)),
    "rnn_relu": _recurrent("RNN", (0,), "Relu"),
}
