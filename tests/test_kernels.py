"""The loops against explicit sums, whatever the data's density, layout and number of threads."""

import itertools
import re
import subprocess
import sys
import threading
import tracemalloc
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from dcsc import (
    CirculantDictionary,
    DcscError,
    SignedDictionary,
    ToeplitzDictionary,
    _threads,
)
from dcsc._numerics import convolution, plain, ways
from tests.strategies import dictionaries

DENSITIES = (0.0, 0.03, 0.3, 1.0)


def sparse(rng, shape, density, dtype):
    return (rng.standard_normal(shape) * (rng.random(shape) < density)).astype(dtype)


def by_definition(dictionary):
    """The matrix A[(c, q), (i, p)], entry by entry as design and docstring define it."""
    filters, circular = dictionary.filters, isinstance(dictionary, CirculantDictionary)
    kernel, dilation = filters.shape[2:], dictionary.dilation
    before = [0] * len(kernel) if circular else [int(np.ravel(b)[0]) for b in dictionary.padding]
    per_group = len(filters) // dictionary.groups
    matrix = np.zeros((*dictionary.signal_shape, *dictionary.code_shape))
    positions = [range(p) for p in dictionary.code_shape[1:]]
    for p in itertools.product(*positions):
        for u in itertools.product(*map(range, kernel)):
            tap = [t * d for t, d in zip(u, dilation, strict=True)]
            steps = zip(p, dictionary.stride, before, tap, strict=True)
            q = [a * s - b + t for a, s, b, t in steps]
            if circular:
                q = [a % e for a, e in zip(q, dictionary.extent, strict=True)]
            elif not all(0 <= a < e for a, e in zip(q, dictionary.extent, strict=True)):
                continue
            for i, taps in enumerate(filters[:, :, *u]):
                first = i // per_group * len(taps)
                matrix[first : first + len(taps), *q, i, *p] += taps
    size = int(np.prod(dictionary.signal_shape))
    return matrix.reshape(size, -1)


LAYOUTS = {
    "C order": lambda a: a,
    "Fortran order": np.asfortranarray,
    "negative strides": lambda a: np.flip(np.flip(a).copy()),
    "every other entry": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "batch last": lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
}
# What decides between dense and sparse, set so that it decides for one.
WAYS = {
    "dense": {"_SPARSE_CODES": -1, "_SPARSE_SIGNALS": -1},
    "sparse": {
        "_WORTH_COUNTING": -1, "_SPARSE_CODES": np.inf, "_SPARSE_SIGNALS": np.inf,
        "_TAPS_OF_A_RESULT": 0,
    },
    "plain": {},
}  # fmt: skip


def taking(way, memory=None):
    """Take one way, with little memory for temporary arrays if a number of bytes is given."""
    budgets = ("_SCRATCH_BYTES", "_CACHE_BYTES", "_PIECE_BYTES") if memory else ()
    stack = ExitStack()
    stack.enter_context(mock.patch.object(ways, "_asked", return_value=way == "plain"))
    stack.enter_context(
        mock.patch.multiple(
            convolution, **WAYS[way], **dict.fromkeys(budgets, memory), _least=lambda flops: 1
        )
    )
    stack.enter_context(mock.patch.object(plain, "_PIECE_BYTES", memory or plain._PIECE_BYTES))
    return stack


