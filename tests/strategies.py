"""Where all random data of the tests are built.

Shapes, strides and the like are hypothesis's choices, and shrink; the entries of arrays come from a
seed, which is fast, and from laws that make zeros, ties and exact cancellations common.
"""

import itertools
import math

import attrs
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dcsc.bounds import LayerStatistics
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    EffectiveDictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
    WindowAxis,
    Windows,
)
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway
from dcsc.projections import Selection
from dcsc.pursuits import OrthogonalMatchingPursuit
from dcsc.signs import RademacherSigns
from tests import cases

WRAPPERS = (SignedDictionary, NormalizedDictionary, EffectiveDictionary)
WITH_AXES = (CirculantDictionary, ToeplitzDictionary)
WITHOUT_AXES = (DenseDictionary,)

seeds = st.integers(0, 2**32 - 1)
floats = st.sampled_from([np.float64, np.float32])
batches = st.sampled_from([(), (1,), (3,), (2, 2), (0,)])

LAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "integers": lambda rng, shape: rng.integers(-2, 3, shape).astype(float),
    "sparse": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.4),
}


@st.composite
def arrays(draw, shape, laws=tuple(LAWS), dtypes=floats):
    rng = np.random.default_rng(draw(seeds))
    return LAWS[draw(st.sampled_from(laws))](rng, shape).astype(draw(dtypes))


def normal(shape, seed):
    """Normal numbers for tests of size, which hypothesis would not make smaller."""
    return np.random.default_rng(seed).standard_normal(shape)


def signs(shape):
    return arrays(shape, dtypes=st.just(float)).map(lambda x: np.where(x > 0, 1.0, -1.0))


