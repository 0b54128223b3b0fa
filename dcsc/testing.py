"""The laws of the strategies, callable on one of your own.

Each check raises AssertionError naming the law that is broken and a counterexample, and returns
nothing if all hold. The project's own tests call the same functions.
"""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, Rng, Shape, generator
from dcsc.bounds import BoundCalculator, LayerStatistics
from dcsc.dictionaries import CirculantDictionary, Dictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Projection
from dcsc.signs import FixedSigns, SignPattern

__all__ = ["check_bound", "check_dictionary", "check_projection", "check_signs"]

_EXPLICIT = 2**18
_ROUNDING = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 1e-4}


def _fail(strategy: object, law: str, counterexample: str) -> None:
    raise AssertionError(f"{type(strategy).__name__} breaks the law '{law}': {counterexample}")


def _same(
    strategy: object, law: str, got: Any, expected: Any, context: str, dtype: Any = np.float64
) -> None:
    """Compare arrays up to the rounding of ``dtype``, or theirs, relative to the largest entry."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        _fail(strategy, law, f"{context}: shape {got.shape} instead of {expected.shape}")
    scale = max(np.abs(got).max(initial=0), np.abs(expected).max(initial=0), 1e-300)
    error = np.abs(got.astype(float) - expected.astype(float))
    dtypes = np.dtype(dtype), got.dtype, expected.dtype
    rounding = max(_ROUNDING.get(kind, 1e-11) for kind in dtypes)
    if error.max(initial=0) > rounding * scale:
        worst = np.unravel_index(int(error.argmax()), error.shape)
        place = tuple(int(i) for i in worst)
        _fail(strategy, law, f"{context}: {got[worst]} instead of {expected[worst]} at {place}")


# ---- dictionaries --------------------------------------------------------------------------------


def check_dictionary(dictionary: Dictionary, rng: Rng = 0) -> None:
    """Check the laws of `Dictionary`: both maps, the geometry, and all measures of the atoms.

    Dictionaries of up to 2**18 matrix entries are also held against their explicit matrix.
    """
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
        _fail(dictionary, law, f"{name} of {array.dtype} {array.shape} raised: {error}")
        raise


def _check_map(
    dictionary: Dictionary, name: str, given: Shape, taken: Shape, rng: np.random.Generator
) -> None:
    for dtype in (np.float64, np.float32):
        x, y = rng.standard_normal((2, 3, *given)).astype(dtype)
        kept = x.copy()
        out = _call(dictionary, "dtype kept", name, x)
        expected = np.result_type(dictionary._dtype(), dtype)
        if out.dtype != expected:
            _fail(
                dictionary, "dtype kept", f"{name} of {x.dtype} gives {out.dtype}, not {expected}"
            )
        if out.shape != (3, *taken):
            _fail(dictionary, "shape", f"{name} gives {out.shape}, not {(3, *taken)}")
        if not np.array_equal(x, kept):
            _fail(dictionary, "inputs are left as they were", f"{name} wrote into its argument")
        alone = np.stack([_call(dictionary, "batch-invariant", name, element) for element in x])
        _same(dictionary, "batch-invariant", out, alone, f"{name} of a batch of 3")
        alpha = dtype(-1.75)
        joint = _call(dictionary, "linear", name, alpha * x + y)
        apart = alpha * out + _call(dictionary, "linear", name, y)
        _same(dictionary, "linear", joint, apart, f"{name}(αx + y)", dtype)
    empty = _call(dictionary, "batch-invariant", name, np.zeros((0, *given)))
    if empty.shape != (0, *taken):
        _fail(dictionary, "batch-invariant", f"{name} of an empty batch gives {empty.shape}")


def _check_adjoint(dictionary: Dictionary, rng: np.random.Generator) -> None:
    x = rng.standard_normal(dictionary.code_shape)
    y = rng.standard_normal(dictionary.signal_shape)
    signal, code = dictionary.synthesize(x), dictionary.analyze(y)
    left, right = float((signal * y).sum()), float((x * code).sum())
    scale = np.linalg.norm(signal) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(code)
    if abs(left - right) > 1e-11 * scale:
        _fail(dictionary, "adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩", f"{left} and {right}")


def _explicit(dictionary: Dictionary) -> Array:
    size = math.prod(dictionary.code_shape)
    units = np.eye(size).reshape(size, *dictionary.code_shape)
    return dictionary.synthesize(units).reshape(size, -1).T


def _check_matrix(dictionary: Dictionary, matrix: Array, rng: np.random.Generator) -> None:
    law = "agrees with its matrix"
    x = rng.standard_normal(dictionary.code_shape)
    y = rng.standard_normal(dictionary.signal_shape)
    _same(dictionary, law, dictionary.to_sparse().toarray(), matrix, "to_sparse")
    _same(dictionary, law, dictionary.synthesize(x).ravel(), matrix @ x.ravel(), "synthesize")
    _same(dictionary, law, dictionary.analyze(y).ravel(), matrix.T @ y.ravel(), "analyze")
    bound = np.abs(matrix) @ np.abs(x.ravel())
    _same(dictionary, law, dictionary.contributions(x).ravel(), bound, "contributions")
    bound = np.abs(matrix).T @ np.abs(y.ravel())
    _same(dictionary, law, dictionary.exposure(y).ravel(), bound, "exposure")
    operator = dictionary.as_linear_operator()
    _same(dictionary, law, operator @ x.ravel(), matrix @ x.ravel(), "as_linear_operator")
    _same(dictionary, law, operator.H @ y.ravel(), matrix.T @ y.ravel(), "as_linear_operator().H")


def _check_geometry(dictionary: Dictionary, matrix: Array) -> None:
    """Atoms lie inside their patches, and meet only inside their stripes."""
    stripes, patches = dictionary.stripes, dictionary.patches
    if stripes.grid != patches.grid:
        _fail(dictionary, "one patch per stripe", f"{stripes.grid} and {patches.grid}")
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
        _fail(dictionary, "atoms lie in their patches", f"atom {np.argwhere(outside)[0][0]}")
    gram = np.abs(matrix.T @ matrix)
    strangers = (gram > 1e-12 * gram.max()) & (near.reshape(windows, -1)[own] == 0)
    if strangers.any():
        pair = tuple(map(int, np.argwhere(strangers)[0]))
        _fail(dictionary, "atoms meet only in their stripes", f"atoms {pair}")


def _check_measures(dictionary: Dictionary, matrix: Array) -> None:
    law = "agrees with its matrix"
    gram = matrix.T @ matrix
    norms = np.sqrt(np.diag(gram))
    _same(dictionary, law, dictionary.atom_norms().ravel(), norms, "atom_norms")
    rows = dictionary.gram_rows(np.arange(len(gram))).toarray()
    _same(dictionary, law, rows, gram, "gram_rows")
    live = norms > 1e-12 * norms.max()
    cosines = np.abs(gram[np.ix_(live, live)]) / np.outer(norms[live], norms[live])
    np.fill_diagonal(cosines, 0)
    largest = min(cosines.max(initial=0.0), 1.0)
    _same(dictionary, law, 1 + dictionary.mutual_coherence(), 1 + largest, "mutual_coherence")
    off = np.sort(np.abs(gram - np.diag(np.diag(gram))), axis=1)[:, ::-1]
    for count in sorted({0, 1, 2, len(gram) // 2, len(gram) + 3}):
        sums = off[:, :count].sum(axis=1).max(), (off[:, :count] ** 2).sum(axis=1).max()
        scale = gram.max()
        _same(dictionary, law, scale + dictionary.babel(count), scale + sums[0], f"babel({count})")
        squares = scale**2 + dictionary.babel_squared(count)
        _same(dictionary, law, squares, scale**2 + sums[1], f"babel_squared({count})")


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
            _fail(projection, law, f"{array.dtype} {array.shape} raised: {error}")
            raise

    kept = z.copy()
    out = project(z, "dtype and shape are kept")
    if out.dtype != z.dtype or out.shape != z.shape:
        _fail(
            projection,
            "dtype and shape are kept",
            f"{z.dtype} {z.shape} to {out.dtype} {out.shape}",
        )
    if not np.array_equal(z, kept):
        _fail(projection, "inputs are left as they were", "the projection wrote into its argument")
    if np.any(project(np.zeros_like(z), "zero goes to zero") != 0):
        _fail(projection, "zero goes to zero", "P(0) has a non-zero entry")
    grown = (out != 0) & (z == 0)
    if grown.any():
        place = tuple(map(int, np.argwhere(grown)[0]))
        _fail(
            projection, "the support is never enlarged", f"P(z) = {out[place]} where z = 0, {place}"
        )
    if not projection.couples_batch:
        alone = np.stack([project(element, "batch-invariant") for element in z])
        if not np.array_equal(alone, out):
            _fail(
                projection, "batch-invariant", "an element of a batch is projected otherwise alone"
            )
    halves = project(z.reshape(2, -1, *z.shape[1:]), "several batch axes are one")
    if not np.array_equal(halves.reshape(z.shape), out):
        _fail(projection, "several batch axes are one", f"{halves.shape} differs from {z.shape}")
    selection = projection.selection
    if selection is not None and selection.threshold is not None:
        beta = np.asarray(selection.threshold, dtype=np.float64)
        beta = beta.reshape(-1, *[1] * (z.ndim - 2)) if beta.ndim else beta
        wide = z.astype(np.float64)
        chosen = (wide if selection.one_sided else np.abs(wide)) > beta
        wrong = chosen != (out != 0)
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            _fail(
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
            _fail(
                projection,
                "what is kept stays, or shrinks by at most the threshold if it says so",
                f"z = {z[place]!r} gives {out[place]!r} under {selection}",
            )


# ---- signs ---------------------------------------------------------------------------------------


def check_signs(
    signs: SignPattern, code_shape: tuple[int, ...] | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `SignPattern`, its traits by 4000 draws where they speak of chance."""
    source = generator(rng, "check_signs: rng")
    fixed = signs.values.shape if isinstance(signs, FixedSigns) else (3, 4)
    shape = fixed if code_shape is None else code_shape
    seeds = source.integers(2**32, size=4000)
    try:
        draws = np.stack([signs.draw(shape, int(seed)) for seed in seeds])
    except DcscError as error:
        _fail(signs, "+1 and -1 of the given shape", str(error))
        raise
    if not np.array_equal(signs.draw(shape, int(seeds[0])), draws[0]):
        _fail(signs, "the same rng gives the same pattern", f"two draws with rng={seeds[0]} differ")
    if not signs.random and np.any(draws != draws[0]):
        _fail(signs, "a pattern that is not random never changes", "two draws differ")
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
        _fail(signs, "a sign that no coin decides never changes", "two draws differ")
    unlike = np.any(draws != draws[:, first[group]], axis=0) & ~fixed
    if unlike.any():
        entry = int(unlike.argmax())
        _fail(signs, "signs of one coin agree", f"entries {first[group][entry]} and {entry} differ")
    leaders = first[coins[first] >= 0]
    if signs.independent and signs.random and len(leaders) < len(coins):
        _fail(signs, "independent fair signs", f"{len(leaders)} coins for {len(coins)} entries")
    flat = draws[:, leaders]
    moments = flat.T @ np.column_stack([flat, np.ones(len(flat))]) / len(flat)
    np.fill_diagonal(moments, 0)
    limit = math.sqrt(2 * math.log(2 * max(moments.size, 1) / 1e-9) / len(flat))
    if np.abs(moments).max(initial=0) > limit:
        one, other = np.unravel_index(int(np.abs(moments).argmax()), moments.shape)
        what = "its mean" if other == len(leaders) else f"entry {leaders[other]}"
        _fail(signs, "independent fair signs", f"entry {leaders[one]} correlates with {what}")


