"""The laws of dictionaries."""

import math

import numpy as np
import scipy.sparse

from dcsc._arrays import Array, Rng, Shape, generator, instance
from dcsc.dictionaries import Dictionary
from dcsc.testing.common import call, fail, same

__all__ = ["check_dictionary"]

_EXPLICIT = 2**18


def check_dictionary(dictionary: Dictionary, rng: Rng = 0) -> None:
    """Check the laws of `Dictionary`: both maps, the geometry, and all measures of the atoms.

    Dictionaries of up to 2**18 matrix entries are also held against their explicit matrix.
    """
    instance(dictionary, Dictionary, "check_dictionary: dictionary")
    source = generator(rng, "check_dictionary: rng")
    for name, domain, codomain in (
        ("synthesize", dictionary.code_shape, dictionary.signal_shape),
        ("analyze", dictionary.signal_shape, dictionary.code_shape),
    ):
        _check_map(dictionary, name, tuple(domain), tuple(codomain), source)
    _check_adjoint(dictionary, source)
    _check_sparse(dictionary, source)
    if math.prod(dictionary.code_shape) * math.prod(dictionary.signal_shape) <= _EXPLICIT:
        matrix = _explicit(dictionary)
        _check_matrix(dictionary, matrix, source)
        _check_geometry(dictionary, matrix)
        _check_measures(dictionary, matrix)


def _call(dictionary: Dictionary, law: str, name: str, array: Array) -> Array:
    what = f"{name} of {array.dtype} {array.shape}"
    return np.asarray(call(dictionary, law, what, getattr(dictionary, name), array))


def _check_map(
    dictionary: Dictionary, name: str, domain: Shape, codomain: Shape, rng: np.random.Generator
) -> None:
    for dtype in (np.float64, np.float32):
        x, y = rng.standard_normal((2, 3, *domain)).astype(dtype)
        kept = x.copy()
        out = _call(dictionary, "dtype kept", name, x)
        expected = np.result_type(dictionary._dtype(), dtype)
        if out.dtype != expected:
            fail(dictionary, "dtype kept", f"{name} of {x.dtype} gives {out.dtype}, not {expected}")
        if out.shape != (3, *codomain):
            fail(dictionary, "shape", f"{name} gives {out.shape}, not {(3, *codomain)}")
        if not np.array_equal(x, kept):
            fail(dictionary, "inputs are left as they were", f"{name} wrote into its argument")
        alone = np.stack([_call(dictionary, "batch-invariant", name, element) for element in x])
        same(dictionary, "batch-invariant", out, alone, f"{name} of a batch of 3")
        alpha = dtype(-1.75)
        joint = _call(dictionary, "linear", name, alpha * x + y)
        apart = alpha * out + _call(dictionary, "linear", name, y)
        same(dictionary, "linear", joint, apart, f"{name}(αx + y)", dtype)
    empty = _call(dictionary, "batch-invariant", name, np.zeros((0, *domain)))
    if empty.shape != (0, *codomain):
        fail(dictionary, "batch-invariant", f"{name} of an empty batch gives {empty.shape}")
    whole = rng.integers(-3, 4, domain)
    same(
        dictionary,
        "whole numbers are mapped as numbers",
        _call(dictionary, "whole numbers are mapped as numbers", name, whole),
        _call(dictionary, "linear", name, whole.astype(float)),
        f"{name} of {whole.dtype}",
        dictionary._dtype(),
    )


def _check_adjoint(dictionary: Dictionary, rng: np.random.Generator) -> None:
    x = rng.standard_normal(dictionary.code_shape)
    y = rng.standard_normal(dictionary.signal_shape)
    signal, code = dictionary.synthesize(x), dictionary.analyze(y)
    left, right = float((signal * y).sum()), float((x * code).sum())
    scale = np.linalg.norm(signal) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(code)
    if abs(left - right) > 1e-11 * scale:
        fail(dictionary, "adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩", f"{left} and {right}")


def _check_sparse(dictionary: Dictionary, rng: np.random.Generator) -> None:
    law = "a sparse array is mapped, and counted, as the array that it stands for"
    for dtype in (np.float64, np.float32):
        x = rng.standard_normal((3, *dictionary.code_shape)).astype(dtype)
        x[rng.random(x.shape) < 0.7] = 0
        entries = scipy.sparse.coo_array(x)
        signals = call(dictionary, law, "synthesize", dictionary.synthesize, entries)
        same(dictionary, law, signals, dictionary.synthesize(x), "synthesize")
        counts = call(dictionary, law, "stripe_sparsity", dictionary.stripe_sparsity, entries)
        if not np.array_equal(counts, dictionary.stripe_sparsity(x)):
            fail(dictionary, law, f"stripe_sparsity gives {counts}")


