"""How much of the time of two workers a sweep of many small cells spends on trials."""

import tempfile
from pathlib import Path

from dcsc.experiments import Sweep, run
from dcsc.experiments.sweeps.store import Store

JOBS = 2
SMALL_MODEL = {
    "layers": [
        {
            "dictionary": {
                "kind": "CirculantDictionary",
                "extent": 64,
                "filters": {"kind": "gaussian", "n": 4, "c": 16, "kernel": 5},
            },
            "projection": {"kind": "HardThreshold", "threshold": 0.5},
        }
    ],
    "codes": {"amplitudes": "ConstantAmplitudes"},
}


def rows(repetitions, quick):
    """Return one row per run; the shares are of the workers' time, the last of the run's."""
    counts, trials = ((2, 2, 2), 10) if quick else ((20, 20, 25), 1000)
    sparsity, noise, threshold = counts
    axes = {
        "sparsity": {"parameter": "codes.sparsity", "linear": [1, sparsity, sparsity]},
        "noise": {"parameter": "noise", "linear": [0.0, 0.5, noise]},
        "threshold": {
            "parameter": "layers.1.projection.threshold",
            "linear": [0.3, 0.7, threshold],
        },
    }
    sweep = Sweep.of({**SMALL_MODEL, "trials": trials, "axes": axes})
    with tempfile.TemporaryDirectory() as folder:
        done = run(sweep, folder, jobs=JOBS)
        store = Store.read(Path(folder))
    spent = {
        name: sum(record.seconds for record in records.values()) / (JOBS * done.seconds)
        for name, records in (("trials", store.trials), ("bounds", store.guarantees))
    }
    return [
        {"cells": done.cells, "trials each": trials, "seconds": done.seconds,
         "on trials": spent["trials"], "on bounds": spent["bounds"], "landing": done.bookkeeping}
    ]  # fmt: skip


def table(found):
    lines = [
        "| cells | trials each | seconds | on trials | on bounds | landing, fsync included |",
        "|---|---|---|---|---|---|",
    ]
    for row in found:
        shares = (f"{row[name]:.1%}" for name in ("on trials", "on bounds", "landing"))
        lines.append(
            f"| {row['cells']} | {row['trials each']} | {row['seconds']:.0f} | "
            f"{' | '.join(shares)} |"
        )
    return "\n".join(lines)
