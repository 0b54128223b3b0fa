"""Checking a certificate: it is computed again from its evidence, and compared."""

from pathlib import Path
from typing import Any

import attrs

from dcsc._arrays import real
from dcsc._display import Display, Displayed
from dcsc._files import read_bytes, regular_file
from dcsc._version import __version__
from dcsc._words import quoted
from dcsc.bounds.certificates.certificate import Certificate
from dcsc.bounds.certificates.document import plain
from dcsc.bounds.certificates.inputs import Inputs
from dcsc.errors import DcscError

__all__ = ["Verification", "verify"]

_MOST_BYTES = 2**24
_GIVEN = ("bound", "given")  # what is compared to the last digit, whatever rounding is allowed


@attrs.frozen(repr=False)
class Verification(Displayed):
    """Whether a certificate says what its evidence gives.

    Parameters
    ----------
    certificate : Certificate
        As it was read.
    difference : str, default ""
        The first thing that differs; empty if nothing does.
    """

    certificate: Certificate
    difference: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.difference

    @property
    def verdict(self) -> str:
        """Whether it is true, in a few words, which say as well if it is true of nothing."""
        if not self.holds:
            return "false"
        return "true, and it guarantees nothing" if self.certificate.vacuous else "true"

    def _display(self) -> Display:
        certificate = self.certificate._display()
        return attrs.evolve(
            certificate,
            title=f"Verification: {self.verdict}. {certificate.title}",
            remarks=() if self.holds else (f"Differs: {self.difference}",),
        )


def verify(
    certificate: str | Path,
    model: str | Path,
    codes: str | Path | None = None,
    rounding: float = 0.0,
) -> Verification:
    """Compute a certificate anew from its evidence, and compare.

    Nothing in the certificate is taken for granted: its digest is computed again, and so is every
    number, hypothesis and hash, from the evidence alone.

    Parameters
    ----------
    certificate, model : path
        The two files that `Certificate.write` writes, the document and its evidence.
    codes : path, optional
        Another .npz, with the arrays that the evidence leaves out.
    rounding : float, default 0
        Largest relative difference between computed numbers that still counts as rounding.
        Another processor may round the last digits of sums otherwise.

    Raises
    ------
    DcscError
        If a file cannot be used, or the certificate was made by another version of dcsc.
    """
    allowed = real(rounding, "verify: rounding", minimum=0, maximum=1)
    try:
        text = read_bytes(certificate, "verify: certificate", _MOST_BYTES).decode()
    except UnicodeDecodeError:
        raise DcscError(f"{certificate}: expected a certificate, which is text") from None
    text = text.replace("\r\n", "\n")
    stated, digest = Certificate.parse(text, str(certificate))
    if digest != stated.digest:
        return Verification(stated, "digest: it is not that of the text, which was changed")
    if text != stated.text:
        return Verification(stated, "the text is not as dcsc writes it")
    if stated.version != __version__:
        raise DcscError(
            f"{certificate}: version: made by dcsc {quoted(stated.version)}, and this is dcsc "
            f"{__version__}, which may compute otherwise: verify it with that version"
        )
    files = {"model": model} if codes is None else {"model": model, "codes": codes}
    inputs = Inputs.load([regular_file(file, f"verify: {name}") for name, file in files.items()])
    try:
        found = Certificate.of(inputs.evaluate())
    except (ArithmeticError, MemoryError) as error:
        raise DcscError(
            f"{model}: expected a model that can be computed: {quoted(error)}"
        ) from None
    return Verification(stated, _difference(_parts(stated), _parts(found), "", allowed) or "")


def _parts(certificate: Certificate) -> dict[str, Any]:
    """Return what is compared: what went in, then what came out."""
    tree = plain(certificate)
    arrays, layers = tree.pop("arrays"), tree.pop("layers")
    return {
        "bound": tree.pop("bound"),
        "number of arrays": len(arrays),
        **{f"array {array['name']}": array for array in arrays},
        "number of layers": len(layers),
        **{f"layer {number}": layer for number, layer in enumerate(layers, start=1)},
        **tree,
    }


def _difference(stated: Any, found: Any, where: str, rounding: float) -> str | None:
    """Return where two documents first differ, and how, or None."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in stated | found:
            place = f"{where}: {key}" if where else key
            if key not in stated or key not in found:
                return f"{place}: only in the {'certificate' if key in stated else 'model'}"
            allowed = 0.0 if key in _GIVEN else rounding
            if said := _difference(stated[key], found[key], place, allowed):
                return said
        return None
    if isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for at, (one, other) in enumerate(zip(stated, found, strict=True)):
            if said := _difference(one, other, f"{where}[{at}]", rounding):
                return said
        return None
    if type(stated) is type(found) and repr(stated) == repr(found):  # 0.0 and −0.0 differ
        return None
    said = f"{where}: the certificate says {quoted(stated)}, the model gives {quoted(found)}"
    if not isinstance(stated, float) or not isinstance(found, float):
        return said
    gap = abs(stated - found) / (max(abs(stated), abs(found)) or 1.0)
    return None if gap <= rounding > 0 else f"{said}, a relative difference of {gap:.1g}"
