"""Basis pursuit denoising by gradient steps, and by Newton steps once the support has settled."""

import numpy as np

from dcsc.projections import SoftThreshold
from dcsc.pursuits.denoising import Denoising, Solved
from dcsc.pursuits.descent import Descent
from dcsc.pursuits.newton import newton_step
from dcsc.pursuits.proximal import maps

__all__ = ["descend_everywhere"]

# Every so many steps it looks at the signs and at the gap.
_LOOK = 10
# A Newton step is tried once fewer than this share of the support has changed since the last look.
_SETTLED = 0.1
_AFTER_NEWTON = 3


def descend_everywhere(problem: Denoising, step: float) -> Solved:
    """Solve a problem by steps that go over the whole code, whatever its support."""
    project, penalty = maps(SoftThreshold(problem.penalty), step, problem.operator)
    descent = Descent(problem.operator, problem.signal[None], step, project, penalty)
    taken, attempt, wait = 0, _LOOK, _LOOK
    signs = np.sign(descent.code)
    left = problem.look(descent.code[0]).gap
    while left > problem.gap and taken < problem.steps:
        descent.advance()
        taken += 1
        if taken % _LOOK and taken != attempt:
            continue
        left = problem.look(descent.code[0]).gap
        if taken != attempt or left <= problem.gap:
            continue
        # Newton's steps are for a support that has settled.
        last, signs = signs, np.sign(descent.code)
        changed = np.count_nonzero(signs != last)
        if changed >= _SETTLED * np.count_nonzero(signs):
            attempt = taken + _LOOK
            continue
        better = newton_step(descent, problem.penalty)
        taken += 1
        if better is None:
            wait *= 2
            attempt = taken + wait
        else:
            descent.move(better)
            wait, attempt = _LOOK, taken + _AFTER_NEWTON
    return Solved(descent.code[0], taken, left)
