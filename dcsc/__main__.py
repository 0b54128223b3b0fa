"""``python -m dcsc``."""

from dcsc.cli import main

main()
