"""``dcsc template``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dcsc.networks import template as table_of

__all__ = ["template"]


def template(
    source: Annotated[
        Path,
        Parameter(name="FILE", help="Weights without geometry: .safetensors, .pt, .npz."),
    ],
    /,
) -> None:
    """Print a table of layers for weights, with question marks where they do not tell.

    Fill it in, and lay it beside the weights as FILE.toml, or name it with --geometry of dcsc
    analyze.

    For example:

        dcsc template weights.pt > weights.toml
    """
    print(table_of(source), end="")
