"""The command line, one module for every few commands."""

import sys

from cyclopts import App, CycloptsError

import dcsc
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


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    try:
        app(exit_on_error=False, print_error=False)
    except (DcscError, CycloptsError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"dcsc: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("dcsc: interrupted", file=sys.stderr)
        sys.exit(130)
