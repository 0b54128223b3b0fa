"""The laws of dictionaries, projections and sign patterns."""

import math

import numpy as np

from dcsc._arrays import Array, Rng, Shape, generator, instance, shape_tuple
from dcsc.dictionaries import CirculantDictionary, Dictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Projection
from dcsc.signs import FixedSigns, SignPattern
from dcsc.testing.common import fail, same

__all__ = ["check_dictionary", "check_projection", "check_signs"]

_EXPLICIT = 2**18
# ---- dictionaries --------------------------------------------------------------------------------


def check_dictionary(dictionary: Dictionary, rng: Rng = 0) -> None:
    """Check the laws of `Dictionary`: both maps, the geometry, and all measures of the atoms.

    Dictionaries of up to 2**18 matrix entries are also held against their explicit matrix.
    """
    instance(dictionary, Dictionary, "check_dictionary: dictionary")
    source = generator(rng, "check_dictionary: rng")
    for name, given, taken in (
        ("synthesize", dictionary.code_shape, dictionary.signal_shape),
        ("analyze", dictionary.signal_shape, dictionary.code_shape),
    ):
        _check_map(dictionary, name, tuple(given), tuple(taken), source)
    _check_adjoint(dictionary, source)
    if math.prod(dictionary.code_shape) * math.prod(dictionary.signal_shape) <= _EXPLICIT:
        matrix = _explicit(dictionary)
        _check_matrix(dictionary, matrix, source)
        _check_geometry(dictionary, matrix)
        _check_measures(dictionary, matrix)


def _call(dictionary: Dictionary, law: str, name: str, array: Array) -> Array:
    try:
        return np.asarray(getattr(dictionary, name)(array))
    except DcscError as error:
        fail(dictionary, law, f"{name} of {array.dtype} {array.shape} raised: {error}")


def _check_map(
    dictionary: Dictionary, name: str, given: Shape, taken: Shape, rng: np.random.Generator
) -> None:
    for dtype in (np.float64, np.float32):
        x, y = rng.standard_normal((2, 3, *given)).astype(dtype)
        kept = x.copy()
        out = _call(dictionary, "dtype kept", name, x)
        expected = np.result_type(dictionary._dtype(), dtype)
        if out.dtype != expected:
            fail(dictionary, "dtype kept", f"{name} of {x.dtype} gives {out.dtype}, not {expected}")
        if out.shape != (3, *taken):
            fail(dictionary, "shape", f"{name} gives {out.shape}, not {(3, *taken)}")
        if not np.array_equal(x, kept):
            fail(dictionary, "inputs are left as they were", f"{name} wrote into its argument")
        alone = np.stack([_call(dictionary, "batch-invariant", name, element) for element in x])
        same(dictionary, "batch-invariant", out, alone, f"{name} of a batch of 3")
        alpha = dtype(-1.75)
        joint = _call(dictionary, "linear", name, alpha * x + y)
        apart = alpha * out + _call(dictionary, "linear", name, y)
        same(dictionary, "linear", joint, apart, f"{name}(αx + y)", dtype)
    empty = _call(dictionary, "batch-invariant", name, np.zeros((0, *given)))
    if empty.shape != (0, *taken):
        fail(dictionary, "batch-invariant", f"{name} of an empty batch gives {empty.shape}")


