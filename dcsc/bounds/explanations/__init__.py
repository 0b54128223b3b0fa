"""Why guarantees hold or not: ``explain`` asks the bounds, ``records`` is what it returns.

A bound takes part by two hooks of `BoundCalculator`, ``_sides`` and ``_weakest``; ``atoms`` finds
the pair behind a coherence and what makes an atom weak, ``text`` puts it all into words.
"""
