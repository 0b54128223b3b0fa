"""How each operator is used at random: recurrent layers, attention and changes of size."""

import numpy as np

__all__ = ["SEQUENCES"]

_GATES = {"LSTM": (4, 3), "GRU": (3, 2), "RNN": (1, 1)}  # and how many functions they go through
_FUNCTIONS = {  # and how many numbers they have
    **dict.fromkeys(("Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"), 0),
    **dict.fromkeys(("Elu", "LeakyRelu", "ThresholdedRelu"), 1),
    **dict.fromkeys(("Affine", "HardSigmoid", "ScaledTanh"), 2),
}


def recurrent(kind):
    def maker(draw):
        gates, functions = _GATES[kind]
        times, batch, width, hidden = draw.int(1, 5), draw.int(1, 3), draw.int(1, 4), draw.int(1, 4)
        direction = draw.one("forward", "reverse", "bidirectional")
        both = 2 if direction == "bidirectional" else 1
        names = [
            draw.input(draw.normal(times, batch, width)),
            draw.constant(draw.normal(both, gates * hidden, width)),
            draw.constant(draw.normal(both, gates * hidden, hidden)),
            draw.constant(draw.normal(both, 2 * gates * hidden)) if draw.maybe() else "",
            "",
            draw.constant(draw.normal(both, batch, hidden)) if draw.maybe() else "",
        ]
        if draw.maybe():
            lengths = draw.rng.integers(1, times + 1, batch).astype(np.int32)
            names[4] = draw.constant(lengths)
        made = draw.some(clip=draw.one(0.5, 2.0)) if kind != "LSTM" else {}
        if kind == "GRU":
            made |= draw.some(linear_before_reset=1)
        if kind == "LSTM":
            names.append(draw.constant(draw.normal(both, batch, hidden)) if draw.maybe() else "")
            names.append(draw.constant(draw.normal(both, 3 * hidden)) if draw.maybe() else "")
            made |= draw.some(input_forget=1)
        if draw.maybe(0.3):
            made["activations"] = [draw.one(*_FUNCTIONS) for _ in range(functions * both)]
            # Given for those that have them, in their order.
            for number, key in enumerate(("activation_alpha", "activation_beta")):
                count = sum(_FUNCTIONS[name] > number for name in made["activations"])
                made[key] = [float(n) for n in np.float32(draw.rng.uniform(0.3, 1, count))] or None
        outputs = 3 if kind == "LSTM" else 2
        while not names[-1]:
            names.pop()
        made |= {"hidden_size": hidden, "direction": direction}
        draw.add(kind, names, outputs, tame=True, **made)

    return maker


def attention(draw):
    batch, heads, queries, keys, width = (draw.int(1, 2), draw.int(1, 2), *draw.ints(1, 4, 3))
    groups = draw.int(1, 2)
    many = heads * groups
    made = draw.some(is_causal=1, scale=0.4, softcap=1.5)
    if draw.maybe():
        shapes = [
            (batch, many, queries, width),
            (batch, heads, keys, width),
            (batch, heads, keys, 3),
        ]
    else:
        shapes = [
            (batch, queries, many * width),
            (batch, keys, heads * width),
            (batch, keys, heads * 3),
        ]
        made |= {"q_num_heads": many, "kv_num_heads": heads}
    names = [draw.input(draw.normal(*shape)) for shape in shapes]
    if draw.maybe():
        mask = draw.normal(queries, keys)
        names.append(draw.input(mask > -1 if draw.maybe() else mask))
    draw.add("Attention", names, **made)