def _check_adjoint(dictionary: Dictionary, rng: np.random.Generator) -> None:
    x = rng.standard_normal(dictionary.code_shape)
    y = rng.standard_normal(dictionary.signal_shape)
    signal, code = dictionary.synthesize(x), dictionary.analyze(y)
    left, right = float((signal * y).sum()), float((x * code).sum())
    scale = np.linalg.norm(signal) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(code)
    if abs(left - right) > 1e-11 * scale:
        fail(dictionary, "adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩", f"{left} and {right}")


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
    own = np.arange(windows).reshape(stripes.grid)
    if own.ndim == len(dictionary.code_shape):  # one row of windows per group of filters
        own = np.repeat(own, dictionary.code_shape[0] // len(own), axis=0)
    own = np.broadcast_to(own, dictionary.code_shape).ravel()
    outside = (matrix.T != 0) & (inside[own] == 0)
    if outside.any():
        fail(dictionary, "atoms lie in their patches", f"atom {np.argwhere(outside)[0][0]}")
    gram = np.abs(matrix.T @ matrix)
    strangers = (gram > 1e-12 * gram.max()) & (near.reshape(windows, -1)[own] == 0)
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


# ---- projections ---------------------------------------------------------------------------------


def check_projection(
    projection: Projection, dictionary: Dictionary | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `Projection` on random coefficients of many sizes, zeros and ties.

    Parameters
    ----------
    projection : Projection
    dictionary : Dictionary, optional
        What the coefficients belong to; a small convolutional one by default.
    rng : None, int, SeedSequence or Generator
    """
    instance(projection, Projection, "check_projection: projection")
    if dictionary is not None:
        instance(dictionary, Dictionary, "check_projection: dictionary")
    source = generator(rng, "check_projection: rng")
    threshold = None if projection.selection is None else projection.selection.threshold
    beta = np.asarray(0.0 if threshold is None else threshold)
    if dictionary is None:
        channels = beta.size if beta.ndim else 3
        dictionary = CirculantDictionary(filters.gaussian(channels, 2, 3, rng=source), extent=11)
    normal = source.standard_normal((4, *dictionary.code_shape)) * (float(beta.max()) or 1.0)
    ties = np.round(normal / beta.max()) * beta.max() if beta.any() else np.round(normal)
    for z in (normal, normal * 10, ties, np.zeros_like(normal), normal.astype(np.float32)):
        _check_projected(projection, z, dictionary)


def _check_projected(projection: Projection, z: Array, dictionary: Dictionary) -> None:
    def project(array: Array, law: str) -> Array:
        try:
            return projection(array, dictionary)
        except DcscError as error:
            fail(projection, law, f"{array.dtype} {array.shape} raised: {error}")

    kept = z.copy()
    out = project(z, "dtype and shape are kept")
    if out.dtype != z.dtype or out.shape != z.shape:
        fail(
            projection,
            "dtype and shape are kept",
            f"{z.dtype} {z.shape} to {out.dtype} {out.shape}",
        )
    if not np.array_equal(z, kept):
        fail(projection, "inputs are left as they were", "the projection wrote into its argument")
    if np.any(project(np.zeros_like(z), "zero goes to zero") != 0):
        fail(projection, "zero goes to zero", "P(0) has a non-zero entry")
    grown = (out != 0) & (z == 0)
    if grown.any():
        place = tuple(map(int, np.argwhere(grown)[0]))
        fail(
            projection, "the support is never enlarged", f"P(z) = {out[place]} where z = 0, {place}"
        )
    if not projection.couples_batch:
        alone = np.stack([project(element, "batch-invariant") for element in z])
        if not np.array_equal(alone, out):
            fail(
                projection, "batch-invariant", "an element of a batch is projected otherwise alone"
            )
    halves = project(z.reshape(2, -1, *z.shape[1:]), "several batch axes are one")
    if not np.array_equal(halves.reshape(z.shape), out):
        fail(projection, "several batch axes are one", f"{halves.shape} differs from {z.shape}")
    selection = projection.selection
    if selection is not None and selection.threshold is not None:
        beta = np.asarray(selection.threshold, dtype=np.float64)
        beta = beta.reshape(-1, *[1] * (z.ndim - 2)) if beta.ndim else beta
        wide = z.astype(np.float64)
        chosen = (wide if selection.one_sided else np.abs(wide)) > beta
        wrong = chosen != (out != 0)
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            fail(
                projection,
                "it agrees with its selection",
                f"z = {z[place]!r} gives {out[place]!r} under {selection}",
            )
        room = 4 * np.finfo(z.dtype).eps * np.abs(wide)
        least = np.abs(wide) - (beta if selection.shrinkage else 0) - room
        size = np.where(np.sign(out) == np.sign(wide), np.abs(out.astype(np.float64)), -np.inf)
        moved = chosen & ((size < least) | (size > np.abs(wide) + room))
        if moved.any():
            place = tuple(map(int, np.argwhere(moved)[0]))
            fail(
                projection,
                "what is kept stays, or shrinks by at most the threshold if it says so",
                f"z = {z[place]!r} gives {out[place]!r} under {selection}",
            )


# ---- signs ---------------------------------------------------------------------------------------


def check_signs(
    signs: SignPattern, code_shape: tuple[int, ...] | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `SignPattern`, its traits by 4000 draws where they speak of chance."""
    instance(signs, SignPattern, "check_signs: signs")
    source = generator(rng, "check_signs: rng")
    fixed = signs.values.shape if isinstance(signs, FixedSigns) else (3, 4)
    shape = fixed if code_shape is None else shape_tuple(code_shape, "check_signs: code_shape", 1)
    seeds = source.integers(2**32, size=4000)
    try:
        draws = np.stack([signs.draw(shape, int(seed)) for seed in seeds])
    except DcscError as error:
        fail(signs, "+1 and -1 of the given shape", str(error))
    if not np.array_equal(signs.draw(shape, int(seeds[0])), draws[0]):
        fail(signs, "the same rng gives the same pattern", f"two draws with rng={seeds[0]} differ")
    if not signs.random and np.any(draws != draws[0]):
        fail(signs, "a pattern that is not random never changes", "two draws differ")
    try:
        coins = signs.coins(shape).ravel()
    except NotCoveredError:  # random otherwise
        return
    _check_coins(signs, coins, draws.reshape(len(draws), -1))


def _check_coins(signs: SignPattern, coins: Array, draws: Array) -> None:
    """Check flat draws against the coin of each entry: constant, equal, or independent and fair."""
    _, first, group = np.unique(coins, return_index=True, return_inverse=True)
    fixed = coins < 0
    if np.any(draws[:, fixed] != draws[0, fixed]):
        fail(signs, "a sign that no coin decides never changes", "two draws differ")
    unlike = np.any(draws != draws[:, first[group]], axis=0) & ~fixed
    if unlike.any():
        entry = int(unlike.argmax())
        fail(signs, "signs of one coin agree", f"entries {first[group][entry]} and {entry} differ")
    leaders = first[coins[first] >= 0]
    if signs.independent and signs.random and len(leaders) < len(coins):
        fail(signs, "independent fair signs", f"{len(leaders)} coins for {len(coins)} entries")
    flat = draws[:, leaders]
    moments = flat.T @ np.column_stack([flat, np.ones(len(flat))]) / len(flat)
    np.fill_diagonal(moments, 0)
    limit = math.sqrt(2 * math.log(2 * max(moments.size, 1) / 1e-9) / len(flat))
    if np.abs(moments).max(initial=0) > limit:
        one, other = np.unravel_index(int(np.abs(moments).argmax()), moments.shape)
        what = "its mean" if other == len(leaders) else f"entry {leaders[other]}"
        fail(signs, "independent fair signs", f"entry {leaders[one]} correlates with {what}")
