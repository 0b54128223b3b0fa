"""How each operator is used at random: what moves numbers, picks or joins them, and sequences."""

import numpy as np
import onnx

__all__ = ["MOVES"]

TYPES = onnx.TensorProto


def listed(draw, kind, name, key, numbers, since, exact=True, **attributes):
    """Add a step whose whole numbers are an attribute, or an input since some version."""
    if draw.opset < since:
        draw.add(kind, [name], exact=exact, **{key: list(numbers)}, **attributes)
    else:
        draw.add(kind, [name, draw.whole(*numbers)], exact=exact, **attributes)


def reshape(draw):
    name = draw.data()
    shape = list(draw.array(name).shape)
    turned = draw.rng.permutation(shape)
    places = [-1 if place == 0 else int(n) for place, n in enumerate(turned)]
    choices = ([-1], places, [0] * (len(shape) - 1) + [-1])
    draw.add("Reshape", [name, draw.whole(*choices[draw.int(0, 2)])], exact=True)


def flatten(draw):
    name = draw.data()
    rank = draw.array(name).ndim
    axis = draw.int(0 if draw.opset < 11 else -rank, rank)
    draw.add("Flatten", [name], exact=True, **draw.some(axis=axis))


def transpose(draw):
    name = draw.data()
    order = [int(n) for n in draw.rng.permutation(draw.array(name).ndim)]
    draw.add("Transpose", [name], exact=True, **draw.some(perm=order))


def squeeze(draw):
    shape = list(draw.shape(draw.int(1, 3), low=2))
    places = sorted(draw.ints(0, len(shape), draw.int(1, 2)))
    for place in reversed(places):
        shape.insert(place, 1)
    name = draw.input(draw.normal(*shape))
    axes = [axis for axis, n in enumerate(shape) if n == 1]
    if draw.maybe():
        listed(draw, "Squeeze", name, "axes", axes[: draw.int(1, len(axes))], 13)
    else:
        draw.add("Squeeze", [name], exact=True)


def unsqueeze(draw):
    name = draw.data()
    rank = draw.array(name).ndim
    axes = [0, rank + 1] if draw.opset < 11 or draw.maybe() else [-1, 1]
    listed(draw, "Unsqueeze", name, "axes", axes[: draw.int(1, 2)], 13)


def concat(draw):
    name = draw.data()
    axis = draw.axis(name)
    shape = list(draw.array(name).shape)
    names = [name]
    for _ in range(draw.int(0, 2)):
        shape[axis] = draw.int(1, 3)
        names.append(draw.constant(draw.normal(*shape), draw.maybe()))
    draw.add("Concat", names, exact=True, axis=axis if draw.opset >= 11 else axis % len(shape))


def split(draw):
    name = draw.data()
    axis = draw.axis(name)
    length = draw.array(name).shape[axis]
    axis = axis if draw.opset >= 11 else axis % draw.array(name).ndim
    first = draw.int(0, length)
    if draw.opset < 13:
        draw.add("Split", [name], 2, exact=True, axis=axis, split=[first, length - first])
    elif draw.maybe():
        sizes = draw.whole(first, length - first)
        draw.add("Split", [name, sizes], 2, exact=True, axis=axis)
    elif draw.opset >= 18:
        count = draw.int(1, 3)
        draw.add("Split", [name], count, exact=True, axis=axis, num_outputs=count)


def slices(draw):
    name = draw.data()
    axes = draw.axes(name)
    starts, ends = draw.ints(-6, 6, len(axes)), draw.ints(-6, 6, len(axes))
    axes = [axis % draw.array(name).ndim for axis in axes]
    if draw.opset < 10:
        draw.add("Slice", [name], exact=True, starts=starts, ends=ends, axes=axes)
        return
    steps = [draw.one(-2, -1, 1, 2) for _ in axes]
    names = [draw.whole(*numbers) for numbers in (starts, ends, axes, steps)]
    draw.add("Slice", [name, *names], exact=True)


def pad(draw):
    name = draw.data(fits=lambda array: min(array.shape) > 1)
    array = draw.array(name)
    mode = draw.one("constant", "edge", "reflect")
    axes = [a % array.ndim for a in draw.axes(name)]
    if draw.opset < 18 or draw.maybe():
        axes = list(range(array.ndim))
    most = [min(array.shape[a] - 1, 3) for a in axes]
    widths = [draw.int(0, max(m, 0)) for m in (*most, *most)]
    if draw.opset < 11:
        draw.add("Pad", [name], exact=True, pads=widths, mode=mode)
        return
    names = [name, draw.whole(*widths)]
    if len(axes) < array.ndim or (draw.opset >= 18 and draw.maybe(0.2)):
        names += ["", draw.whole(*axes)]
    elif draw.maybe():
        names.append(draw.constant(draw.dtype(0.5)))
    draw.add("Pad", names, exact=True, mode=mode)


