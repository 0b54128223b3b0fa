"""Both ends of the tails of sums of many weights: Selberg's polynomials against the lattice."""

import common
import numpy as np

from dcsc.bounds.tails import Lattice, Selberg

LEVEL = 2.0  # deviations


def rows(repetitions, quick):
    """Return one row for each number of weights."""
    counts, sums = ((60,), 4) if quick else ((100, 300, 1000), 200)
    return [_row(count, sums, repetitions) for count in counts]


def _row(count, sums, repetitions):
    weights = np.abs(np.random.default_rng(count).standard_normal((sums, count)))
    levels = LEVEL * np.sqrt(np.square(weights).sum(axis=1))
    ways = Selberg(), Lattice()
    timed = common.versus(
        *(lambda way=way: way.ends(weights, levels, 0.0, "none") for way in ways), repetitions
    )
    ends = (way.ends(weights, levels, 0.0, "none") for way in ways)
    gaps = [float(np.mean((high - low) / high)) for low, high in ends]
    return {"weights": count, "sums": sums, **timed, "gap": gaps[0], "other gap": gaps[1]}


def table(found):
    lines = [
        "| weights | Selberg, ms a sum | its gap | gap of the lattice | times as fast |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        lines.append(
            f"| {row['weights']} | {1e3 * row['seconds'] / row['sums']:.3f} | {row['gap']:.1%} | "
            f"{row['other gap']:.1%} | {row['other'] / row['seconds']:.0f} |"
        )
    return "\n".join(lines)
