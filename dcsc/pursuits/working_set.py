"""Basis pursuit denoising by coordinate descent on the few atoms that matter."""

import numpy as np
import scipy.linalg

from dcsc._arrays import Array
from dcsc._numerics.products import product
from dcsc.dictionaries.among import Among
from dcsc.pursuits.denoising import Denoising, Solved

__all__ = ["MOST_ENTRIES", "WorkingSet", "descend_on_support"]

# Of the Gram matrix of a working set.
MOST_ENTRIES = 2**26
# From round to round the penalty falls to this share, and not below that of the problem.
_FALL = 0.3
# A round ends where the conditions of optimality are met up to this share of how far they were
# off, or of the penalty while that falls; and where no round would be needed after it.
_SHARE, _ROUGH, _FINE = 0.05, 0.2, 0.1
# So many sweeps are extrapolated from, and a round has so many at most.
_SWEEPS, _MOST_SWEEPS = 5, 500
_ALMOST_FLAT = 1e-10
# Where so many sweeps have not been enough, supports of so many atoms are solved for.
_PATIENCE, _FEW_TO_SOLVE = 50, 128
# A round may take in so many atoms, and this share of the support.
_FEW, _GROWTH = 64, 0.5


def descend_on_support(problem: Denoising) -> Solved | None:
    """Solve a problem round by round, or return None where a Gram matrix would be too large.

    Each round looks at what all atoms have with the residual, takes into its working set those of
    the support and those that stand out, and goes from coordinate to coordinate among these.
    """
    operator, taken = problem.operator, 0
    code = np.zeros(operator.code_shape)
    flat, norms = code.reshape(-1), operator.atom_norms().reshape(-1)
    seen = problem.look(code)
    level = seen.largest
    while seen.gap > problem.gap and taken < problem.steps:
        falls = level > problem.penalty
        level = max(problem.penalty, _FALL * level)
        among = operator._among(_standing_out(code, seen.slope, level), MOST_ENTRIES)
        if among is None:
            return None
        fine = max(_SHARE * (seen.largest - level), _FINE * problem.gap * level)
        # In the units in which atoms have norms up to 1.
        atoms, unit = among.atoms, among.exponent
        chosen = WorkingSet(
            among,
            np.ldexp(norms[atoms], -unit),
            np.ldexp(flat[atoms], unit),
            np.ldexp(seen.slope.reshape(-1)[atoms], -unit),
            float(np.ldexp(level, -unit)),
        )
        enough = float(np.ldexp(_ROUGH * level if falls else fine, -unit))
        taken += chosen.descend(enough, problem.steps - taken)
        flat[atoms] = np.ldexp(chosen.code, -unit)
        seen = problem.look(code)
    return Solved(code, taken, seen.gap)


def _standing_out(code: Array, slope: Array, level: float) -> Array:
    """Return the support, and atoms off it that the residual has more of than the level.

    Of all filters at a place the best, for the others see much of what it sees; if these are few,
    others that are large as well, and if they are many, only the largest.
    """
    support = np.flatnonzero(code)
    sizes = np.abs(slope).reshape(len(slope) if slope.ndim > 1 else 1, -1)
    flat = sizes.reshape(-1)
    flat[support] = 0
    best = sizes.max(axis=0)
    best[best <= level] = np.inf
    chosen = np.flatnonzero(sizes == best)
    few = _FEW + len(support) // 8
    if len(chosen) < few:
        chosen = _largest(flat, np.flatnonzero(flat > level), few)
    elif len(support):
        chosen = _largest(flat, chosen, _FEW + int(_GROWTH * len(support)))
    return np.concatenate([support, chosen])


def _largest(sizes: Array, atoms: Array, most: int) -> Array:
    """Return the atoms of the largest sizes, so many at most."""
    if len(atoms) <= most:
        return atoms
    return atoms[np.argpartition(sizes[atoms], -most)[-most:]]