def _explicit(dictionary: Dictionary) -> Array:
    size = math.prod(dictionary.code_shape)
    units = np.eye(size).reshape(size, *dictionary.code_shape)
    return dictionary.synthesize(units).reshape(size, -1).T


def _check_matrix(dictionary: Dictionary, matrix: Array, rng: np.random.Generator) -> None:
    law = "agrees with its matrix"
    x = rng.standard_normal(dictionary.code_shape)
    y = rng.standard_normal(dictionary.signal_shape)
    same(dictionary, law, dictionary.to_sparse().toarray(), matrix, "to_sparse")
    same(dictionary, law, dictionary.synthesize(x).ravel(), matrix @ x.ravel(), "synthesize")
    same(dictionary, law, dictionary.analyze(y).ravel(), matrix.T @ y.ravel(), "analyze")
    bound = np.abs(matrix) @ np.abs(x.ravel())
    same(dictionary, law, dictionary.contributions(x).ravel(), bound, "contributions")
    bound = np.abs(matrix).T @ np.abs(y.ravel())
    same(dictionary, law, dictionary.exposure(y).ravel(), bound, "exposure")
    operator = dictionary.as_linear_operator()
    same(dictionary, law, operator @ x.ravel(), matrix @ x.ravel(), "as_linear_operator")
    same(dictionary, law, operator.H @ y.ravel(), matrix.T @ y.ravel(), "as_linear_operator().H")


def _check_geometry(dictionary: Dictionary, matrix: Array) -> None:
    """Atoms lie inside their patches, and meet only inside their stripes."""
    stripes, patches = dictionary.stripes, dictionary.patches
    if stripes.grid != patches.grid:
        fail(dictionary, "one patch per stripe", f"{stripes.grid} and {patches.grid}")
    windows = math.prod(stripes.grid)
    marks = np.eye(windows, dtype=np.int64).reshape(windows, *stripes.grid)
    inside = np.broadcast_to(
        patches.max_containing(marks), (windows, *dictionary.signal_shape)
    ).reshape(windows, -1)
    near = np.broadcast_to(stripes.max_containing(marks), (windows, *dictionary.code_shape))
    centre = stripes.centres.ravel()
    outside = (matrix.T != 0) & (inside[centre] == 0)
    if outside.any():
        fail(dictionary, "atoms lie in their patches", f"atom {np.argwhere(outside)[0][0]}")
    gram = np.abs(matrix.T @ matrix)
    strangers = (gram > 1e-12 * gram.max()) & (near.reshape(windows, -1)[centre] == 0)
    if strangers.any():
        pair = tuple(map(int, np.argwhere(strangers)[0]))
        fail(dictionary, "atoms meet only in their stripes", f"atoms {pair}")


def _check_measures(dictionary: Dictionary, matrix: Array) -> None:
    law = "agrees with its matrix"
    gram = matrix.T @ matrix
    norms = np.sqrt(np.diag(gram))
    same(dictionary, law, dictionary.atom_norms().ravel(), norms, "atom_norms")
    rows = dictionary.gram_rows(np.arange(len(gram))).toarray()
    same(dictionary, law, rows, gram, "gram_rows")
    live = norms > 1e-12 * norms.max()
    cosines = np.abs(gram[np.ix_(live, live)]) / np.outer(norms[live], norms[live])
    np.fill_diagonal(cosines, 0)
    largest = min(cosines.max(initial=0.0), 1.0)
    same(dictionary, law, 1 + dictionary.mutual_coherence(), 1 + largest, "mutual_coherence")
    off = np.sort(np.abs(gram - np.diag(np.diag(gram))), axis=1)[:, ::-1]
    for count in sorted({0, 1, 2, len(gram) // 2, len(gram) + 3}):
        sums = off[:, :count].sum(axis=1).max(), (off[:, :count] ** 2).sum(axis=1).max()
        scale = gram.max()
        same(dictionary, law, scale + dictionary.babel(count), scale + sums[0], f"babel({count})")
        squares = scale**2 + dictionary.babel_squared(count)
        same(dictionary, law, squares, scale**2 + sums[1], f"babel_squared({count})")
