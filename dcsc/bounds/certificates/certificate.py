"""Certificates: guarantees written down so that somebody else can compute them again."""

import hashlib
import json
import math
import typing
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arguments import any_path, flag
from dcsc._arrays import Array, instance
from dcsc._display import Display, Displayed, digits, interval
from dcsc._files import write_files
from dcsc._version import __version__
from dcsc._words import quoted
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.certificates.inputs import (
    Described,
    Inputs,
    check_described,
    check_keys,
    describe,
    parse_json,
)
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import LayerInstance, LayerRecord, LayerStatistics
from dcsc.errors import DcscError

__all__ = [
    "Certificate",
    "CertifiedArray",
    "CertifiedHypothesis",
    "CertifiedLayer",
]

_FORMAT = "dcsc certificate 1"
_STATUS = {True: "found true", False: "found false", None: "assumed"}


@attrs.frozen
class CertifiedArray:
    """An array of the evidence.

    Parameters
    ----------
    name : str
        Its name in the evidence.
    dtype : str
        ``"<f8"``, ``"<f4"`` or ``"|b1"``.
    shape : tuple of int
    sha256 : str
        SHA-256 of its entries, little-endian and in C order, in hexadecimal.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @classmethod
    def of(cls, name: str, array: Array) -> Self:
        """Return the name, dtype, shape and hash of an array."""
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest = hashlib.sha256(little.tobytes()).hexdigest()
        return cls(name, little.dtype.str, array.shape, digest)


@attrs.frozen
class CertifiedHypothesis:
    """One condition of the theorem.

    Parameters
    ----------
    statement : str
    status : str
        ``"found true"``, ``"found false"``, or ``"assumed"`` where it could not be checked;
        ``"declared true"`` where the record says so, which is not computed again.
    """

    statement: str
    status: str


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


@attrs.frozen(repr=False)
class Certificate(Displayed):
    """A guarantee with all that it rests on, as a document.

    Its text is JSON, numbers at full precision. The last key is the ``digest``: SHA-256 of the
    document without it, with sorted keys and no spaces.

    Parameters
    ----------
    format, version : str
        The format of the document, and the version of dcsc.
    bound : mapping
        The bound and its parameters.
    reference : str
        The theorem.
    failure_probability, unclipped, lower, holds, conditional
        As in `Guarantee`.
    layers : tuple of CertifiedLayer
    arrays : tuple of CertifiedArray
        Filters, codes and whatever else the records hold.
    inputs : Inputs or None
        What it was computed from, which is no part of the document; None if it was read from one.

    Examples
    --------
    >>> from dcsc.bounds import LayerStatistics, UniformBound
    >>> layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1, sparsity=6)
    >>> certificate = Certificate.of(UniformBound().evaluate(layer))
    >>> certificate.layers[0].basis, certificate.holds
    ('declared constants', True)
    """

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

    def _display(self) -> Display:
        return Display(
            f"Certificate of {self.bound.get('class', 'a bound')}: fails with probability at most "
            f"{digits(self.failure_probability)}",
            ("", "from", "fails at most", "threshold", "noise", "conditions"),
            [
                (
                    f"layer {at}",
                    layer.basis,
                    digits(layer.failure_probability),
                    interval(*layer.threshold),
                    digits(layer.noise),
                    str(len(layer.hypotheses)),
                )
                for at, layer in enumerate(self.layers, start=1)
            ],
            (f"Source: {self.reference}.", f"Written by dcsc {self.version}."),
        )

    @classmethod
    def of(cls, guarantee: Guarantee) -> Self:
        """Return the certificate of what `BoundCalculator.evaluate` returned.

        Raises
        ------
        DcscError
            If a bound, a tail or a dictionary is not one of dcsc's own; if the guarantee was not
            returned by ``evaluate``.
        """
        instance(guarantee, Guarantee, "Certificate.of: guarantee")
        if not isinstance(guarantee.calculator, BoundCalculator):
            raise DcscError(
                "Certificate.of: expected a guarantee that a bound's evaluate returned: "
                "this one does not know what it was computed from"
            )
        inputs = Inputs(guarantee.calculator, guarantee.records)
        arrays: dict[str, Array] = {}
        bound = describe(inputs.bound, "bound", arrays)
        layers = tuple(
            _layer(number, inputs, part, arrays)
            for number, part in enumerate(guarantee.layers, start=1)
        )
        return cls(
            _FORMAT,
            __version__,
            bound,
            guarantee.reference,
            guarantee.failure_probability,
            guarantee.unclipped,
            guarantee.lower,
            guarantee.holds,
            guarantee.conditional,
            layers,
            tuple(CertifiedArray.of(name, array) for name, array in arrays.items()),
            inputs,
        )

    @classmethod
    def parse(cls, text: str, where: str = "certificate") -> tuple[Self, str]:
        """Return the certificate in a text, and the digest that stands there.

        Raises
        ------
        DcscError
            If the text is not JSON, or of another format; if a key is unknown or missing, or a
            value of the wrong type.
        """
        tree = parse_json(text, where)
        if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
            got = tree.get("format") if isinstance(tree, dict) else tree
            raise DcscError(f"{where}: format: expected {_FORMAT!r}, got {quoted(got)}")
        digest = tree.pop("digest", None)
        if not isinstance(digest, str):
            raise DcscError(f"{where}: digest: expected a string, got {quoted(digest)}")
        return _parsed(cls, tree, where), digest

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
        return any(layer.basis != _basis(LayerInstance) for layer in self.layers)

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


def _layer(
    number: int, inputs: Inputs, part: LayerGuarantee, arrays: dict[str, Array]
) -> CertifiedLayer:
    record = inputs.layers[number - 1]
    fields = describe(record, f"layer{number}", arrays)
    constants = _constants(record, inputs.bound.needs_babel)
    return CertifiedLayer(
        _basis(type(record)),
        fields,
        describe(constants, f"layer{number}.constants", arrays),
        part.noise,
        part.threshold,
        part.unclipped,
        part.failure_probability,
        part.lower,
        tuple(CertifiedHypothesis(h.statement, _status(h, record)) for h in part.hypotheses),
    )


def _status(hypothesis: Hypothesis, record: LayerRecord) -> str:
    declared = hypothesis in record.hypotheses
    return "declared true" if declared and hypothesis.holds else _STATUS[hypothesis.holds]


def _basis(kind: type) -> str:
    return "filters and codes" if kind is LayerInstance else "declared constants"


def _constants(record: LayerRecord, babel: bool) -> LayerStatistics:
    """Return the constants; Gaussian noise, which has no bound, is left out of them."""
    if isinstance(record, LayerInstance) and not record.law.bounded:
        record = attrs.evolve(record, noise=None, noise_model="adversarial")
    return record.statistics(babel)


def plain(value: Any) -> Any:
    """Return a document's value in JSON; infinite numbers are the words inf and -inf."""
    if attrs.has(type(value)):
        fields = (field.name for field in attrs.fields(type(value)) if field.name != "inputs")
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return str(value) if math.isinf(value) else float(value)
    return value


def _parsed(kind: Any, value: Any, where: str) -> Any:
    """Return a value in JSON as what its annotation says."""
    if attrs.has(kind):
        if not isinstance(value, dict):
            raise DcscError(f"{where}: expected an object, got {quoted(value)}")
        fields = {field.name: field.type for field in attrs.fields(kind) if field.name != "inputs"}
        check_keys(value, list(fields), where)
        return kind(
            **{name: _parsed(fields[name], value[name], f"{where}: {name}") for name in fields}
        )
    if kind is Described:
        if not isinstance(value, dict):
            raise DcscError(f"{where}: expected an object, got {quoted(value)}")
        check_described(value, where)
        return value
    if typing.get_origin(kind) is tuple:
        first, second = typing.get_args(kind)
        if not isinstance(value, list) or (second is not ... and len(value) != 2):
            raise DcscError(f"{where}: expected a list, got {quoted(value)}")
        return tuple(_parsed(first, item, f"{where}[{at}]") for at, item in enumerate(value))
    if kind is float and value in ("inf", "-inf"):
        return float(value)
    if type(value) is not kind:
        raise DcscError(f"{where}: expected {kind.__name__}, got {quoted(value)}")
    return value
