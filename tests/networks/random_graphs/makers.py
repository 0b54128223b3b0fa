"""How each operator is used at random: layers, and what acts entry by entry."""

import numpy as np
import onnx

__all__ = ["LAYERS"]

TYPES = onnx.TensorProto


def unary(kind, make=None, exact=False, **attributes):
    """A maker of a step with one input; each attribute is a range of numbers."""

    def maker(draw):
        name = draw.data(exact=exact, make=make and (lambda *shape: make(draw, *shape)))
        ranges = {
            key: float(np.float32(draw.rng.uniform(*ends))) for key, ends in attributes.items()
        }
        draw.add(kind, [name], exact=exact, **draw.some(**ranges))

    return maker


def positive(draw, *shape):
    return np.abs(draw.normal(*shape)) + draw.dtype(0.1)


def within(draw, *shape):
    return draw.rng.uniform(-0.95, 0.95, shape).astype(draw.dtype)


def above_one(draw, *shape):
    return 1 + positive(draw, *shape)


def pair(draw, exact=False, make=None):
    """Two values that broadcast."""
    make = make or draw.normal
    first = draw.data(exact=exact, make=make if exact else None)
    shape = [n if draw.maybe(0.7) else 1 for n in draw.array(first).shape]
    shape = shape[draw.int(0, len(shape) - 1) :]
    return first, draw.constant(make(*shape), draw.maybe())


def binary(kind, exact=False):
    def maker(draw):
        first, second = pair(draw, exact, draw.ties if exact else None)
        names = [first, second] if draw.maybe(0.7) else [second, first]
        draw.add(kind, names, exact=exact)

    return maker


def divide(draw):
    if draw.maybe(0.3):  # whole numbers
        left, right = draw.ints(-9, 9, 6), [draw.one(-3, -2, 2, 3) for _ in range(6)]
        draw.add("Div", [draw.input(np.array(left)), draw.whole(*right)])
        return
    first, second = pair(draw, make=lambda *shape: positive(draw, *shape))
    draw.add("Div", [first, second])


def power(draw):
    base = draw.input(positive(draw, *draw.shape()))
    exponent = draw.one(np.float32(0.5), np.float32(2), np.int64(2), np.float32(-1))
    draw.add("Pow", [base, draw.constant(exponent)])


def several(kind):
    def maker(draw):
        first, second = pair(draw)
        more = [draw.constant(draw.normal(1))] if draw.maybe() else []
        draw.add(kind, [first, second, *more][: draw.int(1, 3)])

    return maker


def logical(kind):
    def maker(draw):
        shape = draw.shape()
        names = [draw.input(draw.normal(*shape) > 0) for _ in range(1 if kind == "Not" else 2)]
        draw.add(kind, names)

    return maker


def bits(kind):
    def maker(draw):
        shape = draw.shape()
        dtype = draw.one(np.uint8, np.uint32, np.uint64)
        first = draw.input(draw.rng.integers(0, 200, shape).astype(dtype))
        if kind == "BitwiseNot":
            draw.add(kind, [first])
            return
        high = 7 if kind == "BitShift" else 200
        second = draw.constant(draw.rng.integers(0, high, shape).astype(dtype))
        more = {"direction": draw.one("LEFT", "RIGHT")} if kind == "BitShift" else {}
        draw.add(kind, [first, second], **more)

    return maker


def modulo(draw):
    if draw.maybe():
        numbers = np.array(draw.ints(-9, 9, 6)), np.array([draw.one(-4, -3, 3, 4)] * 6)
        draw.add("Mod", [draw.input(numbers[0]), draw.constant(numbers[1])])
    else:
        shape = draw.shape()
        names = draw.input(draw.normal(*shape)), draw.input(positive(draw, *shape))
        draw.add("Mod", [*names], fmod=1)


def where(draw):
    first, second = pair(draw)
    condition = draw.input(draw.normal(*draw.array(first).shape) > 0)
    draw.add("Where", [condition, first, second], exact=True)


def clip(draw):
    name = draw.data()
    low, high = sorted(draw.normal(2))
    if draw.opset < 11:
        draw.add("Clip", [name], **draw.some(min=float(low), max=float(high)))
        return
    names = [draw.constant(end) if draw.maybe(0.8) else "" for end in (low, high)]
    draw.add("Clip", [name, *names] if names[1] else [name, *filter(None, names[:1])])


