r"""Mutated files: whatever is in a file, dcsc reads it, or refuses it in a sentence.

::

    python -m nightly.mutated_files --files 100000 --seed 0 --jobs 2
    python -m nightly.mutated_files --show 4711 --seed 0 --out folder

Sound files of every format that dcsc reads are changed, and all that reads them reads them, in
processes that may take 2 GiB of memory and 20 seconds a reading. What fails is an exception that is
no `DcscError`, a message that quotes more than a line, a warning, more memory or time, the end of
the process, code that runs, a file that is opened outside of the folder, and any that is written.
Failures are grouped by format, kind and place; if there are any, the exit code is 1. ``--show``
writes one mutant, with what lies beside it.
"""

import argparse
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_SECONDS = 30  # between lines that say how far it is


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="how many mutants to read")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes read them")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="write this mutant")
    parser.add_argument("--out", type=Path, default=Path(), help="where to write it")
    given = parser.parse_args()
    if given.show is not None:
        return show(given.show, given.seed, given.out)
    return read(given.files, given.seed, given.jobs)


def read(files: int, seed: int, jobs: int) -> int:
    """Read mutants, and print what came of it."""
    from nightly.mutants.processes import work  # noqa: PLC0415
    from nightly.mutants.results import Results  # noqa: PLC0415

    results, begin = Results(), time.monotonic()
    done = threading.Event()

    def tell() -> None:
        while not done.wait(_SECONDS):
            print(
                f"{results.files.total()} files, {time.monotonic() - begin:.0f} s", file=sys.stderr
            )

    threading.Thread(target=tell, daemon=True).start()
    with ThreadPoolExecutor(jobs) as pool:
        parts = [pool.submit(work, results, seed, at, files, jobs) for at in range(jobs)]
    done.set()
    for part in parts:
        part.result()
    print("\n".join(results.report()))
    print(f"{results.files.total()} files, seed {seed}, {time.monotonic() - begin:.0f} s")
    return 1 if results.failures else 0


def show(number: int, seed: int, out: Path) -> int:
    """Write a mutant, and print where."""
    from nightly.mutants.worker import Mutants  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    print(Mutants(seed, out.resolve()).write(number))
    return 0


if __name__ == "__main__":
    sys.exit(main())