def tile(draw):
    name = draw.data()
    repeats = draw.ints(1, 2, draw.array(name).ndim)
    draw.add("Tile", [name, draw.whole(*repeats)], exact=True)


def expand(draw):
    name = draw.input(draw.normal(*(draw.one(1, 3) for _ in range(3))))
    shape = [n if n > 1 else draw.int(1, 3) for n in draw.array(name).shape]
    draw.add("Expand", [name, draw.whole(*[2] * draw.maybe(), *shape)], exact=True)


def trilu(draw):
    name = draw.data(draw.int(2, 4))
    names = [name] + [draw.constant(np.array(draw.int(-3, 3)))] * draw.maybe()
    draw.add("Trilu", names, exact=True, **draw.some(upper=draw.int(0, 1)))


def center(draw):
    name = draw.data()
    axes = [a % draw.array(name).ndim for a in draw.axes(name)]
    sizes = draw.ints(1, 7, len(axes))
    draw.add("CenterCropPad", [name, draw.whole(*sizes)], exact=True, axes=axes)


def depth(kind):
    def maker(draw):
        block = draw.int(1, 2)
        shape = draw.int(1, 2), draw.int(1, 2) * block**2, *(2 * n for n in draw.ints(1, 2, 2))
        made = {"blocksize": block}
        if kind == "DepthToSpace" and draw.opset >= 11:
            made |= draw.some(mode=draw.one("DCR", "CRD"))
        draw.add(kind, [draw.input(draw.normal(*shape))], exact=True, **made)

    return maker


# ---- picking ---------------------------------------------------------------------------------


def gather(draw):
    name = draw.data()
    axis = draw.axis(name)
    length = draw.array(name).shape[axis]
    low = -length if draw.opset >= 11 else 0
    places = draw.rng.integers(low, length, draw.shape(draw.int(1, 2)))
    axis = axis if draw.opset >= 11 else axis % draw.array(name).ndim
    draw.add("Gather", [name, draw.constant(places)], exact=True, axis=axis)


def along(draw, name, axis):
    """Places along an axis, none of them twice."""
    shape = list(draw.array(name).shape)
    order = np.argsort(draw.rng.random(shape), axis=axis)
    return np.take(order, range(draw.int(1, shape[axis])), axis)


def gather_elements(draw):
    name = draw.data()
    axis = draw.axis(name)
    places = draw.constant(along(draw, name, axis))
    draw.add("GatherElements", [name, places], exact=True, axis=axis)


def scatter_elements(draw):
    name = draw.data()
    axis = draw.axis(name)
    places = along(draw, name, axis)
    names = [name, draw.constant(places), draw.constant(draw.normal(*places.shape))]
    kinds = {16: ("none", "add", "mul"), 18: ("none", "add", "mul", "max", "min")}
    known = max((n for n in kinds if n <= draw.opset), default=None)
    made = draw.some(reduction=draw.one(*kinds[known])) if known else {}
    draw.add("ScatterElements", names, axis=axis, **made)


def points(draw, name, count):
    """Places of points or slices, none of them twice."""
    shape = draw.array(name).shape
    depth = draw.int(1, len(shape))
    every = np.stack(np.unravel_index(np.arange(np.prod(shape[:depth])), shape[:depth]), axis=-1)
    return draw.rng.permutation(every)[:count]


def gather_nd(draw):
    name = draw.data()
    draw.add("GatherND", [name, draw.constant(points(draw, name, 3))], exact=True)


def scatter_nd(draw):
    name = draw.data()
    places = points(draw, name, 3)
    rest = draw.array(name).shape[places.shape[1] :]
    updates = draw.normal(len(places), *rest)
    made = draw.some(reduction=draw.one("add", "mul")) if draw.opset >= 16 else {}
    draw.add("ScatterND", [name, draw.constant(places), draw.constant(updates)], **made)


def one_hot(draw):
    depth = draw.int(2, 5)
    places = draw.rng.integers(-depth, depth, draw.shape(draw.int(1, 3)))
    ends = draw.constant(np.array([-0.5, 2], np.float32))
    names = [draw.input(places), draw.constant(np.array(depth)), ends]
    draw.add("OneHot", names, **draw.some(axis=draw.int(-1, places.ndim)))