def prelu(draw):
    name = draw.data()
    shape = draw.array(name).shape
    channels = (shape[1], *[1] * (len(shape) - 2)) if len(shape) > 1 else (1,)
    slopes = draw.one((1,), channels, channels, shape[-1:], shape[1:], (1, *shape[1:]))
    draw.add("PRelu", [name, draw.constant(draw.normal(*slopes))])


def softmax(kind, exact=False):
    def maker(draw):
        name = draw.data(exact=exact, make=draw.ties if exact else None)
        draw.add(kind, [name], **draw.some(axis=draw.axis(name)))

    return maker


def gelu(draw):
    draw.add("Gelu", [draw.data()], **draw.some(approximate=draw.one("none", "tanh")))


# ---- windows ---------------------------------------------------------------------------------


def geometry(draw, axes, kernel, auto=True, dilated=True, padded=True):
    """Attributes of windows; kernels are shorter than four samples."""
    made = draw.some(strides=draw.ints(1, 3, axes))
    if dilated:
        made |= draw.some(dilations=draw.ints(1, 2, axes))
    if auto and draw.maybe(0.3):
        if "dilations" not in made:
            made["auto_pad"] = draw.one("SAME_UPPER", "SAME_LOWER", "VALID")
            # Of shorter windows ONNX Runtime leaves the first samples out, in pools alone.
            made["strides"] = [draw.int(1, k) for k in kernel]
    elif padded:
        most = [(k - 1) for k in kernel]
        ends = [draw.int(0, m) for m in (*most, *most)]
        made |= draw.some(pads=ends)
    return made


def signal(draw, axes, channels=None):
    extent = draw.ints(6, 9, axes)
    return draw.input(draw.normal(draw.int(1, 2), channels or draw.int(1, 4), *extent))


def conv(draw):
    axes, groups = draw.one(1, 2, 2, 3), draw.int(1, 2)
    kernel = draw.ints(1, 3, axes)
    name = signal(draw, axes, groups * draw.int(1, 2))
    channels = draw.array(name).shape[1] // groups
    filters = groups * draw.int(1, 2)
    names = [name, draw.constant(draw.normal(filters, channels, *kernel))]
    names += [draw.constant(draw.normal(filters))] * draw.maybe()
    draw.add("Conv", names, group=groups, **geometry(draw, axes, kernel))


def conv_transpose(draw):
    axes, groups = draw.one(1, 2, 2, 3), draw.int(1, 2)
    kernel = draw.ints(2, 3, axes)
    name = signal(draw, axes, groups * draw.int(1, 2))
    channels, filters = draw.array(name).shape[1], draw.int(1, 2)
    names = [name, draw.constant(draw.normal(channels, filters, *kernel))]
    names += [draw.constant(draw.normal(groups * filters))] * draw.maybe()
    made = geometry(draw, axes, kernel)
    if "auto_pad" not in made and draw.maybe(0.3):
        strides = made.get("strides", [1] * axes)
        made["output_padding"] = [draw.int(0, s - 1) for s in strides]
    elif "auto_pad" not in made and draw.maybe(0.3):  # it tells the padding
        made.pop("pads", None)
        sides = (draw.array(name).shape[2:], made.get("strides", [1] * axes), kernel)
        gaps = made.get("dilations", [1] * axes)
        made["output_shape"] = [
            (n - 1) * s + (k - 1) * d + 1 + draw.int(-1, 2)
            for n, s, k, d in zip(*sides, gaps, strict=True)
        ]
    draw.add("ConvTranspose", names, group=groups, **made)


def pool(kind):
    def maker(draw):
        axes = draw.one(1, 2, 2, 3)
        kernel = draw.ints(1, 3, axes)
        dilated = draw.opset >= (10 if kind == "MaxPool" else 19)
        made = geometry(draw, axes, kernel, dilated=dilated)
        if draw.opset >= (10 if kind != "LpPool" else 18):
            made |= draw.some(ceil_mode=1)
        if kind == "AveragePool":
            made |= draw.some(count_include_pad=1)
        if kind == "LpPool":
            made |= draw.some(p=draw.int(1, 3))
        outputs = 1
        if kind == "MaxPool" and draw.maybe():
            made, outputs = made | draw.some(storage_order=1), 2
        draw.add(kind, [signal(draw, axes)], outputs, kernel_shape=kernel, **made)

    return maker


