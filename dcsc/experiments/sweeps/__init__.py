"""Sweeps: simulations and guarantees at every point of a grid, from a file to a data set.

::

    sweep.toml ──Sweep.load──▶ Sweep ──run──▶ folder ──open──▶ xarray.Dataset
                                                └──replay──▶ one trial, made again

=================  ================================================================
module             what it holds
=================  ================================================================
`configuration`    `Sweep`: what varies and what does not, and its cells
`reading`          the file, and every mistake in it with its place
`strict`           records from tables, without a guess of what was meant
`ranges`, `tables` its axes, and the other tables as records
`grid`, `tasks`    the tasks of all cells, each part of them read once
`strategies`       strategies by name, those of dcsc and of the user
`cells`            one cell: its identity, its seed, its model and codes
`canonical`        the text that identities are hashes of
`stopping`         when a cell has had enough trials
`store`            the folder, in which finished work lands whole
`progress`         what has landed of a cell, and what is missing
`work`, `run`      what a worker does, and what gives it out
`records`          what the files in the folder hold
`guarantees`       what is proved of a cell
`examination`      which cells can be made
`forecast`         what a run would do and take
`results`          the folder as a data set
`replay`, `text`   one trial again, and its report
=================  ================================================================
"""

from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.forecast import Forecast, forecast
from dcsc.experiments.sweeps.replay import LayerBreak, Replay, WrongEntry, replay
from dcsc.experiments.sweeps.results import open, write_netcdf
from dcsc.experiments.sweeps.run import Run, State, run
from dcsc.experiments.sweeps.stopping import Stopping

__all__ = [
    "Forecast",
    "LayerBreak",
    "Replay",
    "Run",
    "State",
    "Stopping",
    "Sweep",
    "WrongEntry",
    "forecast",
    "open",
    "replay",
    "run",
    "write_netcdf",
]
