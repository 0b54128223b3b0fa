"""The bound for given codes, atom by atom.

``bound`` is the theorem, ``problem`` the probability of each atom of one column, ``units`` both
ends of it for all of them, ``search`` the choice of a threshold, and ``weakest`` the atoms that
`explain` names.
"""

from dcsc.bounds.instance.bound import InstanceBound
from dcsc.bounds.instance.units import UnitClasses, UnitProbabilities

__all__ = ["InstanceBound", "UnitClasses", "UnitProbabilities"]
