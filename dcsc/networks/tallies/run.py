"""Counting a data set: batches shared out, added up, and kept where a run can go on."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy.typing as npt

from dcsc._arguments import any_path, flag, function
from dcsc._arrays import instance
from dcsc._files import check_files, make_folder, remove_folders, remove_leftovers
from dcsc._sharing import Pace, held_folder, open_workers, process_count, results
from dcsc._sharing.held import LOCK
from dcsc._threads import OneBlasThread
from dcsc.errors import DcscError
from dcsc.networks.analysis import Inputs
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.networks.tallies.counting import Counter
from dcsc.networks.tallies.network import NetworkTally
from dcsc.networks.tallies.sets.base import InputSet
from dcsc.networks.tallies.sets.opening import as_set
from dcsc.networks.tallies.settings import Settings, digest
from dcsc.networks.tallies.store import Progress

__all__ = ["tally"]

# What the values of one batch may take, all layers together, and how many inputs it has at most.
_BATCH_BYTES = 2**26
_MOST_INPUTS = 256
# Counts of a layer by class, at most, and which part of the time may go into keeping counts.
_SPLIT = 2**24
_KEEPING = 0.05


@attrs.frozen(eq=False)
class _Task:
    """What a worker needs to know of a run, whatever the batch."""

    network: ConvNetwork
    settings: Settings
    identity: str
    classes: int
    batch: int


def tally(
    network: ConvNetwork,
    inputs: "InputSet | Inputs | npt.ArrayLike | Mapping[str, npt.ArrayLike] | str | Path",
    settings: Settings | None = None,
    labels: "npt.ArrayLike | None" = None,
    folder: str | Path | None = None,
    jobs: int | None = 1,
    dask: str | None = None,
    report: Callable[[float], None] = lambda share: None,
    force: bool = False,
) -> NetworkTally:
    """Count what a network makes of inputs of any number, layer by layer.

    Inputs are read and counted batch by batch, so that memory does not grow with their number, and
    all that is kept of them are counts, which add up: the tallies of two parts of a data set,
    counted here and there, have as their sum the tally of the whole, to the last bit where a part
    ends with a batch (elsewhere but for units at their threshold, whose last bits may depend on
    who is in the batch). Who counts which batch changes nothing.

    Parameters
    ----------
    network : ConvNetwork
    inputs : InputSet, Inputs, array_like, mapping of str to array_like, str or Path
        A batch of any length, or one for each input of the network by its name; the path of a file
        or a folder; or what `open_inputs` returned, or a part of it.
    settings : Settings, optional
        What is counted.
    labels : array_like of shape (batch,), optional
        The class of each input, whole numbers or words.
    folder : str or Path, optional
        Where counts are kept, in a file for each data set and task that `load_tally` reads. Made
        if it does not exist. What was counted there is not counted again.
    jobs : int or None, default 1
        Processes on this machine; None is one per core.
    dask : str, optional
        The address of a Dask scheduler; its workers then do the work, and find files at the same
        paths.
    report : callable, optional
        Called with the share that is done.
    force : bool, default False
        Whether a file of the name of a tally that dcsc did not write may be replaced.

    Returns
    -------
    NetworkTally

    Raises
    ------
    DcscError
        If the network has no convolutions, an input cannot be read or does not fit, a file changes
        meanwhile, or another run holds the folder; what was counted before is kept.

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.analysis import shipped_inputs
    >>> from dcsc.networks.shipped import digits_network_path
    >>> network, digits = load(digits_network_path("incoherent")), shipped_inputs()
    >>> images, labels = digits.values["input"], digits.labels
    >>> whole = tally(network, images, labels=labels)
    >>> whole
    Tally of digits-incoherent.safetensors over 300 inputs of 10 classes
                  codes     on            S  silent units
      conv1  16 × 6 × 6  21.2%    91 of 400           172
      conv2  24 × 4 × 4  24.6%  94.5 of 384            10
      conv3  32 × 2 × 2  20.7%     10 of 32             0
    >>> parts = (
    ...     tally(network, images[a : a + 100], labels=labels[a : a + 100]) for a in (0, 100, 200)
    ... )
    >>> sum(parts) == whole
    True
    """
    network_of(network, "tally: network")
    chosen = Settings() if settings is None else instance(settings, Settings, "tally: settings")
    function(report, "tally: report")
    replaces = flag(force, "tally: force")
    workers = process_count(jobs, "tally: jobs")
    if not network.convolutions:
        raise DcscError(f"tally: network: expected convolutions, found none in {network.source}")
    data = as_set(network, inputs, labels)
    place = None if folder is None else any_path(folder, "tally: folder")
    # The first inputs say how large a batch may be, and what inputs are like.
    fixed = _fixed(network, data)
    sample = data.part(0, fixed or 1).read(network)
    shapes = {name: value.shape[1:] for name, value in sample.values.items()}
    identity = digest(network.graph, chosen, shapes)
    task = _Task(network, chosen, identity, data.classes, fixed or _batch(network, sample))
    with (
        open_workers(workers, dask) as (parallel, count),
        _kept(task, data, place, replaces) as run,
    ):
        run.count(parallel, count, report)
        whole = run.progress.tally
    assert whole is not None
    return whole


def _fixed(network: ConvNetwork, data: InputSet) -> int | None:
    """Return the batch size that a network insists on, of which the inputs are a multiple."""
    fixed = (network.inputs[0].shape or (None,))[0]
    if fixed is not None and data.count % fixed:
        raise DcscError(
            f"tally: inputs: expected a multiple of the batch size {fixed} of {network.source}, "
            f"got {data.count}"
        )
    return fixed


def _batch(network: ConvNetwork, sample: Inputs) -> int:
    """Return how many inputs are counted at a time, the same for all who count these."""
    values = network.forward(sample.values).values.values()
    entries = sum(value.size for value in values)
    most = max(1, min(_MOST_INPUTS, _BATCH_BYTES // (8 * max(entries, 1))))
    return 2 ** (most.bit_length() - 1)


class _Run:
    """The state of one run: what has been counted, and where it is kept."""

    def __init__(self, task: _Task, data: InputSet, path: Path | None) -> None:
        self.task, self.data, self.path = task, data, path
        self.progress = Progress() if path is None else Progress.read(path)
        self.kept = time.perf_counter()
        self.cost, self.changed = 0.0, False

    def count(self, parallel: Any, workers: int, report: Callable[[float], None]) -> None:
        """Count what is missing, in stretches that end with batches."""
        pace, done = Pace(), sum(stop - start for start, stop in self.progress.stretches)
        batches = [
            (at, min(at + self.task.batch, stop))
            for start, stop in self.progress.missing(self.data.count)
            for at in range(start, stop, self.task.batch)
        ]
        report(done / self.data.count)
        stretches = (batches[a:b] for a, b in pace.groups(len(batches), workers))
        calls = (self._call(ends) for stretch in stretches for ends in _joint(stretch))
        try:
            with results(parallel, calls) as landed:
                for part, start, stop, seconds in landed:
                    self.progress = self.progress.plus(part, start, stop)
                    self.changed = True
                    pace.learn(seconds * self.task.batch / (stop - start))
                    self._keep_now_and_then()
                    done += stop - start
                    report(done / self.data.count)
        finally:
            _counters.clear()

    def _call(self, ends: tuple[int, int]) -> Any:
        import joblib  # noqa: PLC0415  # see `open_workers`

        return joblib.delayed(_count)(self.task, self.data.part(*ends), *ends)

    def _keep_now_and_then(self) -> None:
        now = time.perf_counter()
        if self.path is not None and now - self.kept > max(1.0, self.cost / _KEEPING):
            self.keep()

    def keep(self) -> None:
        """Put what has been counted where the next run finds it."""
        if self.path is not None and self.changed:
            begin = time.perf_counter()
            self.progress.write(self.path)
            self.kept = time.perf_counter()
            self.cost, self.changed = self.kept - begin, False


@contextmanager
def _kept(task: _Task, data: InputSet, folder: Path | None, force: bool) -> Iterator[_Run]:
    """Hold a folder for a run, and keep what was counted however it ends."""
    if folder is None:
        yield _Run(task, data, None)
        return
    path = folder / f"tally-{digest(task.identity, task.batch, data.stamp())[:16]}.npz"
    check_files([path], "tally: folder", force)
    made = make_folder(folder, "tally: folder")
    with held_folder(folder, "tally"):
        remove_leftovers(folder, path.name)
        run = None
        try:
            run = _Run(task, data, path)
            yield run
        finally:
            if run is not None:
                run.keep()
            if not path.exists():
                (folder / LOCK).unlink(missing_ok=True)
                remove_folders(made)


def _joint(batches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the stretches that batches make up."""
    start, stop = batches[0]
    for first, last in batches[1:]:
        if first != stop:
            yield start, stop
            start = first
        stop = last
    yield start, stop


# ---- what a worker does ----------------------------------------------------------------------


def _count(
    task: _Task, part: InputSet, start: int, stop: int
) -> tuple[NetworkTally, int, int, float]:
    """Return the tally of a stretch; it depends on the stretch only, not on who counts it."""
    begin = time.perf_counter()
    whole: Any = 0
    with OneBlasThread():
        counter = _counter(task)
        for at in range(start, stop, task.batch):
            batch = part.part(at - start, min(at + task.batch, stop) - start)
            whole += counter.batch(batch.read(counter.network), at, task.classes)
    return whole, start, stop, time.perf_counter() - begin


# That of the task at work: what it has computed of the atoms holds for later batches.
_counters: dict[str, Counter] = {}


def _counter(task: _Task) -> Counter:
    """Return the counter of a task, which is made once in a process."""
    if task.identity not in _counters:
        _counters.clear()
        _counters[task.identity] = Counter(task.network, task.settings, task.identity, _SPLIT)
    return _counters[task.identity]
