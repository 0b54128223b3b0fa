"""``dcsc analyze --tallies``: counting over all inputs, and the table of what was counted."""

from pathlib import Path

from dcsc._words import as_layer, counted, readable, without_common
from dcsc.cli.common import console
from dcsc.cli.layers import print_layers
from dcsc.cli.progress import share_progress
from dcsc.cli.tallies import Counting, read_names
from dcsc.errors import DcscError
from dcsc.networks import ConvNetwork
from dcsc.networks.analysis import Inputs
from dcsc.networks.tallies import InputSet, NetworkTally, Settings, tally
from dcsc.report.tallies import tally_columns, tally_rows, tally_sentences

__all__ = ["count", "print_tally"]

# What tells layers apart most comes first; the page has all columns, the terminal has room for few.
_COLUMNS = (
    *("layer", "on", "S", "silent units", "shared", "found", "false alarms", "steady"),
    *("(2)", "(3)", "(3R)", "silent filters", "contrast"),
)


def count(
    network: ConvNetwork,
    data: Inputs | InputSet | None,
    folder: Path,
    options: Counting,
    noise: float,
    seed: int,
    force: bool,
) -> NetworkTally:
    """Count over all inputs."""
    if data is None:
        raise DcscError("--tallies: expected inputs to count, got no --input")
    with share_progress("count") as report:
        try:
            return tally(
                network,
                data,
                Settings(noise=noise, seed=seed, class_names=read_names(options.class_names) or ()),
                folder=folder,
                jobs=options.jobs,
                dask=options.dask,
                report=report,
                force=force,
            )
        except KeyboardInterrupt as end:
            if folder.is_dir():
                end.add_note(f"what was counted is in {folder}; the same command goes on")
            raise


def print_tally(total: NetworkTally) -> None:
    """Print what was counted."""
    for line in tally_sentences(total):
        console().print(readable(line))
    known = [name for name in _COLUMNS if name in tally_columns(total)]
    names = map(as_layer, without_common([layer.name for layer in total.layers]))
    rows = [
        [name, *(cells[heading] for heading in known[1:])]
        for name, cells in zip(names, tally_rows(total), strict=True)
    ]
    print_layers(f"{total.source} over {counted(total.inputs, 'input')}", known, rows, every=True)
