"""What the variables of a sweep's results are, in words that the data set and its file carry."""

from itertools import product

__all__ = ["DESCRIPTIONS"]

_COUNTS = {
    "trials": "trials that were run",
    "failures": "trials whose pathway was not recovered",
    "layer_failures": "trials whose layer was not recovered",
    "missed": "active entries that were missed, in all trials",
    "false_alarms": "inactive entries that were found active, in all trials",
    "settled": "whether the cell needs no further trial",
    "seconds": "time of simulation in seconds",
    "infeasible": "why there are no codes as dense as the cell asks for",
    "kept": "share of draws that keep to the declared constants",
    "active": "active units in the codes of the first trial",
    "recall": "measured share of the active units that are found",
    "false_per_active": "measured false alarms for each active unit",
}
_PROVED = {
    "bound": "theorem that was asked",
    "guarantee": "proved bound of the failure probability of the pathway",
    "guarantee_low": "what the failure probability of the pathway is proved to be at the least",
    "conditional": "whether the guarantee is about pathways with the measured constants",
    "why": "why the bound says nothing, or does not cover the cell",
    "limit": "largest stripe sparsity at which the layer fails with probability at most delta",
    "layer_coherence": "coherence of the layer",
    "layer_sparsity": "stripe sparsity of the layer's code",
    "layer_x_min": "smallest non-zero of the layer's code",
    "layer_x_max": "largest non-zero of the layer's code",
    "layer_noise": "largest norm of a patch of the noise that enters the layer",
    "partial": "statement about parts of supports that was asked",
    "missed_limit": "largest stripe sparsity at which at most a tenth of the units is missed",
    "partial_conditional": "whether the partial statement is about the measured constants",
    "partial_why": "why the partial statement says nothing, or does not cover the cell",
}
_RATES = {
    "rate": "share of trials that failed",
    "low": "share of trials that failed, lower end of its interval",
    "best": "share of trials that failed, within its interval",
    "high": "share of trials that failed, upper end of its interval",
}
_MEANS = {
    "recall": "mean share of the active units that are found",
    "missed": "expected active entries missed in a trial",
    "false_alarms": "expected false alarms in a trial",
    "false_per_active": "expected false alarms for each active unit",
}
DESCRIPTIONS = {
    "layer": "layer, counted from the signal",
    **_COUNTS,
    **_PROVED,
    **_RATES,
    **{f"layer_{name}": f"{text}, of the layer" for name, text in _RATES.items()},
    **{
        f"proved_{name}_{end}": f"{text}, proved to be at {side}"
        for (name, text), (end, side) in product(
            _MEANS.items(), {"low": "least", "high": "most"}.items()
        )
    },
}
