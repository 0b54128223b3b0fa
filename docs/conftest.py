"""What Sphinx needs, or makes, holds no examples of its own."""

collect_ignore = ["_build", "_extensions", "gallery"]
