"""What is certain of a code, whoever found it."""

from typing import Self

import attrs
import numpy as np

from dcsc._arrays import Array, positive
from dcsc._display import Display, Displayed, Facts, at_most
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.statement import Statement

__all__ = ["CodeGuarantee", "LayerCode"]


@attrs.frozen(eq=False, repr=False)
class LayerCode(Facts):
    """What is certain of a code, against every code of some sparsity behind the signal.

    Parameters
    ----------
    sparsity : int
        S, the stripe sparsity of the codes that it is held against.
    noise : float
        ε, the most that an atom sees of the noise.
    entries, certain : int
        Non-zeros of the code, and those that are non-zero, with this sign, in all such codes.
    error : float
        The most that an entry of such a code differs by; infinite where nothing is certain.
    missing : float
        The largest entry that such a code may have where this one has none.
    errors : array of shape (*batch, *code_shape)
        The most that each entry differs by.
    support : bool array of the same shape
        The entries that are certain.
    hypotheses : tuple of Hypothesis
    """

    sparsity: int
    noise: float
    entries: int
    certain: int
    error: float
    missing: float
    errors: Array = attrs.field(repr=False)
    support: Array = attrs.field(repr=False)
    hypotheses: tuple[Hypothesis, ...] = ()

    def under(self, hypotheses: tuple[Hypothesis, ...]) -> Self:
        """Return the same under further conditions; nothing is certain if one was found false."""
        joint = (*self.hypotheses, *hypotheses)
        if all(hypothesis.holds is not False for hypothesis in joint):
            return attrs.evolve(self, hypotheses=joint)
        nothing = np.full(self.errors.shape, np.inf), np.zeros(self.support.shape, dtype=bool)
        return attrs.evolve(
            self, certain=0, error=np.inf, missing=np.inf, errors=nothing[0], support=nothing[1],
            hypotheses=joint,
        )  # fmt: skip


@attrs.frozen(repr=False)
class CodeGuarantee(Displayed, Statement[LayerCode]):
    """What is certain of codes, whoever found them; `certify_code` returns it.

    Parameters
    ----------
    layers : tuple of LayerCode
        One.
    bound, reference, conditional, calculator, records
        As in `Statement`.
    """

    @property
    def holds(self) -> bool:
        return not self.violations and bool(np.isfinite(self.error))

    @property
    def error(self) -> float:
        """The most that an entry is off by; infinite where nothing is certain."""
        return self.layers[0].error

    @property
    def errors(self) -> Array:
        """The most that each entry is off by."""
        return self.layers[0].errors

    @property
    def support(self) -> Array:
        """Which non-zeros belong to the true support for sure, and have the true sign."""
        return self.layers[0].support

    def exact(self, x_min: float) -> bool:
        """Whether the support is the true one, if no true non-zero is smaller than ``x_min``.

        It is if all entries are certain, and none that is missing could be as large.
        """
        least = positive(x_min, "CodeGuarantee.exact: x_min")
        (part,) = self.layers
        return self.holds and part.certain == part.entries and part.missing < least

    def _display(self) -> Display:
        (part,) = self.layers
        claim = (
            f"{part.certain} of {part.entries} entries are certain, each within "
            f"{at_most(part.error)}"
            if self.holds
            else "nothing is certain"
        )
        return Display(
            f"{self.bound}: {claim}",
            remarks=(
                *(f"Not met: {statement}." for statement in self.violations),
                f"Held against all codes of stripe sparsity {part.sparsity}.",
                f"Source: {self.reference}.",
            ),
        )
