"""The numbers of a layer that make one row of a table."""

import math
from typing import Any

import numpy as np

from dcsc.networks.analysis.layers import LayerAnalysis

__all__ = ["measures"]


def measures(layer: LayerAnalysis) -> dict[str, Any]:
    """Return what is known of a layer by name; None where it is not known.

    Of numbers that inputs have one by one it is the median, shares lie between 0 and 1, and what
    is found again is with random signs. ``noise_steady`` is of an error in the layer's own signal;
    ``outside`` is the share of the filters that no reading covers, ``silent`` that of the units
    that no input switches on, and ``on_by_bias`` is of the units that are on.
    ``stays_on`` to ``perturbed_inputs`` and ``steady`` are of perturbations of the network's input.
    What each is, and its word on the page: `dcsc.report.glossary.WORDS`.
    """
    filters, codes, partial = layer.filters, layer.codes, layer.partial
    random = next((facts for facts in layer.resynthesis if facts.signs == "random"), None)
    alone = None if random is None else random.alone
    whole = None if random is None else random.whole
    own, perturbed = None if layer.own is None else layer.own.all, layer.stability
    return {
        "filters": filters.shape[0],
        "outside": len(set(filters.always_on) | set(filters.dead)) / filters.shape[0],
        "coherence": None if filters.own is None else filters.own.value,
        "random_coherence": filters.random,
        "coherence_floor": filters.floor,
        "density": None if codes is None else float(np.median(codes.density)),
        "sparsity": None if codes is None else float(np.median(codes.sparsity)),
        "stripe_size": None if codes is None else codes.stripe_size,
        "silent": None if codes is None else codes.silent / math.prod(codes.shape),
        "on_by_bias": None if codes is None else codes.outside,
        "theorems": sum(theorem.holds > 0 for theorem in layer.theorems),
        "proved_low": None if partial is None else partial.found.low,
        "proved_high": None if partial is None else partial.found.high,
        "proved_false_low": None if partial is None else partial.false_alarms.low,
        "proved_false_high": None if partial is None else partial.false_alarms.high,
        "proved_inputs": None if partial is None else partial.inputs,
        "found": None if alone is None else alone.found,
        "false_alarms": None if alone is None else alone.false_alarms,
        "found_inputs": None if random is None else random.inputs,
        "found_from_below": None if whole is None else whole.found,
        "own_found": None if own is None else own.found.value,
        "own_false_alarms": None if own is None else own.false_alarms.value,
        "safe": None if layer.safety is None else layer.safety.on,
        "noise_steady": None if layer.safety is None else layer.safety.steady,
        "stays_on": None if perturbed is None else perturbed.on,
        "stays_off": None if perturbed is None else perturbed.off,
        "decided": None if perturbed is None else perturbed.decided,
        "steady": None if perturbed is None else perturbed.steady,
        "method": None if perturbed is None else perturbed.method,
        "perturbed_inputs": None if perturbed is None else perturbed.inputs,
    }
