"""Guarantees in writing: ``certificate`` is the document, ``verification`` computes it again.

``inputs`` writes the bound and its records down, and builds them anew from a closed list of
classes: a new bound, tail or dictionary of dcsc is entered there.
"""
