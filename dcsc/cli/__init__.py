"""The command line, one module for every few commands.

Each command is imported when it is asked for: none pays for what only others need.
"""

import sys

from cyclopts import App

import dcsc
from dcsc.cli import ending
from dcsc.cli.common import Screen

__all__ = ["app", "main"]

# The module of each command, and the first line of its help.
_COMMANDS = {
    "poster": (
        "figures", "Show the poster's contribution: measured failures beside what is guaranteed."
    ),
    "recover": ("figures", "Recover the pathway of a real input."),
    "analyze": (
        "analyze",
        "Show the activation pathways of a trained network, and what theory says of them.",
    ),
    "template": (
        "template",
        "Print a table of layers for weights, with question marks where they do not tell.",
    ),
    "explain": (
        "proofs",
        "Explain why guarantees hold or not, layer by layer, and what would have to change.",
    ),
    "verify": (
        "proofs", "Compute a certificate again from its evidence, and say whether it is true."
    ),
    "sweep": ("sweeps", "Run a sweep: simulations and guarantees at every point of a grid."),
    "plot": (
        "sweeps",
        "Draw a sweep, finished or not: the measured rates and what is proved, on the same axes.",
    ),
    "replay": (
        "sweeps", "Make one trial of a sweep again, bit for bit, and show where its pathway broke."
    ),
    "doctor": (
        "doctor",
        "Say what this installation is made of, whether it computes rightly, and what is missing.",
    ),
}  # fmt: skip

app = App(
    name="dcsc",
    help="Does a CNN's forward pass recover the activation pathway, how often, and which theorem "
    "says so? `dcsc COMMAND --help` shows the options of a command, and examples.",
    version=dcsc.__version__,
    suppress_keyboard_interrupt=False,  # each command ends them in its own words
)
for command, (module, line) in _COMMANDS.items():
    app.command(f"dcsc.cli.{module}:{command}", help=line)
# Files that the shell reads at its start are the user's to change.
app.register_install_completion_command(add_to_startup=False)


def main() -> None:
    """Run the command line; how it ends is told in `dcsc.cli.ending`."""
    # While it imports there is nothing to tidy up: so what it needs is imported first.
    for name in set(sys.argv[1:2]) & set(_COMMANDS):
        app[name].help = None  # so that all of its help is shown, and not the first line
    code = ending.run(lambda: app(exit_on_error=False, print_error=False, console=Screen()))
    if code:
        sys.exit(code)
