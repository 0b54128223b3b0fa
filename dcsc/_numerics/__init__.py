"""The numerical inner loops: arrays in, arrays out; nothing here knows a class but `Grid`.

They validate nothing, except that the maps refuse NaN and infinity.

========================  ====================================================================
function                  what it computes
========================  ====================================================================
`correlate`               a convolution's analysis
`spread`                  its synthesis
`spread_entries`          the same, of codes by their entries
`select`                  what exceeds a threshold
`stripe_top`              the largest entries of every stripe
`random_words`            the random words of some atoms without the others
`lay_rows`                rows of a Gram matrix, from tables of the filters
`lay_terms`               the sizes of its products with a code
`sum_terms`               their sums, and those of their squares
`best_moments`            the least exponential moments of signed sums
`best_moments_of_terms`   the same of the sums of `lay_terms`
`selberg_sums`            trigonometric sums over the moments of signed sums
`count_wrong`             how many units come out wrong under many patterns of signs
========================  ====================================================================

Each has two leaves, and `ways` decides which of them runs:

- **plain**, in numpy: `plain` and `plain_sums`.
- **compiled**, by numba: `convolution` looks at the data and goes through all of it or from
  non-zero to non-zero. It rests on `layout` (how data lie in the cache), `loops` (the loops) and
  `vectors` (what those cannot say without LLVM's own language). `stripes`, `philox`, `rows`,
  `moments`, `selberg` and `drawn` hold the others, `compiling` is how all of them are compiled
  and kept.

A door of its own, with leaves beside it, is `among`: the Gram matrix of a few atoms, and coordinate
descent on it.

Below both lie `grid` (how the taps of a convolution lie on a signal), `meetings` (which positions
and samples meet by them, place by place), `packed` (signs as bits), `memory` (that of large
results, used again), `scaling` (norms of numbers of any size) and `products` (of matrices, the same
on any number of threads).
"""

from dcsc._numerics import plain
from dcsc._numerics.ways import two_ways

__all__ = [
    "best_moments",
    "best_moments_of_terms",
    "correlate",
    "count_wrong",
    "lay_rows",
    "lay_terms",
    "random_words",
    "selberg_sums",
    "select",
    "spread",
    "spread_entries",
    "stripe_top",
    "sum_terms",
]

correlate = two_ways("dcsc._numerics.convolution", plain.correlate)
spread = two_ways("dcsc._numerics.convolution", plain.spread)
spread_entries = two_ways("dcsc._numerics.convolution", plain.spread_entries)
select = two_ways("dcsc._numerics.convolution", plain.select)
stripe_top = two_ways("dcsc._numerics.stripes", plain.stripe_top)
lay_rows = two_ways("dcsc._numerics.rows", plain.lay_rows)
lay_terms = two_ways("dcsc._numerics.rows", plain.lay_terms)
sum_terms = two_ways("dcsc._numerics.rows", plain.sum_terms)
random_words = two_ways("dcsc._numerics.philox", plain.random_words)
best_moments = two_ways("dcsc._numerics.moments", plain.best_moments)
best_moments_of_terms = two_ways("dcsc._numerics.moments", plain.best_moments_of_terms)
selberg_sums = two_ways("dcsc._numerics.selberg", plain.selberg_sums)
count_wrong = two_ways("dcsc._numerics.drawn", plain.count_wrong)
