"""The command line, one module for every few commands."""

import io
import sys

from cyclopts import App, CycloptsError

import dcsc
from dcsc._words import visible
from dcsc.cli.analyze import analyze
from dcsc.cli.figures import poster, recover
from dcsc.cli.proofs import explain, verify
from dcsc.cli.sweeps import plot, replay, sweep
from dcsc.errors import DcscError

__all__ = ["app", "main"]

app = App(
    name="dcsc",
    help="Does a CNN's forward pass recover the activation pathway, how often, and which theorem "
    "says so?",
    version=dcsc.__version__,
)
for command in (poster, recover, analyze, explain, verify, sweep, plot, replay):
    app.command(command)
# Files that the shell reads at its start are the user's to change.
app.register_install_completion_command(add_to_startup=False)


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no μ shows its number.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(exit_on_error=False, print_error=False)
    except (DcscError, CycloptsError, OSError) as error:
        print(f"dcsc: {visible(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("dcsc: interrupted", file=sys.stderr)
        sys.exit(130)
