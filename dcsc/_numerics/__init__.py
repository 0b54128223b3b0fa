"""The numerical inner loops: arrays in, arrays out; nothing here knows a class but `Grid`.

Nothing is validated either, but that NaN and infinity are refused where a loop meets them.

- `grid`: how the taps of a convolution lie on a signal.
- `convolution`: analysis, synthesis and thresholds; looks at the data and decides what runs. It
  rests on `layout` (how dense data lie in the cache), `loops` (the compiled loops) and `vectors`
  (what those cannot say without LLVM's own language).
- `stripes`: the largest entries of every stripe.
- `packed`, `philox`: signs as bits, and the random words of some atoms without the others.
- `memory`: memory of large results, used again.

numba is imported by the first call that needs a compiled loop, never by an import of dcsc.
"""
