"""Facts about the codes of real inputs, and what the theorems say of them."""

import math

import attrs
import numpy as np

from dcsc._display import Facts
from dcsc.bounds import Babel, BoundCalculator, HybridBound, InstanceBound, LayerStatistics
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.filters import products
from dcsc.networks.analysis.safety import RISK
from dcsc.networks.analysis.seen import Seen

__all__ = ["CodeFacts", "TheoremFacts", "code_facts", "theorem_facts"]

# The cost of the tail of one weight, in multiplications.
_TAIL = 1000

CLASSES: dict[str, BoundCalculator] = {kind.label: kind() for kind in CLASS_BOUNDS}


@attrs.frozen(repr=False)
class CodeFacts(Facts):
    """The codes of a layer, an entry for each input.

    Parameters
    ----------
    samples : int
    shape : tuple of int
        Of a code.
    density : tuple of float
        The share of units that are on.
    sparsity : tuple of int
        S, the largest number of units on in one stripe.
    stripe_size : int
        The largest value that S can have.
    silent : int
        Units that no input switches on.
    outside : float
        The share of the units that are on although their coefficient is not positive.
    contrast : float or None
        Largest over smallest coefficient of a code, the median; None if nothing is on.
    """

    samples: int
    shape: tuple[int, ...]
    density: tuple[float, ...]
    sparsity: tuple[int, ...]
    stripe_size: int
    silent: int
    outside: float
    contrast: float | None


@attrs.frozen
class TheoremFacts:
    """What a theorem says of the codes of a layer, alone and without noise.

    Parameters
    ----------
    name : str
    holds, of : int
        For how many codes its failure probability is at most 1%, and how many it was asked of;
        codes without an active unit are not asked about.
    allowed : int or None
        The largest S with such a failure probability at the amplitudes of a code, the median; None
        where not even S = 0 is allowed, or the theorem speaks of the code itself.
    sparsity : int or None
        The S of the codes that it was asked of, the median.
    value : float or None
        The failure probability, unclipped, the median.
    reason : str
        Why it was not asked, if it was not.
    """

    name: str
    holds: int = 0
    of: int = 0
    allowed: int | None = None
    sparsity: int | None = None
    value: float | None = None
    reason: str = ""


def code_facts(layer: CodedLayer) -> CodeFacts:
    """Return the facts about the codes."""
    samples = len(layer.codes)
    on = layer.on.reshape(samples, -1)
    codes = layer.codes.reshape(samples, -1)
    lit = int(on.sum())
    live = codes[codes.any(axis=1)]
    contrasts = [float(code.max() / code[code > 0].min()) for code in live]
    return CodeFacts(
        samples=samples,
        shape=tuple(layer.dictionary.code_shape),
        density=tuple(on.mean(axis=1).tolist()),
        sparsity=tuple(np.asarray(layer.dictionary.stripe_sparsity(layer.on)).tolist()),
        stripe_size=layer.dictionary.stripes.size,
        silent=int((~on.any(axis=0)).sum()),
        outside=float((lit - np.count_nonzero(codes)) / lit) if lit else 0.0,
        contrast=float(np.median(contrasts)) if contrasts else None,
    )


def theorem_facts(
    layer: CodedLayer, most: float, inputs: int, seen: Seen | None = None
) -> tuple[TheoremFacts, ...]:
    """Return what the theorems say of the codes of the first inputs.

    Parameters
    ----------
    layer : CodedLayer
    most : float
        About how many multiplications one theorem may take; a theorem that would take more is not
        asked, and its facts say so.
    inputs : int
    seen : Seen, optional
        What the units see of the codes, if others ask as well.
    """
    atoms = math.prod(layer.dictionary.code_shape)
    places = layer.dictionary._representatives().size // len(layer.dictionary.filters)
    needed = products(layer.dictionary, places)
    if needed > most:
        reason = "the correlations of its atoms would take too long"
        return tuple(
            TheoremFacts(name, reason=reason)
            for name in (*CLASSES, HybridBound.label, InstanceBound.label)
        )
    first = attrs.evolve(
        layer, codes=layer.codes[:inputs], on=layer.on[:inputs], signals=layer.signals[:inputs]
    )
    statistics = [one for one in first.statistics() if one is not None]
    facts = [_of_class(name, bound, statistics) for name, bound in CLASSES.items()]
    facts.append(_hybrid(first, statistics))
    width = max((one.sparsity or 0 for one in statistics), default=0)
    rows = int(np.count_nonzero(first.codes[:1])) * layer.dictionary.stripes.size
    cost = max(atoms * width, rows, 1)
    sums = Seen(first) if seen is None else seen
    facts.append(_instances(first, statistics, sums, int(most / _TAIL / cost)))
    return tuple(facts)


def _of_class(name: str, bound: BoundCalculator, statistics: list[LayerStatistics]) -> TheoremFacts:
    """Return what a theorem about all codes with the same constants says."""
    if not statistics:
        return TheoremFacts(name, reason="no unit is on")
    guarantees = [bound.evaluate(one) for one in statistics]
    # What is allowed rises with the least share of a non-zero over the largest: the lower median.
    ordered = sorted(statistics, key=lambda one: one.signal / one.x_max)
    allowed = bound.max_sparsity(ordered[(len(ordered) - 1) // 2], RISK)
    return TheoremFacts(
        name,
        sum(one.holds and one.unclipped <= RISK for one in guarantees),
        len(guarantees),
        None if allowed is None else int(allowed),
        _median([one.sparsity or 0 for one in statistics]),
        float(np.median([one.unclipped for one in guarantees])),
    )


def _hybrid(layer: CodedLayer, statistics: list[LayerStatistics]) -> TheoremFacts:
    """Return what the hybrid bound says, with the Babel functions at the S of each code."""
    if not statistics:
        return TheoremFacts(HybridBound.label, reason="no unit is on")
    babel = Babel.each(layer.dictionary, [one.sparsity or 0 for one in statistics])
    pairs = zip(statistics, babel, strict=True)
    records = [attrs.evolve(one, babel=values) for one, values in pairs]
    # The best threshold of each, from one search for all.
    bound = HybridBound()
    chosen = zip(records, bound._best_thresholds(records), strict=True)
    guarantees = [bound.evaluate(attrs.evolve(one, threshold=beta)) for one, beta in chosen]
    return TheoremFacts(
        HybridBound.label,
        sum(one.holds and one.unclipped <= RISK for one in guarantees),
        len(guarantees),
        None,
        _median([one.sparsity or 0 for one in statistics]),
        float(np.median([one.unclipped for one in guarantees])),
    )


def _instances(
    layer: CodedLayer, statistics: list[LayerStatistics], sums: Seen, affordable: int
) -> TheoremFacts:
    """Return what is proved of the codes themselves, atom by atom, at the thresholds β/2."""
    live = np.flatnonzero(layer.codes.any(axis=tuple(range(1, layer.codes.ndim))))
    if not len(live) or not affordable:
        why = "its atoms would take too long" if len(live) else "no unit is on"
        return TheoremFacts(InstanceBound.label, reason=why)
    values = [sums.union(number) for number in live[:affordable].tolist()]
    return TheoremFacts(
        InstanceBound.label,
        sum(value <= RISK for value in values),
        len(values),
        None,
        _median([one.sparsity or 0 for one in statistics[:affordable]]),
        float(np.median(values)),
    )


def _median(values: list[int]) -> int:
    return int(np.median(values))