# ---- bounds --------------------------------------------------------------------------------------


def _random_layers(rng: np.random.Generator) -> list[LayerStatistics]:
    """Return one to three layers whose guarantees are neither all empty nor all certain."""
    layers = []
    for number in range(int(rng.integers(1, 4))):
        x_max = float(rng.uniform(0.5, 2))
        layers.append(
            LayerStatistics(
                coherence=float(10 ** rng.uniform(-4, -0.3)),
                x_min=x_max * float(rng.uniform(0.2, 1)),
                x_max=x_max,
                sparsity=int(10 ** rng.uniform(0, 2)),
                noise=float(rng.uniform(0, 0.3)) * x_max if number == 0 else None,
                n_atoms=int(10 ** rng.uniform(1, 5)),
                n_samples=int(rng.integers(1, 5)),
                patch_sparsity=int(rng.integers(1, 5)),
            )
        )
    return layers


_RISES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("sparsity", lambda value: value + 1),
    ("sparsity", lambda value: 10 * value),
    ("coherence", lambda value: min(1.3 * value, 1.0)),
    ("noise", lambda value: None if value is None else 1.3 * value + 0.01),
    ("n_atoms", lambda value: 2 * value),
    ("n_samples", lambda value: value + 1),
    ("x_max", lambda value: 1.3 * value),
    ("patch_sparsity", lambda value: value + 1),
)