@pytest.mark.parametrize("way", WAYS)
@given(
    dictionary=st.sampled_from([CirculantDictionary, ToeplitzDictionary]).flatmap(dictionaries),
    density=st.sampled_from(DENSITIES),
    seed=st.integers(0, 2**32 - 1),
    scratch=st.sampled_from([1, 200, 2**20]),
    layout=st.sampled_from(sorted(LAYOUTS)),
    threads=st.sampled_from([1, 2]),
)
def test_every_kernel_is_the_definition(way, dictionary, density, seed, scratch, layout, threads):
    rng = np.random.default_rng(seed)
    matrix, dtype = by_definition(dictionary), dictionary.filters.dtype
    x = sparse(rng, (3, *dictionary.code_shape), density, dtype)
    y = sparse(rng, (3, *dictionary.signal_shape), density, dtype)
    signs = rng.choice([-1.0, 1.0], dictionary.code_shape)
    signals = (x.reshape(3, -1) @ matrix.T).reshape(y.shape)
    signed = ((x * signs).reshape(3, -1) @ matrix.T).reshape(y.shape)
    codes = (y.reshape(3, -1) @ matrix).reshape(x.shape)
    close = {"rtol": 0, "atol": 200 * np.finfo(dtype).eps * (1 + np.abs(matrix).sum())}
    entries = scipy.sparse.coo_array(x)
    x, y = LAYOUTS[layout](x), LAYOUTS[layout](y)
    with taking(way, scratch), threadpool_limits(threads):
        np.testing.assert_allclose(dictionary.synthesize(x), signals, **close)
        np.testing.assert_allclose(dictionary.analyze(y), codes, **close)
        operator = SignedDictionary(dictionary, signs)
        np.testing.assert_allclose(operator.synthesize(x), signed, **close)
        np.testing.assert_allclose(dictionary.synthesize(entries), signals, **close)
        np.testing.assert_allclose(operator.synthesize(entries), signed, **close)
        if way == "sparse":  # the same additions in the same order
            np.testing.assert_array_equal(operator.synthesize(entries), operator.synthesize(x))
        np.testing.assert_allclose(operator.analyze(y), codes * signs, **close)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("axis", [0, 1])
def test_atoms_that_lie_in_the_padding_do_nothing(way, axis):
    """The only position along one axis is before the signal."""
    stride, padding = ((1, 3), (0, 1)) if axis else ((3, 1), (1, 0))
    dictionary = ToeplitzDictionary(np.ones((1, 1, 1, 1)), (1, 1), stride, padding)
    with taking(way):
        assert not dictionary.synthesize(np.ones((2, *dictionary.code_shape))).any()
        assert not dictionary.analyze(np.ones((2, *dictionary.signal_shape))).any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@given(
    dictionary=st.sampled_from([CirculantDictionary, ToeplitzDictionary]).flatmap(dictionaries),
    data=st.data(),
)
def test_no_kernel_passes_what_is_not_finite(way, bad, dictionary, data):
    """Wherever it stands, also where no atom sees it."""
    for name, shape in (
        ("synthesize", dictionary.code_shape),
        ("analyze", dictionary.signal_shape),
    ):
        array = np.zeros((2, *shape), dtype=dictionary.filters.dtype)
        place = data.draw(st.integers(0, array.size - 1))
        array.reshape(-1)[place] = bad
        where = re.escape(str(tuple(int(i) for i in np.unravel_index(place, array.shape))))
        with (
            taking(way),
            pytest.raises(DcscError, match=f"expected finite numbers, got .* at {where}"),
        ):
            getattr(dictionary, name)(array)


