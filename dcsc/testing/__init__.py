"""The laws of the strategies, callable on one of your own.

Each check raises AssertionError naming the law that is broken and a counterexample, and returns
nothing if all hold. The project's own tests call the same functions.
"""

from dcsc.testing.amplitudes import check_amplitudes
from dcsc.testing.bounds import check_bound
from dcsc.testing.noise import check_noise
from dcsc.testing.operations import check_operation
from dcsc.testing.readers import check_reader
from dcsc.testing.strategies import check_dictionary, check_projection, check_signs
from dcsc.testing.tails import check_tail

__all__ = [
    "check_amplitudes",
    "check_bound",
    "check_dictionary",
    "check_noise",
    "check_operation",
    "check_projection",
    "check_reader",
    "check_signs",
    "check_tail",
]
