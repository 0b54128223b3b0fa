"""The command line, one module for every few commands."""

import sys

from cyclopts import App

import dcsc
from dcsc.cli import ending
from dcsc.cli.analyze import analyze
from dcsc.cli.common import Screen
from dcsc.cli.doctor import doctor
from dcsc.cli.figures import poster, recover
from dcsc.cli.proofs import explain, verify
from dcsc.cli.sweeps import plot, replay, sweep
from dcsc.cli.template import template

__all__ = ["app", "main"]

app = App(
    name="dcsc",
    help="Does a CNN's forward pass recover the activation pathway, how often, and which theorem "
    "says so? `dcsc COMMAND --help` shows the options of a command, and examples.",
    version=dcsc.__version__,
    suppress_keyboard_interrupt=False,  # each command ends them in its own words
)
for command in (poster, recover, analyze, template, explain, verify, sweep, plot, replay, doctor):
    app.command(command)
# Files that the shell reads at its start are the user's to change.
app.register_install_completion_command(add_to_startup=False)


def main() -> None:
    """Run the command line; how it ends is told in `dcsc.cli.ending`."""
    code = ending.run(lambda: app(exit_on_error=False, print_error=False, console=Screen()))
    if code:
        sys.exit(code)
