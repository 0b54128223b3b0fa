"""Steps of orthogonal matching pursuit on rows of the Gram matrix, compiled or plain.

`take_atoms` goes on with a support until its end, or until it lacks the row of the next atom, or
room. It returns the number of atoms in the support, and whether the pursuit is over.
"""

from dcsc._numerics.ways import two_ways
from dcsc.pursuits import taking_plain

__all__ = ["take_atoms"]

take_atoms = two_ways("dcsc.pursuits.taking_loops", taking_plain.take_atoms)