class Ingredients:
    """What the factories of `cases` are made from, for signals of one shape if that is given."""

    def __init__(self, draw, signal_shape=None, live=False):
        self.draw, self.signal_shape, self.live = draw, signal_shape, live

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def flag(self):
        return self.draw(st.booleans())

    # ---- dictionaries ------------------------------------------------------------------------

    def array(self, shape):
        return self.draw(arrays(shape, laws=("normal",) if self.live else tuple(LAWS)))

    def _channels_and_extent(self):
        if self.signal_shape is None:
            axes = self.integer(1, 2)
            side = st.integers(1, 9 if axes == 1 else 5)
            return self.draw(st.sampled_from([1, 2, 4])), self.draw(st.tuples(*[side] * axes))
        channels, *extent = self.signal_shape
        return channels, tuple(extent)

    def _filters(self, channels, kernel):
        """Filters and groups: dense, depthwise, and what lies between."""
        groups = self.draw(st.sampled_from([g for g in range(1, channels + 1) if not channels % g]))
        each = self.integer(1, 3 if groups == 1 else 2)
        return {
            "filters": self.array((groups * each, channels // groups, *kernel)),
            "groups": groups,
        }

    def circle(self):
        """Even, odd and wrapping kernels, every stride there is."""
        channels, extent = self._channels_and_extent()
        longest = [2 * e + 1 if len(extent) == 1 else min(e + 2, 5) for e in extent]
        return {
            **self._filters(channels, tuple(self.integer(1, k) for k in longest)),
            "extent": extent,
            "stride": tuple(
                self.draw(st.sampled_from([s for s in range(1, e + 1) if e % s == 0]))
                for e in extent
            ),
            "dilation": tuple(self.integer(1, 3) for _ in extent),
        }

    def segment(self):
        """Strides and paddings also beyond the kernel, and paddings on one side alone."""
        channels, extent = self._channels_and_extent()
        kernel, stride, padding, dilation = [], [], [], []
        for e in extent:
            longest = 6 if len(extent) == 1 else 3
            f = self.integer(1, longest)
            # An atom whose taps all lie in the padding is zero, which `live` excludes.
            d = self.integer(1, min(3, e) if self.live else 3)
            span = (f - 1) * d + 1
            most = span - 1 if self.live else span + 1
            before = self.integer(0, most)
            padding.append((before, self.integer(max(0, span - e - before), most)))
            stride.append(self.integer(1, f + 2))
            kernel.append(f)
            dilation.append(d)
        return {
            **self._filters(channels, tuple(kernel)),
            "extent": extent,
            "stride": tuple(stride),
            "padding": tuple(padding),
            "dilation": tuple(dilation),
        }

    def matrix(self):
        (samples,) = self.signal_shape or (self.integer(1, 8),)
        return self.array((samples, self.integer(1, 10)))

    def matrix_and_shapes(self):
        side = st.integers(1, 3)
        signal = self.signal_shape or self.draw(st.tuples(side) | st.tuples(side, side))
        code = self.draw(st.tuples(side) | st.tuples(side, side) | st.tuples(side, side, side))
        return self.array((math.prod(signal), math.prod(code))).astype(float), signal, code

    def dictionary(self, live=False):
        """A dictionary that wraps no other, or one that does; no zero atoms if ``live``."""
        inner = Ingredients(self.draw, self.signal_shape, live or self.live)
        return inner._any([kind for kind in cases.DICTIONARIES if kind not in WRAPPERS])

    def chain(self):
        """Two dictionaries, the codes of one being the signals of the other, and a support."""
        lower = self.dictionary()
        upper = Ingredients(self.draw, tuple(lower.code_shape), self.live).dictionary()
        if self.live:
            return [lower, upper], [np.ones(lower.code_shape)]
        return [lower, upper], [self.signs(lower.code_shape) > 0]

    def dictionary_and_signs(self):
        dictionary = self._any([k for k in cases.DICTIONARIES if k is not SignedDictionary])
        return dictionary, self.signs(dictionary.code_shape)

    def _any(self, kinds):
        if self.signal_shape is not None:
            unfit = WITH_AXES if len(self.signal_shape) == 1 else WITHOUT_AXES
            kinds = [kind for kind in kinds if kind not in unfit]
        dictionary = cases.DICTIONARIES[self.draw(st.sampled_from(kinds))](self)
        assume(self.signal_shape in (None, tuple(dictionary.signal_shape)))
        return dictionary

    # ---- signs, projections, amplitudes ------------------------------------------------------

    def signs(self, shape):
        return self.draw(signs(shape))

    def law(self):
        return self.draw(st.sampled_from([None, RademacherSigns()]))

    def threshold(self, dictionary):
        level = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]) | st.floats(0, 3)
        filters = dictionary.code_shape[0]
        return self.draw(level | st.lists(level, min_size=filters, max_size=filters))

    def two_thresholds(self, dictionary):
        """A threshold, and another one that is nowhere smaller."""
        lower, upper = self.threshold(dictionary), self.threshold(dictionary)
        return lower, np.maximum(lower, upper)

    def sides(self, shape):
        """How long blocks of a code are, along all of its positions or along each axis."""
        each = st.tuples(*[st.integers(1, 5)] * (len(shape) - 1))
        return self.draw(st.integers(1, 5) | each)

    def count(self, dictionary):
        return self.integer(1, math.prod(dictionary.code_shape) + 2)

    def sparsity(self, dictionary):
        return self.integer(1, dictionary.stripes.size + 2)

    def packing(self, dictionary):
        """A stripe sparsity; in two dimensions, where a search decides it, on a small code only."""
        assume(len(dictionary.stripes.axes) < 2 or math.prod(dictionary.code_shape) <= 36)
        return self.sparsity(dictionary)

    def level(self):
        return self.draw(st.floats(0.1, 2))

    def matching(self):
        count = self.draw(st.none() | st.integers(1, 6))
        return OrthogonalMatchingPursuit(count, self.level() if count is None else None)

    def pursuit(self, but=None):
        kinds = [kind for kind in cases.PURSUITS if kind is not but]
        return cases.PURSUITS[self.draw(st.sampled_from(kinds))](self)

    def size(self):
        return self.draw(st.floats(1e-3, 1e3))

    def interval(self):
        return tuple(sorted([self.size(), self.size()]))


@st.composite
def dictionaries(draw, kind=None, live=False):
    some = Ingredients(draw, live=live)
    if kind is None:
        return some._any(list(cases.DICTIONARIES))
    return cases.DICTIONARIES[kind](some)


@st.composite
def projections(draw, dictionary, kind=None):
    kind = draw(st.sampled_from(list(cases.PROJECTIONS))) if kind is None else kind
    return cases.PROJECTIONS[kind](Ingredients(draw), dictionary)


@st.composite
def pursuits(draw, kind=None):
    kind = draw(st.sampled_from(list(cases.PURSUITS))) if kind is None else kind
    return cases.PURSUITS[kind](Ingredients(draw))


@st.composite
def pathway_pursuits(draw, kind=None):
    kind = draw(st.sampled_from(list(cases.PATHWAY_PURSUITS))) if kind is None else kind
    return cases.PATHWAY_PURSUITS[kind](Ingredients(draw))


