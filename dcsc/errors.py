"""The errors dcsc raises on bad input and on broken contracts, and its one warning."""

__all__ = [
    "CompilationWarning",
    "ContractError",
    "DcscError",
    "InfeasibleError",
    "NotCoveredError",
    "NotDrawnError",
    "NotProvedError",
    "TooLargeError",
]


class DcscError(ValueError):
    """Bad input: the message names class and argument, what was given and what was expected."""


class InfeasibleError(DcscError):
    """What was asked for does not exist, such as codes with more non-zeros than a stripe holds."""


class NotDrawnError(DcscError):
    """Random signs were used before a draw fixed them."""


class NotCoveredError(DcscError):
    """A bound was asked about a layer that its theorem does not cover."""


class NotProvedError(DcscError):
    """A search ended at its time limit with a gap left, which the message gives."""


class TooLargeError(DcscError):
    """A slow exact default was refused; the message says which method to write instead."""


class ContractError(DcscError):
    """A strategy's private hook returned what its base class forbids."""


class CompilationWarning(RuntimeWarning):
    """Loops run slower, or are compiled again: the message says why. No number depends on it."""