def eye(draw):
    name = draw.input(draw.normal(*draw.shape(2)))
    made = draw.some(k=draw.int(-2, 2), dtype=draw.one(TYPES.FLOAT, TYPES.INT64))
    draw.add("EyeLike", [name], **made)


def compress(draw):
    name = draw.data()
    if draw.maybe():
        axis = draw.axis(name)
        length, made = draw.array(name).shape[axis], {"axis": axis}
    else:
        length, made = draw.array(name).size, {}
    keep = draw.rng.random(draw.int(1, length)) < 0.6
    draw.add("Compress", [name, draw.constant(keep)], exact=True, **made)


def unique(draw):
    name = draw.data(exact=True, make=draw.ties)
    made = draw.some(axis=draw.axis(name), sorted=draw.int(0, 1))
    draw.add("Unique", [name], draw.int(1, 4), **made)


def top_k(draw):
    name = draw.data(exact=True, make=draw.normal)
    axis = draw.axis(name)
    count = draw.int(1, draw.array(name).shape[axis])
    if draw.opset < 10:
        draw.add("TopK", [name], 2, axis=axis, k=count)
        return
    made = draw.some(largest=draw.int(0, 1)) if draw.opset >= 11 else {}
    draw.add("TopK", [name, draw.whole(count)], 2, axis=axis, **made)


def backwards(draw):
    name = draw.data(draw.int(2, 4))
    shape = draw.array(name).shape
    batch = draw.int(0, 1)
    lengths = draw.rng.integers(1, shape[1 - batch] + 1, shape[batch])
    made = {"batch_axis": batch, "time_axis": 1 - batch}
    draw.add("ReverseSequence", [name, draw.constant(lengths)], exact=True, **made)


def tensor_scatter(draw):
    batch, length, width, more = draw.int(1, 3), draw.int(4, 6), draw.int(1, 3), draw.int(1, 2)
    names = [
        draw.input(draw.normal(batch, length, width)),
        draw.input(draw.normal(batch, more, width)),
    ]
    names += [draw.constant(draw.rng.integers(0, length - more + 1, batch))] * draw.maybe()
    made = draw.some(mode=draw.one("linear", "circular"))
    draw.add("TensorScatter", names, axis=1, **made)


# ---- one of several --------------------------------------------------------------------------


def reduced(kind, since=18, make=None):
    def maker(draw):
        name = draw.data(make=make and (lambda *shape: make(draw, *shape)))
        made = draw.some(keepdims=draw.int(0, 1))
        if draw.opset >= since and draw.maybe(0.3):
            made |= draw.some(noop_with_empty_axes=1)
            draw.add(kind, [name], **made)
        else:
            axes = draw.axes(name)
            if draw.opset < 11:
                axes = [axis % draw.array(name).ndim for axis in axes]
            listed(draw, kind, name, "axes", axes, since, False, **made)

    return maker


def arg(kind):
    def maker(draw):
        name = draw.data(exact=True, make=draw.ties)
        axis = draw.axis(name)
        if draw.opset < 11:
            axis %= draw.array(name).ndim
        made = draw.some(keepdims=draw.int(0, 1))
        if draw.opset >= 12:
            made |= draw.some(select_last_index=draw.int(0, 1))
        draw.add(kind, [name], axis=axis, **made)

    return maker


def running_sum(draw):
    name = draw.data()
    axis = draw.constant(np.array(draw.axis(name)))
    draw.add("CumSum", [name, axis], **draw.some(exclusive=1, reverse=1))


def determinant(draw):
    size = draw.int(1, 4)
    draw.add("Det", [draw.input(draw.normal(*draw.shape(draw.int(0, 2)), size, size))])


def einsum(draw):
    a, b, c, d = draw.ints(1, 4, 4)
    shapes = {
        "ij,jk->ik": [(a, b), (b, c)],
        "bij, bjk -> bik": [(a, b, c), (a, c, d)],
        "...ij->...ji": [(a, b, c)],
        "ij->": [(a, b)],
        "ii->i": [(a, a)],
        "bhqd,bhkd->bhqk": [(a, b, c, d), (a, b, 3, d)],
        "ij,ij->i": [(a, b), (a, b)],
        "i,j": [(a,), (b,)],
    }
    equation = draw.one(*shapes)
    names = [draw.input(draw.normal(*shape)) for shape in shapes[equation]]
    draw.add("Einsum", names, equation=equation)


