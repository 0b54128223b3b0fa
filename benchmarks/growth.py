"""Time per position and memory as the extent grows, at the same number of positions in all."""

import tracemalloc

import numpy as np
from common import seconds

from dcsc import CirculantDictionary

EXTENTS = (64, 128, 256, 512, 1024, 2048)


def rows(repetitions, quick):
    """Return one row per map and extent; memory in MiB beyond input and output."""
    extents = EXTENTS[:2] if quick else EXTENTS
    found = []
    for name, density in (
        ("dense analyze", 1.0),
        ("dense synthesize", 1.0),
        ("sparse analyze", 0.01),
        ("sparse synthesize", 0.01),
    ):
        for extent in extents:
            rng = np.random.default_rng(0)
            batch = (max(extents) // extent) ** 2
            dictionary = CirculantDictionary(rng.standard_normal((8, 4, 3, 3)), (extent, extent))
            shape = dictionary.signal_shape if "analyze" in name else dictionary.code_shape
            function = dictionary.analyze if "analyze" in name else dictionary.synthesize
            data = rng.standard_normal((batch, *shape))
            data *= rng.random(data.shape) < density
            taken = seconds(lambda f=function, d=data: f(d), repetitions)
            tracemalloc.start()
            held = tracemalloc.get_traced_memory()[0]
            out = function(data)
            beyond = tracemalloc.get_traced_memory()[1] - held - out.nbytes
            tracemalloc.stop()
            places = batch * extent**2
            found.append(
                {"map": name, "extent": extent, "nanoseconds": 1e9 * taken / places,
                 "beyond": beyond / 2**20}
            )  # fmt: skip
    return found


def table(found):
    lines = [
        "| map | extent | ns per position | of the smallest | MiB beyond input and output |",
        "|---|---|---|---|---|",
    ]
    first = {}
    for row in found:
        base = first.setdefault(row["map"], row["nanoseconds"])
        lines.append(
            f"| {row['map']} | {row['extent']}² | {row['nanoseconds']:.2f} | "
            f"{row['nanoseconds'] / base:.2f} | {row['beyond']:.1f} |"
        )
    return "\n".join(lines)
