"""``dcsc analyze`` of a sparse autoencoder."""

from pathlib import Path

import dcsc
from dcsc._arrays import Array, integer
from dcsc._files import as_json, write_files
from dcsc._words import readable
from dcsc.cli.common import console, print_table, say
from dcsc.cli.progress import share_progress
from dcsc.networks.autoencoders import Autoencoder, load_autoencoder
from dcsc.networks.autoencoders.analysis import (
    analyze_autoencoder,
    noise_activations,
    read_activations,
)
from dcsc.report import autoencoder_glance, autoencoder_page

__all__ = ["show_autoencoder"]

_PAIRS = 5


def show_autoencoder(
    source: Path,
    inputs: str | None,
    html: Path,
    noise: float,
    most: int | None,
    seed: int,
    force: bool,
) -> None:
    """Print what is found of an autoencoder, and write its page and its numbers."""
    model = load_autoencoder(source)
    data = _activations(model, inputs, seed)
    if data is not None and most is not None:
        data = data[: integer(most, "--most", minimum=1)]
    with share_progress("analyze") as report:
        analysis = analyze_autoencoder(model, data, noise, seed, report=report)
    json = html.with_suffix(".json")
    numbers = {"version": dcsc.__version__, **analysis.numbers()}
    files = {json.name: as_json(numbers), html.name: autoencoder_page(analysis).encode()}
    write_files(html.parent, files, "--html", force)
    for line in autoencoder_glance(analysis):
        console().print(readable(line))
    if inputs == "noise":
        console().print("These activations are normal noise, not data.")
    print_table(model.source, ("", "is"), analysis.rows())
    pairs = [
        (f"{pair.first} and {pair.second}", f"{pair.cosine:.4f}")
        for pair in analysis.decoder.pairs[:_PAIRS]
    ]
    if pairs:
        print_table(
            "the worst pairs of latents, most alike or most opposite", ("latents", "cosine"), pairs
        )
    for note in model.notes:
        console().print(readable(f"Reading the file: {note}"))
    say(f"Wrote {html} and {json}.")


def _activations(model: Autoencoder, name: str | None, seed: int) -> Array | None:
    if name == "noise":
        return noise_activations(model, rng=seed)
    return None if name is None else read_activations(model, name)