def global_pool(kind, **ranges):
    def maker(draw):
        made = {key: draw.int(*ends) for key, ends in ranges.items()}
        draw.add(kind, [signal(draw, draw.int(1, 3))], **draw.some(**made))

    return maker


# ---- norms and matrices ----------------------------------------------------------------------


def batch_norm(draw):
    name = draw.data(draw.int(2, 4))
    channels = draw.array(name).shape[1]
    numbers = [draw.normal(channels) for _ in range(3)] + [positive(draw, channels)]
    names = [draw.constant(number) for number in numbers]
    draw.add("BatchNormalization", [name, *names], **draw.some(epsilon=1e-3))


def instance_norm(draw):
    name = draw.data(draw.int(3, 4))
    channels = draw.array(name).shape[1]
    names = [draw.constant(draw.normal(channels)) for _ in range(2)]
    draw.add("InstanceNormalization", [name, *names], epsilon=0.1)


def group_norm(draw):
    groups = draw.int(1, 2)
    channels = groups * draw.int(1, 2)
    name = draw.input(draw.normal(2, channels, 4, 3))
    width = channels if draw.opset >= 21 else groups
    names = [draw.constant(draw.normal(width)) for _ in range(2)]
    draw.add("GroupNormalization", [name, *names], num_groups=groups, epsilon=0.1)


def layer_norm(kind):
    def maker(draw):
        name = draw.data(draw.int(2, 4))
        axis = draw.axis(name)
        shape = draw.array(name).shape[axis:]
        names = [draw.constant(draw.normal(*shape))]
        if kind == "LayerNormalization":
            names += [draw.constant(draw.normal(*shape))] * draw.maybe()
        outputs = draw.int(1, 3) if kind == "LayerNormalization" else 1
        draw.add(kind, [name, *names], outputs, axis=axis, epsilon=0.1)

    return maker


def local_norm(draw):
    made = draw.some(alpha=0.4, beta=0.6, bias=1.5)
    draw.add("LRN", [signal(draw, 2)], size=draw.one(1, 3, 5), **made)


def unit_norm(draw):
    name = draw.data()
    draw.add("LpNormalization", [name], **draw.some(axis=draw.axis(name), p=draw.int(1, 2)))


def mean_variance(draw):
    name = draw.input(draw.normal(*draw.shape(4, low=2)))
    axes = sorted(a % 4 for a in draw.axes(name))
    draw.add("MeanVarianceNormalization", [name], **draw.some(axes=axes))


def gemm(draw):
    rows, inner, columns = draw.ints(1, 5, 3)
    turned = draw.maybe(), draw.maybe()
    first = draw.normal(inner, rows) if turned[0] else draw.normal(rows, inner)
    second = draw.normal(columns, inner) if turned[1] else draw.normal(inner, columns)
    names = [draw.input(first), draw.constant(second)]
    shape = draw.one((columns,), (1,), (rows, columns), (rows, 1))
    if draw.maybe() or draw.opset < 11:
        names.append(draw.constant(draw.normal(*shape)))
    made = draw.some(alpha=0.5, beta=2.0)
    draw.add("Gemm", names, transA=int(turned[0]), transB=int(turned[1]), **made)


def matrices(draw):
    name = draw.data()
    inner = draw.array(name).shape[-1]
    draw.add("MatMul", [name, draw.constant(draw.normal(*draw.one((inner, 3), (inner,))))])


def dropout(draw):
    name = draw.data()
    names = [name] if draw.opset < 12 else [name, draw.constant(np.float32(0.3), False)]
    draw.add("Dropout", names, exact=True)


def quantize(draw):
    name = draw.data(exact=True)
    kind = draw.one(np.uint8, np.int8)
    zero = draw.constant(np.array(draw.int(0, 9), kind), False)
    draw.add("QuantizeLinear", [name, draw.constant(np.float32(0.07), False), zero])