@pytest.mark.parametrize(("way", "density"), [("auto", 0.01), ("auto", 1.0), ("plain", 1.0)])
@pytest.mark.parametrize("name", ["synthesize", "analyze"])
def test_maps_need_little_memory_beyond_input_and_output(name, way, density, monkeypatch):
    monkeypatch.setattr(ways, "_asked", lambda: way == "plain")
    rng = np.random.default_rng(0)
    dictionary = CirculantDictionary(rng.standard_normal((8, 3, 3, 3)), (1024, 1024))
    shape = dictionary.code_shape if name == "synthesize" else dictionary.signal_shape
    data = sparse(rng, shape, density, np.float64)
    function = getattr(SignedDictionary(dictionary, np.ones(dictionary.code_shape)), name)
    tracemalloc.start()
    held = tracemalloc.get_traced_memory()[0]
    out = function(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - held - out.nbytes <= 64 * 2**20


LARGE = CirculantDictionary(np.random.default_rng(0).normal(size=(24, 8, 9)), 2048)


@pytest.mark.parametrize("density", [0.01, 1.0])
@pytest.mark.parametrize("limit", [1, 2])
def test_threads_and_layouts_change_nothing(density, limit):
    """Large enough that both the compiled kernels and the threads are used."""
    rng = np.random.default_rng(1)
    x = sparse(rng, (8, *LARGE.code_shape), density, np.float64)
    y = sparse(rng, (8, *LARGE.signal_shape), density, np.float64)
    with threadpool_limits(limit):
        signals, codes = LARGE.synthesize(x), LARGE.analyze(y)
    matrix = LARGE.to_sparse()
    np.testing.assert_allclose(signals.reshape(8, -1), (matrix @ x.reshape(8, -1).T).T, atol=1e-10)
    np.testing.assert_allclose(codes.reshape(8, -1), (matrix.T @ y.reshape(8, -1).T).T, atol=1e-10)
    for layout in (
        np.asfortranarray(x),
        np.flip(np.flip(x, -1).copy(), -1),
        np.repeat(x, 2, axis=-1)[..., ::2],
    ):
        np.testing.assert_array_equal(LARGE.synthesize(layout), signals)


def test_the_data_decides_which_kernel_runs(monkeypatch):
    used = []
    for name in ("spread_sparse", "correlate_sparse"):
        function = getattr(convolution, name)
        monkeypatch.setattr(
            convolution, name, lambda *a, f=function, n=name: (used.append(n), f(*a))[1]
        )
    rng = np.random.default_rng(2)
    for density, expected in ((0.01, ["spread_sparse", "correlate_sparse"]), (0.5, [])):
        used.clear()
        LARGE.synthesize(sparse(rng, (8, *LARGE.code_shape), density, np.float64))
        LARGE.analyze(sparse(rng, (8, *LARGE.signal_shape), density, np.float64))
        assert used == expected


def test_blas_gets_its_threads_back_after_nested_and_failing_work():
    before = [library["num_threads"] for library in _threads._blas().info()]
    seen = []

    def work(start, stop):
        seen.append([library["num_threads"] for library in _threads._blas().info()])
        _threads.share(lambda a, b: None, 4)

    _threads.share(work, 4)
    assert sum(max(counts, default=1) for counts in seen) <= max(*before, len(seen))

    def broken(start, stop):
        raise DcscError("broken")

    with pytest.raises(DcscError, match="broken"):
        _threads.share(broken, 4)
    callers = [threading.Thread(target=_threads.share, args=(work, 4)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [library["num_threads"] for library in _threads._blas().info()] == before


@pytest.mark.parametrize("least", [1, 3])
@pytest.mark.parametrize("cores", [1, 2, 3, 5])
def test_every_item_is_shared_out_once(cores, least, monkeypatch):
    """Whatever the number of threads, also with more of them than this machine has."""

    library = mock.Mock(num_threads=cores)
    monkeypatch.setattr(_threads, "_blas", lambda: mock.Mock(lib_controllers=[library]))
    for count in range(12):
        done = []
        _threads.share(lambda start, stop, done=done: done.append((start, stop)), count, least)
        assert sorted(i for start, stop in done for i in range(start, stop)) == list(range(count))
        assert len(done) <= max(1, min(cores, count // least))
        if cores > 1 and count >= 2 * least:
            assert len(done) > 1


def test_importing_dcsc_compiles_nothing():
    code = "import dcsc, sys; print(sorted({'numba', 'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_sample_in_a_sparse_place_is_only_slower():
    """The density is estimated: data that fool it are computed correctly all the same."""
    dictionary = ToeplitzDictionary(np.ones((1, 1, 3)), 2**16)
    x = np.ones((600, *dictionary.code_shape), dtype=np.float32)
    step = max(1, x.size // convolution._SAMPLES) | 1
    x.reshape(-1)[::step] = 0
    plain = np.convolve(x[17, 0], np.ones(3))
    np.testing.assert_allclose(dictionary.synthesize(x)[17, 0], plain, atol=1e-5)
