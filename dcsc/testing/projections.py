"""The laws of projections."""

import attrs
import numpy as np

from dcsc._arrays import Array, Rng, generator, instance
from dcsc.dictionaries import CirculantDictionary, Dictionary, filters
from dcsc.errors import NotCoveredError
from dcsc.projections import Projection
from dcsc.projections.base import Threshold
from dcsc.testing.common import call, fail

__all__ = ["check_projection"]

_DECADES = 6
_SINGLE = float(np.finfo(np.float32).max)


def check_projection(
    projection: Projection, dictionary: Dictionary | None = None, rng: Rng = 0
) -> None:
    """Check the laws of `Projection` on random coefficients, zeros and ties.

    Sizes go over decades, to both sides of the threshold. Where no `selection` is declared there is
    nothing to hold a code against: which entries are kept, with which sign and of which size, is
    checked by the proximal map alone, if there is one.

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
    selection = projection.selection
    threshold = None if selection is None else selection.threshold
    beta = np.asarray(0.0 if threshold is None else threshold)
    if dictionary is None:
        channels = beta.size if beta.ndim else 3
        dictionary = CirculantDictionary(filters.gaussian(channels, 2, 3, rng=source), extent=11)
    normal = source.standard_normal((4, *dictionary.code_shape)) * (float(beta.max()) or 1.0)
    ties = np.round(normal / beta.max()) * beta.max() if beta.any() else np.round(normal)
    decades = normal * 10.0 ** source.uniform(-_DECADES, _DECADES, normal.shape)
    singles: list[Array] = [
        np.clip(z, -_SINGLE, _SINGLE).astype(np.float32) for z in (normal, decades)
    ]
    z: Array
    for z in (normal, normal * 10, decades, ties, np.zeros_like(normal), *singles):
        _check_projected(projection, z, dictionary)
    if not projection.needs_dictionary:
        for z in (normal, decades, *singles):
            _check_alone(projection, z, dictionary)
    _check_proximal(projection, normal, dictionary)
    if selection is not None:
        size = float(beta.max()) or 1.0
        each = size * source.uniform(0.2, 2, len(normal[0]))
        for other in (0.0, 0.3 * size, 2.0 * size, each):
            _check_with_threshold(projection, other, (normal, 10 * normal, decades), dictionary)


def _check_projected(projection: Projection, z: Array, dictionary: Dictionary) -> None:
    def project(array: Array, law: str) -> Array:
        what = f"P of {array.dtype} {array.shape}"
        return np.asarray(call(projection, law, what, projection, array, dictionary))

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
    _check_selection(projection, z, out)


def _check_alone(projection: Projection, z: Array, dictionary: Dictionary) -> None:
    """Check that without a dictionary it makes no difference what is one code."""
    law = "what needs no dictionary acts on every entry by itself"
    expected = projection(z, dictionary).ravel()
    for shape in ((z.size,), (1, z.size), (z.size, 1), z.shape, (1, *z.shape), z[0].shape):
        array = z[0] if shape == z[0].shape else z.reshape(shape)
        alone = call(projection, law, f"P of {z.dtype} {shape}", projection, array)
        if not np.array_equal(np.ravel(alone), expected[: array.size]):
            fail(projection, law, f"the same entries in the shape {shape} give other codes")


def _check_with_threshold(
    projection: Projection,
    threshold: Threshold,
    coefficients: tuple[Array, ...],
    dictionary: Dictionary,
) -> None:
    law = "with_threshold(β) selects at β, and differs in nothing else"
    what = f"with_threshold({threshold})"
    try:
        other = call(
            projection, law, what, projection.with_threshold, threshold, refusals=(NotCoveredError,)
        )
    except NotCoveredError:
        return
    assert projection.selection is not None
    expected = attrs.evolve(projection.selection, threshold=threshold)
    if not isinstance(other, Projection) or other.selection != expected:
        selection = getattr(other, "selection", other)
        fail(projection, law, f"{what} has {selection}, expected {expected}")
    for z in coefficients:
        _check_projected(other, z, dictionary)


def _check_proximal(projection: Projection, z: Array, dictionary: Dictionary) -> None:
    """Check that no code of those that come to mind has a smaller ½‖u − z‖² + t·g(u)."""
    law = "proximal(t) minimises ½‖u − z‖² + t·g(u)"
    refuses = {"refusals": (NotCoveredError,)}
    try:
        call(projection, law, "proximal(1)", projection.proximal, 1.0, **refuses)
    except NotCoveredError:
        return
    for t in (1.0, 0.3, 2.5):
        proximal = call(projection, law, f"proximal({t})", projection.proximal, t)
        best = np.asarray(call(projection, law, f"proximal({t}) of z", proximal, z, dictionary))
        if t == 1 and not np.array_equal(best, projection(z, dictionary)):
            fail(projection, "proximal(1) is P itself", "it gives other codes")
        others = {
            "0": np.zeros_like(z),
            "z": z,
            "P(z)": projection(z, dictionary),
            "a larger one": 1.01 * best,
            "a smaller one": 0.99 * best,
            "that of another step": projection.proximal(1.1 * t)(z, dictionary),
            "that of a sum": proximal(z + np.roll(z, 1, axis=0) / 16, dictionary),
            "one without negative entries": np.maximum(best, 0),
        }
        least = _value(projection, law, t, best, z, dictionary)
        for name, u in others.items():
            value = _value(projection, law, t, u, z, dictionary)
            if (least > value + 1e-9 * (1 + np.abs(value))).any():
                fail(projection, law, f"t = {t}: {least} at proximal(t)(z), {value} at {name}")


def _value(
    projection: Projection, law: str, t: float, u: Array, z: Array, dictionary: Dictionary
) -> Array:
    penalty = call(projection, law, "penalty(u)", projection.penalty, u, dictionary)
    if np.shape(penalty) != z.shape[:1]:
        fail(projection, law, f"penalty of {u.shape} has shape {np.shape(penalty)}")
    return np.asarray(0.5 * np.square(u - z).reshape(len(z), -1).sum(axis=1) + t * penalty)


def _check_selection(projection: Projection, z: Array, out: Array) -> None:
    selection = projection.selection
    if selection is None or selection.threshold is None:
        return
    beta = np.asarray(selection.threshold, dtype=np.float64)
    beta = beta.reshape(-1, *[1] * (z.ndim - 2)) if beta.ndim else beta
    wide = z.astype(np.float64)
    chosen = (wide if selection.one_sided else np.abs(wide)) > beta
    wrong = chosen != (out != 0)
    room = 4 * np.finfo(z.dtype).eps * np.abs(wide)
    least = np.abs(wide) - (beta if selection.shrinkage else 0) - room
    size = np.where(np.sign(out) == np.sign(wide), np.abs(out.astype(np.float64)), -np.inf)
    moved = chosen & ((size < least) | (size > np.abs(wide) + room))
    for law, broken in (
        ("it agrees with its selection", wrong),
        ("what is kept stays, or shrinks by at most the threshold if it says so", moved),
    ):
        if broken.any():
            place = tuple(map(int, np.argwhere(broken)[0]))
            told = f"z = {z[place]} gives {out[place]} under {selection}"
            fail(projection, law, told)
