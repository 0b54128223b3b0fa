"""What compiled loops buy over numpy and scipy.sparse alone, and what bounds sparse synthesis."""

import numpy as np
import scipy.sparse
from common import versus
from convolutions import CIRCULANT, DENSITY, named, small, torch_calls

from dcsc import CirculantDictionary
from dcsc._threads import share


def by_patches(signals, filters):
    """Correlate by one patch matrix per sample, the usual way with numpy."""
    n, _, *kernel = filters.shape
    axes = tuple(range(1, 1 + len(kernel)))
    matrix = filters.reshape(n, -1)
    out = np.empty((len(signals), n, *signals.shape[2:]), signals.dtype)
    for sample, result in zip(signals, out, strict=True):
        wide = np.pad(sample, [(0, 0), *((0, length - 1) for length in kernel)], mode="wrap")
        seen = np.lib.stride_tricks.sliding_window_view(wide, kernel, axes)
        order = (0, *range(1 + len(kernel), 1 + 2 * len(kernel)), *axes)
        patches = seen.transpose(order).reshape(matrix.shape[1], -1)
        np.matmul(matrix, patches, out=result.reshape(n, -1))
    return out


def reading(repetitions, quick):
    """Compare PyTorch's transposed convolution with only reading the codes, on all threads."""
    for shape in [small(CIRCULANT[0])] if quick else CIRCULANT:
        batch, c, n, extent, kernel = shape
        rng = np.random.default_rng(0)
        filters = rng.standard_normal((n, c, *kernel))
        codes = rng.standard_normal((batch, n, *extent))
        codes *= rng.random(codes.shape) < DENSITY

        def read(codes=codes):
            share(lambda start, stop: codes[start:stop].sum(), len(codes))

        theirs = torch_calls(codes, filters, 1, circular=True)[1]
        name = "reading the codes, PyTorch's transposed convolution"
        yield {"shape": named(shape), "map": name, **versus(read, theirs, repetitions)}


def rows(repetitions, quick):
    found = list(reading(repetitions, quick))
    for shape in [small(CIRCULANT[0])] if quick else CIRCULANT[:3]:
        batch, c, n, extent, kernel = shape
        rng = np.random.default_rng(0)
        filters = rng.standard_normal((n, c, *kernel))
        dictionary = CirculantDictionary(filters, extent)
        signals = rng.standard_normal((batch, c, *extent))
        codes = rng.standard_normal((batch, n, *extent))
        codes *= rng.random(codes.shape) < DENSITY
        matrix = dictionary.to_sparse().tocsr()
        calls = {
            "dense analyze, patches and numpy": (
                lambda d=dictionary, y=signals: d.analyze(y),
                lambda y=signals, w=filters: by_patches(y, w),
            ),
            "sparse synthesize, scipy.sparse times an array": (
                lambda d=dictionary, x=codes: d.synthesize(x),
                lambda a=matrix, x=codes: a @ x.reshape(len(x), -1).T,
            ),
            "sparse synthesize, scipy.sparse times scipy.sparse": (
                lambda d=dictionary, x=codes: d.synthesize(x),
                lambda a=matrix, x=codes: a @ scipy.sparse.csc_array(x.reshape(len(x), -1).T),
            ),
        }
        for name, (ours, theirs) in calls.items():
            found.append({"shape": named(shape), "map": name, **versus(ours, theirs, repetitions)})
    return found


def table(found):
    lines = ["| batch, c, n, extent, kernel | map, and the alternative | ratio |", "|---|---|---|"]
    lines += [f"| {row['shape']} | {row['map']} | {row['ratio']:.1f}× |" for row in found]
    return "\n".join(lines)
