"""A process that reads mutants, and tells what came of each in a line."""

import argparse
import faulthandler
import json
import os
import resource
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import dcsc
from dcsc.errors import DcscError, TooLargeError
from nightly.mutants.files import Mutants
from nightly.mutants.formats import FORMATS, Format
from nightly.mutants.watch import Watch

__all__ = ["main", "outcome"]

_PACKAGE = str(Path(dcsc.__file__).parent)
_LONGEST = 1000  # characters of a message that are told
_LINE = 1200

Wrong = tuple[str, str, str]
"""The kind, the place and the text of what should not have happened."""


def main() -> None:
    """Read the mutants of some numbers."""
    parser = argparse.ArgumentParser()
    for name in ("seed", "start", "stop", "step", "memory"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    watch = Watch()
    with (given.folder / "trace").open("w") as trace:
        faulthandler.enable(trace)
        os.chdir(given.folder)
        (given.folder / "secret").write_bytes(bytes(2**12))
        mutants = Mutants(given.seed, given.folder.resolve())
        _read_sound(mutants)
        out = _lines(trace)
        sys.addaudithook(watch.hook)
        _limit_memory(given.memory)
        for number in range(given.start, given.stop, given.step):
            kind = mutants.format(number)
            path = mutants.write(number)
            watch.start(mutants.place(kind))
            found = outcome(kind, path, partial(print, number, kind.name, file=out))
            found["failures"] += [("watched", event, "") for event in watch.stop()]
            print(json.dumps({"format": kind.name, **found}), file=out)
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"largest": largest}), file=out)


def _read_sound(mutants: Mutants) -> None:
    """Read the sound files, so that all is imported; whatever is not read would test nothing."""
    for kind in FORMATS:
        for sound in mutants.sounds(kind):
            found = outcome(kind, mutants.put(kind, sound, sound.content))
            if found["read"] == sound.code or found["failures"]:
                raise SystemExit(f"mutated_files: a sound file, {kind.name}: {found}")


def outcome(kind: Format, path: Path, begin: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Return what came of reading a file by all that read it; each begins by saying so."""
    read, said, failures = False, "", list[Wrong]()
    for reader in kind.readers:
        begin()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                reader(path)
                read = True
            except Exception as error:  # each of them is judged
                said = str(error)[:_LONGEST]
                failures += _wrong(error)
        failures += (
            (w.category.__name__, f"{Path(w.filename).name}:{w.lineno}", str(w.message)[:_LONGEST])
            for w in warned
        )
    return {"read": read, "said": said, "failures": failures}


def _wrong(error: Exception) -> Iterator[Wrong]:
    """Yield what is wrong with an error."""
    text = str(error)
    if not isinstance(error, DcscError):
        yield type(error).__name__, _place(error), text[:_LONGEST]
        return
    for cause in _chain(error):
        # Whoever asks for a large sweep gets it, where the machine has the memory.
        if isinstance(cause, MemoryError) and not isinstance(error, TooLargeError):
            yield "asks for too much memory", _place(cause), text[:_LONGEST]
    # Of several mistakes a message may have many, but it quotes no more than a line for each.
    if max(map(len, text.split("; "))) > _LINE:
        yield f"quotes more than {_LINE} characters", _place(error), text[:_LONGEST]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with all that it came from, told or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _place(error: BaseException) -> str:
    """Return the last line of dcsc on the way to an error, or the last of all."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = [frame for frame in frames if frame.filename.startswith(_PACKAGE)] or frames
    path = Path(frame[-1].filename)
    name = path.relative_to(Path(_PACKAGE).parent) if path.is_relative_to(_PACKAGE) else path.name
    return f"{name}:{frame[-1].lineno}"


def _limit_memory(size: int) -> None:
    """Let the process have so many bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _lines(trace: TextIO) -> TextIO:
    """Return what goes to the one who asked; what libraries print goes to the trace."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    for stream in (1, 2):
        os.dup2(trace.fileno(), stream)
    return out


if __name__ == "__main__":
    main()
