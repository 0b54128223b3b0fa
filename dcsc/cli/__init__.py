"""The command line, one module for every few commands.

Each command is imported when it is asked for: none pays for what only others need.
"""

import sys

from cyclopts import App

import dcsc
from dcsc.cli import ending
from dcsc.cli.common import Screen

__all__ = ["app", "main"]

_MODULES = {
    "figures": ("poster", "recover"),
    "analyze": ("analyze",),
    "template": ("template",),
    "proofs": ("explain", "verify"),
    "sweeps": ("sweep", "plot", "replay"),
    "doctor": ("doctor",),
}

app = App(
    name="dcsc",
    help="Does a CNN's forward pass recover the activation pathway, how often, and which theorem "
    "says so?",
    version=dcsc.__version__,
    suppress_keyboard_interrupt=False,  # each command ends them in its own words
)
for module, commands in _MODULES.items():
    for command in commands:
        app.command(f"dcsc.cli.{module}:{command}")
# Files that the shell reads at its start are the user's to change.
app.register_install_completion_command(add_to_startup=False)


def main() -> None:
    """Run the command line; how it ends is told in `dcsc.cli.ending`."""
    # While it imports there is nothing to tidy up: so all that it needs is imported first.
    (asked,) = sys.argv[1:2] or [""]
    if asked in app:
        app[asked]
    else:
        app.resolved_commands()  # what they are for is told
    code = ending.run(lambda: app(exit_on_error=False, print_error=False, console=Screen()))
    if code:
        sys.exit(code)
