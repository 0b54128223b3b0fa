"""``dcsc poster`` and ``dcsc recover``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import dcsc
from dcsc._files import as_json, check_files, write_files
from dcsc.cli.common import Force, Out, Seed, print_table, say, whole
from dcsc.cli.progress import share_progress
from dcsc.cli.pursuits import read_pursuit
from dcsc.experiments.studies.inputs import read_input
from dcsc.experiments.studies.poster import Poster
from dcsc.experiments.studies.poster import poster as compute_poster
from dcsc.experiments.studies.recover import LayerReport, RecoveryReport
from dcsc.experiments.studies.recover import recover as compute_recovery
from dcsc.plotting import as_png, poster_figure, recovery_figure
from dcsc.report.numbers import percent

__all__ = ["poster", "recover"]

_COLUMNS = (
    *("layer", "S", "coherence", "threshold", "active", "missed", "false", "exact support"),
)


def poster(
    *,
    trials: Annotated[
        int,
        Parameter(converter=whole, help="Draws of the signs a point; panel (c) takes a quarter."),
    ] = 240,
    seed: Seed = 0,
    out: Out = Path(),
    force: Force = False,
) -> None:
    """Show the poster's contribution: measured failures beside what is guaranteed.

    Prints a table and writes poster.png and poster.json, which holds every number of the figure.

    For example:

        dcsc poster
        dcsc poster --trials 1000 --out results
    """
    check_files([out / "poster.json", out / "poster.png"], "--out", force)
    with share_progress("poster") as report:
        result = compute_poster(trials, seed, dcsc.__version__, report)
    files = {"poster.json": as_json(result), "poster.png": as_png(poster_figure(result))}
    write_files(out, files, "--out", force)
    for title, headings, rows in _poster_tables(result):
        print_table(title, headings, rows)
    say(f"Wrote {out / 'poster.png'} and {out / 'poster.json'}.")


def recover(
    source: Annotated[
        str | None,
        Parameter(name="INPUT", help="An image, a .wav or a .npy; by default a portrait."),
    ] = None,
    /,
    *,
    noise: Annotated[float, Parameter(help="Noise, relative to the signal's norm.")] = 0.05,
    draws: Annotated[
        int, Parameter(converter=whole, help="Draws of the signs and of the noise.")
    ] = 32,
    pursuit: Annotated[
        str,
        Parameter(help="What finds the codes: a name, or a table in TOML, as a sweep file has it."),
    ] = "OneStep",
    seed: Seed = 0,
    out: Out = Path(),
    force: Force = False,
) -> None:
    """Recover the pathway of a real input.

    Its deepest code is synthesised anew with random signs, noise is added, and the forward pass
    runs again, or another pursuit. Prints what came back, and writes recover.png and recover.json.

    For example:

        dcsc recover photo.jpg --noise 0.1 --out results
        dcsc recover --pursuit '{ kind = "OrthogonalMatchingPursuit", level = 0.2 }'
    """
    check_files([out / "recover.json", out / "recover.png"], "--out", force)
    chosen = read_pursuit(pursuit, "--pursuit")
    name, signal = read_input(source)
    with share_progress("recover") as report:
        result = compute_recovery(name, signal, noise, draws, seed, report, chosen)
    numbers = {"version": dcsc.__version__, "seed": seed, **result.numbers()}
    files = {"recover.json": as_json(numbers), "recover.png": as_png(recovery_figure(result))}
    write_files(out, files, "--out", force)
    title = f"{result.name}: what comes back, means over {result.draws} draws"
    print_table(title, _COLUMNS, [_cells(*item) for item in enumerate(result.layers, start=1)])
    for line in _recovery_lines(result):
        say(line)
    say(f"Wrote {out / 'recover.png'} and {out / 'recover.json'}.")


def _poster_tables(result: Poster) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Yield the title, the headings and the rows of each panel's table."""
    a, b, c = result.rate, result.scaling, result.depth
    rows = [
        (f"{name} guarantees", "none" if limit is None else f"{limit:.0f}")
        for name, limit in a.limits.items()
    ]
    sparsities = [s for s, ends in zip(a.sparsity, a.rate, strict=True) if ends[1] <= a.delta]
    rows.append((f"measured, {a.trials} draws a point", f"{max(sparsities, default=0)}"))
    yield f"(a) One layer: {a.setting}", ("", "largest S with failure ≤ 1%"), rows
    yield (
        f"(b) Largest S: {b.setting}",
        ("filters", "coherence", "measured", *b.lines),
        [
            (
                point.filters,
                f"{point.coherence:.4f}",
                str(point.passed),
                *(str(_value_at(b.coherence, line, point.coherence)) for line in b.lines.values()),
            )
            for point in b.measured
        ],
    )
    shares = [
        (f"{noise:g}", *(percent(line[number].best) for line in c.recovered))
        for number, noise in enumerate(c.noise)
    ]
    limits = [
        (f"{name} noise", *("empty" if end is None else f"< {end:.2g}" for end in ends))
        for name, ends in c.limits.items()
    ]
    headings = ("noise", "layer 1", "layer 2", "layer 3", "pathway")
    yield f"(c) Recovered: {c.setting}", headings, shares + limits


def _value_at(grid: tuple[float, ...], line: tuple[float, ...], coherence: float) -> int:
    """Return the whole part of a power law between two points of its line."""
    power = next(
        (number for number, mu in enumerate(grid[1:], start=1) if mu >= coherence), len(grid) - 1
    )
    (x, y), (low, high) = (grid[power - 1], grid[power]), (line[power - 1], line[power])
    return int(low + (high - low) * (1 / coherence - 1 / x) / (1 / y - 1 / x))


def _cells(number: int, layer: LayerReport) -> list[str]:
    return [
        str(number),
        str(layer.stripe_sparsity),
        f"{layer.coherence:.3f}",
        f"{layer.threshold:.4f}",
        f"{layer.active:.0f}",
        f"{layer.missed:.1f}",
        f"{layer.false_alarms:.1f}",
        f"{percent(layer.exact.best)} ({percent(layer.exact.low)} to {percent(layer.exact.high)})",
    ]


def _recovery_lines(result: RecoveryReport) -> list[str]:
    lines = [
        f"The pathway keeps {percent(result.energy)} of the energy of the input (mean removed).",
        f"Whole pathway exact in {percent(result.exact.best)} of the draws; noise "
        f"{result.noise:.3g} of the signal's norm, largest patch norm {result.patch_noise:.3g}.",
        "Thresholds: half of what 95% of a layer's non-zeros exceed, over draws of their own.",
    ]
    for name, (probability, why) in result.guarantees.items():
        if probability < 1:
            verdict = f"fails with probability at most {probability:.2g}"
        else:
            verdict = f"is silent, since this does not hold: {why or 'a value below 1'}"
        lines.append(f"{name} {verdict}")
    return lines
