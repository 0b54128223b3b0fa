"""Coherence, stripes and patches next to what numpy needs for the same amount of data.

- coherence and Babel functions: the products of matrices that the correlations consist of, half of
  the shifts by symmetry
- coherence of a dense dictionary: one product of all pairs of atoms in float32
- Gram rows: a copy of what is returned
- stripe sparsity and patch norm: a copy of the array
- StripeTopK: sorting all entries as one list
"""

import itertools
import math

import numpy as np
from common import versus

from dcsc import CirculantDictionary, DenseDictionary, StripeTopK, ToeplitzDictionary

BANKS = [(512, 256, (3, 3)), (64, 32, (11, 11)), (100, 16, (9,))]
ROWS = [(100, 512, 256, (3, 3), (32, 32)), (1000, 100, 16, (9,), (1024,))]
CODES = [
    (64, 32, (9,), (1024,)),
    (256, 32, (9,), (1024,)),
    (32, 64, (5, 5), (64, 64)),
    (32, 64, (11, 11), (64, 64)),
]
STRIPES = [(64, 32, (9,), (1024,)), (64, 8, (9,), (1024,)), (8, 64, (5, 5), (64, 64))]
SPARSITIES = (1, 20, 200)
EXTENTS = (64, 4096)
ATOMS = [(256, 2048), (768, 16384)]
SMALL = {
    "banks": [(8, 3, (3, 3)), (6, 2, (5,))],
    "rows": [(4, 8, 3, (3, 3), (8, 8))],
    "codes": [(3, 4, (3,), (32,)), (2, 4, (3, 3), (8, 8))],
    "stripes": [(3, 8, (5,), (128,)), (2, 4, (3, 3), (8, 8))],
    "extents": (8, 16),
    "atoms": [(8, 40)],
}


def row(name, function, baseline, repetitions):
    timed = versus(function, baseline, repetitions)
    return {"name": name, **timed, "ratio": timed["seconds"] / timed["other"]}


def normal(shape, dtype=float):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def sparse(shape, dtype):
    return normal(shape, dtype) * (np.random.default_rng(1).random(shape) < 0.1)


def products(n, c, kernel):
    """Return a call that multiplies what the correlations of filters multiply, and no more."""
    shifts = itertools.product(*(range(1 - f, f) for f in kernel))
    half = [shift for shift in shifts if shift >= (0,) * len(kernel)]
    sizes = [
        c * math.prod(f - abs(s) for f, s in zip(kernel, shift, strict=True)) for shift in half
    ]
    pairs = {size: normal((2, n, size)) for size in set(sizes)}

    def multiply():
        for size in sizes:
            left, right = pairs[size]
            left @ right.T

    return multiply


def coherence(repetitions, banks=BANKS):
    """Time the measures of the Gram matrix against the products they need."""
    for n, c, kernel in banks:
        baseline = products(n, c, kernel)
        for dtype in (np.float64, np.float32):
            bank = normal((n, c, *kernel), dtype)
            dictionary = CirculantDictionary(bank, [2 * f for f in kernel])
            calls = {
                "coherence": dictionary.mutual_coherence,
                "babel(1)": lambda dictionary=dictionary: dictionary.babel(1),
                "babel(10)": lambda dictionary=dictionary: dictionary.babel(10),
                "babel(100)": lambda dictionary=dictionary: dictionary.babel(100),
                "babel_squared(10)": lambda dictionary=dictionary: dictionary.babel_squared(10),
            }
            for name, call in calls.items():
                yield row(f"{name} {bank.shape} {bank.dtype}", call, baseline, repetitions)


