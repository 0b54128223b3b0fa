"""Sound files of all formats, ways to change them, and what comes of reading them."""
