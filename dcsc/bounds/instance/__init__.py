"""The bound for given codes, atom by atom.

``bound`` is the theorem, ``problem`` what each atom of one column has to reach, ``interference``
the weights that it adds up, and ``weakest`` the atoms that `explain` names.
"""

from dcsc.bounds.instance.bound import InstanceBound

__all__ = ["InstanceBound"]
