"""Signs under which failing is likely, and their density relative to fair signs."""

import math
from typing import Any

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc._numerics import best_moments
from dcsc.coefficients import columns
from dcsc.dictionaries import Dictionary
from dcsc.projections import Selection

__all__ = ["AtRisk", "TiltedMixture"]

_ROWS = 4096


@attrs.frozen(eq=False)
class AtRisk:
    r"""The atoms, column by column, that can be on the wrong side of their threshold.

    With B the coins that decide the signs of the joint support of the columns, and b(k) that of
    atom k, its coefficient in column x is :math:`z_k = \varepsilon_{b(k)} h_k`, :math:`h_k =
    \sum_{b \in B} \varepsilon_b \sum_{j \in b} G_{kj} x_j + \langle a_k, v \rangle`; where each
    atom has a sign of its own, B are the atoms of the support. Atoms that no signs bring to their
    threshold are not among them. Ties count as failures: coefficients within 1e-12 of the
    threshold, relative to its sum with the largest that h can be.

    Parameters
    ----------
    weights : array of shape (atoms, B)
        ``G_kj x_j``, summed over the atoms j of each coin.
    noise : array of shape (atoms,)
        ⟨a_k, v⟩.
    place : array of int, shape (atoms,)
        The place of b(k) in B, -1 if it is not there.
    active : array of bool, shape (atoms,)
        Whether k is in the support of this column.
    outside : array of int
        The atoms whose coin is not in B: first all columns and atoms of one coin, then of the next.
    starts : array of int
        Where in ``outside`` each of these coins begins.
    """

    weights: Array
    noise: Array
    place: Array
    active: Array
    threshold: Array
    slack: Array
    one_sided: bool
    outside: Array
    starts: Array

    @classmethod
    def of(
        cls,
        dictionary: Dictionary,
        selection: Selection,
        codes: Array,
        noise: Array,
        coins: Array | None = None,
    ) -> "AtRisk":
        """Find them in columns of codes.

        Parameters
        ----------
        dictionary : Dictionary
        selection : Selection
            With a threshold.
        codes : array of shape (columns, *code_shape)
        noise : array of shape (columns, *signal_shape)
        coins : array of int, shape code_shape, optional
            As in `dcsc.coefficients.columns`.
        """
        threshold = selection.threshold
        assert threshold is not None
        flat = codes.reshape(len(codes), math.prod(dictionary.code_shape))
        support = np.flatnonzero((flat != 0).any(axis=0))
        if not support.size:
            support = np.zeros(1, dtype=np.int64)  # any atom, of weight 0
        coin = np.arange(flat.shape[1]) if coins is None else coins.ravel()
        tossed = np.unique(coin[support])
        place = np.full(coin.max() + 1, -1)
        place[tossed] = np.arange(len(tossed))
        rows = [np.zeros((0, len(tossed)))]
        parts = [tuple(np.zeros(0, kind) for kind in (int, float, bool, float, float))]
        one_sided = selection.one_sided
        seen = columns(dictionary, codes, threshold, one_sided=one_sided, noise=noise, coins=coins)
        for column in seen:
            able, on = np.flatnonzero(~column.safe), column.support
            of_coins = scipy.sparse.csr_array(
                (np.ones(len(on)), (place[coin[on]], np.arange(len(on)))), (len(tossed), len(on))
            )
            rows.append((of_coins @ column.terms(able)).toarray().T)
            parts.append(
                (
                    able,
                    column.offset[able],
                    column.on[able],
                    column.threshold[able],
                    column.slack[able],
                )
            )
        atom, offset, active, beta, slack = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        coin = coin[atom]
        sign_place = place[coin]
        # a coin that is not in B is one more sign, the same in all columns
        outside = np.flatnonzero(sign_place < 0)
        outside = outside[np.argsort(coin[outside], kind="stable")]
        return cls(
            np.concatenate(rows),
            offset,
            sign_place,
            active,
            beta,
            slack,
            one_sided,
            outside,
            np.flatnonzero(np.diff(coin[outside], prepend=-1)),
        )

    def __len__(self) -> int:
        return len(self.place)

    def failure(self, signs: Array) -> Array:
        """Return the probability of failing given the signs of B, shape (draws,)."""
        h = signs @ self.weights.T + self.noise
        if not self.one_sided:
            return self._wrong(np.abs(h)).any(axis=1).astype(np.float64)
        known = np.where(self.place < 0, -np.inf, signs[:, self.place] * h)
        certain = self._wrong(known).any(axis=1)
        if not self.outside.size:
            return certain.astype(np.float64)
        bad = [
            np.logical_or.reduceat(self._wrong(sign * h)[:, self.outside], self.starts, axis=1)
            for sign in (1, -1)
        ]
        escape = (1 - 0.5 * (bad[0].astype(int) + bad[1])).prod(axis=1)
        return np.where(certain, 1.0, 1 - escape)

    def _wrong(self, z: Array) -> Any:
        below, above = z <= self.threshold + self.slack, z >= self.threshold - self.slack
        return np.where(self.active, below, above)


