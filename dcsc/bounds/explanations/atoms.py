"""Which atoms make a bound what it is: the pair behind μ, and the weakest of a union."""

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.explanations.records import AtomPair, WeakAtom
from dcsc.bounds.problem import Problem
from dcsc.dictionaries import Dictionary
from dcsc.dictionaries.gram import largest_entry

__all__ = ["coherent_pair", "weakest_atoms"]


def coherent_pair(dictionary: Dictionary) -> AtomPair | None:
    """Return two distinct atoms with the largest inner product, or None if all are orthogonal."""
    found = largest_entry(dictionary)
    if found.value == 0:
        return None
    shape = tuple(dictionary.code_shape)
    first, second = (
        tuple(int(i) for i in np.unravel_index(atom, shape)) for atom in (found.row, found.column)
    )
    axes = dictionary.stripes.axes
    circular = [axis.circular for axis in axes] if axes else [False] * (len(shape) - 1)
    offset = tuple(
        (q - p + size // 2) % size - size // 2 if wraps else q - p
        for p, q, size, wraps in zip(first[1:], second[1:], shape[1:], circular, strict=True)
    )
    return AtomPair(
        (first[0], second[0]),
        (first[1:], second[1:]),
        offset,
        found.value,
        everywhere=bool(circular) and all(circular),
        cut=any(_cut(dictionary, place) for place in (first[1:], second[1:])),
    )


def _cut(dictionary: Dictionary, position: tuple[int, ...]) -> bool:
    """Return whether the patch of a position has fewer samples than others."""
    sizes = [axis.sizes() for axis in dictionary.patches.axes]
    return any(size[at] < size.max() for size, at in zip(sizes, position, strict=False))


def weakest_atoms(
    problems: list[Problem], contributions: Array, code_shape: tuple[int, ...], count: int
) -> tuple[WeakAtom, ...]:
    """Return the atoms that contribute most to a union, from large to small.

    Parameters
    ----------
    problems : list of Problem
        One per column.
    contributions : array of shape (columns, atoms)
    code_shape : tuple of int
    count : int
        How many, at most; those that contribute nothing are left out.
    """
    flat = contributions.ravel()
    union = float(flat.sum())
    best = np.argsort(-flat, kind="stable")[:count]
    found = []
    for at in best[flat[best] > 0].tolist():
        column, atom = divmod(at, contributions.shape[1])
        problem = problems[column]
        number, *position = (int(i) for i in np.unravel_index(atom, code_shape))
        shifted = problem.noise_model == "adversarial"
        noise = float(problem.noise[atom])
        weights = problem.interference.weights(np.array([atom]))[0]
        squares = np.sort(np.append(weights**2, [0.0] * 3))[::-1]
        total = float(squares.sum())
        found.append(
            WeakAtom(
                column=column,
                filter=number,
                position=tuple(position),
                on_support=bool(problem.on[atom]),
                probability=float(flat[at]),
                share=float(flat[at]) / union,
                interferers=int(np.count_nonzero(weights)),
                largest=float(squares[0]) / total if total else 0.0,
                largest_three=float(squares[:3].sum()) / total if total else 0.0,
                level=float(problem.level[atom]),
                noise=noise if shifted else 0.0,
                deviation=float(np.sqrt(total + (0.0 if shifted else noise**2))),
                reach=float(weights.sum()),
            )
        )
    return tuple(found)
