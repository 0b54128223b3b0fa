"""The bound for given codes, atom by atom.

``bound`` is the theorem, ``problem`` the probability of each atom of one column, ``search`` the
choice of a threshold, and ``weakest`` the atoms that `explain` names.
"""

from dcsc.bounds.instance.bound import InstanceBound

__all__ = ["InstanceBound"]
