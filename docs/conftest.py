"""What Sphinx needs or makes, and what `tests/test_learned.py` runs, holds no examples."""

collect_ignore = ["_build", "_extensions", "first", "gallery", "learned", "made"]