def check_bound(bound: BoundCalculator, rng: Rng = 0) -> None:
    """Check the laws of `BoundCalculator` on 100 random sets of layers."""
    source = generator(rng, "check_bound: rng")
    for _ in range(100):
        layers = _random_layers(source)
        value = bound.evaluate(layers).failure_probability
        if not 0 <= value <= 1:
            _fail(bound, "failure_probability lies in [0, 1]", f"{value} for {layers}")
        for number, layer in enumerate(layers):
            for name, grow in _RISES:
                changed = attrs.evolve(layer, **{name: grow(getattr(layer, name))})
                _check_order(bound, f"rises with {name}", layers, number, changed, value)
            lower = attrs.evolve(layer, x_min=0.8 * layer.x_min)
            _check_order(bound, "falls with x_min", layers, number, lower, value)
        _check_max_sparsity(bound, layers[0], float(10 ** source.uniform(-8, 0)))


def _check_order(
    bound: BoundCalculator,
    law: str,
    layers: list[LayerStatistics],
    number: int,
    worse: LayerStatistics,
    value: float,
) -> None:
    changed = [*layers[:number], worse, *layers[number + 1 :]]
    other = bound.evaluate(changed).failure_probability
    if other < value * (1 - 1e-9):
        _fail(bound, law, f"{value} for {layers}, {other} with layer {number + 1} as {worse}")


def _check_max_sparsity(bound: BoundCalculator, layer: LayerStatistics, delta: float) -> None:
    law = "max_sparsity meets δ, and one more does not"
    most = bound.max_sparsity(layer, delta)
    if most is None:
        beyond = 0
    elif math.isinf(most):
        far = bound.evaluate(attrs.evolve(layer, sparsity=2**62))
        if far.failure_probability > delta:
            _fail(bound, law, f"inf, but {far.failure_probability} > {delta} at S = 2**62, {layer}")
        return
    else:
        beyond = int(most) + 1
        met = bound.evaluate(attrs.evolve(layer, sparsity=int(most)))
        if met.failure_probability > delta:
            _fail(bound, law, f"{met.failure_probability} > {delta} at S = {most} for {layer}")
    over = bound.evaluate(attrs.evolve(layer, sparsity=beyond))
    if over.failure_probability <= delta < 1:
        _fail(bound, law, f"{over.failure_probability} <= {delta} at S = {beyond} for {layer}")
