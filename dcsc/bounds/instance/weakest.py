"""The weakest atoms of a union, for `explain`."""

import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.instance.problem import Problem
from dcsc.bounds.sides import WeakAtom

__all__ = ["weakest_atoms"]


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
    atoms = []
    for at in best[flat[best] > 0].tolist():
        # Which atom of which column it is, and where it lies in the code.
        column, atom = divmod(at, contributions.shape[1])
        problem = problems[column]
        seen = problem.column
        number, *position = (int(i) for i in np.unravel_index(atom, code_shape))
        # Its sum Σ w_j ε_j: the variance is Σ w_j², to which noise that shifts no level adds its
        # own square.
        shifted = problem.law.shifts
        noise = float(seen.error[atom])
        weights = seen.weights(np.array([atom]))[0]
        squares = np.sort(np.append(weights**2, [0.0] * 3))[::-1]
        total = float(squares.sum())
        atoms.append(
            WeakAtom(
                column=column,
                filter=number,
                position=tuple(position),
                on_support=bool(seen.on[atom]),
                probability=float(flat[at]),
                share=float(flat[at]) / union,
                interferers=int(np.count_nonzero(weights)),
                largest=float(squares[0]) / total if total else 0.0,
                largest_three=float(squares[:3].sum()) / total if total else 0.0,
                level=float(seen.level[atom]),
                noise=noise if shifted else 0.0,
                deviation=float(np.sqrt(total + (0.0 if shifted else noise**2))),
                reach=float(weights.sum()),
            )
        )
    return tuple(atoms)
