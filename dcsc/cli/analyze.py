"""``dcsc analyze``."""

from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

import dcsc
from dcsc._arrays import real
from dcsc._files import as_json, check_files, write_files
from dcsc._words import as_layer, quoted, readable, without_common
from dcsc.cli.common import Force, console, ratio, say, whole
from dcsc.cli.idle import refuse_idle
from dcsc.cli.layers import print_layers
from dcsc.cli.progress import share_progress
from dcsc.cli.tallies import Counting, few, open_data, read_names
from dcsc.errors import DcscError
from dcsc.networks import load
from dcsc.networks.analysis import Limits
from dcsc.networks.analysis import analyze as compute_analysis
from dcsc.networks.shipped import digits_network_path
from dcsc.networks.tallies import InputSet
from dcsc.report import at_a_glance, page, row
from dcsc.report.table import differing

__all__ = ["analyze"]

# What tells layers apart most comes first; the page has all columns, the terminal has room for few.
_COLUMNS = (
    *("layer", "proved", "proved false", "own", "decided", "coherence", "on", "S", "filters"),
    *("found", "false alarms", "own false", "noise steady", "safe", "from below", "outside"),
)
_FIRST = Counting()
_NOISE = 0.05


def analyze(
    source: Annotated[
        Path | None,
        Parameter(
            name="FILE",
            help="A trained network: .onnx, .safetensors, or another file that dcsc.networks.load "
            "reads; or the folder or weights of a sparse autoencoder of SAELens, "
            "dictionary_learning, sparsify or Gemma Scope. By default a network that comes with "
            "dcsc and reads digits, with digits that it has not seen.",
        ),
    ] = None,
    /,
    *,
    inputs: Annotated[
        str | None,
        Parameter(
            name="--input",
            help="What to show it: a .npy or .npz (inputs, and labels under that name), a picture, "
            "a .wav, a folder of pictures, sounds or .npy files, or the word noise; activations in "
            "a .npy or .npz for an autoencoder. Without it only the filters are looked at.",
        ),
    ] = None,
    geometry: Annotated[
        Path | None,
        Parameter(help="A TOML file with the layers, for files that hold weights only."),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="The value of an input that is always the same, as sr=16000: of an ONNX file that "
            "decides by it what it computes, that part is read. May be given several times.",
        ),
    ] = None,
    html: Annotated[
        Path, Parameter(help="The page to write; the numbers go to a .json beside it.")
    ] = Path("report.html"),
    noise: Annotated[
        float | None,
        Parameter(
            help="Error that safe units withstand, relative to the strongest patch; 0.05 by "
            "default."
        ),
    ] = None,
    most: Annotated[
        int | None,
        Parameter(
            converter=whole,
            help="How many inputs to look at, at most: 300 by default, all of an autoencoder.",
        ),
    ] = None,
    perturbation: Annotated[
        float | None,
        Parameter(
            converter=ratio,
            help="By how much each sample of an input may change, a number or a fraction like "
            "1/255: which units provably stay on, or off.",
        ),
    ] = None,
    valid_range: Annotated[
        tuple[float, float] | None,
        Parameter(help="The least and the largest value that a perturbed input may have, as 0 1."),
    ] = None,
    joined: Annotated[
        bool,
        Parameter(
            help="Read a sum before an activation, as in residual networks, as one dictionary of "
            "its terms; --no-joined looks at each convolution alone.",
        ),
    ] = True,
    products: Annotated[
        float | None,
        Parameter(
            help="About how many multiplications each part may take for one layer, 1e10 by "
            "default; affine bounds of perturbed inputs, four times as many."
        ),
    ] = None,
    counting: Counting = _FIRST,
    seed: Annotated[
        int | None,
        Parameter(converter=whole, help="Seed of all random numbers, of inputs; 0 by default."),
    ] = None,
    force: Force = False,
) -> None:
    """Show the activation pathways of a trained network, and what theory says of them.

    Goes through its convolutions one by one: how coherent the filters are, how sparse the codes of
    the inputs, what the theorems prove of them, which units are safe, and whether a pathway is
    found again when the input is synthesised from it. Prints a table, and writes a page that needs
    nothing but itself, and a JSON file of the same numbers. With --tallies, all inputs of a folder,
    or of a .npy of any length, are counted as well, whatever memory there is. Of a sparse
    autoencoder it shows how alike its latents are, which are dead, twice or silent, and what is
    found of codes.

    For example:

        dcsc analyze
        dcsc analyze model.onnx --input images.npz --html model.html
        dcsc analyze weights.npz --geometry layers.toml --input images.npz --perturbation 1/255
    """
    if html.suffix.lower() not in (".html", ".htm"):
        raise DcscError(f"--html: expected a name that ends in .html, got {html}")
    json = html.with_suffix(".json")
    check_files([html, json], "--html", force)
    autoencoder = source is not None and geometry is None and _holds_autoencoder(source)
    if autoencoder:
        others = {"--no-joined": not joined, "--fixed": fixed, "--products": products}
        refuse_idle(
            {"--perturbation": perturbation, **others, **counting.given()},
            "a network, got an autoencoder",
        )
    if source is not None and inputs is None:
        shown = {"--noise": noise, "--most": most, "--seed": seed, "--perturbation": perturbation}
        refuse_idle(shown, "--input with what to show it, or the word noise, got none")
    if perturbation is None:
        refuse_idle({"--valid-range": valid_range}, "--perturbation, got none")
    share, number = _NOISE if noise is None else noise, 0 if seed is None else seed
    if source is not None and autoencoder:
        from dcsc.cli.autoencoders import show_autoencoder  # noqa: PLC0415  # few need it

        show_autoencoder(source, inputs, html, share, most, number, force)
        return
    network = load(
        digits_network_path() if source is None else source, geometry, fixed=_fixed(fixed)
    )
    if joined:
        network = network.joined()
    limits = Limits() if most is None else Limits(inputs=most)
    if products is not None:
        limits = attrs.evolve(limits, products=real(products, "--products", minimum=0))
    names = read_names(counting.class_names)
    data = open_data(network, inputs, counting.labels, shipped=source is None, seed=number)
    tally = None
    if counting.tallies is not None:
        from dcsc.cli.counting import count, print_tally  # noqa: PLC0415  # few need it

        tally = count(network, data, counting.tallies, counting, share, number, force)
    sample = None if data is None else few(network, data, limits.inputs, number)
    with share_progress("analyze") as report:
        analysis = compute_analysis(
            network,
            sample,
            share,
            number,
            limits,
            report,
            perturbation,
            valid_range=valid_range,
            class_names=names,
        )
    if isinstance(data, InputSet):
        analysis = attrs.evolve(analysis, given=data.count)
    numbers = {"version": dcsc.__version__, **analysis.numbers()}
    if tally is not None:
        numbers["tally"] = tally.numbers()
    files = {json.name: as_json(numbers), html.name: page(analysis, tally=tally).encode()}
    write_files(html.parent, files, "--html", force)
    for line in at_a_glance(analysis):
        console().print(readable(line))
    cells = [row(layer) for layer in analysis.layers]
    known = [name for name in _COLUMNS if any(name in one for one in cells)]
    headings, same = differing(known, cells)
    called = map(as_layer, without_common([layer.name for layer in analysis.layers]))
    rows = [
        [name, *(one[heading].text if heading in one else "–" for heading in headings[1:])]
        for name, one in zip(called, cells, strict=True)
    ]
    print_layers(f"{analysis.source}, layer by layer", headings, rows)
    if same:
        say(same)
    if tally is not None:
        print_tally(tally)
    elif analysis.inputs is not None and analysis.given > analysis.inputs.count:
        looked, given = analysis.inputs.count, analysis.given
        say(f"Looked at {looked} of {given} inputs: --tallies DIR counts them all.")
    say(f"Wrote {html} and {json}.")


def _holds_autoencoder(source: Path) -> bool:
    from dcsc.networks.autoencoders import holds_autoencoder  # noqa: PLC0415  # few need it

    return holds_autoencoder(source)


def _fixed(texts: list[str] | None) -> dict[str, float] | None:
    """Return numbers by the names before them."""
    if not texts:
        return None
    values = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            values[name] = int(number) if number.lstrip("-").isdecimal() else float(number)
        except ValueError:
            name = ""
        if not name:
            raise DcscError(f"--fixed: expected NAME=NUMBER, got {quoted(text)}")
    return values