class WorkingSet:
    """The problem among a few atoms, with ``code`` x and ``slope`` Aᵀ(y − Ax) of these."""

    def __init__(
        self, among: Among, norms: Array, code: Array, slope: Array, penalty: float
    ) -> None:
        self._among, self._diagonal, self._penalty = among, np.square(norms), penalty
        self.code, self.slope = code, slope
        self._live = self._diagonal > 0

    def descend(self, enough: float, most: int) -> int:
        """Sweep until the conditions of optimality are met so well; return the number of sweeps."""
        order, taken = np.flatnonzero(self._live), 0
        most = min(most, _MOST_SWEEPS)
        while taken < most:
            past = [(self.code.copy(), self.slope.copy())]
            for _ in range(min(_SWEEPS, most - taken)):
                self._among.sweep(self.code, self.slope, self._diagonal, order, self._penalty)
                past.append((self.code.copy(), self.slope.copy()))
            taken += len(past) - 1
            if self._violation() <= enough:
                break
            self._extrapolate(*map(np.array, zip(*past, strict=True)))
            if taken >= _PATIENCE:
                self._solve()
            if self._violation() <= enough:
                break
            pulled = (self.code != 0) | (np.abs(self.slope) > self._penalty)
            order = np.flatnonzero(pulled & self._live)
        return taken

    def _violation(self) -> float:
        """Return the largest distance of a slope from λ times the sign, or from [−λ, λ] at 0."""
        off = np.abs(self.slope - self._penalty * np.sign(self.code))
        off[self.code == 0] -= self._penalty
        return float(off.max(initial=0))

    def _extrapolate(self, codes: Array, slopes: Array) -> None:
        """Go where the sweeps seem to go, if F is smaller there (Anderson's acceleration).

        That is the affine combination of the last codes whose change is least. Entries whose sign
        it changes become 0.
        """
        changes = np.diff(codes, axis=0)
        largest, count = float(np.abs(changes).max(initial=0)), len(changes)
        if largest == 0:
            return
        changes /= largest
        products = product(changes, changes.T)
        products += _ALMOST_FLAT * np.trace(products) * np.eye(count)
        weights = scipy.linalg.solve(products, np.ones(count), assume_a="pos")
        weights /= weights.sum()
        code, slope = (product(weights[None], x[1:])[0] for x in (codes, slopes))
        turned = np.flatnonzero((code * self.code <= 0) & (code != 0))
        self._among.add(slope, turned, code[turned])
        code[turned] = 0
        # F is quadratic but for its penalty, so that the two slopes tell by how much it changes.
        change = -0.5 * float((code - self.code) @ (slope + self.slope))
        change += self._penalty * float(np.abs(code).sum() - np.abs(self.code).sum())
        if change < 0:
            self.code, self.slope = code, slope

    def _solve(self) -> None:
        """Go to the best code of this support and these signs, or until an entry becomes 0.

        Where atoms are nearly parallel they hand their entries over in tiny steps that are all
        alike, out of which no combination leads.
        """
        support = np.flatnonzero(self.code)
        if not 0 < len(support) <= _FEW_TO_SOLVE:
            return
        rows = np.zeros((len(support), len(self.code)))
        for row, atom in zip(rows, support, strict=True):
            self._among.add(row, np.array([atom]), np.ones(1))
        gram, code = rows[:, support], self.code[support]
        downhill = self.slope[support] - self._penalty * np.sign(code)
        ridge = _ALMOST_FLAT * np.trace(gram) * np.eye(len(support))
        change = scipy.linalg.solve(gram + ridge, downhill, assume_a="pos")
        # As far as F falls, which is quadratic while the signs are the same.
        pull, bend = float(downhill @ change), float(change @ gram @ change)
        ends = np.where(code * change < 0, -code, np.inf) / np.where(change != 0, change, 1.0)
        ends = np.abs(ends)
        way = min(pull / bend if bend > 0 else np.inf, ends.min())
        if pull > 0 and way < np.inf:
            self.code[support] = np.where(ends == way, 0.0, code + way * change)
            self.slope = self.slope - way * (change @ rows)
