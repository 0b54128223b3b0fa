"""What certificates say of a layer, in the words of their documents."""

import attrs

from dcsc.bounds.certificates.document import CertifiedHypothesis
from dcsc.bounds.certificates.inputs import Described
from dcsc.bounds.records import LayerInstance, LayerRecord, LayerStatistics

__all__ = [
    "CertifiedCodeLayer",
    "CertifiedLayer",
    "CertifiedPartialLayer",
    "basis_of",
    "constants_of",
]


@attrs.frozen
class CertifiedLayer:
    """What a certificate says of one layer.

    Parameters
    ----------
    basis : str
        ``"filters and codes"``, or ``"declared constants"``, of which nothing could be measured.
    given : mapping
        The record that the bound evaluated, field by field; arrays by name.
    constants : mapping
        The fields of `LayerStatistics`, as measured or as declared.
    noise, threshold, unclipped, failure_probability, lower
        As in `LayerGuarantee`.
    hypotheses : tuple of CertifiedHypothesis
    """

    basis: str
    given: Described = attrs.field(hash=False)
    constants: Described = attrs.field(hash=False)
    noise: float
    threshold: tuple[float, float]
    unclipped: float
    failure_probability: float
    lower: float
    hypotheses: tuple[CertifiedHypothesis, ...]


@attrs.frozen
class CertifiedPartialLayer:
    """What a certificate of partial recovery says of one layer.

    Parameters
    ----------
    basis, given, constants, hypotheses
        As in `CertifiedLayer`.
    noise, threshold, missed, false_alarms, false_per_active, recall, precision, jaccard, hamming
        As in `LayerPartial`.
    """

    basis: str
    given: Described = attrs.field(hash=False)
    constants: Described = attrs.field(hash=False)
    noise: float
    threshold: tuple[float, float]
    missed: tuple[float, float]
    false_alarms: tuple[float, float]
    false_per_active: tuple[float, float]
    recall: tuple[float, float]
    precision: tuple[float, float]
    jaccard: tuple[float, float]
    hamming: tuple[float, float]
    hypotheses: tuple[CertifiedHypothesis, ...]


@attrs.frozen
class CertifiedCodeLayer:
    """What a certificate of a code says of it.

    Parameters
    ----------
    basis, given, constants, hypotheses
        As in `CertifiedLayer`.
    noise, sparsity, entries, certain, error, missing
        As in `LayerCode`.
    """

    basis: str
    given: Described = attrs.field(hash=False)
    constants: Described = attrs.field(hash=False)
    noise: float
    sparsity: int
    entries: int
    certain: int
    error: float
    missing: float
    hypotheses: tuple[CertifiedHypothesis, ...]


def basis_of(kind: type) -> str:
    """Return what is known of a layer that is given by such a record."""
    return "filters and codes" if kind is LayerInstance else "declared constants"


def constants_of(record: LayerRecord, babel: bool) -> LayerStatistics:
    """Return the constants; Gaussian noise, which has no bound, is left out of them."""
    if isinstance(record, LayerInstance) and not record.law.bounded:
        record = attrs.evolve(record, noise=None, noise_model="adversarial")
    return record.statistics(babel)
