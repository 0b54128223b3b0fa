"""The command line: ``dcsc poster``, ``recover``, ``explain`` and ``verify``."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import App, CycloptsError, Parameter
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import dcsc
from dcsc._files import make_folder, write_files
from dcsc.bounds import Certificate
from dcsc.bounds import explain as explain_layers
from dcsc.bounds import verify as verify_certificate
from dcsc.bounds.certificates.inputs import Inputs
from dcsc.errors import DcscError
from dcsc.experiments.example import example_layers
from dcsc.experiments.inputs import read_input
from dcsc.experiments.poster import Poster
from dcsc.experiments.poster import poster as compute_poster
from dcsc.experiments.recover import RecoveryReport
from dcsc.experiments.recover import recover as compute_recovery
from dcsc.plotting import explanation, poster_figure, recovery_figure

__all__ = ["app", "main"]

app = App(
    name="dcsc",
    help="Does a CNN's forward pass recover the activation pathway, how often, and which theorem "
    "says so?",
    version=dcsc.__version__,
)

Out = Annotated[Path, Parameter(help="Folder for the files; made if it does not exist.")]
Seed = Annotated[int, Parameter(help="Seed of all random numbers.")]


@app.command
def poster(
    *,
    trials: Annotated[
        int, Parameter(help="Draws of the signs a point; panel (c) takes a quarter.")
    ] = 240,
    seed: Seed = 0,
    out: Out = Path(),
) -> None:
    """Show the poster's contribution: measured failures beside what is guaranteed.

    Prints a table and writes poster.png and poster.json, which holds every number of the figure.
    """
    _folder(out)
    with _progress("poster") as report:
        result = compute_poster(trials, seed, dcsc.__version__, report)
    _write(
        out,
        {
            "poster.json": _json(attrs.asdict(result)),
            "poster.png": _png(poster_figure(result)),
        },
    )
    console = _console()
    for table in _poster_tables(result):
        console.print(table)
    console.print(f"Wrote {out / 'poster.png'} and {out / 'poster.json'}.")


@app.command
def recover(
    source: Annotated[
        str | None,
        Parameter(name="INPUT", help="An image, a .wav or a .npy; by default a portrait."),
    ] = None,
    /,
    *,
    noise: Annotated[float, Parameter(help="Noise, relative to the signal's norm.")] = 0.05,
    draws: Annotated[int, Parameter(help="Draws of the signs and of the noise.")] = 32,
    seed: Seed = 0,
    out: Out = Path(),
) -> None:
    """Recover the pathway of a real input.

    Its deepest code is synthesised anew with random signs, noise is added, and the forward pass
    runs again. Prints what came back, and writes recover.png and recover.json.
    """
    name, signal = read_input(source)
    _folder(out)
    with _progress("recover") as report:
        result = compute_recovery(name, signal, noise, draws, seed, report)
    numbers = {"version": dcsc.__version__, "seed": seed, **result.numbers()}
    _write(
        out,
        {"recover.json": _json(numbers), "recover.png": _png(recovery_figure(result))},
    )
    console = _console()
    console.print(_recovery_table(result))
    for line in _recovery_lines(result):
        console.print(line)
    console.print(f"Wrote {out / 'recover.png'} and {out / 'recover.json'}.")


@app.command
def explain(
    *,
    model: Annotated[
        Path | None,
        Parameter(help="A model file, the .npz of a certificate; by default a small example."),
    ] = None,
    codes: Annotated[
        Path | None, Parameter(help="Another .npz, with arrays that MODEL leaves out.")
    ] = None,
    delta: Annotated[float, Parameter(help="Failure probability asked for.")] = 0.01,
    out: Out = Path(),
) -> None:
    """Explain why guarantees hold or not, layer by layer, and what would have to change.

    Prints the explanation and writes explain.png.
    """
    if model is None and codes is not None:
        raise DcscError(f"--codes: expected with --model only, got {codes}")
    _folder(out)
    files = [path for path in (model, codes) if path is not None]
    found = explain_layers(
        Inputs.load(files).layers if files else example_layers(), failure_probability=delta
    )
    _write(out, {"explain.png": _png(explanation(found))})
    print(found)
    print(f"Wrote {out / 'explain.png'}.")


@app.command
def verify(
    certificate: Annotated[Path, Parameter(name="FILE", help="The certificate, a .json.")],
    /,
    *,
    model: Annotated[Path, Parameter(help="The model file that was published with it, a .npz.")],
    codes: Annotated[
        Path | None,
        Parameter(help="Another .npz, with arrays that MODEL leaves out, such as the codes."),
    ] = None,
    rounding: Annotated[
        float,
        Parameter(help="Relative difference of computed numbers that counts as rounding."),
    ] = 0.0,
) -> None:
    """Compute a certificate again from its model, and say whether it is true.

    Prints one line: true (exit code 0), or false (exit code 1) and the first thing that differs.
    Files that cannot be used are exit code 2.
    """
    found = verify_certificate(certificate, model, codes, rounding)
    print(_verdict(found.certificate) if found.holds else f"false: {found.difference}")
    sys.exit(0 if found.holds else 1)


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    try:
        app(exit_on_error=False, print_error=False)
    except (DcscError, CycloptsError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"dcsc: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("dcsc: interrupted", file=sys.stderr)
        sys.exit(130)


# ---- printing ----------------------------------------------------------------------------------


def _console() -> Console:
    """Return a console that keeps tables whole in a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """Yield a function that takes the share done; a bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _poster_tables(result: Poster) -> list[Table]:
    a, b, c = result.rate, result.scaling, result.depth
    rate = Table("", "largest S with failure ≤ 1 %", title="(a) One layer: " + a.setting)
    for name, limit in a.limits.items():
        rate.add_row(f"{name} guarantees", "none" if limit is None else f"{limit:.0f}")
    passing = [s for s, ends in zip(a.sparsity, a.rate, strict=True) if ends[1] <= a.delta]
    rate.add_row(f"measured, {a.trials} draws a point", f"{max(passing, default=0)}")
    scaling = Table(
        "filters",
        "coherence",
        "measured",
        "(2)",
        "(3)",
        "(3R)",
        title="(b) Largest S: " + b.setting,
    )
    for point in b.measured:
        allowed = [_at(b.coherence, line, point.coherence) for line in b.lines.values()]
        scaling.add_row(
            point.filters, f"{point.coherence:.4f}", str(point.passed), *map(str, allowed)
        )
    depth = Table(
        "noise", "layer 1", "layer 2", "layer 3", "pathway", title="(c) Recovered: " + c.setting
    )
    for number, noise in enumerate(c.noise):
        depth.add_row(f"{noise:g}", *(f"{line[number][1]:.0%}" for line in c.recovered))
    for name, limits in c.limits.items():
        cells = ["empty" if limit is None else f"< {limit:.2g}" for limit in limits]
        depth.add_row(f"{name} noise", *cells)
    for table in (rate, scaling, depth):
        table.title_justify = "left"
    return [rate, scaling, depth]


def _at(grid: list[float], line: list[float], coherence: float) -> int:
    """Return the whole part of a power law between two points of its line."""
    power = next(
        (number for number, mu in enumerate(grid[1:], start=1) if mu >= coherence), len(grid) - 1
    )
    (x, y), (low, high) = (grid[power - 1], grid[power]), (line[power - 1], line[power])
    return int(low + (high - low) * (1 / coherence - 1 / x) / (1 / y - 1 / x))


def _recovery_table(result: RecoveryReport) -> Table:
    table = Table(
        "layer", "S", "coherence", "threshold", "active", "missed", "false", "exact support",
        title=f"{result.name}: what comes back, means over {result.draws} draws",
        title_justify="left",
    )  # fmt: skip
    for number, layer in enumerate(result.layers, start=1):
        table.add_row(
            str(number),
            str(layer.stripe_sparsity),
            f"{layer.coherence:.3f}",
            f"{layer.threshold:.4f}",
            f"{layer.active:.0f}",
            f"{layer.missed:.1f}",
            f"{layer.false_alarms:.1f}",
            f"{layer.exact[1]:.0%} ({layer.exact[0]:.0%} to {layer.exact[2]:.0%})",
        )
    return table


def _recovery_lines(result: RecoveryReport) -> list[str]:
    lines = [
        f"The pathway keeps {result.energy:.1%} of the energy of the input (mean removed).",
        f"Whole pathway exact in {result.exact[1]:.0%} of the draws; noise {result.noise:.3g} of "
        f"the signal's norm, largest patch norm {result.patch_noise:.3g}.",
        "Thresholds: half of what 95 % of a layer's non-zeros exceed, over draws of their own.",
    ]
    for name, (probability, why) in result.guarantees.items():
        if probability < 1:
            said = f"fails with probability at most {probability:.2g}"
        else:
            said = f"is silent, since this does not hold: {why or 'a value below 1'}"
        lines.append(f"{name} {said}")
    return lines


def _verdict(certificate: Certificate) -> str:
    line = (
        f"true: failure probability at most {certificate.failure_probability:.3g} by "
        f"{certificate.bound['class']}"
    )
    declared = "; the constants are declared: filters and codes were not looked at"
    return line + (declared if certificate.declared else "")


# ---- writing -----------------------------------------------------------------------------------


def _folder(out: Path) -> None:
    """Make the folder before the work, so that a bad one costs nothing."""
    make_folder(out, "--out")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()


def _png(figure: Figure) -> bytes:
    with tempfile.SpooledTemporaryFile() as file:
        figure.savefig(file, format="png", dpi=130)
        file.seek(0)
        return file.read()


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Write files whole, and all of them or none."""
    write_files(out, files, "--out")
