"""The bound for given codes, atom by atom.

``bound`` is the theorem, ``problem`` the probability of each atom of one column, ``units`` both
ends of it for all of them, ``search`` the choice of a threshold, and ``weakest`` the atoms that
`explain` names.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.bounds.instance.bound import InstanceBound
    from dcsc.bounds.instance.units import UnitClasses, UnitProbabilities
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["InstanceBound", "UnitClasses", "UnitProbabilities"]
