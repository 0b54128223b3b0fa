"""How each operator is used at random: samples put elsewhere, and transforms."""

import numpy as np

__all__ = ["GRIDS"]


def grid_sample(draw):
    axes = 2 if draw.opset < 20 else draw.one(2, 2, 3)
    modes = (
        ("nearest", "bilinear", "bicubic") if draw.opset < 20 else ("nearest", "linear", "cubic")
    )
    mode = draw.one(*modes[: 3 if axes == 2 else 2])
    batch = draw.int(1, 2)
    data = draw.input(draw.normal(batch, draw.int(1, 3), *draw.ints(1, 5, axes)))
    grid = draw.rng.uniform(-1.6, 1.6, (batch, *draw.ints(1, 4, axes), axes)).astype(draw.dtype)
    made = draw.some(padding_mode=draw.one("zeros", "border", "reflection"), align_corners=1)
    draw.add("GridSample", [data, draw.input(grid)], mode=mode, **made)


def affine_grid(draw):
    axes = draw.one(2, 3)
    size = [draw.int(1, 2), draw.int(1, 3), *draw.ints(2, 4, axes)]
    data = draw.input(draw.normal(size[0], axes, axes + 1))
    draw.add("AffineGrid", [data, draw.whole(*size)], **draw.some(align_corners=1))


def deform_conv(draw):
    batch, parts, groups = draw.int(1, 2), draw.int(1, 2), draw.int(1, 2)
    kernel, strides, dilations = draw.ints(1, 3, 2), draw.ints(1, 2, 2), draw.ints(1, 2, 2)
    pads = [draw.int(0, 1) for _ in range(4)]
    extent = draw.ints(5, 7, 2)
    counts = [
        (n + a + b - (k - 1) * d - 1) // s + 1
        for n, a, b, k, d, s in zip(
            extent, pads[:2], pads[2:], kernel, dilations, strides, strict=True
        )
    ]
    taps = parts * kernel[0] * kernel[1]
    names = [
        draw.input(draw.normal(batch, 2 * parts * groups, *extent)),
        draw.constant(draw.normal(2 * groups, 2 * parts, *kernel)),
        draw.input(draw.normal(batch, 2 * taps, *counts)),
        draw.constant(draw.normal(2 * groups)) if draw.maybe() else "",
    ]
    if draw.maybe():
        names.append(draw.input(draw.normal(batch, taps, *counts)))
    while not names[-1]:
        names.pop()
    made = {"strides": strides, "dilations": dilations, "pads": pads, "kernel_shape": kernel}
    draw.add("DeformConv", names, group=groups, offset_group=parts, **made)


def transform(draw):
    """Back from one side only to the length that was there: others ONNX Runtime mixes up."""
    shape = draw.ints(2, 5, draw.int(2, 3))
    back, half = draw.int(0, 1), draw.int(0, 1)
    parts = draw.int(1, 2) if not half else 1 + back
    data = draw.input(draw.normal(*shape, parts))
    axis = draw.int(1, len(shape) - 1)
    told = draw.maybe() and not (back and half)
    length = draw.constant(np.array(draw.int(2, 7)), False) if told else ""
    names, made = [data, length], {"inverse": back, "onesided": half}
    if draw.opset < 20:
        made["axis"] = axis
    else:
        names.append(draw.constant(np.array(axis), False))
    while not names[-1]:
        names.pop()
    draw.add("DFT", names, **made)


def frames(draw):
    length = draw.int(2, 6)
    signal = draw.input(draw.normal(draw.int(1, 2), draw.int(8, 15), 1))
    step, size = (draw.constant(np.array(n), False) for n in (draw.int(1, 4), length))
    window = draw.constant(draw.normal(length)) if draw.maybe() else ""
    draw.add("STFT", [signal, step, window, size], onesided=draw.int(0, 1))


def products(draw):
    name = draw.data()
    names = [name, draw.constant(np.array(draw.axis(name)), False)]
    draw.add("CumProd", names, **draw.some(exclusive=1, reverse=1))


def unpool(draw):
    axes = draw.int(1, 3)
    kernel = draw.ints(1, 3, axes)
    counts = draw.ints(1, 3, axes)
    data = draw.normal(1, draw.int(1, 2), *counts)
    extent = [n * k for n, k in zip(counts, kernel, strict=True)]
    size = int(data.shape[1] * np.prod(extent))
    places = draw.rng.permutation(size)[: data.size].reshape(data.shape)
    names = [draw.input(data), draw.input(places)]
    names += [draw.constant(np.array([1, data.shape[1], *extent]), False)] * draw.maybe()
    draw.add("MaxUnpool", names, kernel_shape=kernel, strides=kernel)


def column_to_image(draw):
    kernel, stride = draw.ints(1, 3, 2), draw.ints(1, 2, 2)
    extent = draw.ints(4, 6, 2)
    blocks = [(e - k) // s + 1 for e, k, s in zip(extent, kernel, stride, strict=True)]
    data = draw.normal(2, 2 * int(np.prod(kernel)), int(np.prod(blocks)))
    names = [draw.input(data), draw.whole(*extent), draw.whole(*kernel)]
    draw.add("Col2Im", names, strides=stride)


GRIDS = {
    "AffineGrid": affine_grid,
    "Col2Im": column_to_image,
    "CumProd": products,
    "DFT": transform,
    "DeformConv": deform_conv,
    "GridSample": grid_sample,
    "MaxUnpool": unpool,
    "STFT": frames,
}
