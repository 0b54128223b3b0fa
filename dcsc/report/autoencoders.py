"""The page of a sparse autoencoder, and what is worth knowing first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from dcsc._arrays import instance
from dcsc._display import at_least
from dcsc._words import counted
from dcsc.networks.autoencoders.analysis import (
    MEANINGS,
    AutoencoderAnalysis,
    LatentPair,
    RecoveryFacts,
)
from dcsc.report.numbers import number, percent, rounded_out
from dcsc.report.pictures import data_uri
from dcsc.report.rendering import Picture, rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["autoencoder_glance", "autoencoder_page"]

_MOST_GROUPS = 50
_ALIKE = 0.5


def autoencoder_page(analysis: AutoencoderAnalysis) -> str:
    """Return an HTML page that needs nothing but itself.

    Parameters
    ----------
    analysis : AutoencoderAnalysis

    Examples
    --------
    >>> import numpy as np
    >>> import dcsc
    >>> from dcsc.networks import Autoencoder
    >>> from dcsc.networks.autoencoders.analysis import analyze_autoencoder
    >>> atoms, zeros = dcsc.DenseDictionary(np.eye(3)), np.zeros(3)
    >>> model = Autoencoder(atoms, atoms, dcsc.ReLU(), zeros, zeros, zeros)
    >>> text = autoencoder_page(analyze_autoencoder(model))
    >>> text.startswith("<!doctype html>"), "http" in text.replace("http://www.w3.org", "")
    (True, False)
    """
    instance(analysis, AutoencoderAnalysis, "autoencoder_page: analysis")
    decoder, cross = analysis.decoder, analysis.cross
    context: dict[str, Any] = {
        "analysis": analysis,
        "glance": autoencoder_glance(analysis),
        "rows": analysis.rows(),
        "meanings": MEANINGS,
        "pictures": list(_pictures(analysis)),
        "pairs": [_row(analysis, pair) for pair in decoder.pairs],
        "crossing": [] if cross is None else [_row(analysis, pair) for pair in cross.pairs],
        "groups": decoder.duplicates[:_MOST_GROUPS],
    }
    return rendered("autoencoder.html.j2", context)


def autoencoder_glance(analysis: AutoencoderAnalysis) -> list[str]:
    """Return what is worth knowing first, in sentences."""
    instance(analysis, AutoencoderAnalysis, "autoencoder_glance: analysis")
    return list(_glance(analysis))


def _glance(analysis: AutoencoderAnalysis) -> Iterator[str]:
    model, decoder = analysis.autoencoder, analysis.decoder
    samples, out = model.encoder.matrix.shape[0], model.decoder.matrix.shape[0]
    live = model.latents - len(decoder.dead)
    kind = "A transcoder" if model.transcoder else "An autoencoder"
    to = f" to {out}" if model.transcoder else ""
    yield f"{kind} of {samples}{to} dimensions with {model.latents} latents."
    yield (
        f"The coherence of the decoder is {decoder.coherence:.3g}; no {live} directions "
        f"in {out} dimensions have less than {decoder.floor:.3g}."
    )
    close = int(np.count_nonzero(decoder.nearest > _ALIKE))
    have = "has" if close == 1 else "have"
    yield f"{_latents(close)} {have} another at a cosine above {_ALIKE:g}."
    twice = sum(map(len, decoder.duplicates))
    groups = len(decoder.duplicates)
    if twice:
        yield (
            f"{twice} latents are duplicates, at cosines of {decoder.level:g} and more, in "
            f"{groups} {'group' if groups == 1 else 'groups'}."
        )
    if decoder.dead:
        dead = _latents(len(decoder.dead))
        yield f"Dead {'is' if len(decoder.dead) == 1 else 'are'} {dead}, with almost no norm."
    if analysis.cross is not None:
        yield (
            "Half of the encoder's atoms have a cosine of at least "
            f"{at_least(float(np.median(analysis.cross.aligned)), 2)} with their own atom in the "
            f"decoder; with another latent's it is up to {analysis.cross.coherence:.2g}."
        )
    if analysis.firing is not None:
        firing = analysis.firing
        yield (
            f"{len(firing.silent)} of {_latents(model.latents)} never "
            f"{'fires' if len(firing.silent) == 1 else 'fire'} on "
            f"{counted(firing.count, 'activation')}, whose codes have "
            f"{np.median(firing.active):g} active latents (a median)."
        )
        if firing.explained is not None:
            yield (
                f"{percent(firing.explained)} of the variance is explained."
                if firing.explained >= 0
                else f"The error is {number(1 - firing.explained)} times the variance of the "
                "activations: are they of the place that it was trained on?"
            )
        if firing.again is not None:
            yield (
                f"Decoded and encoded again, {percent(firing.again[0])} of the active latents come "
                f"back, with {number(firing.again[1])} others for each."
            )
    if analysis.recovery is not None:
        yield from _recovery(analysis.recovery, analysis.limits.draws)
    elif analysis.firing is not None:
        yield "Theorems were not asked: no latent is active, or one code would take too long."


def _recovery(facts: RecoveryFacts, draws: int) -> Iterator[str]:
    low, high = rounded_out(100 * facts.found.low, 100 * facts.found.high, 0)
    yield (
        f"With the decoder alone and random signs, {low}% to {high}% of the active latents are "
        f"proved to be found in the mean ({percent(facts.measured)} in {draws} draws), and "
        f"{_span(*rounded_out(*facts.false_alarms, 2))} others are switched on for each."
    )
    if facts.safe is not None:
        yield (
            f"{percent(facts.safe)} of them are safe on their own, whatever the signs, with errors "
            f"of {percent(facts.noise)} of the signal; {percent(facts.likely)} with 99% "
            "probability over the signs."
        )


def _latents(count: int) -> str:
    return counted(count, "latent")


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _pictures(analysis: AutoencoderAnalysis) -> Iterator[Picture]:
    # slow to import, and pages of networks do without
    from dcsc.plotting import as_svg, latents  # noqa: PLC0415

    def svg(figure: "Figure", alt: str) -> Picture:
        return Picture(Markup(data_uri(as_svg(figure), "image/svg+xml")), alt)

    decoder = analysis.decoder
    yield svg(latents.nearest_chart(decoder), "Largest cosines of the latents with others")
    if decoder.babel:
        yield svg(latents.babel_chart(decoder), "Babel function of the decoder")
    if analysis.cross is not None:
        yield svg(latents.aligned_chart(analysis.cross), "Cosines of encoder and decoder")
    if analysis.firing is not None:
        yield svg(latents.density_chart(analysis.firing), "How often latents fire")
        yield svg(latents.active_chart(analysis.firing), "Active latents of the activations")


def _row(analysis: AutoencoderAnalysis, pair: LatentPair) -> list[str]:
    """Return the cells of a pair: two latents, their cosine, and how often each fires."""
    firing = analysis.firing
    shares = ["–", "–"]
    if firing is not None:
        shares = [percent(float(firing.density[at])) for at in (pair.first, pair.second)]
    return [str(pair.first), str(pair.second), f"{pair.cosine:.4f}".replace("-", "−"), *shares]
