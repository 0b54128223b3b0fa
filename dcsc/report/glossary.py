"""The words that head columns: what each means, in which unit, and what knows it."""

from collections.abc import Iterable, Iterator

import attrs

from dcsc._arguments import choice
from dcsc.bounds.forward import CLASS_BOUNDS, UniformBound

__all__ = ["KINDS", "WORDS", "Word", "legend", "word"]

# What knows a number, in the order of the columns.
KINDS = {
    "": "",
    "measured": "Measured on the inputs",
    "proved": "Proved",
    "filters": "Of the filters alone",
}


@attrs.frozen
class Word:
    """A word that heads a column.

    Parameters
    ----------
    name : str
        The heading.
    kind : str
        ``"measured"``, ``"proved"`` or ``"filters"``: what knows the number. A layer has none.
    unit : str
        What is counted, or that it is a share.
    meaning : str
        In a few words.
    more : str
        What else is to be known, in sentences.
    brackets, counted : str
        What stands in brackets in the table of the layers, and in that of all inputs.
    columns : tuple of str
        Its columns in ``to_pandas()``; those of a comparison end in ``_first`` and ``_second``.
    """

    name: str
    kind: str
    unit: str
    meaning: str
    more: str = ""
    brackets: str = ""
    counted: str = ""
    columns: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the meaning and the unit, without an end."""
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning

    def brief(self, every: bool = False) -> str:
        """Return the meaning, the unit, and what stands in brackets, as in `text`."""
        inside = self.counted if every else self.brackets
        return f"{self.line()}. {inside}".removesuffix(". ")

    def text(self, every: bool = False) -> str:
        """Return all that is to be known in a table, of the layers or of all inputs.

        Parameters
        ----------
        every : bool, default False
            Whether the table is that of all inputs.
        """
        line = self.line()
        first = line[:1].upper() + line[1:] if line[1:2] != ":" else line
        inside = self.counted if every else self.brackets
        return " ".join(part for part in (f"{first}.", inside, self.more) if part)


_UNITS = "share of units"
_ACTIVE = "share of active units"
_EACH = "units for each active unit"
_DRAWS = "In brackets: which share of draws of random signs have less."
_PERTURBED = "share of units, rounded down"
# Where the columns stand on the page and in the reference, the first ones first.
WORDS = (
    Word("layer", "", "", "name of the convolution in the file"),
    Word(
        "on", "measured", f"{_UNITS}, a median", "units that an input switches on",
        counted="In brackets: from the fewest to the most.", columns=("density",),
    ),
    Word(
        "S", "measured", "units, a median",
        "stripe sparsity: units that can overlap and are on at the same time, at most",
        counted="In brackets: the largest.", columns=("sparsity", "stripe_size"),
    ),
    Word("silent", "measured", _UNITS, "units that no input switches on", columns=("silent",)),
    Word(
        "on by bias", "measured", "share of the units that are on",
        "units that a positive bias alone keeps on: their coefficient is not positive",
        columns=("on_by_bias",),
    ),
    Word("silent units", "measured", "", "units that no input switches on"),
    Word("silent filters", "measured", "", "filters of which no input switches any unit on"),
    Word(
        "contrast", "measured", "ratio, a median",
        "largest coefficient of a code over its smallest",
    ),
    Word(
        "found", "measured", _ACTIVE,
        "active units found again after going down one layer and up again, with random signs",
        "Active are the units of positive coefficients; those that a positive bias alone switches "
        "on, blue in the maps, are none, and filters with such a bias have the threshold 0 here. "
        "Of a few draws, chance may put it beside what is proved of the mean.",
        "In brackets: without signs.", "In brackets: with the network's own signs, all +1.",
        columns=("found",),
    ),
    Word("found inputs", "measured", "inputs", "inputs of which it is measured what is found again",
         columns=("found_inputs",)),
    Word(
        "false alarms", "measured", _EACH,
        "units that are switched on besides, on the same way as for found",
        brackets="In brackets: without signs.",
        counted="In brackets: with the network's own signs.", columns=("false_alarms",),
    ),
    Word(
        "own", "measured", _ACTIVE,
        "active units found again with the network's own signs, all +1",
        brackets=_DRAWS, columns=("own_found",),
    ),
    Word(
        "own false", "measured", _EACH,
        "units that are switched on besides with the network's own signs",
        brackets=_DRAWS, columns=("own_false_alarms",),
    ),
    Word(
        "from below", "measured", _ACTIVE,
        "active units found after going down as many layers as possible and up again, with random "
        "signs", brackets="In brackets: without signs.", columns=("found_from_below",),
    ),
    Word(
        "shared", "measured", "share of the units that either of two inputs switches on",
        "units that two inputs of one class both switch on", counted="In brackets: of two classes.",
    ),
    Word(
        "units shared", "measured", "share of the units that are on in either network, a mean",
        "units that are on in both networks for the same input", columns=("pathways_alike",),
    ),
    Word(
        "proved", "proved", f"{_ACTIVE}, from the least to the largest mean",
        "active units found again, in the mean over random signs",
        brackets='In brackets: of how many inputs, where it is not of all that "found" is of.',
        columns=("proved_low", "proved_high"),
    ),
    Word(
        "proved false", "proved", f"{_EACH}, from the least to the largest mean",
        "units that are switched on besides, in the mean over random signs",
        columns=("proved_false_low", "proved_false_high"),
    ),
    Word(
        "decided", "proved", _PERTURBED,
        "units that stay on, or stay off, whatever perturbation of the size asked for is added to "
        "the input", "(intervals): affine bounds, which prove more, would have taken too long.",
        columns=("decided",),
    ),
    Word("proved inputs", "proved", "inputs", "inputs of which it is proved what is found again",
         columns=("proved_inputs",)),
    Word("stays on", "proved", _UNITS, "units that no such perturbation switches off",
         columns=("stays_on",)),
    Word("stays off", "proved", _UNITS, "units that no such perturbation switches on",
         columns=("stays_off",)),
    Word("stays on, of those on", "proved", _ACTIVE,
         "units that are on and that no such perturbation switches off", columns=("steady",)),
    Word("bounds", "proved", "", "affine or interval: what proves it of perturbations",
         columns=("method",)),
    Word("perturbed", "proved", "inputs", "inputs of which it is proved",
         columns=("perturbed_inputs",)),
    *(
        Word(
            kind.label, "proved", "codes, of those asked",
            f"codes of which the theorem {kind.about} proves that the layer would find the active "
            "units again"
            + ("" if kind is UniformBound else ", with at most 1% probability of failures"),
        )
        for kind in CLASS_BOUNDS
    ),
    Word("sharp", "proved", "codes, of those asked",
         "the same, by whichever of two sharper bounds reaches further"),
    Word("theorems", "proved", "theorems, of those asked",
         "theorems that hold for one code or more", columns=("theorems",)),
    Word(
        "noise steady", "proved", _ACTIVE,
        "active units that no error of the size asked for, in the layer's own signal, could switch "
        "off in the network as it is", columns=("noise_steady",),
    ),
    Word("steady", "proved", _ACTIVE,
         "active units that no error of the size asked for could switch off"),
    Word(
        "safe", "proved", _ACTIVE,
        "active units that stay on in a signal made from the code alone, with such an error, "
        "whatever the signs of the others", columns=("safe",),
    ),
    Word(
        "coherence", "filters", "0 to 1",
        "μ: how alike the two most alike of all shifted filters are",
        "At 0 all are orthogonal, at 1 two are the same. Low coherence keeps units apart.",
        columns=("coherence",),
    ),
    Word("random", "filters", "0 to 1, a median",
         "coherence of random filters of the same shape", columns=("random_coherence",)),
    Word("floor", "filters", "0 to 1",
         "coherence that no filters of this shape can go below (Welch's bound)",
         columns=("coherence_floor",)),
    Word("filters", "filters", "filters × channels × size",
         "how many filters, channels that each of them sees, and its size", columns=("filters",)),
    Word("stride", "filters", "samples", "how far a filter moves from one position to the next"),
    Word(
        "outside", "filters", "filters",
        "filters that the sparse coding reading does not cover, because a positive bias switches "
        "them on where there is no signal at all, or because they are zero",
        "(no zeros): the codes of the others have none either; (summed): the layer goes into a sum "
        "before the activation; (joined): it is such a sum as a whole.",
        columns=("outside",),
    ),
    Word("filters alike", "filters", "cosine, a median",
         "a filter with the filter of the same number in the other network",
         columns=("filters_alike",)),
)  # fmt: skip
_BY_NAME = {one.name: one for one in WORDS}


def word(name: str) -> Word:
    """Return a word by its heading."""
    return _BY_NAME[choice(name, _BY_NAME, "word: name")]


def legend(names: Iterable[str]) -> Iterator[tuple[str, list[Word]]]:
    """Yield what knows the numbers of some columns, and these columns.

    Examples
    --------
    >>> for kind, words in legend(["layer", "coherence", "found", "proved", "on"]):
    ...     print(f"{kind}:", *(one.name for one in words))
    Measured on the inputs: on found
    Proved: proved
    Of the filters alone: coherence
    """
    asked = set(names)
    for kind, title in KINDS.items():
        words = [one for one in WORDS if one.name in asked and one.kind == kind]
        if title and words:
            yield title, words
