"""Certificates: guarantees written down so that somebody else can compute them again."""

import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, overload

import attrs

from dcsc._arguments import any_path, flag
from dcsc._arrays import Array, instance
from dcsc._display import Display, Displayed, at_least, at_most, digits, interval
from dcsc._files import write_files
from dcsc._version import __version__
from dcsc._words import quoted
from dcsc.bounds.certificates.document import (
    CertifiedArray,
    CertifiedHypothesis,
    parsed,
    plain,
)
from dcsc.bounds.certificates.inputs import Described, Inputs, describe, parse_json
from dcsc.bounds.certificates.layers import (
    CertifiedCodeLayer,
    CertifiedLayer,
    CertifiedPartialLayer,
    basis_of,
    constants_of,
)
from dcsc.bounds.guarantee import Guarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.partial import PartialGuarantee
from dcsc.bounds.pursued import CodeGuarantee
from dcsc.bounds.records import LayerInstance, LayerRecord
from dcsc.bounds.statement import Part, Statement
from dcsc.bounds.theorem import Theorem
from dcsc.errors import DcscError

__all__ = [
    "Certificate",
    "CertifiedArray",
    "CertifiedCodeLayer",
    "CertifiedHypothesis",
    "CertifiedLayer",
    "CertifiedPartialLayer",
    "CodeCertificate",
    "PartialCertificate",
    "SupportCertificate",
]

_STATUS = {True: "found true", False: "found false", None: "assumed"}