@st.composite
def sign_patterns(draw, shape, kind=None):
    kind = draw(st.sampled_from(list(cases.SIGNS))) if kind is None else kind
    return cases.SIGNS[kind](Ingredients(draw), tuple(shape))


@st.composite
def amplitudes(draw, kind=None):
    kind = draw(st.sampled_from(list(cases.AMPLITUDES))) if kind is None else kind
    return cases.AMPLITUDES[kind](Ingredients(draw))


def small_lines(kind, bank, groups):
    """All dictionaries of these filters on a short line, with paddings of up to two."""
    paddings = (0, 1, 2, (0, 1), (2, 0)) if kind is ToeplitzDictionary else (0,)
    for extent, stride, dilation in itertools.product(range(1, 7), range(1, 3), range(1, 4)):
        span = (bank.shape[2] - 1) * dilation + 1
        for padding in paddings:
            more = {"padding": (padding,)} if kind is ToeplitzDictionary else {}
            room = extent + int(np.sum(np.broadcast_to(padding, 2)))
            if span <= room if more else extent % stride == 0:
                yield kind(bank, extent, stride, dilation=dilation, groups=groups, **more)


@st.composite
def double(draw, kind):
    """A convolutional dictionary in float64."""
    dictionary = draw(dictionaries(kind))
    return attrs.evolve(dictionary, filters=dictionary.filters.astype(np.float64))


@st.composite
def codes(draw, dictionary, batch=None, laws=tuple(LAWS)):
    axes = draw(batches) if batch is None else batch
    return draw(arrays(axes + tuple(dictionary.code_shape), laws=laws))


@st.composite
def signals(draw, dictionary, batch=None, laws=tuple(LAWS)):
    axes = draw(batches) if batch is None else batch
    return draw(arrays(axes + tuple(dictionary.signal_shape), laws=laws))


# ---- geometry ------------------------------------------------------------------------------------


@st.composite
def window_axes(draw, entries):
    if draw(st.booleans()):
        step = draw(st.integers(1, entries))
        windows = draw(st.integers(1, math.ceil(entries / step)))
        length = draw(st.integers(1, 2 * entries))
        return WindowAxis(entries, windows, draw(st.integers(-9, 9)), length, step, circular=True)
    return WindowAxis(
        entries,
        windows=draw(st.integers(1, 6)),
        start=draw(st.integers(-9, 9)),
        length=draw(st.integers(1, 9)),
        step=draw(st.integers(1, 4)),
    )


@st.composite
def windows(draw):
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    cut = draw(st.integers(0, min(len(shape), 2)))
    axes = tuple(draw(window_axes(entries)) for entries in shape[len(shape) - cut :])
    return Windows(tuple(shape), axes)


# ---- models --------------------------------------------------------------------------------------


@st.composite
def models(draw):
    """One to three layers that chain, of random strategies all through."""
    layers, shape = [], None
    for _ in range(draw(st.integers(1, 3))):
        dictionary = Ingredients(draw, shape)._any(list(cases.DICTIONARIES))
        shape = tuple(dictionary.code_shape)
        layers.append(Layer(dictionary, draw(projections(dictionary)), draw(sign_patterns(shape))))
    return DCSCModel(layers)


@st.composite
def pathway_pairs(draw):
    """A truth and a guess with the same shapes and about half of their supports in common."""
    batch = draw(batches)
    shapes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=2, max_size=4))
    truth = [draw(arrays(batch + shape, laws=("integers", "sparse"))) for shape in shapes]
    other = [draw(arrays(batch + shape, laws=("integers", "sparse"))) for shape in shapes]
    kept = [draw(st.booleans()) for _ in shapes]
    guess = [x.copy() if keep else y for x, y, keep in zip(truth, other, kept, strict=True)]
    return Pathway(tuple(truth), batch), Pathway(tuple(guess), batch)