def dequantize(draw):
    numbers = draw.input(draw.rng.integers(0, 9, (3, 4)).astype(np.uint8))
    if draw.opset >= 21 and draw.maybe():
        block, shape = draw.int(1, 3), (3, 4)
        axis = draw.int(0, 1)
        blocks = [-(-n // block) if a == axis else n for a, n in enumerate(shape)]
        unit = np.abs(draw.normal(*blocks)).astype(np.float32)
        zero = draw.rng.integers(0, 9, blocks).astype(np.uint8)
        names = [numbers, draw.constant(unit)] + [draw.constant(zero)] * draw.maybe()
        draw.add("DequantizeLinear", names, axis=axis, block_size=block)
        return
    one = draw.opset < 13 or draw.maybe()
    unit = draw.constant(np.float32(0.1) if one else np.abs(draw.normal(4)).astype(np.float32))
    zero = np.uint8(3) if one else np.arange(4, dtype=np.uint8)
    draw.add("DequantizeLinear", [numbers, unit, draw.constant(zero)])


_PLAIN = ("Abs", "Atan", "Cos", "Erf", "Exp", "HardSwish", "Identity", "Mish", "Neg", "Relu",
          "Sigmoid", "Sin", "Softplus", "Softsign", "Tanh", "Asinh", "Cosh", "Sinh")  # fmt: skip
_STEPS = ("Ceil", "Floor", "Round", "Sign", "IsInf", "IsNaN")

LAYERS = {
    **{kind: unary(kind) for kind in _PLAIN},
    **{kind: unary(kind, exact=True) for kind in _STEPS},
    **{kind: unary(kind, positive) for kind in ("Log", "Reciprocal", "Sqrt")},
    **{kind: unary(kind, within) for kind in ("Acos", "Asin", "Atanh", "Tan")},
    "Acosh": unary("Acosh", above_one),
    "Celu": unary("Celu", alpha=(0.5, 2)),
    "Elu": unary("Elu", alpha=(0.5, 2)),
    "HardSigmoid": unary("HardSigmoid", alpha=(0.1, 1), beta=(0, 1)),
    "LeakyRelu": unary("LeakyRelu", alpha=(0, 1)),
    "Selu": unary("Selu", alpha=(1, 2), gamma=(1, 2)),
    "Shrink": unary("Shrink", exact=True, bias=(0, 1), lambd=(0, 1)),
    "Swish": unary("Swish", alpha=(0.5, 2)),
    "ThresholdedRelu": unary("ThresholdedRelu", exact=True, alpha=(0.1, 1)),
    **{kind: binary(kind) for kind in ("Add", "Sub", "Mul")},
    **{
        kind: binary(kind, exact=True)
        for kind in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    },
    **{kind: several(kind) for kind in ("Max", "Min", "Sum", "Mean")},
    **{kind: logical(kind) for kind in ("And", "Or", "Xor", "Not")},
    **{
        kind: bits(kind)
        for kind in ("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot")
    },
    **{kind: softmax(kind) for kind in ("Softmax", "LogSoftmax")},
    **{kind: pool(kind) for kind in ("MaxPool", "AveragePool", "LpPool")},
    **{kind: global_pool(kind) for kind in ("GlobalAveragePool", "GlobalMaxPool")},
    **{kind: layer_norm(kind) for kind in ("LayerNormalization", "RMSNormalization")},
    "BatchNormalization": batch_norm,
    "Clip": clip,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DequantizeLinear": dequantize,
    "Div": divide,
    "Dropout": dropout,
    "Gelu": gelu,
    "Gemm": gemm,
    "GlobalLpPool": global_pool("GlobalLpPool", p=(1, 3)),
    "GroupNormalization": group_norm,
    "Hardmax": softmax("Hardmax", exact=True),
    "InstanceNormalization": instance_norm,
    "LRN": local_norm,
    "LpNormalization": unit_norm,
    "MatMul": matrices,
    "MeanVarianceNormalization": mean_variance,
    "Mod": modulo,
    "PRelu": prelu,
    "Pow": power,
    "QuantizeLinear": quantize,
    "Where": where,
}
