"""The Gram matrix of a few atoms, and steps from coordinate to coordinate on it, in two ways.

The matrix is kept row by row in *runs*: row k has the runs ``[ends[k], ends[k + 1])``, and run r
the columns from ``begins[r]`` on, with the values ``[offsets[r], offsets[r + 1])``. Atoms that lie
beside each other overlap the same others, so that runs are long where atoms are in order of their
places.
"""

from dcsc._numerics import among_plain
from dcsc._numerics.ways import two_ways

__all__ = ["add_rows", "lay_among", "sweep"]

lay_among = two_ways("dcsc._numerics.among_loops", among_plain.lay_among)
sweep = two_ways("dcsc._numerics.among_loops", among_plain.sweep)
add_rows = two_ways("dcsc._numerics.among_loops", among_plain.add_rows)