@st.composite
def coherent_layers(draw):
    """Dictionaries of low coherence, in which a code or two survive every sign pattern."""
    rng = np.random.default_rng(draw(seeds))
    noise = draw(st.just(0.0) | st.floats(1e-6, 0.06))  # squares of cut atoms stay ordinary
    kind = draw(st.sampled_from(["simplex", "orthogonal", "circulant", "toeplitz"]))
    if kind == "simplex":  # attains μ S x_max
        atoms = draw(st.integers(3, 7))
        return DenseDictionary(np.eye(atoms) - 1 / atoms).normalized()
    if kind == "orthogonal":
        size = draw(st.integers(4, 16))
        basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
        matrix = basis[:, : size - draw(st.integers(0, 2))]
        return DenseDictionary(matrix + noise * rng.standard_normal(matrix.shape))
    groups, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    n, kernel = draw(st.integers(groups, 2)), draw(st.integers(1, 5 if dilation == 1 else 3))
    bank = noise * rng.standard_normal((n, 2 // groups, kernel))
    bank[np.arange(n), np.arange(n) % (2 // groups), rng.integers(0, kernel, n)] += 1
    extent = draw(st.integers(max((kernel - 1) * dilation + 1, 4), 9))
    more = {"dilation": dilation, "groups": groups}
    if kind == "circulant":
        return CirculantDictionary(bank, extent, **more)
    padding = draw(st.sampled_from([0, 1, [(0, 1)], [(1, 0)]]))
    return ToeplitzDictionary(bank, extent, padding=padding, **more)


# ---- bounds --------------------------------------------------------------------------------------

_positive = st.floats(1e-3, 10)


@st.composite
def statistics(draw, first=True, selections=None, **given):
    """Constants of one layer; ``noise`` may be left to the recursion above the first."""
    low, high = sorted([draw(_positive), draw(_positive)])
    selection = st.builds(Selection, shrinkage=st.booleans()) if selections is None else selections
    fields = {
        "coherence": draw(st.just(0.0) | st.floats(1e-4, 1)),
        "x_min": low,
        "x_max": high,
        "sparsity": draw(st.integers(0, 50)),
        "noise": draw(st.floats(0, 0.5) if first else st.none() | st.floats(0, 0.5)),
        "n_atoms": draw(st.integers(1, 10**6)),
        "n_samples": draw(st.integers(1, 10)),
        "selection": draw(selection),
        "patch_sparsity": draw(st.integers(0, 20)),
    }
    return LayerStatistics(**fields | given)


@st.composite
def statistics_lists(draw, **given):
    return [draw(statistics(first=l == 1, **given)) for l in range(1, draw(st.integers(1, 3)) + 1)]


# ---- PyTorch -------------------------------------------------------------------------------------


class Dyadic(Ingredients):
    """Whole numbers, and thresholds that are multiples of 1/2: sums of these are exact."""

    def array(self, shape):
        return self.draw(arrays(shape, laws=("integers",)))

    def threshold(self, dictionary):
        level = st.sampled_from([0.0, 0.5, 1.0, 2.0])
        filters = dictionary.code_shape[0]
        return self.draw(level | st.lists(level, min_size=filters, max_size=filters))


class Normal(Ingredients):
    """Normal numbers in double precision, of which no two sums happen to be equal."""

    def array(self, shape):
        return self.draw(arrays(shape, laws=("normal",), dtypes=st.just(np.float64)))


@st.composite
def portable_models(draw, ingredients, projections):
    """One to three drawn layers with counterparts in PyTorch, from these ingredients."""
    layers, shape = [], None
    for _ in range(draw(st.integers(1, 3))):
        some = ingredients(draw, shape)
        dictionary = some._any([*WITH_AXES, *WITHOUT_AXES])
        shape = tuple(dictionary.code_shape)
        projection = cases.PROJECTIONS[draw(st.sampled_from(projections))](some, dictionary)
        layers.append(Layer(dictionary, projection, draw(sign_patterns(shape))))
    return DCSCModel(layers).draw(draw(seeds))


@st.composite
def small_layers(draw):
    """A dictionary of at most 9 atoms, a code of a few sizes, a threshold, and whether one-sided.

    Some filters are orthogonal or equal, so that sums cancel.
    """
    bank = draw(
        st.sampled_from([[[[1.0, 1.0]], [[1.0, -1.0]]], [[[1.0, 2.0, 2.0]]], [[[3.0, 1.0]]]])
    )
    dictionary = CirculantDictionary(np.array(bank), extent=draw(st.integers(3, 4)))
    one_sided = draw(st.booleans())
    sizes = st.sampled_from([0.0, 0.0, 0.25, 1.0, 3.0] if one_sided else [0.0, 0.0, 0.25, 1, -3.0])
    code = draw(hnp.arrays(np.float64, dictionary.code_shape, elements=sizes))
    return dictionary, code, draw(st.floats(0.01, 20)), one_sided