def extents(repetitions, banks=BANKS[1:], sides=EXTENTS):
    """Time the coherence of a padded layer at two extents: the smaller one is the baseline."""
    for n, c, kernel in banks:
        bank = normal((n, c, *[min(f, 5) for f in kernel]))
        small, large = (
            ToeplitzDictionary(bank, [side] * len(kernel), 1, bank.shape[2] // 2) for side in sides
        )
        name = f"coherence, padded, {bank.shape}, extent {sides[1]} : {sides[0]}"
        yield row(name, large.mutual_coherence, small.mutual_coherence, repetitions)


def dense_coherence(repetitions, shapes=ATOMS):
    """Time the coherence of explicit atoms against the float32 product of all pairs of them."""
    for shape in shapes:
        atoms = normal(shape, np.float32)
        dictionary = DenseDictionary(atoms)

        def multiply(atoms=atoms):
            for start in range(0, atoms.shape[1], 1024):
                np.ascontiguousarray(atoms[:, start : start + 1024].T) @ atoms

        name = f"coherence, dense, {shape} float32"
        yield row(name, dictionary.mutual_coherence, multiply, repetitions)


def gram_rows(repetitions, shapes=ROWS):
    """Time Gram rows against a copy of them."""
    for count, n, c, kernel, extent in shapes:
        dictionary = CirculantDictionary(normal((n, c, *kernel)), extent)
        chosen = np.random.default_rng(0).integers(0, math.prod(dictionary.code_shape), count)
        rows = dictionary.gram_rows(chosen)
        call = lambda dictionary=dictionary, chosen=chosen: dictionary.gram_rows(chosen)  # noqa: E731
        name = f"{count} Gram rows of {n} x {c} x {kernel}, {extent}"
        yield row(name, call, rows.copy, repetitions)


def norms(repetitions, codes=CODES):
    """Time stripe sparsity and patch norm against a copy of the array."""
    for batch, n, kernel, extent in codes:
        for dtype in (np.float64, np.float32):
            dictionary = CirculantDictionary(normal((n, n, *kernel), dtype), extent)
            x = sparse((batch, n, *extent), dtype)
            flags, copy = x != 0, np.empty_like(x)
            calls = {
                "stripe_sparsity": (dictionary.stripe_sparsity, x),
                "stripe_sparsity of booleans": (dictionary.stripe_sparsity, flags),
                "patch_sparsity": (dictionary.patch_sparsity, x),
                "patch_norm": (dictionary.patch_norm, x),
            }
            for name, (method, array) in calls.items():
                yield row(
                    f"{name} {x.shape} {x.dtype}, kernel {kernel}",
                    lambda method=method, array=array: method(array),
                    lambda x=x, copy=copy: np.copyto(copy, x),
                    repetitions,
                )


def stripe_top_k(repetitions, stripes=STRIPES):
    """Time StripeTopK against one sort of all entries."""
    for batch, n, kernel, extent in stripes:
        for dtype in (np.float64, np.float32):
            dictionary = CirculantDictionary(normal((n, 1, *kernel), dtype), extent)
            x = normal((batch, n, *extent), dtype)
            size = dictionary.stripes.size
            for sparsity in SPARSITIES:
                projection = StripeTopK(sparsity)
                yield row(
                    f"StripeTopK({sparsity}) {x.shape} {x.dtype}, {size} a stripe",
                    lambda projection=projection, x=x, d=dictionary: projection(x, d),
                    lambda x=x: np.sort(x, axis=None),
                    repetitions,
                )


def rows(repetitions, quick):
    """Return all rows; ``ratio`` is how many baselines a call takes."""
    small = SMALL if quick else {}
    banks = {"banks": small["banks"]} if quick else {}
    sides = {"sides": small["extents"], **banks} if quick else {}
    return [
        *coherence(repetitions, **banks),
        *extents(repetitions, **sides),
        *dense_coherence(repetitions, small.get("atoms", ATOMS)),
        *gram_rows(repetitions, small.get("rows", ROWS)),
        *norms(repetitions, small.get("codes", CODES)),
        *stripe_top_k(repetitions, small.get("stripes", STRIPES)),
    ]


def table(found):
    lines = ["| what | ms | baselines |", "|---|---|---|"]
    lines += [
        f"| {row['name']} | {1e3 * row['seconds']:.2f} | {row['ratio']:.1f} |" for row in found
    ]
    return "\n".join(lines)
