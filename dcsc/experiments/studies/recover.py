"""A real input: its pathway, synthesised anew with random signs, and what comes back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np

from dcsc._arguments import function
from dcsc._arrays import Array, integer, real, real_array, shape_tuple
from dcsc._display import Display, Displayed, Facts, digits, percent
from dcsc._tables import Tabled, ends_of
from dcsc.bounds import measure
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.dictionaries import CirculantDictionary, Dictionary, filters
from dcsc.errors import DcscError
from dcsc.experiments.simulation.tally import clopper_pearson
from dcsc.intervals import Estimate
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway
from dcsc.projections import HardThreshold, StripeTopK
from dcsc.pursuits import PathwayPursuit, Pursuit
from dcsc.pursuits.pathways.layered import FORWARD_PASS, as_pathway_pursuit
from dcsc.signs import IdentitySigns

__all__ = ["LayerReport", "RecoveryReport", "Verdict", "pathway_model", "recover"]

_MOST_DRAWS = 10**6
_PILOTS = 8
_QUANTILE = 0.05
_SMALLEST = (0.1, 0.05, 0.02, 0.01, 0.0)


@attrs.frozen(repr=False)
class LayerReport(Facts):
    """What came back of one layer; counts are means over the draws.

    ``exact`` is the share of draws with the exact support, with its 95% interval.
    """

    coherence: float
    stripe_sparsity: int
    threshold: float
    active: float
    missed: float
    false_alarms: float
    exact: Estimate[float]


class Verdict(NamedTuple):
    """What one bound says: its failure probability, and the first hypothesis that is false."""

    failure_probability: float
    violation: str


@attrs.frozen(eq=False, repr=False)
class RecoveryReport(Displayed, Tabled):
    """The whole answer: numbers first, then the arrays of the first draw, for a figure.

    Parameters
    ----------
    energy : float
        Share of the input's energy in its projection on what its pathway synthesises.
    noise, patch_noise : float
        Norm of the noise relative to the signal's, and its largest patch norm ζ_0.
    guarantees : dict of Verdict
        What each bound says, by its name; bounds are about the forward pass alone.
    pursuit : str
        What found the codes.
    """

    name: str
    energy: float
    noise: float
    patch_noise: float
    draws: int
    layers: tuple[LayerReport, ...]
    exact: Estimate[float]
    guarantees: dict[str, Verdict]
    signal: Array
    kept: Array
    resynthesised: Array
    truth: Pathway
    guess: Pathway
    pursuit: str = repr(FORWARD_PASS)

    def _display(self) -> Display:
        low, best, high = self.exact
        return Display(
            f"Recovery of {self.name}: the whole pathway is exact in {percent(best)} of "
            f"{self.draws} draws ({percent(low)} to {percent(high)} with 95% confidence)",
            ("", "coherence", "S", "threshold", "non-zeros", "missed", "false alarms", "exact"),
            [
                (
                    f"layer {at}",
                    *map(digits, (layer.coherence, layer.stripe_sparsity, layer.threshold)),
                    *map(digits, (layer.active, layer.missed, layer.false_alarms)),
                    percent(layer.exact.best),
                )
                for at, layer in enumerate(self.layers, start=1)
            ],
            [
                f"{bound}: {verdict.violation or digits(verdict.failure_probability)}"
                for bound, verdict in self.guarantees.items()
            ],
        )

    def _table(self) -> dict[str, list[Any]]:
        names = ("coherence", "stripe_sparsity", "threshold", "active", "missed", "false_alarms")
        exact = [layer.exact for layer in self.layers]
        return {
            "layer": [f"layer {number}" for number in range(1, len(self.layers) + 1)],
            **{name: [getattr(layer, name) for layer in self.layers] for name in names},
            "exact": [estimate.best for estimate in exact],
            **ends_of("exact", [(estimate.low, estimate.high) for estimate in exact]),
        }

    def numbers(self) -> dict[str, object]:
        """Return all that is not an array."""
        arrays = {"signal", "kept", "resynthesised", "truth", "guess"}
        numbers = attrs.asdict(
            self, recurse=False, filter=lambda field, _: field.name not in arrays
        )
        return {**numbers, "layers": [attrs.asdict(layer) for layer in self.layers]}


def pathway_model(extent: tuple[int, ...]) -> DCSCModel:
    """Return the default model, without signs: block cosines, then two layers of Haar wavelets.

    Layer 1 holds the DCT-II of blocks of 8 × 8 samples (16 in 1-D), layers 2 and 3 the Haar
    wavelets of two neighbours along each axis, channel by channel. All three are orthonormal
    bases, so that all that is lost is lost to noise, and to entries that nearly cancel on the way
    down. Every projection keeps several non-zeros a stripe.
    """
    extent = shape_tuple(extent, "pathway_model: extent", minimum=1)
    if len(extent) not in (1, 2):
        raise DcscError(f"pathway_model: extent: expected one axis or two, got {extent}")
    flat = len(extent) == 2
    kernel, stride = ((8, 8), 8) if flat else ((16,), 16)
    sparsities = (60, 20, 20) if flat else (12, 6, 6)
    waves = filters.dct(64 if flat else 16, 1, kernel)
    dictionaries = [CirculantDictionary(waves, extent, stride)]
    for _ in range(2):
        below = dictionaries[-1]
        wavelets = _haar_by_channel(below.code_shape[0], len(extent))
        dictionaries.append(CirculantDictionary(wavelets, below.positions, 2))
    return DCSCModel(
        [
            Layer(dictionary, StripeTopK(sparsity), IdentitySigns())
            for dictionary, sparsity in zip(dictionaries, sparsities, strict=True)
        ]
    )


def _haar_by_channel(channels: int, axes: int) -> Array:
    """Return the Haar wavelets of two samples along each axis, one set for every channel."""
    wavelets = filters.haar(2**axes, 1, (2,) * axes)
    return np.concatenate([np.roll(_first(wavelets, channels), i, 1) for i in range(channels)])


def _first(wavelets: Array, channels: int) -> Array:
    """Return wavelets on the first of several channels."""
    rest = np.zeros((len(wavelets), channels - 1, *wavelets.shape[2:]))
    return np.concatenate([wavelets, rest], axis=1)


def recover(
    name: str,
    signal: Array,
    noise: float = 0.05,
    draws: int = 32,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    pursuit: Pursuit | PathwayPursuit | None = None,
) -> RecoveryReport:
    """Take the pathway of a signal, synthesise it anew with random signs, and recover it.

    Entries of the deepest code below a tenth of its largest are dropped, fewer where that would
    leave a layer with less than two non-zeros a stripe. Each draw takes new signs and new noise.
    The thresholds of the projections are fixed before: half of what 95% of a layer's non-zeros
    exceed, over a few draws of their own.

    Parameters
    ----------
    name : str
    signal : array of one or two axes, as `read_input` returns it
    noise : float
        Norm of the noise relative to that of the synthesised signal.
    draws : int
    seed : int
    progress : callable
        Called with the share of the work that is done.
    pursuit : Pursuit or PathwayPursuit, optional
        What takes the place of the forward pass, as in `DCSCModel.forward`.
    """
    chosen = as_pathway_pursuit(pursuit, "recover: pursuit")
    level = real(noise, "recover: noise", minimum=0)
    total = integer(draws, "recover: draws", minimum=1, maximum=_MOST_DRAWS)
    root = np.random.SeedSequence(integer(seed, "recover: seed", minimum=0))
    pilot_seed, draw_seed = root.spawn(2)
    # The pathway: the deepest code, rid of what is small, and what it synthesises.
    function(progress, "recover: progress")
    signal = real_array(signal, "recover: signal")
    encoder = pathway_model(signal.shape)
    deepest = _deepest(encoder, signal)
    kept = encoder.synthesize(deepest)[0][0]
    # Thresholds come from draws of their own, and do not depend on those that count.
    model = _with_thresholds(encoder, deepest, pilot_seed)
    drawn, truth, guess, largest = _draw(model, deepest, level, draw_seed.spawn(1)[0], chosen)
    # The first draw is kept for the pictures; the others are counted only.
    recoveries = [truth.compare(guess)]
    for draw in range(1, total):
        child = draw_seed.spawn(1)[0]
        _, again, other, patch_noise = _draw(model, deepest, level, child, chosen)
        recoveries.append(again.compare(other))
        largest = max(largest, patch_noise)
        progress((draw + 1) / total)
    exact: Array = np.array([recovery.recovered for recovery in recoveries])
    return RecoveryReport(
        name=name,
        energy=_shared_energy(signal, kept),
        noise=level,
        patch_noise=largest,
        draws=total,
        layers=tuple(
            LayerReport(
                coherence=layer.dictionary.babel(1),
                stripe_sparsity=int(layer.dictionary.stripe_sparsity(truth[number])),
                threshold=float(layer.projection.threshold),  # type: ignore[attr-defined]
                active=float(np.count_nonzero(truth[number])),
                missed=float(np.mean([r.missed[number - 1] for r in recoveries])),
                false_alarms=float(np.mean([r.false_alarms[number - 1] for r in recoveries])),
                exact=_interval(exact[:, number - 1]),
            )
            for number, layer in enumerate(model.layers, start=1)
        ),
        exact=_interval(np.asarray(exact.all(axis=1))),
        guarantees=_guarantees(drawn, truth, largest, chosen),
        signal=signal,
        kept=kept,
        resynthesised=guess[0][0],
        truth=truth,
        guess=guess,
        pursuit=repr(chosen),
    )


def _draw(
    model: DCSCModel,
    codes: Array,
    level: float,
    seed: np.random.SeedSequence,
    pursuit: PathwayPursuit,
) -> tuple[DCSCModel, Pathway, Pathway, float]:
    """Return one draw of the signs, its pathway, what comes back, and the noise's patch norm."""
    rng = np.random.default_rng(seed)
    drawn = model.draw(rng)
    truth = drawn.synthesize(codes)
    error = rng.standard_normal(truth[0].shape)
    error *= level * np.linalg.norm(truth[0]) / np.linalg.norm(error)
    guess = drawn.forward(truth[0] + error, pursuit=pursuit)
    return drawn, truth, guess, float(model.layers[0].dictionary.patch_norm(error))