def rotary(draw):
    batch, heads, length, width = draw.int(1, 2), draw.int(1, 2), draw.int(1, 4), 2 * draw.int(1, 3)
    data = draw.input(draw.normal(batch, heads, length, width))
    tables = [draw.constant(draw.normal(batch, length, width // 2)) for _ in range(2)]
    draw.add("RotaryEmbedding", [data, *tables], **draw.some(interleaved=1))


def linear_attention(draw):
    batch, times, heads, width, out = (draw.int(1, 2), draw.int(1, 4), *draw.ints(1, 3, 3))
    groups = heads * draw.int(1, 2)
    rule = draw.one("linear", "gated", "delta", "gated_delta")
    shapes = [(batch, times, n) for n in (groups * width, heads * width, heads * out)]
    names = [draw.input(0.5 * draw.normal(*shape)) for shape in shapes]
    state = (batch, heads, width, out)
    names.append(draw.input(draw.normal(*state)) if draw.maybe() else "")
    decay = -np.abs(draw.normal(batch, times, heads * draw.one(1, width)))
    names.append(draw.input(decay) if "gated" in rule else "")
    if "delta" in rule:
        beta = draw.rng.uniform(0, 1, (batch, times, draw.one(1, heads)))
        names.append(draw.input(beta.astype(draw.dtype)))
    while not names[-1]:
        names.pop()
    made = {"q_num_heads": groups, "kv_num_heads": heads, "update_rule": rule}
    draw.add("LinearAttention", names, draw.int(1, 2), tame=True, **made, **draw.some(scale=0.4))


def causal_conv(draw):
    batch, channels, times, taps = draw.int(1, 2), draw.int(1, 4), draw.int(1, 5), draw.int(1, 4)
    names = [
        draw.input(draw.normal(batch, channels, times)),
        draw.constant(draw.normal(channels, 1, taps)),
        draw.constant(draw.normal(channels)) if draw.maybe() else "",
    ]
    if draw.maybe():
        names.append(draw.input(draw.normal(batch, channels, taps - 1)))
    while not names[-1]:
        names.pop()
    made = draw.some(activation=draw.one("none", "silu", "swish"))
    draw.add("CausalConvWithState", names, draw.int(1, 2) if taps > 1 else 1, **made)


def resize(draw):
    axes = draw.one(1, 2, 2)
    name = draw.input(draw.normal(1, draw.int(1, 2), *draw.ints(2, 5, axes)))
    shape = draw.array(name).shape
    modes = (
        ("nearest", "linear") if draw.opset < 11 or axes != 2 else ("nearest", "linear", "cubic")
    )
    made = {"mode": draw.one(*modes)}
    scales = [draw.one(0.5, 0.6, 1, 1.1, 1.5, 2, 2.3, 3) for _ in range(axes)]
    if draw.opset < 11 and made["mode"] == "nearest":
        scales = [max(scale, 1) for scale in scales]
    # Where no length changes, ONNX Runtime changes no sample, whatever the scales are.
    if all(int(np.float32(s) * n) == n for n, s in zip(shape[2:], scales, strict=True)):
        return
    if draw.opset < 11:
        draw.add("Resize", [name, draw.constant(np.array([1, 1, *scales], np.float32))], **made)
        return
    made |= draw.some(
        coordinate_transformation_mode=draw.one(
            "half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners"
        )
    )
    if made["mode"] == "nearest":
        made |= draw.some(
            nearest_mode=draw.one("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
        )
    if made["mode"] == "cubic":
        made |= draw.some(cubic_coeff_a=-0.5, exclude_outside=1)
    sizes = [max(1, int(n * s)) for n, s in zip(shape[2:], scales, strict=True)]
    whole = draw.maybe() or made.get("coordinate_transformation_mode") == "align_corners"
    empty = draw.constant(np.zeros(0, np.float32), False) if draw.opset < 13 else ""
    if not whole:
        names = [name, empty, draw.constant(np.array([1, 1, *scales], np.float32))]
    elif draw.opset >= 18 and draw.maybe():
        made["axes"] = list(range(2, 2 + axes))
        policies = ("stretch", "not_larger", "not_smaller")
        if made.get("coordinate_transformation_mode") != "align_corners":
            made |= draw.some(keep_aspect_ratio_policy=draw.one(*policies))
        names = [name, empty, "", draw.whole(*sizes)]
    else:
        names = [name, empty, empty and draw.constant(np.zeros(0, np.float32), False)]
        names.append(draw.whole(*shape[:2], *sizes))
    draw.add("Resize", names, **made)


def upsample(draw):
    name = draw.input(draw.normal(1, 2, *draw.ints(2, 4, 2)))
    scales = [1, 1, draw.one(1, 1.5, 2), draw.one(1, 2, 3)]
    mode = draw.one("nearest", "linear")
    draw.add("Upsample", [name, draw.constant(np.array(scales, np.float32))], mode=mode)


SEQUENCES = {
    **{kind: recurrent(kind) for kind in _GATES},
    "Attention": attention,
    "CausalConvWithState": causal_conv,
    "LinearAttention": linear_attention,
    "Resize": resize,
    "RotaryEmbedding": rotary,
    "Upsample": upsample,
}
