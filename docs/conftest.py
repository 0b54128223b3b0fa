"""What Sphinx needs, or makes, has no examples of its own; `tests/test_learned.py` runs others."""

collect_ignore = ["_build", "_extensions", "gallery", "learned"]