@attrs.frozen(eq=False)
class TiltedMixture:
    r"""The fair signs of B, mixed with laws under which one atom fails on one side.

    With s the sign of :math:`h_k` on that side, that of k held fixed where it matters, and
    :math:`g = s \sum_b w_b \varepsilon_b` over the other coins, failing means g ≥ t. That law has
    density :math:`e^{\lambda g} / M(\lambda)`, :math:`M = \prod_b \cosh \lambda w_b`, to the
    fair one, where λ minimises the Chernoff bound :math:`p = e^{-\lambda t} M`. Laws are
    mixed in proportion to their p, and the fair law has weight Z / (1 + Z), Z = Σ p.

    Where some atom fails, the density of the mixture is then at least 1 / (Z (1 + Z)), and
    it is at least Z / (1 + Z) everywhere; `log_ceiling` is the logarithm of the smaller inverse.

    Parameters
    ----------
    directions : array of shape (atoms, B)
        The weights that g is made of.
    pinned : array of bool, shape (atoms,)
        Whether the law holds the sign of the atom fixed.
    tilt : array of shape (2, atoms)
        λ of the sides s = +1 and -1, times s.
    log_share, log_fair : array of shape (2, atoms), float
        Logarithm of the share of each law in the mixture, and of the fair law.
    log_scale : array of shape (2, atoms)
        That of the share times the density, where g = 0.
    """

    at_risk: AtRisk
    directions: Array
    pinned: Array
    tilt: Array
    log_scale: Array
    log_share: Array
    log_fair: float
    log_ceiling: float

    @classmethod
    def of(cls, at_risk: AtRisk) -> "TiltedMixture":
        """Choose the tilts and the shares."""
        # the sign of the coefficient matters: what has the sign of k is then no random part of it
        pinned = (at_risk.place >= 0) & (at_risk.active | at_risk.one_sided)
        inside = np.flatnonzero(pinned)
        directions, signal = at_risk.weights.copy(), np.zeros(len(at_risk))
        signal[inside] = directions[inside, at_risk.place[inside]]
        directions[inside, at_risk.place[inside]] = 0
        # an active atom fails when its coefficient moves down, or towards zero
        down = np.where(at_risk.active, -1.0, 1.0)
        if not at_risk.one_sided:
            down[signal < 0] = 1.0
            signal = np.abs(signal)
        beta = at_risk.threshold
        level = np.where(at_risk.active, signal - beta, beta - signal) - at_risk.slack
        sides = np.array([[1.0], [-1.0]]) * down
        levels = level - sides * at_risk.noise
        tilts = [_tilts(np.abs(directions), each) for each in levels]
        tilt, log_moment = np.stack([x for x, _ in tilts]), np.stack([y for _, y in tilts])
        possible = levels <= np.abs(directions).sum(axis=1) + 2 * at_risk.slack
        # failing on this side also needs the sign of atom k to be right, pinned or not
        coin = np.where(pinned | at_risk.one_sided, math.log(2), 0.0)
        log_bound = np.where(possible, log_moment - tilt * levels - coin, -np.inf)
        log_total = float(scipy.special.logsumexp(log_bound))
        log_rest = float(np.logaddexp(0.0, log_total))
        log_share = log_bound - log_total - log_rest
        return cls(
            at_risk,
            directions,
            pinned,
            sides * tilt,
            log_share - log_moment + np.where(pinned, math.log(2), 0.0),
            log_share,
            log_total - log_rest,
            min(log_total + log_rest, log_rest - log_total),
        )

    def draw(self, uniform: Array) -> Array:
        """Return signs of B from numbers uniform in [0, 1), shape (draws, 1 + B).

        The first number of a draw chooses the law, the others the signs.
        """
        edges = np.cumsum(np.exp(np.append(self.log_fair, self.log_share)))
        # rounding must not leave a number beyond the last edge
        law = np.searchsorted(edges / edges[-1], uniform[:, 0], side="right") - 1
        side, atom = np.divmod(law, len(self.at_risk))
        tilted = law >= 0
        tilt = np.where(tilted, self.tilt[side % 2, atom], 0.0)
        chance = scipy.special.expit(2 * tilt[:, None] * self.directions[atom])
        held = np.flatnonzero(tilted & self.pinned[atom])
        chance[held, self.at_risk.place[atom[held]]] = side[held] == 0
        return np.where(uniform[:, 1:] < chance, 1.0, -1.0)

    def log_density(self, signs: Array) -> Array:
        """Return the logarithm of the density to the fair law, shape (draws,)."""
        g = signs @ self.directions.T
        held = np.where(self.pinned, signs[:, self.at_risk.place], 0.0)
        exponents = [
            np.where(held * sign >= 0, self.log_scale[side] + self.tilt[side] * g, -np.inf)
            for side, sign in enumerate((1, -1))
        ]
        joint = np.concatenate([np.full((len(g), 1), self.log_fair), *exponents], axis=1)
        top = joint.max(axis=1)
        return top + np.log(np.exp(joint - top[:, None]).sum(axis=1))


def _tilts(weights: Array, levels: Array) -> tuple[Array, Array]:
    """Return λ of the Chernoff bound of each row, and the logarithm of M(λ)."""
    reach = weights.sum(axis=1)
    tilt, log_moment = np.zeros(len(levels)), np.zeros(len(levels))
    active = np.flatnonzero((levels > 0) & (reach > 0))
    for start in range(0, len(active), _ROWS):
        batch = active[start : start + _ROWS]
        level = np.minimum(levels[batch], reach[batch])
        tilt[batch] = best_moments(weights[batch], level, np.zeros(len(batch)))[0]
        grown = tilt[batch, None] * weights[batch]
        log_moment[batch] = (grown + np.log1p(np.exp(-2 * grown)) - math.log(2)).sum(axis=1)
    return tilt, log_moment