class Certificate(Displayed, ABC):
    """A guarantee with all that it rests on, as a document.

    Its text is JSON, numbers at full precision. The last key is the ``digest``: SHA-256 of the
    document without it, with sorted keys and no spaces. `of` makes it, of any guarantee, and
    `parse` reads it.

    A leaf declares the document: its fields are those below, and what its ``states`` has under the
    same names; and so its layers.

    Attributes
    ----------
    format, version : str
        The format of the document, and the version of dcsc.
    bound : mapping
        The bound and its parameters.
    reference : str
        The theorem.
    holds : bool
        As in `Statement`.
    layers : tuple
        What it says of each layer.
    arrays : tuple of CertifiedArray
        Filters, codes and whatever else the records hold.
    inputs : Inputs or None
        What it was computed from, which is no part of the document; None if it was read from one.
    name : str
        The format of a leaf's documents.
    states, layer : type
        The class of the guarantees that a leaf is of, and that of its layers.

    Examples
    --------
    >>> from dcsc.bounds import LayerStatistics, UniformBound
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1, sparsity=6)
    >>> certificate = Certificate.of(UniformBound().evaluate(layer))
    >>> certificate.layers[0].basis, certificate.holds
    ('declared constants', True)
    """

    __slots__ = ()

    name: ClassVar[str]
    states: ClassVar[type[Statement[Any]]]
    layer: ClassVar[type[Any]]

    format: str
    version: str
    bound: Described
    reference: str
    holds: bool
    layers: tuple[Any, ...]
    arrays: tuple[CertifiedArray, ...]
    inputs: Inputs | None

    def _display(self) -> Display:
        return Display(
            f"Certificate of {self.bound.get('class', 'a bound')}: {self.claim}",
            ("", "from", "threshold", "noise", "conditions"),
            [
                (
                    f"layer {at}",
                    layer.basis,
                    interval(*layer.threshold),
                    digits(layer.noise),
                    str(len(layer.hypotheses)),
                )
                for at, layer in enumerate(self.layers, start=1)
            ],
            (f"Source: {self.reference}.", f"Written by dcsc {self.version}."),
        )

    @property
    @abstractmethod
    def claim(self) -> str:
        """What it certifies, in a few words."""

    @property
    def vacuous(self) -> bool:
        """Whether it guarantees nothing, although all that it says is true."""
        return not self.holds

    @overload
    @staticmethod
    def of(guarantee: Guarantee) -> "SupportCertificate": ...

    @overload
    @staticmethod
    def of(guarantee: PartialGuarantee) -> "PartialCertificate": ...

    @overload
    @staticmethod
    def of(guarantee: CodeGuarantee) -> "CodeCertificate": ...

    @overload
    @staticmethod
    def of(guarantee: Statement[Any]) -> "Certificate": ...

    @staticmethod
    def of(guarantee: Statement[Any]) -> "Certificate":
        """Return the certificate of what a bound's ``evaluate`` returned.

        Raises
        ------
        DcscError
            If a bound, a tail or a dictionary is not one of dcsc's own; if the guarantee was not
            returned by ``evaluate``.
        """
        instance(guarantee, Statement, "Certificate.of: guarantee")
        kind = next((kind for kind in _KINDS if isinstance(guarantee, kind.states)), None)
        if kind is None or not isinstance(guarantee.calculator, Theorem):
            raise DcscError(
                "Certificate.of: expected a guarantee that a bound's evaluate returned: "
                "this one does not know what it was computed from"
            )
        inputs = Inputs(guarantee.calculator, guarantee.records)
        arrays: dict[str, Array] = {}
        bound = describe(inputs.bound, "bound", arrays)
        layers = tuple(
            _layer(kind.layer, number, inputs, part, arrays)
            for number, part in enumerate(guarantee.layers, start=1)
        )
        hashes = tuple(CertifiedArray.of(name, array) for name, array in arrays.items())
        return _filled(
            kind,
            guarantee,
            format=kind.name,
            version=__version__,
            bound=bound,
            layers=layers,
            arrays=hashes,
            inputs=inputs,
        )

    @staticmethod
    def parse(text: str, where: str = "certificate") -> tuple["Certificate", str]:
        """Return the certificate in a text, and the digest that stands there.

        Raises
        ------
        DcscError
            If the text is not JSON, or of another format; if a key is unknown or missing, or a
            value of the wrong type.
        """
        tree = parse_json(text, where)
        got = tree.get("format") if isinstance(tree, dict) else tree
        kind = next((kind for kind in _KINDS if kind.name == got), None)
        if kind is None or not isinstance(tree, dict):
            expected = " or ".join(repr(kind.name) for kind in _KINDS)
            raise DcscError(f"{where}: format: expected {expected}, got {quoted(got)}")
        digest = tree.pop("digest", None)
        if not isinstance(digest, str):
            raise DcscError(f"{where}: digest: expected a string, got {quoted(digest)}")
        certificate: Certificate = parsed(kind, tree, where)
        return certificate, digest

    @property
    def digest(self) -> str:
        """SHA-256 of the document without its digest, in hexadecimal."""
        text = json.dumps(plain(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def text(self) -> str:
        """The document."""
        document = {**plain(self), "digest": self.digest}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    @property
    def declared(self) -> bool:
        """Whether some layer's constants were declared, so that nothing shows that they are met."""
        return any(layer.basis != basis_of(LayerInstance) for layer in self.layers)

    def write(self, folder: str | Path, force: bool = False) -> None:
        """Write ``certificate.json``, and ``evidence.npz`` with what it was computed from.

        Both are written whole, or neither. Certificates that are there are replaced.

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist.
        force : bool, default False
            Whether files of these names that dcsc did not write may be replaced.

        Raises
        ------
        DcscError
            If there are such files, or the folder cannot be written to.
        """
        if self.inputs is None:
            raise DcscError("Certificate.write: expected what Certificate.of returned")
        files = {"evidence.npz": self.inputs.npz(), "certificate.json": self.text.encode()}
        place = any_path(folder, "Certificate.write: folder")
        replaces = flag(force, "Certificate.write: force")
        write_files(place, files, "Certificate.write: folder", replaces)


@attrs.frozen(repr=False)
class SupportCertificate(Certificate):
    """The certificate of a `Guarantee`: about whole supports.

    Parameters
    ----------
    format, version, bound, reference, layers, arrays, inputs
        As in `Certificate`.
    failure_probability, unclipped, lower, holds, conditional
        As in `Guarantee`.
    """

    name: ClassVar[str] = "dcsc certificate 1"
    states: ClassVar[type[Guarantee]] = Guarantee
    layer: ClassVar[type[CertifiedLayer]] = CertifiedLayer

    format: str
    version: str
    bound: Described = attrs.field(hash=False)
    reference: str
    failure_probability: float
    unclipped: float
    lower: float
    holds: bool
    conditional: bool
    layers: tuple[CertifiedLayer, ...]
    arrays: tuple[CertifiedArray, ...]
    inputs: Inputs | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def claim(self) -> str:
        most = f"failure probability at most {at_most(self.failure_probability, 3)}"
        worst = " under the worst noise" if self.layers[0].noise else ""
        least = f"at least {at_least(self.lower, 3)}{worst}"
        if not self.lower:
            return most
        return f"{most}, {least}" if self.holds else f"failure probability {least}"

    @property
    def vacuous(self) -> bool:
        return not (self.holds or self.lower)


@attrs.frozen(repr=False)
class PartialCertificate(Certificate):
    """The certificate of a `PartialGuarantee`: about how much of each support is right.

    Parameters
    ----------
    format, version, bound, reference, layers, arrays, inputs
        As in `Certificate`.
    holds, conditional
        As in `PartialGuarantee`.
    """

    name: ClassVar[str] = "dcsc partial certificate 1"
    states: ClassVar[type[PartialGuarantee]] = PartialGuarantee
    layer: ClassVar[type[CertifiedPartialLayer]] = CertifiedPartialLayer

    format: str
    version: str
    bound: Described = attrs.field(hash=False)
    reference: str
    holds: bool
    conditional: bool
    layers: tuple[CertifiedPartialLayer, ...]
    arrays: tuple[CertifiedArray, ...]
    inputs: Inputs | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def claim(self) -> str:
        each = (
            f"layer {number}: recall at least {at_least(layer.recall[0], 3)}, "
            f"at most {at_most(layer.false_per_active[1], 3)} false alarms per active unit"
            for number, layer in enumerate(self.layers, start=1)
        )
        return "; ".join(each)


@attrs.frozen(repr=False)
class CodeCertificate(Certificate):
    """The certificate of a `CodeGuarantee`: about one code, whoever found it.

    Parameters
    ----------
    format, version, bound, reference, layers, arrays, inputs
        As in `Certificate`.
    holds, conditional
        As in `CodeGuarantee`.
    """

    name: ClassVar[str] = "dcsc code certificate 1"
    states: ClassVar[type[CodeGuarantee]] = CodeGuarantee
    layer: ClassVar[type[CertifiedCodeLayer]] = CertifiedCodeLayer

    format: str
    version: str
    bound: Described = attrs.field(hash=False)
    reference: str
    holds: bool
    conditional: bool
    layers: tuple[CertifiedCodeLayer, ...]
    arrays: tuple[CertifiedArray, ...]
    inputs: Inputs | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def claim(self) -> str:
        (part,) = self.layers
        error = f", each within {at_most(part.error, 3)}" if self.holds else ""
        return f"{part.certain} of {part.entries} entries of a code are certain{error}"

    def _display(self) -> Display:
        origin = f"Source: {self.reference}.", f"Written by dcsc {self.version}."
        return Display(f"Certificate of {self.bound['class']}: {self.claim}", remarks=origin)


_KINDS: tuple[type[SupportCertificate] | type[PartialCertificate] | type[CodeCertificate], ...] = (
    SupportCertificate,
    PartialCertificate,
    CodeCertificate,
)


def _filled(kind: Any, source: Any, **others: Any) -> Any:
    """Return a document, with what is not among the others from the source."""
    names = [field.name for field in attrs.fields(kind)]
    return kind(**others, **{name: getattr(source, name) for name in names if name not in others})


def _layer(kind: Any, number: int, inputs: Inputs, part: Part, arrays: dict[str, Array]) -> Any:
    record = inputs.layers[number - 1]
    given = describe(record, f"layer{number}", arrays)
    constants = constants_of(record, inputs.bound.needs_babel)
    return _filled(
        kind,
        part,
        basis=basis_of(type(record)),
        given=given,
        constants=describe(constants, f"layer{number}.constants", arrays),
        hypotheses=tuple(
            CertifiedHypothesis(h.statement, _status(h, record)) for h in part.hypotheses
        ),
    )


def _status(hypothesis: Hypothesis, record: LayerRecord) -> str:
    declared = hypothesis in record.hypotheses
    return "declared true" if declared and hypothesis.holds else _STATUS[hypothesis.holds]
