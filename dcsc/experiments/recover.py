"""Recovery of a real input, which lives in `dcsc.experiments.studies.recover`."""

from dcsc.experiments.studies.recover import LayerReport, RecoveryReport, pathway_model, recover

__all__ = ["LayerReport", "RecoveryReport", "pathway_model", "recover"]