def _deepest(encoder: DCSCModel, signal: Array) -> Array:
    """Return the deepest code without its small entries, as long as two a stripe are left."""
    whole = encoder.forward(signal[None])[-1]
    for share in _SMALLEST:
        code = HardThreshold(share * np.abs(whole).max())(whole)
        pathway = encoder.synthesize(code)
        layers = zip(encoder.layers, pathway.arrays[1:], strict=True)
        if all(layer.dictionary.stripe_sparsity(x) >= 2 for layer, x in layers):
            break
    return code


def _with_thresholds(encoder: DCSCModel, codes: Array, seed: np.random.SeedSequence) -> DCSCModel:
    """Return the model with random signs and a hard threshold for each layer."""
    dictionaries: list[Dictionary] = [layer.dictionary for layer in encoder.layers]
    rng = np.random.default_rng(seed)
    blank = DCSCModel([Layer(dictionary, HardThreshold(0)) for dictionary in dictionaries])
    pilots = [blank.draw(rng).synthesize(codes) for _ in range(_PILOTS)]
    layers = []
    for number, dictionary in enumerate(dictionaries, start=1):
        sizes = np.abs(np.concatenate([pilot[number].ravel() for pilot in pilots]))
        beta = float(np.quantile(sizes[sizes > 0], _QUANTILE)) / 2
        layers.append(Layer(dictionary, HardThreshold(beta)))
    return DCSCModel(layers)


def _shared_energy(signal: Array, kept: Array) -> float:
    """Return the share of the signal's energy along what was kept."""
    along = float((signal * kept).sum()) ** 2
    return along / float(np.square(signal).sum() * np.square(kept).sum())


def _interval(successes: Array) -> Estimate[float]:
    return Estimate(*map(float, clopper_pearson(int(successes.sum()), len(successes))))


def _guarantees(
    drawn: DCSCModel, truth: Pathway, noise: float, pursuit: PathwayPursuit
) -> dict[str, Verdict]:
    if pursuit != FORWARD_PASS:
        return {
            kind.label: Verdict(1.0, "the forward pass finds the codes") for kind in CLASS_BOUNDS
        }
    layers = [instance.statistics() for instance in measure(drawn, truth, noise=noise)]
    verdicts = {}
    for kind in CLASS_BOUNDS:
        guarantee = kind().evaluate(layers)
        why = guarantee.violations[0] if guarantee.violations else ""
        verdicts[kind.label] = Verdict(guarantee.failure_probability, why)
    return verdicts
