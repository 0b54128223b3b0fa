"""The folder of a sweep: what is finished lands there whole, once, under the hash of its bytes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs

from dcsc._files import (
    check_files,
    make_folder,
    read_bytes,
    remove_folders,
    remove_leftovers,
    write_durably,
)
from dcsc._sharing import held_folder
from dcsc._sharing.held import LOCK
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.records import (
    GuaranteesRecord,
    InfeasibleRecord,
    Plan,
    Record,
    TrialsRecord,
    as_json,
    read_plan,
    read_records,
)

__all__ = ["RESULTS", "Store"]

RESULTS = "results.nc"

_BLOCKS = "blocks"
_PLAN = "sweep.json"


@attrs.frozen
class Store:
    """A folder with a plan, ``sweep.json``, and records of finished work in ``blocks``.

    A record is a stretch of trials of one cell, or the guarantees of one. Records land many at a
    time in a file that is named by the hash of its bytes and appears whole or not at all; nothing
    is ever changed. So it does not matter when a run is killed, and whoever reads sees finished
    work only. A file that is not what its name says is refused.

    Parameters
    ----------
    folder : Path
    plan : Plan
    trials : dict
        Stretches of trials that are there, by identity of the cell, start and stop.
    guarantees : dict
        Guarantees that are there, by identity.
    infeasible : dict
        Why there are no codes as dense as a cell asks for, by its identity.
    """

    folder: Path
    plan: Plan
    trials: dict[tuple[str, int, int], TrialsRecord] = attrs.field(factory=dict)
    guarantees: dict[str, GuaranteesRecord] = attrs.field(factory=dict)
    infeasible: dict[str, str] = attrs.field(factory=dict)

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Whether a folder has a plan."""
        return (folder / _PLAN).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read all that is there."""
        if not cls.is_one(folder):
            why = "" if folder.exists() else ", which does not exist"
            raise DcscError(
                f"sweep: expected the folder of a sweep, with a {_PLAN}, got {folder}{why}"
            )
        store = cls(folder, read_plan(_json(folder / _PLAN), str(folder / _PLAN)))
        depths = dict(zip(store.plan.cells, store.plan.depths, strict=True))
        depths |= dict(zip(store.plan.guarantees, store.plan.depths, strict=True))
        blocks = folder / _BLOCKS
        for path in sorted(blocks.iterdir()) if blocks.is_dir() else ():
            if not path.name.startswith("."):
                for record in read_records(_json(path, hashed=True), str(path)):
                    _check_depth(record, depths, path)
                    store._add(record)
        return store

    @classmethod
    @contextmanager
    def locked(cls, folder: Path, plan: Mapping[str, Any], force: bool = False) -> Iterator[Self]:
        """Hold the folder for one run, and write its plan; a run that fails at once leaves nothing.

        Raises
        ------
        DcscError
            If another run holds it. The lock goes with the process that holds it, however it ends.
        """
        check_files([folder / _PLAN, folder / RESULTS], "--out", force)
        made = make_folder(folder, "--out")
        with held_folder(folder, "sweep"):
            first, store = not (folder / _PLAN).exists(), None
            try:
                made = make_folder(folder / _BLOCKS, "--out") + made
                for name in (_PLAN, RESULTS):
                    remove_leftovers(folder, name)
                remove_leftovers(folder / _BLOCKS)
                content = (json.dumps(plan, indent=1, allow_nan=False) + "\n").encode()
                if first or (folder / _PLAN).read_bytes() != content:
                    write_durably(folder / _PLAN, content)
                store = cls.read(folder)
                yield store
            except Exception:
                if first and (store is None or store.is_empty):
                    (folder / _PLAN).unlink(missing_ok=True)
                    (folder / LOCK).unlink(missing_ok=True)
                    remove_folders(made)
                raise

    @property
    def is_empty(self) -> bool:
        """Whether no work has landed."""
        return not (self.trials or self.guarantees or self.infeasible)

    def land(self, records: Iterable[Record]) -> None:
        """Keep records for good: after this returns, they are on the disk."""
        landing = list(records)
        body = as_json(landing)
        content = (json.dumps(body, separators=(",", ":"), allow_nan=False) + "\n").encode()
        write_durably(self.folder / _BLOCKS / _name(content), content)
        for record in landing:
            self._add(record)

    def _add(self, record: Record) -> None:
        if isinstance(record, InfeasibleRecord):
            self.infeasible[record.infeasible] = record.why
        elif isinstance(record, GuaranteesRecord):
            self.guarantees[record.guarantees] = record
        else:
            self.trials[record.cell, record.start, record.stop] = record


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32] + ".json"


def _json(path: Path, hashed: bool = False) -> Any:
    """Return what a file holds, if its bytes are those that its name speaks of."""
    content = read_bytes(path, "sweep")
    if hashed and path.name != _name(content):
        raise DcscError(
            f"sweep: {path} is not what its name says: expected a file of finished work, whole, as "
            "a run wrote it. Remove it, and a rerun makes again what it held"
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DcscError(f"sweep: {path} is not what a sweep wrote: {error}") from None


def _check_depth(record: Record, depths: Mapping[str, int], path: Path) -> None:
    """Refuse a record of a cell in the plan that has other layers there."""
    if isinstance(record, TrialsRecord):
        depth = depths.get(record.cell, record.depth)
        fits = record.depth == depth
    elif isinstance(record, GuaranteesRecord):
        depth = depths.get(record.guarantees, record.depth)
        fits = record.depth <= depth
    else:
        return
    if not fits:
        raise DcscError(
            f"sweep: {path} is not what a sweep wrote: expected {depth} layers of a cell, got "
            f"{record.depth}"
        )
