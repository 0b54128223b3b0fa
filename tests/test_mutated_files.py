"""Some mutated files of every format; `nightly.mutated_files` reads as many as one likes."""

import re
import subprocess
import sys
from pathlib import Path

from nightly.mutants.formats import FORMATS

ROOT = Path(__file__).parent.parent


def nightly(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "nightly.mutated_files", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_some_of_every_format_are_read_or_refused():
    files = 20 * len(FORMATS)
    done = nightly("--files", files, "--seed", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^([a-z.0-9]+) +20 +(\d+) ", done.stdout, re.MULTILINE))
    assert set(rows) == {kind.name for kind in FORMATS}
    # Some mutants are sound and most of them are not: both ways are taken.
    read, refused = re.search(rf"^all +{files} +(\d+) +(\d+) ", done.stdout, re.MULTILINE).groups()
    assert int(read) > files / 10
    assert int(refused) > files / 10
