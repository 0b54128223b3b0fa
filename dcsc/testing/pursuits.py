"""The laws of pursuits."""

from typing import Any

import numpy as np

from dcsc._arrays import Array, Rng, generator, instance
from dcsc.dictionaries import CirculantDictionary, Dictionary, SignedDictionary, filters
from dcsc.projections import Projection, SoftThreshold
from dcsc.pursuits import Pursued, Pursuit
from dcsc.testing.common import call, fail

__all__ = ["check_pursuit"]

# Iterations end where steps are small, which leaves more than rounding.
_CLOSE = {np.dtype(np.float64): 1e-5, np.dtype(np.float32): 1e-2}


def check_pursuit(
    pursuit: Pursuit,
    dictionary: Dictionary | None = None,
    projection: Projection | None = None,
    rng: Rng = 0,
) -> None:
    """Check the laws of `Pursuit` on random signals, signs and shifts.

    Parameters
    ----------
    pursuit : Pursuit
    dictionary : Dictionary, optional
        The operator; a small one on a circle by default. Shifts are tried on a
        `CirculantDictionary` alone.
    projection : Projection, optional
        The layer's, which does not couple a batch; a soft threshold by default.
    rng : None, int, SeedSequence or Generator
    """
    instance(pursuit, Pursuit, "check_pursuit: pursuit")
    source = generator(rng, "check_pursuit: rng")
    if dictionary is None:
        dictionary = CirculantDictionary(filters.gaussian(3, 2, 3, rng=source), extent=11)
    instance(dictionary, Dictionary, "check_pursuit: dictionary")
    if projection is None:
        projection = SoftThreshold(0.3)
    instance(projection, Projection, "check_pursuit: projection")
    case = _Case(pursuit, dictionary, projection)
    signals = source.standard_normal((4, *dictionary.signal_shape))
    for dtype in (np.float64, np.float32):
        _check_codes(case, signals.astype(dtype))
    if _is_odd(projection, dictionary, source):
        _check_signs(case, signals, source)
    if isinstance(dictionary, CirculantDictionary):
        _check_shifts(case, signals, source)


class _Case:
    """A pursuit with what it works on."""

    def __init__(self, pursuit: Pursuit, dictionary: Dictionary, projection: Projection) -> None:
        self.pursuit, self.dictionary, self.projection = pursuit, dictionary, projection

    def pursue(self, signals: Array, law: str, operator: Dictionary | None = None) -> Pursued:
        """Return what the pursuit finds in signals, with the layer's dictionary or signs on it."""
        what = f"a pursuit of {signals.dtype} {signals.shape}"
        told = self.dictionary if operator is None else operator
        arguments = (signals, told, self.projection, self.dictionary)
        pursued = call(self.pursuit, law, what, self.pursuit, *arguments)
        if not isinstance(pursued, Pursued):
            fail(self.pursuit, law, f"{what} returned {type(pursued).__name__}")
        return pursued

    def close(self, law: str, got: Array, expected: Array, context: str) -> None:
        """Compare codes up to what iterations leave, relative to the largest entry."""
        room = _CLOSE[got.dtype] * max(float(np.abs(expected).max(initial=0)), 1e-300)
        if got.shape != expected.shape or (np.abs(got - expected) > room).any():
            fail(self.pursuit, law, f"{context} has another code")


def _check_codes(case: _Case, signals: Array) -> None:
    pursuit, kept = case.pursuit, signals.copy()
    pursued = case.pursue(signals, "shape and dtype")
    dtype = np.result_type(case.dictionary._dtype(), signals.dtype)
    shapes = {
        "code": (pursued.code, (len(signals), *case.dictionary.code_shape)),
        "iterations": (pursued.iterations, (len(signals),)),
        "gap": (pursued.gap, (len(signals),)),
    }
    for name, (array, shape) in shapes.items():
        if array is not None and array.shape != shape:
            fail(pursuit, "shape and dtype", f"{name} has shape {array.shape}, not {shape}")
    if pursued.code.dtype != dtype:
        fail(pursuit, "shape and dtype", f"codes of {signals.dtype} are {pursued.code.dtype}")
    if not np.array_equal(signals, kept):
        fail(pursuit, "inputs are left as they were", "the pursuit wrote into its argument")
    gap: Any = pursued.gap
    if gap is not None and ((gap < 0) | (gap > 1)).any():
        fail(pursuit, "a gap lies between 0 and 1", f"got {gap}")
    for zero in (np.zeros_like(signals), 0 * signals[:1]):
        if case.pursue(zero, "zero goes to zero").code.any():
            fail(pursuit, "zero goes to zero", "the code of 0 has a non-zero entry")
    if not case.projection.couples_batch:
        law = "each element of a batch is pursued as if alone"
        alone = np.stack([case.pursue(one, law).code for one in signals])
        case.close(law, pursued.code, alone, "an element of a batch")
    halves = case.pursue(signals.reshape(2, -1, *signals.shape[1:]), "several batch axes are one")
    case.close(
        "several batch axes are one",
        halves.code.reshape(pursued.code.shape),
        pursued.code,
        "a reshaped batch",
    )


def _is_odd(projection: Projection, dictionary: Dictionary, rng: np.random.Generator) -> bool:
    z = rng.standard_normal(dictionary.code_shape)
    return np.array_equal(projection(-z, dictionary), -projection(z, dictionary))


def _check_signs(case: _Case, signals: Array, rng: np.random.Generator) -> None:
    law = "with signs D the code is D times as much"
    signs = rng.choice([-1.0, 1.0], case.dictionary.code_shape)
    code = case.pursue(signals, law).code
    signed = case.pursue(signals, law, SignedDictionary(case.dictionary, signs)).code
    case.close(law, signed, signs * code, "the operator with signs")


def _check_shifts(case: _Case, signals: Array, rng: np.random.Generator) -> None:
    law = "a shifted signal has the shifted code"
    assert isinstance(case.dictionary, CirculantDictionary)
    turns = tuple(int(rng.integers(1, p + 1)) for p in case.dictionary.positions)
    samples = tuple(t * s for t, s in zip(turns, case.dictionary.stride, strict=True))
    axes = tuple(range(-len(turns), 0))
    shifted = case.pursue(np.roll(signals, samples, axes), law).code
    case.close(law, shifted, np.roll(case.pursue(signals, law).code, turns, axes), f"{samples}")