def loss(kind):
    def maker(draw):
        batch, classes, rest = draw.int(1, 3), draw.int(2, 4), draw.shape(draw.int(0, 2))
        scores = draw.input(draw.normal(batch, classes, *rest))
        labels = draw.input(draw.rng.integers(0, classes, (batch, *rest)))
        names = [scores, labels]
        if draw.maybe():
            names.append(draw.constant(np.abs(draw.normal(classes))))
        made = draw.some(reduction=draw.one("none", "mean", "sum"), ignore_index=draw.int(0, 1))
        outputs = draw.int(1, 2) if kind == "SoftmaxCrossEntropyLoss" else 1
        draw.add(kind, names, outputs, **made)

    return maker


# ---- numbers from nothing --------------------------------------------------------------------


def cast(draw):
    name = draw.data(exact=True)
    to = draw.one(TYPES.INT64, TYPES.INT32, TYPES.BOOL, TYPES.FLOAT, TYPES.DOUBLE)
    draw.add("Cast", [name], to=to)


def cast_like(draw):
    like = draw.one(np.int64(1), np.float32(1), np.float64(1), np.bool_(True))
    draw.add("CastLike", [draw.data(exact=True), draw.constant(like)])


def constant(draw):
    (value,) = draw.add("Constant", [], value=onnx.numpy_helper.from_array(draw.normal(1)))
    draw.add("Add", [draw.data(), value])


def fill(draw):
    shape = draw.whole(*draw.ints(1, 3, draw.int(1, 3)))
    value = onnx.numpy_helper.from_array(draw.one(np.ones(1, np.float32), np.array([7])))
    draw.add("ConstantOfShape", [shape], **draw.some(value=value))


def numbers(draw):
    start, step = draw.int(-3, 3), draw.one(-2, -1, 1, 3)
    ends = [draw.constant(np.array(n)) for n in (start, start + step * draw.int(0, 5), step)]
    draw.add("Range", ends)


def shape_of(draw):
    name = draw.data()
    made = draw.some(start=draw.int(-2, 2), end=draw.int(-2, 4)) if draw.opset >= 15 else {}
    draw.add("Shape", [name], **made)


def simple(kind, make=None):
    def maker(draw):
        draw.add(kind, [draw.data(exact=True, make=make and (lambda *shape: make(draw, *shape)))])

    return maker


def window(kind):
    def maker(draw):
        made = draw.some(periodic=draw.int(0, 1))
        draw.add(kind, [draw.constant(np.array(draw.int(2, 9)))], **made)

    return maker


def positive(draw, *shape):
    return np.abs(draw.normal(*shape)) + draw.dtype(0.1)


_REDUCTIONS = ("L1", "L2", "Max", "Mean", "Min", "Prod", "SumSquare")
_OF_POSITIVE = ("LogSum", "LogSumExp")

MOVES = {
    **{f"Reduce{kind}": reduced(f"Reduce{kind}") for kind in _REDUCTIONS},
    **{f"Reduce{kind}": reduced(f"Reduce{kind}", make=positive) for kind in _OF_POSITIVE},
    "ReduceSum": reduced("ReduceSum", since=13),
    **{kind: arg(kind) for kind in ("ArgMax", "ArgMin")},
    **{kind: depth(kind) for kind in ("DepthToSpace", "SpaceToDepth")},
    **{kind: loss(kind) for kind in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")},
    **{kind: window(kind) for kind in ("BlackmanWindow", "HammingWindow", "HannWindow")},
    "Cast": cast,
    "CastLike": cast_like,
    "CenterCropPad": center,
    "Compress": compress,
    "Concat": concat,
    "Constant": constant,
    "ConstantOfShape": fill,
    "CumSum": running_sum,
    "Det": determinant,
    "Einsum": einsum,
    "Expand": expand,
    "EyeLike": eye,
    "Flatten": flatten,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonZero": simple("NonZero", lambda draw, *shape: draw.ties(*shape)),
    "OneHot": one_hot,
    "Pad": pad,
    "Range": numbers,
    "Reshape": reshape,
    "ReverseSequence": backwards,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Shape": shape_of,
    "Size": simple("Size"),
    "Slice": slices,
    "Split": split,
    "Squeeze": squeeze,
    "TensorScatter": tensor_scatter,
    "Tile": tile,
    "TopK": top_k,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unique": unique,
    "Unsqueeze": unsqueeze,
}
