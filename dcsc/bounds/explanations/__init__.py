"""Why guarantees hold or not: ``explain`` asks the bounds, ``records`` is what it returns.

A bound takes part by two hooks of `BoundCalculator`, ``_sides`` and ``_weakest``. What is said of a
layer lies in ``parts``; ``headline`` puts it into a sentence, and ``text`` all of it into words.
"""
