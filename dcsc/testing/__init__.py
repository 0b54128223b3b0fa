"""The laws of the strategies, callable on one of your own.

Each check raises AssertionError naming the law that is broken and a counterexample. If all hold, it
returns nothing, but for `check_bound`, which tells what it could test and what it did not. What is
no strategy of the family, such as a class in place of an instance, is a `DcscError`. The project's
own tests call the same functions.
"""

from dcsc.testing.amplitudes import check_amplitudes
from dcsc.testing.bounds import BoundReport, check_bound
from dcsc.testing.dictionaries import check_dictionary
from dcsc.testing.noise import check_noise
from dcsc.testing.objectives import check_objective
from dcsc.testing.operations import check_operation
from dcsc.testing.projections import check_projection
from dcsc.testing.pursuits import check_pursuit
from dcsc.testing.readers import check_reader
from dcsc.testing.signs import check_signs
from dcsc.testing.tails import check_tail

__all__ = [
    "BoundReport",
    "check_amplitudes",
    "check_bound",
    "check_dictionary",
    "check_noise",
    "check_objective",
    "check_operation",
    "check_projection",
    "check_pursuit",
    "check_reader",
    "check_signs",
    "check_tail",
]
