"""
What a coherence penalty does to the pathways of a network
==========================================================

Two networks that dcsc ships read handwritten digits. They were trained alike, but for a penalty on
the coherence of each layer. This script compares them on digits that neither has seen: how
coherent their filters are, how sparse their codes, what is proved of each layer, and whether a
pathway that is synthesised from the codes is found again. Run it as
``python examples/coherence_penalty.py``; ``--figure FILE`` draws the figure as well.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dcsc import (
    Dictionary,
    IdentitySigns,
    InstanceBound,
    ProbabilisticBound,
    RademacherSigns,
    RobustBound,
    SignPattern,
    UniformBound,
)
from dcsc.networks import load
from dcsc.networks.analysis import CodedLayer, Found, coded_layers, random_twin, resynthesize
from dcsc.networks.shipped import DIGITS_VARIANTS, digits_inputs, digits_network_path

DIGITS = 100
DRAWS = 5
SAFE = 0.01
BOUNDS = {"(2)": UniformBound(), "(3)": ProbabilisticBound(), "(3R)": RobustBound()}
SIGNS = {"random": RademacherSigns(), "none": IdentitySigns()}
FILTERS = ("filters", "atoms", "samples", "μ", "random", "floor")
CODES = ("density", "S", "μ₁(S)")
PROVED = ("S", "allowed", *BOUNDS, "codes", "union", "safe on", "safe off")
FOUND_AGAIN = ("alone: found", "false", "exact", "from the image: found", "false", "exact")
Networks = Mapping[str, tuple[CodedLayer, ...]]

COLOURS = {"plain": "#D55E00", "incoherent": "#0072B2", "random filters": "0.55"}


# ---- the networks as sparse coding -----------------------------------------------------------


def layers_of(variant: str, images: npt.NDArray[np.float32]) -> tuple[CodedLayer, ...]:
    """Return the layers of a network, with the codes of these images."""
    return coded_layers(load(digits_network_path(variant)).forward(images.astype(np.float64)))


def resynthesis(layers: tuple[CodedLayer, ...], signs: SignPattern) -> Found:
    """Synthesise from the codes of the last layer through all layers, and go forward again."""
    found = resynthesize(layers, signs, DRAWS)
    assert found is not None  # it is where all codes are empty
    return found


# ---- the tables ------------------------------------------------------------------------------


def filters_and_codes(layer: CodedLayer) -> tuple[object, ...]:
    dictionary = layer.dictionary
    twins = [random_twin(dictionary, seed).mutual_coherence() for seed in range(10)]
    sparsities = dictionary.stripe_sparsity(layer.codes)
    typical = int(np.median(sparsities))
    return (
        "×".join(map(str, dictionary.filters.shape)),
        int(np.prod(dictionary.code_shape)),
        int(np.prod(dictionary.signal_shape)),
        f"{dictionary.mutual_coherence():.2g}",
        f"{np.mean(twins):.2g}",
        f"{dictionary.welch_floor():.2g}",
        f"{np.mean(layer.codes > 0):.2f}",
        f"{typical} of {dictionary.stripes.size}",
        f"{dictionary.babel(typical):.2g}",
    )


def proved(layer: CodedLayer) -> tuple[object, ...]:
    statistics = [one for one in layer.statistics() if one is not None]
    bound = InstanceBound("chernoff")
    atoms = np.stack([bound.atoms(instance) for instance in layer.instances])
    unions = atoms.reshape(len(atoms), -1).sum(axis=1)
    allowed = [BOUNDS["(2)"].max_sparsity(one) or 0 for one in statistics]
    return (
        int(np.median([one.sparsity for one in statistics])),
        int(np.median(allowed)),
        *(sum(bound.evaluate(one).holds for one in statistics) for bound in BOUNDS.values()),
        int((unions < 1).sum()),
        f"{np.median(unions):.3g}",
        f"{np.mean(atoms[layer.codes > 0] <= SAFE):.2f}",
        f"{np.mean(atoms[layer.codes == 0] <= SAFE):.2f}",
    )


def resynthesised(layers: tuple[CodedLayer, ...], signs: SignPattern) -> tuple[str, ...]:
    alone, whole = resynthesis(layers[-1:], signs), resynthesis(layers, signs)
    return tuple(
        f"{value:.2f}"
        for found in (alone, whole)
        for value in (found.found, found.false_alarms, found.exact)
    )


def print_table(title: str, header: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    texts = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    print(title)
    for text in texts:
        cells = zip(text, widths, strict=True)
        print("  ".join(f"{cell:{width}}" for cell, width in cells).rstrip())
    print(flush=True)


def print_tables(networks: Networks) -> None:
    every = [(v, layers[:l]) for v, layers in networks.items() for l in range(1, len(layers) + 1)]
    print_table(
        "Filters and codes",
        ["network", "layer", *FILTERS, *CODES],
        [(v, len(layers), *filters_and_codes(layers[-1])) for v, layers in every],
    )
    print_table(
        f"What is proved of each layer alone: of how many of {DIGITS} digits",
        ["network", "layer", *PROVED],
        [(v, len(layers), *proved(layers[-1])) for v, layers in every],
    )
    print_table(
        f"What is found again, in {DRAWS} draws of the signs",
        ["network", "signs", "layer", *FOUND_AGAIN],
        [
            (v, name, len(layers), *resynthesised(layers, signs))
            for name, signs in SIGNS.items()
            for v, layers in every
        ],
    )


# ---- the figure ------------------------------------------------------------------------------


def correlations(dictionary: Dictionary) -> npt.NDArray[np.float64]:
    """Return the sizes of the correlations of all atoms that can meet, in order."""
    gram = dictionary.gram_rows(range(int(np.prod(dictionary.code_shape)))).tocoo()
    return np.sort(np.abs(gram.data[gram.row != gram.col]))


def draw_correlations(axes: Axes, layers: Mapping[str, CodedLayer]) -> None:
    dictionaries: dict[str, Dictionary] = {n: layer.dictionary for n, layer in layers.items()}
    dictionaries["random filters"] = random_twin(layers["plain"].dictionary, 0)
    for name, dictionary in dictionaries.items():
        sizes = correlations(dictionary)
        axes.plot(
            sizes,
            1 - np.arange(len(sizes)) / len(sizes),
            color=COLOURS[name],
            ls="--" if name == "random filters" else "-",
            label=f"{name}: μ = {sizes[-1]:.2g}",
        )
    floor = dictionary.welch_floor()
    if floor:
        axes.axvline(floor, color="black", ls=":", label=f"no filters below μ = {floor:.2g}")
    axes.set(xscale="log", yscale="log", xlim=(1e-7, 1.5), ylim=(2e-6, 1.5))
    axes.set_xlabel("size of a correlation of two atoms")
    axes.legend(frameon=False, loc="lower left")


def draw_found(axes: Axes, below: Networks) -> None:
    for name, layers in below.items():
        alone, whole = (resynthesis(part, RademacherSigns()) for part in (layers[-1:], layers))
        colour = COLOURS[name]
        axes.plot(alone.false_alarms, alone.found, "o", color=colour, ms=9)
        if len(layers) > 1:
            axes.plot(whole.false_alarms, whole.found, "s", color=colour, ms=9, mfc="none")
            ends = ([alone.false_alarms, whole.false_alarms], [alone.found, whole.found])
            axes.plot(*ends, color=colour, lw=0.8)
    axes.plot(0, 1, "*", color="black", ms=14, zorder=0, clip_on=False)
    axes.set(xlim=(-0.1, 2.4), ylim=(0.5, 1.03))
    axes.set_xlabel("false alarms per active unit")


def figure(networks: Networks) -> Figure:
    """Draw, layer by layer, the correlations of the atoms and what is found again."""
    with matplotlib.rc_context(
        {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}
    ):
        drawn = Figure(figsize=(13, 7.5), layout="constrained")
        axes = drawn.subplots(2, 3, sharey="row")
        for number in range(3):
            top, bottom = axes[:, number]
            draw_correlations(top, {name: layers[number] for name, layers in networks.items()})
            draw_found(bottom, {name: layers[: number + 1] for name, layers in networks.items()})
            shape = "×".join(map(str, networks["plain"][number].dictionary.filters.shape))
            top.set_title(f"layer {number + 1}: {shape}", loc="left")
        axes[0, 0].set_ylabel("share of pairs above it")
        axes[1, 0].set_ylabel("share of active units found")
        axes[1, 2].annotate("all is found", (0, 1), (0.12, 0.985), fontsize=9)
        marks = [("o", "full", "the layer alone"), ("s", "none", "from the image, all layers")]
        for marker, fill, label in marks:
            axes[1, 0].plot([], [], marker, color="0.3", fillstyle=fill, ms=9, label=label)
        axes[1, 0].legend(frameon=False, loc="lower right")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--figure", type=Path, help="file of the figure, .png or .svg")
    target = parser.parse_args().figure
    images = digits_inputs().images[:DIGITS]
    networks = {variant: layers_of(variant, images) for variant in DIGITS_VARIANTS}
    print_tables(networks)
    print(
        "random: the coherence of random filters, a mean of ten. floor: what no filters can go"
        "\nbelow. S: the median. allowed: the S that (2) allows. codes: by the union over the atoms"
        "\nof the codes, with Chernoff's tails; union: its median. safe: the share of the units"
        f"\nthat are on, and off, whose own failure probability is at most {SAFE}. found and false:"
        "\nper active unit; exact: the share of digits with all of the support and nothing else."
    )
    if target:
        figure(networks).savefig(target, dpi=110)


if __name__ == "__main__":
    main()
