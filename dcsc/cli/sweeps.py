"""``dcsc sweep``, ``dcsc plot`` and ``dcsc replay``."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from dcsc._arrays import integer, real
from dcsc._files import check_files, write_files
from dcsc._words import counted, quoted, visible
from dcsc.cli.common import Force, say, whole
from dcsc.cli.idle import refuse_idle
from dcsc.cli.progress import sweep_progress
from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import Forecast, Run, Sweep
from dcsc.experiments.sweeps.examination import Examination, examine
from dcsc.experiments.sweeps.run import SECONDS_TO_EXAMINE
from dcsc.experiments.sweeps.stopping import MOST_TRIALS
from dcsc.plotting import as_png, as_svg, recall_figure, sweep_figure

__all__ = ["plot", "replay", "sweep"]

Code = Annotated[
    bool,
    Parameter(
        name="--allow-code",
        negative=(),
        help="Import classes of your own, module:Class, and run them; read filters from anywhere.",
    ),
]


def sweep(
    file: Annotated[Path, Parameter(name="FILE", help="The sweep, a .toml.")],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Folder for the results; made if it does not exist.")
    ] = None,
    dry_run: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Only say what a run would do, and about what time and memory it takes.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        Parameter(converter=whole, help="Processes on this machine; one per core by default."),
    ] = None,
    dask: Annotated[
        str | None, Parameter(help="Address of a Dask scheduler, whose workers do the work.")
    ] = None,
    stop_width: Annotated[
        float | None,
        Parameter(
            help="Stop a cell once its interval is no wider than this, in place of the file's."
        ),
    ] = None,
    level: Annotated[
        tuple[float, ...] | None,
        Parameter(
            negative=(),
            help="A rate to decide about: go on while the interval holds it. May be repeated.",
        ),
    ] = None,
    max_trials: Annotated[
        int | None, Parameter(converter=whole, help="Trials of a cell, in place of the file's.")
    ] = None,
    allow_code: Code = False,
    force: Force = False,
) -> None:
    """Run a sweep: simulations and guarantees at every point of a grid.

    What has been finished is in the folder at any time; after an interruption the same command goes
    on from there. Writes results.nc at the end.

    For example:

        dcsc sweep sweep.toml --dry-run
        dcsc sweep sweep.toml --out results --jobs 4
        dcsc sweep sweep.toml --out results --stop-width 0.05 --level 0.01
    """
    if dask is not None:
        refuse_idle({"--jobs": jobs}, "processes on this machine, got those of --dask")
    if dry_run:
        refuse_idle({"--force": force}, "files to replace, got --dry-run, which writes none")
    plan = Sweep.load(file, allow_code)
    stop = plan.stop
    if stop_width is not None:
        stop = attrs.evolve(stop, width=real(stop_width, "--stop-width", minimum=0))
    if level is not None:
        stop = attrs.evolve(stop, levels=level)
    plan = attrs.evolve(plan, stop=stop)
    if max_trials is not None:
        plan = attrs.evolve(plan, trials=integer(max_trials, "--max-trials", 1, MOST_TRIALS))
    if dry_run:
        for line in _forecast(sweeps.forecast(plan, out), plan, jobs, dask):
            say(line)
        return
    if out is None:
        raise DcscError("--out: expected a folder for the results, or --dry-run")
    examination = examine(plan, SECONDS_TO_EXAMINE)
    if examination.infeasible and not examination.mistakes:
        print(visible(f"dcsc sweep: {_infeasible(examination, len(plan))}"), file=sys.stderr)
    with sweep_progress(plan) as report:
        try:
            done = sweeps.run(plan, out, jobs, dask, report, force)
        except KeyboardInterrupt as end:
            end.add_note(f"what was finished is in {out}; the same command goes on")
            raise
    path = sweeps.write_netcdf(out, force)
    for line in _summary(plan, done):
        say(line)
    say(f"Wrote {path}. See it with: dcsc plot {out}")


def plot(
    folder_: Annotated[Path, Parameter(name="DIR", help="The folder of a sweep.")],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Folder for the files; that of the sweep by default.")
    ] = None,
    force: Force = False,
) -> None:
    """Draw a sweep, finished or not: the measured rates and what is proved, on the same axes.

    Two axes with numbers make a map, one makes curves; further axes become panels. Writes sweep.png
    and sweep.svg; and recall.png and recall.svg, how much of the support of layer 1 is found, if
    PartialBound is among the bounds.

    For example:

        dcsc plot results
    """
    place = folder_ if out is None else out
    data = sweeps.open(folder_)
    figures = {"sweep": sweep_figure} | ({"recall": recall_figure} if "partial" in data else {})
    names = [f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    check_files([place / name for name in names], "--out", force)
    files: dict[str, bytes] = {}
    for name, draw in figures.items():
        figure = draw(data)
        files |= {f"{name}.png": as_png(figure), f"{name}.svg": as_svg(figure)}
    write_files(place, files, "--out", force)
    *first, last = (str(place / name) for name in names)
    say(f"Wrote {', '.join(first)} and {last}.")


def replay(
    folder_: Annotated[Path, Parameter(name="DIR", help="The folder of a sweep.")],
    /,
    *,
    cell: Annotated[
        str,
        Parameter(
            help="One label for each axis, such as sparsity=12,noise=0.1; JSON where a label has a "
            """comma, such as '{"signs": "free, fair"}'."""
        ),
    ] = "",
    trial: Annotated[
        int | None,
        Parameter(converter=whole, help="Which trial, from 0; the first that fails by default."),
    ] = None,
    allow_code: Code = False,
) -> None:
    """Make one trial of a sweep again, bit for bit, and show where its pathway broke.

    For every layer: the entries that were missed and the false alarms, with the coefficient that
    the projection saw, its threshold, and the non-zeros in the fullest stripe around.

    For example:

        dcsc replay results --cell sparsity=12,noise=0.1 --trial 3
    """
    say(sweeps.replay(folder_, _cell(cell), trial, allow_code))


def _cell(text: str) -> dict[str, Any]:
    """Read axis=label,axis=label; or a JSON object, which can hold any label."""
    if text.lstrip().startswith("{"):
        try:
            cell: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DcscError(f"--cell: expected JSON, got {quoted(text)}: {error}") from None
        return cell
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(key.strip() and equals and value for key, equals, value in pairs):
        raise DcscError(f"--cell: expected axis=label,axis=label, got {quoted(text)}")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _forecast(forecast: Forecast, sweep: Sweep, jobs: int | None, dask: str | None) -> list[str]:
    cells, trials = counted(forecast.cells, "cell", ","), counted(sweep.trials, "trial", ",")
    lines = [f"{cells}, at most {trials} each."]
    if forecast.examination.infeasible:
        lines.append(_infeasible(forecast.examination, forecast.cells))
    most = "At most " if sweep.stop.adaptive else ""
    lines.append(
        f"{most}{counted(forecast.trials, 'trial', ',')} to run; {forecast.found:,} are there."
    )
    count = integer(os.cpu_count() if jobs is None else jobs, "--jobs", minimum=1)
    parts = [f"About {_duration(forecast.seconds)} of work"]
    if dask is None and count > 1:
        parts.append(f", {_duration(forecast.seconds / count)} on {count} processes")
    if forecast.memory is not None:
        parts.append(f", with some {forecast.memory / 1e6:,.0f} MB of memory a process")
    sampled = counted(forecast.sampled, "cell")
    lines.append(f"{''.join(parts)}: from {sampled}, right within a factor of 3.")
    return lines


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _infeasible(examination: Examination, cells: int) -> str:
    count = len(examination.infeasible)
    missing = f"{count} of {counted(cells, 'cell')} {'does' if count == 1 else 'do'} not exist"
    return f"{missing}, such as: {examination.reasons[0]}"


def _summary(sweep: Sweep, done: Run) -> list[str]:
    lines = [
        f"{counted(done.cells, 'cell')}, {counted(done.trials, 'trial', ',')} in "
        f"{done.seconds:.1f} s; {done.found:,} "
        "were there before."
    ]
    if sweep.stop.adaptive:
        lines.append(f"The stopping rule saved {done.saved:,} of {done.most:,} trials.")
    if done.infeasible:
        count = len(done.infeasible)
        missing = f"{counted(count, 'cell')} {'does' if count == 1 else 'do'} not exist"
        lines.append(f"{missing}, such as: {done.infeasible[0]}")
    return lines
